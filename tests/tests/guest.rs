//! Filetests and random IR on the WebAssembly lowering, as a guest of wasmtime and, where it is installed, of Node. All
//! modules that are generated must be valid, which the hosts check.

use psycore_ir_tests::filetest::time_file;
use psycore_sandbox::link::LinkLimits;
use psycore_tests::guest::{IrGuest, ir_guest};
use psycore_tests::lowerings::lowerings;
use std::path::Path;
use std::process::Command;

/// What the hosts run: each with a directory that it sees as `/`.
const FILETESTS: [&str; 2] = ["filetests", "/filetests"];
const RANDOM: [&str; 3] = ["random", "1", "300"];

#[test]
fn filetests_and_random_ir_in_wasmtime() {
    let Some(path) = ir_guest() else { return };
    let guest = IrGuest::new(&path).unwrap_or_else(|e| panic!("{e}"));
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    for args in [&FILETESTS[..], &RANDOM[..]] {
        let limits = LinkLimits { modules: 100_000, bytes: usize::MAX, ..LinkLimits::default() };
        let run = guest.run(directory, args, limits, |_| ()).unwrap_or_else(|e| panic!("{e}"));
        assert!(run.exit == 0, "{}\n{}", run.stdout, run.stderr);
        assert!(run.linked.modules > 0 && run.linked.refused == 0, "{:?}", run.linked);
        println!("{} {:?}", run.stdout.trim(), run.linked);
    }
}

#[test]
fn a_full_host_refuses() {
    let Some(path) = ir_guest() else { return };
    let guest = IrGuest::new(&path).unwrap_or_else(|e| panic!("{e}"));
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let limits = LinkLimits { modules: 3, ..LinkLimits::default() };
    let run = guest.run(directory, &RANDOM, limits, |_| ()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(run.exit, 1);
    assert!(run.stderr.contains("the host refuses a module"), "{}", run.stderr);
    assert_eq!((run.linked.modules, run.linked.refused), (3, 1));
}

#[test]
fn filetests_and_random_ir_in_node() {
    let Some(path) = ir_guest() else { return };
    for args in [&FILETESTS[..], &RANDOM[..]] {
        if in_node(&path, args).is_none() {
            eprintln!("skipped: there is no node");
        }
    }
}

/// What the guest prints in Node, if there is one.
fn in_node(path: &Path, args: &[&str]) -> Option<String> {
    Command::new("node").arg("--version").output().ok()?;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.arg("--no-warnings").arg(directory.join("hosts/node.mjs")).arg(path).arg(directory).args(args);
    let output = command.output().unwrap_or_else(|e| panic!("node: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    Some(text(&output.stdout))
}

/// How fast the code is: the files of `tests/times/`, best of some runs, in milliseconds.
#[test]
#[ignore = "tells, does not test"]
fn times() {
    let Some(path) = ir_guest() else { return };
    let guest = IrGuest::new(&path).unwrap_or_else(|e| panic!("{e}"));
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["int_loop", "mul_loop", "float_loop", "list_sum", "calls_local", "calls_by_cell"] {
        let native = time_file(&directory.join(format!("times/{file}.ir")), &lowerings).unwrap_or_else(|e| panic!("{e}"));
        let inside = format!("/times/{file}.ir");
        let args = ["time", inside.as_str()];
        let wasmtime = guest.run(directory, &args, LinkLimits::default(), |_| ()).unwrap_or_else(|e| panic!("{e}"));
        println!("{file}");
        for (host, out) in
            [("native", native), ("wasmtime", wasmtime.stdout), ("node", in_node(&path, &args).unwrap_or_default())]
        {
            for line in out.lines() {
                if let [lowering, time, ..] = line.split(' ').collect::<Vec<_>>()[..]
                    && let Ok(time) = time.parse::<u64>()
                {
                    println!("  {host:8} {lowering:18} {:6}", time / 1_000_000);
                }
            }
        }
    }
}
