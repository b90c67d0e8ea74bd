//! Standard input: lines that the user types, before the program asks for them or when it does.

export class Input {
  #lines: string[] = [];
  #ended = false;
  #waiting: ((line: string | null) => void) | null = null;
  /** All that the program was given, to give it to another run. */
  given = "";
  /** Milliseconds that the program has waited for the user. */
  waited = 0;

  /** `onWait` is told when a program begins and ends to wait. `onRead` is told of each line that one has read. */
  constructor(
    private readonly onWait: (waiting: boolean) => void,
    private readonly onRead: (line: string) => void,
  ) {}

  /** A new program begins. Lines that were typed before are for it. */
  start(): void {
    this.given = "";
    this.waited = 0;
  }

  /** The program is over: nobody waits any more. */
  stop(): void {
    this.#give(null);
    this.#lines = [];
    this.#ended = false;
  }

  type(line: string): void {
    if (this.#waiting !== null) this.#give(`${line}\n`);
    else this.#lines.push(`${line}\n`);
  }

  end(): void {
    if (this.#waiting !== null) this.#give(null);
    else this.#ended = true;
  }

  /** All lines that were typed so far, for programs that can't wait for more. */
  all(): string {
    const text = this.#lines.splice(0).join("");
    this.given += text;
    return text;
  }

  /** The next line; waits for it. */
  async next(): Promise<string | null> {
    const line = this.#lines.shift() ?? (this.#ended ? null : await this.#wait());
    if (line !== null) {
      this.given += line;
      this.onRead(line);
    }
    return line;
  }

  async #wait(): Promise<string | null> {
    const begin = performance.now();
    this.onWait(true);
    const line = await new Promise<string | null>((resolve) => (this.#waiting = resolve));
    this.onWait(false);
    this.waited += performance.now() - begin;
    return line;
  }

  #give(line: string | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(line);
  }
}
