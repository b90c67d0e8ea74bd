//! Operations where compiled code has no frame: those that run no Python code are done, all others are left alone.
//!
//! Each is the twin of an entry point that may run Python code, looks at the classes of its operands first, and does nothing at all
//! where these don't rule that out, or where the operation would raise. Compiled code then leaves, and the interpreter does it.

use std::collections::HashMap;
use std::sync::OnceLock;

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::descriptor::{MemberAccess, MemberKind, PyMemberDescriptor, PyMethodDescriptor};
use rustpython_vm::builtins::{PyInt, PyModule, PyStr, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::object::{layout, views};

use super::abi::{Raw, give, obj, scratch, take, vm};
use super::attr;
use super::dict_set::tables::{ABSENT, dict_find_int, dict_find_str, set_find_int, set_find_str};
use super::int_float::arith::{self, small};
use super::int_float::compare;
use super::list::sequences::seq_find;
use super::subscr;

/// What entry points give that have done nothing.
const LEFT_ALONE: i32 = -1;

/// Whether an object's class alone says that all its operations with others of such classes run no Python code.
fn is_scalar(vm: &VirtualMachine, o: &PyObject) -> bool {
    let (class, t) = (o.class(), &vm.ctx.types);
    [t.int_type, t.str_type, t.float_type, t.bool_type, t.none_type, t.bytes_type, t.complex_type].iter().any(|c| class.is(*c))
}

/// Whether a class takes a slot from `object`.
fn inherits<T: Copy + PartialEq>(vm: &VirtualMachine, class: &Py<PyType>, slot: impl Fn(&Py<PyType>) -> Option<T>) -> bool {
    slot(class) == slot(vm.ctx.types.object_type)
}

/// A binary operation by its number in `BINARY_OP`.
pub unsafe extern "C" fn plain_binary_op(ctx: *mut RuntimeContext, op: i32, a: Raw, b: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let vm = vm(ctx);
        if !is_scalar(vm, obj(a)) || !is_scalar(vm, obj(b)) {
            return std::ptr::null_mut();
        }
        or_nothing(ctx, arith::binary_op(ctx, op, a, b))
    }
}

/// The result of an operation, or null without an exception if it has raised: the interpreter will raise it again.
///
/// # Safety
/// `ctx` is valid.
unsafe fn or_nothing(ctx: *mut RuntimeContext, result: Raw) -> Raw {
    if result.is_null() {
        // SAFETY: an exception in the context is owned by it.
        unsafe {
            let exception = std::mem::replace(&mut (*ctx).exception, std::ptr::null_mut());
            if !exception.is_null() {
                drop(take(exception.cast()));
            }
        }
    }
    result
}

/// A comparison as a truth value: -1 where nothing was done.
pub unsafe extern "C" fn plain_compare(ctx: *mut RuntimeContext, op: i32, a: Raw, b: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let vm = vm(ctx);
        let (x, y) = (obj(a), obj(b));
        if let Some(result) = compare::plain(vm, op, x, y) {
            return i32::from(result);
        }
        if !matches!(op, 2 | 3) {
            return LEFT_ALONE;
        }
        let by_identity = |o: &PyObject| inherits(vm, o.class(), |c| c.slots.richcompare.load().map(|f| f as usize));
        let t = &vm.ctx.types;
        let bytes = |o: &PyObject| o.class().is(t.bytes_type);
        let equal = if by_identity(x) && by_identity(y) {
            x.is(y)
        } else if vm.is_none(x) || vm.is_none(y) {
            let other = if vm.is_none(x) { y } else { x };
            if vm.is_none(other) {
                true
            } else if by_identity(other) || is_scalar(vm, other) || is_container(vm, other) {
                false
            } else {
                return LEFT_ALONE;
            }
        } else if is_scalar(vm, x) && is_scalar(vm, y) && !bytes(x) && !bytes(y) {
            match x.rich_compare_bool(y, rustpython_vm::types::PyComparisonOp::Eq, vm) {
                Ok(equal) => equal,
                Err(_) => return LEFT_ALONE,
            }
        } else {
            return LEFT_ALONE;
        };
        // A NaN is not equal to itself.
        if equal && x.is(y) && (x.class().is(t.float_type) || x.class().is(t.complex_type)) {
            return LEFT_ALONE;
        }
        i32::from(equal == (op == 2))
    }
}

fn is_container(vm: &VirtualMachine, o: &PyObject) -> bool {
    let (class, t) = (o.class(), &vm.ctx.types);
    [t.list_type, t.tuple_type, t.dict_type, t.set_type].iter().any(|c| class.is(*c))
}

/// `item in container` (container first): -1 where nothing was done.
pub unsafe extern "C" fn plain_contains(ctx: *mut RuntimeContext, container: Raw, item: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let vm = vm(ctx);
        let (class, key) = (obj(container).class(), obj(item));
        let t = &vm.ctx.types;
        let index = if class.is(t.dict_type) || class.is(t.set_type) {
            let set = class.is(t.set_type);
            match key.downcast_ref_if_exact::<PyInt>(vm).map(small) {
                Some(Some(i)) if set => set_find_int(ctx, container, i),
                Some(Some(i)) => dict_find_int(ctx, container, i),
                Some(None) => return LEFT_ALONE,
                None if !key.class().is(t.str_type) => return LEFT_ALONE,
                None if set => set_find_str(ctx, container, item),
                None => dict_find_str(ctx, container, item),
            }
        } else if class.is(t.list_type) || class.is(t.tuple_type) {
            seq_find(ctx, container, item)
        } else if class.is(t.str_type) && key.class().is(t.str_type) {
            return super::str::methods::str_contains(ctx, container, item);
        } else {
            return LEFT_ALONE;
        };
        match index {
            0.. => 1,
            ABSENT => 0,
            _ => LEFT_ALONE,
        }
    }
}

/// The truth of an object: -1 where nothing was done.
pub unsafe extern "C" fn plain_to_bool(ctx: *mut RuntimeContext, o: Raw) -> i32 {
    // SAFETY: compiled code passes its own context and a live object.
    unsafe {
        let (vm, o) = (vm(ctx), obj(o));
        let class = o.class();
        let t = &vm.ctx.types;
        let builtin = is_scalar(vm, o) || is_container(vm, o) || class.is(t.frozenset_type);
        let always = || ["__bool__", "__len__"].iter().all(|name| class.get_attr(vm.ctx.intern_str(*name)).is_none());
        if !builtin {
            return if class.class().is(t.type_type) && always() { 1 } else { LEFT_ALONE };
        }
        o.to_owned().try_to_bool(vm).map_or(LEFT_ALONE, i32::from)
    }
}

/// Whether reading an attribute runs no Python code: `name` is that of a code object.
fn reads_plainly(vm: &VirtualMachine, o: &PyObject, name: &Py<PyStr>) -> bool {
    let class = o.class();
    let t = &vm.ctx.types;
    let Some(interned) = vm.ctx.interned_str(name) else { return false };
    let getattro = |c: &Py<PyType>| c.slots.getattro.load().map(|f| f as usize);
    if inherits(vm, class, getattro) {
        let Some(found) = class.get_attr(interned) else { return true };
        let kind = found.class();
        if let Some(member) = found.downcast_ref::<PyMemberDescriptor>() {
            return matches!(member.access, MemberAccess::Offset) && matches!(member.member.kind, MemberKind::ObjectEx);
        }
        return kind.is(t.function_type)
            || found.downcast_ref::<PyMethodDescriptor>().is_some()
            || kind.is(t.staticmethod_type)
            || kind.slots.descr_get.load().is_none() && kind.slots.descr_set.load().is_none();
    }
    if let Some(module) = o.downcast_ref_if_exact::<PyModule>(vm) {
        return module.dict().get_item_opt(interned, vm).is_ok_and(|found| found.is_some());
    }
    if let Some(read) = o.downcast_ref::<PyType>()
        && class.is(t.type_type)
        && t.type_type.get_attr(interned).is_none()
    {
        let found = read.get_attr(interned);
        return found.is_some_and(|found| {
            let kind = found.class();
            kind.is(t.function_type) || kind.slots.descr_get.load().is_none()
        });
    }
    false
}

/// `o.name`.
pub unsafe extern "C" fn plain_get_attr(ctx: *mut RuntimeContext, o: Raw, name: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live object and a name.
    unsafe {
        let (vm, o) = (vm(ctx), obj(o));
        let name: &Py<PyStr> = obj(name).downcast_unchecked_ref();
        if !reads_plainly(vm, o, name) {
            return std::ptr::null_mut();
        }
        o.get_attr(name, vm).map_or(std::ptr::null_mut(), give)
    }
}

/// Whether an object has an attribute: -1 where nothing was done.
pub unsafe extern "C" fn plain_has_attr(ctx: *mut RuntimeContext, o: Raw, name: Raw) -> i32 {
    // SAFETY: compiled code passes its own context, a live object and a name.
    unsafe {
        let (vm, o) = (vm(ctx), obj(o));
        let text: &Py<PyStr> = obj(name).downcast_unchecked_ref();
        let Some(interned) = vm.ctx.interned_str(text).filter(|_| reads_plainly(vm, o, text)) else { return LEFT_ALONE };
        let getattro = |c: &Py<PyType>| c.slots.getattro.load().map(|f| f as usize);
        if !inherits(vm, o.class(), getattro) {
            return 1;
        }
        match o.class().get_attr(interned) {
            Some(found) if found.downcast_ref::<PyMemberDescriptor>().is_some() => i32::from(o.get_attr(text, vm).is_ok()),
            Some(_) => 1,
            None => match o.dict() {
                None => 0,
                Some(dict) => match dict_find_str(ctx, dict.as_object().as_raw().cast_mut(), name) {
                    0.. => 1,
                    ABSENT => 0,
                    _ => LEFT_ALONE,
                },
            },
        }
    }
}

/// What a call of `o.name` calls, as `load_method`.
pub unsafe extern "C" fn plain_load_method(ctx: *mut RuntimeContext, o: Raw, name: Raw) -> Raw {
    // SAFETY: compiled code passes its own context, a live object and a name.
    unsafe {
        let (vm, o) = (vm(ctx), obj(o));
        let name: &Py<PyStr> = obj(name).downcast_unchecked_ref();
        if !reads_plainly(vm, o, name) {
            return std::ptr::null_mut();
        }
        match attr::method(vm, o, name) {
            Ok((callable, takes_self)) => {
                (*ctx).failed = i32::from(!takes_self);
                give(callable)
            }
            Err(_) => std::ptr::null_mut(),
        }
    }
}

/// `container[key]`.
pub unsafe extern "C" fn plain_get_item(ctx: *mut RuntimeContext, container: Raw, key: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let vm = vm(ctx);
        let (c, k) = (obj(container), obj(key));
        let t = &vm.ctx.types;
        if c.class().is(t.dict_type) {
            let index = match k.downcast_ref_if_exact::<PyInt>(vm).map(small) {
                Some(Some(i)) => dict_find_int(ctx, container, i),
                None if k.class().is(t.str_type) => dict_find_str(ctx, container, key),
                _ => return std::ptr::null_mut(),
            };
            let value = usize::try_from(index).ok().and_then(|i| views::dict_entry(c, i));
            return value.map_or(std::ptr::null_mut(), |(_, value)| give(obj(value as Raw).to_owned()));
        }
        if let Some(item) = subscr::plain_item(vm, c, k) {
            return give(item);
        }
        let sequence = [t.str_type, t.bytes_type, t.list_type, t.tuple_type].iter().any(|class| c.class().is(*class));
        if sequence && k.class().is(t.int_type) {
            return c.get_item(k, vm).map_or(std::ptr::null_mut(), give);
        }
        std::ptr::null_mut()
    }
}

/// Methods of builtin classes that run no Python code: by class, those that take any arguments; those whose first argument is a
/// key or place, and the others anything; and those whose arguments are all scalars.
const METHODS: [(&str, &[&str], &[&str], &[&str]); 7] = [
    ("list", &["append", "copy", "reverse"], &["insert", "pop"], &[]),
    ("dict", &["copy", "items", "keys", "values"], &["get", "pop", "setdefault"], &[]),
    ("set", &["copy"], &["add", "discard"], &[]),
    ("str", &[], &[], &["zfill", "ljust", "rjust", "center", "expandtabs", "isidentifier", "isprintable"]),
    ("bytes", &[], &[], &["hex", "startswith", "endswith", "find", "split", "strip"]),
    ("int", &[], &[], &["bit_length", "bit_count", "conjugate"]),
    ("float", &[], &[], &["is_integer", "hex"]),
];
/// The same of builtin functions: all arguments are scalars.
const FUNCTIONS: [&str; 7] = ["ord", "chr", "abs", "hash", "repr", "len", "callable"];

/// Which arguments of a builtin must be scalars.
#[derive(Clone, Copy, PartialEq)]
enum Scalars {
    None,
    /// The one after the object; it is looked up if that has a table.
    Key,
    /// All after the object.
    Rest,
    All,
}

/// The builtins that may be called, by address.
fn callables(vm: &VirtualMachine) -> &'static HashMap<usize, Scalars> {
    static CALLABLES: OnceLock<HashMap<usize, Scalars>> = OnceLock::new();
    CALLABLES.get_or_init(|| {
        let mut all = HashMap::new();
        let builtin = |name: &str| vm.builtins.get_attr(vm.ctx.intern_str(name), vm).ok();
        for (class, any, key, rest) in METHODS {
            let Some(class) = builtin(class).and_then(|c| c.downcast::<PyType>().ok()) else { continue };
            for (names, scalars) in [(any, Scalars::None), (key, Scalars::Key), (rest, Scalars::Rest)] {
                let found = names.iter().filter_map(|name| class.get_attr(vm.ctx.intern_str(*name)));
                all.extend(found.map(|method| (layout::address(&method), scalars)));
            }
        }
        let functions = FUNCTIONS.iter().filter_map(|name| builtin(name));
        all.extend(functions.map(|function| (layout::address(&function), Scalars::All)));
        all
    })
}

/// Calls a builtin with `n` positional arguments from the scratch words.
pub unsafe extern "C" fn plain_call(ctx: *mut RuntimeContext, callable: Raw, n: i32) -> Raw {
    let nothing = std::ptr::null_mut();
    // SAFETY: compiled code passes its own context and live objects.
    unsafe {
        let (vm, f) = (vm(ctx), obj(callable));
        let Some(scalars) = callables(vm).get(&callable.addr()).copied() else { return nothing };
        let args: Vec<PyObjectRef> = (0..n as usize).map(|i| obj(scratch(ctx, i)).to_owned()).collect();
        let all_scalars = |args: &[PyObjectRef]| args.iter().all(|o| is_scalar(vm, o));
        let plain = match (scalars, &args[..]) {
            (Scalars::All, all) => all_scalars(all),
            (_, []) => false,
            (_, [object, ..]) if !is_scalar(vm, object) && !is_container(vm, object) => false,
            (Scalars::None, _) | (Scalars::Key, [_]) => true,
            (Scalars::Key, [object, key, ..]) => is_scalar(vm, key) && finds_plainly(ctx, vm, object, key),
            (Scalars::Rest, [_, rest @ ..]) => all_scalars(rest),
        };
        if !plain {
            return nothing;
        }
        let count = args.len();
        f.vectorcall(args, count, None, vm).map_or(nothing, give)
    }
}

/// Whether a scalar that is looked up in a container is compared with no object of another class.
///
/// # Safety
/// `ctx` is valid.
unsafe fn finds_plainly(ctx: *mut RuntimeContext, vm: &VirtualMachine, container: &PyObject, key: &PyObject) -> bool {
    let (class, t) = (container.class(), &vm.ctx.types);
    if !class.is(t.dict_type) && !class.is(t.set_type) {
        return true;
    }
    let raw = |o: &PyObject| o.as_raw().cast_mut();
    let set = class.is(t.set_type);
    // SAFETY: the caller's promise; exact containers, and a key of the class that each wants.
    let index = unsafe {
        match key.downcast_ref_if_exact::<PyInt>(vm).map(small) {
            Some(Some(i)) if set => set_find_int(ctx, raw(container), i),
            Some(Some(i)) => dict_find_int(ctx, raw(container), i),
            None if key.class().is(t.str_type) && set => set_find_str(ctx, raw(container), raw(key)),
            None if key.class().is(t.str_type) => dict_find_str(ctx, raw(container), raw(key)),
            _ => return false,
        }
    };
    index >= ABSENT
}
