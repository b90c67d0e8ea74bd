//! todo
use crate::ir::Function;
pub fn run(_f: &mut Function) {}
pub fn run_late(_f: &mut Function) {}
