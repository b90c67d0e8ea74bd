//! What decides: which code is compiled, from which live values, when again, and when no more.

use super::draft::Destination;
use super::feedback::MAX_BUILDS;
use super::shapes::Met;
use super::state::Jit;
use super::stats::reason_name;
use super::unit::{Attempt, Compiled};
use super::units::VersionKey;
use crate::code::plan::SiteKind;
use crate::hook::{Driver, Exited, Hot, Site, SiteVersion, site};
use crate::object::frame::FrameRef;
use psycore_jit::ir::{ExitKind, ObjId, Reason};
use psycore_jit::lower::Lowering;
use psycore_jit::oracle::ObjectOracle;
use psycore_jit::runtime_context::RuntimeContext;
use psycore_jit::specialize::Request;
use rustpython_vm::{PyObject, VirtualMachine};
use std::rc::Rc;

/// Code around a loop has been run so often that it is known, and the loop goes round less often than so each time.
const SEEN_ENOUGH: u64 = 4;
const FEW_TURNS: u64 = 64;
/// Calls and turns until code is looked at again that took too much time.
const TOO_EXPENSIVE: u32 = 1000;
/// Calls and turns until somebody looks whether code has been made meanwhile.
const UNTIL_THERE: u32 = 4;
/// Exits of code that should be built again, but can't be now, until that is tried once more.
const RETRY: u32 = 100;
/// Versions of an entry by the types of live values.
const MAX_VERSIONS: usize = 5;

impl Driver for Jit {
    fn object(&self, id: ObjId) -> &PyObject {
        self.object(id)
    }

    fn hot(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Hot {
        self.set_attached(site.attached());
        self.set_vm(vm);
        if let Some(answer) = self.collect_code(site) {
            return answer;
        }
        if let Err(answer) = self.consider(site, frame, vm) {
            return answer;
        }
        if let Some(passes) = self.charge(site, frame) {
            return Hot::Later(passes);
        }
        if self.leave_to_outer(site, frame) {
            return Hot::Later(site.initial());
        }
        loop {
            let answer = self.build(site, frame, vm);
            if !self.ask_about_callees(vm) {
                return answer;
            }
        }
    }

    fn receive(&self, vm: &VirtualMachine) {
        self.set_vm(vm);
        self.receive_done();
    }

    fn look(&self) {
        self.lowering().look();
    }

    fn exited(&self, site: &Site, frame: FrameRef, exit: &Exited<'_>, vm: &VirtualMachine) {
        self.set_vm(vm);
        self.set_attached(site.attached());
        let info = exit.info;
        let Some(inner) = info.state.frames.last() else { return };
        let held = self.returns_held(info);
        if matches!(info.kind, ExitKind::Guard(Reason::Poll)) && !held {
            // Nothing to learn.
            self.stats.count_exit((inner.code, inner.pc), reason_name(Reason::Poll));
            return;
        }
        let (stack, met) = self.observe(info, exit.record, frame);
        let is_shape = matches!(info.kind, ExitKind::Guard(Reason::Shape));
        let vary_since = if is_shape { self.surprised(exit, &stack, met) } else { None };
        if is_shape && met == Met::Unstamped && vary_since.is_none() {
            // The interpreter made the object and had no use for a stamp. It has one now.
            self.stats.count_exit_anywhere("stamp");
            return;
        }
        // The unit whose exit it is: a function version, or the entry itself.
        let version = self.versions.at_exit(exit.number);
        let entered = self.entries.of(&exit.version);
        self.receive_done();
        if let Some((replaces, Some(unit))) = self.arrived(site) {
            self.put(site, unit, replaces);
        }
        let unit = match &version {
            Some(key) => self.versions.unit(key),
            None => Some(entered.clone()),
        };
        let Some(unit) = unit else {
            // A version that only old callers know.
            self.count_useless(site, exit);
            return;
        };
        let again = match self.raising_exit(&unit, exit) {
            Some(again) => again,
            None if held => self.held_exit(&unit, inner.code, inner.pc),
            None => {
                let again = self.exit_taken(&unit, (inner.code, inner.pc), info.kind, stack, exit.turns);
                // Code that is older than what is known of the shapes only has to catch up.
                again || vary_since.is_some_and(|since| unit.made_at <= since)
            }
        };
        let expected =
            entered.retired.get() || version.as_ref().is_some_and(|key| self.versions.expects(key)) || self.queue.expects(site);
        if !again || expected {
            self.count_useless(site, exit);
            return;
        }
        let waits = unit.wait.get();
        if waits > 0 || !self.may_build(&site.prepared.rules) {
            unit.wait.set(waits.saturating_sub(1));
            entered.outdated.set(true);
            self.count_useless(site, exit);
            return;
        }
        self.log.write(format_args!("rebuilding for an exit at {} of {}: {:?}", inner.pc, self.describe(inner.code), info.kind));
        self.stats.count_rebuild();
        if !self.rebuild(site, frame, exit.version.tag, &entered, version.map(|key| (key, &*unit))) {
            unit.wait.set(RETRY);
            self.count_useless(site, exit);
        }
    }

    unsafe fn enter(&self, version: &SiteVersion, ctx: *mut RuntimeContext, args: *mut u64) -> i32 {
        let lowering: *const dyn Lowering = {
            let borrowed = self.lowering();
            &raw const **borrowed
        };
        // SAFETY: the caller's promise. No borrow is held: compiled code may call out and compile more.
        unsafe { (*lowering).enter(version.handle, version.func as usize, ctx, args) }
    }
}

impl Jit {
    /// Builds what was left anew: the version of a function, or else what was entered at the site. False if neither is
    /// possible now.
    fn rebuild(
        &self,
        site: &Site,
        frame: FrameRef,
        tag: u64,
        entered: &Rc<Compiled>,
        version: Option<(VersionKey, &Compiled)>,
    ) -> bool {
        let at_once = site.prepared.rules.is_bound();
        if let Some((key, unit)) = version
            && self.rebuild_version(&key, unit.rebuilds.get() + 1, at_once)
        {
            return unit.retired.get() || self.versions.expects(&key);
        }
        if entered.rebuilds.get() >= MAX_BUILDS || !at_once && self.is_too_expensive(&entered.request) {
            return false;
        }
        // What the frame holds now is like what it held when the code was made: cells are even the same.
        self.sample_locals(frame);
        let to = Destination::Site(site.key(), Some(tag));
        match self.compile(&entered.request, to, entered.rebuilds.get() + 1, at_once) {
            Attempt::Begun => true,
            Attempt::Compiled(unit) => {
                if site.versions().iter().any(|v| v.tag == tag) {
                    self.put(site, unit, Some(tag));
                } else {
                    self.cache.retire(&unit);
                }
                true
            }
            Attempt::NotNow | Attempt::Never => false,
        }
    }

    /// Puts code in place that was begun for a site. What to answer, if there is some or will be.
    fn collect_code(&self, site: &Site) -> Option<Hot> {
        self.receive_done();
        match self.arrived(site) {
            Some((_, None)) => Some(Hot::Never),
            Some((replaces, Some(unit))) => {
                self.put(site, unit, replaces);
                Some(Hot::Installed)
            }
            None => self.queue.job_for(site).map(Hot::AfterJob),
        }
    }

    /// Whether to wait for code that begins outside of a loop, at the outermost place around it that is reached again
    /// soon: it has the loop in it and all of its surroundings seen, where code for the loop alone would be left after
    /// a few turns.
    fn leave_to_outer(&self, site: &Site, frame: FrameRef) -> bool {
        let SiteKind::Loop { back_edge, header } = site.kind else { return false };
        if self.budget.is_generous() || site.has_versions() {
            return false;
        }
        // SAFETY: the frame is the current one.
        let code = unsafe { frame.code() };
        let around = |s: &&Site| match s.kind {
            SiteKind::Entry { .. } => true,
            SiteKind::Loop { back_edge: b, header: h } => h < header && b > back_edge,
            SiteKind::Inner | SiteKind::Lazy => false,
        };
        let often = |s: &&Site| s.counted() >= SEEN_ENOUGH && site.counted() < FEW_TURNS * s.counted();
        let first = |s: &&Site| if let SiteKind::Loop { header, .. } = s.kind { header + 1 } else { 0 };
        let Some(outer) = site::sites(code).filter(around).filter(often).min_by_key(first) else { return false };
        if self.queue.expects(outer) {
            return true;
        }
        // Not for ever: the outer code may not fit, or not be reached.
        let patience = if outer.has_versions() { 3 } else { 2 };
        if site.counted() >= patience * u64::from(site.initial()) {
            return false;
        }
        outer.urge(1);
        true
    }

    /// Gives a site another version, in place of the one with a tag if there is one.
    fn put(&self, site: &Site, unit: Rc<Compiled>, replaces: Option<u64>) {
        let new = self.entries.add(unit);
        let mut versions = site.versions().to_vec();
        match versions.iter_mut().find(|v| Some(v.tag) == replaces) {
            Some(old) => {
                let old = std::mem::replace(old, new);
                self.cache.retire(&self.entries.of(&old));
            }
            None => versions.push(new),
        }
        site.set_versions(versions);
    }

    /// Compiles for the live frame of a site.
    fn build(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Hot {
        let old = site.versions();
        if old.len() >= MAX_VERSIONS {
            return Hot::Never;
        }
        let Some(mut request) = self.request(site, frame, vm) else { return Hot::Never };
        let earlier: Vec<Rc<Compiled>> = old.iter().map(|v| self.entries.of(v)).collect();
        let requests: Vec<&Request> = earlier.iter().map(|c| &c.request).collect();
        self.generalize(&mut request, &requests, earlier.len() + 2 < MAX_VERSIONS);
        if !site.prepared.rules.is_bound() && self.is_too_expensive(&request) {
            return Hot::Later(TOO_EXPENSIVE);
        }
        if earlier.iter().any(|c| c.request == request) {
            // It fits by type and yet it missed: an unusual value.
            return Hot::Later(2000);
        }
        self.sample_locals(frame);
        match self.compile(&request, Destination::Site(site.key(), None), 0, site.prepared.rules.is_bound()) {
            Attempt::Compiled(unit) => {
                self.put(site, unit, None);
                Hot::Installed
            }
            Attempt::Begun => self.queue.job_for(site).map_or(Hot::Later(UNTIL_THERE), Hot::AfterJob),
            Attempt::NotNow => Hot::Later(5000),
            Attempt::Never => Hot::Never,
        }
    }
}
