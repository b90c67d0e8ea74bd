//! From a request to code: specializing, the passes, lowering; and versions of functions for compiled callers.
//!
//! Specializing looks at live objects, so it is done at once by the thread that runs Python. Lowering takes most of the
//! time and looks at nothing but IR. Where the lowering has a thread of its own for it, and nobody has asked
//! for the code at once, the program goes on in the interpreter meanwhile; when the code is there, the thread that runs
//! Python puts it in place the next time it comes to the JIT ([`Jit::receive_done`]). Units come back in the order in
//! which they were begun, so a function version is always there before what calls it.

use crate::cache::Depends;
use crate::driver::{Attempt, Compiled, Jit};
use crate::explain::detail::Detail;
use crate::explain::samples;
use crate::hooks::{Site, SiteKey};
use psycore_jit::ir::{Callee, FnCell, ObjId, Op, Unit};
use psycore_jit::lower::{Job, LowerEnv, LowerError, Lowered, prepare};
use psycore_jit::oracle::{FnVersion, Pass, Sample};
use psycore_jit::specialize::{self, Refused, Request};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Units begun at most that have not come back.
const MAX_BEGUN: usize = 16;

/// A function and how its arguments are passed.
pub(crate) type VersionKey = (ObjId, Vec<Pass>);

/// A version of a function for compiled callers.
pub(crate) struct Version {
    cell: FnCell,
    /// `None` while it is being compiled, and when it can't be.
    pub compiled: Option<(Rc<Compiled>, Pass)>,
    /// What it will return, or what the code that is to take its place will, while that is on its way.
    begun: Option<Pass>,
    failed: bool,
}

/// Where code goes.
#[derive(Clone)]
pub(crate) enum Place {
    Version(VersionKey),
    /// A site, in place of the version with a tag if one is given.
    Site(SiteKey, Option<u64>),
}

/// Everything about a unit but its code.
struct Draft {
    request: Request,
    place: Place,
    rebuilds: u32,
    code: ObjId,
    instrs: usize,
    ret: Option<Pass>,
    /// The IR before the passes.
    text: Option<String>,
    detail: Option<Detail>,
    depends: Depends,
    made_at: u64,
    /// Cells that it calls through.
    calls: Vec<FnCell>,
    /// Time taken to specialize.
    took: Duration,
}

struct Begun {
    ticket: u64,
    era: u64,
    draft: Draft,
}

/// What came back for a site; no code if there can be none.
struct Arrived {
    site: SiteKey,
    replaces: Option<u64>,
    era: u64,
    unit: Option<Rc<Compiled>>,
}

/// What has been begun on the lowering's thread.
#[derive(Default)]
pub(crate) struct Background {
    /// Whether the compilation going on may be finished there.
    active: Cell<bool>,
    tickets: Cell<u64>,
    begun: RefCell<VecDeque<Begun>>,
    arrived: RefCell<Vec<Arrived>>,
    /// What was begun in an earlier one is thrown away.
    era: Cell<u64>,
    /// The compilation going on takes more time than there is.
    too_much: Cell<bool>,
}

impl Background {
    /// Code is being taken out of use: what is on its way may depend on it.
    pub fn cancel(&self) {
        self.era.set(self.era.get() + 1);
    }

    /// Whether there is enough on its way.
    pub fn is_full(&self) -> bool {
        self.begun.borrow().len() >= MAX_BEGUN
    }

    /// The number of the last job on its way for a site.
    pub fn job_for(&self, site: &Site) -> Option<u64> {
        let era = self.era.get();
        let is_for = |b: &&Begun| b.era == era && matches!(&b.draft.place, Place::Site(key, _) if key.is(site));
        self.begun.borrow().iter().rev().find(is_for).map(|b| b.ticket)
    }

    /// Whether code for a site is on its way, or there and not yet in place.
    pub fn expects(&self, site: &Site) -> bool {
        self.job_for(site).is_some() || self.arrived.borrow().iter().any(|a| a.era == self.era.get() && a.site.is(site))
    }
}

impl Jit {
    /// Specializes, optimizes and lowers a request, or begins to. `at_once` says that it can't wait.
    pub fn compile(&self, request: &Request, place: Place, rebuilds: u32, at_once: bool) -> Attempt {
        let started = Instant::now();
        let _compiling = samples::compiling();
        self.find_math();
        let aside = !at_once && !self.synchronous.get() && !self.policy.takes_all();
        self.background.active.set(aside && self.lowering.borrow_mut().has_thread());
        if !self.background.active.get() {
            // What is on its way may be called by this.
            self.receive_all();
        }
        self.compiling_since.set(Some(started));
        self.background.too_much.set(false);
        self.limited.set(!at_once && !self.policy.takes_all());
        let limit = self.limits().work;
        let attempt = match self.draft(request, place, rebuilds) {
            Ok((draft, unit)) => self.lower(draft, unit),
            Err(attempt) => attempt,
        };
        if self.background.too_much.get()
            && let Request::Entry { code, pc, .. } = request
        {
            self.expensive.borrow_mut().insert((*code, *pc), limit.saturating_mul(2));
        }
        self.compiling_since.set(None);
        self.limited.set(false);
        self.local_samples.borrow_mut().clear();
        self.samples.borrow_mut().clear();
        self.stats.borrow_mut().compile_time += started.elapsed();
        attempt
    }

    /// Specializes.
    fn draft(&self, request: &Request, place: Place, rebuilds: u32) -> Result<(Draft, Unit), Attempt> {
        let started = Instant::now();
        let made_at = self.compilations.get() + 1;
        self.compilations.set(made_at);
        self.cache.begin();
        let specialized = specialize::specialize(self, request, self.limits(), &self.joins);
        let depends = self.cache.end();
        let code = self.code_of(request);
        let out = specialized.map_err(|why| self.refused(request, why))?;
        if self.background.too_much.get() {
            return Err(Attempt::NotNow);
        }
        let unit = Unit { funcs: vec![out.func] };
        let text = self.keep_text.get().then(|| unit.to_string());
        let mut detail = self.keep_text.get().then(Detail::default);
        if let Some(detail) = &mut detail {
            detail.types(&unit, code, &|class| psycore_jit::oracle::Oracle::describe(self, class));
        }
        let own = if let Request::Function { cell, .. } = request { Some(*cell) } else { None };
        let insts = unit.funcs.iter().flat_map(|f| &f.insts);
        let calls = insts.filter_map(|inst| match inst.op {
            Op::CallFn { callee: Callee::Cell(cell), .. } if Some(cell) != own => Some(cell),
            _ => None,
        });
        let draft = Draft {
            request: request.clone(),
            place,
            rebuilds,
            code,
            instrs: out.instrs,
            ret: out.ret,
            text,
            detail,
            depends,
            made_at,
            calls: calls.collect(),
            took: started.elapsed(),
        };
        Ok((draft, unit))
    }

    /// Notes why something was not specialized.
    fn refused(&self, request: &Request, why: Refused) -> Attempt {
        match why {
            Refused::NeedsFrame(pc) => self.log(format_args!(
                "refused {}: line {} calls out to Python, which needs a frame",
                self.name_of(request),
                self.line_of(self.code_of(request), pc)
            )),
            _ => self.log(format_args!("refused {}: {why:?}", self.name_of(request))),
        }
        let pc = if let Request::Entry { pc, .. } = request { Some(*pc) } else { None };
        self.record.refused(self.code_of(request), pc, &why);
        self.stats.borrow_mut().refused += 1;
        self.note_refusal(request, || format!("{why:?}"));
        match why {
            Refused::TooMuch => {
                self.background.too_much.set(true);
                Attempt::NotNow
            }
            Refused::NeedsFrame(_) | Refused::Unknown | Refused::DontInline(_) | Refused::Returns(_) | Refused::Again => {
                Attempt::NotNow
            }
            Refused::Unsupported(_) => Attempt::Never,
        }
    }

    /// Lowers a draft here, or begins to elsewhere.
    fn lower(&self, draft: Draft, mut unit: Unit) -> Attempt {
        let Some(attached) = self.attached() else { return Attempt::NotNow };
        if self.returns_otherwise(&draft) {
            return Attempt::Begun;
        }
        if self.background.active.get() {
            let ticket = self.background.tickets.get();
            self.background.tickets.set(ticket + 1);
            let job = Job {
                ticket,
                unit,
                exit_numbers: attached.exits().numbers(),
                exit_base: 0,
                listing: self.keep_text.get(),
                layout: self.layout.clone(),
                objects: self.object_addresses(),
                cells: self.cell_addresses(),
                rt_address: crate::runtime::address,
                done: attached.jobs_done(),
            };
            let begun = self.lowering.borrow_mut().begin(job);
            match begun {
                Ok(()) => {
                    attached.begun_jobs(ticket + 1);
                    self.begin(&draft);
                    self.background.begun.borrow_mut().push_back(Begun { ticket, era: self.background.era.get(), draft });
                    return Attempt::Begun;
                }
                Err(job) => unit = job.unit,
            }
            self.receive_all();
        }
        let started = Instant::now();
        let prepared = prepare(&mut unit, &attached.exits().numbers());
        let exit_base = *prepared.as_ref().unwrap_or(&0);
        let lowered = prepared.and_then(|exit_base| {
            let env = LowerEnv {
                layout: &self.layout,
                obj_address: &|o| self.object_address(o),
                rt_address: &crate::runtime::address,
                cell_address: &|c| self.cell_address(c),
                exit_base,
            };
            self.lowering.borrow_mut().lower(&unit, &env, self.keep_text.get())
        });
        let ready = self.are_there(&draft.calls);
        match self.finish(draft, &unit, exit_base, lowered, ready, started.elapsed()) {
            Some(unit) => Attempt::Compiled(unit),
            None => Attempt::Never,
        }
    }

    /// Whether all code that these cells stand for is there.
    fn are_there(&self, cells: &[FnCell]) -> bool {
        cells.iter().all(|c| self.cell(*c) != 0)
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
                self.lowering.borrow_mut().free(lowered.handle);
                return None;
            }
            Err(e) => {
                self.log(format_args!("not lowered {}: {e}", self.name_of(request)));
                if self.log_ir {
                    self.log(format_args!("{unit}"));
                }
                self.note_refusal(request, || e.to_string());
                return None;
            }
        };
        attached.exits().enter(exit_base, unit);
        let text = draft.text.map(|before| format!("{before}\n; optimized\n{unit}"));
        if let Some(text) = &text
            && self.log_ir
        {
            self.log(format_args!("{text}"));
            for (name, what) in crate::explain::objects::named_in(self, text) {
                self.log(format_args!("; {name} = {what}"));
            }
        }
        if let Request::Function { func, args, cell, .. } = request {
            self.set_cell(*cell, lowered.cells[0]);
            self.function_exits.borrow_mut().push((exit_base, unit.exit_count(), (*func, args.clone())));
        }
        let mut detail = draft.detail;
        if let Some(detail) = &mut detail {
            detail.calls(unit, draft.code);
            detail.spans = lowered.spans;
            let start = lowered.cells[0] as usize;
            detail.range = start..start + lowered.bytes;
        }
        let mut stats = self.stats.borrow_mut();
        stats.units += 1;
        stats.code_bytes += lowered.bytes as u64;
        if matches!(request, Request::Function { .. }) {
            stats.functions += 1;
        }
        drop(stats);
        self.log(format_args!(
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
            ret: draft.ret,
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

    /// Whether a version is built again and returns something else now: callers that rely on the old result keep the
    /// old code, new ones get a cell of their own.
    fn returns_otherwise(&self, draft: &Draft) -> bool {
        let Place::Version(key) = &draft.place else { return false };
        let mut versions = self.versions.borrow_mut();
        let old = versions.get(key).and_then(|v| v.compiled.as_ref().map(|(_, ret)| *ret));
        let differs = old.is_some_and(|old| Some(old) != draft.ret);
        if differs {
            versions.remove(key);
        }
        differs
    }

    /// A version is on its way.
    fn begin(&self, draft: &Draft) {
        if let Place::Version(key) = &draft.place
            && let Some(version) = self.versions.borrow_mut().get_mut(key)
        {
            version.begun = draft.ret;
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
        if self.background.begun.borrow().is_empty() {
            return false;
        }
        let Some(done) = self.lowering.borrow_mut().finished(wait) else { return false };
        let Some(Begun { ticket, era, draft }) = self.background.begun.borrow_mut().pop_front() else { return false };
        debug_assert_eq!(ticket, done.ticket);
        self.stats.borrow_mut().background_time += done.time;
        let current = era == self.background.era.get();
        let place = draft.place.clone();
        let usable = current && self.are_there(&draft.calls);
        let unit = self.finish(draft, &done.unit, done.exit_base, done.lowered, usable, done.time);
        match place {
            Place::Version(key) => self.version_arrived(&key, unit, current),
            Place::Site(site, replaces) if current => {
                self.background.arrived.borrow_mut().push(Arrived { site, replaces, era, unit });
            }
            Place::Site(..) => {}
        }
        true
    }

    fn version_arrived(&self, key: &VersionKey, unit: Option<Rc<Compiled>>, current: bool) {
        let mut versions = self.versions.borrow_mut();
        match (versions.get_mut(key), unit) {
            (Some(version), Some(unit)) => {
                let Some(ret) = version.begun.take() else { return };
                if let Some((old, _)) = version.compiled.replace((unit, ret)) {
                    self.cache.retire(&old);
                }
            }
            (Some(version), None) => {
                version.begun = None;
                if version.compiled.is_none() {
                    version.failed = true;
                    if !current {
                        versions.remove(key);
                    }
                }
            }
            (None, Some(unit)) => self.cache.retire(&unit),
            (None, None) => {}
        }
    }

    /// What has come back for a site, with the tag of the version that it is to replace. The inner `None` says that
    /// there can be no code.
    pub fn arrived(&self, site: &Site) -> Option<(Option<u64>, Option<Rc<Compiled>>)> {
        let mut arrived = self.background.arrived.borrow_mut();
        let era = self.background.era.get();
        arrived.retain(|a| {
            if a.era != era
                && let Some(unit) = &a.unit
            {
                self.cache.retire(unit);
            }
            a.era == era
        });
        let at = arrived.iter().position(|a| a.site.is(site))?;
        let a = arrived.remove(at);
        Some((a.replaces, a.unit))
    }

    /// A compiled version of a function; the specializer asks while it compiles a caller.
    pub fn compile_version(&self, func: ObjId, args: &[Pass], samples: &[Option<Sample>]) -> Option<FnVersion> {
        let key = (func, args.to_vec());
        if let Some(v) = self.versions.borrow().get(&key) {
            let ret = v.compiled.as_ref().map(|(_, ret)| *ret).or(v.begun);
            return ret.filter(|_| !v.failed).map(|ret| FnVersion { cell: v.cell, ret });
        }
        let cell = self.new_cell();
        self.versions.borrow_mut().insert(key.clone(), Version { cell, compiled: None, begun: None, failed: false });
        let request = Request::Function { func, args: args.to_vec(), cell, ret: None };
        let outer = self.local_samples.replace(samples.to_vec());
        let drafted = self.draft(&request, Place::Version(key.clone()), 0);
        self.local_samples.replace(outer);
        let ret = drafted.ok().and_then(|(draft, unit)| {
            let Some(ret) = draft.ret else {
                // A function that never returns normally: callers need not call it directly.
                return None;
            };
            match self.lower(draft, unit) {
                Attempt::Begun => {}
                Attempt::Compiled(c) => self.versions.borrow_mut().get_mut(&key)?.compiled = Some((c, ret)),
                Attempt::NotNow | Attempt::Never => return None,
            }
            Some(ret)
        });
        if ret.is_none() {
            let mut versions = self.versions.borrow_mut();
            if self.background.too_much.get() {
                // Not for good.
                versions.remove(&key);
            } else if let Some(v) = versions.get_mut(&key) {
                v.failed = true;
            }
        }
        ret.map(|ret| FnVersion { cell, ret })
    }

    /// The unit of a version.
    pub fn version(&self, key: &VersionKey) -> Option<Rc<Compiled>> {
        self.versions.borrow().get(key).and_then(|v| v.compiled.as_ref().map(|(c, _)| c.clone()))
    }

    /// Whether new code for a version is on its way.
    pub fn expects_version(&self, key: &VersionKey) -> bool {
        self.versions.borrow().get(key).is_some_and(|v| v.begun.is_some())
    }

    /// No new caller gets to know a version of a function.
    pub fn forget_version(&self, unit: &Rc<Compiled>) {
        self.versions.borrow_mut().retain(|_, v| v.compiled.as_ref().is_none_or(|(c, _)| !Rc::ptr_eq(c, unit)));
    }

    /// Compiles a function version again; callers go through its cell. False if there is to be none any
    /// more: what called it must be built again.
    pub fn rebuild_version(&self, key: &VersionKey, rebuilds: u32, at_once: bool) -> bool {
        let (cell, ret) = match self.versions.borrow().get(key) {
            Some(Version { cell, compiled: Some((_, ret)), failed: false, .. }) => (*cell, *ret),
            _ => return false,
        };
        let request = Request::Function { func: key.0, args: key.1.clone(), cell, ret: Some(ret) };
        match self.compile(&request, Place::Version(key.clone()), rebuilds, at_once) {
            Attempt::Begun => return true,
            Attempt::Compiled(c) => {
                if let Some(v) = self.versions.borrow_mut().get_mut(key)
                    && let Some((old, _)) = v.compiled.replace((c, ret))
                {
                    self.cache.retire(&old);
                }
                return true;
            }
            Attempt::NotNow | Attempt::Never => {}
        }
        if self.background.too_much.get() {
            return true;
        }
        // Those who call it now keep its code; they are built without it when it leaves once more.
        let mut versions = self.versions.borrow_mut();
        if let Some(v) = versions.get_mut(key) {
            v.failed = true;
        }
        let code = self.code_of(&request);
        versions.retain(|k, v| k == key || v.compiled.as_ref().is_none_or(|(c, _)| !c.depends.contains_key(&code)));
        false
    }
}
