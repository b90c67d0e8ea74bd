//! What the interpreter and earlier code have met at an instruction.

use crate::hook::site;
use crate::jit::profile::{OperandClasses, Profile};
use crate::jit::state::Jit;
use psycore_jit::bytecode::Opcode;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{Feedback, FeedbackOracle, ObjectOracle, Seen};
use rustpython_vm::Py;
use rustpython_vm::builtins::PyCode;
use rustpython_vm::bytecode::ADAPTIVE_WARMUP_VALUE;

impl FeedbackOracle for Jit {
    fn feedback(&self, code: ObjId, op_pc: u32) -> Feedback {
        let Some(c) = self.code_object(code) else {
            return Feedback { op: Opcode::Nop, seen: true };
        };
        let units = &c.code.instructions;
        let i = live_index(c, op_pc);
        let op = units.read_op(i).as_opcode();
        let caches = op.cache_entries();
        // An instruction that adapts and still has its first counter has not run.
        let seen = caches == 0
            || op.deopt().is_some()
            || !adapts(op)
            || (units.read_adaptive_counter(i + 1) != ADAPTIVE_WARMUP_VALUE && units.read_adaptive_counter(i + 1) != 0);
        Feedback { op, seen }
    }

    fn observed(&self, code: ObjId, pc: u32) -> Vec<Seen> {
        let seen = self.profiles.get((code, pc), |p| match p.seen.is_empty() {
            false => p.seen.clone(),
            // What earlier builds expected, as long as it is without gaps.
            true => p.expected.iter().map_while(|s| *s).collect(),
        });
        seen.unwrap_or_default()
    }

    fn distrusted(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.distrusted)
    }

    fn runs_python(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.python)
    }

    fn finalizes(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.finalizes)
    }

    fn loads_no_method(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.no_method)
    }

    fn returns_held(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.held)
    }

    fn handler_met(&self, code: ObjId, target: u32) -> bool {
        if self.profiles.is((code, target), |p| p.handler_met) {
            return true;
        }
        // The interpreter leaves its marks on the first instruction that adapts.
        let Some(info) = self.code(code) else { return false };
        let Some(first) = info.at.get(target as usize) else { return false };
        let of_handler = info.instrs.iter().skip(*first as usize).take(4);
        of_handler.take_while(|i| i.target().is_none()).any(|i| adapts(i.op) && self.feedback(code, i.op_pc).seen)
    }

    fn raises(&self, code: ObjId, pc: u32) -> bool {
        self.profiles.is((code, pc), |p| p.raises)
    }

    fn owner_type(&self, code: ObjId, op_pc: u32) -> Option<ObjId> {
        let c = self.code_object(code)?;
        let units = &c.code.instructions;
        let i = live_index(c, op_pc);
        let op = units.read_op(i).as_opcode();
        op.deopt()?;
        let version = units.read_cache_u32(i + 2);
        self.class_of_version(version)
    }

    fn classes(&self, code: ObjId, pc: u32, depth: usize) -> Vec<ObjId> {
        let several = |p: &Profile| p.operands.get(depth).and_then(OperandClasses::several).map(<[ObjId]>::to_vec);
        self.profiles.get((code, pc), several).flatten().unwrap_or_default()
    }

    fn varies(&self, code: ObjId, pc: u32, depth: usize) -> bool {
        self.profiles.is((code, pc), |p| p.operands.get(depth).is_some_and(OperandClasses::vary))
    }

    fn note_wanted(&self, code: ObjId, pc: u32, depth: usize, class: ObjId) {
        self.profiles.update((code, pc), |p| {
            if let Some(operand) = p.operands.get_mut(depth) {
                operand.want(class);
            }
        });
    }

    fn note_expected(&self, code: ObjId, pc: u32, depth: usize, seen: Seen) {
        self.profiles.update((code, pc), |p| {
            if p.expected.len() <= depth {
                p.expected.resize(depth + 1, None);
            }
            p.expected[depth] = Some(seen);
        });
    }
}

/// Where the unit of the original code at a position runs.
fn live_index(code: &Py<PyCode>, pc: u32) -> usize {
    site::of(code).map_or(pc, |p| p.live_index(pc)) as usize
}

/// Whether the interpreter counts runs of the instruction in order to specialize it.
fn adapts(op: Opcode) -> bool {
    use Opcode::*;
    matches!(
        op,
        BinaryOp
            | Call
            | CallKw
            | CompareOp
            | ContainsOp
            | ForIter
            | LoadAttr
            | LoadGlobal
            | StoreAttr
            | StoreSubscr
            | ToBool
            | UnpackSequence
            | LoadSuperAttr
            | Send
    )
}
