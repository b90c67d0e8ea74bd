//! What the program may say about compiling: rules for single code objects, a filter, and the queue of
//! profilers with their limits. The Python module `psyco` is a face on this; the driver asks it before
//! it compiles.
//!
//! A rule stands on the code, which all closures made by one `def` share. The filter, being Python code, is
//! called only where a call may stand: at a hook, before a compilation begins. A callee that it
//! has not yet been asked about stays out of what is compiled until its own hook is reached, unless it is
//! asked then and the compilation is repeated (see [`Jit::consider`]).

use crate::JitMode;
use crate::charge::Charging;
use crate::driver::Jit;
use crate::hooks::{Attached, Hot, Options, Site, SiteKind};
use crate::layout::FrameRef;
use crate::{hooks, prepare};
use rustpython_vm::builtins::{PyCode, PyDict, PyFunction};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyRef, VirtualMachine};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Passes after which a site is asked about again while nothing may be compiled.
const PAUSE: u32 = 2000;
/// Passes after which code is compiled where everything is: one run tells the types.
pub(crate) const SOON: u32 = 2;
/// The part of a charge that may have been forgotten by the time when it is enough.
const FORGOTTEN: f64 = 0.02;
/// The watermark of `psyco.profile` that means the JIT's own thresholds.
pub(crate) const WATERMARK: f64 = 0.09;

/// What holds for a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Compiled when hot.
    Count,
    /// Compiled at the next call.
    Bound,
    /// The same, because something that was bound calls it.
    Implied,
    Never,
}

/// The filter's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filtered {
    NotAsked,
    Accepted,
    Rejected,
}

/// What the program has said about a code object.
#[derive(Debug, Default)]
pub struct Rules {
    rule: AtomicU8,
    /// To which depth its callees are bound when it is compiled.
    depth: AtomicU8,
    filtered: AtomicU8,
}

impl Rules {
    pub fn rule(&self) -> Rule {
        match self.rule.load(Ordering::Relaxed) {
            0 => Rule::Count,
            1 => Rule::Bound,
            2 => Rule::Implied,
            _ => Rule::Never,
        }
    }

    fn set(&self, rule: Rule) {
        self.rule.store(rule as u8, Ordering::Relaxed);
    }

    fn filtered(&self) -> Filtered {
        match self.filtered.load(Ordering::Relaxed) {
            0 => Filtered::NotAsked,
            1 => Filtered::Accepted,
            _ => Filtered::Rejected,
        }
    }

    fn set_filtered(&self, answer: Filtered) {
        self.filtered.store(answer as u8, Ordering::Relaxed);
    }

    /// Whether its code is compiled without being hot.
    pub fn is_bound(&self) -> bool {
        matches!(self.rule(), Rule::Bound | Rule::Implied)
    }

    /// What to tell about it, if the program has said anything.
    pub(crate) fn text(&self) -> Option<&'static str> {
        match (self.rule(), self.filtered()) {
            (Rule::Never, _) => Some("never to be compiled (cannotcompile)"),
            (_, Filtered::Rejected) => Some("rejected by the filter"),
            (Rule::Bound, _) => Some("bound"),
            (Rule::Implied, _) => Some("called by a bound function"),
            (Rule::Count, _) => None,
        }
    }
}

/// How far a profiler may go. Bytes of code, seconds of compiling.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub bytes: Option<u64>,
    pub time: Option<Duration>,
    pub bytes_max: Option<u64>,
    pub time_max: Option<Duration>,
}

impl Limits {
    fn any(&self) -> bool {
        self.bytes.is_some() || self.time.is_some() || self.bytes_max.is_some() || self.time_max.is_some()
    }
}

/// A way to choose what is compiled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Chooser {
    /// Everything, soon.
    Full,
    /// What is hot.
    Profile(Charging),
    Background(Charging),
    /// Nothing new.
    RunOnly,
}

impl Chooser {
    fn name(self) -> &'static str {
        match self {
            Chooser::Full => "full",
            Chooser::Profile(_) => "profile",
            Chooser::Background(_) => "background",
            Chooser::RunOnly => "runonly",
        }
    }

    fn charging(self) -> Option<Charging> {
        match self {
            Chooser::Profile(c) | Chooser::Background(c) => Some(c),
            Chooser::Full | Chooser::RunOnly => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Profiler {
    chooser: Chooser,
    limits: Limits,
    /// Bytes and compile time when it began.
    began: (u64, Duration),
}

/// Something that another thread wants done. The JIT's state belongs to one thread, so it waits
/// until there is only one again.
pub(crate) enum Command {
    Bind(PyRef<PyCode>, u8),
    Unbind(PyRef<PyCode>, u8, Option<PyObjectRef>),
    Never(PyRef<PyCode>),
    /// There is another filter: what the one before has rejected gets another chance.
    Reconsider,
    Start(Chooser, Limits),
    Stop,
}

/// The state of it all.
pub(crate) struct Policy {
    /// How often hot code must have run, where not everything is compiled.
    hot: Cell<Options>,
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
            hot: Cell::new(Options::default()),
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
    pub fn set_base(&self, mode: JitMode, hot: Options) {
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
    fn may_choose(&self, over_budget: impl FnOnce() -> bool) -> bool {
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
        let Some(p) = prepare::of(code) else { return false };
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
pub(crate) fn is_own(code: &Py<PyCode>) -> bool {
    matches!(code.source_path().as_str(), "psyco" | "psyco.classes")
}

impl Jit {
    /// Whether a site that is hot may be compiled now; if not, what to answer.
    pub(crate) fn consider(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Result<(), Hot> {
        if self.policy.is_off() {
            return Err(Hot::Never);
        }
        let attached = site.attached();
        self.obey(attached, vm);
        self.collect(attached);
        // SAFETY: a frame runs the code.
        let code = unsafe { site.code() };
        let rules = &site.prepared.rules;
        if rules.rule() == Rule::Never || rules.filtered() == Filtered::Rejected || is_own(code) {
            return Err(Hot::Never);
        }
        if !self.may_build(rules) {
            return Err(Hot::Later(PAUSE));
        }
        if self.cache.is_full() {
            if self.drop_all() {
                self.policy.note(|| "too much code: all of it was dropped".into());
            }
            self.collect(attached);
            if self.cache.is_full() {
                // Code that still runs takes the room.
                return Err(Hot::Later(PAUSE));
            }
        }
        if rules.filtered() == Filtered::NotAsked {
            match self.ask_filter(code, vm) {
                Some(true) => {}
                Some(false) => return Err(Hot::Never),
                None => return Err(Hot::Later(PAUSE)),
            }
        }
        if rules.is_bound() {
            self.bind_callees(code, frame);
        }
        // The filter may have done anything.
        if attached.is_aside(vm) || !self.may_build(rules) {
            return Err(Hot::Later(PAUSE));
        }
        Ok(())
    }

    /// Whether code with these rules may be compiled (again) now.
    pub(crate) fn may_build(&self, rules: &Rules) -> bool {
        self.keep_limits();
        rules.is_bound() || self.policy.may_choose(|| self.over_budget())
    }

    /// Asks the filter about the callees that the last compilation left out. True if it should be
    /// repeated because some may be compiled.
    pub(crate) fn ask_about_callees(&self, vm: &VirtualMachine) -> bool {
        let codes = self.policy.unasked.take();
        let mut any = false;
        for code in codes {
            if prepare::of(&code).is_some_and(|p| p.rules.filtered() == Filtered::NotAsked) {
                let accepted = self.ask_filter(&code, vm) == Some(true);
                if accepted {
                    self.drop_depending(self.id_of(code.as_object()));
                }
                any |= accepted;
            }
        }
        any && !self.attached().is_none_or(|a| a.is_aside(vm))
    }

    /// Asks the filter about a code object, once. `None` if that must wait: what the filter itself runs
    /// is not asked about, and not compiled meanwhile.
    fn ask_filter(&self, code: &Py<PyCode>, vm: &VirtualMachine) -> Option<bool> {
        let code: PyRef<PyCode> = code.to_owned();
        let rules = &prepare::of(&code)?.rules;
        let filter = self.policy.filter.lock().ok()?.clone();
        let Some(filter) = filter else {
            rules.set_filtered(Filtered::Accepted);
            return Some(true);
        };
        if self.policy.filtering.swap(true, Ordering::Relaxed) {
            return None;
        }
        let answer = filter.call((code.clone(),), vm).and_then(|v| v.try_to_bool(vm)).unwrap_or_else(|e| {
            vm.run_unraisable(e, Some("Exception ignored in the filter of psyco".into()), filter.clone());
            false
        });
        self.policy.filtering.store(false, Ordering::Relaxed);
        rules.set_filtered(if answer { Filtered::Accepted } else { Filtered::Rejected });
        // It may have run compiled code.
        self.vm.set(vm);
        Some(answer)
    }

    /// Stops a profiler that has reached a limit and lets the next one begin.
    pub(crate) fn keep_limits(&self) {
        loop {
            let (bytes, time) = self.spent();
            let Some(p) = *self.policy.running.borrow() else { return };
            let l = &p.limits;
            let reached = if l.bytes.is_some_and(|n| bytes - p.began.0 >= n) {
                "memory"
            } else if l.bytes_max.is_some_and(|n| bytes >= n) {
                "memorymax"
            } else if l.time.is_some_and(|t| time.saturating_sub(p.began.1) >= t) {
                "time"
            } else if l.time_max.is_some_and(|t| time >= t) {
                "timemax"
            } else {
                return;
            };
            self.policy.note(|| format!("{} stopped: {reached} limit reached", p.chooser.name()));
            let next = self.policy.waiting.borrow_mut().pop_front();
            match next {
                Some(next) => self.run_profiler(next),
                None => {
                    self.set_running(None);
                    self.policy.stopped.set(true);
                    self.policy.note(|| "no profiler left: nothing more is compiled".into());
                }
            }
        }
    }

    /// Bytes of code made and time spent since the start.
    fn spent(&self) -> (u64, Duration) {
        let stats = self.stats.borrow();
        (stats.code_bytes, stats.compile_time + stats.background_time)
    }

    fn set_running(&self, p: Option<Profiler>) {
        if let Some(attached) = self.attached() {
            attached.charging.set(p.is_some_and(|p| p.chooser.charging().is_some()));
        }
        *self.policy.running.borrow_mut() = p;
    }

    fn run_profiler(&self, mut p: Profiler) {
        p.began = self.spent();
        self.set_running(Some(p));
        self.policy.note(|| format!("{} started", p.chooser.name()));
        let hot = self.policy.hot.get();
        let scaled = |n: u32, by: f64| (f64::from(n) * by).clamp(2.0, 1e9) as u32;
        let (calls, iterations) = match p.chooser {
            Chooser::Full => (hot.calls.min(SOON), hot.iterations.min(SOON)),
            Chooser::Profile(c) | Chooser::Background(c) => (scaled(hot.calls, c.scale), scaled(hot.iterations, c.scale)),
            Chooser::RunOnly => return,
        };
        let Some(attached) = self.attached() else { return };
        attached.set_options(Options { calls, iterations, ..hot });
        let now = attached.now();
        attached.each_code(|code, _| {
            for site in prepare::sites(code) {
                site.recount();
                site.charge.begin(site.counted(), now);
            }
        });
    }

    /// Passes that a site must count yet because a part of its charge is forgotten by now. Charges its caller.
    pub(crate) fn charge(&self, site: &Site, frame: FrameRef) -> Option<u32> {
        let charging = self.policy.running.borrow().and_then(|p| p.chooser.charging())?;
        if site.prepared.rules.is_bound() || !site.versions().is_empty() {
            return None;
        }
        let now = site.attached().now();
        let (charge, new) = site.charge.at(site.counted(), now, charging.halflife);
        // SAFETY: the frame is the current one, so those that it was called from are alive.
        let caller = unsafe { frame.previous().map(|f| f.code()) };
        if let Some(caller) = caller.and_then(|code| prepare::sites(code).find(|s| matches!(s.kind, SiteKind::Entry { .. }))) {
            let part = new as f64 * charging.parentframe;
            caller.charge.add(part);
            caller.urge_by(part as u32);
        }
        let enough = f64::from(site.initial());
        // The pass that asks is not counted.
        let missing = enough - (charge + 1.0);
        (missing > enough * FORGOTTEN).then(|| (missing.ceil() as u32 + 1).max(site.initial() / 16))
    }

    /// Does what was asked for, now or when there is only one thread.
    pub(crate) fn command(&self, attached: &'static Attached, command: Command, vm: &VirtualMachine) {
        if let Ok(mut posted) = self.policy.posted.lock() {
            posted.push(command);
        }
        if crate::aside::alone(vm) {
            self.vm.set(vm);
            self.set_attached(attached);
            self.obey(attached, vm);
        }
    }

    /// Does what was posted.
    fn obey(&self, attached: &Attached, vm: &VirtualMachine) {
        let posted = match self.policy.posted.lock() {
            Ok(mut posted) => std::mem::take(&mut *posted),
            Err(_) => return,
        };
        for command in posted {
            match command {
                Command::Bind(code, depth) => bind(&code, Rule::Bound, depth),
                Command::Unbind(code, depth, globals) => {
                    let globals = globals.as_ref().and_then(|g| g.downcast_ref::<PyDict>());
                    self.unbind(&code, depth, globals, true, vm);
                }
                Command::Never(code) => {
                    if let Some(p) = prepare::of(&code) {
                        p.rules.set(Rule::Never);
                    }
                    self.drop_depending(self.id_of(code.as_object()));
                    prepare::sites(&code).for_each(Site::give_up);
                }
                Command::Reconsider => attached.each_code(|code, p| {
                    if p.rules.filtered() == Filtered::Rejected {
                        p.rules.set_filtered(Filtered::NotAsked);
                        prepare::sites(code).for_each(|s| s.urge(s.initial()));
                    }
                }),
                Command::Start(chooser, limits) => {
                    let p = Profiler { chooser, limits, began: (0, Duration::ZERO) };
                    let busy = self.policy.running.borrow().is_some_and(|p| p.limits.any());
                    if busy {
                        self.policy.waiting.borrow_mut().push_back(p);
                    } else {
                        // One without limits would never make room.
                        self.policy.stopped.set(false);
                        self.run_profiler(p);
                    }
                }
                Command::Stop => {
                    self.policy.waiting.borrow_mut().clear();
                    self.set_running(None);
                    self.policy.stopped.set(true);
                    self.policy.note(|| "stopped".into());
                }
            }
        }
        self.keep_limits();
        self.collect(attached);
    }

    /// Binds what the code calls by name, as far as that can be told without running anything.
    fn bind_callees(&self, code: &Py<PyCode>, frame: FrameRef) {
        let Some(depth) = prepare::of(code).map(|p| p.rules.depth.load(Ordering::Relaxed)) else { return };
        if depth == 0 {
            return;
        }
        // SAFETY: the frame is the current one.
        let globals = unsafe { frame.get() }.globals();
        for callee in callees(code, globals.as_object().downcast_ref(), self.vm()) {
            bind(&callee, Rule::Implied, depth - 1);
        }
    }

    fn unbind(&self, code: &Py<PyCode>, depth: u8, globals: Option<&Py<PyDict>>, named: bool, vm: &VirtualMachine) {
        let Some(p) = prepare::of(code) else { return };
        let was = p.rules.rule();
        if was != Rule::Implied && !(named && was == Rule::Bound) {
            return;
        }
        p.rules.set(Rule::Count);
        self.drop_entries(code, |_| true);
        prepare::sites(code).for_each(|s| s.set_counter(s.initial()));
        if depth > 0 {
            for callee in callees(code, globals, vm) {
                self.unbind(&callee, depth - 1, globals, false, vm);
            }
        }
    }
}

/// Lets a code object be compiled at its next call.
fn bind(code: &Py<PyCode>, rule: Rule, depth: u8) {
    let Some(p) = prepare::of(code).filter(|_| !is_own(code)) else { return };
    match (p.rules.rule(), rule) {
        (Rule::Never, _) => return,
        (Rule::Bound | Rule::Implied, Rule::Implied) => {
            p.rules.depth.fetch_max(depth, Ordering::Relaxed);
            return;
        }
        _ => {}
    }
    p.rules.set(rule);
    p.rules.depth.store(depth, Ordering::Relaxed);
    for site in prepare::sites(code) {
        site.urge(1);
    }
}

/// The code of the functions that a code object's names stand for in a module.
fn callees(code: &Py<PyCode>, globals: Option<&Py<PyDict>>, vm: &VirtualMachine) -> Vec<PyRef<PyCode>> {
    let Some(globals) = globals.filter(|g| g.class().is(vm.ctx.types.dict_type)) else { return Vec::new() };
    code.code
        .names
        .iter()
        .filter_map(|name| globals.get_item_opt(name.as_wtf8(), vm).ok().flatten())
        .filter_map(|value| code_of(&value, vm))
        .collect()
}

/// The code of a Python function, as it is run.
pub(crate) fn code_of(function: &rustpython_vm::PyObject, vm: &VirtualMachine) -> Option<PyRef<PyCode>> {
    function.downcast_ref::<PyFunction>()?;
    let code: PyRef<PyCode> = function.get_attr("__code__", vm).ok()?.downcast().ok()?;
    if let Some(attached) = Attached::of(vm) {
        prepare::finish(attached, vm, &code);
    }
    Some(code)
}

/// The code of a function with hooks in it: functions that were made while nothing could be prepared get them now.
pub(crate) fn prepared_code_of(function: &rustpython_vm::PyObject, vm: &VirtualMachine) -> Option<PyRef<PyCode>> {
    let code = code_of(function, vm)?;
    if prepare::of(&code).is_some() {
        return Some(code);
    }
    let prepared = hooks::prepared(vm, &code);
    if !prepared.is(&code) {
        function.set_attr("__code__", prepared.clone(), vm).ok()?;
    }
    Some(prepared)
}
