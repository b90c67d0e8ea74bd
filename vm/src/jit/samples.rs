//! Where the time goes: a clock interrupts the interpreter's thread about every millisecond of
//! processor time, and [`tick`] counts what it was doing. Nothing is installed and nothing is paid
//! unless somebody asked for it.
//!
//! What runs inside the interruption only reads memory that is valid at any moment and adds to a
//! table that was allocated before: it must not allocate, lock or call Python.

use crate::hook::Attached;
use crate::object::frame::FrameRef;
use crate::object::layout;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

/// Starts a clock that calls [`tick`] on the calling thread, once per millisecond of its processor time.
/// The error is a line for the user.
pub type Clock = fn() -> Result<(), String>;

/// Different places that can be counted.
const SLOTS: usize = 1 << 16;
/// Words of the stack that are searched for the place that called an entry point.
const SEARCHED: usize = 1 << 13;

/// What the thread was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Compiled code, at an address. `callers` are return addresses into compiled code above it.
    Compiled { pc: usize, callers: [usize; 2] },
    /// The run time, called by compiled code at these addresses, the innermost first.
    Called { callers: [usize; 2] },
    /// The interpreter, in code at an address, at or after a position.
    Interpreted { code: usize, lasti: u32 },
    /// The compiler.
    Compiling,
    /// Anything before the first frame and after the last.
    Other,
}

/// How many units of time somebody was seen doing it.
#[derive(Clone, Copy, Debug)]
pub struct TimeSample {
    pub doing: Doing,
    pub time: u64,
}

/// Units of time by what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    pub compiled: u64,
    pub called: u64,
    pub interpreted: u64,
    pub compiling: u64,
    pub other: u64,
}

impl Shares {
    pub fn total(&self) -> u64 {
        self.compiled + self.called + self.interpreted + self.compiling + self.other
    }
}

#[derive(Default)]
struct SampleSlot {
    kind: AtomicUsize,
    words: [AtomicUsize; 3],
    time: AtomicU64,
}

/// The table of one interpreter.
pub struct Samples {
    attached: &'static Attached,
    /// Where compiled code lies.
    code: Range<usize>,
    slots: Box<[SampleSlot]>,
    /// Time that found no slot.
    lost: AtomicU64,
    process: u32,
}

/// What [`tick`] writes to; null when nobody asks.
static CURRENT: AtomicPtr<Samples> = AtomicPtr::new(std::ptr::null_mut());
static COMPILING: AtomicBool = AtomicBool::new(false);

/// Says while it lives that the compiler is at work.
pub struct Compiling;

pub fn compiling() -> Compiling {
    COMPILING.store(true, Relaxed);
    Compiling
}

impl Drop for Compiling {
    fn drop(&mut self) {
        COMPILING.store(false, Relaxed);
    }
}

/// Counts `time` units for what the thread does at this moment: it is about to run the
/// instruction at `pc`, and `stack` is in use, from the stack pointer to its beginning. To be called by a signal handler on the thread
/// that started the clock; safe there.
///
/// # Safety
/// The stack must be readable.
pub unsafe fn tick(time: u64, pc: usize, stack: Range<usize>) {
    let samples = CURRENT.load(SeqCst);
    // SAFETY: a table is leaked when it is made.
    if let Some(samples) = unsafe { samples.as_ref() } {
        // SAFETY: the caller's promise.
        let doing = unsafe { samples.look(pc, stack) };
        samples.count(doing, time);
    }
}

impl Samples {
    /// Makes a table and starts the clock for the calling thread.
    ///
    /// # Errors
    /// What the clock says, or that somebody else uses it.
    pub fn start(attached: &'static Attached, code: Range<usize>, clock: Clock) -> Result<&'static Samples, String> {
        let samples: &'static Samples = Box::leak(Box::new(Samples {
            attached,
            code,
            slots: std::iter::repeat_with(SampleSlot::default).take(SLOTS).collect(),
            lost: AtomicU64::new(0),
            process: std::process::id(),
        }));
        CURRENT
            .compare_exchange(std::ptr::null_mut(), std::ptr::from_ref(samples).cast_mut(), SeqCst, SeqCst)
            .map_err(|_| "another interpreter of this process is being measured".to_owned())?;
        clock().inspect_err(|_| samples.stop())?;
        Ok(samples)
    }

    /// Nothing is counted any more.
    pub fn stop(&self) {
        CURRENT.store(std::ptr::null_mut(), SeqCst);
    }

    /// Whether this is still the process that was asked to measure, not a child that it forked.
    pub fn is_mine(&self) -> bool {
        self.process == std::process::id()
    }

    /// # Safety
    /// As for [`tick`].
    unsafe fn look(&self, pc: usize, stack: Range<usize>) -> Doing {
        if COMPILING.load(Relaxed) {
            return Doing::Compiling;
        }
        if self.code.contains(&pc) {
            // SAFETY: as above.
            return Doing::Compiled { pc, callers: unsafe { self.callers(stack) } };
        }
        let Some(frame) = FrameRef::current() else { return Doing::Other };
        if self.attached.runs_compiled(frame) {
            // SAFETY: as above.
            return Doing::Called { callers: unsafe { self.callers(stack) } };
        }
        // SAFETY: a frame is made before it becomes the current one and stays until another one
        // is. Its code is alive with it; only the address is taken.
        unsafe { Doing::Interpreted { code: layout::address((*frame.code()).as_ref()), lasti: frame.lasti() } }
    }

    /// The innermost words of the stack that point into compiled code: return addresses, or what
    /// is left of earlier ones in memory that nobody has written since.
    ///
    /// # Safety
    /// As for [`tick`].
    unsafe fn callers(&self, stack: Range<usize>) -> [usize; 2] {
        let first = stack.start.next_multiple_of(8);
        let end = (stack.end & !7).min(first + SEARCHED * 8);
        let mut found = [0; 2];
        let mut n = 0;
        let mut at = first;
        while at < end && n < found.len() {
            // SAFETY: between the stack pointer and the beginning of the stack.
            let word = unsafe { (at as *const usize).read_volatile() };
            if self.code.contains(&word) {
                found[n] = word;
                n += 1;
            }
            at += 8;
        }
        found
    }

    fn count(&self, doing: Doing, time: u64) {
        let (kind, words) = match doing {
            Doing::Compiled { pc, callers: [a, b] } => (1, [pc, a, b]),
            Doing::Called { callers: [a, b] } => (2, [a, b, 0]),
            Doing::Interpreted { code, lasti } => (3, [code, lasti as usize, 0]),
            Doing::Compiling => (4, [0; 3]),
            Doing::Other => (5, [0; 3]),
        };
        let mut hash = kind;
        for word in words {
            hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize).rotate_left(23);
        }
        for i in 0..16 {
            let slot = &self.slots[hash.wrapping_add(i) % SLOTS];
            match slot.kind.load(Relaxed) {
                0 => {
                    for (to, word) in slot.words.iter().zip(words) {
                        to.store(word, Relaxed);
                    }
                    slot.kind.store(kind, Relaxed);
                }
                k if k == kind && slot.words.iter().zip(words).all(|(have, word)| have.load(Relaxed) == word) => {}
                _ => continue,
            }
            slot.time.fetch_add(time, Relaxed);
            return;
        }
        self.lost.fetch_add(time, Relaxed);
    }

    /// All that was counted.
    pub fn all(&self) -> impl Iterator<Item = TimeSample> {
        let slots = self.slots.iter().filter_map(|slot| {
            let [a, b, c] = [0, 1, 2].map(|i| slot.words[i].load(Relaxed));
            let doing = match slot.kind.load(Relaxed) {
                1 => Doing::Compiled { pc: a, callers: [b, c] },
                2 => Doing::Called { callers: [a, b] },
                3 => Doing::Interpreted { code: a, lasti: b as u32 },
                4 => Doing::Compiling,
                5 => Doing::Other,
                _ => return None,
            };
            Some(TimeSample { doing, time: slot.time.load(Relaxed) })
        });
        let lost = TimeSample { doing: Doing::Other, time: self.lost.load(Relaxed) };
        slots.chain((lost.time > 0).then_some(lost))
    }

    pub fn shares(&self) -> Shares {
        let mut shares = Shares::default();
        for sample in self.all() {
            let to = match sample.doing {
                Doing::Compiled { .. } => &mut shares.compiled,
                Doing::Called { .. } => &mut shares.called,
                Doing::Interpreted { .. } => &mut shares.interpreted,
                Doing::Compiling => &mut shares.compiling,
                Doing::Other => &mut shares.other,
            };
            *to += sample.time;
        }
        shares
    }
}
