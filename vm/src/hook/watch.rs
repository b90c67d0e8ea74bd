//! When compiled code must not run: while somebody watches instructions run, or while there are more
//! threads than one (RustPython has no lock around the interpreter, so compiled code may read objects
//! directly only while nobody else runs).
//!
//! Watching (`sys.settrace`, `sys.setprofile`, `sys.monitoring`) would miss the events of patched instructions, so turning
//! it on first writes the original instructions back everywhere; turning it off puts the hooks back.
//! Threads need no such thing: a hook on another thread only does the jump that it replaced.

use super::attached::Attached;
use super::code_view::{call_quietly, dress};
use super::lazy;
use crate::object::threads::alone;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

/// Takes all hooks out of the code, or puts them back, as the tools demand.
pub fn update(a: &'static Attached, vm: &VirtualMachine) {
    let watched = vm.use_tracing.get() || vm.state.monitoring_events.load() != 0;
    if watched == a.is_watched() || !alone(vm) {
        return;
    }
    lazy::prepare_all(a, vm);
    a.set_watched(watched);
    a.codes.each_prepared(|p| {
        for i in 0..p.patches.len() {
            if watched {
                p.disarm(i);
            } else if p.is_live(i) {
                p.arm(i);
            }
        }
    });
}

/// Makes compiled code that waits for a call look at the state of affairs when it goes on.
fn interrupt(a: &Attached) {
    // SAFETY: the context's own word; compiled code counts it down and asks at zero.
    unsafe { (*a.ctx()).set_countdown(1) };
}

/// Takes all hooks out ahead of a tool that is about to be turned on.
fn disarm_all(a: &'static Attached, vm: &VirtualMachine) {
    interrupt(a);
    if !alone(vm) {
        return;
    }
    lazy::prepare_all(a, vm);
    if !a.set_watched(true) {
        a.codes.each_prepared(|p| {
            for i in 0..p.patches.len() {
                p.disarm(i);
            }
        });
    }
}

/// Puts itself in front of the functions that turn tools on and off.
pub fn install(a: &'static Attached, vm: &VirtualMachine) -> PyResult<()> {
    let sys: PyObjectRef = vm.sys_module.clone().into();
    for name in ["settrace", "setprofile", "_settraceallthreads", "_setprofileallthreads"] {
        wrap(a, vm, &sys, name)?;
    }
    if let Ok(monitoring) = sys.get_attr("monitoring", vm) {
        for name in ["set_events", "set_local_events", "free_tool_id", "clear_tool_id"] {
            wrap(a, vm, &monitoring, name)?;
        }
    }
    // A thread begins inside a call: compiled code that made it must leave right after it.
    if let Ok(thread) = vm.import("_thread", 0) {
        for name in ["start_new_thread", "start_new", "start_joinable_thread"] {
            let Ok(old) = thread.get_attr(name, vm) else { continue };
            let doc = old.get_attr("__doc__", vm).ok();
            let new = vm.new_function(name, move |args: FuncArgs, vm: &VirtualMachine| -> PyResult {
                if alone(vm) {
                    lazy::prepare_all(a, vm);
                }
                let result = call_quietly(&old, args, vm);
                if Attached::of(vm).is_some_and(|b| std::ptr::eq(a, b)) {
                    // Whichever thread this is, the word is only ever a request.
                    interrupt(a);
                }
                result
            });
            let new: PyObjectRef = new.into();
            dress(vm, &new, doc);
            thread.set_attr(name, new, vm)?;
        }
    }
    Ok(())
}

fn wrap(a: &'static Attached, vm: &VirtualMachine, owner: &PyObjectRef, name: &'static str) -> PyResult<()> {
    let Ok(function) = owner.get_attr(name, vm) else { return Ok(()) };
    let doc = function.get_attr("__doc__", vm).ok();
    let old = function;
    let new = vm.new_function(name, move |args: FuncArgs, vm: &VirtualMachine| -> PyResult {
        disarm_all(a, vm);
        let result = call_quietly(&old, args, vm);
        // The call may have turned everything off, or may have failed.
        update(a, vm);
        result
    });
    let new: PyObjectRef = new.into();
    dress(vm, &new, doc);
    owner.set_attr(name, new, vm)
}
