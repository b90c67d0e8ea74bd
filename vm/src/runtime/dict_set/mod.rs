//! Operations on dicts and sets of exactly these types.

pub mod shape;
pub mod tables;

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyDict, PySet, PyStr};
use rustpython_vm::protocol::{PyIter, PyIterReturn};
use rustpython_vm::{AsObject, Py, TryFromObject};

use super::abi::{Raw, done, obj, vm};
use super::refs::release_later;

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

/// Adds to a set.
pub unsafe extern "C" fn set_add(ctx: *mut RuntimeContext, set: Raw, item: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact set and a live object.
    unsafe {
        let (set, item): (&Py<PySet>, _) = (obj(set).downcast_unchecked_ref(), obj(item));
        done(ctx, |vm| set.add(item.to_owned(), vm))
    }
}

/// `dict[key] = value` of an exact dict.
pub unsafe extern "C" fn map_add(ctx: *mut RuntimeContext, d: Raw, key: Raw, value: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact dict and live objects.
    unsafe {
        let (d, key, value) = (dict(d), obj(key), obj(value));
        done(ctx, |vm| d.inner_setitem(key, value.to_owned(), vm))
    }
}

/// Sets a str key of an exact dict. What it replaces dies later if Python code would notice.
pub unsafe extern "C" fn dict_set_str(ctx: *mut RuntimeContext, d: Raw, key: Raw, value: Raw) {
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

/// `DICT_UPDATE`: merges a mapping into an exact dict, with the error of `{**o}` where it is none.
pub unsafe extern "C" fn dict_update(ctx: *mut RuntimeContext, d: Raw, o: Raw) -> i32 {
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
pub unsafe extern "C" fn set_update(ctx: *mut RuntimeContext, s: Raw, o: Raw) -> i32 {
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
