//! What `--jit-stats` and `psycore explain` say of real runs.

use psycore_tests::directory::{Directory, Launch};
use psycore_tests::process::Outcome;

/// `psycore` with these arguments; code is there as soon as it was asked for.
fn invocation(directory: &Directory, arguments: &[&str]) -> Launch {
    directory.psycore(arguments).env("PYTHONHASHSEED", "0").env("PSYCORE_JIT_SYNCHRONOUS", "1")
}

fn psycore(directory: &Directory, arguments: &[&str]) -> Outcome {
    invocation(directory, arguments).end()
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

/// Of samples only whether there are any: how many depends on the machine and on what else it does.
#[test]
fn statistics_share_the_time_between_compiled_code_and_the_interpreter() {
    let directory = Directory::with(&[("hot.py", INT_LOOP)]);
    let run = psycore(&directory, &["--jit-stats", "hot.py"]);
    assert_eq!((run.end.as_str(), run.stdout.as_str()), ("exit status: 0", "119999999\n"), "{}", run.stderr);
    let shares = ["compiled code", "what it called", "interpreter", "compiler"].map(|place| number(&run.stderr, place));
    assert!((shares.iter().sum::<f64>() - 100.0).abs() < 0.5, "{}", run.stderr);
    assert!(number(&run.stderr, "time measured") > 0.0 && shares[0] > 0.0, "{}", run.stderr);
    assert!(number(&run.stderr, "turns of loops") > 30e6, "{}", run.stderr);
    assert!(number(&run.stderr, "compile time") > 0.0, "{}", run.stderr);

    let directory = Directory::with(&[("cold.py", &INT_LOOP.replace("60_000_000", "2_000_000"))]);
    let run = psycore(&directory, &["--jit-stats", "--jit-threshold=1000000000", "cold.py"]);
    assert_eq!(run.end, "exit status: 0", "{}", run.stderr);
    assert!(number(&run.stderr, "interpreter") > 0.0, "{}", run.stderr);
    for nothing in ["units compiled", "compiled code", "what it called", "turns of loops"] {
        assert_eq!(number(&run.stderr, nothing), 0.0, "{nothing}: {}", run.stderr);
    }
}

/// Asleep is not at work, and the clock does not wake anybody. What is measured is processor time.
#[test]
fn waiting_is_not_measured_and_not_cut_short() {
    let text = "import time\nstart = time.monotonic()\ntime.sleep(0.5)\nprint(time.monotonic() - start >= 0.5)\n";
    let directory = Directory::with(&[("sleep.py", text)]);
    let run = psycore(&directory, &["--jit-stats", "sleep.py"]);
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
fn part(page: &str, number: u32) -> &str {
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
    let directory = Directory::with(&[("mixed.py", MIXED)]);
    let plain = psycore(&directory, &["mixed.py"]);
    let run = psycore(&directory, &["explain", "mixed.py"]);
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
    let directory = Directory::with(&[("hot.py", INT_LOOP)]);
    let run = psycore(&directory, &["explain", "--text", "hot.py"]);
    assert_eq!((run.end.as_str(), run.stdout.as_str()), ("exit status: 0", "119999999\n"));
    let line = run.stderr.lines().find(|l| l.ends_with("        s += i * i % 7")).unwrap_or_else(|| panic!("{}", run.stderr));
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!((words[0], words[2], words[3]), ("4", "%", "compiled"), "{line}");
    assert!(words[1].parse::<f64>().expect("a share") > 0.0, "{line}");
    let run = psycore(&directory, &["explain", "-o", "out.txt", "--text", "hot.py"]);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(directory.read("out.txt").contains("        s += i * i % 7"));
}

#[test]
fn a_program_that_raises_is_explained_too() {
    let directory = Directory::with(&[("fails.py", &format!("{INT_LOOP}print(1 // 0)\n"))]);
    let plain = psycore(&directory, &["fails.py"]);
    let run = psycore(&directory, &["explain", "-o", "page.html", "fails.py"]);
    assert_eq!((&run.end, &run.stdout), (&plain.end, &plain.stdout));
    assert!(run.stderr.ends_with(&plain.stderr), "{}", run.stderr);
    check_page(&directory.read("page.html"));
}

#[test]
fn an_interrupted_program_is_explained_too() {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    // It says so when compiled code has been at work for a while, and goes on.
    let text = "i = 0\nwhile True:\n    i = i + 1\n    if i == 100_000_000: print('begun', flush=True)\n";
    let directory = Directory::with(&[("endless.py", text)]);
    let mut child = invocation(&directory, &["explain", "endless.py"]).start();
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout is piped")).read_line(&mut line).expect("it prints");
    // SAFETY: the child has not been waited for, so the number is still its own.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.signal() == Some(libc::SIGINT) || output.status.code() == Some(130), "{:?}: {stderr}", output.status);
    assert!(stderr.contains("KeyboardInterrupt"), "{stderr}");
    let page = directory.read("endless.explain.html");
    check_page(&page);
    // Which line of so short a loop is met is chance.
    assert!((2..=4).any(|line| part(&page, line).contains(" ms compiled")), "{page}");
}

#[test]
fn what_can_not_run_says_the_same_and_leaves_no_page() {
    let directory = Directory::with(&[("syntax.py", "x = (\n")]);
    std::fs::create_dir(directory.path().join("empty")).expect("a directory can be made");
    for name in ["syntax.py", "missing.py", "empty"] {
        let plain = psycore(&directory, &[name]);
        let run = psycore(&directory, &["explain", name]);
        assert_eq!((&run.end, &run.stderr), (&plain.end, &plain.stderr));
        assert_ne!(run.end, "exit status: 0");
    }
    let pages = std::fs::read_dir(directory.path()).expect("a directory").filter_map(Result::ok);
    let pages: Vec<_> = pages.filter(|e| e.path().extension().is_some_and(|e| e == "html")).collect();
    assert!(pages.is_empty(), "{pages:?}");
}

#[test]
fn mistakes_are_known_before_the_program_runs() {
    let directory = Directory::with(&[("hello.py", "print('ran')\n")]);
    for (arguments, complaint) in [
        (&["explain", "-o", "nowhere/page.html", "hello.py"][..], "there is no such directory"),
        (&["explain", "-o", ".", "hello.py"], "is a directory"),
        (&["explain", "--jit=off", "hello.py"], "the JIT is off"),
        (&["explain", "-c", "print('ran')"], "the name of a file"),
        (&["explain"], "the name of a file"),
    ] {
        let run = psycore(&directory, arguments);
        assert_eq!((run.end.as_str(), run.stdout.as_str()), ("exit status: 2", ""), "{arguments:?}");
        assert!(run.stderr.contains(complaint), "{arguments:?}: {}", run.stderr);
    }
}
