//! Prints the random program of a seed: `cargo run -p psycore-tests --example generate -- SEED [CASES]`.

#![expect(clippy::print_stdout, reason = "it is a program")]

use psycore_tests::{fuzz, generate};

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |name: &str, default: Option<u64>| match arguments.next() {
        Some(text) => text.parse().map_err(|error| format!("{name} {text}: {error}")),
        None => default.ok_or_else(|| format!("{name} is missing; usage: generate SEED [CASES]")),
    };
    let seed = number("SEED", None)?;
    let cases = number("CASES", Some(fuzz::CASES as u64))?;
    print!("{}", generate::program(seed, cases as usize));
    Ok(())
}
