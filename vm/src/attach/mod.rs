//! How the JIT gets hold of an interpreter. Once per interpreter, on its main thread, before user code runs.
//!
//! Two checks come first, because RustPython's memory layout is not documented: `object::layout` looks where fields are, and
//! `selftest` tries whether the interpreter sees what a hook does to its frame. An error is a line of text for the user; the
//! interpreter then goes on without a JIT.

mod install;
mod selftest;

#[cfg(test)]
pub use install::install;
pub use install::{attach, reconfigure};
