//! What users see of prepared code: the original.
//!
//! `code`'s attributes, hash, equality and `replace` show the original of a prepared clone, made anew when somebody
//! asks; so do `marshal.dump` and `dumps`. Positions need no translation, because prepared
//! code moves nothing; only `co_positions` also lists the pads behind the code, so that the carets of a
//! traceback are right even for a function's displaced first instruction.
//!
//! The other half: the places where code begins to run without passing through Rust code of ours
//! (`exec`, `eval`, `FunctionType`, `__code__`) hand out prepared clones.

use super::attached::Attached;
use super::prepare;
use rustpython_vm::builtins::{PyCode, PyDict, PyList, PyStr, PyTuple, PyTypeRef};
use rustpython_vm::common::hash::PyHash;
use rustpython_vm::function::{Either, FuncArgs, PyComparisonValue};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, TryFromObject, VirtualMachine};
use std::sync::OnceLock;

type HashFn = fn(&PyObject, &VirtualMachine) -> PyResult<PyHash>;
type CompareFn = fn(&PyObject, &PyObject, PyComparisonOp, &VirtualMachine) -> PyResult<Either<PyObjectRef, PyComparisonValue>>;
type NewFn = fn(PyTypeRef, FuncArgs, &VirtualMachine) -> PyResult;

static HASH: OnceLock<HashFn> = OnceLock::new();
static COMPARE: OnceLock<CompareFn> = OnceLock::new();
static FUNCTION_NEW: OnceLock<NewFn> = OnceLock::new();
/// The views are put on types, which all interpreters of the process share.
static TYPES_DONE: OnceLock<()> = OnceLock::new();

/// The original if `obj` is prepared code, else itself.
fn shown(vm: &VirtualMachine, obj: &PyObject) -> PyObjectRef {
    obj.downcast_ref::<PyCode>().and_then(|c| prepare::original(vm, c, false)).map_or_else(|| obj.to_owned(), Into::into)
}

pub fn install(vm: &VirtualMachine) -> PyResult<()> {
    if TYPES_DONE.set(()).is_ok() {
        code_attributes(vm)?;
        code_slots(vm);
        functions(vm)?;
    }
    running(vm)?;
    marshal(vm)
}

fn code_attributes(vm: &VirtualMachine) -> PyResult<()> {
    let class = vm.ctx.types.code_type;
    for name in ["co_code", "_co_code_adaptive", "co_consts", "co_names", "co_stacksize", "co_linetable", "co_exceptiontable"] {
        let name = vm.ctx.intern_str(name);
        let Some(old) = class.get_direct_attr(name) else { continue };
        let new = vm.ctx.new_readonly_getset(name.as_str(), class, move |code: PyObjectRef, vm: &VirtualMachine| -> PyResult {
            vm.call_method(&old, "__get__", (shown(vm, &code),))
        });
        class.set_attr(name, new.into());
    }
    for name in ["replace", "__replace__", "co_lines", "__sizeof__"] {
        let interned = vm.ctx.intern_str(name);
        let Some(old) = class.get_direct_attr(interned) else { continue };
        let new = vm.new_method(name, class, move |code: PyObjectRef, mut args: FuncArgs, vm: &VirtualMachine| -> PyResult {
            args.prepend_arg(shown(vm, &code));
            call_quietly(&old, args, vm)
        });
        class.set_attr(interned, new.into());
    }
    Ok(())
}

fn code_slots(vm: &VirtualMachine) {
    let slots = &vm.ctx.types.code_type.slots;
    if let Some(f) = slots.hash.load() {
        // Set once; see TYPES_DONE.
        let _ = HASH.set(f);
        slots.hash.store(Some(hash));
    }
    if let Some(f) = slots.richcompare.load() {
        let _ = COMPARE.set(f);
        slots.richcompare.store(Some(compare));
    }
}

fn hash(code: &PyObject, vm: &VirtualMachine) -> PyResult<PyHash> {
    match HASH.get() {
        Some(f) => f(&shown(vm, code), vm),
        None => Err(vm.new_type_error("unhashable type: 'code'")),
    }
}

fn compare(
    a: &PyObject,
    b: &PyObject,
    op: PyComparisonOp,
    vm: &VirtualMachine,
) -> PyResult<Either<PyObjectRef, PyComparisonValue>> {
    if a.is(b) {
        match op {
            PyComparisonOp::Eq => return Ok(Either::B(PyComparisonValue::Implemented(true))),
            PyComparisonOp::Ne => return Ok(Either::B(PyComparisonValue::Implemented(false))),
            _ => {}
        }
    }
    match COMPARE.get() {
        Some(f) => f(&shown(vm, a), &shown(vm, b), op, vm),
        None => Ok(Either::B(PyComparisonValue::NotImplemented)),
    }
}

/// Prepared code in place of the original, if there is a JIT.
fn prepared_object(vm: &VirtualMachine, obj: &PyObject) -> Option<PyObjectRef> {
    let code = obj.downcast_ref::<PyCode>()?;
    Some(prepare::prepared(vm, &code.to_owned()).into())
}

fn functions(vm: &VirtualMachine) -> PyResult<()> {
    let class = vm.ctx.types.function_type;
    if let Some(new) = class.slots.new.load() {
        let _ = FUNCTION_NEW.set(new);
        class.slots.new.store(Some(function_new));
    }
    let name = vm.ctx.intern_str("__code__");
    if let Some(old) = class.get_direct_attr(name) {
        let getter = old.clone();
        let new = vm.ctx.new_getset(
            "__code__",
            class,
            move |f: PyObjectRef, vm: &VirtualMachine| -> PyResult { vm.call_method(&getter, "__get__", (f,)) },
            move |f: PyObjectRef, value: PyObjectRef, vm: &VirtualMachine| -> PyResult<()> {
                let value = prepared_object(vm, &value).unwrap_or(value);
                vm.call_method(&old, "__set__", (f, value)).map(drop)
            },
        );
        class.set_attr(name, new.into());
    }
    Ok(())
}

fn function_new(class: PyTypeRef, mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    if let Some(first) = args.args.first_mut() {
        if let Some(p) = prepared_object(vm, first) {
            *first = p;
        }
    } else if let Some(code) = args.kwargs.get("code").cloned()
        && let Some(p) = prepared_object(vm, &code)
    {
        args.kwargs.insert("code".into(), p);
    }
    match FUNCTION_NEW.get() {
        Some(f) => f(class, args, vm),
        None => Err(vm.new_type_error("cannot create 'function' instances")),
    }
}

/// Calls a builtin without the events that profilers get of calls: the wrapper around it has had them.
pub fn call_quietly(f: &PyObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    match f.to_callable() {
        Some(c) => (c.call)(c.obj, args, vm),
        None => f.call(args, vm),
    }
}

/// Gives a wrapper the text of what it wraps.
pub fn dress(vm: &VirtualMachine, wrapper: &PyObject, doc: Option<PyObjectRef>) {
    if let Some(doc) = doc {
        // Builtins take no attributes in some builds; the text is a courtesy.
        let _ = wrapper.set_attr("__doc__", doc, vm);
    }
}

/// `exec` and `eval`: source text is compiled here, so that it can be prepared.
fn running(vm: &VirtualMachine) -> PyResult<()> {
    let builtins: PyObjectRef = vm.builtins.clone().into();
    let compile = builtins.get_attr("compile", vm)?;
    for (name, mode) in [("exec", "exec"), ("eval", "eval")] {
        let old = builtins.get_attr(name, vm)?;
        let doc = old.get_attr("__doc__", vm).ok();
        let compile = compile.clone();
        let new = vm.new_function(name, move |mut args: FuncArgs, vm: &VirtualMachine| -> PyResult {
            if let Some(source) = args.args.first_mut() {
                if let Some(p) = prepared_object(vm, source) {
                    *source = p;
                } else if let Some(code) = compiled(vm, &compile, source, mode) {
                    *source = code;
                }
            }
            call_quietly(&old, args, vm)
        });
        let new: PyObjectRef = new.into();
        dress(vm, &new, doc);
        builtins.set_attr(name, new, vm)?;
    }
    Ok(())
}

/// Compiles source text and prepares it. `None` where `exec` shall see the text itself: because there is
/// no JIT, or because it has errors that `exec` reports in its own way.
fn compiled(vm: &VirtualMachine, compile: &PyObject, source: &PyObject, mode: &'static str) -> Option<PyObjectRef> {
    let a = Attached::of(vm)?;
    let text = source.downcast_ref_if_exact::<PyStr>(vm)?;
    let text = text.to_str()?;
    if !a.may_prepare(vm) {
        return None;
    }
    let text = if mode == "eval" { text.trim_start_matches([' ', '\t']) } else { text };
    // A single name or number is not worth it.
    if mode == "eval" && !text.contains(['(', '[', '{', ':']) {
        return None;
    }
    let code = compile.call((text.to_owned(), "<string>", mode), vm).ok()?;
    let code = code.downcast::<PyCode>().ok()?;
    Some(prepare::prepare(a, vm, &code).into())
}

fn marshal(vm: &VirtualMachine) -> PyResult<()> {
    let module = vm.import("marshal", 0)?;
    for name in ["dumps", "dump"] {
        let old = module.get_attr(name, vm)?;
        let doc = old.get_attr("__doc__", vm).ok();
        let new = vm.new_function(name, move |mut args: FuncArgs, vm: &VirtualMachine| -> PyResult {
            if let Some(value) = args.args.first_mut()
                && let Some(v) = pristine(vm, value, 0)?
            {
                *value = v;
            }
            call_quietly(&old, args, vm)
        });
        let new: PyObjectRef = new.into();
        dress(vm, &new, doc);
        module.set_attr(name, new, vm)?;
    }
    Ok(())
}

/// A copy of a value without prepared code; `None` if it has none.
fn pristine(vm: &VirtualMachine, value: &PyObject, depth: usize) -> PyResult<Option<PyObjectRef>> {
    // Deeper than marshal goes.
    if depth > 2000 {
        return Ok(None);
    }
    if let Some(code) = value.downcast_ref::<PyCode>() {
        return Ok(prepare::original(vm, code, true).map(Into::into));
    }
    let many = |items: Vec<PyObjectRef>| -> PyResult<Option<Vec<PyObjectRef>>> {
        let mut changed = false;
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match pristine(vm, &item, depth + 1)? {
                Some(v) => {
                    changed = true;
                    out.push(v);
                }
                None => out.push(item),
            }
        }
        Ok(changed.then_some(out))
    };
    if let Some(t) = value.downcast_ref_if_exact::<PyTuple>(vm) {
        return Ok(many(t.as_slice().to_vec())?.map(|v| vm.ctx.new_tuple(v).into()));
    }
    if let Some(l) = value.downcast_ref_if_exact::<PyList>(vm) {
        let items = l.borrow_vec().to_vec();
        return Ok(many(items)?.map(|v| vm.ctx.new_list(v).into()));
    }
    if let Some(d) = value.downcast_ref_if_exact::<PyDict>(vm) {
        let (keys, values): (Vec<_>, Vec<_>) = d.into_iter().unzip();
        let (k, v) = (many(keys.clone())?, many(values.clone())?);
        if k.is_none() && v.is_none() {
            return Ok(None);
        }
        let dict = vm.ctx.new_dict();
        for (k, v) in k.unwrap_or(keys).into_iter().zip(v.unwrap_or(values)) {
            dict.set_item(&*k, v, vm)?;
        }
        return Ok(Some(dict.into()));
    }
    if value.class().is(vm.ctx.types.frozenset_type) || value.class().is(vm.ctx.types.set_type) {
        let items: Vec<PyObjectRef> = Vec::try_from_object(vm, value.to_owned())?;
        let Some(items) = many(items)? else { return Ok(None) };
        return value.class().as_object().call((vm.ctx.new_list(items),), vm).map(Some);
    }
    Ok(None)
}
