//! Lists and tuples.

use super::{Fail, Found, address_of_ref, fail, find_in, words};
use crate::object::layout::{self, WORD, address, half, word};
use psycore_jit::ir::Field;
use rustpython_vm::builtins::{PyList, PyTuple};
use rustpython_vm::object::payload_offset;
use rustpython_vm::{AsObject, PyObjectRef, VirtualMachine};
use std::sync::OnceLock;

pub(super) fn list(vm: &VirtualMachine, found: &mut Found, round: usize) -> Result<(), Fail> {
    let list = vm.ctx.new_list(vec![vm.ctx.none(); 3 + round]);
    let (ptr, len, cap) = {
        let mut v = list.borrow_vec_mut();
        v.reserve(20);
        (v.as_ptr() as usize, v.len(), v.capacity())
    };
    let at = address_of_ref(&list);
    let n = words::<PyList>();
    found.narrow(Field::ListPtr, &find_in::<PyList>(list.as_object(), ptr));
    found.narrow(Field::ListLen, &find_in::<PyList>(list.as_object(), len));
    found.narrow(Field::ListCap, &find_in::<PyList>(list.as_object(), cap));
    let lock = {
        let before: Vec<usize> =
            // SAFETY: as above.
            (0..n).map(|i| unsafe { word(at, payload_offset::<PyList>() + i * WORD) }).collect();
        // Reading locks too, and unlike writing leaves the count of mutations alone.
        let guard = list.borrow_vec();
        let changed: Vec<usize> = (0..n)
            // SAFETY: as above.
            .filter(|&i| unsafe { word(at, payload_offset::<PyList>() + i * WORD) } != before[i])
            .collect();
        drop(guard);
        match changed[..] {
            [i] if before[i] == 0 => payload_offset::<PyList>() + i * WORD,
            _ => return Err(fail("list.lock")),
        }
    };
    found.set(Field::ListLock, lock);
    found.kept.push(list.into());
    Ok(())
}

pub(super) fn tuple(vm: &VirtualMachine, found: &mut Found, round: usize) {
    let tuple = vm.ctx.new_tuple(vec![vm.ctx.none(); 3 + round]);
    found.narrow(Field::TuplePtr, &find_in::<PyTuple>(tuple.as_object(), tuple.as_slice().as_ptr() as usize));
    found.narrow(Field::TupleLen, &find_in::<PyTuple>(tuple.as_object(), 3 + round));
    found.kept.push(tuple.into());
}

/// Offsets in a list that entry points change.
#[derive(Clone, Copy)]
pub struct ListPlaces {
    /// The vector of items.
    pub items: usize,
    pub lock: usize,
    /// The 32-bit count of changes.
    pub changes: usize,
}

/// Where they are; `None` where they can't be found.
pub fn places(vm: &VirtualMachine) -> Option<&'static ListPlaces> {
    static PLACES: OnceLock<Option<ListPlaces>> = OnceLock::new();
    PLACES.get_or_init(|| find_places(vm)).as_ref()
}

/// Finds what the layout does not have: the vector as a whole, and the word that counts how often a list was locked for
/// writing.
fn find_places(vm: &VirtualMachine) -> Option<ListPlaces> {
    let layout = layout::get()?;
    let field = |f: Field| layout.offset(f) as usize;
    let fields = [field(Field::ListPtr), field(Field::ListLen), field(Field::ListCap)];
    let items = *fields.iter().min()?;
    // Which of three adjacent words is which can't differ from one vector to the other.
    if fields.iter().any(|f| f - items >= size_of::<Vec<PyObjectRef>>()) {
        return None;
    }
    let l = vm.ctx.new_list(Vec::new());
    let at = address(l.as_object());
    let read = || -> Vec<u32> {
        // SAFETY: within a list's payload.
        (0..size_of::<PyList>() / 4).map(|i| unsafe { half(at, payload_offset::<PyList>() + 4 * i) }).collect()
    };
    let before = read();
    for _ in 0..3 {
        drop(l.borrow_vec_mut());
    }
    let after = read();
    let changed: Vec<usize> = (0..before.len()).filter(|&i| before[i] != after[i]).collect();
    let [i] = changed[..] else { return None };
    (after[i] == before[i].wrapping_add(3)).then(|| ListPlaces {
        items,
        lock: field(Field::ListLock),
        changes: payload_offset::<PyList>() + 4 * i,
    })
}
