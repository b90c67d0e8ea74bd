import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/** Writes `sw.js`, which knows the names of all files of this build. */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const files = Object.keys(bundle).filter((name) => !name.endsWith(".map"));
        const version = createHash("sha256").update(files.sort().join()).digest("hex").slice(0, 12);
        const source = readFileSync(new URL("src/sw.js", import.meta.url), "utf8")
          .replace("__VERSION__", version)
          .replace(
            '"__FILES__"',
            ["./", ...files.filter((name) => name !== "index.html")].map((name) => JSON.stringify(name)).join(", "),
          );
        this.emitFile({ type: "asset", fileName: "sw.js", source });
      },
    },
  };
}

const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default defineConfig({
  // The page works wherever its directory is put.
  base: "./",
  plugins: [serviceWorker()],
  worker: { format: "es" },
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 2000, license: { fileName: "licenses.md" } },
  server: { headers, fs: { allow: [".."] } },
  preview: { headers },
});
