//! What builtins do with lists, tuples and strs whose items run no Python code when they are compared, added or tested:
//! exact ints, floats, strs, bools and None. Everything else is for the general way, and the answer says so.

use std::cmp::Ordering;

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyFloat, PyInt, PyList, PyStr, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use crate::runtime::abi::{Raw, give, obj, object, vm};
use crate::runtime::int_float::arith::small;
use crate::runtime::pool::{self, ascii};

/// Not there.
const ABSENT: i64 = -1;
/// Only the general way can tell.
const ODD: i64 = -2;
/// Stands for None in slices.
const NONE: i64 = i64::MIN;

/// Runs `f` with the items of an exact list or tuple.
fn with_items<R>(vm: &VirtualMachine, seq: &PyObject, f: impl FnOnce(&[PyObjectRef]) -> Option<R>) -> Option<R> {
    if seq.class().is(vm.ctx.types.list_type) {
        f(&seq.downcast_ref::<PyList>()?.borrow_vec())
    } else if seq.class().is(vm.ctx.types.tuple_type) {
        f(seq.downcast_ref::<PyTuple>()?.as_slice())
    } else {
        None
    }
}

fn or_null(result: Option<PyObjectRef>) -> Raw {
    result.map_or(std::ptr::null_mut(), give)
}

/// An item whose arithmetic is known.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

fn number(vm: &VirtualMachine, o: &PyObject) -> Option<Number> {
    match o.downcast_ref_if_exact::<PyInt>(vm) {
        Some(i) => small(i).map(Number::Int),
        None => Some(Number::Float(o.downcast_ref_if_exact::<PyFloat>(vm)?.to_f64())),
    }
}

fn sum(vm: &VirtualMachine, items: &[PyObjectRef]) -> Option<PyObjectRef> {
    // Ints below this are the same number as floats.
    const EXACT: i64 = 1 << 53;
    let mut total = Number::Int(0);
    for item in items {
        total = match (total, number(vm, item)?) {
            (Number::Int(a), Number::Int(b)) => Number::Int(a.checked_add(b)?),
            (Number::Int(a), Number::Float(b)) if a.abs() <= EXACT => Number::Float(a as f64 + b),
            (Number::Float(a), Number::Int(b)) if b.abs() <= EXACT => Number::Float(a + b as f64),
            (Number::Float(a), Number::Float(b)) => Number::Float(a + b),
            _ => return None,
        };
    }
    Some(match total {
        Number::Int(i) => vm.ctx.new_int(i).into(),
        Number::Float(f) => vm.ctx.new_float(f).into(),
    })
}

/// `sum(x)` of an exact list or tuple; null where only the general way can tell.
pub unsafe extern "C" fn seq_sum(ctx: *mut RuntimeContext, seq: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe { or_null(with_items(vm(ctx), obj(seq), |items| sum(vm(ctx), items))) }
}

/// Classes whose objects have an order among themselves that runs no Python code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ordered {
    Int,
    Float,
    Str,
}

fn ordered(vm: &VirtualMachine, o: &PyObject) -> Option<Ordered> {
    let (class, t) = (o.class(), &vm.ctx.types);
    if class.is(t.int_type) {
        Some(Ordered::Int)
    } else if class.is(t.float_type) {
        Some(Ordered::Float)
    } else if class.is(t.str_type) {
        Some(Ordered::Str)
    } else {
        None
    }
}

/// The class of all items, if they have one.
fn one_order(vm: &VirtualMachine, items: &[PyObjectRef]) -> Option<Ordered> {
    let first = ordered(vm, items.first()?)?;
    items.iter().all(|o| ordered(vm, o) == Some(first)).then_some(first)
}

/// How two objects of the class compare; none for NaN.
fn order(kind: Ordered, a: &PyObject, b: &PyObject) -> Option<Ordering> {
    match kind {
        Ordered::Int => {
            let (a, b) = (a.downcast_ref::<PyInt>()?, b.downcast_ref::<PyInt>()?);
            Some(a.as_bigint().cmp(b.as_bigint()))
        }
        Ordered::Float => {
            let (a, b) = (a.downcast_ref::<PyFloat>()?, b.downcast_ref::<PyFloat>()?);
            a.to_f64().partial_cmp(&b.to_f64())
        }
        Ordered::Str => {
            let (a, b) = (a.downcast_ref::<PyStr>()?, b.downcast_ref::<PyStr>()?);
            Some(a.as_wtf8().cmp(b.as_wtf8()))
        }
    }
}

/// `min(x)` 0, `max(x)` 1 of an exact list or tuple; null where only the general way can tell.
pub unsafe extern "C" fn seq_extreme(ctx: *mut RuntimeContext, which: i32, seq: Raw) -> Raw {
    let beyond = if which == 0 { Ordering::Less } else { Ordering::Greater };
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let vm = vm(ctx);
        or_null(with_items(vm, obj(seq), |items| {
            let kind = one_order(vm, items)?;
            // The first of equal ones stays; nothing is beyond NaN.
            let mut best = items.first()?;
            for item in &items[1..] {
                if order(kind, item, best) == Some(beyond) {
                    best = item;
                }
            }
            Some(best.clone())
        }))
    }
}

/// The items in order, equal ones as they were.
fn sorted(vm: &VirtualMachine, items: &[PyObjectRef]) -> Option<Vec<PyObjectRef>> {
    if items.is_empty() {
        return Some(Vec::new());
    }
    let kind = one_order(vm, items)?;
    if kind == Ordered::Int
        && let Some(mut keyed) =
            items.iter().map(|o| Some((small(o.downcast_ref()?)?, o))).collect::<Option<Vec<(i64, &PyObjectRef)>>>()
    {
        keyed.sort_by_key(|(key, _)| *key);
        return Some(keyed.into_iter().map(|(_, o)| o.clone()).collect());
    }
    if kind == Ordered::Float && items.iter().any(|o| order(kind, o, o).is_none()) {
        return None;
    }
    let mut out = items.to_vec();
    out.sort_by(|a, b| order(kind, a, b).unwrap_or(Ordering::Equal));
    Some(out)
}

/// `sorted(x)` of an exact list or tuple; null where only the general way can tell.
pub unsafe extern "C" fn seq_sorted(ctx: *mut RuntimeContext, seq: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let vm = vm(ctx);
        or_null(with_items(vm, obj(seq), |items| sorted(vm, items)).map(|items| vm.ctx.new_list(items).into()))
    }
}

/// The truth of an object, if that runs no Python code.
fn plain_truth(vm: &VirtualMachine, o: &PyObject) -> Option<bool> {
    if o.is(&vm.ctx.true_value) {
        Some(true)
    } else if o.is(&vm.ctx.false_value) || vm.is_none(o) {
        Some(false)
    } else if let Some(s) = o.downcast_ref_if_exact::<PyStr>(vm) {
        Some(!s.as_bytes().is_empty())
    } else {
        Some(match number(vm, o)? {
            Number::Int(i) => i != 0,
            Number::Float(f) => f != 0.0,
        })
    }
}

/// `any(x)` 0, `all(x)` 1 of an exact list or tuple; -1 where only the general way can tell.
pub unsafe extern "C" fn seq_truth(ctx: *mut RuntimeContext, which: i32, seq: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let vm = vm(ctx);
        let decides = which == 0;
        let found = with_items(vm, obj(seq), |items| {
            for item in items {
                if plain_truth(vm, item)? == decides {
                    return Some(decides);
                }
            }
            Some(!decides)
        });
        found.map_or(-1, i32::from)
    }
}

/// Whether an item is the object or equal to it, if that runs no Python code.
fn same(vm: &VirtualMachine, item: &PyObject, o: &PyObject) -> Option<bool> {
    if item.is(o) {
        return Some(true);
    }
    let t = &vm.ctx.types;
    let constant = |o: &PyObject| vm.is_none(o);
    if constant(item) || constant(o) {
        // None is equal to nothing else that is known here.
        let other = if constant(item) { o } else { item };
        return (ordered(vm, other).is_some() || other.class().is(t.bool_type) || constant(other)).then_some(false);
    }
    match (ordered(vm, item)?, ordered(vm, o)?) {
        (a, b) if a == b => Some(order(a, item, o) == Some(Ordering::Equal)),
        (Ordered::Str, _) | (_, Ordered::Str) => Some(false),
        // An int and a float.
        _ => match (number(vm, item)?, number(vm, o)?) {
            (Number::Int(i), Number::Float(f)) | (Number::Float(f), Number::Int(i)) => {
                (i.abs() <= 1 << 53).then_some(i as f64 == f)
            }
            _ => None,
        },
    }
}

/// The first place of an item in an exact list or tuple; -1 where it is not, -2 where only the general way can tell.
pub unsafe extern "C" fn seq_find(ctx: *mut RuntimeContext, seq: Raw, item: Raw) -> i64 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (vm, wanted) = (vm(ctx), obj(item));
        let found = with_items(vm, obj(seq), |items| {
            if let Some(Number::Int(n)) = number(vm, wanted) {
                // The usual case without calls.
                for (i, item) in items.iter().enumerate() {
                    let equal = match item.downcast_ref_if_exact::<PyInt>(vm) {
                        Some(item) => small(item) == Some(n),
                        None => same(vm, item, wanted)?,
                    };
                    if equal {
                        return Some(i as i64);
                    }
                }
                return Some(ABSENT);
            }
            for (i, item) in items.iter().enumerate() {
                if same(vm, item, wanted)? {
                    return Some(i as i64);
                }
            }
            Some(ABSENT)
        });
        found.unwrap_or(ODD)
    }
}

/// The places that a slice takes: first, how many, step.
fn places(start: i64, stop: i64, step: i64, len: usize) -> (i64, usize, i64) {
    let len = len as i64;
    let (low, high) = if step < 0 { (-1, len - 1) } else { (0, len) };
    let clamp = |i: i64| if i < 0 { i.saturating_add(len).max(low) } else { i.min(high) };
    let start = if start == NONE { if step < 0 { high } else { low } } else { clamp(start) };
    let stop = if stop == NONE { if step < 0 { low } else { high } } else { clamp(stop) };
    let (way, stride) = if step < 0 { (start - stop, step.unsigned_abs()) } else { (stop - start, step as u64) };
    let count = if way <= 0 { 0 } else { (way as u64 - 1) / stride + 1 };
    (start, count as usize, step)
}

fn taken<T: Clone>(items: &[T], (start, count, step): (i64, usize, i64)) -> Vec<T> {
    if step == 1 {
        return items[start as usize..start as usize + count].to_vec();
    }
    (0..count as i64).map(|i| items[(start + i * step) as usize].clone()).collect()
}

/// `s[start:stop:step]` of an exact list, tuple, str or bytes; [`NONE`] is None, and the step is not 0.
pub unsafe extern "C" fn seq_slice(ctx: *mut RuntimeContext, seq: Raw, start: i64, stop: i64, step: i64) -> Raw {
    // SAFETY: compiled code passes its own context and a live object of one of these classes.
    unsafe {
        let (vm, seq) = (vm(ctx), obj(seq));
        let step = if step == NONE { 1 } else { step };
        if let Some(list) = seq.downcast_ref::<PyList>() {
            let items = list.borrow_vec();
            let part = taken(&items, places(start, stop, step, items.len()));
            drop(items);
            return give(vm.ctx.new_list(part));
        }
        if let Some(tuple) = seq.downcast_ref::<PyTuple>() {
            let items = tuple.as_slice();
            let part = places(start, stop, step, items.len());
            return give(vm.ctx.new_tuple(taken(items, part)));
        }
        if let Some(bytes) = ascii_of(seq) {
            let part = places(start, stop, step, bytes.len());
            // A str of its own, also where it is one character: that is what a slice gives.
            if part.1 == 0 {
                return give(vm.ctx.new_str(""));
            }
            let (first, count, step) = part;
            return give(pool::new_ascii(vm, count, |to| {
                for i in 0..count {
                    // SAFETY: as many bytes as the new str has, from places within the old one.
                    to.add(i).write(bytes[(first + i as i64 * step) as usize]);
                }
            }));
        }
        let number = |i: i64| -> PyObjectRef { if i == NONE { vm.ctx.none() } else { vm.ctx.new_int(i).into() } };
        object(ctx, |vm| {
            use rustpython_vm::PyPayload;
            use rustpython_vm::builtins::PySlice;
            let slice = PySlice { start: Some(number(start)), stop: number(stop), step: Some(number(step)) };
            seq.get_item(slice.into_ref(&vm.ctx).as_object(), vm)
        })
    }
}

/// The bytes of an exact ASCII str.
fn ascii_of(o: &PyObject) -> Option<&[u8]> {
    o.downcast_ref::<PyStr>().and_then(|s| ascii(s))
}

/// `list(x)` of an object whose iteration runs no Python code.
pub unsafe extern "C" fn to_list(ctx: *mut RuntimeContext, o: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and such an object.
    unsafe {
        let o = obj(o);
        object(ctx, |vm| {
            let items = match with_items(vm, o, |items| Some(items.to_vec())) {
                Some(items) => items,
                None => o.try_to_value::<Vec<PyObjectRef>>(vm)?,
            };
            Ok(vm.ctx.new_list(items).into())
        })
    }
}
