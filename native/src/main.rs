//! The `psycore` command: a stand-in for `python`. Everything it does is in [`cli`];
//! this file only starts it and chooses the allocator.

mod cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}

/// Gives memory that this thread has freed back to the system.
fn give_memory_back() {
    unsafe extern "C" {
        fn mi_collect(force: bool);
    }
    // SAFETY: the allocator's own function, which may be called at any time.
    unsafe { mi_collect(true) }
}
