//! Tests of hooks, deopt and layout that run real Python code in a VM.

mod counting;
mod deopt;
mod layout;
mod rebuild;

use crate::attach::install;
use crate::hook::attached::forget;
use crate::hook::{Attached, Driver, Exited, Hot, Site, SiteVersion, Thresholds, prepare};
use crate::object::frame::FrameRef;
use psycore_jit::ir::ObjId;
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::compiler::Mode;
use rustpython_vm::{InterpreterBuilder, PyObject, VirtualMachine};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Interpreters of one process share their static types and small objects, which compiled code counts on
/// nobody else to change: tests that run Python take turns.
pub fn my_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed says so itself.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `f` in a new interpreter with the standard library.
pub fn with_vm<R>(f: impl FnOnce(&VirtualMachine) -> R) -> R {
    let _turn = my_turn();
    let f = |vm: &VirtualMachine| {
        // An earlier test's interpreter may have been at the same address.
        forget(vm);
        f(vm)
    };
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

/// The same with a JIT.
pub fn with_jit<R>(driver: Box<dyn Driver>, options: Thresholds, f: impl FnOnce(&VirtualMachine, &'static Attached) -> R) -> R {
    with_vm(|vm| {
        let attached = install(vm, driver, options).unwrap();
        f(vm, attached)
    })
}

/// What a program prints, and the traceback that it ends with.
pub fn outcome(vm: &VirtualMachine, source: &str) -> String {
    let run = || -> rustpython_vm::PyResult<String> {
        let io = vm.import("io", 0)?;
        let out = vm.call_method(&io, "StringIO", ())?;
        let sys = vm.sys_module.clone();
        let old = sys.get_attr("stdout", vm)?;
        sys.set_attr("stdout", out.clone(), vm)?;
        let code = vm.compile(source, Mode::Exec, "<program>").map_err(|e| vm.new_value_error(format!("{e}")))?;
        let code = prepare::prepared(vm, &code);
        let scope = vm.new_scope_with_main()?;
        let result = vm.run_code_obj(code, scope);
        sys.set_attr("stdout", old, vm)?;
        let mut text = vm.call_method(&out, "getvalue", ())?.str(vm)?.to_string();
        if let Err(e) = result {
            let mut shown = String::new();
            let _ = vm.write_exception(&mut shown, &e);
            text += &shown;
        }
        Ok(text)
    };
    match run() {
        Ok(text) => text,
        Err(e) => {
            let mut shown = String::new();
            let _ = vm.write_exception(&mut shown, &e);
            panic!("{shown}");
        }
    }
}

/// A driver that compiles nothing.
pub struct Never;

impl Driver for Never {
    fn object(&self, _: ObjId) -> &PyObject {
        unreachable!("nothing is compiled")
    }
    fn hot(&self, site: &Site, frame: FrameRef, _: &VirtualMachine) -> Hot {
        // SAFETY: the live frame of the site.
        assert!(unsafe { std::ptr::eq(frame.code(), site.code()) });
        Hot::Never
    }
    fn exited(&self, _: &Site, _: FrameRef, _: &Exited<'_>, _: &VirtualMachine) {
        unreachable!("nothing is compiled")
    }
    unsafe fn enter(&self, _: &SiteVersion, _: *mut RuntimeContext, _: *mut u64) -> i32 {
        unreachable!("nothing is compiled")
    }
}
