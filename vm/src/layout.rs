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

use psycore_jit::ir::Field;
use psycore_jit::layout::Layout;
use rustpython_vm::builtins::{
    PyBoundMethod, PyBytes, PyCode, PyDict, PyFloat, PyFunction, PyInt, PyList, PyRange, PyStr,
    PyTuple, PyType,
};
use rustpython_vm::frame::InterpreterFrame;
use rustpython_vm::object::{SIZEOF_PYOBJECT_HEAD, dict_member_offset, payload_offset};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, VirtualMachine, py_compile};
use std::cell::RefCell;
use std::mem::{offset_of, size_of};
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
pub unsafe fn forge_frame(
    memory: &mut [usize],
    code: &Py<PyCode>,
    func: &Py<PyFunction>,
) -> FrameRef {
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

/// Value of entry `index` of a dict; `None` for deleted entries and past the end.
///
/// # Safety
/// No other thread may run, and `dict` must be an exact dict.
pub unsafe fn dict_value_at(dict: &PyObject, index: usize) -> Option<PyObjectRef> {
    let l = get()?;
    // SAFETY: offsets were probed; entries are read while nothing can write them.
    unsafe {
        let d = address(dict);
        if index >= word(d, l.offset(Field::DictFilled) as usize) {
            return None;
        }
        let entry = word(d, l.offset(Field::DictEntries) as usize)
            + index * l.dict_entry_stride as usize;
        if word(entry, l.dict_entry_key as usize) == 0 {
            return None;
        }
        Some(object_at(word(entry, l.dict_entry_value as usize)).to_owned())
    }
}

/// Index of the entry with that very key object, if any.
///
/// # Safety
/// As [`dict_value_at`].
pub unsafe fn dict_index_of(dict: &PyObject, key: &PyObject) -> Option<usize> {
    let l = get()?;
    // SAFETY: as in `dict_value_at`.
    unsafe {
        let d = address(dict);
        let len = word(d, l.offset(Field::DictFilled) as usize);
        let entries = word(d, l.offset(Field::DictEntries) as usize);
        (0..len).find(|i| {
            word(entries + i * l.dict_entry_stride as usize, l.dict_entry_key as usize)
                == address(key)
        })
    }
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
    Some(fields.map(|field| unsafe { word(address, l.offset(field) as usize) } as i64))
}

/// The value of an exact int that fits in 64 bits.
pub fn small_int(int: &Py<PyInt>) -> Option<i64> {
    i64::try_from(int.as_bigint()).ok()
}

type Fail = String;

fn fail(what: &str) -> Fail {
    format!("{what} is not where it is expected in this build of the interpreter")
}

/// Offset (in bytes, from the payload on) of the only word among `count` that is `value`.
fn find_word(obj: usize, count: usize, value: usize, what: &str) -> Result<usize, Fail> {
    let base = SIZEOF_PYOBJECT_HEAD;
    let mut found = None;
    for i in 0..count {
        // SAFETY: the caller says how many words the payload has.
        if unsafe { word(obj, base + i * WORD) } == value {
            if found.is_some() {
                return Err(fail(what));
            }
            found = Some(base + i * WORD);
        }
    }
    found.ok_or_else(|| fail(what))
}

/// Words of a payload of type `T`.
const fn words<T>() -> usize {
    size_of::<T>() / WORD
}

/// What the native function `grab` saw.
#[derive(Clone, Debug)]
struct Seen {
    words: [usize; FRAME_WORDS],
    address: usize,
    code: usize,
    func: usize,
    globals: usize,
    builtins: usize,
    lasti_ok: bool,
    previous: usize,
    data: Vec<usize>,
    data_offset: Option<usize>,
    materialized: Option<usize>,
}

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
    static EXPECT: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Looks at the running frame; called from the snippet.
fn grab(vm: &VirtualMachine) -> bool {
    let Some(frame) = FrameRef::current() else { return false };
    let address = frame.address();
    let mut words = [0usize; FRAME_WORDS];
    for (i, w) in words.iter_mut().enumerate() {
        // SAFETY: within the running frame.
        *w = unsafe { word(address, i * WORD) };
    }
    let expect = EXPECT.with_borrow(|e| e.clone());
    let start = offset_of!(InterpreterFrame, lasti) / WORD;
    let mut data_offset = None;
    let mut data = Vec::new();
    for (i, &w) in words.iter().enumerate() {
        // The data pointer lies between the four identity pointers and `locals` (whose own words may
        // be uninitialized). Only what looks like a pointer is followed.
        if i < 4 || i >= offset_of!(InterpreterFrame, locals) / WORD || w < 0x1_0000 || w % WORD != 0 || w >> 47 != 0 {
            continue;
        }
        // SAFETY: the only pointer among these words is that of the slots, which are as many as locals.
        let slots: Vec<usize> = (0..expect.len()).map(|k| unsafe { word(w, k * WORD) }).collect();
        if slots == expect {
            data_offset = Some(i * WORD);
            // SAFETY: the stack follows the locals; the snippet's frames have at least 8 entries.
            data = (0..expect.len() + 6).map(|k| unsafe { word(w, k * WORD) }).collect();
            break;
        }
    }
    // SAFETY: the frame is running.
    let f = unsafe { frame.get() };
    let mut seen = Seen {
        words,
        address,
        code: f.code() as *const _ as usize,
        func: f.func_obj().map_or(0, |o| o as *const PyObject as usize),
        globals: f.globals() as *const _ as usize,
        builtins: f.builtins() as *const PyObject as usize,
        lasti_ok: f.get_lasti() != 0
            && words[start] as u32 == f.get_lasti(),
        previous: f.previous() as usize,
        data,
        data_offset,
        materialized: None,
    };
    let object = vm.current_frame();
    for (i, &before) in seen.words.iter().enumerate() {
        // SAFETY: as above.
        let now = unsafe { word(address, i * WORD) };
        if now != before && object.as_ref().is_some_and(|o| address_of_ref(o) == now) {
            seen.materialized = Some(i * WORD);
        }
    }
    SEEN.with_borrow_mut(|s| s.push(seen));
    true
}

fn address_of_ref<T: PyPayload>(r: &PyRef<T>) -> usize {
    address(r.as_object())
}

fn frame_offset(seen: &Seen, value: usize, what: &str) -> Result<usize, Fail> {
    seen.words.iter().position(|&w| w == value && w != 0).map(|i| i * WORD).ok_or_else(|| fail(what))
}

fn probe_frames(vm: &VirtualMachine, scope: &Py<PyDict>) -> Result<FrameLayout, Fail> {
    let get = |name: &str| scope.get_item(name, vm).map_err(|_| fail("the probe's own function"));
    let args: Vec<PyObjectRef> =
        (0..7).map(|i| vm.ctx.new_int(100_000 + i).into()).collect();
    EXPECT.with_borrow_mut(|e| *e = args.iter().map(|a| address(a)).collect());
    SEEN.with_borrow_mut(Vec::clear);
    let f = get("frame_probe")?;
    f.call(args.clone(), vm).map_err(|_| fail("a function's frame"))?;
    let g = get("gen_probe")?;
    let it = g.call(args.clone(), vm).map_err(|_| fail("a generator's frame"))?;
    vm.call_method(&it, "__next__", ()).map_err(|_| fail("a generator's frame"))?;
    // Through another function, so that there is a frame before it.
    let caller = get("frame_caller")?;
    caller.call(args.clone(), vm).map_err(|_| fail("a called function's frame"))?;
    let seen = SEEN.with_borrow_mut(std::mem::take);
    EXPECT.with_borrow_mut(Vec::clear);
    let [on_stack, on_heap, called] = &seen[..] else { return Err(fail("the running frame")) };

    let mut data = None;
    let mut tops = Vec::new();
    for s in [on_stack, on_heap] {
        if !s.lasti_ok {
            return Err(fail("frame.lasti"));
        }
        let d = s.data_offset.ok_or_else(|| fail("frame.slots"))?;
        if *data.get_or_insert(d) != d {
            return Err(fail("frame.slots of generators"));
        }
        // The stack's depth is the number of entries that are set: popped ones are cleared.
        tops.push(s.data[7..].iter().take_while(|w| **w != 0).count());
    }
    let data = data.ok_or_else(|| fail("frame.slots"))?;
    let code = frame_offset(on_stack, on_stack.code, "frame.code")?;
    let code_obj = g_code(&f, vm)?;
    let gen_code = g_code(&g, vm)?;
    // SAFETY (all `half`): within the copied words.
    let half_at = |s: &Seen, i: usize| (s.words[i / 2] >> (32 * (i % 2))) as u32;
    let region = (4 * WORD)..offset_of!(InterpreterFrame, locals);
    let find_half = |value: [u32; 2], what: &str| {
        let hits: Vec<usize> = (region.start / 4..region.end / 4)
            .filter(|&i| {
                i * 4 / WORD * WORD != data
                    && half_at(on_stack, i) == value[0]
                    && half_at(on_heap, i) == value[1]
            })
            .collect();
        match hits[..] {
            [one] => Ok(one * 4),
            _ => Err(fail(what)),
        }
    };
    let nlocals = find_half([7, 7], "frame.nlocals")?;
    let stack_top = find_half([tops[0] as u32, tops[1] as u32], "frame.stack_top")?;
    let caps = [
        7 + code_obj.max_stackdepth as usize,
        7 + gen_code.max_stackdepth as usize,
    ];
    let capacity = (region.start / WORD..region.end / WORD)
        .find(|&i| on_stack.words[i] == caps[0] && on_heap.words[i] == caps[1])
        .map(|i| i * WORD)
        .ok_or_else(|| fail("frame.capacity"))?;
    let materialized = on_stack.materialized.ok_or_else(|| fail("frame.materialized"))?;
    let lasti = offset_of!(InterpreterFrame, lasti);
    let after = |frame: &Seen, value: usize, what: &str| {
        (lasti / WORD + 1..FRAME_WORDS)
            .find(|&i| value != 0 && frame.words[i] == value)
            .map(|i| i * WORD)
            .ok_or_else(|| fail(what))
    };
    Ok(FrameLayout {
        code,
        func: frame_offset(on_stack, on_stack.func, "frame.func")?,
        globals: frame_offset(on_stack, on_stack.globals, "frame.globals")?,
        builtins: frame_offset(on_stack, on_stack.builtins, "frame.builtins")?,
        data,
        capacity,
        nlocals,
        stack_top,
        previous: after(called, called.previous, "frame.previous")?,
        materialized,
        datastack_base: after(on_stack, on_stack.address, "frame.datastack_base")?,
        func_globals: find_word(address(&f), words::<PyFunction>(), on_stack.globals, "func.globals")?,
        func_builtins: find_word(address(&f), words::<PyFunction>(), on_stack.builtins, "func.builtins")?,
        template: on_stack.words,
    })
}

fn g_code(f: &PyObject, vm: &VirtualMachine) -> Result<PyRef<PyCode>, Fail> {
    f.get_attr("__code__", vm)
        .ok()
        .and_then(|c| c.downcast::<PyCode>().ok())
        .ok_or_else(|| fail("function.__code__"))
}

/// Finds all offsets. Takes some hundred microseconds, most of them for the compiler.
///
/// # Errors
/// The text names the first thing that was not where it can be used.
pub fn probe(vm: &VirtualMachine) -> Result<&'static Layout, String> {
    if let Some(l) = LAYOUT.get() {
        return Ok(l);
    }
    let (layout, frame) = find(vm)?;
    // Another thread may have been as quick; the results are the same.
    let _ = FRAME.set(frame);
    Ok(LAYOUT.get_or_init(|| layout))
}

fn find(vm: &VirtualMachine) -> Result<(Layout, FrameLayout), Fail> {
    let mut fields: Vec<Option<i32>> = vec![None; Field::ALL.len()];
    let mut set = |f: Field, offset: usize| fields[f as usize] = Some(offset as i32);
    let ctx = &vm.ctx;

    let scope = vm.new_scope_with_builtins();
    let code = py_compile!(file = "layout_probe.py", mode = "exec", module_name = "<psycore layout>");
    let code = PyCode::new_ref_from_frozen(vm, code);
    let globals = scope.globals.clone();
    globals
        .set_item("grab", vm.new_function("grab", grab).into(), vm)
        .map_err(|_| fail("the probe's own function"))?;
    vm.run_code_obj(code, scope).map_err(|_| fail("the probe's own module"))?;
    let global = |name: &str| {
        globals.get_item(name, vm).map_err(|_| fail("the probe's own objects"))
    };

    // Header.
    let list_obj: PyObjectRef = ctx.new_list(vec![]).into();
    let list_at = address(&list_obj);
    // SAFETY (here and below): headers and payloads of live objects are readable.
    let (one, two) = unsafe {
        let one = word(list_at, 0);
        let second = list_obj.clone();
        let two = word(list_at, 0);
        drop(second);
        (one, two)
    };
    if one != 1 || two != 2 {
        return Err(fail("obj.refcount"));
    }
    let immortal_bit = usize::BITS - 4;
    let none = ctx.none();
    // SAFETY: as above.
    if unsafe { word(address(&none), 0) } >> immortal_bit & 1 != 1 || one >> immortal_bit & 1 != 0 {
        return Err(fail("obj.immortal"));
    }
    let list_type = ctx.types.list_type;
    let header_type = (0..SIZEOF_PYOBJECT_HEAD / WORD)
        // SAFETY: as above.
        .find(|&i| unsafe { word(list_at, i * WORD) } == address(list_type.as_object()))
        .ok_or_else(|| fail("obj.type"))?;
    set(Field::ObjType, header_type * WORD);
    for payload in [
        payload_offset::<PyInt>(),
        payload_offset::<PyList>(),
        payload_offset::<PyDict>(),
        payload_offset::<PyType>(),
        payload_offset::<PyFunction>(),
    ] {
        if payload != SIZEOF_PYOBJECT_HEAD {
            return Err(fail("obj.payload"));
        }
    }

    // Instance dict: null or absent on a fresh instance is allowed, the dict's address after it was asked for.
    let class = global("C")?;
    let inst = class.call((), vm).map_err(|_| fail("obj.dict"))?;
    inst.set_attr("x", ctx.new_int(1), vm).map_err(|_| fail("obj.dict"))?;
    let dict = inst.dict().ok_or_else(|| fail("obj.dict"))?;
    let member = dict_member_offset();
    // SAFETY: an instance of a class with a dict has the prefix.
    let at = unsafe { ((address(&inst) as isize + member) as *const usize).read_volatile() };
    if at != address_of_ref(&dict) {
        return Err(fail("obj.dict"));
    }
    fields[Field::ObjDict as usize] = Some(member as i32);
    let mut set = |f: Field, offset: usize| fields[f as usize] = Some(offset as i32);
    set(
        Field::TypeVersion,
        payload_offset::<PyType>() + offset_of!(PyType, tp_version_tag),
    );

    // int
    let big = 0x0012_3456_789a_bcde_i64;
    let (pos, neg): (PyObjectRef, PyObjectRef) = (ctx.new_int(big).into(), ctx.new_int(-big).into());
    let other: PyObjectRef = ctx.new_int(77_777).into();
    let n = words::<PyInt>();
    let mag = find_word(address(&pos), n, big as usize, "int.mag")?;
    if find_word(address(&neg), n, big as usize, "int.mag")? != mag {
        return Err(fail("int.mag"));
    }
    set(Field::IntMag, mag);
    let huge: PyObjectRef = vm
        .ctx
        .new_bigint(&(rustpython_vm::builtins::PyInt::from(big).as_bigint().clone().pow(5)))
        .into();
    let mut tag = None;
    let mut sign = None;
    for i in 0..n {
        let offset = SIZEOF_PYOBJECT_HEAD + i * WORD;
        // SAFETY: as above.
        let w = |o: &PyObject| unsafe { word(address(o), offset) };
        if offset != mag && w(&pos) == w(&neg) && w(&pos) == w(&other) && w(&huge) != w(&pos) && tag.is_none()
        {
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
    if int_small_tag != 1 << 63 {
        return Err(fail("int.tag"));
    }
    set(Field::IntTag, tag_offset);
    set(Field::IntSign, sign.ok_or_else(|| fail("int.sign"))?);

    // float
    let float: PyObjectRef = ctx.new_float(1.234_567_891e77).into();
    set(
        Field::FloatValue,
        find_word(address(&float), words::<PyFloat>(), 1.234_567_891e77_f64.to_bits() as usize, "float.value")?,
    );

    // list
    let items: Vec<PyObjectRef> = (0..3).map(|_| none.clone()).collect();
    let list = ctx.new_list(items);
    let (ptr, len, cap) = {
        let mut v = list.borrow_vec_mut();
        v.reserve(20);
        (v.as_ptr() as usize, v.len(), v.capacity())
    };
    let at = address_of_ref(&list);
    let n = words::<PyList>();
    set(Field::ListPtr, find_word(at, n, ptr, "list.ptr")?);
    set(Field::ListLen, find_word(at, n, len, "list.len")?);
    set(Field::ListCap, find_word(at, n, cap, "list.cap")?);
    let lock = {
        let before: Vec<usize> =
            // SAFETY: as above.
            (0..n).map(|i| unsafe { word(at, SIZEOF_PYOBJECT_HEAD + i * WORD) }).collect();
        // Reading locks too, and unlike writing leaves the count of mutations alone.
        let guard = list.borrow_vec();
        let changed: Vec<usize> = (0..n)
            // SAFETY: as above.
            .filter(|&i| unsafe { word(at, SIZEOF_PYOBJECT_HEAD + i * WORD) } != before[i])
            .collect();
        drop(guard);
        match changed[..] {
            [i] if before[i] == 0 => SIZEOF_PYOBJECT_HEAD + i * WORD,
            _ => return Err(fail("list.lock")),
        }
    };
    set(Field::ListLock, lock);

    // tuple
    let tuple = ctx.new_tuple(vec![none.clone(), none.clone(), none.clone()]);
    let n = words::<PyTuple>();
    set(
        Field::TuplePtr,
        find_word(address_of_ref(&tuple), n, tuple.as_slice().as_ptr() as usize, "tuple.ptr")?,
    );
    set(Field::TupleLen, find_word(address_of_ref(&tuple), n, 3, "tuple.len")?);

    // str
    let text = ctx.new_str("a string that is long");
    let accent = ctx.new_str("\u{e9}t\u{e9}");
    let n = words::<PyStr>();
    let at = address_of_ref(&text);
    set(Field::StrPtr, find_word(at, n, text.as_bytes().as_ptr() as usize, "str.ptr")?);
    // Bytes and characters have the same number here; the order is told apart by another string.
    let hits: Vec<usize> = (0..n)
        .map(|i| SIZEOF_PYOBJECT_HEAD + i * WORD)
        // SAFETY: as above.
        .filter(|&o| unsafe { word(at, o) } == text.as_bytes().len())
        .collect();
    // SAFETY: as above.
    let accent_word = |o: usize| unsafe { word(address_of_ref(&accent), o) };
    let [a, b] = hits[..] else { return Err(fail("str.bytes")) };
    let (bytes, chars) = if accent_word(a) == accent.as_bytes().len() { (a, b) } else { (b, a) };
    if accent_word(bytes) != accent.as_bytes().len() || accent_word(chars) == accent.as_bytes().len() {
        return Err(fail("str.chars"));
    }
    set(Field::StrBytes, bytes);
    set(Field::StrChars, chars);

    // bytes
    let blob = ctx.new_bytes(b"some bytes here".to_vec());
    let n = words::<PyBytes>();
    set(
        Field::BytesPtr,
        find_word(address_of_ref(&blob), n, blob.as_bytes().as_ptr() as usize, "bytes.ptr")?,
    );
    let mut exact = Vec::with_capacity(64);
    exact.extend_from_slice(b"seventeen bytes!!");
    let blob = ctx.new_bytes(exact);
    set(Field::BytesLen, find_word(address_of_ref(&blob), n, 17, "bytes.len")?);

    // functions, cells, methods
    let outer = global("outer")?;
    let value: PyObjectRef = ctx.new_int(1_234_567).into();
    let inner = outer.call((value.clone(),), vm).map_err(|_| fail("func.closure"))?;
    let closure = inner.get_attr("__closure__", vm).map_err(|_| fail("func.closure"))?;
    let cell = closure
        .downcast_ref::<PyTuple>()
        .and_then(|t| t.as_slice().first().cloned())
        .ok_or_else(|| fail("func.closure"))?;
    // A cell is a lock byte and the content: two words.
    set(Field::CellContent, find_word(address(&cell), 2, address(&value), "cell.content")?);
    let n = words::<PyFunction>();
    let code_obj = g_code(&inner, vm)?;
    set(Field::FuncCode, find_word(address(&inner), n, address_of_ref(&code_obj), "func.code")?);
    set(Field::FuncClosure, find_word(address(&inner), n, address(&closure), "func.closure")?);
    let versions = |f: &PyObject| -> Result<Vec<usize>, Fail> {
        let version = f
            .downcast_ref::<PyFunction>()
            .ok_or_else(|| fail("func.version"))?
            .get_version_for_current_state();
        Ok((0..n * 2)
            .map(|i| SIZEOF_PYOBJECT_HEAD + i * 4)
            // SAFETY: as above.
            .filter(|&o| unsafe { half(address(f), o) } == version)
            .collect())
    };
    let (a, b) = (versions(&inner)?, versions(&outer)?);
    let both: Vec<usize> = a.into_iter().filter(|o| b.contains(o)).collect();
    let [version] = both[..] else { return Err(fail("func.version")) };
    set(Field::FuncVersion, version);
    let method: PyObjectRef =
        PyBoundMethod::new(value.clone(), inner.clone()).into_ref(ctx).into();
    let n = words::<PyBoundMethod>();
    set(Field::MethodFunc, find_word(address(&method), n, address(&inner), "method.func")?);
    set(Field::MethodSelf, find_word(address(&method), n, address(&value), "method.self")?);

    // iterators
    let list_ref: PyObjectRef = list.clone().into();
    let iter = list_ref.get_iter(vm).map_err(|_| fail("list_iter"))?;
    let iter: PyObjectRef = iter.into();
    let next = |it: &PyObject| vm.call_method(it, "__next__", ()).map_err(|_| fail("an iterator"));
    next(&iter)?;
    next(&iter)?;
    // Lock, list, position: three words.
    set(Field::ListIterList, find_word(address(&iter), 3, address(&list_ref), "list_iter.list")?);
    set(Field::ListIterIndex, find_word(address(&iter), 3, 2, "list_iter.index")?);
    let text: PyObjectRef = ctx.new_str("\u{e9}\u{e9}\u{e9}\u{e9}").into();
    let iter: PyObjectRef = text.get_iter(vm).map_err(|_| fail("str_iter"))?.into();
    next(&iter)?;
    next(&iter)?;
    // Lock, str, position in characters, position in bytes: four words.
    set(Field::StrIterStr, find_word(address(&iter), 4, address(&text), "str_iter.str")?);
    set(Field::StrIterIndex, find_word(address(&iter), 4, 2, "str_iter.index")?);
    let range = vm
        .builtins
        .get_attr("range", vm)
        .and_then(|r| r.call((1000, 2003, 7), vm))
        .map_err(|_| fail("range_iter"))?;
    let iter: PyObjectRef = range.get_iter(vm).map_err(|_| fail("range_iter"))?.into();
    next(&iter)?;
    next(&iter)?;
    let at = address(&iter);
    set(Field::RangeIterIndex, find_word(at, 4, 2, "range_iter.index")?);
    set(Field::RangeIterStart, find_word(at, 4, 1000, "range_iter.start")?);
    set(Field::RangeIterStep, find_word(at, 4, 7, "range_iter.step")?);
    set(Field::RangeIterLen, find_word(at, 4, 144, "range_iter.len")?);

    for (field, offset) in [
        (Field::RangeStart, offset_of!(PyRange, start)),
        (Field::RangeStop, offset_of!(PyRange, stop)),
        (Field::RangeStep, offset_of!(PyRange, step)),
    ] {
        set(field, payload_offset::<PyRange>() + offset);
    }
    let dict = ctx.new_dict();
    for i in 0..9 {
        dict.set_item(&*ctx.new_str(format!("iterated {i}")), none.clone(), vm).map_err(|_| fail("dict_iter"))?;
    }
    let dict_ref: PyObjectRef = dict.into();
    let mut places = Vec::new();
    for view in ["keys", "values", "items"] {
        let iter = vm
            .call_method(&dict_ref, view, ())
            .and_then(|view| view.get_iter(vm))
            .map_err(|_| fail("dict_iter"))?;
        let iter: PyObjectRef = iter.into();
        for _ in 0..3 {
            next(&iter)?;
        }
        // The size of the dict (four words), whether it changed, lock, dict, position.
        let dict = find_word(address(&iter), DICT_ITER_WORDS, address(&dict_ref), "dict_iter.dict")?;
        places.push((dict, find_word(address(&iter), DICT_ITER_WORDS, 3, "dict_iter.position")?));
    }
    if places[0] != places[1] || places[0] != places[2] {
        return Err(fail("dict_iter"));
    }
    set(Field::DictIterDict, places[0].0);
    set(Field::DictIterPosition, places[0].1);
    set(Field::FrameLasti, offset_of!(InterpreterFrame, lasti));

    let stride = {
        let shape = global("shape")?;
        probe_dict(vm, &mut set, &shape, &class)?
    };
    let frame = probe_frames(vm, &globals)?;
    set(Field::FrameGlobals, frame.globals);
    set(Field::FrameMaterialized, frame.materialized);
    set(Field::FrameBuiltins, frame.builtins);

    let fields = fields
        .iter()
        .enumerate()
        .map(|(i, f)| f.ok_or_else(|| fail(Field::ALL[i].name())))
        .collect::<Result<Vec<i32>, Fail>>()?;
    Ok((
        Layout {
            fields,
            dict_entry_stride: stride.0,
            dict_entry_value: stride.1,
            dict_entry_key: stride.2,
            refcount: 0,
            immortal_bit,
            int_small_tag,
        },
        frame,
    ))
}

/// Stride, value and key offsets of dict entries; the fields of dicts go to `set`.
fn probe_dict(
    vm: &VirtualMachine,
    set: &mut impl FnMut(Field, usize),
    shape: &PyObject,
    class: &PyObject,
) -> Result<(u32, u32, u32), Fail> {
    let ctx = &vm.ctx;
    let bad = |_| fail("dict");
    let dict = ctx.new_dict();
    let keys: Vec<PyObjectRef> = (0..5).map(|i| ctx.new_str(format!("probe key {i}")).into()).collect();
    let values: Vec<PyObjectRef> = (0..5).map(|i| ctx.new_int(500_000 + i).into()).collect();
    for (k, v) in keys.iter().zip(&values) {
        dict.set_item(&**k, v.clone(), vm).map_err(bad)?;
    }
    dict.del_item(&*keys[2], vm).map_err(bad)?;
    // Now: 4 used, 5 entry slots, one of them deleted; index table of at least 8.
    let at = address_of_ref(&dict);
    let n = words::<PyDict>();
    // SAFETY (all): within the payload.
    let w = |i: usize| unsafe { word(at, SIZEOF_PYOBJECT_HEAD + i * WORD) };
    let mut entries = None;
    for i in 1..n - 1 {
        let p = w(i);
        // A vector is capacity, pointer, length. The words at the ends may hold padding.
        if p < 0x1_0000 || p % WORD != 0 || p >> 47 != 0 || w(i - 1) > 64 || w(i + 1) > 64 {
            continue;
        }
        // SAFETY: the only pointers of a dict are those of its two vectors, each of at least
        // 8 words here (8 indices; 5 entries of 4 words).
        let hit = |value: usize| (0..8).find(|&k| unsafe { word(p, k * WORD) } == value);
        if let (Some(k0), Some(v0), Some(k1)) =
            (hit(address(&keys[0])), hit(address(&values[0])), hit(address(&keys[1])))
        {
            entries = Some((i, k0 * WORD, v0 * WORD, (k1 - k0) * WORD));
        }
    }
    let (ptr_word, key, value, stride) = entries.ok_or_else(|| fail("dict.entries"))?;
    // SAFETY: five entries.
    if unsafe { word(w(ptr_word), 2 * stride + key) } != 0
        || unsafe { word(w(ptr_word), 4 * stride + value) } != address(&values[4])
    {
        return Err(fail("dict.entries"));
    }
    set(Field::DictEntries, SIZEOF_PYOBJECT_HEAD + ptr_word * WORD);
    // `used` is the only 4. Two words are 5: the vector's length and a count of index slots in use, which
    // counts deleted ones that were reused only once; a rebuild tells them apart, the length
    // of the vector being what grows with each insertion of a new key.
    set(Field::DictUsed, find_word(at, n, 4, "dict.used")?);
    let fives: Vec<usize> = (0..n).filter(|&i| w(i) == 5).collect();
    let filled = fives
        .iter()
        .copied()
        .find(|&i| i > ptr_word && i <= ptr_word + 1)
        .ok_or_else(|| fail("dict.filled"))?;
    set(Field::DictFilled, SIZEOF_PYOBJECT_HEAD + filled * WORD);

    // The stamp: given by a method call that was specialized, gone after a new key.
    let inst = class.call((), vm).map_err(bad)?;
    shape.call((inst.clone(),), vm).map_err(bad)?;
    let d = inst.dict().ok_or_else(|| fail("dict.stamp"))?;
    let d_at = address_of_ref(&d);
    let halves = |at: usize| -> Vec<u32> {
        // SAFETY: within the payload.
        (0..n * 2).map(|i| unsafe { half(at, SIZEOF_PYOBJECT_HEAD + i * 4) }).collect()
    };
    let before = halves(d_at);
    let twin = class.call((), vm).map_err(bad)?;
    shape.call((twin.clone(),), vm).map_err(bad)?;
    let twin_dict = twin.dict().ok_or_else(|| fail("dict.stamp"))?;
    let same = halves(address_of_ref(&twin_dict));
    d.set_item("another", ctx.none(), vm).map_err(bad)?;
    let after = halves(d_at);
    let known: Vec<usize> = [ptr_word, filled].into_iter().collect();
    let stamps: Vec<usize> = (0..n * 2)
        .filter(|&i| !known.contains(&(i / 2)) && before[i] != 0 && before[i] == same[i] && after[i] == 0)
        .collect();
    let [stamp] = stamps[..] else { return Err(fail("dict.stamp")) };
    set(Field::DictStamp, SIZEOF_PYOBJECT_HEAD + stamp * 4);

    // The lock can't be held from here; it is the one word that is zero whatever the dict holds,
    // and it comes first, as it does in lists.
    let zero: Vec<usize> = (0..n)
        .filter(|&i| w(i) == 0 && i * 2 != stamp && i * 2 + 1 != stamp)
        .collect();
    let [lock] = zero[..] else { return Err(fail("dict.lock")) };
    if lock != 0 {
        return Err(fail("dict.lock"));
    }
    set(Field::DictLock, SIZEOF_PYOBJECT_HEAD);
    Ok((stride as u32, value as u32, key as u32))
}
