//! The passes: each takes a verified function and leaves a verified function
//! that does the same in less time. [`optimize`] says in which order they run.
//!
//! "The same" is up to where a function leaves: an exit may be taken earlier (a guard that was
//! hoisted leaves at the loop's entry) or with other values that rebuild the same frames.

pub mod dce;
pub mod effects;
pub mod fold;
pub mod gvn;
pub mod hoist;
pub mod interval;
pub mod params;
pub mod range;
pub mod refs;
pub mod rewrite;

use crate::ir::{Function, Unit};

/// Which passes run; all of them unless said otherwise.
#[derive(Clone, Debug)]
pub struct PassOptions {
    /// Value numbering, with load elimination.
    pub gvn: bool,
    /// Loop-invariant code motion.
    pub hoist: bool,
    /// Range analysis.
    pub range: bool,
    /// Reference-count elision.
    pub refs: bool,
}

impl Default for PassOptions {
    fn default() -> Self {
        PassOptions { gvn: true, hoist: true, range: true, refs: true }
    }
}

/// Runs the passes over a verified unit. In debug builds and tests the result of each is verified.
pub fn optimize(unit: &mut Unit, options: &PassOptions) {
    let alone = unit.funcs.len() == 1;
    for i in 0..unit.funcs.len() {
        let mut run = |name: &str| {
            let found = named(name);
            if let Some(pass) = found {
                pass(&mut unit.funcs[i], alone);
                check(unit, name);
            }
        };
        run("fold");
        if options.gvn {
            run("gvn");
        }
        if options.hoist {
            run("hoist");
            // What was hoisted out of sibling loops, or from two places, may be the same.
            if options.gvn {
                run("gvn");
            }
        }
        // From here on nothing moves loads, so they may lose the guards that they hang on.
        if options.range {
            run("range");
        }
        if options.gvn {
            run("gvn_late");
        }
        run("fold_late");
        if options.refs {
            run("refs");
        }
        run("dce");
    }
}

#[cfg(any(test, debug_assertions))]
fn check(unit: &Unit, pass: &str) {
    if let Err(e) = crate::ir::verify::verify(unit) {
        panic!("{pass} left what is not well formed:\n{e}\n{unit}");
    }
}

#[cfg(not(any(test, debug_assertions)))]
fn check(_: &Unit, _: &str) {}

/// The pass of that name. It is told whether the function is the only one of its unit.
fn named(name: &str) -> Option<fn(&mut Function, bool)> {
    Some(match name {
        "fold" => |f, _| fold::run(f),
        "fold_late" => |f, _| fold::run_late(f),
        "gvn" => gvn::run,
        "gvn_late" => gvn::run_late,
        "hoist" => hoist::run,
        "range" => |f, _| range::run(f),
        "refs" => |f, _| refs::run(f),
        "dce" => |f, _| dce::run(f),
        _ => return None,
    })
}

/// Runs one pass by name over all functions, for tests.
pub fn run_named(unit: &mut Unit, name: &str) -> Result<(), String> {
    if name == "optimize" {
        optimize(unit, &PassOptions::default());
        return Ok(());
    }
    let pass = named(name).ok_or_else(|| format!("there is no pass `{name}`"))?;
    let alone = unit.funcs.len() == 1;
    unit.funcs.iter_mut().for_each(|f| pass(f, alone));
    Ok(())
}
