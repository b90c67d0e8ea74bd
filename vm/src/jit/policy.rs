//! What the program may say about compiling: rules for single code objects, a filter, and the queue of
//! profilers with their limits. The Python module `psyco` is a face on this; the driver asks it before
//! it compiles.
//!
//! A rule stands on the code, which all closures made by one `def` share.

use super::config::JitMode;
use crate::code::rules::{Filtered, Rule};
use crate::hook::charge::Charging;
use crate::hook::{Thresholds, site};
use rustpython_vm::builtins::PyCode;
use rustpython_vm::{Py, PyObjectRef, PyRef};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Passes after which code is compiled where everything is: one run tells the types.
pub const SOON: u32 = 2;
/// The watermark of `psyco.profile` that means the JIT's own thresholds.
pub const WATERMARK: f64 = 0.09;

/// How far a profiler may go. Bytes of code, seconds of compiling.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProfilerLimits {
    pub bytes: Option<u64>,
    pub time: Option<Duration>,
    pub bytes_max: Option<u64>,
    pub time_max: Option<Duration>,
}

impl ProfilerLimits {
    pub fn any(&self) -> bool {
        self.bytes.is_some() || self.time.is_some() || self.bytes_max.is_some() || self.time_max.is_some()
    }
}

/// A way to choose what is compiled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Chooser {
    /// Everything, soon.
    Full,
    /// What is hot.
    Profile(Charging),
    Background(Charging),
    /// Nothing new.
    RunOnly,
}

impl Chooser {
    pub fn name(self) -> &'static str {
        match self {
            Chooser::Full => "full",
            Chooser::Profile(_) => "profile",
            Chooser::Background(_) => "background",
            Chooser::RunOnly => "runonly",
        }
    }

    pub fn charging(self) -> Option<Charging> {
        match self {
            Chooser::Profile(c) | Chooser::Background(c) => Some(c),
            Chooser::Full | Chooser::RunOnly => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Profiler {
    pub chooser: Chooser,
    pub limits: ProfilerLimits,
    /// Bytes and compile time when it began.
    pub began: (u64, Duration),
}

/// Something that another thread wants done. The JIT's state belongs to one thread, so it waits
/// until there is only one again.
pub enum Command {
    Bind(PyRef<PyCode>, u8),
    Unbind(PyRef<PyCode>, u8, Option<PyObjectRef>),
    Never(PyRef<PyCode>),
    /// There is another filter: what the one before has rejected gets another chance.
    Reconsider,
    Start(Chooser, ProfilerLimits),
    Stop,
}

/// The state of it all.
pub struct Policy {
    /// How often hot code must have run, where not everything is compiled.
    hot: Cell<Thresholds>,
    /// What the command line or the host chose.
    base: Cell<JitMode>,
    /// `None` before the program says anything: as the base.
    running: RefCell<Option<Profiler>>,
    waiting: RefCell<VecDeque<Profiler>>,
    stopped: Cell<bool>,
    filter: Mutex<Option<PyObjectRef>>,
    filtering: AtomicBool,
    /// Callees that the compilation going on left out because the filter must be asked first.
    unasked: RefCell<Vec<PyRef<PyCode>>>,
    posted: Mutex<Vec<Command>>,
    journal: Mutex<Option<std::fs::File>>,
    started: Instant,
}

impl Policy {
    pub fn new() -> Self {
        Policy {
            hot: Cell::new(Thresholds::default()),
            base: Cell::default(),
            running: RefCell::new(None),
            waiting: RefCell::default(),
            stopped: Cell::new(false),
            filter: Mutex::new(None),
            filtering: AtomicBool::new(false),
            unasked: RefCell::default(),
            posted: Mutex::default(),
            journal: Mutex::new(None),
            started: Instant::now(),
        }
    }

    /// Sets what holds while the program says nothing.
    pub fn set_base(&self, mode: JitMode, hot: Thresholds) {
        self.base.set(mode);
        self.hot.set(hot);
    }

    /// Whether nothing is ever compiled.
    pub fn is_off(&self) -> bool {
        self.base.get() == JitMode::Off
    }

    /// What chooses now, in a word.
    pub fn mode(&self) -> &'static str {
        match &*self.running.borrow() {
            Some(p) => p.chooser.name(),
            None if self.stopped.get() => "stopped",
            None => match self.base.get() {
                JitMode::Off => "off",
                JitMode::Auto => "auto",
                JitMode::Full => "full",
            },
        }
    }

    /// Profilers that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// Whether code is compiled before it has proven hot.
    pub fn takes_all(&self) -> bool {
        match self.running.borrow().map(|p| p.chooser) {
            Some(chooser) => chooser == Chooser::Full,
            None => self.base.get() == JitMode::Full,
        }
    }

    /// Whether something that nobody bound may be compiled. `over_budget` says that compiling has
    /// taken its share of the run time.
    pub fn may_choose(&self, over_budget: impl FnOnce() -> bool) -> bool {
        match self.running.borrow().map(|p| p.chooser) {
            Some(Chooser::Full) => true,
            Some(Chooser::RunOnly) => false,
            Some(_) => !over_budget(),
            None => !self.stopped.get() && (self.base.get() == JitMode::Full || !over_budget()),
        }
    }

    /// Whether a callee may become a part of what is being compiled: not if its frames can't be rebuilt, as those of code
    /// that ran before the JIT was attached.
    pub fn may_include(&self, code: &Py<PyCode>) -> bool {
        if is_own(code) {
            return false;
        }
        let Some(p) = site::of(code) else { return false };
        if p.rules.rule() == Rule::Never {
            return false;
        }
        match p.rules.filtered() {
            Filtered::Accepted => true,
            Filtered::Rejected => false,
            Filtered::NotAsked if self.filter.lock().is_ok_and(|f| f.is_none()) => {
                p.rules.set_filtered(Filtered::Accepted);
                true
            }
            Filtered::NotAsked => {
                self.unasked.borrow_mut().push(code.to_owned());
                false
            }
        }
    }

    /// How often hot code must have run, where not everything is compiled.
    pub fn hot(&self) -> Thresholds {
        self.hot.get()
    }

    /// The profiler that chooses now.
    pub fn running(&self) -> Option<Profiler> {
        *self.running.borrow()
    }

    /// Another one chooses from now on, or none.
    pub fn set_running(&self, profiler: Option<Profiler>) {
        *self.running.borrow_mut() = profiler;
    }

    /// Lets a profiler wait for its turn.
    pub fn push_waiting(&self, profiler: Profiler) {
        self.waiting.borrow_mut().push_back(profiler);
    }

    /// The one whose turn it is.
    pub fn pop_waiting(&self) -> Option<Profiler> {
        self.waiting.borrow_mut().pop_front()
    }

    pub fn clear_waiting(&self) {
        self.waiting.borrow_mut().clear();
    }

    /// Says whether nothing more is to be compiled while no profiler runs.
    pub fn set_stopped(&self, stopped: bool) {
        self.stopped.set(stopped);
    }

    /// Callees that the compilation going on left out because the filter must be asked first.
    pub fn take_unasked(&self) -> Vec<PyRef<PyCode>> {
        self.unasked.take()
    }

    /// Something that is to be done when there is only one thread.
    pub fn post(&self, command: Command) {
        if let Ok(mut posted) = self.posted.lock() {
            posted.push(command);
        }
    }

    /// What was posted.
    pub fn take_posted(&self) -> Vec<Command> {
        self.posted.lock().map(|mut posted| std::mem::take(&mut *posted)).unwrap_or_default()
    }

    pub fn filter(&self) -> Option<PyObjectRef> {
        self.filter.lock().ok()?.clone()
    }

    /// The filter is about to be called. False if it is being called already.
    pub fn begin_filtering(&self) -> bool {
        !self.filtering.swap(true, Ordering::Relaxed)
    }

    pub fn end_filtering(&self) {
        self.filtering.store(false, Ordering::Relaxed);
    }

    /// Sets the filter and gives the one before.
    pub fn set_filter(&self, filter: Option<PyObjectRef>) -> Option<PyObjectRef> {
        let mut current = self.filter.lock().ok()?;
        std::mem::replace(&mut *current, filter)
    }

    /// Starts to write messages to a file; `None` ends it.
    pub fn set_journal(&self, file: Option<std::fs::File>) {
        if let Ok(mut journal) = self.journal.lock() {
            *journal = file;
        }
    }

    /// Writes a message with the time since the start, if there is a log.
    pub fn note(&self, message: impl FnOnce() -> String) {
        if let Ok(mut journal) = self.journal.lock()
            && let Some(file) = &mut *journal
        {
            // A log that can't be written is no reason to stop the program.
            let _ = writeln!(file, "{:9.3} s  {}", self.started.elapsed().as_secs_f64(), message());
        }
    }

    /// Writes text as it is.
    pub fn write(&self, text: &str) {
        if let Ok(mut journal) = self.journal.lock()
            && let Some(file) = &mut *journal
        {
            let _ = file.write_all(text.as_bytes());
        }
    }
}

/// The functions of the module `psyco` itself are left alone.
pub fn is_own(code: &Py<PyCode>) -> bool {
    matches!(code.source_path().as_str(), "psyco" | "psyco.classes")
}
