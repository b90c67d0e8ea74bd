//! Integer operations that leave on overflow.
//!
//! Multiplication is `imul; jo`. For addition and subtraction Cranelift has no such pair: it would
//! put the flag into a register and test that. So where the sign of the second operand is known,
//! which is the usual case (counters, sums of lengths and remainders), the result is compared with
//! the first operand instead: `a + b` with `b >= 0` is too large exactly if it is less than `a`.

use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, InstBuilder, condcodes::IntCC, types};
use psycore_jit::ir::{BinOp, ElemKind, ExitId, FieldTy, InstData, IntCC as Cc, Op, OvfOp, Type, UnOp, Value};
use psycore_jit::lower::LowerError;

/// What is known of an `I64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Unknown,
    Const(i64),
    NotNegative,
    /// A remainder by this positive number: between `-n` and `n`, both excluded.
    Remainder(i64),
    /// [`Fact::Remainder`] plus its divisor.
    Corrected(i64),
    /// 1 exactly if this value is negative.
    IsNegative(Value),
}

impl Fact {
    fn not_negative(self) -> bool {
        match self {
            Fact::Const(c) => c >= 0,
            Fact::NotNegative => true,
            _ => false,
        }
    }

    fn negative(self) -> bool {
        matches!(self, Fact::Const(c) if c < 0)
    }
}

impl Translator<'_> {
    fn fact(&self, v: Value) -> Fact {
        self.t.facts[v.index()]
    }

    pub(super) fn is_const(&self, v: Value) -> bool {
        matches!(self.fact(v), Fact::Const(_))
    }

    /// Notes what the instruction says of its result.
    pub(super) fn note(&mut self, inst: &InstData) {
        let Some(result) = inst.result else { return };
        let fact = |v: &Value| self.fact(*v);
        let known = match &inst.op {
            Op::I64Const(c) => Fact::Const(*c),
            Op::Bin(BinOp::And, a, b) if fact(a).not_negative() || fact(b).not_negative() => Fact::NotNegative,
            Op::Bin(BinOp::SShr | BinOp::UShr, a, _) if fact(a).not_negative() => Fact::NotNegative,
            Op::Bin(BinOp::UShr, _, b) if matches!(fact(b), Fact::Const(1..=63)) => Fact::NotNegative,
            Op::Bin(BinOp::SRem | BinOp::SDiv, a, b) if fact(a).not_negative() && fact(b).not_negative() => {
                Fact::NotNegative
            }
            Op::Bin(BinOp::SRem, _, b) => match fact(b) {
                Fact::Const(c) if c > 0 => Fact::Remainder(c),
                _ => Fact::Unknown,
            },
            Op::Bin(BinOp::Add, a, b) => match (fact(a), fact(b)) {
                (Fact::Remainder(n), Fact::Const(c)) | (Fact::Const(c), Fact::Remainder(n)) if n == c => {
                    Fact::Corrected(n)
                }
                _ => Fact::Unknown,
            },
            Op::Icmp(Cc::SLt, a, b) if fact(b) == Fact::Const(0) => Fact::IsNegative(*a),
            Op::Select(cond, a, b) => match (fact(cond), fact(a), fact(b)) {
                (_, x, y) if x.not_negative() && y.not_negative() => Fact::NotNegative,
                (Fact::IsNegative(r), Fact::Corrected(n), Fact::Remainder(m)) if r == *b && n == m => Fact::NotNegative,
                _ => Fact::Unknown,
            },
            Op::Un(UnOp::Zext, _) => Fact::NotNegative,
            // An overflow leaves, so signs add up.
            Op::Ovf(OvfOp::Add | OvfOp::Mul, a, b, _) if fact(a).not_negative() && fact(b).not_negative() => {
                Fact::NotNegative
            }
            Op::Ovf(OvfOp::Mul, a, b, _) if a == b => Fact::NotNegative,
            // Words are lengths, positions and lock states: never as large as 2^63.
            Op::Load { field, .. } if field.field_ty() == FieldTy::Word && field_is_count(*field) => Fact::NotNegative,
            Op::LoadElem { kind: ElemKind::Byte, .. } => Fact::NotNegative,
            _ => Fact::Unknown,
        };
        self.t.facts[result.index()] = known;
    }

    pub(super) fn ovf(&mut self, op: OvfOp, a: Value, b: Value, exit: ExitId) -> Result<clif::Value, LowerError> {
        // Only the second operand's sign is looked at.
        let (a, b) = match op {
            OvfOp::Add if self.fact(a).not_negative() || self.fact(a).negative() => (b, a),
            _ => (a, b),
        };
        let sign = self.fact(b);
        let (x, y) = (self.value(a)?, self.value(b)?);
        if self.f.ty(a) != Type::I64 {
            return Err(LowerError("overflow check on a type other than i64".into()));
        }
        let known = sign.not_negative() || sign.negative();
        let (result, overflow) = match op {
            OvfOp::Mul => self.pos.ins().smul_overflow(x, y),
            OvfOp::Add if known => {
                let sum = self.pos.ins().iadd(x, y);
                let cc = if sign.negative() { IntCC::SignedGreaterThan } else { IntCC::SignedLessThan };
                (sum, self.pos.ins().icmp(cc, sum, x))
            }
            OvfOp::Sub if known => {
                let difference = self.pos.ins().isub(x, y);
                let cc = if sign.negative() { IntCC::SignedLessThan } else { IntCC::SignedGreaterThan };
                (difference, self.pos.ins().icmp(cc, difference, x))
            }
            OvfOp::Add => self.pos.ins().sadd_overflow(x, y),
            OvfOp::Sub => self.pos.ins().ssub_overflow(x, y),
        };
        debug_assert_eq!(self.pos.func.dfg.value_type(result), types::I64);
        self.guard(overflow, false, exit);
        Ok(result)
    }
}

fn field_is_count(field: psycore_jit::ir::Field) -> bool {
    use psycore_jit::ir::Field;
    matches!(
        field,
        Field::ListLen
            | Field::ListCap
            | Field::TupleLen
            | Field::DictUsed
            | Field::DictFilled
            | Field::StrBytes
            | Field::BytesLen
            | Field::ListIterIndex
            | Field::RangeIterIndex
            | Field::RangeIterLen
    )
}
