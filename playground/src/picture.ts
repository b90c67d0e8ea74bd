//! Pictures that a program leaves as files: portable pixmaps, which a few lines of Python can write.

/** Draws a PPM or PGM (P2, P3, P5, P6; 8 bits). Null if it is none. */
export function draw(name: string, bytes: Uint8Array): HTMLCanvasElement | null {
  const header = /^P([2356])\s+(?:#[^\n]*\s+)*(\d+)\s+(\d+)\s+(\d+)\s/.exec(
    new TextDecoder("latin1").decode(bytes.subarray(0, 200)),
  );
  if (header === null) return null;
  const [kind, width, height, most] = header.slice(1).map(Number);
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const count = width * height * channels;
  if (most > 255 || count === 0 || count > 100_000_000) return null;
  const rest = bytes.subarray(header[0].length);
  const values = kind >= 5 ? rest : new TextDecoder("latin1").decode(rest).split(/\s+/).filter(Boolean).map(Number);
  if (values.length < count) return null;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${name}, ${width} by ${height} pixels`);
  const context = canvas.getContext("2d");
  if (context === null) return null;
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = (values[channels * i + (channels === 3 ? c : 0)] * 255) / most;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
