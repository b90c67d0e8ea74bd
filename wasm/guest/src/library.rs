//! The standard library of a guest. Some modules are there from the beginning; the others are in a file that the host
//! puts into memory when the first of them is imported.

use crate::host;
use psycore_vm::rustpython_vm::builtins::PyStr;
use psycore_vm::rustpython_vm::frozen::{FrozenCodeObject, FrozenModule};
use psycore_vm::rustpython_vm::function::FuncArgs;
use psycore_vm::rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};
use psycore_vm::{FrozenLib, Library};
use std::cell::Cell;

/// Where it says that it is; nothing is there.
const DIRECTORY: &str = "/lib/python";

/// The file and what is in it.
#[derive(Clone, Copy)]
struct LaterModules {
    file: *mut u8,
    bytes: usize,
    digest: u64,
    modules: &'static [(&'static str, FrozenModule)],
    there: bool,
}

thread_local! {
    static MODULES: Cell<&'static [u8]> = const { Cell::new(&[0; 4]) };
    static LATER: Cell<Option<LaterModules>> = const { Cell::new(None) };
}

/// Takes both parts, and empties the file.
///
/// # Safety
/// The file is readable and writable for good, and nobody else uses it.
pub unsafe fn set(modules: &'static [u8], file: *mut u8, bytes: usize, skipped: usize) {
    MODULES.set(modules);
    // SAFETY: the caller's promise.
    let contents = unsafe { std::slice::from_raw_parts(file, bytes) };
    let digest = digest(contents);
    let places: Vec<(&'static str, usize, usize, bool)> = FrozenLib::from_ref(&contents[skipped..])
        .decode()
        .map(|(name, module)| {
            let name: &'static str = Box::leak(name.into());
            (name, module.code.bytes.as_ptr() as usize - file as usize, module.code.bytes.len(), module.package)
        })
        .collect();
    // SAFETY: as above. Nothing refers to the contents any more.
    unsafe { file.write_bytes(0, bytes) };
    let module = |(name, at, length, package)| {
        // SAFETY: within the file. The interpreter reads it only after `need` has found it there.
        let bytes: &'static [u8] = unsafe { std::slice::from_raw_parts(file.add(at), length) };
        (name, FrozenModule { code: FrozenCodeObject { bytes }, package })
    };
    let mut modules: Vec<_> = places.into_iter().map(module).collect();
    modules.sort_unstable_by_key(|(name, _)| *name);
    LATER.set(Some(LaterModules { file, bytes, digest, modules: modules.leak(), there: false }));
}

/// What a VM is made with.
pub fn library() -> Library {
    let later = LATER.get().map_or(&[][..], |later| later.modules);
    Library { modules: FrozenLib::from_ref(MODULES.get()), later, directory: DIRECTORY }
}

/// Lets the import system of a VM ask for the file before it looks into it.
pub fn load_when_needed(vm: &VirtualMachine) -> PyResult<()> {
    let imp = vm.import("_imp", 0)?;
    for name in ["get_frozen_object", "init_frozen", "find_frozen"] {
        let original = imp.get_attr(name, vm)?;
        let function = vm.new_function(name, move |arguments: FuncArgs, vm: &VirtualMachine| -> PyResult {
            // To find a module takes no more than its name, unless its code is wanted as well.
            if name != "find_frozen" || arguments.kwargs.contains_key("withdata") {
                need(arguments.args.first(), vm)?;
            }
            original.call(arguments, vm)
        });
        imp.set_attr(name, function, vm)?;
    }
    Ok(())
}

/// Gets the file if a module is in it.
fn need(module: Option<&PyObjectRef>, vm: &VirtualMachine) -> PyResult<()> {
    let Some(later) = LATER.get().filter(|later| !later.there) else { return Ok(()) };
    let Some(name) = module.and_then(|name| name.downcast_ref::<PyStr>()).and_then(|name| name.to_str()) else { return Ok(()) };
    if later.modules.binary_search_by_key(&name, |(known, _)| known).is_err() {
        return Ok(());
    }
    let missing = |why: &str| {
        let text = format!("{why} psycore-library.wasm, where '{name}' is");
        vm.new_import_error(text, vm.ctx.new_utf8_str(name))
    };
    if !host::library(later.file, later.bytes) {
        return Err(missing("there is no"));
    }
    // SAFETY: the file's memory, which nobody writes to now.
    if digest(unsafe { std::slice::from_raw_parts(later.file, later.bytes) }) != later.digest {
        return Err(missing("this psycore.wasm has another"));
    }
    LATER.set(Some(LaterModules { there: true, ..later }));
    Ok(())
}

/// Tells one file from another; made to be fast.
fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain([last, bytes.len() as u64]);
    // An odd factor with bits all over, so that every bit of a word reaches the high ones.
    words.fold(0, |hash: u64, word| (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
