//! Numbers and texts: int, float, str, bytes.

use super::{Fail, Found, fail, find_in, words};
use crate::object::layout::{WORD, address, long, word};
use psycore_jit::ir::Field;
use rustpython_vm::builtins::{PyBytes, PyFloat, PyInt, PyStr};
use rustpython_vm::object::payload_offset;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};
use std::sync::OnceLock;

/// Returns the tag of ints that have at most 64 bits.
pub(super) fn int(vm: &VirtualMachine, found: &mut Found) -> Result<u64, Fail> {
    let ctx = &vm.ctx;
    let big = 0x0012_3456_789a_bcde_i64;
    let (pos, neg): (PyObjectRef, PyObjectRef) = (ctx.new_int(big).into(), ctx.new_int(-big).into());
    let other: PyObjectRef = ctx.new_int(77_777).into();
    let n = words::<PyInt>();
    found.narrow(Field::IntMag, &find_in::<PyInt>(&pos, big as usize));
    found.narrow(Field::IntMag, &find_in::<PyInt>(&neg, big as usize));
    found.narrow(Field::IntMag, &find_in::<PyInt>(&other, 77_777));
    let mag = found.only(Field::IntMag)? as usize;
    let huge: PyObjectRef = vm.ctx.new_bigint(&(rustpython_vm::builtins::PyInt::from(big).as_bigint().clone().pow(5))).into();
    let mut tag = None;
    let mut sign = None;
    for i in 0..n {
        let offset = payload_offset::<PyInt>() + i * WORD;
        // SAFETY: as above.
        let w = |o: &PyObject| unsafe { word(address(o), offset) };
        if offset != mag && w(&pos) == w(&neg) && w(&pos) == w(&other) && w(&huge) != w(&pos) && tag.is_none() {
            tag = Some((offset, w(&pos) as u64));
        }
        for b in 0..WORD {
            // SAFETY: as above.
            let byte = |o: &PyObject| unsafe { ((address(o) + offset + b) as *const u8).read_volatile() };
            if offset != mag && byte(&pos) == 1 && byte(&neg) == 0 && byte(&other) == 1 {
                sign = Some(offset + b);
            }
        }
    }
    let (tag_offset, int_small_tag) = tag.ok_or_else(|| fail("int.tag"))?;
    // A capacity that no vector has, or where words are short a word of its own.
    if int_small_tag != if WORD == 8 { 1 << 63 } else { 0 } {
        return Err(fail("int.tag"));
    }
    found.set(Field::IntTag, tag_offset);
    found.set(Field::IntSign, sign.ok_or_else(|| fail("int.sign"))?);
    Ok(int_small_tag)
}

pub(super) fn float(vm: &VirtualMachine, found: &mut Found, round: usize) {
    let value = 1.234_567_891e77 + round as f64 * 1e70;
    let float: PyObjectRef = vm.ctx.new_float(value).into();
    found.narrow(Field::FloatValue, &find_in::<PyFloat>(&float, value.to_bits() as usize));
    found.kept.push(float);
}

pub(super) fn str(vm: &VirtualMachine, found: &mut Found, round: usize) -> Result<(), Fail> {
    // More bytes than characters, in another proportion each time.
    let text = vm.ctx.new_str("\u{e9}".repeat(30 + round) + "t");
    let chars = text.char_len();
    let at = text.as_object();
    found.narrow(Field::StrPtr, &find_in::<PyStr>(at, text.as_bytes().as_ptr() as usize));
    found.narrow(Field::StrBytes, &find_in::<PyStr>(at, text.as_bytes().len()));
    found.narrow(Field::StrChars, &find_in::<PyStr>(at, chars));
    if chars == text.as_bytes().len() {
        return Err(fail("str.chars"));
    }
    found.kept.push(text.into());
    Ok(())
}

pub(super) fn bytes(vm: &VirtualMachine, found: &mut Found, round: usize) {
    let mut content = Vec::with_capacity(64 + round);
    content.extend_from_slice(&b"seventeen bytes!! and some"[..17 + round]);
    let blob = vm.ctx.new_bytes(content);
    found.narrow(Field::BytesPtr, &find_in::<PyBytes>(blob.as_object(), blob.as_bytes().as_ptr() as usize));
    found.narrow(Field::BytesLen, &find_in::<PyBytes>(blob.as_object(), 17 + round));
    found.kept.push(blob.into());
}

/// What a str has in place of a hash that was not asked for yet.
pub const NO_HASH: i64 = -1;

/// Offset of the hash in a str; `None` where it can't be found.
#[inline]
pub fn hash_of_str(vm: &VirtualMachine) -> Option<usize> {
    static PLACE: OnceLock<Option<usize>> = OnceLock::new();
    *PLACE.get_or_init(|| {
        let text: PyObjectRef = vm.ctx.new_str("a str that nobody has hashed").into();
        // SAFETY: within the payload of a live str.
        let read = |offset: usize| unsafe { long(address(&text), offset) };
        let aligned = (0..words::<PyStr>()).step_by(size_of::<i64>() / WORD).map(|i| payload_offset::<PyStr>() + i * WORD);
        let unhashed: Vec<usize> = aligned.filter(|offset| read(*offset) == NO_HASH).collect();
        let [place] = unhashed[..] else { return None };
        let hash = text.hash(vm).ok()?;
        (read(place) == hash).then_some(place)
    })
}
