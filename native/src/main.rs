//! The `psycore` command: a stand-in for `python`. Everything it does is in [`cli`];
//! this file only starts it and chooses the allocator.

mod cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    give_back_soon();
    cli::main()
}

/// Milliseconds that the allocator keeps memory which nobody uses. Its own second is as long as many programs run: lists that
/// are made anew all the time would lie beside the places where they were.
const UNUSED_MS: std::ffi::c_long = 300;

/// The allocator's own functions.
mod allocator {
    use std::ffi::{c_int, c_long};

    /// `mi_option_purge_delay` in its header.
    pub const PURGE_DELAY: c_int = 15;

    unsafe extern "C" {
        pub safe fn mi_option_set_default(option: c_int, value: c_long);
        pub safe fn mi_collect(force: bool);
    }
}

/// Lets the allocator give memory back sooner, unless `MIMALLOC_PURGE_DELAY` says when.
fn give_back_soon() {
    allocator::mi_option_set_default(allocator::PURGE_DELAY, UNUSED_MS);
}

/// Gives memory that this thread has freed back to the system.
fn give_memory_back() {
    allocator::mi_collect(true)
}
