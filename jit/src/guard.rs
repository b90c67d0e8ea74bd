//! Panics of the compiler stay inside it: whoever asked for code gets a text instead, and nothing is printed.
//!
//! Where panics abort, as in guests, there is nothing to catch.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a panic ends the process all the same.
static FATAL: AtomicBool = AtomicBool::new(false);

/// From now on a panic of the compiler is reported as any other and ends the process: tests must notice.
pub fn make_panics_fatal() {
    FATAL.store(true, Ordering::Relaxed);
}

thread_local! {
    /// Whether a panic of this thread will be caught here.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a part of the compiler. What it was working on must not be used any more after a panic.
///
/// # Errors
/// What it has panicked with.
pub fn guard<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let fatal = FATAL.load(Ordering::Relaxed);
            if !GUARDED.get() || fatal {
                before(info);
            }
            if GUARDED.get() && fatal {
                std::process::abort();
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    GUARDED.set(outer);
    result.map_err(|payload| message(&*payload))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(guard(|| 3), Ok(3));
        assert_eq!(guard(|| -> u32 { panic!("no {}", "way") }), Err("no way".to_owned()));
        let nested = guard(|| guard(|| -> u32 { panic!("inner") }));
        assert_eq!(nested, Ok(Err("inner".to_owned())));
    }
}
