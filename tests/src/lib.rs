//! What the tests that cross rooms share: finding and running the `psycore` executable, its JIT modes, comparing what
//! runs printed, the Python programs of `tests/programs/`, and a generator of random ones. The tests themselves are in
//! `tests/tests/`; unit tests of the crates stay in the crates.
//!
//! Environment:
//! - `PSYCORE_BIN`: the executable to test; by default the one that cargo built beside the tests.
//! - `PSYCORE_IR_GUEST`: the program of `tests/ir`, built for WebAssembly.
//! - `PSYCORE_ONLY`: only the programs with these names, comma separated.
//! - `PSYCORE_BLESS=1`: write the expected outputs instead of comparing with them.
//! - `PSYCORE_FUZZ_SECONDS`, `PSYCORE_FUZZ_SEED`: how long to generate programs, and from where.

pub mod diff;
pub mod directory;
pub mod fuzz;
pub mod generate;
pub mod guest;
pub mod lowerings;
pub mod modes;
pub mod parallel;
pub mod process;
pub mod programs;
pub mod reduce;
pub mod terminal;
