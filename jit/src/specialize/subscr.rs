//! Subscripts: items of lists, tuples, strs and dicts, slices, stores.

use super::abstract_state::{Dropped, ObjVal, Own, Val};
use super::{Flow, Res, Specializer};
use crate::bytecode::Opcode;
use crate::ir::{ElemKind, Field, IntCC, ObjId, Reason, Value};
use crate::rt::RtId;

impl Specializer<'_> {
    /// `container[index]`: the container is under the index.
    pub(super) fn subscr(&mut self) -> Res<Flow> {
        let k = *self.o.known();
        let fb = self.o.feedback(self.ctx.frame().code.id, self.ins.op_pc);
        let hint = match fb.op {
            Opcode::BinaryOpSubscrListInt => Some((k.list, k.int)),
            Opcode::BinaryOpSubscrTupleInt => Some((k.tuple, k.int)),
            Opcode::BinaryOpSubscrStrInt => Some((k.str_, k.int)),
            _ => None,
        };
        let container = self.ty_of(self.peek(1)).or_else(|| self.expect_type(1)).or(hint.map(|h| h.0));
        let index = self.ty_of(self.peek(0)).or_else(|| self.expect_type(0)).or(hint.map(|h| h.1));
        let (container, index) = if self.distrusted() { (None, None) } else { (container, index) };
        match (container, index) {
            (Some(c), Some(i)) if [k.list, k.tuple, k.str_, k.bytes].contains(&c) && (i == k.int || i == k.bool_) => {
                self.want(0, i);
                if let Some(items) = self.peek(1).tuple_items().map(<[Val]>::to_vec) {
                    let Some(n) = self.num(0).and_then(|n| match n {
                        super::emit::Num::Int(v) => self.b.as_i64(v),
                        super::emit::Num::Float(_) => None,
                    }) else {
                        return Ok(self.leave_at_start(Reason::Unsupported));
                    };
                    let len = items.len() as i64;
                    let n = if n < 0 { n + len } else { n };
                    let Some(item) = items.get(n as usize) else {
                        return Ok(self.leave_at_start(Reason::Error));
                    };
                    let item = Self::dup(item);
                    self.pop_drop(1);
                    let tuple = self.pop();
                    // In its slot before the tuple goes, which may have the only reference to it.
                    self.push(item);
                    self.drop_val(tuple);
                    return Ok(Flow::Next);
                }
                self.want(1, c);
                self.sequence_item(c)
            }
            _ => {
                if self.dict_item((fb.op == Opcode::BinaryOpSubscrDict).then_some(k.dict)) {
                    return Ok(Flow::Next);
                }
                if self.unseen() && self.o.observed(self.ctx.frame().code.id, self.ins.pc).is_empty() {
                    return Ok(self.leave_at_start(Reason::Unseen));
                }
                if let Some(ty) = container
                    && let Some(flow) = self.expected_operator(1, ty, "__getitem__", &[1, 0], 2)?
                {
                    return Ok(flow);
                }
                self.binary_by_entry_point()
            }
        }
    }

    fn sequence_item(&mut self, ty: ObjId) -> Res<Flow> {
        let k = *self.o.known();
        let Some(super::emit::Num::Int(index)) = self.num(0) else {
            return Ok(self.leave_at_start(Reason::Type));
        };
        let (v, tok) = match self.peek(1).clone() {
            Val::Obj(o) => (o.v, self.guard_type(o.v, ty)),
            Val::Const(c) => (self.b.obj(c), None),
            _ => return Ok(self.leave_at_start(Reason::Type)),
        };
        if ty == k.str_ {
            let exit = self.exit_start(Reason::Overflow);
            let len = self.guard_ascii(v, tok, exit);
            let i = self.checked_index(index, len);
            let base = self.b.load(Field::StrPtr, v, tok);
            let code = self.b.load_elem(ElemKind::Byte, base, i.0, i.1);
            let item = self.character(code);
            self.pop_drop(2);
            self.push(item);
            return Ok(Flow::Next);
        }
        if ty == k.bytes {
            let len = self.b.load(Field::BytesLen, v, tok);
            let base = self.b.load(Field::BytesPtr, v, tok);
            let (i, tok) = self.checked_index(index, len);
            let byte = self.b.load_elem(ElemKind::Byte, base, i, tok);
            let number = self.b.zext(byte);
            self.pop_drop(2);
            self.push(Val::Int(number));
            return Ok(Flow::Next);
        }
        let (len, ptr, kind) = if ty == k.list {
            (Field::ListLen, Field::ListPtr, ElemKind::ListItem)
        } else {
            (Field::TupleLen, Field::TuplePtr, ElemKind::TupleItem)
        };
        let len = self.b.load(len, v, tok);
        // Not behind the check of the index: it leaves the loop where nothing changes the list.
        let base = self.b.load(ptr, v, tok);
        let (i, tok) = self.checked_index(index, len);
        let item = self.load_item(kind, base, i, tok);
        let sample = self.sample_of(&self.peek(1).clone()).and_then(|s| self.o.sample_item(s));
        // The item is borrowed from the container: if that goes now, it needs its own reference.
        let container = self.peek(1).clone();
        let temporary = matches!(&container, Val::Obj(o) if o.own == Own::Owned && !self.has_alias(o.v));
        self.pop_drop(2);
        self.push(item);
        self.set_sample(sample);
        if temporary {
            self.promote_now();
        }
        Ok(Flow::Next)
    }

    fn has_alias(&self, v: Value) -> bool {
        let mut found = false;
        self.ctx.slots(&mut |s| s.objects(&mut |o| found |= o.v == v && o.own == Own::Alias));
        found
    }

    /// The index counted from the start, checked against the length; and the proof.
    pub(super) fn checked_index(&mut self, index: Value, len: Value) -> (Value, Option<Value>) {
        let zero = self.b.i64(0);
        let i = match self.b.as_i64(index) {
            Some(n) if n >= 0 => index,
            Some(_) => self.b.add(index, len),
            None => {
                let negative = self.b.icmp(IntCC::SLt, index, zero);
                let from_end = self.b.add(index, len);
                self.b.select(negative, from_end, index)
            }
        };
        let ok = self.b.icmp(IntCC::ULt, i, len);
        let class = Some(self.o.known().index_error);
        let tok = self.check(ok, Reason::Error, class);
        (i, tok)
    }

    pub(super) fn binary_slice(&mut self) -> Res<Flow> {
        if let Some(part) = self.sequence_slice(2) {
            self.pop_drop(3);
            self.push(part);
            return Ok(Flow::Next);
        }
        self.before_python()?;
        for d in 0..3 {
            self.materialize(d);
        }
        let args = self.pop_arguments(3);
        let none = self.b.obj(self.o.known().none);
        let slice = self.b.call_rt_value(RtId::BuildSlice, &[args[1], args[2], none]);
        let ty = Some(self.o.known().slice);
        self.ctx.drops.push(Dropped::object(slice, ty));
        let r = self.rt(RtId::GetItem, &[args[0], slice]).expect("a result");
        self.push(Val::object(r, Own::Owned));
        Ok(Flow::Next)
    }

    pub(super) fn store_slice(&mut self) -> Res<Flow> {
        self.before_python()?;
        for d in 0..4 {
            self.materialize(d);
        }
        let args = self.pop_arguments(4);
        let none = self.b.obj(self.o.known().none);
        let slice = self.b.call_rt_value(RtId::BuildSlice, &[args[2], args[3], none]);
        let ty = Some(self.o.known().slice);
        self.ctx.drops.push(Dropped::object(slice, ty));
        self.rt(RtId::SetItem, &[args[1], slice, args[0]]);
        Ok(Flow::Next)
    }

    /// Stack: value, container, index.
    pub(super) fn store_subscr(&mut self) -> Res<Flow> {
        let k = *self.o.known();
        let fb = self.o.feedback(self.ctx.frame().code.id, self.ins.op_pc);
        let hint = match fb.op {
            Opcode::StoreSubscrListInt => Some((k.list, k.int)),
            _ => None,
        };
        let container = self.ty_of(self.peek(1)).or_else(|| self.expect_type(1)).or(hint.map(|h| h.0));
        let index = self.ty_of(self.peek(0)).or_else(|| self.expect_type(0)).or(hint.map(|h| h.1));
        if !self.distrusted() && container == Some(k.list) && (index == Some(k.int) || index == Some(k.bool_)) {
            self.want(0, index.expect("checked"));
            self.want(1, k.list);
            if let Some(super::emit::Num::Int(i)) = self.num(0)
                && let Val::Obj(o) = self.peek(1).clone()
            {
                return self.store_list_item(o, i);
            }
        }
        if self.store_dict_item() {
            return Ok(Flow::Next);
        }
        if self.unseen() && self.o.observed(self.ctx.frame().code.id, self.ins.pc).is_empty() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        if let Some(ty) = container
            && let Some(flow) = self.expected_operator(1, ty, "__setitem__", &[1, 0, 2], 3)?
        {
            return Ok(flow);
        }
        self.store_by_entry_point()
    }

    pub(super) fn store_by_entry_point(&mut self) -> Res<Flow> {
        self.before_python()?;
        self.sync_locals();
        for d in 0..3 {
            self.materialize(d);
        }
        let args = self.pop_arguments(3);
        self.rt(RtId::SetItem, &[args[1], args[2], args[0]]);
        Ok(Flow::Next)
    }

    fn store_list_item(&mut self, list: ObjVal, index: Value) -> Res<Flow> {
        let k = *self.o.known();
        self.materialize(2);
        self.promote();
        let tok = self.guard_type(list.v, k.list);
        let exit = self.exit_start(Reason::Error);
        let lock = self.b.load(Field::ListLock, list.v, tok);
        let zero = self.b.i64(0);
        self.b.guard_icmp(IntCC::Eq, lock, zero, exit);
        let len = self.b.load(Field::ListLen, list.v, tok);
        let base = self.b.load(Field::ListPtr, list.v, tok);
        let (i, tok) = self.checked_index(index, len);
        let old = self.b.load_elem(ElemKind::ListItem, base, i, tok);
        let index_val = self.pop();
        let list_val = self.pop();
        let value = self.pop();
        self.drop_val(index_val);
        self.drop_val(list_val);
        self.replace_item(ElemKind::ListItem, base, i, old, tok, &value);
        Ok(Flow::Next)
    }

    /// Stores `value` (already popped) where `old` stands: into the old number if nobody else has
    /// it, else as an object; the old one is released.
    pub(super) fn replace_item(
        &mut self,
        kind: ElemKind,
        base: Value,
        index: Value,
        old: Value,
        tok: Option<Value>,
        value: &Val,
    ) {
        let k = *self.o.known();
        let number = match value {
            Val::Float(v) => Some((*v, k.float)),
            Val::Int(v) => Some((*v, k.int)),
            _ => None,
        };
        let Some((v, ty)) = number else {
            let v = self.boxed_owned(value);
            self.b.store_elem(kind, base, index, v);
            self.ctx.drops.push(Dropped::object(old, None));
            return;
        };
        let (same, in_place, boxed, done) =
            (self.b.create_block(), self.b.create_block(), self.b.create_block(), self.b.create_block());
        let old_ty = self.b.load(Field::ObjType, old, tok);
        let t = self.b.obj(ty);
        let is_same = self.b.icmp(IntCC::Eq, old_ty, t);
        self.b.br(is_same, same, &[], boxed, &[]);
        self.b.switch_to(same);
        let unique = self.b.is_unique(old);
        let free = if ty == k.int {
            let tag = self.b.load(Field::IntTag, old, tok);
            let small = self.b.i64(self.o.int_small_tag() as i64);
            let inline = self.b.icmp(IntCC::Eq, tag, small);
            self.b.and(unique, inline)
        } else {
            unique
        };
        self.b.br(free, in_place, &[], boxed, &[]);
        self.b.switch_to(in_place);
        if ty == k.float {
            self.b.store(Field::FloatValue, old, v);
        } else {
            let n63 = self.b.i64(63);
            let mask = self.b.sshr(v, n63);
            let x = self.b.xor(v, mask);
            let mag = self.b.sub(x, mask);
            self.b.store(Field::IntMag, old, mag);
            let zero = self.b.i64(0);
            let sign = self.b.icmp(IntCC::SGe, v, zero);
            self.b.store(Field::IntSign, old, sign);
        }
        self.b.jump(done, &[]);
        self.b.switch_to(boxed);
        let rt = if ty == k.float { RtId::NewFloat } else { RtId::NewInt };
        let new = self.b.call_rt_value(rt, &[v]);
        self.b.store_elem(kind, base, index, new);
        let drops = self.dropped();
        self.decref_running(old, self.ins.next, &drops);
        self.b.jump(done, &[]);
        self.b.switch_to(done);
    }
}
