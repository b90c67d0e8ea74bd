//! Formatting of ints, floats and strs: `"%d %s" % (a, b)` and `f"{x:.2f}"` with the usual specifications.
//!
//! What is unusual (other specifications, wrong types, numbers that don't fit) is done, or refused, by the
//! interpreter; neither runs Python code for such operands.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyFloat, PyInt, PyStr};
use rustpython_vm::{AsObject, PyObject, VirtualMachine};

use crate::runtime::abi::{Raw, give, obj, object, scratch, vm};
use crate::runtime::int_float::arith::small;
use crate::runtime::pool::{self, ascii};
use crate::runtime::str::{INT_LEN, string, write_int};

/// Widths and precisions beyond this are the interpreter's.
const MAX_WIDTH: usize = 64;
/// So many digits after the point can be made exactly with 128-bit numbers.
const MAX_DIGITS: u32 = 12;

/// `0`, width, precision, type: what the specifications known here consist of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct FormatSpec {
    zero: bool,
    width: usize,
    precision: Option<u32>,
    /// The letter; 0 if there is none.
    letter: u8,
}

/// Reads decimal digits; none if the number is large.
fn number(text: &[u8], at: &mut usize) -> Option<usize> {
    let mut n = 0;
    while let Some(d) = text.get(*at).filter(|c| c.is_ascii_digit()) {
        n = n * 10 + usize::from(d - b'0');
        *at += 1;
        if n > MAX_WIDTH {
            return None;
        }
    }
    Some(n)
}

impl FormatSpec {
    /// Reads a specification up to its letter.
    fn parse(text: &[u8], at: &mut usize) -> Option<FormatSpec> {
        let mut spec = FormatSpec::default();
        if text.get(*at) == Some(&b'0') {
            spec.zero = true;
            *at += 1;
        }
        spec.width = number(text, at)?;
        if text.get(*at) == Some(&b'.') {
            *at += 1;
            if !text.get(*at)?.is_ascii_digit() {
                return None;
            }
            spec.precision = Some(number(text, at)? as u32);
        }
        if let Some(letter) = text.get(*at) {
            spec.letter = *letter;
            *at += 1;
        }
        Some(spec)
    }

    /// Appends a number's text, sign first, to the right of its field.
    fn pad(self, out: &mut Vec<u8>, text: &[u8]) {
        let missing = self.width.saturating_sub(text.len());
        if missing == 0 {
            out.extend_from_slice(text);
        } else if self.zero {
            let sign = usize::from(text[0] == b'-');
            out.extend_from_slice(&text[..sign]);
            out.extend(std::iter::repeat_n(b'0', missing));
            out.extend_from_slice(&text[sign..]);
        } else {
            out.extend(std::iter::repeat_n(b' ', missing));
            out.extend_from_slice(text);
        }
    }

    fn int(self, out: &mut Vec<u8>, i: i64) {
        self.pad(out, write_int(i, &mut [0; INT_LEN]));
    }

    /// `f`, correctly rounded; false where the number is too large or has too many digits.
    fn float(self, out: &mut Vec<u8>, x: f64) -> bool {
        let digits = self.precision.unwrap_or(6);
        let Some(scaled) = scaled(x, digits) else { return false };
        let unit = 10u64.pow(digits);
        let (whole, part) = (scaled / u128::from(unit), (scaled % u128::from(unit)) as u64);
        let Ok(whole) = i64::try_from(whole) else { return false };
        let mut text = Vec::with_capacity(40);
        if x.is_sign_negative() {
            text.push(b'-');
        }
        text.extend_from_slice(write_int(whole, &mut [0; INT_LEN]));
        if digits > 0 {
            text.push(b'.');
            let mut buffer = [0; INT_LEN];
            let part = write_int(part as i64, &mut buffer);
            text.extend(std::iter::repeat_n(b'0', digits as usize - part.len()));
            text.extend_from_slice(part);
        }
        self.pad(out, &text);
        true
    }
}

/// `|x| * 10**digits`, rounded half to even; none if that may not fit.
fn scaled(x: f64, digits: u32) -> Option<u128> {
    if !x.is_finite() || digits > MAX_DIGITS {
        return None;
    }
    let bits = x.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    // At most 53 + 40 bits.
    let product = u128::from(mantissa) * u128::from(10u64.pow(digits));
    if exponent >= 0 {
        return (exponent <= 10).then(|| product << exponent);
    }
    let shift = exponent.unsigned_abs();
    if shift > 100 {
        // Less than half of the last digit.
        return Some(0);
    }
    let (quotient, rest) = (product >> shift, product & ((1 << shift) - 1));
    let half = 1u128 << (shift - 1);
    Some(quotient + u128::from(rest > half || (rest == half && quotient & 1 == 1)))
}

/// `format % args` of ASCII texts, ints and floats; none if the interpreter must do it.
fn percent<'a>(vm: &VirtualMachine, format: &[u8], mut args: impl ExactSizeIterator<Item = &'a PyObject>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(format.len() + 16 * args.len());
    let mut at = 0;
    while at < format.len() {
        let Some(next) = memchr::memchr(b'%', &format[at..]) else {
            out.extend_from_slice(&format[at..]);
            break;
        };
        out.extend_from_slice(&format[at..at + next]);
        at += next + 1;
        if format.get(at) == Some(&b'%') {
            out.push(b'%');
            at += 1;
            continue;
        }
        let spec = FormatSpec::parse(format, &mut at)?;
        let arg = args.next()?;
        match spec.letter {
            b'd' | b's' if spec.precision.is_none() && arg.class().is(vm.ctx.types.int_type) => {
                if spec.letter == b's' && spec != (FormatSpec { letter: b's', ..FormatSpec::default() }) {
                    return None;
                }
                spec.int(&mut out, small(arg.downcast_ref::<PyInt>()?)?);
            }
            b's' if spec == (FormatSpec { letter: b's', ..FormatSpec::default() }) => {
                out.extend_from_slice(ascii(arg.downcast_ref_if_exact::<PyStr>(vm)?)?);
            }
            b'f' => {
                let x = arg.downcast_ref_if_exact::<PyFloat>(vm)?.to_f64();
                if !spec.float(&mut out, x) {
                    return None;
                }
            }
            _ => return None,
        }
    }
    args.next().is_none().then_some(out)
}

/// `format % args` of an exact str and the first `n` scratch words.
pub unsafe extern "C" fn str_format(ctx: *mut RuntimeContext, format: Raw, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context, a live str and that many live objects, none of them a tuple or
    // a mapping.
    unsafe {
        let vm = vm(ctx);
        let args = (0..n as usize).map(|i| obj(scratch(ctx, i)));
        if let Some(f) = ascii(string(format))
            && let Some(text) = percent(vm, f, args.clone())
        {
            return give(finished(vm, text));
        }
        let args = vm.ctx.new_tuple(args.map(ToOwned::to_owned).collect());
        object(ctx, |vm| vm._mod(obj(format), args.as_object()))
    }
}

/// A str of ASCII.
unsafe fn finished(vm: &VirtualMachine, text: Vec<u8>) -> rustpython_vm::PyObjectRef {
    // SAFETY: all parts were ASCII. Short ones go where dead ones were.
    unsafe { if text.len() <= 32 { pool::from_ascii(vm, &text) } else { pool::from_vec(vm, text) } }
}

/// The whole of a specification of `format()`.
fn whole(spec: &[u8]) -> Option<FormatSpec> {
    let mut at = 0;
    let parsed = FormatSpec::parse(spec, &mut at)?;
    (at == spec.len()).then_some(parsed)
}

/// `format(i, spec)`.
pub unsafe extern "C" fn format_int(ctx: *mut RuntimeContext, i: i64, spec: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live exact str.
    unsafe {
        if let Some(s) = ascii(string(spec)).and_then(whole)
            && matches!(s.letter, 0 | b'd')
            && s.precision.is_none()
        {
            let mut out = Vec::with_capacity(INT_LEN);
            s.int(&mut out, i);
            return give(finished(vm(ctx), out));
        }
        object(ctx, |vm| vm.format(vm.ctx.new_int(i).as_object(), string(spec).to_owned()).map(Into::into))
    }
}

/// `format(x, spec)`.
pub unsafe extern "C" fn format_float(ctx: *mut RuntimeContext, x: f64, spec: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live exact str.
    unsafe {
        if let Some(s) = ascii(string(spec)).and_then(whole)
            && s.letter == b'f'
        {
            let mut out = Vec::with_capacity(32);
            if s.float(&mut out, x) {
                return give(finished(vm(ctx), out));
            }
        }
        object(ctx, |vm| vm.format(vm.ctx.new_float(x).as_object(), string(spec).to_owned()).map(Into::into))
    }
}
