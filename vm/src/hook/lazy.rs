//! Lazy code: functions that are prepared when they are first called.

use super::attached::Attached;
use super::prepare::{add, some_names, stack_with_hooks};
use super::site::{Hook, Site, last_hook};
use crate::code::plan::{SiteKind, is_function, plan, scan};
use crate::code::prepared::Prepared;
use crate::code::units::{MAX_HOOK_CONST, PAD_ROOM, bits_of, hook_units, unit, unit_of};
use crate::object::threads::alone;
use psycore_jit::bytecode::{Opcode, base_opcode};
use rustpython_compiler_core::bytecode::{CodeUnit, CodeUnits};
use rustpython_vm::builtins::PyCode;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};
use std::sync::atomic::Ordering;

/// What lazy code was before.
#[derive(Clone, Copy, Debug)]
pub struct Lazy {
    pub units: u32,
    pub consts: u32,
    pub names: u32,
    pub max_stackdepth: u32,
    /// Index of `RESUME`, which the hook replaces together with the unit after it.
    pub resume: u32,
    pub replaced: [u16; 2],
}

impl Lazy {
    /// `None` if the code is not lazy.
    pub fn of(code: &Py<PyCode>) -> Option<Lazy> {
        if last_hook(code)?.kind != SiteKind::Lazy {
            return None;
        }
        let at = &code.code.instructions;
        let units = at.len() - PAD_ROOM;
        let word = |i: usize| at.read_cache_ptr(units + i) as u32;
        Some(Lazy {
            units: units as u32,
            consts: word(0),
            names: word(1),
            max_stackdepth: word(2),
            resume: word(3),
            replaced: [word(4) as u16, word(5) as u16],
        })
    }

    /// Writes it where `of` finds it.
    fn write(&self, at: &CodeUnits) {
        let [a, b] = self.replaced.map(u32::from);
        self.fill(at, [self.consts, self.names, self.max_stackdepth, self.resume, a, b]);
    }

    fn fill(&self, at: &CodeUnits, words: [u32; 6]) {
        for (i, word) in words.into_iter().enumerate() {
            // SAFETY: in the room for pads, whose caches nobody uses yet; no pointer.
            unsafe { at.write_cache_ptr(self.units as usize + i, word as usize) };
        }
    }

    /// The unit of the original at an index.
    pub fn unit(&self, code: &Py<PyCode>, index: u32) -> CodeUnit {
        match index.wrapping_sub(self.resume) {
            i @ (0 | 1) => unit_of(self.replaced[i as usize]),
            _ => code.code.instructions.read_unit(index as usize),
        }
    }
}

/// Plants the code objects among the constants.
pub fn plant_constants(a: &'static Attached, vm: &VirtualMachine, code: &Py<PyCode>) {
    for k in code.code.constants.iter() {
        let k: &PyObject = k.as_object();
        if let Some(inner) = k.downcast_ref::<PyCode>() {
            plant(a, vm, inner);
        }
    }
}

/// Lets code that has never run be prepared by its first call.
pub fn plant(a: &'static Attached, vm: &VirtualMachine, code: &Py<PyCode>) {
    // Frames that somebody made already know where the units are, and how deep the stack may be.
    let used = code.quickened.load(Ordering::Relaxed) || code.as_object().strong_count() > 1;
    if used || last_hook(code).is_some() {
        return;
    }
    let c = &code.code;
    let n = c.instructions.len();
    let constant = c.constants.len().max(1);
    let has = |wanted: fn(Opcode) -> bool| {
        let mut i = 0;
        while i < n {
            let op = base_opcode(c.instructions.read_op(i));
            if wanted(op) {
                return Some(i);
            }
            i += 1 + op.cache_entries();
        }
        None
    };
    let wanted = is_function(code) || has(|op| op == Opcode::JumpBackward).is_some();
    let resume = has(|op| op == Opcode::Resume).filter(|r| r + 1 < n);
    let Some(resume) = resume.filter(|_| wanted && constant <= MAX_HOOK_CONST && c.locations.len() == n) else {
        return plant_constants(a, vm, code);
    };
    let mut units: Vec<CodeUnit> = Vec::with_capacity(n + PAD_ROOM);
    units.extend((0..n).map(|i| c.instructions.read_unit(i)));
    units.resize(n + PAD_ROOM, unit(Opcode::Nop, 0));
    let lazy = Lazy {
        units: n as u32,
        consts: c.constants.len() as u32,
        names: c.names.len() as u32,
        max_stackdepth: c.max_stackdepth,
        resume: resume as u32,
        replaced: [bits_of(units[resume]), bits_of(units[resume + 1])],
    };
    units[resume..resume + 2].copy_from_slice(&hook_units(constant as u8));
    let units = CodeUnits::from(units);
    lazy.write(&units);
    let mut constants: Vec<PyObjectRef> = c.constants.iter().map(|k| k.as_object().to_owned()).collect();
    if constants.is_empty() {
        constants.push(vm.ctx.none());
    }
    constants.push(lazy_hook(a, vm));
    let names = c.names.is_empty().then(|| some_names(vm, &c.names));
    let place = (&**code as *const PyCode).cast_mut();
    // SAFETY: only the outer code's constants hold it, and nobody looks at it meanwhile.
    unsafe {
        drop((&raw mut (*place).code.instructions).replace(units));
        drop((&raw mut (*place).code.constants).replace(constants.into_iter().map(Into::into).collect()));
        (&raw mut (*place).code.max_stackdepth).write(stack_with_hooks(lazy.max_stackdepth));
        if let Some(names) = names {
            drop((&raw mut (*place).code.names).replace(names));
        }
    }
    if alone(vm) {
        a.lazy.add(code);
    } else {
        // Two threads might come to its first call at once.
        finish(a, vm, code);
    }
}

/// Puts the hooks of lazy code in. The frame of its first call may be at its beginning. Gives the index of `RESUME`.
pub fn finish(a: &'static Attached, vm: &VirtualMachine, code: &Py<PyCode>) -> u32 {
    let Some(lazy) = Lazy::of(code) else { return 0 };
    plant_constants(a, vm, code);
    let c = &code.code;
    let at = &c.instructions;
    let n = lazy.units as usize;
    let write = |i: usize, bits: u16| {
        // SAFETY: in bounds, and a valid unit. No frame is beyond the hook, and this is the only thread.
        unsafe { at.write_cache_u16(i, bits) };
    };
    let [first, second] = lazy.replaced;
    write(lazy.resume as usize + 1, second);
    write(lazy.resume as usize, first);
    let plan = scan(at, n).and_then(|s| plan(code, s, lazy.consts as usize)).filter(|p| p.units.len() <= at.len());
    let units = plan.as_ref().map(|p| p.units.iter().map(|u| bits_of(*u)).collect::<Vec<u16>>());
    let added = plan.and_then(|plan| add(a, vm, code, (plan, lazy), at.len()));
    let place = (&**code as *const PyCode).cast_mut();
    let (Some(units), Some(added)) = (units, added) else {
        // What is left is code that was never lazy, but for its size.
        return lazy.resume;
    };
    // SAFETY: the units are where they were. Of the rest, instructions that run hold no parts; this is the only thread.
    unsafe {
        drop((&raw mut (*place).code.constants).replace(added.constants.into_iter().map(Into::into).collect()));
        drop((&raw mut (*place).code.locations).replace(added.locations));
        drop((&raw mut (*place).code.linetable).replace(added.linetable));
        drop((&raw mut (*place).code.exceptiontable).replace(added.exceptiontable));
    }
    // The pads get caches as fresh code has them.
    lazy.fill(at, [0; 6]);
    for (i, bits) in units.into_iter().enumerate() {
        write(i, bits);
    }
    added.prepared.set_code(code);
    a.codes.add(code);
    lazy.resume
}

/// Prepares all lazy code, for what must find all hooks or no others later.
pub fn prepare_all(a: &'static Attached, vm: &VirtualMachine) {
    while let Some(code) = a.lazy.take() {
        finish(a, vm, &code);
    }
}

/// The hook of all lazy code.
fn lazy_hook(a: &'static Attached, vm: &VirtualMachine) -> PyObjectRef {
    a.lazy.hook(|| Hook::create(vm, Site::new(a, Prepared::none(), SiteKind::Lazy, usize::MAX)))
}
