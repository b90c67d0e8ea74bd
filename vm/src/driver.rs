//! What decides: which code is compiled, from which live values, when again, and when no more.
//!
//! [`Jit`] is the state of one interpreter's JIT. It answers the specializer's questions (see
//! `oracle`), keeps the compiled units and learns from the exits they take.

use crate::budget::{self, Account, Ledger};
use crate::cache::{Cache, Depends};
use crate::compile::{Background, Place, Version, VersionKey};
use crate::exits::ExitInfo;
use crate::explain::Record;
use crate::explain::detail::Detail;
use crate::hooks::{self, Attached, Driver, Exited, Hot, Options, Site, SiteKind};
use crate::layout::FrameRef;
use crate::{JitConfig, JitMode};
use crate::objects::Objects;
use crate::policy::{Policy, SOON};
use crate::prepare;
use crate::shapes::Shapes;
use psycore_jit::bytecode::{CodeInfo, Opcode};
use psycore_jit::ir::{ExitKind, FnCell, ObjId, Reason};
use psycore_jit::layout::Layout;
use psycore_jit::lower::{CodeHandle, EntryFn, Lowering};
use psycore_jit::oracle::{Builtin, BuiltinMethod, Known, Pass, Sample, Seen};
use psycore_jit::specialize::{self, Joins, Limits, Live, Request};
use rustpython_vm::object::Traverse;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An exit at a place is looked into when it was taken this often...
const HOT_EXIT: u32 = 16;
/// ...that often if it raises what its own frame handles...
const OFTEN_RAISED: u32 = 4;
/// ...and a unit is built again at most so many times.
const MAX_BUILDS: u32 = 16;
/// So many instances that leave because nobody has given them a stamp are not the last ones.
pub(crate) const MANY_WITHOUT_STAMP: u32 = 64;
/// How often code is built again at a place because keys have changed, before it does without.
const MAX_RESHAPED: u32 = 6;
/// Calls and turns until code that was dropped may be compiled again.
const AFTER_USELESS: u32 = 200_000;
/// The same where it was to be built again, but compiling had taken its share of the time.
const AFTER_DENIED: u32 = 10_000;
/// About how long the specializer takes for an instruction.
const PER_INSTR: Duration = Duration::from_nanos(2500);
/// Instructions that it may always look at.
const LEAST_WORK: usize = 200;
/// Code around a loop has been run so often that it is known, and the loop goes round less often than so each time.
const SEEN_ENOUGH: u64 = 4;
const FEW_TURNS: u64 = 64;
/// Calls and turns until code is looked at again that took too much time.
const TOO_EXPENSIVE: u32 = 1000;
/// Calls and turns until somebody looks whether code has been made meanwhile.
const UNTIL_THERE: u32 = 20;
/// Classes that an instruction is specialized for at most.
const MAX_CLASSES: usize = 6;
/// Versions of an entry by the types of live values.
const MAX_VERSIONS: usize = 5;

/// What was learned at an instruction.
#[derive(Default)]
pub(crate) struct Profile {
    /// Classes of the topmost stack values, top first.
    pub seen: Vec<Seen>,
    /// What a build expected from live values, by depth.
    pub expected: Vec<Option<Seen>>,
    /// Classes of the topmost stack value, if exits have seen several.
    pub classes: Vec<ObjId>,
    /// There were too many of them.
    megamorphic: bool,
    /// Specializing went wrong: do it generally.
    pub distrusted: bool,
    /// It raises often, and some frame handles that.
    pub raises: bool,
    /// An exception handler that begins here has been met.
    pub handler_met: bool,
    /// Exits of instances whose dict had no stamp yet.
    pub without_stamp: u32,
    /// Rebuilds because the keys of a dict had changed.
    reshaped: u32,
    /// Exits since the last rebuild.
    pub exits: u32,
    /// What `seen` was when code was last rebuilt for this place, and when that was.
    pub rebuilt_for: Option<Vec<Seen>>,
    rebuilt_at: u64,
}

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

/// Counters for `--jit-stats` and `psyco.stats()`.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub units: u64,
    pub functions: u64,
    pub rebuilds: u64,
    pub refused: u64,
    pub code_bytes: u64,
    /// What compiling has kept the program waiting.
    pub compile_time: Duration,
    /// What the lowering's own thread has worked.
    pub background_time: Duration,
    pub exits: HashMap<&'static str, u64>,
    /// By code, position and reason.
    pub exit_places: HashMap<(ObjId, u32, &'static str), u64>,
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
    pub synchronous: bool,
    /// Whether there is time enough.
    generous: bool,
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
    pub keep_text: bool,
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
    /// The state for a VM that has just been entered.
    pub fn new(
        vm: &VirtualMachine,
        layout: Layout,
        lowering: Box<dyn Lowering>,
        log: Option<std::fs::File>,
        policy: Policy,
        cache: Cache,
    ) -> Self {
        let objects = Objects::new();
        let known = crate::oracle::known(vm, |o| objects.id_of(o));
        let jit = Jit {
            vm: Cell::new(vm),
            known,
            shapes: Shapes::new(layout.clone()),
            layout: Arc::new(layout),
            objects,
            attached: Cell::new(None),
            units: RefCell::default(),
            function_exits: RefCell::default(),
            started: Instant::now(),
            policy,
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
            synchronous: false,
            generous: false,
            background: Background::default(),
            compiling_since: Cell::new(None),
            limited: Cell::new(false),
            expensive: RefCell::default(),
            joins: RefCell::default(),
            stats: RefCell::default(),
            print_stats: Cell::new(false),
            record: Rc::default(),
            keep_text: log.is_some(),
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

    /// Counts an exit that the code took at an instruction. `stack` are the classes of the
    /// topmost values, top first. Says whether the unit should be built again.
    fn exit_taken(&self, unit: &Compiled, code: ObjId, pc: u32, kind: ExitKind, stack: Vec<Seen>) -> bool {
        let reason = match kind {
            ExitKind::Guard(r) | ExitKind::After(r) => r,
            ExitKind::Raise | ExitKind::Call => return false,
        };
        {
            let mut stats = self.stats.borrow_mut();
            *stats.exits.entry(reason_name(reason)).or_default() += 1;
            *stats.exit_places.entry((code, pc, reason_name(reason))).or_default() += 1;
        }
        if matches!(reason, Reason::Poll | Reason::Depth | Reason::Raise | Reason::Finalizer | Reason::Unsupported | Reason::Entry) {
            return false;
        }
        let mut profile = self.profile.borrow_mut();
        let p = profile.entry((code, pc)).or_default();
        p.exits += 1;
        if let (Some(now), Some(then)) = (stack.first(), p.seen.first().copied().or(p.expected.first().copied().flatten()))
            && now.ty != then.ty
            && matches!(reason, Reason::Type | Reason::Shape)
        {
            for ty in [then.ty, now.ty] {
                if p.megamorphic || p.classes.contains(&ty) {
                    continue;
                }
                p.classes.push(ty);
                if p.classes.len() > MAX_CLASSES {
                    p.classes.clear();
                    (p.megamorphic, p.distrusted) = (true, true);
                }
            }
        }
        let known = p.rebuilt_for.as_ref() == Some(&stack);
        // A unit that is older than what was learned here only has to catch up.
        let outdated = unit.made_at <= p.rebuilt_at;
        p.seen = stack;
        let limit = match reason {
            Reason::Error => HOT_EXIT * 20,
            Reason::Unseen => 3,
            _ => HOT_EXIT,
        };
        if p.exits < limit || unit.rebuilds.get() >= MAX_BUILDS {
            return false;
        }
        p.exits = 0;
        // The keys of a namespace change while a program begins.
        let known = known && !(reason == Reason::Shape && p.reshaped < MAX_RESHAPED);
        if reason == Reason::Shape {
            p.reshaped += 1;
        }
        if outdated && known {
            return true;
        }
        if known || reason == Reason::Overflow || reason == Reason::Error {
            if p.distrusted {
                return outdated;
            }
            p.distrusted = true;
        }
        p.rebuilt_for = Some(p.seen.clone());
        p.rebuilt_at = self.compilations.get();
        true
    }

    /// Counts an exit by which an exception is raised, if a frame that compiled code knows handles it. Says whether
    /// the unit should be built again: with the handler in it, or without the function that raises.
    fn raising_exit(&self, unit: &Compiled, exit: &Exited<'_>) -> Option<bool> {
        use psycore_jit::oracle::Oracle;
        let kind = exit.info.kind;
        let (inner, outer) = exit.info.state.frames.split_last()?;
        let handler = |f: &psycore_jit::ir::FrameDesc| self.code(f.code).and_then(|c| c.handler(f.pc).copied());
        let here = handler(inner);
        let raises = match kind {
            ExitKind::Raise | ExitKind::Guard(Reason::Error | Reason::Raise) => true,
            // Numbers in strs that are no numbers.
            ExitKind::Guard(Reason::Overflow) => {
                here.is_some() && self.code(inner.code).and_then(|c| c.instr(inner.pc).map(|i| i.op)) == Some(Opcode::Call)
            }
            _ => false,
        };
        let innermost = outer.is_empty() && exit.depth == 0;
        // What nobody handles is raised by compiled code itself, where its frame is the live one.
        let handled = here.is_some() || exit.depth > 0 || outer.iter().any(|f| handler(f).is_some());
        let out = innermost && matches!(kind, ExitKind::Raise | ExitKind::Guard(Reason::Raise));
        if !raises || !handled && !out {
            return None;
        }
        let name = if let ExitKind::Guard(r) = kind { reason_name(r) } else { "raise" };
        let mut stats = self.stats.borrow_mut();
        *stats.exits.entry(name).or_default() += 1;
        *stats.exit_places.entry((inner.code, inner.pc, name)).or_default() += 1;
        drop(stats);
        let mut profile = self.profile.borrow_mut();
        let p = profile.entry((inner.code, inner.pc)).or_default();
        p.exits += 1;
        let enough = match kind {
            ExitKind::Raise if here.is_some() => OFTEN_RAISED,
            _ if handled => HOT_EXIT,
            _ => HOT_EXIT * 4,
        };
        if p.exits < enough || unit.rebuilds.get() >= MAX_BUILDS {
            return Some(false);
        }
        p.exits = 0;
        // A unit that is older than what was learned here only has to catch up.
        let outdated = unit.made_at <= p.rebuilt_at;
        if p.raises {
            return Some(outdated);
        }
        p.raises = true;
        p.rebuilt_at = self.compilations.get();
        let nearest = exit.info.state.frames.iter().rev().find_map(|f| Some((f.code, handler(f)?.target)));
        if let Some(nearest) = nearest {
            profile.entry(nearest).or_default().handler_met = true;
        }
        Some(true)
    }

    /// The request for another version: locals whose class varies are taken as any object. Numbers are told
    /// apart for as long as `numbers` says so, since they live in registers; with objects, a version for each
    /// class that a loop happens to be entered with would only be its first turn.
    fn generalize(&self, request: &mut Request, earlier: &[&Request], numbers: bool) {
        let Request::Entry { locals, .. } = request else { return };
        let k = self.known;
        let number = |l: &Live| matches!(l, Live::Obj { seen, .. } if [k.int, k.float, k.bool_].contains(&seen.ty));
        for e in earlier {
            let Request::Entry { locals: old, .. } = e else { continue };
            for (l, o) in locals.iter_mut().zip(old) {
                if *l != *o && *l != Live::Null && *o != Live::Null && !(numbers && (number(l) || number(o))) {
                    *l = Live::Any;
                }
            }
        }
    }
}

/// Whether a range iterator is of the usual kind; see [`Live::Counting`].
///
/// # Safety
/// `address` is that of an exact range iterator.
unsafe fn counts(address: usize) -> bool {
    // SAFETY: the caller's promise.
    let Some([start, step, index, len]) = (unsafe { crate::layout::range_iterator(address) }) else { return false };
    let near = 0..specialize::FAR;
    step == 1 && near.contains(&start.wrapping_add(index)) && near.contains(&len.wrapping_sub(index))
}

/// The reason of an exit in a word.
pub(crate) fn reason_name(r: Reason) -> &'static str {
    match r {
        Reason::Type => "type",
        Reason::Shape => "shape",
        Reason::Value => "value",
        Reason::Overflow => "overflow",
        Reason::Error => "error",
        Reason::Unseen => "unseen",
        Reason::Unsupported => "unsupported",
        Reason::Entry => "entry",
        Reason::Poll => "poll",
        Reason::Depth => "depth",
        Reason::Finalizer => "finalizer",
        Reason::Iteration => "iteration",
        Reason::Raise => "raise",
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
    let full = config.mode == JitMode::Full;
    let mut hot = Options::default();
    if let Some(n) = config.threshold {
        (hot.calls, hot.iterations) = (n, n);
    }
    let mut options = hot;
    if full && config.threshold.is_none() {
        (options.calls, options.iterations) = (SOON, SOON);
    }
    let mut jit = Jit::new(vm, layout, lowering, log, Policy::new(hot, full), Cache::new(config.code_bytes));
    // These want to see code, and the same in each run.
    jit.generous = config.synchronous || config.threshold.is_some() || config.explain.is_some();
    jit.synchronous = jit.generous || std::thread::available_parallelism().is_ok_and(|n| n.get() == 1);
    if !jit.synchronous && !full {
        jit.lowering.borrow_mut().warm_up();
    }
    jit.keep_text |= config.explain.is_some();
    jit.print_stats.set(config.stats);
    let code = jit.lowering.borrow().code_range().unwrap_or_default();
    let record = jit.record.clone();
    let attached = hooks::install(vm, Box::new(jit), options)?;
    record.start(attached, config, code);
    Ok(())
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

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }

    fn exited(&self, site: &Site, frame: FrameRef, exit: &Exited<'_>, vm: &VirtualMachine) {
        self.vm.set(vm);
        self.attached.set(Some(site.attached()));
        let info = exit.info;
        let Some(inner) = info.state.frames.last() else { return };
        if matches!(info.kind, ExitKind::Guard(Reason::Poll)) {
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
        self.receive();
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
            None => lacks_stamps || self.exit_taken(&unit, inner.code, inner.pc, info.kind, stack),
        };
        let expected = entered.retired.get() || version.as_ref().is_some_and(|key| self.expects_version(key)) || self.background.expects(site);
        if !again || expected {
            self.count_useless(site, exit);
            return;
        }
        if !self.may_build(&site.prepared.rules) {
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
        let at_once = site.prepared.rules.is_bound();
        if let Some(key) = version
            && self.rebuild_version(&key, unit.rebuilds.get() + 1, at_once)
        {
            return;
        }
        if entered.rebuilds.get() >= MAX_BUILDS || !at_once && self.is_too_expensive(&entered.request) {
            return;
        }
        // What the frame holds now is like what it held when the code was made: cells are even the same.
        self.sample_locals(frame);
        let tag = exit.version.tag;
        let place = Place::Site(site.key(), Some(tag));
        if let Attempt::Compiled(unit) = self.compile(&entered.request, place, entered.rebuilds.get() + 1, at_once) {
            if site.versions().iter().any(|v| v.tag == tag) {
                self.put(site, unit, Some(tag));
            } else {
                self.cache.retire(&unit);
            }
        }
    }

    fn finish(&self, attached: &Attached) {
        self.record.finish(self, attached);
    }

    fn report(&self, attached: &Attached) -> Option<String> {
        self.print_stats.get().then(|| self.statistics(attached))
    }

    unsafe fn enter(&self, version: &hooks::Version, ctx: *mut psycore_jit::ctx::Ctx, args: *mut u64) -> i32 {
        let lowering: *const dyn Lowering = {
            let borrowed = self.lowering.borrow();
            &raw const **borrowed
        };
        // SAFETY: the caller's promise. No borrow is held: compiled code may call out and compile more.
        unsafe { (*lowering).enter(version.handle, version.func as usize, ctx, args) }
    }
}

impl Jit {
    /// Puts code in place that was begun for a site. What to answer, if there is some or will be.
    fn collect_code(&self, site: &Site) -> Option<Hot> {
        self.receive();
        match self.arrived(site) {
            Some((_, None)) => Some(Hot::Never),
            Some((replaces, Some(unit))) => {
                self.put(site, unit, replaces);
                Some(Hot::Installed)
            }
            None => self.background.expects(site).then_some(Hot::Later(UNTIL_THERE)),
        }
    }

    /// Whether to wait for code that begins outside of a loop, at the outermost place around it that is reached again
    /// soon: it has the loop in it and all of its surroundings seen, where code for the loop alone would be left after
    /// a few turns.
    fn leave_to_outer(&self, site: &Site, frame: FrameRef) -> bool {
        let SiteKind::Loop { back_edge, header } = site.kind else { return false };
        if self.generous || !site.versions().is_empty() {
            return false;
        }
        // SAFETY: the frame is the current one.
        let code = unsafe { frame.code() };
        let around = |s: &&Site| match s.kind {
            SiteKind::Entry { .. } => true,
            SiteKind::Loop { back_edge: b, header: h } => h < header && b > back_edge,
            SiteKind::Inner => false,
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
            Attempt::Begun => Hot::Later(UNTIL_THERE),
            Attempt::NotNow => Hot::Later(5000),
            Attempt::Never => Hot::Never,
        }
    }

    /// Code that leaves all the time, for a reason that building it again does not remove, goes.
    fn count_useless(&self, site: &Site, exit: &Exited<'_>) {
        if !matches!(
            exit.info.kind,
            ExitKind::Guard(r) | ExitKind::After(r) if !matches!(r, Reason::Poll | Reason::Depth | Reason::Raise)
        ) {
            return;
        }
        let unit = self.units.borrow()[exit.version.tag as usize].clone();
        unit.left.set(unit.left.get() + 1);
        let suspends = exit.turns == 0 && self.suspends(exit);
        let cost = if suspends { budget::SUSPENSION } else { budget::EXIT };
        if !unit.ledger.exit(cost, exit.turns, site.entered()) {
            return;
        }
        self.log(format_args!("dropped {}: it leaves all the time", self.name_of(&unit.request)));
        let rest: Vec<_> = site.versions().iter().filter(|v| v.tag != exit.version.tag).copied().collect();
        let none = rest.is_empty();
        site.set_versions(rest);
        if none {
            if suspends {
                // It will go on like this, and counting costs.
                site.give_up();
            } else {
                // Much later it may do something else. What waits for better code may have it sooner.
                site.set_counter(if unit.outdated.get() { AFTER_DENIED } else { AFTER_USELESS });
            }
        }
    }

    /// Whether the instruction that compiled code was left at suspends a generator.
    fn suspends(&self, exit: &Exited<'_>) -> bool {
        use psycore_jit::bytecode::Opcode;
        use psycore_jit::oracle::Oracle;
        let Some(inner) = exit.info.state.frames.last() else { return false };
        let code = self.code(inner.code);
        code.and_then(|c| c.instr(inner.pc).map(|i| i.op)).is_some_and(|op| matches!(op, Opcode::YieldValue | Opcode::Send))
    }

    /// Counters as text, one a line, with the places that compiled code left most often.
    fn statistics(&self, attached: &Attached) -> String {
        use psycore_jit::oracle::Oracle;
        use std::fmt::Write;
        let stats = self.stats.borrow();
        let mut out = String::new();
        let _ = writeln!(out, "units compiled      {} ({} versions of functions)", stats.units, stats.functions);
        let _ = writeln!(out, "compiled again      {}", stats.rebuilds);
        let _ = writeln!(out, "refused             {}", stats.refused);
        out += &self.record.shares();
        let _ = writeln!(
            out,
            "compile time        {:.1} ms, in the background {:.1} ms",
            stats.compile_time.as_secs_f64() * 1e3,
            stats.background_time.as_secs_f64() * 1e3
        );
        let _ = writeln!(out, "code                {} bytes", stats.code_bytes);
        let _ = writeln!(out, "entered             {}", attached.entered());
        let mut exits: Vec<_> = stats.exits.iter().collect();
        exits.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), **name));
        for (name, n) in exits {
            let _ = writeln!(out, "exits: {name:<12} {n}");
        }
        let mut places: Vec<_> = stats.exit_places.iter().collect();
        places.sort_by_key(|((_, pc, name), n)| (std::cmp::Reverse(**n), *pc, *name));
        for ((code, pc, name), n) in places.into_iter().take(20) {
            let op = self.code(*code).and_then(|c| c.instr(*pc).map(|i| format!("{:?}", i.op)));
            let line = self.line_of(*code, *pc);
            let _ = writeln!(
                out,
                "  {n:>8} {name} in {}, line {line}, {}",
                self.describe(*code),
                op.unwrap_or_default()
            );
        }
        out
    }

    /// The source line of a position.
    pub fn line_of(&self, code: ObjId, pc: u32) -> u32 {
        self.object(code)
            .downcast_ref::<rustpython_vm::builtins::PyCode>()
            .and_then(|c| c.code.locations.get(pc as usize).map(|l| l.0.line.get() as u32))
            .unwrap_or(0)
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
            generous: self.generous,
        };
        account.left(self.started)
    }

    fn install(&self, c: Rc<Compiled>) -> hooks::Version {
        let mut units = self.units.borrow_mut();
        units.push(c.clone());
        hooks::Version { entry: c.entry, handle: c.handle, func: 0, tag: units.len() as u64 - 1 }
    }

    /// Lets the next compilation look at what the frame's locals hold.
    fn sample_locals(&self, frame: FrameRef) {
        // SAFETY: the frame is the current one; its slots hold live objects or nothing.
        let samples = unsafe {
            (0..frame.nlocals())
                .map(|i| match *frame.slots().add(i) {
                    0 => None,
                    w => Some(self.take_sample(crate::layout::object_at(w))),
                })
                .collect()
        };
        self.local_samples.replace(samples);
    }

    /// The request for an entry at a site, from the live frame.
    fn request(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Option<Request> {
        // SAFETY: the frame is the current one, and nothing runs while its slots are looked at.
        unsafe {
            let code = frame.code();
            let iframe = frame.get();
            let n = frame.nlocals();
            let slots = frame.slots();
            let live = |word: usize| match word {
                0 => Live::Null,
                w => {
                    let obj = crate::layout::object_at(w);
                    Live::Obj { seen: self.seen(obj), unique: obj.strong_count() == 1 && crate::oracle::divides(vm, obj) }
                }
            };
            let iterated = |word: usize| match word {
                0 => None,
                w => self.live_iterator(crate::layout::object_at(w), vm),
            };
            let locals = (0..n).map(|i| live(*slots.add(i))).collect();
            let mut stack = Vec::new();
            for i in 0..frame.stack_len() {
                let slot = frame.stack_slot(i);
                if *slot & 1 != 0 {
                    // Borrowed from a local: compiled code takes references that stand by themselves.
                    let obj = crate::layout::object_at(*slot & !1);
                    *slot = crate::layout::disown(obj.to_owned());
                }
                stack.push(match iterated(*slot).unwrap_or_else(|| live(*slot)) {
                    Live::Obj { seen, unique: true } if seen.ty == self.known.range_iterator && counts(*slot) => Live::Counting,
                    other => other,
                });
            }
            let globals = iframe.globals().as_object();
            let function = code.code.flags.contains(rustpython_vm::bytecode::CodeFlags::OPTIMIZED);
            let module = !function && iframe.locals.get().is_some_and(|l| l.as_object().is(globals));
            if matches!(site.kind, SiteKind::Inner) {
                return None;
            }
            Some(Request::Entry {
                code: self.id_of(code.as_object()),
                globals: self.id_of(globals),
                builtins: self.id_of(iframe.builtins()),
                module,
                pc: site.pc(),
                locals,
                stack,
            })
        }
    }

    /// An iterator that compiled code can step by itself, if nobody else has it.
    fn live_iterator(&self, obj: &PyObject, vm: &VirtualMachine) -> Option<Live> {
        if obj.strong_count() != 1 || !crate::oracle::divides(vm, obj) {
            return None;
        }
        let t = &vm.ctx.types;
        let class = obj.class();
        if [t.range_iterator_type, t.list_iterator_type, t.str_iterator_type].iter().any(|c| class.is(*c)) {
            return Some(Live::Obj { seen: self.seen(obj), unique: true });
        }
        let mut parts = Vec::new();
        if class.is(t.enumerate_type) || class.is(t.zip_type) {
            obj.traverse(&mut |part| parts.push(self.live_iterator(part, vm)));
            if parts.is_empty() {
                return None;
            }
        } else if !crate::oracle::walks(vm, obj) {
            return None;
        }
        let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Live::Parts { ty: self.id_of(class.as_object()), parts })
    }

    /// The classes of the topmost stack values at an exit, top first; instances among them tell
    /// the usual shape of their class. Also whether the dict of one had no stamp so far.
    fn observe(&self, info: &ExitInfo, record: &[u64], frame: FrameRef) -> (Vec<Seen>, bool) {
        use psycore_jit::ir::Recipe;
        let Some(inner) = info.state.frames.last() else { return (Vec::new(), false) };
        let first_met = Cell::new(false);
        let k = self.known;
        let word = |v: &psycore_jit::ir::Value| record[v.index()];
        let object = |w: u64| {
            // SAFETY: an object word of a record is a live object.
            let obj = unsafe { crate::layout::object_at(w as usize) };
            first_met.set(first_met.get() | self.shapes.sample(obj, self.vm()));
            self.seen(obj)
        };
        let plain = |ty| Seen { ty, big: false };
        let depth = inner.stack.len();
        let stack = inner
            .stack
            .iter()
            .enumerate()
            .rev()
            .take(4)
            .map(|(i, r)| match r {
                Recipe::Owned(v) | Recipe::Borrowed(v) if word(v) != 0 => object(word(v)),
                Recipe::Int(_) => plain(k.int),
                Recipe::Float(_) => plain(k.float),
                Recipe::Bool(_) => plain(k.bool_),
                Recipe::Const(c) => self.seen(self.object(*c)),
                Recipe::Tuple(_) => plain(k.tuple),
                Recipe::Instance { class, .. } => plain(*class),
                Recipe::Keep if info.state.frames.len() == 1 => {
                    // SAFETY: the frame is live and has not been changed yet.
                    let w = unsafe { if i < frame.stack_len() { *frame.stack_slot(i) & !1 } else { 0 } };
                    if w == 0 { plain(k.object) } else { object(w as u64) }
                }
                _ => plain(k.object),
            })
            .take(depth)
            .collect();
        (stack, first_met.get())
    }
}
