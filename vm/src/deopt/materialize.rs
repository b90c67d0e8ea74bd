//! Making objects from recipes: what an exit record says a slot holds, as a real object.
//!
//! Nothing here runs Python code, except where an iterator of a kind that has no public
//! constructor is made by the builtin functions of the same name.

use crate::hook::driver::Driver;
use crate::object::layout;
use psycore_jit::ir::{Field, ObjId, Recipe, SeqKind, Value, VirtualKind};
use rustpython_vm::builtins::{PyRange, PyStr, PyType};
use rustpython_vm::{AsObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};
use std::cell::RefCell;

/// The words of an exit record, and what its numbers mean.
pub struct Maker<'a> {
    driver: &'a dyn Driver,
    record: &'a [u64],
    vm: &'a VirtualMachine,
    /// Instances that several slots may hold, in the order of their numbers.
    instances: RefCell<Vec<PyObjectRef>>,
}

impl<'a> Maker<'a> {
    pub fn new(driver: &'a dyn Driver, record: &'a [u64], vm: &'a VirtualMachine) -> Self {
        Maker { driver, record, vm, instances: RefCell::default() }
    }

    pub fn vm(&self) -> &'a VirtualMachine {
        self.vm
    }

    fn word(&self, v: Value) -> u64 {
        // Numbers come from the same table as the record's length.
        self.record.get(v.index()).copied().unwrap_or_default()
    }

    /// The owned address of what a recipe makes; 0 for an empty slot. [`Recipe::Keep`] is the caller's.
    pub fn slot(&self, recipe: &Recipe) -> usize {
        match recipe {
            Recipe::Null | Recipe::Keep => 0,
            Recipe::Owned(v) => self.word(*v) as usize,
            Recipe::Borrowed(v) => match self.word(*v) as usize {
                0 => 0,
                // SAFETY: the record's words are what compiled code held: live objects.
                at => layout::disown(unsafe { layout::object_at(at) }.to_owned()),
            },
            Recipe::IfBound { bound, .. } if self.word(*bound) as u32 == 0 => 0,
            other => layout::disown(self.object(other)),
        }
    }

    /// The object that a recipe makes; None where the slot would be empty.
    fn object(&self, recipe: &Recipe) -> PyObjectRef {
        let ctx = &self.vm.ctx;
        match recipe {
            Recipe::Null | Recipe::Keep => ctx.none(),
            Recipe::Owned(_) | Recipe::Borrowed(_) => match self.slot(recipe) {
                0 => ctx.none(),
                // SAFETY: `slot` gives an owned reference.
                at => unsafe { layout::own(at) },
            },
            Recipe::Int(v) => ctx.new_int(self.word(*v) as i64).into(),
            Recipe::Float(v) => ctx.new_float(f64::from_bits(self.word(*v))).into(),
            Recipe::Bool(v) => ctx.new_bool(self.word(*v) as u32 != 0).into(),
            Recipe::Const(id) => self.driver.object(*id).to_owned(),
            Recipe::Virtual { kind, parts, numbers } => self.virtual_object(*kind, parts, numbers),
            Recipe::IfBound { value, .. } => self.object(value),
            Recipe::Instance { number, class, fields } => self.instance(*number, *class, fields),
            Recipe::Same(number) => self.must(
                self.instances.borrow().get(*number as usize).cloned().ok_or_else(|| self.vm.new_system_error("no instance")),
            ),
        }
    }

    /// The object of that kind, with the parts and numbers that are its shape.
    fn virtual_object(&self, kind: VirtualKind, parts: &[Recipe], numbers: &[Value]) -> PyObjectRef {
        let ctx = &self.vm.ctx;
        let mut parts: Vec<PyObjectRef> = parts.iter().map(|r| self.object(r)).collect();
        let n = |i: usize| self.word(numbers[i]) as i64;
        self.must(match kind {
            VirtualKind::Tuple => Ok(ctx.new_tuple(parts).into()),
            VirtualKind::List => Ok(ctx.new_list(parts).into()),
            VirtualKind::Range => Ok(self.range(n(0), n(1), n(2)).into()),
            VirtualKind::RangeIter => self.range_iter(n(0), n(1), n(2)),
            VirtualKind::SeqIter(kind) => self.seq_iter(kind, parts.remove(0), n(0)),
            VirtualKind::ReverseIter(kind) => self.reverse_iter(kind, parts.remove(0), n(0)),
            VirtualKind::Enumerate => ctx.types.enumerate_type.as_object().call((parts.remove(0), n(0)), self.vm),
            VirtualKind::Zip => ctx.types.zip_type.as_object().call(parts, self.vm),
        })
    }

    /// A new instance of a plain class, whose dict nothing but the recipe fills.
    fn instance(&self, number: u32, class: ObjId, fields: &[(ObjId, Recipe)]) -> PyObjectRef {
        let class = self.driver.object(class).downcast_ref::<PyType>();
        let made = class.and_then(|c| Some(c.slots.alloc.load()?(c.to_owned(), 0, self.vm)));
        let instance = self.must(made.unwrap_or_else(|| Err(self.vm.new_system_error("no class"))));
        debug_assert_eq!(self.instances.borrow().len(), number as usize);
        self.instances.borrow_mut().push(instance.clone());
        for (name, field) in fields {
            let value = self.object(field);
            if let Some(name) = self.driver.object(*name).downcast_ref::<PyStr>() {
                // A plain class: the value goes into a slot or the new dict.
                let _ = instance.set_attr(name, value, self.vm);
            }
        }
        instance
    }

    /// What is made of parts that compiled code has checked can't fail to be made, but for memory.
    fn must(&self, made: PyResult) -> PyObjectRef {
        made.unwrap_or_else(|_| {
            debug_assert!(false, "a recipe failed");
            self.vm.ctx.none()
        })
    }

    fn range(&self, start: i64, stop: i64, step: i64) -> PyRef<PyRange> {
        let ctx = &self.vm.ctx;
        PyRange { start: ctx.new_int(start), stop: ctx.new_int(stop), step: ctx.new_int(step) }.into_ref(ctx)
    }

    fn range_iter(&self, start: i64, len: i64, step: i64) -> PyResult {
        let stop = if len <= 0 {
            start
        } else {
            // One past the last item: it may not fit where the next one would have been.
            let last = start.wrapping_add(step.wrapping_mul(len - 1));
            last.saturating_add(step.signum())
        };
        Ok(self.range(start, stop, step).as_object().get_iter(self.vm)?.into())
    }

    /// `reversed` of a list or tuple, with `left` items to come.
    fn reverse_iter(&self, kind: SeqKind, seq: PyObjectRef, left: i64) -> PyResult {
        let ctx = &self.vm.ctx;
        // The interpreter's iterator lets its sequence go with the last item.
        let seq = match kind {
            _ if left > 0 => seq,
            SeqKind::List => ctx.new_list(Vec::new()).into(),
            _ => ctx.empty_tuple.clone().into(),
        };
        let iter = rustpython_vm::stdlib::builtins::reversed(seq, self.vm)?;
        if left > 0 {
            self.vm.call_method(&iter, "__setstate__", (left - 1,))?;
        }
        Ok(iter)
    }

    fn seq_iter(&self, kind: SeqKind, seq: PyObjectRef, index: i64) -> PyResult {
        let iter: PyObjectRef = seq.get_iter(self.vm)?.into();
        match (kind, layout::get()) {
            (SeqKind::List, Some(l)) => {
                let at = layout::address(&iter) + l.offset(Field::ListIterIndex) as usize;
                // SAFETY: a new list iterator, seen by nobody else; the field was probed.
                unsafe { (at as *mut usize).write(index.max(0) as usize) };
            }
            _ => {
                self.vm.call_method(&iter, "__setstate__", (index,))?;
            }
        }
        Ok(iter)
    }
}
