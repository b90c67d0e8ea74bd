//! Arithmetic: `BINARY_OP` on numbers, unary operators.

use super::abstract_state::{Own, Val};
use super::emit::Num;
use super::{Flow, Res, Specializer};
use crate::bytecode::Opcode;
use crate::ir::{CtxField, FloatCC, IntCC, ObjId, Reason, Value, VirtualKind};
use crate::rt::RtId;

/// Operators by their number in `BINARY_OP`, in-place forms folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinaryOp {
    Add,
    And,
    FloorDiv,
    Shl,
    MatMul,
    Mul,
    Rem,
    Or,
    Pow,
    Shr,
    Sub,
    TrueDiv,
    Xor,
    Subscr,
}

impl BinaryOp {
    pub(super) fn from_arg(arg: u32) -> Option<BinaryOp> {
        use BinaryOp::*;
        const OPS: [BinaryOp; 13] = [Add, And, FloorDiv, Shl, MatMul, Mul, Rem, Or, Pow, Shr, Sub, TrueDiv, Xor];
        match arg {
            0..=12 => Some(OPS[arg as usize]),
            13..=25 => Some(OPS[arg as usize - 13]),
            26 => Some(Subscr),
            _ => None,
        }
    }
}

impl Specializer<'_> {
    pub(super) fn binary_op(&mut self, arg: u32) -> Res<Flow> {
        let Some(op) = BinaryOp::from_arg(arg) else {
            return Ok(self.leave_at_start(Reason::Unsupported));
        };
        if op == BinaryOp::Subscr {
            return self.subscr();
        }
        self.expect_operands();
        let distrusted = self.distrusted();
        let k = *self.o.known();
        let numeric = |s: &Self, d: usize| s.ty_of(s.peek(d)).is_some_and(|t| t == k.int || t == k.float || t == k.bool_);
        if numeric(self, 0) && numeric(self, 1) {
            let floats = self.ty_of(self.peek(0)) == Some(k.float) || self.ty_of(self.peek(1)) == Some(k.float);
            if (!distrusted || floats)
                && let (Some(a), Some(b)) = (self.num(1), self.num(0))
                && let Some(r) = self.arith(op, a, b)?
            {
                self.pop_drop(2);
                self.push(r);
                return Ok(Flow::Next);
            }
        }
        if let Some(flow) = self.binary_operator(arg, op)? {
            return Ok(flow);
        }
        self.binary_general(arg, op)
    }

    /// Types the operands as the interpreter's feedback or an earlier exit suggests.
    pub(super) fn expect_operands(&mut self) {
        let k = *self.o.known();
        let fb = self.o.feedback(self.ctx.frame().code.id, self.ins.op_pc);
        let seen = self.o.observed(self.start.frame().code.id, self.ins.pc);
        let by_feedback: Option<ObjId> = match fb.op {
            Opcode::BinaryOpAddInt | Opcode::BinaryOpSubtractInt | Opcode::BinaryOpMultiplyInt | Opcode::CompareOpInt => {
                Some(k.int)
            }
            Opcode::BinaryOpAddFloat | Opcode::BinaryOpSubtractFloat | Opcode::BinaryOpMultiplyFloat | Opcode::CompareOpFloat => {
                Some(k.float)
            }
            Opcode::BinaryOpAddUnicode | Opcode::BinaryOpInplaceAddUnicode | Opcode::CompareOpStr => Some(k.str_),
            _ => None,
        };
        for d in 0..2 {
            if !matches!(self.peek(d), Val::Obj(o) if o.ty.is_none()) || self.o.varies(self.start.frame().code.id, self.ins.pc, d)
            {
                continue;
            }
            // An exit has seen it later than the interpreter's cache, which is never renewed.
            let ty = match seen.get(d) {
                Some(s) if s.big => continue,
                Some(s) => Some(s.ty),
                None => self.expect_type(d).or(by_feedback),
            };
            if let Some(t) = ty {
                if t == k.int && self.distrusted() {
                    continue;
                }
                self.want(d, t);
            }
        }
    }

    /// Arithmetic on numbers; `None` where only the general way is right.
    fn arith(&mut self, op: BinaryOp, a: Num, b: Num) -> Res<Option<Val>> {
        use BinaryOp::*;
        if let (Num::Int(x), Num::Int(y)) = (a, b) {
            return self.int_arith(op, x, y);
        }
        let (x, y) = (self.float(a), self.float(b));
        let v = match op {
            Add => self.b.fadd(x, y),
            Sub => self.b.fsub(x, y),
            Mul => self.b.fmul(x, y),
            TrueDiv => {
                self.guard_nonzero_float(y);
                self.b.fdiv(x, y)
            }
            FloorDiv | Rem => {
                self.guard_nonzero_float(y);
                let rt = if op == Rem { RtId::FloatMod } else { RtId::FloatFloorDiv };
                self.b.call_rt_value(rt, &[x, y])
            }
            Pow => {
                let r = self.b.call_rt_value(RtId::FloatPow, &[x, y]);
                let exit = self.exit_start(Reason::Error);
                let failed = self.b.load_ctx(CtxField::Failed);
                self.b.guard(failed, false, exit);
                r
            }
            _ => return Ok(None),
        };
        Ok(Some(Val::Float(v)))
    }

    /// `divmod(x, y)` of ints (stack: function, NULL, x, y).
    pub(super) fn call_divmod(&mut self) -> Option<Flow> {
        let k = *self.o.known();
        for d in 0..2 {
            if self.ty_of(self.peek(d)).or_else(|| self.expect_type(d)) != Some(k.int) {
                return None;
            }
        }
        let (Some(Num::Int(x)), Some(Num::Int(y))) = (self.num(1), self.num(0)) else { return None };
        self.guard_nonzero(y);
        let (q, r) = (self.int_floordiv(x, y), self.int_mod(x, y));
        self.call_done(2, Val::tuple(vec![Val::Int(q), Val::Int(r)]))
    }

    /// `pow(x, y)` of numbers.
    pub(super) fn call_pow(&mut self) -> Res<Option<Flow>> {
        let k = *self.o.known();
        for d in 0..2 {
            let ty = self.ty_of(self.peek(d)).or_else(|| self.expect_type(d));
            if ty != Some(k.int) && ty != Some(k.float) {
                return Ok(None);
            }
        }
        let (Some(x), Some(y)) = (self.num(1), self.num(0)) else { return Ok(None) };
        let Some(r) = self.arith(BinaryOp::Pow, x, y)? else { return Ok(None) };
        Ok(self.call_done(2, r))
    }

    fn guard_nonzero_float(&mut self, y: Value) {
        let z = self.b.f64(0.0);
        // True of NaN.
        let c = self.b.fcmp(FloatCC::Ne, y, z);
        let class = Some(self.o.known().zero_division_error);
        self.check(c, Reason::Error, class);
    }

    fn guard_nonzero(&mut self, y: Value) {
        let z = self.b.i64(0);
        let c = self.b.icmp(IntCC::Ne, y, z);
        let class = Some(self.o.known().zero_division_error);
        self.check(c, Reason::Error, class);
    }

    fn int_arith(&mut self, op: BinaryOp, x: Value, y: Value) -> Res<Option<Val>> {
        use BinaryOp::*;
        let both_bool = matches!((self.peek(0), self.peek(1)), (Val::Bool(_), Val::Bool(_)));
        let v = match op {
            Add => {
                let e = self.exit_start(Reason::Overflow);
                self.b.add_ovf(x, y, e)
            }
            Sub => {
                let e = self.exit_start(Reason::Overflow);
                self.b.sub_ovf(x, y, e)
            }
            Mul => {
                let e = self.exit_start(Reason::Overflow);
                self.b.mul_ovf(x, y, e)
            }
            And | Or | Xor => {
                if both_bool && let (Val::Bool(p), Val::Bool(q)) = (self.peek(1).clone(), self.peek(0).clone()) {
                    let v = match op {
                        And => self.b.and(p, q),
                        Or => self.b.or(p, q),
                        _ => self.b.xor(p, q),
                    };
                    return Ok(Some(Val::Bool(v)));
                }
                match op {
                    And => self.b.and(x, y),
                    Or => self.b.or(x, y),
                    _ => self.b.xor(x, y),
                }
            }
            Rem => {
                self.guard_nonzero(y);
                self.int_mod(x, y)
            }
            FloorDiv => {
                self.guard_nonzero(y);
                self.int_floordiv(x, y)
            }
            TrueDiv => {
                self.guard_nonzero(y);
                return Ok(Some(Val::Float(self.int_truediv(x, y))));
            }
            Shl => {
                let exit = self.exit_start(Reason::Overflow);
                let limit = self.b.i64(63);
                self.b.guard_icmp(IntCC::ULe, y, limit, exit);
                let r = self.b.shl(x, y);
                let back = self.b.sshr(r, y);
                self.b.guard_icmp(IntCC::Eq, back, x, exit);
                r
            }
            Shr => {
                let exit = self.exit_start(Reason::Error);
                let zero = self.b.i64(0);
                self.b.guard_icmp(IntCC::SGe, y, zero, exit);
                let max = self.b.i64(63);
                let over = self.b.icmp(IntCC::SGt, y, max);
                let y = self.b.select(over, max, y);
                self.b.sshr(x, y)
            }
            Pow => {
                let exit = self.exit_start(Reason::Overflow);
                let zero = self.b.i64(0);
                // A negative exponent gives a float.
                self.b.guard_icmp(IntCC::SGe, y, zero, exit);
                if self.b.as_i64(y) == Some(2) {
                    self.b.mul_ovf(x, x, exit)
                } else {
                    let r = self.b.call_rt_value(RtId::IntPow, &[x, y]);
                    let failed = self.b.load_ctx(CtxField::Failed);
                    self.b.guard(failed, false, exit);
                    r
                }
            }
            MatMul | Subscr => return Ok(None),
        };
        Ok(Some(Val::Int(v)))
    }

    /// `x % y` with the sign of `y`, which is not zero.
    fn int_mod(&mut self, x: Value, y: Value) -> Value {
        match self.b.as_i64(y) {
            Some(c) if c > 0 && c & (c - 1) == 0 => {
                let mask = self.b.i64(c - 1);
                return self.b.and(x, mask);
            }
            Some(c) if c > 0 && self.is_square(x) => return self.b.srem(x, y),
            Some(c) if c > 0 => {
                let r = self.b.srem(x, y);
                let zero = self.b.i64(0);
                let neg = self.b.icmp(IntCC::SLt, r, zero);
                let fixed = self.b.add(r, y);
                return self.b.select(neg, fixed, r);
            }
            _ => {}
        }
        self.guard_not_minus_one(y);
        let r = self.b.srem(x, y);
        let adjust = self.sign_differs(r, y);
        let fixed = self.b.add(r, y);
        self.b.select(adjust, fixed, r)
    }

    /// Whether a number is the product of another with itself, and so not negative.
    fn is_square(&self, x: Value) -> bool {
        matches!(self.b.def(x), Some(crate::ir::Op::Ovf(crate::ir::OvfOp::Mul, a, b, _)) if a == b)
    }

    fn int_floordiv(&mut self, x: Value, y: Value) -> Value {
        match self.b.as_i64(y) {
            Some(c) if c > 0 && c & (c - 1) == 0 => {
                let n = self.b.i64(c.trailing_zeros() as i64);
                return self.b.sshr(x, n);
            }
            Some(c) if c > 0 => {}
            _ => self.guard_not_minus_one(y),
        }
        let q = self.b.sdiv(x, y);
        let r = self.b.srem(x, y);
        let adjust = self.sign_differs(r, y);
        let adjust = self.b.zext(adjust);
        self.b.sub(q, adjust)
    }

    /// The quotient of the most negative number and -1 does not fit, and machines trap on it.
    fn guard_not_minus_one(&mut self, y: Value) {
        let exit = self.exit_start(Reason::Overflow);
        let m1 = self.b.i64(-1);
        self.b.guard_icmp(IntCC::Ne, y, m1, exit);
    }

    /// 1 if the remainder `r` is not zero and has not the sign of the divisor.
    fn sign_differs(&mut self, r: Value, y: Value) -> Value {
        let zero = self.b.i64(0);
        let x = self.b.xor(r, y);
        let differs = self.b.icmp(IntCC::SLt, x, zero);
        let nonzero = self.b.icmp(IntCC::Ne, r, zero);
        self.b.and(differs, nonzero)
    }

    /// Both operands exactly representable: the machine's division is correctly rounded.
    fn int_truediv(&mut self, x: Value, y: Value) -> Value {
        let exit = self.exit_start(Reason::Overflow);
        for v in [x, y] {
            let bias = self.b.i64(1 << 53);
            let biased = self.b.add(v, bias);
            let limit = self.b.i64(1 << 54);
            self.b.guard_icmp(IntCC::ULe, biased, limit, exit);
        }
        let (fx, fy) = (self.b.i64_to_f64(x), self.b.i64_to_f64(y));
        let quotient = self.b.fdiv(fx, fy);
        // The interpreter says that `0 / -3` is 0.0. Adding 0.0 changes nothing but -0.0.
        let zero = self.b.f64(0.0);
        self.b.fadd(quotient, zero)
    }

    /// Operators on other objects: by an entry point.
    fn binary_general(&mut self, arg: u32, op: BinaryOp) -> Res<Flow> {
        let k = *self.o.known();
        if self.unseen() && self.o.observed(self.ctx.frame().code.id, self.ins.pc).is_empty() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        let (ta, tb) = (self.ty_of(self.peek(1)), self.ty_of(self.peek(0)));
        let plain = |t: Option<ObjId>| t.is_some_and(|t| [k.int, k.float, k.bool_, k.str_, k.bytes, k.complex].contains(&t));
        let opv = self.b.i32(arg as i32);
        // `str % args` formats any object.
        let formats = op == BinaryOp::Rem && (ta == Some(k.str_) || ta == Some(k.bytes));
        if op == BinaryOp::Add && ta == Some(k.str_) && tb == Some(k.str_) {
            return Ok(self.str_add());
        }
        if formats && ta == Some(k.str_) && self.str_format() {
            return Ok(Flow::Next);
        }
        if op == BinaryOp::Mul
            && let Some([item]) = self.peek(1).parts_of(VirtualKind::List)
        {
            let item = item.clone();
            if let Some(Num::Int(n)) = self.num(0) {
                let item = self.argument(&item);
                self.pop_drop(2);
                let r = self.rt(RtId::ListOf, &[item, n]).expect("a result");
                self.push(Val::typed(r, k.list, Own::Owned));
                return Ok(Flow::Next);
            }
        }
        if op == BinaryOp::Mul
            && arg < 13
            && ta == Some(k.list)
            && let Val::Int(n) = *self.peek(0)
            && let Val::Obj(list) = *self.peek(1)
        {
            self.guard_type(list.v, k.list);
            self.pop_drop(2);
            let r = self.rt(RtId::ListRepeat, &[list.v, n]).expect("a result");
            self.push(Val::typed(r, k.list, Own::Owned));
            return Ok(Flow::Next);
        }
        if plain(ta) && plain(tb) && !formats {
            self.generic(RtId::BinaryOpPlain, &[opv], 2)?;
            let result = if ta == Some(k.int) && tb == Some(k.int) && op != BinaryOp::TrueDiv && op != BinaryOp::Pow {
                Some(k.int)
            } else {
                None
            };
            if let (Some(t), Val::Obj(o)) = (result, self.peek_mut(0)) {
                o.ty = Some(t);
            }
            return Ok(Flow::Next);
        }
        self.binary_by_entry_point()
    }

    pub(super) fn binary_by_entry_point(&mut self) -> Res<Flow> {
        self.before_python()?;
        self.sync_locals();
        if BinaryOp::from_arg(self.ins.arg) == Some(BinaryOp::Subscr) {
            return self.generic(RtId::GetItem, &[], 2);
        }
        let op = self.b.i32(self.ins.arg as i32);
        self.generic(RtId::BinaryOp, &[op], 2)
    }

    pub(super) fn unary_negative(&mut self) -> Res<Flow> {
        if let Some(t) = self.expect_type(0)
            && !self.distrusted()
        {
            self.want(0, t);
        }
        if !self.distrusted() {
            let v = match self.num(0) {
                Some(Num::Int(v)) => {
                    let exit = self.exit_start(Reason::Overflow);
                    let zero = self.b.i64(0);
                    Some(Val::Int(self.b.sub_ovf(zero, v, exit)))
                }
                Some(Num::Float(v)) => Some(Val::Float(self.b.fneg(v))),
                None => None,
            };
            if let Some(v) = v {
                self.pop_drop(1);
                self.push(v);
                return Ok(Flow::Next);
            }
        }
        if let Some(ty) = self.ty_of(self.peek(0))
            && let Some(flow) = self.operator(ty, "__neg__", &[0], 1)?
        {
            return Ok(flow);
        }
        let kind = self.b.i32(0);
        self.generic(RtId::UnaryOp, &[kind], 1)
    }

    pub(super) fn unary_invert(&mut self) -> Res<Flow> {
        let k = *self.o.known();
        if self.expect_type(0) == Some(k.int) && !self.distrusted() {
            self.want(0, k.int);
        }
        // Of bools it is deprecated and says so; of constants only the big ones are left.
        if let Val::Int(v) = *self.peek(0) {
            let r = self.b.bit_not(v);
            self.pop_drop(1);
            self.push(Val::Int(r));
            return Ok(Flow::Next);
        }
        let kind = self.b.i32(1);
        self.generic(RtId::UnaryOp, &[kind], 1)
    }
}
