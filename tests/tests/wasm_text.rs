//! The WebAssembly that is made of a unit, as text: each `tests/wasm/NAME.ir` gives what `NAME.wat` holds.
//! `PSYCORE_BLESS=1` writes it.

use psycore_ir_tests::ir_machine;
use psycore_jit::ir::text::parse_unit;
use psycore_jit::ir::verify::verify;
use psycore_jit::ir::{FnKind, Unit};
use psycore_jit::lower::LowerEnv;
use psycore_tests::diff;
use psycore_wasm::link::{Slot, TableKind};
use psycore_wasm::lower::module_bytes;
use std::path::{Path, PathBuf};

/// The module with addresses that are the same each time.
fn module(unit: &Unit) -> Result<Vec<u8>, String> {
    let layout = ir_machine::layout(4);
    let env = LowerEnv {
        layout: &layout,
        obj_address: &|o| 0x10000 + 0x100 * o.index(),
        rt_address: &|rt| 100 + rt as usize,
        cell_address: &|c| 0x8000 + 8 * c.index(),
        exit_base: 0,
    };
    let slot = |(i, f): (usize, &psycore_jit::ir::Function)| match f.kind {
        FnKind::Entry => Slot::new(TableKind::Entries, 1000 + i as u32),
        FnKind::Compiled => Slot::new(TableKind::Code, 1 + i as u32),
    };
    let slots: Vec<Slot> = unit.funcs.iter().enumerate().map(slot).collect();
    module_bytes(unit, &env, &slots).map_err(|e| e.to_string())
}

fn units(directory: &str) -> Vec<(PathBuf, Unit)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let files = std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut paths: Vec<PathBuf> = files.filter_map(|e| e.ok().map(|e| e.path())).collect();
    paths.retain(|p| p.extension().is_some_and(|x| x == "ir"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let source = text.split_once("\n---\n").map_or(text.as_str(), |(source, _)| source);
        let unit = parse_unit(source).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path, unit)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn text_of_modules() {
    let bless = std::env::var_os("PSYCORE_BLESS").is_some();
    let mut failed = Vec::new();
    for (path, unit) in units("wasm") {
        let text = module(&unit).and_then(|bytes| wasmprinter::print_bytes(bytes).map_err(|e| e.to_string()));
        let text = text.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file = path.with_extension("wat");
        if bless {
            std::fs::write(&file, &text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some(difference) = diff::texts(&expected, &text) {
            failed.push(format!("{}: other text (PSYCORE_BLESS=1 accepts it)\n{difference}", path.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// Every unit of the filetests that is well formed gives a valid module, and so does what the passes make of it.
#[test]
fn modules_are_valid() {
    let engine = wasmtime::Engine::default();
    let mut count = 0;
    for (path, mut unit) in units("filetests").into_iter().chain(units("wasm")) {
        // An irreducible one is refused by the verifier only.
        if verify(&unit).is_err_and(|e| e.0.iter().any(|e| !e.message.contains("jumps back to"))) {
            continue;
        }
        for _ in 0..2 {
            let bytes = module(&unit).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let valid = wasmtime::Module::validate(&engine, &bytes);
            assert!(valid.is_ok(), "{}: {valid:?}\n{:?}", path.display(), wasmprinter::print_bytes(&bytes));
            count += 1;
            if verify(&unit).is_err() {
                break;
            }
            psycore_jit::passes::optimize(&mut unit, &Default::default());
        }
    }
    assert!(count > 20, "only {count} modules");
}
