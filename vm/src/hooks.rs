//! Hooks: how compiled code gets its turn.
//!
//! # Attaching
//! ```ignore
//! let attached: &'static Attached = hooks::install(vm, Box::new(driver), Options::default())?;
//! ```
//! Once per interpreter, on its main thread, before user code runs. The error is a line of
//! text for the user; the interpreter then goes on without a JIT. `install` probes the layout, runs the
//! self-test, and puts itself in front of `exec`, `eval`, `FunctionType`, assignments of `__code__`, `marshal.dumps`,
//! `sys.settrace` and the like. Code that is run from Rust goes through [`prepared`].
//!
//! # What the driver does
//! [`Driver::hot`] is called when a site has been reached often enough. It looks at the live frame
//! ([`FrameRef`]; its code is the prepared one, see `prepare` for how to read the original: decode
//! [`Prepared::original_units`], read inline caches at [`Prepared::live_index`]), compiles,
//! registers the unit's exits with [`Attached::exits`], puts versions on the site ([`Site::set_versions`]) and says so. All
//! positions (`FrameDesc::pc`, headers) are those of the original code; none moves. A `pc` may name the
//! prefix of an instruction or its own unit.
//!
//! Versions are tried in turn with the context and the address of the frame's first slot. A version that returns
//! gives an owned object in `RuntimeContext::ret`. One that leaves through an exit of `Guard(Entry)` whose recipes are all `Keep`
//! has done nothing: the next one is tried, and after the last one the driver is asked again. Any
//! other exit is replayed by `deopt` after the driver has seen it ([`Driver::exited`]).
//! A frame's `lasti` while its code runs compiled is the loop header, or the entry's first instruction.
//!
//! Everything is re-entrant: compiled code calls out, Python runs, other hooks enter compiled code.

mod site;

pub use site::{Site, SiteKey, SiteKind};

use crate::deopt;
use crate::exits::{ExitInfo, Exits};
use crate::layout::{self, FrameRef};
use crate::limits::stack_is_short;
use crate::prepare::{self, Prepared};
use psycore_jit::ir::{ObjId, status};
use psycore_jit::lower::{CodeHandle, EntryFn};
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyStr, PyType};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::signal::UserSignalSender;
use rustpython_vm::{AsObject, Context, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};
use std::cell::{Cell, RefCell, UnsafeCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Instant;

/// Words of the exit stack: deep recursion of compiled code leaves one record per level.
const EXIT_STACK_WORDS: usize = 1 << 18;
/// Back-edges and calls until a site that had to step aside is looked at again.
const ASIDE_PAUSE: i32 = 1000;

/// Passes after which a site that awaits a job is looked at even so: a forked child must begin the thread that does it.
const JOB_PAUSE: u32 = 10_000;
/// Misses of its versions until a site that awaits a job is looked at again.
const MISSES_UNTIL_THERE: u32 = 4;

/// How often code must run before it is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Calls of a function.
    pub calls: u32,
    /// Iterations of a loop.
    pub iterations: u32,
    /// Whether the start-up self-test runs.
    pub self_test: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { calls: 600, iterations: 2000, self_test: true }
    }
}

/// What came of asking the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hot {
    /// There are versions now.
    Installed,
    /// Ask again after so many more passes.
    Later(u32),
    /// Ask again when the lowering has done the job with this number.
    AfterJob(u64),
    /// Don't ask again. A site without versions is disarmed.
    Never,
}

/// Compiled code of a site.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// The entry, where it can be called directly; else [`Driver::enter`] is.
    pub entry: Option<EntryFn>,
    pub handle: CodeHandle,
    /// Function of the unit.
    pub func: u32,
    /// For the driver.
    pub tag: u64,
}

/// An exit that is about to be replayed. The record is that of the innermost compiled function; `depth`
/// compiled callers wait for it.
pub struct Exited<'a> {
    pub number: u32,
    pub info: &'a ExitInfo,
    /// The record's words, in the order of `info.types`.
    pub record: &'a [u64],
    pub depth: usize,
    /// The version of the site that was entered.
    pub version: Version,
    /// How often the code has polled since then.
    pub turns: u64,
}

/// What decides; see the module's text.
pub trait Driver {
    /// The object of a number that a unit uses.
    fn object(&self, id: ObjId) -> &PyObject;

    /// A site is hot, or none of its versions fits the live frame.
    fn hot(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Hot;

    /// Compiled code left through an exit; the frame is as it was when it entered.
    fn exited(&self, site: &Site, frame: FrameRef, exit: &Exited<'_>, vm: &VirtualMachine);

    /// The lowering's thread has done something.
    fn receive(&self, _vm: &VirtualMachine) {}

    /// Some may be done that nobody has been told of.
    fn look(&self) {}

    /// The program has ended.
    fn finish(&self, _attached: &Attached) {}

    /// What became of the program so far, if that was to be recorded.
    fn explained(&self, _attached: &Attached) -> Option<crate::explain::Report> {
        None
    }

    /// The driver itself, for what is not in this trait.
    fn as_any(&self) -> Option<&dyn std::any::Any> {
        None
    }

    /// Statistics for the end of the program, if they were asked for.
    fn report(&self, _attached: &Attached) -> Option<String> {
        None
    }

    /// Runs a version that has no directly callable entry.
    ///
    /// # Safety
    /// As for `Lowering::enter`.
    unsafe fn enter(&self, version: &Version, ctx: *mut RuntimeContext, args: *mut u64) -> i32;
}

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

static HOOK_TYPE: OnceLock<&'static Py<PyType>> = OnceLock::new();

impl PyPayload for Hook {
    const NEW_REF_UNTRACKED: bool = true;

    fn class(ctx: &Context) -> &'static Py<PyType> {
        HOOK_TYPE.get_or_init(|| {
            let base = ctx.types.object_type;
            // Fails only for impossible base classes.
            let class = PyType::new_simple_heap("hook", base, ctx).expect("object can be subclassed");
            class.slots.setattro.store(Some(reached));
            PyRef::leak(class)
        })
    }
}

impl Hook {
    pub(crate) fn create(vm: &VirtualMachine, site: Site) -> PyObjectRef {
        Hook { site }.into_ref(&vm.ctx).into()
    }

    /// The hook in an object.
    pub fn downcast(obj: &PyObject) -> Option<&Hook> {
        obj.downcast_ref::<Hook>().map(|h| &**h)
    }
}

/// A host that interrupts programs is asked after so many passes of hooks, and when compiled code left to look.
const PASSES_UNTIL_ASKED: u32 = 1000;
/// Passes after which a guest's host is asked again whether code is ready.
const ASK_HOST: i32 = 16;

/// The JIT's hold on one interpreter.
pub struct Attached {
    state: usize,
    since: Instant,
    options: Cell<Options>,
    /// Whether new sites remember when they began to count.
    pub(crate) charging: Cell<bool>,
    driver: UnsafeCell<Box<dyn Driver>>,
    exits: Exits,
    ctx: UnsafeCell<Box<RuntimeContext>>,
    /// Keeps the exit stack's memory; compiled code writes it through `RuntimeContext::exit_top`.
    exit_stack: UnsafeCell<Vec<u64>>,
    cache: prepare::Cache,
    all: RefCell<Vec<Weak<Prepared>>>,
    /// Compiled activations below the current one, for the depth counter.
    active: Cell<usize>,
    /// Recursion depth of the VM when the innermost activation began.
    active_depth: Cell<usize>,
    pub(crate) pending: RefCell<Vec<deopt::Pending>>,
    /// Set while a tool watches instructions: everything is disarmed.
    pub(crate) watched: Cell<bool>,
    entered: Cell<u64>,
    /// All code that was prepared, if explanations will need it.
    kept: RefCell<Option<Vec<PyRef<PyCode>>>>,
    /// Code that was planted, and some that has been prepared since.
    planted: RefCell<Vec<PyRef<PyCode>>>,
    planted_hook: RefCell<Option<PyObjectRef>>,
    /// Where the interpreter looks for what others want it to do.
    signals: OnceLock<UserSignalSender>,
    /// Whom to ask whether the program is to stop.
    interrupted: Cell<Option<fn() -> bool>>,
    /// How often a hook may pass until that is asked again.
    until_asked: Cell<u32>,
    /// Jobs that the lowering's thread was given.
    jobs_begun: AtomicU64,
    /// Jobs that it has done.
    jobs_done: Arc<AtomicU64>,
    /// Those of them that the driver has been told of.
    jobs_seen: AtomicU64,
}

// SAFETY: used only by the thread that runs the interpreter's Python code while it is the only
// one; `is_aside` is asked first.
unsafe impl Send for Attached {}
// SAFETY: as above.
unsafe impl Sync for Attached {}

static ATTACHED: Mutex<Vec<&'static Attached>> = Mutex::new(Vec::new());

impl Attached {
    /// The JIT of an interpreter.
    pub fn of(vm: &VirtualMachine) -> Option<&'static Attached> {
        let state = state_of(vm);
        let all = ATTACHED.lock().ok()?;
        all.iter().copied().find(|a| a.state == state)
    }

    pub fn exits(&self) -> &Exits {
        &self.exits
    }

    pub fn options(&self) -> Options {
        self.options.get()
    }

    /// Seconds since the JIT was attached.
    pub(crate) fn now(&self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }

    /// Changes how often code must run; for code that is prepared from now on.
    pub fn set_options(&self, options: Options) {
        self.options.set(options);
    }

    /// How often compiled code was entered from the interpreter.
    pub fn entered(&self) -> u64 {
        self.entered.get()
    }

    /// Whether compiled code, or what it called, works for the frame now. Safe in a signal handler
    /// on the interpreter's thread.
    pub(crate) fn runs_compiled(&self, frame: FrameRef) -> bool {
        // SAFETY: the context is this thread's; one word of it is read.
        self.active.get() > 0 && unsafe { (*self.ctx()).frame } == frame.0.cast()
    }

    /// Whether this thread may look at the JIT's state: nobody else changes it meanwhile.
    pub(crate) fn may_read(&self, vm: &VirtualMachine) -> bool {
        self.state == state_of(vm) && (crate::aside::alone(vm) || is_main_thread(vm))
    }

    /// Whether compiled code waits somewhere below for a call to return.
    pub fn is_active(&self) -> bool {
        self.active.get() > 0
    }

    /// The driver.
    pub fn driver(&self) -> &dyn Driver {
        // SAFETY: replaced only by `install`, before it returns.
        unsafe { &**self.driver.get() }
    }

    /// The context of compiled code.
    pub fn ctx(&self) -> *mut RuntimeContext {
        // SAFETY: the box stays in place; only its address is taken.
        unsafe { &raw mut **self.ctx.get() }
    }

    pub(crate) fn prepared(&self) -> &prepare::Cache {
        &self.cache
    }

    pub(crate) fn remember(&self, code: &Py<PyCode>, _vm: &VirtualMachine) {
        if let Some(kept) = &mut *self.kept.borrow_mut() {
            kept.push(code.to_owned());
        }
        let mut all = self.all.borrow_mut();
        if all.len() == all.capacity() {
            all.retain(|w| w.strong_count() > 0);
        }
        if let Some(p) = prepare::of(code) {
            all.push(Arc::downgrade(p));
        }
    }

    pub(crate) fn jobs_done(&self) -> Arc<AtomicU64> {
        self.jobs_done.clone()
    }

    /// The lowering's thread has been given so many jobs by now.
    pub(crate) fn begun_jobs(&self, number: u64) {
        self.jobs_begun.store(number, Ordering::Relaxed);
    }

    /// Jobs that the lowering's thread has done. `turn` counts the times that this was asked.
    fn done_jobs(&self, turn: i32, vm: &VirtualMachine) -> u64 {
        let done = self.jobs_done.load(Ordering::Relaxed);
        // No other thread writes to a guest's memory.
        if cfg!(target_family = "wasm")
            && turn % ASK_HOST == 0
            && done != self.jobs_begun.load(Ordering::Relaxed)
            && !self.is_aside(vm)
        {
            self.driver().look();
            return self.jobs_done.load(Ordering::Relaxed);
        }
        done
    }

    /// Gives the sender to what the interpreter listens to; only the first one counts.
    pub(crate) fn set_signals(&self, signals: UserSignalSender) {
        let _ = self.signals.set(signals);
    }

    pub(crate) fn set_interrupted(&self, ask: Option<fn() -> bool>) {
        self.interrupted.set(ask);
    }

    /// Lets the next hook ask whether the program is to stop.
    pub(crate) fn ask_soon(&self) {
        self.until_asked.set(0);
    }

    /// Raises `KeyboardInterrupt` if the host wants it and was not asked lately.
    #[inline]
    fn look_for_interruption(&self, vm: &VirtualMachine) -> PyResult<()> {
        let Some(ask) = self.interrupted.get() else { return Ok(()) };
        if let Some(left) = self.until_asked.get().checked_sub(1) {
            self.until_asked.set(left);
            return Ok(());
        }
        self.until_asked.set(PASSES_UNTIL_ASKED);
        match ask() {
            true => Err(vm.new_exception_empty(vm.ctx.exceptions.keyboard_interrupt.to_owned())),
            false => Ok(()),
        }
    }

    /// Raises an exception at the next instruction that looks for signals.
    pub(crate) fn raise_soon(&self, exception: PyBaseExceptionRef) {
        if let Some(signals) = self.signals.get() {
            // The other end lives as long as the interpreter.
            let _ = signals.send(Box::new(|_| Err(exception)));
        }
    }

    /// The hook of all planted code.
    pub(crate) fn planted_hook(&'static self, vm: &VirtualMachine) -> PyObjectRef {
        let make = || Hook::create(vm, Site::new(self, Prepared::none(), SiteKind::Planted, usize::MAX));
        self.planted_hook.borrow_mut().get_or_insert_with(make).clone()
    }

    pub(crate) fn remember_planted(&self, code: &Py<PyCode>) {
        let mut all = self.planted.borrow_mut();
        if all.len() == all.capacity() {
            // What only this list holds will never run.
            all.retain(|code| code.as_object().strong_count() > 1 && prepare::of(code).is_none());
        }
        all.push(code.to_owned());
    }

    /// Takes one of what was planted; it may be prepared already.
    pub(crate) fn next_planted(&self) -> Option<PyRef<PyCode>> {
        self.planted.borrow_mut().pop()
    }

    /// Lets go of code that never ran.
    pub(crate) fn forget_planted(&self) {
        self.planted.take();
        self.planted_hook.take();
    }

    /// From now on code that is prepared stays alive.
    pub(crate) fn keep_code(&self) {
        self.kept.borrow_mut().get_or_insert_default();
    }

    /// What was kept.
    pub(crate) fn kept_code(&self) -> Vec<PyRef<PyCode>> {
        self.kept.borrow().clone().unwrap_or_default()
    }

    /// All prepared code that is still alive.
    pub(crate) fn each_prepared(&self, mut f: impl FnMut(&Prepared)) {
        let all: Vec<Arc<Prepared>> = self.all.borrow().iter().filter_map(Weak::upgrade).collect();
        for p in all {
            f(&p);
        }
    }

    /// The same, with the code itself.
    pub(crate) fn each_code(&self, mut f: impl FnMut(&Py<PyCode>, &Prepared)) {
        // SAFETY: hooks hold the value, and the code holds the hooks: it goes when the last of them goes.
        self.each_prepared(|p| f(unsafe { p.code() }, p));
    }

    /// Whether code may get hooks now: nobody watches, and this is the only thread or the main one
    /// (which alone touches the caches while there are more).
    pub(crate) fn may_prepare(&self, vm: &VirtualMachine) -> bool {
        self.state == state_of(vm) && !self.watched.get() && (crate::aside::alone(vm) || is_main_thread(vm))
    }

    /// Whether the JIT must keep out of this thread now.
    pub fn is_aside(&self, vm: &VirtualMachine) -> bool {
        self.state != state_of(vm) || self.watched.get() || crate::aside::must_step_aside(vm)
    }
}

/// Forgets the JIT of an interpreter that has ended, in whose place a new one begins.
pub(crate) fn forget(vm: &VirtualMachine) {
    let state = state_of(vm);
    if let Ok(mut all) = ATTACHED.lock() {
        all.retain(|a| a.state != state);
    }
}

fn is_main_thread(vm: &VirtualMachine) -> bool {
    vm.state.main_thread_ident.load() == rustpython_vm::stdlib::_thread::get_ident()
}

fn state_of(vm: &VirtualMachine) -> usize {
    &raw const *vm.state as usize
}

/// Attaches a driver to an interpreter; see the module's text.
///
/// # Errors
/// One line of text that says why there will be no JIT.
pub fn install(vm: &VirtualMachine, driver: Box<dyn Driver>, options: Options) -> Result<&'static Attached, String> {
    layout::probe(vm)?;
    // Made before the first frame can see it.
    let _ = Hook::class(&vm.ctx);
    // Not written to: most of it is never touched.
    let mut exit_stack = Vec::with_capacity(EXIT_STACK_WORDS);
    let mut ctx = Box::new(RuntimeContext::new());
    ctx.exit_top = exit_stack.as_mut_ptr();
    // SAFETY: one past the end of the same allocation.
    ctx.exit_end = unsafe { exit_stack.as_mut_ptr().add(EXIT_STACK_WORDS) };
    let attached: &'static Attached = Box::leak(Box::new(Attached {
        state: state_of(vm),
        since: Instant::now(),
        options: Cell::new(crate::selftest::OPTIONS),
        charging: Cell::new(false),
        driver: UnsafeCell::new(Box::new(crate::selftest::Rewrite)),
        exits: Exits::new(),
        ctx: UnsafeCell::new(ctx),
        exit_stack: UnsafeCell::new(exit_stack),
        cache: prepare::Cache::default(),
        all: RefCell::default(),
        active: Cell::new(0),
        active_depth: Cell::new(0),
        pending: RefCell::default(),
        watched: Cell::new(false),
        entered: Cell::new(0),
        kept: RefCell::new(None),
        planted: RefCell::default(),
        planted_hook: RefCell::default(),
        signals: OnceLock::new(),
        interrupted: Cell::new(None),
        until_asked: Cell::new(PASSES_UNTIL_ASKED),
        jobs_begun: AtomicU64::new(0),
        jobs_done: Arc::default(),
        jobs_seen: AtomicU64::new(0),
    }));
    // SAFETY: the context is not in use yet.
    unsafe {
        (*attached.ctx()).runtime = attached as *const Attached as *mut _;
        debug_assert_eq!((*attached.ctx()).exit_top, (*attached.exit_stack.get()).as_mut_ptr());
    }
    if options.self_test {
        crate::selftest::run(attached, vm)?;
    }
    // SAFETY: the self-test's code is gone, and nobody else has seen the value.
    unsafe { *attached.driver.get() = driver };
    attached.options.set(options);
    if let Ok(mut all) = ATTACHED.lock() {
        all.push(attached);
    }
    crate::code_view::install(vm).map_err(|e| describe(vm, &e))?;
    crate::aside::install(attached, vm).map_err(|e| describe(vm, &e))?;
    Ok(attached)
}

fn describe(vm: &VirtualMachine, e: &Py<rustpython_vm::builtins::PyBaseException>) -> String {
    let text = e.as_object().str(vm).map(|s| s.to_string()).unwrap_or_default();
    format!("the interpreter can't be attached to: {text}")
}

/// The code to run in place of `code`: with hooks, if there is a JIT.
pub fn prepared(vm: &VirtualMachine, code: &PyRef<PyCode>) -> PyRef<PyCode> {
    match Attached::of(vm) {
        Some(a) => prepare::prepare(a, vm, code),
        None => code.clone(),
    }
}

/// A frame has come to a hook. (`DELETE_ATTR` on a hook object ends here.)
fn reached(hook: &PyObject, _name: &Py<PyStr>, _value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
    let Some(hook) = Hook::downcast(hook) else { return Ok(()) };
    let site = &hook.site;
    let Some(frame) = FrameRef::current() else { return Ok(()) };
    if site.kind != SiteKind::Inner {
        site.attached.look_for_interruption(vm)?;
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
                deopt::resume_inner(site.attached, frame, vm);
                return Ok(());
            }
            SiteKind::Planted => {
                let begin = prepare::finish(site.attached, vm, frame.code());
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
        let done = site.attached.done_jobs(left, vm);
        if done != site.attached.jobs_seen.load(Ordering::Relaxed) && !site.attached.is_aside(vm) {
            site.attached.jobs_seen.store(done, Ordering::Relaxed);
            site.attached.driver().receive(vm);
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
    let a = site.attached;
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
        let versions = site.versions();
        if versions.len() > tried {
            // SAFETY: the caller's promise.
            match unsafe { enter(site, &versions[tried..], frame, vm) } {
                Entered::Returned(value) => {
                    site.missed.store(0, Ordering::Relaxed);
                    // SAFETY: the frame is live; room for one value was reserved.
                    unsafe { site.returned(frame, value) };
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
                let now = site.versions().len();
                // Versions are appended, or the list was replaced by one that is not longer.
                if now == 0 || tried == versions.len() && now == tried {
                    return;
                }
                tried = if now > versions.len() { versions.len() } else { 0 };
                asked = true;
            }
            Hot::Later(n) => {
                if site.versions().is_empty() {
                    site.set_counter(n);
                } else {
                    site.misses_left.store(n.clamp(1, u32::MAX - 1), Ordering::Relaxed);
                }
                return;
            }
            Hot::AfterJob(number) => {
                if site.versions().is_empty() {
                    site.set_counter(JOB_PAUSE);
                    site.awaits.store(number + 1, Ordering::Relaxed);
                } else {
                    site.misses_left.store(MISSES_UNTIL_THERE, Ordering::Relaxed);
                }
                return;
            }
            Hot::Never => {
                if site.versions().is_empty() {
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
    active: usize,
    active_depth: usize,
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
        a.active.set(self.active);
        a.active_depth.set(self.active_depth);
    }
}

/// What came of entering compiled code.
pub(crate) enum Entered {
    /// The function has returned.
    Returned(PyObjectRef),
    /// It left through an exit: the interpreter goes on with the frame.
    Left,
    /// No version fits; nothing has happened.
    Missed,
}

/// Runs the first version that fits.
///
/// # Safety
/// As for [`hot`].
unsafe fn enter(site: &Site, versions: &[Version], frame: FrameRef, vm: &VirtualMachine) -> Entered {
    // As much of the guest's stack as engines take of theirs for compiled code that calls: see `stack_is_short`.
    #[cfg(target_family = "wasm")]
    let taken = std::mem::MaybeUninit::<[u64; 160]>::uninit();
    #[cfg(target_family = "wasm")]
    std::hint::black_box(&taken);
    let a = site.attached;
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
            active: a.active.get(),
            active_depth: a.active_depth.get(),
        };
        let depth = vm.current_recursion_depth();
        let limit = vm.recursion_limit.get().saturating_sub(depth);
        // Levels that waiting compiled code took are not known to the interpreter.
        let left = if saved.active > 0 {
            let since = depth.saturating_sub(saved.active_depth) as i32;
            saved.depth.saturating_sub(since)
        } else {
            i32::MAX
        };
        a.active.set(saved.active + 1);
        site.began();
        a.active_depth.set(depth);
        (*ctx).frame = frame.0.cast();
        (*ctx).vm = (vm as *const VirtualMachine).cast();
        let args = frame.slots() as *mut u64;
        for version in versions {
            (*ctx).depth = left.min(limit.min(i32::MAX as usize) as i32);
            (*ctx).failed = 0;
            a.entered.set(a.entered.get() + 1);
            site.entered.store(site.entered.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            let polls = (*ctx).polls();
            let result = match version.entry {
                Some(entry) => entry(ctx, args),
                None => a.driver().enter(version, ctx, args),
            };
            if result == status::RETURNED {
                let value = (*ctx).ret as usize;
                let exception = std::mem::replace(&mut (*ctx).exception, std::ptr::null_mut());
                saved.restore(a);
                site.ended();
                crate::runtime::release_deferred();
                if value != 0 {
                    return Entered::Returned(layout::own(value));
                }
                deopt::leave_raising(frame, exception as usize, vm);
                return Entered::Left;
            }
            let top = (*ctx).exit_top;
            let number = *top.sub(1) as u32;
            let info = a.exits.get(number);
            if info.as_ref().is_some_and(|i| i.is_entry_miss()) {
                (*ctx).exit_top = saved.exit_top;
                continue;
            }
            let mut plan = deopt::read_records(a, top, saved.exit_top);
            plan.turns = (*ctx).polls() - polls;
            let exception = std::mem::replace(&mut (*ctx).exception, std::ptr::null_mut());
            saved.restore(a);
            site.ended();
            deopt::leave(a, site, version, plan, exception as usize, frame, vm);
            crate::runtime::release_deferred();
            return Entered::Left;
        }
        saved.restore(a);
        site.ended();
        Entered::Missed
    }
}
