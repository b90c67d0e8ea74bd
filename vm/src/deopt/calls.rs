//! Calls that compiled code was in the middle of: how the interpreter comes to run the inner frames, and how their results
//! and exceptions get to the frames that wait for them.
//!
//! A frame with inner ones goes to its `resume_inner` pad, whose hook lets the interpreter call the next function from the
//! frame's `call` pad, as it calls Python functions: without going deeper in the machine's stack. The callee's entry is
//! replaced meanwhile by a hook, which makes the new frame the inner one. Where the interpreter would call otherwise, the
//! inner frame is forged and its run is nested.

use super::frames::{CallSite, InnerFrame, LiveFrame, Next, set_position, waits_past_caches};
use super::operator_result;
use super::traceback::{drop_entry, raise, set_context};
use crate::code::plan::SUSPENDS;
use crate::code::units::HOOK_UNITS;
use crate::hook::{Attached, site};
use crate::object::frame::FrameRef;
use crate::object::frame_stack::OwnFrame;
use crate::object::{layout, views};
use psycore_jit::bytecode::base_opcode;
use psycore_jit::ir::Awaits;
use rustpython_compiler_core::bytecode::CodeFlags;
use rustpython_vm::builtins::{PyBaseException, PyBaseExceptionRef, PyInt};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyResult, VirtualMachine};
use std::cell::RefCell;
use std::collections::VecDeque;

thread_local! {
    /// What frames of this thread have to do when they come to a hook for inner frames; the innermost last.
    static PENDING: RefCell<Vec<Pending>> = const { RefCell::new(Vec::new()) };
}

/// What a frame has to do when it comes to a hook for inner frames.
struct Pending {
    /// The frame; none if the interpreter is about to make it for the caller in `work`.
    frame: Option<FrameRef>,
    work: Work,
    carried: Carried,
}

/// What the innermost frame is to be given.
pub struct Carried {
    /// What the instruction where compiled code left has raised.
    pub exception: Option<PyBaseExceptionRef>,
    /// What was raised on the way, by a signal.
    pub interrupt: Option<PyBaseExceptionRef>,
}

impl Carried {
    /// Lets the next instruction of the innermost frame raise what a signal has.
    fn interrupt(self, a: &Attached) {
        if let Some(e) = self.interrupt {
            a.interrupts.raise_soon(e);
        }
    }
}

enum Work {
    /// To run the inner frames that the instruction at the position called.
    Call(CallSite, VecDeque<InnerFrame>),
    /// To raise the exception at the position.
    Raise(u32),
    /// To be the first of some frames.
    Become(PadCall),
}

/// A call of the first of some frames, as the interpreter is about to make it.
struct PadCall {
    caller: FrameRef,
    /// The instruction that stands for it.
    pc: u32,
    /// The caller's stack without the operands of the pad.
    depth: usize,
    inner: VecDeque<InnerFrame>,
}

impl PadCall {
    /// Gives the callee's code its entry back.
    fn restore(&self) {
        if let Some(first) = self.inner.front()
            && let Some(p) = site::of(&first.code)
        {
            p.restore(&first.code);
        }
    }

    fn site(&self) -> CallSite {
        CallSite { pc: self.pc, awaits: Awaits::Result }
    }
}

impl Pending {
    fn push(self) {
        PENDING.with_borrow_mut(|all| all.push(self));
    }

    /// Takes what is pending for the current frame, which has come to a hook; `raised` says that it was the one behind the pads.
    fn take(frame: FrameRef, raised: bool) -> Option<Pending> {
        PENDING.with_borrow_mut(|all| match all.last() {
            // SAFETY: the frame is the current one.
            Some(next) if unsafe { next.is_for(frame) } => all.pop(),
            Some(Pending { work: Work::Become(call), .. }) if raised && call.caller == frame => all.pop(),
            _ => None,
        })
    }

    /// # Safety
    /// `frame` is the current one.
    unsafe fn is_for(&self, frame: FrameRef) -> bool {
        match &self.work {
            // SAFETY: the caller's promise.
            Work::Become(call) => unsafe {
                frame.previous() == Some(call.caller) && call.inner.front().is_some_and(|f| std::ptr::eq(&*f.code, frame.code()))
            },
            _ => self.frame == Some(frame),
        }
    }
}

/// Runs the inner frames that an instruction called, and delivers what came of them.
pub fn finish_call(live: &LiveFrame<'_>, call: CallSite, inner: VecDeque<InnerFrame>, carried: Carried) {
    let LiveFrame { frame, vm, .. } = *live;
    let pc = call.pc;
    let value = match run(live.attached, inner, carried, vm) {
        Ok(value) => value,
        Err(e) => return raise(live, pc, e, true),
    };
    match call.awaits {
        // SAFETY: the frame is current again.
        Awaits::Result => unsafe { frame.push(Some(value)) },
        Awaits::Operator(n) => match finish_operator(live, pc, n as usize, value) {
            Some(Ok(())) => {}
            Some(Err(e)) => return raise(live, pc, e, false),
            None => return,
        },
        // The instance is on the stack.
        Awaits::Init if vm.is_none(&value) => {}
        Awaits::Init => {
            let message = format!("__init__() should return None, not '{:.200}'", value.class().name());
            return raise(live, pc, vm.new_type_error(message), true);
        }
    }
    live.set_position(Next::After(pc));
}

/// Puts what an operator makes of its method's `value` in the place of its `n` operands.
fn finish_operator(live: &LiveFrame<'_>, pc: u32, n: usize, value: PyObjectRef) -> Option<PyResult<()>> {
    let LiveFrame { frame, code, vm, .. } = *live;
    let p = site::of(code)?;
    let unit = p.original_unit(code, p.instr_at(code, pc)?.op_pc);
    // SAFETY: the frame is current again, and its operands are on the stack.
    let operands: Vec<PyObjectRef> = unsafe {
        let depth = frame.stack_len();
        // The NULL of a call is nothing to look at.
        (depth - n..depth)
            .filter_map(|i| Some(*frame.stack_slot(i) & !1).filter(|word| *word != 0))
            .map(|word| layout::object_at(word).to_owned())
            .collect()
    };
    let arg = u32::from(u8::from(unit.arg));
    let result = operator_result::result(base_opcode(unit.op), arg, &operands, value, vm);
    // SAFETY: as above.
    Some(result.map(|result| unsafe {
        frame.truncate(frame.stack_len() - n);
        if let Some(result) = result {
            frame.push(Some(result));
        }
    }))
}

/// Makes the first of the frames, or takes it over, and runs it (and, through its pad, the others).
fn run(a: &'static Attached, mut inner: VecDeque<InnerFrame>, carried: Carried, vm: &VirtualMachine) -> PyResult {
    let Some(mut f) = inner.pop_front() else {
        return Err(vm.new_runtime_error("compiled code left without a frame"));
    };
    let code = f.code.clone();
    let func = f.func.clone();
    let Some(p) = site::of(&code) else {
        return Err(vm.new_runtime_error("compiled code left from code that was not prepared"));
    };
    let own = f.own.take();
    let handled = f.handled.take();
    // SAFETY: code and function are held until the frame is dropped; its memory stays in place.
    unsafe {
        let OwnFrame(frame) = own.unwrap_or_else(|| OwnFrame::new(&code, &func));
        let live = LiveFrame { attached: a, frame, code: &code, vm };
        // A forged frame's slots are empty.
        let _ = live.take_slots(&mut f);
        let waiting = PENDING.with_borrow(Vec::len);
        match Work::of(f.next, inner) {
            Some(work) => {
                Pending { frame: Some(frame), work, carried }.push();
                frame.set_lasti(p.pads.resume_inner);
            }
            None => {
                live.set_position(f.next);
                carried.interrupt(a);
            }
        }
        let result = vm.run_frame_fast(&mut *frame.0);
        // A frame that could not even begin leaves its work behind.
        let left: Vec<Pending> = PENDING.with_borrow_mut(|all| all.drain(waiting..).collect());
        for pending in left {
            if let Work::Become(call) = pending.work {
                call.restore();
            }
        }
        if let Some(handled) = handled {
            vm.set_exception(handled);
        }
        OwnFrame(frame).free();
        result
    }
}

impl Work {
    /// What a frame has to do before the interpreter can go on with it.
    fn of(next: Next, inner: VecDeque<InnerFrame>) -> Option<Work> {
        match next {
            Next::At(_) | Next::After(_) => None,
            Next::Raise(pc) => Some(Work::Raise(pc)),
            Next::Call(call) => Some(Work::Call(call, inner)),
        }
    }
}

/// A frame has come to a hook for inner frames: it is current now.
pub fn resume_inner(a: &'static Attached, frame: FrameRef, vm: &VirtualMachine) {
    // SAFETY: the frame is current.
    let live = unsafe { LiveFrame::new(a, frame, vm) };
    let Some(p) = site::of(live.code) else { return };
    // SAFETY: as above.
    let at = unsafe { frame.lasti() };
    let raised = at == p.pads.raised + HOOK_UNITS;
    let pending = Pending::take(frame, raised);
    if raised {
        return interrupted(&live, pending);
    }
    match (pending, p.pads.entry) {
        (Some(pending), _) => proceed(&live, pending),
        // A call of the same function that came between, by a signal's handler or a destructor.
        // SAFETY: as above.
        (None, Some(entry)) if at == entry.first + 2 => unsafe { frame.set_lasti(entry.resume) },
        (None, _) => {}
    }
}

/// Does what is pending for a frame.
fn proceed(live: &LiveFrame<'_>, Pending { work, mut carried, .. }: Pending) {
    match work {
        Work::Call(call, inner) => call_inner(live, call, inner, carried),
        Work::Raise(pc) => {
            if let Some(e) = carried.exception.take() {
                raise(live, pc, e, false);
            }
            carried.interrupt(live.attached);
        }
        Work::Become(mut call) => {
            call.restore();
            // SAFETY: the caller waits for this frame.
            set_position(call.caller, unsafe { call.caller.code() }, Next::Call(call.site()));
            let Some(mut f) = call.inner.pop_front() else { return };
            // SAFETY: the frame has hardly begun: its slots are arguments and cells, and its stack is empty.
            let old = unsafe { live.take_slots(&mut f) };
            for word in old.into_iter().filter(|word| *word != 0) {
                // SAFETY: taken out of the frame: `None`, or a cell.
                drop(unsafe { layout::own(word) });
            }
            match Work::of(f.next, call.inner) {
                Some(work) => proceed(live, Pending { frame: Some(live.frame), work, carried }),
                None => {
                    live.set_position(f.next);
                    carried.interrupt(live.attached);
                }
            }
        }
    }
}

/// Lets a frame that the interpreter runs have its inner frames run.
fn call_inner(live: &LiveFrame<'_>, call: CallSite, inner: VecDeque<InnerFrame>, carried: Carried) {
    match prepare_call(live, call, &inner) {
        Some(()) => {
            // SAFETY: the frame is current.
            let depth = unsafe { live.frame.stack_len() };
            push_call(live, &inner[0]);
            let work = Work::Become(PadCall { caller: live.frame, pc: call.pc, depth, inner });
            Pending { frame: None, work, carried }.push();
        }
        None => {
            live.set_position(Next::Call(call));
            finish_call(live, call, inner, carried);
        }
    }
}

/// Makes ready for the interpreter to call the first of the inner frames from the frame's pad, if it would do so without going deeper in
/// the machine's stack. `None` otherwise.
fn prepare_call(live: &LiveFrame<'_>, call: CallSite, inner: &VecDeque<InnerFrame>) -> Option<()> {
    let LiveFrame { frame, code, vm, .. } = *live;
    let p = site::of(code)?;
    let InnerFrame { code: callee, func, own, handled, .. } = inner.front()?;
    let unusual = CodeFlags::VARARGS | CodeFlags::VARKEYWORDS | SUSPENDS;
    let count = callee.arg_count;
    // SAFETY: the frame is current; the function is alive.
    let (room, same) =
        unsafe { (frame.stack_capacity() - frame.stack_len(), std::ptr::eq(views::function_code(func), &**callee)) };
    let flat = call.awaits == Awaits::Result
        && own.is_none()
        && handled.is_none()
        && waits_past_caches(p.instr_at(code, call.pc)?.op)
        && same
        && callee.flags.contains(CodeFlags::OPTIMIZED | CodeFlags::NEWLOCALS)
        && !callee.flags.intersects(unusual)
        && callee.kwonlyarg_count == 0
        && room > count.max(1) as usize
        && !vm.use_tracing.get()
        && vm.current_recursion_depth() + 1 < vm.recursion_limit.get();
    let args = u8::try_from(count.saturating_sub(1)).ok().filter(|_| flat)?;
    let version = Some(func.get_version_for_current_state()).filter(|version| *version != 0)?;
    site::of(callee)?.divert(callee).then(|| p.write_call(code, args, version))
}

/// Puts the operands of the pad's call on the stack, and lets the frame go on there. What the arguments are does not matter.
fn push_call(live: &LiveFrame<'_>, callee: &InnerFrame) {
    let LiveFrame { frame, vm, .. } = *live;
    let Some(p) = site::of(live.code) else { return };
    let count = callee.code.arg_count;
    // SAFETY: the frame is current, and there is room.
    unsafe {
        frame.push(Some(callee.func.clone().into()));
        frame.push((count > 0).then(|| vm.ctx.none()));
        for _ in 1..count {
            frame.push(Some(vm.ctx.none()));
        }
        frame.set_lasti(p.pads.call);
    }
}

/// Something was raised at a pad for inner frames: in the nested run of one, by what the interpreter does between two
/// instructions, or because it can't go deeper.
fn interrupted(live: &LiveFrame<'_>, pending: Option<Pending>) {
    let LiveFrame { frame, vm, .. } = *live;
    // SAFETY: the frame is current; the pad's handler finds these two on the stack.
    let (last, exception) = unsafe {
        let depth = frame.stack_len();
        let pop = |i: usize| {
            frame.promote(i);
            layout::own(frame.stack_slot(i).replace(0))
        };
        let popped = (pop(depth - 2), pop(depth - 1));
        frame.set_stack_len(depth - 2);
        popped
    };
    let Ok(exception) = exception.downcast::<PyBaseException>() else { return };
    // The pad's.
    drop_entry(&exception);
    let Some(mut pending) = pending else {
        // A nested run: the callee has set the position.
        let pc = last.downcast_ref::<PyInt>().and_then(views::small_int).unwrap_or(0) as u32;
        return raise(live, pc, exception, true);
    };
    if let Work::Become(call) = pending.work {
        call.restore();
        // SAFETY: the frame is current; the operands of the pad may be there still.
        unsafe { frame.truncate(call.depth) };
        // What a signal's handler has raised has an entry, of the handler or of the callee.
        if exception.fast_isinstance(vm.ctx.exceptions.recursion_error) && exception.traceback().is_none() {
            pending.carried.interrupt(live.attached);
            return raise(live, call.pc, exception, true);
        }
        forget_callee(&call, &exception);
        pending.work = Work::Call(call.site(), call.inner);
    }
    // It belongs where the program is: in the innermost frame.
    if let Some(earlier) = pending.carried.interrupt.replace(exception.clone()) {
        // As if it came while that was handled.
        set_context(&exception, earlier);
    }
    proceed(live, pending);
}

/// Takes the entry of the callee's frame, which had not begun, out of the traceback. What follows is the handler's, which
/// may be all there is: the callee's frame is not made yet where the caller's pad was interrupted.
fn forget_callee(call: &PadCall, exception: &Py<PyBaseException>) {
    let (Some(entry), Some(callee)) = (exception.traceback(), call.inner.front()) else { return };
    let Some(begin) = site::of(&callee.code).and_then(|p| p.pads.entry) else { return };
    // The copy of the instructions that the hook replaces is elsewhere: no frame that has begun is here.
    let unbegun = entry.lasti / 2 <= begin.first as i32 + 1;
    if unbegun && std::ptr::eq(&*entry.frame.f_code(), &*callee.code) {
        drop_entry(exception);
    }
}
