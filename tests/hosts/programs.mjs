//! The Python programs that every host runs, what they must leave behind, and the two hosts of the npm package as places to
//! run them: `./programs.test.mjs` puts these together.

import { execFile, fork } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "../../playground/serve.mjs";
import { startChromium } from "./chromium.mjs";

const PACKAGE = fileURLToPath(new URL("../../wasm/web/npm/dist/", import.meta.url));
const TESTS = fileURLToPath(new URL("../", import.meta.url));
const RUN_PROGRAM = readFileSync(new URL("run_program.mjs", import.meta.url), "utf8");
const CORES = availableParallelism();
/** Milliseconds: only a program that hangs takes so long, on a busy machine too. */
const LIMIT = 600_000;

/** All programs of a directory that guests can run, or those of them that `PSYCORE_ONLY` names. A header line `# needs: ...` says
 * what a program asks for that guests do not have; `../src/programs.rs` reads it as well. */
export function programs(directory) {
  const only = process.env.PSYCORE_ONLY?.split(",");
  const names = readdirSync(join(TESTS, directory)).filter((name) => name.endsWith(".py") && name !== "support.py");
  const all = names.sort().map((file) => {
    const path = join(TESTS, directory, file);
    return { name: basename(file, ".py"), path, source: readFileSync(path, "utf8"), files: {} };
  });
  return all.filter(({ name, source }) => (only?.includes(name) ?? true) && !/^(#.*\n)*# needs: /.test(source));
}

/** How two runs differ, for people, or null. */
export function difference(wanted, got) {
  const parts = Object.keys(wanted).filter((part) => !same(wanted[part], got[part]));
  const all = parts.map((part) => {
    if (part === "end") return `  end: ${got.end}, not ${wanted.end}`;
    const [left, right] = [wanted[part].split("\n"), got[part].split("\n")];
    const first = left.findIndex((line, i) => line !== right[i]);
    const at = first < 0 ? left.length : first;
    return `  ${part}, line ${at + 1}:\n    - ${left.slice(at, at + 3).join("\n    - ")}\n    + ${right.slice(at, at + 3).join("\n    + ")}`;
  });
  // What a program that failed has to say.
  if (parts.length > 0 && !parts.includes("stderr") && got.stderr) all.push(`  stderr:\n${got.stderr}`);
  return all.length > 0 ? all.join("\n") : null;
}

/** Whether texts are the same but for `+` or `+=` in a message, which depends on when the interpreter has specialized the instruction. */
function same(wanted, got) {
  const plain = (text) => text.replace(/(operand type\(s\) for [-+*])=:/g, "$1:");
  return plain(wanted) === plain(got);
}

/** What a program does natively and without the JIT; its stdout is what the file beside it holds. */
export function reference({ path }) {
  const executable = process.env.PSYCORE_BIN;
  if (!executable) throw new Error("PSYCORE_BIN must name the native psycore; `./x test-hosts` builds it and says so");
  const options = { cwd: dirname(path), env: { ...process.env, PYTHONHASHSEED: "0" }, timeout: LIMIT, maxBuffer: 1 << 28 };
  return new Promise((resolve) => {
    const child = execFile(executable, ["--jit=off", path], options, (error, _, stderr) => {
      const end = error === null ? "exit status: 0" : error.signal ? `signal: ${error.signal}` : `exit status: ${error.code}`;
      resolve({ end, stdout: readFileSync(path.replace(/py$/, "out"), "utf8"), stderr });
    });
    child.stdin.end();
  });
}

/** Does something with each item, with as many at once as there are cores. */
export async function each(items, act) {
  const rest = [...items];
  const results = [];
  const work = async () => {
    for (let item; (item = rest.shift()) !== undefined;) results.push(await act(item));
  };
  await Promise.all(Array.from({ length: CORES }, work));
  return results;
}

/** Node, in processes of their own: a failure of the engine's ends one program. `run` is given a program and the options of `runProgram`. */
export async function startNode() {
  const idle = [];
  const start = () =>
    fork(fileURLToPath(new URL("node_programs.mjs", import.meta.url)), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const run = (program, options) =>
    new Promise((resolve) => {
      const child = idle.pop() ?? start();
      const finish = (outcome) => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(outcome);
      };
      // The program's own limit comes first wherever it looks.
      const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT + 10_000);
      child.once("message", (outcome) => {
        idle.push(child);
        finish(outcome);
      });
      child.once("exit", (code, signal) => finish({ end: `Node ended: ${signal ?? code}`, stdout: "", stderr: "" }));
      child.send({ program, options: { ...options, timeout: LIMIT } });
    });
  return { run, close: () => idle.forEach((child) => child.disconnect()) };
}

/** A page of a real Chromium, with a worker for each program. */
export async function startPage() {
  const server = await serve(PACKAGE, { isolated: true });
  const chromium = await startChromium();
  const page = await chromium.context.newPage();
  const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  await page.route("**/test.html", (route) =>
    route.fulfill({ contentType: "text/html", headers, body: "<!doctype html><title>test</title>" }),
  );
  await page.route("**/run_program.mjs", (route) =>
    route.fulfill({ contentType: "text/javascript", headers, body: RUN_PROGRAM }),
  );
  await page.goto(`http://localhost:${server.address().port}/test.html`);
  const run = (program, options) =>
    page.evaluate(
      async ([program, options]) => {
        const { Psycore } = await import("/index.js");
        const { runProgram } = await import("/run_program.mjs");
        return runProgram(Psycore, program, options);
      },
      [program, { ...options, timeout: LIMIT }],
    );
  const close = async () => {
    await chromium.close();
    server.close();
  };
  return { run, close };
}
