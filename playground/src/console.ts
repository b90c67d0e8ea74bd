//! The console: what a program writes, as it comes; of a flood, the beginning and the end.

export type Kind = "stdout" | "stderr" | "echo" | "note";

/** Characters that are shown from the beginning... */
const HEAD = 100_000;
/** ...and from the end, where there are more. */
const TAIL = 20_000;
/** Lines of one run that are read aloud as they come. */
const SPOKEN_LINES = 100;

export class Console {
  readonly #head = document.createElement("div");
  readonly #gap = document.createElement("p");
  readonly #tail = document.createElement("div");
  /** Not shown yet. */
  #pending: { kind: Kind; text: string }[] = [];
  #headLength = 0;
  #tailText = "";
  #left = 0;
  #leftLines = 0;
  #lines = 0;
  #frame = 0;

  constructor(private readonly element: HTMLElement) {
    this.#gap.className = "gap";
    this.#tail.className = "stdout";
    this.clear();
  }

  clear(): void {
    this.#pending = [];
    this.#headLength = this.#left = this.#leftLines = this.#lines = 0;
    this.#tailText = "";
    this.#head.replaceChildren();
    this.#gap.hidden = this.#tail.hidden = true;
    this.element.replaceChildren(this.#head, this.#gap, this.#tail);
    this.element.setAttribute("aria-live", "polite");
  }

  write(kind: Kind, text: string): void {
    const room = HEAD - this.#headLength;
    const shown = text.slice(0, room);
    if (shown) {
      this.#headLength += shown.length;
      const last = this.#pending.at(-1);
      if (last?.kind === kind) last.text += shown;
      else this.#pending.push({ kind, text: shown });
    }
    if (shown.length < text.length) this.#push(text.slice(shown.length));
    this.#lines += count(text);
    // Nobody wants to hear a flood.
    if (this.#lines > SPOKEN_LINES) this.element.setAttribute("aria-live", "off");
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.flush());
  }

  /** Adds something that is no text, for example a picture. */
  add(node: Node): void {
    this.flush();
    this.element.append(node);
    this.#scroll();
  }

  /** Shows all that was written. */
  flush(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const follow = this.element.scrollHeight - this.element.scrollTop - this.element.clientHeight < 40;
    for (const { kind, text } of this.#pending.splice(0)) {
      const span = document.createElement("span");
      span.className = kind;
      span.textContent = text;
      this.#head.append(span);
    }
    if (this.#tailText) {
      this.#gap.hidden = this.#left === 0;
      this.#gap.textContent = `… ${this.#leftLines.toLocaleString("en")} lines (${this.#left.toLocaleString("en")} characters) are not shown …`;
      this.#tail.hidden = false;
      this.#tail.textContent = this.#tailText;
    }
    if (follow) this.#scroll();
  }

  get lines(): number {
    return this.#lines;
  }

  #push(text: string): void {
    const all = this.#tailText + text;
    let cut = Math.max(0, all.length - TAIL);
    // The end begins with a whole line, if there is one.
    if (cut > 0) cut = all.indexOf("\n", cut) + 1 || cut;
    this.#left += cut;
    this.#leftLines += count(all.slice(0, cut));
    this.#tailText = all.slice(cut);
  }

  #scroll(): void {
    this.element.scrollTop = this.element.scrollHeight;
  }
}

/** How many line ends a text has. */
function count(text: string): number {
  let n = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) n += 1;
  return n;
}
