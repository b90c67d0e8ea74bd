//! The x86-64 backend of Psycore. [`CraneliftLowering`]: IR to machine code by way of Cranelift.
//!
//! `translate` turns one IR function into Cranelift's IR, `link` puts the functions of a unit behind one another; `compiler`
//! drives the two, on the thread of `worker` or on this one. What is decided for every target is in `psycore_jit::lower`,
//! and the files here say how it is emitted. This file puts code into memory and keeps the units. It
//! knows nothing of Python.

mod abi;
mod call;
mod code_memory;
mod compiler;
mod countdown;
mod division;
mod exit;
mod inst;
mod link;
mod listing;
mod memory;
mod options;
mod outlive;
mod ovf;
mod perf_map;
mod refcount;
mod relax;
mod slow_path;
mod source_location;
mod translate;
mod worker;

#[cfg(test)]
mod tests;

use crate::code_memory::{CodeBlock, CodeMemory};
use compiler::UnitCompiler;
pub use options::{CraneliftOptions, Effort};
use perf_map::PerfMap;
use psycore_jit::ir::{FnKind, Unit};
use psycore_jit::lower::units::LoweredUnits;
use psycore_jit::lower::{CodeHandle, Done, EntryFn, Job, LowerEnv, LowerError, Lowered, Lowering};
use psycore_jit::rt::RtId;
use psycore_jit::runtime_context::RuntimeContext;
use std::sync::Arc;

/// The x86-64 backend.
pub struct CraneliftLowering {
    compiler: UnitCompiler,
    worker: worker::Worker,
    /// Whether the machine runs several threads at a time.
    parallel: bool,
    memory: CodeMemory,
    stubs: slow_path::Stubs,
    units: LoweredUnits<CodeBlock>,
    perf_map: Option<PerfMap>,
}

impl CraneliftLowering {
    /// A lowering for this machine's processor.
    pub fn new(options: CraneliftOptions) -> Result<Self, LowerError> {
        let memory = CodeMemory::new(options.code_bytes).map_err(|e| LowerError(format!("no executable memory: {e}")))?;
        let perf_map = options.perf_map.then(PerfMap::create).flatten();
        Ok(CraneliftLowering {
            compiler: UnitCompiler::new(options, memory.range(), Arc::default())?,
            worker: worker::Worker::default(),
            parallel: std::thread::available_parallelism().is_ok_and(|n| n.get() > 1),
            memory,
            stubs: slow_path::Stubs::default(),
            units: LoweredUnits::default(),
            perf_map,
        })
    }

    /// Bytes of code memory in use.
    pub fn code_bytes(&self) -> usize {
        self.memory.used()
    }

    /// Changes how much work goes into units lowered from now on.
    pub fn set_effort(&mut self, effort: Effort) -> Result<(), LowerError> {
        let old = &self.compiler;
        if old.options.effort != effort {
            let options = CraneliftOptions { effort, ..old.options.clone() };
            self.compiler = UnitCompiler::new(options, old.range.clone(), old.record_shift.clone())?;
            self.worker = worker::Worker::default();
        }
        Ok(())
    }

    fn install(
        &mut self,
        unit: &Unit,
        env: &LowerEnv<'_>,
        mut code: link::UnitCode,
        listing: bool,
    ) -> Result<Lowered, LowerError> {
        let stubs = self.stubs.addresses(env, self.compiler.isa.as_ref(), &mut self.memory)?;
        let block = self.memory.alloc(code.len()).ok_or_else(|| LowerError("out of code memory".into()))?;
        let base = self.memory.address(block);
        let written = code
            .resolve(base, env, &stubs)
            .and_then(|bytes| self.memory.write(block, bytes).map_err(|e| LowerError(format!("code memory: {e}"))));
        if let Err(error) = written {
            self.memory.free(block);
            return Err(error);
        }
        let cells: Vec<u64> = code.starts().map(|start| (base + start) as u64).collect();
        let entries: Vec<Option<EntryFn>> = unit
            .funcs
            .iter()
            .zip(&cells)
            .map(|(function, address)| match function.kind {
                // SAFETY: the code was made for this signature, and it stays until `free`.
                FnKind::Entry => Some(unsafe { std::mem::transmute::<usize, EntryFn>(*address as usize) }),
                FnKind::Compiled => None,
            })
            .collect();
        if let Some(map) = &mut self.perf_map {
            for (name, start, len) in code.symbols() {
                map.add(base + start, len, name);
            }
        }
        let spans = if listing { code.spans(unit, base) } else { Vec::new() };
        Ok(Lowered {
            handle: self.units.add(entries.clone(), block),
            cells,
            entries,
            bytes: block.len(),
            listing: listing.then(|| listing::listing(&code, base, &spans)),
            spans,
        })
    }
}

impl Lowering for CraneliftLowering {
    fn name(&self) -> &'static str {
        match self.compiler.options.effort {
            Effort::Full => "x64",
            Effort::Quick => "x64-quick",
        }
    }

    fn lower(&mut self, unit: &Unit, env: &LowerEnv<'_>, listing: bool) -> Result<Lowered, LowerError> {
        let code = self.compiler.compile(unit, env, listing)?;
        self.install(unit, env, code, listing)
    }

    fn warm_up(&mut self, rt_address: fn(RtId) -> usize) {
        self.compiler.rt_address = Some(rt_address);
        self.worker.start(|| self.compiler.sibling());
    }

    fn has_thread(&mut self) -> bool {
        self.parallel
    }

    fn begin(&mut self, job: Job) -> Result<(), Box<Job>> {
        self.worker.begin(job, || self.compiler.sibling())
    }

    fn finished(&mut self, wait: bool) -> Option<Done> {
        let worker::CompiledJob { job, code, stubs, time } = self.worker.finished(wait, || self.compiler.sibling())?;
        let added = self.stubs.add(stubs, &mut self.memory);
        let lowered = added.and(code).and_then(|code| job.with_env(|unit, env| self.install(unit, env, code, job.listing)));
        Some(Done { ticket: job.ticket, unit: job.unit, exit_base: job.exit_base, lowered, time })
    }

    unsafe fn enter(&self, handle: CodeHandle, func: usize, ctx: *mut RuntimeContext, args: *mut u64) -> i32 {
        // SAFETY: the caller's promise; entries are code until `free`.
        unsafe { self.units.enter(handle, func, ctx, args) }
    }

    fn code_range(&self) -> Option<std::ops::Range<usize>> {
        Some(self.memory.range())
    }

    fn free(&mut self, handle: CodeHandle) {
        if let Some(block) = self.units.remove(handle) {
            self.memory.free(block);
        }
    }
}
