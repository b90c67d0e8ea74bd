//! Calls of Python functions from compiled code, on frames of our own.
//!
//! The interpreter would allocate a frame object for such a call. Here the frame lies in a stack of
//! memory, is linked into the chain like any other, and its function's compiled entry begins at
//! once; where there is none, or where it leaves, the interpreter runs the frame.

use std::cell::Cell;

use rustpython_vm::builtins::{PyCode, PyFunction};
use rustpython_vm::bytecode::CodeFlags;
use rustpython_vm::vm::thread::{set_current_frame, set_current_frame_nosave};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::abi::Raw;
use super::enter::{self, Entered};
use super::refs;
use crate::code::call_target::CallTarget;
use crate::code::plan::{SUSPENDS, SiteKind};
use crate::hook::{Hook, Site, site};
use crate::object::depth::{depth_word, stack_is_short};
use crate::object::frame::{drop_frame, forge_frame, frame_words};
use crate::object::{frame_stack, layout, views};

/// The function's target, if `n` positional arguments fill its parameters without defaults.
#[inline]
pub fn target(f: &Py<PyFunction>, n: usize) -> Option<CallTarget> {
    // SAFETY: the function is alive.
    let code = unsafe { views::function_code(f) };
    let target = *site::of(code)?.target.get_or_init(|| look_at(code));
    let fits = |m: u32| n == m as usize || target.rest && n > m as usize;
    target.arguments.is_some_and(fits).then_some(target)
}

#[cold]
fn look_at(code: &Py<PyCode>) -> CallTarget {
    let simple = code.flags.contains(CodeFlags::OPTIMIZED) && code.kwonlyarg_count == 0;
    let locals = code.code.localspluskinds.len();
    let plain = !code.flags.intersects(SUSPENDS);
    let free = code.code.freevars.len();
    // Before the entry: nothing, or one instruction that copies the free variables.
    let entry = site::of(code)
        .filter(|_| plain && code.code.cellvars.is_empty())
        .filter(|p| p.pads.entry.is_some_and(|e| e.first == u32::from(free > 0)))
        .and_then(|_| (0..).zip(&*code.code.constants).find(|(_, k)| entry_site(k.as_object()).is_some()));
    CallTarget {
        arguments: simple.then_some(code.arg_count),
        rest: code.flags.contains(CodeFlags::VARARGS),
        keywords: code.flags.contains(CodeFlags::VARKEYWORDS),
        locals: locals as u32,
        free: free as u32,
        words: if plain { frame_words(locals + code.code.max_stackdepth as usize) as u32 } else { 0 },
        entry: entry.map(|(i, _)| i),
    }
}

/// The site of a hook of an entry.
fn entry_site(constant: &PyObject) -> Option<&Site> {
    Hook::downcast(constant).map(|hook| &hook.site).filter(|s| matches!(s.kind, SiteKind::Entry { .. }))
}

/// Calls a function with as many arguments as it was looked up for.
#[inline]
pub fn call(vm: &VirtualMachine, f: &Py<PyFunction>, target: CallTarget, mut args: Vec<PyObjectRef>) -> PyResult {
    let Some(depth) = room(vm, target) else {
        let exact = !target.rest && !target.keywords;
        return if exact { f.invoke_exact_args(args, vm) } else { f.invoke(args.into(), vm) };
    };
    if target.rest {
        let rest = args.split_off(target.arguments.unwrap_or_default() as usize);
        args.push(vm.ctx.new_tuple(rest).into());
    }
    if target.keywords {
        args.push(vm.ctx.new_dict().into());
    }
    let fill = |slots: *mut usize| {
        for (i, arg) in args.into_iter().enumerate() {
            // SAFETY: the function has at least as many locals.
            unsafe { slots.add(i).write(layout::disown(arg)) };
        }
    };
    // SAFETY: the arguments fill the parameters.
    unsafe { on_own_frame(vm, f, target, depth, fill) }
}

/// The same with an object, if there is one, and the words at an address as arguments, which stay the caller's. `None` where it
/// takes another way.
///
/// # Safety
/// The words are `n` live objects, and no other thread runs Python code.
#[inline]
pub unsafe fn call_borrowed(
    vm: &VirtualMachine,
    f: &Py<PyFunction>,
    first: Option<Raw>,
    words: *const u64,
    n: usize,
) -> Option<PyResult> {
    let given = n + usize::from(first.is_some());
    let target = target(f, given).filter(|target| !target.rest && !target.keywords)?;
    let depth = room(vm, target)?;
    let fill = |slots: *mut usize| {
        // SAFETY: the caller's promise; the function has at least as many locals.
        let give = |i: usize, object: Raw| unsafe {
            refs::add(object, 1);
            slots.add(i).write(object as usize);
        };
        if let Some(first) = first {
            give(0, first);
        }
        for i in 0..n {
            // SAFETY: as above.
            give(given - n + i, unsafe { words.add(i).read() } as usize as Raw);
        }
    };
    // SAFETY: the arguments fill the parameters.
    Some(unsafe { on_own_frame(vm, f, target, depth, fill) })
}

/// The VM's count of frames, if a function may be called on a frame of ours.
#[inline]
fn room(vm: &VirtualMachine, target: CallTarget) -> Option<&Cell<usize>> {
    let tools = vm.use_tracing.get() || vm.state.monitoring_events.load() != 0;
    let possible = target.words > 0 && !tools && !stack_is_short();
    depth_word(vm).filter(|depth| possible && depth.get() < vm.recursion_limit.get())
}

/// Calls a function on a frame of ours, whose first slots `fill` fills.
///
/// # Safety
/// `fill` puts an owned argument into the slot of each parameter, and touches no other.
#[inline]
unsafe fn on_own_frame(
    vm: &VirtualMachine,
    f: &Py<PyFunction>,
    target: CallTarget,
    depth: &Cell<usize>,
    fill: impl FnOnce(*mut usize),
) -> PyResult {
    vm.with_recursion("", || {
        let words = target.words as usize;
        let at = frame_stack::take(words);
        // SAFETY: the words are this call's own, and calls give back what they took in reverse order.
        unsafe {
            let result = run(vm, f, target, fill, std::slice::from_raw_parts_mut(at, words), depth);
            frame_stack::give_back(at, words);
            result
        }
    })
}

/// # Safety
/// `memory` has the words of the frame; `f` is alive (the caller holds it) and is the target's; `fill` as for [`on_own_frame`].
#[inline]
unsafe fn run(
    vm: &VirtualMachine,
    f: &Py<PyFunction>,
    target: CallTarget,
    fill: impl FnOnce(*mut usize),
    memory: &mut [usize],
    depth: &Cell<usize>,
) -> PyResult {
    // SAFETY: the caller's promise; slots are null or hold one owned reference each.
    unsafe {
        let code = views::function_code(f);
        let frame = forge_frame(memory, code, f);
        let slots = frame.slots();
        fill(slots);
        // Where compiled code leaves in the middle of a handler, the interpreter takes the exception handled there for
        // the one that was handled when the function was called, and restores that.
        let mut handled = None;
        if let Some(site) = target.entry.and_then(|i| entry_site(code.code.constants.get(i as usize)?.as_object()))
            && enter::may_enter(site, vm, code)
        {
            if target.free > 0 {
                let first = (target.locals - target.free) as usize;
                for (i, cell) in views::function_closure(f).into_iter().enumerate() {
                    slots.add(first + i).write(layout::disown(cell));
                }
            }
            handled = code.has_exc_handling.then(|| vm.current_exception());
            // Other threads, of which there is none, need not see it.
            let previous = set_current_frame_nosave(frame.0);
            frame.set_previous(previous);
            depth.set(depth.get() + 1);
            let entered = enter::begin(site, frame, vm);
            depth.set(depth.get() - 1);
            let _ = set_current_frame(previous);
            match entered {
                Entered::Returned(value) if !frame.is_materialized() => {
                    drop_frame(frame);
                    return Ok(value);
                }
                // Somebody holds the frame: the interpreter says to them that it has returned.
                Entered::Returned(value) => enter::returned(frame, value),
                // The interpreter goes on where the code left, or copies the variables itself.
                Entered::Left => {}
                Entered::Missed => {
                    for i in (target.locals - target.free)..target.locals {
                        let cell = slots.add(i as usize).replace(0);
                        if cell != 0 {
                            drop(layout::own(cell));
                        }
                    }
                    frame.set_lasti(0);
                }
            }
        }
        let result = vm.run_frame_fast(&mut *frame.0);
        if let Some(handled) = handled {
            vm.set_exception(handled);
        }
        drop_frame(frame);
        result
    }
}
