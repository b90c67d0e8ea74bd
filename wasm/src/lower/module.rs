//! A module: the functions of a unit, exported as `f0`, `f1`.., with what they import.
//!
//! Run-time entry points are functions of the module `rt` whose names are their indices in the guest's table; the host
//! looks them up there. `env.memory` is the guest's memory, `env.code` the host's table of compiled functions, imported
//! only where something is called through a cell.

use super::abi::{WORD, signature};
use super::function::{FunctionBody, FunctionInput, function};
use super::imports::{ModuleImports, rt_signature};
use super::target::ModuleTarget;
use psycore_jit::ir::{Callee, Op, Unit};
use psycore_jit::lower::depth::record_shift;
use psycore_jit::lower::{LowerEnv, LowerError};
use wasm_encoder::{
    BranchHint, BranchHints, CodeSection, EntityType, ExportKind, ExportSection, FunctionSection, ImportSection, MemoryType,
    RefType, TableType, TypeSection,
};

/// A module's bytes.
pub(super) struct EncodedModule {
    pub bytes: Vec<u8>,
    /// The logarithm of the bytes of its longest exit record, rounded up.
    pub record_shift: u32,
}

/// Makes the module of a unit.
pub(super) fn module(unit: &Unit, env: &LowerEnv<'_>, target: &ModuleTarget<'_>) -> Result<EncodedModule, LowerError> {
    if env.layout.word != WORD {
        return Err(LowerError(format!("words of {} bytes", env.layout.word)));
    }
    let mut module = ModuleImports::new(unit, target.slots);
    let mut bodies: Vec<FunctionBody> = Vec::with_capacity(unit.funcs.len());
    let mut exit_base = env.exit_base;
    for f in &unit.funcs {
        bodies.push(function(&mut module, &FunctionInput { f, env, exit_base, target })?);
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
    Ok(EncodedModule { bytes: out.finish(), record_shift: record_shift(longest) })
}
