//! The worker's main program: carries out what its owner asks on an engine of its own.

import { initSync } from "../core/psycore_web.js";
import { nap, perform } from "./backend.js";
import { Kind, Receiver } from "./channel.js";
import { Engine, type EngineConfig, type StdinSource } from "./engine.js";
import { GuestCrash } from "./errors.js";
import type { Stream } from "./wasi.js";

/** What can be asked besides requests to the guest. */
export type Task =
  | { what: "write"; name: string; data: string | Uint8Array }
  | { what: "read" | "remove"; name: string }
  | { what: "list" | "modules" | "memory" };

export type ToWorker =
  | { type: "start"; id: number; core: WebAssembly.Module; config: EngineConfig; shared: SharedArrayBuffer | null }
  | { type: "request"; id: number; request: Uint8Array; stdin?: StdinSource }
  | { type: "task"; id: number; task: Task };

export type FromWorker =
  | { type: "done"; id: number; value: unknown }
  | { type: "failed"; id: number; error: string; crashed: boolean }
  | { type: "output"; stream: Stream; text: string }
  | { type: "call"; request: Uint8Array; interrupted: Uint8Array }
  | { type: "release"; number: number }
  | { type: "interrupted" }
  | { type: "stdin" }
  | { type: "more" };

/** CBOR of `{error: [class, message]}`. */
function hostError(type: string, message: string): Uint8Array {
  const text = (s: string) => {
    const bytes = new TextEncoder().encode(s);
    return [0x78, bytes.length, ...bytes];
  };
  return new Uint8Array([0xa1, ...text("error"), 0x82, ...text(type), ...text(message)]);
}

const INTERRUPTED = hostError("KeyboardInterrupt", "");
const NOT_ISOLATED = hostError("RuntimeError", "functions of the page need a page that is cross-origin isolated");

let engine: Engine | null = null;
let channel: Receiver | null = null;
let post: (message: FromWorker) => void;

async function start(message: ToWorker & { type: "start" }): Promise<void> {
  initSync({ module: message.core });
  channel = message.shared === null ? null : new Receiver(message.shared, () => post({ type: "more" }));
  engine = await Engine.start(message.config, {
    output(stream, text) {
      post({ type: "output", stream, text });
      channel?.wrote(text.length);
    },
    call(request) {
      if (channel === null) return NOT_ISOLATED;
      post({ type: "call", request, interrupted: INTERRUPTED });
      return answer(channel);
    },
    release: (number) => post({ type: "release", number }),
    stdin() {
      if (channel === null) return null;
      post({ type: "stdin" });
      const bytes = answer(channel);
      return bytes[0] === 0 ? null : new TextDecoder().decode(bytes.subarray(1));
    },
    poll() {
      const wanted = channel?.interrupted() ?? false;
      if (wanted) post({ type: "interrupted" });
      return wanted;
    },
    sleep: (milliseconds) => (channel === null ? nap(milliseconds) : channel.sleep(milliseconds)),
  });
}

/** Waits for the owner's answer; carries out what it asks meanwhile. */
function answer(from: Receiver): Uint8Array {
  for (;;) {
    const { kind, bytes } = from.receive();
    if (kind === Kind.Answer) return bytes;
    const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    attempt(id, () => running().request(bytes.subarray(4)));
  }
}

function running(): Engine {
  if (engine === null) throw new GuestCrash("there is no guest");
  return engine;
}

function attempt(id: number, act: () => unknown): void {
  try {
    post({ type: "done", id, value: act() });
  } catch (error) {
    fail(id, error);
  }
}

function fail(id: number, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  post({ type: "failed", id, error: message, crashed: error instanceof GuestCrash });
}

function take(message: ToWorker): void {
  switch (message.type) {
    case "start":
      start(message).then(
        () => post({ type: "done", id: message.id, value: null }),
        (error) => fail(message.id, error),
      );
      break;
    case "request":
      attempt(message.id, () => running().request(message.request, message.stdin));
      break;
    case "task":
      attempt(message.id, () => perform(running(), message.task));
      break;
  }
}

if (typeof process === "object" && typeof process.getBuiltinModule === "function" && typeof addEventListener !== "function") {
  const { parentPort } = process.getBuiltinModule("node:worker_threads");
  post = (message) => parentPort?.postMessage(message);
  parentPort?.on("message", take);
} else {
  post = (message) => postMessage(message);
  addEventListener("message", (event: MessageEvent<ToWorker>) => take(event.data));
}
