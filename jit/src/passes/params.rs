//! Removes block parameters that always get the same value: what a loop carries
//! around without changing it becomes visible as invariant.

use super::rewrite::Renames;
use crate::ir::cfg::Cfg;
use crate::ir::{Block, Function, Value};

/// Runs the pass.
pub fn run(f: &mut Function) {
    let cfg = Cfg::new(f);
    let mut renames = Renames::new(f);
    let mut removed = vec![false; f.values.len()];
    let mut any = false;
    loop {
        let mut changed = false;
        for &block in cfg.rpo.iter().skip(1) {
            for k in 0..f.blocks[block.index()].params.len() {
                let p = f.blocks[block.index()].params[k];
                if removed[p.index()] {
                    continue;
                }
                if let Some(v) = only_argument(f, &cfg, &mut renames, block, k, p) {
                    renames.replace(p, v);
                    removed[p.index()] = true;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
        any = true;
    }
    if !any {
        return;
    }
    for b in 0..f.blocks.len() {
        let mut term = std::mem::take(&mut f.blocks[b].term);
        for e in term.edges_mut() {
            let params = &f.blocks[e.block.index()].params;
            let mut k = 0;
            e.args.retain(|_| {
                k += 1;
                !removed[params[k - 1].index()]
            });
        }
        f.blocks[b].term = term;
    }
    for b in &mut f.blocks {
        b.params.retain(|p| !removed[p.index()]);
    }
    renames.apply(f);
}

/// The one value other than itself that parameter `k` of a block gets.
fn only_argument(f: &Function, cfg: &Cfg, renames: &mut Renames, block: Block, k: usize, param: Value) -> Option<Value> {
    let mut only = None;
    for p in &cfg.preds[block.index()] {
        for e in f.blocks[p.index()].term.edges().filter(|e| e.block == block) {
            let a = renames.resolve(e.args[k]);
            if a == param {
                continue;
            }
            match only {
                None => only = Some(a),
                Some(v) if v == a => {}
                Some(_) => return None,
            }
        }
    }
    only
}
