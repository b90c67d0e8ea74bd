//! The command line of `psycore` in real processes: what stands in for `python` must say, print and exit as `python`
//! does. The prompt is tested in `repl.rs`, what programs mean in `programs.rs`.

use psycore_tests::directory::Directory;
use psycore_tests::modes::executable;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// The same on every Unix.
const SIGINT: i32 = 2;

#[test]
fn every_way_to_name_a_program_sets_argv_path_and_name() {
    const SHOW: &str = "import sys; print(sys.argv, repr(sys.path[0]), __name__, globals().get('__file__'))\n";
    let directory = Directory::with(&[("d/show.py", SHOW), ("pkg/__init__.py", ""), ("pkg/__main__.py", SHOW)]);
    let here = directory.name("");
    let here = here.trim_end_matches('/');
    let d = directory.name("d");
    std::os::unix::fs::symlink("d/show.py", directory.name("link.py")).expect("a link can be made");

    let out = directory.psycore(&["d/show.py", "-V", "b"]).output();
    assert_eq!(out, format!("['d/show.py', '-V', 'b'] '{d}' __main__ {d}/show.py\n"));
    let out = directory.psycore(&["link.py"]).output();
    assert_eq!(out, format!("['link.py'] '{d}' __main__ {here}/link.py\n"));
    let out = directory.psycore(&["-c", SHOW, "a"]).output();
    assert_eq!(out, "['-c', 'a'] '' __main__ None\n");
    let out = directory.psycore(&["-m", "pkg", "a"]).output();
    assert_eq!(out, format!("['{here}/pkg/__main__.py', 'a'] '{here}' __main__ {here}/pkg/__main__.py\n"));
    let out = directory.psycore(&["-", "a"]).stdin(SHOW).output();
    assert_eq!(out, "['-', 'a'] '' __main__ None\n");
    let out = directory.psycore(&[]).stdin(SHOW).output();
    assert_eq!(out, "[''] '' __main__ None\n");
    let out = directory.psycore(&["pkg"]).output();
    assert_eq!(out, format!("['pkg'] '{here}/pkg' __main__ {here}/pkg/__main__.py\n"));
}

#[test]
fn zip_and_pyc_files_run() {
    let directory = Directory::with(&[("main.py", "import sys; print('ran', sys.argv[1:])\n")]);
    let make = "import zipfile, py_compile; zipfile.ZipFile('app.zip', 'w').write('main.py', '__main__.py'); py_compile.compile('main.py', 'main.pyc')";
    directory.psycore(&["-c", make]).output();
    assert_eq!(directory.psycore(&["app.zip", "x"]).output(), "ran ['x']\n");
    assert_eq!(directory.psycore(&["main.pyc", "y"]).output(), "ran ['y']\n");
}

#[test]
fn an_argument_that_is_not_utf8_is_escaped() {
    use std::os::unix::ffi::OsStrExt;
    let directory = Directory::new();
    let mut run = directory.psycore(&[
        "-c",
        "import sys, os; print(ascii(sys.argv[1]), os.fsencode(sys.orig_argv[-1]), 'PSYCORE_EXACT_ARGUMENTS' in os.environ)",
    ]);
    run.command.arg(std::ffi::OsStr::from_bytes(b"a\xff"));
    assert_eq!(run.output(), "'a\\udcff' b'a\\xff' False\n");
}

#[test]
fn exit_codes() {
    let directory = Directory::new();
    for (source, code, stderr) in [
        ("pass", 0, ""),
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit(None)", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit(-1)", 255, ""),
        ("import sys; sys.exit(300)", 44, ""),
        ("import sys; sys.exit('so long')", 1, "so long\n"),
        ("import os; os._exit(9)", 9, ""),
        ("import atexit, sys; atexit.register(print, 'bye', file=sys.stderr); sys.exit(3)", 3, "bye\n"),
    ] {
        let outcome = directory.psycore(&["-c", source]).end();
        assert_eq!((outcome.code(), outcome.stderr.as_str()), (Some(code), stderr), "{source}");
    }
}

#[test]
fn uncaught_exceptions_show_their_lines() {
    let directory = Directory::with(&[(
        "bad.py",
        "def f(x):\n    return 1 / x\n\ntry:\n    f(0)\nexcept ArithmeticError as e:\n    raise KeyError('k') from e\n",
    )]);
    let file = directory.name("bad.py");
    assert_eq!(
        directory.psycore(&["bad.py"]).failure(1),
        format!(
            "Traceback (most recent call last):\n  File \"{file}\", line 5, in <module>\n    f(0)\n    ~^^^\n  \
             File \"{file}\", line 2, in f\n    return 1 / x\n           ~~^~~\nZeroDivisionError: division by zero\n\n\
             The above exception was the direct cause of the following exception:\n\n\
             Traceback (most recent call last):\n  File \"{file}\", line 7, in <module>\n    raise KeyError('k') from e\n\
             KeyError: 'k'\n"
        )
    );
    let text = directory.psycore(&["-c", "1/0"]).failure(1);
    assert!(text.contains("  File \"<string>\", line 1, in <module>\n    1/0\n"), "{text}");
    let text = directory.psycore(&[]).stdin("x = 1\n1/0\n").failure(1);
    assert!(text.contains("  File \"<stdin>\", line 2, in <module>\nZeroDivisionError"), "{text}");
}

#[test]
fn what_cannot_be_run_is_named() {
    let directory = Directory::with(&[("file", ""), ("empty/x", "")]);
    let program = executable().expect("psycore is built").to_string_lossy().into_owned();
    let text = directory.psycore(&["missing.py"]).failure(2);
    let path = directory.name("missing.py");
    assert_eq!(text, format!("{program}: can't open file '{path}': [Errno 2] No such file or directory\n"));
    let text = directory.psycore(&["file/x.py"]).failure(2);
    let path = directory.name("file/x.py");
    assert_eq!(text, format!("{program}: can't open file '{path}': [Errno 20] Not a directory\n"));
    let text = directory.psycore(&["empty"]).failure(1);
    let path = directory.name("empty");
    assert_eq!(text, format!("{program}: can't find '__main__' module in '{path}'\n"));
    let text = directory.psycore(&["-m", "no_such_module"]).failure(1);
    assert_eq!(text, format!("{program}: No module named no_such_module\n"));
}

#[test]
fn a_file_without_read_permission_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::with(&[("secret.py", "print('read')\n")]);
    let path = directory.name("secret.py");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).expect("permissions can be set");
    if fs::read(&path).is_ok() {
        // The superuser may read everything; then so may psycore.
        assert_eq!(directory.psycore(&["secret.py"]).output(), "read\n");
    } else {
        let text = directory.psycore(&["secret.py"]).failure(2);
        assert!(text.ends_with(&format!("can't open file '{path}': [Errno 13] Permission denied\n")), "{text}");
    }
}

#[test]
fn source_that_is_no_python_is_a_syntax_error_with_its_place() {
    let directory = Directory::new();
    directory.write("syntax.py", b"x = 1\nif x\n    y = 2\n");
    directory.write("latin.py", b"a = 1\nb = '\xe9'\n");
    directory.write("null.py", b"a = 1\nb\0 = 2\n");
    directory.write("codec.py", b"# coding: no-such-codec\nx = 1\n");
    let file = |name| directory.name(name);

    let text = directory.psycore(&["syntax.py"]).failure(1);
    assert_eq!(text, format!("  File \"{}\", line 2\n    if x\n        ^\nSyntaxError: expected ':'\n", file("syntax.py")));
    let text = directory.psycore(&["latin.py"]).failure(1);
    let latin = file("latin.py");
    assert!(text.starts_with(&format!("  File \"{latin}\", line 2\n")), "{text}");
    assert!(
        text.ends_with(&format!(
            "SyntaxError: Non-UTF-8 code starting with '\\xe9' in file {latin} on line 2, but no encoding declared; \
             see https://peps.python.org/pep-0263/ for details\n"
        )),
        "{text}"
    );
    let text = directory.psycore(&["null.py"]).failure(1);
    assert_eq!(
        text,
        format!("  File \"{}\", line 2\n    b\nSyntaxError: source code cannot contain null bytes\n", file("null.py"))
    );
    let text = directory.psycore(&["codec.py"]).failure(1);
    assert!(text.contains("SyntaxError: ") && text.contains("no-such-codec"), "{text}");
}

#[test]
fn encodings_are_honoured() {
    let directory = Directory::new();
    directory.write("latin.py", b"#!/usr/bin/env psycore\n# -*- coding: latin-1 -*-\nprint(ascii('\xe9'))\n");
    directory.write("bom.py", b"\xef\xbb\xbfprint(ascii('\xc3\xa9'))\n");
    directory.write("third.py", b"\n\n# coding: latin-1\nprint(ascii('\xc3\xa9'))\n");
    for name in ["latin.py", "bom.py", "third.py"] {
        assert_eq!(directory.psycore(&[name]).output(), "'\\xe9'\n", "{name}");
    }
    let out = directory.psycore(&["-c", "print('\u{e9}')"]).env("PYTHONIOENCODING", "latin-1").end().stdout;
    assert_eq!(out, "\u{fffd}\n");
}

#[test]
fn options_change_what_they_say() {
    let directory = Directory::with(&[("x.py", "this is no Python\nprint(__file__)\n1/0\n"), ("here.py", "")]);
    let text = |arguments: &[&str]| directory.psycore(arguments).output();
    assert_eq!(text(&["-O", "-c", "assert False; print(__debug__)"]), "False\n");
    assert_eq!(text(&["-OO", "-c", "def f(): 'doc'\nprint(f.__doc__)"]), "None\n");
    assert_eq!(text(&["-c", "  \n  print('dedented')"]), "dedented\n");
    assert_eq!(text(&["-Xa=1", "-X", "b", "-c", "import sys; print(sys._xoptions)"]), "{'a': '1', 'b': True}\n");
    assert_eq!(text(&["-S", "-c", "import sys; print('site' in sys.modules)"]), "False\n");
    assert_eq!(text(&["-q", "-B", "-c", "import sys; print(sys.flags.quiet, sys.flags.dont_write_bytecode)"]), "1 1\n");
    assert_eq!(text(&["-W", "ignore", "-c", "import warnings; warnings.warn('w'); print('quiet')"]), "quiet\n");
    let isolated = "import sys; print('' in sys.path, sys.flags.isolated)";
    assert_eq!(text(&["-I", "-c", isolated]), "False 1\n");
    assert_eq!(text(&["-P", "-c", isolated]), "False 0\n");

    let run = directory.psycore(&["-x", "x.py"]).end();
    assert_eq!(run.stdout, directory.name("x.py") + "\n");
    assert!(run.stderr.contains("line 3, in <module>\n"), "{}", run.stderr);
    let text = directory.psycore(&["-W", "error", "-c", "import warnings; warnings.warn('w')"]).failure(1);
    assert!(text.ends_with("UserWarning: w\n"), "{text}");
    let text = directory.psycore(&["-bb", "-c", "str(b'')"]).failure(1);
    assert!(text.contains("BytesWarning"), "{text}");
}

#[test]
fn python_variables_are_heeded_unless_told_otherwise() {
    let directory = Directory::with(&[("lib/found.py", "print('found')\n")]);
    let run = |arguments: &[&str], name: &str, value: &str| directory.psycore(arguments).env(name, value).end();
    assert_eq!(run(&["-c", "import found"], "PYTHONPATH", "lib").stdout, "found\n");
    assert_eq!(run(&["-E", "-c", "import found"], "PYTHONPATH", "lib").code(), Some(1));
    assert_eq!(run(&["-c", "print(__debug__)"], "PYTHONOPTIMIZE", "1").stdout, "False\n");
    assert_eq!(run(&["-c", "import warnings; warnings.warn('w')"], "PYTHONWARNINGS", "error").code(), Some(1));
    let flag = "import sys; print(sys.flags.dont_write_bytecode)";
    assert_eq!(run(&["-c", flag], "PYTHONDONTWRITEBYTECODE", "x").stdout, "1\n");
    let hash = "print(hash('psycore'))";
    let first = run(&["-c", hash], "PYTHONHASHSEED", "5").stdout;
    assert_eq!(run(&["-c", hash], "PYTHONHASHSEED", "5").stdout, first);
    assert_ne!(run(&["-c", hash], "PYTHONHASHSEED", "6").stdout, first);
    let bad = run(&["-c", ""], "PYTHONHASHSEED", "minus one");
    assert_eq!(bad.code(), Some(2));
    assert!(bad.stderr.contains("PYTHONHASHSEED must be"), "{}", bad.stderr);
    let pycache = run(&["-c", "import sys; print(sys.pycache_prefix)"], "PYTHONPYCACHEPREFIX", "/tmp/p");
    assert_eq!(pycache.stdout, "/tmp/p\n");
    let inspected = directory.psycore(&["-c", "x = 41"]).env("PYTHONINSPECT", "1").stdin("x + 1\n").end();
    assert_eq!(inspected.stdout, "42\n");
}

#[test]
fn imported_modules_leave_pyc_files_that_are_used() {
    let directory =
        Directory::with(&[("module.py", "value = 7\n"), ("main.py", "import module; print(module.value, module.__cached__)\n")]);
    let out = directory.psycore(&["main.py"]).output();
    let cached = out.trim_end().strip_prefix("7 ").expect("the module is imported");
    assert!(Path::new(cached).is_file(), "{cached} is written");
    assert_eq!(directory.psycore(&["main.py"]).output(), out);
}

#[test]
fn unbuffered_output_is_seen_at_once() {
    let directory = Directory::new();
    for arguments in [&["-u", "-c"][..], &["-c"]] {
        let source = "import sys, time; sys.stdout.write('now'); time.sleep(60)";
        let mut run = directory.psycore(&[arguments, &[source]].concat());
        if arguments.len() == 1 {
            run = run.env("PYTHONUNBUFFERED", "1");
        }
        let mut child = run.start();
        let mut seen = [0; 3];
        child.stdout.take().expect("stdout is piped").read_exact(&mut seen).expect("something is printed");
        assert_eq!(&seen, b"now");
        child.kill().expect("the process can be ended");
        child.wait().expect("the process ends");
    }
}

#[test]
fn a_prompt_reads_commands_from_a_pipe() {
    let directory = Directory::with(&[("program.py", "x = 6\nraise ValueError('stop')\n")]);
    let run = directory.psycore(&["-q", "-i", "program.py"]).stdin("x * 7\ninput()\ntyped\nexit(5)\n").end();
    assert_eq!((run.code(), run.stdout.as_str()), (Some(5), "42\n'typed'\n"));
    assert!(run.stderr.contains("ValueError: stop\n>>> >>> "), "{}", run.stderr);
}

#[test]
fn mistakes_in_the_command_line_exit_with_2() {
    let directory = Directory::new();
    for (arguments, complaint) in [
        (&["-z"][..], "Unknown option: -z\n"),
        (&["-c"], "Argument expected for the -c option\n"),
        (&["--no-such"], "unknown option --no-such\n"),
        (&["--jit=fast", "-c", ""], "--jit must be one of 'auto', 'off' or 'full', not 'fast'\n"),
        (&["--jit-threshold=0", "-c", ""], "--jit-threshold must be a number from 1 to 4294967295, not '0'\n"),
        (&["--check-hash-based-pycs", "perhaps"], "--check-hash-based-pycs must be one of"),
        (&["-X", "utf8=2", "-c", ""], "-X utf8 must be 0 or 1, not '2'\n"),
    ] {
        let text = directory.psycore(arguments).failure(2);
        assert!(text.contains(complaint), "{arguments:?}: {text}");
    }
    let text = directory.psycore(&["-c", ""]).env("PSYCORE_JIT", "maybe").failure(2);
    assert!(text.contains("PSYCORE_JIT must be one of"), "{text}");
}

#[test]
fn every_jit_option_is_accepted() {
    let directory = Directory::new();
    for option in ["--jit=auto", "--jit=off", "--jit=full", "--jit-threshold=5", "--jit-log=log", "--jit-stats"] {
        let run = directory.psycore(&[option, "-c", "print('ran')"]).end();
        assert_eq!((run.code(), run.stdout.as_str()), (Some(0), "ran\n"), "{option}: {}", run.stderr);
    }
}

/// Where the interpreter's fields lie is found anew by each process, in memory that held other things before; a process
/// that doesn't find them says so and runs without its JIT.
#[test]
fn every_process_has_its_jit() {
    let directory = Directory::new();
    for _ in 0..25 {
        directory.psycore(&["-c", "pass"]).output();
    }
}

#[test]
fn version_and_help() {
    let directory = Directory::new();
    for option in ["-V", "--version"] {
        let out = directory.psycore(&[option]).output();
        assert!(out.starts_with("Python 3.") && out.contains("[Psycore "), "{out}");
    }
    for option in ["-h", "-?", "--help", "--help-all"] {
        let out = directory.psycore(&[option]).output();
        assert!(out.starts_with("usage: ") && out.contains("--jit=MODE"), "{out}");
    }
    assert!(directory.psycore(&["--help-env"]).output().contains("PYTHONPATH"));
    assert!(directory.psycore(&["--help-xoptions"]).output().contains("utf8"));
}

#[test]
fn the_standard_library_is_found_from_anywhere() {
    let directory = Directory::new();
    let mut run = directory.psycore(&["-I", "-c", "import json, re, dataclasses, asyncio, unittest, decimal; print('all')"]);
    run.command.current_dir("/").env_clear();
    assert_eq!(run.output(), "all\n");
}

#[test]
fn sys_executable_starts_another_psycore() {
    let directory = Directory::new();
    let source = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True).stdout, end='')";
    assert_eq!(directory.psycore(&["-c", source]).output(), "42\n");
}

#[test]
fn a_closed_pipe_is_a_broken_pipe_error() {
    let directory = Directory::new();
    let mut child = directory.psycore(&["-c", "for i in range(1000000): print(i)"]).start();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().expect("stderr is piped").read_to_string(&mut stderr).expect("stderr is text");
    assert!(stderr.contains("BrokenPipeError: [Errno 32] Broken pipe"), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_ne!(child.wait().expect("the process ends").code(), Some(0));

    let mut child = directory.psycore(&["--help"]).start();
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the process ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn closed_standard_streams_do_no_harm() {
    let directory = Directory::new();
    let program = executable().expect("psycore is built");
    let script = format!("'{}' -c 'import sys; print(1)' <&- >&- 2>&-", program.display());
    let status = Command::new("sh").args(["-c", &script]).current_dir(directory.path()).status().expect("sh runs");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn sigint_ends_a_program_with_its_traceback() {
    let directory = Directory::new();
    let mut child = directory.psycore(&["-c", "def spin():\n    print('on', flush=True)\n    while True: pass\nspin()"]).start();
    let mut seen = [0; 3];
    child.stdout.as_mut().expect("stdout is piped").read_exact(&mut seen).expect("something is printed");
    let pid = i32::try_from(child.id()).expect("process ids are small");
    // SAFETY: kill() takes any number; this one is our child's, which has not been waited for yet.
    assert_eq!(unsafe { libc::kill(pid, SIGINT) }, 0);
    let output = child.wait_with_output().expect("the process ends");
    assert_eq!(output.status.signal(), Some(SIGINT), "shells call this 130");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("in spin\n") && stderr.ends_with("KeyboardInterrupt\n"), "{stderr}");
}

#[test]
fn sigint_can_be_caught_or_ignored() {
    let directory = Directory::new();
    let source = "
        import os, signal
        try:
            os.kill(os.getpid(), signal.SIGINT)
            while True: pass
        except KeyboardInterrupt:
            print('caught')
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGINT)
        signal.signal(signal.SIGINT, lambda number, frame: print('handled', number))
        os.kill(os.getpid(), signal.SIGINT)";
    assert_eq!(directory.psycore(&["-c", source]).output(), "caught\nhandled 2\n");
}

#[test]
fn threads_are_joined_and_exit_functions_may_import_threading() {
    let directory = Directory::with(&[(
        "threads.py",
        "import atexit, _thread\n@atexit.register\ndef last():\n    import threading\n    print(threading.current_thread().name)\n\
         import sys\nassert 'threading' not in sys.modules\n",
    )]);
    assert_eq!(directory.psycore(&["threads.py"]).output(), "MainThread\n");
    let source = "import threading, time\ndef f(): time.sleep(.2); print('joined')\nthreading.Thread(target=f).start()";
    assert_eq!(directory.psycore(&["-c", source]).output(), "joined\n");
}
