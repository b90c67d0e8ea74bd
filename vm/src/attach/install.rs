//! Attaching a driver to an interpreter, and the JIT as that driver.

use super::selftest;
use crate::hook::attached::forget;
use crate::hook::{Attached, Driver, Hook, Site, Thresholds, code_view, site, watch};
use crate::jit::Jit;
use crate::jit::config::{JitConfig, JitMode};
use crate::object::layout;
use crate::psyco;
use crate::runtime::enter;
use psycore_jit::lower::Lowering;
use rustpython_vm::builtins::PyBaseException;
use rustpython_vm::{AsObject, Py, PyPayload, PyResult, VirtualMachine};

const TURNED_OFF: &str = "it is turned off";

/// Attaches the JIT to an interpreter that has just been entered and has not run any of the
/// user's code yet. Without a lowering, or where objects don't lie where they should, the program
/// is interpreted; the second is said in one line.
///
/// # Errors
/// What telling the module `psyco` raised.
pub fn attach(vm: &VirtualMachine, config: &JitConfig, lowering: Option<Box<dyn Lowering>>) -> PyResult<()> {
    forget(vm);
    let why = match lowering {
        _ if config.mode == JitMode::Off => TURNED_OFF.to_owned(),
        None => "there is no backend".to_owned(),
        Some(lowering) => match attach_jit(vm, config, lowering) {
            Ok(()) => return psyco::install(vm, None),
            Err(why) => {
                eprintln!("psycore: running without the JIT: {why}");
                why
            }
        },
    };
    psyco::install(vm, Some(&why))
}

fn attach_jit(vm: &VirtualMachine, config: &JitConfig, lowering: Box<dyn Lowering>) -> Result<(), String> {
    let layout = layout::probe(vm)?.clone();
    let log = match &config.log {
        Some(path) => Some(std::fs::File::create(path).map_err(|e| format!("{}: {e}", path.display()))?),
        None => None,
    };
    let jit = Jit::new(vm, layout, lowering, log, config.code_bytes);
    let thresholds = jit.configure(config);
    jit.warm_up();
    install(vm, Box::new(jit), thresholds)?;
    if let Some((attached, jit)) = Jit::of(vm) {
        jit.record.start(attached, config, jit.code_range());
    }
    Ok(())
}

/// Changes the settings of an interpreter's JIT before a program runs, if there is one.
///
/// # Errors
/// What telling the module `psyco` raised.
pub fn reconfigure(vm: &VirtualMachine, config: &JitConfig) -> PyResult<()> {
    let Some((attached, jit)) = Jit::of(vm) else { return Ok(()) };
    let thresholds = jit.configure(config);
    if attached.thresholds() != thresholds {
        attached.set_thresholds(thresholds);
        attached.codes.each(|code, _| site::sites(code).for_each(Site::recount));
    }
    jit.record.start(attached, config, jit.code_range());
    psyco::install(vm, (config.mode == JitMode::Off).then_some(TURNED_OFF))
}

/// Attaches a driver to an interpreter: finds the layout, runs the self-test, and lets hooks stand in front of `exec`, `eval`,
/// `FunctionType`, assignments of `__code__`, `marshal.dumps`, `sys.settrace` and the like. Code that is run from Rust goes
/// through `hook::prepare::prepared`.
///
/// # Errors
/// One line of text that says why there will be no JIT.
pub fn install(vm: &VirtualMachine, driver: Box<dyn Driver>, thresholds: Thresholds) -> Result<&'static Attached, String> {
    layout::probe(vm)?;
    // Made before the first frame can see it. Shared by all interpreters of the process.
    Hook::class(&vm.ctx).slots.setattro.store(Some(enter::reached));
    let attached = Attached::new(vm, Box::new(selftest::Rewrite), selftest::THRESHOLDS);
    selftest::run(attached, vm)?;
    // SAFETY: the self-test's code is gone, and nobody else has seen the value.
    unsafe { attached.hand_over(driver, thresholds) };
    attached.register();
    code_view::install(vm).map_err(|e| describe(vm, &e))?;
    watch::install(attached, vm).map_err(|e| describe(vm, &e))?;
    Ok(attached)
}

fn describe(vm: &VirtualMachine, e: &Py<PyBaseException>) -> String {
    let text = e.as_object().str(vm).map(|s| s.to_string()).unwrap_or_default();
    format!("the interpreter can't be attached to: {text}")
}
