//! Memory that a worker and its owner share: how a worker that is busy or waits can be told something.
//!
//! Only where the page is cross-origin isolated, and in Node. Messages go one way here, to the worker; it answers with
//! ordinary messages, which it can send while it waits.

/** Words at the start of the memory. */
const INTERRUPT = 0; // not 0: the program is to stop
const UNREAD = 1; // characters of output that the owner has not taken yet
const STATE = 2; // 0: the worker may be sent a piece, 1: there is one
const KIND = 3;
const LENGTH = 4;
const LAST = 5; // 1: the message ends with this piece
const HEADER = 64;
const PIECE = 64 << 10;

/** What a message is. */
export const enum Kind {
  /** The answer that the worker waits for. */
  Answer,
  /** A request to carry out before that. */
  Request,
}

/** Output that the owner has not taken, in characters, before the worker waits for it. */
const MAX_UNREAD = 1 << 20;

export function makeShared(): SharedArrayBuffer | null {
  // In a page that is not isolated there is no constructor, or what it makes can't be sent.
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? typeof process === "object";
  return isolated && typeof SharedArrayBuffer === "function" ? new SharedArrayBuffer(HEADER + PIECE) : null;
}

/** The owner's end. */
export class Sender {
  readonly #words: Int32Array;
  readonly #piece: Uint8Array;
  readonly #queue: { kind: Kind; bytes: Uint8Array; sent: number }[] = [];

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared, 0, HEADER / 4);
    this.#piece = new Uint8Array(shared, HEADER);
  }

  send(kind: Kind, bytes: Uint8Array): void {
    this.#queue.push({ kind, bytes, sent: 0 });
    this.more();
  }

  /** Sends the next piece if the worker has taken the last one, as it says with a message. */
  more(): void {
    const message = this.#queue[0];
    if (message === undefined || Atomics.load(this.#words, STATE) !== 0) return;
    const piece = message.bytes.subarray(message.sent, message.sent + PIECE);
    message.sent += piece.length;
    const last = message.sent === message.bytes.length;
    if (last) this.#queue.shift();
    this.#piece.set(piece);
    this.#words[KIND] = message.kind;
    this.#words[LENGTH] = piece.length;
    this.#words[LAST] = last ? 1 : 0;
    Atomics.store(this.#words, STATE, 1);
    Atomics.notify(this.#words, STATE);
  }

  interrupt(): void {
    Atomics.store(this.#words, INTERRUPT, 1);
    Atomics.notify(this.#words, INTERRUPT);
  }

  /** Nothing runs any more: a wish to stop that came too late must not stop the next program. */
  calm(): void {
    Atomics.store(this.#words, INTERRUPT, 0);
  }

  took(characters: number): void {
    Atomics.sub(this.#words, UNREAD, characters);
    Atomics.notify(this.#words, UNREAD);
  }
}

/** The worker's end. */
export class Receiver {
  readonly #words: Int32Array;
  readonly #piece: Uint8Array;

  /** `tookPiece` tells the owner that it may send more. */
  constructor(
    shared: SharedArrayBuffer,
    private readonly tookPiece: () => void,
  ) {
    this.#words = new Int32Array(shared, 0, HEADER / 4);
    this.#piece = new Uint8Array(shared, HEADER);
  }

  /** Waits for a message. */
  receive(): { kind: Kind; bytes: Uint8Array } {
    const pieces: Uint8Array[] = [];
    for (;;) {
      Atomics.wait(this.#words, STATE, 0);
      pieces.push(this.#piece.slice(0, this.#words[LENGTH]));
      const [kind, last] = [this.#words[KIND] as Kind, this.#words[LAST] === 1];
      Atomics.store(this.#words, STATE, 0);
      this.tookPiece();
      if (last) return { kind, bytes: joined(pieces) };
    }
  }

  /** Whether the program is to stop; true once. */
  interrupted(): boolean {
    return Atomics.load(this.#words, INTERRUPT) !== 0 && Atomics.exchange(this.#words, INTERRUPT, 0) !== 0;
  }

  /** Sleeps, until somebody wants the program to stop. */
  sleep(milliseconds: number): void {
    Atomics.wait(this.#words, INTERRUPT, 0, milliseconds);
  }

  /** Counts output, and waits where the owner is far behind: it must not drown in it. */
  wrote(characters: number): void {
    Atomics.add(this.#words, UNREAD, characters);
    for (;;) {
      const unread = Atomics.load(this.#words, UNREAD);
      if (unread < MAX_UNREAD || Atomics.load(this.#words, INTERRUPT) !== 0) return;
      Atomics.wait(this.#words, UNREAD, unread, 100);
    }
  }
}

function joined(pieces: Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
