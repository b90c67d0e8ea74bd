//! Hooks: the objects in prepared code that a frame comes to, and the state of each: its counter, and the versions that it tries.

use super::attached::Attached;
use super::charge::Charge;
use super::driver::SiteVersion;
use crate::code::plan::SiteKind;
use crate::code::prepared::Prepared;
use crate::object::frame::FrameRef;
use rustpython_vm::builtins::{PyCode, PyType};
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{AsObject, Context, Py, PyObject, PyObjectRef, PyPayload, PyRef, VirtualMachine};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Passes that no version fits until only some passes try them, and at most so many between two that do.
const FEW_MISSES: u32 = 4;
const MISS_PAUSE: u32 = 32;
/// Frames among which a recursion is looked for.
const FRAMES_LOOKED_AT: usize = 64;

/// The payload of a hook object. Its type has no Python-visible attributes, and its objects
/// are never shown: `code_view` hides the constants that hold them.
pub struct Hook {
    pub site: Site,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "hook {:?}", self.site.kind)
    }
}

impl MaybeTraverse for Hook {
    fn try_traverse(&self, _: &mut TraverseFn<'_>) {}
}

/// Its class, whose `setattro` slot is set when the JIT is attached.
static HOOK_TYPE: OnceLock<&'static Py<PyType>> = OnceLock::new();

impl PyPayload for Hook {
    const NEW_REF_UNTRACKED: bool = true;

    fn class(ctx: &Context) -> &'static Py<PyType> {
        HOOK_TYPE.get_or_init(|| {
            let base = ctx.types.object_type;
            // Fails only for impossible base classes.
            let class = PyType::new_simple_heap("hook", base, ctx).expect("object can be subclassed");
            PyRef::leak(class)
        })
    }
}

impl Hook {
    pub fn create(vm: &VirtualMachine, site: Site) -> PyObjectRef {
        Hook { site }.into_ref(&vm.ctx).into()
    }

    /// The hook in an object.
    pub fn downcast(obj: &PyObject) -> Option<&Hook> {
        obj.downcast_ref::<Hook>().map(|h| &**h)
    }
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
    pub attached: &'static Attached,
    pub prepared: Arc<Prepared>,
    pub kind: SiteKind,
    /// Index into `prepared.patches`.
    pub patch: usize,
    /// Passes left; see `pass`.
    pub counter: AtomicI32,
    versions: RefCell<Rc<[SiteVersion]>>,
    /// Misses of all versions before the driver is asked again; `u32::MAX` for never.
    pub misses_left: AtomicU32,
    /// Jobs that the lowering must have done before the driver is asked again; 0 where passes count alone.
    pub awaits: AtomicU64,
    /// Passes since a version fitted.
    pub missed: AtomicU32,
    /// What `counter` was when it was last set, and the passes counted before.
    pub from: AtomicI32,
    pub counted: AtomicU64,
    pub entered: AtomicU64,
    /// Activations of its versions that have not ended.
    pub running: AtomicU32,
    /// Of use while a profiler with a half-life chooses.
    pub charge: Charge,
}

// SAFETY: only `counter` and `misses_left` are touched by other threads than the one that the
// JIT belongs to: `Attached::is_aside` is asked before anything else.
unsafe impl Send for Site {}
// SAFETY: as above.
unsafe impl Sync for Site {}

impl Site {
    pub fn new(attached: &'static Attached, prepared: Arc<Prepared>, kind: SiteKind, patch: usize) -> Self {
        let first = match kind {
            SiteKind::Entry { .. } => attached.thresholds().calls,
            SiteKind::Loop { .. } => attached.thresholds().iterations,
            SiteKind::Inner | SiteKind::Lazy => 0,
        };
        let charge = Charge::default();
        if attached.is_charging() {
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
            SiteKind::Inner | SiteKind::Lazy => 0,
        }
    }

    /// The versions, in the order in which they are tried.
    pub fn versions(&self) -> Rc<[SiteVersion]> {
        self.versions.borrow().clone()
    }

    /// One of them.
    #[inline]
    pub fn version(&self, index: usize) -> Option<SiteVersion> {
        self.versions.borrow().get(index).copied()
    }

    /// How many there are.
    pub fn version_count(&self) -> usize {
        self.versions.borrow().len()
    }

    /// Whether there is any.
    pub fn has_versions(&self) -> bool {
        !self.versions.borrow().is_empty()
    }

    /// Replaces the versions. Those that run now finish by themselves. An empty list makes the site count again.
    pub fn set_versions(&self, versions: Vec<SiteVersion>) {
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

    /// No version fits again. Gives the passes until they are tried once more: what has not fitted for long is an
    /// activation with values of other types, and to find that out each time costs more than its turns.
    pub fn pause(&self) -> u32 {
        let missed = self.missed.load(Ordering::Relaxed);
        self.missed.store(missed.saturating_add(1), Ordering::Relaxed);
        if missed < FEW_MISSES { 1 } else { missed.min(MISS_PAUSE) }
    }

    pub fn count_from(&self, passes: i32) {
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
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    pub fn began(&self) {
        self.running.store(self.running.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub fn ended(&self) {
        self.running.store(self.running.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }

    /// Lowers the counter to at most so many passes. Brings a site back that nobody wanted to be asked about.
    pub fn urge(&self, passes: u32) {
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
    pub fn urge_by(&self, passes: u32) {
        let left = self.counter.load(Ordering::Relaxed);
        if passes > 0 && left != i32::MAX && self.versions.borrow().is_empty() {
            self.set_counter((left as u32).saturating_sub(passes));
        }
    }

    /// Counts to the threshold that holds now; what was counted before counts.
    pub fn recount(&self) {
        if self.counter.load(Ordering::Relaxed) != i32::MAX && self.versions.borrow().is_empty() {
            self.set_counter(self.initial().saturating_sub(self.counted().min(1 << 30) as u32));
        }
    }

    /// Nobody is asked about this site any more. Loops and recursive functions go on asking whether the program is to stop, if
    /// there is somebody to ask.
    pub fn give_up(&self) {
        self.set_counter(i32::MAX as u32);
        let asks = self.attached.interrupts.has_host() && (matches!(self.kind, SiteKind::Loop { .. }) || self.recurs());
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
    pub fn initial(&self) -> u32 {
        match self.kind {
            SiteKind::Entry { .. } => self.attached.thresholds().calls,
            _ => self.attached.thresholds().iterations,
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
        self.attached.is_watched() || self.prepared.arm(self.patch)
    }
}

/// The hooks in a code object: its entry's and its loops'.
pub fn sites(code: &Py<PyCode>) -> impl Iterator<Item = &Site> {
    let first = of(code).map_or(usize::MAX, |p| p.original.consts as usize);
    code.code
        .constants
        .iter()
        .skip(first)
        .filter_map(|k| Hook::downcast(k.as_object()))
        .map(|hook| &hook.site)
        .filter(|site| site.kind != SiteKind::Inner)
}

/// What was done to a code object; `None` if it is not a prepared one.
pub fn of(code: &Py<PyCode>) -> Option<&Arc<Prepared>> {
    // The last constant of prepared code is always a hook.
    last_hook(code).filter(|site| site.kind != SiteKind::Lazy).map(|site| &site.prepared)
}

pub fn last_hook(code: &Py<PyCode>) -> Option<&Site> {
    let last: &PyObject = code.code.constants.last()?.as_object();
    Some(&Hook::downcast(last)?.site)
}
