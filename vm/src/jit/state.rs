//! The state of one interpreter's JIT: [`Jit`] composes the parts, each of which owns what it knows.

use super::budget::{Account, Budget, work_in};
use super::cache::Cache;
use super::config::{JitConfig, JitMode};
use super::log::Log;
use super::objects::Objects;
use super::oracle::tables::builtins::{Builtins, known};
use super::oracle::tables::classes::ClassTable;
use super::oracle::tables::codes::Codes;
use super::oracle::tables::samples::LiveSamples;
use super::policy::{Policy, SOON};
use super::profile::Profiles;
use super::queue::Queue;

use super::record::Record;
use super::shapes::Shapes;
use super::stats::Statistics;
use super::units::{Entries, FunctionVersions};
use crate::hook::{Attached, Thresholds};
use psycore_jit::ir::ObjId;
use psycore_jit::layout::Layout;
use psycore_jit::lower::Lowering;
use psycore_jit::oracle::{Known, ObjectOracle};
use psycore_jit::specialize::{Joins, Request, UnitLimits};
use rustpython_vm::{PyObject, VirtualMachine};
use std::any::Any;
use std::cell::{Cell, RefCell, RefMut};
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// The JIT of one interpreter.
pub struct Jit {
    /// Where the VM is while the JIT works (it may move between two runs).
    vm: Cell<*const VirtualMachine>,
    attached: Cell<Option<&'static Attached>>,
    /// Compilations begun so far: the clock by which units and profiles are dated.
    compilations: Cell<u64>,
    pub layout: Arc<Layout>,
    lowering: RefCell<Box<dyn Lowering>>,

    // What the specializer asks about.
    pub known: Known,
    pub objects: Objects,
    pub shapes: Shapes,
    pub codes: Codes,
    pub builtins: Builtins,
    pub classes: ClassTable,
    /// Live objects that the compilation going on may look at.
    pub samples: LiveSamples,
    pub profiles: Profiles,
    /// What loops were found to carry.
    pub joins: RefCell<Joins>,

    // What was compiled, and what is on its way.
    pub entries: Entries,
    pub versions: FunctionVersions,
    pub cache: Cache,
    pub queue: Queue,

    // What may be compiled.
    pub policy: Policy,
    pub budget: Budget,

    // What is told of it.
    pub stats: Statistics,
    pub record: Record,
    pub log: Log,
}

impl Jit {
    /// That of an interpreter, turned off or not, and what it is attached with.
    pub fn of(vm: &VirtualMachine) -> Option<(&'static Attached, &'static Jit)> {
        let attached = Attached::of(vm)?;
        let driver: &dyn Any = attached.driver();
        Some((attached, driver.downcast_ref()?))
    }

    /// The state for a VM that has just been entered. At most so many bytes of code, if that is said.
    pub fn new(
        vm: &VirtualMachine,
        layout: Layout,
        lowering: Box<dyn Lowering>,
        log: Option<File>,
        code_bytes: Option<usize>,
    ) -> Self {
        let objects = Objects::default();
        Jit {
            vm: Cell::new(vm),
            attached: Cell::new(None),
            compilations: Cell::new(0),
            layout: Arc::new(layout),
            lowering: RefCell::new(lowering),
            known: known(vm, |o| objects.id_of(o)),
            shapes: Shapes::default(),
            codes: Codes::default(),
            builtins: Builtins::new(vm, |o| objects.id_of(o)),
            classes: ClassTable::default(),
            samples: LiveSamples::default(),
            profiles: Profiles::default(),
            joins: RefCell::default(),
            objects,
            entries: Entries::default(),
            versions: FunctionVersions::default(),
            cache: Cache::new(code_bytes),
            queue: Queue::default(),
            policy: Policy::new(),
            budget: Budget::new(),
            stats: Statistics::default(),
            record: Record::default(),
            log: Log::new(log),
        }
    }

    pub fn vm(&self) -> &VirtualMachine {
        // SAFETY: set whenever the VM calls the JIT, and used only until that call returns.
        unsafe { &*self.vm.get() }
    }

    /// The VM calls the JIT.
    pub fn set_vm(&self, vm: &VirtualMachine) {
        self.vm.set(vm);
    }

    /// The JIT's hold on the interpreter, once it has been asked for anything.
    pub fn attached(&self) -> Option<&'static Attached> {
        self.attached.get()
    }

    pub fn set_attached(&self, attached: &'static Attached) {
        self.attached.set(Some(attached));
    }

    /// The backend. Not to be held while Python code may run.
    pub fn lowering(&self) -> RefMut<'_, Box<dyn Lowering>> {
        self.lowering.borrow_mut()
    }

    pub fn compilations(&self) -> u64 {
        self.compilations.get()
    }

    /// Another compilation begins. Gives its number.
    pub fn count_compilation(&self) -> u64 {
        self.compilations.set(self.compilations.get() + 1);
        self.compilations.get()
    }

    pub fn id_of(&self, obj: &PyObject) -> ObjId {
        self.objects.id_of(obj)
    }

    pub fn object(&self, id: ObjId) -> &PyObject {
        self.objects.get(id)
    }

    pub fn code_of(&self, request: &Request) -> ObjId {
        match request {
            Request::Entry { code, .. } => *code,
            Request::Function { func, .. } => self.function(*func).map_or(*func, |f| f.code),
        }
    }

    pub fn name_of(&self, request: &Request) -> String {
        match request {
            Request::Entry { code, pc, .. } => format!("{} at {pc}", self.describe(*code)),
            Request::Function { args, .. } => format!("{}{args:?}", self.describe(self.code_of(request))),
        }
    }

    /// What is compiled before it has proven hot gets less: compiling costs more than it runs. Where time is limited, so is
    /// the work.
    pub fn limits(&self) -> UnitLimits {
        let usual = UnitLimits::default();
        let instrs = if self.policy.takes_all() { usual.instrs / 4 } else { usual.instrs };
        let work = if self.budget.is_limited() { work_in(self.time_left()) } else { usize::MAX };
        // The stacks of engines are small.
        let framed_recursion = !cfg!(target_family = "wasm");
        UnitLimits { instrs, work, framed_recursion, ..usual }
    }

    /// Whether compiling something took too long before and still would.
    pub fn is_too_expensive(&self, request: &Request) -> bool {
        let Request::Entry { code, pc, .. } = request else { return false };
        !self.policy.takes_all() && self.budget.is_too_expensive((*code, *pc), self.time_left())
    }

    /// Compiling may take a part of the run time only.
    pub fn over_budget(&self) -> bool {
        self.queue.is_full() || self.time_left().is_zero()
    }

    /// How long the program may be kept waiting for the compiler now.
    pub fn time_left(&self) -> Duration {
        let Some(attached) = self.attached() else { return Duration::MAX };
        let counts = self.stats.counts();
        self.budget.left(Account {
            compile_time: counts.compile_time,
            // SAFETY: the context is this thread's; compiled code waits while this runs.
            turns: unsafe { (*attached.ctx()).polls() },
            entries: attached.activations.entered(),
            exits: counts.exits.values().sum(),
        })
    }

    /// Takes over what can be changed later. Gives the thresholds.
    pub fn configure(&self, config: &JitConfig) -> Thresholds {
        let mut hot = Thresholds::default();
        if let Some(n) = config.threshold {
            (hot.calls, hot.iterations) = (n, n);
        }
        self.policy.set_base(config.mode, hot);
        // These want to see code, and the same in each run.
        if config.strict {
            psycore_jit::guard::make_panics_fatal();
        }
        let generous = config.synchronous || config.threshold.is_some() || config.explain.is_some();
        self.budget.set_generous(generous);
        self.queue.set_synchronous(generous);
        self.log.set_explains(config.explain.is_some());
        self.stats.set_printed(config.stats);
        match config.mode == JitMode::Full && config.threshold.is_none() {
            true => Thresholds { calls: SOON, iterations: SOON },
            false => hot,
        }
    }

    /// Lets the lowering's thread get ready for its first unit, if there will be one.
    pub fn warm_up(&self) {
        if !self.queue.is_synchronous() && !self.policy.takes_all() {
            self.lowering().warm_up(crate::runtime::address);
        }
    }

    /// The addresses between which all machine code lies.
    pub fn code_range(&self) -> Range<usize> {
        self.lowering().code_range().unwrap_or_default()
    }
}
