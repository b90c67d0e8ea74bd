//! Iterators that compiled code steps by itself: made of iterables, by calls (`range`, `zip`, `enumerate`, `reversed`,
//! `items`), and taken over from the interpreter where a loop is entered in the middle.
//!
//! Ranges, sequences, `enumerate` and `zip` have no iterator object until somebody could see it. An iterator over a dict is
//! an object that nobody else has, so that what the interpreter checks (that the dict has not changed) can be checked
//! against what it remembered.

use super::abstract_state::{ObjVal, Own, Val, View};
use super::emit::Num;
use super::{Flow, Live, Res, Specializer};
use crate::bytecode::Opcode;
use crate::ir::{ExitId, Field, IntCC, ObjId, Reason, SeqKind, Value, VirtualKind};
use crate::oracle::Builtin;
use crate::rt::RtId;

impl Specializer<'_> {
    // Making them

    /// The iterator over the value at `depth`, of class `ty` or expected to be; it takes over the slot's reference
    /// ([`Self::take_over`]). `None` if only the general way can make it; nothing has been emitted then that
    /// matters.
    pub(super) fn iterator(&mut self, depth: usize, ty: ObjId) -> Option<Val> {
        let k = *self.o.known();
        if self.peek(depth).is_iterator() {
            return Some(self.peek(depth).clone());
        }
        if let Some([start, stop, step]) = self.peek(depth).range_object() {
            return self.range_of(start, stop, step);
        }
        if !self.has_iterator(ty) || !(self.peek(depth).is_tuple() || matches!(self.peek(depth), Val::Obj(_) | Val::Const(_))) {
            return None;
        }
        if ty == k.str_ {
            // Bytes are characters where all are ASCII.
            self.ascii_operand(depth);
        }
        if let Val::Obj(o) = self.peek(depth).clone() {
            self.guard_type(o.v, ty);
        }
        if ty == k.range {
            let (v, tok) = match self.peek(depth).clone() {
                Val::Obj(o) => (o.v, o.tok),
                Val::Const(c) => (self.b.obj(c), None),
                _ => return None,
            };
            let exit = self.exit_start(Reason::Overflow);
            let [start, stop, step] = [Field::RangeStart, Field::RangeStop, Field::RangeStep].map(|field| {
                let part = self.b.load(field, v, tok);
                let t = self.b.load(Field::ObjType, part, tok);
                let tok = self.b.guard_is(t, k.int, exit);
                self.load_int(crate::oracle::Extent::Wide, part, tok, exit)
            });
            return self.range_of(start, stop, step);
        }
        let kind = if ty == k.list {
            SeqKind::List
        } else if ty == k.tuple {
            SeqKind::Tuple
        } else if ty == k.str_ {
            SeqKind::Str
        } else {
            let (v, _) = self.boxed(&self.peek(depth).clone());
            let iter = self.b.call_rt_value(RtId::TableIter, &[v]);
            // A view that was made here has the sample of its dict.
            let sample = self.sample_of(self.peek(depth));
            return Some(self.table(iter, ty, sample));
        };
        let mut seq = self.peek(depth).clone();
        if seq.is_tuple() {
            let v = self.boxed_owned(&seq);
            seq = Val::typed(v, ty, Own::Owned);
        }
        let index = self.b.i64(0);
        Some(Val::in_parts(VirtualKind::SeqIter(kind), &[index], vec![seq]))
    }

    /// Whether values of the class have an iterator that compiled code knows.
    fn has_iterator(&self, ty: ObjId) -> bool {
        let k = self.o.known();
        if ty == k.list || ty == k.tuple {
            return true;
        }
        [k.str_, k.range, k.dict, k.dict_keys, k.dict_values, k.dict_items].contains(&ty) && !self.distrusted()
    }

    /// An iterable leaves the stack for its iterator: its reference goes with it, or is dropped.
    pub(super) fn take_over(&mut self, iterable: Val, iter: &Val) {
        match iter.kind() {
            // Made of what the iterable was.
            Some(VirtualKind::SeqIter(_) | VirtualKind::ReverseIter(_)) => {}
            _ if iterable.is_iterator() => {}
            _ => self.drop_val(iterable),
        }
    }

    /// The iterator object of a dict or view of class `ty`.
    fn table(&mut self, iter: Value, ty: ObjId, sample: Option<crate::oracle::Sample>) -> Val {
        let k = *self.o.known();
        let (view, ty) = if ty == k.dict_items {
            (View::Items, k.dict_itemiterator)
        } else if ty == k.dict_values {
            (View::Values, k.dict_valueiterator)
        } else {
            (View::Keys, k.dict_keyiterator)
        };
        Val::DictIter { view, iter: ObjVal { v: iter, ty: Some(ty), tok: None, own: Own::Owned, sample } }
    }

    /// The iterator over a range; `None` if the step is 0. Leaves where the numbers are too large.
    fn range_of(&mut self, start: Value, stop: Value, step: Value) -> Option<Val> {
        let zero = self.b.i64(0);
        let one = self.b.i64(1);
        let exit = self.exit_start(Reason::Overflow);
        let left = match self.b.as_i64(step) {
            Some(1) => {
                let n = self.b.sub_ovf(stop, start, exit);
                let none = self.b.icmp(IntCC::SLt, n, zero);
                self.b.select(none, zero, n)
            }
            Some(s) if s != 0 && s != i64::MIN => {
                let span = if s > 0 { self.b.sub_ovf(stop, start, exit) } else { self.b.sub_ovf(start, stop, exit) };
                let width = self.b.i64(s.abs());
                let rest = self.b.i64(s.abs() - 1);
                let up = self.b.add_ovf(span, rest, exit);
                let n = self.b.sdiv(up, width);
                let none = self.b.icmp(IntCC::SLe, span, zero);
                self.b.select(none, zero, n)
            }
            Some(_) => return None,
            None => {
                // The sign of the step decides; both ways at once would cost more than they save.
                self.b.guard_icmp(IntCC::SGt, step, zero, exit);
                let span = self.b.sub_ovf(stop, start, exit);
                let rest = self.b.sub(step, one);
                let up = self.b.add_ovf(span, rest, exit);
                let n = self.b.sdiv(up, step);
                let none = self.b.icmp(IntCC::SLe, span, zero);
                self.b.select(none, zero, n)
            }
        };
        Some(Val::in_parts(VirtualKind::RangeIter, &[start, left, step], vec![]))
    }

    // Calls

    /// Whether the result of the call of `argc` arguments is an iterable that a loop, or a call that makes
    /// an iterator of it for a loop, takes at once.
    fn is_iterated(&self, argc: usize) -> bool {
        let frame = self.ctx.frame();
        let mut at = self.ins.next;
        // Where the operands of the call that comes next end: its last argument is the result of this one.
        let mut depth = argc + 2;
        loop {
            match frame.code.instr(at) {
                Some(i) if i.op == Opcode::GetIter => return true,
                // The first number of an `enumerate`.
                Some(i) if matches!(i.op, Opcode::LoadSmallInt | Opcode::LoadConst) => {
                    let fits = self.ctx.frame().stack.len() >= depth + 2
                        && matches!(self.peek(depth), Val::Null)
                        && matches!(self.peek(depth + 1), Val::Const(c) if self.o.builtin(*c) == Some(Builtin::Enumerate));
                    match frame.code.instr(i.next) {
                        Some(call) if fits && call.op == Opcode::Call && call.arg == 2 && self.trusted(call.pc) => {
                            depth += 2;
                            at = call.next;
                        }
                        _ => return false,
                    }
                }
                Some(i) if i.op == Opcode::Call && i.arg >= 1 && self.trusted(i.pc) => {
                    let others = i.arg as usize - 1;
                    if frame.stack.len() < depth + others + 2 || !matches!(self.peek(depth + others), Val::Null) {
                        return false;
                    }
                    let Val::Const(c) = self.peek(depth + others + 1) else { return false };
                    // Those that are known only: what is expected of them depends on the place.
                    let others_fit = others < 4
                        && (0..others).all(|d| {
                            let val = self.peek(depth + d);
                            !val.is_tuple() && self.ty_of(val).is_some_and(|t| val.is_iterator() || self.has_iterator(t))
                        });
                    match self.o.builtin(*c) {
                        Some(Builtin::Enumerate) if others == 0 => {}
                        Some(Builtin::Zip) if others_fit => {}
                        _ => return false,
                    }
                    depth += others + 2;
                    at = i.next;
                }
                _ => return false,
            }
        }
    }

    /// Whether specializations of the innermost frame's code at a position never went wrong.
    fn trusted(&self, pc: u32) -> bool {
        !self.o.distrusted(self.ctx.frame().code.id, pc)
    }

    /// The class of the iterable at `depth`, if there is an iterator for it.
    fn iterable_at(&self, depth: usize) -> Option<ObjId> {
        let ty = self.ty_of(self.peek(depth)).or_else(|| self.expect_type(depth))?;
        (self.peek(depth).is_iterator() || self.has_iterator(ty)).then_some(ty)
    }

    /// The classes of the arguments of a call that makes an iterator of iterators; the block ends where they
    /// are still to be found out.
    fn iterables(&mut self, depths: std::ops::Range<usize>) -> Result<Vec<ObjId>, Option<Flow>> {
        let mut out = Vec::new();
        for d in depths {
            let Some(ty) = self.iterable_at(d) else {
                let unknown = matches!(self.peek(d), Val::Obj(o) if o.ty.is_none());
                let (code, pc) = (self.start.frame().code.id, self.ins.pc);
                if unknown && d < 4 && self.expect_type(d).is_none() && self.o.observed(code, pc).is_empty() {
                    return Err(Some(self.leave_at_start(Reason::Unseen)));
                }
                return Err(None);
            };
            out.push(ty);
        }
        Ok(out)
    }

    /// `enumerate(x)` and `enumerate(x, start)` for a loop (stack: function, NULL, arguments).
    pub(super) fn call_enumerate(&mut self, argc: usize) -> Option<Flow> {
        if !self.is_iterated(argc) {
            return None;
        }
        if argc == 2 && self.ty_of(self.peek(0)).or_else(|| self.expect_type(0)) != Some(self.o.known().int) {
            return None;
        }
        let ty = match self.iterables(argc - 1..argc) {
            Ok(types) => types[0],
            Err(flow) => return flow,
        };
        let count = match argc {
            2 => match self.num(0)? {
                Num::Int(v) => v,
                Num::Float(_) => return None,
            },
            _ => self.b.i64(0),
        };
        let iter = self.iterator(argc - 1, ty)?;
        if argc == 2 {
            self.pop_drop(1);
        }
        let iterable = self.pop();
        self.take_over(iterable, &iter);
        self.pop_drop(2);
        self.push(Val::in_parts(VirtualKind::Enumerate, &[count], vec![iter]));
        Some(Flow::Next)
    }

    /// `zip(x, y)` for a loop.
    pub(super) fn call_zip(&mut self, argc: usize) -> Option<Flow> {
        if !self.is_iterated(argc) {
            return None;
        }
        let types = match self.iterables(0..argc) {
            Ok(types) => types,
            Err(flow) => return flow,
        };
        if (0..argc).any(|d| self.peek(d).is_tuple()) {
            return None;
        }
        // Guards first: what leaves must not leave behind an iterator that was made already.
        for (d, ty) in types.iter().enumerate() {
            if let Val::Obj(o) = self.peek(d).clone() {
                self.guard_type(o.v, *ty);
            }
        }
        let k = *self.o.known();
        let is_table = |ty: &ObjId| [k.dict, k.dict_keys, k.dict_values, k.dict_items].contains(ty);
        let mut iters: Vec<Val> = vec![Val::Null; argc];
        for tables in [false, true] {
            for d in (0..argc).filter(|d| is_table(&types[*d]) == tables) {
                let Some(iter) = self.iterator(d, types[d]) else {
                    return Some(self.leave_at_start(Reason::Unsupported));
                };
                iters[argc - 1 - d] = iter;
            }
        }
        for iter in iters.iter().rev() {
            let iterable = self.pop();
            self.take_over(iterable, iter);
        }
        self.pop_drop(2);
        self.push(Val::in_parts(VirtualKind::Zip, &[], iters));
        Some(Flow::Next)
    }

    /// `reversed(x)` of a range, list or tuple for a loop.
    pub(super) fn call_reversed(&mut self) -> Option<Flow> {
        let k = *self.o.known();
        if !self.is_iterated(1) {
            return None;
        }
        let ty = match self.iterables(0..1) {
            Ok(types) => types[0],
            Err(flow) => return flow,
        };
        if self.peek(0).is_iterator() || ![k.range, k.list, k.tuple].contains(&ty) {
            return None;
        }
        let Val::Virtual(forward) = self.iterator(0, ty)? else { return None };
        let iter = match (forward.kind, &forward.numbers[..]) {
            (VirtualKind::RangeIter, &[next, left, step]) => {
                let one = self.b.i64(1);
                let last = self.b.sub(left, one);
                let way = self.b.mul(last, step);
                let zero = self.b.i64(0);
                let numbers = [self.b.add(next, way), left, self.b.sub(zero, step)];
                Val::in_parts(VirtualKind::RangeIter, &numbers, vec![])
            }
            (VirtualKind::SeqIter(kind), _) => {
                let seq = forward.parts[0].clone();
                let (v, tok) = match &seq {
                    Val::Obj(o) => (o.v, o.tok),
                    Val::Const(c) => (self.b.obj(*c), None),
                    _ => return None,
                };
                let len = if kind == SeqKind::List { Field::ListLen } else { Field::TupleLen };
                let left = self.b.load(len, v, tok);
                Val::in_parts(VirtualKind::ReverseIter(kind), &[left], vec![seq])
            }
            _ => return None,
        };
        let iterable = self.pop();
        self.take_over(iterable, &iter);
        self.pop_drop(2);
        self.push(iter);
        Some(Flow::Next)
    }

    /// `range(..)`: the object stays virtual, and is an iterator already where a loop takes it at once.
    pub(super) fn call_range(&mut self, argc: usize) -> Res<Option<Flow>> {
        let k = *self.o.known();
        let mut nums = Vec::new();
        for d in (0..argc).rev() {
            if matches!(self.peek(d), Val::Obj(o) if o.ty.is_none()) && self.expect_type(d) == Some(k.int) {
                self.want(d, k.int);
            }
            match self.num(d) {
                Some(Num::Int(v)) => nums.push(v),
                _ => return Ok(None),
            }
        }
        let zero = self.b.i64(0);
        let one = self.b.i64(1);
        let (start, stop, step) = match nums[..] {
            [stop] => (zero, stop, one),
            [start, stop] => (start, stop, one),
            [start, stop, step] => (start, stop, step),
            _ => return Ok(None),
        };
        if self.next_is(Opcode::GetIter) {
            return Ok(match self.range_of(start, stop, step) {
                Some(range) => self.call_done(argc, range),
                None => Some(self.leave_at_start(Reason::Error)),
            });
        }
        if self.any_bool(argc) {
            // Such a range shows the truth values that it was made of.
            return Ok(None);
        }
        if self.b.as_i64(step) != Some(1) {
            let exit = self.exit_start(Reason::Error);
            self.b.guard_icmp(IntCC::Ne, step, zero, exit);
        }
        Ok(self.call_done(argc, Val::in_parts(VirtualKind::Range, &[start, stop, step], vec![])))
    }

    /// `d.items()`, `d.keys()` and `d.values()` of an exact dict (stack: function, dict).
    pub(super) fn dict_view(&mut self, view: View) -> Option<Flow> {
        let k = *self.o.known();
        let Val::Obj(o) = self.peek(0).clone() else { return None };
        if o.ty != Some(k.dict) {
            return None;
        }
        self.guard_type(o.v, k.dict);
        let (number, ty) = match view {
            View::Keys => (0, k.dict_keys),
            View::Values => (1, k.dict_values),
            View::Items => (2, k.dict_items),
        };
        let number = self.b.i32(number);
        let object = self.b.call_rt_value(RtId::DictView, &[o.v, number]);
        let made = Val::Obj(ObjVal { v: object, ty: Some(ty), tok: None, own: Own::Owned, sample: o.sample });
        self.call_done(0, made)
    }

    // Iterators that a loop has when it is entered

    /// A range iterator that only the live frame's stack holds, as a virtual one: one that counts up by ones where what it
    /// stands at and how many turns are left must be `below` something.
    pub(super) fn entry_range(&mut self, v: Value, tok: Option<Value>, below: Option<i64>, exit: ExitId) -> Val {
        let unique = self.b.is_unique(v);
        let tok2 = self.b.guard(unique, true, exit);
        let tok = tok2.or(tok);
        let start = self.b.load(Field::RangeIterStart, v, tok);
        let step = self.b.load(Field::RangeIterStep, v, tok);
        let index = self.b.load(Field::RangeIterIndex, v, tok);
        let len = self.b.load(Field::RangeIterLen, v, tok);
        let left = self.b.sub(len, index);
        let Some(below) = below else {
            let off = self.b.mul(index, step);
            let next = self.b.add(start, off);
            return Val::in_parts(VirtualKind::RangeIter, &[next, left, step], vec![]);
        };
        let one = self.b.i64(1);
        self.b.guard_icmp(IntCC::Eq, step, one, exit);
        let next = self.b.add(start, index);
        let below = self.b.i64(below);
        for bounded in [next, left] {
            self.b.guard_icmp(IntCC::ULt, bounded, below, exit);
        }
        Val::in_parts(VirtualKind::RangeIter, &[next, left, one], vec![])
    }

    /// The same for an iterator over an exact list, or an exact str of ASCII characters.
    pub(super) fn entry_sequence(&mut self, v: Value, tok: Option<Value>, kind: SeqKind, exit: ExitId) -> Val {
        let k = *self.o.known();
        let (seq, index, ty) = match kind {
            SeqKind::Str => (Field::StrIterStr, Field::StrIterIndex, k.str_),
            _ => (Field::ListIterList, Field::ListIterIndex, k.list),
        };
        let unique = self.b.is_unique(v);
        let tok = self.b.guard(unique, true, exit).or(tok);
        let seq = self.b.load(seq, v, tok);
        let null = self.b.null();
        let tok = self.b.guard_icmp(IntCC::Ne, seq, null, exit);
        let t = self.b.load(Field::ObjType, seq, tok);
        let tok = self.b.guard_is(t, ty, exit);
        if kind == SeqKind::Str {
            self.guard_ascii(seq, tok, exit);
        }
        let index = self.b.load(index, v, tok);
        let seq = Val::Obj(ObjVal { v: seq, ty: Some(ty), tok, own: Own::Kept, sample: None });
        Val::in_parts(VirtualKind::SeqIter(kind), &[index], vec![seq])
    }

    /// An `enumerate`, `zip` or the like of builtin iterators that only the live frame's stack holds.
    pub(super) fn entry_parts(&mut self, v: Value, tok: Option<Value>, ty: ObjId, parts: &[Live], exit: ExitId) -> Val {
        let k = *self.o.known();
        let unique = self.b.is_unique(v);
        let tok = self.b.guard(unique, true, exit).or(tok);
        let null = self.b.null();
        if ty == k.dict_itemiterator || ty == k.dict_keyiterator || ty == k.dict_valueiterator {
            let dict = self.b.load(Field::DictIterDict, v, tok);
            self.b.guard_icmp(IntCC::Ne, dict, null, exit);
            let view = if ty == k.dict_itemiterator {
                View::Items
            } else if ty == k.dict_valueiterator {
                View::Values
            } else {
                View::Keys
            };
            return Val::DictIter { view, iter: ObjVal { v, ty: Some(ty), tok, own: Own::Kept, sample: None } };
        }
        let part = |this: &mut Self, i: usize| {
            let number = this.b.i32(i as i32);
            let part = this.b.call_rt_value(RtId::IterPart, &[v, number]);
            let tok = this.b.guard_icmp(IntCC::Ne, part, null, exit);
            (part, tok)
        };
        if ty == k.zip {
            let iters = (0..parts.len())
                .map(|i| {
                    let (it, _) = part(self, i);
                    self.entry_value(it, &parts[i], exit, true)
                })
                .collect();
            // There is no other part.
            let number = self.b.i32(parts.len() as i32);
            let more = self.b.call_rt_value(RtId::IterPart, &[v, number]);
            self.b.guard_icmp(IntCC::Eq, more, null, exit);
            return Val::in_parts(VirtualKind::Zip, &[], iters);
        }
        let (it, part_tok) = part(self, 0);
        let at = self.b.call_rt_value(RtId::IterPosition, &[v]);
        let zero = self.b.i64(0);
        self.b.guard_icmp(IntCC::SGe, at, zero, exit);
        if ty == k.enumerate {
            let iter = self.entry_value(it, &parts[0], exit, true);
            return Val::in_parts(VirtualKind::Enumerate, &[at], vec![iter]);
        }
        let (kind, class) = if ty == k.list_reverseiterator { (SeqKind::List, k.list) } else { (SeqKind::Tuple, k.tuple) };
        let t = self.b.load(Field::ObjType, it, part_tok);
        let tok = self.b.guard_is(t, class, exit);
        let seq = Val::Obj(ObjVal { v: it, ty: Some(class), tok, own: Own::Kept, sample: None });
        if ty == k.tuple_iterator {
            return Val::in_parts(VirtualKind::SeqIter(kind), &[at], vec![seq]);
        }
        let one = self.b.i64(1);
        let left = self.b.add(at, one);
        Val::in_parts(VirtualKind::ReverseIter(kind), &[left], vec![seq])
    }
}
