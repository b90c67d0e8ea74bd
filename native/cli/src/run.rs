//! Runs what the command line named, in the order of things that Python programs rely on:
//! `site`, `sys.path[0]`, the program, and with `-i` a prompt after it.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};

use psycore_vm::execute::{self, ScriptError};
use psycore_vm::rustpython_vm::builtins::PyBaseExceptionRef;
use psycore_vm::rustpython_vm::compiler::Mode;
use psycore_vm::rustpython_vm::scope::Scope;
use psycore_vm::rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::args::{Invocation, ProgramSource};
use super::messages::complain;
use super::repl;

/// Runs the program; what it returns is what the process ends with. `all` is the whole command
/// line.
pub fn program(vm: &VirtualMachine, invocation: &Invocation, all: &[OsString]) -> PyResult<()> {
    let settings = &vm.state.config.settings;
    if !settings.warnoptions.is_empty() {
        // The options are read when the module is first imported.
        vm.import("warnings", 0)?;
    }
    if settings.import_site {
        psycore_vm::import_site(vm)?;
    }
    set_exact_arguments(vm, "argv", &invocation.arguments)?;
    set_exact_arguments(vm, "orig_argv", all)?;
    set_pycache_prefix(vm)?;
    if settings.faulthandler {
        let faulthandler = vm.import("faulthandler", 0)?;
        vm.call_method(&faulthandler, "enable", ())?;
    }

    let scope = Scope::with_builtins(None, vm.ensure_main_module()?.dict(), vm);
    let interactive = matches!(invocation.program, ProgramSource::Stdin) && (settings.interactive || io::stdin().is_terminal());
    if interactive {
        if !settings.quiet {
            complain(&repl::banner());
        }
        insert_path0(vm, "")?;
        return repl::run(vm, scope, repl::Startup::Fresh);
    }

    let result = run(vm, scope.clone(), invocation);
    // A program may ask for the prompt while it runs.
    let asked = !settings.ignore_environment && std::env::var_os("PYTHONINSPECT").is_some_and(|value| !value.is_empty());
    if !settings.inspect && !asked {
        return result;
    }
    if let Err(exception) = result {
        vm.print_exception(&exception);
    }
    repl::run(vm, scope, repl::Startup::AfterProgram)
}

fn run(vm: &VirtualMachine, scope: Scope, invocation: &Invocation) -> PyResult<()> {
    let skip = invocation.options.skip_first_line;
    match &invocation.program {
        ProgramSource::Script(path) => execute::script(vm, scope, path, skip).map_err(|error| match error {
            ScriptError::Raised(exception) => exception,
            ScriptError::Open(path, error) => cannot_open(vm, &path, &error),
        }),
        ProgramSource::Command(source) => {
            insert_path0(vm, "")?;
            let source = dedent(source);
            let code = execute::compile(vm, &source, Mode::Exec, "<string>")?;
            // Tracebacks find the lines there.
            vm.register_code_in_linecache(&code, &source)?;
            execute::code(vm, scope, code).map(drop)
        }
        ProgramSource::Module(name) => {
            let directory = std::env::current_dir().unwrap_or_default();
            if !vm.state.config.settings.safe_path {
                vm.insert_sys_path(vm.fsdecode(directory).into())?;
            }
            execute::module(vm, name)
        }
        ProgramSource::Stdin => {
            insert_path0(vm, "")?;
            let mut bytes = Vec::new();
            match io::stdin().lock().read_to_end(&mut bytes) {
                Ok(_) => execute::bytes(vm, scope, bytes, "<stdin>", skip),
                Err(error) => Err(cannot_open(vm, "<stdin>", &error)),
            }
        }
    }
}

fn insert_path0(vm: &VirtualMachine, path: &str) -> PyResult<()> {
    if vm.state.config.settings.safe_path {
        return Ok(());
    }
    vm.insert_sys_path(vm.ctx.new_str(path).into())
}

/// `sys.argv` and `sys.orig_argv` from the exact bytes: the interpreter's own way to fill them
/// takes text only, Python escapes what is not UTF-8.
fn set_exact_arguments(vm: &VirtualMachine, name: &'static str, arguments: &[OsString]) -> PyResult<()> {
    if arguments.iter().all(|argument| argument.to_str().is_some()) {
        return Ok(());
    }
    let arguments: Vec<PyObjectRef> = arguments.iter().map(|argument| vm.fsdecode(argument.clone()).into()).collect();
    vm.sys_module.set_attr(name, vm.ctx.new_list(arguments), vm)
}

/// Where `.pyc` files go: `-X pycache_prefix` or `PYTHONPYCACHEPREFIX`.
fn set_pycache_prefix(vm: &VirtualMachine) -> PyResult<()> {
    let settings = &vm.state.config.settings;
    let option = settings.xoptions.iter().rev().find(|(name, _)| name == "pycache_prefix");
    let prefix = match option {
        Some((_, value)) => value.clone().map(OsString::from),
        None if settings.ignore_environment => None,
        None => std::env::var_os("PYTHONPYCACHEPREFIX"),
    };
    match prefix.filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => vm.sys_module.set_attr("pycache_prefix", vm.fsdecode(prefix), vm),
        None => Ok(()),
    }
}

/// Says what is wrong in CPython's words and gives its exit code for that.
fn cannot_open(vm: &VirtualMachine, path: &str, error: &io::Error) -> PyBaseExceptionRef {
    let executable = &vm.state.config.paths.executable;
    let text = error.to_string();
    let (reason, errno) = match error.raw_os_error() {
        Some(errno) => (text.split(" (os error").next().unwrap_or(&text), errno),
        None => (text.as_str(), 2),
    };
    let path = vm.ctx.new_str(path);
    let path = path.as_object().repr(vm).unwrap_or(path);
    complain(&format!("{executable}: can't open file {}: [Errno {errno}] {reason}", path.to_string_lossy()));
    vm.new_system_exit(vec![vm.ctx.new_int(2).into()].into())
}

/// Removes the indentation that all lines of `-c` share, so that it can be given indented.
fn dedent(source: &str) -> String {
    let blank = |line: &str| line.trim_matches([' ', '\t']).is_empty();
    let indentation = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let mut lines = source.split('\n').filter(|line| !blank(line));
    let Some(first) = lines.next() else {
        return source.to_owned();
    };
    let common = lines.fold(&first[..indentation(first)], |common, line| {
        let shared = common.bytes().zip(line.bytes()).take_while(|(a, b)| a == b).count();
        &common[..shared]
    });
    if common.is_empty() {
        return source.to_owned();
    }
    let stripped = source.split('\n').map(|line| line.strip_prefix(common).unwrap_or(""));
    stripped.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::dedent;

    #[test]
    fn dedent_takes_what_all_lines_share() {
        assert_eq!(dedent("\n    a\n\n      b\n    c\n"), "\na\n\n  b\nc\n");
        assert_eq!(dedent("a\n  b"), "a\n  b");
        assert_eq!(dedent("\ta\n  b"), "\ta\n  b");
        assert_eq!(dedent("  "), "  ");
    }
}
