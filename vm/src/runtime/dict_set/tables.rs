//! Lookups in the tables of exact dicts and sets by keys whose hash and equality run no Python code:
//! exact strs and ints.
//!
//! They read the tables directly; where it is not known how these lie, or a key of another class has the same hash, the
//! answer is "ask the general way".

use std::cell::UnsafeCell;

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyDict, PyInt, PySet, PyStr};
use rustpython_vm::common::hash::{fix_sentinel, mod_int};
use rustpython_vm::{AsObject, Py, VirtualMachine};

use crate::object::layout::{long, word};
use crate::object::probe::NO_HASH;
use crate::object::probe::dict::{FREE, HashTable, TablePlaces, tables};
use crate::object::views;
use crate::runtime::abi::{Raw, obj, take, vm};
use crate::runtime::int_float::arith::small;

/// No such key.
pub const ABSENT: i64 = -1;
/// Only the general way can tell.
pub const ODD: i64 = -2;

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
        let Some(places) = tables(vm) else { return ODD };
        find_str(vm, places, &places.dict, d.addr(), key)
    }
}

/// The same where the entry is likely to be at an index.
pub unsafe extern "C" fn dict_find_name(ctx: *mut RuntimeContext, d: Raw, key: Raw, index: i64) -> i64 {
    // SAFETY: compiled code passes its own context, a live exact dict and a live exact str.
    unsafe {
        match views::dict_entry(obj(d), index as usize) {
            Some((found, _)) if found == key.addr() => index,
            _ => dict_find_str(ctx, d, key),
        }
    }
}

/// The same for an int.
pub unsafe extern "C" fn dict_find_int(ctx: *mut RuntimeContext, d: Raw, key: i64) -> i64 {
    // SAFETY: compiled code passes its own context and a live exact dict.
    unsafe {
        let vm = vm(ctx);
        let Some(places) = tables(vm) else { return ODD };
        find_int(vm, &places.dict, d.addr(), key)
    }
}

/// The same for an exact str in an exact set.
pub unsafe extern "C" fn set_find_str(ctx: *mut RuntimeContext, set: Raw, key: Raw) -> i64 {
    // SAFETY: compiled code passes its own context, a live exact set and a live exact str.
    unsafe {
        let vm = vm(ctx);
        let Some((places, table)) = tables(vm).and_then(|p| Some((p, p.set.as_ref()?))) else { return ODD };
        find_str(vm, places, table, word(set.addr(), places.set_table), key)
    }
}

/// The same for an int in an exact set.
pub unsafe extern "C" fn set_find_int(ctx: *mut RuntimeContext, set: Raw, key: i64) -> i64 {
    // SAFETY: compiled code passes its own context and a live exact set.
    unsafe {
        let vm = vm(ctx);
        let Some((places, table)) = tables(vm).and_then(|p| Some((p, p.set.as_ref()?))) else { return ODD };
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
