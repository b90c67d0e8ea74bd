//! A process of `programs.test.mjs` that runs programs in its own thread, one after another: those that are sent to it.

import { Psycore } from "../../wasm/web/npm/dist/index.js";
import { runProgram } from "./run_program.mjs";

process.on("message", async ({ program, options }) =>
  process.send(await runProgram(Psycore, program, { ...options, worker: false })),
);
