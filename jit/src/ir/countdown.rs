//! Where lowerings may keep the count of polls in a register: memory that each iteration reads and writes takes longer
//! than many loops.

use super::cfg::Loops;
use super::{Function, Op};
use crate::rt::{Effect, RtId};

/// Which blocks keep the count in a register: those of loops that poll and don't call anything
/// that polls.
pub fn counted_blocks(f: &Function, loops: &Loops, counted: &mut Vec<bool>) {
    counted.clear();
    counted.resize(f.blocks.len(), false);
    if loops.irreducible.is_some() || !f.insts.iter().any(|inst| matches!(inst.op, Op::Poll { .. })) {
        return;
    }
    for l in &loops.loops {
        let mut ops = l.blocks.iter().flat_map(|b| &f.blocks[b.index()].insts).map(|i| &f.insts[i.index()].op);
        // Outer loops come first.
        if !counted[l.header.index()] && !ops.any(looks_at_the_word) {
            l.blocks.iter().for_each(|b| counted[b.index()] = true);
        }
    }
}

fn looks_at_the_word(op: &Op) -> bool {
    match op {
        Op::CallFn { .. } => true,
        Op::CallRt { rt, .. } => rt.effect() == Effect::Python || matches!(rt, RtId::PollSlow | RtId::Dealloc),
        _ => false,
    }
}
