//! Subscripts of any container.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyDict, PyInt, PyList, PyStr, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::abi::{Raw, done, obj, object};
use super::int_float::arith::small;

/// The place that an int means in a sequence of `len` items.
fn place(vm: &VirtualMachine, key: &PyObject, len: usize) -> Option<usize> {
    let i = small(key.downcast_ref_if_exact::<PyInt>(vm)?)?;
    let i = if i < 0 { i.checked_add(len as i64)? } else { i };
    usize::try_from(i).ok().filter(|i| *i < len)
}

/// The usual subscripts; none for all that the general way must see.
#[inline]
pub fn plain_item(vm: &VirtualMachine, container: &PyObject, key: &PyObject) -> Option<PyObjectRef> {
    let class = container.class();
    if class.is(vm.ctx.types.list_type) {
        let items = container.downcast_ref::<PyList>()?.borrow_vec();
        place(vm, key, items.len()).map(|i| items[i].clone())
    } else if class.is(vm.ctx.types.tuple_type) {
        let items = container.downcast_ref::<PyTuple>()?.as_slice();
        place(vm, key, items.len()).map(|i| items[i].clone())
    } else if class.is(vm.ctx.types.dict_type) {
        // An error comes up again in the general way.
        let key = key.downcast_ref_if_exact::<PyStr>(vm)?;
        container.downcast_ref::<PyDict>()?.get_item_opt(key, vm).ok()?
    } else {
        None
    }
}

fn store_item(vm: &VirtualMachine, container: &PyObject, key: &PyObject, value: PyObjectRef) -> PyResult<()> {
    let class = container.class();
    if class.is(vm.ctx.types.list_type)
        && let Some(list) = container.downcast_ref::<PyList>()
    {
        let mut items = list.borrow_vec_mut();
        if let Some(i) = place(vm, key, items.len()) {
            // What was there may run Python code when it dies: not while the list is locked.
            let old = std::mem::replace(&mut items[i], value);
            drop(items);
            drop(old);
            return Ok(());
        }
    } else if class.is(vm.ctx.types.dict_type)
        && let Some(dict) = container.downcast_ref::<PyDict>()
        && let Some(key) = key.downcast_ref_if_exact::<PyStr>(vm)
    {
        return dict.inner_setitem(key, value, vm);
    }
    container.set_item(key, value, vm)
}

/// `container[key]`.
pub unsafe extern "C" fn get_item(ctx: *mut RuntimeContext, container: Raw, key: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, key) = (obj(container), obj(key));
        object(ctx, |vm| match plain_item(vm, container, key) {
            Some(item) => Ok(item),
            None => container.get_item(key, vm),
        })
    }
}

/// `container[key] = value`.
pub unsafe extern "C" fn set_item(ctx: *mut RuntimeContext, container: Raw, key: Raw, value: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, key, value) = (obj(container), obj(key), obj(value));
        done(ctx, |vm| store_item(vm, container, key, value.to_owned()))
    }
}

/// `del container[key]`.
pub unsafe extern "C" fn del_item(ctx: *mut RuntimeContext, container: Raw, key: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, key) = (obj(container), obj(key));
        done(ctx, |vm| container.del_item(key, vm))
    }
}
