//! What `--jit-stats` and `psycore explain` say of real runs.

use psycore_tests::modes::executable;
use psycore_tests::process::{self, Outcome};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn with(name: &str, text: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unique = format!("psycore-explain-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(unique);
        std::fs::create_dir_all(&path).expect("a directory can be made");
        std::fs::write(path.join(name), text).expect("a file can be written");
        Directory(path)
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(executable().expect("psycore is built"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PSYCORE_JIT") || name == "PSYCORE_LOWERING" {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(&self.0).env("PYTHONHASHSEED", "0");
        process::run(&mut command, LIMIT).expect("psycore starts")
    }

    fn read(&self, name: &str) -> String {
        let path: &Path = &self.0.join(name);
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What stays behind in the temporary directory hurts nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The number in a line of statistics.
fn number(stats: &str, line: &str) -> f64 {
    let rest = stats.lines().find_map(|l| l.trim_start().strip_prefix(line)).unwrap_or_else(|| panic!("no {line}: {stats}"));
    let number = rest.split_whitespace().next().expect("a number");
    number.parse().unwrap_or_else(|error| panic!("{line}: {number}: {error}"))
}

const INT_LOOP: &str = "\
def loop(n):
    s = 0
    for i in range(n):
        s += i * i % 7
    return s
print(loop(60_000_000))
";

#[test]
fn statistics_share_the_time_between_compiled_code_and_the_interpreter() {
    let directory = Directory::with("hot.py", INT_LOOP);
    let run = directory.run(&["--jit-stats", "hot.py"]);
    assert_eq!((run.end.as_str(), run.stdout.as_str()), ("exit status: 0", "119999999\n"), "{}", run.stderr);
    assert!(number(&run.stderr, "time measured") > 50.0, "{}", run.stderr);
    assert!(number(&run.stderr, "compiled code") > 60.0, "{}", run.stderr);
    assert!(number(&run.stderr, "compile time") > 0.0, "{}", run.stderr);

    let directory = Directory::with("cold.py", "x = sum(sorted([(i * 7919) % 10007 for i in range(300)]))\nfor i in range(500):\n    x = ''.join(sorted(str(x) * 800))[:20]\n    x = sum(map(int, x))\n");
    let run = directory.run(&["--jit-stats", "cold.py"]);
    assert_eq!(run.end, "exit status: 0", "{}", run.stderr);
    assert!(number(&run.stderr, "interpreter") > 60.0, "{}", run.stderr);
}

/// Asleep is not at work, and the clock does not wake anybody.
#[test]
fn waiting_is_not_measured_and_not_cut_short() {
    let text = "import time\nstart = time.monotonic()\ntime.sleep(0.5)\nprint(time.monotonic() - start >= 0.5)\n";
    let directory = Directory::with("sleep.py", text);
    let run = directory.run(&["--jit-stats", "sleep.py"]);
    assert_eq!(run.stdout, "True\n", "{}", run.stderr);
    assert!(number(&run.stderr, "time measured") < 400.0, "{}", run.stderr);
}
