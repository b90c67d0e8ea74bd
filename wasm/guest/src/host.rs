//! What the guest asks of its host, beyond WASI.

#[link(wasm_import_module = "psycore")]
unsafe extern "C" {
    fn call(request: *const u8, bytes: usize) -> u64;
    fn poll() -> i32;
    #[link_name = "release"]
    safe fn release_function(number: u32);
    #[link_name = "library"]
    fn put_library(file: *mut u8, bytes: usize) -> i32;
}

/// Calls a function of the host; request and answer are CBOR. `None` if the host gave nothing.
pub fn call_host(request: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: the request is readable; the host answers with a block from `psycore_alloc`.
    unsafe {
        let answer = call(request.as_ptr(), request.len());
        let (block, bytes) = ((answer >> 32) as usize as *mut u8, answer as u32 as usize);
        if block.is_null() {
            return None;
        }
        let copy = std::slice::from_raw_parts(block, bytes).to_vec();
        super::psycore_free(block, bytes);
        Some(copy)
    }
}

/// Tells the host that an object which stood for a function of its is gone.
pub fn release(number: u32) {
    release_function(number);
}

/// Lets the host write the rest of the library into memory. Whether it did.
pub fn library(file: *mut u8, bytes: usize) -> bool {
    // SAFETY: the block is that long, and nobody else uses it.
    unsafe { put_library(file, bytes) == 0 }
}

/// Whether the host wants the program to stop.
pub fn wants_to_interrupt() -> bool {
    // SAFETY: takes nothing.
    unsafe { poll() != 0 }
}
