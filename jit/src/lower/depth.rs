//! The rule for the depth counter, which bounds how deeply compiled code calls compiled code.
//!
//! `RuntimeContext::depth` says how many levels may still be entered. While compiled code runs, the counter is where
//! reading and writing it costs nothing (a register that all compiled code leaves alone, or a parameter that functions pass on),
//! for a word of memory that each call reads and writes twice would take longer than short functions do. It
//! moves between there and memory as follows:
//!
//! - An entry function that has a use for it ([`uses_depth`]) loads it, and takes no more than there is room for: each
//!   level may leave a record on the exit stack, so there are at most `(exit_end - exit_top) >> shift` levels, less
//!   [`SPARE_LEVELS`], and never less than 0, which is what `enter` looks for. `shift` is that of the longest record of all
//!   units so far ([`record_shift`]); it lies in memory, since units that come later may raise it.
//! - `enter` takes a level if there is one, and leaves the unit otherwise, with nothing to give back.
//! - `leave` gives a level back.
//! - The run time finds it in memory whenever it is called and may look ([`is_read_by`]; slow paths always may), and
//!   after an exit, except where a callee has left already (`ExitGroup::stores_depth`): the counter of who leaves last
//!   is the right one.

use crate::ir::{FnKind, Function, Op};
use crate::rt::{Effect, RtId};

/// Levels that an entry function leaves unused: one for itself, and one for the callee that finds no level left.
pub const SPARE_LEVELS: u8 = 2;

/// Whether a function needs the counter. Compiled functions always do: who calls them has it.
pub fn uses_depth(f: &Function) -> bool {
    f.kind == FnKind::Compiled || f.insts.iter().any(|inst| matches!(inst.op, Op::Enter { .. } | Op::Leave | Op::CallFn { .. }))
}

/// Whether an entry point may look at the counter.
pub fn is_read_by(rt: RtId) -> bool {
    rt.effect() == Effect::Python
}

/// The logarithm of the room that a level needs on the exit stack, if its record has that many bytes at most.
pub fn record_shift(longest_record: u32) -> u32 {
    longest_record.next_power_of_two().trailing_zeros()
}
