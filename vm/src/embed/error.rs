//! How a Python program's failure reaches Rust: an exception with its traceback as text, or a
//! wish to exit. Python objects stay inside the VM.

use std::fmt;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStrRef};
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

/// What can go wrong when Python code runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// An exception that nothing caught; syntax errors are among them.
    Exception(Exception),
    /// `SystemExit`, with the exit code that a process would have.
    Exit(u32),
    /// It took longer than [`Limits::time`](crate::Limits::time) allows.
    TimeLimit,
    /// It took more than [`Limits::memory`](crate::Limits::memory) allows.
    MemoryLimit,
}

/// An uncaught Python exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The name of its class, such as `ValueError`.
    pub class: String,
    /// What `str(exception)` says.
    pub message: String,
    /// What Python prints on stderr: chained exceptions, every line, the message.
    pub traceback: String,
    /// Where it came from, the innermost call last. For a `SyntaxError` the place in the source comes after them.
    pub frames: Vec<Place>,
}

/// A place in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What tracebacks call the file.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1; known for syntax errors.
    pub column: Option<u32>,
}

impl Error {
    pub(crate) fn from_exception(vm: &VirtualMachine, exception: PyBaseExceptionRef) -> Self {
        if exception.fast_isinstance(vm.ctx.exceptions.system_exit) {
            return Self::Exit(vm.handle_exit_exception(exception));
        }
        let message = exception.as_object().str(vm).map_or_else(|_| String::new(), |s| s.to_string_lossy().into_owned());
        Self::Exception(Exception {
            class: exception.class().name().to_string(),
            message,
            traceback: traceback_text(vm, &exception),
            frames: places(vm, &exception),
        })
    }
}

fn places(vm: &VirtualMachine, exception: &PyBaseExceptionRef) -> Vec<Place> {
    let mut all = Vec::new();
    let mut next = exception.__traceback__();
    while let Some(entry) = next {
        let file = entry.frame.f_code().source_path().as_str().to_owned();
        all.push(Place { file, line: entry.lineno.get() as u32, column: None });
        next = entry.next.lock().clone();
    }
    if exception.fast_isinstance(vm.ctx.exceptions.syntax_error) {
        let number = |name: &'static str| -> Option<u32> { exception.as_object().get_attr(name, vm).ok()?.try_to_value(vm).ok() };
        let file = exception.as_object().get_attr("filename", vm).ok().and_then(|f| f.try_to_value::<String>(vm).ok());
        if let (Some(file), Some(line)) = (file, number("lineno")) {
            all.push(Place { file, line, column: number("offset") });
        }
    }
    all
}

/// The text that `traceback.print_exception` would print, or a plainer one where the
/// `traceback` module itself fails.
fn traceback_text(vm: &VirtualMachine, exception: &PyBaseExceptionRef) -> String {
    let formatted = || -> PyResult<String> {
        let traceback = vm.import("traceback", 0)?;
        let lines = vm.call_method(&traceback, "format_exception", (exception.clone(),))?;
        let lines: Vec<PyStrRef> = lines.try_to_value(vm)?;
        Ok(lines.iter().map(|line| line.to_string_lossy()).collect())
    };
    formatted().unwrap_or_else(|_| {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = vm.write_exception(&mut text, exception);
        text
    })
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exception(exception) => f.write_str(exception.traceback.trim_end()),
            Self::Exit(code) => write!(f, "the program asked to exit with code {code}"),
            Self::TimeLimit => f.write_str("the program took longer than it may"),
            Self::MemoryLimit => f.write_str("the program took more memory than it may"),
        }
    }
}

impl std::error::Error for Error {}
