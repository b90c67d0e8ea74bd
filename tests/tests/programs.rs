//! Compares what the programs print with the JIT off with their expected outputs, so that the reference of the
//! differential tests is itself known to be right. `PSYCORE_BLESS=1` writes the expected outputs: with `python3`, which
//! must be 3.11, or with psycore for the programs that are marked so.

use psycore_tests::modes::{self, OFF};
use psycore_tests::process::{self, LIMIT, Outcome};
use psycore_tests::programs::{self, TestProgram};
use psycore_tests::{diff, parallel};
use std::path::Path;
use std::process::Command;

#[test]
fn programs_print_what_is_expected() {
    check_all("programs");
}

#[test]
fn corpus_prints_what_is_expected() {
    check_all("differential/corpus");
}

#[test]
fn guards_print_what_is_expected() {
    check_all("differential/guards");
}

fn check_all(directory: &str) {
    let executable = modes::executable().unwrap_or_else(|problem| panic!("{problem}"));
    let programs = programs::in_directory(directory);
    let bless = std::env::var_os("PSYCORE_BLESS").is_some_and(|value| value == "1");
    let failures: Vec<String> = parallel::map(&programs, |program| {
        if bless {
            write_expected(program, &executable);
        }
        check(program, &executable)
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(failures.is_empty(), "{} of {} programs\n\n{}", failures.len(), programs.len(), failures.join("\n"));
}

fn check(program: &TestProgram, executable: &Path) -> Option<String> {
    let line = OFF.line(executable, &program.path);
    let expected = match std::fs::read_to_string(&program.expected) {
        Ok(text) => text,
        Err(error) => return Some(format!("{}: {error}; PSYCORE_BLESS=1 writes it\n", program.expected.display())),
    };
    let outcome = OFF.run(executable, &program.path, LIMIT);
    if !outcome.end.starts_with("exit status:") {
        return Some(format!("{}: {}\n $ {line}\n{}", program.name(), outcome.end, outcome.stderr));
    }
    let difference = diff::texts(&expected, &outcome.stdout)?;
    Some(format!("{}: {}\n $ {line}\n{difference}{}", program.name(), outcome.end, outcome.stderr))
}

fn write_expected(program: &TestProgram, executable: &Path) {
    let outcome = if program.from_rustpython { OFF.run(executable, &program.path, LIMIT) } else { run_cpython(program) };
    std::fs::write(&program.expected, outcome.stdout).unwrap_or_else(|error| panic!("{}: {error}", program.expected.display()));
}

fn run_cpython(program: &TestProgram) -> Outcome {
    let check = "import sys; assert sys.version_info[:2] == (3, 11) and sys.implementation.name == 'cpython', sys.version";
    let mut python = Command::new("python3");
    let version = process::run(python.args(["-c", check]), LIMIT).expect("python3 writes the expected outputs");
    assert_eq!(version.end, "exit status: 0", "expected outputs come from CPython 3.11: {}", version.stderr);
    let mut python = Command::new("python3");
    python.arg(&program.path).env("PYTHONHASHSEED", "0");
    let outcome = process::run(&mut python, LIMIT).expect("python3 runs");
    assert_eq!(outcome.end, "exit status: 0", "{} under CPython: {}", program.name(), outcome.stderr);
    outcome
}
