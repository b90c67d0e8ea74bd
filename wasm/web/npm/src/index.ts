//! The public interface of the package: see docs/browser.md.

import { initSync, Values } from "../core/psycore_web.js";
import { type Backend, type Io, Local, Remote } from "./backend.js";
import { Aborted, GuestCrash, type GuestProblem, PythonError, type PythonFrame } from "./errors.js";
import type { Explanation } from "./explanation.js";
import { type LibrarySource, reachable } from "./library.js";
import type { Files, Stream } from "./wasi.js";

export { Aborted, GuestCrash, PythonError };

export type { Explanation, ExplainedExit, ExplainedFile, ExplainedLine, ExplainedUnit } from "./explanation.js";
export type { Files, PythonFrame };

/** Bytes of stack that leave enough of an engine's own: Chromium's workers have the least, where 500,000 is too much now and then. */
const BROWSER_STACK = 400_000;
const NODE_STACK = 640_000;
/** Node's workers have the stack that they are given: see `spawn`. */
const NODE_WORKER_STACK = 3_500_000;

/** Takes text that a program wrote. Pieces need not end with a line. */
export type OnText = (text: string) => void;
/** Text for stdin; or what is asked for more of it each time, null being its end. A promise only if the guest is in a worker. */
export type Stdin = string | (() => string | null | Promise<string | null>);
/** What crosses to Python and back. See docs/browser.md for what becomes what. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Value = any;

export interface LoadOptions {
  /** `auto` (the default) compiles what is hot, `full` everything at its first use, `off` nothing. */
  jit?: "auto" | "off" | "full";
  /** Iterations after which code is hot. */
  threshold?: number;
  /** Where `psycore.wasm` is, or the module itself. By default next to the package's code. */
  wasm?: string | URL | WebAssembly.Module;
  /** Where `psycore-library.wasm` is, or its contents: the modules that few programs import. By default next to the package's code. */
  library?: string | URL | Uint8Array;
  /** Whether the guest runs in a worker of its own: by default in browsers, and not in Node. */
  worker?: boolean;
  /** `sys.argv`. */
  argv?: string[];
  /** `os.environ`. By default nothing that programs would see. */
  env?: Record<string, string>;
  /** Directories for `sys.path`; by default "/", where files are. */
  paths?: string[];
  /** Files that every fresh interpreter finds. */
  files?: Files;
  /** Bytes of stack that native recursion may use; by default what fits the threads of all engines. */
  stack?: number;
  /** Record what {@link Psycore.explain} and {@link Psycore.modules} tell. */
  explain?: boolean;
  /** Output of runs that do not say where it goes. By default `console.log`, or the streams of the process. */
  onStdout?: OnText;
  onStderr?: OnText;
}

export interface RunOptions {
  /** What `input()` and `sys.stdin` read; nothing by default. */
  stdin?: Stdin;
  onStdout?: OnText;
  onStderr?: OnText;
  /** Names and values that are set before. */
  globals?: Record<string, Value>;
  /** Files that are written before. */
  files?: Files;
  /** Ends the program. */
  signal?: AbortSignal;
  /** Milliseconds after which the program is ended. */
  timeout?: number;
  /** What tracebacks call the source; `<input>` by default. */
  file?: string;
}

/** A Python object without a counterpart in JavaScript. Callable ones are functions: see {@link PythonFunction}. */
export interface PythonObject {
  /** Name of its class. */
  readonly pythonClass: string;
  /** Its `repr`, up to 200 characters. */
  readonly repr: string;
  /** Lets Python forget it. Otherwise that happens some time after JavaScript has. */
  release(): void;
}

/** A Python callable. The promise is rejected with a {@link PythonError} if it raises. */
export interface PythonFunction extends PythonObject {
  (...args: Value[]): Promise<Value>;
}

/** Lets the guest's compiler compile something of each common kind. */
const WARM_UP = `
class Point:
    def __init__(self, x):
        self.x = x
def work(n):
    total, values, seen = 0.0, [i * 0.5 for i in range(50)], {}
    for i in range(n):
        point = Point(values[i % 50])
        seen[i % 7] = seen.get(i % 7, 0) + len(str(i))
        total += point.x * i
    return total
def recursive(n):
    return n if n < 2 else recursive(n - 1) + recursive(n - 2)
def interpreted(n):
    for i in range(n):
        x = i * 2 + 1
        if x > 3:
            yield x
sum(interpreted(60_000))
for _ in range(30):
    work(300)
recursive(18)
total = 0
for i in range(3_000):
    if i % 3 == 0:
        total += i * 2
    else:
        total -= 1
while i < 5_000:
    i += 1
    total = total * 3 % 1_000_003 + 0.5
`;

type Answer = { value: Value } | { error: GuestProblem } | { exit: number };

const modules = new Map<string, Promise<WebAssembly.Module>>();
let core: Promise<WebAssembly.Module> | undefined;

/** Compiles a module, once. */
function compiled(url: URL): Promise<WebAssembly.Module> {
  let module = modules.get(url.href);
  if (module === undefined) {
    module = compile(url);
    module.catch(() => modules.delete(url.href));
    modules.set(url.href, module);
  }
  return module;
}

async function compile(url: URL): Promise<WebAssembly.Module> {
  if (url.protocol === "file:") {
    const { readFile } = process.getBuiltinModule("node:fs/promises");
    return WebAssembly.compile(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href}: ${response.status} ${response.statusText}`);
  const type = response.headers.get("Content-Type") ?? "";
  // Some servers do not know what a .wasm is; then it can't be compiled while it arrives.
  return type.startsWith("application/wasm")
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer());
}

function loadCore(): Promise<WebAssembly.Module> {
  core ??= compiled(new URL("./psycore_web_bg.wasm", import.meta.url)).then((module) => {
    initSync({ module });
    return module;
  });
  return core;
}

const base = () => (typeof location === "object" ? location.href : import.meta.url);

async function loadGuest(where: LoadOptions["wasm"]): Promise<WebAssembly.Module> {
  if (where instanceof WebAssembly.Module) return where;
  return compiled(where === undefined ? new URL("./psycore.wasm", import.meta.url) : new URL(where, base()));
}

async function findLibrary(where: LoadOptions["library"]): Promise<LibrarySource> {
  if (where instanceof Uint8Array) return where;
  return reachable(where === undefined ? new URL("./psycore-library.wasm", import.meta.url) : new URL(where, base()));
}

/** Output that nobody asked for goes where programs of this host write to. */
function defaultOutput(stream: Stream): OnText {
  if (typeof process === "object" && process.stdout?.write !== undefined) return (text) => void process[stream].write(text);
  let line = "";
  return (text) => {
    const lines = (line + text).split("\n");
    line = lines.pop() ?? "";
    for (const each of lines) stream === "stdout" ? console.log(each) : console.warn(each);
  };
}

const inBrowser = () => typeof process !== "object" || typeof process.versions?.node !== "string";

/** One Python interpreter. */
export class Psycore {
  readonly #backend: Backend;
  readonly #options: LoadOptions;
  readonly #onText: Record<Stream, OnText>;
  #values!: Values;
  #handles = new WeakMap<object, number>();
  /** Handles of objects that JavaScript has forgotten, to be released at the next opportunity. */
  #forgotten: number[] = [];
  readonly #registry = new FinalizationRegistry<{ handle: number; of: Values }>(({ handle, of }) => {
    if (of === this.#values) this.#forget(handle);
  });
  /** The run that is being carried out. */
  #run: RunOptions = {};
  /** Ends when all that was asked for so far is done. */
  #last: Promise<unknown> = Promise.resolve();
  #hostCalls = 0;
  /** Counts what was carried out. A function of the page that answers after the program was stopped belongs to an old one. */
  #turn = 0;
  #needsStart = false;
  #disposed = false;

  private constructor(coreModule: WebAssembly.Module, guest: WebAssembly.Module, library: LibrarySource, options: LoadOptions) {
    this.#options = options;
    this.#onText = {
      stdout: options.onStdout ?? defaultOutput("stdout"),
      stderr: options.onStderr ?? defaultOutput("stderr"),
    };
    const worker = options.worker ?? inBrowser();
    const config = {
      module: guest,
      library,
      // Python colours tracebacks for what it takes for a terminal.
      env: { PYTHON_COLORS: "0", ...options.env },
      files: options.files ?? {},
      keepModules: options.explain ?? false,
      stack: options.stack ?? (inBrowser() ? BROWSER_STACK : worker ? NODE_WORKER_STACK : NODE_STACK),
    };
    const owner = {
      output: (stream: Stream, text: string) => this.#output(stream, text),
      call: (request: Uint8Array) => this.#hostCall(request),
      release: (number: number) => this.#values.released(number),
      stdin: () => this.#stdin(),
    };
    this.#backend = worker ? new Remote(coreModule, config, owner) : new Local(config, owner);
  }

  /** Loads the interpreter. Rejects if the module can't be fetched or compiled. */
  static async load(options: LoadOptions = {}): Promise<Psycore> {
    const [coreModule, guest, library] = await Promise.all([loadCore(), loadGuest(options.wasm), findLibrary(options.library)]);
    const vm = new Psycore(coreModule, guest, library, options);
    await vm.reset();
    return vm;
  }

  /**
   * Makes the first programs as fast as later ones, in a page or process that has time for it before. Engines compile what they load
   * when it is first called; the compiler inside is much of that, and interpreters share what comes of it. Options are those of
   * {@link load}.
   */
  static async warmUp(options: LoadOptions = {}): Promise<void> {
    const vm = await Psycore.load(options);
    await vm.run(WARM_UP).finally(() => vm.dispose());
  }

  /**
   * Runs a program in `__main__` and gives the value of its last statement, if that is an expression, else null.
   * Rejects with a {@link PythonError} if it raises or calls `sys.exit`, with {@link Aborted} if it was stopped and with
   * {@link GuestCrash} if the interpreter failed. Runs wait for one another.
   */
  run(code: string, options: RunOptions = {}): Promise<Value> {
    const { globals, files, signal, timeout, file, stdin } = options;
    return this.#queue(async () => {
      if (signal?.aborted) throw new Aborted("the program was stopped before it began", false, signal.reason);
      for (const [name, data] of Object.entries(files ?? {})) await this.#backend.do({ what: "write", name, data });
      const outer = this.#run;
      this.#run = options;
      try {
        const source = typeof stdin === "function" ? this.#backend.canCall || null : (stdin ?? null);
        const io: Io = { stdin: source, signal, timeout };
        const end = performance.now() + (timeout ?? Infinity);
        const outcome: { value: Value } | { error: unknown } = await this.#request({ do: "run", code, file, globals }, io).then(
          (value) => ({ value }),
          (error) => ({ error }),
        );
        const error = "error" in outcome ? outcome.error : undefined;
        const lost = error instanceof Aborted || error instanceof GuestCrash;
        // Whatever came of a program that was stopped is not what it would have come to: sleeping was cut short, for one.
        if (!lost && (signal?.aborted || performance.now() >= end)) throw new Aborted("the program was stopped", false, error);
        if ("error" in outcome) throw outcome.error;
        return outcome.value;
      } finally {
        this.#run = outer;
      }
    });
  }

  /** Calls a global of `__main__` by its name, or a Python callable. Rejects as {@link run} does. */
  call(target: string | PythonObject, args: Value[] = [], kwargs: Record<string, Value> = {}): Promise<Value> {
    return this.#queue(() => this.#request({ do: "call", function: target, args, kwargs }));
  }

  /** The value of a global of `__main__`. Rejects with a {@link PythonError}, a NameError, if there is none. */
  get(name: string): Promise<Value> {
    return this.#queue(() => this.#request({ do: "get", name }));
  }

  /** Sets a global of `__main__`, or several. */
  set(name: string, value: Value): Promise<void>;
  set(globals: Record<string, Value>): Promise<void>;
  set(names: string | Record<string, Value>, value?: Value): Promise<void> {
    const globals = typeof names === "string" ? Object.fromEntries([[names, value]]) : names;
    return this.#queue(async () => void (await this.#request({ do: "set", globals })));
  }

  /** What the JIT has done so far: numbers by name, as `psyco.stats()` says. */
  stats(): Promise<Record<string, Value>> {
    return this.#queue(() => this.#request({ do: "stats" }));
  }

  /** What became of each line of what ran. Needs `explain: true` in the options of {@link load}. */
  explain(): Promise<Explanation> {
    return this.#queue(() => this.#request({ do: "explain" }));
  }

  /** The WebAssembly modules that were emitted so far, the oldest first, up to 32 MiB. Needs `explain: true`. */
  modules(): Promise<Uint8Array[]> {
    return this.#queue(() => this.#backend.do({ what: "modules" })) as Promise<Uint8Array[]>;
  }

  /** Bytes of memory that the interpreter has taken. They are given back by {@link reset} and {@link dispose} only. */
  memory(): Promise<number> {
    return this.#queue(() => this.#backend.do({ what: "memory" })) as Promise<number>;
  }

  /** The contents of a file, or null if there is none of that name. */
  readFile(name: string): Promise<Uint8Array | null> {
    return this.#queue(() => this.#backend.do({ what: "read", name })) as Promise<Uint8Array | null>;
  }

  /** Writes a file, and makes the directories that its name has. */
  writeFile(name: string, data: string | Uint8Array): Promise<void> {
    return this.#queue(() => this.#backend.do({ what: "write", name, data })) as Promise<void>;
  }

  /** The names of all files. */
  listFiles(): Promise<string[]> {
    return this.#queue(() => this.#backend.do({ what: "list" })) as Promise<string[]>;
  }

  /** Removes a file or a directory. False if there is none of that name. */
  removeFile(name: string): Promise<boolean> {
    return this.#queue(() => this.#backend.do({ what: "remove", name })) as Promise<boolean>;
  }

  /** Starts with a fresh interpreter: globals, files, handles, compiled code and memory of the old one are gone. */
  reset(): Promise<void> {
    return this.#queue(() => this.#start());
  }

  /** Ends the interpreter, at once if it runs in a worker. Nothing can be asked of it any more. */
  dispose(): void {
    this.#disposed = true;
    this.#backend.dispose();
  }

  /** Does things one after another; but what a host function asks for while it is called is part of the call. */
  async #queue<T>(act: () => Promise<T>): Promise<T> {
    if (this.#hostCalls > 0) return act();
    const before = this.#last;
    const result = (async () => {
      await before.catch(() => {});
      if (this.#disposed) throw new GuestCrash("this interpreter was disposed of");
      if (this.#needsStart) await this.#start();
      try {
        return await act();
      } finally {
        this.#turn += 1;
        this.#hostCalls = 0;
      }
    })();
    this.#last = result.catch(() => {});
    return result;
  }

  async #start(): Promise<void> {
    this.#needsStart = true;
    const handles = (this.#handles = new WeakMap());
    this.#forgotten = [];
    this.#values?.free();
    const values: Values = new Values(handles, (...parts: [number, string, boolean, string]) => this.#standIn(values, ...parts));
    this.#values = values;
    await this.#backend.start();
    const { jit, threshold, argv, paths, explain } = this.#options;
    const create = { do: "create", jit, threshold, argv: argv ?? [""], paths: paths ?? ["/"], explain };
    this.#needsStart = false;
    await this.#request(create);
  }

  async #request(request: object, io: Io = {}): Promise<Value> {
    const values = this.#values;
    // Only between requests: a finalizer may print, and must not do so in the midst of another program.
    if (this.#forgotten.length > 0 && this.#hostCalls === 0) {
      for (const handle of this.#forgotten.splice(0)) await this.#backend.request(values.encode({ do: "release", handle }), {});
    }
    const bytes = values.encode(request);
    let answer: Answer;
    try {
      answer = values.decode(await this.#backend.request(bytes, io));
    } catch (error) {
      if (error instanceof GuestCrash || error instanceof Aborted) this.#needsStart = true;
      throw error;
    }
    if ("value" in answer) return answer.value;
    if ("error" in answer) throw new PythonError(answer.error);
    const code = answer.exit;
    throw new PythonError({ class: "SystemExit", message: String(code), traceback: "", frames: [] }, code);
  }

  #output(stream: Stream, text: string): void {
    const own = stream === "stdout" ? this.#run.onStdout : this.#run.onStderr;
    try {
      (own ?? this.#onText[stream])(text);
    } catch (error) {
      // Not the program's fault, and the program can't do anything about it.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #stdin(): string | null | Promise<string | null> {
    const { stdin } = this.#run;
    if (typeof stdin !== "function") return null;
    const text = stdin();
    if (isPromise(text)) {
      if (this.#backend.canWait) return text.catch(() => null);
      throw new TypeError("a stdin that is a promise needs a worker");
    }
    return text;
  }

  #hostCall(request: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const values = this.#values;
    const turn = this.#turn;
    const tooLate = new Uint8Array(0);
    const failed = (error: unknown) => {
      if (turn !== this.#turn) return tooLate;
      this.#hostCalls -= 1;
      return values.encode({ error: described(error) });
    };
    const done = (value: Value) => {
      if (turn !== this.#turn) return tooLate;
      try {
        const answer = values.encode({ value });
        this.#hostCalls -= 1;
        return answer;
      } catch (error) {
        return failed(error);
      }
    };
    this.#hostCalls += 1;
    try {
      const [number, args, kwargs] = values.decode(request) as [number, Value[], Record<string, Value>];
      const called = values.function(number);
      if (called === undefined) throw new TypeError("there is no such function");
      const value = Object.keys(kwargs).length > 0 ? called(...args, kwargs) : called(...args);
      if (!isPromise(value)) return done(value);
      if (!this.#backend.canWait) throw new TypeError("a function that returns a promise needs a worker");
      return value.then(done, failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** What stands for a Python object in JavaScript. */
  #standIn(values: Values, handle: number, pythonClass: string, callable: boolean, repr: string): PythonObject {
    const object = callable ? (...args: Value[]) => this.call(object as PythonObject, args) : new Handle();
    const properties = {
      pythonClass,
      repr,
      release: () => {
        if (this.#handles.get(object) !== handle) return;
        this.#handles.set(object, -1);
        this.#registry.unregister(object);
        this.#forget(handle);
      },
    };
    for (const [name, value] of Object.entries(properties)) Object.defineProperty(object, name, { value });
    this.#handles.set(object, handle);
    this.#registry.register(object, { handle, of: values }, object);
    return object as PythonObject;
  }

  #forget(handle: number): void {
    this.#forgotten.push(handle);
  }
}

/** So that debuggers and error messages show what it is. */
class Handle {
  declare readonly repr: string;

  toString(): string {
    return this.repr;
  }
}

function isPromise(value: unknown): value is Promise<Value> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** Class and message of the Python exception that stands for what a JavaScript function threw. */
function described(error: unknown): [string, string] {
  if (error instanceof PythonError) return [error.type, error.message];
  if (error instanceof TypeError) return ["TypeError", error.message];
  if (error instanceof RangeError) return ["ValueError", error.message];
  return ["RuntimeError", error instanceof Error ? `${error.name}: ${error.message}` : String(error)];
}
