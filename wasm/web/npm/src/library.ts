//! The part of the standard library that is a file of its own. A program that imports one of its modules waits for it, so it is
//! fetched synchronously, or before there is a program where that can't be done.

/** Where the file is, or its contents. Can be sent to a worker. */
export type LibrarySource = string | Uint8Array;

const isFile = (url: string) => url.startsWith("file:");

/** Makes sure that {@link readLibrary} will find the file where it runs. */
export async function reachable(url: URL): Promise<LibrarySource> {
  // Node has no way to wait for what comes from elsewhere.
  if (isFile(url.href) || typeof XMLHttpRequest === "function") return url.href;
  const response = await fetch(url);
  return response.ok ? new Uint8Array(await response.arrayBuffer()) : url.href;
}

/** The contents of the file, or null if it can't be had. */
export function readLibrary(source: LibrarySource): Uint8Array | null {
  if (typeof source !== "string") return source;
  try {
    if (isFile(source)) return process.getBuiltinModule("node:fs").readFileSync(new URL(source));
    return download(source);
  } catch {
    return null;
  }
}

function download(url: string): Uint8Array | null {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  const inWindow = typeof document === "object";
  // Windows may wait for text only: a character for each byte.
  if (inWindow) request.overrideMimeType("text/plain; charset=x-user-defined");
  else request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) return null;
  if (!inWindow) return new Uint8Array(request.response as ArrayBuffer);
  const text = request.responseText;
  return Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i) & 255);
}
