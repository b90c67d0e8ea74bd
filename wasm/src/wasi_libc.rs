//! Functions that std wants and an older WASI C library lacks. See `build.rs`.
//!
//! There are no threads: starting one fails, and what only prepares it does nothing.

use core::ffi::{c_char, c_int, c_void};

const EAGAIN: c_int = 6;
const EINVAL: c_int = 28;
const ENOMEM: c_int = 48;
const PATH_MAX: usize = 4096;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn strlen(s: *const c_char) -> usize;
}

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_init(_: *mut c_void) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_destroy(_: *mut c_void) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_attr_setstacksize(_: *mut c_void, _: usize) -> c_int {
    0
}

#[unsafe(no_mangle)]
extern "C" fn pthread_create(_: *mut c_void, _: *const c_void, _: *const c_void, _: *mut c_void) -> c_int {
    EAGAIN
}

#[unsafe(no_mangle)]
extern "C" fn pthread_join(_: *mut c_void, _: *mut *mut c_void) -> c_int {
    EINVAL
}

#[unsafe(no_mangle)]
extern "C" fn pthread_detach(_: *mut c_void) -> c_int {
    0
}

/// The path as it is: nothing can be said of links without the host.
///
/// # Safety
/// As in C: a string, and null or room for the longest path.
#[unsafe(no_mangle)]
unsafe extern "C" fn realpath(path: *const c_char, resolved: *mut c_char) -> *mut c_char {
    // SAFETY: the caller's promise; a path that is too long is refused.
    unsafe {
        let len = strlen(path);
        let out = if resolved.is_null() { malloc(PATH_MAX).cast() } else { resolved };
        if out.is_null() || len >= PATH_MAX {
            *__errno_location() = ENOMEM;
            return core::ptr::null_mut();
        }
        core::ptr::copy(path, out, len + 1);
        out
    }
}

#[unsafe(no_mangle)]
extern "C" fn __errno_location() -> *mut c_int {
    static mut ERRNO: c_int = 0;
    &raw mut ERRNO
}
