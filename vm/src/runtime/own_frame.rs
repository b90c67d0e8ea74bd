//! The frames of function versions that may run Python code: made at the beginning, ended where the function returns.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::PyFunction;
use rustpython_vm::{Py, PyResult, VirtualMachine};

use super::abi::{Raw, give, obj, vm};
use super::enter::returned;
use crate::deopt::traceback;
use crate::object::frame::FrameRef;
use crate::object::frame_stack::OwnFrame;

/// Makes a function's frame the running one; gives its slots.
pub unsafe extern "C" fn frame_push(ctx: *mut RuntimeContext, function: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and the function that it was made from.
    unsafe {
        let frame = OwnFrame::push(&*function.cast::<Py<PyFunction>>(), vm(ctx)).0;
        (*ctx).frame = frame.0.cast();
        frame.slots().cast()
    }
}

/// Takes the running frame out of the chain.
///
/// # Safety
/// It was made by [`frame_push`].
#[inline]
unsafe fn unlink(ctx: *mut RuntimeContext) -> OwnFrame {
    // SAFETY: the caller's promise.
    unsafe {
        let frame = OwnFrame(FrameRef((*ctx).frame.cast()));
        (*ctx).frame = frame.unlink().map_or(std::ptr::null_mut(), |f| f.0.cast());
        frame
    }
}

/// Ends the running frame.
pub unsafe extern "C" fn frame_pop(ctx: *mut RuntimeContext) {
    // SAFETY: compiled code passes its own context and has made the frame, which nobody else holds.
    unsafe { unlink(ctx).free() }
}

/// Lets the interpreter end the running frame, so that who holds it finds it as it was in the end.
unsafe fn finish(ctx: *mut RuntimeContext, prepare: impl FnOnce(FrameRef, &VirtualMachine)) -> PyResult {
    // SAFETY: as for `frame_pop`.
    unsafe {
        let vm = vm(ctx);
        let frame = unlink(ctx);
        prepare(frame.0, vm);
        let result = vm.run_frame_fast(&mut *frame.0.0);
        frame.free();
        result
    }
}

/// Returns a value from the running frame.
pub unsafe extern "C" fn frame_return(ctx: *mut RuntimeContext, value: Raw) {
    // SAFETY: as for `frame_pop`; the value is a live object, and the frame stands where the function returns.
    let result = unsafe { finish(ctx, |frame, _| returned(frame, obj(value).to_owned())) };
    debug_assert!(result.is_ok(), "a return that raised");
}

/// Leaves the running frame with an exception.
pub unsafe extern "C" fn frame_raise(ctx: *mut RuntimeContext, exception: Raw) {
    // SAFETY: as for `frame_pop`; the exception is owned.
    unsafe {
        let result = finish(ctx, |frame, vm| traceback::leave_raising(frame, exception as usize, vm));
        if let Err(e) = result {
            (*ctx).exception = give(e).cast();
        }
    }
}
