//! Deoptimization: from an exit record back to the interpreter's frames.
//!
//! Compiled code that leaves writes a record for each compiled function on its way out: the innermost first, its
//! compiled callers after it, the function that the VM entered last. Each stands for one or more
//! frames (the function and what was inlined into it). The outermost of all is the *live frame*, which the
//! interpreter is running: its slots are rewritten in place. The next one is *forged* on memory of
//! our own and run by the interpreter, so that recursion
//! depth, `sys._getframe` and tracebacks are what they would have been. A frame that has inner ones
//! starts at its `resume_inner` pad, whose hook lets the interpreter call the next function as it calls Python functions, without
//! going deeper in the machine's stack: from the frame's `call` pad. The callee's entry is replaced
//! meanwhile by a hook, which makes the new frame the inner one. Where the interpreter would call otherwise, the inner frame is forged, too,
//! and its run is nested.
//!
//! Order matters: everything is read from the records before anything is written, all frames and
//! globals are consistent before any reference is dropped, because a destructor may look at
//! them.

use crate::exits::ExitInfo;
use crate::forge::Maker;
use crate::hooks::{Attached, Exited, Site, Version};
use crate::layout::{self, FrameRef};
use crate::operator;
use crate::prepare;
use psycore_jit::bytecode::{Opcode, base_opcode};
use psycore_jit::ir::{Awaits, ExitKind, Recipe};
use rustpython_compiler_core::bytecode::{CodeFlags, find_exception_handler};
use rustpython_vm::builtins::{PyBaseException, PyCode, PyDict, PyFunction, PyInt, PyStr, PyTraceback};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};
use std::collections::VecDeque;
use std::rc::Rc;

/// To find a generator among more frames takes longer than to ask.
const FRAMES_LOOKED_AT: usize = 16;

type ExceptionRef = PyRef<PyBaseException>;

/// The records of one way out, the entered function's first.
pub struct Plan {
    records: Vec<Record>,
    /// Whether a loop went round before.
    pub turns: u64,
}

struct Record {
    number: u32,
    info: Rc<ExitInfo>,
    words: Vec<u64>,
}

/// Copies the records between `base` and `top`.
///
/// # Safety
/// Compiled code has just left through registered exits and pushed their records there.
pub unsafe fn read_records(a: &Attached, top: *mut u64, base: *mut u64) -> Plan {
    let mut records = Vec::with_capacity(1);
    let mut top = top;
    while top > base {
        // SAFETY: a record is its words and then its number.
        let number = unsafe { top.sub(1).read() } as u32;
        let Some(info) = a.exits().get(number) else {
            debug_assert!(false, "an exit that is not registered: {number}");
            break;
        };
        let n = info.words();
        // SAFETY: as above.
        let words = unsafe { std::slice::from_raw_parts(top.sub(1 + n), n) }.to_vec();
        // SAFETY: as above.
        top = unsafe { top.sub(1 + n) };
        let more = info.kind == ExitKind::Call;
        records.push(Record { number, info, words });
        if !more {
            break;
        }
    }
    Plan { records, turns: 0 }
}

/// What a frame does next.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// Runs the instruction at the position (again).
    At(u32),
    /// Goes on after it.
    After(u32),
    /// Handles the exception that it raised.
    Raise(u32),
    /// Waits for the next inner frame, which the instruction at the position called.
    Call(u32, Awaits),
}

/// A frame to be made.
pub struct Frame {
    code: PyRef<PyCode>,
    func: PyRef<PyFunction>,
    slots: Vec<usize>,
    stack: Vec<usize>,
    next: Next,
}

impl Drop for Frame {
    fn drop(&mut self) {
        // Only what was not moved into a real frame is left.
        for word in self.slots.drain(..).chain(self.stack.drain(..)) {
            if word != 0 {
                // SAFETY: recipes give owned references.
                drop(unsafe { layout::own(word) });
            }
        }
    }
}

/// What a frame has to do when it comes to a hook for inner frames.
pub struct Pending {
    /// The frame; none if the interpreter is about to make it for the caller in `work`.
    frame: Option<FrameRef>,
    work: Work,
    carried: Carried,
}

/// What the innermost frame is to be given.
struct Carried {
    /// What the instruction where compiled code left has raised.
    exception: Option<ExceptionRef>,
    /// What was raised on the way, by a signal.
    interrupt: Option<ExceptionRef>,
}

impl Carried {
    /// Lets the next instruction of the innermost frame raise what a signal has.
    fn interrupt(self, a: &Attached) {
        if let Some(e) = self.interrupt {
            a.raise_soon(e);
        }
    }
}

enum Work {
    /// To run the inner frames that the instruction at the position called.
    Call(u32, Awaits, VecDeque<Frame>),
    /// To raise the exception at the position.
    Raise(u32),
    /// To be the first of some frames.
    Become(Call),
}

/// A call of the first of some frames, as the interpreter is about to make it.
struct Call {
    caller: FrameRef,
    /// The instruction that stands for it.
    pc: u32,
    /// The caller's stack without the operands of the pad.
    depth: usize,
    chain: VecDeque<Frame>,
}

impl Call {
    /// Gives the callee's code its entry back.
    fn restore(&self) {
        if let Some(first) = self.chain.front()
            && let Some(p) = prepare::of(&first.code)
        {
            p.restore(&first.code);
        }
    }
}

impl Pending {
    /// # Safety
    /// `frame` is the current one.
    unsafe fn is_for(&self, frame: FrameRef) -> bool {
        match &self.work {
            // SAFETY: the caller's promise.
            Work::Become(call) => unsafe {
                frame.previous() == Some(call.caller) && call.chain.front().is_some_and(|f| std::ptr::eq(&*f.code, frame.code()))
            },
            _ => self.frame == Some(frame),
        }
    }
}

/// Puts the interpreter in the place of compiled code that has left. `exception` is an owned
/// address or 0.
///
/// # Safety
/// `frame` is the current frame and has just passed `site`; `plan` was read from what its version left.
pub unsafe fn leave(
    a: &'static Attached,
    site: &Site,
    version: &Version,
    plan: Plan,
    exception: usize,
    frame: FrameRef,
    vm: &VirtualMachine,
) {
    let exception: Option<ExceptionRef> = (exception != 0)
        // SAFETY: an entry point put an owned exception there.
        .then(|| unsafe { layout::own(exception) })
        .and_then(|e| e.downcast().ok());
    let Some(inner) = plan.records.last() else { return };
    a.driver().exited(
        site,
        frame,
        &Exited {
            number: inner.number,
            info: &inner.info,
            record: &inner.words,
            depth: plan.records.len() - 1,
            version: *version,
            turns: plan.turns,
        },
        vm,
    );

    // Everything is made before anything is written.
    let mut rest: Vec<usize> = Vec::new();
    let mut globals: Vec<(&Py<PyDict>, &Py<PyStr>, PyObjectRef)> = Vec::new();
    let mut live: Option<(Vec<Option<usize>>, Vec<Option<usize>>, Next)> = None;
    let mut chain: VecDeque<Frame> = VecDeque::new();
    let innermost = plan.records.len() - 1;
    for (r, record) in plan.records.iter().enumerate() {
        let info = &record.info;
        let maker = Maker::new(a.driver(), &record.words, vm);
        let last = info.state.frames.len().saturating_sub(1);
        for (f, desc) in info.state.frames.iter().enumerate() {
            let next = if f < last || r < innermost {
                Next::Call(desc.pc, desc.awaits)
            } else {
                match info.kind {
                    ExitKind::Guard(_) => Next::At(desc.pc),
                    ExitKind::After(_) => Next::After(desc.pc),
                    ExitKind::Raise => Next::Raise(desc.pc),
                    ExitKind::Call => Next::Call(desc.pc, desc.awaits),
                }
            };
            if r == 0 && f == 0 {
                let make = |recipe: &Recipe| match recipe {
                    Recipe::Keep => None,
                    other => Some(maker.slot(other)),
                };
                live = Some((desc.locals.iter().map(make).collect(), desc.stack.iter().map(make).collect(), next));
                continue;
            }
            let func = desc.func.and_then(|id| a.driver().object(id).downcast_ref::<PyFunction>().map(ToOwned::to_owned));
            let code = a.driver().object(desc.code).downcast_ref::<PyCode>().map(ToOwned::to_owned);
            let (Some(func), Some(code)) = (func, code) else {
                debug_assert!(false, "a frame without function or code");
                continue;
            };
            chain.push_back(Frame {
                code,
                func,
                slots: desc.locals.iter().map(|r| maker.slot(r)).collect(),
                stack: desc.stack.iter().map(|r| maker.slot(r)).collect(),
                next,
            });
        }
        for g in &info.state.globals {
            let value = maker.slot(&g.value);
            let dict = a.driver().object(g.dict).downcast_ref::<PyDict>();
            let name = a.driver().object(g.name).downcast_ref::<PyStr>();
            if let (Some(dict), Some(name), true) = (dict, name, value != 0) {
                // SAFETY: recipes give owned references.
                globals.push((dict, name, unsafe { layout::own(value) }));
            }
        }
        rest.extend(info.drops.iter().filter_map(|w| record.words.get(*w as usize)).map(|w| *w as usize));
    }
    let Some((slots, stack, next)) = live else { return };

    // The live frame.
    // SAFETY: it is current; words are owned references or empty.
    unsafe {
        let at = frame.slots();
        let nlocals = frame.nlocals();
        let old_depth = frame.stack_len();
        for i in 0..old_depth {
            frame.promote(i);
        }
        for (i, word) in slots.into_iter().enumerate().take(nlocals) {
            if let Some(word) = word {
                rest.push(at.add(i).replace(word));
            }
        }
        let depth = stack.len();
        for (i, word) in stack.into_iter().enumerate() {
            if let Some(word) = word {
                let old = frame.stack_slot(i).replace(word);
                if i < old_depth {
                    rest.push(old);
                }
            }
        }
        for i in depth..old_depth {
            rest.push(frame.stack_slot(i).replace(0));
        }
        frame.set_stack_len(depth);
    }
    // SAFETY: the code of a live frame.
    let code = unsafe { frame.code() };
    set_position(frame, code, next);
    // Old values of globals are dropped with the rest.
    let mut old_values: Vec<PyObjectRef> = Vec::new();
    for (dict, name, value) in globals {
        if let Ok(Some(old)) = dict.get_item_opt(name, vm) {
            old_values.push(old);
        }
        // An exact str key of an existing entry: can't fail.
        let _ = dict.set_item(name, value, vm);
    }
    for word in rest {
        if word != 0 {
            // SAFETY: taken out of the frame, or owned by the record.
            drop(unsafe { layout::own(word) });
        }
    }
    drop(old_values);

    match next {
        Next::At(_) | Next::After(_) => {}
        Next::Raise(pc) => match exception {
            Some(e) => raise(frame, code, pc, e, false, vm),
            None => debug_assert!(false, "a raise without an exception"),
        },
        Next::Call(pc, awaits) => finish_call(a, frame, code, (pc, awaits), chain, Carried { exception, interrupt: None }, vm),
    }
}

/// Sets `lasti` for what comes next.
fn set_position(frame: FrameRef, code: &Py<PyCode>, next: Next) {
    let Some(p) = prepare::of(code) else { return };
    let lasti = match next {
        Next::At(pc) => p.resume_index(code, pc),
        Next::After(pc) => p.after_index(code, pc),
        // In flight: one past the instruction's own unit. The interpreter's calls of Python functions
        // wait past their caches.
        Next::Raise(pc) | Next::Call(pc, _) => match p.instr_at(code, pc) {
            Some(i) if matches!(next, Next::Call(..)) && waits_past_caches(i.op) => i.next,
            Some(i) => i.op_pc + 1,
            None => pc + 1,
        },
    };
    // SAFETY: positions come from the code itself.
    unsafe { frame.set_lasti(lasti) };
}

fn waits_past_caches(op: Opcode) -> bool {
    matches!(op, Opcode::Call | Opcode::CallKw)
}

/// Runs the inner frames that the instruction at `pc` called, and delivers what came of them.
fn finish_call(
    a: &'static Attached,
    frame: FrameRef,
    code: &Py<PyCode>,
    (pc, awaits): (u32, Awaits),
    inner: VecDeque<Frame>,
    carried: Carried,
    vm: &VirtualMachine,
) {
    match run(a, inner, carried, vm) {
        Ok(value) => {
            match awaits {
                // SAFETY: the frame is current again.
                Awaits::Result => unsafe { frame.push(Some(value)) },
                Awaits::Operator(n) => {
                    let Some(unit) = prepare::of(code).and_then(|p| Some(p.original_unit(code, p.instr_at(code, pc)?.op_pc)))
                    else {
                        return;
                    };
                    // SAFETY: the frame is current again, and its operands are on the stack.
                    let operands: Vec<PyObjectRef> = unsafe {
                        let depth = frame.stack_len();
                        // The NULL of a call is nothing to look at.
                        (depth - n as usize..depth)
                            .filter_map(|i| Some(*frame.stack_slot(i) & !1).filter(|word| *word != 0))
                            .map(|word| layout::object_at(word).to_owned())
                            .collect()
                    };
                    let arg = u32::from(u8::from(unit.arg));
                    match operator::result(base_opcode(unit.op), arg, &operands, value, vm) {
                        Ok(result) => {
                            // SAFETY: as above.
                            unsafe {
                                frame.truncate(frame.stack_len() - n as usize);
                                if let Some(result) = result {
                                    frame.push(Some(result));
                                }
                            }
                        }
                        Err(e) => return raise(frame, code, pc, e, false, vm),
                    }
                }
                // The instance is on the stack.
                Awaits::Init if vm.is_none(&value) => {}
                Awaits::Init => {
                    let message = format!("__init__() should return None, not '{:.200}'", value.class().name());
                    return raise(frame, code, pc, vm.new_type_error(message), true, vm);
                }
            }
            set_position(frame, code, Next::After(pc));
        }
        Err(e) => raise(frame, code, pc, e, true, vm),
    }
}

/// Forges the first frame of the chain and runs it (and, through its pad, the others).
fn run(a: &'static Attached, mut chain: VecDeque<Frame>, carried: Carried, vm: &VirtualMachine) -> PyResult {
    let Some(mut f) = chain.pop_front() else {
        return Err(vm.new_runtime_error("compiled code left without a frame"));
    };
    let code = f.code.clone();
    let func = f.func.clone();
    let Some(p) = prepare::of(&code) else {
        return Err(vm.new_runtime_error("compiled code left from code that was not prepared"));
    };
    let nlocals = code.code.localspluskinds.len();
    let mut memory = vec![0usize; layout::frame_words(nlocals + code.code.max_stackdepth as usize)];
    // SAFETY: code and function are held until the frame is dropped; the memory stays in place.
    let result = unsafe {
        let frame = layout::forge_frame(&mut memory, &code, &func);
        let slots = frame.slots();
        for (i, word) in f.slots.drain(..).enumerate().take(nlocals) {
            slots.add(i).write(word);
        }
        for (i, word) in f.stack.drain(..).enumerate() {
            frame.stack_slot(i).write(word);
            frame.set_stack_len(i + 1);
        }
        let work = match f.next {
            Next::At(_) | Next::After(_) => None,
            Next::Raise(pc) => Some(Work::Raise(pc)),
            Next::Call(pc, awaits) => Some(Work::Call(pc, awaits, chain)),
        };
        let waiting = a.pending.borrow().len();
        match work {
            Some(work) => {
                a.pending.borrow_mut().push(Pending { frame: Some(frame), work, carried });
                frame.set_lasti(p.pads.resume_inner);
            }
            None => {
                set_position(frame, &code, f.next);
                carried.interrupt(a);
            }
        }
        let result = vm.run_frame_fast(&mut *frame.0);
        // A frame that could not even begin leaves its work behind.
        let left: Vec<Pending> = a.pending.borrow_mut().drain(waiting..).collect();
        for pending in left {
            if let Work::Become(call) = pending.work {
                call.restore();
            }
        }
        layout::drop_frame(frame);
        result
    };
    result
}

/// A frame has come to a hook for inner frames: it is current now.
pub fn resume_inner(a: &'static Attached, frame: FrameRef, vm: &VirtualMachine) {
    // SAFETY: the frame is current.
    let code = unsafe { frame.code() };
    let Some(p) = prepare::of(code) else { return };
    // SAFETY: as above.
    let at = unsafe { frame.lasti() };
    let raised = at == p.pads.raised + prepare::HOOK_UNITS;
    let pending = {
        let mut all = a.pending.borrow_mut();
        // SAFETY: as above.
        match all.last() {
            Some(next) if unsafe { next.is_for(frame) } => all.pop(),
            Some(Pending { work: Work::Become(call), .. }) if raised && call.caller == frame => all.pop(),
            _ => None,
        }
    };
    if raised {
        return interrupted(a, frame, code, pending, vm);
    }
    match (pending, p.pads.entry) {
        (Some(pending), _) => proceed(a, frame, code, pending, vm),
        // A call of the same function that came between, by a signal's handler or a destructor.
        // SAFETY: as above.
        (None, Some(entry)) if at == entry.first + 2 => unsafe { frame.set_lasti(entry.resume) },
        (None, _) => {}
    }
}

/// Does what is pending for a frame.
fn proceed(
    a: &'static Attached,
    frame: FrameRef,
    code: &Py<PyCode>,
    Pending { work, mut carried, .. }: Pending,
    vm: &VirtualMachine,
) {
    match work {
        Work::Call(pc, awaits, inner) => call_inner(a, frame, code, (pc, awaits), inner, carried, vm),
        Work::Raise(pc) => {
            if let Some(e) = carried.exception.take() {
                raise(frame, code, pc, e, false, vm);
            }
            carried.interrupt(a);
        }
        Work::Become(mut call) => {
            call.restore();
            // SAFETY: the caller waits for this frame.
            set_position(call.caller, unsafe { call.caller.code() }, Next::Call(call.pc, Awaits::Result));
            let Some(mut f) = call.chain.pop_front() else { return };
            // SAFETY: the frame has hardly begun: its slots are arguments and cells, and its stack is empty.
            let old: Vec<usize> = unsafe {
                let nlocals = frame.nlocals();
                let slots = frame.slots();
                let old = f.slots.drain(..).enumerate().take(nlocals).map(|(i, word)| slots.add(i).replace(word)).collect();
                for (i, word) in f.stack.drain(..).enumerate() {
                    frame.stack_slot(i).write(word);
                    frame.set_stack_len(i + 1);
                }
                old
            };
            for word in old.into_iter().filter(|word| *word != 0) {
                // SAFETY: taken out of the frame: `None`, or a cell.
                drop(unsafe { layout::own(word) });
            }
            let work = match f.next {
                Next::At(_) | Next::After(_) => {
                    set_position(frame, code, f.next);
                    return carried.interrupt(a);
                }
                Next::Raise(pc) => Work::Raise(pc),
                Next::Call(pc, awaits) => Work::Call(pc, awaits, call.chain),
            };
            proceed(a, frame, code, Pending { frame: Some(frame), work, carried }, vm);
        }
    }
}

/// Lets a frame that the interpreter runs have its inner frames run.
fn call_inner(
    a: &'static Attached,
    frame: FrameRef,
    code: &Py<PyCode>,
    (pc, awaits): (u32, Awaits),
    inner: VecDeque<Frame>,
    carried: Carried,
    vm: &VirtualMachine,
) {
    match prepare_call(frame, code, (pc, awaits), &inner, vm) {
        Some(()) => {
            // SAFETY: the frame is current.
            let depth = unsafe { frame.stack_len() };
            push_call(frame, code, &inner[0], vm);
            let work = Work::Become(Call { caller: frame, pc, depth, chain: inner });
            a.pending.borrow_mut().push(Pending { frame: None, work, carried });
        }
        None => {
            set_position(frame, code, Next::Call(pc, awaits));
            finish_call(a, frame, code, (pc, awaits), inner, carried, vm);
        }
    }
}

/// Makes ready for the interpreter to call the first of the inner frames from the frame's pad, if it would do so without going deeper in
/// the machine's stack. `None` otherwise.
fn prepare_call(
    frame: FrameRef,
    code: &Py<PyCode>,
    (pc, awaits): (u32, Awaits),
    inner: &VecDeque<Frame>,
    vm: &VirtualMachine,
) -> Option<()> {
    let p = prepare::of(code)?;
    let Frame { code: callee, func, .. } = inner.front()?;
    let unusual = CodeFlags::VARARGS | CodeFlags::VARKEYWORDS | prepare::SUSPENDS;
    let count = callee.arg_count;
    // SAFETY: the frame is current; the function is alive.
    let (room, same) =
        unsafe { (frame.stack_capacity() - frame.stack_len(), std::ptr::eq(layout::function_code(func), &**callee)) };
    let flat = awaits == Awaits::Result
        && waits_past_caches(p.instr_at(code, pc)?.op)
        && same
        && callee.flags.contains(CodeFlags::OPTIMIZED | CodeFlags::NEWLOCALS)
        && !callee.flags.intersects(unusual)
        && callee.kwonlyarg_count == 0
        && room > count.max(1) as usize
        && !vm.use_tracing.get()
        && vm.current_recursion_depth() + 1 < vm.recursion_limit.get();
    let args = u8::try_from(count.saturating_sub(1)).ok().filter(|_| flat)?;
    let version = Some(func.get_version_for_current_state()).filter(|version| *version != 0)?;
    prepare::of(callee)?.divert(callee).then(|| p.write_call(code, args, version))
}

/// Puts the operands of the pad's call on the stack, and lets the frame go on there. What the arguments are does not matter.
fn push_call(frame: FrameRef, code: &Py<PyCode>, callee: &Frame, vm: &VirtualMachine) {
    let Some(p) = prepare::of(code) else { return };
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
fn interrupted(a: &'static Attached, frame: FrameRef, code: &Py<PyCode>, pending: Option<Pending>, vm: &VirtualMachine) {
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
        let pc = last.downcast_ref::<PyInt>().and_then(layout::small_int).unwrap_or(0) as u32;
        return raise(frame, code, pc, exception, true, vm);
    };
    if let Work::Become(call) = pending.work {
        call.restore();
        // SAFETY: the frame is current; the operands of the pad may be there still.
        unsafe { frame.truncate(call.depth) };
        // What a signal's handler has raised has an entry, of the handler or of the callee.
        if exception.fast_isinstance(vm.ctx.exceptions.recursion_error) && exception.traceback().is_none() {
            pending.carried.interrupt(a);
            return raise(frame, code, call.pc, exception, true, vm);
        }
        forget_callee(&call, &exception);
        pending.work = Work::Call(call.pc, Awaits::Result, call.chain);
    }
    // It belongs where the program is: in the innermost frame.
    if let Some(earlier) = pending.carried.interrupt.replace(exception.clone()) {
        // As if it came while that was handled.
        set_context(&exception, earlier);
    }
    proceed(a, frame, code, pending, vm);
}

/// Takes the entry of the callee's frame, which had not begun, out of the traceback. What follows is the handler's, which
/// may be all there is: the callee's frame is not made yet where the caller's pad was interrupted.
fn forget_callee(call: &Call, exception: &Py<PyBaseException>) {
    let (Some(entry), Some(callee)) = (exception.traceback(), call.chain.front()) else { return };
    let Some(begin) = prepare::of(&callee.code).and_then(|p| p.pads.entry) else { return };
    // The copy of the instructions that the hook replaces is elsewhere: no frame that has begun is here.
    let unbegun = entry.lasti / 2 <= begin.first as i32 + 1;
    if unbegun && std::ptr::eq(&*entry.frame.f_code(), &*callee.code) {
        drop_entry(exception);
    }
}

/// Takes the outermost entry out of the traceback.
pub fn drop_entry(exception: &Py<PyBaseException>) {
    let next = exception.traceback().and_then(|entry| entry.next.lock().clone());
    exception.set_traceback(next);
}

/// Handles an exception of the instruction at `pc` as the interpreter does: an entry in the traceback,
/// the context, then the handler, or the pad that leaves the frame. The frame is current.
/// `from_callee` says that the exception came out of an inner frame.
fn raise(frame: FrameRef, code: &Py<PyCode>, pc: u32, exception: ExceptionRef, from_callee: bool, vm: &VirtualMachine) {
    let Some(p) = prepare::of(code) else { return };
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
        let Some(p) = prepare::of(frame.code()) else { return };
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
    let p = prepare::of(code)?;
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
pub fn handled(vm: &VirtualMachine) -> Option<ExceptionRef> {
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
            if frame.code().flags.intersects(prepare::SUSPENDS) {
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
fn set_context(exception: &Py<PyBaseException>, context: ExceptionRef) {
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
