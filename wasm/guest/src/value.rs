//! Values between Python and the host: CBOR (RFC 8949).
//!
//! Integers of any size, floats, strings, bytes, lists and dicts are what they are there; `None` is null, tuples are
//! arrays, sets have tag 258. A function of the host is tag 50001 of `[number, name]`. Any other Python object is kept
//! here until the host releases it, and known there as tag 50002 of `[handle, class, callable, repr]`.

use crate::host;
use ciborium::Value;
use num_bigint::{BigInt, BigUint, Sign};
use psycore_abi::MAX_DEPTH;
use psycore_abi::tag::{BIG_NEGATIVE, BIG_POSITIVE, HOST_FUNCTION, OBJECT, SET};
use rustpython_vm::builtins::{
    PyBaseExceptionRef, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyStr, PyTuple,
};
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::types::{Callable, Representable};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine, pyclass};
use std::cell::RefCell;

/// Characters of a `repr` that the host is told.
const MAX_REPR: usize = 200;

/// Objects that the host knows by their place, and the places that are free.
#[derive(Default)]
struct Handles {
    objects: Vec<Option<PyObjectRef>>,
    free: Vec<usize>,
}

thread_local! {
    static HANDLES: RefCell<Handles> = RefCell::default();
}

fn keep(object: PyObjectRef) -> usize {
    HANDLES.with_borrow_mut(|h| match h.free.pop() {
        Some(place) => {
            h.objects[place] = Some(object);
            place
        }
        None => {
            h.objects.push(Some(object));
            h.objects.len() - 1
        }
    })
}

/// The object of a handle.
pub fn kept(handle: usize) -> Option<PyObjectRef> {
    HANDLES.with_borrow(|h| h.objects.get(handle).cloned().flatten())
}

/// Forgets an object. False if there is none.
pub fn release(handle: usize) -> bool {
    let object = HANDLES.with_borrow_mut(|h| {
        let object = h.objects.get_mut(handle)?.take()?;
        h.free.push(handle);
        Some(object)
    });
    // Dropped here: that may run Python code, and that may come back.
    object.is_some()
}

/// Forgets all objects: their interpreter ends.
pub fn release_all() {
    drop(HANDLES.with_borrow_mut(std::mem::take));
}

/// Text that CBOR can carry.
fn text(s: &PyStr) -> String {
    s.to_string_lossy().into_owned()
}

/// A Python object as the host sees it.
pub fn to_host(vm: &VirtualMachine, object: &PyObject) -> PyResult<Value> {
    convert(vm, object, 0)
}

fn convert(vm: &VirtualMachine, object: &PyObject, depth: usize) -> PyResult<Value> {
    if depth > MAX_DEPTH {
        return Err(vm.new_value_error(format!("the value is nested more than {MAX_DEPTH} levels deep")));
    }
    let items = |items: &[PyObjectRef]| items.iter().map(|item| convert(vm, item, depth + 1)).collect::<PyResult<Vec<Value>>>();
    Ok(if vm.is_none(object) {
        Value::Null
    } else if object.class().is(vm.ctx.types.bool_type) {
        Value::Bool(object.to_owned().try_to_bool(vm)?)
    } else if let Some(n) = object.downcast_ref::<PyInt>() {
        integer(n)
    } else if let Some(x) = object.downcast_ref::<PyFloat>() {
        Value::Float(x.to_f64())
    } else if let Some(s) = object.downcast_ref::<PyStr>() {
        Value::Text(text(s))
    } else if let Some(bytes) = object.downcast_ref::<PyBytes>() {
        Value::Bytes(bytes.as_bytes().to_vec())
    } else if let Some(bytes) = object.downcast_ref::<PyByteArray>() {
        Value::Bytes(bytes.borrow_buf().to_vec())
    } else if let Some(list) = object.downcast_ref::<PyList>() {
        // Converting runs Python code in `repr`, which may change the list.
        let copy = list.borrow_vec().to_vec();
        Value::Array(items(&copy)?)
    } else if let Some(tuple) = object.downcast_ref::<PyTuple>() {
        Value::Array(items(tuple.as_slice())?)
    } else if let Some(dict) = object.downcast_ref::<PyDict>() {
        let pairs: Vec<(PyObjectRef, PyObjectRef)> = dict.to_owned().into_iter().collect();
        let pairs = pairs.iter().map(|(k, v)| Ok((convert(vm, k, depth + 1)?, convert(vm, v, depth + 1)?)));
        Value::Map(pairs.collect::<PyResult<_>>()?)
    } else if object.downcast_ref::<PySet>().is_some() || object.downcast_ref::<PyFrozenSet>().is_some() {
        let all: Vec<PyObjectRef> = vm.extract_elements_with(object, Ok)?;
        Value::Tag(SET, Box::new(Value::Array(items(&all)?)))
    } else {
        let shown = object.repr(vm).map_or_else(|_| "<no repr>".to_owned(), |s| text(&s));
        let shown: String = shown.chars().take(MAX_REPR).collect();
        let class = object.class().name().to_string();
        let parts = vec![Value::from(keep(object.to_owned()) as u64), class.into(), object.is_callable().into(), shown.into()];
        Value::Tag(OBJECT, Box::new(Value::Array(parts)))
    })
}

fn integer(n: &PyInt) -> Value {
    let n = n.as_bigint();
    if let Ok(n) = i64::try_from(n) {
        return n.into();
    }
    let n: BigInt = n.to_string().parse().unwrap_or_default();
    let (sign, bytes) = match n.sign() {
        Sign::Minus => (BIG_NEGATIVE, (-n - 1i32).to_bytes_be().1),
        _ => (BIG_POSITIVE, n.to_bytes_be().1),
    };
    Value::Tag(sign, Box::new(Value::Bytes(bytes)))
}

/// A value of the host as a Python object.
pub fn from_host(vm: &VirtualMachine, value: &Value) -> PyResult {
    let bad = |what: &str| Err(vm.new_value_error(format!("the host sent {what}")));
    let ctx = &vm.ctx;
    Ok(match value {
        Value::Null => ctx.none(),
        Value::Bool(b) => ctx.new_bool(*b).into(),
        Value::Integer(n) => {
            let n = i128::from(*n);
            match i64::try_from(n) {
                Ok(n) => ctx.new_int(n).into(),
                Err(_) => ctx.new_int(n).into(),
            }
        }
        Value::Float(x) => ctx.new_float(*x).into(),
        Value::Text(s) => ctx.new_str(s.as_str()).into(),
        Value::Bytes(b) => ctx.new_bytes(b.clone()).into(),
        Value::Array(items) => {
            let items = items.iter().map(|item| from_host(vm, item)).collect::<PyResult<Vec<_>>>()?;
            ctx.new_list(items).into()
        }
        Value::Map(pairs) => {
            let dict = ctx.new_dict();
            for (key, value) in pairs {
                dict.set_item(&*from_host(vm, key)?, from_host(vm, value)?, vm)?;
            }
            dict.into()
        }
        Value::Tag(tag @ (BIG_POSITIVE | BIG_NEGATIVE), inner) => {
            let Value::Bytes(bytes) = &**inner else { return bad("an integer without digits") };
            let n = BigInt::from(BigUint::from_bytes_be(bytes));
            let n = if *tag == BIG_NEGATIVE { -n - 1i32 } else { n };
            let int: PyObjectRef = ctx.types.int_type.to_owned().into();
            // Hexadecimal: decimal digits are limited in number.
            int.call((format!("{n:x}"), 16), vm)?
        }
        Value::Tag(SET, inner) => {
            let items = from_host(vm, inner)?;
            let set: PyObjectRef = ctx.types.set_type.to_owned().into();
            set.call((items,), vm)?
        }
        Value::Tag(HOST_FUNCTION, inner) => match inner.as_array().map(Vec::as_slice) {
            Some([Value::Integer(number), Value::Text(name)]) => {
                let Ok(number) = u32::try_from(i128::from(*number)) else { return bad("a function with too high a number") };
                PyHostFunction { number, name: name.clone() }.into_ref(ctx).into()
            }
            _ => return bad("a function without number and name"),
        },
        Value::Tag(OBJECT, inner) => {
            let handle = inner.as_array().and_then(|parts| parts.first()).and_then(Value::as_integer);
            match handle.and_then(|h| usize::try_from(i128::from(h)).ok()).and_then(kept) {
                Some(object) => object,
                None => return bad("an object that it has released"),
            }
        }
        Value::Tag(tag, _) => return bad(&format!("a value with the unknown tag {tag}")),
        _ => return bad("a value of an unknown kind"),
    })
}

/// A function of the host. The host knows how many objects it has sent for each, and is told when one goes.
#[pyclass(module = "builtins", name = "host_function")]
#[derive(Debug, PyPayload)]
pub struct PyHostFunction {
    number: u32,
    name: String,
}

/// Makes the class of the host's functions, before there are any.
pub fn make_class() {
    let _ = PyHostFunction::make_static_type();
}

impl Drop for PyHostFunction {
    fn drop(&mut self) {
        host::release(self.number);
    }
}

impl Callable for PyHostFunction {
    type Args = FuncArgs;

    fn call(zelf: &Py<Self>, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        call_host(vm, zelf.number, &args)
    }
}

impl Representable for PyHostFunction {
    fn repr_str(zelf: &Py<Self>, _: &VirtualMachine) -> PyResult<String> {
        Ok(format!("<host function {}>", zelf.name))
    }
}

#[pyclass(with(Callable, Representable), flags(DISALLOW_INSTANTIATION))]
impl PyHostFunction {
    #[pygetset]
    fn __name__(zelf: &Py<Self>) -> String {
        zelf.name.clone()
    }

    #[pygetset]
    fn __qualname__(zelf: &Py<Self>) -> String {
        zelf.name.clone()
    }
}

fn call_host(vm: &VirtualMachine, number: u32, args: &FuncArgs) -> PyResult {
    let positional = args.args.iter().map(|a| to_host(vm, a)).collect::<PyResult<Vec<_>>>()?;
    let named =
        args.kwargs.iter().map(|(k, v)| Ok((Value::from(k.to_string()), to_host(vm, v)?))).collect::<PyResult<Vec<_>>>()?;
    let request = encode(&Value::Array(vec![number.into(), Value::Array(positional), Value::Map(named)]));
    let answer = host::call_host(&request).and_then(|bytes| decode(&bytes).ok());
    match answer.as_ref().and_then(Value::as_map).map(Vec::as_slice) {
        Some([(Value::Text(key), value)]) if key == "value" => from_host(vm, value),
        Some([(Value::Text(key), Value::Array(parts))]) if key == "error" => match &parts[..] {
            [Value::Text(class), Value::Text(message)] => Err(exception(vm, class, message)),
            _ => Err(vm.new_runtime_error("the host failed".to_owned())),
        },
        _ => Err(vm.new_runtime_error("the host gave no answer".to_owned())),
    }
}

/// An exception by the name of a builtin class; a `RuntimeError` where there is none of that name.
fn exception(vm: &VirtualMachine, class: &str, message: &str) -> PyBaseExceptionRef {
    let made = vm.builtins.get_attr(vm.ctx.intern_str(class), vm).and_then(|class| class.call((message,), vm));
    match made.ok().and_then(|e| e.downcast().ok()) {
        Some(exception) => exception,
        None => vm.new_runtime_error(message.to_owned()),
    }
}

/// Bytes of a value.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A Vec takes all there is.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

/// The value of bytes.
pub fn decode(bytes: &[u8]) -> Result<Value, String> {
    ciborium::from_reader(bytes).map_err(|e| e.to_string())
}
