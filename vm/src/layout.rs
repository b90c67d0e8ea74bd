//! Where things lie in RustPython's objects and frames: found at start-up by making known
//! objects and looking for what is known of them, never assumed.
//!
//! This file is the only one that turns addresses into fields. Compiled code gets a
//! [`Layout`]; the rest of the VM gets the accessors here ([`FrameRef`], [`dict_value_at`] and so on).
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

mod probe;

use psycore_jit::ir::Field;
use psycore_jit::layout::Layout;
use rustpython_vm::builtins::{PyCode, PyFunction, PyInt};
use rustpython_vm::frame::InterpreterFrame;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};
use std::mem::size_of;
use std::sync::OnceLock;

const WORD: usize = size_of::<usize>();
/// Words of an iterator over a dict or one of its views.
pub const DICT_ITER_WORDS: usize = 8;
/// Words of an interpreter frame.
const FRAME_WORDS: usize = size_of::<InterpreterFrame>() / WORD;

/// Offsets that only the VM needs.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameLayout {
    code: usize,
    func: usize,
    globals: usize,
    builtins: usize,
    data: usize,
    capacity: usize,
    nlocals: usize,
    stack_top: usize,
    previous: usize,
    materialized: usize,
    datastack_base: usize,
    /// Offsets in a function object.
    func_globals: usize,
    func_builtins: usize,
    /// The words of a function's frame that has just begun, to make others from.
    template: [usize; FRAME_WORDS],
}

static FRAME: OnceLock<FrameLayout> = OnceLock::new();
static LAYOUT: OnceLock<Layout> = OnceLock::new();

/// The layout found by [`probe`]; `None` before, or when it failed.
pub fn get() -> Option<&'static Layout> {
    LAYOUT.get()
}

fn frame_layout() -> &'static FrameLayout {
    FRAME.get().expect("layout::probe succeeded before any hook exists")
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
pub(crate) fn may_be_address(w: usize) -> bool {
    #[cfg(not(target_family = "wasm"))]
    let end = 1 << 47;
    #[cfg(target_family = "wasm")]
    let end = (core::arch::wasm32::memory_size(0) << 16).saturating_sub(0x1000);
    (0x1_0000..end).contains(&w) && w % WORD == 0
}

/// # Safety
/// `address + offset` must be readable and aligned.
unsafe fn word(address: usize, offset: usize) -> usize {
    // SAFETY: the caller's promise. Volatile: others write this memory through their own types.
    unsafe { ((address + offset) as *const usize).read_volatile() }
}

/// # Safety
/// `address + offset` must be readable and aligned.
unsafe fn half(address: usize, offset: usize) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { ((address + offset) as *const u32).read_volatile() }
}

/// # Safety
/// The memory must be writable, aligned, and may hold any value there.
unsafe fn set_word(address: usize, offset: usize, value: usize) {
    // SAFETY: the caller's promise.
    unsafe { ((address + offset) as *mut usize).write_volatile(value) }
}

/// # Safety
/// As [`set_word`].
unsafe fn set_half(address: usize, offset: usize, value: u32) {
    // SAFETY: the caller's promise.
    unsafe { ((address + offset) as *mut u32).write_volatile(value) }
}

/// An interpreter frame that is running or suspended on this thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameRef(pub *mut InterpreterFrame);

impl FrameRef {
    /// The frame that runs now, if any. Native functions push none.
    pub fn current() -> Option<FrameRef> {
        let frame = rustpython_vm::frame::current_thread_iframe();
        (!frame.is_null()).then_some(FrameRef(frame as *mut InterpreterFrame))
    }

    fn address(self) -> usize {
        self.0 as usize
    }

    /// # Safety
    /// The frame must be live; so for every method below.
    pub unsafe fn get<'a>(self) -> &'a InterpreterFrame {
        // SAFETY: the caller's promise.
        unsafe { &*self.0 }
    }

    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn code<'a>(self) -> &'a Py<PyCode> {
        // SAFETY: the code pointer of a live frame is valid (frame.rs, `InterpreterFrame::code`).
        unsafe { &*(word(self.address(), frame_layout().code) as *const Py<PyCode>) }
    }

    /// The address of the first slot: locals, then cells, then the stack.
    ///
    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn slots(self) -> *mut usize {
        // SAFETY: found by the probe, both for frames on the data stack and on the heap.
        unsafe { word(self.address(), frame_layout().data) as *mut usize }
    }

    /// How many slots come before the stack.
    ///
    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn nlocals(self) -> usize {
        // SAFETY: found by the probe.
        unsafe { half(self.address(), frame_layout().nlocals) as usize }
    }

    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn stack_len(self) -> usize {
        // SAFETY: found by the probe.
        unsafe { half(self.address(), frame_layout().stack_top) as usize }
    }

    /// Slots of the stack in all.
    ///
    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn stack_capacity(self) -> usize {
        // SAFETY: found by the probe.
        unsafe { word(self.address(), frame_layout().capacity) - self.nlocals() }
    }

    /// Sets the depth without touching the entries.
    ///
    /// # Safety
    /// Entries above must be zero, those below valid; see also [`FrameRef::get`].
    pub unsafe fn set_stack_len(self, len: usize) {
        // SAFETY: the caller's promise.
        unsafe { set_half(self.address(), frame_layout().stack_top, len as u32) }
    }

    /// The address of a stack entry.
    ///
    /// # Safety
    /// `index` is below the capacity; see also [`FrameRef::get`].
    pub unsafe fn stack_slot(self, index: usize) -> *mut usize {
        // SAFETY: within the slots.
        unsafe { self.slots().add(self.nlocals() + index) }
    }

    /// Pushes an owned object (or the NULL that calls use).
    ///
    /// # Safety
    /// See [`FrameRef::get`]. Room was reserved when the code was prepared.
    pub unsafe fn push(self, value: Option<PyObjectRef>) {
        // SAFETY: an owned reference is stored as the plain address; bit 0 clear says owned.
        unsafe {
            let len = self.stack_len();
            if len >= self.stack_capacity() {
                // Can't happen with prepared code; losing the value beats writing outside.
                debug_assert!(false, "no room on the frame's stack");
                return;
            }
            self.stack_slot(len).write(value.map_or(0, disown));
            self.set_stack_len(len + 1);
        }
    }

    /// Gives a borrowed entry a reference of its own.
    ///
    /// # Safety
    /// `index` is below the depth; see also [`FrameRef::get`].
    pub unsafe fn promote(self, index: usize) {
        // SAFETY: what a borrowed entry names is alive until it is consumed.
        unsafe {
            let slot = self.stack_slot(index);
            let entry = slot.read();
            if entry & 1 != 0 {
                slot.write(disown(object_at(entry & !1).to_owned()));
            }
        }
    }

    /// Whether there is a frame object for it, which somebody may hold.
    ///
    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn is_materialized(self) -> bool {
        // SAFETY: probed.
        unsafe { word(self.0 as usize, frame_layout().materialized) != 0 }
    }

    /// Drops the entries from `len` on, top first, as the interpreter does.
    ///
    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn truncate(self, len: usize) {
        // SAFETY: entries are valid; each is removed before it is dropped, because dropping may run Python.
        unsafe {
            while self.stack_len() > len {
                let top = self.stack_len() - 1;
                let slot = self.stack_slot(top);
                let entry = slot.replace(0);
                self.set_stack_len(top);
                drop_entry(entry);
            }
        }
    }

    /// Index of the next instruction.
    ///
    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn lasti(self) -> u32 {
        // SAFETY: a public atomic of a live frame.
        unsafe { self.get().lasti.load(std::sync::atomic::Ordering::Relaxed) }
    }

    /// # Safety
    /// See [`FrameRef::get`]; `lasti` is the index of an instruction of the code.
    pub unsafe fn set_lasti(self, lasti: u32) {
        // SAFETY: a public atomic of a live frame.
        unsafe { self.get().lasti.store(lasti, std::sync::atomic::Ordering::Relaxed) }
    }

    /// The frame that called this one.
    ///
    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn set_previous(self, previous: *const InterpreterFrame) {
        // SAFETY: found by the probe.
        unsafe { set_word(self.address(), frame_layout().previous, previous as usize) }
    }

    /// # Safety
    /// See [`FrameRef::get`].
    pub unsafe fn previous(self) -> Option<FrameRef> {
        // SAFETY: frames of the chain are live.
        let p = unsafe { self.get().previous() };
        (!p.is_null()).then_some(FrameRef(p as *mut InterpreterFrame))
    }
}

/// Releases a stack entry: borrowed ones (bit 0) own nothing.
///
/// # Safety
/// The entry was taken out of a frame.
unsafe fn drop_entry(entry: usize) {
    if entry != 0 && entry & 1 == 0 {
        // SAFETY: an owned entry carries one reference.
        drop(unsafe { own(entry) });
    }
}

/// Words that a frame with `slots` locals and stack entries needs in [`forge_frame`].
pub fn frame_words(slots: usize) -> usize {
    FRAME_WORDS + slots
}

/// Writes a frame of `func` that has not begun into `memory` (of [`frame_words`] words), its slots empty.
///
/// # Safety
/// Both objects must outlive the frame; `memory` must stay in place until [`drop_frame`].
pub unsafe fn forge_frame(memory: &mut [usize], code: &Py<PyCode>, func: &Py<PyFunction>) -> FrameRef {
    let l = frame_layout();
    let at = address(func.as_object());
    // SAFETY: probed; a function keeps both alive and never changes them.
    let (globals, builtins) = unsafe { (word(at, l.func_globals), word(at, l.func_builtins)) };
    let nlocals = code.localspluskinds.len();
    let (head, slots) = memory.split_at_mut(FRAME_WORDS);
    head.copy_from_slice(&l.template);
    slots.fill(0);
    let frame = head.as_mut_ptr() as usize;
    // SAFETY: `head` is as large as a frame and aligned; the template is the bytes of one whose
    // lazily made parts were not there yet, so nothing is owned twice.
    unsafe {
        set_word(frame, l.code, code as *const Py<PyCode> as usize);
        set_word(frame, l.func, at);
        set_word(frame, l.globals, globals);
        set_word(frame, l.builtins, builtins);
        set_word(frame, l.data, slots.as_mut_ptr() as usize);
        set_word(frame, l.capacity, slots.len());
        set_half(frame, l.nlocals, nlocals as u32);
        set_half(frame, l.stack_top, 0);
        set_word(frame, l.previous, 0);
        set_word(frame, l.materialized, 0);
        set_word(frame, l.datastack_base, 0);
        let f = FrameRef(frame as *mut InterpreterFrame);
        f.set_lasti(0);
        f
    }
}

/// The code that calls of a function run.
///
/// # Safety
/// The function must outlive its use.
pub unsafe fn function_code<'a>(func: &Py<PyFunction>) -> &'a Py<PyCode> {
    let at = address(func.as_object()) + layout_now().offset(Field::FuncCode) as usize;
    // SAFETY: probed; a function always has code.
    unsafe { &*(word(at, 0) as *const Py<PyCode>) }
}

/// The cells of a function's free variables.
///
/// # Safety
/// The function must be alive.
pub unsafe fn function_closure(func: &Py<PyFunction>) -> Vec<PyObjectRef> {
    let at = address(func.as_object()) + layout_now().offset(Field::FuncClosure) as usize;
    // SAFETY: probed; null, or a tuple.
    unsafe {
        match word(at, 0) {
            0 => Vec::new(),
            tuple => object_at(tuple)
                .downcast_ref::<rustpython_vm::builtins::PyTuple>()
                .map_or_else(Vec::new, |t| t.as_slice().to_vec()),
        }
    }
}

fn layout_now() -> &'static Layout {
    LAYOUT.get().expect("layout::probe succeeded before any compiled code exists")
}

/// Drops a forged frame's values and whatever it grew.
///
/// # Safety
/// The frame was made by [`forge_frame`] and has left the frame chain.
pub unsafe fn drop_frame(frame: FrameRef) {
    // SAFETY: it is a valid `InterpreterFrame`; its slots are of the data-stack kind, so that its drop
    // releases the values and leaves the memory alone.
    unsafe { std::ptr::drop_in_place(frame.0) }
}

/// The addresses of key and value of entry `index` of a dict; `None` for deleted entries and past the end.
///
/// # Safety
/// No other thread may run, and `dict` must be an exact dict.
pub unsafe fn dict_entry(dict: &PyObject, index: usize) -> Option<(usize, usize)> {
    let l = get()?;
    // SAFETY: offsets were probed; entries are read while nothing can write them.
    unsafe {
        let d = address(dict);
        if index >= word(d, l.offset(Field::DictFilled) as usize) {
            return None;
        }
        let entry = word(d, l.offset(Field::DictEntries) as usize) + index * l.dict_entry_stride as usize;
        let at = |offset: u32| word(entry, offset as usize);
        (at(l.dict_entry_mark) != 0).then(|| (at(l.dict_entry_key), at(l.dict_entry_value)))
    }
}

/// How many entries a dict has, deleted ones included.
///
/// # Safety
/// As [`dict_entry`].
pub unsafe fn dict_entries(dict: &PyObject) -> usize {
    // SAFETY: the offset was probed.
    get().map_or(0, |l| unsafe { word(address(dict), l.offset(Field::DictFilled) as usize) })
}

/// Value of entry `index` of a dict; `None` for deleted entries and past the end.
///
/// # Safety
/// As [`dict_entry`].
pub unsafe fn dict_value_at(dict: &PyObject, index: usize) -> Option<PyObjectRef> {
    // SAFETY: the caller's promise; the dict keeps its values alive.
    unsafe { dict_entry(dict, index).map(|(_, value)| object_at(value).to_owned()) }
}

/// Index of the entry with that very key object, if any.
///
/// # Safety
/// As [`dict_entry`].
pub unsafe fn dict_index_of(dict: &PyObject, key: &PyObject) -> Option<usize> {
    // SAFETY: the caller's promise.
    unsafe { (0..dict_entries(dict)).find(|i| dict_entry(dict, *i).is_some_and(|(k, _)| k == address(key))) }
}

/// The stamp of a dict's keys; 0 when it has none.
///
/// # Safety
/// As [`dict_value_at`].
pub unsafe fn dict_stamp(dict: &PyObject) -> u32 {
    // SAFETY: probed.
    get().map_or(0, |l| unsafe { half(address(dict), l.offset(Field::DictStamp) as usize) })
}

/// Start, step, index and length of the exact range iterator at an address.
///
/// # Safety
/// As [`dict_value_at`].
pub unsafe fn range_iterator(address: usize) -> Option<[i64; 4]> {
    let l = get()?;
    let fields = [Field::RangeIterStart, Field::RangeIterStep, Field::RangeIterIndex, Field::RangeIterLen];
    // SAFETY: the offsets were probed.
    Some(fields.map(|field| unsafe { word(address, l.offset(field) as usize) } as isize as i64))
}

/// The value of an exact int that fits in 64 bits.
pub fn small_int(int: &Py<PyInt>) -> Option<i64> {
    i64::try_from(int.as_bigint()).ok()
}

/// Finds all offsets. Takes some hundred microseconds, most of them for the compiler.
///
/// # Errors
/// The text names the first thing that was not where it can be used.
pub fn probe(vm: &VirtualMachine) -> Result<&'static Layout, String> {
    if let Some(l) = LAYOUT.get() {
        return Ok(l);
    }
    let (layout, frame) = probe::find(vm)?;
    // Another thread may have been as quick; the results are the same.
    let _ = FRAME.set(frame);
    Ok(LAYOUT.get_or_init(|| layout))
}
