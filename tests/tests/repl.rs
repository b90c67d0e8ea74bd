//! The prompt of `psycore` on a pseudo-terminal: editing, history, completion, Ctrl-C and Ctrl-D as a person meets them.

use psycore_tests::directory::Directory;
use psycore_tests::terminal::Terminal;

const UP: &str = "\x1b[A";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
/// The same on every Unix.
const SIGINT: i32 = 2;

/// `psycore` on a terminal.
fn start(directory: &Directory, arguments: &[&str]) -> Terminal {
    Terminal::start(&mut directory.psycore(arguments).command).expect("a terminal can be opened")
}

#[test]
fn greets_evaluates_and_leaves_at_ctrl_d() {
    let directory = Directory::new();
    let mut terminal = start(&directory, &[]);
    terminal.expect("Psycore ");
    terminal.expect(">>> ");
    terminal.line("6 * 7");
    terminal.expect("42\n");
    terminal.expect(">>> ");
    terminal.line("_ + 1");
    terminal.expect("43\n");
    terminal.expect(">>> ");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn quiet_prints_no_banner() {
    let directory = Directory::new();
    let mut terminal = start(&directory, &["-q"]);
    terminal.expect(">>> ");
    terminal.keys(CTRL_D);
    terminal.end();
    assert!(!terminal.text.contains("Psycore"), "{}", terminal.text);
}

#[test]
fn a_block_ends_with_an_empty_line_and_an_open_bracket_when_it_closes() {
    let directory = Directory::new();
    let mut terminal = start(&directory, &["-q"]);
    terminal.expect(">>> ");
    terminal.line("def double(x):");
    terminal.expect("... ");
    terminal.line("    return 2 * x");
    terminal.expect("... ");
    terminal.line("");
    terminal.expect(">>> ");
    terminal.line("double(");
    terminal.expect("... ");
    terminal.line("21)");
    terminal.expect("42\n");
}

#[test]
fn errors_show_the_line_and_the_session_goes_on() {
    let directory = Directory::new();
    let mut terminal = start(&directory, &["-q"]);
    terminal.expect(">>> ");
    terminal.line("1 / 0");
    terminal.expect("Traceback (most recent call last):\n");
    terminal.expect("    1 / 0\n");
    terminal.expect("ZeroDivisionError: division by zero\n");
    terminal.line("x = = 1");
    terminal.expect("SyntaxError: invalid syntax");
    terminal.line("'still ' + 'here'");
    terminal.expect("'still here'");
}

#[test]
fn history_is_kept_between_sessions() {
    let directory = Directory::new();
    let mut terminal = start(&directory, &["-q"]);
    terminal.expect(">>> ");
    terminal.line("print('first ' + 'time')");
    terminal.expect("first time");
    terminal.expect(">>> ");
    terminal.keys(CTRL_D);
    terminal.end();

    let mut terminal = start(&directory, &["-q"]);
    terminal.expect(">>> ");
    terminal.keys(UP);
    terminal.expect("print('first ' + 'time')");
    terminal.line("");
    terminal.expect("first time");
}

#[test]
fn an_unwritable_history_is_a_remark_and_nothing_worse() {
    let directory = Directory::new();
    directory.write("file", b"");
    let mut run = directory.psycore(&["-q"]);
    run.command.env("PYTHON_HISTORY", directory.name("file/history"));
    let mut terminal = Terminal::start(&mut run.command).expect("a terminal can be opened");
    terminal.expect(">>> ");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
    assert!(terminal.text.contains("history not saved to"), "{}", terminal.text);
}

#[test]
fn tab_completes_names_and_attributes() {
    let directory = Directory::new();
    let mut terminal = start(&directory, &["-q"]);
    terminal.expect(">>> ");
    terminal.line("import math; a_long_name = 5");
    terminal.expect(">>> ");
    terminal.keys("a_lo\t");
    terminal.expect("a_long_name");
    terminal.line(" + 2");
    terminal.expect("7\n");
    terminal.expect(">>> ");
    terminal.keys("math.fact\t");
    terminal.expect("math.factorial(");
    terminal.line("5)");
    terminal.expect("120\n");
}

#[test]
fn ctrl_c_drops_the_line_or_interrupts_the_statement() {
    let directory = Directory::new();
    let mut terminal = start(&directory, &["-q"]);
    terminal.expect(">>> ");
    terminal.keys("print('never'");
    terminal.expect("never");
    terminal.keys(CTRL_C);
    terminal.expect("KeyboardInterrupt");
    terminal.expect(">>> ");
    terminal.line("print('spinning'); exec('while True: pass')");
    terminal.expect("spinning\n");
    terminal.keys(CTRL_C);
    terminal.expect("KeyboardInterrupt\n");
    terminal.expect(">>> ");
    terminal.line("1 + 1");
    terminal.expect("2\n");
}

#[test]
fn exit_gives_its_code() {
    for (line, code) in [("exit", 0), ("quit()", 0), ("raise SystemExit(3)", 3), ("exit(4)", 4)] {
        let directory = Directory::new();
        let mut terminal = start(&directory, &["-q"]);
        terminal.expect(">>> ");
        terminal.line(line);
        assert_eq!(terminal.end().code(), Some(code), "{line}");
    }
}

#[test]
fn startup_file_runs_first() {
    let directory = Directory::new();
    directory.write("startup.py", b"greeting = 'from ' + 'startup'\nprint('ready')\n");
    let mut run = directory.psycore(&["-q"]);
    run.command.env("PYTHONSTARTUP", directory.name("startup.py"));
    let mut terminal = Terminal::start(&mut run.command).expect("a terminal can be opened");
    terminal.expect("ready\n");
    terminal.expect(">>> ");
    terminal.line("greeting");
    terminal.expect("'from startup'");
}

#[test]
fn inspect_gives_a_prompt_after_the_program_failed() {
    let directory = Directory::new();
    directory.write("program.py", b"answer = 41\nraise ValueError('on purpose')\n");
    let mut terminal = start(&directory, &["-i", "program.py"]);
    terminal.expect("ValueError: on purpose\n");
    terminal.expect(">>> ");
    terminal.line("answer + 1");
    terminal.expect("42\n");
    terminal.expect(">>> ");
    terminal.keys(CTRL_D);
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn a_program_reads_lines_from_the_terminal() {
    let directory = Directory::new();
    let mut terminal = start(&directory, &["-c", "name = input('name? '); print('hello', name)"]);
    terminal.expect("name? ");
    terminal.line("Grace");
    terminal.expect("hello Grace\n");
    assert_eq!(terminal.end().code(), Some(0));
}

#[test]
fn ctrl_c_ends_a_program_with_a_traceback_and_the_signal() {
    use std::os::unix::process::ExitStatusExt;
    let directory = Directory::new();
    directory.write("spin.py", b"def spin():\n    print('spinning', flush=True)\n    while True:\n        pass\nspin()\n");
    let mut terminal = start(&directory, &["spin.py"]);
    terminal.expect("spinning\n");
    terminal.keys(CTRL_C);
    terminal.expect("Traceback (most recent call last):\n");
    terminal.expect("in spin\n");
    terminal.expect("KeyboardInterrupt\n");
    assert_eq!(terminal.end().signal(), Some(SIGINT));
}

/// RustPython drops what a flush at the end of a line raises, so Ctrl-C in a program that prints was lost.
#[test]
fn ctrl_c_is_not_lost_while_a_program_prints() {
    let directory = Directory::new();
    for _ in 0..5 {
        let mut terminal = start(&directory, &["-c", "while True: print('line')"]);
        terminal.expect("line\n");
        terminal.keys(CTRL_C);
        terminal.expect("KeyboardInterrupt\n");
        terminal.end();
    }
}
