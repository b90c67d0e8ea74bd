//! The embedding interface as a host program meets it: values in and out, streams, errors, files.
//! What Python code means is tested elsewhere.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use psycore_vm::{Error, Exception, Input, Limits, Output, Vm, VmConfig};
use std::time::Duration;

/// A writer whose contents the test can look at.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<u8>>>);

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Recorder {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn vm() -> Vm {
    Vm::new(VmConfig::new()).unwrap()
}

fn exception(result: Result<(), Error>) -> Exception {
    match result {
        Err(Error::Exception(exception)) => exception,
        other => panic!("expected an exception, got {other:?}"),
    }
}

#[test]
fn values_come_and_go() {
    let vm = vm();
    vm.set("n", 20).unwrap();
    vm.run_source("def double(x): return x * 2", "values.py").unwrap();
    assert_eq!(vm.eval::<i64>("double(n) + 2").unwrap(), 42);
    assert_eq!(vm.call::<String>("double", ("ab",)).unwrap(), "abab");
    assert!(vm.eval::<bool>("n == 20 and __name__ == '__main__'").unwrap());
    assert_eq!(vm.get::<i64>("n").unwrap(), 20);
    assert_eq!(vm.eval::<Option<i64>>("None").unwrap(), None);
    let missing = vm.get::<i64>("missing").unwrap_err().to_string();
    assert_eq!(missing, "NameError: name 'missing' is not defined");
}

#[test]
fn errors_carry_the_traceback() {
    let vm = vm();
    let raised = exception(vm.run_source("def f():\n    raise ValueError('no')\nf()", "bad.py"));
    assert_eq!((raised.class.as_str(), raised.message.as_str()), ("ValueError", "no"));
    assert!(raised.traceback.contains("File \"bad.py\", line 2, in f\n"), "{}", raised.traceback);
    let syntax = exception(vm.run_source("x = = 1", "bad.py"));
    assert_eq!(syntax.class, "SyntaxError");
    assert!(syntax.traceback.contains("File \"bad.py\", line 1\n"), "{}", syntax.traceback);
    assert_eq!(vm.run_source("raise SystemExit(3)", "bad.py"), Err(Error::Exit(3)));
}

#[test]
fn streams_can_be_redirected() {
    let (out, err) = (Recorder::default(), Recorder::default());
    let config = VmConfig::new()
        .stdin(Input::Reader(Box::new(io::Cursor::new("first\nsecond\n"))))
        .stdout(Output::Writer(Box::new(out.clone())))
        .stderr(Output::Writer(Box::new(err.clone())));
    let vm = Vm::new(config).unwrap();
    vm.run_source("import sys\nprint(input('? '), sys.stdin.read(), end='')\nprint('wörn', file=sys.stderr)", "streams.py")
        .unwrap();
    assert_eq!(out.text(), "? first second\n");
    assert_eq!(err.text(), "wörn\n");
    drop(vm);
    assert_eq!(Arc::strong_count(&out.0), 1, "the writer is let go of");
}

#[test]
fn an_empty_stdin_is_at_its_end_and_output_can_be_discarded() {
    let config = VmConfig::new().stdin(Input::Empty).stdout(Output::Discard);
    let vm = Vm::new(config).unwrap();
    vm.run_source("print('unseen')", "streams.py").unwrap();
    assert_eq!(exception(vm.run_source("input()", "streams.py")).class, "EOFError");
}

#[test]
fn a_writer_that_fails_is_an_oserror() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(28))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let vm = Vm::new(VmConfig::new().stdout(Output::Writer(Box::new(Full)))).unwrap();
    let raised = exception(vm.run_source("print('lost')", "full.py"));
    assert_eq!(raised.class, "OSError");
    assert!(raised.message.contains("28"), "{}", raised.message);
}

#[test]
fn arguments_and_paths() {
    let directory = std::env::temp_dir().join(format!("psycore-embedding-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("helper.py"), "value = 7\n").unwrap();
    std::fs::write(directory.join("script.py"), "import helper, sys\nresult = helper.value\n").unwrap();
    let config = VmConfig::new().arguments(["demo", "-x"]).paths([directory.to_string_lossy()]);
    let vm = Vm::new(config).unwrap();
    assert_eq!(vm.eval::<String>("' '.join(__import__('sys').argv)").unwrap(), "demo -x");
    assert_eq!(vm.eval::<i64>("__import__('helper').value").unwrap(), 7);
    vm.run_file(directory.join("script.py")).unwrap();
    assert_eq!(vm.get::<i64>("result").unwrap(), 7);
    let missing = exception(vm.run_file(directory.join("missing.py")));
    assert_eq!(missing.class, "OSError");
    assert!(missing.message.contains("missing.py"), "{}", missing.message);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn dropping_runs_what_a_process_would_run_at_its_end() {
    let out = Recorder::default();
    let vm = Vm::new(VmConfig::new().stdout(Output::Writer(Box::new(out.clone())))).unwrap();
    vm.run_source("import atexit; atexit.register(print, 'bye')", "end.py").unwrap();
    assert_eq!(out.text(), "");
    drop(vm);
    assert_eq!(out.text(), "bye\n");
}

#[test]
fn the_standard_library_is_inside() {
    let vm = vm();
    vm.run_source("import json, re, dataclasses, unittest, threading", "stdlib.py").unwrap();
    assert_eq!(vm.eval::<String>("json.dumps({'a': [1, None]})").unwrap(), "{\"a\": [1, null]}");
}

#[test]
fn programs_end_at_the_time_limit() {
    let limits = Limits { time: Some(Duration::from_secs(1)), ..Limits::default() };
    let vm = Vm::new(VmConfig::new().limits(limits)).unwrap();
    assert_eq!(vm.run_source("while True: pass", "endless.py"), Err(Error::TimeLimit));
    // What catches the exception is told again.
    let stubborn = "caught = 0\nwhile caught < 3:\n    try:\n        while True: pass\n    except BaseException: caught += 1\n";
    let ended = vm.run_source(&format!("{stubborn}while True: pass"), "stubborn.py");
    assert_eq!(ended, Err(Error::TimeLimit));
    assert_eq!(vm.get::<i64>("caught").unwrap(), 3);
    // Each use has its own time, and one that ends in time hears nothing of it.
    for i in 0..3 {
        std::thread::sleep(Duration::from_millis(400));
        assert_eq!(vm.eval::<i64>(&format!("{i} + 1")).unwrap(), i + 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn programs_end_at_the_memory_limit() {
    let limits = Limits { memory: Some(200 << 20), ..Limits::default() };
    let vm = Vm::new(VmConfig::new().limits(limits)).unwrap();
    let greedy = "kept = []\nwhile True: kept.append(bytes(10_000))";
    assert_eq!(vm.run_source(greedy, "greedy.py"), Err(Error::MemoryLimit));
    // It was not stopped before.
    assert!(vm.eval::<i64>("len(kept)").unwrap() > 10_000);
    // What it kept is not held against the next use.
    assert_eq!(vm.eval::<i64>("1 + 1").unwrap(), 2);
    let stubborn = "try:\n    while True: kept.append(bytes(10_000))\nexcept BaseException: caught = True\nwhile True: pass";
    assert_eq!(vm.run_source(stubborn, "stubborn.py"), Err(Error::MemoryLimit));
    assert!(vm.get::<bool>("caught").unwrap());
    // A limit on time holds beside it.
    let limits = Limits { time: Some(Duration::from_millis(50)), memory: Some(1 << 40), ..Limits::default() };
    let vm = Vm::new(VmConfig::new().limits(limits)).unwrap();
    assert_eq!(vm.run_source("while True: pass", "endless.py"), Err(Error::TimeLimit));
}

#[test]
fn another_thread_interrupts() {
    let vm = vm();
    let interrupter = vm.interrupter();
    interrupter.interrupt();
    vm.run_source("idle = True", "idle.py").unwrap();
    let ended = AtomicBool::new(false);
    let raised = std::thread::scope(|scope| {
        // More than once: what comes before the program runs is not for it.
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                interrupter.interrupt();
            }
        });
        let raised = vm.run_source("while True: pass", "endless.py");
        ended.store(true, Ordering::Relaxed);
        raised
    });
    assert_eq!(exception(raised).class, "KeyboardInterrupt");
    assert!(vm.get::<bool>("idle").unwrap());
}

#[test]
fn recursion_ends_at_its_limit() {
    let limits = Limits { recursion: Some(60), ..Limits::default() };
    let vm = Vm::new(VmConfig::new().limits(limits)).unwrap();
    vm.run_source("def down(n): return 0 if n == 0 else 1 + down(n - 1)", "down.py").unwrap();
    assert_eq!(vm.call::<i64>("down", (20,)).unwrap(), 20);
    assert_eq!(exception(vm.run_source("down(100)", "down.py")).class, "RecursionError");
}
