//! The `psycore` command: a stand-in for `python`. Everything it does is in [`cli`];
//! this file only starts it and chooses the allocator.

mod cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
