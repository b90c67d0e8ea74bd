//! Live objects that what is compiled will meet the like of.

use crate::jit::state::Jit;
use psycore_jit::ir::ObjId;
use psycore_jit::oracle::{Sample, SampleOracle, Seen};
use rustpython_vm::builtins::{PyDict, PyList, PyStr, PyTuple};
use rustpython_vm::object::Traverse;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

impl SampleOracle for Jit {
    fn cell_sample(&self, cell: ObjId) -> Option<Sample> {
        self.cell_content(self.object(cell)).map(|v| self.take_sample(&v))
    }

    fn sample_cell(&self, sample: Sample) -> (Option<ObjId>, Option<Sample>) {
        match self.cell_content(self.sampled(sample)) {
            Some(v) => (self.lasting(&v), Some(self.take_sample(&v))),
            None => (None, None),
        }
    }

    fn sample_method(&self, sample: Sample) -> Option<ObjId> {
        let vm = self.vm();
        let method = self.sampled(sample);
        if !method.class().is(vm.ctx.types.bound_method_type) {
            return None;
        }
        let f = method.get_attr("__func__", vm).ok()?;
        f.class().is(vm.ctx.types.function_type).then(|| self.id_of(&f))
    }

    fn local_sample(&self, i: usize) -> Option<Sample> {
        self.samples.local(i)
    }

    fn sample_type(&self, sample: Sample) -> Seen {
        self.seen(self.sampled(sample))
    }

    fn sample_attr(&self, sample: Sample, name: ObjId) -> Option<Sample> {
        let obj = self.sampled(sample);
        self.shapes.sample(obj, self.vm());
        let dict = obj.dict()?;
        let (_, value) = self.entry_of(&dict, name)?;
        Some(self.take_sample(&value))
    }

    fn sample_item(&self, sample: Sample) -> Option<Sample> {
        let obj = self.sampled(sample);
        if let Some(l) = obj.downcast_ref_if_exact::<PyList>(self.vm()) {
            let items = l.borrow_vec();
            return items.first().map(|o| self.take_sample(o));
        }
        let t = obj.downcast_ref_if_exact::<PyTuple>(self.vm())?;
        t.as_slice().first().map(|o| self.take_sample(o))
    }

    fn sample_items(&self, sample: Sample, most: usize) -> Option<Vec<Sample>> {
        let take = |items: &[PyObjectRef]| (items.len() <= most).then(|| items.iter().map(|o| self.take_sample(o)).collect());
        let obj = self.sampled(sample);
        if let Some(l) = obj.downcast_ref_if_exact::<PyList>(self.vm()) {
            return take(&l.borrow_vec());
        }
        take(obj.downcast_ref_if_exact::<PyTuple>(self.vm())?.as_slice())
    }

    fn sample_entry(&self, sample: Sample) -> Option<(Sample, Sample)> {
        let dict = self.sampled(sample).downcast_ref_if_exact::<PyDict>(self.vm())?;
        let (_, key, value) = dict.next_entry(0)?;
        Some((self.take_sample(&key), self.take_sample(&value)))
    }

    fn sample_strs(&self) -> Option<Sample> {
        let vm = self.vm();
        Some(self.take_sample(vm.ctx.new_list(vec![vm.ctx.empty_str.to_owned().into()]).as_object()))
    }
}

impl Jit {
    /// Lets the specializer look at a live object until this compilation ends.
    pub fn take_sample(&self, obj: &PyObject) -> Sample {
        // The first instance of its class that anybody looks at.
        self.shapes.meet(obj, self.vm());
        self.samples.take(obj)
    }

    pub fn sampled(&self, sample: Sample) -> &PyObject {
        self.samples.get(sample)
    }
}

/// Whether compiled code can take an iterator apart that it finds on the stack.
pub fn divides(vm: &VirtualMachine, obj: &PyObject) -> bool {
    let t = &vm.ctx.types;
    let (of_list, of_str) = (obj.class().is(t.list_iterator_type), obj.class().is(t.str_iterator_type));
    if !of_list && !of_str {
        return true;
    }
    let mut plain = false;
    obj.traverse(&mut |seq| {
        plain |= if of_list {
            seq.class().is(t.list_type)
        } else {
            seq.downcast_ref_if_exact::<PyStr>(vm).is_some_and(|s| s.isascii())
        };
    });
    plain
}

/// Whether an object is an iterator over a dict, a tuple or (backwards) a list, not at its end.
pub fn walks(vm: &VirtualMachine, obj: &PyObject) -> bool {
    let t = &vm.ctx.types;
    let class = obj.class();
    if [t.dict_itemiterator_type, t.dict_keyiterator_type, t.dict_valueiterator_type].iter().any(|c| class.is(*c)) {
        return true;
    }
    let over = if class.is(t.list_reverseiterator_type) {
        t.list_type
    } else if class.is(t.tuple_iterator_type) || class.is(t.reverse_iter_type) {
        t.tuple_type
    } else {
        return false;
    };
    let mut plain = false;
    obj.traverse(&mut |seq| plain |= seq.class().is(over));
    plain
}
