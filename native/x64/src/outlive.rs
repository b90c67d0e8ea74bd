//! Floats that outlive a loop only because exits want them.
//!
//! No float register survives a call. A sum that a loop adds up is a local variable for long after it, and the register
//! allocator, which sees one value from the loop to the last exit that stores it, across all calls between, gives
//! it a place in memory in the loop as well. So where a loop ends, the bits of such a float go on as an integer, which has
//! registers and memory of its own; exits store the one as well as the other. Block parameters that only exits
//! want are integers from the start.

use psycore_jit::ir::cfg::{Cfg, DomTree, Loops};
use psycore_jit::ir::{Block, ExitId, Function, Term, Type, Value};
use std::collections::{BTreeMap, HashMap};

/// What is an integer of the same bits, and where.
#[derive(Default)]
pub(super) struct Outlive {
    /// Block parameters that are.
    params: Vec<bool>,
    /// Floats whose bits are taken at the start of a block, with the numbers that these have.
    taken: BTreeMap<u32, Vec<(Value, Value)>>,
    exits: HashMap<(ExitId, Value), Value>,
    edges: HashMap<(Block, Value), Value>,
    /// How many numbers there are, those of the function's own values included.
    pub count: usize,
}

impl Outlive {
    pub fn new(f: &Function, cfg: &Cfg, dom: &DomTree, loops: &Loops) -> Self {
        let mut out = Outlive { count: f.values.len(), params: vec![false; f.values.len()], ..Outlive::default() };
        if loops.irreducible.is_some() || loops.loops.is_empty() || !f.values.contains(&Type::F64) {
            return out;
        }
        out.find_params(f, cfg);
        // Where each loop is left for good, for blocks that are reached in no other way.
        let mut ends: Vec<Vec<Block>> = vec![Vec::new(); loops.loops.len()];
        for &block in &cfg.rpo {
            if let [from] = cfg.preds[block.index()][..] {
                let mut at = loops.of[from.index()];
                while let Some(id) = at.filter(|&id| !loops.contains(id, block)) {
                    ends[id].push(block);
                    at = loops.loops[id].parent;
                }
            }
        }
        let mut made_in: Vec<Option<Block>> = vec![None; f.values.len()];
        let mut sites: Vec<Vec<Block>> = vec![Vec::new(); f.exits.len()];
        for &block in &cfg.rpo {
            let data = &f.blocks[block.index()];
            data.params.iter().for_each(|v| made_in[v.index()] = Some(block));
            for inst in data.insts.iter().map(|i| &f.insts[i.index()]) {
                if let Some(v) = inst.result {
                    made_in[v.index()] = Some(block);
                }
                if let Some(exit) = inst.op.exit() {
                    sites[exit.index()].push(block);
                }
            }
            if let Term::Exit(exit) = data.term {
                sites[exit.index()].push(block);
            }
        }
        let mut numbers: HashMap<(Block, Value), Value> = HashMap::new();
        // The bits of a float, if it comes from a loop that lies behind all of some blocks.
        let mut bits = |out: &mut Outlive, v: Value, used: &[Block]| -> Option<Value> {
            if f.ty(v) != Type::F64 || out.params[v.index()] {
                return None;
            }
            let made = loops.of[made_in[v.index()]?.index()]?;
            let behind = |end: &&Block| used.iter().all(|b| dom.dominates(**end, *b));
            let end = *ends[made].iter().find(behind)?;
            Some(*numbers.entry((end, v)).or_insert_with(|| {
                let number = Value(out.count as u32);
                out.count += 1;
                out.taken.entry(end.0).or_default().push((v, number));
                number
            }))
        };
        for (exit, used) in (0..).map(ExitId).zip(&sites) {
            if used.is_empty() {
                continue;
            }
            for v in f.exit_values(exit) {
                if let Some(number) = bits(&mut out, v, used) {
                    out.exits.insert((exit, v), number);
                }
            }
        }
        for &block in &cfg.rpo {
            for edge in f.blocks[block.index()].term.edges() {
                for (v, param) in edge.args.iter().zip(&f.blocks[edge.block.index()].params) {
                    if out.params[param.index()]
                        && let Some(number) = bits(&mut out, *v, &[block])
                    {
                        out.edges.insert((block, *v), number);
                    }
                }
            }
        }
        out
    }

    /// Finds the float parameters that only exits want, or parameters that only exits want.
    fn find_params(&mut self, f: &Function, cfg: &Cfg) {
        let blocks = || cfg.rpo.iter().map(|b| &f.blocks[b.index()]);
        for data in blocks().skip(1) {
            data.params.iter().for_each(|v| self.params[v.index()] = f.ty(*v) == Type::F64);
        }
        let mut wanted = |v: Value| self.params[v.index()] = false;
        for data in blocks() {
            data.insts.iter().for_each(|i| f.insts[i.index()].op.operands(&mut wanted));
            match data.term {
                Term::Br { cond, .. } => wanted(cond),
                Term::Ret(Some(v)) => wanted(v),
                _ => {}
            }
        }
        let mut changed = true;
        while changed {
            changed = false;
            for edge in blocks().flat_map(|data| data.term.edges()) {
                for (v, param) in edge.args.iter().zip(&f.blocks[edge.block.index()].params) {
                    if self.params[v.index()] && !self.params[param.index()] {
                        self.params[v.index()] = false;
                        changed = true;
                    }
                }
            }
        }
    }

    /// Whether a block parameter is an integer though it is a float in the IR.
    pub fn is_param(&self, v: Value) -> bool {
        self.params[v.index()]
    }

    /// The floats whose bits are taken at the start of a block.
    pub fn taken(&self, block: Block) -> &[(Value, Value)] {
        self.taken.get(&block.0).map_or(&[], |all| all)
    }

    /// What an exit stores for a value.
    pub fn in_exit(&self, exit: ExitId, v: Value) -> Value {
        self.exits.get(&(exit, v)).copied().unwrap_or(v)
    }

    /// What an edge that leaves a block passes for a value to one of these parameters.
    pub fn on_edge(&self, from: Block, v: Value) -> Value {
        self.edges.get(&(from, v)).copied().unwrap_or(v)
    }
}
