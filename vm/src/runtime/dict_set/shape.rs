//! Stamps of dict shapes, for compiled code and for the compiler.

use rustpython_vm::builtins::{PyBaseExceptionRef, PyDict};
use rustpython_vm::{AsObject, Py, VirtualMachine};

use crate::deopt::traceback;
use crate::hook::Attached;
use crate::object::stamp;

/// What a signal raised while a load ran was meant for the program, which gets it at its next instruction.
fn pass_on(vm: &VirtualMachine, exception: PyBaseExceptionRef) {
    let types = &vm.ctx.exceptions;
    // What the loads themselves can raise.
    if [types.name_error, types.recursion_error, types.memory_error, types.system_error]
        .iter()
        .any(|class| exception.class().is(*class))
    {
        return;
    }
    while exception.traceback().is_some_and(|entry| entry.frame.f_code().source_path().as_str() == stamp::FILE) {
        traceback::drop_entry(&exception);
    }
    if let Some(attached) = Attached::of(vm) {
        attached.interrupts.raise_soon(exception);
    }
}

/// The stamp of an exact dict's keys, given one of its own if no other dict can share it. Slower than
/// [`shape`]: for compilers, not for compiled code.
pub fn stamped(vm: &VirtualMachine, dict: &Py<PyDict>) -> Option<u32> {
    stamp::stamped(vm, dict, pass_on)
}

/// The stamp of an exact dict's keys, given one if it has none and dicts with the same keys share it.
pub fn shape(vm: &VirtualMachine, dict: &Py<PyDict>) -> Option<u32> {
    stamp::shape(vm, dict, pass_on)
}
