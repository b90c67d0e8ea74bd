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

/// An iterator that has given `n` items.
fn advanced(vm: &VirtualMachine, of: &PyObject, n: usize) -> Result<PyObjectRef, Fail> {
    let iter: PyObjectRef = of.get_iter(vm).map_err(|_| fail("an iterator"))?.into();
    for _ in 0..n {
        vm.call_method(&iter, "__next__", ()).map_err(|_| fail("an iterator"))?;
    }
    Ok(iter)
}

pub(super) fn sequence_iterators(vm: &VirtualMachine, found: &mut Found, round: usize) -> Result<(), Fail> {
    let ctx = &vm.ctx;
    let n = 2 + round;
    let list: PyObjectRef = ctx.new_list(vec![ctx.none(); 10]).into();
    let iter = advanced(vm, &list, n)?;
    // Lock, list, position: three words.
    found.narrow(Field::ListIterList, &find_word(&iter, 3, address(&list)));
    found.narrow(Field::ListIterIndex, &find_word(&iter, 3, n));
    found.kept.extend([list, iter]);
    let text: PyObjectRef = ctx.new_str("\u{e9}".repeat(10)).into();
    let iter = advanced(vm, &text, n)?;
    // Lock, str, position in characters, position in bytes: four words.
    found.narrow(Field::StrIterStr, &find_word(&iter, 4, address(&text)));
    found.narrow(Field::StrIterIndex, &find_word(&iter, 4, n));
    found.kept.extend([text, iter]);
    let (start, step, len) = (1000 + round, 17 + round, 144 + round);
    let range = vm.builtins.get_attr("range", vm).and_then(|r| r.call((start, start + step * len, step), vm));
    let range = range.map_err(|_| fail("range_iter"))?;
    let iter = advanced(vm, &range, n)?;
    found.narrow(Field::RangeIterIndex, &find_word(&iter, 4, n));
    found.narrow(Field::RangeIterStart, &find_word(&iter, 4, start));
    found.narrow(Field::RangeIterStep, &find_word(&iter, 4, step));
    found.narrow(Field::RangeIterLen, &find_word(&iter, 4, len));
    found.kept.push(iter);

    for (field, offset) in [
        (Field::RangeStart, offset_of!(PyRange, start)),
        (Field::RangeStop, offset_of!(PyRange, stop)),
        (Field::RangeStep, offset_of!(PyRange, step)),
    ] {
        found.set(field, payload_offset::<PyRange>() + offset);
    }
    Ok(())
}

pub(super) fn dict_iterators(vm: &VirtualMachine, found: &mut Found, round: usize) -> Result<(), Fail> {
    let n = 3 + round;
    for view in ["keys", "values", "items"] {
        let dict = vm.ctx.new_dict();
        for i in 0..11 {
            let key = vm.ctx.new_str(format!("iterated {i}"));
            dict.set_item(&*key, vm.ctx.none(), vm).map_err(|_| fail("dict_iter"))?;
        }
        let dict: PyObjectRef = dict.into();
        let view = vm.call_method(&dict, view, ()).map_err(|_| fail("dict_iter"))?;
        let iter = advanced(vm, &view, n)?;
        // The size of the dict (four words), whether it changed, lock, dict, position.
        found.narrow(Field::DictIterDict, &find_word(&iter, DICT_ITER_WORDS, address(&dict)));
        found.narrow(Field::DictIterPosition, &find_word(&iter, DICT_ITER_WORDS, n));
        found.kept.extend([dict, iter]);
    }
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
