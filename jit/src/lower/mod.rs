//! The seam to the backends: what turns IR into something that runs.
//!
//! A [`Lowering`] knows IR and layout, not Python. The VM hands it units and gets entries back.
//!
//! What is the same for every target stands in the files here, in terms of the IR alone; a lowering keeps how it emits
//! that. `facts`: what is known of values. `exits`: which code exits share. `countdown`: where the count of polls is in a
//! register. `depth`: who takes levels of calls, and when the counter is in memory. `slow_path`: what instructions call,
//! almost never, of the run time. `refcount`, `division`, `overflow`: how these are done. `units`: the units that there are.

pub mod countdown;
pub mod depth;
pub mod division;
pub mod exits;
pub mod facts;
pub mod overflow;
pub mod refcount;
pub mod slow_path;
pub mod units;

use crate::ir::{FnCell, ObjId, Unit};
use crate::layout::Layout;
use crate::passes::{self, PassOptions};
use crate::rt::RtId;
use crate::runtime_context::RuntimeContext;
use core::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Compiled code that can be freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CodeHandle(pub u32);

/// An entry from the VM: `(context, argument array) -> status`.
pub type EntryFn = unsafe extern "C" fn(*mut RuntimeContext, *mut u64) -> i32;

/// What a lowering needs to know of the run time.
pub struct LowerEnv<'a> {
    pub layout: &'a Layout,
    /// The address of an object (it stays where it is while the code exists).
    pub obj_address: &'a dyn Fn(ObjId) -> usize,
    /// The address (on wasm: the table index) of an entry point.
    pub rt_address: &'a dyn Fn(RtId) -> usize,
    /// The address of the word that holds a compiled function version's code.
    pub cell_address: &'a dyn Fn(FnCell) -> usize,
    /// Global number of the unit's first exit: function by function, in order.
    pub exit_base: u32,
}

impl LowerEnv<'_> {
    /// Offset of an argument in an entry function's argument array.
    ///
    /// # Errors
    /// It is too far away.
    pub fn arg_offset(&self, index: u32) -> Result<i32, LowerError> {
        let offset = u64::from(index) * u64::from(self.layout.arg_stride);
        i32::try_from(offset).map_err(|_| LowerError(format!("argument {index}")))
    }

    /// Offset of a scratch word in the context.
    ///
    /// # Errors
    /// There is none of that number.
    pub fn scratch_offset(&self, index: u32) -> Result<u16, LowerError> {
        self.layout.context().scratch_word(index).ok_or_else(|| LowerError(format!("scratch word {index}")))
    }
}

/// Refuses a unit that has more than `most` instructions.
///
/// # Errors
/// It has.
pub fn check_size(unit: &Unit, most: usize) -> Result<(), LowerError> {
    match unit.inst_count() {
        insts if insts > most => Err(LowerError(format!("unit of {insts} instructions"))),
        _ => Ok(()),
    }
}

/// A unit to be lowered on another thread, with what [`LowerEnv`] would say.
pub struct Job {
    /// The caller's number for it.
    pub ticket: u64,
    /// As the specializer has made it: neither verified nor optimized.
    pub unit: Unit,
    /// Where the exits' numbers come from, and the first of them.
    pub exit_numbers: Arc<AtomicU32>,
    pub exit_base: u32,
    pub listing: bool,
    pub layout: Arc<Layout>,
    /// Addresses of objects, by number.
    pub objects: Vec<usize>,
    /// Addresses of cells, likewise.
    pub cells: Vec<usize>,
    pub rt_address: fn(RtId) -> usize,
    /// Becomes `ticket + 1` when this has been done.
    pub done: Arc<AtomicU64>,
}

impl Job {
    /// Verifies and optimizes the unit, and numbers its exits.
    pub fn prepare(&mut self) -> Result<(), LowerError> {
        self.exit_base = prepare(&mut self.unit, &self.exit_numbers)?;
        Ok(())
    }

    /// Calls `f` with the unit and its environment.
    pub fn with_env<R>(&self, f: impl FnOnce(&Unit, &LowerEnv<'_>) -> R) -> R {
        let env = LowerEnv {
            layout: &self.layout,
            obj_address: &|o| self.objects[o.index()],
            rt_address: &self.rt_address,
            cell_address: &|c| self.cells[c.index()],
            exit_base: self.exit_base,
        };
        f(&self.unit, &env)
    }
}

/// Verifies a unit (cheap beside lowering, and what is not well formed must not become machine code), runs the passes
/// over it and takes numbers for its exits. Gives the first.
///
/// # Errors
/// The unit is not well formed.
pub fn prepare(unit: &mut Unit, exit_numbers: &AtomicU32) -> Result<u32, LowerError> {
    crate::ir::verify::verify(unit).map_err(|e| LowerError(format!("invalid IR: {e}")))?;
    passes::optimize(unit, &PassOptions::default());
    Ok(exit_numbers.fetch_add(unit.exit_count(), Ordering::Relaxed))
}

/// What has become of a [`Job`].
pub struct Done {
    pub ticket: u64,
    /// The unit, optimized.
    pub unit: Unit,
    /// The number of its first exit.
    pub exit_base: u32,
    pub lowered: Result<Lowered, LowerError>,
    /// How long the other thread has worked for it.
    pub time: Duration,
}

/// A lowered unit.
#[derive(Clone, Debug)]
pub struct Lowered {
    pub handle: CodeHandle,
    /// Per function: what goes into its cell so that `CallFn` through it works.
    pub cells: Vec<u64>,
    /// Per function: the entry, where it can be called without the lowering's help.
    pub entries: Vec<Option<EntryFn>>,
    /// Size of the code in bytes.
    pub bytes: usize,
    /// Readable machine code, if it was asked for.
    pub listing: Option<String>,
    /// What the code was made for, by address; likewise. Code that only leaves is in no span.
    pub spans: Vec<CodeSpan>,
}

/// A stretch of machine code and the bytecode position that it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeSpan {
    pub start: usize,
    pub end: usize,
    pub pc: u32,
    /// The code that the position is in, where that is not the function's own.
    pub inlined: Option<ObjId>,
}

/// Why a unit can't be lowered. Not an error to show: the unit stays interpreted.
#[derive(Clone, Debug)]
pub struct LowerError(pub String);

impl fmt::Display for LowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LowerError {}

/// A backend.
pub trait Lowering {
    /// Its name in options and statistics.
    fn name(&self) -> &'static str;

    /// Makes code for a verified unit. `listing` asks for what people read: text and spans.
    fn lower(&mut self, unit: &Unit, env: &LowerEnv<'_>, listing: bool) -> Result<Lowered, LowerError>;

    /// Lets the thread that [`Lowering::begin`] uses, if there is one, get ready for its first unit.
    fn warm_up(&mut self, _rt_address: fn(RtId) -> usize) {}

    /// Whether there may be such a thread.
    fn has_thread(&mut self) -> bool {
        false
    }

    /// Begins to lower a unit on a thread of its own, or gives it back where there is none.
    fn begin(&mut self, job: Job) -> Result<(), Box<Job>> {
        Err(Box::new(job))
    }

    /// Brings [`Job::done`] up to date where the other thread can't do that itself.
    fn look(&mut self) {}

    /// The next of the units begun, in their order, if it is ready; `wait` waits for it.
    fn finished(&mut self, _wait: bool) -> Option<Done> {
        None
    }

    /// Runs function `func` (of kind `Entry`) of a lowered unit; gives its status.
    ///
    /// # Safety
    /// `handle` must not have been freed, `ctx` and `args` must be what the unit was
    /// made for, and all objects that it names must be alive.
    unsafe fn enter(&self, handle: CodeHandle, func: usize, ctx: *mut RuntimeContext, args: *mut u64) -> i32;

    /// The addresses between which all machine code lies, if there are such.
    fn code_range(&self) -> Option<core::ops::Range<usize>> {
        None
    }

    /// Gives the memory back. The code must not be running, and no cell may hold it.
    fn free(&mut self, handle: CodeHandle);
}
