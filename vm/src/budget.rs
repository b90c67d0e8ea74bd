//! How much time compiling may take, so that a program that gains nothing from it loses next to nothing.
//!
//! A small amount is there from the start, and a small share of the run time comes to it. The rest must be earned:
//! each turn that compiled code has made is taken for a fixed gain over the interpreter, each exit for a loss. Both
//! are rough and on the safe side; what matters is that code that runs long soon pays for more, and that code which
//! leaves all the time does not.
//!
//! Only what keeps the program waiting counts: what the lowering's own thread does is free.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// What is there from the start. Engines of WebAssembly compile the compiler itself when it first runs, in 50 to 150 ms; they
/// have no other thread for it either.
const START: Duration = if cfg!(target_family = "wasm") { Duration::from_millis(200) } else { Duration::from_micros(1500) };
/// The share of the run time: one part in so many.
const SHARE: u32 = if cfg!(target_family = "wasm") { 16 } else { 64 };
/// Both where the user wants code rather than speed, as tests do.
const START_GENEROUS: Duration = Duration::from_millis(250);
const SHARE_GENEROUS: u32 = 3;
/// What a turn of a loop, or a call-out, saves at least when compiled.
const TURN: Duration = Duration::from_nanos(250);
/// What an exit costs: writing the frame, and the interpreter's way to the next entry.
pub(crate) const EXIT: Duration = Duration::from_nanos(500);
/// The same where a generator suspends: its next turn begins in the interpreter again.
pub(crate) const SUSPENSION: Duration = Duration::from_micros(7);
/// What an entry of compiled code gains, apart from its turns.
const ENTRY: Duration = Duration::from_nanos(100);
/// The loss after which code is dropped, and the gain that is remembered at most.
const CREDIT: Duration = Duration::from_millis(1);

/// What has been spent and earned.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    pub compile_time: Duration,
    pub turns: u64,
    pub entries: u64,
    pub exits: u64,
    pub generous: bool,
}

impl Account {
    /// What compiling may still take, after all that has happened since `started`.
    pub fn left(self, started: Instant) -> Duration {
        let earned = times(TURN, self.turns) + times(ENTRY, self.entries);
        let (start, share) = if self.generous { (START_GENEROUS, SHARE_GENEROUS) } else { (START, SHARE) };
        let all = start + started.elapsed() / share + earned.saturating_sub(times(EXIT, self.exits));
        all.saturating_sub(self.compile_time)
    }
}

/// What a unit has gained, and what its exits have cost.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// In nanoseconds.
    balance: Cell<i64>,
    /// Entries of its site that have been counted.
    entries: Cell<u64>,
}

impl Ledger {
    /// Counts an exit, `turns` polls after the last entry, and the entries of the site until now. Says whether the
    /// unit costs more than it gains.
    pub fn exit(&self, cost: Duration, turns: u64, entries: u64) -> bool {
        let new = entries - self.entries.replace(entries).min(entries);
        let gain = times(TURN, turns) + times(ENTRY, new);
        let credit = CREDIT.as_nanos() as i64;
        let balance = self.balance.get() + gain.min(CREDIT).as_nanos() as i64 - cost.as_nanos() as i64;
        self.balance.set(balance.clamp(-credit, credit));
        balance <= -credit
    }
}

fn times(d: Duration, n: u64) -> Duration {
    Duration::from_nanos((d.as_nanos() as u64).saturating_mul(n))
}
