//! The service worker: the page works offline after it was loaded once, and is cross-origin isolated, which stopping
//! a busy program and `input()` need, on hosts that do not send the headers for it.

const CACHE = "psycore-__VERSION__";
const FILES = ["__FILES__"];

addEventListener("install", (event) => {
  // What the page shows at once. The interpreter is cached when the page loads it, the rest when the page asks.
  const first = FILES.filter((name) => !name.endsWith(".wasm"));
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(first))
      .then(() => skipWaiting()),
  );
});

addEventListener("activate", (event) => {
  const outdated = (name) => name.startsWith("psycore-") && name !== CACHE;
  const clean = caches.keys().then((names) => Promise.all(names.filter(outdated).map((name) => caches.delete(name))));
  event.waitUntil(clean.then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  event.respondWith(answer(request));
  // The interpreter's library is not needed yet, but may be wanted offline.
  if (request.url.endsWith(".wasm")) event.waitUntil(keepLibrary());
});

async function keepLibrary() {
  const cache = await caches.open(CACHE);
  const missing = async (name) => (await cache.match(name, { ignoreVary: true })) === undefined;
  for (const name of FILES.filter((name) => name.includes("psycore-library"))) if (await missing(name)) await cache.add(name);
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  // Every address of the page is the same page; what comes after the # never gets here.
  const key = request.mode === "navigate" ? new URL("./", location.href).href : request;
  let response = await cache.match(key, { ignoreVary: true });
  if (response === undefined) {
    response = await fetch(request);
    const known = FILES.some((name) => new URL(name, location.href).href === request.url);
    if (response.ok && known) await cache.put(request, response.clone());
  }
  return isolated(response);
}

function isolated(response) {
  if (response.type === "opaque" || response.type === "error") return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
