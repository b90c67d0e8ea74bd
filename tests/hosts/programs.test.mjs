//! The differential programs and those of the module `psyco` in Node and in Chromium: they must print there what they print natively.
//! `PSYCORE_ONLY` names some of them, `PSYCORE_MODES` other modes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { difference, each, programs, reference, startNode, startPage } from "./programs.mjs";

/** Options of `Psycore.load`. */
const MODES = {
  /** As users have it, from the snapshot. */
  auto: {},
  /** Compiled in the midst of most loops, and without a limit on the time for it. */
  hot: { threshold: 20 },
  full: { jit: "full" },
  off: { jit: "off" },
};
const TESTED = process.env.PSYCORE_MODES?.split(",") ?? ["auto", "hot", "full"];

const compared = ["programs", "differential/corpus", "differential/guards"].flatMap(programs);
const support = readFileSync(new URL("../psyco/support.py", import.meta.url), "utf8");
const psyco = programs("psyco").map((program) => ({ ...program, files: { "support.py": support } }));
let references;

before(async () => {
  references = new Map(await each(compared, async (program) => [program, await reference(program)]));
});

/** They assert what they are about. */
function passed({ end, stdout, stderr }) {
  return end === "exit status: 0" && stdout !== "" && stderr === "" ? null : `  ${end}\n${stdout}${stderr}`;
}

for (const [name, start] of Object.entries({ Node: startNode, Chromium: startPage })) {
  describe(name, () => {
    let host;
    before(async () => {
      host = await start();
    });
    after(() => host?.close());

    for (const mode of TESTED) {
      test(`programs, ${mode}`, async () => {
        // What those of psyco say of counters holds for the usual ones.
        const all = mode === "hot" ? compared : [...compared, ...psyco];
        const failures = await each(all, async (program) => {
          const outcome = await host.run(program, MODES[mode]);
          const wanted = references.get(program);
          const problem = wanted ? difference(wanted, outcome) : passed(outcome);
          return problem && `${program.path}\n${problem}`;
        });
        const told = failures.filter(Boolean);
        assert.ok(told.length === 0, `${told.length} of ${failures.length}\n\n${told.join("\n\n")}`);
      });
    }
  });
}
