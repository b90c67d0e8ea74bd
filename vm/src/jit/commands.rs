//! What becomes of what the program says about compiling: commands are obeyed, the filter is asked, profilers begin and end.
//!
//! The filter, being Python code, is called only where a call may stand: at a hook, before a compilation begins. A callee that it
//! has not yet been asked about stays out of what is compiled until its own hook is reached, unless it is
//! asked then and the compilation is repeated (see [`Jit::consider`]).

use super::policy::{Chooser, Command, Profiler, SOON, is_own};
use super::state::Jit;
use crate::code::plan::SiteKind;
use crate::code::rules::{Filtered, Rule, Rules};
use crate::hook::{Attached, Hot, Site, Thresholds, lazy, prepare, site};
use crate::object::frame::FrameRef;
use crate::object::threads::alone;
use rustpython_vm::builtins::{PyCode, PyDict, PyFunction};
use rustpython_vm::{AsObject, Py, PyRef, VirtualMachine};
use std::time::Duration;

/// Passes after which a site is asked about again while nothing may be compiled.
const PAUSE: u32 = 2000;
/// The part of a charge that may have been forgotten by the time when it is enough.
const FORGOTTEN: f64 = 0.02;

impl Jit {
    /// Whether a site that is hot may be compiled now; if not, what to answer.
    pub fn consider(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Result<(), Hot> {
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
    pub fn may_build(&self, rules: &Rules) -> bool {
        self.keep_limits();
        rules.is_bound() || self.policy.may_choose(|| self.over_budget())
    }

    /// Asks the filter about the callees that the last compilation left out. True if it should be
    /// repeated because some may be compiled.
    pub fn ask_about_callees(&self, vm: &VirtualMachine) -> bool {
        let codes = self.policy.take_unasked();
        let mut any = false;
        for code in codes {
            if site::of(&code).is_some_and(|p| p.rules.filtered() == Filtered::NotAsked) {
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
        let rules = &site::of(&code)?.rules;
        let Some(filter) = self.policy.filter() else {
            rules.set_filtered(Filtered::Accepted);
            return Some(true);
        };
        if !self.policy.begin_filtering() {
            return None;
        }
        let answer = filter.call((code.clone(),), vm).and_then(|v| v.try_to_bool(vm)).unwrap_or_else(|e| {
            vm.run_unraisable(e, Some("Exception ignored in the filter of psyco".into()), filter.clone());
            false
        });
        self.policy.end_filtering();
        rules.set_filtered(if answer { Filtered::Accepted } else { Filtered::Rejected });
        // It may have run compiled code.
        self.set_vm(vm);
        Some(answer)
    }

    /// Stops a profiler that has reached a limit and lets the next one begin.
    pub fn keep_limits(&self) {
        loop {
            let (bytes, time) = self.spent();
            let Some(p) = self.policy.running() else { return };
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
            let next = self.policy.pop_waiting();
            match next {
                Some(next) => self.run_profiler(next),
                None => {
                    self.set_running(None);
                    self.policy.set_stopped(true);
                    self.policy.note(|| "no profiler left: nothing more is compiled".into());
                }
            }
        }
    }

    /// Bytes of code made and time spent since the start.
    fn spent(&self) -> (u64, Duration) {
        let counts = self.stats.counts();
        (counts.code_bytes, counts.compile_time + counts.background_time)
    }

    fn set_running(&self, p: Option<Profiler>) {
        if let Some(attached) = self.attached() {
            attached.set_charging(p.is_some_and(|p| p.chooser.charging().is_some()));
        }
        self.policy.set_running(p);
    }

    fn run_profiler(&self, mut p: Profiler) {
        p.began = self.spent();
        self.set_running(Some(p));
        self.policy.note(|| format!("{} started", p.chooser.name()));
        let hot = self.policy.hot();
        let scaled = |n: u32, by: f64| (f64::from(n) * by).clamp(2.0, 1e9) as u32;
        let (calls, iterations) = match p.chooser {
            Chooser::Full => (hot.calls.min(SOON), hot.iterations.min(SOON)),
            Chooser::Profile(c) | Chooser::Background(c) => (scaled(hot.calls, c.scale), scaled(hot.iterations, c.scale)),
            Chooser::RunOnly => return,
        };
        let Some(attached) = self.attached() else { return };
        attached.set_thresholds(Thresholds { calls, iterations });
        let now = attached.now();
        attached.codes.each(|code, _| {
            for site in site::sites(code) {
                site.recount();
                site.charge.begin(site.counted(), now);
            }
        });
    }

    /// Passes that a site must count yet because a part of its charge is forgotten by now. Charges its caller.
    pub fn charge(&self, site: &Site, frame: FrameRef) -> Option<u32> {
        let charging = self.policy.running().and_then(|p| p.chooser.charging())?;
        if site.prepared.rules.is_bound() || site.has_versions() {
            return None;
        }
        let now = site.attached().now();
        let (charge, new) = site.charge.at(site.counted(), now, charging.halflife);
        // SAFETY: the frame is the current one, so those that it was called from are alive.
        let caller = unsafe { frame.previous().map(|f| f.code()) };
        if let Some(caller) = caller.and_then(|code| site::sites(code).find(|s| matches!(s.kind, SiteKind::Entry { .. }))) {
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
    pub fn command(&self, attached: &'static Attached, command: Command, vm: &VirtualMachine) {
        self.policy.post(command);
        if alone(vm) {
            self.set_vm(vm);
            self.set_attached(attached);
            self.obey(attached, vm);
        }
    }

    /// Does what was posted.
    fn obey(&self, attached: &Attached, vm: &VirtualMachine) {
        for command in self.policy.take_posted() {
            match command {
                Command::Bind(code, depth) => bind(&code, Rule::Bound, depth),
                Command::Unbind(code, depth, globals) => {
                    let globals = globals.as_ref().and_then(|g| g.downcast_ref::<PyDict>());
                    self.unbind(&code, depth, globals, true, vm);
                }
                Command::Never(code) => {
                    if let Some(p) = site::of(&code) {
                        p.rules.set(Rule::Never);
                    }
                    self.drop_depending(self.id_of(code.as_object()));
                    site::sites(&code).for_each(Site::give_up);
                }
                Command::Reconsider => attached.codes.each(|code, p| {
                    if p.rules.filtered() == Filtered::Rejected {
                        p.rules.set_filtered(Filtered::NotAsked);
                        site::sites(code).for_each(|s| s.urge(s.initial()));
                    }
                }),
                Command::Start(chooser, limits) => {
                    let p = Profiler { chooser, limits, began: (0, Duration::ZERO) };
                    let busy = self.policy.running().is_some_and(|p| p.limits.any());
                    if busy {
                        self.policy.push_waiting(p);
                    } else {
                        // One without limits would never make room.
                        self.policy.set_stopped(false);
                        self.run_profiler(p);
                    }
                }
                Command::Stop => {
                    self.policy.clear_waiting();
                    self.set_running(None);
                    self.policy.set_stopped(true);
                    self.policy.note(|| "stopped".into());
                }
            }
        }
        self.keep_limits();
        self.collect(attached);
    }

    /// Binds what the code calls by name, as far as that can be told without running anything.
    fn bind_callees(&self, code: &Py<PyCode>, frame: FrameRef) {
        let Some(depth) = site::of(code).map(|p| p.rules.depth()) else { return };
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
        let Some(p) = site::of(code) else { return };
        let was = p.rules.rule();
        if was != Rule::Implied && !(named && was == Rule::Bound) {
            return;
        }
        p.rules.set(Rule::Count);
        self.drop_entries(code, |_| true);
        site::sites(code).for_each(|s| s.set_counter(s.initial()));
        if depth > 0 {
            for callee in callees(code, globals, vm) {
                self.unbind(&callee, depth - 1, globals, false, vm);
            }
        }
    }
}

/// Lets a code object be compiled at its next call.
fn bind(code: &Py<PyCode>, rule: Rule, depth: u8) {
    let Some(p) = site::of(code).filter(|_| !is_own(code)) else { return };
    match (p.rules.rule(), rule) {
        (Rule::Never, _) => return,
        (Rule::Bound | Rule::Implied, Rule::Implied) => {
            p.rules.deepen(depth);
            return;
        }
        _ => {}
    }
    p.rules.set(rule);
    p.rules.set_depth(depth);
    for site in site::sites(code) {
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
pub fn code_of(function: &rustpython_vm::PyObject, vm: &VirtualMachine) -> Option<PyRef<PyCode>> {
    function.downcast_ref::<PyFunction>()?;
    let code: PyRef<PyCode> = function.get_attr("__code__", vm).ok()?.downcast().ok()?;
    if let Some(attached) = Attached::of(vm) {
        lazy::finish(attached, vm, &code);
    }
    Some(code)
}

/// The code of a function with hooks in it: functions that were made while nothing could be prepared get them now.
pub fn prepared_code_of(function: &rustpython_vm::PyObject, vm: &VirtualMachine) -> Option<PyRef<PyCode>> {
    let code = code_of(function, vm)?;
    if site::of(&code).is_some() {
        return Some(code);
    }
    let prepared = prepare::prepared(vm, &code);
    if !prepared.is(&code) {
        function.set_attr("__code__", prepared.clone(), vm).ok()?;
    }
    Some(prepared)
}
