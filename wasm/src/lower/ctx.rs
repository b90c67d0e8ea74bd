//! Where the fields of the context are in the target's memory, whose addresses have 32 bits.

use psycore_jit::ir::CtxField;
use psycore_jit::lower::LowerError;
use psycore_jit::runtime_context::{RuntimeContext, SCRATCH_WORDS};

pub(super) const RET: u64 = 0;
pub(super) const COUNTDOWN: u64 = 8;
pub(super) const DEPTH: u64 = 12;
pub(super) const FAILED: u64 = 16;
pub(super) const EXIT_TOP: u64 = 24;
pub(super) const EXIT_END: u64 = 28;
pub(super) const FRAME: u64 = 32;
pub(super) const SCRATCH: u64 = 80;

// What is compiled for the target knows better; elsewhere the constants stand for it.
#[cfg(target_pointer_width = "32")]
const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(RuntimeContext, ret) as u64 == RET);
    assert!(offset_of!(RuntimeContext, countdown) as u64 == COUNTDOWN);
    assert!(offset_of!(RuntimeContext, depth) as u64 == DEPTH);
    assert!(offset_of!(RuntimeContext, failed) as u64 == FAILED);
    assert!(offset_of!(RuntimeContext, exit_top) as u64 == EXIT_TOP);
    assert!(offset_of!(RuntimeContext, exit_end) as u64 == EXIT_END);
    assert!(offset_of!(RuntimeContext, frame) as u64 == FRAME);
    assert!(offset_of!(RuntimeContext, scratch) as u64 == SCRATCH);
};
#[cfg(not(target_pointer_width = "32"))]
const _: () = assert!(core::mem::offset_of!(RuntimeContext, countdown) as u64 == COUNTDOWN);

/// Offset of a field of the context.
pub(super) fn offset(field: CtxField) -> u64 {
    match field {
        CtxField::Ret => RET,
        CtxField::Failed => FAILED,
        CtxField::Frame => FRAME,
    }
}

/// Offset of a scratch word.
pub(super) fn scratch(index: u32) -> Result<u64, LowerError> {
    match index as usize {
        i if i < SCRATCH_WORDS => Ok(SCRATCH + 8 * u64::from(index)),
        _ => Err(LowerError(format!("scratch word {index}"))),
    }
}
