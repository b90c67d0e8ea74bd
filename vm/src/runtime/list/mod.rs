//! Operations on exact lists.
//!
//! While compiled code runs there is one Python thread, so a list that nobody has locked can be used without its lock, and
//! references can be counted without atomic operations: each of these costs as much as twenty other instructions.

pub mod sequences;

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::PyList;
use rustpython_vm::{AsObject, Py, PyObjectRef, VirtualMachine};

use super::abi::{Raw, give, obj, object, take, vm};
use super::{pool, refs};
use crate::object::probe;

/// # Safety
/// `p` is a live exact list.
#[inline(always)]
unsafe fn list<'a>(p: Raw) -> &'a Py<PyList> {
    // SAFETY: the caller's promise.
    unsafe { obj(p).downcast_unchecked_ref() }
}

/// The items of a list that is not locked, and its count of changes, which who changes a list that Python code knows must
/// raise.
///
/// # Safety
/// `l` is an exact list whose memory is there, no other thread runs Python code, and the list is not used otherwise
/// while the result is.
#[inline]
pub unsafe fn unlocked<'a>(vm: &VirtualMachine, l: Raw) -> Option<(&'a mut Vec<PyObjectRef>, &'a mut u32)> {
    let places = probe::list::places(vm)?;
    // SAFETY: the places were found in the same build's lists; the caller's promise.
    unsafe {
        (l.byte_add(places.lock).cast::<usize>().read_volatile() == 0)
            .then(|| (&mut *l.byte_add(places.items).cast(), &mut *l.byte_add(places.changes).cast()))
    }
}

/// Appends an item, whose reference it takes over.
pub unsafe extern "C" fn list_append(ctx: *mut RuntimeContext, l: Raw, item: Raw) {
    // SAFETY: compiled code passes its own context, a live exact list and an owned reference.
    unsafe {
        match unlocked(vm(ctx), l) {
            Some((items, changes)) => {
                items.push(take(item));
                *changes = changes.wrapping_add(1);
            }
            None => list(l).borrow_vec_mut().push(take(item)),
        }
    }
}

/// Removes and returns the last item; null if there is none.
pub unsafe extern "C" fn list_pop(_: *mut RuntimeContext, l: Raw) -> Raw {
    // SAFETY: compiled code passes a live exact list.
    let last = unsafe { list(l).borrow_vec_mut().pop() };
    last.map_or(std::ptr::null_mut(), give)
}

/// A new list with the items repeated.
pub unsafe extern "C" fn list_repeat(ctx: *mut RuntimeContext, l: Raw, n: i64) -> Raw {
    // SAFETY: compiled code passes its own context and a live exact list.
    unsafe {
        // The operator has the right error for what is too large.
        let by_operator = |vm: &VirtualMachine| vm._mul(obj(l), vm.ctx.new_int(n).as_object());
        let Ok(n) = usize::try_from(n.max(0)) else { return object(ctx, by_operator) };
        let items = list(l).borrow_vec();
        let total = items.len().checked_mul(n);
        let mut repeated = Vec::new();
        if total.is_none_or(|t| repeated.try_reserve_exact(t).is_err()) {
            drop(items);
            return object(ctx, by_operator);
        }
        for _ in 0..if items.is_empty() { 0 } else { n } {
            repeated.extend_from_slice(&items);
        }
        drop(items);
        give(vm(ctx).ctx.new_list(repeated))
    }
}

/// `[item] * n`.
pub unsafe extern "C" fn list_of(ctx: *mut RuntimeContext, item: Raw, n: i64) -> Raw {
    // SAFETY: compiled code passes its own context and a live object; each of the references that are counted goes to a
    // place of the list.
    unsafe {
        let vm = vm(ctx);
        let count = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
        let fill = |items: &mut Vec<PyObjectRef>| {
            refs::add(item, count);
            items.extend(std::iter::repeat_n(item, count).map(|item| take(item)));
        };
        if count <= pool::MAX_CAPACITY {
            return give(pool::new_list(vm, fill));
        }
        let mut items = Vec::new();
        if items.try_reserve_exact(count).is_err() {
            // The operator has the right error.
            return object(ctx, |vm| {
                let one = vm.ctx.new_list(vec![obj(item).to_owned()]);
                vm._mul(one.as_object(), vm.ctx.new_int(n).as_object())
            });
        }
        fill(&mut items);
        give(vm.ctx.new_list(items))
    }
}
