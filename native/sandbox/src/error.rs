//! What can go wrong in a sandbox.

use std::fmt;
use std::time::Duration;

/// A limit of a sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Bytes of memory, those of compiled code among them.
    Memory(u64),
    /// Time by the clock.
    Time(Duration),
    /// Units of fuel, about one per instruction.
    Fuel(u64),
    /// Bytes that the program wrote to a stream that the host collects.
    Output(usize),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Memory(bytes) => write!(f, "the program used more than {bytes} bytes of memory"),
            Limit::Time(time) => write!(f, "the program ran for more than {time:?}"),
            Limit::Fuel(fuel) => write!(f, "the program used more than {fuel} units of fuel"),
            Limit::Output(bytes) => write!(f, "the program wrote more than {bytes} bytes"),
        }
    }
}

/// A place in a Python program: file, line from 1, and for syntax errors the column from 1.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct TracebackFrame(pub String, pub u32, pub Option<u32>);

/// Why there is no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The program raised an exception that it did not catch. It can be used again.
    Exception {
        /// The name of its class, such as `ValueError`.
        class: String,
        /// What `str(exception)` says.
        message: String,
        /// What Python prints on stderr.
        traceback: String,
        /// The innermost call last.
        frames: Vec<TracebackFrame>,
    },
    /// The program asked to exit with this code.
    Exit(u32),
    /// It hit a limit. The sandbox is of no use any more.
    Limit(Limit),
    /// The sandbox has ended before, by a limit or by a trap.
    Ended,
    /// The guest failed in a way that it should not, or can't be had. The sandbox is of no use any more.
    Guest(anyhow::Error),
    /// A value can't be turned into what was asked for, or from what was given.
    Value(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Exception { traceback, .. } => f.write_str(traceback.trim_end()),
            Error::Exit(code) => write!(f, "the program asked to exit with code {code}"),
            Error::Limit(limit) => limit.fmt(f),
            Error::Ended => f.write_str("the sandbox has ended before"),
            Error::Guest(error) => write!(f, "the guest failed: {error:#}"),
            Error::Value(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Guest(error) => error.source(),
            _ => None,
        }
    }
}

/// The time of a use is up.
#[derive(Debug)]
pub(crate) struct TimeIsUp(pub Duration);

impl fmt::Display for TimeIsUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Limit::Time(self.0).fmt(f)
    }
}

impl std::error::Error for TimeIsUp {}

/// An error of wasmtime's, whose type is its own.
pub(crate) fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

pub(crate) fn guest_error(error: wasmtime::Error) -> Error {
    Error::Guest(plain(error))
}
