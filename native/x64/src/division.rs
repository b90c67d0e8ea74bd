//! Integer division, by the choice of `psycore_jit::lower::division`: constants by a multiplication with the reciprocal.
//! A dividend that is not negative needs no correction of the quotient.

use super::translate::Translator;
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use psycore_jit::ir::{BinOp, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::division::Division;

impl Translator<'_> {
    pub(super) fn divide(&mut self, op: BinOp, a: Value, b: Value) -> Result<clif::Value, LowerError> {
        let (x, y) = (self.value(a)?, self.value(b)?);
        let division = Division::choose(self.f.ty(a), self.fact(a), self.fact(b));
        let quotient = match (self.quotient.get(x, y), division) {
            (Some(quotient), _) => quotient,
            (None, Division::Plain) => {
                let ins = self.pos.ins();
                return Ok(if op == BinOp::SDiv { ins.sdiv(x, y) } else { ins.srem(x, y) });
            }
            (None, Division::Tested) => self.quotient(x, y),
            (None, Division::Shift { shift, not_negative }) => {
                if let (BinOp::SRem, Some(mask)) = (op, division.remainder_mask()) {
                    return Ok(self.pos.ins().band_imm_s(x, mask));
                }
                self.quotient_by_shift(x, i64::from(shift), not_negative)
            }
            (None, Division::Constant { divisor, not_negative }) => self.quotient_by_constant(x, divisor, not_negative),
        };
        self.quotient.set(x, y, quotient);
        if op == BinOp::SDiv {
            return Ok(quotient);
        }
        let product = self.pos.ins().imul(quotient, y);
        Ok(self.pos.ins().isub(x, product))
    }

    fn quotient_by_shift(&mut self, x: clif::Value, shift: i64, not_negative: bool) -> clif::Value {
        if not_negative {
            return self.pos.ins().ushr_imm_u(x, shift);
        }
        let sign = self.pos.ins().sshr_imm_u(x, 63);
        let correction = self.pos.ins().ushr_imm_u(sign, 64 - shift);
        let x = self.pos.ins().iadd(x, correction);
        self.pos.ins().sshr_imm_u(x, shift)
    }

    fn quotient_by_constant(&mut self, x: clif::Value, d: u64, not_negative: bool) -> clif::Value {
        let (factor, shift) = reciprocal(d);
        let factor = self.pos.ins().iconst(types::I64, factor as i64);
        if not_negative {
            let high = self.pos.ins().umulhi(x, factor);
            return self.pos.ins().ushr_imm_u(high, i64::from(shift));
        }
        // As a signed number the factor is 2^64 too small, hence the addition of `x`. The product
        // of a negative dividend is below the quotient by at most one.
        let high = self.pos.ins().smulhi(x, factor);
        let high = self.pos.ins().iadd(high, x);
        let rounded_down = self.pos.ins().sshr_imm_u(high, i64::from(shift));
        let negative = self.pos.ins().ushr_imm_u(x, 63);
        self.pos.ins().iadd(rounded_down, negative)
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

/// `(factor, shift)` such that `x / d` is the upper word of `x * factor`, shifted, for all `x`
/// below 2^63 (2^63 itself included, for the sake of negative numbers). `d` is above 2 and no power of two.
///
/// With `2^s < d < 2^(s+1)`, the factor is `2^(64+s) / d` rounded up: its error is below 1, that of
/// the product at most `x / 2^(64+s) <= 1 / 2^(s+1) < 1 / d`, too little to reach the next integer.
fn reciprocal(d: u64) -> (u64, u32) {
    let shift = d.ilog2();
    (((1u128 << (64 + shift)) / u128::from(d)) as u64 + 1, shift)
}

#[cfg(test)]
mod tests {
    use super::reciprocal;

    #[test]
    fn reciprocals_divide_exactly() {
        let near = |x: u64| [x.saturating_sub(1), x, x + 1];
        let most = i64::MAX as u64;
        let divisors = (3..200u64).chain((2..63).flat_map(|k| near(1 << k))).chain([10_000_019, most, most - 2]);
        for d in divisors.filter(|d| *d > 2 && !d.is_power_of_two() && *d <= most) {
            let (factor, shift) = reciprocal(d);
            let multiple = most / d * d;
            let dividends = (0..63).flat_map(|k| near(1 << k)).chain(near(multiple)).chain([0, d - 1, d, most]);
            for x in dividends.filter(|x| *x <= most) {
                let high = ((u128::from(x) * u128::from(factor)) >> 64) as u64;
                assert_eq!(high >> shift, x / d, "{x} / {d}");
            }
        }
    }
}
