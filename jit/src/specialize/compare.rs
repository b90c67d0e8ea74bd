//! Comparisons, identity, membership.

use super::abstract_state::Val;
use super::emit::Num;
use super::{Flow, Res, Specializer};
use crate::ir::{FloatCC, IntCC, ObjId, Reason, Value};
use crate::rt::RtId;

const INT_CC: [IntCC; 6] = [IntCC::SLt, IntCC::SLe, IntCC::Eq, IntCC::Ne, IntCC::SGt, IntCC::SGe];
const FLOAT_CC: [FloatCC; 6] = [FloatCC::Lt, FloatCC::Le, FloatCC::Eq, FloatCC::Ne, FloatCC::Gt, FloatCC::Ge];

impl Specializer<'_> {
    pub(super) fn compare_op(&mut self, arg: u32) -> Res<Flow> {
        let op = (arg >> 5) as usize;
        if op >= 6 {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        self.expect_operands();
        let k = *self.o.known();
        let (ta, tb) = (self.ty_of(self.peek(1)), self.ty_of(self.peek(0)));
        let number = |t| t == Some(k.int) || t == Some(k.float) || t == Some(k.bool_);
        if number(ta)
            && number(tb)
            && !(self.distrusted() && ta != Some(k.float) && tb != Some(k.float))
            && let (Some(a), Some(b)) = (self.num(1), self.num(0))
        {
            let c = match (a, b) {
                (Num::Int(x), Num::Int(y)) => self.b.icmp(INT_CC[op], x, y),
                (Num::Float(x), Num::Float(y)) => self.b.fcmp(FLOAT_CC[op], x, y),
                (Num::Int(x), Num::Float(y)) => self.int_float(op, x, y),
                (Num::Float(x), Num::Int(y)) => self.int_float(mirrored(op), y, x),
            };
            self.pop_drop(2);
            self.push(Val::Bool(c));
            return Ok(Flow::Next);
        }
        if ta == Some(k.str_) && tb == Some(k.str_) {
            let c = self.str_compare(op);
            self.pop_drop(2);
            self.push(Val::Bool(c));
            return Ok(Flow::Next);
        }
        if ta == Some(k.int) && tb == Some(k.int) {
            let opv = self.b.i32(op as i32);
            for d in 0..2 {
                if let Val::Obj(o) = self.peek(d).clone() {
                    self.guard_type(o.v, k.int);
                }
            }
            let args = self.pop_arguments(2);
            let c = self.b.call_rt_value(RtId::IntCompare, &[opv, args[0], args[1]]);
            self.push(Val::Bool(c));
            return Ok(Flow::Next);
        }
        if let (2 | 3, Some(a), Some(b)) = (op, ta, tb)
            && let Some(equal) = self.unlike(a, b)
        {
            for d in 0..2 {
                if let Val::Obj(o) = *self.peek(d) {
                    self.guard_type(o.v, if d == 0 { b } else { a });
                }
            }
            self.pop_drop(2);
            let c = self.b.bool(equal == (op == 2));
            self.push(Val::Bool(c));
            return Ok(Flow::Next);
        }
        if let Some(flow) = self.compare_operator(op)? {
            return Ok(flow);
        }
        if self.unseen() && self.o.observed(self.ctx.frame().code.id, self.ins.pc).is_empty() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        let opv = self.b.i32(op as i32);
        self.before_python()?;
        self.sync_locals();
        // What plain comparisons give are truth values.
        if arg & 16 == 0 && !self.plain {
            return self.generic(RtId::Compare, &[opv], 2);
        }
        self.materialize(0);
        self.materialize(1);
        let mut args = vec![opv];
        args.extend(self.pop_arguments(2));
        let c = self.rt(RtId::CompareBool, &args).expect("a result");
        self.push(Val::Bool(c));
        Ok(Flow::Next)
    }

    /// Whether objects of two builtin classes are equal, where the classes alone decide it.
    fn unlike(&self, a: ObjId, b: ObjId) -> Option<bool> {
        let k = self.o.known();
        // Classes of one kind may have equal objects.
        let kinds: [&[ObjId]; 6] =
            [&[k.none_type], &[k.int, k.float, k.bool_, k.complex], &[k.str_], &[k.list], &[k.tuple], &[k.dict]];
        let kind = |class: ObjId| kinds.iter().position(|kind| kind.contains(&class));
        match (kind(a)?, kind(b)?) {
            (0, 0) => Some(true),
            (x, y) if x != y => Some(false),
            _ => None,
        }
    }

    /// Compares an int with a float exactly.
    fn int_float(&mut self, op: usize, x: Value, y: Value) -> Value {
        if let Some(c) = self.b.as_i64(x)
            && (c as f64) as i128 == c as i128
        {
            let f = self.b.f64(c as f64);
            return self.b.fcmp(FLOAT_CC[op], f, y);
        }
        if self.distrusted() {
            let opv = self.b.i32(op as i32);
            return self.b.call_rt_value(RtId::IntFloatCompare, &[opv, x, y]);
        }
        let exit = self.exit_start(Reason::Overflow);
        let bias = self.b.i64(1 << 53);
        let biased = self.b.add(x, bias);
        let limit = self.b.i64(1 << 54);
        self.b.guard_icmp(IntCC::ULe, biased, limit, exit);
        let f = self.b.i64_to_f64(x);
        self.b.fcmp(FLOAT_CC[op], f, y)
    }

    pub(super) fn is_op(&mut self, invert: bool) -> Res<Flow> {
        let (b, a) = (self.peek(0).clone(), self.peek(1).clone());
        if a.is_virtual() || b.is_virtual() || matches!(a, Val::Keep) || matches!(b, Val::Keep) {
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        let k = *self.o.known();
        let c = match (&a, &b) {
            (Val::Int(x), Val::Int(y)) => self.b.icmp(IntCC::Eq, *x, *y),
            (Val::Float(x), Val::Float(y)) => {
                // The same bits: a number read from one place is one object.
                let (x, y) = (self.b.bits_of(*x), self.b.bits_of(*y));
                self.b.icmp(IntCC::Eq, x, y)
            }
            (Val::Bool(x), Val::Bool(y)) => self.b.icmp(IntCC::Eq, *x, *y),
            (Val::Bool(v), Val::Const(c)) | (Val::Const(c), Val::Bool(v)) => {
                if *c == k.true_ {
                    *v
                } else if *c == k.false_ {
                    self.b.not(*v)
                } else {
                    self.b.bool(false)
                }
            }
            (Val::Const(x), Val::Const(y)) => self.b.bool(x == y),
            (Val::Instance(x), Val::Instance(y)) => self.b.bool(x == y),
            // What does not exist yet is nothing else.
            (Val::Instance(_), _) | (_, Val::Instance(_)) => self.b.bool(false),
            (Val::Int(_) | Val::Float(_), Val::Const(c)) | (Val::Const(c), Val::Int(_) | Val::Float(_))
                if self.o.int(*c).is_none() && self.o.float(*c).is_none() =>
            {
                self.b.bool(false)
            }
            (Val::Int(_) | Val::Float(_), Val::Bool(_)) | (Val::Bool(_), Val::Int(_) | Val::Float(_)) => self.b.bool(false),
            (Val::Int(_), Val::Float(_)) | (Val::Float(_), Val::Int(_)) => self.b.bool(false),
            (Val::Obj(_) | Val::Const(_) | Val::Bool(_), Val::Obj(_) | Val::Const(_) | Val::Bool(_)) => {
                let (x, _) = self.boxed(&a);
                let (y, _) = self.boxed(&b);
                self.b.icmp(IntCC::Eq, x, y)
            }
            // A number against an object: the object's own class decides.
            (Val::Int(_), Val::Obj(_)) | (Val::Float(_), Val::Obj(_)) => {
                let t = self.ty_of(&a).expect("a number");
                return self.is_number(0, t, invert);
            }
            (Val::Obj(_), Val::Int(_)) | (Val::Obj(_), Val::Float(_)) => {
                let t = self.ty_of(&b).expect("a number");
                return self.is_number(1, t, invert);
            }
            _ => return Ok(self.leave_at_start(Reason::Unsupported)),
        };
        self.pop_drop(2);
        let c = if invert { self.b.not(c) } else { c };
        self.push(Val::Bool(c));
        Ok(Flow::Next)
    }

    /// `number is object`: specialized where the object is expected to be a number too.
    fn is_number(&mut self, obj_depth: usize, t: crate::ir::ObjId, invert: bool) -> Res<Flow> {
        if self.ty_of(self.peek(obj_depth)) == Some(t) || self.expect_type(obj_depth) == Some(t) {
            self.want(obj_depth, t);
            return self.is_op(invert);
        }
        Ok(self.leave_at_start(Reason::Unsupported))
    }

    pub(super) fn contains_op(&mut self, invert: bool) -> Res<Flow> {
        if self.unseen() && self.o.observed(self.ctx.frame().code.id, self.ins.pc).is_empty() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        if let Some(c) = self.table_contains().or_else(|| self.sequence_contains()) {
            let c = if invert { self.b.not(c) } else { c };
            self.pop_drop(2);
            self.push(Val::Bool(c));
            return Ok(Flow::Next);
        }
        if let Some(ty) = self.expect_type(0)
            && let Some(flow) = self.expected_operator(0, ty, "__contains__", &[0, 1], 2)?
        {
            return Ok(flow);
        }
        self.before_python()?;
        self.materialize(0);
        self.materialize(1);
        let args = self.pop_arguments(2);
        let c = self.rt(RtId::Contains, &[args[1], args[0]]).expect("a result");
        let c = if invert { self.b.not(c) } else { c };
        self.push(Val::Bool(c));
        Ok(Flow::Next)
    }
}

/// The operator with its operands exchanged.
fn mirrored(op: usize) -> usize {
    [4, 5, 2, 3, 0, 1][op]
}
