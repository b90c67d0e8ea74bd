//! `psycore.wasm`: the VM and the JIT for any WebAssembly engine. `docs/guest-abi.md` describes
//! what hosts see: two functions for memory, one for requests, and a few imports.
#![cfg(target_family = "wasm")]

mod host;
mod library;
mod memory;
mod request;
mod value;
mod wasi;

use std::alloc::Layout;

#[global_allocator]
static ALLOCATOR: memory::Allocator = memory::Allocator::new();

/// Memory is aligned for whatever a host may put there.
const ALIGN: usize = 8;

/// Version of the interface. A host refuses a guest of another one.
#[unsafe(no_mangle)]
extern "C" fn psycore_abi() -> u32 {
    psycore_abi::VERSION
}

/// Memory for the host to write to; 0 if there is none left.
#[unsafe(no_mangle)]
extern "C" fn psycore_alloc(bytes: usize) -> *mut u8 {
    match Layout::from_size_align(bytes.max(1), ALIGN) {
        // SAFETY: the size is not 0.
        Ok(layout) => unsafe { std::alloc::alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// Gives memory of [`psycore_alloc`] back, or an answer.
///
/// # Safety
/// The block is of that size, and it is given back once.
#[unsafe(no_mangle)]
unsafe extern "C" fn psycore_free(block: *mut u8, bytes: usize) {
    if let Ok(layout) = Layout::from_size_align(bytes.max(1), ALIGN) {
        // SAFETY: the caller's promise.
        unsafe { std::alloc::dealloc(block, layout) }
    }
}

/// Answers a request: CBOR in, CBOR out. The answer is a block that the host gives back; its
/// address is in the high half, its length in the low one.
///
/// # Safety
/// The request is readable. It stays the host's.
#[unsafe(no_mangle)]
unsafe extern "C" fn psycore_request(request: *const u8, bytes: usize) -> u64 {
    // SAFETY: the caller's promise.
    let request = unsafe { std::slice::from_raw_parts(request, bytes) };
    hand_over(&request::answer(request))
}

/// Copies bytes into a block of their own.
fn hand_over(bytes: &[u8]) -> u64 {
    let block = psycore_alloc(bytes.len());
    if block.is_null() {
        return 0;
    }
    // SAFETY: the block is that long and new.
    unsafe { block.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    (block as u64) << 32 | bytes.len() as u64
}

/// Takes the standard library, which must stay where it is, and starts a VM with the usual settings, for a snapshot to be
/// taken. Of the library there are the modules that every instance has, and a file with the others, in which they begin
/// after `skipped` bytes; instances have the room for that file, and get it from their hosts.
///
/// # Safety
/// The blocks are readable for good, the file is writable, and nobody else uses it.
#[unsafe(no_mangle)]
unsafe extern "C" fn psycore_prepare(modules: *const u8, bytes: usize, file: *mut u8, file_bytes: usize, skipped: usize) {
    // SAFETY: the caller's promise.
    unsafe { library::set(std::slice::from_raw_parts(modules, bytes), file, file_bytes, skipped) };
    request::prepare();
}
