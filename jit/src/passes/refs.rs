//! Reference-count elision: an incref whose reference is given up again in the
//! same block, with nothing between that could tell the difference.
//!
//! Who had the object before the incref has it until the decref, unless something between lets go of objects: a
//! release, a call, a poll. Exits between may expect the reference: their states then take one of their own.

use super::rewrite::FastMap;
use crate::ir::{ExitId, Function, Inst, Op, Recipe, Value};
use crate::rt::{Effect, RtId};

/// Pairs with more exits between them are left alone.
const MAX_EXITS: usize = 64;

/// Runs the pass.
pub fn run(f: &mut Function) {
    // Exits already changed for a value.
    let mut changed: FastMap<(ExitId, Value), ExitId> = FastMap::default();
    for b in 0..f.blocks.len() {
        let insts = f.blocks[b].insts.clone();
        let mut dropped = vec![false; insts.len()];
        // Increfs that a decref may still cancel, by value; places of operations with exits.
        let mut open: FastMap<Value, Vec<usize>> = FastMap::default();
        let mut exits: Vec<usize> = Vec::new();
        for (at, &inst) in insts.iter().enumerate() {
            let op = &f.insts[inst.index()].op;
            match *op {
                Op::Incref(v) => open.entry(v).or_default().push(at),
                Op::Decref(v, _) => {
                    let cancelled = open.get_mut(&v).and_then(Vec::pop).filter(|&from| {
                        let first = exits.partition_point(|&e| e < from);
                        cancel(f, &insts, &exits[first..], v, &mut changed)
                    });
                    match cancelled {
                        Some(from) => {
                            dropped[from] = true;
                            dropped[at] = true;
                        }
                        None => open.clear(),
                    }
                }
                _ if lets_go(op) => open.clear(),
                _ => {
                    if op.exit().is_some() {
                        exits.push(at);
                    }
                }
            }
        }
        let mut at = 0;
        f.blocks[b].insts.retain(|_| {
            at += 1;
            !dropped[at - 1]
        });
    }
}

/// Whether an operation may release objects or look at reference counts.
fn lets_go(op: &Op) -> bool {
    match op {
        Op::CallRt { rt, .. } => {
            !matches!(rt.effect(), Effect::Pure | Effect::Looks(_))
                && !matches!(rt, RtId::NewInt | RtId::NewFloat | RtId::IntCompare | RtId::StrConcat | RtId::IntToStr)
        }
        Op::IsUnique(_) | Op::CallFn { .. } | Op::Poll { .. } | Op::Enter { .. } | Op::Decref(..) => true,
        _ => false,
    }
}

/// Lets the exits of the operations at `places` do without one reference to `v`; false, with nothing changed, if
/// one of them has none.
fn cancel(f: &mut Function, insts: &[Inst], places: &[usize], v: Value, changed: &mut FastMap<(ExitId, Value), ExitId>) -> bool {
    if places.len() > MAX_EXITS {
        return false;
    }
    let exit_of = |f: &Function, place: usize| f.insts[insts[place].index()].op.exit();
    let has_one = |e: ExitId| {
        let exit = &f.exits[e.index()];
        exit.drops.contains(&v) || owned(f, exit.state, v)
    };
    if !places.iter().all(|&p| exit_of(f, p).is_none_or(has_one)) {
        return false;
    }
    for &p in places {
        let Some(old) = exit_of(f, p) else { continue };
        let new = match changed.get(&(old, v)) {
            Some(&new) => new,
            None => {
                let new = without_one(f, old, v);
                changed.insert((old, v), new);
                new
            }
        };
        match &mut f.insts[insts[p].index()].op {
            Op::Guard { exit, .. } | Op::Ovf(_, _, _, exit) => *exit = new,
            _ => {}
        }
    }
    true
}

/// Whether a state takes over a reference to `v`.
fn owned(f: &Function, state: u32, v: Value) -> bool {
    let mut any = false;
    f.states[state as usize].recipes().for_each(|r| r.visit(&mut |r| any |= *r == Recipe::Owned(v)));
    any
}

/// A copy of an exit that takes over one reference to `v` less.
fn without_one(f: &mut Function, old: ExitId, v: Value) -> ExitId {
    let mut exit = f.exits[old.index()].clone();
    if let Some(k) = exit.drops.iter().position(|&d| d == v) {
        exit.drops.remove(k);
    } else {
        let mut state = f.states[exit.state as usize].clone();
        // The first owned one becomes a borrowed one.
        let mut done = false;
        for recipe in state.recipes_mut() {
            recipe.visit_mut(&mut |r| {
                if !done && *r == Recipe::Owned(v) {
                    *r = Recipe::Borrowed(v);
                    done = true;
                }
            });
        }
        exit.state = f.states.len() as u32;
        f.states.push(state);
    }
    f.exits.push(exit);
    ExitId(f.exits.len() as u32 - 1)
}
