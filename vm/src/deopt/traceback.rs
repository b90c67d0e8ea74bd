//! What happens to an exception where compiled code left: an entry in the traceback, its context, and the way to its handler,
//! as the interpreter would have it.

use super::frames::{LiveFrame, waits_past_caches};
use crate::code::plan::SUSPENDS;
use crate::hook::site;
use crate::object::frame::FrameRef;
use crate::object::layout;
use psycore_jit::bytecode::{Opcode, base_opcode};
use rustpython_compiler_core::bytecode::find_exception_handler;
use rustpython_vm::builtins::{PyBaseException, PyBaseExceptionRef, PyCode, PyTraceback};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyPayload, VirtualMachine};

/// To find a generator among more frames takes longer than to ask.
const FRAMES_LOOKED_AT: usize = 16;

/// Takes the outermost entry out of the traceback.
pub fn drop_entry(exception: &Py<PyBaseException>) {
    let next = exception.traceback().and_then(|entry| entry.next.lock().clone());
    exception.set_traceback(next);
}

/// Handles an exception of the instruction at `pc` as the interpreter does: an entry in the traceback,
/// the context, then the handler, or the pad that leaves the frame. The frame is current.
/// `from_callee` says that the exception came out of an inner frame.
pub fn raise(live: &LiveFrame<'_>, pc: u32, exception: PyBaseExceptionRef, from_callee: bool) {
    let LiveFrame { frame, code, vm, .. } = *live;
    let Some(p) = site::of(code) else { return };
    let Some((at, last)) = trace(frame, code, pc, &exception, from_callee, vm) else { return };
    let lasti = || -> PyObjectRef { vm.ctx.new_int(last as i32).into() };
    // SAFETY: room for both was reserved when the code was prepared.
    unsafe {
        match find_exception_handler(&code.code.exceptiontable, at) {
            Some(handler) => {
                frame.truncate(handler.depth as usize);
                if handler.push_lasti {
                    frame.push(Some(lasti()));
                }
                frame.push(Some(exception.into()));
                frame.set_lasti(handler.target);
            }
            None => {
                frame.truncate(0);
                frame.push(Some(lasti()));
                frame.push(Some(exception.into()));
                frame.set_lasti(p.pads.reraise);
            }
        }
    }
}

/// Lets the interpreter leave a frame with an exception whose traceback has the frame already. Its position is behind
/// the instruction that raised.
///
/// # Safety
/// `frame` is the current one; `exception` is an owned address.
pub unsafe fn leave_raising(frame: FrameRef, exception: usize, vm: &VirtualMachine) {
    // SAFETY: the caller's promise; room for both was reserved when the code was prepared.
    unsafe {
        let Some(p) = site::of(frame.code()) else { return };
        let last = frame.lasti().saturating_sub(1);
        frame.truncate(0);
        frame.push(Some(vm.ctx.new_int(last as i32).into()));
        frame.push(Some(layout::own(exception)));
        frame.set_lasti(p.pads.reraise);
    }
}

/// The first part of that: the traceback and the context. Gives the unit that the exception table is
/// asked about and the last one of the instruction.
pub fn trace(
    frame: FrameRef,
    code: &Py<PyCode>,
    pc: u32,
    exception: &Py<PyBaseException>,
    from_callee: bool,
    vm: &VirtualMachine,
) -> Option<(u32, u32)> {
    let p = site::of(code)?;
    let instr = p.instr_at(code, pc);
    let op_pc = instr.map_or(pc, |i| i.op_pc);
    // The interpreter leaves `lasti` past the caches even of what raised.
    let last = instr.map_or(pc, |i| i.next - 1);
    // SAFETY: positions of the code itself, in the current frame.
    unsafe { frame.set_lasti(last + 1) };
    let unit = p.original_unit(code, op_pc);
    let (op, arg) = (base_opcode(unit.op), u8::from(unit.arg));
    let at = if from_callee && waits_past_caches(op) { last } else { op_pc };
    // RAISE_VARARGS: 0 is a bare raise; 1 and 2 raise something (from a cause).
    let new_raise = op == Opcode::RaiseVarargs && matches!(arg, 1 | 2);
    let again =
        matches!(op, Opcode::Reraise | Opcode::EndAsyncFor | Opcode::CleanupThrow) || op == Opcode::RaiseVarargs && !new_raise;
    if !again {
        let had_traceback = exception.traceback().is_some();
        if let (Some((location, _)), Some(object)) = (code.code.locations.get(at as usize), vm.current_frame()) {
            let entry = PyTraceback::new(exception.traceback(), object, at as i32 * 2, location.line);
            exception.set_traceback(Some(entry.into_ref(&vm.ctx)));
        }
        if new_raise || !had_traceback {
            contextualize(exception, vm);
        }
    }
    Some((at, last))
}

/// The exception that is being handled, by the innermost frame that handles one.
pub fn handled(vm: &VirtualMachine) -> Option<PyBaseExceptionRef> {
    vm.current_exception().or_else(|| {
        // The innermost generator handles none; an outer frame may.
        if !may_be_in_generator() {
            return None;
        }
        let f = vm.sys_module.get_attr("exception", vm).ok()?;
        f.call((), vm).ok()?.downcast::<PyBaseException>().ok()
    })
}

/// False if no frame is a generator's or a coroutine's, which have exceptions of their own.
fn may_be_in_generator() -> bool {
    let mut next = FrameRef::current();
    for _ in 0..FRAMES_LOOKED_AT {
        let Some(frame) = next else { return false };
        // SAFETY: frames of the chain are live.
        unsafe {
            if frame.code().flags.intersects(SUSPENDS) {
                return true;
            }
            next = frame.previous();
        }
    }
    true
}

/// Sets `__context__` to the exception that is being handled, and breaks cycles, as a raise does.
fn contextualize(exception: &Py<PyBaseException>, vm: &VirtualMachine) {
    if let Some(context) = handled(vm) {
        set_context(exception, context);
    }
}

/// The same, for another exception that is being handled.
pub fn set_context(exception: &Py<PyBaseException>, context: PyBaseExceptionRef) {
    if context.is(exception) {
        return;
    }
    let mut o = context.clone();
    let mut slow = context.clone();
    let mut toggle = false;
    while let Some(c) = o.__context__() {
        if c.is(exception) {
            o.set_context(None);
            break;
        }
        o = c;
        if o.is(&slow) {
            break;
        }
        if toggle && let Some(s) = slow.__context__() {
            slow = s;
        }
        toggle = !toggle;
    }
    exception.set_context(Some(context));
}
