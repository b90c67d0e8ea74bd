//! Seconds that interpreters take from the call of their package to the text of their first `print`, one after another
//! in this process: `node first_print.mjs HOST COUNT`, where HOST is `node` (psycore) or `pyodide`. The first one
//! compiles the module, or has V8 do so; the others find it compiled.

const HOSTS = {
  async node() {
    const { Psycore } = await import("../../../wasm/web/npm/dist/index.js");
    return async (onStdout) => {
      const vm = await Psycore.load({ onStdout });
      await vm.run("print('hello')");
      return vm;
    };
  },
  async pyodide() {
    const { loadPyodide } = await import("pyodide");
    return async (stdout) => {
      const python = await loadPyodide({ stdout });
      python.runPython("print('hello')");
      return python;
    };
  },
};

const [host, count] = process.argv.slice(2);
const start = await HOSTS[host]();
// V8 forgets a compiled module when nothing has it any more.
const kept = [];
for (let i = 0; i < Number(count); i++) {
  let printed;
  const begin = performance.now();
  kept.push(await start(() => (printed ??= performance.now())));
  console.log((printed - begin) / 1000);
}
