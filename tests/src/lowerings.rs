//! The lowerings of the machine that the tests run on.

use psycore_jit::ir::interp::InterpLowering;
use psycore_jit::lower::Lowering;
use psycore_x64::{CraneliftLowering, CraneliftOptions, Effort};

/// A fresh one of each kind; the reference comes first.
pub fn lowerings() -> Vec<Box<dyn Lowering>> {
    let mut all: Vec<Box<dyn Lowering>> = vec![Box::new(InterpLowering::new())];
    for effort in [Effort::Full, Effort::Quick] {
        let options = CraneliftOptions { effort, verify: true, ..CraneliftOptions::default() };
        match CraneliftLowering::new(options) {
            Ok(lowering) => all.push(Box::new(lowering)),
            Err(e) => panic!("no x86-64 lowering on this machine: {e}"),
        }
    }
    all
}
