//! The state of one hook: its counter, and the versions that it tries.

use super::{Attached, Entered, Version, enter};
use crate::charge::Charge;
use crate::layout::FrameRef;
use crate::limits::stack_is_short;
use crate::prepare::Prepared;
use psycore_jit::bytecode::Opcode;
use rustpython_vm::builtins::PyCode;
use rustpython_vm::{Py, PyObjectRef, VirtualMachine};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

/// Passes that no version fits until only some passes try them, and at most so many between two that do.
const FEW_MISSES: u32 = 4;
const MISS_PAUSE: u32 = 32;
/// Frames among which a recursion is looked for.
const FRAMES_LOOKED_AT: usize = 64;

/// What a hook stands for. Positions are unit indexes of the original code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// Entry of a function; `start` is where its displaced first instruction lies.
    Entry { start: u32 },
    /// A back-edge and the loop header that it leads to.
    Loop { back_edge: u32, header: u32 },
    /// The pad that runs the inner frames of a forged one.
    Inner,
    /// The beginning of all code that is to be prepared when it first runs.
    Planted,
}

/// Which site, for as long as somebody wants to know.
#[derive(Clone)]
pub struct SiteKey {
    prepared: Arc<Prepared>,
    patch: usize,
}

impl SiteKey {
    pub fn is(&self, site: &Site) -> bool {
        Arc::ptr_eq(&self.prepared, &site.prepared) && self.patch == site.patch
    }
}

/// The state of a hook.
pub struct Site {
    pub(super) attached: &'static Attached,
    pub prepared: Arc<Prepared>,
    pub kind: SiteKind,
    /// Index into `prepared.patches`.
    pub(super) patch: usize,
    /// Passes left; see `pass`.
    pub(super) counter: AtomicI32,
    pub(super) versions: RefCell<Rc<[Version]>>,
    /// Misses of all versions before the driver is asked again; `u32::MAX` for never.
    pub(super) misses_left: AtomicU32,
    /// Jobs that the lowering must have done before the driver is asked again; 0 where passes count alone.
    pub(super) awaits: AtomicU64,
    /// Passes since a version fitted.
    pub(super) missed: AtomicU32,
    /// What `counter` was when it was last set, and the passes counted before.
    pub(super) from: AtomicI32,
    pub(super) counted: AtomicU64,
    pub(super) entered: AtomicU64,
    /// Activations of its versions that have not ended.
    pub(super) running: AtomicU32,
    /// Of use while a profiler with a half-life chooses.
    pub(crate) charge: Charge,
}

// SAFETY: only `counter` and `misses_left` are touched by other threads than the one that the
// JIT belongs to: `Attached::is_aside` is asked before anything else.
unsafe impl Send for Site {}
// SAFETY: as above.
unsafe impl Sync for Site {}

impl Site {
    pub(crate) fn new(attached: &'static Attached, prepared: Arc<Prepared>, kind: SiteKind, patch: usize) -> Self {
        let first = match kind {
            SiteKind::Entry { .. } => attached.options().calls,
            SiteKind::Loop { .. } => attached.options().iterations,
            SiteKind::Inner | SiteKind::Planted => 0,
        };
        let charge = Charge::default();
        if attached.charging.get() {
            charge.begin(0, attached.now());
        }
        Site {
            attached,
            prepared,
            kind,
            patch,
            counter: AtomicI32::new(first.min(i32::MAX as u32) as i32),
            versions: RefCell::new(Rc::new([])),
            misses_left: AtomicU32::new(0),
            awaits: AtomicU64::new(0),
            missed: AtomicU32::new(0),
            from: AtomicI32::new(first.min(i32::MAX as u32) as i32),
            counted: AtomicU64::new(0),
            entered: AtomicU64::new(0),
            running: AtomicU32::new(0),
            charge,
        }
    }

    pub fn key(&self) -> SiteKey {
        SiteKey { prepared: self.prepared.clone(), patch: self.patch }
    }

    /// The JIT that it belongs to.
    pub fn attached(&self) -> &'static Attached {
        self.attached
    }

    /// The code that it belongs to.
    ///
    /// # Safety
    /// The code must be alive, as it is while a frame runs it.
    pub unsafe fn code<'a>(&self) -> &'a Py<PyCode> {
        // SAFETY: the caller's promise.
        unsafe { self.prepared.code() }
    }

    /// The position that compiled code begins at: the loop's header, or the unit after `RESUME`.
    pub fn pc(&self) -> u32 {
        match self.kind {
            SiteKind::Entry { .. } => self.prepared.pads.entry.map_or(0, |e| e.first + 1),
            SiteKind::Loop { header, .. } => header,
            SiteKind::Inner | SiteKind::Planted => 0,
        }
    }

    /// The versions, in the order in which they are tried.
    pub fn versions(&self) -> Rc<[Version]> {
        self.versions.borrow().clone()
    }

    /// Replaces the versions. Those that run now finish by themselves. An empty list makes the site count again.
    pub fn set_versions(&self, versions: Vec<Version>) {
        if versions.is_empty() {
            self.set_counter(self.initial());
        }
        self.misses_left.store(0, Ordering::Relaxed);
        *self.versions.borrow_mut() = versions.into();
    }

    /// Passes until the driver is asked (again); only sites without versions count.
    pub fn set_counter(&self, passes: u32) {
        self.count_from(passes.clamp(1, i32::MAX as u32) as i32);
    }

    /// Whether a function that is called now may begin with its compiled code: there is some, and
    /// the interpreter would do nothing at its `RESUME`.
    #[inline]
    pub(crate) fn may_enter(&self, vm: &VirtualMachine, code: &Py<PyCode>) -> bool {
        !self.versions.borrow().is_empty()
            && code.quickened.load(Ordering::Relaxed)
            && code.instrumentation_version.load(Ordering::Relaxed) == vm.state.instrumentation_version.load(Ordering::Relaxed)
            && !self.attached.is_aside(vm)
            && !stack_is_short()
    }

    /// Begins a function with its compiled code.
    ///
    /// # Safety
    /// `frame` is the current one; it runs the site's code and is where its entry begins.
    #[inline]
    pub(crate) unsafe fn enter(&self, frame: FrameRef, vm: &VirtualMachine) -> Entered {
        let SiteKind::Entry { start } = self.kind else { return Entered::Missed };
        // SAFETY: the caller's promise.
        unsafe {
            frame.set_lasti(start);
            enter(self, &self.versions(), frame, vm)
        }
    }

    /// Lets the interpreter return from the frame: at the place that compiled code has left in it
    /// because somebody holds the frame, or else at the pad.
    ///
    /// # Safety
    /// `frame` runs the site's code, which has just returned.
    pub(crate) unsafe fn returned(&self, frame: FrameRef, value: PyObjectRef) {
        // SAFETY: the caller's promise; room for one value was reserved.
        unsafe {
            let at = frame.lasti();
            let op = frame.code().code.instructions.read_op(at as usize);
            frame.truncate(0);
            frame.push(Some(value));
            let there = op.as_opcode() == Opcode::ReturnValue;
            frame.set_lasti(if there { at } else { self.prepared.pads.return_value });
        }
    }

    /// No version fits again. Gives the passes until they are tried once more: what has not fitted for long is an
    /// activation with values of other types, and to find that out each time costs more than its turns.
    pub(super) fn pause(&self) -> u32 {
        let missed = self.missed.load(Ordering::Relaxed);
        self.missed.store(missed.saturating_add(1), Ordering::Relaxed);
        if missed < FEW_MISSES { 1 } else { missed.min(MISS_PAUSE) }
    }

    pub(super) fn count_from(&self, passes: i32) {
        // Loads and stores only: this is done at each entry of compiled code, and other threads
        // at most lose a count.
        self.counted.store(self.counted(), Ordering::Relaxed);
        self.from.store(passes, Ordering::Relaxed);
        self.counter.store(passes, Ordering::Relaxed);
    }

    /// Passes in the interpreter, as far as the hook was in place and counted.
    pub fn counted(&self) -> u64 {
        let now = self.from.load(Ordering::Relaxed) - self.counter.load(Ordering::Relaxed);
        self.counted.load(Ordering::Relaxed) + now.max(0) as u64
    }

    /// How often compiled code was entered here.
    pub fn entered(&self) -> u64 {
        self.entered.load(Ordering::Relaxed)
    }

    /// Whether compiled code that was entered here has not ended: it runs, or waits for a call.
    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    pub(super) fn began(&self) {
        self.running.store(self.running.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self) {
        self.running.store(self.running.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }

    /// Lowers the counter to at most so many passes. Brings a site back that nobody wanted to be asked about.
    pub(crate) fn urge(&self, passes: u32) {
        let left = self.counter.load(Ordering::Relaxed);
        if left == i32::MAX {
            self.misses_left.store(0, Ordering::Relaxed);
            self.arm();
        } else if !self.versions.borrow().is_empty() {
            return;
        }
        if left as u32 > passes {
            self.set_counter(passes);
        }
    }

    /// Lowers the counter of a site that counts by so many passes.
    pub(crate) fn urge_by(&self, passes: u32) {
        let left = self.counter.load(Ordering::Relaxed);
        if passes > 0 && left != i32::MAX && self.versions.borrow().is_empty() {
            self.set_counter((left as u32).saturating_sub(passes));
        }
    }

    /// Counts to the threshold that holds now; what was counted before counts.
    pub(crate) fn recount(&self) {
        if self.counter.load(Ordering::Relaxed) != i32::MAX && self.versions.borrow().is_empty() {
            self.set_counter(self.initial().saturating_sub(self.counted().min(1 << 30) as u32));
        }
    }

    /// Nobody is asked about this site any more. Loops and recursive functions go on asking whether the program is to stop, if
    /// there is somebody to ask.
    pub(crate) fn give_up(&self) {
        self.set_counter(i32::MAX as u32);
        let asks = self.attached.interrupted.get().is_some() && (matches!(self.kind, SiteKind::Loop { .. }) || self.recurs());
        if !asks {
            self.disarm();
        }
    }

    /// Whether the innermost frames are those of a recursion through this site's code.
    fn recurs(&self) -> bool {
        let mut next = FrameRef::current();
        let mut found = 0;
        for _ in 0..FRAMES_LOOKED_AT {
            let Some(frame) = next else { break };
            // SAFETY: frames of the chain are live; the address is only compared.
            unsafe {
                found += usize::from(std::ptr::eq(frame.code(), self.code()));
                next = frame.previous();
            }
        }
        found > 1
    }

    /// Passes after which it is asked about for the first time.
    pub(crate) fn initial(&self) -> u32 {
        match self.kind {
            SiteKind::Entry { .. } => self.attached.options().calls,
            _ => self.attached.options().iterations,
        }
    }

    /// Takes the hook out of the code: it costs nothing any more. False if that must wait.
    pub fn disarm(&self) -> bool {
        if self.kind == SiteKind::Inner {
            return true;
        }
        self.prepared.set_live(self.patch, false);
        self.prepared.disarm(self.patch)
    }

    /// Puts the hook back.
    pub fn arm(&self) -> bool {
        if self.kind == SiteKind::Inner {
            return true;
        }
        self.prepared.set_live(self.patch, true);
        self.attached.watched.get() || self.prepared.arm(self.patch)
    }
}
