//! Gives values their locals. Values of the same type that are not live at the same time share one.
//!
//! Engines look at all locals wherever ways of control flow meet, so a function with thousands of them compiles slowly.
//! The live range of a value is taken as one interval in reverse postorder, from its definition to its last use ("linear
//! scan", Poletto and Sarkar, 1999).

use super::abi::val_type;
use super::placement::{Placement, Placements};
use psycore_jit::ir::cfg::Cfg;
use psycore_jit::ir::{BinOp, Block, Function, Op, Term, Type, Value};
use wasm_encoder::ValType;

/// No local.
const NONE: u32 = u32::MAX;

pub(super) struct Locals {
    /// By value.
    of: Vec<u32>,
    /// Their types, those of parameters included.
    pub types: Vec<ValType>,
    /// By value: where it is live.
    intervals: Vec<(u32, u32)>,
    /// By block: the number at which it begins.
    base: Vec<u32>,
}

impl Locals {
    /// `params` are the types of the function's parameters, the last of which are those of its entry block.
    pub(super) fn new(
        f: &Function,
        cfg: &Cfg,
        placements: &Placements,
        exit_values: &[Vec<Value>],
        params: &[ValType],
    ) -> Locals {
        let mut intervals = Intervals::new(f, cfg, placements, exit_values);
        let mut out = Locals { of: vec![NONE; f.values.len()], types: params.to_vec(), intervals: Vec::new(), base: Vec::new() };
        let entry = &f.blocks[0].params;
        let first = params.len() - entry.len();
        // Parameters are live from the start, used or not: their locals are free once they are not needed.
        let mut active: Vec<(u32, u32)> = Vec::new();
        for (i, v) in entry.iter().enumerate() {
            let local = (first + i) as u32;
            out.of[v.index()] = local;
            active.push((intervals.of[v.index()].1, local));
        }
        let mut free: Vec<u32> = Vec::new();
        intervals.order.retain(|v| !entry.contains(v));
        let mut order: Vec<Value> = intervals.order.clone();
        order.sort_by_key(|v| intervals.of[v.index()].0);
        for v in order {
            let (start, end) = intervals.of[v.index()];
            active.retain(|&(end, local)| {
                let live = end > start;
                if !live {
                    free.push(local);
                }
                live
            });
            let ty = val_type(f.ty(v));
            let local = match free.iter().rposition(|&l| out.types[l as usize] == ty) {
                Some(i) => free.remove(i),
                None => out.add(ty),
            };
            out.of[v.index()] = local;
            active.push((end, local));
        }
        (out.intervals, out.base) = (intervals.of, intervals.base);
        out
    }

    /// One more local.
    pub(super) fn add(&mut self, ty: ValType) -> u32 {
        self.types.push(ty);
        self.types.len() as u32 - 1
    }

    /// The local of a value that has one.
    pub(super) fn get(&self, v: Value) -> Option<u32> {
        self.of.get(v.index()).copied().filter(|l| *l != NONE)
    }

    /// The local of a value that is live where a block begins.
    pub(super) fn live_at(&self, v: Value, block: Block) -> Option<u32> {
        let (start, end) = self.intervals[v.index()];
        let here = self.base[block.index()];
        self.get(v).filter(|_| start <= here && here < end)
    }
}

/// The live ranges of values in locals: from after the first number to the second.
struct Intervals {
    of: Vec<(u32, u32)>,
    order: Vec<Value>,
    base: Vec<u32>,
}

impl Intervals {
    fn new(f: &Function, cfg: &Cfg, placements: &Placements, exit_values: &[Vec<Value>]) -> Intervals {
        let mut out = Intervals { of: vec![(u32::MAX, 0); f.values.len()], order: Vec::new(), base: Vec::new() };
        let in_local = |v: Value| placements.of[v.index()] == Placement::Local;
        // Numbers: 4 per instruction: operands are read at 0, results written at 1, what is read late is read at 2.
        let mut base = vec![0; f.blocks.len()];
        let mut number = 0;
        for &block in &cfg.rpo {
            base[block.index()] = number;
            number += 4 * (f.blocks[block.index()].insts.len() as u32 + 2);
        }
        let mut defined_in = vec![Block(u32::MAX); f.values.len()];
        for &block in &cfg.rpo {
            let data = &f.blocks[block.index()];
            let start = base[block.index()];
            for &v in &data.params {
                defined_in[v.index()] = block;
                out.extend(v, start);
                out.order.push(v);
            }
            for (place, &inst) in data.insts.iter().enumerate() {
                if let Some(v) = f.insts[inst.index()].result.filter(|v| in_local(*v)) {
                    defined_in[v.index()] = block;
                    out.extend(v, start + 4 * (place as u32 + 1) + 1);
                    out.order.push(v);
                }
            }
        }
        out.order.retain(|v| in_local(*v));
        // Values that are read in other blocks than their own, by a number of their own.
        let mut wide = vec![NONE; f.values.len()];
        let mut wide_values: Vec<Value> = Vec::new();
        let mut reads: Vec<Vec<Value>> = vec![Vec::new(); f.blocks.len()];
        for &block in &cfg.rpo {
            let start = base[block.index()];
            each_read(f, placements, block, exit_values, &mut |v, place, late| {
                if !in_local(v) {
                    return;
                }
                out.extend(v, start + 4 * (place + 1) + if late { 2 } else { 0 });
                if defined_in[v.index()] != block {
                    if wide[v.index()] == NONE {
                        wide[v.index()] = wide_values.len() as u32;
                        wide_values.push(v);
                    }
                    reads[block.index()].push(v);
                }
            });
        }
        let words = wide_values.len().div_ceil(64);
        let mut live: Vec<Vec<u64>> = vec![Vec::new(); f.blocks.len()];
        for &block in &cfg.rpo {
            let set = &mut live[block.index()];
            set.resize(words, 0);
            for v in &reads[block.index()] {
                let bit = wide[v.index()] as usize;
                set[bit / 64] |= 1 << (bit % 64);
            }
        }
        let mut here = vec![0u64; words];
        let mut changed = words > 0;
        while changed {
            changed = false;
            for &block in cfg.rpo.iter().rev() {
                here.copy_from_slice(&live[block.index()]);
                for edge in f.blocks[block.index()].term.edges() {
                    here.iter_mut().zip(&live[edge.block.index()]).for_each(|(a, b)| *a |= b);
                }
                for v in defined(f, block) {
                    if wide[v.index()] != NONE {
                        let bit = wide[v.index()] as usize;
                        here[bit / 64] &= !(1 << (bit % 64));
                    }
                }
                if here != live[block.index()] {
                    live[block.index()].copy_from_slice(&here);
                    changed = true;
                }
            }
        }
        for &block in &cfg.rpo {
            let start = base[block.index()];
            let end = start + 4 * (f.blocks[block.index()].insts.len() as u32 + 1) + 3;
            for v in bits(&live[block.index()]).map(|bit| wide_values[bit]) {
                out.extend(v, start);
            }
            for edge in f.blocks[block.index()].term.edges() {
                for v in bits(&live[edge.block.index()]).map(|bit| wide_values[bit]) {
                    out.extend(v, end);
                }
            }
        }
        out.base = base;
        out
    }

    fn extend(&mut self, v: Value, number: u32) {
        let (start, end) = &mut self.of[v.index()];
        *start = (*start).min(number);
        *end = (*end).max(number);
    }
}

fn defined(f: &Function, block: Block) -> impl Iterator<Item = Value> {
    let data = &f.blocks[block.index()];
    data.params.iter().copied().chain(data.insts.iter().filter_map(|i| f.insts[i.index()].result))
}

fn bits(set: &[u64]) -> impl Iterator<Item = usize> {
    set.iter().enumerate().flat_map(|(i, word)| (0..64).filter(move |b| word >> b & 1 != 0).map(move |b| 64 * i + b))
}

/// Calls `f` with each value that a block reads, the place at which, and whether a result is written before.
fn each_read(
    function: &Function,
    placements: &Placements,
    block: Block,
    exit_values: &[Vec<Value>],
    f: &mut impl FnMut(Value, u32, bool),
) {
    let data = &function.blocks[block.index()];
    for &inst in &data.insts {
        let inst_data = &function.insts[inst.index()];
        let at = placements.at[inst.index()];
        let late = match data.insts.get(at as usize) {
            // Its edges are taken one after the other.
            None => true,
            Some(user) => reads_late(&function.insts[user.index()].op),
        };
        inst_data.op.operands(&mut |v| {
            if function.ty(v) != Type::Tok {
                f(v, at, late);
            }
        });
        if let Some(exit) = inst_data.op.exit() {
            exit_values[exit.index()].iter().for_each(|v| f(*v, at, true));
        }
    }
    let end = data.insts.len() as u32;
    data.term.operands(&mut |v| f(v, end, true));
    if let Term::Exit(exit) = data.term {
        exit_values[exit.index()].iter().for_each(|v| f(*v, end, true));
    }
}

/// Whether the code of an operation reads operands after it has written its result.
fn reads_late(op: &Op) -> bool {
    matches!(op, Op::Ovf(..) | Op::Bin(BinOp::SDiv | BinOp::SRem, ..) | Op::CallFn { .. } | Op::Decref(..) | Op::Incref(_))
}
