//! Bytecode as it is prepared for hooks: which units hooks replace, the pads behind the code, and what is known of a code
//! object besides. Nothing here knows what a hook does.

pub mod call_target;
pub mod linetable;
pub mod plan;
pub mod prepared;
pub mod rules;
pub mod units;
