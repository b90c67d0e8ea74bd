//! Limits on what a program may take, and stopping it from another thread.
//!
//! Both reach the program where it looks for signals: between the interpreter's instructions, and at
//! the polls of compiled loops and calls. Time or memory that one call of a builtin takes can't be cut short. For programs
//! that nobody trusts there is the sandbox.

use super::error::Error;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyTypeRef};
use rustpython_vm::signal::{UserSignalReceiver, UserSignalSender, user_signal_channel};
use rustpython_vm::{AsObject, PyResult, VirtualMachine};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a program that caught the exception is told again.
const AGAIN: Duration = Duration::from_millis(20);
/// How often somebody looks at the memory.
const LOOK: Duration = Duration::from_millis(5);

/// What one use of a [`Vm`](crate::Vm) may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How long one call of [`run_source`](crate::Vm::run_source), [`eval`](crate::Vm::eval),
    /// [`call`](crate::Vm::call) and the like may take by the clock; then it ends with
    /// [`Error::TimeLimit`](crate::Error::TimeLimit).
    pub time: Option<Duration>,
    /// By how many bytes the process may grow while one such call runs: its resident memory, other threads' included. Then the call
    /// ends with [`Error::MemoryLimit`](crate::Error::MemoryLimit), some milliseconds later; what a program allocates until then, or
    /// by one call of a builtin, it gets. Linux only: elsewhere [`Vm::new`](crate::Vm::new) fails.
    pub memory: Option<u64>,
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
    /// The classes of what ends a program; no `Exception`s, so that few programs catch them.
    ends: Option<[PyTypeRef; 2]>,
}

/// Which limit a program has met; the place of its class.
#[derive(Clone, Copy)]
enum Met {
    Time = 0,
    Memory = 1,
}

impl Guard {
    /// The guard, and what its VM must listen to.
    pub fn new(limits: Limits) -> (Self, UserSignalReceiver) {
        let (signals, receiver) = user_signal_channel();
        let interrupter = Interrupter { signals, uses: Arc::default() };
        (Guard { limits, interrupter, ends: None }, receiver)
    }

    /// Puts the limits into force.
    ///
    /// # Errors
    /// Memory can't be measured here.
    pub fn start(&mut self, vm: &VirtualMachine) -> PyResult<()> {
        if self.limits.memory.is_some() && resident().is_none() {
            return Err(vm.new_os_error("a limit on memory needs /proc/self/status".to_owned()));
        }
        if let Some(depth) = self.limits.recursion {
            vm.recursion_limit.set(depth);
        }
        let class = |name| {
            let base = vm.ctx.exceptions.base_exception_type.to_owned();
            vm.ctx.new_exception_type("psycore", name, Some(vec![base]))
        };
        self.ends = Some([class("TimeLimit"), class("MemoryLimit")]);
        Ok(())
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
        let Limits { time, memory, .. } = self.limits;
        if time.is_none() && memory.is_none() {
            return f();
        }
        // What can't be measured now could be at the start, so it is little.
        let most = memory.map(|bytes| resident().unwrap_or(0).saturating_add(bytes));
        let began = Instant::now();
        let (done, waiting) = channel::<()>();
        let left = move || time.map(|time| time.saturating_sub(began.elapsed()));
        let until_next = move || match left() {
            Some(left) if most.is_none() => left,
            left => left.unwrap_or(LOOK).min(LOOK),
        };
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut wait = until_next();
                while waiting.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                    let over_memory = most.is_some_and(|most| resident().is_some_and(|now| now > most));
                    wait = match (over_memory, left()) {
                        (true, _) => self.end(Met::Memory),
                        (false, Some(Duration::ZERO)) => self.end(Met::Time),
                        (false, _) => until_next(),
                    };
                }
            });
            let result = f();
            drop(ended);
            drop(done);
            result
        })
    }

    /// Raises what ends the program. Gives the time until it is told again.
    fn end(&self, met: Met) -> Duration {
        if let Some(classes) = &self.ends {
            let class = classes[met as usize].clone();
            let text = match met {
                Met::Time => format!("the program ran for more than {:?}", self.limits.time.unwrap_or_default()),
                Met::Memory => format!("the program took more than {} bytes", self.limits.memory.unwrap_or_default()),
            };
            self.interrupter.raise(move |vm| vm.new_exception_msg(class, text.into()));
        }
        AGAIN
    }

    /// The limit that an exception says was met.
    pub fn met(&self, exception: &PyBaseExceptionRef) -> Option<Error> {
        let [time, memory] = self.ends.as_ref()?;
        let class = exception.class();
        if class.is(time) { Some(Error::TimeLimit) } else { class.is(memory).then_some(Error::MemoryLimit) }
    }
}

/// Bytes of memory that the process has now, as far as the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Ends a use, however it ends.
struct Ended<'a>(&'a AtomicU64);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
