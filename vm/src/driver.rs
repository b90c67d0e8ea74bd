//! What decides: which code is compiled, from which live values, when again, and when no more.
//!
//! [`Jit`] is the state of one interpreter's JIT. It answers the specializer's questions (see
//! `oracle`), keeps the compiled units and learns from the exits they take.

use crate::objects::Objects;
use crate::shapes::Shapes;
use psycore_jit::bytecode::CodeInfo;
use psycore_jit::ir::{ExitKind, FnCell, ObjId, Reason, Unit};
use psycore_jit::layout::Layout;
use psycore_jit::lower::{CodeHandle, EntryFn, LowerEnv, Lowering};
use psycore_jit::oracle::{Builtin, BuiltinMethod, FnVersion, Known, Pass, Seen};
use psycore_jit::passes::{self, PassOptions};
use psycore_jit::specialize::{self, Limits, Live, Refused, Request};
use rustpython_vm::{PyObject, VirtualMachine};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// An exit at a place is looked into when it was taken this often...
const HOT_EXIT: u32 = 16;
/// ...and units of one code object are rebuilt at most so many times.
const MAX_BUILDS: u32 = 40;
/// Versions of an entry by the types of live values.
const MAX_VERSIONS: usize = 5;

/// What was learned at an instruction.
#[derive(Default)]
pub(crate) struct Profile {
    /// Classes of the topmost stack values, top first.
    pub seen: Vec<Seen>,
    /// Specializing went wrong: do it generally.
    pub distrusted: bool,
    /// Exits since the last rebuild.
    pub exits: u32,
    /// What `seen` was when the code was last rebuilt for this place.
    pub rebuilt_for: Option<Vec<Seen>>,
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
    /// What it returns (versions of functions).
    pub ret: Option<Pass>,
}

/// A version of a function for compiled callers.
struct Version {
    cell: FnCell,
    /// `None` while it is being compiled, and when it can't be.
    compiled: Option<(Rc<Compiled>, Pass)>,
    failed: bool,
}

/// Counters for `--jit-stats` and `psyco.stats()`.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub units: u64,
    pub functions: u64,
    pub rebuilds: u64,
    pub refused: u64,
    pub code_bytes: u64,
    pub compile_time: Duration,
    pub entered: u64,
    pub exits: HashMap<&'static str, u64>,
}

/// The state of the JIT of one interpreter.
pub(crate) struct Jit {
    vm: *const VirtualMachine,
    pub known: Known,
    pub layout: Layout,
    objects: Objects,
    shapes: Shapes,
    lowering: RefCell<Box<dyn Lowering>>,
    pub codes: RefCell<HashMap<ObjId, Option<Rc<CodeInfo>>>>,
    pub profile: RefCell<HashMap<(ObjId, u32), Profile>>,
    pub builtins: RefCell<HashMap<ObjId, Builtin>>,
    pub builtin_methods: RefCell<HashMap<ObjId, BuiltinMethod>>,
    pub math_found: Cell<bool>,
    versions: RefCell<HashMap<(ObjId, Vec<Pass>), Version>>,
    cells: RefCell<Vec<Box<u64>>>,
    builds: RefCell<HashMap<ObjId, u32>>,
    pub stats: RefCell<Stats>,
    pub keep_text: bool,
    log: RefCell<Option<std::fs::File>>,
}

/// What came of an attempt to compile.
pub(crate) enum Attempt {
    Compiled(Rc<Compiled>),
    /// Not with what is known now.
    NotNow,
    Never,
}

impl Jit {
    pub fn vm(&self) -> &VirtualMachine {
        // SAFETY: the JIT is installed in this VM's thread and uninstalled before the VM goes.
        unsafe { &*self.vm }
    }

    pub fn id_of(&self, obj: &PyObject) -> ObjId {
        self.objects.id_of(obj)
    }

    pub fn object(&self, id: ObjId) -> &PyObject {
        self.objects.get(id)
    }

    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// A new word for the code of a function version.
    fn new_cell(&self) -> FnCell {
        let mut cells = self.cells.borrow_mut();
        cells.push(Box::new(0));
        FnCell(cells.len() as u32 - 1)
    }

    fn cell_address(&self, cell: FnCell) -> usize {
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

    /// Specializes, optimizes and lowers a request.
    pub fn compile(&self, request: &Request) -> Attempt {
        let started = Instant::now();
        self.find_math();
        let attempt = self.compile_timed(request);
        self.stats.borrow_mut().compile_time += started.elapsed();
        attempt
    }

    fn compile_timed(&self, request: &Request) -> Attempt {
        let out = match specialize::specialize(self, request, Limits::default()) {
            Ok(out) => out,
            Err(why) => {
                self.log(format_args!("refused {}: {why:?}", self.name_of(request)));
                self.stats.borrow_mut().refused += 1;
                return match why {
                    Refused::NeedsFrame | Refused::DontInline(_) | Refused::Returns(_) => Attempt::NotNow,
                    Refused::Unsupported(_) => Attempt::Never,
                };
            }
        };
        let mut unit = Unit { funcs: vec![out.func] };
        let before = self.keep_text.then(|| unit.to_string());
        if cfg!(debug_assertions) || self.keep_text {
            if let Err(e) = psycore_jit::ir::verify::verify(&unit) {
                self.log(format_args!("invalid IR for {}: {e}\n{unit}", self.name_of(request)));
                return Attempt::Never;
            }
        }
        passes::optimize(&mut unit, &PassOptions::default());
        let exit_base = self.exits_register(&unit);
        let lowered = {
            let obj_address = |o: ObjId| self.objects.address(o);
            let rt_address = crate::runtime::address;
            let cell_address = |c: FnCell| self.cell_address(c);
            let env = LowerEnv {
                layout: &self.layout,
                obj_address: &obj_address,
                rt_address: &rt_address,
                cell_address: &cell_address,
                exit_base,
            };
            self.lowering.borrow_mut().lower(&unit, &env, self.keep_text)
        };
        let lowered = match lowered {
            Ok(l) => l,
            Err(e) => {
                self.log(format_args!("not lowered {}: {e}", self.name_of(request)));
                return Attempt::Never;
            }
        };
        let exits = unit.funcs.iter().map(|f| f.exits.len() as u32).sum();
        let text = before.map(|b| format!("{b}\n; optimized\n{unit}"));
        if let Request::Function { cell, .. } = request {
            let mut cells = self.cells.borrow_mut();
            *cells[cell.index()] = lowered.cells[0];
        }
        let code = self.code_of(request);
        let mut stats = self.stats.borrow_mut();
        stats.units += 1;
        stats.code_bytes += lowered.bytes as u64;
        if matches!(request, Request::Function { .. }) {
            stats.functions += 1;
        }
        self.log(format_args!(
            "compiled {} ({} instructions, {} bytes, {exits} exits)",
            self.name_of(request),
            out.instrs,
            lowered.bytes
        ));
        Attempt::Compiled(Rc::new(Compiled {
            handle: lowered.handle,
            entry: lowered.entries.first().copied().flatten(),
            exit_base,
            exits,
            request: request.clone(),
            code,
            bytes: lowered.bytes,
            instrs: out.instrs,
            ir: text,
            listing: lowered.listing,
            ret: out.ret,
        }))
    }

    fn code_of(&self, request: &Request) -> ObjId {
        use psycore_jit::oracle::Oracle;
        match request {
            Request::Entry { code, .. } => *code,
            Request::Function { func, .. } => self.function(*func).map_or(*func, |f| f.code),
        }
    }

    fn name_of(&self, request: &Request) -> String {
        use psycore_jit::oracle::Oracle;
        match request {
            Request::Entry { code, pc, .. } => format!("{} at {pc}", self.describe(*code)),
            Request::Function { args, .. } => format!("{}{args:?}", self.describe(self.code_of(request))),
        }
    }

    /// A compiled version of a function; the specializer asks while it compiles a caller.
    pub fn compile_version(&self, func: ObjId, args: &[Pass]) -> Option<FnVersion> {
        let key = (func, args.to_vec());
        if let Some(v) = self.versions.borrow().get(&key) {
            return match (&v.compiled, v.failed) {
                (Some((_, ret)), false) => Some(FnVersion { cell: v.cell, ret: *ret }),
                _ => None,
            };
        }
        let cell = self.new_cell();
        self.versions.borrow_mut().insert(key.clone(), Version { cell, compiled: None, failed: false });
        let request = Request::Function { func, args: args.to_vec(), cell, ret: None };
        let attempt = self.compile_timed(&request);
        let mut versions = self.versions.borrow_mut();
        let v = versions.get_mut(&key)?;
        match attempt {
            Attempt::Compiled(c) => {
                // A function that never returns normally: callers need not call it directly.
                let Some(ret) = c.ret else {
                    v.failed = true;
                    return None;
                };
                v.compiled = Some((c, ret));
                Some(FnVersion { cell, ret })
            }
            _ => {
                v.failed = true;
                None
            }
        }
    }

    /// Counts an exit that the code took at an instruction. `stack` are the classes of the
    /// topmost values, top first. Says whether the unit should be built again.
    pub fn exit_taken(&self, code: ObjId, pc: u32, kind: ExitKind, stack: Vec<Seen>) -> bool {
        let reason = match kind {
            ExitKind::Guard(r) | ExitKind::After(r) => r,
            ExitKind::Raise | ExitKind::Call => return false,
        };
        *self.stats.borrow_mut().exits.entry(reason_name(reason)).or_default() += 1;
        if matches!(reason, Reason::Poll | Reason::Depth | Reason::Finalizer | Reason::Unsupported | Reason::Entry) {
            return false;
        }
        let mut profile = self.profile.borrow_mut();
        let p = profile.entry((code, pc)).or_default();
        p.exits += 1;
        p.seen = stack;
        let limit = match reason {
            Reason::Error => HOT_EXIT * 20,
            _ => HOT_EXIT,
        };
        if p.exits < limit {
            return false;
        }
        p.exits = 0;
        let known = p.rebuilt_for.as_ref() == Some(&p.seen);
        if known || reason == Reason::Overflow || reason == Reason::Error {
            if p.distrusted {
                return false;
            }
            p.distrusted = true;
        }
        p.rebuilt_for = Some(p.seen.clone());
        drop(profile);
        let mut builds = self.builds.borrow_mut();
        let n = builds.entry(code).or_default();
        *n += 1;
        *n <= MAX_BUILDS
    }

    /// How many entry versions a site may have.
    pub fn max_versions() -> usize {
        MAX_VERSIONS
    }

    /// The request for another version: locals whose class varies are taken as any object.
    pub fn generalize(request: &mut Request, earlier: &[&Request]) {
        let Request::Entry { locals, .. } = request else { return };
        for e in earlier {
            let Request::Entry { locals: old, .. } = e else { continue };
            for (l, o) in locals.iter_mut().zip(old) {
                if *l != *o && *l != Live::Null && *o != Live::Null {
                    *l = Live::Any;
                }
            }
        }
    }
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
    }
}
