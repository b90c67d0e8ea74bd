//! Dead code: operations whose results nobody uses, block parameters that
//! nobody reads, and number objects that are made only to be released.

use super::effects::is_removable;
use super::fold::drop_dead_exits;
use super::rewrite::DefMap;
use crate::ir::cfg::Cfg;
use crate::ir::{Function, Inst, Op, Term, Value};
use crate::rt::RtId;

/// Runs the pass.
pub fn run(f: &mut Function) {
    drop_dead_exits(f);
    drop_unused_objects(f);
    let cfg = Cfg::new(f);
    let defs = DefMap::new(f);
    // For each parameter the arguments that it may get.
    let mut sources: Vec<Vec<Value>> = vec![Vec::new(); f.values.len()];
    let mut work: Vec<Value> = Vec::new();
    let mut live = vec![false; f.values.len()];
    for &b in &cfg.rpo {
        let data = &f.blocks[b.index()];
        for e in data.term.edges() {
            for (&p, &a) in f.blocks[e.block.index()].params.iter().zip(&e.args) {
                sources[p.index()].push(a);
            }
        }
        let mut root = |v: Value| work.push(v);
        match &data.term {
            Term::Br { cond, .. } => root(*cond),
            Term::Ret(Some(v)) => root(*v),
            _ => {}
        }
        for &i in &data.insts {
            let op = &f.insts[i.index()].op;
            if !is_removable(op) {
                op.operands(&mut root);
            }
        }
    }
    // What exits that are left refer to.
    for s in &f.states {
        s.values(&mut |v| work.push(v));
    }
    for e in &f.exits {
        work.extend(&e.drops);
    }
    // The entry's parameters are its signature.
    work.extend(&f.blocks[0].params);
    while let Some(v) = work.pop() {
        if std::mem::replace(&mut live[v.index()], true) {
            continue;
        }
        match defs.op(f, v) {
            Some(op) if is_removable(op) => op.operands(&mut |v| work.push(v)),
            Some(_) => {}
            None => work.append(&mut sources[v.index()]),
        }
    }
    for b in 0..f.blocks.len() {
        let mut data = std::mem::take(&mut f.blocks[b]);
        data.insts.retain(|i| {
            let d = &f.insts[i.index()];
            !is_removable(&d.op) || d.result.is_some_and(|r| live[r.index()])
        });
        f.blocks[b] = data;
    }
    for b in 0..f.blocks.len() {
        let mut term = std::mem::take(&mut f.blocks[b].term);
        for e in term.edges_mut() {
            // The parameters of a block itself are still complete here.
            let params = &f.blocks[e.block.index()].params;
            let mut k = 0;
            e.args.retain(|_| {
                k += 1;
                live[params[k - 1].index()]
            });
        }
        f.blocks[b].term = term;
    }
    for b in &mut f.blocks {
        b.params.retain(|p| live[p.index()]);
    }
}

/// Drops `new_int` and `new_float` whose object is only released again, with the release.
fn drop_unused_objects(f: &mut Function) {
    let mut makers: Vec<Option<Inst>> = vec![None; f.values.len()];
    for b in &f.blocks {
        for &i in &b.insts {
            let d = &f.insts[i.index()];
            if let (Op::CallRt { rt: RtId::NewInt | RtId::NewFloat, .. }, Some(r)) = (&d.op, d.result) {
                makers[r.index()] = Some(i);
            }
        }
    }
    if makers.iter().all(Option::is_none) {
        return;
    }
    // Uses other than releases, and releases.
    let mut kept = vec![false; f.values.len()];
    let mut released = vec![0u32; f.values.len()];
    for b in &f.blocks {
        for &i in &b.insts {
            match &f.insts[i.index()].op {
                Op::Decref(v, _) => released[v.index()] += 1,
                op => op.operands(&mut |v| kept[v.index()] = true),
            }
        }
        b.term.operands(&mut |v| kept[v.index()] = true);
    }
    for s in &f.states {
        s.values(&mut |v| kept[v.index()] = true);
    }
    for e in &f.exits {
        e.drops.iter().for_each(|v| kept[v.index()] = true);
    }
    let goes = |v: Value| makers[v.index()].is_some() && !kept[v.index()] && released[v.index()] > 0;
    for b in 0..f.blocks.len() {
        let mut insts = std::mem::take(&mut f.blocks[b].insts);
        insts.retain(|i| {
            let d = &f.insts[i.index()];
            match (&d.op, d.result) {
                (Op::Decref(v, _), _) => !goes(*v),
                (_, Some(r)) => !goes(r),
                _ => true,
            }
        });
        f.blocks[b].insts = insts;
    }
}
