//! The regressions of `differential/corpus` inside the sandbox: they must print what they print natively, whatever the guest
//! compiles.

use psycore_tests::modes::{self, Mode, OFF};
use psycore_tests::programs::{self, Program};
use psycore_tests::{diff, parallel};
use std::time::Duration;

/// The first use compiles the guest, which takes half a minute.
const LIMIT: Duration = Duration::from_secs(240);

/// Not `full` yet: docs/roadmap.md says what goes wrong.
const GUEST_MODES: [Mode; 1] = [Mode { name: "guest, auto", options: &["--sandbox", "--jit=auto"], environment: &[] }];

/// What prints something else there: hashes of tuples, which have 32 bits; a warning of the compiler, which quotes a file.
const OTHER: [&str; 2] = ["calls_with_stars", "invert_a_large_constant"];

fn compare(programs: &[Program], reference: &Mode, modes: &[Mode]) {
    if std::env::var_os("PSYCORE_WASM").is_none() {
        eprintln!("skipped: PSYCORE_WASM is not set");
        return;
    }
    let executable = modes::executable().unwrap_or_else(|problem| panic!("{problem}"));
    let references = parallel::map(programs, |program| reference.run(&executable, &program.path, LIMIT));
    let runs: Vec<(usize, &Mode)> = (0..programs.len()).flat_map(|index| modes.iter().map(move |mode| (index, mode))).collect();
    let failures: Vec<String> = parallel::map(&runs, |(index, mode)| {
        let program = &programs[*index];
        let difference = diff::outcomes(&references[*index], &mode.run(&executable, &program.path, LIMIT))?;
        Some(format!("{} in mode {}:\n{difference}", program.name(), mode.name))
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(failures.is_empty(), "{} of {} runs differ from {}\n\n{}", failures.len(), runs.len(), reference.name, failures.join("\n"));
}

#[test]
fn corpus_prints_what_it_prints_natively() {
    let all = programs::in_directory("differential/corpus");
    let same: Vec<Program> = all.into_iter().filter(|p| !OTHER.contains(&&*p.name())).collect();
    compare(&same, &OFF, &GUEST_MODES);
}
