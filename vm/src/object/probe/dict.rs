//! Dicts and the tables in them, which sets have, too.

use super::{Fail, Found, address_of_ref, fail, find_in, hash_of_str, words};
use crate::object::layout::{self, WORD, address, half, long, may_be_address, word};
use psycore_jit::ir::Field;
use rustpython_vm::builtins::{PyDict, PySet};
use rustpython_vm::object::payload_offset;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyPayload, VirtualMachine};
use std::sync::OnceLock;

/// Bytes from one entry to the next, and offsets in an entry.
pub(super) struct DictEntry {
    pub stride: usize,
    pub value: usize,
    pub key: usize,
    /// Not zero in entries that were not deleted.
    pub mark: usize,
}

/// The fields of dicts. An instance of `class` has a dict, to which the function `shape` gives a stamp.
pub(super) fn dict(vm: &VirtualMachine, found: &mut Found, shape: &PyObject, class: &PyObject) -> Result<DictEntry, Fail> {
    let ctx = &vm.ctx;
    let bad = |_| fail("dict");
    let dict = ctx.new_dict();
    let keys: Vec<PyObjectRef> = (0..5).map(|i| ctx.new_str(format!("probe key {i}")).into()).collect();
    let values: Vec<PyObjectRef> = (0..5).map(|i| ctx.new_int(500_000 + i).into()).collect();
    for (k, v) in keys.iter().zip(&values) {
        dict.set_item(&**k, v.clone(), vm).map_err(bad)?;
    }
    dict.del_item(&*keys[2], vm).map_err(bad)?;
    // Now: 4 used, 5 entry slots, one of them deleted; index table of at least 8.
    let at = address_of_ref(&dict);
    let n = words::<PyDict>();
    // SAFETY: as all reads by it, within the payload.
    let w = |i: usize| unsafe { word(at, payload_offset::<PyDict>() + i * WORD) };
    let mut entries = None;
    for i in 1..n - 1 {
        let p = w(i);
        // A vector is capacity, pointer, length. The words at the ends may hold padding.
        if !may_be_address(p) || w(i - 1) > 64 || w(i + 1) > 64 {
            continue;
        }
        // SAFETY: the only pointers of a dict are those of its two vectors, each of at least
        // 8 words here (8 indices; 5 entries of 4 words, or of 24 bytes where words have 4).
        let hit = |value: usize| (0..if WORD == 8 { 8 } else { 12 }).find(|&k| unsafe { word(p, k * WORD) } == value);
        if let (Some(k0), Some(v0), Some(k1)) = (hit(address(&keys[0])), hit(address(&values[0])), hit(address(&keys[1]))) {
            entries = Some((i, k0 * WORD, v0 * WORD, (k1 - k0) * WORD));
        }
    }
    let (ptr_word, key, value, stride) = entries.ok_or_else(|| fail("dict.entries"))?;
    // SAFETY: five entries.
    let part = |entry: usize, offset: usize| unsafe { word(w(ptr_word), entry * stride + offset) };
    if part(4, value) != address(&values[4]) {
        return Err(fail("dict.entries"));
    }
    // What says that an entry was deleted: key or value is null, by what the compiler makes of the size of a word. No other word
    // will do, though it may seem to: the index of an entry is zero where the hash of its key says so.
    let tells = |offset: &usize| (0..5).all(|entry| (part(entry, *offset) == 0) == (entry == 2));
    let mark = [key, value].into_iter().find(tells).ok_or_else(|| fail("dict.entries"))?;
    found.set(Field::DictEntries, payload_offset::<PyDict>() + ptr_word * WORD);
    // `used` is the only 4. Two words are 5: the vector's length and a count of index slots in use, which
    // counts deleted ones that were reused only once; a rebuild tells them apart, the length
    // of the vector being what grows with each insertion of a new key.
    found.narrow(Field::DictUsed, &find_in::<PyDict>(dict.as_object(), 4));
    let fives: Vec<usize> = (0..n).filter(|&i| w(i) == 5).collect();
    let filled = fives.iter().copied().find(|&i| i > ptr_word && i <= ptr_word + 1).ok_or_else(|| fail("dict.filled"))?;
    found.set(Field::DictFilled, payload_offset::<PyDict>() + filled * WORD);

    // The stamp: given by a method call that was specialized, gone after a new key.
    let inst = class.call((), vm).map_err(bad)?;
    shape.call((inst.clone(),), vm).map_err(bad)?;
    let d = inst.dict().ok_or_else(|| fail("dict.stamp"))?;
    let d_at = address_of_ref(&d);
    let halves = |at: usize| -> Vec<u32> {
        // SAFETY: within the payload.
        (0..n * WORD / 4).map(|i| unsafe { half(at, payload_offset::<PyDict>() + i * 4) }).collect()
    };
    let before = halves(d_at);
    let twin = class.call((), vm).map_err(bad)?;
    shape.call((twin.clone(),), vm).map_err(bad)?;
    let twin_dict = twin.dict().ok_or_else(|| fail("dict.stamp"))?;
    let same = halves(address_of_ref(&twin_dict));
    d.set_item("another", ctx.none(), vm).map_err(bad)?;
    let after = halves(d_at);
    let stamps: Vec<usize> = (0..n * WORD / 4)
        .filter(|&i| ![ptr_word, filled].contains(&(i * 4 / WORD)) && before[i] != 0 && before[i] == same[i] && after[i] == 0)
        .collect();
    let [stamp] = stamps[..] else { return Err(fail("dict.stamp")) };
    found.set(Field::DictStamp, payload_offset::<PyDict>() + stamp * 4);

    // The lock can't be held from here; it is the one word that is zero whatever the dict holds,
    // and it comes first, as it does in lists.
    let zero: Vec<usize> = (0..n).filter(|&i| w(i) == 0 && i != stamp * 4 / WORD).collect();
    let [lock] = zero[..] else { return Err(fail("dict.lock")) };
    if lock != 0 {
        return Err(fail("dict.lock"));
    }
    found.set(Field::DictLock, payload_offset::<PyDict>());
    Ok(DictEntry { stride, value, key, mark })
}

/// An index slot that never held an entry.
pub const FREE: i64 = -1;

/// Offsets of a table's parts from its address, and of an entry's from the entry's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HashTable {
    pub lock: usize,
    /// The index slots (`i64`, a power of two of them) and how many they are.
    pub indices: usize,
    pub index_count: usize,
    pub entries: usize,
    pub stride: usize,
    pub key: usize,
    pub hash: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TablePlaces {
    pub dict: HashTable,
    /// Of the table that a set's payload points to.
    pub set: Option<HashTable>,
    pub set_table: usize,
    pub str_hash: usize,
}

/// How tables lie; `None` where it can't be found.
#[inline(always)]
pub fn tables(vm: &VirtualMachine) -> Option<&'static TablePlaces> {
    static PLACES: OnceLock<Option<TablePlaces>> = OnceLock::new();
    PLACES.get_or_init(|| find_tables(vm)).as_ref()
}

fn find_tables(vm: &VirtualMachine) -> Option<TablePlaces> {
    let keys: Vec<PyObjectRef> = (0..3).map(|i| vm.ctx.new_str(format!("table key {i}")).into()).collect();
    let hashes: Vec<i64> = keys.iter().map(|k| k.hash(vm)).collect::<Result<_, _>>().ok()?;
    let dict = vm.ctx.new_dict();
    let set = PySet::default().into_ref(&vm.ctx);
    for key in &keys {
        dict.set_item(&**key, vm.ctx.none(), vm).ok()?;
        set.add(key.clone(), vm).ok()?;
    }
    let layout = layout::get()?;
    let at = address(dict.as_object());
    let table = find_table(at, payload_offset::<PyDict>(), words::<PyDict>(), &keys, &hashes)?;
    if table.lock != layout.offset(Field::DictLock) as usize
        || table.entries != layout.offset(Field::DictEntries) as usize
        || table.stride != layout.dict_entry_stride as usize
        || table.key != layout.dict_entry_key as usize
    {
        return None;
    }
    // A set points to its table, which two counts precede.
    let at = address(set.as_object());
    let set_table = payload_offset::<PySet>();
    // SAFETY: the first word of a live set's payload.
    let shared = unsafe { word(at, set_table) };
    let set_table_layout = (size_of::<PySet>() == WORD && may_be_address(shared))
        // SAFETY: what the only word of a set points to is larger than two words.
        .then(|| unsafe { (word(shared, 0), word(shared, WORD)) })
        .filter(|counts| *counts == (1, 1))
        .and_then(|_| find_table(shared, 2 * WORD, words::<PyDict>(), &keys, &hashes));
    Some(TablePlaces { dict: table, set: set_table_layout, set_table, str_hash: hash_of_str(vm)? })
}

/// The layout of a table with three known keys whose words begin at `first`.
fn find_table(at: usize, first: usize, words: usize, keys: &[PyObjectRef], hashes: &[i64]) -> Option<HashTable> {
    // SAFETY: as all reads by it, within the structure.
    let w = |i: usize| unsafe { word(at, first + i * WORD) };
    let (mut indices, mut entries) = (None, None);
    for i in 0..words - 1 {
        // A vector is capacity, pointer, length.
        let (p, n) = (w(i), w(i + 1));
        if !may_be_address(p) {
            continue;
        }
        if n == 8 {
            // SAFETY: a vector of eight index slots.
            let mut slots: Vec<i64> = (0..8).map(|k| unsafe { long(p, k * size_of::<i64>()) }).collect();
            slots.sort_unstable();
            if slots == [FREE, FREE, FREE, FREE, FREE, 0, 1, 2] {
                indices = Some(i);
            }
        } else if n == 3 {
            // SAFETY: for both, a vector of three entries of at least 24 bytes.
            let place = |value: usize| (0..72 / WORD).find(|&k| unsafe { word(p, k * WORD) } == value);
            // SAFETY: as above.
            let long_place = |value: i64| (0..72 / WORD).step_by(8 / WORD).find(|&k| unsafe { long(p, k * WORD) } == value);
            let (k0, k1) = (place(address(&keys[0]))?, place(address(&keys[1]))?);
            let h0 = long_place(hashes[0])?;
            let stride = k1.checked_sub(k0)?;
            if stride >= 3 && k0 < stride && h0 < stride {
                entries = Some((i, stride * WORD, k0 * WORD, h0 * WORD));
            }
        }
    }
    let (indices, (entries, stride, key, hash)) = (indices?, entries?);
    if w(0) != 0 {
        return None;
    }
    Some(HashTable {
        lock: first,
        indices: first + indices * WORD,
        index_count: first + (indices + 1) * WORD,
        entries: first + entries * WORD,
        stride,
        key,
        hash,
    })
}
