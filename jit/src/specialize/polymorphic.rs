//! Attributes of objects whose class varies.
//!
//! Where the classes agree on an attribute (an entry of the instance dict at one index, one function
//! or value that they inherit), one access does for all of them: what follows is not multiplied, and
//! later accesses to the same object find their checks done. Where they differ, the code splits, one way for
//! each class (`split_classes`). The classes are those that exits have seen at the instruction, else
//! those that an earlier instruction has checked the same object for.

use super::abstract_state::Val;
use super::{Flow, Res, Specializer};
use crate::bytecode::{Opcode, operand_count};
use crate::ir::{Field, IntCC, ObjId, Reason, Value};
use crate::oracle::{AttrRef, InstanceShape};
use std::rc::Rc;

/// More ways than this are not worth their code.
const MAX_WAYS: usize = 4;
/// More classes than these are not compared with.
const MAX_CLASSES: usize = 6;

/// What an attribute is for instances of each of several classes.
enum CommonAttribute {
    /// In the dicts with one of the stamps, at an index.
    Entry {
        stamps: Vec<u32>,
        index: u32,
    },
    /// Only in the classes. Dicts with one of the stamps lack it; none where there are no dicts.
    Method {
        func: ObjId,
        stamps: Vec<u32>,
    },
    Value {
        value: ObjId,
        stamps: Vec<u32>,
    },
}

impl Specializer<'_> {
    /// The classes that the object at `depth` may have, if several are known.
    fn classes_of(&self, depth: usize) -> Option<(Value, Rc<[ObjId]>)> {
        let Val::Obj(o) = self.peek(depth) else { return None };
        if o.ty.is_some() {
            return None;
        }
        let here = self.o.classes(self.start.frame().code.id, self.ins.pc, depth);
        let classes = if here.len() < 2 { self.families.get(&o.v)?.clone() } else { here.into() };
        Some((o.v, classes))
    }

    fn shared_attr(&self, classes: &[ObjId], name: ObjId) -> Option<CommonAttribute> {
        let mut all = Vec::new();
        let mut first: Option<(AttrRef, Option<u32>, bool)> = None;
        for class in classes {
            self.o.type_version(*class)?;
            let attr = match self.o.attr(*class, name)? {
                // What hides behind the instance's value does not matter.
                AttrRef::Dict { .. } => AttrRef::Dict { class_value: None },
                attr @ (AttrRef::Method { .. } | AttrRef::ClassValue { .. }) => attr,
                _ => return None,
            };
            let (stamps, index, dict) = match self.o.instance_shape(*class, name) {
                InstanceShape::Entry { stamps, index } => (stamps, Some(index), true),
                InstanceShape::Absent { stamps } => (stamps, None, true),
                InstanceShape::NoDict => (Default::default(), None, false),
                InstanceShape::Unknown => return None,
            };
            if dict {
                for stamp in stamps {
                    if !all.contains(&stamp) {
                        all.push(stamp);
                    }
                }
            }
            // Where shapes vary the name is looked for anyway.
            let vary = classes.iter().any(|class| self.o.shapes_vary(*class));
            let is = (attr, index, dict);
            let (attr0, index0, dict0) = *first.get_or_insert(is);
            let same_place = if vary { index.is_some() == index0.is_some() } else { index == index0 };
            if attr != attr0 || dict != dict0 || !same_place {
                return None;
            }
        }
        match first? {
            (AttrRef::Dict { .. }, Some(index), true) => Some(CommonAttribute::Entry { stamps: all, index }),
            (AttrRef::Method { func }, None, _) => Some(CommonAttribute::Method { func, stamps: all }),
            (AttrRef::ClassValue { value }, None, _) => Some(CommonAttribute::Value { value, stamps: all }),
            _ => None,
        }
    }

    /// The object on top of the stack, the classes it may have, and the attribute on which they agree. Where
    /// two classes come by, their relatives will, too.
    fn shared_attr_of_top(&self, name: ObjId) -> Option<(Value, Rc<[ObjId]>, CommonAttribute)> {
        let (v, classes) = self.classes_of(0)?;
        let mut more = classes.to_vec();
        for class in self.o.relatives(&classes) {
            if more.len() < MAX_CLASSES {
                more.push(class);
                if self.shared_attr(&more, name).is_none() {
                    more.pop();
                }
            }
        }
        let shared = self.shared_attr(&more, name)?;
        Some((v, more.into(), shared))
    }

    /// Loads an attribute on which the classes of the owner agree.
    pub(super) fn load_shared_attr(&mut self, name: ObjId, method: bool) -> Res<Option<Flow>> {
        let Some((v, classes, shared)) = self.shared_attr_of_top(name) else { return Ok(None) };
        match shared {
            CommonAttribute::Entry { stamps, index } if !method => {
                let tok = self.guard_one_of(v, &classes);
                let entry = self.instance_entry(v, tok, &classes, name, (&stamps, index));
                let value = self.load_entry(&entry);
                self.attr_done(value, false).map(Some)
            }
            CommonAttribute::Method { func, stamps } if method => {
                self.absent_of_one_of(v, &classes, name, &stamps);
                let owner = self.pop();
                self.push(Val::Const(func));
                self.push(owner);
                Ok(Some(Flow::Next))
            }
            CommonAttribute::Value { value, stamps } => {
                self.absent_of_one_of(v, &classes, name, &stamps);
                let value = self.constant(value);
                self.attr_done(value, method).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Stores an attribute that the owner's classes have at one place. Stack: value, owner.
    pub(super) fn store_shared_attr(&mut self, name: ObjId) -> bool {
        let Some((v, classes, CommonAttribute::Entry { stamps, index })) = self.shared_attr_of_top(name) else { return false };
        self.materialize(1);
        self.promote();
        let tok = self.guard_one_of(v, &classes);
        if classes.iter().any(|class| self.o.shapes_vary(*class)) {
            self.store_name_in(v, tok, name, index);
            return true;
        }
        let entry = self.instance_entry(v, tok, &classes, name, (&stamps, index));
        self.store_entry(&entry);
        true
    }

    /// Checks that an object has one of the classes, and that these have not changed.
    fn guard_one_of(&mut self, v: Value, classes: &Rc<[ObjId]>) -> Option<Value> {
        let exit = self.exit_start(Reason::Type);
        let t = self.b.load(Field::ObjType, v, None);
        let mut any = None;
        for class in classes.iter() {
            let c = self.b.obj(*class);
            let is = self.b.icmp(IntCC::Eq, t, c);
            any = Some(any.map_or(is, |other| self.b.or(other, is)));
        }
        let tok = any.and_then(|c| self.b.guard(c, true, exit));
        for class in classes.iter() {
            self.guard_version(*class);
        }
        self.families.insert(v, classes.clone());
        tok
    }

    fn absent_of_one_of(&mut self, v: Value, classes: &Rc<[ObjId]>, name: ObjId, stamps: &[u32]) {
        let tok = self.guard_one_of(v, classes);
        self.guard_absent(v, tok, classes, name, stamps);
    }

    /// Where operands of several classes come by: one way for each class of one of them, the instruction done in each
    /// anew. Attributes are not multiplied where the classes agree. True if the block has ended.
    pub(super) fn split_operands(&mut self) -> bool {
        let operands = match self.ins.op {
            Opcode::LoadAttr | Opcode::StoreAttr => 0,
            op => operand_count(op),
        };
        (0..operands).any(|depth| self.split_classes(depth))
    }

    /// The same for the operand at `depth`.
    pub(super) fn split_classes(&mut self, depth: usize) -> bool {
        let Some((v, classes)) = self.classes_of(depth) else { return false };
        if classes.len() > MAX_WAYS {
            return false;
        }
        let t = self.b.load(Field::ObjType, v, None);
        for class in classes.iter() {
            let (then, els) = (self.b.create_block(), self.b.create_block());
            let c = self.b.obj(*class);
            let is = self.b.icmp(IntCC::Eq, t, c);
            self.b.br(is, then, &[], els, &[]);
            let mut ctx = self.ctx.clone();
            ctx.objects_mut(|x| x.v == v, &mut |x| {
                if x.v == v {
                    x.ty = Some(*class);
                    x.tok = None;
                    x.sample = None;
                }
            });
            self.work.push((then, ctx, self.ins.pc));
            self.b.switch_to(els);
        }
        self.leave_at_start(Reason::Type);
        true
    }

    /// Whether there are more classes than ways.
    pub(super) fn is_crowded(&self) -> bool {
        self.classes_of(0).is_some_and(|(_, classes)| classes.len() > MAX_WAYS)
    }
}
