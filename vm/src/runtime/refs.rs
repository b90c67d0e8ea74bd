//! Making and destroying numbers and destroying everything else.
//!
//! Dead floats and small ints are kept in the context, linked through their payloads, so that
//! a loop that makes and drops numbers takes no allocator calls. The interpreter's own
//! free lists are separate; an object belongs to whoever saw its last reference go.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyFloat, PyInt};
use rustpython_vm::object::payload_offset;
use rustpython_vm::{AsObject, PyObjectRef, VirtualMachine};

use super::abi::{Raw, give, obj, take, vm};
use super::{finalizer_free, list, pool};

/// The bit of the reference word that immortal objects have; the count is below it. (The layout probe tests it.)
const IMMORTAL: usize = 1 << (usize::BITS - 4);

/// The ints that exist once for the whole process.
const CACHED_INTS: std::ops::RangeInclusive<i64> = -5..=256;

/// The reference word of an object.
///
/// # Safety
/// `p` is the address of an object, alive or with a count of zero.
#[inline(always)]
unsafe fn count_word<'a>(p: Raw) -> &'a AtomicUsize {
    // SAFETY: the reference word is an object's first word (held by the layout probe's test).
    unsafe { AtomicUsize::from_ptr(p.cast()) }
}

/// Counts more references to an object.
///
/// # Safety
/// The object is alive or has a count of zero, and no other thread runs Python code.
#[inline(always)]
pub unsafe fn add(p: Raw, references: usize) {
    // SAFETY: the caller's promise.
    let word = unsafe { count_word(p) };
    let count = word.load(Ordering::Relaxed);
    if count & IMMORTAL == 0 {
        word.store(count + references, Ordering::Relaxed);
    }
}

#[inline(always)]
fn payload<T>(p: Raw) -> *mut T {
    p.wrapping_byte_add(payload_offset::<T>()).cast()
}

/// Takes an object from a list of dead ones.
///
/// # Safety
/// `head` is a list made by `keep` of objects with payload `T`.
#[inline(always)]
unsafe fn reuse<T>(head: &mut *mut std::ffi::c_void, room: &mut i32, value: T) -> Option<Raw> {
    let p: Raw = head.cast();
    if p.is_null() {
        return None;
    }
    // SAFETY: a kept object is unreachable, has a count of zero, no flags, and its payload was
    // dropped and replaced by the link.
    unsafe {
        *head = payload::<T>(p).cast::<*mut std::ffi::c_void>().read();
        *room += 1;
        payload::<T>(p).write(value);
        count_word(p).store(1, Ordering::Relaxed);
    }
    Some(p)
}

/// Puts a dead object on a list if there is room.
///
/// # Safety
/// `p` has the payload `T`, a reference word of zero and no other owner.
#[inline(always)]
unsafe fn keep<T>(head: &mut *mut std::ffi::c_void, room: &mut i32, p: Raw) -> bool {
    if *room <= 0 {
        return false;
    }
    *room -= 1;
    // SAFETY: nobody else can reach the payload, and it is at least one aligned word.
    unsafe {
        ptr::drop_in_place(payload::<T>(p));
        payload::<T>(p).cast::<*mut std::ffi::c_void>().write(*head);
    }
    *head = p.cast();
    true
}

/// A new int.
pub unsafe extern "C" fn new_int(ctx: *mut RuntimeContext, value: i64) -> Raw {
    // SAFETY: compiled code passes its own valid context.
    let (vm, ctx) = unsafe { (vm(ctx), &mut *ctx) };
    if CACHED_INTS.contains(&value) {
        // The pool starts with -5 (held by the test of this file) and its ints are immortal.
        return vm.ctx.int_cache_pool[(value + 5) as usize].as_object().as_raw().cast_mut();
    }
    // SAFETY: the list holds dead ints only.
    unsafe { reuse(&mut ctx.free_ints, &mut ctx.free_ints_room, PyInt::from(value)) }
        .unwrap_or_else(|| give(vm.ctx.new_int(value)))
}

/// A new float.
pub unsafe extern "C" fn new_float(ctx: *mut RuntimeContext, value: f64) -> Raw {
    // SAFETY: compiled code passes its own valid context.
    let (vm, ctx) = unsafe { (vm(ctx), &mut *ctx) };
    // SAFETY: the list holds dead floats only.
    unsafe { reuse(&mut ctx.free_floats, &mut ctx.free_floats_room, PyFloat::from(value)) }
        .unwrap_or_else(|| give(vm.ctx.new_float(value)))
}

/// Destroys an object whose last reference is gone; 1 if Python code ran or may have.
pub unsafe extern "C" fn dealloc(ctx: *mut RuntimeContext, p: Raw) -> i32 {
    // SAFETY: compiled code passes its own valid context and an object with a count of zero, whose
    // memory is still there.
    unsafe {
        let vm = vm(ctx);
        let ctx = &mut *ctx;
        // Any flag in the word means that somebody else may still look at the memory.
        if count_word(p).load(Ordering::Relaxed) == 0 {
            let is_list = obj(p).class().is(vm.ctx.types.list_type);
            if keep_atom(vm, ctx, p) || (is_list && drop_items(vm, ctx, p) && pool::keep_list(p)) {
                return 0;
            }
        }
        // Dropping one reference runs the object's own deallocation. Until then it is alive again, so
        // that looking at it can't end its life early.
        add(p, 1);
        let last = take(p);
        let quiet = finalizer_free::dies_quietly(vm, &last);
        release(last);
        i32::from(!quiet)
    }
}

/// Keeps a dead number or str for the next of its kind; false if it is something else, or there is no room.
///
/// # Safety
/// Its reference word is zero, and nobody else refers to it.
#[inline(always)]
unsafe fn keep_atom(vm: &VirtualMachine, ctx: &mut RuntimeContext, p: Raw) -> bool {
    // SAFETY: the caller's promise; the class says what the payload is.
    unsafe {
        let class = obj(p).class();
        if class.is(vm.ctx.types.float_type) {
            keep::<PyFloat>(&mut ctx.free_floats, &mut ctx.free_floats_room, p)
        } else if class.is(vm.ctx.types.int_type) {
            keep::<PyInt>(&mut ctx.free_ints, &mut ctx.free_ints_room, p)
        } else {
            class.is(vm.ctx.types.str_type) && pool::keep(p)
        }
    }
}

/// Empties a dying list of things that die without anybody noticing, so that the pool can keep it; false if it has
/// others, or the pool is full.
///
/// # Safety
/// `p` is an exact list with a reference word of zero, no other thread runs Python code, and nobody else refers to it.
unsafe fn drop_items(vm: &VirtualMachine, ctx: &mut RuntimeContext, p: Raw) -> bool {
    // SAFETY: the caller's promise; a list owns a reference to each item.
    unsafe {
        if obj(p).weak_count().is_some_and(|n| n > 0) {
            return false;
        }
        let Some((items, _)) = list::unlocked(vm, p) else { return false };
        if !pool::has_room_for(items.capacity()) || !items.iter().all(|o| finalizer_free::is_atom(vm, o.class())) {
            return false;
        }
        for item in items.drain(..) {
            drop_atom(vm, ctx, give(item));
        }
        true
    }
}

/// Gives up a reference to something that dies without anybody noticing.
///
/// # Safety
/// The reference is the caller's, and no other thread runs Python code.
#[inline(always)]
unsafe fn drop_atom(vm: &VirtualMachine, ctx: &mut RuntimeContext, p: Raw) {
    // SAFETY: the caller's promise; a word of exactly one says that the reference is the only one.
    unsafe {
        let word = count_word(p);
        let count = word.load(Ordering::Relaxed);
        if count & IMMORTAL != 0 {
            return;
        }
        if count & (IMMORTAL - 1) > 1 {
            word.store(count - 1, Ordering::Relaxed);
            return;
        }
        if count == 1 {
            word.store(0, Ordering::Relaxed);
            if keep_atom(vm, ctx, p) {
                return;
            }
            word.store(1, Ordering::Relaxed);
        }
        drop(take(p));
    }
}

/// Drops an object; a panic in its destruction stops here, since it must not reach compiled code.
fn release(o: PyObjectRef) {
    // The panic's message has been printed, and there is nobody to raise an exception to.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(o)));
}

/// Gives up a reference.
pub unsafe extern "C" fn release_now(_: *mut RuntimeContext, p: Raw) {
    // SAFETY: compiled code owns the reference.
    release(unsafe { take(p) });
}

thread_local! {
    static DEFERRED: RefCell<Vec<PyObjectRef>> = const { RefCell::new(Vec::new()) };
}

/// Drops an object where no Python code may run: one whose death would run some is kept until
/// `release_deferred`.
pub fn release_later(vm: &VirtualMachine, o: PyObjectRef) {
    if o.strong_count() == 1 && !finalizer_free::dies_quietly(vm, &o) {
        DEFERRED.with_borrow_mut(|d| d.push(o));
    }
}

/// Drops what could not be dropped before; true if there was something. To be called when compiled
/// code has been left.
pub fn release_deferred() -> bool {
    let deferred = DEFERRED.take();
    let any = !deferred.is_empty();
    deferred.into_iter().for_each(release);
    any
}

/// Puts an owned object into word `index` of the frame slots at an address and releases
/// what was there.
pub unsafe extern "C" fn replace_slot(_: *mut RuntimeContext, slots: Raw, index: i32, value: Raw) {
    // SAFETY: compiled code passes the address of a frame's slots, each null or one owned reference.
    unsafe {
        let slot = slots.cast::<Raw>().add(index as usize);
        let old = slot.replace(value);
        if !old.is_null() {
            drop(take(old));
        }
    }
}
