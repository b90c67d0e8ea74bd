//! How much time compiling may take, so that a program that gains nothing from it loses next to nothing.
//!
//! A small amount is there from the start, and a small share of the run time comes to it. The rest must be earned:
//! each turn that compiled code has made is taken for a fixed gain over the interpreter, each exit for a loss. Both
//! are rough and on the safe side; what matters is that code that runs long soon pays for more, and that code which
//! leaves all the time does not.
//!
//! Only what keeps the program waiting counts: what the lowering's own thread does is free.

use super::profile::Instruction;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What is there from the start. Engines of WebAssembly compile the compiler itself when it first runs, in 50 to 150 ms; they
/// have no other thread for it either.
const START: Duration = if cfg!(target_family = "wasm") { Duration::from_millis(200) } else { Duration::from_micros(1500) };
/// The share of the run time: one part in so many.
const SHARE: u32 = if cfg!(target_family = "wasm") { 16 } else { 20 };
/// Both where the user wants code rather than speed, as tests do.
const START_GENEROUS: Duration = Duration::from_millis(250);
const SHARE_GENEROUS: u32 = 3;
/// What a turn of a loop, or a call-out, saves at least when compiled.
const TURN: Duration = Duration::from_nanos(250);
/// What an exit costs: writing the frame, and the interpreter's way to the next entry.
pub const EXIT: Duration = Duration::from_nanos(500);
/// The same where a generator suspends before its first turn, and after it: its next turn begins in the interpreter again.
pub const SUSPENSION: Duration = Duration::from_micros(7);
pub const SUSPENSION_AFTER_TURNS: Duration = Duration::from_micros(1);
/// What an instruction of bytecode saves when compiled: short turns gain less.
const INSTRUCTION: Duration = Duration::from_nanos(10);
/// What an entry of compiled code gains, apart from its turns.
const ENTRY: Duration = Duration::from_nanos(100);
/// The loss after which code is dropped, and the gain that is remembered at most.
const CREDIT: Duration = Duration::from_millis(1);

/// About how long the specializer takes for an instruction.
const PER_INSTR: Duration = Duration::from_nanos(2500);
/// Instructions that it may always look at.
const LEAST_WORK: usize = 800;

/// What has been spent and earned so far, without the compilation going on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    pub compile_time: Duration,
    pub turns: u64,
    pub entries: u64,
    pub exits: u64,
}

/// What the JIT may still take, and what the compilation going on may.
pub struct Budget {
    started: Instant,
    /// Whether there is time enough.
    generous: Cell<bool>,
    /// When the compilation going on began.
    compiling_since: Cell<Option<Instant>>,
    /// Whether it may take only so long.
    limited: Cell<bool>,
    /// Whether it takes more time than there is.
    too_much: Cell<bool>,
    /// Instructions that the specializer may have to look at before an entry is compiled that took too long.
    expensive: RefCell<HashMap<Instruction, usize>>,
}

impl Budget {
    pub fn new() -> Self {
        Budget {
            started: Instant::now(),
            generous: Cell::new(false),
            compiling_since: Cell::new(None),
            limited: Cell::new(false),
            too_much: Cell::new(false),
            expensive: RefCell::default(),
        }
    }

    pub fn is_generous(&self) -> bool {
        self.generous.get()
    }

    pub fn set_generous(&self, generous: bool) {
        self.generous.set(generous);
    }

    /// A compilation begins.
    pub fn begin(&self, limited: bool) -> Instant {
        let now = Instant::now();
        self.compiling_since.set(Some(now));
        self.too_much.set(false);
        self.limited.set(limited);
        now
    }

    /// It has ended. Gives what it took.
    pub fn end(&self) -> Duration {
        self.limited.set(false);
        self.compiling_since.take().map_or(Duration::ZERO, |since| since.elapsed())
    }

    pub fn is_limited(&self) -> bool {
        self.limited.get()
    }

    /// Says whether the compilation going on takes more time than there is.
    pub fn set_too_much(&self, too_much: bool) {
        self.too_much.set(too_much);
    }

    pub fn is_too_much(&self) -> bool {
        self.too_much.get()
    }

    /// Remembers that compiling an entry takes more than so much work.
    pub fn note_expensive(&self, entry: Instruction, work: usize) {
        self.expensive.borrow_mut().insert(entry, work);
    }

    /// Whether compiling an entry took too long before and still would, with so much time left.
    pub fn is_too_expensive(&self, entry: Instruction, left: Duration) -> bool {
        self.expensive.borrow().get(&entry).is_some_and(|needed| work_in(left) < *needed)
    }

    /// How long the program may be kept waiting for the compiler now.
    pub fn left(&self, account: Account) -> Duration {
        let earned = times(TURN, account.turns) + times(ENTRY, account.entries);
        let (start, share) = if self.generous.get() { (START_GENEROUS, SHARE_GENEROUS) } else { (START, SHARE) };
        let all = start + self.started.elapsed() / share + earned.saturating_sub(times(EXIT, account.exits));
        let now = self.compiling_since.get().map_or(Duration::ZERO, |since| since.elapsed());
        all.saturating_sub(account.compile_time + now)
    }
}

/// Instructions that the specializer may look at in a time.
pub fn work_in(time: Duration) -> usize {
    (time.as_nanos() / PER_INSTR.as_nanos()).try_into().unwrap_or(usize::MAX).max(LEAST_WORK)
}

/// What a unit has gained, and what its exits have cost.
#[derive(Debug, Default)]
pub struct Ledger {
    /// In nanoseconds.
    balance: Cell<i64>,
    /// Entries of its site that have been counted.
    entries: Cell<u64>,
}

impl Ledger {
    /// Counts an exit, `turns` polls after the last entry, and the entries of the site until now. The unit has so many
    /// instructions of bytecode. Says whether it costs more than it gains.
    pub fn exit(&self, cost: Duration, turns: u64, entries: u64, instrs: usize) -> bool {
        let new = entries - self.entries.replace(entries).min(entries);
        let turn = TURN.min(times(INSTRUCTION, instrs as u64));
        let gain = times(turn, turns) + times(ENTRY, new);
        let credit = CREDIT.as_nanos() as i64;
        let balance = self.balance.get() + gain.min(CREDIT).as_nanos() as i64 - cost.as_nanos() as i64;
        self.balance.set(balance.clamp(-credit, credit));
        balance <= -credit
    }
}

fn times(d: Duration, n: u64) -> Duration {
    Duration::from_nanos((d.as_nanos() as u64).saturating_mul(n))
}
