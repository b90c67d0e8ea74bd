//! What embedders see: the interpreter as a value, its configuration, limits and errors.

pub mod config;
pub mod error;
pub mod execute;
pub mod limits;
mod stdio;
pub mod vm;
