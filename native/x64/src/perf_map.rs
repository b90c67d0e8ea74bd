//! The map that `perf` reads to name compiled code: `/tmp/perf-PID.map`, one line per function.
//!
//! Only for profiling; a file that can't be written is silently left out. Freed code stays in the
//! file, so an address that was used twice is listed twice.

use std::fs::File;
use std::io::Write;

pub(super) struct PerfMap {
    file: File,
}

impl PerfMap {
    pub(super) fn create() -> Option<Self> {
        let file = File::options().create(true).append(true).open(format!("/tmp/perf-{}.map", std::process::id()));
        Some(PerfMap { file: file.ok()? })
    }

    pub(super) fn add(&mut self, address: usize, len: usize, name: &str) {
        let name = name.replace(char::is_whitespace, "_");
        // One call per line: the process may be killed at any time.
        let _ = self.file.write_all(format!("{address:x} {len:x} psycore:{name}\n").as_bytes());
    }
}
