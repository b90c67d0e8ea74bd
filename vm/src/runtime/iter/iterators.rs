//! Iterators that compiled code steps by itself: making those over dicts, looking at them, and taking others apart
//! when a loop is entered in the middle.

use std::cell::RefCell;

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyRange, PyTuple};
use rustpython_vm::object::Traverse;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyPayload, VirtualMachine};

use crate::object::layout::word;
use crate::object::probe::iter::sizes;
use crate::runtime::abi::{Raw, give, guarded, obj, vm};
use crate::runtime::int_float::arith::small;

/// The end of the dict.
const END: i64 = -1;
/// Only the interpreter can tell.
const ODD: i64 = -2;

/// An iterator over an exact dict or one of its views.
pub unsafe extern "C" fn table_iter(ctx: *mut RuntimeContext, o: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and such an object.
    unsafe {
        let o = obj(o);
        let iter = guarded(vm(ctx), |vm| o.get_iter(vm));
        iter.map_or_else(|_| give(vm(ctx).ctx.none()), |iter| give(PyObjectRef::from(iter)))
    }
}

/// The methods of `dict` that make views.
const VIEWS: [&str; 3] = ["keys", "values", "items"];

thread_local! {
    static MAKERS: RefCell<Vec<PyObjectRef>> = const { RefCell::new(Vec::new()) };
}

/// `keys()`, `values()` or `items()` of an exact dict: 0, 1, 2.
pub unsafe extern "C" fn dict_view(ctx: *mut RuntimeContext, d: Raw, which: i32) -> Raw {
    // SAFETY: compiled code passes its own context and a live exact dict.
    unsafe {
        let (vm, d) = (vm(ctx), obj(d));
        let maker = MAKERS.with_borrow_mut(|makers| {
            if makers.is_empty() {
                // Methods of a builtin type stay what they are.
                let of = |name| vm.ctx.types.dict_type.get_attr(vm.ctx.intern_str(name));
                makers.extend(VIEWS.iter().filter_map(|name| of(*name)));
            }
            makers.get(which as usize).cloned()
        });
        let view = guarded(vm, |vm| match maker {
            Some(maker) => maker.call((d.to_owned(),), vm),
            None => Err(vm.new_runtime_error("dict has no views")),
        });
        view.map_or_else(|_| give(vm.ctx.none()), give)
    }
}

/// The index of the entry that such an iterator gives next; -1 at the end, -2 where the dict has changed.
pub unsafe extern "C" fn dict_iter_peek(ctx: *mut RuntimeContext, iter: Raw) -> i64 {
    // SAFETY: compiled code passes its own context and a live iterator over a dict that has not ended. While it runs
    // no other thread does.
    unsafe {
        let Some(sizes) = sizes(vm(ctx)) else { return ODD };
        let iter = iter.addr();
        let dict = word(iter, sizes.iter_dict);
        if (0..4).any(|i| word(iter, sizes.iter[i]) != word(dict, sizes.dict[i])) || word(dict, sizes.table.lock) != 0 {
            return ODD;
        }
        let (entries, len) = (word(dict, sizes.table.entries), word(dict, sizes.dict[1]));
        let mut position = word(iter, sizes.iter_position);
        while position < len {
            if word(entries + position * sizes.table.stride, sizes.mark) != 0 {
                return position as i64;
            }
            position += 1;
        }
        END
    }
}

/// What `__reduce__` of an iterator of a builtin class says.
fn reduced(vm: &VirtualMachine, iter: &PyObject) -> Option<PyObjectRef> {
    let state = guarded(vm, |vm| vm.call_method(iter, "__reduce__", ())).ok()?;
    state.downcast_ref_if_exact::<PyTuple>(vm).is_some().then_some(state)
}

/// What an iterator of a builtin class iterates over (part 0), or part `i` of a `zip` without `strict`: borrowed,
/// null if it can't be taken apart.
pub unsafe extern "C" fn iter_part(ctx: *mut RuntimeContext, iter: Raw, index: i32) -> Raw {
    // SAFETY: compiled code passes its own context and a live iterator, which keeps its parts alive.
    unsafe {
        let (vm, iter) = (vm(ctx), obj(iter));
        if iter.class().is(vm.ctx.types.zip_type) {
            let strict = reduced(vm, iter).and_then(|s| Some(s.downcast_ref::<PyTuple>()?.as_slice().len() != 2));
            if strict != Some(false) {
                return std::ptr::null_mut();
            }
        }
        let mut part: Raw = std::ptr::null_mut();
        let mut n = 0;
        iter.traverse(&mut |o| {
            if n == index {
                part = o.as_raw().cast_mut();
            }
            n += 1;
        });
        part
    }
}

/// The position of a sequence's iterator, or the next number of an `enumerate`; -1 if it has none.
pub unsafe extern "C" fn iter_position(ctx: *mut RuntimeContext, iter: Raw) -> i64 {
    // SAFETY: compiled code passes its own context and a live iterator.
    unsafe {
        let (vm, iter) = (vm(ctx), obj(iter));
        let number = || {
            let state = reduced(vm, iter)?;
            let state = state.downcast_ref::<PyTuple>()?.as_slice();
            let number = if iter.class().is(vm.ctx.types.enumerate_type) {
                state.get(1)?.downcast_ref::<PyTuple>()?.as_slice().get(1)?.clone()
            } else {
                state.get(2)?.clone()
            };
            small(number.downcast_ref()?)
        };
        number().filter(|n| *n >= 0).unwrap_or(END)
    }
}

/// A range object: start, stop, step (not 0).
pub unsafe extern "C" fn new_range(ctx: *mut RuntimeContext, start: i64, stop: i64, step: i64) -> Raw {
    // SAFETY: compiled code passes its own context.
    let ctx = unsafe { &vm(ctx).ctx };
    give(PyRange { start: ctx.new_int(start), stop: ctx.new_int(stop), step: ctx.new_int(step) }.into_ref(ctx))
}
