//! How compiled code and the entry points talk: the types that cross the boundary,
//! the context's VM, owned and borrowed objects, and the ways to fail.
//!
//! Nothing here computes anything; the entry points of a family do, in the file of the family.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use psycore_jit::ir::Type;
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

/// An object's address as compiled code holds it.
pub type Raw = *mut PyObject;

/// A type that a parameter or a result of an entry point may have.
pub trait Passed {
    /// Its type in the IR.
    const TYPE: Type;
}
impl Passed for i32 {
    const TYPE: Type = Type::I32;
}
impl Passed for i64 {
    const TYPE: Type = Type::I64;
}
impl Passed for f64 {
    const TYPE: Type = Type::F64;
}
impl Passed for Raw {
    const TYPE: Type = Type::Ptr;
}

/// What an entry point may return.
pub trait Returned {
    /// Its type in the IR, if it returns anything.
    const TYPE: Option<Type>;
}
impl Returned for () {
    const TYPE: Option<Type> = None;
}
impl<W: Passed> Returned for W {
    const TYPE: Option<Type> = Some(W::TYPE);
}

/// An implementation of an entry point: its address and the signature that it really has.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "a test compares signatures with those of the table"))]
pub struct Entry {
    pub address: usize,
    /// Parameters after the context.
    pub params: &'static [Type],
    pub ret: Option<Type>,
}

/// An entry point without parameters.
pub fn e0<R: Returned>(f: unsafe extern "C" fn(*mut RuntimeContext) -> R) -> Entry {
    Entry { address: f as usize, params: &[], ret: R::TYPE }
}
/// An entry point with one parameter.
pub fn e1<A: Passed, R: Returned>(f: unsafe extern "C" fn(*mut RuntimeContext, A) -> R) -> Entry {
    Entry { address: f as usize, params: const { &[A::TYPE] }, ret: R::TYPE }
}
/// An entry point with two parameters.
pub fn e2<A: Passed, B: Passed, R: Returned>(f: unsafe extern "C" fn(*mut RuntimeContext, A, B) -> R) -> Entry {
    Entry { address: f as usize, params: const { &[A::TYPE, B::TYPE] }, ret: R::TYPE }
}
/// An entry point with three parameters.
pub fn e3<A: Passed, B: Passed, C: Passed, R: Returned>(f: unsafe extern "C" fn(*mut RuntimeContext, A, B, C) -> R) -> Entry {
    Entry { address: f as usize, params: const { &[A::TYPE, B::TYPE, C::TYPE] }, ret: R::TYPE }
}
/// An entry point with four parameters.
pub fn e4<A: Passed, B: Passed, C: Passed, D: Passed, R: Returned>(
    f: unsafe extern "C" fn(*mut RuntimeContext, A, B, C, D) -> R,
) -> Entry {
    Entry { address: f as usize, params: const { &[A::TYPE, B::TYPE, C::TYPE, D::TYPE] }, ret: R::TYPE }
}

/// The VM behind a context.
///
/// # Safety
/// `ctx.vm` points to the VM of the running thread and outlives the call.
#[inline(always)]
pub unsafe fn vm<'a>(ctx: *mut RuntimeContext) -> &'a VirtualMachine {
    // SAFETY: the caller's promise.
    unsafe { &*(*ctx).vm.cast::<VirtualMachine>() }
}

/// A borrowed argument.
///
/// # Safety
/// `p` is a live object that stays alive for the call.
#[inline(always)]
pub unsafe fn obj<'a>(p: Raw) -> &'a PyObject {
    // SAFETY: the caller's promise.
    unsafe { &*p }
}

/// Takes over a reference that compiled code owned.
///
/// # Safety
/// `p` carries one reference that nobody else gives back.
#[inline(always)]
pub unsafe fn take(p: Raw) -> PyObjectRef {
    // SAFETY: the caller's promise; object addresses are never null here.
    unsafe { PyObjectRef::from_raw(NonNull::new_unchecked(p)) }
}

/// Gives a reference to compiled code.
#[inline(always)]
pub fn give(o: impl Into<PyObjectRef>) -> Raw {
    o.into().into_raw().as_ptr()
}

/// The `i`-th scratch word as an object address.
///
/// # Safety
/// `ctx` is valid and the word was filled with an object's address.
#[inline(always)]
pub unsafe fn scratch(ctx: *mut RuntimeContext, i: usize) -> Raw {
    // SAFETY: the caller's promise.
    unsafe { (*ctx).scratch[i] as usize as Raw }
}

/// Leaves an exception for compiled code to find.
///
/// # Safety
/// `ctx` is valid.
#[cold]
#[inline(never)]
pub unsafe fn raise(ctx: *mut RuntimeContext, exception: PyBaseExceptionRef) {
    // SAFETY: the caller's promise; a previous exception was left by us and is owned.
    unsafe {
        let old = (*ctx).exception.cast::<PyObject>();
        (*ctx).exception = give(exception).cast();
        if !old.is_null() {
            drop(take(old));
        }
    }
}

#[cold]
#[inline(never)]
fn panicked(payload: Box<dyn std::any::Any + Send>, vm: &VirtualMachine) -> PyBaseExceptionRef {
    let what = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown".to_owned());
    vm.new_system_error(format!("internal error: {what}"))
}

/// Runs `f`; a panic becomes a `SystemError`, since unwinding must not reach compiled code.
#[inline(always)]
pub fn guarded<R>(vm: &VirtualMachine, f: impl FnOnce(&VirtualMachine) -> PyResult<R>) -> PyResult<R> {
    match catch_unwind(AssertUnwindSafe(|| f(vm))) {
        Ok(result) => result,
        Err(payload) => Err(panicked(payload, vm)),
    }
}

/// Runs `f` for an entry point that returns an object and fails with null.
///
/// # Safety
/// `ctx` is valid and its VM is the running one.
#[inline(always)]
pub unsafe fn object(ctx: *mut RuntimeContext, f: impl FnOnce(&VirtualMachine) -> PyResult) -> Raw {
    // SAFETY: the caller's promise.
    unsafe {
        match guarded(vm(ctx), f) {
            Ok(o) => give(o),
            Err(e) => {
                raise(ctx, e);
                std::ptr::null_mut()
            }
        }
    }
}

/// Runs `f` for an entry point that returns a truth value and fails with -1.
///
/// # Safety
/// `ctx` is valid and its VM is the running one.
#[inline(always)]
pub unsafe fn truth(ctx: *mut RuntimeContext, f: impl FnOnce(&VirtualMachine) -> PyResult<bool>) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { number(ctx, |vm| f(vm).map(i32::from)) }
}

/// Runs `f` for an entry point that returns 0 and fails with -1.
///
/// # Safety
/// `ctx` is valid and its VM is the running one.
#[inline(always)]
pub unsafe fn done(ctx: *mut RuntimeContext, f: impl FnOnce(&VirtualMachine) -> PyResult<()>) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { number(ctx, |vm| f(vm).map(|()| 0)) }
}

/// Runs `f` for an entry point that returns a number that is not negative and fails with -1.
///
/// # Safety
/// `ctx` is valid and its VM is the running one.
#[inline(always)]
pub unsafe fn number(ctx: *mut RuntimeContext, f: impl FnOnce(&VirtualMachine) -> PyResult<i32>) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        match guarded(vm(ctx), f) {
            Ok(n) => n,
            Err(e) => {
                raise(ctx, e);
                -1
            }
        }
    }
}
