//! Arithmetic on unboxed numbers, with the results that the interpreter would compute
//! bit by bit: float division and power, int division and power, `math`'s functions.
//!
//! No objects here. What would raise sets `RuntimeContext::failed`; compiled code then lets the interpreter do it.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::common::float_ops;

/// `a // b`; `b` is not zero.
pub unsafe extern "C" fn float_floordiv(_: *mut RuntimeContext, a: f64, b: f64) -> f64 {
    float_ops::floordiv(a, b).unwrap_or(f64::NAN)
}

/// `a % b`; `b` is not zero.
pub unsafe extern "C" fn float_mod(_: *mut RuntimeContext, a: f64, b: f64) -> f64 {
    float_ops::mod_(a, b).unwrap_or(f64::NAN)
}

/// `a ** b`; sets `failed` where it raises or is complex.
pub unsafe extern "C" fn float_pow(ctx: *mut RuntimeContext, a: f64, b: f64) -> f64 {
    let result = a.powf(b);
    let fails = (a == 0.0 && b.is_sign_negative())
        || (a.is_sign_negative() && (b.floor() - b).abs() > f64::EPSILON)
        || (result.is_infinite() && !(a.is_infinite() || b.is_infinite()));
    // SAFETY: the context is valid during the call.
    unsafe { (*ctx).failed = i32::from(fails) };
    result
}

/// Compares an int with a float exactly: operators as in `compare`.
pub unsafe extern "C" fn int_float_compare(_: *mut RuntimeContext, op: i32, a: i64, b: f64) -> i32 {
    use std::cmp::Ordering::{Equal, Greater, Less};
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if b.is_nan() {
        return i32::from(op == 3);
    }
    let ordering = if b >= TWO_63 {
        Less
    } else if b < -TWO_63 {
        Greater
    } else {
        // `b` truncates to an i64 without loss of its integral part.
        let whole = b.trunc();
        match a.cmp(&(whole as i64)) {
            Equal if b > whole => Less,
            Equal if b < whole => Greater,
            other => other,
        }
    };
    i32::from(holds(op, ordering))
}

/// Whether `ordering` satisfies the comparison operator.
pub fn holds(op: i32, ordering: std::cmp::Ordering) -> bool {
    match op {
        0 => ordering.is_lt(),
        1 => ordering.is_le(),
        2 => ordering.is_eq(),
        3 => ordering.is_ne(),
        4 => ordering.is_gt(),
        _ => ordering.is_ge(),
    }
}

/// `a ** b` for `b >= 0`; sets `failed` when it does not fit.
pub unsafe extern "C" fn int_pow(ctx: *mut RuntimeContext, a: i64, b: i64) -> i64 {
    let result = match a {
        0 | 1 => Some(if b == 0 { 1 } else { a }),
        -1 => Some(if b % 2 == 0 { 1 } else { -1 }),
        _ => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
    };
    // SAFETY: the context is valid during the call.
    unsafe { (*ctx).failed = i32::from(result.is_none()) };
    result.unwrap_or(0)
}

macro_rules! unary {
    ($($(#[$m:meta])* $name:ident $f:expr;)*) => {$(
        $(#[$m])*
        pub unsafe extern "C" fn $name(_: *mut RuntimeContext, x: f64) -> f64 {
            let f: fn(f64) -> f64 = $f;
            f(x)
        }
    )*};
}

// The interpreter's `math` calls the C library's functions; so do these methods of `f64`.
unary! {
    math_sin f64::sin;
    math_cos f64::cos;
    math_tan f64::tan;
    math_atan f64::atan;
    math_tanh f64::tanh;
    math_exp f64::exp;
    /// Logarithm; the operand is positive.
    math_log f64::ln;
}

/// `math.atan2`.
pub unsafe extern "C" fn math_atan2(_: *mut RuntimeContext, y: f64, x: f64) -> f64 {
    y.atan2(x)
}
