//! Calls of any callable, with arguments from the scratch words.
//!
//! The arguments are copied out before anything else happens, since the callee may come back
//! into compiled code and use the scratch words again.

pub mod function;
pub mod instance;

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyDict, PyFloat, PyFunction, PyInt, PyStr, PyTuple, PyType};
use rustpython_vm::function::{FuncArgs, KwArgs};
use rustpython_vm::object::Traverse;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine, identifier};

use super::abi::{Raw, done, obj, object, scratch, vm};
use super::dict_set::shape::shape;
use super::int_float::arith::small;
use super::python_call;
use super::str::int_text;

/// Calls with positional arguments; `args` has room for one more.
#[inline]
pub fn call_positional(vm: &VirtualMachine, callable: &PyObject, mut args: Vec<PyObjectRef>) -> PyResult {
    let class = callable.class();
    if class.is(vm.ctx.types.function_type) {
        if let Some(f) = callable.downcast_ref::<PyFunction>()
            && let Some(target) = python_call::target(f, args.len())
        {
            return python_call::call(vm, f, target, args);
        }
    } else if class.is(vm.ctx.types.bound_method_type) {
        if let Some((object, f)) = method_parts(callable)
            && let Some(target) = python_call::target(&f, args.len() + 1)
        {
            args.insert(0, object);
            return python_call::call(vm, &f, target, args);
        }
    } else if let [arg] = &args[..]
        && let Some(result) = converted(vm, callable, arg)
    {
        return result;
    } else if class.is(vm.ctx.types.type_type)
        && let Some(class) = callable.downcast_ref::<PyType>()
        && has_plain_new(vm, class)
        && let Some(init) = class.get_attr(identifier!(vm, __init__))
        && let Some(init) = init.downcast_ref_if_exact::<PyFunction>(vm)
        && let Some(target) = python_call::target(init, args.len() + 1)
    {
        let object = instance(vm, class)?;
        args.insert(0, object.clone());
        let result = python_call::call(vm, init, target, args)?;
        if !vm.is_none(&result) {
            return Err(vm.new_type_error(format!("__init__() should return None, not '{:.200}'", result.class().name())));
        }
        // Compiled code that uses it will ask for the shape of its dict.
        if let Some(dict) = object.dict() {
            shape(vm, &dict);
        }
        return Ok(object);
    }
    let n = args.len();
    callable.vectorcall(args, n, None, vm)
}

/// `float(arg)`, `int(arg)`, `str(arg)`, `type(arg)` in their usual cases.
fn converted(vm: &VirtualMachine, class: &PyObject, arg: &PyObject) -> Option<PyResult> {
    let t = &vm.ctx.types;
    if class.is(t.float_type.as_object()) {
        if arg.downcast_ref_if_exact::<PyFloat>(vm).is_some() {
            return Some(Ok(arg.to_owned()));
        }
        let i = small(arg.downcast_ref_if_exact::<PyInt>(vm)?)?;
        (i.unsigned_abs() <= 1 << 53).then(|| Ok(vm.ctx.new_float(i as f64).into()))
    } else if class.is(t.int_type.as_object()) {
        if arg.downcast_ref_if_exact::<PyInt>(vm).is_some() {
            return Some(Ok(arg.to_owned()));
        }
        let f = arg.downcast_ref_if_exact::<PyFloat>(vm)?.to_f64();
        (f.abs() < 9e18).then(|| Ok(vm.ctx.new_int(f as i64).into()))
    } else if class.is(t.str_type.as_object()) {
        Some(match int_text(vm, arg) {
            Some(text) => Ok(text),
            None => arg.str(vm).map(Into::into),
        })
    } else if class.is(t.type_type.as_object()) {
        Some(Ok(arg.class().to_owned().into()))
    } else {
        None
    }
}

/// Whether instances of a class are instances of another one; none where looking at an instance may run Python code.
pub fn is_subclass(vm: &VirtualMachine, class: &Py<PyType>, of: &Py<PyType>) -> Option<bool> {
    if class.fast_issubclass(of) {
        return Some(true);
    }
    // An instance may say by its `__class__` that it is something else.
    let object = vm.ctx.types.object_type;
    let plain = class.slots.getattro.load().map(|f| f as usize) == object.slots.getattro.load().map(|f| f as usize)
        && match (class.get_attr(identifier!(vm, __class__)), object.get_attr(identifier!(vm, __class__))) {
            (Some(own), Some(usual)) => own.is(&usual),
            _ => false,
        };
    plain.then_some(false)
}

/// `isinstance(o, class)` of a class whose own class is `type`; -1 where that may run Python code.
pub unsafe extern "C" fn is_instance_plain(ctx: *mut RuntimeContext, o: Raw, class: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live object and such a class.
    unsafe {
        let of: &Py<PyType> = obj(class).downcast_unchecked_ref();
        is_subclass(vm(ctx), obj(o).class(), of).map_or(-1, i32::from)
    }
}

/// The object and the function of a bound method, where that is a Python function.
fn method_parts(method: &PyObject) -> Option<(PyObjectRef, PyRef<PyFunction>)> {
    // Its fields are private; traversing it visits them in their order.
    let mut parts = [None, None];
    let mut n = 0;
    method.traverse(&mut |part| {
        if let Some(place) = parts.get_mut(n) {
            *place = Some(part.to_owned());
        }
        n += 1;
    });
    match (n, parts) {
        (2, [Some(object), Some(function)]) => Some((object, function.downcast().ok()?)),
        _ => None,
    }
}

/// Whether instances are made by `object.__new__` and hold nothing but a dict and slots.
pub fn has_plain_new(vm: &VirtualMachine, class: &Py<PyType>) -> bool {
    let object = &vm.ctx.types.object_type.slots;
    class.slots.flags.has_feature(PyTypeFlags::HEAPTYPE)
        && class.slots.new.load().map(|f| f as usize) == object.new.load().map(|f| f as usize)
        && class.slots.alloc.load().map(|f| f as usize) == object.alloc.load().map(|f| f as usize)
}

fn instance(vm: &VirtualMachine, class: &Py<PyType>) -> PyResult {
    match class.slots.alloc.load() {
        Some(alloc) => alloc(class.to_owned(), 0, vm),
        None => Err(vm.new_type_error(format!("cannot create '{}' instances", class.name()))),
    }
}

/// A new instance of a class whose `__new__` is `object`'s, before `__init__`.
pub unsafe extern "C" fn new_instance(ctx: *mut RuntimeContext, class: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and such a class.
    unsafe {
        let class: &Py<PyType> = obj(class).downcast_unchecked_ref();
        object(ctx, |vm| instance(vm, class))
    }
}

/// The first `n` scratch words, with references of their own and room for one more.
///
/// # Safety
/// `ctx` is valid and the words hold live objects.
#[inline]
unsafe fn arguments(ctx: *mut RuntimeContext, n: i32) -> Vec<PyObjectRef> {
    let n = n as usize;
    let mut args = Vec::with_capacity(n + 1);
    // SAFETY: the caller's promise.
    args.extend((0..n).map(|i| unsafe { obj(scratch(ctx, i)).to_owned() }));
    args
}

/// Calls with `n` positional arguments from the scratch words.
pub unsafe extern "C" fn call(ctx: *mut RuntimeContext, callable: Raw, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let callable = obj(callable);
        object(ctx, |vm| {
            let words = (*ctx).scratch.as_ptr();
            let class = callable.class();
            let called = if class.is(vm.ctx.types.function_type) {
                python_call::call_borrowed(vm, callable.downcast_unchecked_ref(), None, words, n as usize)
            } else if class.is(vm.ctx.types.bound_method_type)
                && let Some((object, f)) = method_parts(callable)
            {
                // Both may be all that holds them.
                python_call::call_borrowed(vm, &f, Some(object.as_object().as_raw().cast_mut()), words, n as usize)
            } else {
                None
            };
            match called {
                Some(result) => result,
                None => call_positional(vm, callable, arguments(ctx, n)),
            }
        })
    }
}

/// Calls with `n` arguments from the scratch words, the last of them named by the tuple.
pub unsafe extern "C" fn call_kw(ctx: *mut RuntimeContext, callable: Raw, n: i32, names: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, live objects and a tuple of strs.
    unsafe {
        let (callable, names) = (obj(callable), obj(names));
        let args = arguments(ctx, n);
        object(ctx, |vm| {
            let names = names.downcast_unchecked_ref::<PyTuple>().as_slice();
            let positional = args.len() - names.len();
            callable.vectorcall(args, positional, Some(names), vm)
        })
    }
}

/// How error messages name a callable.
fn described(vm: &VirtualMachine, callable: &PyObject) -> String {
    let text = |o: PyObjectRef| o.downcast_ref::<PyStr>().map(|s| s.to_string_lossy().into_owned());
    let Some(qualname) = callable.get_attr("__qualname__", vm).ok().and_then(text) else {
        return callable.repr(vm).map_or_else(|_| "?".to_owned(), |r| r.to_string_lossy().into_owned());
    };
    match callable.get_attr("__module__", vm).ok().and_then(text) {
        Some(module) if module != "builtins" => format!("{module}.{qualname}()"),
        _ => format!("{qualname}()"),
    }
}

/// The keyword arguments of `f(**mapping)`.
fn keywords(vm: &VirtualMachine, callable: &PyObject, mapping: &PyObject) -> PyResult<KwArgs> {
    let mut result = KwArgs::default();
    let mut add = |key: PyObjectRef, value: PyObjectRef| {
        let Some(key) = key.downcast_ref::<PyStr>() else {
            return Err(vm.new_type_error("keywords must be strings"));
        };
        result.insert(key.as_wtf8().to_owned(), value);
        Ok(())
    };
    if let Some(dict) = mapping.downcast_ref_if_exact::<PyDict>(vm) {
        for (key, value) in dict.items_vec() {
            add(key, value)?;
        }
        return Ok(result);
    }
    let Some(keys) = mapping.lookup_special(vm.ctx.intern_str("keys"), vm)? else {
        return Err(vm.new_type_error(format!(
            "{} argument after ** must be a mapping, not {}",
            described(vm, callable),
            mapping.class().slot_name()
        )));
    };
    let keys = keys.call((), vm)?;
    for key in keys.try_to_value::<Vec<PyObjectRef>>(vm)? {
        let value = mapping.get_item(&*key, vm)?;
        add(key, value)?;
    }
    Ok(result)
}

/// `f(*args, **kwargs)`: what comes before the arguments (or null), an iterable and a mapping (or null).
pub unsafe extern "C" fn call_ex(ctx: *mut RuntimeContext, callable: Raw, first: Raw, args: Raw, kwargs: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (callable, args) = (obj(callable), obj(args));
        let mapping = (!kwargs.is_null()).then(|| obj(kwargs));
        object(ctx, |vm| {
            let kwargs = match mapping {
                Some(mapping) => keywords(vm, callable, mapping)?,
                None => KwArgs::default(),
            };
            let mut args: Vec<PyObjectRef> = match args.downcast_ref::<PyTuple>() {
                Some(tuple) => tuple.as_slice().to_vec(),
                None => {
                    let not_iterable = args.class().slots.iter.load().is_none()
                        && args.get_class_attr(vm.ctx.intern_str("__getitem__")).is_none();
                    args.try_to_value(vm).map_err(|e| {
                        if not_iterable && e.class().is(vm.ctx.exceptions.type_error) {
                            vm.new_type_error(format!(
                                "{} argument after * must be an iterable, not {}",
                                described(vm, callable),
                                args.class().slot_name()
                            ))
                        } else {
                            e
                        }
                    })?
                }
            };
            if !first.is_null() {
                args.insert(0, obj(first).to_owned());
            }
            if kwargs.is_empty() {
                return call_positional(vm, callable, args);
            }
            callable.call_with_args(FuncArgs { args, kwargs }, vm)
        })
    }
}

/// `DICT_MERGE`: adds the keyword arguments of `f(**mapping)` to those that came before.
pub unsafe extern "C" fn dict_merge(ctx: *mut RuntimeContext, callable: Raw, d: Raw, mapping: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, live objects and an exact dict.
    unsafe {
        let (callable, mapping) = (obj(callable), obj(mapping));
        let d: &Py<PyDict> = obj(d).downcast_unchecked_ref();
        done(ctx, |vm| {
            let twice = |key: &PyObject| -> PyResult<()> {
                let key = key.str(vm)?;
                Err(vm.new_type_error(format!("{} got multiple values for keyword argument '{key}'", described(vm, callable))))
            };
            if let Some(source) = mapping.downcast_ref_if_exact::<PyDict>(vm) {
                for (key, value) in source.items_vec() {
                    if d.contains_key(&*key, vm) {
                        return twice(&key);
                    }
                    d.set_item(&*key, value, vm)?;
                }
                return Ok(());
            }
            if mapping.get_class_attr(vm.ctx.intern_str("keys")).is_none() {
                return Err(vm.new_type_error(format!(
                    "{} argument after ** must be a mapping, not {}",
                    described(vm, callable),
                    mapping.class().name()
                )));
            }
            let keys = vm.call_method(mapping, "keys", ())?;
            for key in keys.try_to_value::<Vec<PyObjectRef>>(vm)? {
                if d.contains_key(&*key, vm) {
                    return twice(&key);
                }
                let value = vm.call_method(mapping, "__getitem__", (key.clone(),))?;
                d.set_item(&*key, value, vm)?;
            }
            Ok(())
        })
    }
}
