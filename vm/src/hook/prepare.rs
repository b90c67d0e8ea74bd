//! Prepared code: a code object with places where hooks can take over.
//!
//! Code that is about to run is cloned. The code objects in it (functions, most of which never run) only become *lazy*:
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
//! Lazy code has `LOAD_CONST hook; DELETE_ATTR 0` in place of `RESUME` and the unit after it, and room for pads behind
//! it; what it was is in the inline caches of that room ([`Lazy`]). Before there is a second thread, or a tool that
//! watches, all lazy code is prepared (`lazy::prepare_all`).

use super::attached::Attached;
use super::lazy::{Lazy, finish, plant_constants};
use super::site::{Hook, Site, of};
use crate::code::linetable;
use crate::code::plan::{HookPlan, SiteKind, plan, scan};
use crate::code::prepared::{OriginalSizes, Pads, Prepared};
use crate::code::units::unit;
use psycore_jit::bytecode::{Opcode, base_opcode};
use rustpython_compiler_core::SourceLocation;
use rustpython_compiler_core::bytecode::{CodeObject, CodeUnits, ExceptionTableEntry, encode_exception_table};
use rustpython_vm::builtins::{PyCode, PyStrInterned};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, VirtualMachine};
use std::sync::Arc;

/// A depth of the stack that no code has: handlers leave the stack as it is.
const WHOLE_STACK: u16 = u16::MAX;

/// The code to run in place of `code`: with hooks, if there is a JIT.
pub fn prepared(vm: &VirtualMachine, code: &PyRef<PyCode>) -> PyRef<PyCode> {
    match Attached::of(vm) {
        Some(a) => prepare(a, vm, code),
        None => code.clone(),
    }
}

/// The prepared clone of a code object (itself if it is one, or if there is nothing to prepare).
pub fn prepare(a: &'static Attached, vm: &VirtualMachine, code: &PyRef<PyCode>) -> PyRef<PyCode> {
    if of(code).is_some() || !a.may_prepare(vm) {
        return code.clone();
    }
    if Lazy::of(code).is_some() {
        finish(a, vm, code);
        return code.clone();
    }
    if let Some(clone) = a.codes.recent(code) {
        return clone;
    }
    let prepared = clone(a, vm, code);
    if !prepared.is(code) {
        a.codes.add_recent(code.clone(), prepared.clone());
    }
    prepared
}

/// What a plan adds to a code object, apart from its units.
pub struct Additions {
    pub locations: Box<[(SourceLocation, SourceLocation)]>,
    pub linetable: Box<[u8]>,
    pub exceptiontable: Box<[u8]>,
    pub constants: Vec<PyObjectRef>,
    pub prepared: Arc<Prepared>,
}

/// Makes the hooks of a plan for code with the first `constants` of its own. `units` is how many the code will have.
pub fn add(
    a: &'static Attached,
    vm: &VirtualMachine,
    code: &Py<PyCode>,
    (plan, original): (HookPlan, Lazy),
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
    let sizes = OriginalSizes {
        units: original.units,
        consts: original.consts,
        names: original.names,
        linetable: c.linetable.len() as u32,
        exceptiontable: c.exceptiontable.len() as u32,
        max_stackdepth: original.max_stackdepth,
    };
    let prepared = Prepared::new(sizes, plan.pads, plan.patches);
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
pub fn some_names(vm: &VirtualMachine, names: &[&'static PyStrInterned]) -> Box<[&'static PyStrInterned]> {
    if names.is_empty() { Box::new([vm.ctx.intern_str("psycore")]) } else { names.into() }
}

/// A hook on top of the deepest stack; index and exception on an empty one.
pub fn stack_with_hooks(depth: u32) -> u32 {
    depth.max(1) + 2
}

/// A prepared clone, or the code itself if only what lies in it can have hooks.
fn clone(a: &'static Attached, vm: &VirtualMachine, code: &PyRef<PyCode>) -> PyRef<PyCode> {
    plant_constants(a, vm, code);
    let c = &code.code;
    let original = Lazy {
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
    added.prepared.set_code(&clone);
    a.codes.add(&clone);
    clone
}

/// The exception table of the original.
pub fn exceptiontable(code: &Py<PyCode>) -> &[u8] {
    let all = &code.code.exceptiontable;
    &all[..of(code).map_or(all.len(), |p| p.original.exceptiontable as usize)]
}

/// The original of prepared or lazy code, made anew; `None` if the code is one. What lies in it stays as it is unless
/// `deep`.
pub fn original(vm: &VirtualMachine, code: &Py<PyCode>, deep: bool) -> Option<PyRef<PyCode>> {
    let c = &code.code;
    let prepared = of(code);
    let lazy = Lazy::of(code);
    let (n, consts, names, max_stackdepth) = match (prepared, lazy) {
        (Some(p), _) => (p.original.units, p.original.consts, p.original.names, p.original.max_stackdepth),
        (None, Some(p)) => (p.units, p.consts, p.names, p.max_stackdepth),
        (None, None) => (c.instructions.len() as u32, c.constants.len() as u32, c.names.len() as u32, c.max_stackdepth),
    };
    let linetable = prepared.map_or(c.linetable.len(), |p| p.original.linetable as usize);
    let mut changed = prepared.is_some() || lazy.is_some();
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
        let u = match (prepared, &lazy) {
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
