//! From a request to code: specializing, the passes, lowering; and versions of functions for compiled callers.
//!
//! Specializing looks at live objects, so it is done at once by the thread that runs Python. Lowering takes most of the
//! time and looks at nothing but IR. Where the lowering has a thread of its own for it, and nobody has asked
//! for the code at once, the program goes on in the interpreter meanwhile; when the code is there, the thread that runs
//! Python puts it in place the next time it comes to the JIT ([`Jit::receive_done`]). Units come back in the order in
//! which they were begun, so a function version is always there before what calls it.

use super::detail::Detail;
use super::draft::{Destination, Draft};
use super::named::named_in;
use super::queue::BegunUnit;
use super::samples;
use super::state::Jit;
use super::unit::{Attempt, Compiled};
use super::units::VersionKey;
use crate::hook::Site;
use psycore_jit::guard::guard;
use psycore_jit::ir::{Callee, ObjId, Op, Unit};
use psycore_jit::lower::{Job, LowerEnv, LowerError, Lowered, prepare};
use psycore_jit::oracle::{Contract, FnVersion, ObjectOracle, Pass, Sample};
use psycore_jit::specialize::{self, Refused, Request};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

impl Jit {
    /// Specializes, optimizes and lowers a request, or begins to. `at_once` says that it can't wait.
    pub fn compile(&self, request: &Request, to: Destination, rebuilds: u32, at_once: bool) -> Attempt {
        let _compiling = samples::compiling();
        self.builtins.find_math(self.vm(), |o| self.id_of(o));
        let at_leisure = !at_once && !self.policy.takes_all();
        let aside = at_leisure && !self.queue.is_synchronous();
        self.queue.set_active(aside && self.lowering().has_thread());
        if !self.queue.is_active() {
            // What is on its way may be called by this.
            self.receive_all();
        }
        self.budget.begin(at_leisure);
        let limit = self.limits().work;
        let attempt = match self.draft(request, to, rebuilds) {
            Ok((draft, unit)) => self.lower(draft, unit),
            Err(attempt) => attempt,
        };
        if self.budget.is_too_much()
            && let Request::Entry { code, pc, .. } = request
        {
            self.budget.note_expensive((*code, *pc), limit.saturating_mul(2));
        }
        self.samples.clear();
        self.stats.add_compile_time(self.budget.end());
        attempt
    }

    /// Specializes.
    fn draft(&self, request: &Request, to: Destination, rebuilds: u32) -> Result<(Draft, Unit), Attempt> {
        let started = Instant::now();
        let made_at = self.count_compilation();
        self.cache.begin();
        let specialized = guard(|| {
            fault::inject(fault::Stage::Specialize);
            specialize::specialize(self, request, self.limits(), &self.joins)
        });
        let depends = self.cache.end();
        let code = self.code_of(request);
        let specialized = specialized.map_err(|panic| self.failed(request, &format!("the specializer panicked: {panic}")))?;
        let out = specialized.map_err(|why| self.refused(request, why))?;
        if self.budget.is_too_much() {
            return Err(Attempt::NotNow);
        }
        let unit = Unit { funcs: vec![out.func] };
        let text = self.log.keeps_text().then(|| unit.to_string());
        let mut detail = self.log.keeps_text().then(Detail::default);
        if let Some(detail) = &mut detail {
            detail.types(&unit, code, &|class| self.describe(class));
        }
        let own = if let Request::Function { cell, .. } = request { Some(*cell) } else { None };
        let insts = unit.funcs.iter().flat_map(|f| &f.insts);
        let calls = insts.filter_map(|inst| match inst.op {
            Op::CallFn { callee: Callee::Cell(cell), .. } if Some(cell) != own => Some(cell),
            _ => None,
        });
        let draft = Draft {
            request: request.clone(),
            to,
            rebuilds,
            code,
            instrs: out.instrs,
            contract: out.ret.filter(|_| matches!(request, Request::Function { .. })).map(|ret| Contract {
                ret,
                framed: out.framed,
                raises: out.raises,
            }),
            text,
            detail,
            depends,
            made_at,
            calls: calls.collect(),
            took: started.elapsed(),
        };
        Ok((draft, unit))
    }

    /// Notes that the compiler itself went wrong: that code stays interpreted.
    fn failed(&self, request: &Request, why: &str) -> Attempt {
        self.log.write(format_args!("refused {}: {why}", self.name_of(request)));
        self.record.note_reason(self.code_of(request), || why.to_owned());
        self.stats.count_refused();
        Attempt::Never
    }

    /// Notes why something was not specialized.
    fn refused(&self, request: &Request, why: Refused) -> Attempt {
        self.log.write(format_args!("refused {}: {why:?}", self.name_of(request)));
        let pc = if let Request::Entry { pc, .. } = request { Some(*pc) } else { None };
        self.record.refused(self.code_of(request), pc, &why);
        self.stats.count_refused();
        self.record.note_reason(self.code_of(request), || format!("{why:?}"));
        match why {
            Refused::TooMuch => {
                self.budget.set_too_much(true);
                Attempt::NotNow
            }
            Refused::NeedsFrame
            | Refused::Unknown
            | Refused::DontInline(_)
            | Refused::Raises
            | Refused::Returns(_)
            | Refused::Again => Attempt::NotNow,
            Refused::Unsupported(_) => Attempt::Never,
        }
    }

    /// Lowers a draft here, or begins to elsewhere.
    fn lower(&self, draft: Draft, mut unit: Unit) -> Attempt {
        let Some(attached) = self.attached() else { return Attempt::NotNow };
        if self.returns_otherwise(&draft) {
            return Attempt::Begun;
        }
        if self.queue.is_active() {
            let ticket = self.queue.next_ticket();
            let job = Job {
                ticket,
                unit,
                exit_numbers: attached.exits.numbers(),
                exit_base: 0,
                listing: self.log.keeps_text(),
                layout: self.layout.clone(),
                objects: self.objects.addresses(),
                cells: self.versions.cell_addresses(),
                rt_address: crate::runtime::address,
                done: attached.jobs.counter(),
            };
            let begun = self.lowering().begin(job);
            match begun {
                Ok(()) => {
                    attached.jobs.set_begun(ticket + 1);
                    self.begin(&draft);
                    self.queue.push(ticket, draft);
                    return Attempt::Begun;
                }
                Err(job) => unit = job.unit,
            }
            self.receive_all();
        }
        let started = Instant::now();
        let mut exit_base = 0;
        let lowered = guard(|| {
            fault::inject(fault::Stage::Passes);
            exit_base = prepare(&mut unit, &attached.exits.numbers())?;
            fault::inject(fault::Stage::Lower);
            let env = LowerEnv {
                layout: &self.layout,
                obj_address: &|o| self.objects.address(o),
                rt_address: &crate::runtime::address,
                cell_address: &|c| self.versions.cell_address(c),
                exit_base,
            };
            self.lowering().lower(&unit, &env, self.log.keeps_text())
        });
        let lowered = lowered.unwrap_or_else(|panic| Err(LowerError(format!("the backend panicked: {panic}"))));
        let ready = self.versions.are_there(&draft.calls);
        match self.finish(draft, &unit, exit_base, lowered, ready, started.elapsed()) {
            Some(unit) => Attempt::Compiled(unit),
            None => Attempt::Never,
        }
    }

    /// Makes a draft and its code a unit. `None` if there is no code, or it can't be used.
    fn finish(
        &self,
        draft: Draft,
        unit: &Unit,
        exit_base: u32,
        lowered: Result<Lowered, LowerError>,
        usable: bool,
        time: Duration,
    ) -> Option<Rc<Compiled>> {
        let request = &draft.request;
        let attached = self.attached()?;
        let lowered = match lowered {
            Ok(lowered) if usable => lowered,
            Ok(lowered) => {
                self.lowering().free(lowered.handle);
                return None;
            }
            Err(e) => {
                self.log.write(format_args!("not lowered {}: {e}", self.name_of(request)));
                if self.log.shows_ir() {
                    self.log.write(format_args!("{unit}"));
                }
                self.record.note_reason(self.code_of(request), || e.to_string());
                return None;
            }
        };
        attached.exits.enter(exit_base, unit);
        let text = draft.text.map(|before| format!("{before}\n; optimized\n{unit}"));
        if let Some(text) = &text
            && self.log.shows_ir()
        {
            self.log.write(format_args!("{text}"));
            for (name, what) in named_in(self, text) {
                self.log.write(format_args!("; {name} = {what}"));
            }
        }
        if let Request::Function { func, args, cell, .. } = request {
            self.versions.set_code((*func, args.clone()), *cell, lowered.cells[0], exit_base, unit.exit_count());
        }
        let mut detail = draft.detail;
        if let Some(detail) = &mut detail {
            detail.calls(unit, draft.code);
            detail.spans = lowered.spans;
            let start = lowered.cells[0] as usize;
            detail.range = start..start + lowered.bytes;
        }
        self.stats.count_unit(lowered.bytes, matches!(request, Request::Function { .. }));
        self.log.write(format_args!(
            "compiled {} ({} instructions, {} bytes, {} exits, {:.1} + {:.1} ms)",
            self.name_of(request),
            draft.instrs,
            lowered.bytes,
            unit.exit_count(),
            draft.took.as_secs_f64() * 1e3,
            time.as_secs_f64() * 1e3
        ));
        self.policy.note(|| format!("compiled {}, {} bytes", self.describe_request(request), lowered.bytes));
        let compiled = Rc::new(Compiled {
            handle: lowered.handle,
            entry: lowered.entries.first().copied().flatten(),
            exit_base,
            exits: unit.exit_count(),
            request: draft.request,
            code: draft.code,
            bytes: lowered.bytes,
            instrs: draft.instrs,
            ir: text,
            listing: lowered.listing,
            detail,
            contract: draft.contract,
            left: Cell::new(0),
            outdated: Cell::new(false),
            wait: Cell::new(0),
            ledger: Default::default(),
            made_at: draft.made_at,
            rebuilds: Cell::new(draft.rebuilds),
            depends: draft.depends,
            retired: Cell::new(false),
        });
        self.cache.add(&compiled);
        self.record.compiled(&compiled);
        Some(compiled)
    }

    /// Whether a version is built again and its callers can't rely on the same as before: they keep the
    /// old code, new ones get a cell of their own.
    fn returns_otherwise(&self, draft: &Draft) -> bool {
        let Destination::Version(key) = &draft.to else { return false };
        let old = self.versions.get(key, |v| v.compiled.as_ref().map(|(_, contract)| *contract)).flatten();
        let differs = old.is_some_and(|old| Some(old) != draft.contract);
        if differs {
            self.versions.remove(key);
            self.forget_callers(key, draft.code);
        }
        differs
    }

    /// No new code calls versions that call those of a code object; the version of a key stays.
    fn forget_callers(&self, key: &VersionKey, code: ObjId) {
        self.versions.retain(|k, v| k == key || v.compiled.as_ref().is_none_or(|(c, _)| !c.depends.contains_key(&code)));
    }

    /// A version is on its way.
    fn begin(&self, draft: &Draft) {
        if let Destination::Version(key) = &draft.to {
            self.versions.update(key, |version| version.begun = draft.contract);
        }
    }

    /// Puts code in place that has come back: versions at once, entries when their site is reached.
    pub fn receive_done(&self) {
        while self.receive_next(false) {}
    }

    /// The same for all that was begun, which may take a while.
    fn receive_all(&self) {
        while self.receive_next(true) {}
    }

    fn receive_next(&self, wait: bool) -> bool {
        if self.queue.is_empty() {
            return false;
        }
        let Some(done) = self.lowering().finished(wait) else { return false };
        let Some((BegunUnit { ticket, draft, .. }, current)) = self.queue.pop() else { return false };
        debug_assert_eq!(ticket, done.ticket);
        self.stats.add_background_time(done.time);
        let to = draft.to.clone();
        // A version that was given up meanwhile has another cell by now, or none. Its callers keep the code that they have.
        let awaited = match (&to, &draft.request) {
            (Destination::Version(key), Request::Function { cell, .. }) => self.versions.awaits(key, *cell),
            _ => true,
        };
        let usable = current && awaited && self.versions.are_there(&draft.calls);
        let unit = self.finish(draft, &done.unit, done.exit_base, done.lowered, usable, done.time);
        match to {
            Destination::Version(key) if awaited => self.version_arrived(&key, unit, current),
            Destination::Version(_) => {}
            Destination::Site(site, replaces) if current => self.queue.arrive(site, replaces, unit),
            Destination::Site(..) => {}
        }
        true
    }

    fn version_arrived(&self, key: &VersionKey, unit: Option<Rc<Compiled>>, current: bool) {
        let Some(unit) = unit else {
            let never_there = self.versions.update(key, |version| {
                version.begun = None;
                version.failed |= version.compiled.is_none();
                version.compiled.is_none()
            });
            if never_there == Some(true) && !current {
                self.versions.remove(key);
            }
            return;
        };
        let retired = self.versions.update(key, |version| {
            version.begun.take().and_then(|contract| version.compiled.replace((unit.clone(), contract))).map(|(old, _)| old)
        });
        match retired {
            Some(Some(old)) => self.cache.retire(&old),
            Some(None) => {}
            // Forgotten meanwhile.
            None => self.cache.retire(&unit),
        }
    }

    /// What has come back for a site, with the tag of the version that it is to replace. The inner `None` says that
    /// there can be no code.
    pub fn arrived(&self, site: &Site) -> Option<(Option<u64>, Option<Rc<Compiled>>)> {
        self.queue.take_arrived(site, |unit| self.cache.retire(unit))
    }

    /// A compiled version of a function; the specializer asks while it compiles a caller.
    pub fn compile_version(&self, func: ObjId, args: &[Pass], samples: &[Option<Sample>]) -> Option<FnVersion> {
        let key = (func, args.to_vec());
        if let Some(found) = self.versions.get(&key, |v| v.contract().map(|contract| FnVersion { cell: v.cell, contract })) {
            return found;
        }
        let limit = self.limits().work;
        // Its entry as a function that compiled code calls; the entry from the interpreter may cost something else.
        let at = self.function(func).map(|f| (f.code, u32::MAX));
        if at.is_some_and(|at| !self.policy.takes_all() && self.budget.is_too_expensive(at, self.time_left())) {
            return None;
        }
        let cell = self.versions.begin(key.clone());
        let request = Request::Function { func, args: args.to_vec(), cell, ret: None, framed: false, raises: false };
        let outer = self.samples.replace_locals(samples.to_vec());
        let drafted = self.draft(&request, Destination::Version(key.clone()), 0);
        self.samples.replace_locals(outer);
        let contract = drafted.ok().and_then(|(draft, unit)| {
            // A function that never returns normally: callers need not call it directly.
            let contract = draft.contract?;
            match self.lower(draft, unit) {
                Attempt::Begun => {}
                Attempt::Compiled(c) => self.versions.update(&key, |v| v.compiled = Some((c, contract)))?,
                Attempt::NotNow | Attempt::Never => return None,
            }
            Some(contract)
        });
        match contract {
            Some(contract) => return Some(FnVersion { cell, contract }),
            // Not for good, and no reason to do without the caller.
            None if self.budget.is_too_much() => {
                self.versions.remove(&key);
                self.budget.set_too_much(false);
                if let Some(at) = at {
                    self.budget.note_expensive(at, limit.saturating_mul(2));
                }
            }
            None => {
                self.versions.update(&key, |v| v.failed = true);
            }
        }
        None
    }

    /// Compiles a function version again; callers go through its cell. False if there is to be none any
    /// more: what called it must be built again.
    pub fn rebuild_version(&self, key: &VersionKey, rebuilds: u32, at_once: bool) -> bool {
        let version =
            self.versions.get(key, |v| v.compiled.as_ref().filter(|_| !v.failed).map(|(_, contract)| (v.cell, *contract)));
        let Some((cell, contract)) = version.flatten() else { return false };
        let Contract { ret, framed, raises } = contract;
        let request = Request::Function { func: key.0, args: key.1.clone(), cell, ret: Some(ret), framed, raises };
        match self.compile(&request, Destination::Version(key.clone()), rebuilds, at_once) {
            Attempt::Begun => return true,
            Attempt::Compiled(c) => {
                if let Some(Some((old, _))) = self.versions.update(key, |v| v.compiled.replace((c, contract))) {
                    self.cache.retire(&old);
                }
                return true;
            }
            Attempt::NotNow | Attempt::Never => {}
        }
        if self.budget.is_too_much() {
            return true;
        }
        // Those who call it now keep its code; they are built without it when it leaves once more.
        self.versions.update(key, |v| v.failed = true);
        let code = self.code_of(&request);
        self.forget_callers(key, code);
        false
    }
}

/// Faults for a test of what becomes of them.
#[cfg(not(test))]
mod fault {
    pub enum Stage {
        Specialize,
        Passes,
        Lower,
    }

    pub fn inject(_: Stage) {}
}

#[cfg(test)]
pub mod fault {
    use std::cell::Cell;

    #[derive(Clone, Copy, Debug, PartialEq)]
    pub enum Stage {
        Specialize,
        Passes,
        Lower,
    }

    thread_local! {
        pub static NEXT: Cell<Option<Stage>> = const { Cell::new(None) };
    }

    /// Panics where the test wants it.
    pub fn inject(stage: Stage) {
        if NEXT.get() == Some(stage) {
            panic!("injected fault");
        }
    }
}
