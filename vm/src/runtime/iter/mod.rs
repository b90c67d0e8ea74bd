//! Iterators: making them, advancing them, unpacking what they give.

pub mod iterators;

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyDict, PyList, PyTuple};
use rustpython_vm::protocol::{PyIter, PyIterReturn};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};

use super::abi::{Raw, done, guarded, obj, object, raise, vm};

/// `iter(o)`.
pub unsafe extern "C" fn get_iter(ctx: *mut RuntimeContext, o: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let o = obj(o);
        object(ctx, |vm| PyIter::try_from_object(vm, o.to_owned()).map(Into::into))
    }
}

/// The next item; null at the end, and null with `failed` set when it raised.
pub unsafe extern "C" fn iter_next(ctx: *mut RuntimeContext, iter: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        (*ctx).failed = 0;
        let iter = obj(iter);
        match guarded(vm(ctx), |vm| PyIter::new(iter).next(vm)) {
            Ok(PyIterReturn::Return(item)) => super::abi::give(item),
            Ok(PyIterReturn::StopIteration(_)) => std::ptr::null_mut(),
            Err(e) => {
                (*ctx).failed = 1;
                raise(ctx, e);
                std::ptr::null_mut()
            }
        }
    }
}

/// Whether iterating over `o` can't even begin.
fn is_not_iterable(vm: &VirtualMachine, o: &PyObject) -> bool {
    o.class().slots.iter.load().is_none() && o.get_class_attr(vm.ctx.intern_str("__getitem__")).is_none()
}

/// Rewrites the error of an object that is not iterable, and leaves errors of its iterator alone.
fn or_not_iterable<T>(
    vm: &VirtualMachine,
    not_iterable: bool,
    result: PyResult<T>,
    message: impl FnOnce() -> String,
) -> PyResult<T> {
    result.map_err(|e| if not_iterable && e.class().is(vm.ctx.exceptions.type_error) { vm.new_type_error(message()) } else { e })
}

fn unpack_exactly(vm: &VirtualMachine, o: &PyObject, n: usize) -> PyResult<Vec<PyObjectRef>> {
    let wrong = |got: usize| {
        let how = if got > n { "too many" } else { "not enough" };
        vm.new_value_error(format!("{how} values to unpack (expected {n}, got {got})"))
    };
    let class = o.class();
    let known = if class.is(vm.ctx.types.tuple_type) {
        o.downcast_ref::<PyTuple>().map(|t| t.as_slice().to_vec())
    } else if class.is(vm.ctx.types.list_type) {
        o.downcast_ref::<PyList>().map(|l| l.borrow_vec().to_vec())
    } else {
        None
    };
    if let Some(items) = known {
        return if items.len() == n { Ok(items) } else { Err(wrong(items.len())) };
    }
    let not_iterable = is_not_iterable(vm, o);
    let iter = or_not_iterable(vm, not_iterable, PyIter::try_from_object(vm, o.to_owned()), || {
        format!("cannot unpack non-iterable {} object", o.class().name())
    })?;
    let mut items = Vec::with_capacity(n);
    while items.len() < n {
        match iter.next(vm)? {
            PyIterReturn::Return(item) => items.push(item),
            PyIterReturn::StopIteration(_) => return Err(wrong(items.len())),
        }
    }
    match iter.next(vm)? {
        PyIterReturn::StopIteration(_) => Ok(items),
        PyIterReturn::Return(_) => {
            if o.downcast_ref_if_exact::<PyDict>(vm).is_some()
                && let Ok(got) = o.length(vm)
                && got > n
            {
                return Err(wrong(got));
            }
            Err(vm.new_value_error(format!("too many values to unpack (expected {n})")))
        }
    }
}

/// A tuple of the `n` items of a sequence.
pub unsafe extern "C" fn unpack_sequence(ctx: *mut RuntimeContext, o: Raw, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let o = obj(o);
        object(ctx, |vm| Ok(vm.ctx.new_tuple(unpack_exactly(vm, o, n as usize)?).into()))
    }
}

/// `a, b, *rest, c = o`: a tuple of `before` items, the list of the rest and `after` items.
pub unsafe extern "C" fn unpack_ex(ctx: *mut RuntimeContext, o: Raw, before: i32, after: i32) -> Raw {
    // SAFETY: as for `unpack_sequence`.
    unsafe {
        let o = obj(o);
        let (before, after) = (before as usize, after as usize);
        object(ctx, |vm| {
            let not_iterable = is_not_iterable(vm, o);
            let mut items = or_not_iterable(vm, not_iterable, o.try_to_value::<Vec<PyObjectRef>>(vm), || {
                format!("cannot unpack non-iterable {} object", o.class().name())
            })?;
            let Some(rest) = items.len().checked_sub(before + after) else {
                return Err(vm.new_value_error(format!(
                    "not enough values to unpack (expected at least {}, got {})",
                    before + after,
                    items.len()
                )));
            };
            let middle = items.drain(before..before + rest).collect();
            items.insert(before, vm.ctx.new_list(middle).into());
            Ok(vm.ctx.new_tuple(items).into())
        })
    }
}

/// `LIST_EXTEND`: appends the items of an iterable, with the error of `[*o]` where it is none.
pub unsafe extern "C" fn list_extend(ctx: *mut RuntimeContext, list: Raw, o: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact list and a live object.
    unsafe {
        let (list, o) = (obj(list), obj(o));
        done(ctx, |vm| {
            let class = o.class();
            let plain = if class.is(vm.ctx.types.list_type) {
                o.downcast_ref::<PyList>().map(|l| l.borrow_vec().to_vec())
            } else if class.is(vm.ctx.types.tuple_type) {
                o.downcast_ref::<PyTuple>().map(|t| t.as_slice().to_vec())
            } else {
                None
            };
            if let (Some(items), Some(list)) = (plain, list.downcast_ref::<PyList>()) {
                list.borrow_vec_mut().extend(items);
                return Ok(());
            }
            let not_iterable = is_not_iterable(vm, o);
            let extended = vm.call_method(list, "extend", (o.to_owned(),));
            or_not_iterable(vm, not_iterable, extended, || {
                format!("Value after * must be an iterable, not {}", o.class().name())
            })?;
            Ok(())
        })
    }
}
