//! Operations on exact strs: joining two, the texts of numbers and the numbers of texts.
//!
//! Their methods are in `methods`, formatting in `format`.

pub mod format;
pub mod methods;

use std::sync::atomic::{AtomicUsize, Ordering};

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyInt, PyStr};
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use super::abi::{Raw, give, obj, object, take, vm};
use super::int_float::arith::small;
use super::pool::{self, ascii};

/// Digits and sign of any 64-bit int.
pub const INT_LEN: usize = 20;

/// # Safety
/// `p` is a live exact str.
#[inline(always)]
pub unsafe fn string<'a>(p: Raw) -> &'a Py<PyStr> {
    // SAFETY: the caller's promise.
    unsafe { obj(p).downcast_unchecked_ref() }
}

fn concat(vm: &VirtualMachine, a: &Py<PyStr>, b: &Py<PyStr>) -> PyObjectRef {
    if let (Some(a), Some(b)) = (ascii(a), ascii(b)) {
        // SAFETY: both parts are ASCII and fill the length exactly.
        return unsafe {
            pool::new_ascii(vm, a.len() + b.len(), |to| {
                to.copy_from_nonoverlapping(a.as_ptr(), a.len());
                to.add(a.len()).copy_from_nonoverlapping(b.as_ptr(), b.len());
            })
        };
    }
    let mut text = Wtf8Buf::with_capacity(a.byte_len() + b.byte_len());
    text.push_wtf8(a.as_wtf8());
    text.push_wtf8(b.as_wtf8());
    vm.ctx.new_str(text).into()
}

/// `a + b`.
pub unsafe extern "C" fn str_concat(ctx: *mut RuntimeContext, a: Raw, b: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live exact strs.
    unsafe { give(concat(vm(ctx), string(a), string(b))) }
}

/// `a += b`: takes over the reference to `a` and lengthens it in place where it is the only one,
/// so that a text built piece by piece is not copied for each piece.
pub unsafe extern "C" fn str_append(ctx: *mut RuntimeContext, a: Raw, b: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, an owned reference to an exact str and a live
    // exact str.
    unsafe {
        let (x, y) = (string(a), string(b));
        // No flag in the word: nobody else can have seen the address.
        let alone = AtomicUsize::from_ptr(a.cast()).load(Ordering::Relaxed) == 1;
        if let (true, Some(old), Some(more)) = (alone, ascii(x), ascii(y))
            && !old.is_empty()
            && !std::ptr::eq(a, b)
        {
            // A str owns its bytes as a boxed slice, which is a vector without spare room. The
            // vector takes them over, so the old payload must not drop them.
            let mut bytes = Vec::from_raw_parts(old.as_ptr().cast_mut(), old.len(), old.len());
            bytes.reserve_exact(more.len());
            bytes.extend_from_slice(more);
            let place = std::ptr::from_ref::<PyStr>(x).cast_mut();
            place.write(PyStr::new_ascii_unchecked(bytes));
            return a;
        }
        let result = concat(vm(ctx), x, y);
        pool::drop_str(take(a));
        give(result)
    }
}

/// Writes an int to the end of a buffer; gives the part written.
pub fn write_int(i: i64, buffer: &mut [u8; INT_LEN]) -> &[u8] {
    let mut rest = i.unsigned_abs();
    let mut at = INT_LEN;
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if i < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

/// The text of an int.
pub fn text_of(vm: &VirtualMachine, i: i64) -> PyObjectRef {
    let mut buffer = [0; INT_LEN];
    // SAFETY: digits and a sign are ASCII.
    unsafe { pool::from_ascii(vm, write_int(i, &mut buffer)) }
}

/// The text of an exact int that fits, as `str`, `repr` and `format` write it.
pub fn int_text(vm: &VirtualMachine, o: &PyObject) -> Option<PyObjectRef> {
    Some(text_of(vm, small(o.downcast_ref_if_exact::<PyInt>(vm)?)?))
}

/// `str(i)`.
pub unsafe extern "C" fn int_to_str(ctx: *mut RuntimeContext, i: i64) -> Raw {
    // SAFETY: compiled code passes its own context.
    unsafe { give(text_of(vm(ctx), i)) }
}

/// `str(x)`.
pub unsafe extern "C" fn float_to_str(ctx: *mut RuntimeContext, x: f64) -> Raw {
    // SAFETY: compiled code passes its own context.
    unsafe { object(ctx, |vm| vm.ctx.new_float(x).as_object().str(vm).map(Into::into)) }
}

/// `int(s)` of a plain decimal number that fits; else `failed` is set: 2 where it is sure to be a `ValueError`.
pub unsafe extern "C" fn str_to_int(ctx: *mut RuntimeContext, s: Raw) -> i64 {
    // SAFETY: compiled code passes its own context and a live exact str.
    unsafe {
        let text = ascii(string(s));
        let parsed = text.and_then(decimal);
        (*ctx).failed = match (parsed, text) {
            (Some(_), _) => 0,
            (None, Some(text)) if is_no_number(text) => 2,
            (None, _) => 1,
        };
        parsed.unwrap_or(0)
    }
}

/// Whether a text can't be a decimal number in any way that `int` knows.
fn is_no_number(text: &[u8]) -> bool {
    text.is_empty()
        || text.iter().any(|c| !(c.is_ascii_digit() || c.is_ascii_whitespace() || b"+-_\x0b\x1c\x1d\x1e\x1f".contains(c)))
}

/// The number that digits, maybe with a sign, stand for. Whatever else `int` accepts is left to it.
fn decimal(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut n = 0i64;
    for d in digits {
        if !d.is_ascii_digit() {
            return None;
        }
        n = n * 10 + i64::from(d - b'0');
    }
    Some(if negative { -n } else { n })
}
