//! Intervals of integers and their arithmetic, for range analysis.
//!
//! The lattice: an element is one [`Interval`], ordered by inclusion; at the top stands all that the type holds
//! ([`Interval::full`]). There is no empty interval: where two have nothing in common, the code is unreachable and the
//! analysis says so itself. The join is the smallest interval that holds both ([`Interval::join`]); chains are as long
//! as a type has numbers, so who iterates must widen.

use crate::ir::{BinOp, IntCC, OvfOp, Type, UnOp};

/// All numbers from `lo` to `hi`, both included; `lo <= hi`. Those of `I32` values are sign-extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub lo: i64,
    pub hi: i64,
}

impl Interval {
    /// Everything that a type holds (types without numbers hold everything).
    pub fn full(ty: Type) -> Self {
        match ty {
            Type::I32 => Interval { lo: i32::MIN as i64, hi: i32::MAX as i64 },
            _ => Interval { lo: i64::MIN, hi: i64::MAX },
        }
    }

    pub fn new(lo: i64, hi: i64) -> Self {
        Interval { lo, hi }
    }

    pub fn constant(x: i64) -> Self {
        Interval { lo: x, hi: x }
    }

    /// The only number in it, if there is one only.
    pub fn as_constant(self) -> Option<i64> {
        (self.lo == self.hi).then_some(self.lo)
    }

    pub fn is_negative(self) -> bool {
        self.hi < 0
    }

    pub fn is_not_negative(self) -> bool {
        self.lo >= 0
    }

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Interval) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// What is in one of them, with what lies between.
    pub fn join(self, other: Interval) -> Interval {
        Interval { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// What is in both; `self` if that is nothing (code that can't run).
    pub fn meet(self, other: Interval) -> Interval {
        let (lo, hi) = (self.lo.max(other.lo), self.hi.min(other.hi));
        if lo <= hi { Interval { lo, hi } } else { self }
    }
}

/// The interval of exact results; `None` if some do not fit in `bound`.
fn exact(bound: Interval, ends: impl IntoIterator<Item = i128>) -> Option<Interval> {
    let (mut lo, mut hi) = (i128::MAX, i128::MIN);
    for e in ends {
        lo = lo.min(e);
        hi = hi.max(e);
    }
    (lo >= bound.lo as i128 && hi <= bound.hi as i128).then_some(Interval { lo: lo as i64, hi: hi as i64 })
}

/// Exact sums, differences and products; `None` if some do not fit in 64 bits.
pub fn ovf(op: OvfOp, a: Interval, b: Interval) -> Option<Interval> {
    let full = Interval::full(Type::I64);
    let (al, ah, bl, bh) = (a.lo as i128, a.hi as i128, b.lo as i128, b.hi as i128);
    match op {
        OvfOp::Add => exact(full, [al + bl, ah + bh]),
        OvfOp::Sub => exact(full, [al - bh, ah - bl]),
        OvfOp::Mul => exact(full, [al * bl, al * bh, ah * bl, ah * bh]),
    }
}

/// The same where what does not fit has left: as much of the exact results as fits.
pub fn ovf_checked(op: OvfOp, a: Interval, b: Interval) -> Interval {
    let (al, ah, bl, bh) = (a.lo as i128, a.hi as i128, b.lo as i128, b.hi as i128);
    let ends = match op {
        OvfOp::Add => [al + bl, ah + bh, al + bl, ah + bh],
        OvfOp::Sub => [al - bh, ah - bl, al - bh, ah - bl],
        OvfOp::Mul => [al * bl, al * bh, ah * bl, ah * bh],
    };
    let clamp = |x: i128| x.clamp(i64::MIN as i128, i64::MAX as i128) as i64;
    let lo = ends.iter().copied().min().map_or(i64::MIN, clamp);
    let hi = ends.iter().copied().max().map_or(i64::MAX, clamp);
    Interval { lo, hi }
}

/// The results of an integer operation on type `ty`.
pub fn bin(op: BinOp, ty: Type, a: Interval, b: Interval) -> Interval {
    let full = Interval::full(ty);
    let bits = if ty == Type::I32 { 32 } else { 64 };
    let (al, ah, bl, bh) = (a.lo as i128, a.hi as i128, b.lo as i128, b.hi as i128);
    let shift = b.as_constant().map(|k| (k as u32 % bits) as i128);
    let result = match op {
        BinOp::Add => exact(full, [al + bl, ah + bh]),
        BinOp::Sub => exact(full, [al - bh, ah - bl]),
        BinOp::Mul => exact(full, [al * bl, al * bh, ah * bl, ah * bh]),
        BinOp::SDiv => match b.as_constant() {
            Some(c) if c != 0 => exact(full, [al / c as i128, ah / c as i128]),
            _ if a.is_not_negative() && b.lo > 0 => Some(Interval::new(0, a.hi)),
            _ => None,
        },
        BinOp::SRem => {
            // The result is nearer to zero than the divisor, and has the dividend's sign.
            let m = (bl.abs().max(bh.abs()) - 1).max(0);
            let lo = if a.is_not_negative() { 0 } else { (-m).max(al) };
            let hi = if a.hi <= 0 { 0 } else { m.min(ah) };
            exact(full, [lo, hi])
        }
        BinOp::And => match (a.is_not_negative(), b.is_not_negative()) {
            (true, true) => Some(Interval::new(0, a.hi.min(b.hi))),
            (true, false) => Some(Interval::new(0, a.hi)),
            (false, true) => Some(Interval::new(0, b.hi)),
            (false, false) => None,
        },
        BinOp::Or | BinOp::Xor if a.is_not_negative() && b.is_not_negative() => {
            // No bit above the highest of both.
            let all = u64::MAX.checked_shr((a.hi | b.hi).leading_zeros()).unwrap_or(0);
            Some(Interval::new(0, all as i64))
        }
        BinOp::Shl => shift.and_then(|k| exact(full, [al << k, ah << k])),
        BinOp::SShr => match shift {
            Some(k) => exact(full, [al >> k, ah >> k]),
            None => exact(full, [al.min(0), ah.max(0)]),
        },
        _ => None,
    };
    result.unwrap_or(full)
}

/// The results of a conversion or an integer operation that gives type `ty`.
pub fn un(op: UnOp, ty: Type, a: Interval) -> Interval {
    let full = Interval::full(ty);
    match op {
        UnOp::Neg => exact(full, [-(a.lo as i128), -(a.hi as i128)]).unwrap_or(full),
        UnOp::Not => Interval::new(!a.hi, !a.lo),
        UnOp::Sext => a,
        UnOp::Zext if a.is_not_negative() => a,
        UnOp::Zext => Interval::new(0, u32::MAX as i64),
        UnOp::Wrap if full.contains(a) => a,
        _ => full,
    }
}

/// Whether a comparison comes out the same for all numbers.
pub fn compare(cc: IntCC, a: Interval, b: Interval) -> Option<bool> {
    // Numbers of one sign are ordered alike with and without sign.
    let same_sign =
        |x: Interval, y: Interval| (x.is_not_negative() && y.is_not_negative()) || (x.is_negative() && y.is_negative());
    let known = |yes: bool, no: bool| {
        if yes {
            Some(true)
        } else if no {
            Some(false)
        } else {
            None
        }
    };
    match cc {
        IntCC::Eq => known(a.lo == a.hi && a == b, a.hi < b.lo || b.hi < a.lo),
        IntCC::SLt => known(a.hi < b.lo, a.lo >= b.hi),
        IntCC::SLe => known(a.hi <= b.lo, a.lo > b.hi),
        IntCC::ULt | IntCC::ULe if same_sign(a, b) => compare(if cc == IntCC::ULt { IntCC::SLt } else { IntCC::SLe }, a, b),
        IntCC::ULt | IntCC::ULe => known(a.is_not_negative() && b.is_negative(), a.is_negative() && b.is_not_negative()),
        IntCC::Ne | IntCC::SGe | IntCC::SGt | IntCC::UGe | IntCC::UGt => compare(cc.inverse(), a, b).map(|x| !x),
    }
}

/// What is left of `a` and `b` where the comparison holds.
pub fn refine(cc: IntCC, a: Interval, b: Interval) -> (Interval, Interval) {
    let below = |x: i64| Interval::new(i64::MIN, x);
    let above = |x: i64| Interval::new(x, i64::MAX);
    match cc {
        IntCC::Eq => (a.meet(b), b.meet(a)),
        IntCC::Ne => (without(a, b), without(b, a)),
        IntCC::SLt => (a.meet(below(b.hi.saturating_sub(1))), b.meet(above(a.lo.saturating_add(1)))),
        IntCC::SLe => (a.meet(below(b.hi)), b.meet(above(a.lo))),
        IntCC::ULt if b.is_not_negative() => {
            let a = a.meet(Interval::new(0, b.hi.saturating_sub(1).max(0)));
            (a, b.meet(above(a.lo.max(0).saturating_add(1))))
        }
        IntCC::ULe if b.is_not_negative() => {
            let a = a.meet(Interval::new(0, b.hi));
            (a, b.meet(above(a.lo.max(0))))
        }
        IntCC::ULt | IntCC::ULe => (a, b),
        IntCC::SGt | IntCC::SGe | IntCC::UGt | IntCC::UGe => {
            let (b, a) = refine(cc.swapped(), b, a);
            (a, b)
        }
    }
}

/// `a` without the constant `b`, if that is one of its ends.
fn without(a: Interval, b: Interval) -> Interval {
    match b.as_constant() {
        Some(x) if a.lo == x && a.lo < a.hi => Interval::new(x + 1, a.hi),
        Some(x) if a.hi == x && a.lo < a.hi => Interval::new(a.lo, x - 1),
        _ => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::eval;

    /// Small intervals around the places where something changes.
    fn intervals(ty: Type) -> Vec<Interval> {
        let full = Interval::full(ty);
        let points = [full.lo, full.lo + 1, -9, -2, -1, 0, 1, 2, 7, full.hi - 1, full.hi];
        let mut out = Vec::new();
        for &lo in &points {
            out.extend(points.iter().filter(|&&hi| lo <= hi).map(|&hi| Interval::new(lo, hi)));
        }
        out
    }

    fn members(i: Interval) -> impl Iterator<Item = i64> {
        [i64::MIN, i64::MIN + 1, i32::MIN as i64, -9, -5, -2, -1, 0, 1, 2, 3, 7, i32::MAX as i64, i64::MAX - 1, i64::MAX]
            .into_iter()
            .chain([i.lo, i.hi])
            .filter(move |&x| i.lo <= x && x <= i.hi)
    }

    #[test]
    fn results_lie_in_the_interval_of_results() {
        use BinOp::*;
        for ty in [Type::I64, Type::I32] {
            for a in intervals(ty) {
                for b in intervals(ty) {
                    for op in [Add, Sub, Mul, SDiv, SRem, And, Or, Xor, Shl, SShr] {
                        let r = bin(op, ty, a, b);
                        for x in members(a) {
                            for y in members(b) {
                                let got = match ty {
                                    Type::I32 => eval::bin_i32(op, x as i32, y as i32).map(i64::from),
                                    _ => eval::bin_i64(op, x, y),
                                };
                                if let Some(z) = got {
                                    assert!(r.lo <= z && z <= r.hi, "{ty} {op:?} {x} {y} = {z}, not in {r:?}");
                                }
                            }
                        }
                    }
                    for op in [OvfOp::Add, OvfOp::Sub, OvfOp::Mul] {
                        let (all, some) = (ovf(op, a, b), ovf_checked(op, a, b));
                        for x in members(a) {
                            for y in members(b) {
                                match eval::ovf(op, x, y) {
                                    Some(z) => {
                                        assert!(some.lo <= z && z <= some.hi);
                                        assert!(all.is_none_or(|r| r.lo <= z && z <= r.hi));
                                    }
                                    None => assert_eq!(all, None, "{op:?} {x} {y}"),
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn results_of_conversions_lie_in_their_interval() {
        use UnOp::*;
        for a in intervals(Type::I64).into_iter().chain(intervals(Type::I32)) {
            for op in [Neg, Not, Zext, Sext, Wrap] {
                for ty in [Type::I32, Type::I64] {
                    if matches!(op, Zext | Sext) != (ty == Type::I32) && !matches!(op, Neg | Not) {
                        continue;
                    }
                    if ty == Type::I32 && !Interval::full(ty).contains(a) {
                        continue;
                    }
                    let r = un(op, op.result_type(ty), a);
                    for x in members(a) {
                        let c = if ty == Type::I32 { eval::Const::I32(x as i32) } else { eval::Const::I64(x) };
                        let z = match eval::un(op, c) {
                            Some(eval::Const::I32(z)) => z as i64,
                            Some(eval::Const::I64(z)) => z,
                            other => panic!("{op:?} {x} = {other:?}"),
                        };
                        assert!(r.lo <= z && z <= r.hi, "{ty} {op:?} {x} = {z}, not in {r:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn comparisons_agree_with_their_members() {
        use IntCC::*;
        for a in intervals(Type::I64) {
            for b in intervals(Type::I64) {
                for cc in [Eq, Ne, SLt, SLe, SGt, SGe, ULt, ULe, UGt, UGe] {
                    let known = compare(cc, a, b);
                    let (ra, rb) = refine(cc, a, b);
                    for x in members(a) {
                        for y in members(b) {
                            let holds = eval::icmp(cc, x, y);
                            assert!(known.is_none_or(|k| k == holds), "{cc:?} {x} {y}");
                            if holds {
                                let inside = ra.lo <= x && x <= ra.hi && rb.lo <= y && y <= rb.hi;
                                assert!(inside, "{cc:?} {x} {y}: {a:?} {b:?} became {ra:?} {rb:?}");
                            }
                        }
                    }
                }
            }
        }
    }
}
