//! The native backend of Psycore: machine code for x86-64 and the memory that it runs in.
//!
//! The command line is in the binary of the same name and uses this like any other embedder.

pub mod code_memory;
pub mod sample_clock;
pub mod sandbox;
pub mod x64;
