//! Calls of Python functions from compiled code, on frames of our own.
//!
//! The interpreter would allocate a frame object for such a call. Here the frame lies in a stack of
//! memory, is linked into the chain like any other, and its function's compiled entry begins at
//! once; where there is none, or where it leaves, the interpreter runs the frame.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::{PyCode, PyFunction};
use rustpython_vm::bytecode::CodeFlags;
use rustpython_vm::vm::thread::set_current_frame;
use rustpython_vm::{Py, PyObjectRef, PyResult, VirtualMachine};

use crate::hooks::{Entered, Site, SiteKind};
use crate::layout;
use crate::limits::stack_is_short;
use crate::prepare;

/// Words of the frame stack; deeper calls take memory of their own.
const STACK_WORDS: usize = 1 << 16;

/// What is to be known of a function's (prepared) code to call it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Positional parameters; `None` if some parameters take keywords only.
    arguments: Option<u32>,
    /// Whether what comes after them goes into a tuple.
    rest: bool,
    /// Whether there is a dict for keyword arguments.
    keywords: bool,
    /// Locals, cells and free variables.
    locals: u32,
    /// Free variables, where copying them is all that happens before the entry.
    free: u32,
    /// Words of its frame.
    words: u32,
    /// Where its compiled code is found: in the code itself.
    entry: Option<*const Site>,
}

// SAFETY: the site is only looked at by who holds the code; what may run it is decided there.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

struct Stack {
    words: UnsafeCell<Vec<usize>>,
    top: Cell<usize>,
}

thread_local! {
    static STACK: Stack = const { Stack { words: UnsafeCell::new(Vec::new()), top: Cell::new(0) } };
    static CANDIDATES: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Offset in the VM of the word that counts its frames; 0 while it is not known.
static DEPTH_OFFSET: AtomicUsize = AtomicUsize::new(0);

fn word_of(vm: &VirtualMachine, offset: usize) -> *mut usize {
    (&raw const *vm).cast::<u8>().wrapping_add(offset).cast::<usize>().cast_mut()
}

/// Begins to look for the word of the VM that counts frames: those that hold the count now.
pub fn find_depth(vm: &VirtualMachine) {
    if DEPTH_OFFSET.load(Ordering::Relaxed) != 0 {
        return;
    }
    let now = vm.current_recursion_depth();
    let size = size_of::<VirtualMachine>() / size_of::<usize>();
    let found = (1..size).map(|i| i * size_of::<usize>()).filter(|offset| {
        // SAFETY: an aligned word within the VM; what it means does not matter yet.
        unsafe { word_of(vm, *offset).read_volatile() == now }
    });
    CANDIDATES.set(found.collect());
}

/// Goes on where [`find_depth`] began, at another depth: one word may be left.
pub fn found_depth(vm: &VirtualMachine) {
    if CANDIDATES.with_borrow(Vec::is_empty) {
        return;
    }
    let now = vm.current_recursion_depth();
    // SAFETY: as above.
    let holds = |offset: &usize| unsafe { word_of(vm, *offset).read_volatile() == now };
    let left: Vec<usize> = CANDIDATES.take().into_iter().filter(holds).collect();
    // Without it calls go through the interpreter's own way.
    if let [offset] = left[..] {
        DEPTH_OFFSET.store(offset, Ordering::Relaxed);
    }
}

/// The VM's count of frames, to be changed.
fn depth_word<'a>(vm: &'a VirtualMachine) -> Option<&'a Cell<usize>> {
    let offset = DEPTH_OFFSET.load(Ordering::Relaxed);
    // SAFETY: found to be the counter, which is a `Cell<usize>`; and it still behaves like it.
    (offset != 0)
        .then(|| unsafe { &*word_of(vm, offset).cast::<Cell<usize>>() })
        .filter(|depth| depth.get() == vm.current_recursion_depth())
}

/// The function's target, if `n` positional arguments fill its parameters without defaults.
#[inline]
pub fn target(f: &Py<PyFunction>, n: usize) -> Option<Target> {
    // SAFETY: the function is alive.
    let code = unsafe { layout::function_code(f) };
    let target = *prepare::of(code)?.target.get_or_init(|| look_at(code));
    let fits = |m: u32| n == m as usize || target.rest && n > m as usize;
    target.arguments.is_some_and(fits).then_some(target)
}

#[cold]
fn look_at(code: &Py<PyCode>) -> Target {
    let simple = code.flags.contains(CodeFlags::OPTIMIZED) && code.kwonlyarg_count == 0;
    let locals = code.code.localspluskinds.len();
    let plain = !code.flags.intersects(prepare::SUSPENDS);
    let free = code.code.freevars.len();
    // Before the entry: nothing, or one instruction that copies the free variables.
    let entry = prepare::of(code)
        .filter(|_| plain && code.code.cellvars.is_empty())
        .filter(|p| p.pads.entry.is_some_and(|e| e.first == u32::from(free > 0)))
        .and_then(|_| prepare::sites(code).find(|s| matches!(s.kind, SiteKind::Entry { .. })));
    Target {
        arguments: simple.then_some(code.arg_count),
        rest: code.flags.contains(CodeFlags::VARARGS),
        keywords: code.flags.contains(CodeFlags::VARKEYWORDS),
        locals: locals as u32,
        free: free as u32,
        words: if plain { layout::frame_words(locals + code.code.max_stackdepth as usize) as u32 } else { 0 },
        entry: entry.map(|s| &raw const *s),
    }
}

/// Calls a function with as many arguments as it was looked up for.
#[inline]
pub fn call(vm: &VirtualMachine, f: &Py<PyFunction>, target: Target, mut args: Vec<PyObjectRef>) -> PyResult {
    let tools = vm.use_tracing.get() || vm.state.monitoring_events.load() != 0;
    let possible = target.words > 0 && !tools && !stack_is_short();
    let depth = depth_word(vm).filter(|depth| possible && depth.get() < vm.recursion_limit.get());
    let Some(depth) = depth else {
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
    vm.with_recursion("", || {
        let words = target.words as usize;
        STACK.with(|stack| {
            let base = stack.top.get();
            if base + words > STACK_WORDS {
                let mut memory = vec![0usize; words];
                // SAFETY: the memory outlives the call.
                return unsafe { run(vm, f, target, args, &mut memory, depth) };
            }
            // SAFETY: the vector never grows after this; the words above the top are unused,
            // and calls give back what they took in reverse order.
            let memory = unsafe {
                let all = &mut *stack.words.get();
                if all.is_empty() {
                    all.resize(STACK_WORDS, 0);
                }
                std::slice::from_raw_parts_mut(all.as_mut_ptr().add(base), words)
            };
            stack.top.set(base + words);
            // SAFETY: the words are this call's own.
            let result = unsafe { run(vm, f, target, args, memory, depth) };
            stack.top.set(base);
            result
        })
    })
}

/// # Safety
/// `memory` has the words of the frame; `f` is alive (the caller holds it) and is the target's.
#[inline]
unsafe fn run(
    vm: &VirtualMachine,
    f: &Py<PyFunction>,
    target: Target,
    args: Vec<PyObjectRef>,
    memory: &mut [usize],
    depth: &Cell<usize>,
) -> PyResult {
    // SAFETY: the caller's promise; slots are null or hold one owned reference each.
    unsafe {
        let code = layout::function_code(f);
        let frame = layout::forge_frame(memory, code, f);
        let slots = frame.slots();
        for (i, arg) in args.into_iter().enumerate() {
            slots.add(i).write(layout::disown(arg));
        }
        // Where compiled code leaves in the middle of a handler, the interpreter takes the exception handled there for
        // the one that was handled when the function was called, and restores that.
        let mut handled = None;
        if let Some(site) = target.entry
            && let site = &*site
            && site.may_enter(vm, code)
        {
            if target.free > 0 {
                let first = (target.locals - target.free) as usize;
                for (i, cell) in layout::function_closure(f).into_iter().enumerate() {
                    slots.add(first + i).write(layout::disown(cell));
                }
            }
            handled = code.has_exc_handling.then(|| vm.current_exception());
            let previous = set_current_frame(frame.0);
            frame.set_previous(previous);
            depth.set(depth.get() + 1);
            let entered = site.enter(frame, vm);
            depth.set(depth.get() - 1);
            let _ = set_current_frame(previous);
            match entered {
                Entered::Returned(value) if !frame.is_materialized() => {
                    layout::drop_frame(frame);
                    return Ok(value);
                }
                // Somebody holds the frame: the interpreter says to them that it has returned.
                Entered::Returned(value) => site.returned(frame, value),
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
        layout::drop_frame(frame);
        result
    }
}
