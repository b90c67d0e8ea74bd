//! The reference interpreter: executes IR on real memory, one operation after
//! the other. It is the meaning of the IR in tests, and the lowering of last
//! resort where no other backend exists. It is not fast.
//!
//! Registers are 64-bit words: `I32` zero-extended, `F64` by bits, addresses zero-extended. So are
//! the words of exit records, arguments and the scratch area.

use super::eval::{self, Const};
use super::rt_call::{call_rt, is_callable};
use super::{
    Block, BlockCall, Callee, CtxField, ElemKind, ExitId, Field, FieldTy, FnCell, FnKind, Function, ObjId, Op, Term, Type, Unit,
    Value, status,
};
use crate::layout::Layout;
use crate::lower::slow_path::entry_point;
use crate::lower::{CodeHandle, LowerEnv, LowerError, Lowered, Lowering};
use crate::rt::RtId;
use crate::runtime_context::RuntimeContext;
use core::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most words that one exit record may have. [`Op::Enter`] leaves that much room on the exit
/// stack, so that a callee which can't enter can still say so.
pub const MAX_RECORD_WORDS: usize = 1024;

thread_local! {
    /// Words of the exit stack that running functions may still need.
    static RESERVED: Cell<usize> = const { Cell::new(0) };
}

/// A unit with its names resolved.
struct ResolvedUnit {
    funcs: Vec<ResolvedFn>,
    layout: Layout,
    objs: HashMap<ObjId, usize>,
    cells: HashMap<FnCell, usize>,
    /// By `RtId as usize`; 0 for those that the unit does not call.
    rts: Vec<usize>,
}

struct ResolvedFn {
    f: Function,
    /// What leaving through each exit stores.
    exit_values: Vec<Vec<Value>>,
    /// The longest record.
    max_record: usize,
    /// Global number of the first exit.
    exit_base: u64,
}

type Units = Arc<Mutex<Vec<Option<Arc<ResolvedUnit>>>>>;

/// The interpreter as a backend. Cells hold `(handle + 1) << 32 | function`.
#[derive(Default)]
pub struct InterpLowering {
    units: Units,
}

impl InterpLowering {
    /// One without units.
    pub fn new() -> Self {
        Self::default()
    }
}

fn lock(units: &Units) -> MutexGuard<'_, Vec<Option<Arc<ResolvedUnit>>>> {
    units.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ResolvedUnit {
    fn new(unit: &Unit, env: &LowerEnv<'_>) -> Result<Self, LowerError> {
        let mut out = ResolvedUnit {
            funcs: Vec::new(),
            layout: env.layout.clone(),
            objs: HashMap::new(),
            cells: HashMap::new(),
            rts: vec![0; RtId::ALL.len()],
        };
        let mut exit_base = env.exit_base as u64;
        for f in &unit.funcs {
            for data in &f.insts {
                out.resolve(&data.op, env)?;
            }
            let exit_values: Vec<Vec<Value>> = (0..f.exits.len()).map(|i| f.exit_values(ExitId(i as u32))).collect();
            let max_record = exit_values.iter().map(|v| v.len() + 1).max().unwrap_or(0);
            if max_record > MAX_RECORD_WORDS {
                return Err(LowerError(format!("{}: an exit with more than {MAX_RECORD_WORDS} values", f.name)));
            }
            out.funcs.push(ResolvedFn { f: f.clone(), exit_values, max_record, exit_base });
            exit_base += f.exits.len() as u64;
        }
        Ok(out)
    }

    fn resolve(&mut self, op: &Op, env: &LowerEnv<'_>) -> Result<(), LowerError> {
        match op {
            Op::Obj(o) => {
                self.objs.entry(*o).or_insert_with(|| (env.obj_address)(*o));
            }
            Op::CallFn { callee: Callee::Cell(c), .. } => {
                self.cells.entry(*c).or_insert_with(|| (env.cell_address)(*c));
            }
            _ => {}
        }
        let Some(rt) = entry_point(op) else { return Ok(()) };
        if !is_callable(rt) {
            return Err(LowerError(format!("{} has a signature that the interpreter can't call", rt.name())));
        }
        let slot = &mut self.rts[rt as usize];
        if *slot == 0 {
            *slot = (env.rt_address)(rt);
        }
        Ok(())
    }
}

impl Lowering for InterpLowering {
    fn name(&self) -> &'static str {
        "interp"
    }

    fn lower(&mut self, unit: &Unit, env: &LowerEnv<'_>, listing: bool) -> Result<Lowered, LowerError> {
        let prepared = Arc::new(ResolvedUnit::new(unit, env)?);
        let mut units = lock(&self.units);
        let index = match units.iter().position(Option::is_none) {
            Some(i) => i,
            None => {
                units.push(None);
                units.len() - 1
            }
        };
        units[index] = Some(prepared);
        Ok(Lowered {
            handle: CodeHandle(index as u32),
            cells: (0..unit.funcs.len() as u64).map(|i| (index as u64 + 1) << 32 | i).collect(),
            entries: vec![None; unit.funcs.len()],
            bytes: unit.funcs.iter().map(|f| f.insts.len() * size_of::<Op>()).sum(),
            listing: listing.then(|| unit.to_string()),
            spans: Vec::new(),
        })
    }

    unsafe fn enter(&self, handle: CodeHandle, func: usize, ctx: *mut RuntimeContext, args: *mut u64) -> i32 {
        // Nothing of `self` is borrowed while the unit runs: it may come back here.
        let units = self.units.clone();
        let prepared = lock(&units).get(handle.0 as usize).cloned().flatten();
        let Some(prepared) = prepared else {
            panic!("unit {} is entered, but it was freed", handle.0);
        };
        // SAFETY: the caller vouches for context, arguments and objects.
        match unsafe { run(&units, &prepared, func, ctx, &[args as usize as u64]) } {
            Outcome::Returned(_) => status::RETURNED,
            Outcome::Exited => status::EXITED,
        }
    }

    fn free(&mut self, handle: CodeHandle) {
        if let Some(slot) = lock(&self.units).get_mut(handle.0 as usize) {
            *slot = None;
        }
    }
}

/// How a function ended.
enum Outcome {
    Returned(u64),
    Exited,
}

/// Keeps room for the record of a running function.
struct Reserved(usize);

impl Reserved {
    fn new(words: usize) -> Self {
        RESERVED.set(RESERVED.get() + words);
        Reserved(words)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        RESERVED.set(RESERVED.get() - self.0);
    }
}

/// Runs a function.
///
/// # Safety
/// As for [`Lowering::enter`].
unsafe fn run(units: &Units, unit: &ResolvedUnit, func: usize, ctx: *mut RuntimeContext, args: &[u64]) -> Outcome {
    let func = &unit.funcs[func];
    let _reserved = Reserved::new(func.max_record);
    let mut m = Machine { units, unit, func, ctx, regs: vec![0; func.f.values.len()] };
    for (&p, &a) in func.f.blocks[0].params.iter().zip(args) {
        m.set(p, a);
    }
    // SAFETY: forwarded.
    unsafe { m.run() }
}

/// One activation of a function.
struct Machine<'a> {
    units: &'a Units,
    unit: &'a ResolvedUnit,
    func: &'a ResolvedFn,
    ctx: *mut RuntimeContext,
    regs: Vec<u64>,
}

// SAFETY of the methods: memory is accessed where verified IR says so, at offsets that the layout
// gives; that the IR names live objects of the right kinds is its maker's duty, checked by running
// the same programs on all lowerings (`tests/tests/filetests.rs`).
impl Machine<'_> {
    fn get(&self, v: Value) -> u64 {
        self.regs[v.index()]
    }

    fn set(&mut self, v: Value, x: u64) {
        self.regs[v.index()] = x;
    }

    fn ty(&self, v: Value) -> Type {
        self.func.f.ty(v)
    }

    /// What an operation that gives `x` leaves in the register of its result.
    fn in_register(&self, v: Value, x: u64) -> u64 {
        match self.ty(v) {
            Type::I32 => x as u32 as u64,
            Type::Ptr => x as usize as u64,
            Type::I64 | Type::F64 | Type::Tok => x,
        }
    }

    /// A value as a constant (addresses as integers).
    fn constant(&self, v: Value) -> Const {
        let x = self.get(v);
        match self.ty(v) {
            Type::I32 => Const::I32(x as i32),
            Type::F64 => Const::F64(x),
            Type::I64 | Type::Ptr | Type::Tok => Const::I64(x as i64),
        }
    }

    /// An integer operand, sign-extended, or an address.
    fn int(&self, v: Value) -> i64 {
        match self.constant(v) {
            Const::I32(x) => x as i64,
            Const::I64(x) => x,
            Const::F64(x) => x as i64,
        }
    }

    fn float(&self, v: Value) -> f64 {
        f64::from_bits(self.get(v))
    }

    fn address(&self, v: Value) -> usize {
        self.get(v) as usize
    }

    unsafe fn run(&mut self) -> Outcome {
        let f = &self.func.f;
        let mut block = Block(0);
        loop {
            let data = &f.blocks[block.index()];
            for &inst in &data.insts {
                let data = &f.insts[inst.index()];
                // SAFETY: see above.
                match unsafe { self.step(&data.op) } {
                    Ok(x) => {
                        if let Some(r) = data.result {
                            self.set(r, self.in_register(r, x));
                        }
                    }
                    Err(exit) => return self.leave(exit),
                }
            }
            match &data.term {
                Term::Jump(e) => block = self.follow(e),
                Term::Br { cond, then, els } => {
                    block = self.follow(if self.int(*cond) != 0 { then } else { els });
                }
                Term::Ret(v) => {
                    let x = v.map_or(0, |v| self.get(v));
                    if f.kind == FnKind::Entry && v.is_some() {
                        // SAFETY: the context outlives the activation.
                        unsafe { (*self.ctx).ret = x };
                    }
                    return Outcome::Returned(x);
                }
                Term::Exit(e) => return self.leave(*e),
                Term::None => panic!("{}: {block} has no terminator", f.name),
            }
        }
    }

    /// Passes an edge's arguments, all at once.
    fn follow(&mut self, edge: &BlockCall) -> Block {
        let args: Vec<u64> = edge.args.iter().map(|&a| self.get(a)).collect();
        let func = self.func;
        for (&p, a) in func.f.blocks[edge.block.index()].params.iter().zip(args) {
            self.set(p, a);
        }
        edge.block
    }

    /// Writes the record of an exit.
    fn leave(&self, exit: ExitId) -> Outcome {
        let values = &self.func.exit_values[exit.index()];
        // SAFETY: the context outlives the activation; its exit stack ends at `exit_end`.
        unsafe {
            let ctx = &mut *self.ctx;
            let room = (ctx.exit_end as usize).saturating_sub(ctx.exit_top as usize) / size_of::<u64>();
            assert!(room > values.len(), "the exit stack is too small: {room} words are left");
            for &v in values {
                ctx.exit_top.write(self.get(v));
                ctx.exit_top = ctx.exit_top.add(1);
            }
            ctx.exit_top.write(self.func.exit_base + exit.0 as u64);
            ctx.exit_top = ctx.exit_top.add(1);
        }
        Outcome::Exited
    }

    /// Executes one operation: its result (0 if it has none), or the exit that it takes.
    unsafe fn step(&mut self, op: &Op) -> Result<u64, ExitId> {
        // SAFETY: see above.
        unsafe {
            Ok(match op {
                Op::I64Const(x) => *x as u64,
                Op::I32Const(x) => *x as u64,
                Op::F64Const(bits) => *bits,
                Op::Obj(o) => self.unit.objs[o] as u64,
                Op::Null => 0,
                // Divisions without a result are the maker's fault; any result will do.
                Op::Bin(op, a, b) => match (self.constant(*a), self.constant(*b)) {
                    (Const::I32(a), Const::I32(b)) => eval::bin_i32(*op, a, b).unwrap_or(0) as u64,
                    (Const::I64(a), Const::I64(b)) => eval::bin_i64(*op, a, b).unwrap_or(0) as u64,
                    _ => eval::bin_f64(*op, self.float(*a), self.float(*b)).unwrap_or(0.0).to_bits(),
                },
                Op::Ovf(op, a, b, exit) => eval::ovf(*op, self.int(*a), self.int(*b)).ok_or(*exit)? as u64,
                Op::Un(op, a) => match eval::un(*op, self.constant(*a)) {
                    Some(Const::I32(x)) => x as u64,
                    Some(Const::I64(x)) => x as u64,
                    Some(Const::F64(x)) => x,
                    None => 0,
                },
                Op::Icmp(cc, a, b) => eval::icmp(*cc, self.int(*a), self.int(*b)) as u64,
                Op::Fcmp(cc, a, b) => eval::fcmp(*cc, self.float(*a), self.float(*b)) as u64,
                Op::Select(c, a, b) => self.get(if self.int(*c) != 0 { *a } else { *b }),
                Op::Load { field, base, .. } => load(field.field_ty(), self.field_address(*field, *base)),
                Op::Store { field, base, value } => {
                    store(field.field_ty(), self.field_address(*field, *base), self.get(*value));
                    0
                }
                Op::LoadElem { kind, base, index, .. } => load(elem_ty(*kind), self.elem_address(*kind, *base, *index)),
                Op::StoreElem { kind, base, index, value } => {
                    store(elem_ty(*kind), self.elem_address(*kind, *base, *index), self.get(*value));
                    0
                }
                Op::LoadArg { args, index, ty } => load(self.arg_ty(*ty), self.arg_address(*args, *index)),
                Op::StoreArg { args, index, value } => {
                    store(self.arg_ty(self.ty(*value)), self.arg_address(*args, *index), self.get(*value));
                    0
                }
                Op::LoadCtx(field) => match field {
                    CtxField::Failed => (*self.ctx).failed as u64,
                    CtxField::Frame => (*self.ctx).frame as usize as u64,
                },
                Op::StoreScratch { index, value } => {
                    (*self.ctx).scratch[*index as usize] = self.get(*value);
                    0
                }
                Op::Guard { cond, expect, exit } => {
                    if (self.int(*cond) != 0) != *expect {
                        return Err(*exit);
                    }
                    0
                }
                Op::Incref(v) => {
                    let word = self.refcount(*v);
                    if *word & self.immortal() == 0 {
                        *word += 1;
                    }
                    0
                }
                Op::Decref(v, exit) => {
                    let word = self.refcount(*v);
                    if *word & self.immortal() == 0 {
                        *word -= 1;
                        // The flags above the count say nothing about references.
                        if *word & (self.immortal() - 1) == 0 {
                            let must_leave = self.rt(RtId::Dealloc, &[self.get(*v)]) as i32 != 0;
                            if let (true, Some(exit)) = (must_leave, exit) {
                                return Err(*exit);
                            }
                        }
                    }
                    0
                }
                Op::IsUnique(v) => (*self.refcount(*v) == 1) as u64,
                Op::CallRt { rt, args } => {
                    let args: Vec<u64> = args.iter().map(|&a| self.get(a)).collect();
                    self.rt(*rt, &args)
                }
                Op::CallFn { callee, args, exit, .. } => {
                    let args: Vec<u64> = args.iter().map(|&a| self.get(a)).collect();
                    match self.call(*callee, &args) {
                        Outcome::Returned(x) => x,
                        Outcome::Exited => return Err(*exit),
                    }
                }
                Op::Poll { exit } => {
                    (*self.ctx).countdown -= 1;
                    if (*self.ctx).countdown <= 0 && self.rt(RtId::PollSlow, &[]) as i32 != 0 {
                        return Err(*exit);
                    }
                    0
                }
                Op::Enter { exit } => {
                    let ctx = &mut *self.ctx;
                    let room = (ctx.exit_end as usize).saturating_sub(ctx.exit_top as usize) / size_of::<u64>();
                    if ctx.depth <= 0 || room < RESERVED.get() + MAX_RECORD_WORDS {
                        return Err(*exit);
                    }
                    ctx.depth -= 1;
                    0
                }
                Op::Leave => {
                    (*self.ctx).depth += 1;
                    0
                }
            })
        }
    }

    fn field_address(&self, field: Field, base: Value) -> usize {
        self.address(base).wrapping_add_signed(self.unit.layout.offset(field) as isize)
    }

    fn elem_address(&self, kind: ElemKind, base: Value, index: Value) -> usize {
        let (stride, offset) = self.unit.layout.elem(kind);
        let distance = (self.int(index) as isize).wrapping_mul(stride as isize);
        self.address(base).wrapping_add_signed(distance).wrapping_add_signed(offset as isize)
    }

    fn arg_address(&self, args: Value, index: u32) -> usize {
        self.address(args).wrapping_add(self.unit.layout.arg_stride as usize * index as usize)
    }

    /// How wide an argument is.
    fn arg_ty(&self, ty: Type) -> FieldTy {
        if ty == Type::Ptr && self.unit.layout.args_are_words() { FieldTy::Ptr } else { FieldTy::I64 }
    }

    #[expect(clippy::mut_from_ref, reason = "it is in an object, not in the machine")]
    fn refcount(&self, v: Value) -> &mut usize {
        let at = self.address(v).wrapping_add_signed(self.unit.layout.refcount as isize);
        // SAFETY: each object has its reference word there (see above); nobody else holds it.
        unsafe { &mut *(at as *mut usize) }
    }

    fn immortal(&self) -> usize {
        self.unit.layout.immortal() as usize
    }

    unsafe fn rt(&self, rt: RtId, args: &[u64]) -> u64 {
        // SAFETY: the address is the one that the run time gave for this entry point.
        unsafe { call_rt(rt, self.unit.rts[rt as usize], self.ctx, args) }
    }

    unsafe fn call(&self, callee: Callee, args: &[u64]) -> Outcome {
        // SAFETY: cells hold what `lower` gave out (see there), or the verifier saw the callee.
        unsafe {
            match callee {
                Callee::Local(i) => run(self.units, self.unit, i as usize, self.ctx, args),
                Callee::Cell(c) => {
                    let word = (self.unit.cells[&c] as *const u64).read();
                    let index = ((word >> 32) as usize).wrapping_sub(1);
                    let unit = lock(self.units).get(index).cloned().flatten();
                    let Some(unit) = unit else { panic!("{c} is called, but holds no code") };
                    run(self.units, &unit, word as u32 as usize, self.ctx, args)
                }
            }
        }
    }
}

fn elem_ty(kind: ElemKind) -> FieldTy {
    match kind {
        ElemKind::Byte => FieldTy::U8,
        _ => FieldTy::Ptr,
    }
}

/// # Safety
/// There must be a value of that kind at `at`.
unsafe fn load(ty: FieldTy, at: usize) -> u64 {
    // SAFETY: forwarded. Unaligned, since fields of test objects need not be.
    unsafe {
        match ty {
            FieldTy::U8 => (at as *const u8).read() as u64,
            FieldTy::I32 => (at as *const u32).read_unaligned() as u64,
            FieldTy::I64 | FieldTy::F64 => (at as *const u64).read_unaligned(),
            FieldTy::Word | FieldTy::Ptr => (at as *const usize).read_unaligned() as u64,
            FieldTy::SignedWord => (at as *const isize).read_unaligned() as u64,
        }
    }
}

/// # Safety
/// As for [`load`].
unsafe fn store(ty: FieldTy, at: usize, x: u64) {
    // SAFETY: forwarded.
    unsafe {
        match ty {
            FieldTy::U8 => (at as *mut u8).write(x as u8),
            FieldTy::I32 => (at as *mut u32).write_unaligned(x as u32),
            FieldTy::I64 | FieldTy::F64 => (at as *mut u64).write_unaligned(x),
            FieldTy::Word | FieldTy::SignedWord | FieldTy::Ptr => (at as *mut usize).write_unaligned(x as usize),
        }
    }
}
