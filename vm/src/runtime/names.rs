//! Names: globals, names of a namespace, imports.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyDict, PyModule, PyStr};
use rustpython_vm::{AsObject, Py, PyObject, PyResult, TryFromObject, VirtualMachine};

use super::abi::{Raw, done, give, obj, object, vm};

/// # Safety
/// `p` is a live exact str.
unsafe fn name<'a>(p: Raw) -> &'a Py<PyStr> {
    // SAFETY: the caller's promise.
    unsafe { obj(p).downcast_unchecked_ref() }
}

fn is_key_error(vm: &VirtualMachine, e: &PyBaseExceptionRef) -> bool {
    e.fast_isinstance(vm.ctx.exceptions.key_error)
}

fn undefined(vm: &VirtualMachine, name: &Py<PyStr>) -> PyBaseExceptionRef {
    vm.new_name_error(format!("name '{name}' is not defined"), name.to_owned())
}

fn global(vm: &VirtualMachine, globals: &PyObject, builtins: &PyObject, name: &Py<PyStr>) -> PyResult {
    let Some(globals) = globals.downcast_ref::<PyDict>() else {
        return Err(vm.new_type_error("globals must be a dict"));
    };
    if let Some(builtins) = builtins.downcast_ref_if_exact::<PyDict>(vm) {
        return globals.get_chain(builtins, name, vm)?.ok_or_else(|| undefined(vm, name));
    }
    if let Some(value) = globals.get_item_opt(name, vm)? {
        return Ok(value);
    }
    builtins.get_item(name, vm).map_err(|e| if is_key_error(vm, &e) { undefined(vm, name) } else { e })
}

/// `LOAD_GLOBAL`: globals, builtins, name.
pub unsafe extern "C" fn load_global(ctx: *mut RuntimeContext, globals: Raw, builtins: Raw, n: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, live namespaces and a name.
    unsafe {
        let (globals, builtins, n) = (obj(globals), obj(builtins), name(n));
        object(ctx, |vm| global(vm, globals, builtins, n))
    }
}

/// `STORE_GLOBAL`: globals, name, value.
pub unsafe extern "C" fn store_global(ctx: *mut RuntimeContext, globals: Raw, n: Raw, value: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live dict, a name and a live object.
    unsafe {
        let (globals, n, value) = (obj(globals), name(n), obj(value));
        done(ctx, |vm| globals.set_item(n, value.to_owned(), vm))
    }
}

/// `DELETE_GLOBAL` and `DELETE_NAME`: namespace, name.
pub unsafe extern "C" fn delete_global(ctx: *mut RuntimeContext, namespace: Raw, n: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live namespace and a name.
    unsafe {
        let (namespace, n) = (obj(namespace), name(n));
        done(ctx, |vm| namespace.del_item(n, vm).map_err(|e| if is_key_error(vm, &e) { undefined(vm, n) } else { e }))
    }
}

/// `LOAD_NAME`: locals, globals, builtins, name.
pub unsafe extern "C" fn load_name(ctx: *mut RuntimeContext, locals: Raw, globals: Raw, builtins: Raw, n: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, live namespaces and a name.
    unsafe {
        let (locals, globals, builtins, n) = (obj(locals), obj(globals), obj(builtins), name(n));
        object(ctx, |vm| {
            if let Some(dict) = locals.downcast_ref_if_exact::<PyDict>(vm) {
                return match dict.get_item_opt(n, vm)? {
                    Some(value) => Ok(value),
                    None => global(vm, globals, builtins, n),
                };
            }
            match locals.get_item(n, vm) {
                Err(e) if is_key_error(vm, &e) => global(vm, globals, builtins, n),
                other => other,
            }
        })
    }
}

/// `STORE_NAME`: locals, name, value.
pub unsafe extern "C" fn store_name(ctx: *mut RuntimeContext, locals: Raw, n: Raw, value: Raw) -> i32 {
    // SAFETY: the same contract.
    unsafe { store_global(ctx, locals, n, value) }
}

/// `DELETE_NAME`: locals, name.
pub unsafe extern "C" fn delete_name(ctx: *mut RuntimeContext, locals: Raw, n: Raw) -> i32 {
    // SAFETY: the same contract.
    unsafe { delete_global(ctx, locals, n) }
}

/// `IMPORT_NAME`: name, level, list of names.
pub unsafe extern "C" fn import_name(ctx: *mut RuntimeContext, n: Raw, level: Raw, from: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a name and live objects.
    unsafe {
        let (n, level, from) = (name(n), obj(level), obj(from));
        object(ctx, |vm| {
            let level = usize::try_from_object(vm, level.to_owned())?;
            vm.import_from(n, from.to_owned(), level)
        })
    }
}

/// `IMPORT_FROM` where it is reading a variable of a module; else null, and nothing has happened.
pub unsafe extern "C" fn import_from(ctx: *mut RuntimeContext, module: Raw, n: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live object and a name.
    unsafe {
        let (module, n, vm) = (obj(module), name(n), vm(ctx));
        let found = module.downcast_ref_if_exact::<PyModule>(vm).and_then(|m| m.dict().get_item_opt(n, vm).ok().flatten());
        found.map_or(std::ptr::null_mut(), give)
    }
}
