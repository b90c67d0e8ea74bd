//! Methods of exact strs with arguments of exactly known classes, by number. None of them runs Python
//! code.
//!
//! Where all are ASCII, which is checked in no time, bytes are characters and the work is done here; the rest is
//! left to the interpreter's methods.

use memchr::memmem;
use psycore_jit::oracle::StrMethod;
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyList, PyStr, PyTuple};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::runtime::abi::{Raw, give, guarded, obj, object, vm};
use crate::runtime::pool::{self, ascii};
use crate::runtime::str::string;

/// What separates words.
static SPACES: [bool; 256] = {
    let mut spaces = [false; 256];
    let mut c = 0;
    while c < 256 {
        spaces[c] = matches!(c, 9..=13 | 28..=32);
        c += 1;
    }
    spaces
};

#[inline(always)]
fn is_space(c: u8) -> bool {
    SPACES[c as usize]
}

/// The method with that number, as the specializer passes it.
fn method(number: i32) -> StrMethod {
    StrMethod::ALL[number as usize]
}

/// # Safety
/// The bytes are ASCII.
#[inline(always)]
unsafe fn text(vm: &VirtualMachine, bytes: &[u8]) -> PyObjectRef {
    // SAFETY: the caller's promise.
    unsafe { pool::from_ascii(vm, bytes) }
}

/// Where the words of a text begin and end.
struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];
    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let mut start = self.at;
        while is_space(*self.text.get(start)?) {
            start += 1;
        }
        let mut end = start + 1;
        while end < self.text.len() && !is_space(self.text[end]) {
            end += 1;
        }
        self.at = end;
        Some(&self.text[start..end])
    }
}

fn split_words(vm: &VirtualMachine, s: &[u8]) -> PyObjectRef {
    // SAFETY: parts of ASCII.
    pool::new_list(vm, |items| items.extend(Words { text: s, at: 0 }.map(|word| unsafe { text(vm, word) }))).into()
}

fn split(vm: &VirtualMachine, s: &[u8], by: &[u8]) -> PyObjectRef {
    let fill = |parts: &mut Vec<PyObjectRef>| {
        let mut start = 0;
        let mut part = |from: usize, to: usize| {
            // SAFETY: parts of ASCII.
            parts.push(unsafe { text(vm, &s[from..to]) });
        };
        if let [c] = by {
            for at in memchr::memchr_iter(*c, s) {
                part(start, at);
                start = at + 1;
            }
        } else {
            for at in memmem::find_iter(s, by) {
                part(start, at);
                start = at + by.len();
            }
        }
        part(start, s.len());
    };
    pool::new_list(vm, fill).into()
}

/// The part that is left when `strips` says which bytes to take away at the ends.
fn stripped(s: &[u8], start: bool, end: bool, strips: impl Fn(u8) -> bool) -> &[u8] {
    let (mut from, mut to) = (0, s.len());
    while start && from < to && strips(s[from]) {
        from += 1;
    }
    while end && from < to && strips(s[to - 1]) {
        to -= 1;
    }
    &s[from..to]
}

fn replace(vm: &VirtualMachine, s: &[u8], from: &[u8], to: &[u8]) -> PyObjectRef {
    let mut out = Vec::with_capacity(s.len());
    let mut start = 0;
    let mut at = |at: usize| {
        out.extend_from_slice(&s[start..at]);
        out.extend_from_slice(to);
        start = at + from.len();
    };
    if let [c] = from {
        memchr::memchr_iter(*c, s).for_each(&mut at);
    } else {
        memmem::find_iter(s, from).for_each(&mut at);
    }
    out.extend_from_slice(&s[start..]);
    // SAFETY: made of ASCII.
    unsafe { pool::from_vec(vm, out) }
}

/// The same with each byte mapped.
fn mapped(vm: &VirtualMachine, s: &[u8], mut map: impl FnMut(u8) -> u8) -> PyObjectRef {
    // SAFETY: maps from ASCII to ASCII, one byte for each.
    unsafe {
        pool::new_ascii(vm, s.len(), |to| {
            for (i, c) in s.iter().enumerate() {
                to.add(i).write(map(*c));
            }
        })
    }
}

/// An argument, if there is one; none if it is not ASCII.
fn arg(o: Option<&PyObject>) -> Option<Option<&[u8]>> {
    match o {
        None => Some(None),
        // SAFETY: the specializer passes exact strs (and the items of `join`, which does not ask here).
        Some(o) => Some(Some(ascii(unsafe { o.downcast_unchecked_ref() })?)),
    }
}

/// A method with a str, list or tuple as result on ASCII; none where the interpreter must do it.
fn transform(
    vm: &VirtualMachine,
    m: StrMethod,
    s: &Py<PyStr>,
    a: Option<&PyObject>,
    b: Option<&PyObject>,
) -> Option<PyObjectRef> {
    let bytes = ascii(s)?;
    let strip = |start: bool, end: bool| -> Option<PyObjectRef> {
        let rest = match arg(a)? {
            None => stripped(bytes, start, end, is_space),
            Some(set) => stripped(bytes, start, end, |c| set.contains(&c)),
        };
        if rest.len() == bytes.len() {
            return Some(s.as_object().to_owned());
        }
        // SAFETY: a part of ASCII.
        Some(unsafe { text(vm, rest) })
    };
    match m {
        StrMethod::Split => match arg(a)? {
            None => Some(split_words(vm, bytes)),
            Some([]) => None,
            Some(by) => Some(split(vm, bytes, by)),
        },
        StrMethod::Strip => strip(true, true),
        StrMethod::Lstrip => strip(true, false),
        StrMethod::Rstrip => strip(false, true),
        StrMethod::Replace => {
            let (from, to) = (arg(a)??, arg(b)??);
            if from.len() > bytes.len() || from == to {
                return Some(s.as_object().to_owned());
            }
            (!from.is_empty()).then(|| replace(vm, bytes, from, to))
        }
        StrMethod::Lower => Some(mapped(vm, bytes, |c| c.to_ascii_lowercase())),
        StrMethod::Upper => Some(mapped(vm, bytes, |c| c.to_ascii_uppercase())),
        StrMethod::Swapcase => {
            Some(mapped(vm, bytes, |c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }))
        }
        StrMethod::Capitalize => {
            let mut first = true;
            Some(mapped(vm, bytes, |c| if std::mem::take(&mut first) { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }))
        }
        StrMethod::Title => {
            let mut inside = false;
            Some(mapped(vm, bytes, |c| {
                let mapped = if inside { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
                inside = c.is_ascii_alphabetic();
                mapped
            }))
        }
        StrMethod::Partition | StrMethod::Rpartition => {
            let by = arg(a)??;
            if by.is_empty() {
                return None;
            }
            let found = if m == StrMethod::Partition { memmem::find(bytes, by) } else { memmem::rfind(bytes, by) };
            // SAFETY: parts of ASCII.
            let part = |part: &[u8]| unsafe { text(vm, part) };
            let none = || vm.ctx.empty_str.to_owned().into();
            let parts = match found {
                Some(at) => vec![part(&bytes[..at]), a?.to_owned(), part(&bytes[at + by.len()..])],
                None if m == StrMethod::Partition => vec![part(bytes), none(), none()],
                None => vec![none(), none(), part(bytes)],
            };
            Some(vm.ctx.new_tuple(parts).into())
        }
        _ => None,
    }
}

/// `sep.join(items)` of exact strs; none if the interpreter must do it.
fn join(vm: &VirtualMachine, sep: &Py<PyStr>, items: &[PyObjectRef]) -> Option<PyObjectRef> {
    let sep = ascii(sep)?;
    let str_type = vm.ctx.types.str_type;
    if items.len() < 2 {
        return None;
    }
    let mut len = sep.len() * (items.len() - 1);
    for item in items {
        if !item.class().is(str_type) {
            return None;
        }
        // SAFETY: just checked.
        len += ascii(unsafe { item.downcast_unchecked_ref() })?.len();
    }
    // SAFETY: all parts are ASCII; their lengths were added up.
    unsafe {
        Some(pool::new_ascii(vm, len, |mut to| {
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    to.copy_from_nonoverlapping(sep.as_ptr(), sep.len());
                    to = to.add(sep.len());
                }
                let item = item.downcast_unchecked_ref::<PyStr>().as_bytes();
                if let [c] = item {
                    to.write(*c);
                } else {
                    to.copy_from_nonoverlapping(item.as_ptr(), item.len());
                }
                to = to.add(item.len());
            }
        }))
    }
}

/// By the interpreter's method.
#[cold]
fn general(vm: &VirtualMachine, m: StrMethod, s: &PyObject, a: Option<&PyObject>, b: Option<&PyObject>) -> PyResult {
    let args: Vec<PyObjectRef> = a.into_iter().chain(b).map(ToOwned::to_owned).collect();
    vm.call_method(s, m.name(), args)
}

/// A method whose result is a str, a list or a tuple: its number, the str, its arguments or null.
pub unsafe extern "C" fn str_transform(ctx: *mut RuntimeContext, number: i32, s: Raw, a: Raw, b: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live exact str and live arguments of the classes that the
    // method takes, or null.
    unsafe {
        let (vm, m) = (vm(ctx), method(number));
        let arg = |p: Raw| (!p.is_null()).then(|| obj(p));
        let (a, b) = (arg(a), arg(b));
        let done = match (m, a) {
            (StrMethod::Join, Some(items)) => {
                if let Some(list) = items.downcast_ref_if_exact::<PyList>(vm) {
                    join(vm, string(s), &list.borrow_vec())
                } else {
                    items.downcast_ref_if_exact::<PyTuple>(vm).and_then(|t| join(vm, string(s), t.as_slice()))
                }
            }
            _ => transform(vm, m, string(s), a, b),
        };
        match done {
            Some(result) => give(result),
            None => object(ctx, |vm| general(vm, m, obj(s), a, b)),
        }
    }
}

fn is_title(s: &[u8]) -> bool {
    let (mut cased, mut inside) = (false, false);
    for c in s {
        if (c.is_ascii_uppercase() && inside) || (c.is_ascii_lowercase() && !inside) {
            return false;
        }
        inside = c.is_ascii_alphabetic();
        cased |= inside;
    }
    cased
}

/// A method that asks something, on ASCII.
fn test(m: StrMethod, s: &[u8], a: Option<&[u8]>) -> Option<bool> {
    let all = |test: fn(&u8) -> bool| !s.is_empty() && s.iter().all(test);
    Some(match m {
        StrMethod::Startswith => s.starts_with(a?),
        StrMethod::Endswith => s.ends_with(a?),
        StrMethod::Isalpha => all(u8::is_ascii_alphabetic),
        StrMethod::Isalnum => all(u8::is_ascii_alphanumeric),
        StrMethod::Isdigit | StrMethod::Isdecimal | StrMethod::Isnumeric => all(u8::is_ascii_digit),
        StrMethod::Isspace => all(|c| is_space(*c)),
        StrMethod::Isupper => s.iter().any(u8::is_ascii_uppercase) && !s.iter().any(u8::is_ascii_lowercase),
        StrMethod::Islower => s.iter().any(u8::is_ascii_lowercase) && !s.iter().any(u8::is_ascii_uppercase),
        StrMethod::Istitle => is_title(s),
        StrMethod::Isascii => true,
        _ => return None,
    })
}

/// A method whose result is a truth value: its number, the str, its argument or null.
pub unsafe extern "C" fn str_test(ctx: *mut RuntimeContext, number: i32, s: Raw, a: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live exact str and another or null.
    unsafe {
        let m = method(number);
        let other = if a.is_null() { Some(None) } else { ascii(string(a)).map(Some) };
        if let (Some(bytes), Some(other)) = (ascii(string(s)), other)
            && let Some(answer) = test(m, bytes, other)
        {
            return i32::from(answer);
        }
        let a = (!a.is_null()).then(|| obj(a));
        // Such methods don't fail.
        let answer = guarded(vm(ctx), |vm| general(vm, m, obj(s), a, None));
        i32::from(answer.is_ok_and(|o| o.is(&vm(ctx).ctx.true_value)))
    }
}

/// A method whose result is a number: its number, the str and another. -1 where nothing is found.
pub unsafe extern "C" fn str_search(ctx: *mut RuntimeContext, number: i32, s: Raw, a: Raw) -> i64 {
    // SAFETY: compiled code passes its own context and live exact strs.
    unsafe {
        let m = method(number);
        if let (Some(s), Some(a)) = (ascii(string(s)), ascii(string(a))) {
            let place = |found: Option<usize>| found.map_or(-1, |n| n as i64);
            return match m {
                StrMethod::Find | StrMethod::Index => place(find(s, a)),
                StrMethod::Count if a.is_empty() => s.len() as i64 + 1,
                StrMethod::Count => match a {
                    [c] => memchr::memchr_iter(*c, s).count() as i64,
                    _ => memmem::find_iter(s, a).count() as i64,
                },
                _ => place(memmem::rfind(s, a)),
            };
        }
        // Asked so that it does not fail.
        let m = if m == StrMethod::Index { StrMethod::Find } else { m };
        guarded(vm(ctx), |vm| general(vm, m, obj(s), Some(obj(a)), None)?.try_to_value::<i64>(vm)).unwrap_or(-1)
    }
}

#[inline]
fn find(s: &[u8], a: &[u8]) -> Option<usize> {
    match a {
        [c] => memchr::memchr(*c, s),
        _ => memmem::find(s, a),
    }
}

/// `a in s` of exact strs (`s` first).
pub unsafe extern "C" fn str_contains(_: *mut RuntimeContext, s: Raw, a: Raw) -> i32 {
    // SAFETY: compiled code passes live exact strs. The encoding of one is in the encoding of the other exactly
    // where its characters are, except for surrogates, which never are parts of others.
    unsafe { i32::from(find(string(s).as_bytes(), string(a).as_bytes()).is_some()) }
}
