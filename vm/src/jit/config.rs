//! What can be chosen about the JIT, and changed before a program runs.

use super::samples::Clock;
use std::path::PathBuf;

/// What the just-in-time compiler may do.
#[derive(Clone, Debug, Default)]
pub struct JitConfig {
    pub mode: JitMode,
    /// Calls of a function, or iterations of a loop, after which it counts as hot.
    /// `None` leaves the choice to the compiler.
    pub threshold: Option<u32>,
    /// What was compiled, entered and given up is written to this file.
    pub log: Option<PathBuf>,
    /// Print statistics to stderr at the end.
    pub stats: bool,
    /// Explain at the end what became of the program.
    pub explain: Option<Explanation>,
    /// Measures time for statistics and explanations; without it they say nothing of time.
    pub clock: Option<Clock>,
    /// Waits for code to be made, and spares no time for it. Otherwise the program goes on in the interpreter
    /// meanwhile, where the backend has a thread for it and a second processor to run it on; then what is
    /// compiled, and when, is not quite the same in each run.
    pub synchronous: bool,
    /// Whether a panic of the compiler ends the process, instead of leaving a function interpreted. For tests.
    pub strict: bool,
    /// Bytes of machine code at most; `None` is [`DEFAULT_CODE_BYTES`](crate::DEFAULT_CODE_BYTES). Where
    /// there is more, all of it is dropped, and what is still hot is compiled again.
    pub code_bytes: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JitMode {
    /// Interpret only.
    Off,
    /// Compile what is hot.
    #[default]
    Auto,
    /// Compile everything at its first use.
    Full,
}

/// An explanation that is to be written at the end of the program.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The program, as people call it.
    pub title: String,
    pub form: ExplanationForm,
    /// Where to; stderr if there is no path.
    pub path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplanationForm {
    /// One page without anything outside it.
    Html,
    Text,
    /// Nothing is written: whoever embeds the VM asks for it (`explain::report`).
    Data,
}
