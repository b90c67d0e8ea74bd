//! The ways in which a program starts: source text, a script file, a module. Every code object
//! that is run from Rust goes through [`code`], so that there is one place to prepare it.

use std::io;
use std::path::Path;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyDictRef};
use rustpython_vm::compiler::Mode;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

/// The globals of `__main__`, as where code runs.
pub fn main_scope(vm: &VirtualMachine) -> PyResult<Scope> {
    Ok(Scope::with_builtins(None, vm.ensure_main_module()?.dict(), vm))
}

/// Runs a code object; the value is that of its last statement (`None` for a module).
pub fn code(vm: &VirtualMachine, scope: Scope, code: PyRef<PyCode>) -> PyResult {
    vm.run_code_obj(crate::hook::prepare::prepared(vm, &code), scope)
}

/// Compiles and runs statements. Tracebacks call them `file_name`.
pub fn source(vm: &VirtualMachine, scope: Scope, source: &str, file_name: &str) -> PyResult<()> {
    let compiled = compile(vm, source, Mode::Exec, file_name)?;
    code(vm, scope, compiled).map(drop)
}

/// Compiles and evaluates one expression.
pub fn expression(vm: &VirtualMachine, scope: Scope, source: &str) -> PyResult {
    let compiled = compile(vm, source, Mode::Eval, "<string>")?;
    code(vm, scope, compiled)
}

/// Compiles, with a `SyntaxError` as Python's own `compile` raises it.
pub fn compile(vm: &VirtualMachine, source: &str, mode: Mode, file_name: &str) -> PyResult<PyRef<PyCode>> {
    vm.compile(source, mode, file_name).map_err(|error| error.into_pyexception(vm, Some(source)))
}

/// Runs a module as `python -m` does: as `__main__`, a package through its `__main__.py`.
pub fn module(vm: &VirtualMachine, name: &str) -> PyResult<()> {
    run_module_as_main(vm, name, true)
}

fn run_module_as_main(vm: &VirtualMachine, name: &str, alter_argv: bool) -> PyResult<()> {
    let runpy = vm.import("runpy", 0)?;
    vm.call_method(&runpy, "_run_module_as_main", (name, alter_argv)).map(drop)
}

/// Why a script could not even be read.
#[derive(Debug)]
pub enum ScriptError {
    /// The file cannot be opened; the path is the absolute one.
    Open(String, io::Error),
    /// It ran, or was to be compiled, and raised.
    Raised(PyBaseExceptionRef),
}

impl From<PyBaseExceptionRef> for ScriptError {
    fn from(exception: PyBaseExceptionRef) -> Self {
        Self::Raised(exception)
    }
}

/// Runs a script file as `python FILE` does: source in any declared encoding, a `.pyc` file, or
/// a directory or zip file with a `__main__.py`. Puts its directory in front of `sys.path`.
/// With `skip_first_line` the first line is read as if it were empty.
pub fn script(vm: &VirtualMachine, scope: Scope, path: &Path, skip_first_line: bool) -> Result<(), ScriptError> {
    // Joined and no more: tracebacks and `__file__` keep the `.` and `..` that the user wrote.
    let absolute = std::env::current_dir()
        .map_or_else(|_| path.to_owned(), |directory| if path == Path::new("") { directory } else { directory.join(path) });
    let name = absolute.to_string_lossy().into_owned();

    if importer(vm, &name)?.is_some() {
        vm.insert_sys_path(vm.ctx.new_str(name).into())?;
        return Ok(run_module_as_main(vm, "__main__", false)?);
    }
    let bytes = std::fs::read(&absolute).map_err(|error| ScriptError::Open(name.clone(), error))?;
    let file = vm.fsdecode(absolute.as_os_str()).into();

    if !vm.state.config.settings.safe_path {
        let resolved = std::fs::canonicalize(&absolute).unwrap_or(absolute);
        let directory = resolved.parent().unwrap_or(Path::new("/"));
        let directory = vm.fsdecode(directory.as_os_str());
        vm.insert_sys_path(directory.into())?;
    }

    let is_pyc = name.ends_with(".pyc") || bytes.starts_with(&rustpython_vm::version::PYC_MAGIC_NUMBER_BYTES);
    let globals = scope.globals.clone();
    globals.set_item("__file__", file, vm)?;
    globals.set_item("__cached__", vm.ctx.none(), vm)?;
    let loader_class = if is_pyc { "SourcelessFileLoader" } else { "SourceFileLoader" };
    set_loader(vm, &globals, loader_class, &name)?;

    let compiled = if is_pyc {
        PyCode::from_pyc(&bytes, Some(&name), None, None, vm)?
    } else {
        compile_bytes(vm, bytes, &name, skip_first_line)?
    };
    Ok(code(vm, scope, compiled).map(drop)?)
}

/// Runs the bytes of a source file that need not be one, such as a pipe's.
pub fn bytes(vm: &VirtualMachine, scope: Scope, bytes: Vec<u8>, file_name: &str, skip_first_line: bool) -> PyResult<()> {
    let compiled = compile_bytes(vm, bytes, file_name, skip_first_line)?;
    code(vm, scope, compiled).map(drop)
}

/// Compiles a file's bytes, honouring its byte order mark and its encoding cookie.
fn compile_bytes(vm: &VirtualMachine, mut bytes: Vec<u8>, file_name: &str, skip_first_line: bool) -> PyResult<PyRef<PyCode>> {
    if skip_first_line {
        // Its newline stays, so that line numbers do.
        let end = bytes.iter().position(|&byte| byte == b'\n');
        bytes.drain(..end.unwrap_or(bytes.len()));
    }
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        let message = "source code cannot contain null bytes".to_owned();
        return Err(syntax_error(vm, message, file_name, &bytes, at));
    }
    if let Ok(text) = std::str::from_utf8(&bytes)
        && declared_encoding(&bytes).is_none_or(|name| is_utf8(&name))
    {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        return compile(vm, text, Mode::Exec, file_name);
    }
    if declared_encoding(&bytes).is_none()
        && let Err(error) = std::str::from_utf8(&bytes)
    {
        let at = error.valid_up_to();
        let line = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count();
        let message = format!(
            "Non-UTF-8 code starting with '\\x{:02x}' in file {file_name} on line {line}, but no \
             encoding declared; see https://peps.python.org/pep-0263/ for details",
            bytes[at]
        );
        return Err(syntax_error(vm, message, file_name, &bytes, at));
    }
    // Another encoding: the `compile` of Python decodes by the cookie.
    let source = vm.ctx.new_bytes(bytes);
    let compiled = vm.builtins.get_attr("compile", vm)?.call((source, file_name, "exec"), vm)?;
    compiled.downcast::<PyCode>().map_err(|_| vm.new_type_error("compile() did not return a code object"))
}

fn is_utf8(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    name == "utf-8" || name == "utf8" || name.starts_with("utf-8-")
}

/// The encoding named in one of the first two lines, as PEP 263 defines it: a line that is a
/// comment and holds `coding[:=] name`. The second counts only if the first is blank or a comment.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|&byte| byte == b'\n').take(2) {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_start();
        if line.is_empty() {
            continue;
        }
        let comment = line.strip_prefix(b"#")?;
        let Some(at) = comment.windows(6).position(|window| window == b"coding") else {
            continue;
        };
        let Some(name) = comment[at + 6..].strip_prefix(b":").or_else(|| comment[at + 6..].strip_prefix(b"=")) else {
            continue;
        };
        let name: String = name
            .trim_ascii_start()
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
            .map(|&byte| char::from(byte))
            .collect();
        if !name.is_empty() {
            return Some(name);
        }
    }
    None
}

fn syntax_error(vm: &VirtualMachine, message: String, file_name: &str, bytes: &[u8], at: usize) -> PyBaseExceptionRef {
    let before = &bytes[..at];
    let line_number = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |i| i + 1);
    let line = String::from_utf8_lossy(&bytes[line_start..at]).into_owned() + "\n";
    let location = vm.ctx.new_tuple(vec![
        vm.ctx.new_str(file_name).into(),
        vm.ctx.new_int(line_number).into(),
        vm.ctx.none(),
        vm.ctx.new_str(line).into(),
    ]);
    let class = vm.ctx.exceptions.syntax_error;
    let arguments = vec![vm.ctx.new_str(message.as_str()).into(), location.into()];
    vm.invoke_exception(class, arguments).unwrap_or_else(|_| vm.new_exception_msg(class.to_owned(), message.into()))
}

/// The importer that `sys.path_hooks` has for a directory or zip file; `None` for other files.
fn importer(vm: &VirtualMachine, path: &str) -> PyResult<Option<PyObjectRef>> {
    let hooks = vm.sys_module.get_attr("path_hooks", vm)?;
    let hooks: Vec<PyObjectRef> = hooks.try_into_value(vm)?;
    for hook in hooks {
        match hook.call((path,), vm) {
            Ok(importer) => return Ok(Some(importer)),
            Err(error) if error.fast_isinstance(vm.ctx.exceptions.import_error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn set_loader(vm: &VirtualMachine, globals: &PyDictRef, class: &str, path: &str) -> PyResult<()> {
    let external = vm.import("_frozen_importlib_external", 0)?;
    let class = external.get_attr(vm.ctx.intern_str(class), vm)?;
    let loader = class.call(("__main__", path), vm)?;
    globals.set_item("__loader__", loader, vm)
}
