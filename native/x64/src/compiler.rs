//! [`UnitCompiler`]: from a unit to code that is not yet at its address. Whoever installs the code is elsewhere: a
//! compiler may work on another thread than the one that runs Python.

use super::abi::{TRUSTED, signature};
use super::link::UnitCode;
use super::options::{CraneliftOptions, Effort};
use super::relax::{Padding, padding};
use super::slow_path;
use super::translate::{Scratch, TranslatorInput, translate};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, types};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use psycore_jit::ir::{Type, Unit};
use psycore_jit::lower::depth::record_shift;
use psycore_jit::lower::{Job, LowerEnv, LowerError, check_size};
use psycore_jit::rt::RtId;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// IR instructions of a unit after which memory is given back.
const LARGE: usize = 1000;

/// Makes code that is not yet at its address. Each thread that does has its own.
pub(super) struct UnitCompiler {
    pub(super) options: CraneliftOptions,
    pub(super) isa: OwnedTargetIsa,
    context: Context,
    control: ControlPlane,
    scratch: Scratch,
    padding: Padding,
    /// Compiled entries read it. See `TranslatorInput`.
    pub(super) record_shift: Arc<AtomicU32>,
    /// The addresses between which the code will be.
    pub(super) range: Range<usize>,
    /// Where the run time is, if that is known ahead of the first unit.
    pub(super) rt_address: Option<fn(RtId) -> usize>,
    /// Made while there was nothing else to do; for whoever takes the next unit.
    pub(super) stubs: Vec<slow_path::StubCode>,
}

impl UnitCompiler {
    pub(super) fn new(options: CraneliftOptions, range: Range<usize>, record_shift: Arc<AtomicU32>) -> Result<Self, LowerError> {
        Ok(UnitCompiler::with(isa(&options)?, options, range, record_shift))
    }

    fn with(isa: OwnedTargetIsa, options: CraneliftOptions, range: Range<usize>, record_shift: Arc<AtomicU32>) -> Self {
        UnitCompiler {
            isa,
            options,
            context: Context::new(),
            control: ControlPlane::default(),
            scratch: Scratch::default(),
            padding: padding(),
            record_shift,
            range,
            rt_address: None,
            stubs: Vec::new(),
        }
    }

    /// Throws away what it was working on, and the memory for it.
    fn reset(&mut self) {
        self.context = Context::new();
        self.scratch = Scratch::default();
    }

    /// Another one for the same code memory.
    pub(super) fn sibling(&self) -> UnitCompiler {
        let other = UnitCompiler::with(self.isa.clone(), self.options.clone(), self.range.clone(), self.record_shift.clone());
        UnitCompiler { rt_address: self.rt_address, ..other }
    }

    pub(super) fn compile(&mut self, unit: &Unit, env: &LowerEnv<'_>, listing: bool) -> Result<UnitCode, LowerError> {
        check_size(unit, self.options.unit_insts)?;
        // Cranelift asserts what it believes of its input. A unit that makes it fail stays
        // interpreted; its half-filled context is thrown away.
        catch_unwind(AssertUnwindSafe(|| self.try_compile(unit, env, listing))).unwrap_or_else(|_| {
            self.reset();
            Err(LowerError("the code generator failed".into()))
        })
    }

    /// Compiles the stubs, and a loop that nobody needs: the first use of a code generator of this size takes some
    /// milliseconds more than the next ones, for its tables and its pages.
    pub(super) fn warm_up(&mut self) {
        if let Some(rt_address) = self.rt_address {
            self.stubs = slow_path::all(rt_address, self.isa.as_ref());
        }
        self.context.clear();
        let func = &mut self.context.func;
        func.signature = signature(&[Type::I64, Type::F64], Some(Type::I64), Some(Type::F64));
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
        let word = pos.ins().load(types::I64, TRUSTED, limit, 8);
        let (sum, product) = (pos.ins().iadd(i, word), pos.ins().fmul(x, float));
        pos.ins().store(TRUSTED, sum, limit, 8);
        let callee = pos.func.import_signature(signature(&[Type::I64], Some(Type::I64), None));
        pos.ins().call_indirect(callee, word, &[limit, sum]);
        pos.ins().jump(header, &[sum.into(), product.into()]);
        pos.insert_block(end);
        pos.func.layout.set_cold(end);
        pos.ins().return_(&[i, x]);
        // Nobody needs the code, so nobody minds if there is none.
        let _ = self.context.compile(self.isa.as_ref(), &mut self.control);
    }

    /// Verifies, optimizes and compiles.
    pub(super) fn prepare_and_compile(&mut self, job: &mut Job) -> Result<UnitCode, LowerError> {
        catch_unwind(AssertUnwindSafe(|| job.prepare())).unwrap_or_else(|_| Err(LowerError("the passes failed".into())))?;
        job.with_env(|unit, env| self.compile(unit, env, job.listing))
    }

    /// Gives back what a large unit has taken.
    pub(super) fn trim(&mut self, unit: &Unit) {
        if let Some(trim) = self.options.trim
            && unit.inst_count() >= LARGE
        {
            self.reset();
            trim();
        }
    }

    fn try_compile(&mut self, unit: &Unit, env: &LowerEnv<'_>, listing: bool) -> Result<UnitCode, LowerError> {
        let mut code = UnitCode::default();
        let mut exit_base = env.exit_base;
        for (index, function) in unit.funcs.iter().enumerate() {
            self.context.clear();
            translate(
                &mut self.context.func,
                &mut self.scratch,
                &TranslatorInput {
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
        let shift = record_shift(self.scratch.longest_record);
        self.record_shift.fetch_max(shift, Ordering::Relaxed);
        Ok(code)
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
