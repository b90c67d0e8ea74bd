//! Where the count of polls may be in a register.
//!
//! `RuntimeContext::countdown` is counted in memory, where everybody finds it. But a word that each iteration reads and
//! writes takes as long as a store takes to reach the next load, longer than many loops. So a loop from which
//! nobody looks at the word keeps the count in a register: edges that enter the loop load it, and those that leave,
//! exits included, write it back. In the register it is one less, and not negative: then the loop counts down and sees
//! whether the count has run out in one go.

use crate::ir::cfg::Loops;
use crate::ir::{Function, Op};
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
