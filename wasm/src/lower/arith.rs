//! Integer operations that leave on overflow, and division.
//!
//! WebAssembly has no flags and no upper half of a product. Sums are compared as `psycore_jit::lower::overflow` says, or by
//! the signs of all three. Factors of 32 bits can't overflow; the product of others is compared with
//! what it is as a float. (A call there, though rarely made, would keep all that the loop uses in memory.)
//!
//! Division follows `psycore_jit::lower::division`. Engines divide by a constant with a multiplication of their own.

use super::function::Emitter;
use psycore_jit::ir::{BinOp, ExitId, IntCC, OvfOp, Type, Value};
use psycore_jit::lower::LowerError;
use psycore_jit::lower::division::Division;
use psycore_jit::lower::facts::Fact;
use psycore_jit::lower::overflow::{overflow_comparison, swaps_addends};
use wasm_encoder::{BlockType, Ieee64, ValType};

const TWO_63: f64 = 9_223_372_036_854_775_808.0;

impl Emitter<'_> {
    pub(super) fn ovf(&mut self, op: OvfOp, a: Value, b: Value, exit: ExitId, result: Option<Value>) -> Result<(), LowerError> {
        let (fact_a, fact_b) = (self.facts[a.index()], self.facts[b.index()]);
        let swap = match op {
            OvfOp::Add => swaps_addends(fact_a, fact_b),
            // A constant is best as the second operand.
            OvfOp::Mul => matches!(fact_a, Fact::Const(_)),
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
        if let Some(comparison) = overflow_comparison(op, fact) {
            match comparison {
                IntCC::SLt => self.sink().i64_lt_s(),
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
        let division = Division::choose(Type::I64, self.facts[a.index()], self.facts[b.index()]);
        if let (BinOp::SRem, Some(mask)) = (op, division.remainder_mask()) {
            self.get(a)?;
            self.sink().i64_const(mask).i64_and();
            return Ok(());
        }
        let q = match self.quotient.get(a, b) {
            Some(q) => q,
            None => {
                let q = self.temp(ValType::I64, 1);
                self.push_quotient(division, a, b)?;
                self.sink().local_set(q);
                self.quotient.set(a, b, q);
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

    fn push_quotient(&mut self, division: Division, a: Value, b: Value) -> Result<(), LowerError> {
        match division {
            Division::Shift { shift, not_negative } => {
                let shift = i64::from(shift);
                self.get(a)?;
                if !not_negative {
                    self.sink().i64_const(63).i64_shr_s().i64_const(64 - shift).i64_shr_u();
                    self.get(a)?;
                    self.sink().i64_add();
                }
                self.sink().i64_const(shift).i64_shr_s();
            }
            Division::Tested => {
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
            Division::Constant { .. } | Division::Plain => {
                self.get(a)?;
                self.get(b)?;
                self.sink().i64_div_s();
            }
        }
        Ok(())
    }
}
