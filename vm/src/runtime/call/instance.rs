//! Instances of plain classes with the dict that they always get.
//!
//! The dict is a copy of a template: same keys, same index table, same stamp, and the values of the instance.

use psycore_jit::ir::{ElemKind, Field};
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::{PyDict, PyType};
use rustpython_vm::{AsObject, Py, PyPayload, PyRef, VirtualMachine};

use crate::object::layout;
use crate::runtime::abi::{Raw, give, obj, scratch, vm};

/// A dict with the template's keys and stamp and the given owned objects as values.
///
/// # Safety
/// The template is an exact dict with `values.len()` entries, none deleted, whose values are immortal.
unsafe fn filled(vm: &VirtualMachine, template: &Py<PyDict>, values: impl ExactSizeIterator<Item = Raw>) -> PyRef<PyDict> {
    let dict = template.copy().into_ref(&vm.ctx);
    let Some(layout) = layout::get() else { return dict };
    let at = dict.as_object().as_raw().cast_mut();
    let (stride, value) = layout.elem(ElemKind::DictValue);
    // SAFETY: the layout was probed; the copy has the template's entries, and nobody else has seen it.
    unsafe {
        let entries = at.byte_offset(layout.offset(Field::DictEntries) as isize).cast::<*mut u8>().read();
        for (i, new) in values.enumerate() {
            // What is overwritten is immortal: nobody counts references to it.
            entries.add(i * stride as usize).offset(value as isize).cast::<Raw>().write(new);
        }
        let stamp = layout.offset(Field::DictStamp) as isize;
        let from = template.as_object().as_raw().byte_offset(stamp).cast::<u32>().read();
        at.byte_offset(stamp).cast::<u32>().write(from);
    }
    dict
}

/// An instance of a plain class (class, template, n) whose dict gets the `n` scratch words as values.
pub unsafe extern "C" fn build_instance(ctx: *mut RuntimeContext, class: Raw, template: Raw, n: i32) -> Raw {
    // SAFETY: compiled code passes its own context, a plain class, a template made for it with `n` keys, and owned references.
    unsafe {
        let vm = vm(ctx);
        let class: &Py<PyType> = obj(class).downcast_unchecked_ref();
        let template: &Py<PyDict> = obj(template).downcast_unchecked_ref();
        let dict = filled(vm, template, (0..n as usize).map(|i| scratch(ctx, i)));
        give(vm.ctx.new_base_object(class.to_owned(), Some(dict)))
    }
}
