//! How others stop a program: through the interpreter's own signals, or because a host says so when it is asked.

use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::signal::UserSignalSender;
use rustpython_vm::{PyResult, VirtualMachine};
use std::cell::Cell;
use std::sync::OnceLock;

/// A host that interrupts programs is asked after so many passes of hooks, and when compiled code left to look.
const PASSES_UNTIL_ASKED: u32 = 1000;

pub struct Interrupts {
    /// Where the interpreter looks for what others want it to do.
    signals: OnceLock<UserSignalSender>,
    /// Whom to ask whether the program is to stop.
    ask: Cell<Option<fn() -> bool>>,
    /// How often a hook may pass until that is asked again.
    until_asked: Cell<u32>,
}

impl Default for Interrupts {
    fn default() -> Self {
        Interrupts { signals: OnceLock::new(), ask: Cell::new(None), until_asked: Cell::new(PASSES_UNTIL_ASKED) }
    }
}

impl Interrupts {
    /// Takes the sender to what the interpreter listens to, of which only the first counts, and whom to ask whether the program
    /// is to stop.
    pub fn connect(&self, signals: UserSignalSender, ask: Option<fn() -> bool>) {
        let _ = self.signals.set(signals);
        self.ask.set(ask);
    }

    /// Whether there is somebody to ask.
    pub fn has_host(&self) -> bool {
        self.ask.get().is_some()
    }

    /// Lets the next hook ask whether the program is to stop.
    pub fn ask_soon(&self) {
        self.until_asked.set(0);
    }

    /// Raises `KeyboardInterrupt` if the host wants it and was not asked lately.
    #[inline]
    pub fn poll(&self, vm: &VirtualMachine) -> PyResult<()> {
        let Some(ask) = self.ask.get() else { return Ok(()) };
        if let Some(left) = self.until_asked.get().checked_sub(1) {
            self.until_asked.set(left);
            return Ok(());
        }
        self.until_asked.set(PASSES_UNTIL_ASKED);
        match ask() {
            true => Err(vm.new_exception_empty(vm.ctx.exceptions.keyboard_interrupt.to_owned())),
            false => Ok(()),
        }
    }

    /// Raises an exception at the next instruction that looks for signals.
    pub fn raise_soon(&self, exception: PyBaseExceptionRef) {
        if let Some(signals) = self.signals.get() {
            // The other end lives as long as the interpreter.
            let _ = signals.send(Box::new(|_| Err(exception)));
        }
    }
}
