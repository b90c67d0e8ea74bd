//! Subscripts and slices of any container.

use psycore_jit::ctx::Ctx;
use rustpython_vm::builtins::PySlice;
use rustpython_vm::{PyObjectRef, PyPayload, VirtualMachine};

use super::abi::{Raw, done, obj, object};

/// `container[key]`.
pub unsafe extern "C" fn get_item(ctx: *mut Ctx, container: Raw, key: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, key) = (obj(container), obj(key));
        object(ctx, |vm| container.get_item(key, vm))
    }
}

/// `container[key] = value`.
pub unsafe extern "C" fn set_item(ctx: *mut Ctx, container: Raw, key: Raw, value: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, key, value) = (obj(container), obj(key), obj(value));
        done(ctx, |vm| container.set_item(key, value.to_owned(), vm))
    }
}

/// `del container[key]`.
pub unsafe extern "C" fn del_item(ctx: *mut Ctx, container: Raw, key: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, key) = (obj(container), obj(key));
        done(ctx, |vm| container.del_item(key, vm))
    }
}

fn range(vm: &VirtualMachine, start: PyObjectRef, stop: PyObjectRef) -> PyObjectRef {
    PySlice { start: Some(start), stop, step: None }.into_ref(&vm.ctx).into()
}

/// `container[start:stop]`.
pub unsafe extern "C" fn get_slice(ctx: *mut Ctx, container: Raw, start: Raw, stop: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, start, stop) = (obj(container), obj(start), obj(stop));
        object(ctx, |vm| container.get_item(&*range(vm, start.to_owned(), stop.to_owned()), vm))
    }
}

/// `container[start:stop] = value` (container, start, stop, value).
pub unsafe extern "C" fn set_slice(
    ctx: *mut Ctx,
    container: Raw,
    start: Raw,
    stop: Raw,
    value: Raw,
) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, start, stop, value) = (obj(container), obj(start), obj(stop), obj(value));
        done(ctx, |vm| {
            let slice = range(vm, start.to_owned(), stop.to_owned());
            container.set_item(&*slice, value.to_owned(), vm)
        })
    }
}

/// `len(container)`, with its error.
pub unsafe extern "C" fn length(ctx: *mut Ctx, container: Raw) -> i64 {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let container = obj(container);
        super::abi::count(ctx, |vm| container.length(vm))
    }
}
