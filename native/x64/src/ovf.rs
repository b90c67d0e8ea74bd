//! Integer operations that leave on overflow.
//!
//! Multiplication is `imul; jo`. For addition and subtraction Cranelift has no such pair: it would
//! put the flag into a register and test that. So where the sign of the second operand is known,
//! which is the usual case (counters, sums of lengths and remainders), the result is compared with
//! the first operand instead: `a + b` with `b >= 0` is too large exactly if it is less than `a`.

use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, InstBuilder, condcodes::IntCC};
use psycore_jit::ir::facts::Fact;
use psycore_jit::ir::{ExitId, OvfOp, Type, Value};
use psycore_jit::lower::LowerError;

impl Translator<'_> {
    pub(super) fn fact(&self, v: Value) -> Fact {
        self.t.facts[v.index()]
    }

    pub(super) fn ovf(&mut self, op: OvfOp, a: Value, b: Value, exit: ExitId) -> Result<clif::Value, LowerError> {
        let known = |fact: Fact| fact.not_negative() || fact.negative();
        // Only the second operand's sign is looked at; a constant is best there.
        let swap = op == OvfOp::Add && (matches!(self.fact(a), Fact::Const(_)) || !known(self.fact(b)));
        let (a, b) = if swap { (b, a) } else { (a, b) };
        if self.f.ty(a) != Type::I64 {
            return Err(LowerError("overflow check on a type other than i64".into()));
        }
        let sign = self.fact(b);
        let (x, y) = (self.value(a)?, self.value(b)?);
        let (result, overflow) = match op {
            OvfOp::Mul => self.pos.ins().smul_overflow(x, y),
            OvfOp::Add if known(sign) => {
                let sum = self.pos.ins().iadd(x, y);
                let cc = if sign.negative() { IntCC::SignedGreaterThan } else { IntCC::SignedLessThan };
                (sum, self.pos.ins().icmp(cc, sum, x))
            }
            OvfOp::Sub if known(sign) => {
                let difference = self.pos.ins().isub(x, y);
                let cc = if sign.negative() { IntCC::SignedLessThan } else { IntCC::SignedGreaterThan };
                (difference, self.pos.ins().icmp(cc, difference, x))
            }
            OvfOp::Add => self.pos.ins().sadd_overflow(x, y),
            OvfOp::Sub => self.pos.ins().ssub_overflow(x, y),
        };
        self.guard(overflow, false, exit);
        Ok(result)
    }
}
