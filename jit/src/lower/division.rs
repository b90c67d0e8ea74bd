//! How integers are divided.
//!
//! By a power of two: a shift. By another constant: most targets are quickest with a multiplication by the reciprocal, which some
//! engines make themselves. By anything else: dividing 64-bit words takes up to four times as long as dividing 32-bit
//! ones, and most numbers are small, so the operands are tested first.
//!
//! A remainder is made from the quotient, `a - (a / b) * b`, and the quotient of the last division in a block is remembered:
//! floor division asks for both.

use super::facts::Fact;
use crate::ir::Type;

/// How a quotient is best computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// By `2^shift`, which is above 1. If the dividend may be negative, `2^shift - 1` is added to it first where it is.
    Shift {
        /// The logarithm of the divisor.
        shift: u32,
        /// Whether the dividend is not negative.
        not_negative: bool,
    },
    /// By a constant above 2 that is no power of two.
    Constant {
        /// The divisor.
        divisor: u64,
        /// Whether the dividend is not negative.
        not_negative: bool,
    },
    /// By something that is likely positive and small, as the dividend is: if neither has bits above the lower 32, those
    /// are divided, as unsigned numbers.
    Tested,
    /// With the machine's instruction.
    Plain,
}

impl Division {
    /// The choice for a dividend and divisor of type `ty` of which so much is known.
    pub fn choose(ty: Type, dividend: Fact, divisor: Fact) -> Division {
        let not_negative = dividend.not_negative();
        match divisor {
            _ if ty != Type::I64 => Division::Plain,
            Fact::Const(c) if c > 1 && c & (c - 1) == 0 => Division::Shift { shift: c.trailing_zeros(), not_negative },
            Fact::Const(c) if c > 1 => Division::Constant { divisor: c as u64, not_negative },
            Fact::Unknown | Fact::NotNegative => Division::Tested,
            _ => Division::Plain,
        }
    }

    /// The bits of the dividend that are the remainder, where that is so simple.
    pub fn remainder_mask(self) -> Option<i64> {
        match self {
            Division::Shift { shift, not_negative: true } => Some((1 << shift) - 1),
            _ => None,
        }
    }
}

/// The last division of a block. Lowerings forget it where a block begins.
///
/// `V` is whatever a lowering knows operands by, `Q` what it finds the quotient by.
pub struct QuotientMemo<V, Q>(Option<(V, V, Q)>);

impl<V, Q> Default for QuotientMemo<V, Q> {
    fn default() -> Self {
        QuotientMemo(None)
    }
}

impl<V: PartialEq, Q: Copy> QuotientMemo<V, Q> {
    /// The quotient of `dividend` and `divisor`, if that is the one.
    pub fn get(&self, dividend: V, divisor: V) -> Option<Q> {
        self.0.as_ref().filter(|(a, b, _)| (a, b) == (&dividend, &divisor)).map(|(_, _, quotient)| *quotient)
    }

    /// Remembers a quotient instead of the one before.
    pub fn set(&mut self, dividend: V, divisor: V, quotient: Q) {
        self.0 = Some((dividend, divisor, quotient));
    }

    /// Remembers none.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}
