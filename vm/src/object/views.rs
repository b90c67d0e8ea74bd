//! What builtin objects hold, read where it lies: entries of dicts, range iterators, functions, small ints.

use super::layout::{address, get, half, layout_now, object_at, word};
use psycore_jit::ir::Field;
use rustpython_vm::builtins::{PyCode, PyFunction, PyInt, PyTuple};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef};

/// The addresses of key and value of entry `index` of a dict; `None` for deleted entries and past the end.
///
/// # Safety
/// No other thread may run, and `dict` must be an exact dict.
pub unsafe fn dict_entry(dict: &PyObject, index: usize) -> Option<(usize, usize)> {
    let l = get()?;
    // SAFETY: offsets were probed; entries are read while nothing can write them.
    unsafe {
        let d = address(dict);
        if index >= word(d, l.offset(Field::DictFilled) as usize) {
            return None;
        }
        let entry = word(d, l.offset(Field::DictEntries) as usize) + index * l.dict_entry_stride as usize;
        let at = |offset: u32| word(entry, offset as usize);
        (at(l.dict_entry_mark) != 0).then(|| (at(l.dict_entry_key), at(l.dict_entry_value)))
    }
}

/// How many entries a dict has, deleted ones included.
///
/// # Safety
/// As [`dict_entry`].
pub unsafe fn dict_entries(dict: &PyObject) -> usize {
    // SAFETY: the offset was probed.
    get().map_or(0, |l| unsafe { word(address(dict), l.offset(Field::DictFilled) as usize) })
}

/// The stamp of a dict's keys; 0 when it has none.
///
/// # Safety
/// As [`dict_entry`].
pub unsafe fn dict_stamp(dict: &PyObject) -> u32 {
    // SAFETY: probed.
    get().map_or(0, |l| unsafe { half(address(dict), l.offset(Field::DictStamp) as usize) })
}

/// Start, step, index and length of the exact range iterator at an address.
///
/// # Safety
/// As [`dict_entry`].
pub unsafe fn range_iterator(address: usize) -> Option<[i64; 4]> {
    let l = get()?;
    let fields = [Field::RangeIterStart, Field::RangeIterStep, Field::RangeIterIndex, Field::RangeIterLen];
    // SAFETY: the offsets were probed.
    Some(fields.map(|field| unsafe { word(address, l.offset(field) as usize) } as isize as i64))
}

/// The value of an exact int that fits in 64 bits.
pub fn small_int(int: &Py<PyInt>) -> Option<i64> {
    i64::try_from(int.as_bigint()).ok()
}

/// The code that calls of a function run.
///
/// # Safety
/// The function must outlive its use.
pub unsafe fn function_code<'a>(func: &Py<PyFunction>) -> &'a Py<PyCode> {
    let at = address(func.as_object()) + layout_now().offset(Field::FuncCode) as usize;
    // SAFETY: probed; a function always has code.
    unsafe { &*(word(at, 0) as *const Py<PyCode>) }
}

/// The cells of a function's free variables.
///
/// # Safety
/// The function must be alive.
pub unsafe fn function_closure(func: &Py<PyFunction>) -> Vec<PyObjectRef> {
    let at = address(func.as_object()) + layout_now().offset(Field::FuncClosure) as usize;
    // SAFETY: probed; null, or a tuple.
    unsafe {
        match word(at, 0) {
            0 => Vec::new(),
            tuple => object_at(tuple).downcast_ref::<PyTuple>().map_or_else(Vec::new, |t| t.as_slice().to_vec()),
        }
    }
}
