//! Python's standard streams: redirects them to Rust readers and writers, and mends the line
//! buffering of those that stay with the process.
//!
//! The `TextIOWrapper` of rustpython-vm 0.6.0 drops what a flush at the end of a line raises. A
//! `KeyboardInterrupt` usually arrives just there when a program prints to a terminal, and was
//! lost every other time. Here the layer below ends the lines, and errors come through.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use rustpython_vm::builtins::{PyModule, PyTypeRef};
use rustpython_vm::convert::IntoPyException;
use rustpython_vm::function::{ArgBytesLike, ArgMemoryBuffer, FuncArgs, IntoPyNativeFn, KwArgs};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::config::{Input, Output};

/// Lets go of the host's readers and writers when it is dropped. The functions that Python calls
/// are never freed, so they must not own them.
#[derive(Default)]
pub(crate) struct Streams(Vec<Box<dyn FnOnce()>>);

impl Drop for Streams {
    fn drop(&mut self) {
        for release in self.0.drain(..) {
            release();
        }
    }
}

type SharedStream<T> = Arc<Mutex<Option<Box<T>>>>;

/// Sets up `sys.stdin`, `sys.stdout`, `sys.stderr` and their dunder twins.
pub(crate) fn set_up(vm: &VirtualMachine, stdin: Input, stdout: Output, stderr: Output) -> PyResult<Streams> {
    let mut streams = Streams::default();
    let io: PyRef<PyModule> = vm.import("_io", 0)?.try_into_value(vm)?;

    let source: Option<Box<dyn Read + Send>> = match stdin {
        Input::Inherit => None,
        Input::Empty => Some(Box::new(io::empty())),
        Input::Reader(reader) => Some(reader),
    };
    if let Some(source) = source {
        let source = share(&mut streams, source);
        let raw = raw_stream(vm, "<stdin>", &io, |base| read_methods(vm, base, source))?;
        let buffer = io.get_attr("BufferedReader", vm)?.call((raw,), vm)?;
        let text = io.get_attr("TextIOWrapper", vm)?.call((buffer, "utf-8", "surrogateescape"), vm)?;
        install(vm, "stdin", "__stdin__", text)?;
    }

    for (name, dunder, label, errors, output) in [
        ("stdout", "__stdout__", "<stdout>", "surrogateescape", stdout),
        ("stderr", "__stderr__", "<stderr>", "backslashreplace", stderr),
    ] {
        let sink: Box<dyn Write + Send> = match output {
            Output::Discard => Box::new(io::sink()),
            Output::Writer(writer) => writer,
            Output::Inherit => {
                let old = vm.sys_module.get_attr(name, vm)?;
                // Of a guest's streams nobody can say whether they are a terminal: it may be made before its host is known.
                if cfg!(target_family = "wasm") || old.get_attr("line_buffering", vm)?.is_true(vm)? {
                    let (encoding, errors) = (old.get_attr("encoding", vm)?, old.get_attr("errors", vm)?);
                    let buffer = vm.call_method(&old, "detach", ())?;
                    let raw = vm.call_method(&buffer, "detach", ())?;
                    install(vm, name, dunder, line_writer(vm, &io, raw, encoding, errors)?)?;
                }
                continue;
            }
        };
        let sink = share(&mut streams, sink);
        let raw = raw_stream(vm, label, &io, |base| write_methods(vm, base, sink))?;
        let (encoding, errors) = (vm.ctx.new_str("utf-8"), vm.ctx.new_str(errors));
        let text = line_writer(vm, &io, raw, encoding.into(), errors.into())?;
        install(vm, name, dunder, text)?;
    }
    Ok(streams)
}

fn install(vm: &VirtualMachine, name: &'static str, dunder: &'static str, stream: PyObjectRef) -> PyResult<()> {
    vm.sys_module.set_attr(dunder, stream.clone(), vm)?;
    vm.sys_module.set_attr(name, stream, vm)
}

fn share<T: ?Sized + Send + 'static>(streams: &mut Streams, host: Box<T>) -> SharedStream<T> {
    let shared = Arc::new(Mutex::new(Some(host)));
    let held = Arc::clone(&shared);
    streams.0.push(Box::new(move || {
        held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }));
    shared
}

/// Text over a buffer that is flushed at the end of each line.
fn line_writer(vm: &VirtualMachine, io: &Py<PyModule>, raw: PyObjectRef, encoding: PyObjectRef, errors: PyObjectRef) -> PyResult {
    let base = class(vm, io, "BufferedWriter")?;
    let base_write = base.as_object().get_attr("write", vm)?;
    let write = move |stream: PyObjectRef, data: PyObjectRef, vm: &VirtualMachine| -> PyResult {
        let length = base_write.call((stream.clone(), data.clone()), vm)?;
        if data.try_bytes_like(vm, |bytes| bytes.contains(&b'\n'))? {
            vm.call_method(&stream, "flush", ())?;
        }
        Ok(length)
    };
    let methods = vec![("write", method(vm, "write", &base, write))];
    let buffer = subclass(vm, "BufferedWriter", base, methods)?.call((raw,), vm)?;
    let options = [
        ("encoding", encoding),
        ("errors", errors),
        ("newline", vm.ctx.new_str("\n").into()),
        ("write_through", vm.ctx.true_value.clone().into()),
    ];
    let options: KwArgs = options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let text = io.get_attr("TextIOWrapper", vm)?.call(FuncArgs::new(vec![buffer], options), vm)?;
    text.set_attr("mode", vm.ctx.new_str("w"), vm)?;
    Ok(text)
}

type Method = (&'static str, PyObjectRef);

/// An instance of a raw stream class with some methods of its own.
fn raw_stream(vm: &VirtualMachine, name: &str, io: &Py<PyModule>, methods: impl FnOnce(&PyTypeRef) -> Vec<Method>) -> PyResult {
    let base = class(vm, io, "_RawIOBase")?;
    let methods = methods(&base);
    let raw = subclass(vm, "RawStream", base, methods)?.call((), vm)?;
    raw.set_attr("name", vm.ctx.new_str(name), vm)?;
    Ok(raw)
}

fn read_methods(vm: &VirtualMachine, base: &PyTypeRef, source: SharedStream<dyn Read + Send>) -> Vec<Method> {
    let readinto = move |_: PyObjectRef, buffer: ArgMemoryBuffer, vm: &VirtualMachine| {
        let mut data = vec![0; buffer.len()];
        // The lock is taken while detached: a thread that waits for it must not hold up the
        // others.
        let read = vm.allow_threads(|| {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            source.as_mut().map_or(Ok(0), |source| source.read(&mut data))
        });
        let length = read.map_err(|error| error.into_pyexception(vm))?;
        buffer.borrow_buf_mut()[..length].copy_from_slice(&data[..length]);
        PyResult::Ok(length)
    };
    vec![("readable", method(vm, "readable", base, |_: PyObjectRef| true)), ("readinto", method(vm, "readinto", base, readinto))]
}

fn write_methods(vm: &VirtualMachine, base: &PyTypeRef, sink: SharedStream<dyn Write + Send>) -> Vec<Method> {
    let write = move |_: PyObjectRef, data: ArgBytesLike, vm: &VirtualMachine| {
        let data = data.borrow_buf().to_vec();
        // Detached, as above.
        let written = vm.allow_threads(|| {
            let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
            let sink = sink.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
            sink.write_all(&data)?;
            sink.flush()
        });
        written.map_err(|error| error.into_pyexception(vm))?;
        PyResult::Ok(data.len())
    };
    vec![("writable", method(vm, "writable", base, |_: PyObjectRef| true)), ("write", method(vm, "write", base, write))]
}

fn class(vm: &VirtualMachine, io: &Py<PyModule>, name: &'static str) -> PyResult<PyTypeRef> {
    io.get_attr(name, vm)?.try_into_value(vm)
}

fn subclass(vm: &VirtualMachine, name: &str, base: PyTypeRef, methods: Vec<Method>) -> PyResult {
    let namespace = vm.ctx.new_dict();
    namespace.set_item("__module__", vm.ctx.new_str("_io").into(), vm)?;
    for (name, method) in methods {
        namespace.set_item(name, method, vm)?;
    }
    let bases = vm.ctx.new_tuple(vec![base.into()]);
    vm.ctx.types.type_type.as_object().call((name, bases, namespace), vm)
}

fn method<F: IntoPyNativeFn<K>, K>(vm: &VirtualMachine, name: &'static str, class: &PyTypeRef, function: F) -> PyObjectRef {
    // A few words for each stream of each `Vm`: methods want a class that lives for ever.
    let class: &'static PyTypeRef = Box::leak(Box::new(class.clone()));
    vm.new_method(name, class, function).into()
}
