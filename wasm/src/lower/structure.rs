//! Nested blocks and loops for a control-flow graph ("Beyond Relooper", Ramsey, 2022).
//!
//! The code of a block stands within that of its immediate dominator: right where the only jump to it is, or, if there are
//! several, behind a wasm block around the code that jumps there. Two kinds of blocks are placed further out: what a loop
//! leads to stands behind the loop, and cold code that does not come back stands behind everything else.

use psycore_jit::ir::cfg::{Cfg, DomTree, Loops};
use psycore_jit::ir::{Block, Function};

/// Where the code of each block goes.
pub(super) struct Structure {
    /// Blocks that are jumped to by name, in the order in which they follow: those whose code stands behind what their
    /// parent dominates, but within the parent's loop, if it is the header of one.
    pub inside: Vec<Vec<Block>>,
    /// Those whose code stands behind that loop, too.
    pub outside: Vec<Vec<Block>>,
    /// Whether a block is one of these; the code of others stands where they are jumped to.
    pub placed: Vec<bool>,
    /// Whether a block is the header of a loop.
    pub header: Vec<bool>,
}

impl Structure {
    /// None where a cycle is entered in more than one place.
    pub(super) fn new(f: &Function, cfg: &Cfg, dom: &DomTree, loops: &Loops) -> Option<Structure> {
        if loops.irreducible.is_some() {
            return None;
        }
        let n = f.blocks.len();
        let mut out = Structure {
            inside: vec![Vec::new(); n],
            outside: vec![Vec::new(); n],
            placed: vec![false; n],
            header: vec![false; n],
        };
        loops.loops.iter().for_each(|l| out.header[l.header.index()] = true);
        // Cold code that only leads to such code. It can't be in a loop.
        let mut sink = vec![false; n];
        for &block in cfg.rpo.iter().rev() {
            let data = &f.blocks[block.index()];
            let in_loop = loops.of[block.index()].is_some();
            sink[block.index()] = data.cold && !in_loop && data.term.edges().all(|e| sink[e.block.index()]);
        }
        for &block in &cfg.rpo {
            let Some(dominator) = dom.idom[block.index()] else { continue };
            let before = |p: &&Block| cfg.order[p.index()] < cfg.order[block.index()];
            let forward = cfg.preds[block.index()].iter().filter(before).count();
            // The outermost loop that the block is not in, but its dominator.
            let mut left = None;
            let mut at = loops.of[dominator.index()];
            while let Some(id) = at.filter(|&id| !loops.contains(id, block)) {
                left = Some(loops.loops[id].header);
                at = loops.loops[id].parent;
            }
            let (list, parent) = match left {
                _ if sink[block.index()] => (&mut out.outside, Block(0)),
                Some(header) => (&mut out.outside, header),
                None if forward > 1 => (&mut out.inside, dominator),
                None => continue,
            };
            list[parent.index()].push(block);
            out.placed[block.index()] = true;
        }
        // The lists are in reverse postorder, as jumps need them; but cold code goes last.
        out.outside.iter_mut().for_each(|list| list.sort_by_key(|b| sink[b.index()]));
        Some(out)
    }
}
