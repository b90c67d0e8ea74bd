//! Makes `dist/`: the package as it is published. `core/` (from wasm-bindgen) must be there; the guest is copied from
//! $PSYCORE_WASM, with its library beside it, or stays the one that is in `dist/`.

import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));
mkdirSync("dist", { recursive: true });
// Their names change with their contents.
for (const name of readdirSync("dist")) if (name.startsWith("shared-")) rmSync(`dist/${name}`);
await build({
  entryPoints: ["src/index.ts", "src/worker.ts"],
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  sourcemap: true,
  legalComments: "eof",
  chunkNames: "shared-[hash]",
  logLevel: "warning",
});
execFileSync("npm", ["run", "--silent", "types"], { stdio: "inherit" });
// It is bundled, and its licence wants to come along.
copyFileSync("node_modules/@bjorn3/browser_wasi_shim/LICENSE-MIT", "dist/LICENSE-browser_wasi_shim");
copyFileSync("core/psycore_web_bg.wasm", "dist/psycore_web_bg.wasm");
const guest = process.env.PSYCORE_WASM;
for (const [name, from] of [
  ["psycore.wasm", guest],
  ["psycore-library.wasm", guest && join(dirname(guest), "psycore-library.wasm")],
]) {
  if (from) {
    rmSync(`dist/${name}`, { force: true });
    copyFileSync(from, `dist/${name}`);
  }
  if (!existsSync(`dist/${name}`)) throw new Error("PSYCORE_WASM must name the guest");
}
