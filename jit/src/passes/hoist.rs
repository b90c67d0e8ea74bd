//! Loop-invariant code motion: operations whose operands do not change in a
//! loop go to the block before it.
//!
//! Pure operations and loads go if computing them in vain does no harm. A guard goes if the loop
//! would run it in every iteration; it then leaves through the exit that the preheader names for this, whose
//! state is the loop's entry: what the loop did before it fails is the interpreter's again.
//! Loads that hang on a guard go after it.

use super::effects::{Classes, Writes, is_const, is_speculatable, read_class};
use super::rewrite::DefMap;
use crate::ir::cfg::{Cfg, DomTree, Loops};
use crate::ir::{Block, ExitId, Function, Inst, InstData, Op, Term, Value};

/// Runs the pass.
pub fn run(f: &mut Function, alone: bool) {
    let writes = Writes::new(f, alone);
    let cfg = Cfg::new(f);
    let dom = DomTree::new(&cfg);
    let loops = Loops::new(&cfg, &dom);
    if loops.loops.is_empty() || loops.irreducible.is_some() {
        return;
    }
    let mut home = vec![None; f.values.len()];
    let mut block_writes: Vec<Classes> = vec![0; f.blocks.len()];
    for &b in &cfg.rpo {
        let data = &f.blocks[b.index()];
        data.params.iter().for_each(|p| home[p.index()] = Some(b));
        for &i in &data.insts {
            let d = &f.insts[i.index()];
            block_writes[b.index()] |= writes.of(&d.op);
            if let Some(r) = d.result {
                home[r.index()] = Some(b);
            }
        }
    }
    let mut h = Hoist { defs: DefMap::new(f), f, cfg, dom, loops, home, block_writes };
    // Inner loops first: what they hoist may go further.
    for id in (0..h.loops.loops.len()).rev() {
        h.hoist(id);
    }
}

struct Hoist<'f> {
    f: &'f mut Function,
    cfg: Cfg,
    dom: DomTree,
    loops: Loops,
    defs: DefMap,
    /// The block that defines each value.
    home: Vec<Option<Block>>,
    block_writes: Vec<Classes>,
}

impl Hoist<'_> {
    /// The block that is the only way into a loop and leads nowhere else.
    fn preheader(&self, id: usize) -> Option<Block> {
        let header = self.loops.loops[id].header;
        let mut found = None;
        for &p in &self.cfg.preds[header.index()] {
            if !self.dom.dominates(header, p) && found.replace(p).is_some() {
                return None;
            }
        }
        found.filter(|p| matches!(self.f.blocks[p.index()].term, Term::Jump(_)))
    }

    fn hoist(&mut self, id: usize) {
        let Some(to) = self.preheader(id) else { return };
        let hoist_exit = self.f.blocks[to.index()].hoist_exit;
        let mut blocks = self.loops.loops[id].blocks.clone();
        blocks.sort_by_key(|b| self.cfg.order[b.index()]);
        let written = blocks.iter().fold(0, |w, b| w | self.block_writes[b.index()]);
        for block in blocks {
            let always =
                !self.f.blocks[block.index()].cold && self.loops.loops[id].latches.iter().all(|&l| self.dom.dominates(block, l));
            let guard_exit = if always { hoist_exit } else { None };
            let insts = std::mem::take(&mut self.f.blocks[block.index()].insts);
            let mut kept = Vec::with_capacity(insts.len());
            for inst in insts {
                if !self.try_hoist(id, inst, to, guard_exit, written) {
                    kept.push(inst);
                }
            }
            self.f.blocks[block.index()].insts = kept;
        }
    }

    /// Whether a value is the same in all iterations of a loop.
    fn is_invariant(&self, id: usize, v: Value) -> bool {
        match self.home[v.index()] {
            Some(b) => !self.loops.contains(id, b) || self.defs.op(self.f, v).is_some_and(is_const),
            None => false,
        }
    }

    fn try_hoist(&mut self, id: usize, inst: Inst, to: Block, guard_exit: Option<ExitId>, written: Classes) -> bool {
        let op = &self.f.insts[inst.index()].op;
        // Constants go where they are needed.
        if is_const(op) {
            return false;
        }
        let may = match op {
            Op::Guard { cond, .. } => guard_exit.is_some() && self.defs.int(self.f, *cond).is_none(),
            Op::Ovf(..) => guard_exit.is_some(),
            _ => match read_class(op) {
                Some(class) => written & 1 << class == 0,
                None => is_speculatable(op, |v| self.defs.int(self.f, v)) || (guard_exit.is_some() && is_math(op)),
            },
        };
        if !may {
            return false;
        }
        let mut invariant = true;
        op.operands(&mut |v| invariant &= self.is_invariant(id, v));
        if !invariant {
            return false;
        }
        let mut op = op.clone();
        op.map_operands(&mut |v| self.bring(id, v, to));
        match &mut op {
            Op::Guard { exit, .. } | Op::Ovf(_, _, _, exit) => {
                if let Some(e) = guard_exit {
                    *exit = e;
                }
            }
            _ => {}
        }
        self.f.insts[inst.index()].op = op;
        self.f.blocks[to.index()].insts.push(inst);
        if let Some(r) = self.f.insts[inst.index()].result {
            self.home[r.index()] = Some(to);
        }
        true
    }

    /// An invariant operand outside the loop: a constant inside of it is made once more.
    fn bring(&mut self, id: usize, v: Value, to: Block) -> Value {
        if !self.home[v.index()].is_some_and(|b| self.loops.contains(id, b)) {
            return v;
        }
        let Some(op) = self.defs.op(self.f, v).cloned() else { return v };
        let new = Value(self.f.values.len() as u32);
        let inst = Inst(self.f.insts.len() as u32);
        self.f.values.push(self.f.ty(v));
        self.f.insts.push(InstData { op, result: Some(new), pc: u32::MAX, inlined: None });
        self.f.blocks[to.index()].insts.push(inst);
        self.defs.add(new, inst);
        self.home.push(Some(to));
        new
    }
}

/// Whether the operation is a call of a mathematical function: defined for all operands, but not cheap.
fn is_math(op: &Op) -> bool {
    matches!(op, Op::CallRt { rt, .. } if rt.effect() == crate::rt::Effect::Pure && rt.name().starts_with("math_"))
}
