//! The frames that compiled code makes, and their memory: one stack for each thread, and memory of its own for what has no
//! room there.

use super::frame::{FrameRef, drop_frame, forge_frame, frame_words};
use super::{layout, views};
use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyFunction};
use rustpython_vm::vm::thread::{set_current_frame, set_current_frame_nosave};
use rustpython_vm::{Py, VirtualMachine};
use std::cell::{Cell, RefCell};

/// Words of the stack.
const WORDS: usize = 1 << 16;

struct Stack {
    /// The first word; null before there is any.
    base: Cell<*mut usize>,
    /// Words in use.
    top: Cell<usize>,
}

thread_local! {
    /// What `STACK` points to. Only looked at once, since it has a destructor.
    static MEMORY: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    static STACK: Stack = const { Stack { base: Cell::new(std::ptr::null_mut()), top: Cell::new(0) } };
}

/// Takes so many words, with anything in them, until [`give_back`].
#[inline]
pub fn take(words: usize) -> *mut usize {
    STACK.with(|stack| {
        let top = stack.top.get();
        if top + words <= WORDS && !stack.base.get().is_null() {
            stack.top.set(top + words);
            // SAFETY: within the stack.
            return unsafe { stack.base.get().add(top) };
        }
        take_slowly(stack, words)
    })
}

#[cold]
fn take_slowly(stack: &Stack, words: usize) -> *mut usize {
    if stack.base.get().is_null() {
        MEMORY.with_borrow_mut(|memory| {
            memory.resize(WORDS, 0);
            stack.base.set(memory.as_mut_ptr());
        });
        return take(words);
    }
    Box::leak(vec![0usize; words].into_boxed_slice()).as_mut_ptr()
}

/// Gives back what was taken last of all that is in use.
///
/// # Safety
/// The words come from [`take`] and nothing refers to them any more.
#[inline]
pub unsafe fn give_back(at: *mut usize, words: usize) {
    STACK.with(|stack| {
        let base = stack.base.get() as usize;
        let offset = (at as usize).wrapping_sub(base) / size_of::<usize>();
        if offset < WORDS {
            stack.top.set(offset);
        } else {
            // SAFETY: taken as a boxed slice of that length.
            drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(at, words)) });
        }
    });
}

/// Words before the frame: what was handled when it began, see [`OwnFrame::handled`].
const HEADER: usize = 1;
/// Stands for no exception.
const NONE_HANDLED: usize = 1;

/// A frame that compiled code has made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwnFrame(pub FrameRef);

impl OwnFrame {
    /// Makes a frame of a function that has this code.
    ///
    /// # Safety
    /// Both outlive the frame.
    #[inline]
    pub unsafe fn new(code: &Py<PyCode>, f: &Py<PyFunction>) -> OwnFrame {
        let words = frame_words(code.code.localspluskinds.len() + code.code.max_stackdepth as usize);
        let at = take(HEADER + words);
        // SAFETY: the words are this frame's until it is freed.
        unsafe {
            at.write(0);
            OwnFrame(forge_frame(std::slice::from_raw_parts_mut(at.add(HEADER), words), code, f))
        }
    }

    /// The same, linked into the chain.
    ///
    /// # Safety
    /// The function outlives the frame, and keeps its code.
    #[inline]
    pub unsafe fn push(f: &Py<PyFunction>, vm: &VirtualMachine) -> OwnFrame {
        // SAFETY: the caller's promise.
        unsafe {
            let code = views::function_code(f);
            let own = OwnFrame::new(code, f);
            if code.has_exc_handling {
                own.header().write(vm.current_exception().map_or(NONE_HANDLED, |e| layout::disown(e.into())));
            }
            own.0.set_previous(set_current_frame_nosave(own.0.0));
            own
        }
    }

    /// Takes it out of the chain, of which it is the end. Gives the frame before.
    ///
    /// # Safety
    /// It is the current frame.
    #[inline]
    pub unsafe fn unlink(self) -> Option<FrameRef> {
        // SAFETY: the caller's promise.
        unsafe {
            let previous = self.0.previous();
            let _ = set_current_frame(previous.map_or(std::ptr::null(), |f| f.0.cast_const()));
            previous
        }
    }

    /// Takes the exception that was handled when the frame began, if its code handles any.
    ///
    /// # Safety
    /// The frame was not freed.
    pub unsafe fn take_handled(self) -> Option<Option<PyBaseExceptionRef>> {
        // SAFETY: the header lies before the frame.
        match unsafe { self.header().replace(0) } {
            0 => None,
            NONE_HANDLED => Some(None),
            // SAFETY: put there by `push`.
            word => Some(unsafe { layout::own(word) }.downcast().ok()),
        }
    }

    fn header(self) -> *mut usize {
        self.0.0.cast::<usize>().wrapping_sub(HEADER)
    }

    /// Releases what it holds, and its memory.
    ///
    /// # Safety
    /// It has left the chain, and nobody uses it any more. Those made later were freed before.
    #[inline]
    pub unsafe fn free(self) {
        // SAFETY: the caller's promise.
        unsafe {
            if *self.header() != 0 {
                drop(self.take_handled());
            }
            let words = HEADER + frame_words(self.0.nlocals() + self.0.stack_capacity());
            drop_frame(self.0);
            give_back(self.header(), words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{WORDS, give_back, take};

    #[test]
    fn memory_is_reused_in_order_and_what_has_no_room_lies_elsewhere() {
        let first = take(8);
        let second = take(WORDS - 8);
        let beyond = take(8);
        // SAFETY: in the reverse order, and nothing refers to them.
        unsafe {
            assert_eq!(first.add(8), second);
            assert!(!(first..first.add(WORDS)).contains(&beyond));
            beyond.write(1);
            give_back(beyond, 8);
            give_back(second, WORDS - 8);
            assert_eq!(take(4), second);
            give_back(second, 4);
            give_back(first, 8);
        }
    }
}
