//! The Python module `psyco`: what a program can say about compiling, and ask about it.
//!
//! Its face is Python (`lib/psyco/`, frozen into the library): it takes classes apart, checks arguments and keeps
//! proxies. The native module `_psyco` beneath it knows code objects and the JIT. Without a JIT
//! both are there and do nothing.
//!
//! Threads: what changes the JIT's state is posted and done when there is one thread (see
//! `policy::Command`); what reads it is refused on other threads than the main one meanwhile.

pub(crate) mod compact;
mod report;

use crate::hook::Attached;
use crate::jit::Jit;
use rustpython_compiler_core::frozen::FrozenLib;
use rustpython_vm::builtins::PyModuleDef;
use rustpython_vm::{Context, PyResult, VirtualMachine};
use std::sync::Mutex;

/// `psyco` and `psyco.classes`.
pub(crate) const FROZEN: &FrozenLib = rustpython_vm::py_freeze!(dir = "lib", crate_name = "rustpython_compiler_core");

// `py_freeze` reads files that the build does not know of.
const _: [&str; 2] = [include_str!("lib/psyco/__init__.py"), include_str!("lib/psyco/classes.py")];

/// The native half.
pub(crate) fn module_def(ctx: &Context) -> &'static PyModuleDef {
    native::module_def(ctx)
}

/// Why interpreters have no JIT, by the address of their state.
static WITHOUT: Mutex<Vec<(usize, String)>> = Mutex::new(Vec::new());

fn state_of(vm: &VirtualMachine) -> usize {
    &raw const *vm.state as usize
}

/// Prepares a new interpreter: the builtin `__in_psyco__`, and what to say where there is no JIT.
pub(crate) fn install(vm: &VirtualMachine, without: Option<&str>) -> PyResult<()> {
    if let Ok(mut all) = WITHOUT.lock() {
        all.retain(|(state, _)| *state != state_of(vm));
        all.extend(without.map(|why| (state_of(vm), why.to_owned())));
    }
    vm.builtins.set_attr("__in_psyco__", vm.ctx.new_int(0), vm)
}

/// The JIT of an interpreter, if it is not turned off.
fn jit_of(vm: &VirtualMachine) -> Option<(&'static Attached, &'static Jit)> {
    Jit::of(vm).filter(|(_, jit)| !jit.policy.is_off())
}

/// The JIT, if its state may be read on this thread now.
fn readable(vm: &VirtualMachine) -> Result<Option<(&'static Attached, &'static Jit)>, &'static str> {
    let Some((attached, jit)) = jit_of(vm) else { return Ok(None) };
    if !attached.may_read(vm) {
        return Err("only the main thread can ask about compiled code while there are others");
    }
    jit.set_vm(vm);
    jit.set_attached(attached);
    Ok(Some((attached, jit)))
}

#[rustpython_vm::pymodule(name = "_psyco")]
mod native {
    use super::compact::Compact;
    use super::{jit_of, readable, report};
    use crate::hook::charge::Charging;
    use crate::jit::commands;
    use crate::jit::policy::{self, Chooser, Command, ProfilerLimits};
    use rustpython_vm::builtins::{PyCode, PyStrRef, PyUtf8StrRef};
    use rustpython_vm::convert::ToPyObject;
    use rustpython_vm::function::OptionalArg;
    use rustpython_vm::{AsObject, PyObjectRef, PyRef, PyResult, VirtualMachine};
    use std::time::Duration;

    #[pyattr(name = "__version__")]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pyattr]
    const WATERMARK: f64 = policy::WATERMARK;

    #[pyattr(name = "Compact")]
    fn compact_class(_vm: &VirtualMachine) -> PyObjectRef {
        super::compact::class().into()
    }

    /// An attribute that a compact instance keeps itself; the default if it has none of that name.
    #[pyfunction]
    fn compact_get(instance: PyRef<Compact>, name: PyStrRef, default: PyObjectRef, vm: &VirtualMachine) -> PyObjectRef {
        instance.get(&name, vm).unwrap_or(default)
    }

    #[pyfunction]
    fn compact_set(instance: PyRef<Compact>, name: PyStrRef, value: PyObjectRef, vm: &VirtualMachine) {
        instance.set(&name, Some(value), vm);
    }

    /// False if there is nothing to delete.
    #[pyfunction]
    fn compact_delete(instance: PyRef<Compact>, name: PyStrRef, vm: &VirtualMachine) -> bool {
        instance.set(&name, None, vm)
    }

    #[pyfunction]
    fn compact_names(instance: PyRef<Compact>) -> Vec<PyObjectRef> {
        instance.names().into_iter().map(|n| n.to_owned().into()).collect()
    }

    /// Why there is no JIT; None if there is one.
    #[pyfunction]
    fn without(vm: &VirtualMachine) -> Option<String> {
        if jit_of(vm).is_some() {
            return None;
        }
        let state = super::state_of(vm);
        let known = super::WITHOUT.lock().ok();
        let why = known.and_then(|all| all.iter().find(|(s, _)| *s == state).map(|(_, why)| why.clone()));
        Some(why.unwrap_or_else(|| "this interpreter has none".to_owned()))
    }

    fn command(vm: &VirtualMachine, command: impl FnOnce() -> Option<Command>) {
        if let Some((attached, jit)) = jit_of(vm)
            && let Some(command) = command()
        {
            jit.command(attached, command, vm);
        }
    }

    #[pyfunction]
    fn bind(function: PyObjectRef, depth: u8, vm: &VirtualMachine) {
        command(vm, || Some(Command::Bind(commands::prepared_code_of(&function, vm)?, depth)));
    }

    #[pyfunction]
    fn unbind(function: PyObjectRef, depth: u8, vm: &VirtualMachine) {
        command(vm, || {
            let globals = function.get_attr("__globals__", vm).ok();
            Some(Command::Unbind(commands::code_of(&function, vm)?, depth, globals))
        });
    }

    #[pyfunction]
    fn cannotcompile(code: PyRef<PyCode>, vm: &VirtualMachine) {
        command(vm, || Some(Command::Never(crate::hook::prepare::prepared(vm, &code))));
    }

    /// Sets the filter, None for no filter; returns the one before.
    #[pyfunction]
    fn setfilter(filter: Option<PyObjectRef>, vm: &VirtualMachine) -> Option<PyObjectRef> {
        let (attached, jit) = jit_of(vm)?;
        let before = jit.policy.set_filter(filter);
        jit.command(attached, Command::Reconsider, vm);
        before
    }

    /// Limits are in kilobytes and seconds, the half-life is in seconds.
    #[pyfunction]
    fn start(
        chooser: PyUtf8StrRef,
        (scale, halflife, parentframe): (f64, f64, f64),
        memory: Option<f64>,
        time: Option<f64>,
        memorymax: Option<f64>,
        timemax: Option<f64>,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let charging = Charging { scale, halflife, parentframe };
        let chooser = match chooser.as_str() {
            "full" => Chooser::Full,
            "profile" => Chooser::Profile(charging),
            "background" => Chooser::Background(charging),
            "runonly" => Chooser::RunOnly,
            other => return Err(vm.new_value_error(format!("unknown profiler {other}"))),
        };
        // Conversions saturate; what is no duration is longer than any.
        let bytes = |kilobytes: f64| (kilobytes * 1024.0) as u64;
        let seconds = |s: f64| Duration::try_from_secs_f64(s).unwrap_or(Duration::MAX);
        let limits = ProfilerLimits {
            bytes: memory.map(bytes),
            time: time.map(seconds),
            bytes_max: memorymax.map(bytes),
            time_max: timemax.map(seconds),
        };
        command(vm, || Some(Command::Start(chooser, limits)));
        Ok(())
    }

    #[pyfunction]
    fn stop(vm: &VirtualMachine) {
        command(vm, || Some(Command::Stop));
    }

    /// The counters as a dict; a string says why there are none.
    #[pyfunction]
    fn stats(vm: &VirtualMachine) -> PyResult {
        match readable(vm) {
            Ok(Some((attached, jit))) => {
                jit.collect(attached);
                Ok(report::stats(jit, attached, vm)?.into())
            }
            Ok(None) => Ok(vm.ctx.none()),
            Err(why) => Ok(why.to_pyobject(vm)),
        }
    }

    /// Text about a code object: `what` is "explain" or "disassemble". None without a JIT;
    /// a tuple with a string says why there is none.
    #[pyfunction]
    fn text(what: PyUtf8StrRef, code: OptionalArg<PyRef<PyCode>>, vm: &VirtualMachine) -> PyResult {
        let (attached, jit) = match readable(vm) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(vm.ctx.none()),
            Err(why) => return Ok(vm.ctx.new_tuple(vec![why.to_pyobject(vm)]).into()),
        };
        let code = code.into_option().map(|c| jit.id_of(crate::hook::prepare::prepared(vm, &c).as_object()));
        let text = match (what.as_str(), code) {
            ("explain", Some(code)) => jit.explanation(code),
            ("disassemble", Some(code)) => jit.disassembly(attached, |unit| unit.code == code),
            ("dump", None) => jit.disassembly(attached, |_| true),
            _ => return Err(vm.new_value_error("unknown text")),
        };
        Ok(text.to_pyobject(vm))
    }

    /// Opens the log; None closes it. An error is the exception's business.
    #[pyfunction]
    fn log(path: Option<PyUtf8StrRef>, append: bool, vm: &VirtualMachine) -> PyResult<bool> {
        let Some((_, jit)) = jit_of(vm) else { return Ok(false) };
        let Some(path) = path else {
            jit.policy.set_journal(None);
            return Ok(true);
        };
        let mut options = std::fs::File::options();
        options.create(true).write(true).append(append).truncate(!append);
        let file = options.open(path.as_str()).map_err(|e| vm.new_os_error(format!("{}: {e}", path.as_str())))?;
        jit.policy.set_journal(Some(file));
        Ok(true)
    }

    /// Writes text to the log.
    #[pyfunction]
    fn note(text: PyUtf8StrRef, vm: &VirtualMachine) {
        if let Some((_, jit)) = jit_of(vm) {
            jit.policy.write(text.as_str());
        }
    }

    /// The most charged functions as text.
    #[pyfunction]
    fn charges(top: usize, vm: &VirtualMachine) -> Option<String> {
        let (attached, jit) = readable(vm).ok()??;
        Some(jit.charges(attached, top))
    }
}
