//! Limits on what a program may take, and stopping it from another thread.
//!
//! Both reach the program where it looks for signals: between the interpreter's instructions, and at
//! the polls of compiled loops and calls. Time that one call of a builtin takes can't be cut short.

use rustpython_vm::builtins::{PyBaseExceptionRef, PyTypeRef};
use rustpython_vm::signal::{UserSignalReceiver, UserSignalSender, user_signal_channel};
use rustpython_vm::{AsObject, VirtualMachine};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often a program that caught the exception is told again.
const AGAIN: Duration = Duration::from_millis(20);

/// What one use of a [`Vm`](crate::Vm) may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How long one call of [`run_source`](crate::Vm::run_source), [`eval`](crate::Vm::eval),
    /// [`call`](crate::Vm::call) and the like may take by the clock; then it ends with
    /// [`Error::TimeLimit`](crate::Error::TimeLimit).
    pub time: Option<Duration>,
    /// How deep Python functions may call each other, as by `sys.setrecursionlimit`; the program can change it.
    pub recursion: Option<usize>,
}

/// Stops what a [`Vm`](crate::Vm) is running, from any thread. Where nothing runs, nothing happens.
#[derive(Clone, Debug)]
pub struct Interrupter {
    signals: UserSignalSender,
    uses: Arc<AtomicU64>,
}

/// Odd while the VM is in use.
fn in_use(uses: u64) -> bool {
    uses % 2 == 1
}

impl Interrupter {
    /// Raises `KeyboardInterrupt` in the program, as Ctrl-C does. It may catch that.
    pub fn interrupt(&self) {
        self.raise(|vm| vm.new_exception_empty(vm.ctx.exceptions.keyboard_interrupt.to_owned()));
    }

    /// Raises an exception in the use that is going on, if one is.
    fn raise(&self, exception: impl FnOnce(&VirtualMachine) -> PyBaseExceptionRef + Send + 'static) {
        let now = self.uses.load(Ordering::Acquire);
        if !in_use(now) {
            return;
        }
        let uses = self.uses.clone();
        // The interpreter may be gone, and with it what was to be stopped.
        let _ = self.signals.send(Box::new(move |vm| match uses.load(Ordering::Acquire) == now {
            true => Err(exception(vm)),
            false => Ok(()),
        }));
    }
}

/// The limits of one VM at work.
pub(crate) struct Guard {
    limits: Limits,
    interrupter: Interrupter,
    /// The class of what ends a program; no `Exception`, so that few programs catch it.
    out_of_time: Option<PyTypeRef>,
}

impl Guard {
    /// The guard, and what its VM must listen to.
    pub fn new(limits: Limits) -> (Self, UserSignalReceiver) {
        let (signals, receiver) = user_signal_channel();
        let interrupter = Interrupter { signals, uses: Arc::default() };
        (Guard { limits, interrupter, out_of_time: None }, receiver)
    }

    /// Puts the limits into force.
    pub fn start(&mut self, vm: &VirtualMachine) {
        if let Some(depth) = self.limits.recursion {
            vm.recursion_limit.set(depth);
        }
        let base = vm.ctx.exceptions.base_exception_type.to_owned();
        self.out_of_time = Some(vm.ctx.new_exception_type("psycore", "TimeLimit", Some(vec![base])));
    }

    /// What its VM listens to.
    pub fn signals(&self) -> UserSignalSender {
        self.interrupter.signals.clone()
    }

    pub fn interrupter(&self) -> Interrupter {
        self.interrupter.clone()
    }

    /// Runs `f` as one use of the VM. A use within a use counts to the outer one.
    pub fn watch<R>(&self, f: impl FnOnce() -> R) -> R {
        let uses = &self.interrupter.uses;
        if in_use(uses.load(Ordering::Acquire)) {
            return f();
        }
        uses.fetch_add(1, Ordering::AcqRel);
        let ended = Ended(uses);
        let (Some(limit), Some(class)) = (self.limits.time, &self.out_of_time) else { return f() };
        let (done, waiting) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut wait = limit;
                while waiting.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                    let class = class.clone();
                    self.interrupter.raise(move |vm| {
                        vm.new_exception_msg(class, format!("the program ran for more than {limit:?}").into())
                    });
                    wait = AGAIN;
                }
            });
            let result = f();
            drop(ended);
            drop(done);
            result
        })
    }

    /// Whether an exception is the end of the time.
    pub fn is_out_of_time(&self, exception: &PyBaseExceptionRef) -> bool {
        self.out_of_time.as_ref().is_some_and(|class| exception.class().is(class))
    }
}

/// Ends a use, however it ends.
struct Ended<'a>(&'a AtomicU64);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// Whether compiled code had better not be entered: what it calls comes back to the interpreter, deeper in the machine's
/// stack, whereas the interpreter calls Python functions without using any.
#[cfg(not(target_family = "wasm"))]
#[inline]
pub(crate) fn stack_is_short() -> bool {
    false
}

/// In guests that stack is the engine's, which nobody can measure, and small. It is taken to be used up as the guest's own
/// is, which ends at the address 0.
#[cfg(target_family = "wasm")]
#[inline]
pub(crate) fn stack_is_short() -> bool {
    const KEPT: usize = 200_000;
    let here = 0u8;
    std::hint::black_box(&raw const here).addr() < KEPT
}
