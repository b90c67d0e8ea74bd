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

fn give_back_soon() {
    /// `mi_option_purge_delay` in the allocator's header.
    const PURGE_DELAY: std::ffi::c_int = 15;
    unsafe extern "C" {
        fn mi_option_set_default(option: std::ffi::c_int, value: std::ffi::c_long);
    }
    // SAFETY: the allocator's own function for an option that it has; `MIMALLOC_PURGE_DELAY` goes before it.
    unsafe { mi_option_set_default(PURGE_DELAY, UNUSED_MS) }
}

/// Gives memory that this thread has freed back to the system.
fn give_memory_back() {
    unsafe extern "C" {
        fn mi_collect(force: bool);
    }
    // SAFETY: the allocator's own function, which may be called at any time.
    unsafe { mi_collect(true) }
}
