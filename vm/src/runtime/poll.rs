//! The slow path of polling: whether compiled code must give the interpreter a turn.
//!
//! Apart from objects that had to die later it only looks and never serves: signals, scheduled collections and requests of other threads
//! are served by the interpreter at its next instruction, with the frames it needs.

use std::cell::Cell;
use std::time::{Duration, Instant};

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::VirtualMachine;
use rustpython_vm::gc_state::gc_state;

use super::abi::vm;
use super::refs::release_deferred;
use crate::hook::Attached;

/// Back-edges between two looks.
pub const POLL_INTERVAL: i32 = 10_000;

/// Pending signals can't be seen from here without taking them, so the interpreter gets an
/// instruction to run this often; it is the time that Ctrl-C may take.
const SIGNAL_LATENCY: Duration = Duration::from_millis(20);

thread_local! {
    static LAST_LEFT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether enough tracked objects were allocated for a collection.
fn collection_due(vm: &VirtualMachine) -> bool {
    let gc = &vm.state.gc;
    let threshold = gc.generations[0].threshold();
    threshold > 0 && gc.is_enabled() && gc_state().get_count().0 >= threshold as usize
}

/// Whether the time has come to let the interpreter look for signals.
fn signals_due() -> bool {
    let now = Instant::now();
    LAST_LEFT.with(|last| {
        let due = last.get().is_none_or(|t| now.duration_since(t) >= SIGNAL_LATENCY);
        if due {
            last.set(Some(now));
        }
        due
    })
}

/// 1 if compiled code must leave.
pub unsafe extern "C" fn poll_slow(ctx: *mut RuntimeContext) -> i32 {
    // SAFETY: compiled code passes its own valid context.
    let vm = unsafe { vm(ctx) };
    let aside = crate::object::threads::must_step_aside(vm);
    // All compiled code that waits for calls further out has to look too.
    // SAFETY: as above.
    unsafe { (*ctx).set_countdown(if aside { 1 } else { POLL_INTERVAL }) };
    #[cfg(not(target_family = "wasm"))]
    let stop = rustpython_vm::vm::thread::stop_requested_for_current_thread();
    #[cfg(target_family = "wasm")]
    let stop = false;
    let released = release_deferred();
    let look = signals_due();
    if look {
        // SAFETY: the context's own run time, if it has one.
        if let Some(attached) = unsafe { (*ctx).runtime.cast::<Attached>().as_ref() } {
            attached.interrupts.ask_soon();
        }
    }
    i32::from(released || stop || collection_due(vm) || aside || look)
}
