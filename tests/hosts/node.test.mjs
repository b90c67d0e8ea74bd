//! The npm package in Node, in the caller's thread and in a worker. `node --test tests/hosts`, after `./x web`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Psycore } from "../../wasm/web/npm/dist/index.js";
import { suite, workerSuite } from "./suite.mjs";

const equal = (got, wanted) => assert.deepStrictEqual(got, wanted);

for (const worker of [false, true]) {
  const load = (options) => Psycore.load({ worker, ...options });
  for (const [name, run] of Object.entries(worker ? { ...suite, ...workerSuite } : suite)) {
    test(`${worker ? "worker" : "same thread"}: ${name}`, { timeout: 600_000 }, () => run(Psycore, load, equal));
  }
}

test("functions that Python has dropped are forgotten", { timeout: 600_000 }, async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  for (const worker of [false, true]) {
    const vm = await Psycore.load({ worker });
    const known = [];
    const remain = async (wanted) => {
      let remaining;
      for (let i = 0; i < 1200 && remaining !== wanted; i++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        collect();
        remaining = known.filter((f) => f.deref() !== undefined).length;
      }
      equal(remaining, wanted);
    };
    // Its own variables would keep the last one.
    const pass = (i) => {
      const f = (x) => x + i;
      known.push(new WeakRef(f));
      return vm.run("g = f; f(1)", { globals: { f } });
    };
    for (let i = 0; i < 10; i++) equal(await pass(i), 1 + i);
    await remain(1);
    await vm.run("del f");
    await remain(1);
    equal(await vm.run("g(2)"), 11);
    await vm.run("del g");
    await remain(0);
    vm.dispose();
  }
});
