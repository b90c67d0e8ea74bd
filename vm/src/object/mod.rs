//! How RustPython's objects and frames lie in memory. Whatever turns an address into a field is here; nothing here knows
//! of hooks or of compiled code.

pub mod depth;
pub mod frame;
pub mod frame_stack;
pub mod layout;
pub mod probe;
pub mod stamp;
pub mod threads;
pub mod views;
