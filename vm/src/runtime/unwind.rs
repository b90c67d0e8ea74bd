//! Raising and handling exceptions: tracebacks, the exception that is being handled, `except`, `with`.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyStrInterned, PyTuple};
use rustpython_vm::exceptions::ExceptionCtor;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine, identifier};

use super::abi::{Raw, give, obj, object, take, truth, vm};
use super::call::call_positional;
use crate::deopt::traceback;
use crate::object::frame::FrameRef;

/// The exception that is raised at a unit of the running frame, with traceback entry and context.
pub unsafe extern "C" fn raised(ctx: *mut RuntimeContext, exception: Raw, pc: i32) -> Raw {
    // SAFETY: compiled code passes its own context, whose frame is the live one, and an owned exception
    // or null where an entry point has left one.
    unsafe {
        let vm = vm(ctx);
        let word =
            if exception.is_null() { std::mem::replace(&mut (*ctx).exception, std::ptr::null_mut()).cast() } else { exception };
        let exception: PyBaseExceptionRef = if word.is_null() {
            vm.new_system_error("compiled code found no exception")
        } else {
            match take(word).downcast() {
                Ok(e) => e,
                Err(_) => vm.new_system_error("compiled code raised something else than an exception"),
            }
        };
        let frame = FrameRef((*ctx).frame.cast());
        traceback::trace(frame, frame.code(), pc as u32, &exception, false, vm);
        give(exception)
    }
}

/// Leaves an owned exception for the caller of compiled code.
pub unsafe extern "C" fn raise_out(ctx: *mut RuntimeContext, exception: Raw) {
    // SAFETY: compiled code passes its own context and an exception that it owns.
    unsafe { (*ctx).exception = exception.cast() }
}

/// Makes an exception (None: none) the one that is being handled; gives the one before.
pub unsafe extern "C" fn swap_handled(ctx: *mut RuntimeContext, exception: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live exception or None.
    unsafe {
        let vm = vm(ctx);
        // Held here, so that nothing dies while it is replaced.
        let before = vm.current_exception();
        vm.set_exception(obj(exception).to_owned().downcast().ok());
        before.map_or_else(|| give(vm.ctx.none()), give)
    }
}

/// The exception that is being handled, by the innermost frame that handles one.
pub unsafe extern "C" fn handled(ctx: *mut RuntimeContext) -> Raw {
    // SAFETY: compiled code passes its own context.
    unsafe {
        object(ctx, |vm| match traceback::handled(vm) {
            Some(e) => Ok(e.into()),
            None => Err(vm.new_runtime_error("No active exception to reraise")),
        })
    }
}

/// Whether an exception is an instance of a class of exceptions; 2 where its own class decides.
pub unsafe extern "C" fn exc_match(ctx: *mut RuntimeContext, exception: Raw, class: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, an exception and a class.
    unsafe {
        let vm = vm(ctx);
        let of = obj(exception).class();
        if of.is(obj(class)) || of.fast_issubclass(obj(class)) {
            return 1;
        }
        let object = vm.ctx.types.object_type;
        let name = identifier!(vm, __class__);
        let same = |a: Option<PyObjectRef>, b: Option<PyObjectRef>| match (a, b) {
            (Some(a), Some(b)) => a.is(&b),
            _ => false,
        };
        let plain = of.slots.getattro.load().map(|f| f as usize) == object.slots.getattro.load().map(|f| f as usize)
            && same(of.get_attr(name), object.get_attr(name));
        if plain { 0 } else { 2 }
    }
}

/// Whether `except types` takes an exception.
pub unsafe extern "C" fn exc_matches(ctx: *mut RuntimeContext, exception: Raw, types: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (exception, types) = (obj(exception), obj(types));
        truth(ctx, |vm| {
            let base = vm.ctx.exceptions.base_exception_type.as_object();
            let check = |class: &PyObject| {
                if class.is_subclass(base, vm)? {
                    return Ok(());
                }
                Err(vm.new_type_error("catching classes that do not inherit from BaseException is not allowed"))
            };
            match types.downcast_ref::<PyTuple>() {
                Some(all) => all.iter().try_for_each(|class| check(class))?,
                None => check(types)?,
            }
            exception.is_instance(types, vm)
        })
    }
}

/// What `raise value from cause` raises.
pub unsafe extern "C" fn make_exception(ctx: *mut RuntimeContext, value: Raw, cause: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects, the second or null.
    unsafe {
        let value = obj(value).to_owned();
        let cause = (!cause.is_null()).then(|| obj(cause).to_owned());
        object(ctx, |vm| {
            let cause = match cause {
                None => None,
                Some(cause) if vm.is_none(&cause) => Some(None),
                Some(cause) => {
                    let made = ExceptionCtor::try_from_object(vm, cause)
                        .map_err(|_| vm.new_type_error("exception causes must derive from BaseException"))?;
                    Some(Some(made.instantiate(vm)?))
                }
            };
            let exception = ExceptionCtor::try_from_object(vm, value)?.instantiate(vm)?;
            if let Some(cause) = cause {
                exception.set_cause(cause);
            }
            Ok(exception.into())
        })
    }
}

/// The name of a method by its number in `LOAD_SPECIAL`.
pub fn special_method(vm: &VirtualMachine, which: u32) -> Option<&'static PyStrInterned> {
    match which {
        0 => Some(identifier!(vm, __enter__)),
        1 => Some(identifier!(vm, __exit__)),
        _ => None,
    }
}

/// Looks up a method that instances can't replace; `failed` says that it does not take the object.
pub unsafe extern "C" fn load_special(ctx: *mut RuntimeContext, o: Raw, which: i32) -> Raw {
    // SAFETY: compiled code passes its own context, a live object and the number of a method.
    unsafe {
        let o = obj(o);
        object(ctx, |vm| {
            let (callable, takes_self) = special(vm, o, which as u32)?;
            (*ctx).failed = i32::from(!takes_self);
            Ok(callable)
        })
    }
}

fn special(vm: &VirtualMachine, o: &PyObject, which: u32) -> PyResult<(PyObjectRef, bool)> {
    let class = o.class();
    let Some(name) = special_method(vm, which) else {
        return Err(vm.new_system_error("an unknown special method"));
    };
    if let Some(found) = class.get_attr(name) {
        if found.class().slots.flags.has_feature(PyTypeFlags::METHOD_DESCRIPTOR) {
            return Ok((found, true));
        }
        match vm.call_get_descriptor_specific(&found, Some(o), Some(class.as_object())) {
            None => return Ok((found, false)),
            Some(Ok(bound)) => return Ok((bound, false)),
            Some(Err(e)) if !e.fast_isinstance(vm.ctx.exceptions.attribute_error) => return Err(e),
            Some(Err(_)) => {}
        }
    }
    let has = |name: &'static PyStrInterned| class.get_attr(name).is_some();
    let asynchronous = has(identifier!(vm, __aenter__)) && has(identifier!(vm, __aexit__));
    let mut message = format!("'{}' object does not support the context manager protocol (missed {name} method)", class.name());
    if asynchronous {
        message += " but it supports the asynchronous context manager protocol. Did you mean to use 'async with'?";
    }
    Err(vm.new_type_error(message))
}

/// Calls `__exit__` (function, self or null) with the exception that is being handled.
pub unsafe extern "C" fn with_except_start(ctx: *mut RuntimeContext, exit: Raw, owner: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects, the second or null.
    unsafe {
        let exit = obj(exit);
        let owner = (!owner.is_null()).then(|| obj(owner).to_owned());
        object(ctx, |vm| {
            let none = || vm.ctx.none();
            let (class, value, traceback) = match vm.current_exception() {
                Some(e) => vm.split_exception(e),
                None => (none(), none(), none()),
            };
            let mut args = Vec::with_capacity(5);
            args.extend(owner);
            args.extend([class, value, traceback]);
            call_positional(vm, exit, args)
        })
    }
}
