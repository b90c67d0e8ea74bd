//! Instances of plain classes: made virtual, by running `__init__` inlined on them, and made into objects by one
//! entry point where somebody else could see them. Those that are used up before never exist.

use super::abstract_state::{Instance, ObjVal, Own, Val};
use super::{Flow, Res, Specializer};
use crate::ir::{Awaits, ElemKind, ObjId, Reason, Value};
use crate::oracle::{AttrRef, Init};
use crate::rt::RtId;

/// Instances with more attributes are made at once: a virtual one costs a register for each, everywhere.
const MAX_FIELDS: usize = 16;

impl Specializer<'_> {
    /// A call of a class with positional arguments.
    pub(super) fn call_class(&mut self, class: ObjId, args: Vec<Val>, operands: usize) -> Res<Option<Flow>> {
        if self.distrusted() || self.o.type_version(class).is_none() {
            return Ok(None);
        }
        self.instantiate(class, args, operands)
    }

    /// The same where that has been checked. `operands` slots of the stack go.
    pub(super) fn instantiate(&mut self, class: ObjId, args: Vec<Val>, operands: usize) -> Res<Option<Flow>> {
        let Some(init) = self.o.plain_class(class) else { return Ok(None) };
        let Init::Function(func) = init else {
            if !args.is_empty() {
                return Ok(None);
            }
            self.guard_version(class);
            let instance = self.new_instance(class);
            self.pop_drop(operands);
            self.push(instance);
            return Ok(Some(Flow::Next));
        };
        let Some(target) = self.inline_target(func, |spec| {
            let number = spec.instances;
            let mut all = vec![Val::Instance(number)];
            all.extend(args);
            all
        }) else {
            return Ok(None);
        };
        self.guard_version(class);
        self.guard_function(func, &target.info);
        let instance = self.new_instance(class);
        // It waits below the operands until `__init__` has returned.
        let at = self.ctx.frame().stack.len() - operands;
        self.ctx.frame_mut().stack.insert(at, instance);
        self.ctx.frame_mut().awaits = Awaits::Init;
        Ok(Some(self.inline(func, &target.info, target.code, target.args, operands)?))
    }

    /// A virtual instance without attributes.
    fn new_instance(&mut self, class: ObjId) -> Val {
        let number = self.instances;
        self.instances += 1;
        self.ctx.instances.push(Instance { number, class, fields: Vec::new() });
        Val::Instance(number)
    }

    fn instance(&self, number: u32) -> Option<&Instance> {
        self.ctx.instances.iter().find(|i| i.number == number)
    }

    /// The class of a virtual instance, or of one that this instruction has made an object.
    pub(super) fn instance_class(&self, number: u32) -> Option<ObjId> {
        let made = || self.ctx.made.iter().find(|(n, ..)| *n == number).map(|(.., class)| *class);
        self.instance(number).map(|i| i.class).or_else(made)
    }

    /// Whether a slot, or a field of another instance, refers to it.
    fn is_referred_to(&self, number: u32) -> bool {
        let mut found = false;
        self.ctx.slots(&mut |s| s.instances(&mut |n| found |= n == number));
        found
    }

    /// A reference to a virtual instance has gone from its slot: perhaps nobody can reach it any more.
    pub(super) fn drop_instance(&mut self, number: u32) {
        if self.is_referred_to(number) {
            return;
        }
        if let Some(i) = self.ctx.instances.iter().position(|i| i.number == number) {
            let dead = self.ctx.instances.remove(i);
            for (_, val) in dead.fields {
                self.drop_val(val);
            }
        }
    }

    /// Makes a virtual instance an object, and puts that in all slots. Also whether no slot had it, so that the
    /// reference is the caller's.
    pub(super) fn make_instance(&mut self, number: u32) -> (Value, bool) {
        if let Some((_, v, _)) = self.ctx.made.iter().find(|(n, ..)| *n == number) {
            return (*v, false);
        }
        let i = self.ctx.instances.iter().position(|i| i.number == number).expect("a virtual instance");
        let instance = self.ctx.instances.remove(i);
        // The values first: making one may use the scratch words.
        let (mut names, mut values, mut slots) = (Vec::new(), Vec::new(), Vec::new());
        for (name, val) in &instance.fields {
            let v = self.boxed_owned(val);
            match self.o.attr(instance.class, *name) {
                Some(AttrRef::Slot { offset }) => slots.push((offset, v)),
                _ => {
                    names.push(*name);
                    values.push(v);
                }
            }
        }
        for (i, v) in values.into_iter().enumerate() {
            self.b.store_scratch(i as u32, v);
        }
        let class = self.b.obj(instance.class);
        let v = if self.o.has_dict(instance.class) {
            let template = self.o.instance_template(instance.class, &names);
            let template = self.b.obj(template);
            let n = self.b.i32(names.len() as i32);
            self.b.call_rt_value(RtId::BuildInstance, &[class, template, n])
        } else {
            self.b.call_rt_value(RtId::NewInstance, &[class])
        };
        for (offset, value) in slots {
            let offset = self.b.i64(i64::from(offset));
            self.b.store_elem(ElemKind::Slot, v, offset, value);
        }
        let mut owner = false;
        self.ctx.slots_mut(&mut |s| {
            s.replace_instance(number, &mut || {
                let own = if std::mem::replace(&mut owner, true) { Own::Alias } else { Own::Owned };
                Val::typed(v, instance.class, own)
            });
        });
        self.ctx.made.push((number, v, instance.class));
        (v, !owner)
    }

    /// Makes all virtual instances objects: what comes could look at them, or change their class.
    pub(super) fn make_instances(&mut self) {
        while let Some(i) = self.ctx.instances.last() {
            self.make_instance(i.number);
        }
    }

    /// Makes those objects that the stack value at `depth` names. Nothing has been popped yet.
    pub(super) fn make_instances_at(&mut self, depth: usize) {
        let mut named = Vec::new();
        self.peek(depth).instances(&mut |n| named.push(n));
        if named.is_empty() {
            return;
        }
        for n in named {
            self.make_instance(n);
        }
        self.resync();
    }

    /// The same of the top of the stack, in the middle of an instruction that leaves no more.
    pub(super) fn make_instances_in_top(&mut self) {
        let mut named = Vec::new();
        self.peek(0).instances(&mut |n| named.push(n));
        for n in named {
            self.make_instance(n);
        }
    }

    /// A copy of a value that was taken before instances were made, as it is in the slots now.
    pub(super) fn as_made(&self, val: &Val) -> Val {
        let mut val = val.clone();
        for (number, v, class) in &self.ctx.made {
            val.replace_instance(*number, &mut || Val::typed(*v, *class, Own::Alias));
        }
        val
    }

    /// An attribute of the virtual instance on top of the stack. `None`: only an object has it.
    pub(super) fn load_instance_attr(&mut self, number: u32, name: ObjId, method: bool) -> Res<Option<Flow>> {
        let Some(instance) = self.instance(number) else { return Ok(None) };
        let class = instance.class;
        let own = instance.fields.iter().find(|(n, _)| *n == name).map(|(_, v)| Self::dup(v));
        let Some(attr) = self.o.attr(class, name).filter(|_| self.o.type_version(class).is_some()) else {
            return Ok(None);
        };
        let found = match (attr, own) {
            (AttrRef::Property { getter }, _) if !method => {
                self.guard_version(class);
                let owner = self.pop();
                return self.call_python(getter, vec![owner]);
            }
            (AttrRef::Property { .. }, _) | (AttrRef::Slot { .. }, None) => return Ok(None),
            (_, Some(own)) => own,
            (AttrRef::Method { func }, None) if method => {
                self.guard_version(class);
                let owner = self.pop();
                self.push(Val::Const(func));
                self.push(owner);
                return Ok(Some(Flow::Next));
            }
            (AttrRef::ClassValue { value } | AttrRef::Dict { class_value: Some(value) }, None) => self.constant(value),
            _ => return Ok(None),
        };
        self.guard_version(class);
        *self.peek_mut(0) = found;
        self.drop_instance(number);
        if method {
            self.push(Val::Null);
        }
        Ok(Some(Flow::Next))
    }

    /// Assigns an attribute of the virtual instance on top of the stack. `None`: it must be made an object before.
    pub(super) fn store_instance_attr(&mut self, number: u32, name: ObjId) -> Option<Flow> {
        let instance = self.instance(number)?;
        let class = instance.class;
        let known = instance.fields.iter().position(|(n, _)| *n == name);
        if known.is_none() && instance.fields.len() == MAX_FIELDS {
            return None;
        }
        self.o.type_version(class)?;
        // Whatever the class has under the name but a data descriptor.
        match self.o.attr(class, name)? {
            AttrRef::Property { .. } => return None,
            AttrRef::Slot { .. } => {}
            _ if self.o.has_dict(class) => {}
            _ => return None,
        }
        let value = self.peek(1).clone();
        if value.is_iterator()
            || matches!(value, Val::Keep | Val::Null)
            || value.range_object().is_some()
            || self.reaches(&value, number)
        {
            return None;
        }
        self.guard_version(class);
        self.pop();
        let value = self.pop();
        let instance = self.ctx.instances.iter_mut().find(|i| i.number == number).expect("a virtual instance");
        match known {
            Some(i) => {
                let old = std::mem::replace(&mut instance.fields[i].1, value);
                self.drop_val(old);
            }
            None => instance.fields.push((name, value)),
        }
        self.drop_instance(number);
        Some(Flow::Next)
    }

    /// Whether the instance is part of a value.
    fn reaches(&self, val: &Val, number: u32) -> bool {
        let mut found = false;
        val.instances(&mut |n| {
            found |= n == number || self.instance(n).is_some_and(|i| i.fields.iter().any(|(_, v)| self.reaches(v, number)));
        });
        found
    }

    /// The result of an `__init__` that was inlined: None goes. Gives whether it was; if not, the interpreter raises.
    pub(super) fn init_returned(&mut self, val: &Val) -> bool {
        let none = self.o.known().none;
        match val {
            Val::Const(c) if *c == none => true,
            Val::Obj(ObjVal { v, .. }) => {
                let exit = self.exit_start(Reason::Error);
                self.b.guard_is(*v, none, exit);
                true
            }
            _ => false,
        }
    }
}
