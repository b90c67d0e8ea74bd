//! The objects that compiled code names: [`ObjId`] <-> object, kept alive while registered.
//!
//! Interned by address, so that the same object has one number and units can be compared. It is not a
//! cache of anything computed from objects.

use crate::object::layout;
use psycore_jit::ir::ObjId;
use rustpython_vm::{PyObject, PyObjectRef};
use std::cell::RefCell;
use std::collections::HashMap;

#[derive(Default)]
struct ObjectTable {
    objects: Vec<PyObjectRef>,
    by_address: HashMap<usize, ObjId>,
}

/// The registry of one VM. Only the thread that runs compiled code uses it.
#[derive(Default)]
pub struct Objects {
    table: RefCell<ObjectTable>,
}

impl Objects {
    /// The number of an object; registers it (and keeps it alive) if it has none.
    pub fn id_of(&self, obj: &PyObject) -> ObjId {
        let mut table = self.table.borrow_mut();
        let table = &mut *table;
        *table.by_address.entry(layout::address(obj)).or_insert_with(|| {
            table.objects.push(obj.to_owned());
            ObjId(table.objects.len() as u32 - 1)
        })
    }

    /// The address of a registered object.
    pub fn address(&self, id: ObjId) -> usize {
        layout::address(&self.table.borrow().objects[id.index()])
    }

    /// The addresses of all, by number.
    pub fn addresses(&self) -> Vec<usize> {
        self.table.borrow().objects.iter().map(|o| layout::address(o)).collect()
    }

    /// A registered object. It lives at least as long as the registry.
    pub fn get(&self, id: ObjId) -> &PyObject {
        let address = self.address(id);
        // SAFETY: the table holds a reference until it is dropped, which `&self` outlives; entries
        // are never removed.
        unsafe { layout::object_at(address) }
    }

    /// How many objects are registered.
    pub fn len(&self) -> usize {
        self.table.borrow().objects.len()
    }
}
