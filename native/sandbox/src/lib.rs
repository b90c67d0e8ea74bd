//! Runs Python that is not trusted: in a WebAssembly instance, with limits, and with what the host gives it and nothing else.
//!
//! ```no_run
//! use psycore_sandbox::{MIB, Sandbox};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), psycore_sandbox::Error> {
//! let mut sandbox = Sandbox::builder().memory(256 * MIB).timeout(Duration::from_secs(5)).build()?;
//! sandbox.run("def area(w, h): return w * h")?;
//! let area: f64 = sandbox.call("area", (3, 1.5))?.to()?;
//! assert_eq!(area, 4.5);
//! # Ok(())
//! # }
//! ```
//!
//! The guest is `psycore.wasm`, the same that browsers run (`docs/guest-abi.md`). What it promises is in `docs/security.md`.

mod builder;
mod deterministic;
mod engine;
mod error;
mod host;
pub mod link;
mod output;
mod sandbox;
mod value;

pub use builder::{Builder, JitMode};
pub use engine::Engine;
pub use error::{Error, Limit, TracebackFrame};
pub use output::Output;
pub use sandbox::{Interrupter, Sandbox};
pub use value::{Arguments, Value};

/// 2^20 bytes.
pub const MIB: u64 = 1 << 20;
