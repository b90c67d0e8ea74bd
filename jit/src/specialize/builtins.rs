//! Builtin functions on operands of known classes: what they say of classes, what they make of whole sequences, and
//! slices.
//!
//! The entry points for sequences look at the items and give up where Python code might run: then the instruction is
//! left, and after some times done the general way.

use super::abstract_state::{Own, Val};
use super::emit::Num;
use super::{Flow, Res, Specializer};
use crate::bytecode::Opcode;
use crate::ir::{Field, IntCC, ObjId, Reason, Type, Value};
use crate::oracle::Builtin;
use crate::rt::RtId;

/// What stands for None among the numbers of a slice.
const NONE: i64 = i64::MIN;

impl Specializer<'_> {
    /// `isinstance(x, C)` and `isinstance(x, (C, D))` of classes that are known (stack: function, NULL, x, classes).
    pub(super) fn call_isinstance(&mut self) -> Option<Flow> {
        let k = *self.o.known();
        let classes: Vec<ObjId> = match self.peek(0) {
            Val::Const(c) => self.o.tuple(*c).unwrap_or_else(|| vec![*c]),
            other => other.constant_items()?,
        };
        if classes.len() > 6 || classes.iter().any(|c| self.o.type_of(*c) != k.type_) {
            return None;
        }
        let val = self.peek(1).clone();
        if matches!(val, Val::Null | Val::Keep | Val::Maybe { .. } | Val::MaybeObj { .. }) {
            return None;
        }
        if let Some(ty) = self.ty_of(&val) {
            let answers: Option<Vec<bool>> = classes.iter().map(|c| self.o.is_subclass(ty, *c)).collect();
            // Classes that have no version can't be watched.
            if let Some(answers) = answers
                && self.o.type_version(ty).is_some()
            {
                if let Val::Obj(o) = val {
                    self.guard_type(o.v, ty);
                }
                if matches!(val, Val::Obj(_) | Val::Instance(_)) {
                    self.guard_version(ty);
                }
                let is = self.b.bool(answers.contains(&true));
                return self.call_done(2, Val::Bool(is));
            }
        }
        let Val::Obj(o) = val else { return None };
        let done = self.b.create_block();
        let out = self.b.add_param(done, Type::I32);
        let exit = self.exit_start(Reason::Type);
        let (yes, no) = (self.b.bool(true), self.b.bool(false));
        let ty = self.b.load(Field::ObjType, o.v, None);
        for (i, class) in classes.iter().enumerate() {
            let c = self.b.obj(*class);
            let ask = self.b.create_block();
            let exactly = self.b.icmp(IntCC::Eq, ty, c);
            self.b.br(exactly, done, &[yes], ask, &[]);
            self.b.switch_to(ask);
            let is = self.b.call_rt_value(RtId::IsInstancePlain, &[o.v, c]);
            let zero = self.b.i32(0);
            self.b.guard_icmp(IntCC::SGe, is, zero, exit);
            if i + 1 == classes.len() {
                self.b.jump(done, &[is]);
            } else {
                let next = self.b.create_block();
                self.b.br(is, done, &[yes], next, &[]);
                self.b.switch_to(next);
            }
        }
        if classes.is_empty() {
            self.b.jump(done, &[no]);
        }
        self.b.switch_to(done);
        self.call_done(2, Val::Bool(out))
    }

    /// `type(x)`.
    pub(super) fn call_type(&mut self) -> Option<Flow> {
        let val = self.peek(0).clone();
        if matches!(val, Val::Null | Val::Keep | Val::Maybe { .. } | Val::MaybeObj { .. }) {
            return None;
        }
        let class = match (self.ty_of(&val), val) {
            (Some(ty), Val::Obj(o)) => {
                self.guard_type(o.v, ty);
                Val::Const(ty)
            }
            (Some(ty), _) => Val::Const(ty),
            (None, Val::Obj(o)) => {
                let class = self.b.load(Field::ObjType, o.v, None);
                self.b.incref(class);
                Val::object(class, Own::Owned)
            }
            (None, _) => return None,
        };
        self.call_done(1, class)
    }

    /// The only argument of a call as an exact list or tuple.
    fn sequence_argument(&mut self) -> Option<Value> {
        let k = *self.o.known();
        let ty = self.ty_of(self.peek(0)).or_else(|| self.expect_type(0))?;
        if ty != k.list && ty != k.tuple {
            return None;
        }
        match self.peek(0).clone() {
            Val::Obj(o) => {
                self.guard_type(o.v, ty);
                Some(o.v)
            }
            Val::Const(c) => Some(self.b.obj(c)),
            _ => None,
        }
    }

    /// `sum`, `min`, `max`, `sorted` of one list or tuple.
    pub(super) fn sequence_builtin(&mut self, b: Builtin) -> Option<Flow> {
        let k = *self.o.known();
        let seq = self.sequence_argument()?;
        let which = self.b.i32(i32::from(b == Builtin::Max));
        let (r, ty) = match b {
            Builtin::Sum => (self.b.call_rt_value(RtId::SeqSum, &[seq]), None),
            Builtin::Sorted => (self.b.call_rt_value(RtId::SeqSorted, &[seq]), Some(k.list)),
            _ => (self.b.call_rt_value(RtId::SeqExtreme, &[which, seq]), None),
        };
        let exit = self.exit_start(Reason::Type);
        let null = self.b.null();
        self.b.guard_icmp(IntCC::Ne, r, null, exit);
        let sample = self.sample_of(self.peek(0));
        let mut val = Val::object(r, Own::Owned);
        if let Val::Obj(o) = &mut val {
            o.ty = ty;
            o.sample = if ty.is_some() { sample } else { sample.and_then(|s| self.o.sample_item(s)) };
        }
        self.call_done(1, val)
    }

    /// The object at `depth` whose attribute of a constant name is asked for, and the name, above it.
    fn named_attribute(&mut self, depth: usize) -> Option<(Value, Value)> {
        let Val::Const(name) = *self.peek(depth - 1) else { return None };
        let is_name = self.o.type_of(name) == self.o.known().str_;
        if !is_name || self.o.runs_python(self.start.frame().code.id, self.ins.pc) {
            return None;
        }
        let object = match self.peek(depth).clone() {
            Val::Obj(o) => o.v,
            Val::Const(c) => self.b.obj(c),
            _ => return None,
        };
        // It may be a module whose variables are in registers.
        self.flush_globals();
        Some((object, self.b.obj(name)))
    }

    /// `hasattr(object, name)` of a constant name.
    pub(super) fn call_hasattr(&mut self) -> Option<Flow> {
        let (object, name) = self.named_attribute(1)?;
        let has = self.has_attribute(object, name);
        self.call_done(2, Val::Bool(has))
    }

    fn has_attribute(&mut self, object: Value, name: Value) -> Value {
        let has = self.b.call_rt_value(RtId::PlainHasAttr, &[object, name]);
        let done = self.b.icmp_imm(IntCC::SGe, has, 0);
        self.guard_plain(done);
        has
    }

    /// `getattr(object, name)` and `getattr(object, name, default)`.
    pub(super) fn call_getattr(&mut self, argc: usize) -> Option<Flow> {
        if argc == 3 && !matches!(self.peek(0), Val::Obj(_) | Val::Const(_) | Val::Int(_) | Val::Float(_) | Val::Bool(_)) {
            return None;
        }
        let (object, name) = self.named_attribute(argc - 1)?;
        let found = |s: &mut Self| {
            let v = s.b.call_rt_value(RtId::PlainGetAttr, &[object, name]);
            let null = s.b.null();
            let done = s.b.icmp(IntCC::Ne, v, null);
            s.guard_plain(done);
            v
        };
        let result = if argc == 2 {
            found(self)
        } else {
            let has = self.has_attribute(object, name);
            let (yes, no, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
            let result = self.b.add_param(done, Type::Ptr);
            self.b.br(has, yes, &[], no, &[]);
            self.b.switch_to(yes);
            let v = found(self);
            self.b.jump(done, &[v]);
            self.b.switch_to(no);
            let default = self.peek(0).clone();
            let v = self.boxed_ref(&default);
            self.b.jump(done, &[v]);
            self.b.switch_to(done);
            result
        };
        self.call_done(argc, Val::object(result, Own::Owned))
    }

    /// `any` and `all` of one list or tuple.
    pub(super) fn sequence_truth(&mut self, b: Builtin) -> Option<Flow> {
        let seq = self.sequence_argument()?;
        let which = self.b.i32(i32::from(b == Builtin::All));
        let r = self.b.call_rt_value(RtId::SeqTruth, &[which, seq]);
        let exit = self.exit_start(Reason::Type);
        let zero = self.b.i32(0);
        self.b.guard_icmp(IntCC::SGe, r, zero, exit);
        self.call_done(1, Val::Bool(r))
    }

    /// `list(x)` and `tuple(x)` of what runs no Python code when it is walked over.
    pub(super) fn call_sequence(&mut self, b: Builtin) -> Res<Option<Flow>> {
        let k = *self.o.known();
        let Some(ty) = self.ty_of(self.peek(0)).or_else(|| self.expect_type(0)) else { return Ok(None) };
        let walked = [k.list, k.tuple, k.range, k.str_, k.dict, k.dict_keys, k.dict_values, k.dict_items];
        if !walked.contains(&ty) || b == Builtin::Tuple && ty != k.list {
            return Ok(None);
        }
        if let Val::Obj(o) = self.peek(0).clone() {
            self.guard_type(o.v, ty);
        }
        if ty == k.dict {
            let (d, _) = self.boxed(&self.peek(0).clone());
            self.not_globals(d, false);
        } else if self.ctx.globals.iter().any(|g| g.dirty) && [k.dict_values, k.dict_items].contains(&ty) {
            // Of the module's own dict, maybe.
            return Ok(None);
        }
        let sample = if ty == k.list || ty == k.tuple { self.sample_of(self.peek(0)) } else { None };
        let args = self.pop_arguments(1);
        self.pop_drop(2);
        let (rt, result) = if b == Builtin::Tuple { (RtId::ListToTuple, k.tuple) } else { (RtId::ToList, k.list) };
        let r = self.rt(rt, &args).expect("a result");
        self.push(Val::typed(r, result, Own::Owned));
        self.set_sample(sample);
        Ok(Some(Flow::Next))
    }

    /// `min` and `max` of three or more numbers of one kind.
    pub(super) fn extreme_of(&mut self, b: Builtin, argc: usize) -> Option<Flow> {
        use crate::ir::FloatCC;
        if self.any_bool(argc) {
            return None;
        }
        let mut nums = Vec::new();
        for d in (0..argc).rev() {
            nums.push(self.num(d)?);
        }
        if self.any_bool(argc) {
            return None;
        }
        let max = b == Builtin::Max;
        let mut best = nums[0];
        for n in &nums[1..] {
            // The first wins unless a later one is strictly beyond it.
            best = match (best, *n) {
                (Num::Int(x), Num::Int(y)) => {
                    let c = self.b.icmp(if max { IntCC::SGt } else { IntCC::SLt }, y, x);
                    Num::Int(self.b.select(c, y, x))
                }
                (Num::Float(x), Num::Float(y)) => {
                    let c = self.b.fcmp(if max { FloatCC::Gt } else { FloatCC::Lt }, y, x);
                    Num::Float(self.b.select(c, y, x))
                }
                _ => return None,
            };
        }
        let val = match best {
            Num::Int(v) => Val::Int(v),
            Num::Float(v) => Val::Float(v),
        };
        self.call_done(argc, val)
    }

    /// `item in container` of a list or tuple, or of a range that was not made.
    pub(super) fn sequence_contains(&mut self) -> Option<Value> {
        let k = *self.o.known();
        if self.distrusted() {
            return None;
        }
        if let Some([start, stop, step]) = self.peek(0).range_object() {
            let Val::Int(x) = *self.peek(1) else { return None };
            if self.b.as_i64(step) != Some(1) {
                return None;
            }
            let low = self.b.icmp(IntCC::SLe, start, x);
            let high = self.b.icmp(IntCC::SLt, x, stop);
            return Some(self.b.and(low, high));
        }
        let ty = self.ty_of(self.peek(0)).or_else(|| self.expect_type(0))?;
        if ty != k.list && ty != k.tuple {
            return None;
        }
        // Numbers among numbers that are known.
        if let Val::Const(c) = *self.peek(0)
            && let Val::Int(x) = *self.peek(1)
            && let Some(items) = self.o.tuple(c)
            && items.len() <= 8
            && let Some(numbers) = items.iter().map(|i| self.o.int(*i)).collect::<Option<Vec<i64>>>()
        {
            let mut any = self.b.bool(false);
            for n in numbers {
                let is = self.b.icmp_imm(IntCC::Eq, x, n);
                any = self.b.or(any, is);
            }
            return Some(any);
        }
        let seq = match self.peek(0).clone() {
            Val::Obj(o) => {
                self.guard_type(o.v, ty);
                o.v
            }
            Val::Const(c) => self.b.obj(c),
            _ => return None,
        };
        // An object made for the purpose must not be left behind where an exit is taken.
        let (item, made) = match self.peek(1).clone() {
            val @ (Val::Obj(_) | Val::Const(_) | Val::Int(_) | Val::Float(_) | Val::Bool(_)) => self.boxed(&val),
            _ => return None,
        };
        let i = self.b.call_rt_value(RtId::SeqFind, &[seq, item]);
        if made {
            self.b.decref(item, None);
        }
        let exit = self.exit_start(Reason::Type);
        let absent = self.b.i64(-1);
        self.b.guard_icmp(IntCC::SGe, i, absent, exit);
        Some(self.b.icmp_imm(IntCC::SGe, i, 0))
    }

    /// The value at `depth` as a bound of a slice, if it is None or an int.
    fn bound(&mut self, depth: usize) -> Option<Value> {
        let k = *self.o.known();
        match self.peek(depth).clone() {
            Val::Const(c) if c == k.none => Some(self.b.i64(NONE)),
            Val::Bool(_) => None,
            Val::Obj(o) if o.ty.is_none() && self.expect_type(depth) != Some(k.int) => None,
            _ => {
                let Some(Num::Int(v)) = self.num(depth) else { return None };
                match self.b.as_i64(v) {
                    Some(NONE) => None,
                    Some(_) => Some(v),
                    None => {
                        let exit = self.exit_start(Reason::Overflow);
                        let none = self.b.i64(NONE);
                        self.b.guard_icmp(IntCC::Ne, v, none, exit);
                        Some(v)
                    }
                }
            }
        }
    }

    /// `x[i:j]` of a list, tuple, str or bytes with ints or None as bounds (stack: x, bounds, maybe a step); gives the part.
    pub(super) fn sequence_slice(&mut self, parts: usize) -> Option<Val> {
        let k = *self.o.known();
        if self.distrusted() {
            return None;
        }
        let ty = self.ty_of(self.peek(parts)).or_else(|| self.expect_type(parts))?;
        if ![k.list, k.tuple, k.str_, k.bytes].contains(&ty) {
            return None;
        }
        let mut bounds = Vec::new();
        for d in (0..parts).rev() {
            bounds.push(self.bound(d)?);
        }
        if parts == 2 {
            bounds.push(self.b.i64(1));
        } else {
            let exit = self.exit_start(Reason::Error);
            let zero = self.b.i64(0);
            self.b.guard_icmp(IntCC::Ne, bounds[2], zero, exit);
        }
        let seq = match self.peek(parts).clone() {
            Val::Obj(o) => {
                self.guard_type(o.v, ty);
                o.v
            }
            Val::Const(c) => self.b.obj(c),
            _ => return None,
        };
        let sample = if ty == k.list || ty == k.tuple { self.sample_of(self.peek(parts)) } else { None };
        let r = self.rt(RtId::SeqSlice, &[seq, bounds[0], bounds[1], bounds[2]])?;
        let mut part = Val::typed(r, ty, Own::Owned);
        if let Val::Obj(o) = &mut part {
            o.sample = sample;
        }
        Some(part)
    }

    /// A slice with a step that is used at once: the object is not made. True if the block has ended.
    pub(super) fn slice_at_once(&mut self) -> Res<bool> {
        let code = self.ctx.frame().code.clone();
        let Some(next) = code.instr(self.ins.next).copied() else { return Ok(false) };
        // `x[slice]` is number 26.
        if next.op != Opcode::BinaryOp || next.arg != 26 || self.leaders(&code).contains(&next.pc) {
            return Ok(false);
        }
        let Some(part) = self.sequence_slice(3) else { return Ok(false) };
        self.pop_drop(4);
        self.push(part);
        self.goto(next.next)?;
        Ok(true)
    }
}
