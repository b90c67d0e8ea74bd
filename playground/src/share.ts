//! Programs in links: `#code=` and the program, compressed, in the letters that links may have.

const PREFIX = "#code=";

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A link to this page with the program in it. Nothing is sent anywhere: browsers keep what follows the #. */
export async function linkTo(code: string): Promise<string> {
  const bytes = await through(new TextEncoder().encode(code), new CompressionStream("deflate-raw"));
  const letters = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const link = new URL(location.href);
  link.hash = PREFIX + letters.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return link.href;
}

/** The program in the address of this page, or null if there is none or it is damaged. */
export async function codeInLink(): Promise<string | null> {
  if (!location.hash.startsWith(PREFIX)) return null;
  try {
    const letters = location.hash.slice(PREFIX.length).replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
    return new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw")));
  } catch {
    return null;
  }
}
