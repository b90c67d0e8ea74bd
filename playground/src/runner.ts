//! Runs programs: on an interpreter with the JIT, on one without, or on both, one after the other.

import { Aborted, type Explanation, Psycore, PythonError, type PythonFrame } from "psycore";
import type { Input } from "./input";

/** What programs are called in tracebacks. */
export const FILE = "main.py";
const PICTURE = /\.(ppm|pgm)$/;

export type Engine = "jit" | "interpreter";

export interface Outcome {
  seconds: number;
  /** What was raised, as Python prints it; null if the program ended well. */
  problem: { text: string; summary: string; place: PythonFrame | null } | null;
  stopped: boolean;
}

export interface Leftovers {
  pictures: { name: string; bytes: Uint8Array }[];
  /** Null where the interpreter can't tell. */
  explanation: Explanation | null;
  modules: Uint8Array[];
}

export class Runner {
  #vms: Partial<Record<Engine, Promise<Psycore>>> = {};

  /** Loads an interpreter, so that it is there when it is needed. Rejects if that fails. */
  prepare(engine: Engine): Promise<Psycore> {
    const loaded = (this.#vms[engine] ??= Psycore.load({
      jit: engine === "jit" ? "auto" : "off",
      argv: [FILE],
      explain: engine === "jit",
    }));
    loaded.catch(() => delete this.#vms[engine]);
    return loaded;
  }

  /** Runs a program on a fresh interpreter. `input` is asked where the page allows that; a text is all there is. */
  async run(
    engine: Engine,
    code: string,
    input: Input | string,
    signal: AbortSignal,
    onText: (kind: "stdout" | "stderr", text: string) => void,
  ): Promise<Outcome> {
    const vm = await this.prepare(engine);
    // Waits for the reset after the last run: that is not this program's time.
    await vm.memory();
    const stdin = typeof input === "string" ? input : crossOriginIsolated ? () => input.next() : input.all();
    const begin = performance.now();
    const outcome = (problem: Outcome["problem"], stopped: boolean): Outcome => {
      const waited = typeof input === "string" ? 0 : input.waited;
      return { seconds: (performance.now() - begin - waited) / 1000, problem, stopped };
    };
    try {
      await vm.run(code, {
        file: FILE,
        // Tracebacks quote it, and programs can read themselves.
        files: { [FILE]: code },
        signal,
        stdin,
        onStdout: (text) => onText("stdout", text),
        onStderr: (text) => onText("stderr", text),
      });
      return outcome(null, false);
    } catch (error) {
      if (error instanceof Aborted) return outcome(null, true);
      return outcome(described(error), false);
    }
  }

  /** What the last program on the JIT left. */
  async leftovers(): Promise<Leftovers> {
    const vm = await this.prepare("jit");
    const names = (await vm.listFiles()).filter((name) => PICTURE.test(name)).slice(0, 20);
    const pictures = [];
    for (const name of names) pictures.push({ name, bytes: (await vm.readFile(name)) ?? new Uint8Array() });
    return { pictures, explanation: await vm.explain().catch(() => null), modules: await vm.modules() };
  }

  /** Makes an interpreter fresh for the next program, in the background. */
  refresh(engine: Engine): void {
    this.#vms[engine]?.then((vm) => vm.reset()).catch(() => this.#drop(engine));
  }

  /** Throws all interpreters away. */
  reset(): void {
    for (const engine of ["jit", "interpreter"] as const) this.#drop(engine);
  }

  #drop(engine: Engine): void {
    void this.#vms[engine]?.then((vm) => vm.dispose()).catch(() => {});
    delete this.#vms[engine];
  }
}

function described(error: unknown): Outcome["problem"] {
  if (!(error instanceof PythonError)) {
    const text = error instanceof Error ? error.message : String(error);
    return { text: `${text}\n`, summary: text, place: null };
  }
  if (error.type === "SystemExit") {
    const text = `exit code ${error.exitCode}`;
    return error.exitCode === 0 ? null : { text: `${text}\n`, summary: text, place: null };
  }
  const place = error.frames.findLast((frame) => frame.file === FILE) ?? null;
  return { text: error.traceback, summary: error.message ? `${error.type}: ${error.message}` : error.type, place };
}
