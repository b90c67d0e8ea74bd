//! How a frame that comes to a hook gets into compiled code, and out of it again.
//!
//! A hook counts, asks the driver when it has counted enough, and tries the versions of its site with the live frame. One that
//! returns ends the frame; one that leaves through an exit is replayed by `deopt`, and the interpreter goes on.

use super::refs::release_deferred;
use crate::code::plan::SiteKind;
use crate::deopt::leave::{Leaving, leave, read_records};
use crate::deopt::{calls, traceback};
use crate::hook::{Attached, Hook, Hot, Site, lazy, site};
use crate::object::depth::stack_is_short;
use crate::object::frame::FrameRef;
use crate::object::layout;
use psycore_jit::bytecode::Opcode;
use psycore_jit::ir::status;
use rustpython_vm::builtins::{PyCode, PyStr};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{Py, PyObject, PyObjectRef, PyResult, VirtualMachine};
use std::sync::atomic::Ordering;

/// Back-edges and calls until a site that had to step aside is looked at again.
const ASIDE_PAUSE: i32 = 1000;
/// Passes after which a site that awaits a job is looked at even so: a forked child must begin the thread that does it.
const JOB_PAUSE: u32 = 10_000;
/// Misses of its versions until a site that awaits a job is looked at again.
const MISSES_UNTIL_THERE: u32 = 4;
/// Passes after which a guest's host is asked again whether code is ready.
const ASK_HOST: i32 = 16;

/// A frame has come to a hook. (`DELETE_ATTR` on a hook object ends here.)
pub fn reached(hook: &PyObject, _name: &Py<PyStr>, _value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
    let Some(hook) = Hook::downcast(hook) else { return Ok(()) };
    let site = &hook.site;
    let Some(frame) = FrameRef::current() else { return Ok(()) };
    if site.kind != SiteKind::Inner {
        site.attached().interrupts.poll(vm)?;
    }
    // SAFETY: the current frame is live, and it runs the code that the hook belongs to.
    unsafe {
        match site.kind {
            SiteKind::Loop { header, .. } => frame.set_lasti(header),
            SiteKind::Entry { start } => {
                let code = frame.code();
                let settled = code.quickened.load(Ordering::Relaxed)
                    && !vm.use_tracing.get()
                    && code.instrumentation_version.load(Ordering::Relaxed)
                        == vm.state.instrumentation_version.load(Ordering::Relaxed);
                // `RESUME` does work the first time and for tracers; else it is skipped.
                frame.set_lasti(if settled { start } else { start - 1 });
            }
            SiteKind::Inner => {
                calls::resume_inner(site.attached(), frame, vm);
                return Ok(());
            }
            SiteKind::Lazy => {
                let begin = lazy::finish(site.attached(), vm, frame.code());
                frame.set_lasti(begin);
                return Ok(());
            }
        }
    }
    let left = site.counter.load(Ordering::Relaxed) - 1;
    if left > 0 {
        if left == i32::MAX - 1 {
            // Given up.
            return Ok(());
        }
        let (a, jobs) = (site.attached(), &site.attached().jobs);
        // No other thread writes to a guest's memory: its host is asked now and then.
        if cfg!(target_family = "wasm") && left % ASK_HOST == 0 && jobs.any_left() && !a.is_aside(vm) {
            a.driver().look();
        }
        let done = jobs.done();
        if jobs.are_news(done) && !a.is_aside(vm) {
            jobs.set_seen(done);
            a.driver().receive(vm);
        }
        let awaits = site.awaits.load(Ordering::Relaxed);
        if awaits == 0 || done < awaits {
            site.counter.store(left, Ordering::Relaxed);
            return Ok(());
        }
    }
    // SAFETY: as above.
    unsafe { hot(site, frame, vm) };
    Ok(())
}

/// # Safety
/// `frame` is the current one and has just passed the site.
#[inline(never)]
unsafe fn hot(site: &Site, frame: FrameRef, vm: &VirtualMachine) {
    let a = site.attached();
    if a.is_aside(vm) {
        site.count_from(ASIDE_PAUSE);
        return;
    }
    if stack_is_short() {
        return;
    }
    // From here on this is the only thread. A counter of 1 brings every pass here.
    site.count_from(1);
    site.awaits.store(0, Ordering::Relaxed);
    let mut tried = 0;
    let mut asked = false;
    loop {
        let count = site.version_count();
        if count > tried {
            // SAFETY: the caller's promise.
            match unsafe { enter(site, tried, frame, vm) } {
                Entered::Returned(value) => {
                    site.missed.store(0, Ordering::Relaxed);
                    // SAFETY: the frame is live; room for one value was reserved.
                    unsafe { returned(frame, value) };
                    return;
                }
                Entered::Left => {
                    site.missed.store(0, Ordering::Relaxed);
                    return;
                }
                Entered::Missed => {}
            }
        }
        if asked {
            // What misses right after it was made is asked about again later.
            site.misses_left.store(ASIDE_PAUSE as u32, Ordering::Relaxed);
            return;
        }
        let misses = site.misses_left.load(Ordering::Relaxed);
        if misses > 0 {
            let pause = site.pause();
            if misses != u32::MAX {
                site.misses_left.store(misses.saturating_sub(pause), Ordering::Relaxed);
            }
            site.count_from(pause as i32);
            return;
        }
        match a.driver().hot(site, frame, vm) {
            Hot::Installed => {
                let now = site.version_count();
                // Versions are appended, or the list was replaced by one that is not longer.
                if now == 0 || tried == count && now == tried {
                    return;
                }
                tried = if now > count { count } else { 0 };
                asked = true;
            }
            Hot::Later(n) => {
                if !site.has_versions() {
                    site.set_counter(n);
                } else {
                    site.misses_left.store(n.clamp(1, u32::MAX - 1), Ordering::Relaxed);
                }
                return;
            }
            Hot::AfterJob(number) => {
                if !site.has_versions() {
                    site.set_counter(JOB_PAUSE);
                    site.awaits.store(number + 1, Ordering::Relaxed);
                } else {
                    site.misses_left.store(MISSES_UNTIL_THERE, Ordering::Relaxed);
                }
                return;
            }
            Hot::Never => {
                if !site.has_versions() {
                    site.give_up();
                } else {
                    site.misses_left.store(u32::MAX, Ordering::Relaxed);
                }
                return;
            }
        }
    }
}

/// What an activation of compiled code changes in the context and must give back.
struct Saved {
    ret: u64,
    failed: i32,
    depth: i32,
    frame: *mut core::ffi::c_void,
    vm: *const core::ffi::c_void,
    exit_top: *mut u64,
    activations: (usize, usize),
}

impl Saved {
    /// # Safety
    /// The activation that this was saved for has ended.
    unsafe fn restore(&self, a: &Attached) {
        let ctx = a.ctx();
        // SAFETY: the context is this thread's.
        unsafe {
            (*ctx).ret = self.ret;
            (*ctx).failed = self.failed;
            (*ctx).depth = self.depth;
            (*ctx).frame = self.frame;
            (*ctx).vm = self.vm;
            (*ctx).exit_top = self.exit_top;
        }
        a.activations.restore(self.activations);
    }
}

/// What came of entering compiled code.
pub enum Entered {
    /// The function has returned.
    Returned(PyObjectRef),
    /// It left through an exit: the interpreter goes on with the frame.
    Left,
    /// No version fits; nothing has happened.
    Missed,
}

/// Runs the first version that fits, from the one at an index on. The list does not change before one has fitted.
///
/// # Safety
/// As for [`hot`].
unsafe fn enter(site: &Site, first: usize, frame: FrameRef, vm: &VirtualMachine) -> Entered {
    // As much of the guest's stack as engines take of theirs for compiled code that calls: see `stack_is_short`.
    #[cfg(target_family = "wasm")]
    let taken = std::mem::MaybeUninit::<[u64; 160]>::uninit();
    #[cfg(target_family = "wasm")]
    std::hint::black_box(&taken);
    let a = site.attached();
    let ctx = a.ctx();
    // SAFETY: the context is used by this thread only; compiled code does not run at this
    // moment (it may be waiting in a call-out below us).
    unsafe {
        let saved = Saved {
            ret: (*ctx).ret,
            failed: (*ctx).failed,
            depth: (*ctx).depth,
            frame: (*ctx).frame,
            vm: (*ctx).vm,
            exit_top: (*ctx).exit_top,
            activations: a.activations.state(),
        };
        let depth = vm.current_recursion_depth();
        let limit = vm.recursion_limit.get().saturating_sub(depth);
        // Levels that waiting compiled code took are not known to the interpreter.
        let (active, active_depth) = saved.activations;
        let left = if active > 0 {
            let since = depth.saturating_sub(active_depth) as i32;
            saved.depth.saturating_sub(since)
        } else {
            i32::MAX
        };
        a.activations.begin(depth);
        site.began();
        (*ctx).frame = frame.0.cast();
        (*ctx).vm = (vm as *const VirtualMachine).cast();
        let args = frame.slots() as *mut u64;
        let mut next = first;
        while let Some(version) = site.version(next) {
            next += 1;
            (*ctx).depth = left.min(limit.min(i32::MAX as usize) as i32);
            (*ctx).failed = 0;
            a.activations.count_entry();
            site.entered.store(site.entered.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            let polls = (*ctx).polls();
            let result = match version.entry {
                Some(entry) => entry(ctx, args),
                None => a.driver().enter(&version, ctx, args),
            };
            if result == status::RETURNED {
                let value = (*ctx).ret as usize;
                let exception = std::mem::replace(&mut (*ctx).exception, std::ptr::null_mut());
                saved.restore(a);
                site.ended();
                release_deferred();
                if value != 0 {
                    return Entered::Returned(layout::own(value));
                }
                traceback::leave_raising(frame, exception as usize, vm);
                return Entered::Left;
            }
            let top = (*ctx).exit_top;
            let number = *top.sub(1) as u32;
            let info = a.exits.get(number);
            if info.as_ref().is_some_and(|i| i.is_entry_miss()) {
                (*ctx).exit_top = saved.exit_top;
                continue;
            }
            let mut records = read_records(a, top, saved.exit_top);
            records.turns = (*ctx).polls() - polls;
            let exception = std::mem::replace(&mut (*ctx).exception, std::ptr::null_mut());
            saved.restore(a);
            site.ended();
            let leaving = Leaving { attached: a, site, version: &version, records, exception: exception as usize };
            leave(leaving, frame, vm);
            release_deferred();
            return Entered::Left;
        }
        saved.restore(a);
        site.ended();
        Entered::Missed
    }
}

/// Begins a function with its compiled code.
///
/// # Safety
/// `frame` is the current one; it runs the site's code and is where its entry begins.
#[inline]
pub unsafe fn begin(site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Entered {
    let SiteKind::Entry { start } = site.kind else { return Entered::Missed };
    // SAFETY: the caller's promise.
    unsafe {
        frame.set_lasti(start);
        enter(site, 0, frame, vm)
    }
}

/// Whether a function that is called now may begin with its compiled code: there is some, and
/// the interpreter would do nothing at its `RESUME`.
#[inline]
pub fn may_enter(site: &Site, vm: &VirtualMachine, code: &Py<PyCode>) -> bool {
    site.has_versions()
        && code.quickened.load(Ordering::Relaxed)
        && code.instrumentation_version.load(Ordering::Relaxed) == vm.state.instrumentation_version.load(Ordering::Relaxed)
        && !site.attached().is_aside(vm)
        && !stack_is_short()
}

/// Lets the interpreter return from the frame: at the place that compiled code has left in it
/// because somebody holds the frame, or else at the pad.
///
/// # Safety
/// `frame` runs code that was prepared and has just returned.
pub unsafe fn returned(frame: FrameRef, value: PyObjectRef) {
    // SAFETY: the caller's promise; room for one value was reserved.
    unsafe {
        let at = frame.lasti();
        let op = frame.code().code.instructions.read_op(at as usize);
        frame.truncate(0);
        frame.push(Some(value));
        if op.as_opcode() != Opcode::ReturnValue
            && let Some(p) = site::of(frame.code())
        {
            frame.set_lasti(p.pads.return_value);
        }
    }
}
