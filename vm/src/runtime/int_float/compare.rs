//! Comparisons, membership and identity of objects.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyFloat, PyInt, PyStr};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, PyObject, VirtualMachine};

use crate::runtime::abi::{Raw, give, obj, object, truth, vm};
use crate::runtime::int_float::math::holds;

/// The operators by their numbers in the entry points' documentation.
fn operator(op: i32) -> PyComparisonOp {
    match op {
        0 => PyComparisonOp::Lt,
        1 => PyComparisonOp::Le,
        2 => PyComparisonOp::Eq,
        3 => PyComparisonOp::Ne,
        4 => PyComparisonOp::Gt,
        _ => PyComparisonOp::Ge,
    }
}

/// Comparisons of exact ints, floats and strs.
#[inline]
pub fn plain(vm: &VirtualMachine, op: i32, a: &PyObject, b: &PyObject) -> Option<bool> {
    let class = a.class();
    if !class.is(b.class()) {
        return None;
    }
    let t = &vm.ctx.types;
    let ordering = if class.is(t.int_type) {
        let (a, b) = (a.downcast_ref::<PyInt>()?, b.downcast_ref::<PyInt>()?);
        a.as_bigint().cmp(b.as_bigint())
    } else if class.is(t.float_type) {
        let (a, b) = (a.downcast_ref::<PyFloat>()?, b.downcast_ref::<PyFloat>()?);
        match a.to_f64().partial_cmp(&b.to_f64()) {
            Some(ordering) => ordering,
            None => return Some(op == 3),
        }
    } else if class.is(t.str_type) {
        let (a, b) = (a.downcast_ref::<PyStr>()?, b.downcast_ref::<PyStr>()?);
        a.as_wtf8().cmp(b.as_wtf8())
    } else {
        return None;
    };
    Some(holds(op, ordering))
}

/// A rich comparison.
pub unsafe extern "C" fn compare(ctx: *mut RuntimeContext, op: i32, a: Raw, b: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (a, b) = (obj(a), obj(b));
        if let Some(result) = plain(vm(ctx), op, a, b) {
            return give(vm(ctx).ctx.new_bool(result));
        }
        object(ctx, |vm| a.rich_compare(b, operator(op), vm))
    }
}

/// A rich comparison as a truth value.
pub unsafe extern "C" fn compare_bool(ctx: *mut RuntimeContext, op: i32, a: Raw, b: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (a, b) = (obj(a), obj(b));
        if let Some(result) = plain(vm(ctx), op, a, b) {
            return i32::from(result);
        }
        // Not `rich_compare_bool`, which takes identical objects for equal.
        truth(ctx, |vm| a.rich_compare(b, operator(op), vm)?.try_to_bool(vm))
    }
}

/// Comparison of exact strs.
pub unsafe extern "C" fn str_compare(_: *mut RuntimeContext, op: i32, a: Raw, b: Raw) -> i32 {
    // SAFETY: compiled code passes live exact strs.
    let (a, b) = unsafe { (obj(a).downcast_unchecked_ref::<PyStr>(), obj(b).downcast_unchecked_ref::<PyStr>()) };
    i32::from(match op {
        2 => std::ptr::eq(a, b) || a.as_bytes() == b.as_bytes(),
        3 => !std::ptr::eq(a, b) && a.as_bytes() != b.as_bytes(),
        _ => holds(op, a.as_wtf8().cmp(b.as_wtf8())),
    })
}

/// Comparison of exact ints of any size.
pub unsafe extern "C" fn int_compare(_: *mut RuntimeContext, op: i32, a: Raw, b: Raw) -> i32 {
    // SAFETY: compiled code passes live exact ints.
    let (a, b) = unsafe { (obj(a).downcast_unchecked_ref::<PyInt>(), obj(b).downcast_unchecked_ref::<PyInt>()) };
    i32::from(holds(op, a.as_bigint().cmp(b.as_bigint())))
}

/// `item in container` (container first).
pub unsafe extern "C" fn contains(ctx: *mut RuntimeContext, container: Raw, item: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (container, item) = (obj(container), obj(item));
        truth(ctx, |vm| vm._contains(container, item))
    }
}
