//! Counters of one JIT.

use super::profile::Instruction;
use psycore_jit::ir::{ObjId, Reason};
use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::time::Duration;

/// Counters for `--jit-stats` and `psyco.stats()`.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub units: u64,
    pub functions: u64,
    pub rebuilds: u64,
    pub refused: u64,
    pub code_bytes: u64,
    /// What compiling has kept the program waiting.
    pub compile_time: Duration,
    /// What the lowering's own thread has worked.
    pub background_time: Duration,
    pub exits: HashMap<&'static str, u64>,
    /// By code, position and reason.
    pub exit_places: HashMap<(ObjId, u32, &'static str), u64>,
}

/// The counters of one JIT.
#[derive(Default)]
pub struct Statistics {
    counts: RefCell<Counts>,
    /// Whether they are printed at the end.
    printed: Cell<bool>,
}

impl Statistics {
    pub fn are_printed(&self) -> bool {
        self.printed.get()
    }

    pub fn set_printed(&self, printed: bool) {
        self.printed.set(printed);
    }

    /// What was counted. Not to be held while anything is counted.
    pub fn counts(&self) -> Ref<'_, Counts> {
        self.counts.borrow()
    }

    /// An exit was taken at an instruction.
    pub fn count_exit(&self, (code, pc): Instruction, reason: &'static str) {
        let mut counts = self.counts.borrow_mut();
        *counts.exits.entry(reason).or_default() += 1;
        *counts.exit_places.entry((code, pc, reason)).or_default() += 1;
    }

    /// An exit was taken of which nothing is learned.
    pub fn count_exit_anywhere(&self, reason: &'static str) {
        *self.counts.borrow_mut().exits.entry(reason).or_default() += 1;
    }

    pub fn count_rebuild(&self) {
        self.counts.borrow_mut().rebuilds += 1;
    }

    pub fn count_refused(&self) {
        self.counts.borrow_mut().refused += 1;
    }

    pub fn count_unit(&self, bytes: usize, is_function: bool) {
        let mut counts = self.counts.borrow_mut();
        counts.units += 1;
        counts.code_bytes += bytes as u64;
        counts.functions += u64::from(is_function);
    }

    pub fn add_compile_time(&self, time: Duration) {
        self.counts.borrow_mut().compile_time += time;
    }

    pub fn add_background_time(&self, time: Duration) {
        self.counts.borrow_mut().background_time += time;
    }
}

/// The reason of an exit in a word.
pub fn reason_name(r: Reason) -> &'static str {
    match r {
        Reason::Type => "type",
        Reason::Shape => "shape",
        Reason::Value => "value",
        Reason::Overflow => "overflow",
        Reason::Error => "error",
        Reason::Unseen => "unseen",
        Reason::Unsupported => "unsupported",
        Reason::Entry => "entry",
        Reason::Poll => "poll",
        Reason::Depth => "depth",
        Reason::Finalizer => "finalizer",
        Reason::Iteration => "iteration",
        Reason::Python => "python",
        Reason::Raise => "raise",
    }
}
