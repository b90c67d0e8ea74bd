//! The x86-64 backend of Psycore. [`CraneliftLowering`]: IR to machine code by way of Cranelift.
//!
//! `translate` turns one IR function into Cranelift's IR, `link` puts the functions of a unit
//! into code memory. This file drives the two, keeps the units and their memory, and holds the
//! settings. It knows nothing of Python.

mod call;
mod code_memory;
mod countdown;
mod division;
mod exit;
mod inst;
mod link;
mod listing;
mod outlive;
mod ovf;
mod perf_map;
mod refcount;
mod relax;
mod slow_path;
mod translate;
mod worker;

#[cfg(test)]
mod tests;

use crate::code_memory::{CodeBlock, CodeMemory};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, types};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use perf_map::PerfMap;
use psycore_jit::ir::{FnKind, Type, Unit};
use psycore_jit::lower::{CodeHandle, Done, EntryFn, Job, LowerEnv, LowerError, Lowered, Lowering};
use psycore_jit::rt::RtId;
use psycore_jit::runtime_context::RuntimeContext;
use std::collections::HashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How much work goes into the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// The backtracking register allocator, and jumps that are short and well placed.
    Full,
    /// Neither: about half the compile time, code up to three times slower.
    Quick,
}

/// Settings of the lowering.
#[derive(Clone, Debug)]
pub struct CraneliftOptions {
    pub effort: Effort,
    /// Bytes of code at most, all units together.
    pub code_bytes: usize,
    /// IR instructions of a unit at most.
    pub unit_insts: usize,
    /// Lets Cranelift check its input. Slow; on by default in debug builds.
    pub verify: bool,
    /// Writes `/tmp/perf-PID.map` for `perf`.
    pub perf_map: bool,
    /// Gives memory that the calling thread has freed back to the system. Code generators take a lot of it for a large
    /// function, which an allocator may keep for the next one.
    pub trim: Option<fn()>,
}

/// IR instructions of a unit after which memory is given back.
const LARGE: usize = 1000;

impl Default for CraneliftOptions {
    fn default() -> Self {
        CraneliftOptions {
            effort: Effort::Full,
            // More than the VM's own limit, so that it is the one that is met.
            code_bytes: 80 << 20,
            unit_insts: 40_000,
            verify: cfg!(debug_assertions),
            perf_map: std::env::var_os("PSYCORE_PERF_MAP").is_some_and(|v| v == "1"),
            trim: None,
        }
    }
}

struct LiveUnit {
    block: CodeBlock,
    entries: Vec<Option<EntryFn>>,
}

/// Makes code that is not yet at its address. Each thread that does has its own.
struct Compiler {
    options: CraneliftOptions,
    isa: OwnedTargetIsa,
    context: Context,
    control: ControlPlane,
    scratch: translate::Scratch,
    padding: relax::Padding,
    /// Compiled entries read it. See `translate::Input`.
    record_shift: Arc<AtomicU32>,
    /// The addresses between which the code will be.
    range: Range<usize>,
    /// Where the run time is, if that is known ahead of the first unit.
    rt_address: Option<fn(RtId) -> usize>,
    /// Made while there was nothing else to do; for whoever takes the next unit.
    stubs: Vec<slow_path::StubCode>,
}

impl Compiler {
    fn new(options: CraneliftOptions, range: Range<usize>, record_shift: Arc<AtomicU32>) -> Result<Self, LowerError> {
        Ok(Compiler::with(isa(&options)?, options, range, record_shift))
    }

    fn with(isa: OwnedTargetIsa, options: CraneliftOptions, range: Range<usize>, record_shift: Arc<AtomicU32>) -> Self {
        Compiler {
            isa,
            options,
            context: Context::new(),
            control: ControlPlane::default(),
            scratch: translate::Scratch::default(),
            padding: relax::padding(),
            record_shift,
            range,
            rt_address: None,
            stubs: Vec::new(),
        }
    }

    /// Throws away what it was working on, and the memory for it.
    fn reset(&mut self) {
        self.context = Context::new();
        self.scratch = translate::Scratch::default();
    }

    /// Another one for the same code memory.
    fn sibling(&self) -> Compiler {
        let other = Compiler::with(self.isa.clone(), self.options.clone(), self.range.clone(), self.record_shift.clone());
        Compiler { rt_address: self.rt_address, ..other }
    }

    fn compile(&mut self, unit: &Unit, env: &LowerEnv<'_>, listing: bool) -> Result<link::UnitCode, LowerError> {
        let insts = unit.inst_count();
        if insts > self.options.unit_insts {
            return Err(LowerError(format!("unit of {insts} instructions")));
        }
        // Cranelift asserts what it believes of its input. A unit that makes it fail stays
        // interpreted; its half-filled context is thrown away.
        catch_unwind(AssertUnwindSafe(|| self.try_compile(unit, env, listing))).unwrap_or_else(|_| {
            self.reset();
            Err(LowerError("the code generator failed".into()))
        })
    }

    /// Compiles the stubs, and a loop that nobody needs: the first use of a code generator of this size takes some
    /// milliseconds more than the next ones, for its tables and its pages.
    fn warm_up(&mut self) {
        if let Some(rt_address) = self.rt_address {
            self.stubs = slow_path::all(rt_address, self.isa.as_ref());
        }
        self.context.clear();
        let func = &mut self.context.func;
        func.signature = translate::signature(&[Type::I64, Type::F64], Some(Type::I64), Some(Type::F64));
        let mut pos = FuncCursor::new(func);
        let [entry, header, body, end] = [(); 4].map(|()| pos.func.dfg.make_block());
        pos.insert_block(entry);
        let [_, limit, float] = [types::I64, types::I64, types::F64].map(|ty| pos.func.dfg.append_block_param(entry, ty));
        let zero = pos.ins().iconst(types::I64, 0);
        pos.ins().jump(header, &[zero.into(), float.into()]);
        let [i, x] = [types::I64, types::F64].map(|ty| pos.func.dfg.append_block_param(header, ty));
        pos.insert_block(header);
        let more = pos.ins().icmp(IntCC::SignedLessThan, i, limit);
        pos.ins().brif(more, body, &[], end, &[]);
        pos.insert_block(body);
        let word = pos.ins().load(types::I64, translate::TRUSTED, limit, 8);
        let (sum, product) = (pos.ins().iadd(i, word), pos.ins().fmul(x, float));
        pos.ins().store(translate::TRUSTED, sum, limit, 8);
        let callee = pos.func.import_signature(translate::signature(&[Type::I64], Some(Type::I64), None));
        pos.ins().call_indirect(callee, word, &[limit, sum]);
        pos.ins().jump(header, &[sum.into(), product.into()]);
        pos.insert_block(end);
        pos.func.layout.set_cold(end);
        pos.ins().return_(&[i, x]);
        // Nobody needs the code, so nobody minds if there is none.
        let _ = self.context.compile(self.isa.as_ref(), &mut self.control);
    }

    /// Verifies, optimizes and compiles.
    fn prepare_and_compile(&mut self, job: &mut Job) -> Result<link::UnitCode, LowerError> {
        catch_unwind(AssertUnwindSafe(|| job.prepare())).unwrap_or_else(|_| Err(LowerError("the passes failed".into())))?;
        job.with_env(|unit, env| self.compile(unit, env, job.listing))
    }

    /// Gives back what a large unit has taken.
    fn trim(&mut self, unit: &Unit) {
        if let Some(trim) = self.options.trim
            && unit.inst_count() >= LARGE
        {
            self.reset();
            trim();
        }
    }

    fn try_compile(&mut self, unit: &Unit, env: &LowerEnv<'_>, listing: bool) -> Result<link::UnitCode, LowerError> {
        let mut code = link::UnitCode::default();
        let mut exit_base = env.exit_base;
        for (index, function) in unit.funcs.iter().enumerate() {
            self.context.clear();
            translate::translate(
                &mut self.context.func,
                &mut self.scratch,
                &translate::Input {
                    unit,
                    index,
                    env,
                    exit_base,
                    record_shift: &self.record_shift,
                    range: &self.range,
                    places: listing,
                },
            )?;
            exit_base += function.exits.len() as u32;
            self.context
                .compile(self.isa.as_ref(), &mut self.control)
                .map_err(|e| LowerError(format!("{}: {:?}", function.name, e.inner)))?;
            let compiled = self.context.compiled_code().ok_or_else(|| LowerError("no code".into()))?;
            let relaxing = (self.options.effort == Effort::Full).then_some(self.padding);
            code.push(&function.name, compiled, &self.context.func.params, relaxing)?;
        }
        let shift = self.scratch.longest_record.next_power_of_two().trailing_zeros();
        self.record_shift.fetch_max(shift, Ordering::Relaxed);
        Ok(code)
    }
}

/// The x86-64 backend.
pub struct CraneliftLowering {
    compiler: Compiler,
    worker: worker::Worker,
    /// Whether the machine runs several threads at a time.
    parallel: bool,
    memory: CodeMemory,
    stubs: slow_path::Stubs,
    units: HashMap<u32, LiveUnit>,
    next_handle: u32,
    perf_map: Option<PerfMap>,
}

impl CraneliftLowering {
    /// A lowering for this machine's processor.
    pub fn new(options: CraneliftOptions) -> Result<Self, LowerError> {
        let memory = CodeMemory::new(options.code_bytes).map_err(|e| LowerError(format!("no executable memory: {e}")))?;
        let perf_map = options.perf_map.then(PerfMap::create).flatten();
        Ok(CraneliftLowering {
            compiler: Compiler::new(options, memory.range(), Arc::default())?,
            worker: worker::Worker::default(),
            parallel: std::thread::available_parallelism().is_ok_and(|n| n.get() > 1),
            memory,
            stubs: slow_path::Stubs::default(),
            units: HashMap::new(),
            next_handle: 0,
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
            self.compiler = Compiler::new(options, old.range.clone(), old.record_shift.clone())?;
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
        let handle = self.next_handle;
        self.next_handle = self.next_handle.wrapping_add(1);
        self.units.insert(handle, LiveUnit { block, entries: entries.clone() });
        Ok(Lowered {
            handle: CodeHandle(handle),
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
        let worker::Outcome { job, code, stubs, time } = self.worker.finished(wait, || self.compiler.sibling())?;
        let added = self.stubs.add(stubs, &mut self.memory);
        let lowered = added.and(code).and_then(|code| job.with_env(|unit, env| self.install(unit, env, code, job.listing)));
        Some(Done { ticket: job.ticket, unit: job.unit, exit_base: job.exit_base, lowered, time })
    }

    unsafe fn enter(&self, handle: CodeHandle, func: usize, ctx: *mut RuntimeContext, args: *mut u64) -> i32 {
        let entry = self.units.get(&handle.0).and_then(|unit| unit.entries.get(func).copied().flatten());
        match entry {
            // SAFETY: the caller's promise; the unit is alive, else it would not be in the map.
            Some(entry) => unsafe { entry(ctx, args) },
            None => unreachable!("function {func} of {handle:?} is not an entry"),
        }
    }

    fn code_range(&self) -> Option<std::ops::Range<usize>> {
        Some(self.memory.range())
    }

    fn free(&mut self, handle: CodeHandle) {
        if let Some(unit) = self.units.remove(&handle.0) {
            self.memory.free(unit.block);
        }
    }
}

fn isa(options: &CraneliftOptions) -> Result<OwnedTargetIsa, LowerError> {
    let regalloc = match options.effort {
        Effort::Full => "backtracking",
        Effort::Quick => "single_pass",
    };
    let failed = |e: &dyn std::fmt::Display| LowerError(format!("Cranelift: {e}"));
    let mut builder = settings::builder();
    for (name, value) in [
        // The IR's passes have done what it would do, and it moves computations to the exits that
        // use them: a chain of sums with an exit after each grows with the square of its length.
        ("opt_level", "none"),
        ("regalloc_algorithm", regalloc),
        ("enable_verifier", if options.verify { "true" } else { "false" }),
        ("enable_probestack", "false"),
        // It holds the depth of calls.
        ("enable_pinned_reg", "true"),
        ("unwind_info", "false"),
        ("is_pic", "false"),
    ] {
        builder.set(name, value).map_err(|e| failed(&e))?;
    }
    cranelift_native::builder().map_err(|e| failed(&e))?.finish(settings::Flags::new(builder)).map_err(|e| failed(&e))
}
