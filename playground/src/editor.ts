//! The editor: CodeMirror with Python, in the colours of the page, with marks for errors.

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, Prec } from "@codemirror/state";
import {
  drawSelection,
  dropCursor,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const colours = HighlightStyle.define([
  {
    tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword, tags.definitionKeyword, tags.moduleKeyword],
    color: "var(--keyword)",
  },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--number)" },
  { tag: [tags.comment], color: "var(--comment)", fontStyle: "italic" },
  {
    tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className), tags.className],
    color: "var(--definition)",
  },
  { tag: [tags.meta, tags.self], color: "var(--meta)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--surface)", color: "var(--text)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "var(--code-size)", lineHeight: "1.5" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--line)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--selection)",
  },
  ".cm-panels": { backgroundColor: "var(--surface)", color: "var(--text)" },
  ".cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--edge)" },
});

export interface Place {
  /** From 1. */
  line: number;
  /** From 1, or null for the whole line. */
  column: number | null;
}

export class Editor {
  readonly #view: EditorView;

  /** `onChange` is called with the program after each change, `onRun` when Ctrl-Enter is pressed. */
  constructor(parent: HTMLElement, code: string, onChange: (code: string) => void, onRun: () => void) {
    const run = () => {
      onRun();
      return true;
    };
    const state = EditorState.create({
      doc: code,
      extensions: [
        lineNumbers(),
        lintGutter(),
        highlightActiveLineGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        dropCursor(),
        indentUnit.of("    "),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        Prec.highest(
          keymap.of([
            { key: "Mod-Enter", run },
            { key: "Ctrl-Enter", run },
          ]),
        ),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, indentWithTab]),
        python(),
        syntaxHighlighting(colours),
        look,
        EditorView.contentAttributes.of({ "aria-label": "Python program", "aria-describedby": "editor-help" }),
        EditorView.updateListener.of((update) => update.docChanged && onChange(update.state.doc.toString())),
      ],
    });
    this.#view = new EditorView({ state, parent });
  }

  get code(): string {
    return this.#view.state.doc.toString();
  }

  /** Replaces the program. Undo brings the old one back. */
  set code(code: string) {
    this.#view.dispatch({
      changes: { from: 0, to: this.#view.state.doc.length, insert: code },
      selection: { anchor: 0 },
      scrollIntoView: true,
    });
    this.clearMarks();
  }

  /** Marks a place as the one of an error and shows it. */
  mark(place: Place, message: string): void {
    const { doc } = this.#view.state;
    if (place.line < 1 || place.line > doc.lines) return;
    const line = doc.line(place.line);
    const indent = line.text.length - line.text.trimStart().length;
    const from = place.column === null ? line.from + indent : Math.min(line.from + place.column - 1, line.to);
    const diagnostic: Diagnostic = { from, to: Math.max(line.to, from), severity: "error", message };
    this.#view.dispatch(setDiagnostics(this.#view.state, [diagnostic]));
    this.#view.dispatch({ effects: EditorView.scrollIntoView(from, { y: "center" }) });
  }

  clearMarks(): void {
    this.#view.dispatch(setDiagnostics(this.#view.state, []));
  }

  /** Puts the cursor at the start of a line. */
  goTo(line: number): void {
    const { doc } = this.#view.state;
    const at = doc.line(Math.max(1, Math.min(line, doc.lines))).from;
    this.#view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    this.#view.focus();
  }

  focus(): void {
    this.#view.focus();
  }
}
