//! [`Vm`], the embedding interface: one Python interpreter, its `__main__` module, and conversions
//! between Python's values and Rust's.

use std::path::Path;

use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::convert::ToPyObject;
use rustpython_vm::function::IntoFuncArgs;
use rustpython_vm::{AsObject, Interpreter, InterpreterBuilder, PyResult, TryFromObject, VirtualMachine};

use super::config::VmConfig;
use super::error::Error;
use super::execute::{self, ScriptError};
use super::limits::{Guard, Interrupter};
use super::stdio::{self, Streams};
use crate::attach::{attach, reconfigure};
use crate::hook::Attached;
use crate::jit::Jit;
use crate::jit::config::JitConfig;
use crate::{explain, psyco};

/// A Python interpreter with the standard library inside.
///
/// Code runs in the module `__main__`, whose globals live from one call to the next. Dropping the
/// `Vm` ends it as Python ends: threads are joined, `atexit` functions run, streams are flushed.
///
/// Values come and go by `rustpython-vm`'s conversion traits, so numbers, strings, booleans and
/// options need nothing more; [`Vm::enter`] gives the objects themselves.
pub struct Vm {
    /// `None` only after it has been finalized.
    interpreter: Option<Interpreter>,
    streams: Streams,
    guard: Guard,
}

impl Vm {
    /// Starts an interpreter.
    ///
    /// # Errors
    /// What setting up the standard streams or the JIT raised.
    pub fn new(config: VmConfig) -> Result<Self, Error> {
        let VmConfig { settings, stdin, stdout, stderr, jit, limits, library, lowering, interrupted } = config;
        let (mut guard, signals) = Guard::new(limits);
        let builder = InterpreterBuilder::new().settings(settings);
        let native_modules = rustpython_stdlib::stdlib_module_defs(&builder.ctx);
        let psyco_native = psyco::module_def(&builder.ctx);
        let interpreter = builder
            .add_native_modules(&native_modules)
            .add_native_module(psyco_native)
            .add_frozen_modules(library.modules)
            .add_frozen_modules(library.later.iter().copied())
            .add_frozen_modules(psyco::FROZEN)
            .init_hook(move |vm| {
                vm.state.gc.disable();
                vm.set_user_signal_channel(signals);
                // Nobody else holds the state before the interpreter is initialized.
                if let Some(state) = rustpython_vm::common::rc::PyRc::get_mut(&mut vm.state) {
                    state.config.paths.stdlib_dir = Some(library.directory.to_owned());
                }
            })
            .build();
        interpreter.enter(|vm| guard.start(vm).map_err(|e| Error::from_exception(vm, e)))?;
        let signals = guard.signals();
        let mut vm = Self { interpreter: Some(interpreter), streams: Streams::default(), guard };
        vm.streams = vm.with(|vm| {
            attach(vm, &jit, lowering)?;
            if let Some(attached) = Attached::of(vm) {
                attached.interrupts.connect(signals, interrupted);
            }
            vm.new_scope_with_main()?;
            let streams = stdio::set_up(vm, stdin, stdout, stderr)?;
            settle(vm);
            Ok(streams)
        })?;
        Ok(vm)
    }

    /// Runs statements; `file_name` is what tracebacks call them.
    pub fn run_source(&self, source: &str, file_name: &str) -> Result<(), Error> {
        self.with(|vm| execute::source(vm, execute::main_scope(vm)?, source, file_name))
    }

    /// Runs a script file, or a directory or zip file with a `__main__.py`.
    pub fn run_file(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.with(|vm| {
            let path = path.as_ref();
            execute::script(vm, execute::main_scope(vm)?, path, false).map_err(|error| match error {
                ScriptError::Raised(exception) => exception,
                ScriptError::Open(path, error) => vm.new_os_error(format!("can't open file '{path}': {error}")),
            })
        })
    }

    /// Runs a module as `python -m` does.
    pub fn run_module(&self, name: &str) -> Result<(), Error> {
        self.with(|vm| execute::module(vm, name))
    }

    /// The value of an expression.
    pub fn eval<T: TryFromObject>(&self, expression: &str) -> Result<T, Error> {
        self.with(|vm| execute::expression(vm, execute::main_scope(vm)?, expression)?.try_into_value(vm))
    }

    /// Calls what a global of `__main__` holds.
    pub fn call<T: TryFromObject>(&self, name: &str, arguments: impl IntoFuncArgs) -> Result<T, Error> {
        self.with(|vm| global(vm, name)?.call(arguments, vm)?.try_into_value(vm))
    }

    /// The value of a global of `__main__`; a `NameError` if there is none.
    pub fn get<T: TryFromObject>(&self, name: &str) -> Result<T, Error> {
        self.with(|vm| global(vm, name)?.try_into_value(vm))
    }

    /// Sets a global of `__main__`.
    pub fn set(&self, name: &str, value: impl ToPyObject) -> Result<(), Error> {
        self.with(|vm| main_globals(vm)?.set_item(name, value.to_pyobject(vm), vm))
    }

    /// Changes how the JIT works, before a program runs: everything in the configuration but the log and the limit on code.
    /// A VM that was started without a JIT stays without. Turned off here, it compiles nothing, but hot loops still ask
    /// whether the program is to stop ([`VmConfig::interrupted`]).
    ///
    /// # Errors
    /// What telling the module `psyco` raised.
    pub fn set_jit(&self, jit: &JitConfig) -> Result<(), Error> {
        self.with(|vm| reconfigure(vm, jit))
    }

    /// What stops this interpreter's programs from another thread.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        self.guard.interrupter()
    }

    /// Gives access to the interpreter's objects. They should not outlive the call.
    pub fn enter<R>(&self, f: impl FnOnce(&VirtualMachine) -> R) -> R {
        match &self.interpreter {
            Some(interpreter) => interpreter.enter(f),
            None => unreachable!("only `run` and `drop` take the interpreter, and they end the Vm"),
        }
    }

    /// Runs a whole program and ends the interpreter as a process would: an exception is printed
    /// to `sys.stderr`. The result is the exit code.
    #[must_use]
    pub fn run(mut self, program: impl FnOnce(&VirtualMachine) -> PyResult<()>) -> u32 {
        self.interpreter.take().map_or(0, |interpreter| {
            interpreter.run(|vm| {
                let result = program(vm);
                explain::finish(vm);
                if let Some(statistics) = Jit::of(vm).and_then(|(attached, jit)| jit.final_statistics(attached)) {
                    eprint!("{statistics}");
                }
                // An exception may still meet a `sys.excepthook` that imports what it likes.
                if result.as_ref().is_err_and(|e| !e.fast_isinstance(vm.ctx.exceptions.system_exit)) {
                    return result;
                }
                spare_threading(vm);
                result
            })
        })
    }

    /// Enters for one use that counts for the limits, and turns what was raised into an [`Error`]. What the program
    /// printed is visible to the host when this returns.
    pub fn with<R>(&self, f: impl FnOnce(&VirtualMachine) -> PyResult<R>) -> Result<R, Error> {
        self.enter(|vm| {
            let result = self.guard.watch(|| f(vm)).map_err(|exception| match self.guard.met(&exception) {
                Some(limit) => limit,
                None => Error::from_exception(vm, exception),
            });
            for name in ["stdout", "stderr"] {
                if let Ok(stream) = vm.sys_module.get_attr(name, vm) {
                    // A program may have closed or replaced its streams; that is its own affair.
                    let _ = vm.call_method(&stream, "flush", ());
                }
            }
            result
        })
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        if let Some(interpreter) = self.interpreter.take() {
            interpreter.enter(|vm| {
                if let Some(attached) = Attached::of(vm) {
                    attached.lazy.forget();
                }
                spare_threading(vm);
            });
            interpreter.finalize(None);
        }
    }
}

fn main_globals(vm: &VirtualMachine) -> PyResult<PyDictRef> {
    Ok(vm.ensure_main_module()?.dict())
}

fn global(vm: &VirtualMachine, name: &str) -> PyResult {
    main_globals(vm)?
        .get_item_opt(name, vm)?
        .ok_or_else(|| vm.new_name_error(format!("name '{name}' is not defined"), vm.ctx.new_str(name)))
}

/// Keeps the finalization from importing `threading` only to find that there are no threads to
/// wait for, which takes as long as a tenth of an empty program. A `None` in `sys.modules` stops the
/// import; the first `atexit` function to run takes it away again.
fn spare_threading(vm: &VirtualMachine) {
    let spare = || -> PyResult<()> {
        let modules = vm.sys_module.get_attr("modules", vm)?;
        if modules.get_item("threading", vm).is_ok() {
            return Ok(());
        }
        modules.set_item("threading", vm.ctx.none(), vm)?;
        let remove = vm.new_function("remove_placeholder", |vm: &VirtualMachine| -> PyResult<()> {
            vm.sys_module.get_attr("modules", vm)?.del_item("threading", vm)
        });
        let atexit = vm.import("atexit", 0)?;
        vm.call_method(&atexit, "register", (remove,)).map(drop)
    };
    // Without it the end only takes longer.
    let _ = spare();
}

/// Imports `site` as a command line does before the program.
///
/// # Errors
/// What the import raises.
pub fn import_site(vm: &VirtualMachine) -> PyResult<()> {
    vm.state.gc.disable();
    let imported = vm.import("site", 0);
    settle(vm);
    imported.map(drop)
}

/// What is there before the program begins stays until the end: the collector, which was off meanwhile, need
/// not look at it.
fn settle(vm: &VirtualMachine) {
    vm.state.gc.freeze();
    vm.state.gc.enable();
}
