//! Attributes of any object, by name.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyStr, descriptor::PyMethodDescriptor};
use rustpython_vm::function::PyMethodFlags;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::abi::{Raw, done, obj, object};

/// An attribute name; the specializer passes names of code objects, which are exact strs.
///
/// # Safety
/// `p` is a live exact str.
unsafe fn name<'a>(p: Raw) -> &'a Py<PyStr> {
    // SAFETY: the caller's promise.
    unsafe { obj(p).downcast_unchecked_ref() }
}

/// `o.name`.
pub unsafe extern "C" fn get_attr(ctx: *mut RuntimeContext, o: Raw, attr: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live object and a name.
    unsafe {
        let (o, attr) = (obj(o), name(attr));
        object(ctx, |vm| o.get_attr(attr, vm))
    }
}

/// `o.name = value` (object, name, value).
pub unsafe extern "C" fn set_attr(ctx: *mut RuntimeContext, o: Raw, attr: Raw, value: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, live objects and a name.
    unsafe {
        let (o, attr, value) = (obj(o), name(attr), obj(value));
        done(ctx, |vm| o.set_attr(attr, value.to_owned(), vm))
    }
}

/// `del o.name`.
pub unsafe extern "C" fn del_attr(ctx: *mut RuntimeContext, o: Raw, attr: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live object and a name.
    unsafe {
        let (o, attr) = (obj(o), name(attr));
        done(ctx, |vm| o.del_attr(attr, vm))
    }
}

/// What calling `o.name(...)` calls: a function, and whether it takes `o` as its first argument.
pub fn method(vm: &VirtualMachine, o: &PyObject, attr: &Py<PyStr>) -> PyResult<(PyObjectRef, bool)> {
    let class = o.class();
    let generic = vm.ctx.types.object_type.slots.getattro.load().map(|f| f as usize);
    let generic = class.slots.getattro.load().map(|f| f as usize) == generic;
    if generic
        && let Some(interned) = vm.ctx.interned_str(attr)
        && let Some(found) = class.get_attr(interned)
        && found.class().slots.flags.has_feature(PyTypeFlags::METHOD_DESCRIPTOR)
        && !found.downcast_ref::<PyMethodDescriptor>().is_some_and(|d| d.method.flags.contains(PyMethodFlags::CLASS))
    {
        if let Some(dict) = o.dict()
            && let Some(own) = dict.get_item_opt(attr, vm)?
        {
            return Ok((own, false));
        }
        return Ok((found, true));
    }
    Ok((o.get_attr(attr, vm)?, false))
}

/// Looks up what a call of `o.name` calls; `failed` says that it does not take the object.
pub unsafe extern "C" fn load_method(ctx: *mut RuntimeContext, o: Raw, attr: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live object and a name.
    unsafe {
        let (o, attr) = (obj(o), name(attr));
        object(ctx, |vm| {
            let (callable, takes_self) = method(vm, o, attr)?;
            (*ctx).failed = i32::from(!takes_self);
            Ok(callable)
        })
    }
}

/// `super(class, o).name` as `LOAD_SUPER_ATTR` does it: scratch words 0, 1, 2 are the global
/// `super`, the class and the object.
pub unsafe extern "C" fn load_super_attr(ctx: *mut RuntimeContext, attr: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, live objects and a name.
    unsafe {
        let attr = name(attr);
        let [global, class, o] = [0, 1, 2].map(|i| obj(super::abi::scratch(ctx, i)).to_owned());
        object(ctx, |vm| global.call((class, o), vm)?.get_attr(attr, vm))
    }
}
