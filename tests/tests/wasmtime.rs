//! The Python programs inside the sandbox: they must leave behind what they do natively, whatever the guest compiles. They need
//! `psycore.wasm`, which `./x test` builds and names in `PSYCORE_WASM`. `tests/hosts/programs.test.mjs` does the same in Node
//! and in Chromium.

use psycore_tests::modes::{self, Mode, OFF};
use psycore_tests::process::{self, LIMIT};
use psycore_tests::programs::{self, TestProgram};
use psycore_tests::{diff, parallel};
use std::path::Path;
use std::process::Command;

/// A root directory, as guests have in other hosts.
const ROOT: &str = concat!("--dir=", env!("CARGO_TARGET_TMPDIR"), "::/");

const GUEST_MODES: &[Mode] = &[
    Mode { name: "guest, auto", options: &["--sandbox", ROOT, "--jit=auto"], environment: &[] },
    // Compiled in the midst of most loops, and without a limit on the time for it.
    Mode { name: "guest, hot", options: &["--sandbox", ROOT, "--jit=auto", "--jit-threshold=20"], environment: &[] },
    Mode { name: "guest, full", options: &["--sandbox", ROOT, "--jit=full"], environment: &[] },
];

fn there_is_a_guest() -> bool {
    let there = std::env::var_os("PSYCORE_WASM").is_some();
    if !there {
        eprintln!("skipped: PSYCORE_WASM is not set");
    }
    there
}

fn executable() -> std::path::PathBuf {
    modes::executable().unwrap_or_else(|problem| panic!("{problem}"))
}

/// The programs of a directory that guests can run.
fn portable(directory: &str) -> impl Iterator<Item = TestProgram> {
    programs::in_directory(directory).into_iter().filter(|program| !program.native_only)
}

#[test]
fn programs_leave_behind_what_they_do_natively() {
    if !there_is_a_guest() {
        return;
    }
    let executable = executable();
    let programs = ["programs", "differential/corpus", "differential/guards"].into_iter().flat_map(portable);
    let runs: Vec<(TestProgram, &Mode)> =
        programs.flat_map(|program| GUEST_MODES.iter().map(move |mode| (program.clone(), mode))).collect();
    let failures: Vec<String> = parallel::map(&runs, |(program, mode)| {
        let expected = OFF.run(&executable, &program.path, LIMIT);
        let difference = diff::outcomes(&expected, &mode.run(&executable, &program.path, LIMIT))?;
        Some(format!("{}\n{difference}", mode.line(&executable, &program.path)))
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(failures.is_empty(), "{} of {} runs\n\n{}", failures.len(), runs.len(), failures.join("\n"));
}

/// Runs a program of `psyco`, which imports from its own directory.
fn psyco_command(executable: &Path, name: &str) -> Command {
    let mut command = Command::new(executable);
    command.env("PSYCORE_JIT_SYNCHRONOUS", "1");
    command.args(["--sandbox", ROOT]).arg(format!("--dir={}::/psyco:ro", programs::directory("psyco").display()));
    let program =
        format!("import sys, runpy\nsys.path.insert(0, '/psyco')\nrunpy.run_path('/psyco/{name}.py', run_name='__main__')");
    command.arg("-c").arg(program);
    command
}

/// They assert what they are about.
#[test]
fn the_module_psyco_does_what_it_says() {
    if !there_is_a_guest() {
        return;
    }
    let executable = executable();
    let programs: Vec<TestProgram> = portable("psyco").filter(|program| program.name() != "support").collect();
    let failures: Vec<String> = parallel::map(&programs, |program| {
        let outcome = process::run(&mut psyco_command(&executable, &program.name()), LIMIT).expect("psycore starts");
        let passed = outcome.end == "exit status: 0" && outcome.stderr.is_empty() && !outcome.stdout.is_empty();
        (!passed).then(|| format!("{}: {}\n{}{}", program.name(), outcome.end, outcome.stdout, outcome.stderr))
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
