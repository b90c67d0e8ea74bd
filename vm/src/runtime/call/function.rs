//! Functions and cells made at run time.

use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::AsObject;
use rustpython_vm::function::{FuncArgs, KwArgs};

use crate::runtime::abi::{Raw, obj, object};

/// The function of a code object: code, globals, closure tuple or null, defaults tuple or null.
pub unsafe extern "C" fn make_function(ctx: *mut RuntimeContext, code: Raw, globals: Raw, closure: Raw, defaults: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and live objects or null.
    unsafe {
        let args = vec![obj(code).to_owned(), obj(globals).to_owned()];
        let mut kwargs = KwArgs::default();
        for (name, value) in [("closure", closure), ("argdefs", defaults)] {
            if !value.is_null() {
                kwargs.insert(name.into(), obj(value).to_owned());
            }
        }
        object(ctx, |vm| {
            // The slot and not a call: `function` itself may be wrapped to prepare code, which this
            // code has been.
            let class = vm.ctx.types.function_type;
            let args = FuncArgs { args, kwargs };
            match class.slots.new.load() {
                Some(new) => new(class.to_owned(), args, vm),
                None => class.as_object().call_with_args(args, vm),
            }
        })
    }
}

/// A cell: its content or null.
pub unsafe extern "C" fn new_cell(ctx: *mut RuntimeContext, content: Raw) -> Raw {
    // SAFETY: compiled code passes its own context and a live object or null.
    unsafe {
        let args = if content.is_null() { Vec::new() } else { vec![obj(content).to_owned()] };
        object(ctx, |vm| {
            let class = vm.ctx.types.cell_type;
            match class.slots.new.load() {
                Some(new) => new(class.to_owned(), FuncArgs { args, kwargs: KwArgs::default() }, vm),
                None => class.as_object().call(args, vm),
            }
        })
    }
}
