//! One instance of the guest and what belongs to it. Runs where the program runs: in the worker, or in the thread of
//! the caller. Requests and answers stay bytes here.

import { Guest } from "../core/psycore_web.js";
import { GuestCrash } from "./errors.js";
import { type LibrarySource, readLibrary } from "./library.js";
import { type Files, Output, type Stream, Surroundings } from "./wasi.js";

/** Modules that the guest emitted are kept up to this many bytes in all. */
const KEPT_MODULES = 32 << 20;

/** All that a fresh guest needs; can be sent to a worker. */
export interface EngineConfig {
  module: WebAssembly.Module;
  library: LibrarySource;
  env: Record<string, string>;
  files: Files;
  /** Whether to keep the modules that the guest emits. */
  keepModules: boolean;
  /** Bytes of the guest's stack that it may use. */
  stack: number;
}

/** Text, null for none, or true to ask the host for each piece. */
export type StdinSource = string | null | true;

/** What the engine asks of its host. */
export interface EngineHost {
  output(stream: Stream, text: string): void;
  /** A piece of stdin, or null at its end. */
  stdin(): string | null;
  /** Answers a call of a host function. */
  call(request: Uint8Array): Uint8Array;
  /** An object that stood for a host function is gone. */
  release(number: number): void;
  /** Whether the program is to stop; true once for each time it is wanted. */
  poll(): boolean;
  sleep(milliseconds: number): void;
}

export class Engine {
  readonly files: Surroundings;
  readonly modules: Uint8Array[] = [];
  readonly #guest: Guest;
  readonly #output: Output;
  #stdin: StdinSource = null;
  #kept = 0;
  #depth = 0;
  #crashed: GuestCrash | null = null;

  private constructor(config: EngineConfig, host: EngineHost) {
    this.#output = new Output((stream, text) => host.output(stream, text));
    this.files = new Surroundings(config.env, config.files, {
      output: this.#output,
      stdin: () => this.#moreStdin(host),
      sleep: (milliseconds) => host.sleep(milliseconds),
    });
    const poll = () => {
      this.#output.flushIfDue();
      return host.poll() ? 1 : 0;
    };
    const call = (request: Uint8Array) => {
      this.#output.flush();
      return host.call(request);
    };
    const library = () => readLibrary(config.library);
    const release = (number: number) => host.release(number);
    this.#guest = new Guest(
      poll,
      call,
      release,
      library,
      config.keepModules ? (module: Uint8Array) => this.#keep(module) : undefined,
    );
  }

  static async start(config: EngineConfig, host: EngineHost): Promise<Engine> {
    const engine = new Engine(config, host);
    const imports = { wasi_snapshot_preview1: engine.files.imports, psycore: engine.#guest.imports as WebAssembly.ModuleImports };
    // Not `new Instance`: on main threads engines refuse that for modules of this size.
    const instance = await WebAssembly.instantiate(config.module, imports);
    engine.files.initialize(instance);
    // Native recursion ends with an exception when the guest's stack does, which must be before the engine's.
    const pointer = instance.exports["__stack_pointer"];
    if (pointer instanceof WebAssembly.Global) pointer.value = Math.min(pointer.value, config.stack);
    engine.#guest.attach(instance);
    return engine;
  }

  /** Carries out a request. One that a host function makes shares the stdin of the one around it. */
  request(request: Uint8Array, stdin: StdinSource = null): Uint8Array {
    if (this.#crashed) throw this.#crashed;
    if (this.#depth === 0) {
      this.#stdin = stdin;
      this.files.forgetStdin();
    }
    this.#depth += 1;
    try {
      return this.#guest.request(request);
    } catch (error) {
      throw (this.#crashed = crash(error));
    } finally {
      this.#depth -= 1;
      this.#output.flush();
    }
  }

  /** Bytes of memory that the guest has taken. */
  get memory(): number {
    return this.#guest.memory;
  }

  dispose(): void {
    this.#crashed = new GuestCrash("this guest was disposed of");
    this.#guest.free();
  }

  #moreStdin(host: EngineHost): Uint8Array | null {
    this.#output.flush();
    const text = this.#stdin === true ? host.stdin() : this.#stdin;
    if (this.#stdin !== true) this.#stdin = null;
    return text === null ? null : new TextEncoder().encode(text);
  }

  #keep(module: Uint8Array): void {
    this.#kept += module.length;
    if (this.#kept <= KEPT_MODULES) this.modules.push(module);
  }
}

function crash(error: unknown): GuestCrash {
  if (error instanceof GuestCrash) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new GuestCrash(`the interpreter failed and was thrown away: ${message}`, error);
}
