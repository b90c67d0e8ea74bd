//! The sandbox: what it gives, what it refuses, and programs that mean harm. They need `psycore.wasm`, which `./x test` builds and
//! names in `PSYCORE_WASM`; without it there is nothing to test.

use psycore_sandbox::{Engine, Error, Limit, MIB, Output, Sandbox, Value};
use psycore_tests::modes::executable;
use psycore_tests::process::LIMIT;
use psycore_tests::terminal::Terminal;
use std::time::{Duration, Instant};

fn there_is_a_guest() -> bool {
    let there = std::env::var_os("PSYCORE_WASM").is_some();
    if !there {
        eprintln!("skipped: PSYCORE_WASM is not set");
    }
    there
}

fn sandbox() -> Sandbox {
    Sandbox::builder().timeout(LIMIT).build().unwrap_or_else(|e| panic!("{e}"))
}

fn run(code: &str) -> Result<Value, Error> {
    sandbox().run(code)
}

/// The class of the exception that code ends with.
fn raised(code: &str) -> String {
    match run(code) {
        Err(Error::Exception { class, .. }) => class,
        other => panic!("{code}\ngave {other:?}"),
    }
}

#[test]
fn values_go_in_and_come_out() {
    if !there_is_a_guest() {
        return;
    }
    let mut sandbox = sandbox();
    sandbox.set("numbers", vec![1, 2, 3]).unwrap();
    let value = sandbox
        .run("total = sum(numbers)\n{'total': total, 'text': 'ä', 'none': None, 'half': 0.5, 'all': [True, (1, 2)]}")
        .unwrap();
    #[derive(serde::Deserialize, PartialEq, Debug)]
    struct Totals {
        total: i64,
        text: String,
        none: Option<i32>,
        half: f64,
        all: (bool, Vec<i32>),
    }
    let want = Totals { total: 6, text: "ä".into(), none: None, half: 0.5, all: (true, vec![1, 2]) };
    assert_eq!(value.to::<Totals>().unwrap(), want);
    sandbox.run("def area(w, h=2): return w * h").unwrap();
    assert_eq!(sandbox.call("area", (3, 1.5)).unwrap().to::<f64>().unwrap(), 4.5);
    assert_eq!(sandbox.call("area", [4]).unwrap().to::<i32>().unwrap(), 8);
    assert_eq!(sandbox.get("total").unwrap().to::<u8>().unwrap(), 6);
    assert_eq!(sandbox.run("2 ** 100").unwrap().to::<i128>().unwrap(), 1 << 100);
    assert_eq!(sandbox.run("-2 ** 63 - 1").unwrap().to::<i128>().unwrap(), -(1 << 63) - 1);
    assert_eq!(sandbox.run("object").unwrap().object().map(|(class, _)| class), Some("type"));
    assert!(matches!(sandbox.get("nothing"), Err(Error::Exception { class, .. }) if class == "NameError"));
    assert!(matches!(sandbox.run("'text'").unwrap().to::<i32>(), Err(Error::Value(_))));
}

#[test]
fn exceptions_have_their_place_and_the_sandbox_goes_on() {
    if !there_is_a_guest() {
        return;
    }
    let mut sandbox = sandbox();
    match sandbox.run("def f():\n    return 1 / 0\nf()") {
        Err(Error::Exception { class, message, traceback, frames }) => {
            assert_eq!((class.as_str(), message.as_str()), ("ZeroDivisionError", "division by zero"));
            assert!(traceback.contains("return 1 / 0"), "{traceback}");
            assert_eq!(frames.iter().map(|f| f.1).collect::<Vec<_>>(), [3, 2]);
        }
        other => panic!("{other:?}"),
    }
    match sandbox.run("x = (1,\n  2") {
        Err(Error::Exception { class, frames, .. }) => {
            assert_eq!(class, "SyntaxError");
            assert!(frames.last().is_some_and(|f| f.1 == 1 && f.2.is_some()), "{frames:?}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(sandbox.run("import sys; sys.exit(3)"), Err(Error::Exit(3))));
    assert_eq!(sandbox.run("40 + 2").unwrap().to::<i32>().unwrap(), 42);
}

#[test]
fn functions_of_the_host() {
    if !there_is_a_guest() {
        return;
    }
    let mut sandbox = Sandbox::builder()
        .host_fn("fetch", |arguments| {
            let name: String = arguments.get(0)?;
            let times = arguments.named::<usize>("times")?.unwrap_or(1);
            if name == "secret" {
                return Err(Error::Exception {
                    class: "PermissionError".into(),
                    message: "no".into(),
                    traceback: String::new(),
                    frames: Vec::new(),
                }
                .into());
            }
            Ok(Value::new(name.repeat(times))?)
        })
        .build()
        .unwrap();
    assert_eq!(sandbox.run("fetch('ab', times=2)").unwrap().to::<String>().unwrap(), "abab");
    let caught =
        "def t(*a):\n  try: fetch(*a)\n  except Exception as e: return type(e).__name__, str(e)\n[t('secret'), t(1), t()]";
    let caught: Vec<(String, String)> = sandbox.run(caught).unwrap().to().unwrap();
    assert_eq!(caught[0], ("PermissionError".into(), "no".into()));
    assert!(caught[1].0 == "TypeError" && caught[1].1.starts_with("fetch(): "), "{caught:?}");
    assert_eq!(caught[2], ("TypeError".into(), "fetch(): argument 1 is missing".into()));
}

#[test]
fn streams_files_and_environment_are_what_the_host_gives() {
    if !there_is_a_guest() {
        return;
    }
    let mut sandbox = Sandbox::builder()
        .stdin("first\nsecond\n")
        .stdout(Output::Collect(1000))
        .file("in.csv", "a,b\n1,2\n")
        .file("sub/deep.txt", "deep")
        .env("NAME", "value")
        .arguments(["prog", "x"])
        .build()
        .unwrap();
    sandbox.run("import os, sys\nprint(input(), open('in.csv').read().split(), open('/sub/deep.txt').read(), dict(os.environ), sys.argv)").unwrap();
    let printed = String::from_utf8(sandbox.stdout()).unwrap();
    assert_eq!(printed, "first ['a,b', '1,2'] deep {'NAME': 'value'} ['prog', 'x']\n");
    for denied in
        ["open('in.csv', 'w')", "open('/etc/passwd')", "open('../../etc/passwd')", "open('new', 'w')", "os.remove('in.csv')"]
    {
        assert!(matches!(sandbox.run(denied), Err(Error::Exception { .. })), "{denied}");
    }
    assert!(Sandbox::builder().file("../x", "").build().is_err());
}

#[test]
fn there_is_nothing_else() {
    if !there_is_a_guest() {
        return;
    }
    assert_eq!(run("import os; dict(os.environ)").unwrap(), run("{}").unwrap());
    raised("open('/etc/passwd')");
    raised("import socket; socket.create_connection(('127.0.0.1', 80))");
    raised("import subprocess; subprocess.run(['true'])");
    raised("import os; os.system('true')");
    assert_eq!(raised("import threading; threading.Thread(target=print).start()"), "RuntimeError");
}

#[test]
fn the_rest_of_the_library_is_beside_the_guest() {
    let Some(guest) = std::env::var_os("PSYCORE_WASM").map(std::path::PathBuf::from) else { return };
    let code = "import decimal\nstr(decimal.Decimal('1.10') + 1)";
    assert_eq!(run(code).unwrap().to::<String>().unwrap(), "2.10");
    let mut library = std::fs::read(guest.with_file_name("psycore-library.wasm")).unwrap();
    let directory = std::env::temp_dir().join(format!("psycore-library-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let copy = directory.join("psycore.wasm");
    std::fs::copy(&guest, &copy).unwrap();
    *library.last_mut().unwrap() ^= 1;
    // None at all, another one, half of one.
    let files =
        [(None, "there is no"), (Some(&library[..]), "this psycore.wasm has another"), (Some(&library[1000..]), "there is no")];
    for (contents, why) in files {
        if let Some(contents) = contents {
            std::fs::write(directory.join("psycore-library.wasm"), contents).unwrap();
        }
        let mut sandbox = Sandbox::builder().engine(Engine::from_file(&copy, false).unwrap()).build().unwrap();
        for _ in 0..2 {
            match sandbox.run(code) {
                Err(Error::Exception { class, message, .. }) => {
                    assert_eq!(
                        (class.as_str(), message),
                        ("ImportError", format!("{why} psycore-library.wasm, where 'decimal' is"))
                    );
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(sandbox.run("import json\njson.dumps([1])").unwrap().to::<String>().unwrap(), "[1]");
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn time_ends_loops_interpreted_and_compiled() {
    if !there_is_a_guest() {
        return;
    }
    for code in [
        "while True: pass",
        "def f():\n  i = 0\n  while True: i += 1\nf()",
        "import time; time.sleep(100)",
        "while True: sorted(range(10000))",
    ] {
        for jit in [psycore_sandbox::JitMode::Auto, psycore_sandbox::JitMode::Off] {
            let limit = Duration::from_millis(300);
            let mut sandbox = Sandbox::builder().timeout(limit).jit(jit).build().unwrap();
            let begin = Instant::now();
            let result = sandbox.run(code);
            assert!(matches!(result, Err(Error::Limit(Limit::Time(l))) if l == limit), "{code}\n{result:?}");
            assert!(begin.elapsed() < LIMIT, "{code}");
            assert!(matches!(sandbox.run("1"), Err(Error::Ended)));
        }
    }
}

#[test]
fn fuel_ends_programs_at_the_same_place() {
    if !there_is_a_guest() {
        return;
    }
    let run = |code| Sandbox::builder().fuel(50_000_000).build().unwrap().run(code);
    assert!(matches!(run("while True: pass"), Err(Error::Limit(Limit::Fuel(50_000_000)))));
    assert_eq!(run("sum(range(1000))").unwrap().to::<i64>().unwrap(), 499_500);
}

#[test]
fn memory_bombs() {
    if !there_is_a_guest() {
        return;
    }
    for code in [
        "x = []\nwhile True: x.append([0] * 1000)",
        "x = 'a'\nwhile True: x += x",
        "x = 3\nwhile True: x *= x",
        "x = bytearray(2**31 - 100)",
        "x = {}\nfor i in range(10**9): x[i] = i",
    ] {
        let mut sandbox = Sandbox::builder().memory(128 * MIB).timeout(LIMIT).build().unwrap();
        match sandbox.run(code) {
            Err(Error::Limit(Limit::Memory(limit))) => assert_eq!(limit, 128 * MIB),
            Err(Error::Exception { class, .. }) if class == "MemoryError" || class == "OverflowError" => {}
            other => panic!("{code}\n{other:?}"),
        }
        assert!(sandbox.memory_bytes().0 <= 128 * MIB);
    }
}

#[test]
fn recursion_is_an_exception() {
    if !there_is_a_guest() {
        return;
    }
    for code in [
        "def f(n): return f(n + 1) + 1\nf(0)",
        "import sys; sys.setrecursionlimit(10**6)\nclass A:\n  def __getattr__(self, name): return getattr(self, name + 'x')\nA().x",
        "class A:\n  def __eq__(self, o): return self == o\nA() == A()",
        "def f(): sorted([1, 2], key=lambda x: f())\nf()",
        "x = []\nfor i in range(100000): x = [x]\nrepr(x)",
        "eval('(' * 100000 + ')' * 100000)",
    ] {
        let mut sandbox = sandbox();
        match sandbox.run(code) {
            Err(Error::Exception { class, .. }) => {
                assert!(["RecursionError", "MemoryError", "SyntaxError"].contains(&&*class), "{code}\n{class}")
            }
            other => panic!("{code}\n{other:?}"),
        }
        assert_eq!(sandbox.run("1 + 1").unwrap().to::<i32>().unwrap(), 2);
    }
}

#[test]
fn floods_of_output() {
    if !there_is_a_guest() {
        return;
    }
    let mut sandbox = Sandbox::builder().stdout(Output::Collect(10_000)).build().unwrap();
    let result = sandbox.run("while True: print('x' * 100)");
    assert!(matches!(result, Err(Error::Limit(Limit::Output(10_000)))), "{result:?}");
    assert_eq!(sandbox.stdout().len(), 10_000);
}

#[test]
fn deterministic_sandboxes_are_the_same() {
    if !there_is_a_guest() {
        return;
    }
    let code = "import random, time, os, uuid\n[random.random(), time.time(), time.perf_counter(), os.urandom(8).hex(), str(uuid.uuid4()), hash('x'), list({'a', 'b', 'c'})]";
    let run = |seed| Sandbox::builder().deterministic(seed).build().unwrap().run(code).unwrap();
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn compiled_code_counts_and_ends_with_its_sandbox() {
    if !there_is_a_guest() {
        return;
    }
    let mut sandbox = sandbox();
    let hot = "def f{i}(n):\n  s = 0\n  for i in range(n): s += i * {i}\n  return s\nf{i}(5000)\n";
    let code: String = (0..50).map(|i| hot.replace("{i}", &i.to_string())).collect();
    sandbox.run(&code).unwrap();
    assert!(sandbox.memory_bytes().1 > 0);
}

/// Bytes of memory that this process holds.
fn resident_memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let resident = pages.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok());
    resident.expect("the second number") * 4096
}

#[test]
fn many_one_after_another_and_side_by_side() {
    if !there_is_a_guest() {
        return;
    }
    let work = "def f(n):\n  s = 0\n  for i in range(n): s += i % 7\n  return s\nf(20000)";
    let mut early = 0;
    for number in 0..1000 {
        assert_eq!(sandbox().run(work).unwrap().to::<i64>().unwrap(), 59_997);
        if number == 100 {
            early = resident_memory();
        }
    }
    let late = resident_memory();
    // Other tests run meanwhile and use some, too; a sandbox that stayed would take 30 MB.
    assert!(late < early + (400 << 20), "{early} bytes after 100 sandboxes, {late} after 1000");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(sandbox().run(work).unwrap().to::<i64>().unwrap(), 59_997));
        }
    });
}

/// A module that takes no time to compile stands for the guest; that it is none shows later.
#[test]
fn who_waits_at_a_terminal_is_told_once() {
    let directory = std::env::temp_dir().join(format!("psycore-told-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let guest = directory.join("guest.wasm");
    std::fs::write(&guest, b"\0asm\x01\0\0\0").unwrap();
    let command = |cache: &str| {
        let mut command = std::process::Command::new(executable().unwrap());
        command.args(["--sandbox", "-c", ""]).env("PSYCORE_WASM", &guest).env("PSYCORE_CACHE", directory.join(cache));
        command
    };
    let at_a_terminal = || {
        let mut terminal = Terminal::start(&mut command("terminal")).expect("a terminal can be opened");
        terminal.end();
        terminal.text.clone()
    };
    let (first, second) = (at_a_terminal(), at_a_terminal());
    let piped = command("pipe").output().unwrap();
    let piped = String::from_utf8_lossy(&piped.stderr).into_owned();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(first.starts_with("psycore: compiling the sandbox, once"), "{first}");
    for other in [second, piped] {
        assert!(other.starts_with("psycore: the guest failed"), "{other}");
    }
}
