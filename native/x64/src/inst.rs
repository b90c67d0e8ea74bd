//! Instructions: those that compute and compare here, the others where their files are.

use super::translate::Translator;
use cranelift_codegen::ir::condcodes::{FloatCC as ClifFloatCC, IntCC as ClifIntCC};
use cranelift_codegen::ir::immediates::Ieee64;
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use psycore_jit::ir::{BinOp, FloatCC, InstData, IntCC, Op, Type, UnOp, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::facts::Fact;
use psycore_jit::lower::refcount::{decref, incref};
use psycore_jit::rt::RtId;

/// The bits of 2.0.
const TWO: u64 = 2.0f64.to_bits();

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
            Op::Load { .. }
            | Op::Store { .. }
            | Op::LoadElem { .. }
            | Op::StoreElem { .. }
            | Op::LoadArg { .. }
            | Op::StoreArg { .. }
            | Op::LoadCtx(_)
            | Op::StoreScratch { .. } => self.access(inst)?,
            Op::CallRt { rt, args } => {
                let values: Result<Vec<_>, _> = args.iter().map(|v| self.value(*v)).collect();
                let values = values?;
                let constant =
                    |i: usize| args.get(i).and_then(|v| if let Fact::Const(c) = self.fact(*v) { Some(c) } else { None });
                match rt {
                    RtId::DictFindName if let Some(index) = constant(2) => self.find_name(&values, index)?,
                    RtId::ReplaceSlot if let Some(index) = constant(1) => {
                        self.replace_slot(&values, index as u32)?;
                        None
                    }
                    _ => self.call_rt(*rt, &values)?,
                }
            }
            Op::CallFn { callee, args, ret, exit } => self.call_fn(*callee, args, *ret, *exit)?,
            Op::Guard { .. } | Op::Incref(_) | Op::Decref(..) | Op::Poll { .. } | Op::Enter { .. } | Op::Leave => {
                self.effect(&inst.op)?;
                None
            }
        };
        if let (Some(result), Some(value)) = (inst.result, value) {
            self.t.values[result.index()] = value.into();
        }
        Ok(())
    }

    /// What an instruction without a result does.
    fn effect(&mut self, op: &Op) -> Result<(), LowerError> {
        let layout = self.input.env.layout;
        match op {
            Op::Guard { cond, expect, exit } => {
                let cond = self.condition(*cond)?;
                self.guard(cond, *expect, *exit);
            }
            Op::Incref(v) => incref(self, layout, *v)?,
            Op::Decref(v, exit) => decref(self, layout, *v, *exit)?,
            Op::Poll { exit } => self.poll(*exit),
            Op::Enter { exit } => self.enter(*exit),
            Op::Leave => self.leave(),
            _ => return Err(LowerError(format!("{op:?} has a result"))),
        }
        Ok(())
    }

    /// Notes a narrow comparison; widens it where it is used as a number too.
    fn comparison(&mut self, inst: &InstData, condition: clif::Value) -> Option<clif::Value> {
        let result = inst.result?;
        self.t.conditions[result.index()] = condition.into();
        self.t.used_as_data[result.index()].then(|| self.pos.ins().uextend(types::I32, condition))
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
            UnOp::I64ToF64 => ins.fcvt_from_sint(types::F64, x),
            UnOp::F64ToI64 => ins.fcvt_to_sint(types::I64, x),
            UnOp::BitsOf => ins.bitcast(types::I64, clif::MemFlagsData::new(), x),
            UnOp::Zext if from == Type::I32 => ins.uextend(types::I64, x),
            UnOp::Sext if from == Type::I32 => ins.sextend(types::I64, x),
            UnOp::Wrap if from != Type::I32 => ins.ireduce(types::I32, x),
            UnOp::Zext | UnOp::Sext | UnOp::Wrap => return Err(LowerError(format!("{op:?} of {from:?}"))),
        })
    }
}

pub(super) fn int_cc(cc: IntCC) -> ClifIntCC {
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
