//! The JIT's hold on one interpreter: what its hooks share.

use super::code_registry::{CodeRegistry, LazyCodes};
use super::driver::{Driver, Thresholds};
use super::exits::Exits;
use super::interrupts::Interrupts;
use super::jobs::Jobs;
use crate::object::frame::FrameRef;
use crate::object::threads::{alone, is_main_thread, must_step_aside, state_of};
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::VirtualMachine;
use std::cell::{Cell, UnsafeCell};
use std::sync::Mutex;
use std::time::Instant;

/// Words of the exit stack: deep recursion of compiled code leaves one record per level.
const EXIT_STACK_WORDS: usize = 1 << 18;

/// See the module's text. Each part owns its state.
pub struct Attached {
    state: usize,
    since: Instant,
    thresholds: Cell<Thresholds>,
    /// Whether new sites remember when they began to count.
    charging: Cell<bool>,
    /// Set while a tool watches instructions: everything is disarmed.
    watched: Cell<bool>,
    driver: UnsafeCell<Box<dyn Driver>>,
    context: ContextMemory,
    pub exits: Exits,
    pub codes: CodeRegistry,
    pub lazy: LazyCodes,
    pub activations: Activations,
    pub interrupts: Interrupts,
    pub jobs: Jobs,
}

// SAFETY: used only by the thread that runs the interpreter's Python code while it is the only
// one; `is_aside` is asked first.
unsafe impl Send for Attached {}
// SAFETY: as above.
unsafe impl Sync for Attached {}

static ATTACHED: Mutex<Vec<&'static Attached>> = Mutex::new(Vec::new());

/// The context of compiled code and the exit stack that it points to. Both stay in place.
struct ContextMemory {
    context: UnsafeCell<Box<RuntimeContext>>,
    /// Compiled code writes it through `RuntimeContext::exit_top`.
    _exit_stack: Vec<u64>,
}

impl ContextMemory {
    fn new() -> Self {
        // Not written to: most of it is never touched.
        let mut exit_stack = Vec::with_capacity(EXIT_STACK_WORDS);
        let mut context = Box::new(RuntimeContext::new());
        context.exit_top = exit_stack.as_mut_ptr();
        // SAFETY: one past the end of the same allocation.
        context.exit_end = unsafe { exit_stack.as_mut_ptr().add(EXIT_STACK_WORDS) };
        ContextMemory { context: UnsafeCell::new(context), _exit_stack: exit_stack }
    }
}

/// Activations of compiled code that have not ended: it runs, or waits for a call.
#[derive(Default)]
pub struct Activations {
    active: Cell<usize>,
    /// Recursion depth of the VM when the innermost one began.
    depth: Cell<usize>,
    entered: Cell<u64>,
}

impl Activations {
    /// How many there are, and the recursion depth of the VM when the innermost began.
    pub fn state(&self) -> (usize, usize) {
        (self.active.get(), self.depth.get())
    }

    /// Another one begins at a recursion depth of the VM.
    pub fn begin(&self, depth: usize) {
        self.active.set(self.active.get() + 1);
        self.depth.set(depth);
    }

    /// Goes back to what [`Activations::state`] was.
    pub fn restore(&self, (active, depth): (usize, usize)) {
        self.active.set(active);
        self.depth.set(depth);
    }

    /// Whether compiled code waits somewhere below for a call to return.
    pub fn any(&self) -> bool {
        self.active.get() > 0
    }

    pub fn count_entry(&self) {
        self.entered.set(self.entered.get() + 1);
    }

    /// How often compiled code was entered from the interpreter.
    pub fn entered(&self) -> u64 {
        self.entered.get()
    }
}

impl Attached {
    /// A hold on an interpreter, which lives until the process ends.
    pub fn new(vm: &VirtualMachine, driver: Box<dyn Driver>, thresholds: Thresholds) -> &'static Attached {
        let attached: &'static Attached = Box::leak(Box::new(Attached {
            state: state_of(vm),
            since: Instant::now(),
            thresholds: Cell::new(thresholds),
            charging: Cell::new(false),
            watched: Cell::new(false),
            driver: UnsafeCell::new(driver),
            context: ContextMemory::new(),
            exits: Exits::default(),
            codes: CodeRegistry::default(),
            lazy: LazyCodes::default(),
            activations: Activations::default(),
            interrupts: Interrupts::default(),
            jobs: Jobs::default(),
        }));
        // SAFETY: the context is not in use yet.
        unsafe { (*attached.ctx()).runtime = (&raw const *attached).cast_mut().cast() };
        attached
    }

    /// Gives it another driver and other thresholds.
    ///
    /// # Safety
    /// Nobody has a reference to the driver before, and no code that it has prepared is left.
    pub unsafe fn hand_over(&self, driver: Box<dyn Driver>, thresholds: Thresholds) {
        // SAFETY: the caller's promise.
        unsafe { *self.driver.get() = driver };
        self.thresholds.set(thresholds);
    }

    /// Makes it what [`Attached::of`] finds.
    pub fn register(&'static self) {
        if let Ok(mut all) = ATTACHED.lock() {
            all.push(self);
        }
    }

    /// The JIT of an interpreter.
    pub fn of(vm: &VirtualMachine) -> Option<&'static Attached> {
        let state = state_of(vm);
        let all = ATTACHED.lock().ok()?;
        all.iter().copied().find(|a| a.state == state)
    }

    pub fn thresholds(&self) -> Thresholds {
        self.thresholds.get()
    }

    /// Changes how often code must run; for code that is prepared from now on.
    pub fn set_thresholds(&self, thresholds: Thresholds) {
        self.thresholds.set(thresholds);
    }

    /// Seconds since the JIT was attached.
    pub fn now(&self) -> f64 {
        self.since.elapsed().as_secs_f64()
    }

    pub fn is_charging(&self) -> bool {
        self.charging.get()
    }

    pub fn set_charging(&self, charging: bool) {
        self.charging.set(charging);
    }

    /// The driver.
    pub fn driver(&self) -> &dyn Driver {
        // SAFETY: replaced only by `hand_over`, whose callers promise that nobody has it.
        unsafe { &**self.driver.get() }
    }

    /// The context of compiled code.
    pub fn ctx(&self) -> *mut RuntimeContext {
        // SAFETY: the box stays in place; only its address is taken.
        unsafe { &raw mut **self.context.context.get() }
    }

    /// Whether compiled code, or what it called, works for the frame now. Safe in a signal handler
    /// on the interpreter's thread.
    pub fn runs_compiled(&self, frame: FrameRef) -> bool {
        // SAFETY: the context is this thread's; one word of it is read.
        self.activations.any() && unsafe { (*self.ctx()).frame } == frame.0.cast()
    }

    /// Whether this thread may look at the JIT's state: nobody else changes it meanwhile.
    pub fn may_read(&self, vm: &VirtualMachine) -> bool {
        self.state == state_of(vm) && (alone(vm) || is_main_thread(vm))
    }

    /// Whether code may get hooks now: nobody watches, and this is the only thread or the main one
    /// (which alone touches the caches while there are more).
    pub fn may_prepare(&self, vm: &VirtualMachine) -> bool {
        !self.watched.get() && self.may_read(vm)
    }

    /// Whether the JIT must keep out of this thread now.
    pub fn is_aside(&self, vm: &VirtualMachine) -> bool {
        self.state != state_of(vm) || self.watched.get() || must_step_aside(vm)
    }

    /// Whether a tool watches instructions.
    pub fn is_watched(&self) -> bool {
        self.watched.get()
    }

    /// Sets that; gives what it was.
    pub fn set_watched(&self, watched: bool) -> bool {
        self.watched.replace(watched)
    }
}

/// Forgets the JIT of an interpreter that has ended, in whose place a new one begins.
pub fn forget(vm: &VirtualMachine) {
    let state = state_of(vm);
    if let Ok(mut all) = ATTACHED.lock() {
        all.retain(|a| a.state != state);
    }
}
