//! What the answers are made from: tables that remember what was found once.

pub mod builtins;
pub mod classes;
pub mod codes;
pub mod samples;
