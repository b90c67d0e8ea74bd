//! Integer operations that leave on overflow.
//!
//! Multiplication is `imul; jo`. For addition and subtraction Cranelift has no such pair: it would put the flag into a
//! register and test that. So where `psycore_jit::lower::overflow` knows a comparison that says the same, it is made instead.

use super::inst::int_cc;
use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, InstBuilder};
use psycore_jit::ir::{ExitId, OvfOp, Type, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::overflow::{overflow_comparison, swaps_addends};

impl Translator<'_> {
    pub(super) fn ovf(&mut self, op: OvfOp, a: Value, b: Value, exit: ExitId) -> Result<clif::Value, LowerError> {
        let swap = op == OvfOp::Add && swaps_addends(self.fact(a), self.fact(b));
        let (a, b) = if swap { (b, a) } else { (a, b) };
        if self.f.ty(a) != Type::I64 {
            return Err(LowerError("overflow check on a type other than i64".into()));
        }
        let (x, y) = (self.value(a)?, self.value(b)?);
        let (result, overflow) = match overflow_comparison(op, self.fact(b)) {
            Some(comparison) => {
                let result = match op {
                    OvfOp::Sub => self.pos.ins().isub(x, y),
                    _ => self.pos.ins().iadd(x, y),
                };
                (result, self.pos.ins().icmp(int_cc(comparison), result, x))
            }
            None => match op {
                OvfOp::Mul => self.pos.ins().smul_overflow(x, y),
                OvfOp::Add => self.pos.ins().sadd_overflow(x, y),
                OvfOp::Sub => self.pos.ins().ssub_overflow(x, y),
            },
        };
        self.guard(overflow, false, exit);
        Ok(result)
    }
}
