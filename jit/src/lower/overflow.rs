//! How overflow of sums and differences is seen without flags.
//!
//! Where the sign of the second operand is known, which is the usual case (counters, sums of lengths and remainders), the
//! result is compared with the first operand: `a + b` with `b >= 0` is too large exactly if it is less than `a`.

use super::facts::Fact;
use crate::ir::{IntCC, OvfOp};

/// Whether the sign of an integer is known.
fn has_sign(fact: Fact) -> bool {
    fact.not_negative() || fact.negative()
}

/// Whether the operands of an addition should change places: only the second one's sign is looked at, and a constant is
/// best there.
pub fn swaps_addends(first: Fact, second: Fact) -> bool {
    matches!(first, Fact::Const(_)) || !has_sign(second)
}

/// How the result of an addition or subtraction compares with the first operand if it has overflowed, and only then. None
/// if the sign of the second operand is not known.
pub fn overflow_comparison(op: OvfOp, second: Fact) -> Option<IntCC> {
    match (op, second.negative()) {
        (OvfOp::Mul, _) => None,
        _ if !has_sign(second) => None,
        (OvfOp::Add, false) | (OvfOp::Sub, true) => Some(IntCC::SLt),
        (OvfOp::Add, true) | (OvfOp::Sub, false) => Some(IntCC::SGt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::eval::icmp;

    #[test]
    fn comparisons_see_every_overflow() {
        let numbers = [i64::MIN, i64::MIN + 1, -2, -1, 0, 1, 2, i64::MAX - 1, i64::MAX];
        for (a, b) in numbers.iter().flat_map(|a| numbers.iter().map(move |b| (*a, *b))) {
            for op in [OvfOp::Add, OvfOp::Sub] {
                let (result, overflows) = match op {
                    OvfOp::Add => a.overflowing_add(b),
                    _ => a.overflowing_sub(b),
                };
                let comparison = overflow_comparison(op, Fact::Const(b)).unwrap_or_else(|| panic!("{b} has no sign"));
                assert_eq!(icmp(comparison, result, a), overflows, "{op:?} of {a} and {b}");
            }
        }
    }
}
