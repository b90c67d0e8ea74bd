//! Slow paths: what instructions call of the run time, almost never, in the middle of fast code.
//!
//! `poll` does when its count has run out, `decref` when the last reference is gone. Neither may cost the code around it
//! anything: lowerings put these calls into cold places, and look there, not in the loop, for what a call destroys. Before such a
//! call the count of polls and the depth counter are written to memory; the count is loaded again after it.

use crate::ir::Op;
use crate::rt::RtId;

/// The entry points that slow paths call. Each says by its result whether compiled code must leave.
pub const SLOW_PATHS: [RtId; 2] = [RtId::PollSlow, RtId::Dealloc];

/// The entry point that an instruction calls, on a slow path or always.
pub fn entry_point(op: &Op) -> Option<RtId> {
    match op {
        Op::CallRt { rt, .. } => Some(*rt),
        Op::Decref(..) => Some(RtId::Dealloc),
        Op::Poll { .. } => Some(RtId::PollSlow),
        _ => None,
    }
}
