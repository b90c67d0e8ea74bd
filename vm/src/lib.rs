//! The VM core of Psycore: `rustpython-vm` with its standard library inside, made easy to embed.
//! The specializer lives in `psycore-jit`; machines and command lines live above this crate.
//!
//! ```
//! use psycore_vm::{Vm, VmConfig};
//!
//! # fn main() -> Result<(), psycore_vm::Error> {
//! let vm = Vm::new(VmConfig::new().arguments(["demo"]))?;
//! vm.set("name", "Grace")?;
//! vm.run_source("def greet(n): return f'Hello {name}' * n", "demo.py")?;
//! let text: String = vm.call("greet", (2,))?;
//! assert_eq!(text, "Hello GraceHello Grace");
//! let failed = vm.run_source("greet(1 / 0)", "demo.py").unwrap_err();
//! assert!(failed.to_string().ends_with("ZeroDivisionError: division by zero"));
//! # Ok(())
//! # }
//! ```

pub mod aside;
mod code_view;
mod config;
pub mod deopt;
mod error;
pub mod execute;
pub mod exits;
pub mod forge;
pub mod hooks;
pub mod layout;
pub mod objects;
pub mod prepare;
pub mod runtime;
mod selftest;
mod stdio;
mod vm;

use rustpython_vm::{PyResult, VirtualMachine};

pub use config::{Input, JitConfig, JitMode, Output, VmConfig};
pub use error::{Error, Exception};
pub use vm::Vm;

/// The interpreter underneath, for what this crate does not wrap.
pub use rustpython_vm;

/// Attaches the JIT to an interpreter that has just been entered and has not run any of the
/// user's code yet.
fn attach(_vm: &VirtualMachine, config: JitConfig) -> PyResult<()> {
    match config.mode {
        JitMode::Off | JitMode::Auto | JitMode::Full => Ok(()),
    }
}

#[cfg(test)]
mod attach_tests;
