//! [`WasmLowering`]: IR to WebAssembly. One module per unit.
//!
//! `function` drives the code of one function: `placement` decides which values need a local at all, `locals` gives them one,
//! `structure` turns the control flow into nested blocks and loops; instructions are in `inst`, `arith`, `memory`,
//! `refcount`, `call`, `countdown`, what leaves in `exit`. `module` puts functions together. What is decided for every target
//! is in `psycore_jit::lower`, and these files say how it is emitted. This file drives all that and keeps the units and their
//! places in tables. It knows nothing of Python.

mod abi;
mod arith;
mod call;
mod countdown;
mod exit;
mod function;
mod imports;
mod inst;
mod locals;
mod memory;
mod module;
mod placement;
mod refcount;
mod slots;
mod structure;
mod target;

use crate::link::{Linker, Slot, TableKind};
use psycore_jit::ir::{FnKind, Unit};
use psycore_jit::lower::units::LoweredUnits;
use psycore_jit::lower::{CodeHandle, Done, EntryFn, Job, LowerEnv, LowerError, Lowered, Lowering, check_size};
use psycore_jit::runtime_context::RuntimeContext;
use slots::SlotPool;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;
use target::ModuleTarget;

/// Settings of the lowering.
#[derive(Clone, Debug)]
pub struct WasmOptions {
    /// Bytes of modules at most, all units together.
    pub code_bytes: usize,
    /// Places in tables at most.
    pub slots: u32,
    /// IR instructions of a unit at most.
    pub unit_insts: usize,
    /// Treats all control flow as if it were irreducible. For tests.
    pub unstructured: bool,
}

impl Default for WasmOptions {
    fn default() -> Self {
        WasmOptions { code_bytes: 16 << 20, slots: 4096, unit_insts: 40_000, unstructured: false }
    }
}

/// What the host has linked.
struct LinkedModule {
    slots: Vec<Slot>,
    bytes: usize,
}

/// A job that nobody has asked for yet.
struct BegunJob {
    job: Job,
    module: BegunModule,
}

enum BegunModule {
    /// The host compiles it on another thread.
    Compiling { slots: Vec<Slot>, bytes: usize },
    /// It never will: the unit can't be lowered, or the host does that only when it links.
    Done(Result<Lowered, LowerError>),
}

/// The WebAssembly backend. Cells hold places in the host's code table.
pub struct WasmLowering {
    options: WasmOptions,
    linker: Box<dyn Linker>,
    slots: SlotPool,
    units: LoweredUnits<LinkedModule>,
    bytes: usize,
    /// The logarithm of the bytes that a level of calls may need on the exit stack. Code reads it.
    record_shift: Box<u32>,
    begun: VecDeque<BegunJob>,
    /// Whether the host compiles on another thread, once it has been asked.
    has_thread: Option<bool>,
}

impl WasmLowering {
    /// A lowering for a host.
    pub fn new(options: WasmOptions, linker: Box<dyn Linker>) -> Self {
        WasmLowering {
            slots: SlotPool::new(options.slots),
            options,
            linker,
            units: LoweredUnits::default(),
            bytes: 0,
            record_shift: Box::new(3),
            begun: VecDeque::new(),
            has_thread: None,
        }
    }

    /// Bytes of the modules in use.
    pub fn code_bytes(&self) -> usize {
        self.bytes
    }

    fn take_slots(&mut self, unit: &Unit) -> Result<Vec<Slot>, LowerError> {
        let mut slots = Vec::with_capacity(unit.funcs.len());
        for function in &unit.funcs {
            let table = match function.kind {
                FnKind::Entry => TableKind::Entries,
                FnKind::Compiled => TableKind::Code,
            };
            match self.slots.take(self.linker.as_mut(), table) {
                Some(slot) => slots.push(slot),
                None => {
                    self.slots.give_back(&slots);
                    return Err(LowerError("out of table places".into()));
                }
            }
        }
        Ok(slots)
    }

    /// The module for a unit, and places for its functions.
    fn module(&mut self, unit: &Unit, env: &LowerEnv<'_>) -> Result<(Vec<u8>, Vec<Slot>), LowerError> {
        check_size(unit, self.options.unit_insts)?;
        let slots = self.take_slots(unit)?;
        let target = ModuleTarget {
            slots: &slots,
            record_shift: &raw const *self.record_shift as usize as u32,
            unstructured: self.options.unstructured,
        };
        let room = self.options.code_bytes.saturating_sub(self.bytes);
        let made = module::module(unit, env, &target).and_then(|made| {
            if made.bytes.len() > room { Err(LowerError("out of memory for modules".into())) } else { Ok(made) }
        });
        match made {
            Ok(made) => {
                *self.record_shift = (*self.record_shift).max(made.record_shift);
                self.bytes += made.bytes.len();
                Ok((made.bytes, slots))
            }
            Err(error) => {
                self.slots.give_back(&slots);
                Err(error)
            }
        }
    }

    /// What the host has linked, or not, is a unit.
    fn linked(&mut self, linked: Result<(), String>, slots: Vec<Slot>, bytes: usize) -> Result<Lowered, LowerError> {
        if let Err(error) = linked {
            self.slots.give_back(&slots);
            self.bytes -= bytes;
            return Err(LowerError(error));
        }
        let entries: Vec<Option<EntryFn>> = slots.iter().map(|slot| entry(*slot)).collect();
        let cells = slots.iter().map(|slot| u64::from(slot.index())).collect();
        let handle = self.units.add(entries.clone(), LinkedModule { slots, bytes });
        Ok(Lowered { handle, cells, entries, bytes, listing: None, spans: Vec::new() })
    }
}

impl Lowering for WasmLowering {
    fn name(&self) -> &'static str {
        if self.options.unstructured { "wasm-unstructured" } else { "wasm" }
    }

    fn lower(&mut self, unit: &Unit, env: &LowerEnv<'_>, _listing: bool) -> Result<Lowered, LowerError> {
        let (module, slots) = self.module(unit, env)?;
        let linked = self.linker.link(&module, &slots);
        self.linked(linked, slots, module.len())
    }

    fn has_thread(&mut self) -> bool {
        *self.has_thread.get_or_insert_with(|| self.linker.has_thread())
    }

    fn begin(&mut self, mut job: Job) -> Result<(), Box<Job>> {
        if !self.has_thread() {
            return Err(Box::new(job));
        }
        let module = job.prepare().and_then(|()| job.with_env(|unit, env| self.module(unit, env)));
        let module = match module {
            Ok((bytes, slots)) if self.linker.begin(&bytes) => BegunModule::Compiling { slots, bytes: bytes.len() },
            Ok((bytes, slots)) => {
                self.has_thread = Some(false);
                let linked = self.linker.link(&bytes, &slots);
                BegunModule::Done(self.linked(linked, slots, bytes.len()))
            }
            Err(error) => BegunModule::Done(Err(error)),
        };
        self.begun.push_back(BegunJob { job, module });
        Ok(())
    }

    fn look(&mut self) {
        let mut ready = self.linker.ready();
        for begun in &self.begun {
            if let BegunModule::Compiling { .. } = begun.module {
                if ready == 0 {
                    break;
                }
                ready -= 1;
            }
            begun.job.done.store(begun.job.ticket + 1, Ordering::Relaxed);
        }
    }

    fn finished(&mut self, wait: bool) -> Option<Done> {
        let compiling = matches!(self.begun.front()?.module, BegunModule::Compiling { .. });
        if !wait && compiling && self.linker.ready() == 0 {
            return None;
        }
        let BegunJob { job, module } = self.begun.pop_front()?;
        let lowered = match module {
            BegunModule::Compiling { slots, bytes } => {
                let linked = self.linker.link_begun(&slots);
                self.linked(linked, slots, bytes)
            }
            BegunModule::Done(lowered) => lowered,
        };
        job.done.store(job.ticket + 1, Ordering::Relaxed);
        // How long the host has taken, nobody knows here.
        Some(Done { ticket: job.ticket, unit: job.unit, exit_base: job.exit_base, lowered, time: Duration::ZERO })
    }

    unsafe fn enter(&self, handle: CodeHandle, func: usize, ctx: *mut RuntimeContext, args: *mut u64) -> i32 {
        // SAFETY: the caller's promise; the host keeps what it has linked until `free`.
        unsafe { self.units.enter(handle, func, ctx, args) }
    }

    fn free(&mut self, handle: CodeHandle) {
        if let Some(unit) = self.units.remove(handle) {
            self.linker.unlink(&unit.slots);
            self.slots.give_back(&unit.slots);
            self.bytes -= unit.bytes;
        }
    }
}

/// The function in a slot of the guest's own table.
#[cfg(target_arch = "wasm32")]
fn entry(slot: Slot) -> Option<EntryFn> {
    // SAFETY: a function pointer is an index into that table, and the linker has put a function of this signature there,
    // which stays until `free`.
    (slot.table() == TableKind::Entries).then(|| unsafe { core::mem::transmute::<usize, EntryFn>(slot.index() as usize) })
}

/// Elsewhere there is nothing to call.
#[cfg(not(target_arch = "wasm32"))]
fn entry(_: Slot) -> Option<EntryFn> {
    None
}

/// The module for a unit as it would be linked into `slots`, without a host: for those who want to read it.
///
/// # Errors
/// The unit can't be lowered.
pub fn module_bytes(unit: &Unit, env: &LowerEnv<'_>, slots: &[Slot]) -> Result<Vec<u8>, LowerError> {
    let target = ModuleTarget { slots, record_shift: RECORD_SHIFT_NOWHERE, unstructured: false };
    module::module(unit, env, &target).map(|made| made.bytes)
}

/// Where modules that nobody runs read the size of records.
const RECORD_SHIFT_NOWHERE: u32 = 0x1000;
