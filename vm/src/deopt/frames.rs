//! Frames on the way back to the interpreter: the live one, whose slots are rewritten in place, and inner ones, which are
//! still to be made.

use crate::hook::{Attached, site};
use crate::object::frame::FrameRef;
use crate::object::frame_stack::OwnFrame;
use crate::object::layout;
use psycore_jit::bytecode::Opcode;
use psycore_jit::ir::Awaits;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyFunction};
use rustpython_vm::{Py, PyRef, VirtualMachine};

/// What a frame does next.
#[derive(Clone, Copy, Debug)]
pub enum Next {
    /// Runs the instruction at the position (again).
    At(u32),
    /// Goes on after it.
    After(u32),
    /// Handles the exception that it raised.
    Raise(u32),
    /// Waits for the next inner frame, which the instruction at the position called.
    Call(CallSite),
}

/// The instruction that an inner frame comes from, and what becomes of its result.
#[derive(Clone, Copy, Debug)]
pub struct CallSite {
    pub pc: u32,
    pub awaits: Awaits,
}

/// The current frame of the interpreter, and what all work on it needs.
#[derive(Clone, Copy)]
pub struct LiveFrame<'a> {
    pub attached: &'static Attached,
    pub frame: FrameRef,
    pub code: &'a Py<PyCode>,
    pub vm: &'a VirtualMachine,
}

impl<'a> LiveFrame<'a> {
    /// # Safety
    /// `frame` is the current one, and stays it while the result is used.
    pub unsafe fn new(attached: &'static Attached, frame: FrameRef, vm: &'a VirtualMachine) -> Self {
        // SAFETY: the code of a live frame.
        LiveFrame { attached, frame, code: unsafe { frame.code() }, vm }
    }

    /// Sets `lasti` for what comes next.
    pub fn set_position(&self, next: Next) {
        set_position(self.frame, self.code, next);
    }

    /// Moves what an inner frame holds into this one, which has hardly begun. Gives what was in its slots.
    ///
    /// # Safety
    /// The frame runs the inner frame's code, and its stack is empty.
    pub unsafe fn take_slots(&self, inner: &mut InnerFrame) -> Vec<usize> {
        // SAFETY: the caller's promise; both have the slots of the same code.
        unsafe {
            let (nlocals, slots) = (self.frame.nlocals(), self.frame.slots());
            let old = inner.slots.drain(..).enumerate().take(nlocals).map(|(i, word)| slots.add(i).replace(word)).collect();
            for (i, word) in inner.stack.drain(..).enumerate() {
                self.frame.stack_slot(i).write(word);
                self.frame.set_stack_len(i + 1);
            }
            old
        }
    }
}

/// Sets `lasti` of a frame that is live, though perhaps not the current one.
pub fn set_position(frame: FrameRef, code: &Py<PyCode>, next: Next) {
    let Some(p) = site::of(code) else { return };
    let lasti = match next {
        Next::At(pc) => p.resume_index(code, pc),
        Next::After(pc) => p.after_index(code, pc),
        // In flight: one past the instruction's own unit. The interpreter's calls of Python functions
        // wait past their caches.
        Next::Raise(pc) | Next::Call(CallSite { pc, .. }) => match p.instr_at(code, pc) {
            Some(i) if matches!(next, Next::Call(..)) && waits_past_caches(i.op) => i.next,
            Some(i) => i.op_pc + 1,
            None => pc + 1,
        },
    };
    // SAFETY: positions come from the code itself.
    unsafe { frame.set_lasti(lasti) };
}

pub fn waits_past_caches(op: Opcode) -> bool {
    matches!(op, Opcode::Call | Opcode::CallKw)
}

/// A frame to be made, or to be taken over.
pub struct InnerFrame {
    pub code: PyRef<PyCode>,
    pub func: PyRef<PyFunction>,
    /// Owned references, or 0. None for a frame that is there.
    pub slots: Vec<usize>,
    pub stack: Vec<usize>,
    pub next: Next,
    /// The frame that compiled code has made for it, if somebody may hold that.
    pub own: Option<OwnFrame>,
    /// The exception that was handled when it began, if that is another one than now: to be the handled one again
    /// when it ends.
    pub handled: Option<Option<PyBaseExceptionRef>>,
}

impl Drop for InnerFrame {
    fn drop(&mut self) {
        // Only what was not moved into a real frame is left.
        for word in self.slots.drain(..).chain(self.stack.drain(..)) {
            if word != 0 {
                // SAFETY: recipes give owned references.
                drop(unsafe { layout::own(word) });
            }
        }
        if let Some(own) = self.own.take() {
            // SAFETY: it has left the chain, and nobody has taken it.
            unsafe { own.free() };
        }
    }
}
