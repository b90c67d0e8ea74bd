//! Executable memory: one reserved range of addresses from which pieces are taken and given back.
//!
//! The range lies within 2 GB of this program's own code where the system allows it, so that
//! compiled code can call the run time directly. Pages are never writable and executable at once:
//! [`CodeMemory::write`] takes execution away from the pages it writes to and restores it. So no
//! thread may run code of this memory while another writes; the VM compiles only while one
//! Python thread exists. The mapping is private, so a forked child has its own copy.
//!
//! This file knows bytes, not instructions: relocation is the lowering's business.

use std::collections::BTreeMap;
use std::io;
use std::ptr::NonNull;

/// Pieces start at multiples of this.
pub const ALIGN: usize = 32;

/// How far from the program the range may begin so that a signed 32-bit displacement reaches
/// from any of its ends to the other's.
const NEAR: usize = 0x7000_0000;
const HINT_STEP: usize = 16 << 20;

/// Whether a displacement of 32 bits reaches `target` from everywhere in a range of addresses.
pub fn reaches(range: &std::ops::Range<usize>, target: usize) -> bool {
    range.start.abs_diff(target).max(range.end.abs_diff(target)) < i32::MAX as usize
}

/// A piece of code memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeBlock {
    offset: usize,
    len: usize,
}

impl CodeBlock {
    /// Its size in bytes, rounded up to [`ALIGN`].
    pub fn len(&self) -> usize {
        self.len
    }
}

/// The range and what of it is free.
pub struct CodeMemory {
    base: NonNull<u8>,
    size: usize,
    page: usize,
    /// Free ranges by offset; neighbours are always merged.
    free: BTreeMap<usize, usize>,
    used: usize,
}

// SAFETY: the mapping belongs to this value alone, and all writes to it go through `&mut self`.
unsafe impl Send for CodeMemory {}

impl CodeMemory {
    /// Reserves `size` bytes of addresses; memory is used only as code is written.
    pub fn new(size: usize) -> io::Result<Self> {
        let page = page_size();
        let size = size.max(page).next_multiple_of(page);
        let base = reserve_near(size).or_else(|| reserve(size, 0)).ok_or_else(io::Error::last_os_error)?;
        Ok(CodeMemory { base, size, page, free: BTreeMap::from([(0, size)]), used: 0 })
    }

    /// Takes a piece of at least `len` bytes, or `None` when no free range is large enough.
    pub fn alloc(&mut self, len: usize) -> Option<CodeBlock> {
        let len = len.max(1).checked_next_multiple_of(ALIGN)?;
        let (offset, have) = self.free.iter().find(|(_, have)| **have >= len).map(|(o, h)| (*o, *h))?;
        self.free.remove(&offset);
        if have > len {
            self.free.insert(offset + len, have - len);
        }
        self.used += len;
        Some(CodeBlock { offset, len })
    }

    /// The address of the first byte of a piece.
    pub fn address(&self, block: CodeBlock) -> usize {
        self.base.as_ptr() as usize + block.offset
    }

    /// The addresses that pieces lie between.
    pub fn range(&self) -> std::ops::Range<usize> {
        let first = self.base.as_ptr() as usize;
        first..first + self.size
    }

    /// Copies code to the start of a piece and makes it executable.
    pub fn write(&mut self, block: CodeBlock, code: &[u8]) -> io::Result<()> {
        if code.len() > block.len {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let start = block.offset / self.page * self.page;
        let end = (block.offset + block.len).next_multiple_of(self.page);
        self.protect(start, end, libc::PROT_READ | libc::PROT_WRITE)?;
        // SAFETY: the piece lies inside the mapping, was made writable just now, and holds
        // `code.len()` bytes (checked above). `code` is not part of the mapping: nobody gets a
        // slice of it. Held by the test `code_runs_after_a_neighbour_is_written`.
        unsafe {
            std::ptr::copy_nonoverlapping(code.as_ptr(), self.base.as_ptr().add(block.offset), code.len());
        }
        self.protect(start, end, libc::PROT_READ | libc::PROT_EXEC)
    }

    /// Gives a piece back. Nothing may run it or jump to it any more.
    pub fn free(&mut self, block: CodeBlock) {
        self.used -= block.len;
        let (mut offset, mut len) = (block.offset, block.len);
        if let Some(next) = self.free.remove(&(offset + len)) {
            len += next;
        }
        if let Some((&before, &have)) = self.free.range(..offset).next_back()
            && before + have == offset
        {
            self.free.remove(&before);
            offset = before;
            len += have;
        }
        self.free.insert(offset, len);
    }

    /// Bytes that are taken.
    pub fn used(&self) -> usize {
        self.used
    }

    fn protect(&mut self, start: usize, end: usize, protection: i32) -> io::Result<()> {
        // SAFETY: `start..end` are page boundaries inside the mapping, which belongs to us.
        let failed = unsafe { libc::mprotect(self.base.as_ptr().add(start).cast(), end - start, protection) };
        if failed != 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `reserve` with this size and is not used afterwards:
        // whoever drops the memory has given up the code in it.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.size) };
    }
}

fn page_size() -> usize {
    // SAFETY: no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// Tries addresses below the program, then above it, step by step.
fn reserve_near(size: usize) -> Option<NonNull<u8>> {
    let program = (reserve_near as fn(usize) -> Option<NonNull<u8>> as usize) & !(HINT_STEP - 1);
    let steps = NEAR.checked_sub(size)? / HINT_STEP;
    let below = (1..steps).filter_map(|i| program.checked_sub(size + i * HINT_STEP));
    let above = (1..steps).map(|i| program + i * HINT_STEP);
    below.chain(above).filter(|hint| *hint != 0).find_map(|hint| reserve(size, hint))
}

/// Maps inaccessible memory, at `hint` exactly unless it is 0.
fn reserve(size: usize, hint: usize) -> Option<NonNull<u8>> {
    let exact = if hint == 0 { 0 } else { libc::MAP_FIXED_NOREPLACE };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | exact;
    // SAFETY: an anonymous mapping that replaces nothing.
    let address = unsafe { libc::mmap(hint as *mut _, size, libc::PROT_NONE, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return None;
    }
    if hint != 0 && address as usize != hint {
        // Kernels older than the flag take the address as a mere wish.
        // SAFETY: made just now, used by nobody.
        unsafe { libc::munmap(address, size) };
        return None;
    }
    NonNull::new(address.cast())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `mov eax, value; ret`
    fn returning(value: u32) -> Vec<u8> {
        let mut code = vec![0xb8];
        code.extend(value.to_le_bytes());
        code.push(0xc3);
        code
    }

    fn run(memory: &CodeMemory, block: CodeBlock) -> u32 {
        // SAFETY: `returning` made the code, and it has that signature.
        let f: extern "C" fn() -> u32 = unsafe { std::mem::transmute(memory.address(block)) };
        f()
    }

    #[test]
    fn code_runs_after_a_neighbour_is_written() {
        let mut memory = CodeMemory::new(1 << 16).unwrap();
        let blocks: Vec<_> = (0..20)
            .map(|i| {
                let block = memory.alloc(6).unwrap();
                memory.write(block, &returning(i)).unwrap();
                block
            })
            .collect();
        for (i, block) in blocks.iter().enumerate() {
            assert_eq!(run(&memory, *block), i as u32);
        }
    }

    #[test]
    fn freed_pieces_are_merged_and_used_again() {
        let mut memory = CodeMemory::new(4096).unwrap();
        let blocks: Vec<_> = std::iter::from_fn(|| memory.alloc(1000)).collect();
        assert_eq!(blocks.len(), 4);
        assert_eq!(memory.used(), 4096);
        for i in [1, 3, 0, 2] {
            memory.free(blocks[i]);
        }
        assert_eq!(memory.used(), 0);
        let whole = memory.alloc(4096).unwrap();
        assert_eq!(memory.address(whole), memory.address(blocks[0]));
        assert!(memory.alloc(1).is_none());
    }

    #[test]
    fn the_range_is_near_the_program() {
        let memory = CodeMemory::new(64 << 20).unwrap();
        assert!(reaches(&memory.range(), page_size as fn() -> usize as usize));
        assert!(!reaches(&memory.range(), 1 << 46));
    }

    #[test]
    fn code_that_does_not_fit_is_refused() {
        let mut memory = CodeMemory::new(4096).unwrap();
        let block = memory.alloc(32).unwrap();
        assert!(memory.write(block, &[0; 33]).is_err());
    }
}
