//! Lookups in the tables of exact dicts and sets by keys whose hash and equality run no Python code:
//! exact strs and ints.
//!
//! They read the tables directly. Where they lie is found once, by making tables with known contents and looking for
//! them; where it is not found, or a key of another class has the same hash, the answer is "ask
//! the general way".

use std::cell::UnsafeCell;
use std::sync::OnceLock;

use psycore_jit::ir::Field;
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyDict, PyInt, PySet, PyStr};
use rustpython_vm::common::hash::{fix_sentinel, mod_int};
use rustpython_vm::object::payload_offset;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyPayload, VirtualMachine};

use crate::object::layout::may_be_address;
use crate::runtime::abi::{Raw, obj, take, vm};
use crate::runtime::int_float::arith::small;
use crate::runtime::pool::{self, NO_HASH};

/// No such key.
pub const ABSENT: i64 = -1;
/// Only the general way can tell.
pub const ODD: i64 = -2;
/// An index slot that never held an entry.
const FREE: i64 = -1;
const WORD: usize = size_of::<usize>();

/// Offsets of a table's parts from its address, and of an entry's from the entry's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HashTable {
    pub lock: usize,
    /// The index slots (`i64`, a power of two of them) and how many they are.
    indices: usize,
    pub index_count: usize,
    pub entries: usize,
    pub stride: usize,
    pub key: usize,
    hash: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct TablePlaces {
    dict: HashTable,
    /// Of the table that a set's payload points to.
    set: Option<HashTable>,
    set_table: usize,
    str_hash: usize,
}

static PLACES: OnceLock<Option<TablePlaces>> = OnceLock::new();

#[inline(always)]
fn places(vm: &VirtualMachine) -> Option<&'static TablePlaces> {
    PLACES.get_or_init(|| probe(vm)).as_ref()
}

/// The table of a dict.
pub fn dict_table(vm: &VirtualMachine) -> Option<&'static HashTable> {
    places(vm).map(|p| &p.dict)
}

/// # Safety
/// `address + offset` is readable and aligned.
#[inline(always)]
pub unsafe fn word(address: usize, offset: usize) -> usize {
    // SAFETY: the caller's promise. Others write this memory through their own types.
    unsafe { ((address + offset) as *const usize).read_volatile() }
}

/// The same for what has 64 bits everywhere.
///
/// # Safety
/// Eight bytes at `address + offset` are readable.
#[inline(always)]
unsafe fn long(address: usize, offset: usize) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { ((address + offset) as *const i64).read_volatile() }
}

fn probe(vm: &VirtualMachine) -> Option<TablePlaces> {
    let keys: Vec<PyObjectRef> = (0..3).map(|i| vm.ctx.new_str(format!("table key {i}")).into()).collect();
    let text = keys[0].as_object().as_raw().addr();
    let str_words = size_of::<PyStr>() / WORD;
    let read = |i: usize| -> i64 {
        // SAFETY: within the payload of a live str.
        unsafe { long(text, payload_offset::<PyStr>() + i * WORD) }
    };
    let aligned = (0..str_words).step_by(size_of::<i64>() / WORD);
    let unhashed: Vec<usize> = aligned.filter(|&i| read(i) == NO_HASH).collect();
    let hashes: Vec<i64> = keys.iter().map(|k| k.hash(vm)).collect::<Result<_, _>>().ok()?;
    let [hash_word] = unhashed[..] else { return None };
    if read(hash_word) != hashes[0] {
        return None;
    }
    let dict = vm.ctx.new_dict();
    let set = PySet::default().into_ref(&vm.ctx);
    for key in &keys {
        dict.set_item(&**key, vm.ctx.none(), vm).ok()?;
        set.add(key.clone(), vm).ok()?;
    }
    let layout = crate::object::layout::get()?;
    let at = dict.as_object().as_raw().addr();
    let table = find_table(at, payload_offset::<PyDict>(), size_of::<PyDict>() / WORD, &keys, &hashes)?;
    if table.lock != layout.offset(Field::DictLock) as usize
        || table.entries != layout.offset(Field::DictEntries) as usize
        || table.stride != layout.dict_entry_stride as usize
        || table.key != layout.dict_entry_key as usize
    {
        return None;
    }
    // A set points to its table, which two counts precede.
    let at = set.as_object().as_raw().addr();
    let set_table = payload_offset::<PySet>();
    // SAFETY: the first word of a live set's payload.
    let shared = unsafe { word(at, set_table) };
    let set_table_layout = (size_of::<PySet>() == WORD && may_be_address(shared))
        // SAFETY: what the only word of a set points to is larger than two words.
        .then(|| unsafe { (word(shared, 0), word(shared, WORD)) })
        .filter(|counts| *counts == (1, 1))
        .and_then(|_| find_table(shared, 2 * WORD, size_of::<PyDict>() / WORD, &keys, &hashes));
    pool::set_hash_place(payload_offset::<PyStr>() + hash_word * WORD);
    Some(TablePlaces { dict: table, set: set_table_layout, set_table, str_hash: payload_offset::<PyStr>() + hash_word * WORD })
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
            let (k0, k1) = (place(keys[0].as_object().as_raw().addr())?, place(keys[1].as_object().as_raw().addr())?);
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

/// Hashes of short texts met lately. The hash of a text never changes, and is slow to compute.
const REMEMBERED: usize = 2048;

/// Two texts that share a place, the one met later first.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Pair([Remembered; 2]);

/// A text of at most 16 bytes, padded, with its length, and its hash.
#[derive(Clone, Copy)]
struct Remembered {
    text: [u64; 2],
    len: usize,
    hash: i64,
}

thread_local! {
    static HASHES: UnsafeCell<[Pair; REMEMBERED]> =
        const { UnsafeCell::new([Pair([Remembered { text: [0; 2], len: 0, hash: 0 }; 2]); REMEMBERED]) };
}

/// The hash of an exact str that was not asked for its hash yet.
///
/// # Safety
/// `key` is a live exact str.
unsafe fn fresh_hash(vm: &VirtualMachine, places: &TablePlaces, key: Raw) -> Option<i64> {
    // SAFETY: the caller's promise; the place was probed.
    let (s, cached) = unsafe {
        let s: &Py<PyStr> = obj(key).downcast_unchecked_ref();
        (s, (key.addr() + places.str_hash) as *mut i64)
    };
    let bytes = s.as_bytes();
    let n = bytes.len();
    if !(2..=16).contains(&n) {
        return s.as_object().hash(vm).ok();
    }
    // SAFETY: within the bytes.
    let text = unsafe {
        let at = bytes.as_ptr();
        match n {
            8.. => [at.cast::<u64>().read_unaligned(), at.add(n - 8).cast::<u64>().read_unaligned()],
            4.. => {
                let (a, b) = (at.cast::<u32>().read_unaligned(), at.add(n - 4).cast::<u32>().read_unaligned());
                [u64::from(a), u64::from(b)]
            }
            _ => [u64::from(bytes[0]) | u64::from(bytes[n - 1]) << 8, u64::from(bytes[1])],
        }
    };
    let mixed = (text[0] ^ text[1].rotate_left(29) ^ n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let slot = (mixed >> 32) as usize % REMEMBERED;
    HASHES.with(|hashes| {
        // SAFETY: only this function uses the table, and computing a str's hash does not come back here.
        unsafe {
            let known = &mut (&mut *hashes.get())[slot].0;
            for r in known.iter() {
                if r.text == text && r.len == n {
                    // What the str itself would remember.
                    cached.write_volatile(r.hash);
                    return Some(r.hash);
                }
            }
            let hash = s.as_object().hash(vm).ok()?;
            known[1] = known[0];
            known[0] = Remembered { text, len: n, hash };
            Some(hash)
        }
    })
}

/// The hash of an exact str.
///
/// # Safety
/// `key` is a live exact str.
#[inline(always)]
unsafe fn str_hash(vm: &VirtualMachine, places: &TablePlaces, key: Raw) -> Option<i64> {
    // SAFETY: the place was probed.
    let known = unsafe { long(key.addr(), places.str_hash) };
    if known != NO_HASH {
        return Some(known);
    }
    // SAFETY: the caller's promise.
    unsafe { fresh_hash(vm, places, key) }
}

/// Whether two byte strings of the same length are equal.
///
/// # Safety
/// `n` bytes can be read at both.
#[inline(always)]
unsafe fn same_bytes(a: *const u8, b: *const u8, n: usize) -> bool {
    // SAFETY: the caller's promise; reads overlap but stay within the `n` bytes.
    unsafe {
        let u64_at = |p: *const u8, i: usize| p.add(i).cast::<u64>().read_unaligned();
        let u32_at = |p: *const u8, i: usize| p.add(i).cast::<u32>().read_unaligned();
        match n {
            8..=16 => u64_at(a, 0) == u64_at(b, 0) && u64_at(a, n - 8) == u64_at(b, n - 8),
            4..=7 => u32_at(a, 0) == u32_at(b, 0) && u32_at(a, n - 4) == u32_at(b, n - 4),
            _ => std::slice::from_raw_parts(a, n) == std::slice::from_raw_parts(b, n),
        }
    }
}

/// Looks a key up: the index of its entry, [`ABSENT`] or [`ODD`]. `same` compares with a key of the same
/// hash, if it can.
///
/// # Safety
/// A table of that layout is at `at`, and no other thread runs.
#[inline(always)]
unsafe fn find(t: &HashTable, at: usize, key: usize, hash: i64, same: impl Fn(Raw) -> Option<bool>) -> i64 {
    // SAFETY: the caller's promise. The loop ends: a table always has free index slots.
    unsafe {
        if word(at, t.lock) != 0 {
            return ODD;
        }
        let indices = word(at, t.indices) as *const i64;
        let entries = word(at, t.entries);
        let mask = word(at, t.index_count) as i64 - 1;
        // The interpreter's order of probing.
        let start = hash.wrapping_abs();
        let (mut next, mut perturb) = (start, start);
        loop {
            let slot = (next & mask) as usize;
            next = next.wrapping_mul(5).wrapping_add(perturb).wrapping_add(1);
            perturb >>= 5;
            let index = *indices.add(slot);
            if index < 0 {
                if index == FREE {
                    return ABSENT;
                }
                continue;
            }
            let entry = entries + index as usize * t.stride;
            let found = word(entry, t.key);
            if found == key {
                return index;
            }
            if long(entry, t.hash) == hash {
                match same(found as Raw) {
                    Some(true) => return index,
                    Some(false) => {}
                    None => return ODD,
                }
            }
        }
    }
}

/// # Safety
/// As [`find`]; `key` is a live exact str.
#[inline(always)]
unsafe fn find_str(vm: &VirtualMachine, places: &TablePlaces, t: &HashTable, at: usize, key: Raw) -> i64 {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(hash) = str_hash(vm, places, key) else { return ODD };
        let text: &Py<PyStr> = obj(key).downcast_unchecked_ref();
        let bytes = text.as_bytes();
        let t_str = vm.ctx.types.str_type;
        let t_int = vm.ctx.types.int_type;
        find(t, at, key.addr(), hash, |other| {
            let other = obj(other);
            let class = other.class();
            if !class.is(t_str) {
                return class.is(t_int).then_some(false);
            }
            let other = other.downcast_unchecked_ref::<PyStr>().as_bytes();
            Some(other.len() == bytes.len() && same_bytes(other.as_ptr(), bytes.as_ptr(), bytes.len()))
        })
    }
}

/// # Safety
/// As [`find`].
#[inline(always)]
unsafe fn find_int(vm: &VirtualMachine, t: &HashTable, at: usize, key: i64) -> i64 {
    let (t_str, t_int) = (vm.ctx.types.str_type, vm.ctx.types.int_type);
    // SAFETY: the caller's promise.
    unsafe {
        find(t, at, 0, fix_sentinel(mod_int(key)), |other| {
            let other = obj(other);
            let class = other.class();
            if !class.is(t_int) {
                return class.is(t_str).then_some(false);
            }
            Some(small(other.downcast_unchecked_ref::<PyInt>()) == Some(key))
        })
    }
}

/// The entry of an exact str in an exact dict: its index, -1 if absent, -2 if only the
/// general way can tell.
pub unsafe extern "C" fn dict_find_str(ctx: *mut RuntimeContext, d: Raw, key: Raw) -> i64 {
    // SAFETY: compiled code passes its own context, a live exact dict and a live exact str.
    unsafe {
        let vm = vm(ctx);
        let Some(places) = places(vm) else { return ODD };
        find_str(vm, places, &places.dict, d.addr(), key)
    }
}

/// The same for an int.
pub unsafe extern "C" fn dict_find_int(ctx: *mut RuntimeContext, d: Raw, key: i64) -> i64 {
    // SAFETY: compiled code passes its own context and a live exact dict.
    unsafe {
        let vm = vm(ctx);
        let Some(places) = places(vm) else { return ODD };
        find_int(vm, &places.dict, d.addr(), key)
    }
}

/// The same for an exact str in an exact set.
pub unsafe extern "C" fn set_find_str(ctx: *mut RuntimeContext, set: Raw, key: Raw) -> i64 {
    // SAFETY: compiled code passes its own context, a live exact set and a live exact str.
    unsafe {
        let vm = vm(ctx);
        let Some((places, table)) = places(vm).and_then(|p| Some((p, p.set.as_ref()?))) else { return ODD };
        find_str(vm, places, table, word(set.addr(), places.set_table), key)
    }
}

/// The same for an int in an exact set.
pub unsafe extern "C" fn set_find_int(ctx: *mut RuntimeContext, set: Raw, key: i64) -> i64 {
    // SAFETY: compiled code passes its own context and a live exact set.
    unsafe {
        let vm = vm(ctx);
        let Some((places, table)) = places(vm).and_then(|p| Some((p, p.set.as_ref()?))) else { return ODD };
        find_int(vm, table, word(set.addr(), places.set_table), key)
    }
}

/// Adds a key, an exact str or int that a lookup has just not found; takes over the value's reference.
pub unsafe extern "C" fn dict_insert(ctx: *mut RuntimeContext, d: Raw, key: Raw, value: Raw) {
    // SAFETY: compiled code passes its own context, a live exact dict, a live key and an owned value.
    unsafe {
        let d: &Py<PyDict> = obj(d).downcast_unchecked_ref();
        // Neither hashing nor comparing such keys fails.
        let _ = d.inner_setitem(obj(key), take(value), vm(ctx));
    }
}

/// Adds such a key to an exact set.
pub unsafe extern "C" fn set_insert(ctx: *mut RuntimeContext, set: Raw, key: Raw) {
    // SAFETY: compiled code passes its own context, a live exact set and a live key.
    unsafe {
        let set: &Py<PySet> = obj(set).downcast_unchecked_ref();
        let _ = set.add(obj(key).to_owned(), vm(ctx));
    }
}
