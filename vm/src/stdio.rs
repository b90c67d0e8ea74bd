//! Redirects Python's standard streams to Rust readers and writers. The streams of the process
//! need nothing from here.

use std::io::{Read, Write};
use std::sync::{Mutex, PoisonError};

use rustpython_vm::builtins::{PyBytes, PyBytesRef};
use rustpython_vm::convert::IntoPyException;
use rustpython_vm::{PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::config::{Input, Output};
use crate::execute;

/// Raw streams over two functions; Python's own classes add buffering and text on top.
const STREAMS: &str = r#"
import io

class RawStream(io.RawIOBase):
    def __init__(self, name, transfer, writes):
        self.name = name
        self._transfer = transfer
        self._writes = writes

    def readable(self):
        return not self._writes

    def writable(self):
        return self._writes

    def readinto(self, buffer):
        data = self._transfer(len(buffer))
        buffer[:len(data)] = data
        return len(data)

    def write(self, data):
        data = bytes(data)
        self._transfer(data)
        return len(data)

def reader(transfer):
    raw = RawStream("<stdin>", transfer, False)
    return io.TextIOWrapper(io.BufferedReader(raw), encoding="utf-8", errors="surrogateescape")

def writer(name, transfer):
    raw = RawStream(name, transfer, True)
    errors = "backslashreplace" if name == "<stderr>" else "surrogateescape"
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors=errors, newline="\n", line_buffering=True)
"#;

/// Replaces `sys.stdin`, `sys.stdout`, `sys.stderr` and their dunder twins where asked to.
pub(crate) fn redirect(
    vm: &VirtualMachine,
    stdin: Input,
    stdout: Output,
    stderr: Output,
) -> PyResult<()> {
    if matches!((&stdin, &stdout, &stderr), (Input::Inherit, Output::Inherit, Output::Inherit)) {
        return Ok(());
    }
    let scope = vm.new_scope_with_builtins();
    execute::source(vm, scope.clone(), STREAMS, "<psycore stdio>")?;
    let install = |name: &'static str, dunder: &'static str, stream: PyObjectRef| {
        vm.sys_module.set_attr(dunder, stream.clone(), vm)?;
        vm.sys_module.set_attr(name, stream, vm)
    };

    let source: Option<Box<dyn Read + Send>> = match stdin {
        Input::Inherit => None,
        Input::Empty => Some(Box::new(std::io::empty())),
        Input::Reader(reader) => Some(reader),
    };
    if let Some(source) = source {
        let transfer = read_function(vm, source);
        let stream = scope.globals.get_item("reader", vm)?.call((transfer,), vm)?;
        install("stdin", "__stdin__", stream)?;
    }
    for (name, dunder, label, output) in [
        ("stdout", "__stdout__", "<stdout>", stdout),
        ("stderr", "__stderr__", "<stderr>", stderr),
    ] {
        let sink: Box<dyn Write + Send> = match output {
            Output::Inherit => continue,
            Output::Discard => Box::new(std::io::sink()),
            Output::Writer(writer) => writer,
        };
        let transfer = write_function(vm, sink);
        let stream = scope
            .globals
            .get_item("writer", vm)?
            .call((label, transfer), vm)?;
        install(name, dunder, stream)?;
    }
    Ok(())
}

fn read_function(vm: &VirtualMachine, reader: Box<dyn Read + Send>) -> PyObjectRef {
    let reader = Mutex::new(reader);
    let read = move |size: usize, vm: &VirtualMachine| -> PyResult<PyRef<PyBytes>> {
        let mut buffer = vec![0; size];
        // The lock is taken while detached: a thread that waits for it must not hold up the others.
        let length = vm
            .allow_threads(|| {
                let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                reader.read(&mut buffer)
            })
            .map_err(|error| error.into_pyexception(vm))?;
        buffer.truncate(length);
        Ok(vm.ctx.new_bytes(buffer))
    };
    vm.new_function("read", read).into()
}

fn write_function(vm: &VirtualMachine, writer: Box<dyn Write + Send>) -> PyObjectRef {
    let writer = Mutex::new(writer);
    let write = move |data: PyBytesRef, vm: &VirtualMachine| -> PyResult<()> {
        vm.allow_threads(|| {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.write_all(data.as_bytes())?;
            writer.flush()
        })
        .map_err(|error| error.into_pyexception(vm))
    };
    vm.new_function("write", write).into()
}
