//! Displays: lists, tuples, dicts, sets, slices, strings and formatted values.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PySet, PySlice, PyStr};
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::{PyObjectRef, PyPayload};

use super::abi::{Raw, give, obj, object, scratch, take, vm};
use super::pool;
use super::str::int_text;

/// Takes over the first `n` scratch words.
///
/// # Safety
/// `ctx` is valid and the words hold owned references.
#[inline]
unsafe fn taken(ctx: *mut RuntimeContext, n: i32) -> Vec<PyObjectRef> {
    // SAFETY: the caller's promise.
    (0..n as usize).map(|i| unsafe { take(scratch(ctx, i)) }).collect()
}

/// A list of `n` scratch words, whose references it takes over.
pub unsafe extern "C" fn build_list(ctx: *mut RuntimeContext, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context and owned references.
    unsafe { give(pool::new_list(vm(ctx), |items| items.extend((0..n as usize).map(|i| take(scratch(ctx, i)))))) }
}

/// A tuple, likewise.
pub unsafe extern "C" fn build_tuple(ctx: *mut RuntimeContext, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context and owned references.
    unsafe {
        let items = taken(ctx, n);
        give(vm(ctx).ctx.new_tuple(items))
    }
}

/// A dict of `n` pairs, key before value.
pub unsafe extern "C" fn build_map(ctx: *mut RuntimeContext, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context and owned references.
    unsafe {
        let words = taken(ctx, 2 * n);
        object(ctx, |vm| {
            let dict = vm.ctx.new_dict();
            let mut words = words.into_iter();
            while let (Some(key), Some(value)) = (words.next(), words.next()) {
                dict.set_item(&*key, value, vm)?;
            }
            Ok(dict.into())
        })
    }
}

/// A set.
pub unsafe extern "C" fn build_set(ctx: *mut RuntimeContext, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context and owned references.
    unsafe {
        let items = taken(ctx, n);
        object(ctx, |vm| {
            let set = PySet::default().into_ref(&vm.ctx);
            for item in items {
                set.add(item, vm)?;
            }
            Ok(set.into())
        })
    }
}

/// The concatenation of `n` strs.
pub unsafe extern "C" fn build_string(ctx: *mut RuntimeContext, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context and owned references to strs.
    unsafe {
        let parts = || (0..n as usize).map(|i| obj(scratch(ctx, i)).downcast_unchecked_ref::<PyStr>());
        let mut len = 0;
        if parts().all(|p| {
            pool::ascii(p).is_some_and(|p| {
                len += p.len();
                true
            })
        }) {
            let text = pool::new_ascii(vm(ctx), len, |mut to| {
                for p in parts() {
                    let p = p.as_bytes();
                    to.copy_from_nonoverlapping(p.as_ptr(), p.len());
                    to = to.add(p.len());
                }
            });
            (0..n as usize).for_each(|i| pool::drop_str(take(scratch(ctx, i))));
            return give(text);
        }
        let parts = taken(ctx, n);
        let parts = || parts.iter().map(|p| p.downcast_unchecked_ref::<PyStr>());
        let mut text = Wtf8Buf::with_capacity(parts().map(|p| p.byte_len()).sum());
        parts().for_each(|p| text.push_wtf8(p.as_wtf8()));
        give(vm(ctx).ctx.new_str(text))
    }
}

/// `slice(start, stop, step)`; a step of null is none.
pub unsafe extern "C" fn build_slice(ctx: *mut RuntimeContext, start: Raw, stop: Raw, step: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let slice = PySlice {
            start: Some(obj(start).to_owned()),
            stop: obj(stop).to_owned(),
            step: (!step.is_null()).then(|| obj(step).to_owned()),
        };
        give(slice.into_ref(&vm(ctx).ctx))
    }
}

/// `format(o, "")`.
pub unsafe extern "C" fn format_simple(ctx: *mut RuntimeContext, o: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let o = obj(o);
        object(ctx, |vm| match int_text(vm, o) {
            Some(text) => Ok(text),
            None => vm.format(o, vm.ctx.empty_str.to_owned()).map(Into::into),
        })
    }
}

/// `format(o, spec)`.
pub unsafe extern "C" fn format_with_spec(ctx: *mut RuntimeContext, o: Raw, spec: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live object and a str.
    unsafe {
        let (o, spec) = (obj(o), obj(spec));
        object(ctx, |vm| {
            let spec = spec.to_owned().try_downcast::<PyStr>(vm)?;
            vm.format(o, spec).map(Into::into)
        })
    }
}

/// `str`, `repr`, `ascii`: 1, 2, 3.
pub unsafe extern "C" fn convert_value(ctx: *mut RuntimeContext, how: i32, o: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let o = obj(o);
        object(ctx, |vm| match (how, int_text(vm, o)) {
            (1..=3, Some(text)) => Ok(text),
            (1, None) => o.str(vm).map(Into::into),
            (2, None) => o.repr(vm).map(Into::into),
            (3, None) => o.ascii(vm).map(Into::into),
            _ => Ok(o.to_owned()),
        })
    }
}

/// `tuple(list)` of an exact list.
pub unsafe extern "C" fn list_to_tuple(ctx: *mut RuntimeContext, list: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live exact list.
    unsafe {
        let list = obj(list).downcast_unchecked_ref::<rustpython_vm::builtins::PyList>();
        let items = list.borrow_vec().to_vec();
        give(vm(ctx).ctx.new_tuple(items))
    }
}
