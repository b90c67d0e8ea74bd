//! The guest's surroundings: files and streams in memory, clocks, and nothing else.

import { Directory, Fd, File, type Inode, PreopenDirectory, WASI, wasi as wasiDefs } from "@bjorn3/browser_wasi_shim";

export type Stream = "stdout" | "stderr";
/** Name and contents; text is stored as UTF-8. Names may have directories in them. */
export type Files = Record<string, string | Uint8Array>;

/** Output is told in pieces of about this many characters, or... */
const PIECE = 8192;
/** ...after this many milliseconds, whichever comes first. */
const PATIENCE = 16;

const CLOCK_SUBSCRIPTION = { userData: 0, tag: 8, clock: 16, timeout: 24, flags: 40 };

/** Collects what a program writes and tells it as text, in order, in pieces worth a message. */
export class Output {
  #text = "";
  #stream: Stream = "stdout";
  #told = 0;
  #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  constructor(private readonly tell: (stream: Stream, text: string) => void) {}

  write(stream: Stream, bytes: Uint8Array): void {
    if (stream !== this.#stream) this.flush();
    this.#stream = stream;
    this.#text += this.#decoders[stream].decode(bytes, { stream: true });
    if (this.#text.length >= PIECE) this.flush();
    else this.flushIfDue();
  }

  /** Called now and then while the program runs: what it printed shows although it prints nothing more. */
  flushIfDue(): void {
    if (this.#text && performance.now() - this.#told >= PATIENCE) this.flush();
  }

  flush(): void {
    this.#told = performance.now();
    if (!this.#text) return;
    const text = this.#text;
    this.#text = "";
    this.tell(this.#stream, text);
  }
}

/** A stream that programs take for a terminal: Python then writes whole lines at once. */
class Terminal extends Fd {
  constructor(private readonly rights: number) {
    super();
  }

  override fd_fdstat_get() {
    const fdstat = new wasiDefs.Fdstat(wasiDefs.FILETYPE_CHARACTER_DEVICE, 0);
    fdstat.fs_rights_base = BigInt(this.rights);
    return { ret: 0, fdstat };
  }

  override fd_filestat_get() {
    return { ret: 0, filestat: new wasiDefs.Filestat(0n, wasiDefs.FILETYPE_CHARACTER_DEVICE, 0n) };
  }
}

class Sink extends Terminal {
  constructor(private readonly put: (bytes: Uint8Array) => void) {
    super(wasiDefs.RIGHTS_FD_WRITE);
  }

  override fd_write(data: Uint8Array) {
    this.put(data);
    return { ret: 0, nwritten: data.byteLength };
  }
}

class Source extends Terminal {
  rest = new Uint8Array(0);

  constructor(private readonly more: () => Uint8Array | null) {
    super(wasiDefs.RIGHTS_FD_READ);
  }

  override fd_read(size: number) {
    if (this.rest.length === 0) this.rest = (this.more() as Uint8Array<ArrayBuffer> | null) ?? new Uint8Array(0);
    const data = this.rest.subarray(0, size);
    this.rest = this.rest.subarray(data.length);
    return { ret: 0, data };
  }
}

/** What the surroundings ask of the one who made them. */
export interface Outside {
  output: Output;
  /** More of stdin, or null at its end. */
  stdin(): Uint8Array | null;
  /** Waits; may come back earlier if the program is to stop. */
  sleep(milliseconds: number): void;
}

/** WASI preview 1 for one guest. */
export class Surroundings {
  readonly #wasi: WASI;
  readonly #root = new PreopenDirectory("/", new Map());
  readonly #stdin: Source;

  constructor(
    env: Record<string, string>,
    files: Files,
    private readonly outside: Outside,
  ) {
    this.#stdin = new Source(() => outside.stdin());
    const fds = [
      this.#stdin,
      new Sink((bytes) => outside.output.write("stdout", bytes)),
      new Sink((bytes) => outside.output.write("stderr", bytes)),
      this.#root,
    ];
    this.#wasi = new WASI(
      [],
      Object.entries(env).map(([name, value]) => `${name}=${value}`),
      fds,
      { debug: false },
    );
    for (const [name, data] of Object.entries(files)) this.write(name, data);
  }

  get imports(): WebAssembly.ModuleImports {
    return { ...this.#wasi.wasiImport, poll_oneoff: (...args: number[]) => this.#poll(args[0], args[1], args[2], args[3]) };
  }

  initialize(instance: WebAssembly.Instance): void {
    this.#wasi.initialize(instance as Parameters<WASI["initialize"]>[0]);
  }

  /** Forgets what was taken from stdin and not read. */
  forgetStdin(): void {
    this.#stdin.rest = new Uint8Array(0);
  }

  /** Sleeping. The shim's own burns the processor, and can't be woken. */
  #poll(subscriptions: number, events: number, count: number, stored: number): number {
    const memory = new DataView((this.#wasi.inst.exports as { memory: WebAssembly.Memory }).memory.buffer);
    const { userData, tag, clock, timeout, flags } = CLOCK_SUBSCRIPTION;
    if (count !== 1 || memory.getUint8(subscriptions + tag) !== wasiDefs.EVENTTYPE_CLOCK) return wasiDefs.ERRNO_NOTSUP;
    let wait = Number(memory.getBigUint64(subscriptions + timeout, true)) / 1e6;
    if (memory.getUint16(subscriptions + flags, true) & wasiDefs.SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME) {
      const realtime = memory.getUint32(subscriptions + clock, true) === wasiDefs.CLOCKID_REALTIME;
      wait -= realtime ? Date.now() : performance.now();
    }
    this.outside.output.flush();
    if (wait > 0) this.outside.sleep(wait);
    const event = new wasiDefs.Event(memory.getBigUint64(subscriptions + userData, true), 0, wasiDefs.EVENTTYPE_CLOCK);
    event.write_bytes(memory, events);
    memory.setUint32(stored, 1, true);
    return 0;
  }

  /** Writes a file; makes the directories that its name has. */
  write(name: string, data: string | Uint8Array): void {
    const parts = split(name);
    const last = parts.pop();
    if (last === undefined) throw new Error(`not the name of a file: "${name}"`);
    let directory = this.#root.dir.contents;
    for (const part of parts) {
      let inner = directory.get(part);
      if (inner === undefined) directory.set(part, (inner = new Directory(new Map())));
      if (!(inner instanceof Directory)) throw new Error(`"${part}" in "${name}" is a file, not a directory`);
      directory = inner.contents;
    }
    directory.set(last, new File(typeof data === "string" ? new TextEncoder().encode(data) : data.slice()));
  }

  /** The contents of a file, or null if there is none of that name. */
  read(name: string): Uint8Array | null {
    const inode = this.#find(split(name));
    return inode instanceof File ? inode.data.slice() : null;
  }

  /** Names of all files, with their directories. */
  list(): string[] {
    const names: string[] = [];
    const visit = (directory: Map<string, Inode>, prefix: string) => {
      for (const [name, inode] of directory) {
        if (inode instanceof Directory) visit(inode.contents, `${prefix}${name}/`);
        else names.push(prefix + name);
      }
    };
    visit(this.#root.dir.contents, "");
    return names.sort();
  }

  /** Removes a file or a directory with what is in it. False if there is none. */
  remove(name: string): boolean {
    const parts = split(name);
    const last = parts.pop();
    const directory = parts.length ? this.#find(parts) : this.#root.dir;
    return last !== undefined && directory instanceof Directory && directory.contents.delete(last);
  }

  #find(parts: string[]): Inode | null {
    let found: Inode = this.#root.dir;
    for (const part of parts) {
      const next = found instanceof Directory ? found.contents.get(part) : undefined;
      if (next === undefined) return null;
      found = next;
    }
    return found;
  }
}

function split(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}
