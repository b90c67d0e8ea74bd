//! What the operations compute: one definition of their arithmetic, used by
//! constant folding and by the interpreter, so that the two can't disagree.

use super::{BinOp, FloatCC, IntCC, Op, OvfOp, Type, UnOp};

/// A known value of a materialized type other than an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Const {
    I32(i32),
    I64(i64),
    /// By bits.
    F64(u64),
}

impl Const {
    /// Its type.
    pub fn ty(self) -> Type {
        match self {
            Const::I32(_) => Type::I32,
            Const::I64(_) => Type::I64,
            Const::F64(_) => Type::F64,
        }
    }

    /// The instruction that gives it.
    pub fn op(self) -> Op {
        match self {
            Const::I32(x) => Op::I32Const(x),
            Const::I64(x) => Op::I64Const(x),
            Const::F64(x) => Op::F64Const(x),
        }
    }

    /// The constant that an instruction gives, if it is one.
    pub fn of(op: &Op) -> Option<Const> {
        match op {
            Op::I32Const(x) => Some(Const::I32(*x)),
            Op::I64Const(x) => Some(Const::I64(*x)),
            Op::F64Const(x) => Some(Const::F64(*x)),
            _ => None,
        }
    }
}

/// A binary operation on 64-bit integers; `None` for divisions that have no result.
pub fn bin_i64(op: BinOp, a: i64, b: i64) -> Option<i64> {
    Some(match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::SDiv => return a.checked_div(b),
        BinOp::SRem => return a.checked_rem(b),
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => a.wrapping_shl(b as u32),
        BinOp::SShr => a.wrapping_shr(b as u32),
        BinOp::FAdd | BinOp::FSub | BinOp::FMul | BinOp::FDiv => return None,
    })
}

/// The same on 32-bit integers.
pub fn bin_i32(op: BinOp, a: i32, b: i32) -> Option<i32> {
    Some(match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::SDiv => return a.checked_div(b),
        BinOp::SRem => return a.checked_rem(b),
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Shl => a.wrapping_shl(b as u32),
        BinOp::SShr => a.wrapping_shr(b as u32),
        BinOp::FAdd | BinOp::FSub | BinOp::FMul | BinOp::FDiv => return None,
    })
}

/// A binary operation on floats.
pub fn bin_f64(op: BinOp, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        BinOp::FAdd => a + b,
        BinOp::FSub => a - b,
        BinOp::FMul => a * b,
        BinOp::FDiv => a / b,
        _ => return None,
    })
}

/// An operation that may overflow; `None` if it does.
pub fn ovf(op: OvfOp, a: i64, b: i64) -> Option<i64> {
    match op {
        OvfOp::Add => a.checked_add(b),
        OvfOp::Sub => a.checked_sub(b),
        OvfOp::Mul => a.checked_mul(b),
    }
}

impl OvfOp {
    /// The operation without the check.
    pub fn wrapping(self) -> BinOp {
        match self {
            OvfOp::Add => BinOp::Add,
            OvfOp::Sub => BinOp::Sub,
            OvfOp::Mul => BinOp::Mul,
        }
    }
}

/// A unary operation; `None` where the operand has the wrong type or no result.
pub fn un(op: UnOp, a: Const) -> Option<Const> {
    let float = |x: f64| Some(Const::F64(x.to_bits()));
    match (op, a) {
        (UnOp::Neg, Const::I32(x)) => Some(Const::I32(x.wrapping_neg())),
        (UnOp::Neg, Const::I64(x)) => Some(Const::I64(x.wrapping_neg())),
        (UnOp::Not, Const::I32(x)) => Some(Const::I32(!x)),
        (UnOp::Not, Const::I64(x)) => Some(Const::I64(!x)),
        (UnOp::I64ToF64, Const::I64(x)) => float(x as f64),
        (UnOp::Wrap, Const::I64(x)) => Some(Const::I32(x as i32)),
        (UnOp::Zext, Const::I32(x)) => Some(Const::I64(x as u32 as i64)),
        (UnOp::Sext, Const::I32(x)) => Some(Const::I64(x as i64)),
        (UnOp::BitsOf, Const::F64(bits)) => Some(Const::I64(bits as i64)),
        (UnOp::FNeg, Const::F64(bits)) => Some(Const::F64(bits ^ (1 << 63))),
        (UnOp::FAbs, Const::F64(bits)) => Some(Const::F64(bits & !(1 << 63))),
        (UnOp::FSqrt, Const::F64(bits)) => float(f64::from_bits(bits).sqrt()),
        (UnOp::FFloor, Const::F64(bits)) => float(f64::from_bits(bits).floor()),
        (UnOp::FCeil, Const::F64(bits)) => float(f64::from_bits(bits).ceil()),
        (UnOp::F64ToI64, Const::F64(bits)) => {
            let x = f64::from_bits(bits).trunc();
            // The smallest is exact; everything from it to its negative fits.
            const END: f64 = -(i64::MIN as f64);
            (-END..END).contains(&x).then_some(Const::I64(x as i64))
        }
        _ => None,
    }
}

/// A binary operation on constants; `None` where it has no result or the types are wrong.
pub fn bin(op: BinOp, a: Const, b: Const) -> Option<Const> {
    match (a, b) {
        (Const::I64(a), Const::I64(b)) => bin_i64(op, a, b).map(Const::I64),
        (Const::I32(a), Const::I32(b)) => bin_i32(op, a, b).map(Const::I32),
        (Const::F64(a), Const::F64(b)) => bin_f64(op, f64::from_bits(a), f64::from_bits(b)).map(|x| Const::F64(x.to_bits())),
        _ => None,
    }
}

/// An integer comparison; 32-bit operands are compared sign-extended, which keeps
/// both their signed and their unsigned order.
pub fn icmp(cc: IntCC, a: i64, b: i64) -> bool {
    let (ua, ub) = (a as u64, b as u64);
    match cc {
        IntCC::Eq => a == b,
        IntCC::Ne => a != b,
        IntCC::SLt => a < b,
        IntCC::SLe => a <= b,
        IntCC::SGt => a > b,
        IntCC::SGe => a >= b,
        IntCC::ULt => ua < ub,
        IntCC::ULe => ua <= ub,
        IntCC::UGt => ua > ub,
        IntCC::UGe => ua >= ub,
    }
}

/// A float comparison.
pub fn fcmp(cc: FloatCC, a: f64, b: f64) -> bool {
    match cc {
        FloatCC::Eq => a == b,
        FloatCC::Ne => a != b,
        FloatCC::Lt => a < b,
        FloatCC::Le => a <= b,
        FloatCC::Gt => a > b,
        FloatCC::Ge => a >= b,
    }
}

impl IntCC {
    /// The comparison that holds exactly where this one does not.
    pub fn inverse(self) -> IntCC {
        match self {
            IntCC::Eq => IntCC::Ne,
            IntCC::Ne => IntCC::Eq,
            IntCC::SLt => IntCC::SGe,
            IntCC::SLe => IntCC::SGt,
            IntCC::SGt => IntCC::SLe,
            IntCC::SGe => IntCC::SLt,
            IntCC::ULt => IntCC::UGe,
            IntCC::ULe => IntCC::UGt,
            IntCC::UGt => IntCC::ULe,
            IntCC::UGe => IntCC::ULt,
        }
    }

    /// The comparison with its operands exchanged.
    pub fn swapped(self) -> IntCC {
        match self {
            IntCC::Eq | IntCC::Ne => self,
            IntCC::SLt => IntCC::SGt,
            IntCC::SLe => IntCC::SGe,
            IntCC::SGt => IntCC::SLt,
            IntCC::SGe => IntCC::SLe,
            IntCC::ULt => IntCC::UGt,
            IntCC::ULe => IntCC::UGe,
            IntCC::UGt => IntCC::ULt,
            IntCC::UGe => IntCC::ULe,
        }
    }
}

impl FloatCC {
    /// The comparison with its operands exchanged.
    pub fn swapped(self) -> FloatCC {
        match self {
            FloatCC::Eq | FloatCC::Ne => self,
            FloatCC::Lt => FloatCC::Gt,
            FloatCC::Le => FloatCC::Ge,
            FloatCC::Gt => FloatCC::Lt,
            FloatCC::Ge => FloatCC::Le,
        }
    }
}
