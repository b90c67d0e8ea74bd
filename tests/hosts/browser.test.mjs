//! The npm package in a real Chromium: in a worker, on the main thread, and in a page that is not isolated.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { serve } from "../../playground/serve.mjs";
import { startChromium } from "./chromium.mjs";
import { suite, workerSuite } from "./suite.mjs";

const PACKAGE = fileURLToPath(new URL("../../wasm/web/npm/dist/", import.meta.url));
const SUITE = readFileSync(new URL("suite.mjs", import.meta.url), "utf8");

/** Runs a test of the suite in the page. What it hands to `equal` comes back as text that shows all differences. */
async function runInPage([suiteName, name, options]) {
  const { Psycore } = await import("/index.js");
  const tests = (await import("/suite.mjs"))[suiteName];
  const shown = (value) => {
    if (typeof value === "bigint") return `${value}n`;
    if (Object.is(value, -0)) return "-0";
    if (typeof value === "string") return JSON.stringify(value);
    if (value instanceof Map) return `Map${shown([...value])}`;
    if (value instanceof Set) return `Set${shown([...value])}`;
    if (value instanceof Uint8Array) return `bytes[${value}]`;
    if (Array.isArray(value)) return `[${value.map(shown)}]`;
    if (value === null || typeof value !== "object") return String(value);
    return `{${Object.entries(value).map(([k, v]) => `${k}:${shown(v)}`)}}`;
  };
  const equal = (got, wanted) => {
    if (shown(got) !== shown(wanted)) throw new Error(`${shown(got)} is not ${shown(wanted)}`);
  };
  try {
    await tests[name](Psycore, (more) => Psycore.load({ ...options, ...more }), equal);
    return null;
  } catch (error) {
    return `${error.stack ?? error}\n${error.traceback ?? ""}`;
  }
}

for (const isolated of [true, false]) {
  describe(isolated ? "isolated page" : "page that is not isolated", () => {
    let server;
    let chromium;
    let page;
    before(async () => {
      server = await serve(PACKAGE, { isolated });
      chromium = await startChromium();
      page = await chromium.context.newPage();
      const headers = isolated
        ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
        : {};
      await page.route("**/test.html", (route) =>
        route.fulfill({ contentType: "text/html", headers, body: "<!doctype html><title>test</title>" }),
      );
      await page.route("**/suite.mjs", (route) => route.fulfill({ contentType: "text/javascript", headers, body: SUITE }));
      await page.goto(`http://localhost:${server.address().port}/test.html`);
      assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);
    });
    after(async () => {
      await chromium?.close();
      server?.close();
    });

    const inPage = async (...args) => assert.equal(await page.evaluate(runInPage, args), null);
    for (const worker of isolated ? [true, false] : [true]) {
      for (const name of Object.keys(suite)) {
        // A worker can't ask the page for anything there.
        if (!isolated && /functions of the page|stdin is/.test(name)) continue;
        test(`${worker ? "worker" : "main thread"}: ${name}`, { timeout: 600_000 }, () => inPage("suite", name, { worker }));
      }
    }
    if (isolated) {
      for (const name of Object.keys(workerSuite))
        test(`worker: ${name}`, { timeout: 600_000 }, () => inPage("workerSuite", name, {}));
      return;
    }

    test("stopping ends the worker, and the next run has a fresh one", { timeout: 600_000 }, async () => {
      const got = await page.evaluate(async () => {
        const { Psycore } = await import("/index.js");
        const vm = await Psycore.load();
        const error = await vm.run("x = 1\nwhile True: pass", { timeout: 200 }).catch((e) => e);
        return [error.name, error.stateLost, await vm.run("'x' in globals()"), await vm.run("input()", { stdin: "text\n" })];
      });
      assert.deepEqual(got, ["AbortError", true, false, "text"]);
    });

    test("functions and stdin of the page are refused in words", { timeout: 600_000 }, async () => {
      const got = await page.evaluate(async () => {
        const { Psycore } = await import("/index.js");
        const vm = await Psycore.load();
        const called = await vm.run("f()", { globals: { f: () => 1 } }).catch((e) => e.message);
        return [called, await vm.run("input()", { stdin: () => "x\n" }).catch((e) => e.type)];
      });
      assert.deepEqual(got, ["functions of the page need a page that is cross-origin isolated", "EOFError"]);
    });
  });
}
