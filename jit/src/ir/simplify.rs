//! Local simplification of one operation from the definitions of its operands:
//! constants, neutral elements, double negations. The builder applies it to
//! what it is given, the folding pass to what other passes leave behind.

use super::eval::{self, Const};
use super::{BinOp, FloatCC, IntCC, Op, OvfOp, Type, UnOp, Value};

/// What `simplify` has to know of values.
pub trait Defs {
    /// The operation that defines `v`; `None` for block parameters.
    fn op(&self, v: Value) -> Option<&Op>;
    /// The type of `v`.
    fn ty(&self, v: Value) -> Type;
}

/// The outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Simplified {
    /// Nothing simpler is known.
    Same,
    /// The result is this value.
    Value(Value),
    /// A simpler operation with the same result.
    Op(Op),
    /// A guard that always passes: not needed.
    Nothing,
}

/// Simplifies `op`. Never makes more than one operation of it and never an operand that
/// was not reachable from it.
pub fn simplify(op: &Op, defs: &impl Defs) -> Simplified {
    let known = |v: Value| defs.op(v).and_then(Const::of);
    match *op {
        Op::Bin(bin, a, b) => simplify_bin(bin, a, b, defs),
        Op::Ovf(ovf, a, b, exit) => {
            match (ovf, known(a), known(b)) {
                (_, Some(Const::I64(x)), Some(Const::I64(y))) => match eval::ovf(ovf, x, y) {
                    Some(r) => return Simplified::Op(Op::I64Const(r)),
                    None => return Simplified::Same,
                },
                (OvfOp::Add | OvfOp::Sub, _, Some(Const::I64(0))) => return Simplified::Value(a),
                (OvfOp::Add, Some(Const::I64(0)), _) => return Simplified::Value(b),
                (OvfOp::Mul, _, Some(Const::I64(1))) => return Simplified::Value(a),
                (OvfOp::Mul, Some(Const::I64(1)), _) => return Simplified::Value(b),
                (OvfOp::Mul, _, Some(Const::I64(0))) | (OvfOp::Mul, Some(Const::I64(0)), _) => {
                    return Simplified::Op(Op::I64Const(0));
                }
                (OvfOp::Sub, ..) if a == b => return Simplified::Op(Op::I64Const(0)),
                // Constants to the right, so that equal operations look equal.
                (OvfOp::Add | OvfOp::Mul, Some(_), None) => {
                    return Simplified::Op(Op::Ovf(ovf, b, a, exit));
                }
                _ => {}
            }
            Simplified::Same
        }
        Op::Un(un, a) => simplify_un(un, a, defs),
        Op::Icmp(cc, a, b) => simplify_icmp(cc, a, b, defs),
        Op::Fcmp(cc, a, b) => match (known(a), known(b)) {
            (Some(Const::F64(x)), Some(Const::F64(y))) => flag(eval::fcmp(cc, f64::from_bits(x), f64::from_bits(y))),
            (Some(Const::F64(_)), None) => Simplified::Op(Op::Fcmp(cc.swapped(), b, a)),
            _ => Simplified::Same,
        },
        Op::Select(c, a, b) => {
            if a == b {
                return Simplified::Value(a);
            }
            match known(c) {
                Some(Const::I32(0)) => Simplified::Value(b),
                Some(Const::I32(_)) => Simplified::Value(a),
                _ => match (known(a), known(b)) {
                    (Some(Const::I32(1)), Some(Const::I32(0))) if is_bool(c, defs) => Simplified::Value(c),
                    _ => Simplified::Same,
                },
            }
        }
        Op::Guard { cond, expect, exit } => {
            if let Some(Const::I32(x)) = known(cond) {
                // One that always fails stays: folding ends the block there.
                return if (x != 0) == expect { Simplified::Nothing } else { Simplified::Same };
            }
            match defs.op(cond) {
                // `x == 0` and `x != 0` of an I32 are tests of `x` itself.
                Some(&Op::Icmp(cc @ (IntCC::Eq | IntCC::Ne), x, zero))
                    if defs.ty(x) == Type::I32 && known(zero) == Some(Const::I32(0)) =>
                {
                    Simplified::Op(Op::Guard { cond: x, expect: expect == (cc == IntCC::Ne), exit })
                }
                _ => Simplified::Same,
            }
        }
        _ => Simplified::Same,
    }
}

/// Whether `v` is known to be 0 or 1.
pub fn is_bool(v: Value, defs: &impl Defs) -> bool {
    match defs.op(v) {
        Some(Op::Icmp(..) | Op::Fcmp(..) | Op::IsUnique(_)) => true,
        Some(Op::I32Const(x)) => matches!(x, 0 | 1),
        _ => false,
    }
}

fn flag(x: bool) -> Simplified {
    Simplified::Op(Op::I32Const(x as i32))
}

/// The value of an integer constant, sign-extended.
fn int(c: Option<Const>) -> Option<i64> {
    match c {
        Some(Const::I32(x)) => Some(x as i64),
        Some(Const::I64(x)) => Some(x),
        _ => None,
    }
}

fn zero_of(ty: Type) -> Simplified {
    match ty {
        Type::I32 => Simplified::Op(Op::I32Const(0)),
        Type::I64 => Simplified::Op(Op::I64Const(0)),
        _ => Simplified::Same,
    }
}

fn simplify_bin(op: BinOp, a: Value, b: Value, defs: &impl Defs) -> Simplified {
    let known = |v: Value| defs.op(v).and_then(Const::of);
    let (ca, cb) = (known(a), known(b));
    if let (Some(x), Some(y)) = (ca, cb) {
        return match eval::bin(op, x, y) {
            // The sign and payload of a computed NaN are the machine's business.
            Some(Const::F64(bits)) if f64::from_bits(bits).is_nan() => Simplified::Same,
            Some(c) => Simplified::Op(c.op()),
            None => Simplified::Same,
        };
    }
    if op.is_float() {
        return match (op, cb.map(|c| matches!(c, Const::F64(x) if x == 1f64.to_bits()))) {
            (BinOp::FMul | BinOp::FDiv, Some(true)) => Simplified::Value(a),
            // Exact for zeros of both signs; `x + 0.0` is not.
            (BinOp::FSub, _) if cb == Some(Const::F64(0)) => Simplified::Value(a),
            _ if op.is_commutative() && ca.is_some() => Simplified::Op(Op::Bin(op, b, a)),
            _ => Simplified::Same,
        };
    }
    let ty = defs.ty(a);
    if let Some(y) = int(cb) {
        match (op, y) {
            (BinOp::Add | BinOp::Sub | BinOp::Or | BinOp::Xor, 0)
            | (BinOp::Shl | BinOp::SShr, 0)
            | (BinOp::Mul | BinOp::SDiv, 1)
            | (BinOp::And, -1) => return Simplified::Value(a),
            (BinOp::Mul | BinOp::And, 0) | (BinOp::SRem, 1) => return zero_of(ty),
            (BinOp::Or, -1) => return Simplified::Value(b),
            _ => {}
        }
    }
    if op.is_commutative() && ca.is_some() && ty == defs.ty(b) {
        // Constants to the right; the neutral elements are then found above.
        return match simplify_bin(op, b, a, defs) {
            Simplified::Same => Simplified::Op(Op::Bin(op, b, a)),
            simpler => simpler,
        };
    }
    // `x != c && x < c`, as it comes from the sign of a remainder, is `x < c`.
    if let (BinOp::And, Some(&Op::Icmp(c1, x1, y1)), Some(&Op::Icmp(c2, x2, y2))) = (op, defs.op(a), defs.op(b))
        && same(x1, x2, defs)
        && same(y1, y2, defs)
    {
        let implies_ne = |cc| matches!(cc, IntCC::SLt | IntCC::SGt | IntCC::ULt | IntCC::UGt);
        if c1 == IntCC::Ne && implies_ne(c2) {
            return Simplified::Value(b);
        }
        if c2 == IntCC::Ne && implies_ne(c1) {
            return Simplified::Value(a);
        }
    }
    if a == b {
        match op {
            BinOp::Sub | BinOp::Xor => return zero_of(ty),
            BinOp::And | BinOp::Or => return Simplified::Value(a),
            _ => {}
        }
    }
    Simplified::Same
}

/// Whether two values are known to be equal: one value, or equal constants.
fn same(a: Value, b: Value, defs: &impl Defs) -> bool {
    a == b || matches!((int(defs.op(a).and_then(Const::of)), int(defs.op(b).and_then(Const::of))), (Some(x), Some(y)) if x == y)
}

fn simplify_un(op: UnOp, a: Value, defs: &impl Defs) -> Simplified {
    let Some(def) = defs.op(a) else { return Simplified::Same };
    if let Some(c) = Const::of(def) {
        return match eval::un(op, c) {
            Some(Const::F64(bits)) if f64::from_bits(bits).is_nan() && !matches!(op, UnOp::FNeg | UnOp::FAbs) => Simplified::Same,
            Some(c) => Simplified::Op(c.op()),
            None => Simplified::Same,
        };
    }
    match (op, def) {
        (UnOp::Neg, &Op::Un(UnOp::Neg, x))
        | (UnOp::Not, &Op::Un(UnOp::Not, x))
        | (UnOp::FNeg, &Op::Un(UnOp::FNeg, x))
        | (UnOp::Wrap, &Op::Un(UnOp::Zext | UnOp::Sext, x)) => Simplified::Value(x),
        (UnOp::FAbs, &Op::Un(UnOp::FNeg, x)) => Simplified::Op(Op::Un(UnOp::FAbs, x)),
        (UnOp::FAbs, &Op::Un(UnOp::FAbs, _))
        | (UnOp::FFloor | UnOp::FCeil, &Op::Un(UnOp::FFloor | UnOp::FCeil | UnOp::I64ToF64, _)) => Simplified::Value(a),
        _ => Simplified::Same,
    }
}

fn simplify_icmp(cc: IntCC, a: Value, b: Value, defs: &impl Defs) -> Simplified {
    if a == b {
        return flag(eval::icmp(cc, 0, 0));
    }
    match (defs.op(a), defs.op(b)) {
        (Some(Op::Obj(x)), Some(Op::Obj(y))) if x == y => return flag(eval::icmp(cc, 0, 0)),
        // Two names may be of one object; an object is never at null.
        (Some(Op::Obj(_)), Some(Op::Null)) => return flag(eval::icmp(cc, 1, 0)),
        (Some(Op::Null), Some(Op::Obj(_))) => return flag(eval::icmp(cc, 0, 1)),
        (Some(Op::Null), Some(Op::Null)) => return flag(eval::icmp(cc, 0, 0)),
        _ => {}
    }
    let (ca, cb) = (int(defs.op(a).and_then(Const::of)), int(defs.op(b).and_then(Const::of)));
    match (ca, cb) {
        (Some(x), Some(y)) => flag(eval::icmp(cc, x, y)),
        (Some(_), None) => match simplify_icmp(cc.swapped(), b, a, defs) {
            Simplified::Same => Simplified::Op(Op::Icmp(cc.swapped(), b, a)),
            simpler => simpler,
        },
        (None, Some(y)) => {
            if y == 0 {
                match cc {
                    IntCC::ULt => return flag(false),
                    IntCC::UGe => return flag(true),
                    _ => {}
                }
            }
            // The sign of `x ^ c` for `c >= 0` is that of `x`.
            if let (IntCC::SLt | IntCC::SGe, 0, Some(&Op::Bin(BinOp::Xor, x, c))) = (cc, y, defs.op(a))
                && int(defs.op(c).and_then(Const::of)).is_some_and(|c| c >= 0)
            {
                return Simplified::Op(Op::Icmp(cc, x, b));
            }
            // A comparison of a truth value with 0 or 1 is that value or its inverse.
            if defs.ty(a) == Type::I32 && is_bool(a, defs) {
                match (cc, y) {
                    (IntCC::Ne, 0) | (IntCC::Eq, 1) => return Simplified::Value(a),
                    (IntCC::Eq, 0) | (IntCC::Ne, 1) => {
                        if let Some(&Op::Icmp(inner, x, y)) = defs.op(a) {
                            return Simplified::Op(Op::Icmp(inner.inverse(), x, y));
                        }
                        if let Some(&Op::Fcmp(FloatCC::Eq, x, y)) = defs.op(a) {
                            return Simplified::Op(Op::Fcmp(FloatCC::Ne, x, y));
                        }
                        if let Some(&Op::Fcmp(FloatCC::Ne, x, y)) = defs.op(a) {
                            return Simplified::Op(Op::Fcmp(FloatCC::Eq, x, y));
                        }
                    }
                    _ => {}
                }
            }
            Simplified::Same
        }
        (None, None) => Simplified::Same,
    }
}
