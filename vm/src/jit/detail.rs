//! What the IR of a unit tells about each bytecode position: the types that it was specialized
//! to, what it calls, and where its machine code is.

use psycore_jit::ir::{BinOp, Callee, Field, Function, IntCC, ObjId, Op, Type, Unit, Value};
use psycore_jit::lower::CodeSpan;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What was made of one instruction of the bytecode.
#[derive(Clone, Debug, Default)]
pub struct CodePlace {
    /// Names of the classes of its operands that code was made for.
    pub types: BTreeSet<String>,
    /// Entry points of the run time that it calls.
    pub calls: BTreeSet<&'static str>,
    /// It calls a compiled function directly.
    pub calls_compiled: bool,
}

/// What is kept of a unit for explanations.
#[derive(Default)]
pub struct Detail {
    /// By code object and position.
    pub places: BTreeMap<(ObjId, u32), CodePlace>,
    pub spans: Vec<CodeSpan>,
    /// Where its machine code is.
    pub range: Range<usize>,
}

impl Detail {
    /// Reads the types from the unit as the specializer made it: passes drop what they can prove.
    pub fn types(&mut self, unit: &Unit, code: ObjId, name: &dyn Fn(ObjId) -> String) {
        for f in &unit.funcs {
            let ops = definitions(f);
            for inst in &f.insts {
                let ty = match &inst.op {
                    Op::Ovf(..) => "int".to_owned(),
                    Op::Bin(op, a, _) if f.ty(*a) == Type::F64 && is_arithmetic(*op) => "float".to_owned(),
                    Op::Load { field: Field::IntMag, .. } => "int".to_owned(),
                    Op::Load { field: Field::FloatValue, .. } => "float".to_owned(),
                    Op::Guard { cond, expect: true, .. } => match checked_class(&ops, *cond) {
                        Some(class) => name(class),
                        None => continue,
                    },
                    _ => continue,
                };
                if inst.pc != u32::MAX {
                    self.places.entry((inst.inlined.unwrap_or(code), inst.pc)).or_default().types.insert(ty);
                }
            }
        }
    }

    /// Reads what is called from the unit as it is lowered.
    pub fn calls(&mut self, unit: &Unit, code: ObjId) {
        for inst in unit.funcs.iter().flat_map(|f| &f.insts).filter(|i| i.pc != u32::MAX) {
            let place = self.places.entry((inst.inlined.unwrap_or(code), inst.pc)).or_default();
            match &inst.op {
                Op::CallRt { rt, .. } => {
                    place.calls.insert(rt.name());
                }
                Op::CallFn { callee: Callee::Local(_) | Callee::Cell(_), .. } => place.calls_compiled = true,
                _ => {}
            }
        }
    }
}

fn is_arithmetic(op: BinOp) -> bool {
    matches!(op, BinOp::FAdd | BinOp::FSub | BinOp::FMul | BinOp::FDiv)
}

fn definitions(f: &Function) -> Vec<Option<&Op>> {
    let mut ops = vec![None; f.values.len()];
    for inst in &f.insts {
        if let Some(v) = inst.result {
            ops[v.index()] = Some(&inst.op);
        }
    }
    ops
}

/// The class, if the condition is that some object is of it.
fn checked_class(ops: &[Option<&Op>], cond: Value) -> Option<ObjId> {
    let Some(Op::Icmp(IntCC::Eq, a, b)) = ops[cond.index()] else { return None };
    match (ops[a.index()]?, ops[b.index()]?) {
        (Op::Load { field: Field::ObjType, .. }, Op::Obj(class)) | (Op::Obj(class), Op::Load { field: Field::ObjType, .. }) => {
            Some(*class)
        }
        _ => None,
    }
}
