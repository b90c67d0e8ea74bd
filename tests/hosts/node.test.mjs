//! The npm package in Node, in the caller's thread and in a worker. `node --test tests/hosts`, after `./x web`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Psycore } from "../../wasm/web/npm/dist/index.js";
import { suite, workerSuite } from "./suite.mjs";

const equal = (got, wanted) => assert.deepStrictEqual(got, wanted);

for (const worker of [false, true]) {
  const load = (options) => Psycore.load({ worker, ...options });
  for (const [name, run] of Object.entries(worker ? { ...suite, ...workerSuite } : suite)) {
    test(`${worker ? "worker" : "same thread"}: ${name}`, { timeout: 120_000 }, () => run(Psycore, load, equal));
  }
}
