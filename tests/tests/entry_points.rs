//! No entry point of the run time is dead: compiled code of some program calls each. The programs are compiled as soon as
//! they can be, and the log shows the IR.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use psycore_jit::rt::RtId;
use psycore_tests::modes::{self, Mode};
use psycore_tests::{parallel, process, programs};

const LIMIT: Duration = Duration::from_secs(120);

/// Everything is compiled at once, however long that takes.
const FULL: Mode = Mode { name: "full", options: &["--jit=full", "--jit-threshold=1"], environment: &[] };

/// Those that the IR does not name: lowerings call them by themselves.
const OF_LOWERINGS: [RtId; 2] = [RtId::Dealloc, RtId::PollSlow];

/// The entry points that compiled code of a program calls.
fn called(executable: &Path, program: &Path) -> BTreeSet<&'static str> {
    let name = program.file_stem().unwrap_or_default().to_string_lossy();
    let log: PathBuf = std::env::temp_dir().join(format!("psycore-entry-points-{}-{name}.log", std::process::id()));
    let mut command = FULL.command(executable, program);
    // What is compiled while the program runs on may come too late to be emitted.
    command.env("PSYCORE_JIT_SYNCHRONOUS", "1").env("PSYCORE_JIT_LOG", &log).env("PSYCORE_JIT_LOG_IR", "1");
    let outcome = process::run(&mut command, LIMIT).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(!outcome.timed_out(), "{name}: {}", outcome.end);
    let text = std::fs::read(&log).unwrap_or_default();
    // A log that stays behind in the temporary directory hurts nobody.
    let _ = std::fs::remove_file(&log);
    let text = String::from_utf8_lossy(&text);
    let names = text.split("call_rt ").skip(1).filter_map(|rest| rest.split('(').next());
    names.filter_map(RtId::by_name).map(RtId::name).collect()
}

#[test]
fn some_program_calls_each() {
    let executable = modes::executable().unwrap_or_else(|problem| panic!("{problem}"));
    let programs = ["differential/corpus", "programs"].map(programs::in_directory).concat();
    let seen: BTreeSet<&str> = parallel::map(&programs, |p| called(&executable, &p.path)).into_iter().flatten().collect();
    let expected = RtId::ALL.iter().filter(|rt| !OF_LOWERINGS.contains(rt)).map(|rt| rt.name());
    let missing: Vec<&str> = expected.filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "no program of {} makes compiled code call {}", programs.len(), missing.join(", "));
}
