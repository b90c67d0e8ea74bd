//! What the functions of a module refer to by number: types, run-time entry points, and each other.

use super::abi::{WasmSignature, signature, val_type};
use crate::link::Slot;
use psycore_jit::ir::{FnKind, Type, Unit};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::slow_path::entry_point;
use psycore_jit::rt::RtId;
use rustc_hash::FxHashMap;
use wasm_encoder::ValType;

/// What functions know of the module that they are in.
pub(super) struct ModuleImports {
    pub(super) types: Vec<WasmSignature>,
    /// By entry point that is called: the number of its import.
    rts: FxHashMap<RtId, u32>,
    pub(super) rt_order: Vec<RtId>,
    /// By type: the first compiled function of the unit that has it, and its place in the code table.
    own: FxHashMap<u32, (u32, u32)>,
}

impl ModuleImports {
    pub(super) fn new(unit: &Unit, slots: &[Slot]) -> ModuleImports {
        let mut out =
            ModuleImports { types: Vec::new(), rts: FxHashMap::default(), rt_order: Vec::new(), own: FxHashMap::default() };
        for rt in unit.funcs.iter().flat_map(|f| &f.insts).filter_map(|inst| entry_point(&inst.op)) {
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

pub(super) fn rt_signature(rt: RtId) -> WasmSignature {
    let params = [Type::Ptr].iter().chain(rt.params()).map(|t| val_type(*t)).collect();
    (params, rt.ret().map(val_type).into_iter().collect())
}
