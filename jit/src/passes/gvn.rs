//! Value numbering along the dominator tree: an operation that a dominating one
//! has computed already is replaced by it. Loads take part with the version of
//! the memory that they read, stores provide values for them; guards and branches make their conditions known.
//!
//! Pessimistic, in one walk in reverse postorder: nothing is assumed that a later back edge could take back. What is known
//! at a block is what holds at its immediate dominator, and of each class of memory a version number. Elements: a
//! version each; join: the same version if all predecessors bring it, else a fresh one, which equals nothing known before;
//! a loop's header starts with a fresh one for each class that the loop writes.

use super::effects::{CLASS_COUNT, Classes, Writes, is_pure, look_class, read_class};
use super::fold::remove_unreachable;
use super::rewrite::{DefMap, FastMap, Renames};
use crate::ir::cfg::{Cfg, DomTree, Loops};
use crate::ir::simplify::{Simplified, is_bool, simplify};
use crate::ir::{Block, BlockCall, ElemKind, ExitId, FieldTy, Function, Inst, IntCC, Op, Term, Value};

/// Runs the pass. A guard that a branch has decided stays as long as loads hang on it: they
/// may still be moved.
pub fn run(f: &mut Function, alone: bool) {
    Gvn::new(f, alone, false).run();
}

/// Runs it when nothing will be moved any more.
pub fn run_late(f: &mut Function, alone: bool) {
    Gvn::new(f, alone, true).run();
}

/// What makes operations equal: the operation, with operands in canonical order and without what
/// does not matter for the result, and the version of the memory that it reads.
#[derive(PartialEq, Eq, Hash)]
struct Expression {
    op: Op,
    version: u32,
}

/// A condition in canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Cond {
    Icmp(IntCC, Value, Value),
    Value(Value),
}

/// What is known of a condition in the blocks that `block` dominates.
#[derive(Clone, Copy)]
struct KnownCondition {
    holds: bool,
    /// The guard that says so; `None` for a branch.
    tok: Option<Value>,
    block: Block,
}

struct Gvn<'f> {
    f: &'f mut Function,
    writes: Writes,
    late: bool,
    cfg: Cfg,
    dom: DomTree,
    defs: DefMap,
    renames: Renames,
    values: FastMap<Expression, (Value, Block)>,
    facts: FastMap<Cond, KnownCondition>,
    /// Whether an access hangs on a token.
    tok_used: Vec<bool>,
    /// By place in reverse postorder: the version of each memory class on entry.
    memory: Vec<[u32; CLASS_COUNT]>,
}

impl<'f> Gvn<'f> {
    fn new(f: &'f mut Function, alone: bool, late: bool) -> Self {
        let writes = Writes::new(f, alone);
        let cfg = Cfg::new(f);
        let dom = DomTree::new(&cfg);
        let mut tok_used = vec![false; f.values.len()];
        for b in &f.blocks {
            for &i in &b.insts {
                if let Op::Load { dep: Some(d), .. } | Op::LoadElem { dep: Some(d), .. } = f.insts[i.index()].op {
                    tok_used[d.index()] = true;
                }
            }
        }
        let memory = versions(f, &writes, &cfg, &dom);
        Gvn {
            defs: DefMap::new(f),
            renames: Renames::new(f),
            f,
            writes,
            late,
            cfg,
            dom,
            values: FastMap::default(),
            facts: FastMap::default(),
            tok_used,
            memory,
        }
    }

    fn run(mut self) {
        for i in 0..self.dom.preorder.len() {
            self.block(self.dom.preorder[i]);
        }
        self.renames.apply(self.f);
        remove_unreachable(self.f);
    }

    fn block(&mut self, block: Block) {
        self.edge_fact(block);
        let mut memory = self.memory[self.cfg.order[block.index()] as usize];
        let insts = std::mem::take(&mut self.f.blocks[block.index()].insts);
        let mut kept = Vec::with_capacity(insts.len());
        for inst in insts {
            if self.inst(block, inst, &memory) {
                kept.push(inst);
            }
            self.after(block, inst, &mut memory);
        }
        let mut term = std::mem::take(&mut self.f.blocks[block.index()].term);
        term.map_operands(&mut |v| self.renames.resolve(v));
        if let Term::Br { cond, then, els } = &mut term
            && let Some(holds) = self.known(*cond, block)
        {
            let taken: &mut BlockCall = if holds { then } else { els };
            term = Term::Jump(std::mem::take(taken));
        }
        let data = &mut self.f.blocks[block.index()];
        data.insts = kept;
        data.term = term;
    }

    /// What the branch that leads here, and only here, says of its condition.
    fn edge_fact(&mut self, block: Block) {
        let Some(pred) = self.cfg.only_entry(&self.dom, block) else { return };
        if let Term::Br { cond, then, els } = &self.f.blocks[pred.index()].term
            && then.block != els.block
        {
            let (cond, holds) = (*cond, then.block == block);
            let (cond, flip) = self.canonical(cond);
            self.learn(cond, KnownCondition { holds: holds != flip, tok: None, block });
        }
    }

    /// Takes note of a fact and of what follows from it.
    fn learn(&mut self, cond: Cond, fact: KnownCondition) {
        self.learn_one(cond, fact);
        let Cond::Icmp(cc, a, b) = cond else { return };
        let (lt, le) = match cc {
            IntCC::SLt | IntCC::SLe => (IntCC::SLt, IntCC::SLe),
            IntCC::ULt | IntCC::ULe => (IntCC::ULt, IntCC::ULe),
            _ => {
                if fact.holds {
                    for (cc, holds) in [(IntCC::SLt, false), (IntCC::SLe, true), (IntCC::ULt, false), (IntCC::ULe, true)] {
                        self.learn_one(Cond::Icmp(cc, a, b), KnownCondition { holds, ..fact });
                    }
                }
                return;
            }
        };
        match (cc == lt, fact.holds) {
            // a < b
            (true, true) => {
                self.learn_one(Cond::Icmp(le, a, b), fact);
                self.learn_one(Cond::Icmp(IntCC::Eq, a, b), KnownCondition { holds: false, ..fact });
            }
            // a > b
            (false, false) => {
                self.learn_one(Cond::Icmp(lt, a, b), fact);
                self.learn_one(Cond::Icmp(IntCC::Eq, a, b), fact);
            }
            _ => {}
        }
    }

    fn learn_one(&mut self, cond: Cond, fact: KnownCondition) {
        match self.facts.get(&cond) {
            Some(old) if self.dom.dominates(old.block, fact.block) => {}
            _ => {
                self.facts.insert(cond, fact);
            }
        }
    }

    /// The canonical form of a truth value, and whether it is the inverse of that.
    fn canonical(&self, v: Value) -> (Cond, bool) {
        match self.defs.op(self.f, v) {
            Some(&Op::Icmp(cc, a, b)) => {
                let (cc, a, b) = if a > b { (cc.swapped(), b, a) } else { (cc, a, b) };
                match cc {
                    IntCC::Ne | IntCC::SGe | IntCC::SGt | IntCC::UGe | IntCC::UGt => (Cond::Icmp(cc.inverse(), a, b), true),
                    _ => (Cond::Icmp(cc, a, b), false),
                }
            }
            _ => (Cond::Value(v), false),
        }
    }

    fn fact(&self, cond: Cond, block: Block) -> Option<KnownCondition> {
        self.facts.get(&cond).copied().filter(|f| self.dom.dominates(f.block, block))
    }

    /// Whether a truth value is known at `block`.
    fn known(&self, v: Value, block: Block) -> Option<bool> {
        if let Some(x) = self.defs.int(self.f, v) {
            return Some(x != 0);
        }
        let (cond, flip) = self.canonical(v);
        self.fact(cond, block).map(|fact| fact.holds != flip)
    }

    /// Handles one instruction; false if it is not needed.
    fn inst(&mut self, block: Block, inst: Inst, memory: &[u32; CLASS_COUNT]) -> bool {
        let mut op = self.f.insts[inst.index()].op.clone();
        let result = self.f.insts[inst.index()].result;
        self.renames.apply_to(&mut op);
        loop {
            match simplify(&op, &self.defs.with(self.f)) {
                Simplified::Op(simpler) => op = simpler,
                Simplified::Same => break,
                Simplified::Value(v) => return self.replaced(result, v),
                Simplified::Nothing => {
                    if let Some(r) = result {
                        self.renames.forget(r);
                    }
                    return false;
                }
            }
        }
        if let Op::Select(c, a, b) = op
            && let Some(holds) = self.known(c, block)
        {
            return self.replaced(result, if holds { a } else { b });
        }
        self.f.insts[inst.index()].op = op;
        let op = &self.f.insts[inst.index()].op;
        if let Op::Guard { cond, expect, .. } = *op {
            return self.guard(block, cond, expect, result);
        }
        let Some(r) = result else { return true };
        let Some(key) = key(op, memory, &|a, b| self.f.ty(a) == self.f.ty(b)) else { return true };
        match self.values.get(&key) {
            Some(&(v, at)) if self.dom.dominates(at, block) => self.replaced(result, v),
            _ => {
                self.values.insert(key, (r, block));
                true
            }
        }
    }

    fn replaced(&mut self, result: Option<Value>, by: Value) -> bool {
        if let Some(r) = result {
            self.renames.replace(r, by);
        }
        false
    }

    fn guard(&mut self, block: Block, cond: Value, expect: bool, result: Option<Value>) -> bool {
        let (cond, flip) = self.canonical(cond);
        let holds = expect != flip;
        match self.fact(cond, block) {
            Some(fact) if fact.holds == holds => match (fact.tok, result) {
                (Some(tok), Some(r)) => {
                    self.renames.replace(r, tok);
                    false
                }
                (None, Some(r)) if self.tok_used[r.index()] => {
                    if self.late {
                        self.renames.forget(r);
                    }
                    !self.late
                }
                _ => false,
            },
            // One that contradicts what is known leaves; what follows does not matter.
            Some(_) => true,
            None => {
                self.learn(cond, KnownCondition { holds, tok: result, block });
                true
            }
        }
    }

    /// Lets the memory be what it is after an instruction.
    fn after(&mut self, block: Block, inst: Inst, memory: &mut [u32; CLASS_COUNT]) {
        let op = &self.f.insts[inst.index()].op;
        let written = self.writes.of(op);
        if written == 0 {
            return;
        }
        write(memory, written, inst.0);
        // A store makes the load of the same place known.
        let known = match *op {
            Op::Store { field, base, value } => {
                let fits = match field.field_ty() {
                    FieldTy::U8 => {
                        is_bool(value, &self.defs.with(self.f))
                            || self.defs.int(self.f, value).is_some_and(|x| (0..256).contains(&x))
                    }
                    _ => true,
                };
                fits.then_some((Op::Load { field, base, dep: None }, value))
            }
            Op::StoreElem { kind, base, index, value } => {
                (kind != ElemKind::Byte).then_some((Op::LoadElem { kind, base, index, dep: None }, value))
            }
            Op::StoreArg { args, index, value } => Some((Op::LoadArg { args, index, ty: self.f.ty(value) }, value)),
            _ => None,
        };
        if let Some((load, value)) = known
            && let Some(key) = key(&load, memory, &|_, _| false)
        {
            self.values.insert(key, (value, block));
        }
    }
}

fn write(memory: &mut [u32; CLASS_COUNT], mut written: Classes, version: u32) {
    while written != 0 {
        let class = written.trailing_zeros() as usize;
        written &= written - 1;
        if class < CLASS_COUNT {
            memory[class] = version;
        }
    }
}

/// The key of an operation whose result may be shared.
fn key(op: &Op, memory: &[u32; CLASS_COUNT], same_type: &impl Fn(Value, Value) -> bool) -> Option<Expression> {
    let mut op = op.clone();
    let mut version = 0;
    match &mut op {
        Op::Bin(bin, a, b) => {
            if bin.is_commutative() && *a > *b && same_type(*a, *b) {
                std::mem::swap(a, b);
            }
        }
        Op::Icmp(cc, a, b) => {
            if *a > *b {
                *cc = cc.swapped();
                std::mem::swap(a, b);
            }
        }
        // The one that ran first has not overflowed: nor will this one.
        Op::Ovf(_, _, _, exit) => *exit = ExitId(0),
        Op::Load { dep, .. } | Op::LoadElem { dep, .. } => *dep = None,
        _ => {}
    }
    if let Some(class) = read_class(&op).or_else(|| look_class(&op)) {
        version = memory[class];
    } else if !is_pure(&op) && !matches!(op, Op::Ovf(..)) {
        return None;
    }
    Some(Expression { op, version })
}

/// The version of each memory class at the start of each block: which instruction wrote it last,
/// or which block's start is the place where that can't be told any more.
fn versions(f: &Function, writes: &Writes, cfg: &Cfg, dom: &DomTree) -> Vec<[u32; CLASS_COUNT]> {
    let loops = Loops::new(cfg, dom);
    let mut block_writes: Vec<Classes> = vec![0; f.blocks.len()];
    for &b in &cfg.rpo {
        for &i in &f.blocks[b.index()].insts {
            block_writes[b.index()] |= writes.of(&f.insts[i.index()].op);
        }
    }
    let mut header_writes: Vec<Classes> = vec![0; f.blocks.len()];
    for l in &loops.loops {
        header_writes[l.header.index()] = l.blocks.iter().fold(0, |w, b| w | block_writes[b.index()]);
    }
    let start_of = |b: Block| f.insts.len() as u32 + 1 + b.0;
    // Before anything was written.
    let mut entry = vec![[start_of(Block(0)); CLASS_COUNT]; cfg.rpo.len()];
    let mut exit = entry.clone();
    for (place, &b) in cfg.rpo.iter().enumerate() {
        if place > 0 {
            let mut state: Option<[u32; CLASS_COUNT]> = None;
            for &p in &cfg.preds[b.index()] {
                if dom.dominates(b, p) {
                    // A back-edge brings what the loop writes; see below.
                    continue;
                }
                let from = cfg.order[p.index()] as usize;
                if from >= place {
                    // Not reducible: nothing is known.
                    state = Some([start_of(b); CLASS_COUNT]);
                    break;
                }
                match &mut state {
                    None => state = Some(exit[from]),
                    Some(s) => {
                        for (x, y) in s.iter_mut().zip(&exit[from]) {
                            if *x != *y {
                                *x = start_of(b);
                            }
                        }
                    }
                }
            }
            let mut state = state.unwrap_or([start_of(b); CLASS_COUNT]);
            write(&mut state, header_writes[b.index()], start_of(b));
            entry[place] = state;
        }
        let mut state = entry[place];
        for &i in &f.blocks[b.index()].insts {
            write(&mut state, writes.of(&f.insts[i.index()].op), i.0);
        }
        exit[place] = state;
    }
    entry
}
