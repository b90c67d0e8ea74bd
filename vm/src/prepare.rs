//! Prepared code: a code object with places where hooks can take over.
//!
//! Code that is about to run is cloned. The code objects in it (functions, most of which never run) are only *planted*:
//! the first thing that they do when they are called is to be prepared, in place. `code_view` lets users see
//! the original of either. No instruction moves, so that every
//! position that users can see (`tb_lasti`, `f_lasti`, lines, exception tables) is that of
//! the original:
//! - **Back-edges.** `JUMP_BACKWARD` is two units (more with `EXTENDED_ARG`); its first two become
//!   `LOAD_CONST hook; DELETE_ATTR 0`. The hook does the jump.
//! - **Entry of a function.** `RESUME` and the first unit after it become the same pair. The displaced
//!   instructions stand in a pad behind the code, from where a jump leads back. Where the first
//!   instruction can't be displaced (it is a jump target, a jump, or covered by a handler)
//!   there is no hook; such functions are entered through their loops.
//! - **Pads** behind the code: the entry's, `RETURN_VALUE`, `RERAISE 1`, and for frames that deopt makes (see `deopt`)
//!   `LOAD_CONST hook; DELETE_ATTR 0`, a call, and the same hook as the handler of what is raised in these two.
//!
//! A dead hook costs nothing: the original units are written back ([`Prepared::disarm`]).
//!
//! Planted code has `LOAD_CONST hook; DELETE_ATTR 0` in place of `RESUME` and the unit after it, and room for pads behind
//! it; what it was is in the inline caches of that room ([`planted::Planted`]). Before there is a second thread, or a tool that
//! watches, all planted code is prepared ([`prepare_planted`]).

mod linetable;
mod plan;
mod planted;

use crate::hooks::{Attached, Hook, Site, SiteKind};
use crate::layout::FrameRef;
use crate::policy::Rules;
pub(crate) use plan::SUSPENDS;
use plan::{Plan, plan, scan};
use planted::{Planted, plant_constants};
pub(crate) use planted::{finish, prepare_planted};
use psycore_jit::bytecode::{Instr, Opcode, RawUnit, base_opcode, decode};
use rustpython_compiler_core::SourceLocation;
use rustpython_compiler_core::bytecode::{
    CodeObject, CodeUnit, CodeUnits, ExceptionTableEntry, Instruction, OpArgByte, encode_exception_table,
};
use rustpython_vm::builtins::{PyCode, PyStrInterned};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, VirtualMachine};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Hooks are loaded by one unit, so their constants have numbers of one byte; 0 may be the docstring.
const MAX_HOOK_CONST: usize = 255;
/// Units behind planted code. The largest pads: `RESUME`, an instruction with its prefixes and caches, a jump back of
/// four units, a return, a raise, and for inner frames two hooks of three units and a call of four.
const PAD_ROOM: usize = 31;
/// Units of a hook with a prefix.
pub(crate) const HOOK_UNITS: u32 = 3;
/// Units of the call: its own and its caches.
const CALL_UNITS: u32 = 4;
/// Set beside two units.
const DIVERTED: u64 = 1 << 32;
/// A depth of the stack that no code has: handlers leave the stack as it is.
const WHOLE_STACK: u16 = u16::MAX;

/// Two units that a hook replaced.
#[derive(Debug)]
pub struct Patch {
    /// Index of the first.
    pub at: u32,
    /// Set while its site wants to be reached.
    live: AtomicBool,
    original: [u16; 2],
    armed: [u16; 2],
}

/// Where the pads are (unit indexes).
#[derive(Clone, Copy, Debug, Default)]
pub struct Pads {
    /// `RESUME` and the displaced first instruction, if the entry has a hook.
    pub entry: Option<EntryPad>,
    pub return_value: u32,
    /// `RERAISE 1`: takes the index of the unit that raised, and the exception, from the stack.
    pub reraise: u32,
    /// Runs the inner frames of a forged one.
    pub resume_inner: u32,
    /// A call of a function with as many arguments as it has parameters, which [`Prepared::write_call`] completes.
    pub call: u32,
    /// Handles what is raised in the two pads before it: takes the index of the last unit in flight, and the exception,
    /// from the stack.
    pub raised: u32,
}

/// The displaced start of a function.
#[derive(Clone, Copy, Debug)]
pub struct EntryPad {
    /// The original's `RESUME`; the displaced instruction follows it.
    pub first: u32,
    /// Units of the displaced instruction.
    pub units: u32,
    /// The copy of `RESUME`.
    pub resume: u32,
}

/// What was done to a code object. Shared by its hooks; found through [`of`].
#[derive(Debug)]
pub struct Prepared {
    /// Address of the clone.
    code: AtomicUsize,
    /// Sizes of the original.
    pub units: u32,
    pub consts: u32,
    pub names: u32,
    pub linetable: u32,
    pub exceptiontable: u32,
    pub max_stackdepth: u32,
    pub pads: Pads,
    pub patches: Vec<Patch>,
    /// The units that [`Prepared::divert`] has replaced, and [`DIVERTED`]; 0 if there are none.
    diverted: AtomicU64,
    /// What the program has said about this code.
    pub(crate) rules: Rules,
    decoded: OnceLock<(Vec<Instr>, Vec<u32>)>,
    /// What calling a function of this code takes.
    pub(crate) target: OnceLock<crate::runtime::framed::Target>,
}

// SAFETY: all fields but the atomics are written before the value is shared.
unsafe impl Send for Prepared {}
// SAFETY: as above.
unsafe impl Sync for Prepared {}

/// The hooks in a code object: its entry's and its loops'.
pub(crate) fn sites(code: &Py<PyCode>) -> impl Iterator<Item = &Site> {
    let first = of(code).map_or(usize::MAX, |p| p.consts as usize);
    code.code
        .constants
        .iter()
        .skip(first)
        .filter_map(|k| Hook::downcast(k.as_object()))
        .map(|hook| &hook.site)
        .filter(|site| site.kind != SiteKind::Inner)
}

/// What was done to a code object; `None` if it is not a prepared one.
pub fn of(code: &Py<PyCode>) -> Option<&Arc<Prepared>> {
    // The last constant of prepared code is always a hook.
    last_hook(code).filter(|site| site.kind != SiteKind::Planted).map(|site| &site.prepared)
}

fn last_hook(code: &Py<PyCode>) -> Option<&Site> {
    let last: &PyObject = code.code.constants.last()?.as_object();
    Some(&Hook::downcast(last)?.site)
}

impl Prepared {
    /// Of no code.
    pub(crate) fn none() -> Arc<Prepared> {
        Arc::new(Prepared {
            code: AtomicUsize::new(0),
            units: 0,
            consts: 0,
            names: 0,
            linetable: 0,
            exceptiontable: 0,
            max_stackdepth: 0,
            pads: Pads::default(),
            patches: Vec::new(),
            diverted: AtomicU64::new(0),
            rules: Rules::default(),
            decoded: OnceLock::new(),
            target: OnceLock::new(),
        })
    }

    /// The clone.
    ///
    /// # Safety
    /// It must be alive: it is while a frame or a function runs it.
    pub unsafe fn code<'a>(&self) -> &'a Py<PyCode> {
        // SAFETY: set when the clone was made; the caller says that it still exists.
        unsafe { &*(self.code.load(Ordering::Relaxed) as *const Py<PyCode>) }
    }

    /// The units of the original as decoding takes them: hooks and pads are not there.
    pub fn original_units(&self, code: &Py<PyCode>) -> Vec<RawUnit> {
        let mut raw = Vec::with_capacity(self.units as usize);
        let mut i = 0;
        while i < self.units {
            let unit = self.original_unit(code, i);
            let op = base_opcode(unit.op);
            raw.push(RawUnit { op, arg: u32::from(u8::from(unit.arg)), whole: false });
            let caches = op.cache_entries() as u32;
            for _ in 0..caches {
                raw.push(RawUnit { op: Opcode::Cache, arg: 0, whole: false });
            }
            i += 1 + caches;
        }
        raw.truncate(self.units as usize);
        raw
    }

    /// The unit of the original at an index.
    pub fn original_unit(&self, code: &Py<PyCode>, index: u32) -> CodeUnit {
        for p in &self.patches {
            if index == p.at || index == p.at + 1 {
                return unit_of(p.original[(index - p.at) as usize]);
            }
        }
        code.code.instructions.read_unit(index as usize)
    }

    /// Where the unit at `pc` of the original really runs and keeps its inline caches: the
    /// entry's first instruction lies in its pad.
    pub fn live_index(&self, pc: u32) -> u32 {
        match self.pads.entry {
            Some(e) if pc == e.first => e.resume,
            Some(e) if pc > e.first && pc <= e.first + e.units => e.resume + (pc - e.first),
            _ => pc,
        }
    }

    /// The instruction that a unit belongs to: its first unit (prefixes included), its own unit and the
    /// first one after its caches.
    pub fn instr_at(&self, code: &Py<PyCode>, pc: u32) -> Option<Instr> {
        let (instrs, at) = self.decoded.get_or_init(|| decode(&self.original_units(code)));
        // A unit in the middle of prefixes or caches belongs to the instruction before it.
        let mut i = pc as usize;
        loop {
            match at.get(i)? {
                &u32::MAX => i = i.checked_sub(1)?,
                &n => return instrs.get(n as usize).copied(),
            }
        }
    }

    /// Where to set `lasti` so that the interpreter runs the instruction at `pc`.
    pub fn resume_index(&self, code: &Py<PyCode>, pc: u32) -> u32 {
        let first = self.instr_at(code, pc).map_or(pc, |i| i.pc);
        self.live_index(first)
    }

    /// Where to set `lasti` so that the interpreter goes on after the instruction at `pc`.
    pub fn after_index(&self, code: &Py<PyCode>, pc: u32) -> u32 {
        let next = self.instr_at(code, pc).map_or(pc + 1, |i| i.next);
        match self.pads.entry {
            // The displaced instruction is followed by the jump back; nothing else begins there.
            Some(e) if next > e.first && next <= e.first + e.units => self.live_index(next),
            _ => next,
        }
    }

    /// The header of the loop whose back-edge begins at unit `pc` of the original.
    pub fn back_edge_header(&self, code: &Py<PyCode>, pc: u32) -> Option<u32> {
        let instr = self.instr_at(code, pc)?;
        (instr.op == Opcode::JumpBackward).then(|| instr.target()).flatten()
    }

    /// Lets the pad's call be one of a function of that version with `args` arguments, the first of which counts as `self`.
    pub(crate) fn write_call(&self, code: &Py<PyCode>, args: u8, version: u32) {
        let (at, units) = (self.pads.call as usize, &code.code.instructions);
        // SAFETY: a valid unit and caches, in bounds. The pad runs next, and this is the only thread.
        unsafe {
            units.write_cache_u16(at, bits_of(unit(Opcode::CallPyExactArgs, args)));
            units.write_cache_u32(at + 2, version);
        }
    }

    /// Puts the hook for inner frames where the function's entry is, until [`Prepared::restore`]. False where that can't be, or
    /// is so already. Frames that are to begin in the usual way all the same go to [`EntryPad::resume`].
    pub(crate) fn divert(&self, code: &Py<PyCode>) -> bool {
        let (Some(entry), Ok(constant)) = (self.pads.entry, u8::try_from(code.code.constants.len() - 1)) else { return false };
        if self.diverted.load(Ordering::Relaxed) != 0 {
            return false;
        }
        let units = [0, 1].map(|i| code.code.instructions.read_cache_u16(entry.first as usize + i));
        self.diverted.store(DIVERTED | u64::from(units[0]) << 16 | u64::from(units[1]), Ordering::Relaxed);
        write_units(code, entry.first, hook_units(constant).map(bits_of));
        true
    }

    /// Puts back what was at the function's entry.
    pub(crate) fn restore(&self, code: &Py<PyCode>) {
        let units = self.diverted.swap(0, Ordering::Relaxed);
        if let Some(entry) = self.pads.entry
            && units != 0
        {
            write_units(code, entry.first, [(units >> 16) as u16, units as u16]);
        }
    }

    /// Writes the original units of a patch back. False if a frame of this thread stands
    /// between its two units (try again later).
    pub fn disarm(&self, patch: usize) -> bool {
        self.write(patch, |p| p.original)
    }

    /// Puts the hook back.
    pub fn arm(&self, patch: usize) -> bool {
        self.write(patch, |p| p.armed)
    }

    /// Says whether a patch is to be armed when nobody watches.
    pub fn set_live(&self, patch: usize, live: bool) {
        self.patches[patch].live.store(live, Ordering::Relaxed);
    }

    /// Whether a patch is to be armed when nobody watches.
    pub fn is_live(&self, patch: usize) -> bool {
        self.patches[patch].live.load(Ordering::Relaxed)
    }

    /// Whether the hook of a patch is in place.
    pub fn is_armed(&self, patch: usize) -> bool {
        let p = &self.patches[patch];
        // SAFETY: hooks hold this value, code holds hooks: whoever asks got here through the code.
        let code = unsafe { self.code() };
        // `LOAD_CONST` specializes itself, so the second unit decides.
        code.code.instructions.read_cache_u16(p.at as usize + 1) == p.armed[1]
    }

    fn write(&self, patch: usize, units: impl Fn(&Patch) -> [u16; 2]) -> bool {
        let p = &self.patches[patch];
        // SAFETY: as in `is_armed`.
        let code = unsafe { self.code() };
        let mut frame = FrameRef::current();
        while let Some(f) = frame {
            // SAFETY: frames of the chain are live.
            unsafe {
                // `lasti` is one past the instruction in flight: the first unit may have been
                // fetched already, and the second not yet.
                if std::ptr::eq(f.code(), code) && f.lasti() == p.at + 1 {
                    return false;
                }
                frame = f.previous();
            }
        }
        let [a, b] = units(p);
        if self.diverted.load(Ordering::Relaxed) != 0 && self.pads.entry.is_some_and(|e| e.first == p.at) {
            self.diverted.store(DIVERTED | u64::from(a) << 16 | u64::from(b), Ordering::Relaxed);
        } else {
            write_units(code, p.at, [a, b]);
        }
        true
    }
}

/// Replaces two units.
fn write_units(code: &Py<PyCode>, at: u32, [a, b]: [u16; 2]) {
    // SAFETY: all callers write valid units, in bounds, and no frame stands between them. Other threads:
    // see `aside` (nothing is patched while there are any).
    unsafe {
        code.code.instructions.write_cache_u16(at as usize + 1, b);
        code.code.instructions.write_cache_u16(at as usize, a);
    }
}

fn unit_of(bits: u16) -> CodeUnit {
    let [op, arg] = bits.to_ne_bytes();
    match Instruction::try_from(op) {
        Ok(op) => CodeUnit::new(op, OpArgByte::from(arg)),
        // Bits of a unit that was read as an instruction before; can't fail.
        Err(_) => CodeUnit::new(Instruction::from(Opcode::Nop), OpArgByte::from(0)),
    }
}

fn bits_of(unit: CodeUnit) -> u16 {
    u16::from_ne_bytes([u8::from(unit.op), u8::from(unit.arg)])
}

fn unit(op: Opcode, arg: u8) -> CodeUnit {
    CodeUnit::new(Instruction::from(op), OpArgByte::from(arg))
}

/// Prepared clones of what was run lately, by identity. Small: what runs again and again is a
/// function, and functions hold their own code.
#[derive(Default)]
pub struct Cache {
    recent: RefCell<Vec<(PyRef<PyCode>, PyRef<PyCode>)>>,
    next: Cell<usize>,
}

const CACHE_SIZE: usize = 32;

/// The prepared clone of a code object (itself if it is one, or if there is nothing to prepare).
pub fn prepare(a: &'static Attached, vm: &VirtualMachine, code: &PyRef<PyCode>) -> PyRef<PyCode> {
    if of(code).is_some() || !a.may_prepare(vm) {
        return code.clone();
    }
    if Planted::of(code).is_some() {
        finish(a, vm, code);
        return code.clone();
    }
    let cache = a.prepared();
    if let Some((_, p)) = cache.recent.borrow().iter().find(|(o, _)| o.is(code)) {
        return p.clone();
    }
    let prepared = clone(a, vm, code);
    if !prepared.is(code) {
        let entry = (code.clone(), prepared.clone());
        let dropped = {
            let mut recent = cache.recent.borrow_mut();
            if recent.len() < CACHE_SIZE {
                recent.push(entry);
                None
            } else {
                let i = cache.next.get() % CACHE_SIZE;
                cache.next.set(i + 1);
                Some(std::mem::replace(&mut recent[i], entry))
            }
        };
        drop(dropped);
    }
    prepared
}

/// What reaches the hook in a constant.
fn hook_units(constant: u8) -> [CodeUnit; 2] {
    [unit(Opcode::LoadConst, constant), unit(Opcode::DeleteAttr, 0)]
}

/// What a plan adds to a code object, apart from its units.
struct Additions {
    locations: Box<[(SourceLocation, SourceLocation)]>,
    linetable: Box<[u8]>,
    exceptiontable: Box<[u8]>,
    constants: Vec<PyObjectRef>,
    prepared: Arc<Prepared>,
}

/// Makes the hooks of a plan for code with the first `constants` of its own. `units` is how many the code will have.
fn add(
    a: &'static Attached,
    vm: &VirtualMachine,
    code: &Py<PyCode>,
    (plan, original): (Plan, Planted),
    units: usize,
) -> Option<Additions> {
    let c = &code.code;
    let n = original.units as usize;
    let &location = c.locations.get(plan.place)?;
    let mut locations = Vec::with_capacity(units);
    locations.extend_from_slice(&c.locations[..n]);
    locations.resize(units, location);
    let mut linetable = c.linetable.to_vec();
    linetable::extend(
        &mut linetable,
        c.first_line_number.map_or(0, |l| l.get() as i32),
        (plan.units.len() - n) as u32,
        (location.0.line.get() as i32, location.1.line.get() as i32),
        (location.0.character_offset.to_zero_indexed() as u32, location.1.character_offset.to_zero_indexed() as u32),
        vm.state.config.settings.code_debug_ranges,
    );
    let Pads { resume_inner, raised, .. } = plan.pads;
    let handler = ExceptionTableEntry::new(resume_inner, raised, raised, WHOLE_STACK, true);
    let exceptiontable = [&*c.exceptiontable, &*encode_exception_table(&[handler])].concat();
    let mut constants: Vec<PyObjectRef> = Vec::with_capacity(plan.first_const + plan.sites.len() + 1);
    constants.extend(c.constants.iter().take(original.consts as usize).map(|k| k.as_object().to_owned()));
    if constants.is_empty() {
        constants.push(vm.ctx.none());
    }
    let prepared = Arc::new(Prepared {
        code: AtomicUsize::new(0),
        units: original.units,
        consts: original.consts,
        names: original.names,
        linetable: c.linetable.len() as u32,
        exceptiontable: c.exceptiontable.len() as u32,
        max_stackdepth: original.max_stackdepth,
        pads: plan.pads,
        patches: plan.patches,
        diverted: AtomicU64::new(0),
        rules: Rules::default(),
        decoded: OnceLock::new(),
        target: OnceLock::new(),
    });
    for (i, (_, kind)) in plan.sites.iter().enumerate() {
        constants.push(Hook::create(vm, Site::new(a, prepared.clone(), *kind, i)));
    }
    constants.push(Hook::create(vm, Site::new(a, prepared.clone(), SiteKind::Inner, usize::MAX)));
    Some(Additions {
        locations: locations.into_boxed_slice(),
        linetable: linetable.into_boxed_slice(),
        exceptiontable: exceptiontable.into_boxed_slice(),
        constants,
        prepared,
    })
}

/// Names, of which `DELETE_ATTR 0` needs one.
fn some_names(vm: &VirtualMachine, names: &[&'static PyStrInterned]) -> Box<[&'static PyStrInterned]> {
    if names.is_empty() { Box::new([vm.ctx.intern_str("psycore")]) } else { names.into() }
}

/// A hook on top of the deepest stack; index and exception on an empty one.
fn stack_with_hooks(depth: u32) -> u32 {
    depth.max(1) + 2
}

/// A prepared clone, or the code itself if only what lies in it can have hooks.
fn clone(a: &'static Attached, vm: &VirtualMachine, code: &PyRef<PyCode>) -> PyRef<PyCode> {
    plant_constants(a, vm, code);
    let c = &code.code;
    let original = Planted {
        units: c.instructions.len() as u32,
        consts: c.constants.len() as u32,
        names: c.names.len() as u32,
        max_stackdepth: c.max_stackdepth,
        resume: 0,
        replaced: [0; 2],
    };
    let Some(plan) = scan(&c.instructions, c.instructions.len()).and_then(|s| plan(code, s, c.constants.len())) else {
        return code.clone();
    };
    let units = plan.units.clone();
    let Some(added) = add(a, vm, code, (plan, original), units.len()) else { return code.clone() };
    let clone = PyCode::new_ref_with_bag(
        vm,
        CodeObject {
            instructions: CodeUnits::from(units),
            locations: added.locations,
            flags: c.flags,
            posonlyarg_count: c.posonlyarg_count,
            arg_count: c.arg_count,
            kwonlyarg_count: c.kwonlyarg_count,
            source_path: c.source_path,
            first_line_number: c.first_line_number,
            max_stackdepth: stack_with_hooks(c.max_stackdepth),
            obj_name: c.obj_name,
            qualname: c.qualname,
            constants: added.constants.into_iter().map(Into::into).collect(),
            names: some_names(vm, &c.names),
            varnames: c.varnames.clone(),
            cellvars: c.cellvars.clone(),
            freevars: c.freevars.clone(),
            localspluskinds: c.localspluskinds.clone(),
            linetable: added.linetable,
            exceptiontable: added.exceptiontable,
        },
    );
    clone.set_source_path(code.source_path());
    added.prepared.code.store(&*clone as *const Py<PyCode> as usize, Ordering::Relaxed);
    a.remember(&clone, vm);
    clone
}

/// The exception table of the original.
pub fn exceptiontable(code: &Py<PyCode>) -> &[u8] {
    let all = &code.code.exceptiontable;
    &all[..of(code).map_or(all.len(), |p| p.exceptiontable as usize)]
}

/// The original of prepared or planted code, made anew; `None` if the code is one. What lies in it stays as it is unless
/// `deep`.
pub fn original(vm: &VirtualMachine, code: &Py<PyCode>, deep: bool) -> Option<PyRef<PyCode>> {
    let c = &code.code;
    let prepared = of(code);
    let planted = Planted::of(code);
    let (n, consts, names, max_stackdepth) = match (prepared, planted) {
        (Some(p), _) => (p.units, p.consts, p.names, p.max_stackdepth),
        (None, Some(p)) => (p.units, p.consts, p.names, p.max_stackdepth),
        (None, None) => (c.instructions.len() as u32, c.constants.len() as u32, c.names.len() as u32, c.max_stackdepth),
    };
    let linetable = prepared.map_or(c.linetable.len(), |p| p.linetable as usize);
    let mut changed = prepared.is_some() || planted.is_some();
    let constants: Vec<PyObjectRef> = c
        .constants
        .iter()
        .take(consts as usize)
        .map(|k| {
            let k: &PyObject = k.as_object();
            let inner = if deep { k.downcast_ref::<PyCode>().and_then(|inner| original(vm, inner, true)) } else { None };
            changed |= inner.is_some();
            inner.map_or_else(|| k.to_owned(), Into::into)
        })
        .collect();
    if !changed {
        return None;
    }
    let mut units = Vec::with_capacity(n as usize);
    let mut i = 0;
    while i < n {
        let u = match (prepared, &planted) {
            (Some(p), _) => p.original_unit(code, i),
            (None, Some(p)) => p.unit(code, i),
            (None, None) => c.instructions.read_unit(i as usize),
        };
        let op = base_opcode(u.op);
        units.push(unit(op, u8::from(u.arg)));
        for _ in 0..op.cache_entries() {
            units.push(unit(Opcode::Cache, 0));
            i += 1;
        }
        i += 1;
    }
    units.truncate(n as usize);
    let clone = PyCode::new_ref_with_bag(
        vm,
        CodeObject {
            instructions: CodeUnits::from(units),
            locations: c.locations[..n as usize].into(),
            flags: c.flags,
            posonlyarg_count: c.posonlyarg_count,
            arg_count: c.arg_count,
            kwonlyarg_count: c.kwonlyarg_count,
            source_path: code.source_path(),
            first_line_number: c.first_line_number,
            max_stackdepth,
            obj_name: c.obj_name,
            qualname: c.qualname,
            constants: constants.into_iter().map(Into::into).collect(),
            names: c.names[..names as usize].into(),
            varnames: c.varnames.clone(),
            cellvars: c.cellvars.clone(),
            freevars: c.freevars.clone(),
            localspluskinds: c.localspluskinds.clone(),
            linetable: c.linetable[..linetable].into(),
            exceptiontable: exceptiontable(code).into(),
        },
    );
    Some(clone)
}
