//! Attributes: of instances by shape, of classes and modules as guarded constants.

use super::abstract_state::{ObjVal, Own, Val};
use super::dict::DictKey;
use super::{Flow, Res, Specializer};
use crate::ir::{ElemKind, Field, IntCC, ObjId, Reason, Value};
use crate::oracle::{AttrRef, InstanceShape};
use crate::rt::RtId;

/// An entry of a dict: the dict, the address of its entries, the index, and the proof that it is there.
pub(super) struct DictEntry {
    dict: Value,
    entries: Value,
    index: Value,
    tok: Option<Value>,
}

impl Specializer<'_> {
    pub(super) fn load_attr(&mut self) -> Res<Flow> {
        let (name, method) = {
            let f = self.ctx.frame();
            (f.code.names[(self.ins.arg >> 1) as usize], self.ins.arg & 1 != 0)
        };
        let k = *self.o.known();
        if let Val::Const(c) = *self.peek(0) {
            let ty = self.o.type_of(c);
            if ty == k.module
                && let Some(dict) = self.o.module_dict(c)
                && let Some(v) = self.dict_constant(dict, name)
            {
                return self.attr_done(v, method);
            }
            if ty == k.type_
                && let Some(value) = self.o.class_attr(c, name)
            {
                self.guard_version(c);
                let v = self.constant(value);
                return self.attr_done(v, method);
            }
            if ty == k.type_
                && method
                && self.o.type_version(c).is_some()
                && let Some((func, takes_class)) = self.o.class_method(c, name)
            {
                self.guard_version(c);
                let class = self.pop();
                self.push(Val::Const(func));
                self.push(if takes_class { class } else { Val::Null });
                return Ok(Flow::Next);
            }
        }
        if let Val::Instance(n) = *self.peek(0) {
            if let Some(flow) = self.load_instance_attr(n, name, method)? {
                return Ok(flow);
            }
            self.materialize(0);
        }
        if let Some(flow) = self.load_shared_attr(name, method)? {
            return Ok(flow);
        }
        if self.split_classes(0) {
            return Ok(Flow::End);
        }
        let owner = self.expect_type(0).or_else(|| self.o.owner_type(self.ctx.frame().code.id, self.ins.op_pc));
        if let Some(ty) = owner
            && !self.distrusted()
            && !self.is_crowded()
            && let Some(flow) = self.load_attr_of(ty, name, method)?
        {
            return Ok(flow);
        }
        if self.unseen() && owner.is_none() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        self.before_python()?;
        self.sync_locals();
        let name = self.b.obj(name);
        self.materialize(0);
        let code = self.ctx.frame().code.clone();
        // Where NULL is pushed by an instruction of its own, what turns out to be no method can't go on after this one.
        let alone = code.instr(self.ins.pc).is_some_and(|i| i.next == self.ins.next);
        if method && alone && !self.o.loads_no_method(code.id, self.ins.pc) {
            return Ok(self.load_method_by(RtId::LoadMethod, name));
        }
        let args = self.pop_arguments(1);
        let r = self.rt(RtId::GetAttr, &[args[0], name]).expect("a result");
        self.push(Val::object(r, Own::Owned));
        if method {
            self.push(Val::Null);
        }
        Ok(Flow::Next)
    }

    /// Assigns the second value of the stack to a slot of the first, an instance. It may have had no value: in
    /// `__init__` it never has.
    fn store_slot(&mut self, owner: &ObjVal, offset: i32) {
        let i = self.b.i64(i64::from(offset));
        let old = self.b.load_elem(ElemKind::Slot, owner.v, i, owner.tok);
        let bound = self.exit_start(Reason::Unseen);
        let popped = self.pop();
        let value = self.pop();
        self.drop_val(popped);
        let (empty, full, done) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let null = self.b.null();
        let is_null = self.b.icmp(IntCC::Eq, old, null);
        let new = match value {
            Val::Int(v) => Some((RtId::NewInt, v)),
            Val::Float(v) => Some((RtId::NewFloat, v)),
            _ => None,
        };
        if let Some((rt, v)) = new {
            self.b.br(is_null, empty, &[], full, &[]);
            self.b.switch_to(empty);
            let new = self.b.call_rt_value(rt, &[v]);
            self.b.store_elem(ElemKind::Slot, owner.v, i, new);
            self.b.jump(done, &[]);
            self.b.switch_to(full);
            // Holds here; loads from the old value need the proof.
            let tok = self.b.guard_icmp(IntCC::Ne, old, null, bound);
            self.replace_item(ElemKind::Slot, owner.v, i, old, tok, &value);
        } else {
            let v = self.boxed_owned(&value);
            self.b.store_elem(ElemKind::Slot, owner.v, i, v);
            self.b.br(is_null, done, &[], full, &[]);
            self.b.switch_to(full);
            let drops = self.dropped();
            self.decref_running(old, self.ins.next, &drops);
        }
        self.b.jump(done, &[]);
        self.b.switch_to(done);
    }

    /// Replaces the owner by the attribute (and NULL, where a method is loaded).
    pub(super) fn attr_done(&mut self, v: Val, method: bool) -> Res<Flow> {
        let owner = self.pop();
        let temporary = matches!(&owner, Val::Obj(o) if o.own == Own::Owned);
        self.drop_val(owner);
        self.push(v);
        if temporary {
            self.promote_now();
        }
        if method {
            self.push(Val::Null);
        }
        Ok(Flow::Next)
    }

    fn load_attr_of(&mut self, ty: ObjId, name: ObjId, method: bool) -> Res<Option<Flow>> {
        let Some(attr) = self.o.attr(ty, name) else { return Ok(None) };
        if self.o.type_version(ty).is_none() {
            return Ok(None);
        }
        // Methods of builtin types: the receiver may be anything of that type.
        if let AttrRef::Descriptor { descr } = attr
            && method
            && self.o.instance_shape(ty, name) == InstanceShape::NoDict
        {
            if matches!(self.peek(0), Val::Obj(_)) {
                self.want(0, ty);
            }
            self.guard_version(ty);
            self.materialize(0);
            let owner = self.pop();
            self.push(Val::Const(descr));
            self.push(owner);
            return Ok(Some(Flow::Next));
        }
        let Val::Obj(_) = self.peek(0) else { return Ok(None) };
        let shape = self.o.instance_shape(ty, name);
        match (attr, shape) {
            (AttrRef::Dict { .. }, InstanceShape::Entry { stamps, index }) => {
                self.want(0, ty);
                self.guard_version(ty);
                let Val::Obj(o) = self.peek(0).clone() else { return Ok(None) };
                let entry = self.instance_entry(o.v, o.tok, &[ty], name, (&stamps, index));
                let mut v = self.load_entry(&entry);
                if let Val::Obj(x) = &mut v {
                    x.sample = o.sample.and_then(|s| self.o.sample_attr(s, name));
                }
                Ok(Some(self.attr_done(v, method)?))
            }
            // No instance of the class has been looked at: the exit will.
            (AttrRef::Dict { .. } | AttrRef::Method { .. } | AttrRef::ClassValue { .. }, InstanceShape::Unknown) => {
                self.want(0, ty);
                Ok(Some(self.leave_at_start(Reason::Unseen)))
            }
            (AttrRef::Slot { offset }, _) => {
                self.want(0, ty);
                self.guard_version(ty);
                let Val::Obj(o) = self.peek(0).clone() else { return Ok(None) };
                let i = self.b.i64(i64::from(offset));
                let v = self.b.load_elem(ElemKind::Slot, o.v, i, o.tok);
                let exit = self.exit_start(Reason::Error);
                let null = self.b.null();
                self.b.guard_icmp(IntCC::Ne, v, null, exit);
                Ok(Some(self.attr_done(Val::object(v, Own::Transient), method)?))
            }
            (AttrRef::Method { func }, InstanceShape::NoDict | InstanceShape::Absent { .. }) if method => {
                self.want(0, ty);
                self.guard_version(ty);
                self.guard_top_lacks(ty, name, shape);
                let owner = self.pop();
                self.push(Val::Const(func));
                self.push(owner);
                Ok(Some(Flow::Next))
            }
            (AttrRef::ClassValue { value }, InstanceShape::NoDict | InstanceShape::Absent { .. }) => {
                self.want(0, ty);
                self.guard_version(ty);
                self.guard_top_lacks(ty, name, shape);
                let v = self.constant(value);
                Ok(Some(self.attr_done(v, method)?))
            }
            (AttrRef::Property { getter }, _) if !method => {
                self.want(0, ty);
                self.guard_version(ty);
                let owner = self.pop();
                self.call_python(getter, vec![owner])
            }
            _ => Ok(None),
        }
    }

    /// Checks that the instance on top of the stack lacks the name.
    fn guard_top_lacks(&mut self, class: ObjId, name: ObjId, shape: InstanceShape) {
        if let InstanceShape::Absent { stamps } = shape
            && let Val::Obj(o) = *self.peek(0)
        {
            self.guard_absent(o.v, o.tok, &[class], name, &stamps);
        }
    }

    /// Checks that an object's own dict lacks a name. `known` are stamps of dicts that do; none where there are no dicts.
    pub(super) fn guard_absent(&mut self, v: Value, tok: Option<Value>, classes: &[ObjId], name: ObjId, known: &[u32]) {
        if known.is_empty() {
            return;
        }
        if !classes.iter().any(|class| self.o.shapes_vary(*class)) {
            self.instance_dict(v, tok, known);
            return;
        }
        let (d, tok) = self.own_dict(v, tok);
        let is_known = self.has_stamp(d, tok, known);
        let (other, done) = (self.b.create_block(), self.b.create_block());
        self.b.br(is_known, done, &[], other, &[]);
        self.b.switch_to(other);
        let exit = self.exit_start(Reason::Shape);
        let name = self.b.obj(name);
        let i = self.b.call_rt_value(RtId::DictFindStr, &[d, name]);
        let absent = self.b.i64(-1);
        self.b.guard_icmp(IntCC::Eq, i, absent, exit);
        self.b.jump(done, &[]);
        self.b.switch_to(done);
    }

    /// The dict of an instance.
    fn own_dict(&mut self, v: Value, tok: Option<Value>) -> (Value, Option<Value>) {
        let exit = self.exit_start(Reason::Shape);
        let d = self.b.load(Field::ObjDict, v, tok);
        let null = self.b.null();
        let tok = self.b.guard_icmp(IntCC::Ne, d, null, exit);
        (d, tok)
    }

    /// Whether a dict has one of the stamps.
    fn has_stamp(&mut self, d: Value, tok: Option<Value>, stamps: &[u32]) -> Value {
        let now = self.b.load(Field::DictStamp, d, tok);
        let mut any = None;
        for (i, stamp) in stamps.iter().enumerate() {
            if stamps[..i].contains(stamp) {
                continue;
            }
            let want = self.b.i32(*stamp as i32);
            let is = self.b.icmp(IntCC::Eq, now, want);
            any = Some(match any {
                None => is,
                Some(other) => self.b.or(other, is),
            });
        }
        any.unwrap_or_else(|| self.b.bool(false))
    }

    /// The dict of an instance, checked to have the shape; and the proof.
    fn instance_dict(&mut self, v: Value, tok: Option<Value>, stamps: &[u32]) -> (Value, Option<Value>) {
        let (d, tok) = self.own_dict(v, tok);
        let known = self.has_stamp(d, tok, stamps);
        let exit = self.exit_start(Reason::Shape);
        (d, self.b.guard(known, true, exit))
    }

    /// Where the dict of an instance has a name. Where shapes vary it is likely to be at the index, and is looked up if it is not.
    pub(super) fn instance_entry(
        &mut self,
        v: Value,
        tok: Option<Value>,
        classes: &[ObjId],
        name: ObjId,
        (stamps, index): (&[u32], u32),
    ) -> DictEntry {
        let (d, tok, index) = if classes.iter().any(|class| self.o.shapes_vary(*class)) {
            let (d, _) = self.own_dict(v, tok);
            self.find_name(d, name, index)
        } else {
            let (d, tok) = self.instance_dict(v, tok, stamps);
            (d, tok, self.b.i64(index as i64))
        };
        DictEntry { dict: d, entries: self.b.load(Field::DictEntries, d, tok), index, tok }
    }

    /// Looks a name up that a dict is expected to have, at an index if nothing has changed.
    pub(super) fn find_name(&mut self, d: Value, name: ObjId, index: u32) -> (Value, Option<Value>, Value) {
        let exit = self.exit_start(Reason::Shape);
        let (name, index) = (self.b.obj(name), self.b.i64(index as i64));
        let found = self.b.call_rt_value(RtId::DictFindName, &[d, name, index]);
        let zero = self.b.i64(0);
        (d, self.b.guard_icmp(IntCC::SGe, found, zero, exit), found)
    }

    /// The value of an entry.
    pub(super) fn load_entry(&mut self, entry: &DictEntry) -> Val {
        self.load_item(ElemKind::DictValue, entry.entries, entry.index, entry.tok)
    }

    /// Checks that nobody is in the middle of changing a dict.
    fn guard_unlocked(&mut self, dict: Value, tok: Option<Value>) {
        let exit = self.exit_start(Reason::Shape);
        let lock = self.b.load(Field::DictLock, dict, tok);
        let zero = self.b.i64(0);
        self.b.guard_icmp(IntCC::Eq, lock, zero, exit);
    }

    /// Stores an attribute in the dict of an instance that may lack it. Stack: value, owner.
    pub(super) fn store_name_in(&mut self, v: Value, tok: Option<Value>, name: ObjId, index: u32) {
        let (d, tok) = self.own_dict(v, tok);
        self.guard_unlocked(d, tok);
        let (key, index) = (self.b.obj(name), self.b.i64(index as i64));
        let found = self.b.call_rt_value(RtId::DictFindName, &[d, key, index]);
        let exit = self.exit_start(Reason::Shape);
        let absent = self.b.i64(-1);
        self.b.guard_icmp(IntCC::SGe, found, absent, exit);
        self.not_globals(d, true);
        let owner = self.pop();
        let value = self.pop();
        self.drop_val(owner);
        self.set_entry((d, found), DictKey::Str(key), value);
    }

    /// Stores to an entry of an instance's dict. Stack: value, owner.
    pub(super) fn store_entry(&mut self, entry: &DictEntry) {
        let DictEntry { dict, entries, index, tok } = *entry;
        self.guard_unlocked(dict, tok);
        let old = self.b.load_elem(ElemKind::DictValue, entries, index, tok);
        let owner = self.pop();
        let value = self.pop();
        self.drop_val(owner);
        self.replace_item(ElemKind::DictValue, entries, index, old, tok, &value);
    }

    /// Checks that a class has not changed.
    pub(super) fn guard_version(&mut self, ty: ObjId) {
        let Some(version) = self.o.type_version(ty) else { return };
        let exit = self.exit_start(Reason::Shape);
        let t = self.b.obj(ty);
        let now = self.b.load(Field::TypeVersion, t, None);
        let want = self.b.i32(version as i32);
        self.b.guard_icmp(IntCC::Eq, now, want, exit);
    }

    /// Stack: value, owner.
    pub(super) fn store_attr(&mut self) -> Res<Flow> {
        let code = self.ctx.frame().code.clone();
        let name = code.names[self.ins.arg as usize];
        if let Val::Instance(n) = *self.peek(0) {
            if let Some(flow) = self.store_instance_attr(n, name) {
                return Ok(flow);
            }
            self.materialize(0);
        }
        if self.store_shared_attr(name) {
            return Ok(Flow::Next);
        }
        if self.split_classes(0) {
            return Ok(Flow::End);
        }
        let owner = self.expect_type(0).or_else(|| self.o.owner_type(code.id, self.ins.op_pc));
        if let Some(ty) = owner
            && matches!(self.peek(0), Val::Obj(_))
            && !self.distrusted()
            && !self.is_crowded()
            && self.o.type_version(ty).is_some()
        {
            match (self.o.attr(ty, name), self.o.instance_shape(ty, name)) {
                (Some(AttrRef::Dict { .. } | AttrRef::Method { .. } | AttrRef::ClassValue { .. }), shape)
                    if shape != InstanceShape::NoDict && self.o.shapes_vary(ty) =>
                {
                    self.want(0, ty);
                    self.materialize(1);
                    self.promote();
                    self.guard_version(ty);
                    let Val::Obj(o) = self.peek(0).clone() else { unreachable!("wanted an object") };
                    self.store_name_in(o.v, o.tok, name, if let InstanceShape::Entry { index, .. } = shape { index } else { 0 });
                    return Ok(Flow::Next);
                }
                (Some(AttrRef::Dict { .. }), InstanceShape::Entry { stamps, index }) => {
                    self.want(0, ty);
                    self.materialize(1);
                    self.promote();
                    self.guard_version(ty);
                    let Val::Obj(o) = self.peek(0).clone() else { unreachable!("wanted an object") };
                    let entry = self.instance_entry(o.v, o.tok, &[ty], name, (&stamps, index));
                    self.store_entry(&entry);
                    return Ok(Flow::Next);
                }
                (Some(AttrRef::Slot { offset }), _) => {
                    self.want(0, ty);
                    self.materialize(1);
                    self.promote();
                    self.guard_version(ty);
                    let Val::Obj(o) = self.peek(0).clone() else { unreachable!("wanted an object") };
                    self.store_slot(&o, offset);
                    return Ok(Flow::Next);
                }
                (Some(AttrRef::Dict { .. }), InstanceShape::Unknown) => {
                    self.want(0, ty);
                    return Ok(self.leave_at_start(Reason::Unseen));
                }
                (Some(AttrRef::Property { .. }), _) => {
                    if let Some(flow) = self.assign_property(ty, name)? {
                        return Ok(flow);
                    }
                }
                _ => {}
            }
        }
        if self.unseen() && owner.is_none() {
            return Ok(self.leave_at_start(Reason::Unseen));
        }
        self.before_python()?;
        self.sync_locals();
        self.materialize(1);
        let name = self.b.obj(name);
        let args = self.pop_arguments(2);
        self.rt(RtId::SetAttr, &[args[1], name, args[0]]);
        Ok(Flow::Next)
    }

    /// `o.name = value` where a property's Python function does it. Stack: value, owner.
    pub(super) fn assign_property(&mut self, class: ObjId, name: ObjId) -> Res<Option<Flow>> {
        match self.o.property_setter(class, name) {
            Some(setter) => self.operator_function(class, setter, &[0, 1], 2),
            None => Ok(None),
        }
    }

    /// `super().name`. Stack: the global `super`, the class, the object.
    pub(super) fn load_super_attr(&mut self) -> Res<Flow> {
        let (arg, code) = (self.ins.arg, self.ctx.frame().code.clone());
        let (name, method, has_class) = (code.names[(arg >> 2) as usize], arg & 1 != 0, arg & 2 != 0);
        let of = self.expect_type(0);
        if let (Val::Const(s), Val::Const(class), Some(of)) = (self.peek(2).clone(), self.peek(1).clone(), of)
            && s == self.o.known().super_
            && matches!(self.peek(0), Val::Obj(_) | Val::Instance(_))
            && !self.distrusted()
            && self.o.type_version(of).is_some()
            && let Some(found) = self.o.super_attr(class, of, name)
        {
            match found {
                AttrRef::Method { func: f } | AttrRef::Descriptor { descr: f } if method => {
                    self.want(0, of);
                    self.guard_version(of);
                    let o = self.pop();
                    self.pop_drop(2);
                    self.push(Val::Const(f));
                    self.push(o);
                    return Ok(Flow::Next);
                }
                AttrRef::ClassValue { value } => {
                    self.want(0, of);
                    self.guard_version(of);
                    self.pop_drop(3);
                    let v = self.constant(value);
                    self.push(v);
                    if method {
                        self.push(Val::Null);
                    }
                    return Ok(Flow::Next);
                }
                AttrRef::Property { getter } if !method => {
                    self.want(0, of);
                    self.guard_version(of);
                    let o = self.pop();
                    self.pop_drop(2);
                    if let Some(flow) = self.call_python(getter, vec![o])? {
                        return Ok(flow);
                    }
                }
                _ => {}
            }
        }
        if !has_class && !matches!(self.peek(2), Val::Const(s) if *s == self.o.known().super_) {
            // Another `super()` may look at the frame that calls it.
            return Ok(self.leave_at_start(Reason::Unsupported));
        }
        self.before_python()?;
        self.sync_locals();
        let args = self.pop_arguments(3);
        for (i, v) in args.into_iter().enumerate() {
            self.b.store_scratch(i as u32, v);
        }
        let name = self.b.obj(name);
        let r = self.rt(RtId::LoadSuperAttr, &[name]).expect("a result");
        self.push(Val::object(r, Own::Owned));
        if method {
            self.push(Val::Null);
        }
        Ok(Flow::Next)
    }
}
