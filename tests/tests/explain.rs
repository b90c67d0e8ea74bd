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
    assert!(number(&run.stderr, "time measured") > 0.0, "{}", run.stderr);
    assert!(number(&run.stderr, "compiled code") > 60.0, "{}", run.stderr);
    assert!(number(&run.stderr, "compile time") > 0.0, "{}", run.stderr);

    let directory = Directory::with(
        "cold.py",
        "x = sum(sorted([(i * 7919) % 10007 for i in range(300)]))\nfor i in range(500):\n    x = ''.join(sorted(str(x) * 800))[:20]\n    x = sum(map(int, x))\n",
    );
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

/// A page on its own: every element is closed in order, and nothing refers to anything outside.
#[track_caller]
fn check_page(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>\n"), "{}", &page[..100.min(page.len())]);
    for outside in ["<script", "<link", "<img", "<iframe", "src=", "href=", "url(", "@import", "http:", "https:"] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
    let mut open = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').expect("a tag ends");
        let name = tag.split_whitespace().next().expect("a tag has a name");
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "closing {tag}"),
            None if ["!DOCTYPE", "meta"].contains(&name) => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, [""; 0]);
}

/// The part of a page for a line of source: its row, and what unfolds.
#[track_caller]
fn part<'a>(page: &'a str, number: u32) -> &'a str {
    let start = page.find(&format!("<span class=\"no\">{number}</span>")).unwrap_or_else(|| panic!("no line {number}: {page}"));
    let rest = &page[start..];
    let end = rest.find(&format!("<span class=\"no\">{}</span>", number + 1)).unwrap_or(rest.len());
    &rest[..end]
}

const MIXED: &str = "\
import sys
def scale(x, k):
    return x * k + 1.5
def hot(n):
    total = 0.0
    for i in range(n):
        total += scale(i, 0.5)
    return total
def once():
    return '<b>&amp;</b>' + \"'</details>\"
print(hot(40_000_000), once())
big = 1
for i in range(20_000):
    big = big * 3 % (1 << 70)
print(big)
sys.exit(7)
";

#[test]
fn a_page_tells_lines_types_exits_and_code() {
    let directory = Directory::with("mixed.py", MIXED);
    let plain = directory.run(&["mixed.py"]);
    let run = directory.run(&["explain", "mixed.py"]);
    assert_eq!((run.end.as_str(), &run.stdout), ("exit status: 7", &plain.stdout), "{}", run.stderr);
    let page = directory.read("mixed.explain.html");
    check_page(&page);
    assert!(run.stderr.ends_with("mixed.explain.html\n"), "{}", run.stderr);

    // The inlined function's line is compiled, and specialized to both types.
    let inlined = part(&page, 3);
    assert!(inlined.contains("specialized to float, int"), "{inlined}");
    // Time lands on the lines of the loop.
    let time: u32 = [3, 6, 7]
        .iter()
        .filter_map(|line| part(&page, *line).split_once("<li>")?.1.split_once(" ms compiled")?.0.parse::<u32>().ok())
        .sum();
    assert!(time > 0, "no time in compiled code: {page}");
    // What left it, why, and how often.
    let overflow = part(&page, 14);
    assert!(overflow.contains("(overflow)") || overflow.contains("(type)"), "{overflow}");
    // Source can't break the page.
    assert!(part(&page, 10).contains("&#39;&lt;b&gt;&amp;amp;&lt;/b&gt;&#39;"), "{}", part(&page, 10));
    // IR and machine code unfold.
    assert!(page.contains("loop in hot with n: int, total: float, i: int"), "{page}");
    for what in ["function entry", "state0 = frame", "Machine code", " ret\n"] {
        assert!(page.contains(what), "no {what}");
    }
}

#[test]
fn text_goes_to_stderr_or_to_a_file() {
    let directory = Directory::with("hot.py", INT_LOOP);
    let run = directory.run(&["explain", "--text", "hot.py"]);
    assert_eq!((run.end.as_str(), run.stdout.as_str()), ("exit status: 0", "119999999\n"));
    let line = run.stderr.lines().find(|l| l.ends_with("        s += i * i % 7")).unwrap_or_else(|| panic!("{}", run.stderr));
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!((words[0], words[2], words[3]), ("4", "%", "compiled"), "{line}");
    assert!(words[1].parse::<f64>().expect("a share") > 20.0, "{line}");
    let run = directory.run(&["explain", "-o", "out.txt", "--text", "hot.py"]);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(directory.read("out.txt").contains("        s += i * i % 7"));
}

#[test]
fn a_program_that_raises_is_explained_too() {
    let directory = Directory::with("fails.py", &format!("{INT_LOOP}print(1 // 0)\n"));
    let plain = directory.run(&["fails.py"]);
    let run = directory.run(&["explain", "-o", "page.html", "fails.py"]);
    assert_eq!((&run.end, &run.stdout), (&plain.end, &plain.stdout));
    assert!(run.stderr.ends_with(&plain.stderr), "{}", run.stderr);
    check_page(&directory.read("page.html"));
}

#[test]
fn an_interrupted_program_is_explained_too() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    let text = "print('begun', flush=True)\ni = 0\nwhile True:\n    i = i + 1 & 1023\n";
    let directory = Directory::with("endless.py", text);
    let mut child = Command::new(executable().expect("psycore is built"))
        .args(["explain", "endless.py"])
        .current_dir(&directory.0)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("psycore starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("it prints");
    std::thread::sleep(Duration::from_millis(300));
    // SAFETY: the child has not been waited for, so the number is still its own.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.signal() == Some(libc::SIGINT) || output.status.code() == Some(130), "{:?}: {stderr}", output.status);
    assert!(stderr.contains("KeyboardInterrupt"), "{stderr}");
    let page = directory.read("endless.explain.html");
    check_page(&page);
    assert!(part(&page, 4).contains(" ms compiled"), "{page}");
}

#[test]
fn what_can_not_run_says_the_same_and_leaves_no_page() {
    let directory = Directory::with("syntax.py", "x = (\n");
    std::fs::create_dir(directory.0.join("empty")).expect("a directory can be made");
    for name in ["syntax.py", "missing.py", "empty"] {
        let plain = directory.run(&[name]);
        let run = directory.run(&["explain", name]);
        assert_eq!((&run.end, &run.stderr), (&plain.end, &plain.stderr));
        assert_ne!(run.end, "exit status: 0");
    }
    let pages = std::fs::read_dir(&directory.0).expect("a directory").filter_map(Result::ok);
    let pages: Vec<_> = pages.filter(|e| e.path().extension().is_some_and(|e| e == "html")).collect();
    assert!(pages.is_empty(), "{pages:?}");
}

#[test]
fn mistakes_are_known_before_the_program_runs() {
    let directory = Directory::with("hello.py", "print('ran')\n");
    for (arguments, complaint) in [
        (&["explain", "-o", "nowhere/page.html", "hello.py"][..], "there is no such directory"),
        (&["explain", "-o", ".", "hello.py"], "is a directory"),
        (&["explain", "--jit=off", "hello.py"], "the JIT is off"),
        (&["explain", "-c", "print('ran')"], "the name of a file"),
        (&["explain"], "the name of a file"),
    ] {
        let run = directory.run(arguments);
        assert_eq!((run.end.as_str(), run.stdout.as_str()), ("exit status: 2", ""), "{arguments:?}");
        assert!(run.stderr.contains(complaint), "{arguments:?}: {}", run.stderr);
    }
}
