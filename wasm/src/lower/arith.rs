//! Integer operations that leave on overflow, and division.
//!
//! WebAssembly has no flags and no upper half of a product. Where the sign of the second operand is known, which is the
//! usual case (counters, sums of lengths and remainders), a sum is compared with the first operand: `a + b` with `b >= 0`
//! is too large exactly if it is less than `a`. Factors of 32 bits can't overflow; the product of others is compared with
//! what it is as a float. (A call there, though rarely made, would keep all that the loop uses in memory.)
//!
//! Engines divide by a constant with a multiplication. By anything else, dividing 64-bit words takes several times as long
//! as dividing 32-bit ones, and most numbers are small, so operands are tested first. A remainder is made from the
//! quotient, and the quotient is remembered: floor division asks for both.

use super::function::Emitter;
use psycore_jit::ir::facts::Fact;
use psycore_jit::ir::{BinOp, ExitId, OvfOp, Type, Value};
use psycore_jit::lower::LowerError;
use wasm_encoder::{BlockType, Ieee64, ValType};

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

impl Emitter<'_> {
    pub(super) fn ovf(&mut self, op: OvfOp, a: Value, b: Value, exit: ExitId, result: Option<Value>) -> Result<(), LowerError> {
        let known = |fact: Fact| fact.not_negative() || fact.negative();
        let is_const = |fact: Fact| matches!(fact, Fact::Const(_));
        let (fact_a, fact_b) = (self.facts[a.index()], self.facts[b.index()]);
        // Only the second operand's sign is looked at; a constant is best there.
        let swap = match op {
            OvfOp::Add => is_const(fact_a) || !known(fact_b),
            OvfOp::Mul => is_const(fact_a),
            OvfOp::Sub => false,
        };
        let (a, b, fact) = if swap { (b, a, fact_a) } else { (a, b, fact_b) };
        if self.f.ty(a) != Type::I64 {
            return Err(LowerError("overflow check on a type other than i64".into()));
        }
        let r = match result {
            Some(result) => self.local(result)?,
            None => self.temp(ValType::I64, 0),
        };
        if op == OvfOp::Mul {
            self.get(a)?;
            self.get(b)?;
            self.sink().i64_mul();
            self.set(r);
            return self.check_product(a, b, r, fact, exit);
        }
        self.get(a)?;
        self.get(b)?;
        match op {
            OvfOp::Add => self.sink().i64_add(),
            _ => self.sink().i64_sub(),
        };
        self.sink().local_tee(r);
        self.get(a)?;
        if known(fact) {
            match (op, fact.negative()) {
                (OvfOp::Add, false) | (OvfOp::Sub, true) => self.sink().i64_lt_s(),
                _ => self.sink().i64_gt_s(),
            };
        } else {
            // The result has another sign than the first operand, and the second says that it should not.
            self.sink().i64_xor();
            match op {
                OvfOp::Add => {
                    self.sink().local_get(r);
                }
                _ => self.get(a)?,
            }
            self.get(b)?;
            self.sink().i64_xor().i64_and().i64_const(0).i64_lt_s();
        }
        self.leave_if(exit);
        Ok(())
    }

    /// Leaves if the product of `a` and `b`, whose lower word is in the local `r`, does not fit.
    fn check_product(&mut self, a: Value, b: Value, r: u32, fact: Fact, exit: ExitId) -> Result<(), LowerError> {
        match fact {
            Fact::Const(0 | 1) => return Ok(()),
            Fact::Const(-1) => {
                self.get(a)?;
                self.sink().i64_const(i64::MIN).i64_eq();
                self.leave_if(exit);
                return Ok(());
            }
            Fact::Const(c) => {
                let (least, most) = if c > 0 { (i64::MIN / c, i64::MAX / c) } else { (i64::MAX / c, i64::MIN / c) };
                self.get(a)?;
                self.sink().i64_const(least).i64_sub().i64_const(most.wrapping_sub(least)).i64_gt_u();
                self.leave_if(exit);
                return Ok(());
            }
            _ => {}
        }
        if a == b {
            self.widened(a)?;
            self.sink().i64_ne();
            self.open_cold_if();
        } else if self.facts[a.index()].not_negative() && fact.not_negative() {
            self.get(a)?;
            self.get(b)?;
            self.sink().i64_or().i64_const(31).i64_shr_u().i64_eqz().i32_eqz();
            self.open_cold_if();
        } else {
            // Two jumps are cheaper than one that asks for both.
            self.open();
            self.open();
            self.widened(a)?;
            self.sink().i64_ne();
            self.unlikely_br_if(0);
            self.widened(b)?;
            self.sink().i64_eq().br_if(1);
            self.close();
        }
        // A product that does not fit differs from its lower word by 2^64 or more; rounded, the two differ by less than
        // 2^13 if it fits, and else by more than 2^63.
        self.get(a)?;
        self.sink().f64_convert_i64_s();
        self.get(b)?;
        self.sink().f64_convert_i64_s().f64_mul().local_get(r).f64_convert_i64_s().f64_sub().f64_abs();
        self.sink().f64_const(Ieee64::from(TWO_63)).f64_gt();
        self.leave_if(exit);
        self.close();
        Ok(())
    }

    /// Pushes what a value's lower half is as a signed number, and the value.
    fn widened(&mut self, v: Value) -> Result<(), LowerError> {
        self.get(v)?;
        self.sink().i64_extend32_s();
        self.get(v)
    }

    /// Pushes a quotient or remainder.
    pub(super) fn divide(&mut self, op: BinOp, a: Value, b: Value) -> Result<(), LowerError> {
        if self.f.ty(a) != Type::I64 {
            self.get(a)?;
            self.get(b)?;
            match op {
                BinOp::SDiv => self.sink().i32_div_s(),
                _ => self.sink().i32_rem_s(),
            };
            return Ok(());
        }
        if let (BinOp::SRem, Fact::Const(c)) = (op, self.facts[b.index()])
            && c > 0
            && c & (c - 1) == 0
            && self.facts[a.index()].not_negative()
        {
            self.get(a)?;
            self.sink().i64_const(c - 1).i64_and();
            return Ok(());
        }
        let q = match self.quotient {
            Some((of, by, q)) if (of, by) == (a, b) => q,
            _ => {
                let q = self.temp(ValType::I64, 1);
                self.push_quotient(a, b)?;
                self.sink().local_set(q);
                self.quotient = Some((a, b, q));
                q
            }
        };
        if op == BinOp::SDiv {
            self.sink().local_get(q);
            return Ok(());
        }
        self.get(a)?;
        self.sink().local_get(q);
        self.get(b)?;
        self.sink().i64_mul().i64_sub();
        Ok(())
    }

    fn push_quotient(&mut self, a: Value, b: Value) -> Result<(), LowerError> {
        let not_negative = self.facts[a.index()].not_negative();
        match self.facts[b.index()] {
            Fact::Const(c) if c > 1 && c & (c - 1) == 0 => {
                let shift = i64::from(c.trailing_zeros());
                self.get(a)?;
                if !not_negative {
                    // Negative dividends round up: add `c - 1` to them.
                    self.sink().i64_const(63).i64_shr_s().i64_const(64 - shift).i64_shr_u();
                    self.get(a)?;
                    self.sink().i64_add();
                }
                self.sink().i64_const(shift).i64_shr_s();
            }
            Fact::Unknown | Fact::NotNegative => {
                self.get(a)?;
                self.get(b)?;
                self.sink().i64_or().i64_const(32).i64_shr_u().i64_eqz().if_(BlockType::Result(ValType::I64));
                self.get(a)?;
                self.sink().i32_wrap_i64();
                self.get(b)?;
                self.sink().i32_wrap_i64().i32_div_u().i64_extend_i32_u().else_();
                self.get(a)?;
                self.get(b)?;
                self.sink().i64_div_s().end();
            }
            _ => {
                self.get(a)?;
                self.get(b)?;
                self.sink().i64_div_s();
            }
        }
        Ok(())
    }
}
