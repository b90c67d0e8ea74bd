//! `match`: what patterns of sequences, mappings and classes ask of their subject.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PySet, PyStr, PyTuple, PyType};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine};

use super::abi::{Raw, obj, object};

/// Whether an object is a sequence (0) or a mapping (1) for `match`.
pub unsafe extern "C" fn match_kind(_: *mut RuntimeContext, subject: Raw, kind: i32) -> i32 {
    let flag = if kind == 0 { PyTypeFlags::SEQUENCE } else { PyTypeFlags::MAPPING };
    // SAFETY: compiled code passes a live object.
    i32::from(unsafe { obj(subject) }.class().has_patma_collection_flag(flag))
}

/// The values of a mapping's keys, or None.
pub unsafe extern "C" fn match_keys(ctx: *mut RuntimeContext, subject: Raw, keys: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live object and an exact tuple.
    unsafe {
        let (subject, keys) = (obj(subject), obj(keys));
        object(ctx, |vm| {
            let keys = keys.downcast_unchecked_ref::<PyTuple>().as_slice();
            Ok(match values_of(vm, subject, keys)? {
                Some(values) => vm.ctx.new_tuple(values).into(),
                None => vm.ctx.none(),
            })
        })
    }
}

fn values_of(vm: &VirtualMachine, subject: &PyObject, keys: &[PyObjectRef]) -> PyResult<Option<Vec<PyObjectRef>>> {
    if !subject.class().has_patma_collection_flag(PyTypeFlags::MAPPING) {
        return Ok(None);
    }
    let get = match subject.get_class_attr(vm.ctx.intern_str("get")) {
        Some(_) => Some(subject.get_attr("get", vm)?),
        None => None,
    };
    let absent: PyObjectRef = vm.ctx.new_base_object(vm.ctx.types.object_type.to_owned(), None);
    let seen = PySet::default().into_ref(&vm.ctx);
    let mut values = Vec::with_capacity(keys.len());
    for key in keys {
        if vm.call_method(seen.as_object(), "__contains__", (key.clone(),))?.is(&vm.ctx.true_value) {
            let key = key.repr(vm)?;
            return Err(vm.new_value_error(format!("mapping pattern checks duplicate key ({key})")));
        }
        seen.add(key.clone(), vm)?;
        let value = match &get {
            Some(get) => get.call((key.clone(), absent.clone()), vm)?,
            None => match subject.get_item(&**key, vm) {
                Err(e) if e.fast_isinstance(vm.ctx.exceptions.key_error) => return Ok(None),
                value => value?,
            },
        };
        if value.is(&absent) {
            return Ok(None);
        }
        values.push(value);
    }
    Ok(Some(values))
}

/// The attributes that the patterns of a class ask for, or None.
pub unsafe extern "C" fn match_class(ctx: *mut RuntimeContext, subject: Raw, class: Raw, names: Raw, positional: i32) -> Raw {
    // SAFETY: compiled code passes its own context, live objects and an exact tuple of strs.
    unsafe {
        let (subject, class, names) = (obj(subject), obj(class), obj(names));
        object(ctx, |vm| {
            let names = names.downcast_unchecked_ref::<PyTuple>().as_slice();
            Ok(match attributes_of(vm, subject, class, names, positional as usize)? {
                Some(values) => vm.ctx.new_tuple(values).into(),
                None => vm.ctx.none(),
            })
        })
    }
}

fn attributes_of(
    vm: &VirtualMachine,
    subject: &PyObject,
    class: &PyObject,
    names: &[PyObjectRef],
    positional: usize,
) -> PyResult<Option<Vec<PyObjectRef>>> {
    let Some(ty) = class.downcast_ref::<PyType>() else {
        return Err(vm.new_type_error("called match pattern must be a class"));
    };
    if !subject.is_instance(class, vm)? {
        return Ok(None);
    }
    let wrong = |most: usize| {
        let plural = if most == 1 { "" } else { "s" };
        let name = ty.name();
        vm.new_type_error(format!("{name}() accepts {most} positional sub-pattern{plural} ({positional} given)"))
    };
    let mut values = Vec::new();
    let mut asked: Vec<PyObjectRef> = Vec::new();
    if positional > 0 {
        match vm.get_attribute_opt(class, vm.ctx.intern_str("__match_args__"))? {
            Some(args) => {
                let Some(args) = args.downcast_ref_if_exact::<PyTuple>(vm) else {
                    return Err(vm.new_type_error(format!(
                        "{}.__match_args__ must be a tuple (got {})",
                        ty.name(),
                        args.class().__name__(vm)
                    )));
                };
                let args = args.as_slice();
                if args.len() < positional {
                    return Err(wrong(args.len()));
                }
                asked.extend(args[..positional].iter().cloned());
            }
            None if ty.slots.flags.has_feature(PyTypeFlags::_MATCH_SELF) => {
                if positional > 1 {
                    return Err(wrong(1));
                }
                values.push(subject.to_owned());
            }
            None => return Err(wrong(0)),
        }
    }
    let by_position = asked.len();
    asked.extend(names.iter().cloned());
    let seen = PySet::default().into_ref(&vm.ctx);
    for (i, name) in asked.iter().enumerate() {
        let Some(attr) = name.downcast_ref::<PyStr>() else {
            debug_assert!(i < by_position);
            let got = name.class().name();
            return Err(vm.new_type_error(format!("__match_args__ elements must be strings (got {got})")));
        };
        if vm.call_method(seen.as_object(), "__contains__", (name.clone(),))?.is(&vm.ctx.true_value) {
            let (class, attr) = (ty.name(), name.repr(vm)?);
            return Err(vm.new_type_error(format!("{class}() got multiple sub-patterns for attribute {attr}")));
        }
        seen.add(name.clone(), vm)?;
        match subject.get_attr(attr, vm) {
            Ok(value) => values.push(value),
            Err(e) if e.fast_isinstance(vm.ctx.exceptions.attribute_error) => return Ok(None),
            Err(e) => return Err(e),
        }
    }
    Ok(Some(values))
}
