//! Iterators of lists, strs, ranges and dicts.

use super::dict::{self, HashTable};
use super::{Fail, Found, fail, find_word, words};
use crate::object::layout::{self, WORD, address, word};
use psycore_jit::ir::Field;
use rustpython_vm::builtins::{PyDict, PyRange};
use rustpython_vm::object::{SIZEOF_PYOBJECT_HEAD, payload_offset};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};
use std::mem::offset_of;
use std::sync::OnceLock;

/// Words of an iterator over a dict or one of its views.
const DICT_ITER_WORDS: usize = 8;

fn next(vm: &VirtualMachine, iter: &PyObject) -> Result<PyObjectRef, Fail> {
    vm.call_method(iter, "__next__", ()).map_err(|_| fail("an iterator"))
}

pub(super) fn sequence_iterators(vm: &VirtualMachine, found: &mut Found) -> Result<(), Fail> {
    let ctx = &vm.ctx;
    let list_ref: PyObjectRef = ctx.new_list((0..3).map(|_| ctx.none()).collect()).into();
    let iter = list_ref.get_iter(vm).map_err(|_| fail("list_iter"))?;
    let iter: PyObjectRef = iter.into();
    next(vm, &iter)?;
    next(vm, &iter)?;
    // Lock, list, position: three words.
    found.set(Field::ListIterList, find_word(address(&iter), 3, address(&list_ref), "list_iter.list")?);
    found.set(Field::ListIterIndex, find_word(address(&iter), 3, 2, "list_iter.index")?);
    let text: PyObjectRef = ctx.new_str("\u{e9}\u{e9}\u{e9}\u{e9}").into();
    let iter: PyObjectRef = text.get_iter(vm).map_err(|_| fail("str_iter"))?.into();
    next(vm, &iter)?;
    next(vm, &iter)?;
    // Lock, str, position in characters, position in bytes: four words.
    found.set(Field::StrIterStr, find_word(address(&iter), 4, address(&text), "str_iter.str")?);
    found.set(Field::StrIterIndex, find_word(address(&iter), 4, 2, "str_iter.index")?);
    let range = vm.builtins.get_attr("range", vm).and_then(|r| r.call((1000, 2003, 7), vm)).map_err(|_| fail("range_iter"))?;
    let iter: PyObjectRef = range.get_iter(vm).map_err(|_| fail("range_iter"))?.into();
    next(vm, &iter)?;
    next(vm, &iter)?;
    let at = address(&iter);
    found.set(Field::RangeIterIndex, find_word(at, 4, 2, "range_iter.index")?);
    found.set(Field::RangeIterStart, find_word(at, 4, 1000, "range_iter.start")?);
    found.set(Field::RangeIterStep, find_word(at, 4, 7, "range_iter.step")?);
    found.set(Field::RangeIterLen, find_word(at, 4, 144, "range_iter.len")?);

    for (field, offset) in [
        (Field::RangeStart, offset_of!(PyRange, start)),
        (Field::RangeStop, offset_of!(PyRange, stop)),
        (Field::RangeStep, offset_of!(PyRange, step)),
    ] {
        found.set(field, payload_offset::<PyRange>() + offset);
    }
    Ok(())
}

pub(super) fn dict_iterators(vm: &VirtualMachine, found: &mut Found) -> Result<(), Fail> {
    let ctx = &vm.ctx;
    let none = ctx.none();
    let dict = ctx.new_dict();
    for i in 0..9 {
        dict.set_item(&*ctx.new_str(format!("iterated {i}")), none.clone(), vm).map_err(|_| fail("dict_iter"))?;
    }
    let dict_ref: PyObjectRef = dict.into();
    let mut places = Vec::new();
    for view in ["keys", "values", "items"] {
        let iter = vm.call_method(&dict_ref, view, ()).and_then(|view| view.get_iter(vm)).map_err(|_| fail("dict_iter"))?;
        let iter: PyObjectRef = iter.into();
        for _ in 0..3 {
            next(vm, &iter)?;
        }
        // The size of the dict (four words), whether it changed, lock, dict, position.
        let dict = find_word(address(&iter), DICT_ITER_WORDS, address(&dict_ref), "dict_iter.dict")?;
        places.push((dict, find_word(address(&iter), DICT_ITER_WORDS, 3, "dict_iter.position")?));
    }
    if places[0] != places[1] || places[0] != places[2] {
        return Err(fail("dict_iter"));
    }
    found.set(Field::DictIterDict, places[0].0);
    found.set(Field::DictIterPosition, places[0].1);
    Ok(())
}

/// Offsets of the numbers that say whether a dict has changed: of its index slots, entries, keys, and slots in use. In the
/// iterator, which remembers them, and in the dict.
#[derive(Clone, Copy, Debug)]
pub struct IterSizes {
    pub iter: [usize; 4],
    pub dict: [usize; 4],
    pub table: HashTable,
    pub iter_dict: usize,
    /// Not zero in entries that were not deleted.
    pub mark: usize,
    pub iter_position: usize,
}

/// Where they are; `None` where they can't be found.
pub fn sizes(vm: &VirtualMachine) -> Option<&'static IterSizes> {
    static SIZES: OnceLock<Option<IterSizes>> = OnceLock::new();
    SIZES.get_or_init(|| find_sizes(vm)).as_ref()
}

/// Finds the numbers by making dicts in which they are different.
fn find_sizes(vm: &VirtualMachine) -> Option<IterSizes> {
    let layout = layout::get()?;
    let table = dict::tables(vm)?.dict;
    let at = |f: Field| layout.offset(f) as usize;
    let mut found: Option<([usize; 4], usize)> = None;
    for n in [20usize, 25] {
        let dict = vm.ctx.new_dict();
        for i in 0..n {
            dict.set_item(&*vm.ctx.new_str(format!("sized {i}")), vm.ctx.none(), vm).ok()?;
        }
        // One entry less, and one deleted.
        vm.call_method(dict.as_object(), "popitem", ()).ok()?;
        dict.del_item("sized 5", vm).ok()?;
        let dict: PyObjectRef = dict.into();
        let iter: PyObjectRef = dict.get_iter(vm).ok()?.into();
        let (d, i) = (address(&dict), address(&iter));
        // SAFETY: within the payloads of live objects.
        let (slots, entries, used) =
            unsafe { (word(d, table.index_count), word(d, at(Field::DictFilled)), word(d, at(Field::DictUsed))) };
        if (entries, used) != (n - 1, n - 2) || slots <= n {
            return None;
        }
        let only = |object: usize, words: usize, value: usize, not: &[usize]| -> Option<usize> {
            let hits: Vec<usize> = (0..words)
                .map(|i| SIZEOF_PYOBJECT_HEAD + i * WORD)
                // SAFETY: as above.
                .filter(|&o| unsafe { word(object, o) } == value && !not.contains(&o))
                .collect();
            match hits[..] {
                [one] => Some(one),
                _ => None,
            }
        };
        let iter = [slots, entries, used, n].map(|value| only(i, DICT_ITER_WORDS, value, &[]));
        let iter = [iter[0]?, iter[1]?, iter[2]?, iter[3]?];
        let dict_words = words::<PyDict>();
        let filled = only(d, dict_words, n, &[table.index_count, at(Field::DictFilled), at(Field::DictUsed)])?;
        if found.replace((iter, filled)).is_some_and(|before| before != (iter, filled)) {
            return None;
        }
    }
    let (iter, filled) = found?;
    Some(IterSizes {
        iter,
        dict: [table.index_count, at(Field::DictFilled), at(Field::DictUsed), filled],
        table,
        iter_dict: at(Field::DictIterDict),
        mark: layout.dict_entry_mark as usize,
        iter_position: at(Field::DictIterPosition),
    })
}
