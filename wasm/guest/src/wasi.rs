//! What the host gives by WASI may be more than there was when the snapshot of the guest was taken: the C library has looked
//! for directories and for the environment then, and does not look again.

use std::ffi::{CString, OsString, c_char};
use std::os::wasi::ffi::OsStringExt;

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn fd_prestat_get(fd: u32, prestat: *mut Prestat) -> u32;
    fn fd_prestat_dir_name(fd: u32, name: *mut u8, len: usize) -> u32;
    fn environ_sizes_get(count: *mut usize, bytes: *mut usize) -> u32;
    fn environ_get(pointers: *mut usize, bytes: *mut u8) -> u32;
}

unsafe extern "C" {
    fn __wasilibc_register_preopened_fd(fd: i32, prefix: *const c_char) -> i32;
}

#[repr(C)]
#[derive(Default)]
struct Prestat {
    /// 0 is a directory.
    kind: u32,
    name_len: usize,
}

/// The first descriptor that may be a directory.
const FIRST: u32 = 3;

/// Makes the directories known that the host has opened.
pub fn register_directories() {
    for fd in FIRST.. {
        let mut prestat = Prestat::default();
        // SAFETY: a place for the answer.
        if unsafe { fd_prestat_get(fd, &mut prestat) } != 0 {
            return;
        }
        let mut name = vec![0; prestat.name_len];
        // SAFETY: room for so many bytes.
        if prestat.kind != 0 || unsafe { fd_prestat_dir_name(fd, name.as_mut_ptr(), name.len()) } != 0 {
            continue;
        }
        if let Ok(name) = CString::new(name) {
            // SAFETY: a string; the library copies it.
            unsafe { __wasilibc_register_preopened_fd(fd as i32, name.as_ptr()) };
        }
    }
}

/// The variables that the host gives.
pub fn environment() -> Vec<(OsString, OsString)> {
    let (mut count, mut bytes) = (0, 0);
    // SAFETY: places for the answers.
    if unsafe { environ_sizes_get(&mut count, &mut bytes) } != 0 || count == 0 {
        return Vec::new();
    }
    let (mut pointers, mut block) = (vec![0usize; count], vec![0u8; bytes]);
    // SAFETY: as large as the host said.
    if unsafe { environ_get(pointers.as_mut_ptr(), block.as_mut_ptr()) } != 0 {
        return Vec::new();
    }
    let start = block.as_ptr() as usize;
    let entry = |at: usize| {
        let rest = block.get(at.checked_sub(start)?..)?;
        let text = rest.split(|b| *b == 0).next()?;
        let equals = text.iter().position(|b| *b == b'=')?;
        Some((OsString::from_vec(text[..equals].to_vec()), OsString::from_vec(text[equals + 1..].to_vec())))
    };
    pointers.into_iter().filter_map(entry).collect()
}
