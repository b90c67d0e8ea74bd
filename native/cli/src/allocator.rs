//! The allocator of the process, and how long it keeps memory that nobody uses.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Milliseconds that the allocator keeps memory which nobody uses. Its own second is as long as many programs run: lists that
/// are made anew all the time would lie beside the places where they were.
const UNUSED_MS: std::ffi::c_long = 300;

/// The allocator's own functions.
mod mimalloc_c {
    use std::ffi::{c_int, c_long};

    /// `mi_option_purge_delay` in its header.
    pub const PURGE_DELAY: c_int = 15;

    unsafe extern "C" {
        pub safe fn mi_option_set_default(option: c_int, value: c_long);
        pub safe fn mi_collect(force: bool);
    }
}

/// Lets the allocator give memory back sooner, unless `MIMALLOC_PURGE_DELAY` says when.
pub fn give_back_soon() {
    mimalloc_c::mi_option_set_default(mimalloc_c::PURGE_DELAY, UNUSED_MS);
}

/// Gives memory that this thread has freed back to the system.
pub fn give_memory_back() {
    mimalloc_c::mi_collect(true)
}
