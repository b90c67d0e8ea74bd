//! Runs every program with the JIT off and in every JIT mode and compares stdout, stderr (tracebacks included) and
//! the exit code: whatever is compiled, nobody may be able to tell. The programs break guards on purpose.

use psycore_tests::modes::{self, JIT_MODES, Mode, OFF};
use psycore_tests::process::LIMIT;
use psycore_tests::programs::{self, TestProgram};
use psycore_tests::{diff, parallel};

fn compare_all(directory: &str) {
    let executable = modes::executable().unwrap_or_else(|problem| panic!("{problem}"));
    let programs = programs::in_directory(directory);
    let references = parallel::map(&programs, |program| OFF.run(&executable, &program.path, LIMIT));
    let runs: Vec<(usize, &TestProgram, &Mode)> = programs
        .iter()
        .enumerate()
        .flat_map(|(index, program)| JIT_MODES.iter().map(move |mode| (index, program, mode)))
        .collect();
    let failures: Vec<String> = parallel::map(&runs, |(index, program, mode)| {
        let outcome = mode.run(&executable, &program.path, LIMIT);
        let difference = diff::outcomes(&references[*index], &outcome)?;
        let commands = [&OFF, mode].map(|mode| format!(" $ {}\n", mode.line(&executable, &program.path))).concat();
        Some(format!("{} in mode {}:\n{commands}{difference}", program.name(), mode.name))
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(failures.is_empty(), "{} of {} runs differ from --jit=off\n\n{}", failures.len(), runs.len(), failures.join("\n"));
}

#[test]
fn programs_are_the_same_in_every_mode() {
    compare_all("programs");
}

/// Small programs that once came out wrong, most of them found by the random program generator.
#[test]
fn corpus_is_the_same_in_every_mode() {
    compare_all("differential/corpus");
}
