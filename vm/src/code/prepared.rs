//! What was done to a code object: which units hooks replace, where the pads behind the code are, and what the original was.
//!
//! Positions are unit indexes. Those of the original are valid in prepared code too, since no instruction moves.

use super::call_target::CallTarget;
use super::rules::Rules;
use super::units::{bits_of, hook_units, unit, unit_of};
use crate::object::frame::FrameRef;
use psycore_jit::bytecode::{Instr, Opcode, RawUnit, base_opcode, decode};
use rustpython_compiler_core::bytecode::CodeUnit;
use rustpython_vm::Py;
use rustpython_vm::builtins::PyCode;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Set beside two units.
const DIVERTED: u64 = 1 << 32;

/// Two units that a hook replaced.
#[derive(Debug)]
pub struct Patch {
    /// Index of the first.
    pub at: u32,
    /// Set while its site wants to be reached.
    pub live: AtomicBool,
    pub original: [u16; 2],
    pub armed: [u16; 2],
}

/// Where the pads are (unit indexes).
#[derive(Clone, Copy, Debug, Default)]
pub struct Pads {
    /// `RESUME` and the displaced first instruction, if the entry has a hook.
    pub entry: Option<EntryPad>,
    pub return_value: u32,
    /// `RERAISE 1`: takes the index of the unit that raised, and the exception, from the stack.
    pub reraise: u32,
    /// Runs the inner frames of a forged one.
    pub resume_inner: u32,
    /// A call of a function with as many arguments as it has parameters, which [`Prepared::write_call`] completes.
    pub call: u32,
    /// Handles what is raised in the two pads before it: takes the index of the last unit in flight, and the exception,
    /// from the stack.
    pub raised: u32,
}

/// The displaced start of a function.
#[derive(Clone, Copy, Debug)]
pub struct EntryPad {
    /// The original's `RESUME`; the displaced instruction follows it.
    pub first: u32,
    /// Units of the displaced instruction.
    pub units: u32,
    /// The copy of `RESUME`.
    pub resume: u32,
}

/// How much of a prepared code object is the original's.
#[derive(Clone, Copy, Debug, Default)]
pub struct OriginalSizes {
    pub units: u32,
    pub consts: u32,
    pub names: u32,
    pub linetable: u32,
    pub exceptiontable: u32,
    pub max_stackdepth: u32,
}

/// What was done to a code object. Shared by its hooks; found through `hook::site::of`.
#[derive(Debug)]
pub struct Prepared {
    /// Address of the clone.
    code: AtomicUsize,
    pub original: OriginalSizes,
    pub pads: Pads,
    pub patches: Vec<Patch>,
    /// The units that [`Prepared::divert`] has replaced, and [`DIVERTED`]; 0 if there are none.
    diverted: AtomicU64,
    /// What the program has said about this code.
    pub rules: Rules,
    decoded: OnceLock<(Vec<Instr>, Vec<u32>)>,
    /// What calling a function of this code takes.
    pub target: OnceLock<CallTarget>,
}

// SAFETY: all fields but the atomics are written before the value is shared.
unsafe impl Send for Prepared {}
// SAFETY: as above.
unsafe impl Sync for Prepared {}

impl Prepared {
    /// What was done to a code object of such sizes.
    pub fn new(original: OriginalSizes, pads: Pads, patches: Vec<Patch>) -> Arc<Prepared> {
        Arc::new(Prepared {
            code: AtomicUsize::new(0),
            original,
            pads,
            patches,
            diverted: AtomicU64::new(0),
            rules: Rules::default(),
            decoded: OnceLock::new(),
            target: OnceLock::new(),
        })
    }

    /// Of no code.
    pub fn none() -> Arc<Prepared> {
        Prepared::new(OriginalSizes::default(), Pads::default(), Vec::new())
    }

    /// Says which code it is that this was done to.
    pub fn set_code(&self, code: &Py<PyCode>) {
        self.code.store((&raw const *code) as usize, Ordering::Relaxed);
    }

    /// The clone.
    ///
    /// # Safety
    /// It must be alive: it is while a frame or a function runs it.
    pub unsafe fn code<'a>(&self) -> &'a Py<PyCode> {
        // SAFETY: set when the clone was made; the caller says that it still exists.
        unsafe { &*(self.code.load(Ordering::Relaxed) as *const Py<PyCode>) }
    }

    /// The units of the original as decoding takes them: hooks and pads are not there.
    pub fn original_units(&self, code: &Py<PyCode>) -> Vec<RawUnit> {
        let mut raw = Vec::with_capacity(self.original.units as usize);
        let mut i = 0;
        while i < self.original.units {
            let unit = self.original_unit(code, i);
            let op = base_opcode(unit.op);
            raw.push(RawUnit { op, arg: u32::from(u8::from(unit.arg)), whole: false });
            let caches = op.cache_entries() as u32;
            for _ in 0..caches {
                raw.push(RawUnit { op: Opcode::Cache, arg: 0, whole: false });
            }
            i += 1 + caches;
        }
        raw.truncate(self.original.units as usize);
        raw
    }

    /// The unit of the original at an index.
    pub fn original_unit(&self, code: &Py<PyCode>, index: u32) -> CodeUnit {
        for p in &self.patches {
            if index == p.at || index == p.at + 1 {
                return unit_of(p.original[(index - p.at) as usize]);
            }
        }
        code.code.instructions.read_unit(index as usize)
    }

    /// Where the unit at `pc` of the original really runs and keeps its inline caches: the
    /// entry's first instruction lies in its pad.
    pub fn live_index(&self, pc: u32) -> u32 {
        match self.pads.entry {
            Some(e) if pc == e.first => e.resume,
            Some(e) if pc > e.first && pc <= e.first + e.units => e.resume + (pc - e.first),
            _ => pc,
        }
    }

    /// The instruction that a unit belongs to: its first unit (prefixes included), its own unit and the
    /// first one after its caches.
    pub fn instr_at(&self, code: &Py<PyCode>, pc: u32) -> Option<Instr> {
        let (instrs, at) = self.decoded.get_or_init(|| decode(&self.original_units(code)));
        // A unit in the middle of prefixes or caches belongs to the instruction before it.
        let mut i = pc as usize;
        loop {
            match *at.get(i)? {
                u32::MAX => i = i.checked_sub(1)?,
                n => return instrs.get(n as usize).copied(),
            }
        }
    }

    /// Where to set `lasti` so that the interpreter runs the instruction at `pc`.
    pub fn resume_index(&self, code: &Py<PyCode>, pc: u32) -> u32 {
        let first = self.instr_at(code, pc).map_or(pc, |i| i.pc);
        self.live_index(first)
    }

    /// Where to set `lasti` so that the interpreter goes on after the instruction at `pc`.
    pub fn after_index(&self, code: &Py<PyCode>, pc: u32) -> u32 {
        let next = self.instr_at(code, pc).map_or(pc + 1, |i| i.next);
        match self.pads.entry {
            // The displaced instruction is followed by the jump back; nothing else begins there.
            Some(e) if next > e.first && next <= e.first + e.units => self.live_index(next),
            _ => next,
        }
    }

    /// Lets the pad's call be one of a function of that version with `args` arguments, the first of which counts as `self`.
    pub fn write_call(&self, code: &Py<PyCode>, args: u8, version: u32) {
        let (at, units) = (self.pads.call as usize, &code.code.instructions);
        // SAFETY: a valid unit and caches, in bounds. The pad runs next, and this is the only thread.
        unsafe {
            units.write_cache_u16(at, bits_of(unit(Opcode::CallPyExactArgs, args)));
            units.write_cache_u32(at + 2, version);
        }
    }

    /// Puts the hook for inner frames where the function's entry is, until [`Prepared::restore`]. False where that can't be, or
    /// is so already. Frames that are to begin in the usual way all the same go to [`EntryPad::resume`].
    pub fn divert(&self, code: &Py<PyCode>) -> bool {
        let (Some(entry), Ok(constant)) = (self.pads.entry, u8::try_from(code.code.constants.len() - 1)) else { return false };
        if self.diverted.load(Ordering::Relaxed) != 0 {
            return false;
        }
        let units = [0, 1].map(|i| code.code.instructions.read_cache_u16(entry.first as usize + i));
        self.diverted.store(DIVERTED | u64::from(units[0]) << 16 | u64::from(units[1]), Ordering::Relaxed);
        write_units(code, entry.first, hook_units(constant).map(bits_of));
        true
    }

    /// Puts back what was at the function's entry.
    pub fn restore(&self, code: &Py<PyCode>) {
        let units = self.diverted.swap(0, Ordering::Relaxed);
        if let Some(entry) = self.pads.entry
            && units != 0
        {
            write_units(code, entry.first, [(units >> 16) as u16, units as u16]);
        }
    }

    /// Writes the original units of a patch back. False if a frame of this thread stands
    /// between its two units (try again later).
    pub fn disarm(&self, patch: usize) -> bool {
        self.write(patch, |p| p.original)
    }

    /// Puts the hook back.
    pub fn arm(&self, patch: usize) -> bool {
        self.write(patch, |p| p.armed)
    }

    /// Says whether a patch is to be armed when nobody watches.
    pub fn set_live(&self, patch: usize, live: bool) {
        self.patches[patch].live.store(live, Ordering::Relaxed);
    }

    /// Whether a patch is to be armed when nobody watches.
    pub fn is_live(&self, patch: usize) -> bool {
        self.patches[patch].live.load(Ordering::Relaxed)
    }

    fn write(&self, patch: usize, units: impl Fn(&Patch) -> [u16; 2]) -> bool {
        let p = &self.patches[patch];
        // SAFETY: as in `is_armed`.
        let code = unsafe { self.code() };
        let mut frame = FrameRef::current();
        while let Some(f) = frame {
            // SAFETY: frames of the chain are live.
            unsafe {
                // `lasti` is one past the instruction in flight: the first unit may have been
                // fetched already, and the second not yet.
                if std::ptr::eq(f.code(), code) && f.lasti() == p.at + 1 {
                    return false;
                }
                frame = f.previous();
            }
        }
        let [a, b] = units(p);
        if self.diverted.load(Ordering::Relaxed) != 0 && self.pads.entry.is_some_and(|e| e.first == p.at) {
            self.diverted.store(DIVERTED | u64::from(a) << 16 | u64::from(b), Ordering::Relaxed);
        } else {
            write_units(code, p.at, [a, b]);
        }
        true
    }
}

/// Replaces two units.
fn write_units(code: &Py<PyCode>, at: u32, [a, b]: [u16; 2]) {
    // SAFETY: all callers write valid units, in bounds, and no frame stands between them. Other threads:
    // see `aside` (nothing is patched while there are any).
    unsafe {
        code.code.instructions.write_cache_u16(at as usize + 1, b);
        code.code.instructions.write_cache_u16(at as usize, a);
    }
}
