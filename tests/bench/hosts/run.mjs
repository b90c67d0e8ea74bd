//! Runs a Python program in a JavaScript host as an interpreter would from a shell:
//! `node run.mjs HOST [--jit=MODE] [--warm-up] FILE ARGS`, or `-c CODE` instead of FILE. HOST is `node`, `chromium` or `pyodide`.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PACKAGE = new URL("../../../wasm/web/npm/dist/", import.meta.url);

const HOSTS = { node: inNode, chromium: inChromium, pyodide: inPyodide };

/** psycore in this thread. */
async function inNode({ code, file, argv, jit, warmUp }) {
  const { Psycore } = await import(new URL("index.js", PACKAGE));
  if (warmUp) await Psycore.warmUp();
  const vm = await Psycore.load({ argv, jit });
  await vm.run(code, { file });
}

/** psycore in a worker of an isolated page, which is what it is in browsers unless told otherwise. */
async function inChromium(program) {
  const { serve } = await import("../../../playground/serve.mjs");
  const { startChromium } = await import("../../hosts/chromium.mjs");
  const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  const server = await serve(fileURLToPath(PACKAGE));
  const chromium = await startChromium();
  try {
    const page = await chromium.context.newPage();
    await page.route("**/bench.html", (route) => route.fulfill({ contentType: "text/html", headers, body: "<!doctype html>" }));
    await page.goto(`http://localhost:${server.address().port}/bench.html`);
    const { stdout, stderr, problem } = await page.evaluate(runInPage, program);
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    if (problem !== null) throw new Error(problem);
  } finally {
    await chromium.close();
    server.close();
  }
}

/** Runs there, and so uses nothing of this file. */
async function runInPage({ code, file, argv, jit, warmUp }) {
  const { Psycore } = await import("/index.js");
  if (warmUp) await Psycore.warmUp();
  let stdout = "";
  let stderr = "";
  let problem = null;
  const vm = await Psycore.load({ argv, jit });
  try {
    await vm.run(code, { file, onStdout: (text) => (stdout += text), onStderr: (text) => (stderr += text) });
  } catch (error) {
    problem = error.traceback ?? String(error);
  }
  return { stdout, stderr, problem };
}

async function inPyodide({ code, file, argv }) {
  const { loadPyodide } = await import("pyodide");
  const print = (stream) => (line) => stream.write(`${line}\n`);
  const python = await loadPyodide({
    stdout: print(process.stdout),
    stderr: print(process.stderr),
    env: { PYTHONHASHSEED: "0" },
  });
  python.pyimport("sys").argv = python.toPy(argv);
  python.runPython(code, { filename: file });
}

const [host, ...args] = process.argv.slice(2);
const jit = args[0]?.startsWith("--jit=") ? args.shift().slice("--jit=".length) : undefined;
const warmUp = args[0] === "--warm-up";
if (warmUp) args.shift();
const [file, ...rest] = args;
const program =
  file === "-c"
    ? { code: rest[0], file: "<string>", argv: ["-c", ...rest.slice(1)] }
    : { code: readFileSync(file, "utf8"), file, argv: args };
try {
  await HOSTS[host]({ ...program, jit, warmUp });
} catch (error) {
  console.error(error.traceback ?? error.message);
  process.exitCode = 1;
}
