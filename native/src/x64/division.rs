//! Division by what is not a constant. (Cranelift turns constants into multiplications.)
//!
//! Dividing 64-bit words takes up to four times as long as dividing 32-bit ones, and most numbers
//! are small, so the operands are tested first. A remainder is made from the quotient, and the
//! quotient is remembered: floor division asks for both.

use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use psycore_jit::ir::{BinOp, Type, Value};
use psycore_jit::lower::LowerError;

impl Translator<'_> {
    pub(super) fn divide(&mut self, op: BinOp, a: Value, b: Value) -> Result<clif::Value, LowerError> {
        let (x, y) = (self.value(a)?, self.value(b)?);
        if self.f.ty(a) != Type::I64 || self.is_const(b) {
            let ins = self.pos.ins();
            return Ok(if op == BinOp::SDiv { ins.sdiv(x, y) } else { ins.srem(x, y) });
        }
        let quotient = match self.quotient {
            Some((of, by, quotient)) if (of, by) == (x, y) => quotient,
            _ => self.quotient(x, y),
        };
        self.quotient = Some((x, y, quotient));
        if op == BinOp::SDiv {
            return Ok(quotient);
        }
        let product = self.pos.ins().imul(quotient, y);
        Ok(self.pos.ins().isub(x, product))
    }

    fn quotient(&mut self, x: clif::Value, y: clif::Value) -> clif::Value {
        let dfg = &mut self.pos.func.dfg;
        let (narrow, wide, next) = (dfg.make_block(), dfg.make_block(), dfg.make_block());
        let quotient = dfg.append_block_param(next, types::I64);
        let both = self.pos.ins().bor(x, y);
        let high = self.pos.ins().ushr_imm_u(both, 32);
        self.pos.ins().brif(high, wide, &[], narrow, &[]);
        self.continue_in(narrow);
        let x32 = self.pos.ins().ireduce(types::I32, x);
        let y32 = self.pos.ins().ireduce(types::I32, y);
        let q32 = self.pos.ins().udiv(x32, y32);
        let q = self.pos.ins().uextend(types::I64, q32);
        self.pos.ins().jump(next, &[q.into()]);
        self.continue_in(wide);
        let q = self.pos.ins().sdiv(x, y);
        self.pos.ins().jump(next, &[q.into()]);
        self.continue_in(next);
        quotient
    }
}
