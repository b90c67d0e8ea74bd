//! Settings of the lowering.

/// How much work goes into the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// The backtracking register allocator, and jumps that are short and well placed.
    Full,
    /// Neither: about half the compile time, code up to three times slower.
    Quick,
}

/// Settings of the lowering.
#[derive(Clone, Debug)]
pub struct CraneliftOptions {
    pub effort: Effort,
    /// Bytes of code at most, all units together.
    pub code_bytes: usize,
    /// IR instructions of a unit at most.
    pub unit_insts: usize,
    /// Lets Cranelift check its input. Slow; on by default in debug builds.
    pub verify: bool,
    /// Writes `/tmp/perf-PID.map` for `perf`.
    pub perf_map: bool,
    /// Gives memory that the calling thread has freed back to the system. Code generators take a lot of it for a large
    /// function, which an allocator may keep for the next one.
    pub trim: Option<fn()>,
}

impl Default for CraneliftOptions {
    fn default() -> Self {
        CraneliftOptions {
            effort: Effort::Full,
            // More than the VM's own limit, so that it is the one that is met.
            code_bytes: 80 << 20,
            unit_insts: 40_000,
            verify: cfg!(debug_assertions),
            perf_map: std::env::var_os("PSYCORE_PERF_MAP").is_some_and(|v| v == "1"),
            trim: None,
        }
    }
}
