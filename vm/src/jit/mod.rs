//! The JIT of one interpreter: what is compiled, from what, when again, and when no more.
//!
//! [`Jit`] (`state`) composes its parts. It drives hooks (`driver`), answers the specializer's questions (`oracle`), compiles
//! (`compile`), keeps the units and frees them (`reclaim`), learns from the exits they take (`feedback`), and asks what the program
//! and its users allow (`policy`, `budget`).

mod budget;
mod cache;
pub mod commands;
mod compile;
pub mod config;
pub mod detail;
mod draft;
mod driver;
mod feedback;
mod log;
pub mod named;
pub mod objects;
mod oracle;
pub mod policy;
mod profile;
mod queue;
mod reclaim;
pub mod record;
mod request;
pub mod samples;
mod shapes;
mod state;
mod stats;
mod summary;
pub mod unit;
pub mod units;

pub use cache::DEFAULT_CODE_BYTES;
pub use state::Jit;

#[cfg(test)]
mod tests;
