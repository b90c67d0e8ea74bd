//! Instructions: those that compute leave their result on the stack, the others are told where it goes.

use super::abi::{CTX, mem};
use super::function::Emitter;
use super::memory;
use super::placement::Placement;
use psycore_jit::ir::{BinOp, CtxField, FloatCC, Inst, IntCC, Op, Type, UnOp, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::facts::Fact;
use psycore_jit::lower::refcount::{decref, incref};
use wasm_encoder::Ieee64;

impl Emitter<'_> {
    /// Emits an instruction; its result goes to the local of `result`, or nowhere.
    pub(super) fn inst(&mut self, inst: Inst, result: Option<Value>) -> Result<(), LowerError> {
        let (f, layout) = (self.f, self.input.env.layout);
        let data = &f.insts[inst.index()];
        match &data.op {
            Op::Ovf(op, a, b, exit) => return self.ovf(*op, *a, *b, *exit, result),
            Op::CallFn { callee, args, ret, exit } => return self.call_fn(*callee, args, *ret, *exit, result),
            Op::Store { field, base, value } => return self.store(*field, *base, *value),
            Op::StoreElem { kind, base, index, value } => return self.store_elem(*kind, *base, *index, *value),
            Op::StoreArg { args, index, value } => return self.store_arg(*args, *index, *value),
            Op::StoreScratch { index, value } => {
                let offset = self.input.env.scratch_offset(*index)?;
                self.sink().local_get(CTX);
                self.word(*value)?;
                self.store_word(*value, u64::from(offset));
                return Ok(());
            }
            Op::Guard { cond, expect, exit } => {
                if *expect && self.is_order_of_floats(*cond) {
                    // Of these there is no inverse; one in two steps is slower than a jump over the exit.
                    self.open();
                    self.get(*cond)?;
                    self.sink().br_if(0);
                    let label = self.exit_label(*exit);
                    self.sink().br(label);
                    self.close();
                    return Ok(());
                }
                self.condition(*cond, !expect)?;
                self.leave_if(*exit);
                return Ok(());
            }
            Op::Incref(v) => return incref(self, layout, *v),
            Op::Decref(v, exit) => return decref(self, layout, *v, *exit),
            Op::Poll { exit } => return self.poll(*exit),
            Op::Enter { exit } => return self.enter(*exit),
            Op::Leave => return self.leave(),
            Op::CallRt { rt, args } => {
                self.call_rt(*rt, args)?;
                if rt.ret().is_none() {
                    return Ok(());
                }
            }
            // Nobody wants what it computes.
            _ if result.is_none() => return Ok(()),
            op => self.operation(op)?,
        }
        match result {
            Some(result) => {
                let local = self.local(result)?;
                self.set(local);
            }
            None => {
                self.sink().drop();
            }
        }
        Ok(())
    }

    /// Pushes what an operation gives that does nothing else.
    pub(super) fn operation(&mut self, op: &Op) -> Result<(), LowerError> {
        match op {
            Op::I64Const(c) => {
                self.sink().i64_const(*c);
            }
            Op::I32Const(c) => {
                self.sink().i32_const(*c);
            }
            Op::F64Const(bits) => {
                self.sink().f64_const(Ieee64::new(*bits));
            }
            Op::Obj(object) => {
                let address = (self.input.env.obj_address)(*object);
                self.sink().i32_const(address as i32);
            }
            Op::Null => {
                self.sink().i32_const(0);
            }
            Op::Bin(op, a, b) => return self.bin(*op, *a, *b),
            Op::Un(op, a) => return self.un(*op, *a),
            Op::Icmp(cc, a, b) => return self.icmp(*cc, *a, *b),
            Op::Fcmp(cc, a, b) => return self.fcmp(*cc, *a, *b),
            Op::Select(cond, a, b) => {
                if let Fact::Const(c) = self.facts[cond.index()] {
                    return self.get(if c != 0 { *a } else { *b });
                }
                self.get(*a)?;
                self.get(*b)?;
                self.get(*cond)?;
                self.sink().select();
            }
            Op::Load { field, base, .. } => return self.load(*field, *base),
            Op::LoadElem { kind, base, index, .. } => return self.load_elem(*kind, *base, *index),
            Op::LoadArg { args, index, ty } => return self.load_arg(*args, *index, *ty),
            Op::LoadCtx(field) => {
                let memory = mem(self.ctx_offset(*field), 2);
                self.sink().local_get(CTX).i32_load(memory);
            }
            Op::IsUnique(v) => {
                let offset = self.input.env.layout.refcount;
                self.get(*v)?;
                let memory = self.at(offset, 2);
                self.sink().i32_load(memory).i32_const(1).i32_eq();
            }
            Op::CallRt { rt, args } => return self.call_rt(*rt, args),
            other => return Err(LowerError(format!("{other:?} as an operand"))),
        }
        Ok(())
    }

    fn ctx_offset(&self, field: CtxField) -> u64 {
        u64::from(self.input.env.layout.context().field(field))
    }

    /// Makes the address on the stack fit for an access at an offset; gives the operand of the access.
    pub(super) fn at(&mut self, offset: i32, align: u32) -> wasm_encoder::MemArg {
        match u64::try_from(offset) {
            Ok(offset) => mem(offset, align),
            Err(_) => {
                self.sink().i32_const(offset).i32_add();
                mem(0, align)
            }
        }
    }

    /// Pushes a truth value: whether `v` is (not) 0.
    pub(super) fn condition(&mut self, v: Value, wanted: bool) -> Result<(), LowerError> {
        if !wanted {
            if let Placement::Stack(inst) = self.placements.of[v.index()] {
                match self.f.insts[inst.index()].op {
                    Op::Icmp(cc, a, b) => return self.icmp(cc.inverse(), a, b),
                    Op::Fcmp(FloatCC::Eq, a, b) => return self.fcmp(FloatCC::Ne, a, b),
                    Op::Fcmp(FloatCC::Ne, a, b) => return self.fcmp(FloatCC::Eq, a, b),
                    _ => {}
                }
            }
            self.get(v)?;
            self.sink().i32_eqz();
            return Ok(());
        }
        self.get(v)
    }

    fn is_order_of_floats(&self, v: Value) -> bool {
        match self.placements.of[v.index()] {
            Placement::Stack(inst) => {
                matches!(self.f.insts[inst.index()].op, Op::Fcmp(cc, ..) if !matches!(cc, FloatCC::Eq | FloatCC::Ne))
            }
            _ => false,
        }
    }

    fn fcmp(&mut self, cc: FloatCC, a: Value, b: Value) -> Result<(), LowerError> {
        self.get(a)?;
        self.get(b)?;
        let mut sink = self.sink();
        match cc {
            FloatCC::Eq => sink.f64_eq(),
            FloatCC::Ne => sink.f64_ne(),
            FloatCC::Lt => sink.f64_lt(),
            FloatCC::Le => sink.f64_le(),
            FloatCC::Gt => sink.f64_gt(),
            FloatCC::Ge => sink.f64_ge(),
        };
        Ok(())
    }

    fn icmp(&mut self, cc: IntCC, a: Value, b: Value) -> Result<(), LowerError> {
        self.get(a)?;
        let ty = self.f.ty(a);
        let zero = match self.placements.of[b.index()] {
            Placement::Const(inst) => matches!(self.f.insts[inst.index()].op, Op::I64Const(0) | Op::I32Const(0) | Op::Null),
            _ => false,
        };
        if zero && cc == IntCC::Eq {
            match ty {
                Type::I64 => self.sink().i64_eqz(),
                _ => self.sink().i32_eqz(),
            };
            return Ok(());
        }
        self.get(b)?;
        let mut sink = self.sink();
        match (ty, cc) {
            (Type::I64, IntCC::Eq) => sink.i64_eq(),
            (Type::I64, IntCC::Ne) => sink.i64_ne(),
            (Type::I64, IntCC::SLt) => sink.i64_lt_s(),
            (Type::I64, IntCC::SLe) => sink.i64_le_s(),
            (Type::I64, IntCC::SGt) => sink.i64_gt_s(),
            (Type::I64, IntCC::SGe) => sink.i64_ge_s(),
            (Type::I64, IntCC::ULt) => sink.i64_lt_u(),
            (Type::I64, IntCC::ULe) => sink.i64_le_u(),
            (Type::I64, IntCC::UGt) => sink.i64_gt_u(),
            (Type::I64, IntCC::UGe) => sink.i64_ge_u(),
            (_, IntCC::Eq) => sink.i32_eq(),
            (_, IntCC::Ne) => sink.i32_ne(),
            // Addresses are not negative, as in the wider words of the reference.
            (Type::Ptr, IntCC::SLt) | (_, IntCC::ULt) => sink.i32_lt_u(),
            (Type::Ptr, IntCC::SLe) | (_, IntCC::ULe) => sink.i32_le_u(),
            (Type::Ptr, IntCC::SGt) | (_, IntCC::UGt) => sink.i32_gt_u(),
            (Type::Ptr, IntCC::SGe) | (_, IntCC::UGe) => sink.i32_ge_u(),
            (_, IntCC::SLt) => sink.i32_lt_s(),
            (_, IntCC::SLe) => sink.i32_le_s(),
            (_, IntCC::SGt) => sink.i32_gt_s(),
            (_, IntCC::SGe) => sink.i32_ge_s(),
        };
        Ok(())
    }

    fn bin(&mut self, op: BinOp, a: Value, b: Value) -> Result<(), LowerError> {
        if matches!(op, BinOp::SDiv | BinOp::SRem) {
            return self.divide(op, a, b);
        }
        self.get(a)?;
        if op == BinOp::Sub && self.facts[b.index()] == Fact::Const(0) {
            return Ok(());
        }
        if self.f.ty(a) == Type::Ptr {
            self.index(b)?;
            self.sink().i32_add();
            return Ok(());
        }
        self.get(b)?;
        let wide = self.f.ty(a) == Type::I64;
        let mut sink = self.sink();
        match (op, wide) {
            (BinOp::Add, true) => sink.i64_add(),
            (BinOp::Sub, true) => sink.i64_sub(),
            (BinOp::Mul, true) => sink.i64_mul(),
            (BinOp::And, true) => sink.i64_and(),
            (BinOp::Or, true) => sink.i64_or(),
            (BinOp::Xor, true) => sink.i64_xor(),
            (BinOp::Shl, true) => sink.i64_shl(),
            (BinOp::SShr, true) => sink.i64_shr_s(),
            (BinOp::Add, false) => sink.i32_add(),
            (BinOp::Sub, false) => sink.i32_sub(),
            (BinOp::Mul, false) => sink.i32_mul(),
            (BinOp::And, false) => sink.i32_and(),
            (BinOp::Or, false) => sink.i32_or(),
            (BinOp::Xor, false) => sink.i32_xor(),
            (BinOp::Shl, false) => sink.i32_shl(),
            (BinOp::SShr, false) => sink.i32_shr_s(),
            (BinOp::FAdd, _) => sink.f64_add(),
            (BinOp::FSub, _) => sink.f64_sub(),
            (BinOp::FMul, _) => sink.f64_mul(),
            (BinOp::FDiv, _) => sink.f64_div(),
            (BinOp::SDiv | BinOp::SRem, _) => return Err(LowerError(format!("{op:?} in the wrong place"))),
        };
        Ok(())
    }

    fn un(&mut self, op: UnOp, a: Value) -> Result<(), LowerError> {
        let ty = self.f.ty(a);
        if op == UnOp::Neg {
            match ty {
                Type::I64 => self.sink().i64_const(0),
                _ => self.sink().i32_const(0),
            };
        }
        self.get(a)?;
        let mut sink = self.sink();
        match (op, ty) {
            (UnOp::Neg, Type::I64) => sink.i64_sub(),
            (UnOp::Neg, _) => sink.i32_sub(),
            (UnOp::Not, Type::I64) => sink.i64_const(-1).i64_xor(),
            (UnOp::Not, _) => sink.i32_const(-1).i32_xor(),
            (UnOp::FNeg, _) => sink.f64_neg(),
            (UnOp::FAbs, _) => sink.f64_abs(),
            (UnOp::FSqrt, _) => sink.f64_sqrt(),
            (UnOp::FFloor, _) => sink.f64_floor(),
            (UnOp::FCeil, _) => sink.f64_ceil(),
            (UnOp::I64ToF64, _) => sink.f64_convert_i64_s(),
            (UnOp::F64ToI64, _) => sink.i64_trunc_f64_s(),
            (UnOp::BitsOf, _) => sink.i64_reinterpret_f64(),
            (UnOp::Zext, Type::I32 | Type::Ptr) => sink.i64_extend_i32_u(),
            (UnOp::Sext, Type::I32) => sink.i64_extend_i32_s(),
            (UnOp::Wrap, Type::I64) => sink.i32_wrap_i64(),
            (UnOp::Zext | UnOp::Sext | UnOp::Wrap, _) => {
                return Err(LowerError(format!("{op:?} of {ty:?}")));
            }
        };
        Ok(())
    }

    /// Pushes an `I64` as a distance between addresses.
    pub(super) fn index(&mut self, v: Value) -> Result<(), LowerError> {
        match memory::constant(self, v) {
            Some(c) => {
                self.sink().i32_const(c as i32);
            }
            None => {
                self.get(v)?;
                self.sink().i32_wrap_i64();
            }
        }
        Ok(())
    }
}
