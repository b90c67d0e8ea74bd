//! Dead objects that lend their memory to the next of their kind, so that a loop that makes and drops words
//! takes no allocator calls: short ASCII strs, object and characters alike, by length, and small lists.
//!
//! Characters and the empty str exist once, as in the interpreter. A list in the pool is empty and alive, held by the
//! pool: the garbage collector goes on knowing it.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use rustpython_vm::builtins::{PyList, PyStr};
use rustpython_vm::common::str::PyKindStr;
use rustpython_vm::object::payload_offset;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyRef, VirtualMachine};

use super::abi::{Raw, give, obj, take};
use super::list;
use crate::object::probe::{NO_HASH, hash_of_str};

/// Longer strs are left to the allocator.
const MAX_LEN: usize = 32;
/// How many dead strs of one length are kept.
const ROOM: usize = 64;
/// How many lists are kept, and how much room they may have for items.
const LISTS: usize = 16;
pub const MAX_CAPACITY: usize = 256;

struct Pool {
    /// By length. Each has a reference word of zero and a complete payload.
    dead: [[Raw; ROOM]; MAX_LEN + 1],
    count: [usize; MAX_LEN + 1],
    lists: [Raw; LISTS],
    list_count: usize,
}

thread_local! {
    static POOL: UnsafeCell<Pool> = const {
        UnsafeCell::new(Pool {
            dead: [[std::ptr::null_mut(); ROOM]; MAX_LEN + 1],
            count: [0; MAX_LEN + 1],
            lists: [std::ptr::null_mut(); LISTS],
            list_count: 0,
        })
    };
}

/// The bytes of an ASCII str.
#[inline]
pub fn ascii(s: &Py<PyStr>) -> Option<&[u8]> {
    match s.as_str_kind() {
        PyKindStr::Ascii(s) => Some(s.as_bytes()),
        _ => None,
    }
}

/// Takes an object of a length out of the pool.
#[inline(always)]
fn reuse(len: usize) -> Option<Raw> {
    POOL.with(|pool| {
        // SAFETY: nobody else refers to the pool of this thread: what runs here does not come back.
        let pool = unsafe { &mut *pool.get() };
        let n = pool.count[len];
        if n == 0 {
            return None;
        }
        pool.count[len] = n - 1;
        Some(pool.dead[len][n - 1])
    })
}

/// Keeps a dead exact str; false if it is not of a kind that is kept, or there is no room.
///
/// # Safety
/// `p` is an exact str with a reference word of zero that nobody else refers to.
#[inline]
pub unsafe fn keep(p: Raw) -> bool {
    // SAFETY: the caller's promise.
    let s: &Py<PyStr> = unsafe { obj(p).downcast_unchecked_ref() };
    let Some(len) = ascii(s).map(<[u8]>::len).filter(|n| *n <= MAX_LEN) else { return false };
    POOL.with(|pool| {
        // SAFETY: as in `reuse`.
        let pool = unsafe { &mut *pool.get() };
        let n = pool.count[len];
        if n == ROOM {
            return false;
        }
        pool.dead[len][n] = p;
        pool.count[len] = n + 1;
        true
    })
}

/// Drops a str whose last reference this may be.
#[inline]
pub fn drop_str(s: PyObjectRef) {
    let p = give(s);
    // SAFETY: the reference is ours; a word of exactly one says that it is the only one and that nobody
    // looks at the memory without a reference.
    unsafe {
        let word = AtomicUsize::from_ptr(p.cast());
        if word.load(Ordering::Relaxed) == 1 {
            word.store(0, Ordering::Relaxed);
            if keep(p) {
                return;
            }
            word.store(1, Ordering::Relaxed);
        }
        drop(take(p));
    }
}

/// A new str of `len` characters, which `fill` writes.
///
/// # Safety
/// `fill` writes `len` bytes of ASCII, and does nothing else.
#[inline(always)]
pub unsafe fn new_ascii(vm: &VirtualMachine, len: usize, fill: impl FnOnce(*mut u8)) -> PyObjectRef {
    // SAFETY: the caller's promise; an object of the pool is unreachable, and its payload is overwritten by one
    // that takes over the same characters.
    unsafe {
        if len > 1
            && len <= MAX_LEN
            && let Some(p) = reuse(len)
        {
            let place = p.wrapping_byte_add(payload_offset::<PyStr>()).cast::<PyStr>();
            let bytes = (*place).as_bytes().as_ptr().cast_mut();
            fill(bytes);
            // All but the hash is what it was.
            match hash_of_str(vm) {
                None => place.write(PyStr::new_ascii_unchecked(Vec::from_raw_parts(bytes, len, len))),
                Some(hash) => AtomicI64::from_ptr(p.wrapping_byte_add(hash).cast()).store(NO_HASH, Ordering::Relaxed),
            }
            AtomicUsize::from_ptr(p.cast()).store(1, Ordering::Relaxed);
            return take(p);
        }
        let mut bytes = Vec::with_capacity(len);
        fill(bytes.as_mut_ptr());
        bytes.set_len(len);
        from_vec(vm, bytes)
    }
}

/// A new str of ASCII bytes.
///
/// # Safety
/// They are ASCII.
#[inline(always)]
pub unsafe fn from_ascii(vm: &VirtualMachine, bytes: &[u8]) -> PyObjectRef {
    match bytes {
        [] => vm.ctx.empty_str.to_owned().into(),
        [c] => vm.ctx.latin1_char(*c).into(),
        // SAFETY: the caller's promise.
        _ => unsafe { new_ascii(vm, bytes.len(), |to| bytes.as_ptr().copy_to_nonoverlapping(to, bytes.len())) },
    }
}

/// The same of a buffer, which a long str takes over.
///
/// # Safety
/// They are ASCII.
#[inline]
pub unsafe fn from_vec(vm: &VirtualMachine, bytes: Vec<u8>) -> PyObjectRef {
    // SAFETY: the caller's promise.
    vm.ctx.new_str(unsafe { PyStr::new_ascii_unchecked(bytes) }).into()
}

/// A new list of what `fill` puts in, which often has room already.
#[inline]
pub fn new_list(vm: &VirtualMachine, fill: impl FnOnce(&mut Vec<PyObjectRef>)) -> PyRef<PyList> {
    let kept = POOL.with(|pool| {
        // SAFETY: as in `reuse`.
        let pool = unsafe { &mut *pool.get() };
        let n = pool.list_count.checked_sub(1)?;
        pool.list_count = n;
        // SAFETY: the pool's own reference to an exact list.
        Some(unsafe { take(pool.lists[n]).downcast_unchecked::<PyList>() })
    });
    // Whoever asked the garbage collector for all objects may hold it.
    match kept.filter(|list| list.as_object().strong_count() == 1) {
        Some(list) => {
            // SAFETY: nobody else has the list.
            match unsafe { list::unlocked(vm, list.as_object().as_raw().cast_mut()) } {
                Some((items, _)) => fill(items),
                None => fill(&mut list.borrow_vec_mut()),
            }
            list
        }
        None => {
            let mut items = Vec::new();
            fill(&mut items);
            vm.ctx.new_list(items)
        }
    }
}

/// Whether a list with so much room may be kept.
pub fn has_room_for(capacity: usize) -> bool {
    // SAFETY: as in `reuse`.
    capacity <= MAX_CAPACITY && POOL.with(|pool| unsafe { (*pool.get()).list_count } < LISTS)
}

/// Keeps an empty exact list that has lost its last reference, if [`has_room_for`] it.
///
/// # Safety
/// `p` is such a list, with a reference word of zero that nobody else refers to.
#[inline]
pub unsafe fn keep_list(p: Raw) -> bool {
    POOL.with(|pool| {
        // SAFETY: as in `reuse`; from here on the pool has the one reference.
        unsafe {
            let pool = &mut *pool.get();
            if pool.list_count == LISTS {
                return false;
            }
            AtomicUsize::from_ptr(p.cast()).store(1, Ordering::Relaxed);
            pool.lists[pool.list_count] = p;
            pool.list_count += 1;
            true
        }
    })
}
