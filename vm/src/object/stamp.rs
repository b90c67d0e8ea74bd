//! Stamps of dict shapes: giving a dict the stamp that every dict with the same keys in the
//! same order has.
//!
//! The interpreter stamps a dict when it specializes a load of a global from it, and keeps the
//! function that does so to itself. So the first dict of a shape is stamped by running such a
//! load; the others get the stamp written, after their keys have been compared.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::object::{layout, views};
use psycore_jit::ir::Field;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyDict};
use rustpython_vm::function::ArgMapping;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, Py, PyResult, VirtualMachine, py_compile};

/// What becomes of an exception that a signal's handler raised while the interpreter was made to stamp.
pub type PassOn = fn(&VirtualMachine, PyBaseExceptionRef);

/// Shapes have no more keys than this in the interpreter either.
const MAX_KEYS: usize = 32;
const RECENT_SHAPES: usize = 32;
/// The file name of the code that makes the interpreter stamp.
pub const FILE: &str = "<shape>";

thread_local! {
    /// Stamps by the addresses of the keys, which are immortal.
    static STAMPS: RefCell<HashMap<Box<[usize]>, u32>> = RefCell::new(HashMap::new());
    /// Keys met lately, and their stamps, at places that the keys give.
    static RECENT: RefCell<[Option<(Box<[usize]>, u32)>; RECENT_SHAPES]> = const { RefCell::new([const { None }; RECENT_SHAPES]) };
    /// Set while a load runs: were it compiled, the compiler would ask for stamps again.
    static STAMPING: Cell<bool> = const { Cell::new(false) };
}

/// Makes the interpreter stamp a dict. False if it does not.
fn stamp(vm: &VirtualMachine, dict: &Py<PyDict>, pass_on: PassOn) -> bool {
    if STAMPING.replace(true) {
        return true;
    }
    let result = load_from(vm, dict);
    STAMPING.set(false);
    match result {
        Ok(()) => true,
        Err(e) => {
            pass_on(vm, e);
            false
        }
    }
}

/// Loads a global from a dict until the interpreter specializes the load.
fn load_from(vm: &VirtualMachine, dict: &Py<PyDict>) -> PyResult<()> {
    // More often than it takes the interpreter to specialize the load. Only the function looks at the dict; its own name
    // goes elsewhere.
    let loads = py_compile!(source = "load = lambda: len\nfor _ in range(16): load()", mode = "exec", module_name = "<shape>",);
    // A fresh code object each time: one that is specialized already would not stamp again. It is
    // run as it is, without the hooks by which it could itself become hot.
    let code = PyCode::new_ref_from_frozen(vm, loads);
    let names = ArgMapping::from_dict_exact(vm.ctx.new_dict());
    vm.run_code_obj(code, Scope::new(Some(names), dict.to_owned())).map(drop)
}

/// The stamp of a dict, in the place where the layout has it; none where the layout is unknown.
fn place(dict: &Py<PyDict>) -> Option<&AtomicU32> {
    Some(word(dict, layout::get()?.offset(Field::DictStamp) as usize))
}

/// The 32-bit word of a dict at a byte offset.
fn word(dict: &Py<PyDict>, offset: usize) -> &AtomicU32 {
    // SAFETY: the offset is a multiple of four and within the object.
    unsafe { AtomicU32::from_ptr(dict.as_object().as_raw().cast_mut().byte_add(offset).cast()) }
}

/// The keys of a dict without deleted entries, all of which live for ever.
fn keys(dict: &Py<PyDict>) -> Option<Box<[usize]>> {
    let n = dict.__len__();
    if n > MAX_KEYS {
        return None;
    }
    let mut keys = Vec::with_capacity(n);
    for i in 0..n {
        let (next, key, _) = dict.next_entry(i)?;
        if next != i + 1 || !key.is_immortal() {
            return None;
        }
        keys.push(key.as_object().as_raw().addr());
    }
    Some(keys.into())
}

/// The place of a dict's keys among the recent ones.
fn recent_place(dict: &Py<PyDict>) -> usize {
    // SAFETY: nothing changes the dict: there is one Python thread, and it is here.
    let (n, first) = unsafe { (views::dict_entries(dict.as_object()), views::dict_entry(dict.as_object(), 0)) };
    (first.map_or(0, |(key, _)| key >> 4) ^ n) % RECENT_SHAPES
}

/// Whether a dict has these keys, in this order, and none were deleted.
fn has_keys(dict: &Py<PyDict>, keys: &[usize]) -> bool {
    let dict = dict.as_object();
    // SAFETY: as above.
    let is = |(i, key): (usize, &usize)| unsafe { views::dict_entry(dict, i).is_some_and(|(found, _)| found == *key) };
    // SAFETY: as above.
    unsafe { views::dict_entries(dict) == keys.len() && keys.iter().enumerate().all(is) }
}

/// The stamp of an exact dict's keys, given one of its own if no other dict can share it. Slower than
/// `shape`: for compilers, not for compiled code.
pub fn stamped(vm: &VirtualMachine, dict: &Py<PyDict>, pass_on: PassOn) -> Option<u32> {
    if let Some(shared) = shape(vm, dict, pass_on) {
        return Some(shared);
    }
    if !stamp(vm, dict, pass_on) {
        return None;
    }
    Some(place(dict)?.load(Ordering::Acquire)).filter(|s| *s != 0)
}

/// The stamp of an exact dict's keys, given one if it has none and dicts with the same keys share it.
pub fn shape(vm: &VirtualMachine, dict: &Py<PyDict>, pass_on: PassOn) -> Option<u32> {
    let place = place(dict)?;
    let current = place.load(Ordering::Acquire);
    if current != 0 {
        return Some(current);
    }
    let recent = recent_place(dict);
    if let Some(known) =
        RECENT.with_borrow(|all| all[recent].as_ref().filter(|(keys, _)| has_keys(dict, keys)).map(|(_, stamp)| *stamp))
    {
        place.store(known, Ordering::Release);
        return Some(known);
    }
    let keys = keys(dict)?;
    if let Some(known) = STAMPS.with_borrow(|s| s.get(&keys).copied()) {
        place.store(known, Ordering::Release);
        RECENT.with_borrow_mut(|all| all[recent] = Some((keys, known)));
        return Some(known);
    }
    if !stamp(vm, dict, pass_on) {
        return None;
    }
    let fresh = place.load(Ordering::Acquire);
    if fresh != 0 {
        STAMPS.with_borrow_mut(|s| s.insert(keys, fresh));
    }
    Some(fresh).filter(|s| *s != 0)
}
