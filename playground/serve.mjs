//! Serves `dist/` for trying the playground: `node serve.mjs [PORT]`. Any static host does as well; what this adds are
//! the headers that make the page cross-origin isolated from its first load on. With `--plain` it does not send them.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".map": "application/json",
};
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** A server for the files below `root`. */
export function serve(root, { port = 0, isolated = true } = {}) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const file = join(root, path.endsWith("/") ? `${path}index.html` : path);
    const stat = file.startsWith(root) ? statSync(file, { throwIfNoEntry: false }) : undefined;
    if (!stat?.isFile()) return response.writeHead(404).end("not found");
    response.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Content-Length": stat.size,
      "Cache-Control": "no-cache",
      ...(isolated ? ISOLATED : {}),
    });
    if (request.method === "HEAD") response.end();
    else createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2);
  const port = Number(args.find((arg) => /^\d+$/.test(arg)) ?? 8000);
  const server = await serve(fileURLToPath(new URL("dist/", import.meta.url)), { port, isolated: !args.includes("--plain") });
  console.log(`http://localhost:${server.address().port}/`);
}
