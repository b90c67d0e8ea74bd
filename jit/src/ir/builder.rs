//! Builds a [`Function`] instruction by instruction: what the specializer
//! writes into. Computes result types, folds what is trivially constant and
//! shares equal frame states and exits; anything that needs more than an
//! operation and its operands is a pass's work.
//!
//! ```
//! use psycore_jit::ir::*;
//! let mut b = FunctionBuilder::new("sum", FnKind::Compiled, Some(Type::I64));
//! let entry = b.entry();
//! let n = b.add_param(entry, Type::I64);
//! let (header, body, done) = (b.create_block(), b.create_block(), b.create_block());
//! let (i, total) = (b.add_param(header, Type::I64), b.add_param(header, Type::I64));
//! let zero = b.i64(0);
//! b.jump(header, &[zero, zero]);
//! b.switch_to(header);
//! let more = b.icmp(IntCC::SLt, i, n);
//! b.br(more, body, &[], done, &[]);
//! b.switch_to(body);
//! let total2 = b.add(total, i);
//! let one = b.i64(1);
//! let next = b.add(i, one);
//! b.jump(header, &[next, total2]);
//! b.switch_to(done);
//! b.ret(Some(total));
//! let f = b.finish();
//! assert_eq!(f.blocks.len(), 4);
//! ```

use super::eval::Const;
use super::simplify::{Defs, Simplified, simplify};
use super::{
    BinOp, Block, BlockCall, BlockData, Callee, CtxField, ElemKind, Exit, ExitId, ExitKind, Field, FloatCC, FnKind, FrameState,
    Function, Inst, InstData, IntCC, ObjId, Op, OvfOp, Term, Type, UnOp, Value,
};
use crate::rt::RtId;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::hash::{BuildHasher, Hash};

/// Constants that one block needs only once.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum ConstKey {
    Const(Const),
    Obj(ObjId),
    Null,
}

/// A function under construction, with a current block at whose end instructions go.
pub struct FunctionBuilder {
    func: Function,
    /// The instruction that defines each value; `None` for block parameters.
    defs: Vec<Option<Inst>>,
    current: Block,
    pc: u32,
    inlined: Option<ObjId>,
    /// Constants already made in the current block.
    consts: FxHashMap<ConstKey, Value>,
    hasher: FxBuildHasher,
    /// States and exits by hash, to share equal ones.
    states: FxHashMap<u64, Vec<u32>>,
    exits: FxHashMap<u64, Vec<ExitId>>,
    immortal: Vec<ObjId>,
}

impl Defs for FunctionBuilder {
    fn op(&self, v: Value) -> Option<&Op> {
        self.defs[v.index()].map(|i| &self.func.insts[i.index()].op)
    }
    fn ty(&self, v: Value) -> Type {
        self.func.ty(v)
    }
}

impl FunctionBuilder {
    /// A function with an empty entry block, which is the current one.
    pub fn new(name: impl Into<String>, kind: FnKind, ret: Option<Type>) -> Self {
        Self::from_function(Function::new(name, kind, ret))
    }

    /// Goes on building `func` (at the end of its entry block).
    pub fn from_function(func: Function) -> Self {
        let mut b = FunctionBuilder {
            defs: vec![None; func.values.len()],
            func,
            current: Block(0),
            pc: u32::MAX,
            inlined: None,
            consts: FxHashMap::default(),
            hasher: FxBuildHasher,
            states: FxHashMap::default(),
            exits: FxHashMap::default(),
            immortal: Vec::new(),
        };
        for (i, inst) in b.func.insts.iter().enumerate() {
            if let Some(r) = inst.result {
                b.defs[r.index()] = Some(Inst(i as u32));
            }
        }
        for (i, state) in b.func.states.iter().enumerate() {
            b.states.entry(b.hasher.hash_one(state)).or_default().push(i as u32);
        }
        for (i, exit) in b.func.exits.iter().enumerate() {
            b.exits.entry(b.hasher.hash_one(exit)).or_default().push(ExitId(i as u32));
        }
        b
    }

    /// The finished function. Blocks without a terminator are left for the verifier to report.
    pub fn finish(self) -> Function {
        self.func
    }

    /// The function so far.
    pub fn func(&self) -> &Function {
        &self.func
    }

    // Blocks

    /// The entry block.
    pub fn entry(&self) -> Block {
        Block(0)
    }

    /// A new, empty block; it does not become the current one.
    pub fn create_block(&mut self) -> Block {
        self.func.blocks.push(BlockData::default());
        Block(self.func.blocks.len() as u32 - 1)
    }

    /// Adds a parameter. Whoever jumps to the block, before or after, passes an argument for it.
    pub fn add_param(&mut self, block: Block, ty: Type) -> Value {
        let v = self.new_value(ty, None);
        self.func.blocks[block.index()].params.push(v);
        v
    }

    /// The parameters of a block.
    pub fn params(&self, block: Block) -> &[Value] {
        &self.func.blocks[block.index()].params
    }

    /// Instructions go to the end of `block` from now on.
    pub fn switch_to(&mut self, block: Block) {
        self.current = block;
        self.consts.clear();
    }

    /// The block that instructions go to.
    pub fn current(&self) -> Block {
        self.current
    }

    /// Whether the current block has a terminator already.
    pub fn is_terminated(&self) -> bool {
        self.func.blocks[self.current.index()].term != Term::None
    }

    /// Marks a block as rarely run.
    pub fn set_cold(&mut self, block: Block) {
        self.func.blocks[block.index()].cold = true;
    }

    /// Makes `block` (which must end by jumping to a loop header) the place where
    /// guards of the loop may be hoisted to, leaving through `exit`: of a kind that
    /// begins the loop anew, with a state in terms of values available at the end of `block`.
    pub fn set_hoist_exit(&mut self, block: Block, exit: ExitId) {
        self.func.blocks[block.index()].hoist_exit = Some(exit);
    }

    /// Instructions are stamped with this bytecode position from now on.
    pub fn set_pc(&mut self, pc: u32) {
        self.set_place(pc, None);
    }

    /// The same for a position of code that was inlined.
    pub fn set_place(&mut self, pc: u32, inlined: Option<ObjId>) {
        self.pc = pc;
        self.inlined = inlined;
    }

    // Values

    /// The type of a value.
    pub fn ty(&self, v: Value) -> Type {
        self.func.ty(v)
    }

    /// The operation that gives a value; `None` for block parameters.
    pub fn def(&self, v: Value) -> Option<&Op> {
        Defs::op(self, v)
    }

    /// The number that a value is known to be.
    pub fn as_const(&self, v: Value) -> Option<Const> {
        self.def(v).and_then(Const::of)
    }

    /// The `I64` that a value is known to be.
    pub fn as_i64(&self, v: Value) -> Option<i64> {
        match self.def(v) {
            Some(Op::I64Const(x)) => Some(*x),
            _ => None,
        }
    }

    /// The `I32` that a value is known to be.
    pub fn as_i32(&self, v: Value) -> Option<i32> {
        match self.def(v) {
            Some(Op::I32Const(x)) => Some(*x),
            _ => None,
        }
    }

    /// The `F64` that a value is known to be.
    pub fn as_f64(&self, v: Value) -> Option<f64> {
        match self.def(v) {
            Some(Op::F64Const(x)) => Some(f64::from_bits(*x)),
            _ => None,
        }
    }

    /// The object that a value is known to be the address of.
    pub fn as_obj(&self, v: Value) -> Option<ObjId> {
        match self.def(v) {
            Some(Op::Obj(x)) => Some(*x),
            _ => None,
        }
    }

    fn new_value(&mut self, ty: Type, def: Option<Inst>) -> Value {
        self.func.values.push(ty);
        self.defs.push(def);
        Value(self.func.values.len() as u32 - 1)
    }

    // Instructions

    /// Appends an operation as it is, without folding. Gives its result, if it has one.
    pub fn push(&mut self, op: Op) -> Option<Value> {
        debug_assert!(!self.is_terminated(), "{}: {} is terminated", self.func.name, self.current);
        let inst = Inst(self.func.insts.len() as u32);
        let ty = op.result_type(&self.func);
        let result = ty.map(|ty| self.new_value(ty, Some(inst)));
        self.func.insts.push(InstData { op, result, pc: self.pc, inlined: self.inlined });
        self.func.blocks[self.current.index()].insts.push(inst);
        result
    }

    /// Appends an operation that has a result, or gives a value that is known to equal it.
    fn emit(&mut self, mut op: Op) -> Value {
        loop {
            match simplify(&op, self) {
                Simplified::Value(v) => return v,
                Simplified::Op(simpler) => op = simpler,
                Simplified::Same | Simplified::Nothing => break,
            }
        }
        let key = match op {
            Op::Obj(o) => Some(ConstKey::Obj(o)),
            Op::Null => Some(ConstKey::Null),
            ref other => Const::of(other).map(ConstKey::Const),
        };
        if let Some(key) = key {
            if let Some(&v) = self.consts.get(&key) {
                return v;
            }
            let v = self.push_valued(op);
            self.consts.insert(key, v);
            return v;
        }
        self.push_valued(op)
    }

    fn push_valued(&mut self, op: Op) -> Value {
        self.push(op).expect("an operation with a result")
    }

    /// An `I64` constant.
    pub fn i64(&mut self, x: i64) -> Value {
        self.emit(Op::I64Const(x))
    }

    /// An `I32` constant.
    pub fn i32(&mut self, x: i32) -> Value {
        self.emit(Op::I32Const(x))
    }

    /// A truth value (`I32` 0 or 1).
    pub fn bool(&mut self, x: bool) -> Value {
        self.emit(Op::I32Const(x as i32))
    }

    /// An `F64` constant.
    pub fn f64(&mut self, x: f64) -> Value {
        self.emit(Op::F64Const(x.to_bits()))
    }

    /// The address of an object.
    pub fn obj(&mut self, obj: ObjId) -> Value {
        self.emit(Op::Obj(obj))
    }

    /// The null address.
    pub fn null(&mut self) -> Value {
        self.emit(Op::Null)
    }

    /// A two-operand operation.
    pub fn bin(&mut self, op: BinOp, a: Value, b: Value) -> Value {
        self.emit(Op::Bin(op, a, b))
    }

    /// An operation that leaves through `exit` when the result does not fit in 64 bits.
    pub fn ovf(&mut self, op: OvfOp, a: Value, b: Value, exit: ExitId) -> Value {
        self.emit(Op::Ovf(op, a, b, exit))
    }

    /// A one-operand operation.
    pub fn un(&mut self, op: UnOp, a: Value) -> Value {
        self.emit(Op::Un(op, a))
    }

    /// An integer or address comparison; `I32` 0 or 1.
    pub fn icmp(&mut self, cc: IntCC, a: Value, b: Value) -> Value {
        self.emit(Op::Icmp(cc, a, b))
    }

    /// An integer comparison with a constant of the operand's type.
    pub fn icmp_imm(&mut self, cc: IntCC, a: Value, b: i64) -> Value {
        let b = self.imm(self.ty(a), b);
        self.icmp(cc, a, b)
    }

    /// A float comparison; `I32` 0 or 1.
    pub fn fcmp(&mut self, cc: FloatCC, a: Value, b: Value) -> Value {
        self.emit(Op::Fcmp(cc, a, b))
    }

    /// The inverse of a truth value.
    pub fn not(&mut self, cond: Value) -> Value {
        let zero = self.i32(0);
        self.icmp(IntCC::Eq, cond, zero)
    }

    /// `if cond != 0 { a } else { b }`.
    pub fn select(&mut self, cond: Value, a: Value, b: Value) -> Value {
        self.emit(Op::Select(cond, a, b))
    }

    /// An integer constant of type `ty` (`I32` or `I64`; null for `Ptr`, whatever `x` is).
    fn imm(&mut self, ty: Type, x: i64) -> Value {
        match ty {
            Type::I32 => self.i32(x as i32),
            Type::Ptr => self.null(),
            _ => self.i64(x),
        }
    }

    // Memory

    /// Loads a field of the object at `base`. `dep` is the guard without which `base` might
    /// not be such an object; `None` says that the load is valid wherever `base` is defined.
    pub fn load(&mut self, field: Field, base: Value, dep: Option<Value>) -> Value {
        self.emit(Op::Load { field, base, dep })
    }

    /// Stores a field.
    pub fn store(&mut self, field: Field, base: Value, value: Value) {
        self.push(Op::Store { field, base, value });
    }

    /// Loads an element; `base` is the address of the first, `index` an `I64`.
    pub fn load_elem(&mut self, kind: ElemKind, base: Value, index: Value, dep: Option<Value>) -> Value {
        self.emit(Op::LoadElem { kind, base, index, dep })
    }

    /// Stores an element.
    pub fn store_elem(&mut self, kind: ElemKind, base: Value, index: Value, value: Value) {
        self.push(Op::StoreElem { kind, base, index, value });
    }

    /// Word `index` of the argument array `args` of an entry.
    pub fn load_arg(&mut self, args: Value, index: u32, ty: Type) -> Value {
        self.emit(Op::LoadArg { args, index, ty })
    }

    /// Writes a word of that array.
    pub fn store_arg(&mut self, args: Value, index: u32, value: Value) {
        self.push(Op::StoreArg { args, index, value });
    }

    /// Loads a field of the context.
    pub fn load_ctx(&mut self, field: CtxField) -> Value {
        self.emit(Op::LoadCtx(field))
    }

    /// Writes a scratch word of the context.
    pub fn store_scratch(&mut self, index: u32, value: Value) {
        self.push(Op::StoreScratch { index, value });
    }

    // Control in the middle of a block

    /// Leaves through `exit` unless `(cond != 0) == expect`. Gives the token for `dep`;
    /// `None` where the guard is known to pass, so that nothing depends on it.
    pub fn guard(&mut self, cond: Value, expect: bool, exit: ExitId) -> Option<Value> {
        let mut op = Op::Guard { cond, expect, exit };
        loop {
            match simplify(&op, self) {
                Simplified::Nothing => return None,
                Simplified::Op(simpler) => op = simpler,
                Simplified::Same | Simplified::Value(_) => break,
            }
        }
        self.push(op)
    }

    /// A guard that `a CC b`.
    pub fn guard_icmp(&mut self, cc: IntCC, a: Value, b: Value, exit: ExitId) -> Option<Value> {
        let cond = self.icmp(cc, a, b);
        self.guard(cond, true, exit)
    }

    /// A guard that the address `v` is that of `obj`.
    pub fn guard_is(&mut self, v: Value, obj: ObjId, exit: ExitId) -> Option<Value> {
        let o = self.obj(obj);
        self.guard_icmp(IntCC::Eq, v, o, exit)
    }

    /// One reference more.
    pub fn incref(&mut self, v: Value) {
        if !self.is_immortal(v) {
            self.push(Op::Incref(v));
        }
    }

    /// One reference less. Leaves through `exit` (of kind [`ExitKind::After`]: what precedes
    /// is done) when destroying the object may have changed what the code relies on.
    pub fn decref(&mut self, v: Value, exit: Option<ExitId>) {
        if !self.is_immortal(v) {
            self.push(Op::Decref(v, exit));
        }
    }

    /// The function makes a frame of its own; see [`Function::framed`].
    pub fn set_framed(&mut self) {
        self.func.framed = true;
    }

    /// These objects are immortal: nobody counts their references.
    pub fn set_immortal(&mut self, objects: Vec<ObjId>) {
        self.immortal = objects;
    }

    fn is_immortal(&self, v: Value) -> bool {
        matches!(self.op(v), Some(Op::Obj(id)) if self.immortal.contains(id))
    }

    /// Whether the object has exactly one reference.
    pub fn is_unique(&mut self, v: Value) -> Value {
        self.emit(Op::IsUnique(v))
    }

    /// Calls a run-time entry point. Looking at its failure is the caller's business.
    pub fn call_rt(&mut self, rt: RtId, args: &[Value]) -> Option<Value> {
        debug_assert_eq!(args.len(), rt.params().len(), "arguments of {}", rt.name());
        self.push(Op::CallRt { rt, args: args.to_vec() })
    }

    /// Calls an entry point that has a result.
    pub fn call_rt_value(&mut self, rt: RtId, args: &[Value]) -> Value {
        self.call_rt(rt, args).expect("an entry point with a result")
    }

    /// Calls compiled code; `exit` is of kind [`ExitKind::Call`].
    pub fn call_fn(&mut self, callee: Callee, args: &[Value], ret: Option<Type>, exit: ExitId) -> Option<Value> {
        self.push(Op::CallFn { callee, args: args.to_vec(), ret, exit })
    }

    /// Polls.
    pub fn poll(&mut self, exit: ExitId) {
        self.push(Op::Poll { exit });
    }

    /// Takes a level of recursion.
    pub fn enter(&mut self, exit: ExitId) {
        self.push(Op::Enter { exit });
    }

    /// Gives a level of recursion back.
    pub fn leave(&mut self) {
        self.push(Op::Leave);
    }

    // Terminators

    fn terminate(&mut self, term: Term) {
        debug_assert!(!self.is_terminated(), "{}: {} is terminated", self.func.name, self.current);
        self.func.blocks[self.current.index()].term = term;
    }

    /// Ends the block with a jump.
    pub fn jump(&mut self, block: Block, args: &[Value]) {
        self.terminate(Term::Jump(BlockCall { block, args: args.to_vec() }));
    }

    /// Ends the block with a branch: to `then` if `cond != 0`. A known condition makes a jump.
    pub fn br(&mut self, cond: Value, then: Block, then_args: &[Value], els: Block, els_args: &[Value]) {
        if let Some(x) = self.as_i32(cond) {
            if x != 0 {
                self.jump(then, then_args)
            } else {
                self.jump(els, els_args)
            }
            return;
        }
        let then = BlockCall { block: then, args: then_args.to_vec() };
        let els = BlockCall { block: els, args: els_args.to_vec() };
        self.terminate(Term::Br { cond, then, els });
    }

    /// Ends the block by returning.
    pub fn ret(&mut self, value: Option<Value>) {
        self.terminate(Term::Ret(value));
    }

    /// Ends the block by leaving through an exit.
    pub fn exit(&mut self, exit: ExitId) {
        self.terminate(Term::Exit(exit));
    }

    // States and exits

    /// The index of a frame state; equal ones are shared.
    pub fn add_state(&mut self, state: FrameState) -> u32 {
        let slot = self.states.entry(self.hasher.hash_one(&state)).or_default();
        if let Some(&i) = slot.iter().find(|&&i| self.func.states[i as usize] == state) {
            return i;
        }
        let i = self.func.states.len() as u32;
        slot.push(i);
        self.func.states.push(state);
        i
    }

    /// An exit with a state made by [`Self::add_state`]; equal ones are shared. `drops`
    /// are owned references that the state does not hold.
    pub fn add_exit(&mut self, kind: ExitKind, state: u32, drops: &[Value]) -> ExitId {
        let exit = Exit { kind, state, drops: drops.to_vec() };
        let slot = self.exits.entry(self.hasher.hash_one(&exit)).or_default();
        if let Some(&i) = slot.iter().find(|&&i| self.func.exits[i.index()] == exit) {
            return i;
        }
        let i = ExitId(self.func.exits.len() as u32);
        slot.push(i);
        self.func.exits.push(exit);
        i
    }

    /// [`Self::add_state`] and [`Self::add_exit`] at once.
    pub fn exit_to(&mut self, kind: ExitKind, state: FrameState, drops: &[Value]) -> ExitId {
        let state = self.add_state(state);
        self.add_exit(kind, state, drops)
    }
}

macro_rules! shorthands {
    ($($(#[$m:meta])* $name:ident = $method:ident $op:expr;)*) => {
        /// Shorthands by the names of the operations.
        impl FunctionBuilder {
            $(shorthands!(@ $(#[$m])* $name $method $op);)*
        }
    };
    (@ $(#[$m:meta])* $name:ident bin $op:expr) => {
        $(#[$m])*
        pub fn $name(&mut self, a: Value, b: Value) -> Value { self.bin($op, a, b) }
    };
    (@ $(#[$m:meta])* $name:ident un $op:expr) => {
        $(#[$m])*
        pub fn $name(&mut self, a: Value) -> Value { self.un($op, a) }
    };
    (@ $(#[$m:meta])* $name:ident ovf $op:expr) => {
        $(#[$m])*
        pub fn $name(&mut self, a: Value, b: Value, exit: ExitId) -> Value { self.ovf($op, a, b, exit) }
    };
}

shorthands! {
    /// Wrapping addition.
    add = bin BinOp::Add;
    /// Wrapping subtraction.
    sub = bin BinOp::Sub;
    /// Wrapping multiplication.
    mul = bin BinOp::Mul;
    /// Signed division rounding to zero.
    sdiv = bin BinOp::SDiv;
    /// Its remainder.
    srem = bin BinOp::SRem;
    and = bin BinOp::And;
    or = bin BinOp::Or;
    xor = bin BinOp::Xor;
    shl = bin BinOp::Shl;
    sshr = bin BinOp::SShr;
    fadd = bin BinOp::FAdd;
    fsub = bin BinOp::FSub;
    fmul = bin BinOp::FMul;
    fdiv = bin BinOp::FDiv;
    /// Wrapping negation.
    neg = un UnOp::Neg;
    /// Bitwise complement (the inverse of a truth value is [`FunctionBuilder::not`]).
    bit_not = un UnOp::Not;
    fneg = un UnOp::FNeg;
    fabs = un UnOp::FAbs;
    fsqrt = un UnOp::FSqrt;
    ffloor = un UnOp::FFloor;
    fceil = un UnOp::FCeil;
    i64_to_f64 = un UnOp::I64ToF64;
    f64_to_i64 = un UnOp::F64ToI64;
    bits_of = un UnOp::BitsOf;
    zext = un UnOp::Zext;
    sext = un UnOp::Sext;
    wrap = un UnOp::Wrap;
    /// Addition that leaves through the exit on overflow.
    add_ovf = ovf OvfOp::Add;
    sub_ovf = ovf OvfOp::Sub;
    mul_ovf = ovf OvfOp::Mul;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{FrameDesc, Reason, Recipe};

    fn builder() -> FunctionBuilder {
        FunctionBuilder::new("f", FnKind::Compiled, Some(Type::I64))
    }

    #[test]
    fn constants_fold_and_are_shared_within_a_block() {
        let mut b = builder();
        let (x, y) = (b.i64(40), b.i64(2));
        let sum = b.add(x, y);
        assert_eq!(b.as_i64(sum), Some(42));
        assert_eq!(b.i64(42), sum);
        let next = b.create_block();
        b.switch_to(next);
        assert_ne!(b.i64(42), sum);
    }

    #[test]
    fn neutral_elements_vanish() {
        let mut b = builder();
        let entry = b.entry();
        let (x, f) = (b.add_param(entry, Type::I64), b.add_param(entry, Type::F64));
        let zero = b.i64(0);
        assert_eq!(b.add(x, zero), x);
        assert_eq!(b.add(zero, x), x);
        let neg = b.fneg(f);
        assert_eq!(b.fneg(neg), f);
        let fzero = b.f64(0.0);
        assert_ne!(b.fadd(f, fzero), f, "-0.0 + 0.0 is 0.0");
    }

    #[test]
    fn a_guard_that_holds_makes_nothing() {
        let mut b = builder();
        let state = FrameState {
            frames: vec![FrameDesc {
                code: ObjId(0),
                func: None,
                pc: 3,
                awaits: crate::ir::Awaits::Result,
                locals: vec![Recipe::Null],
                stack: vec![],
            }],
            globals: vec![],
        };
        let exit = b.exit_to(ExitKind::Guard(Reason::Type), state.clone(), &[]);
        assert_eq!(b.exit_to(ExitKind::Guard(Reason::Type), state.clone(), &[]), exit);
        assert_ne!(b.exit_to(ExitKind::Guard(Reason::Value), state, &[]), exit);
        assert_eq!(b.func().states.len(), 1);
        let (yes, no) = (b.bool(true), b.bool(false));
        assert_eq!(b.guard(yes, true, exit), None);
        assert_eq!(b.guard(no, false, exit), None);
        assert!(b.guard(no, true, exit).is_some());
    }

    #[test]
    fn comparisons_of_truth_values_with_zero_are_inverted() {
        let mut b = builder();
        let entry = b.entry();
        let (x, y) = (b.add_param(entry, Type::I64), b.add_param(entry, Type::I64));
        let lt = b.icmp(IntCC::SLt, x, y);
        let ge = b.not(lt);
        assert_eq!(b.def(ge), Some(&Op::Icmp(IntCC::SGe, x, y)));
        let f = b.add_param(entry, Type::F64);
        let less = b.fcmp(FloatCC::Lt, f, f);
        let not_less = b.not(less);
        assert!(matches!(b.def(not_less), Some(Op::Icmp(IntCC::Eq, ..))), "NaN: not `>=`");
    }
}
