//! Where a guest runs: in this thread or in a worker. The rest of the package does not see the difference, except that
//! all but host calls takes promises.

import { Kind, Sender, makeShared } from "./channel.js";
import { Engine, type EngineConfig, type StdinSource } from "./engine.js";
import { Aborted, GuestCrash } from "./errors.js";
import type { FromWorker, Task, ToWorker } from "./worker.js";
import type { Stream } from "./wasi.js";

/** Milliseconds until a program that is told to stop has to take notice. */
const NOTICE = 500;
/** Milliseconds that it has then to end: writing a traceback takes time where that has not been done before. */
const GRACE = 2000;

/** What a backend asks of its owner. */
export interface Owner {
  output(stream: Stream, text: string): void;
  /** A promise only where {@link Backend.canWait}. */
  call(request: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** An object that stood for a host function is gone. */
  release(number: number): void;
  stdin(): string | null | Promise<string | null>;
}

/** How a request runs. */
export interface Io {
  stdin?: StdinSource;
  signal?: AbortSignal | undefined;
  /** Milliseconds. */
  timeout?: number | undefined;
}

export interface Backend {
  /** Whether host functions and stdin may answer with a promise. */
  readonly canWait: boolean;
  /** Whether host functions and a stdin that is asked can be had at all. */
  readonly canCall: boolean;
  /** Throws the guest away and makes a new one. */
  start(): Promise<void>;
  request(request: Uint8Array, io: Io): Promise<Uint8Array>;
  /** Something else than a request. */
  do(task: Task): Promise<unknown>;
  dispose(): void;
}

/** What {@link Backend.do} can do, on an engine. */
export function perform(engine: Engine, task: Task): unknown {
  switch (task.what) {
    case "write":
      return engine.files.write(task.name, task.data);
    case "read":
      return engine.files.read(task.name);
    case "list":
      return engine.files.list();
    case "remove":
      return engine.files.remove(task.name);
    case "modules":
      return engine.modules;
    case "memory":
      return engine.memory;
  }
}

/** The guest in this thread. */
export class Local implements Backend {
  readonly canWait = false;
  readonly canCall = true;
  #engine: Engine | null = null;
  #stop: { signal: AbortSignal | undefined; deadline: number } | null = null;

  constructor(
    private readonly config: EngineConfig,
    private readonly owner: Owner,
  ) {}

  async start(): Promise<void> {
    this.#engine?.dispose();
    this.#engine = await Engine.start(this.config, {
      output: (stream, text) => this.owner.output(stream, text),
      call: (request) => this.owner.call(request) as Uint8Array,
      release: (number) => this.owner.release(number),
      stdin: () => this.owner.stdin() as string | null,
      poll: () => {
        const wanted = this.#stop !== null && (this.#stop.signal?.aborted || performance.now() > this.#stop.deadline);
        if (wanted) this.#stop = null;
        return wanted;
      },
      sleep: nap,
    });
  }

  async request(request: Uint8Array, io: Io): Promise<Uint8Array> {
    const outer = this.#stop;
    const deadline = io.timeout === undefined ? Infinity : performance.now() + io.timeout;
    if (io.signal !== undefined || io.timeout !== undefined) this.#stop = { signal: io.signal, deadline };
    try {
      return this.engine.request(request, io.stdin);
    } finally {
      this.#stop = outer;
    }
  }

  async do(task: Task): Promise<unknown> {
    return perform(this.engine, task);
  }

  dispose(): void {
    this.#engine?.dispose();
    this.#engine = null;
  }

  private get engine(): Engine {
    if (this.#engine === null) throw new GuestCrash("there is no guest");
    return this.#engine;
  }
}

/** Sleeps in this thread, as well as it can. */
export function nap(milliseconds: number): void {
  try {
    // Shared memory can be had this way in pages that are not isolated. Main threads of browsers must not wait.
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    Atomics.wait(new Int32Array(memory.buffer), 0, 0, milliseconds);
  } catch {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  }
}

/** The little that workers of browsers and of Node have in common. */
interface Port {
  post(message: ToWorker): void;
  terminate(): void;
  /** Whether something is awaited of the worker. Node ends when nothing is. */
  busy(is: boolean): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The guest in a worker. */
export class Remote implements Backend {
  readonly canWait = true;
  readonly #shared = makeShared();
  readonly canCall = this.#shared !== null;
  #sender: Sender | null = null;
  #port: Port | null = null;
  #waiting = new Map<number, Waiting>();
  #nextId = 0;
  /** Calls of host functions that the worker waits for. */
  #calls = 0;
  /** The wait of a host function or of stdin can be cut short by this. */
  #cutShort: (() => void) | null = null;
  /** The program has taken notice that it is to stop. */
  #noticed: (() => void) | null = null;

  constructor(
    private readonly core: WebAssembly.Module,
    private readonly config: EngineConfig,
    private readonly owner: Owner,
  ) {}

  async start(): Promise<void> {
    this.#kill(new GuestCrash("the interpreter was thrown away"));
    // A worker that was ended while it waited leaves words behind.
    const shared = this.#shared === null ? null : makeShared();
    this.#sender = shared === null ? null : new Sender(shared);
    this.#calls = 0;
    const failed = (error: Error) => this.#kill(error);
    const port = await spawn((message) => this.#port === port && this.#take(message), failed);
    this.#port = port;
    await this.#ask({ type: "start", core: this.core, config: this.config, shared });
  }

  async request(request: Uint8Array, { stdin, signal, timeout }: Io): Promise<Uint8Array> {
    if (this.#calls > 0) return this.#askWaiting(request);
    const answer = this.#ask({ type: "request", request, stdin });
    if (signal === undefined && timeout === undefined) return answer as Promise<Uint8Array>;
    let killTimer: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      const kill = () => this.#kill(new Aborted("the program was stopped, and its interpreter thrown away", true));
      if (this.#sender === null) return kill();
      this.#sender.interrupt();
      this.#cutShort?.();
      killTimer ??= setTimeout(kill, NOTICE);
      this.#noticed = () => {
        this.#noticed = null;
        clearTimeout(killTimer);
        killTimer = setTimeout(kill, GRACE);
      };
    };
    const timer = timeout === undefined ? undefined : setTimeout(stop, timeout);
    signal?.addEventListener("abort", stop);
    try {
      return (await answer) as Uint8Array;
    } finally {
      signal?.removeEventListener("abort", stop);
      clearTimeout(timer);
      clearTimeout(killTimer);
      this.#noticed = null;
      this.#sender?.calm();
    }
  }

  do(task: Task): Promise<unknown> {
    return this.#ask({ type: "task", task });
  }

  dispose(): void {
    this.#kill(new GuestCrash("this guest was disposed of"));
  }

  #ask(message: { type: string } & Record<string, unknown>): Promise<unknown> {
    const port = this.#port;
    if (port === null) return Promise.reject(new GuestCrash("there is no guest"));
    return this.#wait((id) => port.post({ ...message, id } as ToWorker));
  }

  /** A request to a worker that waits for a host function. */
  #askWaiting(request: Uint8Array): Promise<Uint8Array> {
    return this.#wait((id) => {
      const message = new Uint8Array(4 + request.length);
      new DataView(message.buffer).setUint32(0, id, true);
      message.set(request, 4);
      this.#sender?.send(Kind.Request, message);
    }) as Promise<Uint8Array>;
  }

  #wait(send: (id: number) => void): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#port?.busy(true);
      send(id);
    });
  }

  #kill(error: Error): void {
    this.#port?.terminate();
    this.#port = null;
    this.#cutShort = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }

  #take(message: FromWorker): void {
    switch (message.type) {
      case "done":
      case "failed": {
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if (this.#waiting.size === 0) this.#port?.busy(false);
        if (message.type === "done") waiting?.resolve(message.value);
        else waiting?.reject(message.crashed ? new GuestCrash(message.error) : new Error(message.error));
        break;
      }
      case "output":
        this.#sender?.took(message.text.length);
        this.owner.output(message.stream, message.text);
        break;
      case "more":
        this.#sender?.more();
        break;
      case "call":
        void this.#answer(() => this.owner.call(message.request), message.interrupted);
        break;
      case "interrupted":
        this.#noticed?.();
        break;
      case "release":
        this.owner.release(message.number);
        break;
      case "stdin":
        void this.#answer(async () => encodeStdin(await this.owner.stdin()), encodeStdin(null));
        break;
    }
  }

  /** Answers what the worker waits for. `interrupted` is the answer if the program is told to stop meanwhile. */
  async #answer(ask: () => Uint8Array | Promise<Uint8Array>, interrupted: Uint8Array): Promise<void> {
    const sender = this.#sender;
    this.#calls += 1;
    const cut = new Promise<Uint8Array>((resolve) => (this.#cutShort = () => resolve(interrupted)));
    const answer = await Promise.race([ask(), cut]);
    // Not to a worker that has taken the place of the one that asked.
    if (sender !== this.#sender) return;
    this.#calls -= 1;
    sender?.send(Kind.Answer, answer);
  }
}

/** Stdin crosses as a byte that says whether there is any, and text. */
function encodeStdin(text: string | null): Uint8Array {
  return text === null ? new Uint8Array([0]) : new TextEncoder().encode(`\x01${text}`);
}

async function spawn(onMessage: (message: FromWorker) => void, onError: (error: Error) => void): Promise<Port> {
  const failed = (why: unknown) => onError(new GuestCrash(`the worker failed: ${why}`));
  if (typeof Worker === "function") {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = (event: MessageEvent<FromWorker>) => onMessage(event.data);
    worker.onerror = (event) => failed(event.message ?? "it could not be loaded");
    return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate(), busy: () => {} };
  }
  const { Worker: NodeWorker } = process.getBuiltinModule("node:worker_threads");
  // Not written as one expression, which bundlers for browsers would follow.
  const file = "./worker.js";
  const worker = new NodeWorker(new URL(file, import.meta.url), { resourceLimits: { stackSizeMb: 8 } });
  worker.on("message", onMessage);
  worker.on("error", failed);
  return {
    post: (message) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
    busy: (is) => (is ? worker.ref() : worker.unref()),
  };
}
