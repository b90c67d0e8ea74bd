//! Instructions that compute, compare, and access memory.

use super::call::{ctx_offset, scratch_offset};
use super::translate::{TRUSTED, Translator, clif_type};
use cranelift_codegen::ir::condcodes::{FloatCC as ClifFloatCC, IntCC as ClifIntCC};
use cranelift_codegen::ir::immediates::Ieee64;
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use psycore_jit::ir::facts::Fact;
use psycore_jit::ir::{
    BinOp, CtxField, ElemKind, Field, FieldTy, FloatCC, Function, InstData, IntCC, Op, Term, Type, UnOp, Value,
};
use psycore_jit::lower::LowerError;

/// The bits of 2.0.
const TWO: u64 = 2.0f64.to_bits();

/// Which values are read other than as conditions. Comparisons that are not need no register.
pub(super) fn mark_data_uses(f: &Function, used: &mut Vec<bool>) {
    used.clear();
    used.resize(f.values.len(), false);
    let mut mark = |v: Value| used[v.index()] = true;
    for inst in &f.insts {
        match &inst.op {
            Op::Guard { .. } => {}
            Op::Select(_, a, b) => {
                mark(*a);
                mark(*b);
            }
            op => op.operands(&mut mark),
        }
    }
    for block in &f.blocks {
        match &block.term {
            Term::Jump(call) => call.args.iter().copied().for_each(&mut mark),
            Term::Br { then, els, .. } => then.args.iter().chain(&els.args).copied().for_each(&mut mark),
            Term::Ret(Some(v)) => mark(*v),
            Term::Ret(None) | Term::Exit(_) | Term::None => {}
        }
    }
    for state in &f.states {
        state.values(&mut mark);
    }
    for exit in &f.exits {
        exit.drops.iter().copied().for_each(&mut mark);
    }
}

impl Translator<'_> {
    pub(super) fn inst(&mut self, inst: &InstData) -> Result<(), LowerError> {
        let value = match &inst.op {
            Op::I64Const(c) => Some(self.pos.ins().iconst(types::I64, *c)),
            Op::I32Const(c) => Some(self.pos.ins().iconst(types::I32, i64::from(*c))),
            Op::F64Const(bits) => Some(self.pos.ins().f64const(Ieee64::with_bits(*bits))),
            Op::Obj(object) => {
                let address = (self.input.env.obj_address)(*object);
                Some(self.pos.ins().iconst(types::I64, address as i64))
            }
            Op::Null => Some(self.pos.ins().iconst(types::I64, 0)),
            Op::Bin(op, a, b) => Some(self.bin(*op, *a, *b)?),
            Op::Ovf(op, a, b, exit) => Some(self.ovf(*op, *a, *b, *exit)?),
            Op::Un(op, a) => Some(self.un(*op, *a)?),
            Op::Icmp(cc, a, b) => {
                let (a, b) = (self.value(*a)?, self.value(*b)?);
                let condition = self.pos.ins().icmp(int_cc(*cc), a, b);
                self.comparison(inst, condition)
            }
            Op::Fcmp(cc, a, b) => {
                let (a, b) = (self.value(*a)?, self.value(*b)?);
                let condition = self.pos.ins().fcmp(float_cc(*cc), a, b);
                self.comparison(inst, condition)
            }
            Op::IsUnique(v) => {
                let condition = self.is_unique(*v)?;
                self.comparison(inst, condition)
            }
            Op::Select(cond, a, b) => {
                if let Fact::Const(c) = self.fact(*cond) {
                    Some(self.value(if c != 0 { *a } else { *b })?)
                } else {
                    let (cond, a, b) = (self.condition(*cond)?, self.value(*a)?, self.value(*b)?);
                    Some(self.pos.ins().select(cond, a, b))
                }
            }
            Op::Load { field, base, .. } => {
                let base = self.value(*base)?;
                Some(self.load(*field, base))
            }
            Op::Store { field, base, value } => {
                let (base, value) = (self.value(*base)?, self.value(*value)?);
                let offset = self.input.env.layout.offset(*field);
                match field.field_ty() {
                    FieldTy::U8 => self.pos.ins().istore8(TRUSTED, value, base, offset),
                    _ => self.pos.ins().store(TRUSTED, value, base, offset),
                };
                None
            }
            Op::LoadElem { kind, base, index, .. } => {
                let (address, offset) = self.element(*kind, *base, *index)?;
                Some(match kind {
                    ElemKind::Byte => self.pos.ins().uload8(types::I32, TRUSTED, address, offset),
                    _ => self.pos.ins().load(types::I64, TRUSTED, address, offset),
                })
            }
            Op::StoreElem { kind, base, index, value } => {
                let (address, offset) = self.element(*kind, *base, *index)?;
                let value = self.value(*value)?;
                match kind {
                    ElemKind::Byte => self.pos.ins().istore8(TRUSTED, value, address, offset),
                    _ => self.pos.ins().store(TRUSTED, value, address, offset),
                };
                None
            }
            Op::LoadArg { args, index, ty } => {
                let args = self.value(*args)?;
                let ty = clif_type(*ty).ok_or_else(|| LowerError("token as argument".into()))?;
                let offset = self.arg_offset(*index)?;
                Some(self.pos.ins().load(ty, TRUSTED, args, offset))
            }
            Op::StoreArg { args, index, value } => {
                let (args, value) = (self.value(*args)?, self.value(*value)?);
                let value = self.word(value);
                let offset = self.arg_offset(*index)?;
                self.pos.ins().store(TRUSTED, value, args, offset);
                None
            }
            Op::LoadCtx(field) => {
                let ty = inst.result.and_then(|v| clif_type(self.f.ty(v)));
                let ty = ty.ok_or_else(|| LowerError("load from the context without result".into()))?;
                Some(self.pos.ins().load(ty, TRUSTED, self.ctx, ctx_offset(*field)))
            }
            Op::StoreCtx(field, v) => {
                let mut value = self.value(*v)?;
                if *field == CtxField::Ret {
                    value = self.word(value);
                }
                self.pos.ins().store(TRUSTED, value, self.ctx, ctx_offset(*field));
                None
            }
            Op::StoreScratch { index, value } => {
                let value = self.value(*value)?;
                let value = self.word(value);
                self.pos.ins().store(TRUSTED, value, self.ctx, scratch_offset(*index)?);
                None
            }
            Op::Guard { cond, expect, exit } => {
                let cond = self.condition(*cond)?;
                self.guard(cond, *expect, *exit);
                None
            }
            Op::Incref(v) => {
                self.incref(*v)?;
                None
            }
            Op::Decref(v, exit) => {
                self.decref(*v, *exit)?;
                None
            }
            Op::CallRt { rt, args } => {
                let args: Result<Vec<_>, _> = args.iter().map(|v| self.value(*v)).collect();
                self.call_rt(*rt, &args?)?
            }
            Op::CallFn { callee, args, ret, exit } => self.call_fn(*callee, args, *ret, *exit)?,
            Op::Poll { exit } => {
                self.poll(*exit);
                None
            }
            Op::Enter { exit } => {
                self.enter(*exit);
                None
            }
            Op::Leave => {
                self.leave();
                None
            }
        };
        if let (Some(result), Some(value)) = (inst.result, value) {
            self.t.values[result.index()] = value.into();
        }
        Ok(())
    }

    fn arg_offset(&self, index: u32) -> Result<i32, LowerError> {
        let stride = self.input.env.layout.arg_stride;
        i32::try_from(u64::from(index) * u64::from(stride)).map_err(|_| LowerError(format!("argument {index}")))
    }

    /// Notes a narrow comparison; widens it where it is used as a number too.
    fn comparison(&mut self, inst: &InstData, condition: clif::Value) -> Option<clif::Value> {
        let result = inst.result?;
        self.t.conditions[result.index()] = condition.into();
        self.t.used_as_data[result.index()].then(|| self.pos.ins().uextend(types::I32, condition))
    }

    fn load(&mut self, field: Field, base: clif::Value) -> clif::Value {
        let offset = self.input.env.layout.offset(field);
        match field.field_ty() {
            FieldTy::U8 => self.pos.ins().uload8(types::I32, TRUSTED, base, offset),
            FieldTy::I32 => self.pos.ins().load(types::I32, TRUSTED, base, offset),
            FieldTy::I64 | FieldTy::Word | FieldTy::SignedWord | FieldTy::Ptr => {
                self.pos.ins().load(types::I64, TRUSTED, base, offset)
            }
            FieldTy::F64 => self.pos.ins().load(types::F64, TRUSTED, base, offset),
        }
    }

    /// Address and offset of an element.
    fn element(&mut self, kind: ElemKind, base: Value, index: Value) -> Result<(clif::Value, i32), LowerError> {
        let (stride, offset) = self.input.env.layout.elem(kind);
        let (base, index) = (self.value(base)?, self.value(index)?);
        let scaled = match stride {
            1 => index,
            s if s.is_power_of_two() => self.pos.ins().ishl_imm_s(index, i64::from(s.trailing_zeros())),
            s => self.pos.ins().imul_imm_s(index, i64::from(s)),
        };
        Ok((self.pos.ins().iadd(base, scaled), offset))
    }

    fn bin(&mut self, op: BinOp, a: Value, b: Value) -> Result<clif::Value, LowerError> {
        let (mut x, mut y) = (self.value(a)?, self.value(b)?);
        match (op, self.fact(a), self.fact(b)) {
            (BinOp::Sub, _, Fact::Const(0)) => return Ok(x),
            // Doubling is exact either way.
            (BinOp::FMul, _, Fact::Float(TWO)) => return Ok(self.pos.ins().fadd(x, x)),
            (BinOp::FMul, Fact::Float(TWO), _) => return Ok(self.pos.ins().fadd(y, y)),
            // Only the second operand can be in memory, where float constants are.
            (BinOp::FAdd | BinOp::FMul, Fact::Float(_), _) => (x, y) = (y, x),
            _ => {}
        }
        let ins = self.pos.ins();
        Ok(match op {
            BinOp::Add => ins.iadd(x, y),
            BinOp::Sub => ins.isub(x, y),
            BinOp::Mul => ins.imul(x, y),
            BinOp::SDiv | BinOp::SRem => return self.divide(op, a, b),
            BinOp::And => ins.band(x, y),
            BinOp::Or => ins.bor(x, y),
            BinOp::Xor => ins.bxor(x, y),
            BinOp::Shl => ins.ishl(x, y),
            BinOp::SShr => ins.sshr(x, y),
            BinOp::UShr => ins.ushr(x, y),
            BinOp::FAdd => ins.fadd(x, y),
            BinOp::FSub => ins.fsub(x, y),
            BinOp::FMul => ins.fmul(x, y),
            BinOp::FDiv => ins.fdiv(x, y),
        })
    }

    fn un(&mut self, op: UnOp, a: Value) -> Result<clif::Value, LowerError> {
        if let (UnOp::Zext, Some(condition)) = (op, self.t.conditions[a.index()].expand()) {
            return Ok(self.pos.ins().uextend(types::I64, condition));
        }
        let x = self.value(a)?;
        let from = self.f.ty(a);
        let ins = self.pos.ins();
        Ok(match op {
            UnOp::Neg => ins.ineg(x),
            UnOp::Not => ins.bnot(x),
            UnOp::FNeg => ins.fneg(x),
            UnOp::FAbs => ins.fabs(x),
            UnOp::FSqrt => ins.sqrt(x),
            UnOp::FFloor => ins.floor(x),
            UnOp::FCeil => ins.ceil(x),
            UnOp::FTrunc => ins.trunc(x),
            UnOp::I64ToF64 => ins.fcvt_from_sint(types::F64, x),
            UnOp::F64ToI64 => ins.fcvt_to_sint(types::I64, x),
            UnOp::BitsOf => ins.bitcast(types::I64, clif::MemFlagsData::new(), x),
            UnOp::Zext if from == Type::I32 => ins.uextend(types::I64, x),
            UnOp::Sext if from == Type::I32 => ins.sextend(types::I64, x),
            UnOp::Wrap if from != Type::I32 => ins.ireduce(types::I32, x),
            UnOp::PtrToInt => x,
            UnOp::Zext | UnOp::Sext | UnOp::Wrap => return Err(LowerError(format!("{op:?} of {from:?}"))),
        })
    }
}

fn int_cc(cc: IntCC) -> ClifIntCC {
    match cc {
        IntCC::Eq => ClifIntCC::Equal,
        IntCC::Ne => ClifIntCC::NotEqual,
        IntCC::SLt => ClifIntCC::SignedLessThan,
        IntCC::SLe => ClifIntCC::SignedLessThanOrEqual,
        IntCC::SGt => ClifIntCC::SignedGreaterThan,
        IntCC::SGe => ClifIntCC::SignedGreaterThanOrEqual,
        IntCC::ULt => ClifIntCC::UnsignedLessThan,
        IntCC::ULe => ClifIntCC::UnsignedLessThanOrEqual,
        IntCC::UGt => ClifIntCC::UnsignedGreaterThan,
        IntCC::UGe => ClifIntCC::UnsignedGreaterThanOrEqual,
    }
}

fn float_cc(cc: FloatCC) -> ClifFloatCC {
    match cc {
        FloatCC::Eq => ClifFloatCC::Equal,
        FloatCC::Ne => ClifFloatCC::NotEqual,
        FloatCC::Lt => ClifFloatCC::LessThan,
        FloatCC::Le => ClifFloatCC::LessThanOrEqual,
        FloatCC::Gt => ClifFloatCC::GreaterThan,
        FloatCC::Ge => ClifFloatCC::GreaterThanOrEqual,
    }
}
