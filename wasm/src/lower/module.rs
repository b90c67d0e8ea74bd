//! A module: the functions of a unit, exported as `f0`, `f1`.., with what they import.
//!
//! Run-time entry points are functions of the module `rt` whose names are their indices in the guest's table; the host
//! looks them up there. `env.memory` is the guest's memory, `env.code` the host's table of compiled functions, imported
//! only where something is called through a cell.

use super::function::{Body, Input, function, signature};
use crate::link::Slot;
use psycore_jit::ir::{Callee, FnKind, Op, Type, Unit};
use psycore_jit::lower::{LowerEnv, LowerError};
use psycore_jit::rt::RtId;
use rustc_hash::FxHashMap;
use wasm_encoder::{
    BranchHint, BranchHints, CodeSection, EntityType, ExportKind, ExportSection, FunctionSection, ImportSection, MemoryType,
    RefType, TableType, TypeSection, ValType,
};

type Signature = (Vec<ValType>, Vec<ValType>);

/// What functions know of the module that they are in.
pub(super) struct Module {
    types: Vec<Signature>,
    /// By entry point that is called: the number of its import.
    rts: FxHashMap<RtId, u32>,
    rt_order: Vec<RtId>,
    /// By type: the first compiled function of the unit that has it, and its place in the code table.
    own: FxHashMap<u32, (u32, u32)>,
}

/// A module's bytes.
pub(super) struct Made {
    pub bytes: Vec<u8>,
    /// The logarithm of the bytes of its longest exit record, rounded up.
    pub record_shift: u32,
}

impl Module {
    fn new(unit: &Unit, slots: &[Slot]) -> Module {
        let mut out = Module { types: Vec::new(), rts: FxHashMap::default(), rt_order: Vec::new(), own: FxHashMap::default() };
        for op in unit.funcs.iter().flat_map(|f| &f.insts).map(|inst| &inst.op) {
            let rt = match op {
                Op::CallRt { rt, .. } => *rt,
                Op::Decref(..) => RtId::Dealloc,
                Op::Poll { .. } => RtId::PollSlow,
                _ => continue,
            };
            let number = out.rt_order.len() as u32;
            if *out.rts.entry(rt).or_insert(number) == number {
                out.rt_order.push(rt);
            }
        }
        for (i, f) in unit.funcs.iter().enumerate() {
            if f.kind == FnKind::Compiled
                && let Some(slot) = slots.get(i)
            {
                let (params, results) = signature(f);
                let ty = out.signature(params, results);
                let function = out.local(i as u32);
                out.own.entry(ty).or_insert((function, slot.index()));
            }
        }
        out
    }

    /// The number of a function type.
    pub(super) fn signature(&mut self, params: Vec<ValType>, results: Vec<ValType>) -> u32 {
        let wanted = (params, results);
        let number = self.types.iter().position(|s| *s == wanted).unwrap_or_else(|| {
            self.types.push(wanted);
            self.types.len() - 1
        });
        number as u32
    }

    /// The number of an entry point's function.
    pub(super) fn rt(&self, rt: RtId) -> Result<u32, LowerError> {
        self.rts.get(&rt).copied().ok_or_else(|| LowerError(format!("{} is not imported", rt.name())))
    }

    /// The number of a function of the unit.
    pub(super) fn local(&self, index: u32) -> u32 {
        self.rt_order.len() as u32 + index
    }

    /// A compiled function of that type: its number, and its place in the code table.
    pub(super) fn own(&self, ty: u32) -> Option<(u32, u32)> {
        self.own.get(&ty).copied()
    }
}

fn rt_signature(rt: RtId) -> Signature {
    let params = [Type::Ptr].iter().chain(rt.params()).map(|t| super::function::val_type(*t)).collect();
    (params, rt.ret().map(super::function::val_type).into_iter().collect())
}

/// What a module is made for.
pub(super) struct Target<'a> {
    /// Where its functions will be. Without them, calls through cells don't look for the unit's own functions.
    pub slots: &'a [Slot],
    /// The address of the logarithm of the bytes that a level of calls may need on the exit stack.
    pub record_shift: u32,
    /// Whether to treat all control flow as irreducible.
    pub unstructured: bool,
}

/// Makes the module of a unit.
pub(super) fn module(unit: &Unit, env: &LowerEnv<'_>, target: &Target<'_>) -> Result<Made, LowerError> {
    if env.layout.word != 4 {
        return Err(LowerError(format!("words of {} bytes", env.layout.word)));
    }
    let mut module = Module::new(unit, target.slots);
    let mut bodies: Vec<Body> = Vec::with_capacity(unit.funcs.len());
    let mut exit_base = env.exit_base;
    for f in &unit.funcs {
        bodies.push(function(&mut module, &Input { f, env, exit_base, target })?);
        exit_base += f.exits.len() as u32;
    }
    let mut imports = ImportSection::new();
    let memory = MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("env", "memory", memory);
    let is_cell_call = |op: &Op| matches!(op, Op::CallFn { callee: Callee::Cell(_), .. });
    if unit.funcs.iter().flat_map(|f| &f.insts).any(|inst| is_cell_call(&inst.op)) {
        let table = TableType { element_type: RefType::FUNCREF, table64: false, minimum: 0, maximum: None, shared: false };
        imports.import("env", "code", table);
    }
    for rt in module.rt_order.clone() {
        let (params, results) = rt_signature(rt);
        let ty = module.signature(params, results);
        imports.import("rt", &(env.rt_address)(rt).to_string(), EntityType::Function(ty));
    }
    let (mut functions, mut exports, mut code) = (FunctionSection::new(), ExportSection::new(), CodeSection::new());
    let mut hints = BranchHints::new();
    for (i, (f, body)) in unit.funcs.iter().zip(&bodies).enumerate() {
        let (params, results) = signature(f);
        functions.function(module.signature(params, results));
        exports.export(&format!("f{i}"), ExportKind::Func, module.local(i as u32));
        code.function(&body.function);
        if !body.unlikely.is_empty() {
            let hint = |at: &u32| BranchHint { branch_func_offset: *at, branch_hint_value: 0 };
            hints.function_hints(module.local(i as u32), body.unlikely.iter().map(hint));
        }
    }
    let mut types = TypeSection::new();
    for (params, results) in &module.types {
        types.ty().function(params.iter().copied(), results.iter().copied());
    }
    let mut out = wasm_encoder::Module::new();
    out.section(&types).section(&imports).section(&functions).section(&exports);
    if !hints.is_empty() {
        out.section(&hints);
    }
    out.section(&code);
    let longest = bodies.iter().map(|b| b.longest_record).max().unwrap_or(0);
    Ok(Made { bytes: out.finish(), record_shift: longest.next_power_of_two().trailing_zeros() })
}
