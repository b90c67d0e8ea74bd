//! Operators on objects: `BINARY_OP`, the unary operators and truth.
//!
//! Operators on unboxed numbers are in `math`.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyFloat, PyInt};
use rustpython_vm::bytecode::BinaryOperator;
use rustpython_vm::{AsObject, Py, PyObject, PyResult, VirtualMachine};

use crate::runtime::abi::{Raw, obj, object, truth, vm};
use crate::runtime::refs::{new_float, new_int};

/// The operator of a `BINARY_OP`, inplace variants and subscripts included.
pub fn binary(vm: &VirtualMachine, op: BinaryOperator, a: &PyObject, b: &PyObject) -> PyResult {
    use BinaryOperator as Op;
    match op {
        Op::Add => vm._add(a, b),
        Op::InplaceAdd => vm._iadd(a, b),
        Op::Subtract => vm._sub(a, b),
        Op::InplaceSubtract => vm._isub(a, b),
        Op::Multiply => vm._mul(a, b),
        Op::InplaceMultiply => vm._imul(a, b),
        Op::MatrixMultiply => vm._matmul(a, b),
        Op::InplaceMatrixMultiply => vm._imatmul(a, b),
        Op::Power => vm._pow(a, b, vm.ctx.none.as_object()),
        Op::InplacePower => vm._ipow(a, b, vm.ctx.none.as_object()),
        Op::TrueDivide => vm._truediv(a, b),
        Op::InplaceTrueDivide => vm._itruediv(a, b),
        Op::FloorDivide => vm._floordiv(a, b),
        Op::InplaceFloorDivide => vm._ifloordiv(a, b),
        Op::Remainder => vm._mod(a, b),
        Op::InplaceRemainder => vm._imod(a, b),
        Op::Lshift => vm._lshift(a, b),
        Op::InplaceLshift => vm._ilshift(a, b),
        Op::Rshift => vm._rshift(a, b),
        Op::InplaceRshift => vm._irshift(a, b),
        Op::Xor => vm._xor(a, b),
        Op::InplaceXor => vm._ixor(a, b),
        Op::Or => vm._or(a, b),
        Op::InplaceOr => vm._ior(a, b),
        Op::And => vm._and(a, b),
        Op::InplaceAnd => vm._iand(a, b),
        Op::Subscr => a.get_item(b, vm),
    }
}

/// The value of an exact int that fits.
#[inline]
pub fn small(i: &Py<PyInt>) -> Option<i64> {
    i64::try_from(i.as_bigint()).ok()
}

/// `+ - * // % & | ^` of ints that fit, where the result fits too.
#[inline]
fn small_op(op: BinaryOperator, a: i64, b: i64) -> Option<i64> {
    use BinaryOperator as Op;
    match op {
        Op::Add | Op::InplaceAdd => a.checked_add(b),
        Op::Subtract | Op::InplaceSubtract => a.checked_sub(b),
        Op::Multiply | Op::InplaceMultiply => a.checked_mul(b),
        Op::FloorDivide | Op::InplaceFloorDivide => {
            let q = a.checked_div(b)?;
            Some(if a % b != 0 && (a < 0) != (b < 0) { q - 1 } else { q })
        }
        Op::Remainder | Op::InplaceRemainder => {
            let r = a.checked_rem(b)?;
            Some(if r != 0 && (r < 0) != (b < 0) { r + b } else { r })
        }
        Op::And | Op::InplaceAnd => Some(a & b),
        Op::Or | Op::InplaceOr => Some(a | b),
        Op::Xor | Op::InplaceXor => Some(a ^ b),
        _ => None,
    }
}

/// The value of an exact float, or of an exact int that a float holds exactly.
#[inline]
fn as_float(vm: &VirtualMachine, o: &PyObject) -> Option<f64> {
    if let Some(f) = o.downcast_ref_if_exact::<PyFloat>(vm) {
        return Some(f.to_f64());
    }
    let i = small(o.downcast_ref_if_exact::<PyInt>(vm)?)?;
    (i.unsigned_abs() <= 1 << 53).then_some(i as f64)
}

/// `+ - * /` of floats, where they don't raise.
#[inline]
fn float_op(op: BinaryOperator, a: f64, b: f64) -> Option<f64> {
    use BinaryOperator as Op;
    match op {
        Op::Add | Op::InplaceAdd => Some(a + b),
        Op::Subtract | Op::InplaceSubtract => Some(a - b),
        Op::Multiply | Op::InplaceMultiply => Some(a * b),
        Op::TrueDivide | Op::InplaceTrueDivide if b != 0.0 => Some(a / b),
        _ => None,
    }
}

/// Any binary operator on any objects.
pub unsafe extern "C" fn binary_op(ctx: *mut RuntimeContext, op: i32, a: Raw, b: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (vm, x, y) = (vm(ctx), obj(a), obj(b));
        let op = operator(op);
        if let Some(x) = x.downcast_ref_if_exact::<PyInt>(vm)
            && let Some(y) = y.downcast_ref_if_exact::<PyInt>(vm)
        {
            if let (Some(x), Some(y)) = (small(x), small(y))
                && let Some(result) = small_op(op, x, y)
            {
                return new_int(ctx, result);
            }
        } else if let Some(x) = as_float(vm, x)
            && let Some(y) = as_float(vm, y)
            && let Some(result) = float_op(op, x, y)
        {
            return new_float(ctx, result);
        }
        object(ctx, |vm| binary(vm, op, x, y))
    }
}

/// The operator with that number; the specializer passes the oparg of a `BINARY_OP`.
fn operator(op: i32) -> BinaryOperator {
    BinaryOperator::try_from(op as u8).unwrap_or(BinaryOperator::Subscr)
}

/// `-a`, `~a`, `+a`: 0, 1, 2.
pub unsafe extern "C" fn unary_op(ctx: *mut RuntimeContext, op: i32, a: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let a = obj(a);
        object(ctx, |vm| match op {
            0 => vm._neg(a),
            1 => vm._invert(a),
            _ => vm._pos(a),
        })
    }
}

/// The truth of an object.
pub unsafe extern "C" fn to_bool(ctx: *mut RuntimeContext, a: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let a = obj(a);
        truth(ctx, |vm| a.to_owned().try_to_bool(vm))
    }
}
