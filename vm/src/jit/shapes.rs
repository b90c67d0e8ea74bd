//! Shapes: the stamps by which compiled code knows the keys of a dict.
//!
//! The interpreter gives a dict a stamp when one of its inline caches needs it and takes it away
//! when a key comes or goes. Here a dict gets one when compiled code needs it, and it is the
//! interpreter's, so that all dicts with the same keys have the same.

use crate::object::{layout, views};
use rustpython_vm::builtins::{PyDict, PyStr, PyStrInterned, PyType};
use rustpython_vm::{AsObject, Py, PyObject, VirtualMachine};
use std::cell::RefCell;
use std::collections::HashMap;

/// The usual keys of a class's instances.
#[derive(Clone, Debug)]
pub struct Usual {
    pub stamp: u32,
    keys: Vec<usize>,
}

impl Usual {
    /// The entry of a key.
    pub fn index_of(&self, name: &'static PyStrInterned) -> Option<u32> {
        let addr = (name as *const PyStrInterned).cast::<PyObject>() as usize;
        self.keys.iter().position(|k| *k == addr).map(|i| i as u32)
    }
}

/// What the shape of an instance is to those that were known of its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    Known,
    /// The keys were known, and the dict had no stamp.
    Unstamped,
    New,
}

/// Surprises until the shapes of a class are taken for varying; an instance with other keys is worth several without a stamp.
const ENOUGH: u32 = 64;
const NEW_KEYS: u32 = 8;

/// How often code has left because a dict had not the shape that was expected, and since when it is not expected any more.
#[derive(Default)]
struct Surprises {
    count: u32,
    since: Option<u64>,
}

/// What is known of shapes.
#[derive(Default)]
pub struct Shapes {
    /// By address of the class, or of the dict of variables.
    surprises: RefCell<HashMap<usize, Surprises>>,
    /// By address of the class (which the registry of objects keeps alive).
    usual: RefCell<HashMap<usize, Vec<Usual>>>,
}

impl Shapes {
    /// The addresses of the interned keys in entry order; `None` where an entry was deleted, or a key is not a plain
    /// str. The dict itself may hold keys that are equal and not interned: native code makes such.
    fn keys(&self, dict: &Py<PyDict>, vm: &VirtualMachine) -> Option<Vec<usize>> {
        let interned = |index| {
            // SAFETY: nothing changes the dict: there is one Python thread, and it is here.
            let key = unsafe { layout::object_at(views::dict_entry(dict.as_object(), index)?.0) };
            let key = key.downcast_ref::<PyStr>().filter(|k| k.class().is(vm.ctx.types.str_type))?;
            let interned: *const PyStrInterned = vm.ctx.intern_str(key.as_wtf8());
            Some(interned as usize)
        };
        // SAFETY: as above.
        (0..unsafe { views::dict_entries(dict.as_object()) }).map(interned).collect()
    }

    /// The entry of a key.
    pub fn entry_index(&self, dict: &Py<PyDict>, name: &Py<PyStr>) -> Option<u32> {
        // SAFETY: as in `keys`.
        let n = unsafe { views::dict_entries(dict.as_object()) };
        (0..n).find_map(|index| {
            // SAFETY: as in `keys`.
            let key = unsafe { layout::object_at(views::dict_entry(dict.as_object(), index)?.0) };
            let same =
                std::ptr::eq(key, name.as_object()) || key.downcast_ref::<PyStr>().is_some_and(|k| k.as_wtf8() == name.as_wtf8());
            same.then_some(index as u32)
        })
    }

    /// The stamp of an exact dict, given one if it has none.
    pub fn stamp(&self, dict: &Py<PyDict>, vm: &VirtualMachine) -> Option<u32> {
        crate::runtime::dict_stamp(vm, dict)
    }

    /// Counts an exit because of the dict of an instance of a class, or of a dict of variables. `now` counts compilations. Since when
    /// the shapes there are known to vary.
    pub fn surprised(&self, of: &PyObject, met: Met, now: u64) -> Option<u64> {
        let mut all = self.surprises.borrow_mut();
        let surprises = all.entry(layout::address(of)).or_default();
        surprises.count += if met == Met::Unstamped { 1 } else { NEW_KEYS };
        if surprises.count >= ENOUGH && surprises.since.is_none() {
            surprises.since = Some(now);
        }
        surprises.since
    }

    /// Whether the shapes of a class's instances, or the keys of a dict of variables, are known to vary.
    pub fn vary(&self, of: &PyObject) -> bool {
        self.surprises.borrow().get(&layout::address(of)).is_some_and(|s| s.since.is_some())
    }

    /// Takes an instance as typical of its class.
    pub fn sample(&self, obj: &PyObject, vm: &VirtualMachine) -> Met {
        let Some(dict) = obj.dict() else { return Met::Known };
        if !dict.class().is(vm.ctx.types.dict_type) {
            return Met::Known;
        }
        // SAFETY: as in `keys`.
        let before = unsafe { views::dict_stamp(dict.as_object()) };
        let (Some(keys), Some(stamp)) = (self.keys(&dict, vm), self.stamp(&dict, vm)) else { return Met::New };
        let class = obj.class() as *const Py<PyType> as usize;
        let mut usual = self.usual.borrow_mut();
        let shapes = usual.entry(class).or_default();
        // The latest first; a class with many shapes keeps the last ones.
        let known = shapes.len();
        shapes.retain(|u| u.stamp != stamp);
        let known = shapes.len() < known;
        shapes.insert(0, Usual { stamp, keys });
        shapes.truncate(12);
        match known {
            true if before == 0 => Met::Unstamped,
            true => Met::Known,
            false => Met::New,
        }
    }

    /// Takes an instance as typical of its class if none is known yet. One without attributes is in the making.
    pub fn meet(&self, obj: &PyObject, vm: &VirtualMachine) {
        let class = obj.class() as *const Py<PyType> as usize;
        if !self.usual.borrow().contains_key(&class) && obj.dict().is_some_and(|d| d.__len__() > 0) {
            self.sample(obj, vm);
        }
    }

    /// Addresses of the classes of which instances have been looked at.
    pub fn sampled(&self) -> Vec<usize> {
        self.usual.borrow().keys().copied().collect()
    }

    /// Takes a dict as typical of a class's instances of which none is known yet.
    pub fn expect(&self, class: &Py<PyType>, dict: &Py<PyDict>, vm: &VirtualMachine) {
        let (Some(keys), Some(stamp)) = (self.keys(dict, vm), self.stamp(dict, vm)) else { return };
        let mut usual = self.usual.borrow_mut();
        let shapes = usual.entry(class as *const Py<PyType> as usize).or_default();
        if shapes.len() < 12 && !shapes.iter().any(|u| u.stamp == stamp) {
            shapes.push(Usual { stamp, keys });
        }
    }

    /// The usual shapes of a class's instances, the latest first.
    pub fn usual(&self, class: &Py<PyType>) -> Vec<Usual> {
        self.usual.borrow().get(&(class as *const Py<PyType> as usize)).cloned().unwrap_or_default()
    }
}
