//! The Python module `psyco`: programs in `tests/psyco/` that assert what each function of it does, run with the
//! compiler on, off and in full mode; and what a program can't see from the inside.

use psycore_tests::modes::{Mode, OFF, executable};
use psycore_tests::parallel;
use psycore_tests::process::{LIMIT, Outcome};
use psycore_tests::programs::directory;
use psycore_vm::{JitConfig, JitMode, Vm, VmConfig};
use psycore_x64::{CraneliftLowering, CraneliftOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What programs ask about must have happened.
const AUTO: Mode = Mode { name: "auto", options: &["--jit=auto"], environment: &[("PSYCORE_JIT_SYNCHRONOUS", "1")] };
const FULL: Mode = Mode { name: "full", options: &["--jit=full"], environment: &[] };
const INTERPRETED_IR: Mode =
    Mode { name: "auto, interpreted IR", options: &["--jit=auto"], environment: &[("PSYCORE_LOWERING", "interp")] };

fn programs() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory("psyco")).expect("tests/psyco is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| {
        let name = path.file_stem().unwrap_or_default();
        // One is imported by the others, one waits for a signal.
        path.extension().is_some_and(|e| e == "py") && name != "support" && name != "interrupted"
    });
    paths.sort();
    paths
}

fn failure(mode: &Mode, program: &Path, outcome: &Outcome) -> Option<String> {
    let silent = outcome.stderr.is_empty() && !outcome.stdout.is_empty();
    (outcome.end != "exit status: 0" || !silent).then(|| {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        format!("{name}, {}: {}\n{}{}\n", mode.name, outcome.end, outcome.stdout, outcome.stderr)
    })
}

fn run_all(mode: &Mode) {
    let executable = executable().expect("psycore is built");
    let programs = programs();
    assert!(programs.len() >= 10, "{programs:?}");
    let failures: Vec<String> =
        parallel::map(&programs, |path| failure(mode, path, &mode.run(&executable, path, LIMIT))).into_iter().flatten().collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn with_the_compiler() {
    run_all(&AUTO);
}

#[test]
fn in_full_mode() {
    run_all(&FULL);
}

#[test]
fn without_the_compiler() {
    run_all(&OFF);
}

#[test]
fn with_interpreted_ir() {
    run_all(&INTERPRETED_IR);
}

/// Starts a program, waits for its first line, and sends a signal.
fn interrupted(mode: &Mode) -> (String, Option<i32>) {
    let program = directory("psyco").join("interrupted.py");
    let mut command: Command = mode.command(&executable().expect("psycore is built"), &program);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("psycore starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert_eq!(first, "running");
    // SAFETY: the process is ours and has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGINT) }, 0);
    let mut waited = Duration::ZERO;
    let status = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        if waited > LIMIT {
            child.kill().expect("it can be ended");
            panic!("it did not hear the signal");
        }
        std::thread::sleep(Duration::from_millis(20));
        waited += Duration::from_millis(20);
    };
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    (rest.join("\n"), status.code())
}

#[test]
fn a_compiled_loop_hears_ctrl_c() {
    for mode in [&AUTO, &FULL, &OFF] {
        assert_eq!(interrupted(mode), ("interrupted".to_owned(), Some(0)), "{}", mode.name);
    }
}

#[test]
fn the_log_ends_with_the_most_charged_functions() {
    let program = directory("psyco").join("telling.py");
    let outcome = AUTO.run(&executable().expect("psycore is built"), &program, LIMIT);
    let directory = PathBuf::from(outcome.stdout.trim());
    // The last log of that program is named after what it called its script.
    let log = std::fs::read_to_string(directory.join("script.log-psyco")).expect("the log is there");
    let (_, charged) = log.split_once("most charged functions:\n").expect("the list is there");
    let mut lines = charged.lines();
    assert_eq!(lines.next(), Some("interpreted   compiled      bytes  function"));
    assert!(lines.clone().any(|line| line.contains(" poly (")), "{log}");
    assert!(lines.all(|line| line.split_whitespace().count() >= 5), "{log}");
    std::fs::remove_dir_all(directory).expect("the directory can go");
}

fn vm(jit: JitConfig) -> Vm {
    let lowering = CraneliftLowering::new(CraneliftOptions::default()).expect("there is executable memory");
    Vm::new(VmConfig::new().jit(jit).lowering(Box::new(lowering))).expect("it starts")
}

#[test]
fn code_has_a_limit() {
    let limit = 100_000;
    let vm = vm(JitConfig { mode: JitMode::Full, code_bytes: Some(limit), ..JitConfig::default() });
    let program = "
import psyco
most = 0
for k in range(300):
    names = {}
    exec(f'def f(n):\\n t = {k}\\n for i in range(n): t += i\\n return t', names)
    for _ in range(5):
        assert names['f'](100) == 4950 + k
    most = max(most, psyco.stats()['code_bytes'])
emptied, total = psyco.stats()['emptied'], psyco.stats()['code_bytes_total']
";
    vm.run_source(program, "limit.py").expect("it runs");
    let number = |name: &str| vm.get::<usize>(name).expect("it was set");
    assert!(number("total") > 2 * limit, "{} bytes are no test of a limit", number("total"));
    assert!(number("emptied") > 0);
    // What is compiled when the limit is not yet reached may pass it.
    assert!(number("most") < limit + 40_000, "{}", number("most"));
}

#[test]
fn an_interpreter_in_the_place_of_another_is_its_own() {
    for mode in [JitMode::Auto, JitMode::Off, JitMode::Full, JitMode::Off] {
        let vm = vm(JitConfig { mode, ..JitConfig::default() });
        vm.run_source("import psyco\nmode = psyco.stats()['mode']", "mode.py").expect("it runs");
        let said: String = vm.get("mode").expect("it was set");
        assert_eq!(said, format!("{mode:?}").to_lowercase());
    }
}

#[test]
fn the_example_runs() {
    let program = directory("..").join("examples/psyco_bind.py");
    for mode in [&AUTO, &OFF] {
        let outcome = mode.run(&executable().expect("psycore is built"), &program, LIMIT);
        assert_eq!(failure(mode, &program, &outcome), None);
    }
}
