//! Tests of hooks, deopt and layout that run real Python code in a VM.

mod layout;

use rustpython_vm::{InterpreterBuilder, VirtualMachine};

/// Runs `f` in a new interpreter with the standard library.
pub fn with_vm<R>(f: impl FnOnce(&VirtualMachine) -> R) -> R {
    let builder = InterpreterBuilder::new();
    let defs = rustpython_stdlib::stdlib_module_defs(&builder.ctx);
    let interpreter = builder
        .add_native_modules(&defs)
        .add_frozen_modules(rustpython_pylib::FROZEN_STDLIB)
        .init_hook(|vm| {
            if let Some(state) = rustpython_vm::common::rc::PyRc::get_mut(&mut vm.state) {
                state.config.paths.stdlib_dir = Some(rustpython_pylib::LIB_PATH.to_owned());
            }
        })
        .build();
    interpreter.enter(f)
}
