//! Live objects that the compilation going on may look at: the frame's, and what is reached from them.

use psycore_jit::oracle::Sample;
use rustpython_vm::{PyObject, PyObjectRef};
use std::cell::RefCell;

#[derive(Default)]
pub struct LiveSamples {
    objects: RefCell<Vec<PyObjectRef>>,
    /// Those of the live frame's locals, or of a version's arguments.
    locals: RefCell<Vec<Option<Sample>>>,
}

impl LiveSamples {
    /// Lets the specializer look at an object until this compilation ends.
    pub fn take(&self, obj: &PyObject) -> Sample {
        let mut objects = self.objects.borrow_mut();
        objects.push(obj.to_owned());
        Sample(objects.len() as u32 - 1)
    }

    pub fn get(&self, sample: Sample) -> &PyObject {
        let at: *const PyObject = &raw const *self.objects.borrow()[sample.0 as usize];
        // SAFETY: the list holds a reference until the compilation ends, and samples are asked about
        // only while it goes on.
        unsafe { &*at }
    }

    pub fn local(&self, i: usize) -> Option<Sample> {
        self.locals.borrow().get(i).copied().flatten()
    }

    /// Sets the samples of the locals; gives those before.
    pub fn replace_locals(&self, locals: Vec<Option<Sample>>) -> Vec<Option<Sample>> {
        self.locals.replace(locals)
    }

    /// The compilation has ended.
    pub fn clear(&self) {
        self.locals.borrow_mut().clear();
        // Dropped when nothing is borrowed any more: that may run Python.
        drop(self.objects.take());
    }
}
