//! The WebAssembly backend of Psycore: IR to modules ([`lower`]), and the way from a guest to the host that links them
//! ([`link`]).
//!
//! Guest and generated code share one memory. Addresses are 32 bits wide in the code that is made, wherever it is made.

#![warn(missing_docs)]

pub mod link;
pub mod lower;
#[cfg(psycore_system_wasi_libc)]
mod wasi_libc;
