//! Every kind of guard, broken in the middle of a loop (or recursion) that was compiled: each program of
//! `tests/differential/guards/` must behave as with `--jit=off` in every mode, and `--jit-stats` must show that the
//! guard was really there: for each line with `# breaks: REASON`, that compiled code left there for that reason.

use psycore_tests::modes::{self, JIT_MODES, Mode, OFF};
use psycore_tests::process::{self, LIMIT};
use psycore_tests::{diff, parallel, programs};
use std::collections::BTreeSet;

/// As usual, but that code is there as soon as it was asked for, and with statistics at the end.
const AUTO_STATISTICS: Mode =
    Mode { name: "auto", options: &["--jit=auto", "--jit-stats"], environment: &[("PSYCORE_JIT_SYNCHRONOUS", "1")] };

/// The reasons of exits in statistics, less one: an entry that does not fit leaves nothing.
const REASONS: [&str; 12] =
    ["depth", "error", "finalizer", "iteration", "overflow", "poll", "raise", "shape", "type", "unseen", "unsupported", "value"];

/// What statistics say in a line like `      16 overflow in run, line 7, BinaryOp`.
fn places(stats: &str) -> BTreeSet<(String, u32)> {
    let place = |line: &str| {
        let (count, rest) = line.trim_start().split_once(' ')?;
        count.parse::<u64>().ok()?;
        let (reason, rest) = rest.split_once(" in ")?;
        let (_, rest) = rest.split_once(", line ")?;
        Some((reason.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    stats.lines().filter_map(place).collect()
}

#[test]
fn every_guard_is_broken_and_nobody_can_tell() {
    let executable = modes::executable().unwrap_or_else(|problem| panic!("{problem}"));
    let programs = programs::in_directory("differential/guards");
    let mut broken = BTreeSet::new();
    let mut failures = Vec::new();
    for program in &programs {
        let source = std::fs::read_to_string(&program.path).unwrap_or_else(|error| panic!("{error}"));
        let marked: BTreeSet<(String, u32)> = (1..)
            .zip(source.lines())
            .filter_map(|(number, line)| Some((line.split_once("# breaks: ")?.1.to_owned(), number)))
            .collect();
        let mut command = AUTO_STATISTICS.command(&executable, &program.path);
        let outcome = process::run(&mut command, LIMIT).expect("psycore starts");
        let taken = places(&outcome.stderr);
        for missing in marked.difference(&taken) {
            failures.push(format!("{}: no exit for {} in line {}\n{}", program.name(), missing.0, missing.1, outcome.stderr));
        }
        broken.extend(marked.into_iter().map(|(reason, _)| reason));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    if std::env::var_os("PSYCORE_ONLY").is_none() {
        assert_eq!(broken.iter().map(String::as_str).collect::<Vec<_>>(), REASONS);
    }

    let runs: Vec<_> = programs.iter().flat_map(|program| JIT_MODES.iter().map(move |mode| (program, mode))).collect();
    let different: Vec<String> = parallel::map(&runs, |(program, mode)| {
        let expected = OFF.run(&executable, &program.path, LIMIT);
        let difference = diff::outcomes(&expected, &mode.run(&executable, &program.path, LIMIT))?;
        Some(format!("{}\n{difference}", mode.line(&executable, &program.path)))
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// A JIT that compiles nothing passes every comparison. Of the turns that a program's loops make and the calls of its
/// functions, most are made in compiled code. Counted, not timed: how long they take is another machine's affair.
#[test]
fn benchmarks_are_compiled() {
    const ROUNDS: u32 = 10;
    let executable = modes::executable().unwrap_or_else(|problem| panic!("{problem}"));
    let benchmarks = programs::directory("bench");
    // Turns and calls of a round. `fib` is compiled with some of its calls inlined, which don't count.
    let programs = [
        ("int_loop", 12.0e6),
        ("mandelbrot", 7.6e6),
        ("module_loop", 2.5e6),
        ("sieve", 11.2e6),
        ("fib", 2.8e6),
        ("spectral_norm", 2.7e6),
    ];
    let failures: Vec<String> = parallel::map(&programs, |(name, turns)| {
        let mut command = AUTO_STATISTICS.command(&executable, &benchmarks.join(name).with_extension("py"));
        command.arg(ROUNDS.to_string());
        let outcome = process::run(&mut command, LIMIT).expect("psycore starts");
        let number = |key: &str| -> f64 {
            let line = outcome.stderr.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("0");
            line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
        };
        let share = number("turns of loops") / (turns * f64::from(ROUNDS));
        let compiled = number("units compiled") >= 1.0 && number("code  ") > 0.0 && share >= 0.8;
        (!compiled).then(|| format!("{name}: {share} of the turns in compiled code\n{}", outcome.stderr))
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
