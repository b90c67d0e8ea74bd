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
mod budget;
mod cache;
mod charge;
mod code_view;
mod compile;
mod config;
pub mod deopt;
mod driver;
mod error;
pub mod execute;
pub mod exits;
pub mod explain;
pub mod forge;
pub mod hooks;
pub mod layout;
mod learn;
mod limits;
pub mod objects;
mod operator;
mod oracle;
mod policy;
pub mod prepare;
mod psyco;
mod request;
pub mod runtime;
mod selftest;
mod shapes;
mod statistics;
mod stdio;
mod vm;

use psycore_jit::lower::Lowering;
use rustpython_vm::{PyResult, VirtualMachine};

pub use cache::DEFAULT_CODE_BYTES;
pub use config::{Input, JitConfig, JitMode, Library, Output, VmConfig};
pub use error::{Error, Exception, Place};
pub use limits::{Interrupter, Limits};
pub use vm::{Vm, import_site};

pub use rustpython_vm::frozen::FrozenLib;

/// The interpreter underneath, for what this crate does not wrap.
pub use rustpython_vm;

const TURNED_OFF: &str = "it is turned off";

/// Attaches the JIT to an interpreter that has just been entered and has not run any of the
/// user's code yet. Without a lowering, or where objects don't lie where they should, the program
/// is interpreted; the second is said in one line.
fn attach(vm: &VirtualMachine, config: JitConfig, lowering: Option<Box<dyn Lowering>>) -> PyResult<()> {
    hooks::forget(vm);
    let why = match lowering {
        _ if config.mode == JitMode::Off => TURNED_OFF.to_owned(),
        None => "there is no backend".to_owned(),
        Some(lowering) => match driver::attach(vm, &config, lowering) {
            Ok(()) => return psyco::install(vm, None),
            Err(why) => {
                eprintln!("psycore: running without the JIT: {why}");
                why
            }
        },
    };
    psyco::install(vm, Some(&why))
}

#[cfg(test)]
mod attach_tests;
