//! How many jobs the lowering's thread was given, has done, and has been thanked for: counts that hooks can look at cheaply.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub struct Jobs {
    begun: AtomicU64,
    done: Arc<AtomicU64>,
    /// Those that the driver has been told of.
    seen: AtomicU64,
}

impl Jobs {
    /// The counter that the lowering's thread counts up.
    pub fn counter(&self) -> Arc<AtomicU64> {
        self.done.clone()
    }

    /// The lowering's thread has been given so many jobs by now.
    pub fn set_begun(&self, number: u64) {
        self.begun.store(number, Ordering::Relaxed);
    }

    /// Jobs that it has done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Whether it has some left to do.
    pub fn any_left(&self) -> bool {
        self.done() != self.begun.load(Ordering::Relaxed)
    }

    /// Whether the driver has not been told of as many.
    pub fn are_news(&self, done: u64) -> bool {
        done != self.seen.load(Ordering::Relaxed)
    }

    /// The driver is told of so many.
    pub fn set_seen(&self, done: u64) {
        self.seen.store(done, Ordering::Relaxed);
    }
}
