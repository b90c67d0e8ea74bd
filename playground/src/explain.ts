//! The panel that shows what became of a program: its lines, the compiled units, and the emitted WebAssembly.

import type { ExplainedFile, ExplainedLine } from "psycore";
import type { Leftovers } from "./runner";
import { FILE } from "./runner";
import { textOf } from "./wat";

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  content: (Node | string)[] | string = [],
  className = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  made.append(...(typeof content === "string" ? [content] : content));
  if (className) made.className = className;
  return made;
}

/** Fills the panel. `goTo` shows a line in the editor. */
export function show(
  panel: HTMLElement,
  { explanation, modules }: Leftovers,
  source: string,
  goTo: (line: number) => void,
): void {
  const parts: Node[] = [];
  const file = explanation?.files.find((f) => f.path === FILE || f.path.endsWith(`/${FILE}`)) ?? null;
  if (file !== null) {
    parts.push(element("h3", "Lines"), lines(file, source.split("\n"), goTo));
    const units = file.units.filter((unit) => !unit.replaced && (unit.ir || unit.listing));
    if (units.length > 0) parts.push(element("h3", "Compiled functions and loops"), ...units.map((unit) => unitDetails(unit)));
  }
  if (modules.length > 0) {
    parts.push(element("h3", "Emitted WebAssembly"), ...modules.map((bytes, i) => moduleDetails(bytes, i + 1)));
  }
  if (parts.length === 0) parts.push(element("p", "Nothing of this program was compiled: nothing in it was hot.", "empty"));
  panel.replaceChildren(...parts);
}

/** What the panel says while there is nothing to show. */
export function showNothing(panel: HTMLElement, why: string): void {
  panel.replaceChildren(element("p", why, "empty"));
}

function lines(file: ExplainedFile, source: string[], goTo: (line: number) => void): HTMLElement {
  const known = new Map(file.lines.map((line) => [line.line, line]));
  const all = file.lines.reduce((sum, line) => sum + line.time, 0);
  // Guests are not sampled: where nothing was measured there is no column for it.
  const titles = ["Line", ...(all > 0 ? ["Time"] : []), "Source", "What became of it"];
  const head = element(
    "tr",
    titles.map((title) => {
      const cell = element("th", title);
      cell.scope = "col";
      return cell;
    }),
  );
  const rows = source.map((text, i) => row(i + 1, text, known.get(i + 1), all, goTo));
  const table = element(
    "table",
    [element("caption", "What became of each line", "visually-hidden"), element("thead", [head]), element("tbody", rows)],
    "lines",
  );
  const scroller = element("div", [table], "scroller");
  // What scrolls must be reachable with the keyboard.
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "region");
  scroller.setAttribute("aria-label", "Lines of the program");
  return scroller;
}

function row(
  number: number,
  text: string,
  line: ExplainedLine | undefined,
  all: number,
  goTo: (line: number) => void,
): HTMLElement {
  const jump = element("button", String(number), "jump");
  jump.type = "button";
  jump.setAttribute("aria-label", `Show line ${number} in the editor`);
  jump.onclick = () => goTo(number);
  const share = line !== undefined && all > 0 ? (100 * line.time) / all : 0;
  const notes: string[] = [];
  if (line?.compiled) notes.push("compiled");
  if (line?.types.length) notes.push(line.types.join(", "));
  for (const exit of line?.exits ?? [])
    notes.push(`left ${exit.count.toLocaleString("en")} times at ${exit.instruction}: ${exit.reason}`);
  for (const refusal of line?.refusals ?? []) notes.push(`not compiled: ${refusal}`);
  const time = element("td", share >= 0.5 ? `${share.toFixed(0)} %` : "", "time");
  time.style.setProperty("--share", `${share}%`);
  const code = element("code", text || " ");
  code.title = text;
  const cells = [
    element("td", [jump]),
    ...(all > 0 ? [time] : []),
    element("td", [code]),
    element("td", notes.join(" · "), "notes"),
  ];
  return element("tr", cells, line?.compiled ? "compiled" : line?.refusals.length ? "refused" : "");
}

function unitDetails(unit: ExplainedFile["units"][number]): HTMLElement {
  const title = element("summary", `${unit.title}, line ${unit.line} (${unit.bytes.toLocaleString("en")} bytes)`);
  const texts = [unit.ir, unit.listing].filter(Boolean).map((text) => scrolling(text, unit.title));
  return element("details", [title, ...texts]);
}

function moduleDetails(bytes: Uint8Array, number: number): HTMLElement {
  const details = element("details", [element("summary", `Module ${number} (${bytes.length.toLocaleString("en")} bytes)`)]);
  details.addEventListener("toggle", () => {
    if (!details.open || details.dataset.loaded) return;
    details.dataset.loaded = "yes";
    const waiting = element("p", "Reading…");
    details.append(waiting);
    textOf(bytes).then(
      (text) => waiting.replaceWith(scrolling(text, `Module ${number}`)),
      (error) => (waiting.textContent = `It can't be shown: ${error instanceof Error ? error.message : error}`),
    );
  });
  return details;
}

function scrolling(text: string, label: string): HTMLElement {
  const made = element("pre", text);
  made.tabIndex = 0;
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", label);
  return made;
}
