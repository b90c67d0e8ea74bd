//! Clocks and random numbers that are the same in each run.

use crate::MIB;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use wasmtime_wasi::{Deterministic, HostMonotonicClock, HostWallClock};

/// A clock that goes on by a microsecond whenever somebody looks.
#[derive(Default)]
pub(crate) struct CountingClock(AtomicU64);

impl CountingClock {
    fn nanoseconds(&self) -> u64 {
        1000 * self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl HostMonotonicClock for CountingClock {
    fn resolution(&self) -> u64 {
        1000
    }

    fn now(&self) -> u64 {
        self.nanoseconds()
    }
}

impl HostWallClock for CountingClock {
    fn resolution(&self) -> Duration {
        Duration::from_micros(1)
    }

    /// Since the beginning of 2000.
    fn now(&self) -> Duration {
        Duration::from_secs(946_684_800) + Duration::from_nanos(self.nanoseconds())
    }
}

/// A stream of random numbers (splitmix64) that begins anew after a megabyte.
pub(crate) fn random(seed: u64) -> Deterministic {
    let mut state = seed;
    let next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    Deterministic::new(std::iter::repeat_with(next).take(MIB as usize / 8).flat_map(u64::to_le_bytes).collect())
}
