//! Operations on containers of exactly known types: list, dict and set.

use std::sync::OnceLock;

use psycore_jit::ctx::Ctx;
use psycore_jit::ir::Field;
use rustpython_vm::builtins::{PyDict, PyList, PySet, PyStr};
use rustpython_vm::object::payload_offset;
use rustpython_vm::protocol::{PyIter, PyIterReturn};
use rustpython_vm::{AsObject, Py, TryFromObject, VirtualMachine};

use super::abi::{Raw, done, give, obj, object, take, truth, vm};
use super::pool;
use super::refs::release_later;

/// # Safety
/// `p` is a live exact list.
#[inline(always)]
unsafe fn list<'a>(p: Raw) -> &'a Py<PyList> {
    // SAFETY: the caller's promise.
    unsafe { obj(p).downcast_unchecked_ref() }
}

/// # Safety
/// `p` is a live exact dict.
#[inline(always)]
unsafe fn dict<'a>(p: Raw) -> &'a Py<PyDict> {
    // SAFETY: the caller's promise.
    unsafe { obj(p).downcast_unchecked_ref() }
}

/// # Safety
/// `p` is a live exact str.
#[inline(always)]
unsafe fn string<'a>(p: Raw) -> &'a Py<PyStr> {
    // SAFETY: the caller's promise.
    unsafe { obj(p).downcast_unchecked_ref() }
}

/// Offsets in a list.
#[derive(Clone, Copy)]
struct ListPlaces {
    len: usize,
    cap: usize,
    items: usize,
    /// The 32-bit count of changes.
    changes: usize,
}

/// Finds what the layout does not have: the word that counts how often a list was locked for writing.
fn list_places(vm: &VirtualMachine) -> Option<ListPlaces> {
    let layout = crate::layout::get()?;
    let l = vm.ctx.new_list(Vec::new());
    let at = l.as_object().as_raw().addr();
    let read = || -> Vec<u32> {
        (0..size_of::<PyList>() / 4)
            // SAFETY: within the payload of a live list.
            .map(|i| unsafe { ((at + payload_offset::<PyList>() + 4 * i) as *const u32).read_volatile() })
            .collect()
    };
    let before = read();
    for _ in 0..3 {
        drop(l.borrow_vec_mut());
    }
    let after = read();
    let changed: Vec<usize> = (0..before.len()).filter(|&i| before[i] != after[i]).collect();
    let [i] = changed[..] else { return None };
    (after[i] == before[i].wrapping_add(3)).then(|| ListPlaces {
        len: layout.offset(Field::ListLen) as usize,
        cap: layout.offset(Field::ListCap) as usize,
        items: layout.offset(Field::ListPtr) as usize,
        changes: payload_offset::<PyList>() + 4 * i,
    })
}

/// Appends an item, whose reference it takes over, to a list that is not locked.
pub unsafe extern "C" fn list_append(ctx: *mut Ctx, l: Raw, item: Raw) {
    static PLACES: OnceLock<Option<ListPlaces>> = OnceLock::new();
    // SAFETY: compiled code passes its own context, a live exact list and an owned reference. While it runs no
    // other thread does; the items are a vector of words, with room for one more where it is written.
    unsafe {
        if let Some(p) = PLACES.get_or_init(|| list_places(vm(ctx))) {
            let at = |offset: usize| (l.addr() + offset) as *mut usize;
            let len = at(p.len).read_volatile();
            if len < at(p.cap).read_volatile() {
                let items = at(p.items).read_volatile() as *mut Raw;
                items.add(len).write(item);
                at(p.len).write_volatile(len + 1);
                let changes = (l.addr() + p.changes) as *mut u32;
                changes.write_volatile(changes.read_volatile().wrapping_add(1));
                return;
            }
        }
        list(l).borrow_vec_mut().push(take(item));
    }
}

/// Removes and returns the last item; null if there is none.
pub unsafe extern "C" fn list_pop(_: *mut Ctx, l: Raw) -> Raw {
    // SAFETY: compiled code passes a live exact list.
    let last = unsafe { list(l).borrow_vec_mut().pop() };
    last.map_or(std::ptr::null_mut(), give)
}

/// A new list with the items of the first, then of the second.
pub unsafe extern "C" fn list_concat(ctx: *mut Ctx, a: Raw, b: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live exact lists.
    unsafe {
        let mut items = list(a).borrow_vec().to_vec();
        items.extend_from_slice(&list(b).borrow_vec());
        give(vm(ctx).ctx.new_list(items))
    }
}

/// A new list with the items repeated.
pub unsafe extern "C" fn list_repeat(ctx: *mut Ctx, l: Raw, n: i64) -> Raw {
    // SAFETY: compiled code passes its own context and a live exact list.
    unsafe {
        // The operator has the right error for what is too large.
        let by_operator = |vm: &rustpython_vm::VirtualMachine| vm._mul(obj(l), vm.ctx.new_int(n).as_object());
        let Ok(n) = usize::try_from(n.max(0)) else { return object(ctx, by_operator) };
        let items = list(l).borrow_vec();
        let total = items.len().checked_mul(n);
        if let [item] = &items[..]
            && n <= pool::MAX_CAPACITY
        {
            return give(pool::new_list(vm(ctx), std::iter::repeat_n(item, n).cloned()));
        }
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

/// Inserts before an index with the meaning of `list.insert`; takes over the item's reference.
pub unsafe extern "C" fn list_insert(_: *mut Ctx, l: Raw, index: i64, item: Raw) {
    // SAFETY: compiled code passes a live exact list and an owned reference.
    unsafe {
        let mut items = list(l).borrow_vec_mut();
        let len = items.len() as i64;
        let at = if index < 0 { (index.saturating_add(len)).max(0) } else { index.min(len) };
        items.insert(at as usize, take(item));
    }
}

/// Removes and returns the item at an index that is in range and not negative.
pub unsafe extern "C" fn list_pop_at(_: *mut Ctx, l: Raw, index: i64) -> Raw {
    // SAFETY: compiled code passes a live exact list.
    unsafe {
        let mut items = list(l).borrow_vec_mut();
        match usize::try_from(index) {
            Ok(at) if at < items.len() => give(items.remove(at)),
            _ => std::ptr::null_mut(),
        }
    }
}

/// Reverses in place.
pub unsafe extern "C" fn list_reverse(_: *mut Ctx, l: Raw) {
    // SAFETY: compiled code passes a live exact list.
    unsafe { list(l).borrow_vec_mut().reverse() }
}

/// Adds to a set.
pub unsafe extern "C" fn set_add(ctx: *mut Ctx, set: Raw, item: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact set and a live object.
    unsafe {
        let (set, item): (&Py<PySet>, _) = (obj(set).downcast_unchecked_ref(), obj(item));
        done(ctx, |vm| set.add(item.to_owned(), vm))
    }
}

/// `item in set` of an exact set.
pub unsafe extern "C" fn set_contains(ctx: *mut Ctx, set: Raw, item: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact set and a live object.
    unsafe {
        let (set, item): (&Py<PySet>, _) = (obj(set).downcast_unchecked_ref(), obj(item));
        truth(ctx, |vm| set.contains(item, vm))
    }
}

/// `dict[key] = value` of an exact dict.
pub unsafe extern "C" fn map_add(ctx: *mut Ctx, d: Raw, key: Raw, value: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact dict and live objects.
    unsafe {
        let (d, key, value) = (dict(d), obj(key), obj(value));
        done(ctx, |vm| d.inner_setitem(key, value.to_owned(), vm))
    }
}

/// Looks a str up in an exact dict: borrowed value, null if absent.
pub unsafe extern "C" fn dict_get_str(ctx: *mut Ctx, d: Raw, key: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live exact dict and a live exact str.
    unsafe {
        match dict(d).get_item_opt(string(key), vm(ctx)) {
            // The dict keeps the value alive.
            Ok(Some(value)) => value.as_object().as_raw().cast_mut(),
            _ => std::ptr::null_mut(),
        }
    }
}

/// Sets a str key of an exact dict. What it replaces dies later if Python code would notice.
pub unsafe extern "C" fn dict_set_str(ctx: *mut Ctx, d: Raw, key: Raw, value: Raw) {
    // SAFETY: compiled code passes its own context, a live exact dict, str and object.
    unsafe {
        let (vm, d, key) = (vm(ctx), dict(d), string(key));
        // Neither hashing nor comparing strs fails.
        let old = d.get_item_opt(key, vm).ok().flatten();
        let _ = d.inner_setitem(key, obj(value).to_owned(), vm);
        if let Some(old) = old {
            release_later(vm, old);
        }
    }
}

/// `dict.get(key)` of an exact dict: owned value; null if absent, with `failed` set if it raised.
pub unsafe extern "C" fn dict_get(ctx: *mut Ctx, d: Raw, key: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live exact dict and a live object.
    unsafe {
        (*ctx).failed = 0;
        let (d, key) = (dict(d), obj(key));
        match super::abi::guarded(vm(ctx), |vm| d.get_item_opt(key, vm)) {
            Ok(value) => value.map_or(std::ptr::null_mut(), give),
            Err(e) => {
                (*ctx).failed = 1;
                super::abi::raise(ctx, e);
                std::ptr::null_mut()
            }
        }
    }
}

/// `key in dict` of an exact dict.
pub unsafe extern "C" fn dict_contains(ctx: *mut Ctx, d: Raw, key: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact dict and a live object.
    unsafe {
        let (d, key) = (dict(d), obj(key));
        truth(ctx, |vm| d.get_item_opt(key, vm).map(|v| v.is_some()))
    }
}

/// `DICT_UPDATE`: merges a mapping into an exact dict, with the error of `{**o}` where it is none.
pub unsafe extern "C" fn dict_update(ctx: *mut Ctx, d: Raw, o: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact dict and a live object.
    unsafe {
        let (d, o) = (dict(d), obj(o));
        done(ctx, |vm| {
            if o.get_class_attr(vm.ctx.intern_str("keys")).is_none() {
                let name = o.class().name();
                return Err(vm.new_type_error(format!("'{name}' object is not a mapping")));
            }
            d.merge_object(o.to_owned(), vm)
        })
    }
}

/// `SET_UPDATE`: adds what an iterable gives to an exact set.
pub unsafe extern "C" fn set_update(ctx: *mut Ctx, s: Raw, o: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact set and a live object.
    unsafe {
        let (s, o) = (obj(s), obj(o));
        done(ctx, |vm| {
            let set: &Py<PySet> = s.downcast_unchecked_ref();
            let iter = PyIter::try_from_object(vm, o.to_owned())?;
            while let PyIterReturn::Return(item) = iter.next(vm)? {
                set.add(item, vm)?;
            }
            Ok(())
        })
    }
}
