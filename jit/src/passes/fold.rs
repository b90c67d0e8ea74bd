//! Constant folding and simplification of the control flow: operations that
//! their operands make trivial, branches that are known, blocks that nothing reaches, blocks that only
//! jump, blocks with one way in and one way out.

use super::params;
use super::rewrite::{DefMap, Renames};
use crate::ir::cfg::Cfg;
use crate::ir::eval::Const;
use crate::ir::simplify::{Simplified, simplify};
use crate::ir::{Block, BlockCall, Function, IntCC, Op, Term, Type};

/// Runs the pass; blocks that guards may be hoisted to stay.
pub fn run(f: &mut Function) {
    params::run(f);
    operations(f);
    branches(f);
    remove_unreachable(f);
    thread(f, true);
    merge(f);
    // Fewer edges may leave parameters with one argument.
    params::run(f);
}

/// Runs it when nothing will be hoisted any more.
pub fn run_late(f: &mut Function) {
    for b in &mut f.blocks {
        b.hoist_exit = None;
    }
    run(f);
}

/// Simplifies each operation, definitions before uses.
fn operations(f: &mut Function) {
    let cfg = Cfg::new(f);
    let defs = DefMap::new(f);
    let mut renames = Renames::new(f);
    for &block in &cfg.rpo {
        let insts = std::mem::take(&mut f.blocks[block.index()].insts);
        let mut kept = Vec::with_capacity(insts.len());
        for inst in insts {
            let mut op = f.insts[inst.index()].op.clone();
            renames.apply_to(&mut op);
            let result = f.insts[inst.index()].result;
            let mut keep = true;
            loop {
                match simplify(&op, &defs.with(f)) {
                    Simplified::Same => break,
                    Simplified::Op(simpler) => op = simpler,
                    Simplified::Value(v) => {
                        if let Some(r) = result {
                            renames.replace(r, v);
                        }
                        keep = false;
                        break;
                    }
                    Simplified::Nothing => {
                        if let Some(r) = result {
                            renames.forget(r);
                        }
                        keep = false;
                        break;
                    }
                }
            }
            if !keep {
                continue;
            }
            if let Some(exit) = always_leaves(&op, &defs, f) {
                f.blocks[block.index()].term = Term::Exit(exit);
                f.blocks[block.index()].hoist_exit = None;
                break;
            }
            f.insts[inst.index()].op = op;
            kept.push(inst);
        }
        f.blocks[block.index()].insts = kept;
    }
    renames.apply(f);
}

/// The exit that an operation with known operands is sure to take.
fn always_leaves(op: &Op, defs: &DefMap, f: &Function) -> Option<crate::ir::ExitId> {
    match *op {
        Op::Guard { cond, expect, .. } => (defs.int(f, cond)? != 0) != expect,
        // `simplify` made a constant of it if the result fits.
        Op::Ovf(_, a, b, _) => defs.int(f, a).is_some() && defs.int(f, b).is_some(),
        _ => false,
    }
    .then(|| op.exit())
    .flatten()
}

/// Decides branches whose condition is known or does not matter.
fn branches(f: &mut Function) {
    let defs = DefMap::new(f);
    for b in 0..f.blocks.len() {
        let mut term = std::mem::take(&mut f.blocks[b].term);
        while let Term::Br { cond, then, els } = &mut term {
            if let Some(x) = defs.int(f, *cond) {
                term = Term::Jump(std::mem::take(if x != 0 { then } else { els }));
                break;
            }
            if then == els {
                term = Term::Jump(std::mem::take(then));
                break;
            }
            match defs.op(f, *cond) {
                // `x == 0` and `x != 0` of an `I32` are tests of `x`.
                Some(&Op::Icmp(cc @ (IntCC::Eq | IntCC::Ne), x, zero))
                    if f.ty(x) == Type::I32 && defs.op(f, zero).and_then(Const::of) == Some(Const::I32(0)) =>
                {
                    *cond = x;
                    if cc == IntCC::Eq {
                        std::mem::swap(then, els);
                    }
                }
                _ => break,
            }
        }
        f.blocks[b].term = term;
    }
}

/// Drops blocks that nothing reaches and numbers the others anew.
pub fn remove_unreachable(f: &mut Function) {
    let cfg = Cfg::new(f);
    if cfg.rpo.len() == f.blocks.len() {
        return;
    }
    let mut new = vec![Block::default(); f.blocks.len()];
    let mut next = 0;
    for (b, slot) in new.iter_mut().enumerate() {
        if cfg.is_reachable(Block(b as u32)) {
            *slot = Block(next);
            next += 1;
        }
    }
    let mut b = 0;
    f.blocks.retain(|_| {
        b += 1;
        new[b - 1] != Block::default()
    });
    for data in &mut f.blocks {
        data.term.edges_mut().for_each(|e| e.block = new[e.block.index()]);
    }
    drop_dead_exits(f);
}

/// Exits that nothing refers to any more keep their numbers, but must not name values that are
/// not defined any more.
pub fn drop_dead_exits(f: &mut Function) {
    let mut used = vec![false; f.exits.len()];
    for b in &f.blocks {
        let insts = b.insts.iter().filter_map(|i| f.insts[i.index()].op.exit());
        let term = if let Term::Exit(e) = b.term { Some(e) } else { None };
        for e in insts.chain(term).chain(b.hoist_exit) {
            used[e.index()] = true;
        }
    }
    let mut used_states = vec![false; f.states.len()];
    for (e, used) in f.exits.iter_mut().zip(used) {
        if used {
            used_states[e.state as usize] = true;
        } else {
            e.drops.clear();
        }
    }
    for (s, used) in f.states.iter_mut().zip(used_states) {
        if !used {
            s.globals.clear();
            s.frames.truncate(1);
            for frame in &mut s.frames {
                frame.locals.clear();
                frame.stack.clear();
            }
        }
    }
}

/// Lets edges to blocks that only jump on go to where they jump.
fn thread(f: &mut Function, keep_preheaders: bool) {
    let goes_to: Vec<Option<BlockCall>> = f
        .blocks
        .iter()
        .enumerate()
        .map(|(i, b)| match &b.term {
            Term::Jump(e)
                if i != 0
                    && b.insts.is_empty()
                    && b.params.is_empty()
                    && e.block.index() != i
                    && !(keep_preheaders && b.hoist_exit.is_some()) =>
            {
                Some(e.clone())
            }
            _ => None,
        })
        .collect();
    for b in 0..f.blocks.len() {
        let mut term = std::mem::take(&mut f.blocks[b].term);
        for e in term.edges_mut() {
            // Only as long as there are blocks: empty blocks may jump in a circle.
            for _ in 0..goes_to.len() {
                match &goes_to[e.block.index()] {
                    Some(next) => {
                        *e = next.clone();
                    }
                    None => break,
                }
            }
        }
        if let Term::Br { then, els, .. } = &mut term
            && then == els
        {
            term = Term::Jump(std::mem::take(then));
        }
        // A block before a loop whose header only jumps on stays before that loop.
        f.blocks[b].term = term;
    }
    remove_unreachable(f);
}

/// Appends blocks to their only predecessor where that goes nowhere else.
fn merge(f: &mut Function) {
    let cfg = Cfg::new(f);
    let mut renames = Renames::new(f);
    for &start in &cfg.rpo {
        if matches!(f.blocks[start.index()].term, Term::None) {
            // Already part of another one.
            continue;
        }
        while let Term::Jump(e) = &f.blocks[start.index()].term {
            let next = e.block;
            if next == start || next == Block(0) || cfg.preds[next.index()].len() != 1 {
                break;
            }
            let args = e.args.clone();
            let mut data = std::mem::take(&mut f.blocks[next.index()]);
            for (p, a) in data.params.drain(..).zip(args) {
                renames.replace(p, a);
            }
            let into = &mut f.blocks[start.index()];
            into.insts.append(&mut data.insts);
            into.term = data.term;
            into.hoist_exit = data.hoist_exit;
            into.cold &= data.cold;
        }
    }
    renames.apply(f);
    remove_unreachable(f);
}
