//! What decides: which code is compiled, from which live values, when again, and when no more.
//!
//! [`Jit`] is the state of one interpreter's JIT. It answers the specializer's questions (see
//! `oracle`), keeps the compiled units and learns from the exits they take.

use crate::budget::{Account, Ledger};
use crate::cache::{Cache, Depends};
use crate::compile::{Background, Place, Version, VersionKey};
use crate::explain::Record;
use crate::explain::detail::Detail;
use crate::hooks::{self, Attached, Driver, Exited, Hot, Options, Site, SiteKind};
use crate::layout::FrameRef;
use crate::learn::{MAX_BUILDS, Profile};
use crate::objects::Objects;
use crate::policy::{Policy, SOON};
use crate::prepare;
use crate::shapes::Shapes;
use crate::statistics::{Stats, reason_name};
use crate::{JitConfig, JitMode};
use psycore_jit::bytecode::CodeInfo;
use psycore_jit::ir::{ExitKind, FnCell, ObjId, Reason};
use psycore_jit::layout::Layout;
use psycore_jit::lower::{CodeHandle, EntryFn, Lowering};
use psycore_jit::oracle::{Builtin, BuiltinMethod, Known, Pass, Sample};
use psycore_jit::specialize::{Joins, Limits, Request};
use rustpython_vm::{PyObject, PyObjectRef, VirtualMachine};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// So many instances that leave because nobody has given them a stamp are not the last ones.
pub(crate) const MANY_WITHOUT_STAMP: u32 = 64;
/// About how long the specializer takes for an instruction.
const PER_INSTR: Duration = Duration::from_nanos(2500);
/// Instructions that it may always look at.
const LEAST_WORK: usize = 800;
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

/// A lowered unit.
pub(crate) struct Compiled {
    pub handle: CodeHandle,
    pub entry: Option<EntryFn>,
    pub exit_base: u32,
    pub exits: u32,
    pub request: Request,
    pub code: ObjId,
    pub bytes: usize,
    pub instrs: usize,
    pub ir: Option<String>,
    pub listing: Option<String>,
    /// For explanations.
    pub detail: Option<Detail>,
    /// What it returns (versions of functions).
    pub ret: Option<Pass>,
    /// Exits taken, but for those that any code takes now and then.
    pub left: Cell<u32>,
    /// Whether it was to be built again but could not be.
    pub outdated: Cell<bool>,
    /// Exits until that is tried again.
    pub wait: Cell<u32>,
    pub ledger: Ledger,
    /// When it was made, counted in compilations.
    pub made_at: u64,
    /// How often it was built again because of its exits.
    pub rebuilds: Cell<u32>,
    /// The codes that it was made from, and those of the versions it calls.
    pub depends: Depends,
    /// Nothing enters it any more.
    pub retired: Cell<bool>,
}

/// The state of the JIT of one interpreter.
pub(crate) struct Jit {
    /// Where the VM is while the JIT works (it may move between two runs).
    pub vm: Cell<*const VirtualMachine>,
    pub known: Known,
    pub layout: Arc<Layout>,
    objects: Objects,
    attached: Cell<Option<&'static Attached>>,
    /// By the tag of hook versions.
    pub units: RefCell<Vec<Rc<Compiled>>>,
    /// Function versions by the range of their exits: first, count.
    pub function_exits: RefCell<Vec<(u32, u32, VersionKey)>>,
    started: Instant,
    shapes: Shapes,
    pub policy: Policy,
    pub cache: Cache,
    /// Why code was not compiled.
    pub refusals: RefCell<HashMap<ObjId, Vec<String>>>,
    pub lowering: RefCell<Box<dyn Lowering>>,
    pub codes: RefCell<HashMap<ObjId, Option<Rc<CodeInfo>>>>,
    pub profile: RefCell<HashMap<(ObjId, u32), Profile>>,
    pub builtins: RefCell<HashMap<ObjId, Builtin>>,
    pub builtin_methods: RefCell<HashMap<ObjId, BuiltinMethod>>,
    pub math_found: Cell<bool>,
    /// Live objects that the compilation going on may look at.
    pub samples: RefCell<Vec<PyObjectRef>>,
    /// Those of the live frame's locals, or of a version's arguments.
    pub local_samples: RefCell<Vec<Option<Sample>>>,
    /// Dicts that those of new instances are copied from, by their keys.
    pub templates: RefCell<HashMap<Vec<ObjId>, ObjId>>,
    pub class_versions: RefCell<HashMap<u32, Option<ObjId>>>,
    pub versions: RefCell<HashMap<VersionKey, Version>>,
    cells: RefCell<Vec<Box<u64>>>,
    /// Compilations begun so far.
    pub compilations: Cell<u64>,
    /// Whether nothing is left to the lowering's own thread.
    pub synchronous: Cell<bool>,
    /// Whether there is time enough.
    generous: Cell<bool>,
    pub background: Background,
    /// When the compilation going on began, and whether it may take only so long.
    pub compiling_since: Cell<Option<Instant>>,
    pub limited: Cell<bool>,
    /// Instructions that the specializer may have to look at before an entry (code, position) is compiled.
    pub expensive: RefCell<HashMap<(ObjId, u32), usize>>,
    /// What loops were found to carry.
    pub joins: RefCell<Joins>,
    pub stats: RefCell<Stats>,
    pub print_stats: Cell<bool>,
    pub record: Rc<Record>,
    pub keep_text: Cell<bool>,
    /// The log shows the IR of what is compiled.
    pub log_ir: bool,
    log: RefCell<Option<std::fs::File>>,
}

/// What came of an attempt to compile.
pub(crate) enum Attempt {
    Compiled(Rc<Compiled>),
    /// It will be there later.
    Begun,
    /// Not with what is known now.
    NotNow,
    Never,
}

impl Jit {
    /// That of an interpreter, turned off or not, and what it is attached with.
    pub(crate) fn of(vm: &VirtualMachine) -> Option<(&'static Attached, &'static Jit)> {
        let attached = Attached::of(vm)?;
        Some((attached, attached.driver().as_any()?.downcast_ref()?))
    }

    /// The state for a VM that has just been entered.
    pub fn new(
        vm: &VirtualMachine,
        layout: Layout,
        lowering: Box<dyn Lowering>,
        log: Option<std::fs::File>,
        cache: Cache,
    ) -> Self {
        let objects = Objects::new();
        let known = crate::oracle::known(vm, |o| objects.id_of(o));
        let jit = Jit {
            vm: Cell::new(vm),
            known,
            shapes: Shapes::default(),
            layout: Arc::new(layout),
            objects,
            attached: Cell::new(None),
            units: RefCell::default(),
            function_exits: RefCell::default(),
            started: Instant::now(),
            policy: Policy::new(),
            cache,
            refusals: RefCell::default(),
            lowering: RefCell::new(lowering),
            codes: RefCell::default(),
            profile: RefCell::default(),
            builtins: RefCell::default(),
            builtin_methods: RefCell::default(),
            math_found: Cell::new(false),
            samples: RefCell::default(),
            local_samples: RefCell::default(),
            templates: RefCell::default(),
            class_versions: RefCell::default(),
            versions: RefCell::default(),
            cells: RefCell::default(),
            compilations: Cell::new(0),
            synchronous: Cell::new(false),
            generous: Cell::new(false),
            background: Background::default(),
            compiling_since: Cell::new(None),
            limited: Cell::new(false),
            expensive: RefCell::default(),
            joins: RefCell::default(),
            stats: RefCell::default(),
            print_stats: Cell::new(false),
            record: Rc::default(),
            keep_text: Cell::new(false),
            log_ir: std::env::var_os("PSYCORE_JIT_LOG_IR").is_some(),
            log: RefCell::new(log),
        };
        jit.find_builtins();
        jit
    }

    pub fn vm(&self) -> &VirtualMachine {
        // SAFETY: set whenever the VM calls the JIT, and used only until that call returns.
        unsafe { &*self.vm.get() }
    }

    pub fn id_of(&self, obj: &PyObject) -> ObjId {
        self.objects.id_of(obj)
    }

    pub fn object(&self, id: ObjId) -> &PyObject {
        self.objects.get(id)
    }

    pub fn object_address(&self, id: ObjId) -> usize {
        self.objects.address(id)
    }

    /// Objects that are kept alive for compiled code.
    pub fn object_count(&self) -> usize {
        self.objects.len()
    }

    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// A new word for the code of a function version.
    pub fn new_cell(&self) -> FnCell {
        let mut cells = self.cells.borrow_mut();
        cells.push(Box::new(0));
        FnCell(cells.len() as u32 - 1)
    }

    /// What a cell holds: 0 before there is code.
    pub fn cell(&self, cell: FnCell) -> u64 {
        *self.cells.borrow()[cell.index()]
    }

    pub fn set_cell(&self, cell: FnCell, code: u64) {
        *self.cells.borrow_mut()[cell.index()] = code;
    }

    pub fn cell_addresses(&self) -> Vec<usize> {
        self.cells.borrow().iter().map(|cell| &raw const **cell as usize).collect()
    }

    pub fn object_addresses(&self) -> Vec<usize> {
        self.objects.addresses()
    }

    pub fn cell_address(&self, cell: FnCell) -> usize {
        &raw const *self.cells.borrow()[cell.index()] as usize
    }

    /// Writes to the log, if there is one.
    pub fn log(&self, line: std::fmt::Arguments<'_>) {
        if let Some(f) = &mut *self.log.borrow_mut() {
            use std::io::Write;
            // A log that can't be written is no reason to stop the program.
            let _ = writeln!(f, "{line}");
        }
    }

    /// What is compiled before it has proven hot gets less: compiling costs more than it runs. Where time is limited, so is
    /// the work.
    pub fn limits(&self) -> Limits {
        let usual = Limits::default();
        let instrs = if self.policy.takes_all() { usual.instrs / 4 } else { usual.instrs };
        let work = match self.limited.get() {
            true => self.work_left(),
            false => usize::MAX,
        };
        Limits { instrs, work, ..usual }
    }

    /// Whether compiling something took too long before and still would.
    fn is_too_expensive(&self, request: &Request) -> bool {
        let Request::Entry { code, pc, .. } = request else { return false };
        let needed = self.expensive.borrow().get(&(*code, *pc)).copied();
        needed.is_some_and(|needed| !self.policy.takes_all() && self.work_left() < needed)
    }

    fn work_left(&self) -> usize {
        (self.time_left().as_nanos() / PER_INSTR.as_nanos()).try_into().unwrap_or(usize::MAX).max(LEAST_WORK)
    }

    pub fn code_of(&self, request: &Request) -> ObjId {
        use psycore_jit::oracle::Oracle;
        match request {
            Request::Entry { code, .. } => *code,
            Request::Function { func, .. } => self.function(*func).map_or(*func, |f| f.code),
        }
    }

    pub fn name_of(&self, request: &Request) -> String {
        use psycore_jit::oracle::Oracle;
        match request {
            Request::Entry { code, pc, .. } => format!("{} at {pc}", self.describe(*code)),
            Request::Function { args, .. } => format!("{}{args:?}", self.describe(self.code_of(request))),
        }
    }

    pub fn note_refusal(&self, request: &Request, why: impl FnOnce() -> String) {
        let mut refusals = self.refusals.borrow_mut();
        let reasons = refusals.entry(self.code_of(request)).or_default();
        if reasons.len() < 8 {
            let why = why();
            if !reasons.contains(&why) {
                reasons.push(why);
            }
        }
    }

    /// The JIT's hold on the interpreter, once it has been asked for anything.
    pub fn attached(&self) -> Option<&'static Attached> {
        self.attached.get()
    }

    pub fn set_attached(&self, attached: &'static Attached) {
        self.attached.set(Some(attached));
    }

    /// Takes over what can be changed later. Gives the thresholds.
    fn configure(&self, config: &JitConfig) -> Options {
        let full = config.mode == JitMode::Full;
        let mut hot = Options::default();
        if let Some(n) = config.threshold {
            (hot.calls, hot.iterations) = (n, n);
        }
        self.policy.set_base(config.mode, hot);
        // These want to see code, and the same in each run.
        let generous = config.synchronous || config.threshold.is_some() || config.explain.is_some();
        self.generous.set(generous);
        self.synchronous.set(generous);
        self.keep_text.set(self.log.borrow().is_some() || config.explain.is_some());
        self.print_stats.set(config.stats);
        match full && config.threshold.is_none() {
            true => Options { calls: SOON, iterations: SOON, ..hot },
            false => hot,
        }
    }
}

/// Attaches the JIT to an interpreter.
///
/// # Errors
/// One line that says why there will be none.
pub(crate) fn attach(vm: &VirtualMachine, config: &JitConfig, lowering: Box<dyn Lowering>) -> Result<(), String> {
    let layout = crate::layout::probe(vm)?.clone();
    let log = match &config.log {
        Some(path) => Some(std::fs::File::create(path).map_err(|e| format!("{}: {e}", path.display()))?),
        None => None,
    };
    let jit = Jit::new(vm, layout, lowering, log, Cache::new(config.code_bytes));
    let options = jit.configure(config);
    if !jit.synchronous.get() && config.mode != JitMode::Full {
        jit.lowering.borrow_mut().warm_up(crate::runtime::address);
    }
    let code = jit.lowering.borrow().code_range().unwrap_or_default();
    let record = jit.record.clone();
    let attached = hooks::install(vm, Box::new(jit), options)?;
    record.start(attached, config, code);
    Ok(())
}

/// Changes the settings of an interpreter's JIT before a program runs, if there is one. False if there is none.
pub(crate) fn reconfigure(vm: &VirtualMachine, config: &JitConfig) -> bool {
    let Some((attached, jit)) = Jit::of(vm) else { return false };
    let (before, options) = (attached.options(), jit.configure(config));
    if (before.calls, before.iterations) != (options.calls, options.iterations) {
        attached.set_options(options);
        attached.each_code(|code, _| prepare::sites(code).for_each(Site::recount));
    }
    let code = jit.lowering.borrow().code_range().unwrap_or_default();
    jit.record.start(attached, config, code);
    true
}

/// The program has ended: writes its explanation and gives the statistics, where they were asked for.
pub(crate) fn report(vm: &VirtualMachine) -> Option<String> {
    let attached = Attached::of(vm)?;
    let driver = attached.driver();
    driver.finish(attached);
    driver.report(attached)
}

impl Driver for Jit {
    fn object(&self, id: ObjId) -> &PyObject {
        self.object(id)
    }

    fn hot(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Hot {
        self.attached.set(Some(site.attached()));
        self.vm.set(vm);
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
        self.vm.set(vm);
        self.receive_done();
    }

    fn look(&self) {
        self.lowering.borrow_mut().look();
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }

    fn exited(&self, site: &Site, frame: FrameRef, exit: &Exited<'_>, vm: &VirtualMachine) {
        self.vm.set(vm);
        self.attached.set(Some(site.attached()));
        let info = exit.info;
        let Some(inner) = info.state.frames.last() else { return };
        let held = self.returns_held(info, frame);
        if matches!(info.kind, ExitKind::Guard(Reason::Poll)) && !held {
            // Nothing to learn.
            let mut stats = self.stats.borrow_mut();
            *stats.exits.entry(reason_name(Reason::Poll)).or_default() += 1;
            *stats.exit_places.entry((inner.code, inner.pc, reason_name(Reason::Poll))).or_default() += 1;
            return;
        }
        let (stack, first_met) = self.observe(info, exit.record, frame);
        if first_met && matches!(info.kind, ExitKind::Guard(Reason::Shape)) {
            // The interpreter made the object and had no use for a stamp. It has one now.
            *self.stats.borrow_mut().exits.entry("stamp").or_default() += 1;
            let mut profile = self.profile.borrow_mut();
            let p = profile.entry((inner.code, inner.pc)).or_default();
            p.without_stamp += 1;
            if p.without_stamp != MANY_WITHOUT_STAMP {
                return;
            }
        }
        let lacks_stamps = first_met && matches!(info.kind, ExitKind::Guard(Reason::Shape));
        // The unit whose exit it is: a function version, or the entry itself.
        let version = self
            .function_exits
            .borrow()
            .iter()
            .rev()
            .find(|(first, n, _)| *first <= exit.number && exit.number < first + n)
            .map(|(_, _, key)| key.clone());
        let entered = self.units.borrow()[exit.version.tag as usize].clone();
        self.receive_done();
        if let Some((replaces, Some(unit))) = self.arrived(site) {
            self.put(site, unit, replaces);
        }
        let unit = match &version {
            Some(key) => self.version(key),
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
            None => lacks_stamps || self.exit_taken(&unit, (inner.code, inner.pc), info.kind, stack, exit.turns),
        };
        let expected = entered.retired.get()
            || version.as_ref().is_some_and(|key| self.expects_version(key))
            || self.background.expects(site);
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
        self.log(format_args!(
            "rebuilding for an exit at {} of {}: {:?}",
            inner.pc,
            psycore_jit::oracle::Oracle::describe(self, inner.code),
            info.kind
        ));
        self.stats.borrow_mut().rebuilds += 1;
        if !self.rebuild(site, frame, exit.version.tag, &entered, version.map(|key| (key, &*unit))) {
            unit.wait.set(RETRY);
            self.count_useless(site, exit);
        }
    }

    fn explained(&self, attached: &Attached) -> Option<crate::explain::Report> {
        self.record.explains().then(|| crate::explain::report::collect(&self.record, self, attached, None, ""))
    }

    fn finish(&self, attached: &Attached) {
        self.record.finish(self, attached);
    }

    fn report(&self, attached: &Attached) -> Option<String> {
        self.print_stats.get().then(|| self.statistics(attached))
    }

    unsafe fn enter(
        &self,
        version: &hooks::Version,
        ctx: *mut psycore_jit::runtime_context::RuntimeContext,
        args: *mut u64,
    ) -> i32 {
        let lowering: *const dyn Lowering = {
            let borrowed = self.lowering.borrow();
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
            return unit.retired.get() || self.expects_version(&key);
        }
        if entered.rebuilds.get() >= MAX_BUILDS || !at_once && self.is_too_expensive(&entered.request) {
            return false;
        }
        // What the frame holds now is like what it held when the code was made: cells are even the same.
        self.sample_locals(frame);
        let place = Place::Site(site.key(), Some(tag));
        match self.compile(&entered.request, place, entered.rebuilds.get() + 1, at_once) {
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
            None => self.background.job_for(site).map(Hot::AfterJob),
        }
    }

    /// Whether to wait for code that begins outside of a loop, at the outermost place around it that is reached again
    /// soon: it has the loop in it and all of its surroundings seen, where code for the loop alone would be left after
    /// a few turns.
    fn leave_to_outer(&self, site: &Site, frame: FrameRef) -> bool {
        let SiteKind::Loop { back_edge, header } = site.kind else { return false };
        if self.generous.get() || !site.versions().is_empty() {
            return false;
        }
        // SAFETY: the frame is the current one.
        let code = unsafe { frame.code() };
        let around = |s: &&Site| match s.kind {
            SiteKind::Entry { .. } => true,
            SiteKind::Loop { back_edge: b, header: h } => h < header && b > back_edge,
            SiteKind::Inner | SiteKind::Planted => false,
        };
        let often = |s: &&Site| s.counted() >= SEEN_ENOUGH && site.counted() < FEW_TURNS * s.counted();
        let first = |s: &&Site| if let SiteKind::Loop { header, .. } = s.kind { header + 1 } else { 0 };
        let Some(outer) = prepare::sites(code).filter(around).filter(often).min_by_key(first) else { return false };
        if self.background.expects(outer) {
            return true;
        }
        // Not for ever: the outer code may not fit, or not be reached.
        let patience = if outer.versions().is_empty() { 2 } else { 3 };
        if site.counted() >= patience * u64::from(site.initial()) {
            return false;
        }
        outer.urge(1);
        true
    }

    /// Gives a site another version, in place of the one with a tag if there is one.
    fn put(&self, site: &Site, unit: Rc<Compiled>, replaces: Option<u64>) {
        let new = self.install(unit);
        let mut versions = site.versions().to_vec();
        match versions.iter_mut().find(|v| Some(v.tag) == replaces) {
            Some(old) => {
                let old = std::mem::replace(old, new);
                let old = self.units.borrow()[old.tag as usize].clone();
                self.cache.retire(&old);
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
        let units = self.units.borrow();
        let earlier: Vec<Rc<Compiled>> = old.iter().map(|v| units[v.tag as usize].clone()).collect();
        drop(units);
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
        match self.compile(&request, Place::Site(site.key(), None), 0, site.prepared.rules.is_bound()) {
            Attempt::Compiled(unit) => {
                self.put(site, unit, None);
                Hot::Installed
            }
            Attempt::Begun => self.background.job_for(site).map_or(Hot::Later(UNTIL_THERE), Hot::AfterJob),
            Attempt::NotNow => Hot::Later(5000),
            Attempt::Never => Hot::Never,
        }
    }

    /// Compiling may take a part of the run time only.
    pub fn over_budget(&self) -> bool {
        self.background.is_full() || self.time_left().is_zero()
    }

    /// How long the program may be kept waiting for the compiler now.
    fn time_left(&self) -> Duration {
        let Some(attached) = self.attached.get() else { return Duration::MAX };
        let stats = self.stats.borrow();
        let account = Account {
            compile_time: stats.compile_time + self.compiling_since.get().map_or(Duration::ZERO, |t| t.elapsed()),
            // SAFETY: the context is this thread's; compiled code waits while this runs.
            turns: unsafe { (*attached.ctx()).polls() },
            entries: attached.entered(),
            exits: stats.exits.values().sum(),
            generous: self.generous.get(),
        };
        account.left(self.started)
    }

    fn install(&self, c: Rc<Compiled>) -> hooks::Version {
        let mut units = self.units.borrow_mut();
        units.push(c.clone());
        hooks::Version { entry: c.entry, handle: c.handle, func: 0, tag: units.len() as u64 - 1 }
    }
}
