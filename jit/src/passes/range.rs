//! Range analysis: intervals of the integers, refined where branches and guards
//! say more. What it proves: additions that can't overflow, indices that are in
//! bounds, comparisons that come out one way.
//!
//! Abstract interpretation over the dominator tree, with a map from values to intervals (the lattice of
//! [`super::interval`], value by value); they are joined at the parameters of blocks, over all reached edges. Parameters of loop headers start
//! with what comes from outside; a bound that still moves in the second round is given up (widening), and what
//! the loop's own conditions say of it is found again afterwards (narrowing). How often a loop runs follows from any value
//! that advances in one direction with each iteration, and bounds all those to which each iteration adds something bounded.
//!
//! Removes guards without leaving anything in their place for loads to hang on: nothing may move
//! loads afterwards.

use super::interval::{self, Interval};
use super::rewrite::{DefMap, Renames};
use crate::ir::cfg::{Cfg, DomTree};
use crate::ir::{
    BinOp, Block, BlockCall, ElemKind, Field, FieldTy, Function, Inst, InstData, IntCC, Op, OvfOp, Term, Type, Value,
};
use rustc_hash::FxHashMap;

/// Rounds before what still changes is given up. Each loop takes two, and nests settle together.
const MAX_ROUNDS: usize = 12;
/// No object in memory has more items.
const MAX_LEN: i64 = 1 << 48;

/// Runs the pass.
pub fn run(f: &mut Function) {
    let cfg = Cfg::new(f);
    let dom = DomTree::new(&cfg);
    let mut is_header = vec![false; f.blocks.len()];
    for &b in &cfg.rpo {
        is_header[b.index()] = cfg.preds[b.index()].iter().any(|&p| dom.dominates(b, p));
    }
    let places =
        cfg.rpo.iter().flat_map(|&b| f.blocks[b.index()].params.iter().enumerate().map(move |(k, &p)| (p, (b, k)))).collect();
    let n = f.values.len();
    let mut r = Range {
        defs: DefMap::new(f),
        now: f.values.iter().map(|&t| Interval::full(t)).collect(),
        params: vec![None; n],
        seen: vec![None; n],
        outside: vec![None; n],
        caps: vec![None; n],
        exact: vec![false; f.insts.len()],
        undo: Vec::new(),
        scopes: Vec::new(),
        f,
        cfg,
        dom,
        is_header,
        places,
    };
    r.solve();
    r.rewrite();
}

/// A parameter of a loop header to which each iteration adds something bounded.
struct Counter {
    /// Which parameter.
    k: usize,
    param: Value,
    step: Interval,
    /// Whether adding it never wraps.
    exact: bool,
}

/// Values that a search for what an iteration adds looks at.
const SEARCH: u32 = 24;

struct Range<'f> {
    f: &'f mut Function,
    cfg: Cfg,
    dom: DomTree,
    defs: DefMap,
    is_header: Vec<bool>,
    /// Of which block each value is which parameter.
    places: FxHashMap<Value, (Block, usize)>,
    /// What each value is in, here.
    now: Vec<Interval>,
    /// What each block parameter is in; `None` as long as nothing came.
    params: Vec<Option<Interval>>,
    /// What a loop header's parameter was in when the last round came to it.
    seen: Vec<Option<Interval>>,
    /// What a loop header's parameter gets from outside the loop.
    outside: Vec<Option<Interval>>,
    /// What else is known of parameters: what counting iterations says.
    caps: Vec<Option<Interval>>,
    /// Whether an addition or subtraction never wraps, by instruction.
    exact: Vec<bool>,
    /// What refinements replaced.
    undo: Vec<(Value, Interval)>,
    /// The blocks that dominate this one, with what `undo` was when the walk came to them.
    scopes: Vec<(Block, usize)>,
}

impl Range<'_> {
    /// Finds intervals of the parameters that hold whatever the loops do.
    fn solve(&mut self) {
        for round in 0..MAX_ROUNDS {
            let before = self.params.clone();
            self.round();
            if self.params == before {
                break;
            }
            if round + 1 == MAX_ROUNDS {
                // What was found so far may be too little.
                for b in &self.f.blocks {
                    for p in &b.params {
                        self.params[p.index()] = None;
                    }
                }
                for b in self.f.blocks.iter().skip(1) {
                    for p in &b.params {
                        self.params[p.index()] = Some(Interval::full(self.f.ty(*p)));
                    }
                }
                return;
            }
        }
        for last in [false, false, false, true] {
            let solved = std::mem::replace(&mut self.params, vec![None; self.f.values.len()]);
            self.outside.fill(None);
            self.narrow(&solved);
            if !last {
                self.count_iterations();
            }
        }
    }

    /// What parameter `p` is in: as solved, and as counted.
    fn param(&self, solved: &[Option<Interval>], p: Value) -> Interval {
        let i = solved[p.index()].unwrap_or(Interval::full(self.f.ty(p)));
        self.caps[p.index()].map_or(i, |cap| i.meet(cap))
    }

    /// Bounds what loops add to.
    fn count_iterations(&mut self) {
        // Of what the walk has learned only the first block's holds everywhere.
        if let Some(&(_, mark)) = self.scopes.get(1) {
            self.undo_to(mark);
            self.scopes.truncate(1);
        }
        for place in 0..self.cfg.rpo.len() {
            let header = self.cfg.rpo[place];
            if self.is_header[header.index()] {
                let counters: Vec<Counter> =
                    (0..self.f.blocks[header.index()].params.len()).filter_map(|k| self.counter(header, k)).collect();
                self.bound(header, &counters);
            }
        }
    }

    /// Parameter `k` of a loop header, if what each iteration adds to it is bounded.
    fn counter(&self, header: Block, k: usize) -> Option<Counter> {
        let param = self.f.blocks[header.index()].params[k];
        if self.f.ty(param) != Type::I64 {
            return None;
        }
        let mut search = SEARCH;
        let mut sum: Option<(Interval, bool)> = None;
        for &p in &self.cfg.preds[header.index()] {
            if !self.dom.dominates(header, p) {
                continue;
            }
            for e in self.f.blocks[p.index()].term.edges().filter(|e| e.block == header) {
                let new = self.added(e.args[k], param, &mut search)?;
                sum = Some(sum.map_or(new, |old| either(old, new)));
            }
        }
        let (step, exact) = sum?;
        (step != Interval::constant(0)).then_some(Counter { k, param, step, exact })
    }

    /// What `v` is more than `param`, the sum of what was added on the way; whether no addition wraps.
    fn added(&self, v: Value, param: Value, search: &mut u32) -> Option<(Interval, bool)> {
        if v == param {
            return Some((Interval::constant(0), true));
        }
        *search = search.checked_sub(1)?;
        let Some(inst) = self.defs.inst(v) else {
            let &(block, k) = self.places.get(&v)?;
            if self.is_header[block.index()] {
                return None;
            }
            let mut sum = None;
            for &p in &self.cfg.preds[block.index()] {
                for e in self.f.blocks[p.index()].term.edges().filter(|e| e.block == block) {
                    let new = self.added(e.args[k], param, search)?;
                    sum = Some(sum.map_or(new, |old| either(old, new)));
                }
            }
            return sum;
        };
        let (op, a, b, exact) = match self.f.insts[inst.index()].op {
            Op::Bin(BinOp::Add, a, b) => (OvfOp::Add, a, b, self.exact[inst.index()]),
            Op::Bin(BinOp::Sub, a, b) => (OvfOp::Sub, a, b, self.exact[inst.index()]),
            Op::Ovf(op @ (OvfOp::Add | OvfOp::Sub), a, b, _) => (op, a, b, true),
            Op::Select(_, a, b) => {
                return Some(either(self.added(a, param, search)?, self.added(b, param, search)?));
            }
            _ => return None,
        };
        let ((before, so_far), term) = match self.added(a, param, search) {
            Some(before) => (before, b),
            None if op == OvfOp::Add => (self.added(b, param, search)?, a),
            None => return None,
        };
        Some((interval::ovf(op, before, self.now[term.index()])?, so_far && exact))
    }

    fn bound(&mut self, header: Block, counters: &[Counter]) {
        // A value that never wraps gets through its interval once.
        let times = counters
            .iter()
            .filter(|c| c.exact)
            .filter_map(|c| {
                let least = if c.step.lo > 0 { c.step.lo } else { c.step.hi.min(0).saturating_neg() };
                let i = self.param(&self.params, c.param);
                (least > 0).then(|| (i.hi as i128 - i.lo as i128) / least as i128)
            })
            .min();
        for c in counters {
            let Some(start) = self.outside[c.param.index()] else { continue };
            let mut cap = times.and_then(|n| {
                let lo = i64::try_from(start.lo as i128 + n.checked_mul(c.step.lo.min(0) as i128)?).ok()?;
                let hi = i64::try_from(start.hi as i128 + n.checked_mul(c.step.hi.max(0) as i128)?).ok()?;
                Some(Interval::new(lo, hi))
            });
            if cap.is_none() && c.step == Interval::constant(1) {
                let down = counters.iter().filter(|d| {
                    d.step == Interval::constant(-1) && d.exact && self.param(&self.params, d.param).is_not_negative()
                });
                cap = down
                    .filter_map(|d| self.end_of_range(header, c.k, d.k))
                    .map(|end| Interval::new(start.lo, end.max(start.lo)))
                    .next();
            }
            if let Some(cap) = cap {
                let slot = &mut self.caps[c.param.index()];
                *slot = Some(slot.map_or(cap, |old| old.meet(cap)));
            }
        }
    }

    /// The largest that `start + left` is where a loop starts with `start` as parameter `k` and
    /// `left = max(stop - start, 0)` as parameter `l`: it is `stop` or `start`, and has not wrapped.
    fn end_of_range(&self, header: Block, k: usize, l: usize) -> Option<i64> {
        let pred = self.cfg.only_entry(&self.dom, header)?;
        let Term::Jump(e) = &self.f.blocks[pred.index()].term else { return None };
        let (start, left) = (e.args[k], e.args[l]);
        let &Op::Select(none, zero, n) = self.defs.op(self.f, left)? else { return None };
        let &Op::Icmp(IntCC::SLt, x, y) = self.defs.op(self.f, none)? else { return None };
        let is_zero = |v| self.defs.int(self.f, v) == Some(0);
        let (&Op::Ovf(OvfOp::Sub, stop, from, _) | &Op::Bin(BinOp::Sub, stop, from)) = self.defs.op(self.f, n)? else {
            return None;
        };
        let exact = match self.f.insts[self.defs.inst(n)?.index()].op {
            Op::Ovf(..) => true,
            _ => self.exact[self.defs.inst(n)?.index()],
        };
        let fits = exact && x == n && is_zero(y) && is_zero(zero) && from == start;
        fits.then(|| self.now[stop.index()].hi.max(self.now[start.index()].hi))
    }

    /// Walks once, letting parameters grow.
    fn round(&mut self) {
        self.undo_to(0);
        self.scopes.clear();
        for i in 0..self.dom.preorder.len() {
            let block = self.dom.preorder[i];
            self.enter(block);
            for k in 0..self.f.blocks[block.index()].params.len() {
                let p = self.f.blocks[block.index()].params[k];
                let full = Interval::full(self.f.ty(p));
                if block == Block(0) {
                    self.now[p.index()] = full;
                    continue;
                }
                let mut new = self.params[p.index()].unwrap_or(full);
                if self.is_header[block.index()] {
                    if let Some(old) = self.seen[p.index()] {
                        if new.lo < old.lo {
                            new.lo = if new.lo >= 0 { 0 } else { full.lo };
                        }
                        if new.hi > old.hi {
                            new.hi = full.hi;
                        }
                        self.params[p.index()] = Some(new);
                    }
                    self.seen[p.index()] = Some(new);
                }
                self.now[p.index()] = new;
            }
            self.walk(block);
        }
    }

    /// Walks once, computing the parameters anew from `solved`.
    fn narrow(&mut self, solved: &[Option<Interval>]) {
        self.undo_to(0);
        self.scopes.clear();
        for i in 0..self.dom.preorder.len() {
            let block = self.dom.preorder[i];
            self.enter(block);
            for k in 0..self.f.blocks[block.index()].params.len() {
                let p = self.f.blocks[block.index()].params[k];
                self.now[p.index()] = self.param(solved, p);
            }
            self.walk(block);
        }
    }

    fn undo_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            if let Some((v, old)) = self.undo.pop() {
                self.now[v.index()] = old;
            }
        }
    }

    /// Forgets what only held in blocks that do not dominate this one; takes in what the branch to it says.
    fn enter(&mut self, block: Block) {
        while let Some(&(scope, mark)) = self.scopes.last() {
            if self.dom.dominates(scope, block) {
                break;
            }
            self.undo_to(mark);
            self.scopes.pop();
        }
        self.scopes.push((block, self.undo.len()));
        let Some(pred) = self.cfg.only_entry(&self.dom, block) else { return };
        if let Term::Br { cond, then, els } = &self.f.blocks[pred.index()].term
            && then.block != els.block
        {
            let (cond, holds) = (*cond, then.block == block);
            self.learn(cond, holds, 4);
        }
    }

    /// Evaluates a block and passes the arguments on.
    fn walk(&mut self, block: Block) {
        for k in 0..self.f.blocks[block.index()].insts.len() {
            let inst = self.f.blocks[block.index()].insts[k];
            self.evaluate(inst);
        }
        let term = std::mem::take(&mut self.f.blocks[block.index()].term);
        match &term {
            Term::Jump(e) => self.pass(block, e),
            Term::Br { cond, then, els } => {
                let mark = self.undo.len();
                self.learn(*cond, true, 4);
                self.pass(block, then);
                self.undo_to(mark);
                self.learn(*cond, false, 4);
                self.pass(block, els);
                self.undo_to(mark);
            }
            _ => {}
        }
        self.f.blocks[block.index()].term = term;
    }

    fn pass(&mut self, from: Block, e: &BlockCall) {
        let from_outside = self.is_header[e.block.index()] && !self.dom.dominates(e.block, from);
        for (k, &a) in e.args.iter().enumerate() {
            let p = self.f.blocks[e.block.index()].params[k];
            let a = self.again(a);
            let slot = &mut self.params[p.index()];
            *slot = Some(slot.map_or(a, |s| s.join(a)));
            if from_outside {
                let slot = &mut self.outside[p.index()];
                *slot = Some(slot.map_or(a, |s| s.join(a)));
            }
        }
    }

    /// The interval of an instruction's result; what a guard proves.
    fn evaluate(&mut self, inst: Inst) {
        if let Op::Guard { cond, expect, .. } = self.f.insts[inst.index()].op {
            self.learn(cond, expect, 4);
        } else if let Some(r) = self.f.insts[inst.index()].result {
            self.now[r.index()] = self.interval(inst);
            if let Op::Bin(op @ (BinOp::Add | BinOp::Sub), a, b) = self.f.insts[inst.index()].op
                && let Some(exact) = self.exact.get_mut(inst.index())
            {
                let op = if op == BinOp::Add { OvfOp::Add } else { OvfOp::Sub };
                *exact = interval::ovf(op, self.now[a.index()], self.now[b.index()]).is_some();
            }
        }
    }

    fn interval(&mut self, inst: Inst) -> Interval {
        if let Op::Select(c, a, b) = self.f.insts[inst.index()].op {
            return self.select(c, a, b);
        }
        let data = &self.f.insts[inst.index()];
        let at = |v: Value| self.now[v.index()];
        let full = data.result.map_or(Interval::full(Type::I64), |r| Interval::full(self.f.ty(r)));
        match &data.op {
            Op::I64Const(x) => Interval::constant(*x),
            Op::I32Const(x) => Interval::constant(*x as i64),
            Op::Bin(op, a, b) if !op.is_float() && self.f.ty(*a) != Type::Ptr => {
                interval::bin(*op, self.f.ty(*a), at(*a), at(*b))
            }
            Op::Ovf(op, a, b, _) => interval::ovf_checked(*op, at(*a), at(*b)),
            Op::Un(op, a) if matches!(self.f.ty(*a), Type::I32 | Type::I64) => {
                interval::un(*op, op.result_type(self.f.ty(*a)), at(*a))
            }
            Op::Icmp(cc, a, b) => match self.decide(*cc, *a, *b) {
                Some(x) => Interval::constant(x as i64),
                None => Interval::new(0, 1),
            },
            Op::Fcmp(..) | Op::IsUnique(_) => Interval::new(0, 1),
            Op::Load { field, .. } => of_field(*field).unwrap_or(full),
            Op::LoadElem { kind: ElemKind::Byte, .. } => Interval::new(0, 255),
            _ => full,
        }
    }

    /// `if c { a } else { b }`, each side with what its condition says.
    fn select(&mut self, c: Value, a: Value, b: Value) -> Interval {
        let mut side = |v: Value, holds: bool| {
            let mark = self.undo.len();
            self.learn(c, holds, 4);
            let out = self.again(v);
            self.undo_to(mark);
            out
        };
        let (a, b) = (side(a, true), side(b, false));
        match self.now[c.index()].as_constant() {
            Some(0) => b,
            Some(_) => a,
            None => a.join(b),
        }
    }

    /// What a value is in, computed again with what has become known of its operands since.
    fn again(&mut self, v: Value) -> Interval {
        let now = self.now[v.index()];
        match self.defs.inst(v) {
            Some(inst) if matches!(self.f.insts[inst.index()].op, Op::Bin(..) | Op::Un(..) | Op::Ovf(..)) => {
                now.meet(self.interval(inst))
            }
            _ => now,
        }
    }

    fn decide(&self, cc: IntCC, a: Value, b: Value) -> Option<bool> {
        if self.f.ty(a) == Type::Ptr {
            return None;
        }
        interval::compare(cc, self.now[a.index()], self.now[b.index()])
    }

    /// Takes in that the truth value `cond` is `holds`, looking through `depth` operations.
    fn learn(&mut self, cond: Value, holds: bool, depth: u32) {
        let Some(op) = self.defs.op(self.f, cond) else {
            return self.learn_truth(cond, holds);
        };
        match *op {
            Op::Icmp(cc, a, b) if self.f.ty(a) != Type::Ptr => {
                let cc = if holds { cc } else { cc.inverse() };
                let (x, y) = interval::refine(cc, self.now[a.index()], self.now[b.index()]);
                self.set(a, x);
                self.set(b, y);
                // A comparison of a truth value tells that one.
                if depth > 0
                    && let (IntCC::Eq | IntCC::Ne, Some(c @ (0 | 1))) = (cc, self.now[b.index()].as_constant())
                    && matches!(self.defs.op(self.f, a), Some(Op::Icmp(..)))
                {
                    self.learn(a, (c == 1) == (cc == IntCC::Eq), depth - 1);
                }
            }
            Op::Bin(BinOp::And, a, b) if holds && depth > 0 && self.are_truths(a, b) => {
                self.learn(a, true, depth - 1);
                self.learn(b, true, depth - 1);
            }
            Op::Bin(BinOp::Or, a, b) if !holds && depth > 0 => {
                self.learn(a, false, depth - 1);
                self.learn(b, false, depth - 1);
            }
            _ => {}
        }
        self.learn_truth(cond, holds);
    }

    fn are_truths(&self, a: Value, b: Value) -> bool {
        let bit = Interval::new(0, 1);
        [a, b].iter().all(|v| bit.contains(self.now[v.index()]))
    }

    /// The condition itself: zero, or not.
    fn learn_truth(&mut self, cond: Value, holds: bool) {
        let cc = if holds { IntCC::Ne } else { IntCC::Eq };
        let (x, _) = interval::refine(cc, self.now[cond.index()], Interval::constant(0));
        self.set(cond, x);
    }

    fn set(&mut self, v: Value, new: Interval) {
        let old = self.now[v.index()];
        if new != old {
            self.undo.push((v, old));
            self.now[v.index()] = new;
        }
    }

    /// Walks a last time, changing what can be changed.
    fn rewrite(&mut self) {
        self.undo_to(0);
        self.scopes.clear();
        let solved = self.params.clone();
        let mut renames = Renames::new(self.f);
        for i in 0..self.dom.preorder.len() {
            let block = self.dom.preorder[i];
            self.enter(block);
            for k in 0..self.f.blocks[block.index()].params.len() {
                let p = self.f.blocks[block.index()].params[k];
                self.now[p.index()] = self.param(&solved, p);
            }
            let insts = std::mem::take(&mut self.f.blocks[block.index()].insts);
            let mut kept = Vec::with_capacity(insts.len());
            for inst in insts {
                if let Some(constant) = self.reduce(inst) {
                    kept.push(constant);
                }
                if self.improve(inst, &mut renames) {
                    kept.push(inst);
                }
            }
            self.f.blocks[block.index()].insts = kept;
            self.decide_branch(block);
        }
        renames.apply(self.f);
    }

    /// Whether a truth value is known here, with all that is known here of its operands.
    fn truth(&self, cond: Value) -> Option<bool> {
        if let Some(&Op::Icmp(cc, a, b)) = self.defs.op(self.f, cond)
            && let Some(x) = self.decide(cc, a, b)
        {
            return Some(x);
        }
        interval::compare(IntCC::Ne, self.now[cond.index()], Interval::constant(0))
    }

    /// Simplifies an instruction; false if it is not needed.
    fn improve(&mut self, inst: Inst, renames: &mut Renames) -> bool {
        let data = &self.f.insts[inst.index()];
        let result = data.result;
        let mut simpler = None;
        match data.op {
            Op::Guard { cond, expect, .. } => {
                if self.truth(cond) == Some(expect) {
                    if let Some(r) = result {
                        renames.forget(r);
                    }
                    return false;
                }
            }
            Op::Ovf(op, a, b, _) => {
                if interval::ovf(op, self.now[a.index()], self.now[b.index()]).is_some() {
                    simpler = Some(Op::Bin(op.wrapping(), a, b));
                }
            }
            Op::Icmp(cc, a, b) if self.f.ty(a) != Type::Ptr => {
                let (x, y) = (self.now[a.index()], self.now[b.index()]);
                if let Some(k) = interval::compare(cc, x, y) {
                    simpler = Some(Op::I32Const(k as i32));
                } else if x.is_not_negative() && y.is_not_negative() {
                    // With one order for both, equal conditions are seen to be equal.
                    let signed = match cc {
                        IntCC::ULt => IntCC::SLt,
                        IntCC::ULe => IntCC::SLe,
                        IntCC::UGt => IntCC::SGt,
                        IntCC::UGe => IntCC::SGe,
                        other => other,
                    };
                    simpler = (signed != cc).then_some(Op::Icmp(signed, a, b));
                }
            }
            Op::Select(c, a, b) => {
                if let (Some(holds), Some(r)) = (self.truth(c), result) {
                    renames.replace(r, if holds { a } else { b });
                    self.evaluate(inst);
                    return false;
                }
            }
            Op::Bin(BinOp::And, a, b) => {
                // A mask that takes nothing away.
                let (x, y) = (self.now[a.index()], self.now[b.index()].as_constant());
                if let (Some(mask), Some(r)) = (y, result)
                    && mask > 0
                    && mask & mask.wrapping_add(1) == 0
                    && x.is_not_negative()
                    && x.hi <= mask
                {
                    renames.replace(r, a);
                    self.evaluate(inst);
                    return false;
                }
            }
            _ => {}
        }
        if let Some(op) = simpler {
            self.f.insts[inst.index()].op = op;
        }
        self.evaluate(inst);
        true
    }

    /// Makes divisions of what is not negative by powers of two shifts and masks; gives the
    /// instruction for the new constant.
    fn reduce(&mut self, inst: Inst) -> Option<Inst> {
        let Op::Bin(op @ (BinOp::SDiv | BinOp::SRem), a, b) = self.f.insts[inst.index()].op else { return None };
        let c = self.defs.int(self.f, b).filter(|c| *c > 1 && c & (c - 1) == 0)?;
        if !self.now[a.index()].is_not_negative() {
            return None;
        }
        let (op, c) = match op {
            BinOp::SDiv => (BinOp::SShr, c.trailing_zeros() as i64),
            _ => (BinOp::And, c - 1),
        };
        let constant = if self.f.ty(a) == Type::I32 { Op::I32Const(c as i32) } else { Op::I64Const(c) };
        let (made, v) = self.add_constant(constant, c);
        self.f.insts[inst.index()].op = Op::Bin(op, a, v);
        Some(made)
    }

    /// A new constant, in no block yet.
    fn add_constant(&mut self, op: Op, x: i64) -> (Inst, Value) {
        let v = Value(self.f.values.len() as u32);
        let inst = Inst(self.f.insts.len() as u32);
        self.f.values.push(op.result_type(self.f).unwrap_or(Type::I64));
        self.f.insts.push(InstData { op, result: Some(v), pc: u32::MAX, inlined: None });
        self.defs.add(v, inst);
        self.now.push(Interval::constant(x));
        self.params.push(None);
        (inst, v)
    }

    fn decide_branch(&mut self, block: Block) {
        let Term::Br { cond, .. } = self.f.blocks[block.index()].term else { return };
        let Some(holds) = self.truth(cond) else { return };
        if self.defs.int(self.f, cond).is_some() {
            return;
        }
        let (inst, v) = self.add_constant(Op::I32Const(holds as i32), holds as i64);
        self.f.blocks[block.index()].insts.push(inst);
        if let Term::Br { cond, .. } = &mut self.f.blocks[block.index()].term {
            *cond = v;
        }
    }
}

/// What two ways may have added.
fn either(a: (Interval, bool), b: (Interval, bool)) -> (Interval, bool) {
    (a.0.join(b.0), a.1 && b.1)
}

/// What a load of a field gives.
fn of_field(field: Field) -> Option<Interval> {
    Some(match field {
        Field::ListCap
        | Field::ListLen
        | Field::TupleLen
        | Field::StrBytes
        | Field::BytesLen
        | Field::DictUsed
        | Field::DictFilled
        | Field::ListIterIndex
        | Field::StrIterIndex => Interval::new(0, MAX_LEN),
        Field::StrChars => Interval::new(-1, MAX_LEN),
        _ if field.field_ty() == FieldTy::U8 => Interval::new(0, 255),
        _ => return None,
    })
}
