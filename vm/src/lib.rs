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

mod attach;
mod code;
mod deopt;
mod embed;
pub mod explain;
mod hook;
mod jit;
mod object;
mod psyco;
mod runtime;

pub use embed::config::{Input, Library, Output, VmConfig};
pub use embed::error::{Error, Exception, Place};
pub use embed::execute;
pub use embed::limits::{Interrupter, Limits};
pub use embed::vm::{Vm, import_site};
pub use jit::DEFAULT_CODE_BYTES;
pub use jit::config::{JitConfig, JitMode};

pub use rustpython_vm::frozen::FrozenLib;

/// The interpreter underneath, for what this crate does not wrap.
pub use rustpython_vm;

#[cfg(test)]
mod attach_tests;
