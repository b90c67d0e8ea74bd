//! Where things lie in RustPython's objects and frames: found at start-up by making known
//! objects and looking for what is known of them, never assumed.
//!
//! Compiled code gets a [`Layout`]; the rest of the VM gets the accessors of this room: `frame` for frames, `views` for
//! what builtin objects hold.
//! A mismatch is an error text: the JIT stays off and the text says which field was not found.
//!
//! What compiled code may rely on, beyond the offsets:
//! - **Instance dict** (`obj.dict`, at `dict_member_offset()` = -16). The word is the first field of
//!   a prefix that exists only for objects of classes with `HAS_DICT` (or with slots: then the
//!   word is there and null). It is a plain pointer to the dict object, null while the
//!   instance has none yet; it is not lazy in any other way, there is no lock and no generation around it.
//!   RustPython reads it through an atomic reference with reclamation deferred, so a plain load is
//!   right while only one thread runs. Next to it (-8) lies a flag byte about shared keys that the dict's
//!   stamp makes irrelevant.
//! - **Slots** (`__slots__` members): one word each, null when unset, owned, no lock, at
//!   `-(16 + 8 * (index + 1))` from the object; the member descriptor knows the offset, and so does
//!   the inline cache of `LOAD_ATTR_SLOT` / `STORE_ATTR_SLOT` (i32 at unit +3).
//! - **Locks** of lists and dicts are parking_lot's `RawRwLock`: one word, 0 when free.
//! - **Stack entries** of frames have bit 0 set when they are borrowed; owned ones are plain addresses.

use super::{frame, probe};
use psycore_jit::layout::Layout;
use rustpython_vm::{PyObject, PyObjectRef, VirtualMachine};
use std::mem::size_of;
use std::sync::OnceLock;

pub const WORD: usize = size_of::<usize>();

static LAYOUT: OnceLock<Layout> = OnceLock::new();

/// The layout found by [`probe`]; `None` before, or when it failed.
pub fn get() -> Option<&'static Layout> {
    LAYOUT.get()
}

/// The address of an object.
pub fn address(obj: &PyObject) -> usize {
    obj as *const PyObject as usize
}

/// The object at an address.
///
/// # Safety
/// A live object must be there for as long as the reference is used.
pub unsafe fn object_at<'a>(address: usize) -> &'a PyObject {
    // SAFETY: the caller's promise; `PyObject` is what lies at an object's address.
    unsafe { &*(address as *const PyObject) }
}

/// Takes over the reference that an address carries.
///
/// # Safety
/// The address is that of a live object, and the caller owns one reference to it.
pub unsafe fn own(address: usize) -> PyObjectRef {
    // SAFETY: the caller's promise.
    unsafe { PyObjectRef::from_raw(std::ptr::NonNull::new_unchecked(address as *mut PyObject)) }
}

/// The address of an object together with its reference.
pub fn disown(obj: PyObjectRef) -> usize {
    obj.into_raw().as_ptr() as usize
}

/// Whether a word may be the address of something that is a few words long, and can thus be followed.
pub fn may_be_address(w: usize) -> bool {
    #[cfg(all(not(target_family = "wasm"), target_pointer_width = "64"))]
    let end = 1 << 47;
    #[cfg(all(not(target_family = "wasm"), target_pointer_width = "32"))]
    let end = 0xffff_f000;
    #[cfg(target_family = "wasm")]
    let end = (core::arch::wasm32::memory_size(0) << 16).saturating_sub(0x1000);
    (0x1_0000..end).contains(&w) && w.is_multiple_of(WORD)
}

/// # Safety
/// `address + offset` must be readable and aligned.
#[inline(always)]
pub unsafe fn word(address: usize, offset: usize) -> usize {
    // SAFETY: the caller's promise. Volatile: others write this memory through their own types.
    unsafe { ((address + offset) as *const usize).read_volatile() }
}

/// What has 64 bits everywhere.
///
/// # Safety
/// Eight bytes at `address + offset` must be readable and aligned.
#[inline(always)]
pub unsafe fn long(address: usize, offset: usize) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { ((address + offset) as *const i64).read_volatile() }
}

/// # Safety
/// `address + offset` must be readable and aligned.
pub unsafe fn half(address: usize, offset: usize) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { ((address + offset) as *const u32).read_volatile() }
}

/// # Safety
/// The memory must be writable, aligned, and may hold any value there.
pub unsafe fn set_word(address: usize, offset: usize, value: usize) {
    // SAFETY: the caller's promise.
    unsafe { ((address + offset) as *mut usize).write_volatile(value) }
}

/// # Safety
/// As [`set_word`].
pub unsafe fn set_half(address: usize, offset: usize, value: u32) {
    // SAFETY: the caller's promise.
    unsafe { ((address + offset) as *mut u32).write_volatile(value) }
}

pub fn layout_now() -> &'static Layout {
    LAYOUT.get().expect("layout::probe succeeded before any compiled code exists")
}

/// Finds all offsets. Takes some hundred microseconds, most of them for the compiler.
///
/// # Errors
/// The text names the first thing that was not where it can be used.
pub fn probe(vm: &VirtualMachine) -> Result<&'static Layout, String> {
    if let Some(l) = LAYOUT.get() {
        return Ok(l);
    }
    let (layout, frame_layout) = probe::find(vm)?;
    frame::set_layout(frame_layout);
    Ok(LAYOUT.get_or_init(|| layout))
}
