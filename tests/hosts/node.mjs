// Runs a guest in Node: `node tests/hosts/node.mjs GUEST.wasm DIRECTORY [ARGS]`. The guest sees the directory as `/`.
// The imports of the module `psycore` are what `wasm/src/link.rs` says.
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const IN_CODE = 0x80000000;

/** The functions by which a guest has its generated modules linked. */
function linker(guest) {
  const code = new WebAssembly.Table({ element: "anyfunc", initial: 1 });
  const entries = () => guest().exports.__indirect_function_table;
  const slots = (at, count) => Array.from(new Uint32Array(guest().exports.memory.buffer, at, count));
  const put = (slot, f) => (slot & IN_CODE ? code.set(slot & ~IN_CODE, f) : entries().set(slot, f));
  return {
    reserve(kind, count) {
      try {
        return (kind ? code : entries()).grow(count);
      } catch {
        return -1;
      }
    },
    link(bytes, length, at, count) {
      try {
        const module = new WebAssembly.Module(new Uint8Array(guest().exports.memory.buffer, bytes, length));
        const rt = {};
        for (const { module: from, name } of WebAssembly.Module.imports(module)) {
          if (from === "rt") rt[name] = entries().get(Number(name));
        }
        const { exports } = new WebAssembly.Instance(module, { env: { memory: guest().exports.memory, code }, rt });
        slots(at, count).forEach((slot, i) => put(slot, exports[`f${i}`]));
        return 0;
      } catch (error) {
        console.error(String(error));
        return -1;
      }
    },
    // Nothing is compiled on another thread.
    begin: () => -1,
    ready: () => 0,
    link_begun: () => -1,
    unlink(at, count) {
      slots(at, count).forEach((slot) => put(slot, null));
    },
  };
}

const [path, directory, ...args] = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args: [path, ...args], env: process.env, preopens: { "/": directory } });
let instance;
const psycore = linker(() => instance);
const module = await WebAssembly.compile(readFileSync(path));
instance = await WebAssembly.instantiate(module, { ...wasi.getImportObject(), psycore });
process.exitCode = wasi.start(instance);
