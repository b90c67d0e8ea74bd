//! The guest's allocator: blocks of the sizes that objects have are kept when they are freed, for the next object of that
//! size. Everything else is the C library's. An interpreter spends a sixth of its time in that one, and half of it with this.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;

/// Sizes of kept blocks are multiples of this, and so are their addresses.
const UNIT: usize = 8;
/// How many sizes there are, counting 0.
const SIZES: usize = 33;
/// Of each size as many blocks are kept as make up so many bytes. All of them together are 2 MiB that other sizes can't use.
const KEPT_BYTES: usize = 64 << 10;

pub struct Allocator {
    kept: [Kept; SIZES],
}

/// Free blocks of one size.
struct Kept {
    first: Cell<*mut Block>,
    bytes: Cell<usize>,
}

/// What is in a free block.
struct Block {
    next: *mut Block,
}

// SAFETY: guests have one thread.
unsafe impl Sync for Allocator {}

impl Allocator {
    pub const fn new() -> Allocator {
        Allocator { kept: [const { Kept { first: Cell::new(ptr::null_mut()), bytes: Cell::new(0) } }; SIZES] }
    }

    /// Where blocks of that layout are kept, and how large they are, if they are.
    #[inline]
    fn kept(&self, layout: Layout) -> Option<(&Kept, usize)> {
        let size = layout.size().next_multiple_of(UNIT);
        let kept = self.kept.get(size / UNIT)?;
        (layout.align() <= UNIT).then_some((kept, size))
    }
}

// SAFETY: a block is in one list or in use. The C library has given it, for its list's size, and gets it back as one of that
// size, though it does not look at sizes.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((kept, size)) = self.kept(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        };
        let block = kept.first.get();
        if block.is_null() {
            // SAFETY: the size is that of a layout, rounded up to the alignment, and not 0, as the caller's isn't.
            return unsafe { System.alloc(Layout::from_size_align_unchecked(size, UNIT)) };
        }
        // SAFETY: nobody has written to it since it was freed.
        kept.first.set(unsafe { (*block).next });
        kept.bytes.set(kept.bytes.get() - size);
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some((kept, size)) = self.kept(layout)
            && kept.bytes.get() < KEPT_BYTES
        {
            let block = block.cast::<Block>();
            // SAFETY: it is not used any more, and large enough.
            unsafe { block.write(Block { next: kept.first.get() }) };
            kept.first.set(block);
            kept.bytes.set(kept.bytes.get() + size);
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if self.kept(layout).is_none() {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the caller's promise.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: it has that size.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (self.kept(layout), self.kept(new_layout)) {
            // SAFETY: the caller's promise.
            (None, None) => unsafe { System.realloc(block, layout, new_size) },
            (Some((_, size)), Some((_, new_size))) if size == new_size => block,
            _ => {
                // SAFETY: the caller's promise.
                let new = unsafe { self.alloc(new_layout) };
                if !new.is_null() {
                    // SAFETY: both are so large, and they are two.
                    unsafe { ptr::copy_nonoverlapping(block, new, layout.size().min(new_size)) };
                    // SAFETY: the caller's promise.
                    unsafe { self.dealloc(block, layout) };
                }
                new
            }
        }
    }
}
