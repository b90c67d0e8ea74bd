//! Filetests and random IR: what can be tested without a Python, on any lowering and any machine. The program of this
//! crate runs them where it is built for, which is how the WebAssembly lowering is tested.

pub mod filetest;
pub mod ir_machine;
pub mod ir_random;
pub mod rng;
