//! Interpreter frames: reading and rewriting live ones, and forging frames on memory of our own.

use super::layout::{WORD, address, disown, half, object_at, own, set_half, set_word, word};
use rustpython_vm::builtins::{PyCode, PyFunction};
use rustpython_vm::frame::InterpreterFrame;
use rustpython_vm::{AsObject, Py, PyObjectRef};
use std::mem::size_of;
use std::sync::OnceLock;

/// Words of an interpreter frame.
pub const FRAME_WORDS: usize = size_of::<InterpreterFrame>() / WORD;

/// Offsets that only the VM needs.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameLayout {
    pub code: usize,
    pub func: usize,
    pub globals: usize,
    pub builtins: usize,
    pub data: usize,
    pub capacity: usize,
    pub nlocals: usize,
    pub stack_top: usize,
    pub previous: usize,
    pub materialized: usize,
    pub datastack_base: usize,
    /// Offsets in a function object.
    pub func_globals: usize,
    pub func_builtins: usize,
    /// The words of a function's frame that has just begun, to make others from.
    pub template: [usize; FRAME_WORDS],
}

static FRAME: OnceLock<FrameLayout> = OnceLock::new();

/// Takes over what the probe has found.
pub fn set_layout(layout: FrameLayout) {
    // Another thread may have been as quick; the results are the same.
    let _ = FRAME.set(layout);
}

fn frame_layout() -> &'static FrameLayout {
    FRAME.get().expect("layout::probe succeeded before any hook exists")
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

    pub fn address(self) -> usize {
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

/// Drops a forged frame's values and whatever it grew.
///
/// # Safety
/// The frame was made by [`forge_frame`] and has left the frame chain.
pub unsafe fn drop_frame(frame: FrameRef) {
    // SAFETY: it is a valid `InterpreterFrame`; its slots are of the data-stack kind, so that its drop
    // releases the values and leaves the memory alone.
    unsafe { std::ptr::drop_in_place(frame.0) }
}
