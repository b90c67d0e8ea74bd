//! Dicts and sets with keys whose hash and equality run no Python code: exact strs and ints.
//!
//! A lookup gives the index of the entry, and values are read and written there, as those of attributes are.
//! Lookups of one key in one dict are one lookup as long as no key is added or removed.

use super::abstract_state::{ObjVal, Own, Val};
use super::{Flow, Res, Specializer};
use crate::bytecode::Opcode;
use crate::ir::{ElemKind, Field, IntCC, ObjId, Reason, Type, Value};
use crate::rt::RtId;

/// A key to look up.
#[derive(Clone, Copy)]
pub(super) enum DictKey {
    Str(Value),
    Int(Value),
}

impl Specializer<'_> {
    /// The stack value at `depth` as a key, if it is or is expected to be one.
    pub(super) fn table_key(&mut self, depth: usize) -> Option<DictKey> {
        let k = *self.o.known();
        if self.distrusted() {
            return None;
        }
        if let Val::Const(c) = *self.peek(depth)
            && self.o.int(c).is_none()
            && self.o.type_of(c) == k.int
        {
            return None;
        }
        // Where nothing is known, most keys are strs.
        let ty = match self.ty_of(self.peek(depth)).or_else(|| self.expect_type(depth)) {
            Some(t) => t,
            None if self.o.varies(self.start.frame().code.id, self.ins.pc, depth) => return None,
            None if matches!(self.peek(depth), Val::Obj(_)) => k.str_,
            None => return None,
        };
        if ty != k.str_ && ty != k.int {
            return None;
        }
        // Of a large int the class is known and not the number.
        if ty == k.int && matches!(self.peek(depth), Val::Obj(o) if o.ty.is_some()) {
            return None;
        }
        self.want(depth, ty);
        match self.peek(depth).clone() {
            Val::Int(v) => Some(DictKey::Int(v)),
            val if ty == k.str_ => {
                if let Val::Obj(o) = &val {
                    self.guard_type(o.v, ty);
                }
                Some(DictKey::Str(self.boxed(&val).0))
            }
            _ => None,
        }
    }

    /// The class of a container that has a table and is at `depth`, or is expected to be one.
    pub(super) fn table_type(&self, depth: usize, hint: Option<ObjId>) -> Option<ObjId> {
        let k = self.o.known();
        let ty = self.ty_of(self.peek(depth)).or_else(|| self.expect_type(depth)).or(hint)?;
        (ty == k.dict || ty == k.set).then_some(ty)
    }

    /// The index of the key's entry in the dict or set at `depth`; -1 if it has none. Leaves where only
    /// Python code can tell.
    pub(super) fn find_entry(&mut self, depth: usize, ty: ObjId, key: DictKey) -> (Value, Value) {
        let k = *self.o.known();
        if matches!(self.peek(depth), Val::Obj(_)) {
            self.want(depth, ty);
        }
        let (table, _) = self.boxed(&self.peek(depth).clone());
        if ty == k.dict {
            let writes = self.ins.op == Opcode::StoreSubscr;
            self.not_globals(table, writes);
        }
        let (rt, key) = match (key, ty == k.dict) {
            (DictKey::Str(v), true) => (RtId::DictFindStr, v),
            (DictKey::Int(v), true) => (RtId::DictFindInt, v),
            (DictKey::Str(v), false) => (RtId::SetFindStr, v),
            (DictKey::Int(v), false) => (RtId::SetFindInt, v),
        };
        let i = self.b.call_rt_value(rt, &[table, key]);
        let exit = self.exit_start(Reason::Shape);
        let absent = self.b.i64(-1);
        self.b.guard_icmp(IntCC::SGe, i, absent, exit);
        (table, i)
    }

    /// `key in container`, if that is a dict or a set (or both are strs).
    pub(super) fn table_contains(&mut self) -> Option<Value> {
        let k = *self.o.known();
        let fb = self.o.feedback(self.ctx.frame().code.id, self.ins.op_pc);
        let hint = match fb.op {
            Opcode::ContainsOpDict => Some(k.dict),
            Opcode::ContainsOpSet => Some(k.set),
            _ => None,
        };
        if self.distrusted() {
            return None;
        }
        if let Some(ty) = self.table_type(0, hint) {
            let key = self.table_key(1)?;
            let (_, i) = self.find_entry(0, ty, key);
            let zero = self.b.i64(0);
            return Some(self.b.icmp(IntCC::SGe, i, zero));
        }
        if self.is_str(0) && self.is_str(1) {
            let (container, item) = (self.str_operand(0), self.str_operand(1));
            return Some(self.b.call_rt_value(RtId::StrContains, &[container, item]));
        }
        None
    }

    /// `d[key]` of a dict; false if it is something else.
    pub(super) fn dict_item(&mut self, hint: Option<ObjId>) -> bool {
        let k = *self.o.known();
        if self.distrusted() || self.table_type(1, hint) != Some(k.dict) {
            return false;
        }
        let Some(key) = self.table_key(0) else { return false };
        let (d, i) = self.find_entry(1, k.dict, key);
        let zero = self.b.i64(0);
        let found = self.b.icmp(IntCC::SGe, i, zero);
        let class = Some(self.o.known().key_error);
        let tok = self.check(found, Reason::Error, class);
        let entries = self.b.load(Field::DictEntries, d, tok);
        let item = self.load_item(ElemKind::DictValue, entries, i, tok);
        let temporary = matches!(self.peek(1), Val::Obj(o) if o.own == Own::Owned);
        self.pop_drop(2);
        self.push(item);
        if temporary {
            self.promote_now();
        }
        true
    }

    /// `d[key] = value` of a dict (stack: value, dict, key); false if it is something else.
    pub(super) fn store_dict_item(&mut self) -> bool {
        let k = *self.o.known();
        let fb = self.o.feedback(self.ctx.frame().code.id, self.ins.op_pc);
        let hint = (fb.op == Opcode::StoreSubscrDict).then_some(k.dict);
        if self.distrusted() || self.table_type(1, hint) != Some(k.dict) {
            return false;
        }
        let Some(key) = self.table_key(0) else { return false };
        self.want(1, k.dict);
        self.materialize(2);
        self.promote();
        let (d, i) = self.find_entry(1, k.dict, key);
        let key_val = self.pop();
        let dict_val = self.pop();
        let value = self.pop();
        self.drop_val(key_val);
        self.drop_val(dict_val);
        self.set_entry((d, i), key, value);
        true
    }

    /// Stores a value for a key that was looked up: in its entry, or in a new one.
    pub(super) fn set_entry(&mut self, (d, i): (Value, Value), key: DictKey, value: Val) {
        // A number may stay one where the old value is overwritten; anything else is needed as an object
        // on both ways.
        let number = matches!(value, Val::Int(_) | Val::Float(_));
        let object = if number { None } else { Some(self.boxed_owned(&value)) };
        let (old, new, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let zero = self.b.i64(0);
        let found = self.b.icmp(IntCC::SGe, i, zero);
        self.b.br(found, old, &[], new, &[]);
        self.b.switch_to(old);
        let entries = self.b.load(Field::DictEntries, d, None);
        let before = self.b.load_elem(ElemKind::DictValue, entries, i, None);
        match object {
            None => self.replace_item(ElemKind::DictValue, entries, i, before, None, &value),
            Some(v) => {
                self.b.store_elem(ElemKind::DictValue, entries, i, v);
                let rest = self.dropped();
                self.decref_running(before, self.ins.next, &rest);
            }
        }
        self.b.jump(done, &[]);
        self.b.switch_to(new);
        let v = match object {
            Some(v) => v,
            None => self.boxed_ref(&value),
        };
        match key {
            DictKey::Str(s) => {
                self.b.call_rt(RtId::DictInsert, &[d, s, v]);
            }
            DictKey::Int(n) => {
                let n = self.b.call_rt_value(RtId::NewInt, &[n]);
                self.b.call_rt(RtId::DictInsert, &[d, n, v]);
                self.b.decref(n, None);
            }
        }
        self.b.jump(done, &[]);
        self.b.switch_to(done);
    }

    /// `s.add(item)` of a set (stack: function, set, item).
    pub(super) fn set_add(&mut self) -> Option<Flow> {
        let k = *self.o.known();
        if self.ty_of(self.peek(1)) != Some(k.set) {
            return None;
        }
        let key = self.table_key(0)?;
        let (set, i) = self.find_entry(1, k.set, key);
        let (new, done) = (self.b.create_block(), self.b.create_block());
        let zero = self.b.i64(0);
        let found = self.b.icmp(IntCC::SGe, i, zero);
        self.b.br(found, done, &[], new, &[]);
        self.b.switch_to(new);
        match key {
            DictKey::Str(s) => {
                self.b.call_rt(RtId::SetInsert, &[set, s]);
            }
            DictKey::Int(n) => {
                let n = self.b.call_rt_value(RtId::NewInt, &[n]);
                self.b.call_rt(RtId::SetInsert, &[set, n]);
                self.b.decref(n, None);
            }
        }
        self.b.jump(done, &[]);
        self.b.switch_to(done);
        let none = self.const_none();
        self.pop_drop(3);
        self.push(none);
        Some(Flow::Next)
    }

    /// `d.get(key)` and `d.get(key, default)` (stack: function, dict, arguments). A number as default is
    /// expected to have the class of what is found.
    pub(super) fn dict_get(&mut self, argc: usize) -> Res<Option<Flow>> {
        let k = *self.o.known();
        if self.ty_of(self.peek(argc)) != Some(k.dict) {
            return Ok(None);
        }
        if argc == 2 {
            self.materialize(0);
        }
        let Some(key) = self.table_key(argc - 1) else { return Ok(None) };
        let (d, i) = self.find_entry(argc, k.dict, key);
        let default = if argc == 2 { self.peek(0).clone() } else { self.const_none() };
        let zero = self.b.i64(0);
        let has = self.b.icmp(IntCC::SGe, i, zero);
        let (yes, no, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let number = match default {
            Val::Int(v) => Some((v, k.int, Type::I64)),
            Val::Float(v) => Some((v, k.float, Type::F64)),
            _ => None,
        };
        let out = self.b.add_param(done, number.map_or(Type::Ptr, |n| n.2));
        self.b.br(has, yes, &[], no, &[]);
        self.b.switch_to(yes);
        // Decided by the branch, but what is loaded hangs on it: no loop may load the entry of a key that is not there.
        let exit = self.exit_start(Reason::Error);
        let there = self.b.guard(has, true, exit);
        let entries = self.b.load(Field::DictEntries, d, there);
        let found = self.b.load_elem(ElemKind::DictValue, entries, i, there);
        let val = match number {
            Some((default, ty, _)) => {
                let exit = self.exit_start(Reason::Type);
                let t = self.b.load(Field::ObjType, found, None);
                let tok = self.b.guard_is(t, ty, exit);
                let (x, val) = if ty == k.int {
                    (self.load_int(crate::oracle::Extent::Wide, found, tok, exit), Val::Int(out))
                } else {
                    (self.load_float_variable(found, tok, exit), Val::Float(out))
                };
                self.b.jump(done, &[x]);
                self.b.switch_to(no);
                self.b.jump(done, &[default]);
                val
            }
            None => {
                self.b.incref(found);
                self.b.jump(done, &[found]);
                self.b.switch_to(no);
                let v = self.boxed_ref(&default);
                self.b.jump(done, &[v]);
                Val::Obj(ObjVal { v: out, ty: None, tok: None, own: Own::Owned, sample: None })
            }
        };
        self.b.switch_to(done);
        self.pop_drop(argc + 2);
        self.push(val);
        Ok(Some(Flow::Next))
    }
}
