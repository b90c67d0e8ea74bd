//! ClassTable by their version tags, and what new instances' dicts are copied from.

use psycore_jit::ir::ObjId;
use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, PyObject, VirtualMachine};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

#[derive(Default)]
pub struct ClassTable {
    /// Dicts that those of new instances are copied from, by their keys.
    templates: RefCell<HashMap<Vec<ObjId>, ObjId>>,
    versions: RefCell<HashMap<u32, Option<ObjId>>>,
}

impl ClassTable {
    /// The dict that those of new instances with such keys are copied from.
    pub fn template(&self, names: &[ObjId], make: impl FnOnce() -> ObjId) -> ObjId {
        *self.templates.borrow_mut().entry(names.to_vec()).or_insert_with(make)
    }

    /// The class that has a version tag, if it still has it.
    pub fn of_version(&self, version: u32, vm: &VirtualMachine, id_of: impl Fn(&PyObject) -> ObjId) -> Option<ObjId> {
        if version == 0 {
            return None;
        }
        if let Some(class) = self.versions.borrow().get(&version) {
            return *class;
        }
        // Not met yet: look through all classes there are.
        let mut todo = vec![vm.ctx.types.object_type.to_owned()];
        let mut seen = HashSet::new();
        let mut found = None;
        while let Some(cls) = todo.pop() {
            if cls.tp_version_tag().load(Ordering::Acquire) == version {
                found = Some(id_of(cls.as_object()));
                break;
            }
            let subclasses = cls.subclasses.read();
            let subclasses = subclasses.iter().filter_map(|weak| weak.upgrade()?.downcast::<PyType>().ok());
            todo.extend(subclasses.filter(|sub| seen.insert(&raw const **sub as usize)));
        }
        self.versions.borrow_mut().insert(version, found);
        found
    }
}
