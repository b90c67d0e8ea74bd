//! WebAssembly modules as text. What does it is large and comes only when somebody looks.

/** The text format of a module. Rejects if the bytes are none. */
export async function textOf(bytes: Uint8Array): Promise<string> {
  const { default: load } = await import("wabt");
  const wabt = await load();
  const module = wabt.readWasm(bytes, { readDebugNames: true });
  try {
    module.generateNames();
    module.applyNames();
    return module.toText({ foldExprs: true, inlineExport: true });
  } finally {
    module.destroy();
  }
}
