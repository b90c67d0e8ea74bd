//! Names: deleting them, importing them.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyModule, PyStr};
use rustpython_vm::{AsObject, Py, TryFromObject};

use super::abi::{Raw, done, give, obj, object, vm};

/// # Safety
/// `p` is a live exact str.
unsafe fn name<'a>(p: Raw) -> &'a Py<PyStr> {
    // SAFETY: the caller's promise.
    unsafe { obj(p).downcast_unchecked_ref() }
}

/// `DELETE_GLOBAL` and `DELETE_NAME`: namespace, name.
pub unsafe extern "C" fn delete_global(ctx: *mut RuntimeContext, namespace: Raw, n: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live namespace and a name.
    unsafe {
        let (namespace, n) = (obj(namespace), name(n));
        done(ctx, |vm| {
            namespace.del_item(n, vm).map_err(|e| {
                if e.fast_isinstance(vm.ctx.exceptions.key_error) {
                    vm.new_name_error(format!("name '{n}' is not defined"), n.to_owned())
                } else {
                    e
                }
            })
        })
    }
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
