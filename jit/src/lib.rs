//! The specializer of Psycore: from Python bytecode, by way of an intermediate
//! representation, to whatever a [`lower::Lowering`] makes of it.
//!
//! This crate knows bytecode and types, never objects and never a backend.

pub mod bytecode;
pub mod guard;
pub mod ir;
pub mod layout;
pub mod lower;
pub mod oracle;
pub mod passes;
pub mod rt;
pub mod runtime_context;
pub mod specialize;
