//! The control-flow graph of a function and what follows from it: order,
//! dominators, loops. Computed from scratch whenever it is needed; nothing keeps it up to date.

use super::{Block, BlockCall, Function, Term, Value};

impl Term {
    /// The edges out of the block, in order.
    pub fn edges(&self) -> impl Iterator<Item = &BlockCall> {
        let (a, b) = match self {
            Term::Jump(a) => (Some(a), None),
            Term::Br { then, els, .. } => (Some(then), Some(els)),
            Term::None | Term::Ret(_) | Term::Exit(_) => (None, None),
        };
        a.into_iter().chain(b)
    }

    /// The same, to be changed.
    pub fn edges_mut(&mut self) -> impl Iterator<Item = &mut BlockCall> {
        let (a, b) = match self {
            Term::Jump(a) => (Some(a), None),
            Term::Br { then, els, .. } => (Some(then), Some(els)),
            Term::None | Term::Ret(_) | Term::Exit(_) => (None, None),
        };
        a.into_iter().chain(b)
    }

    /// Calls `f` for each operand: the condition, then the arguments of the edges, or the
    /// returned value (not the values of an exit).
    pub fn operands(&self, f: &mut impl FnMut(Value)) {
        match self {
            Term::Br { cond, .. } => f(*cond),
            Term::Ret(Some(v)) => f(*v),
            _ => {}
        }
        self.edges().flat_map(|e| &e.args).for_each(|v| f(*v));
    }

    /// Replaces each operand.
    pub fn map_operands(&mut self, f: &mut impl FnMut(Value) -> Value) {
        match self {
            Term::Br { cond, .. } => *cond = f(*cond),
            Term::Ret(Some(v)) => *v = f(*v),
            _ => {}
        }
        self.edges_mut().flat_map(|e| &mut e.args).for_each(|v| *v = f(*v));
    }
}

/// A number that no block has.
const NONE: u32 = u32::MAX;

/// Predecessors and an order in which definitions come before uses.
#[derive(Clone, Debug)]
pub struct Cfg {
    /// Predecessors of each block (twice where both edges of a branch go to it); only reachable ones.
    pub preds: Vec<Vec<Block>>,
    /// The reachable blocks in reverse postorder.
    pub rpo: Vec<Block>,
    /// The place of each block in `rpo`; `u32::MAX` for unreachable ones.
    pub order: Vec<u32>,
}

impl Cfg {
    /// Walks the function from its entry. Edges to blocks that do not exist are left out.
    pub fn new(f: &Function) -> Self {
        let n = f.blocks.len();
        let mut preds = vec![Vec::new(); n];
        let mut order = vec![NONE; n];
        let mut postorder = Vec::with_capacity(n);
        // Blocks being visited, with the number of edges already followed.
        let mut stack = Vec::new();
        if n > 0 {
            order[0] = 0;
            stack.push((Block(0), 0));
        }
        while let Some((block, edge)) = stack.last_mut() {
            let (block, k) = (*block, *edge);
            *edge += 1;
            // The last edge first, so that the first one's target follows its source.
            let target = match (&f.blocks[block.index()].term, k) {
                (Term::Jump(a), 0) => Some(a.block),
                (Term::Br { els, .. }, 0) => Some(els.block),
                (Term::Br { then, .. }, 1) => Some(then.block),
                _ => None,
            };
            match target {
                Some(t) if t.index() < n => {
                    preds[t.index()].push(block);
                    if order[t.index()] == NONE {
                        order[t.index()] = 0;
                        stack.push((t, 0));
                    }
                }
                Some(_) => {}
                None => {
                    postorder.push(block);
                    stack.pop();
                }
            }
        }
        postorder.reverse();
        for (i, b) in postorder.iter().enumerate() {
            order[b.index()] = i as u32;
        }
        Cfg { preds, rpo: postorder, order }
    }

    /// The only block from which `block` is entered; for a loop header, from outside the loop. What holds on
    /// that edge, of values defined before it, holds in all that `block` dominates.
    pub fn only_entry(&self, dom: &DomTree, block: Block) -> Option<Block> {
        let mut entries = self.preds[block.index()].iter().copied().filter(|&p| !dom.dominates(block, p));
        let only = entries.next()?;
        entries.next().is_none().then_some(only)
    }

    /// Whether the entry leads to the block.
    pub fn is_reachable(&self, block: Block) -> bool {
        self.order[block.index()] != NONE
    }
}

/// The dominator tree of the reachable blocks.
#[derive(Clone, Debug)]
pub struct DomTree {
    /// The immediate dominator of each block; `None` for the entry and unreachable ones.
    pub idom: Vec<Option<Block>>,
    /// The blocks in preorder of the tree.
    pub preorder: Vec<Block>,
    /// When a walk of the tree comes to each block and leaves it.
    enter: Vec<u32>,
    exit: Vec<u32>,
}

impl DomTree {
    /// By the iterative algorithm of Cooper, Harvey and Kennedy ("A Simple, Fast Dominance Algorithm").
    pub fn new(cfg: &Cfg) -> Self {
        let n = cfg.order.len();
        // By place in reverse postorder.
        let mut idom = vec![NONE; cfg.rpo.len()];
        if let Some(first) = idom.first_mut() {
            *first = 0;
        }
        let mut changed = true;
        while changed {
            changed = false;
            for (i, block) in cfg.rpo.iter().enumerate().skip(1) {
                let mut new = NONE;
                for p in &cfg.preds[block.index()] {
                    let mut p = cfg.order[p.index()];
                    if idom[p as usize] == NONE {
                        continue;
                    }
                    if new == NONE {
                        new = p;
                        continue;
                    }
                    while p != new {
                        if p > new {
                            p = idom[p as usize];
                        } else {
                            new = idom[new as usize];
                        }
                    }
                }
                if idom[i] != new {
                    idom[i] = new;
                    changed = true;
                }
            }
        }
        let mut tree =
            DomTree { idom: vec![None; n], preorder: Vec::with_capacity(cfg.rpo.len()), enter: vec![0; n], exit: vec![0; n] };
        let mut children = vec![Vec::new(); cfg.rpo.len()];
        for i in (1..cfg.rpo.len()).rev() {
            tree.idom[cfg.rpo[i].index()] = Some(cfg.rpo[idom[i] as usize]);
            children[idom[i] as usize].push(i);
        }
        let mut clock = 0;
        // Children were pushed last first, so that the first one is on top.
        let mut stack: Vec<(usize, bool)> = if cfg.rpo.is_empty() { vec![] } else { vec![(0, false)] };
        while let Some((i, done)) = stack.pop() {
            let block = cfg.rpo[i];
            clock += 1;
            if done {
                tree.exit[block.index()] = clock;
                continue;
            }
            tree.enter[block.index()] = clock;
            tree.preorder.push(block);
            stack.push((i, true));
            stack.extend(children[i].iter().map(|&c| (c, false)));
        }
        tree
    }

    /// Whether every way to `b` leads through `a` (both reachable).
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        self.enter[a.index()] <= self.enter[b.index()] && self.exit[b.index()] <= self.exit[a.index()]
    }

    /// Whether a walk of the tree that is at `block` has left `other` behind.
    pub fn is_left(&self, other: Block, block: Block) -> bool {
        self.exit[other.index()] < self.enter[block.index()]
    }
}

/// A natural loop: what can reach a back-edge without passing the header.
#[derive(Clone, Debug)]
pub struct Loop {
    pub header: Block,
    /// The loop that it lies in directly.
    pub parent: Option<usize>,
    /// All its blocks, those of inner loops included; the header first.
    pub blocks: Vec<Block>,
    /// The blocks that jump back to the header.
    pub latches: Vec<Block>,
    /// How many loops it lies in, itself included.
    pub depth: u32,
}

/// The loops of a function, outer ones before inner ones.
#[derive(Clone, Debug)]
pub struct Loops {
    pub loops: Vec<Loop>,
    /// The innermost loop of each block.
    pub of: Vec<Option<usize>>,
    /// An edge that enters a cycle elsewhere than at its header, if there is one.
    pub irreducible: Option<(Block, Block)>,
}

impl Loops {
    /// Finds them. A block is visited once per loop that it lies in.
    pub fn new(cfg: &Cfg, dom: &DomTree) -> Self {
        let n = cfg.order.len();
        let mut out = Loops { loops: Vec::new(), of: vec![None; n], irreducible: None };
        let mut seen = vec![NONE; n];
        for &header in &cfg.rpo {
            let mut latches = Vec::new();
            for &p in &cfg.preds[header.index()] {
                if dom.dominates(header, p) {
                    if latches.last() != Some(&p) {
                        latches.push(p);
                    }
                } else if cfg.order[p.index()] >= cfg.order[header.index()] {
                    out.irreducible.get_or_insert((p, header));
                }
            }
            if latches.is_empty() {
                continue;
            }
            let id = out.loops.len();
            let mut blocks = vec![header];
            seen[header.index()] = id as u32;
            let mut stack = latches.clone();
            while let Some(b) = stack.pop() {
                if seen[b.index()] == id as u32 || !dom.dominates(header, b) {
                    continue;
                }
                seen[b.index()] = id as u32;
                blocks.push(b);
                stack.extend(&cfg.preds[b.index()]);
            }
            // Headers come in reverse postorder: what contains this one was found before it.
            let parent = out.of[header.index()];
            for &b in &blocks {
                out.of[b.index()] = Some(id);
            }
            let depth = parent.map_or(1, |p| out.loops[p].depth + 1);
            out.loops.push(Loop { header, parent, blocks, latches, depth });
        }
        out
    }

    /// Whether `block` lies in loop `id`.
    pub fn contains(&self, id: usize, block: Block) -> bool {
        let mut at = self.of[block.index()];
        while let Some(l) = at {
            if l == id {
                return true;
            }
            at = if l < id { None } else { self.loops[l].parent };
        }
        false
    }
}
