//! The interactive prompt: reads a statement, runs it, prints what it raised, and goes on.
//! How a line is read, completed and remembered is the business of [`super::line_editor`].

use std::io::{self, IsTerminal, Write};

use psycore_vm::execute;
use psycore_vm::rustpython_vm::builtins::{PyBaseExceptionRef, PyCode};
use psycore_vm::rustpython_vm::scope::Scope;
use psycore_vm::rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine, version};

use super::line_editor::{InputLine, LineEditor};
use super::messages::complain;

/// Where the prompt comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Startup {
    /// There is no program: `PYTHONSTARTUP` is run first.
    Fresh,
    /// `-i`: the program's names are at hand.
    AfterProgram,
}

pub fn banner() -> String {
    format!(
        "Psycore {} (Python {}.{}.{}) on {}\n\
         Type \"help\", \"copyright\", \"credits\" or \"license\" for more information.",
        env!("CARGO_PKG_VERSION"),
        version::MAJOR,
        version::MINOR,
        version::MICRO,
        std::env::consts::OS,
    )
}

/// Prompts until the end of the input or `SystemExit`.
pub fn run(vm: &VirtualMachine, scope: Scope, startup: Startup) -> PyResult<()> {
    for (name, prompt) in [("ps1", ">>> "), ("ps2", "... ")] {
        if vm.sys_module.get_attr(name, vm).is_err() {
            vm.sys_module.set_attr(name, vm.ctx.new_str(prompt), vm)?;
        }
    }
    if startup == Startup::Fresh {
        go_on(vm, run_startup_file(vm, &scope))?;
    }
    go_on(vm, run_interactive_hook(vm))?;

    let mut reader = if io::stdin().is_terminal() && io::stdout().is_terminal() {
        LineReader::Editor(Box::new(LineEditor::new(vm, scope.globals.clone())))
    } else {
        LineReader::Plain
    };
    let result = prompt_loop(vm, &scope, &mut reader);
    if let LineReader::Editor(editor) = reader
        && let Err(error) = editor.save_history()
    {
        complain(&error);
    }
    result
}

fn prompt_loop(vm: &VirtualMachine, scope: &Scope, reader: &mut LineReader<'_>) -> PyResult<()> {
    let codeop = vm.import("codeop", 0)?;
    let compiler = vm.call_method(&codeop, "CommandCompiler", ())?;
    let mut inputs = 0_usize;
    let mut source = String::new();
    loop {
        let prompt = prompt(vm, if source.is_empty() { "ps1" } else { "ps2" });
        let line = match reader.read(vm, &prompt) {
            Ok(InputLine::Text(line)) => line,
            Ok(InputLine::End) => {
                if matches!(reader, LineReader::Plain) {
                    complain("");
                }
                return Ok(());
            }
            Ok(InputLine::Interrupted) => {
                complain("KeyboardInterrupt");
                source.clear();
                continue;
            }
            Err(exception) => {
                go_on(vm, Err(exception))?;
                continue;
            }
        };
        if source.is_empty() && line.trim().is_empty() {
            continue;
        }
        if !source.is_empty() {
            source.push('\n');
        }
        source.push_str(&line);

        let file_name = format!("<python-input-{inputs}>");
        match compiler.call((source.as_str(), file_name, "single"), vm) {
            Ok(code) if vm.is_none(&code) => {}
            Ok(code) => {
                inputs += 1;
                let source = std::mem::take(&mut source);
                go_on(vm, run_statement(vm, scope, code, &source))?;
            }
            Err(exception) => {
                source.clear();
                go_on(vm, Err(exception))?;
            }
        }
    }
}

fn run_statement(vm: &VirtualMachine, scope: &Scope, code: PyObjectRef, source: &str) -> PyResult<()> {
    // As in CPython 3.13: a bare `exit` is meant.
    if matches!(source.trim(), "exit" | "quit") && scope.globals.get_item_opt(source.trim(), vm)?.is_none() {
        return Err(vm.new_system_exit(Vec::new().into()));
    }
    let code = code.downcast::<PyCode>().map_err(|_| vm.new_type_error("codeop did not return a code object"))?;
    vm.register_code_in_linecache(&code, source)?;
    execute::code(vm, scope.clone(), code).map(drop)
}

/// Prints an exception and flushes the streams; only `SystemExit` is passed on.
fn go_on(vm: &VirtualMachine, result: PyResult<()>) -> PyResult<()> {
    if let Err(exception) = result {
        if exception.fast_isinstance(vm.ctx.exceptions.system_exit) {
            return Err(exception);
        }
        vm.print_exception(&exception);
        remember_exception(vm, &exception);
    }
    for name in ["stdout", "stderr"] {
        if let Ok(stream) = vm.sys_module.get_attr(name, vm) {
            // A closed stream is what the user made of it.
            let _ = vm.call_method(&stream, "flush", ());
        }
    }
    Ok(())
}

/// Sets `sys.last_exc` and its older companions, for `pdb.pm()`.
fn remember_exception(vm: &VirtualMachine, exception: &PyBaseExceptionRef) {
    let (class, value, traceback) = vm.split_exception(exception.clone());
    for (name, object) in
        [("last_exc", value.clone()), ("last_type", class), ("last_value", value), ("last_traceback", traceback)]
    {
        // `sys` takes any attribute.
        let _ = vm.sys_module.set_attr(vm.ctx.intern_str(name), object, vm);
    }
}

fn prompt(vm: &VirtualMachine, name: &'static str) -> String {
    let prompt = vm.sys_module.get_attr(name, vm).and_then(|prompt| prompt.str(vm));
    prompt.map_or_else(|_| String::new(), |prompt| prompt.to_string_lossy().into_owned())
}

fn run_startup_file(vm: &VirtualMachine, scope: &Scope) -> PyResult<()> {
    if vm.state.config.settings.ignore_environment {
        return Ok(());
    }
    let Some(path) = std::env::var_os("PYTHONSTARTUP").filter(|path| !path.is_empty()) else {
        return Ok(());
    };
    let name = path.to_string_lossy();
    match std::fs::read(&path) {
        Ok(bytes) => execute::bytes(vm, scope.clone(), bytes, &name, false),
        Err(error) => {
            complain(&format!("Could not open PYTHONSTARTUP\n{name}: {error}"));
            Ok(())
        }
    }
}

fn run_interactive_hook(vm: &VirtualMachine) -> PyResult<()> {
    match vm.sys_module.get_attr("__interactivehook__", vm) {
        Ok(hook) if !vm.state.config.settings.isolated => hook.call((), vm).map(drop),
        _ => Ok(()),
    }
}

enum LineReader<'vm> {
    /// A person at a terminal.
    Editor(Box<LineEditor<'vm>>),
    /// A script that feeds the prompt.
    Plain,
}

impl LineReader<'_> {
    fn read(&mut self, vm: &VirtualMachine, prompt: &str) -> PyResult<InputLine> {
        match self {
            Self::Editor(editor) => Ok(editor.read(prompt)),
            Self::Plain => read_plain(vm, prompt),
        }
    }
}

/// Reads through `sys.stdin`, so that a program's own `input()` gets the lines after.
fn read_plain(vm: &VirtualMachine, prompt: &str) -> PyResult<InputLine> {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(prompt.as_bytes()).and_then(|()| stderr.flush());
    let stdin = vm.sys_module.get_attr("stdin", vm)?;
    let line = match vm.call_method(&stdin, "readline", ()) {
        Ok(line) => line.str(vm)?.to_string_lossy().into_owned(),
        Err(exception) if exception.fast_isinstance(vm.ctx.exceptions.keyboard_interrupt) => {
            complain("");
            return Ok(InputLine::Interrupted);
        }
        // A closed stdin ends the session, as its end does.
        Err(_) => return Ok(InputLine::End),
    };
    match line.strip_suffix('\n') {
        Some(line) => Ok(InputLine::Text(line.to_owned())),
        None if line.is_empty() => Ok(InputLine::End),
        None => Ok(InputLine::Text(line)),
    }
}
