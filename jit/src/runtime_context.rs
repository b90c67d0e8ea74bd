//! The context: the memory that compiled code and the VM share while compiled
//! code runs. One per thread of execution; the VM fills it before it enters.

use core::ffi::c_void;

/// How many scratch words there are for the arguments of entry points.
pub const SCRATCH_WORDS: usize = 256;

/// Shared state. Compiled code addresses its fields by `offset_of!`.
#[repr(C)]
pub struct RuntimeContext {
    /// The result of an entry function.
    pub ret: u64,
    /// Counts down at back-edges; at zero the slow path of `poll` runs.
    pub countdown: i32,
    /// Levels of compiled calls that may still be entered.
    pub depth: i32,
    /// Set by entry points whose result can't say that they failed.
    pub failed: i32,
    /// Reserved; keeps the next field aligned on 32-bit machines too.
    pub reserved: i32,
    /// The next free word of the exit stack. An exit record is its values, one word
    /// each in the order of `Function::exit_values`, then the exit's global number.
    pub exit_top: *mut u64,
    /// One past the last word of the exit stack.
    pub exit_end: *mut u64,
    /// The running interpreter frame.
    pub frame: *mut c_void,
    /// The VM; what it points to is the VM's business.
    pub vm: *const c_void,
    /// The run-time state of the JIT; likewise.
    pub runtime: *mut c_void,
    /// The exception raised by an entry point, owned; null if none.
    pub exception: *mut c_void,
    /// Dead floats kept for the next `new_float`, linked through the first word of
    /// their payloads, their reference word zero; null at the end.
    pub free_floats: *mut c_void,
    /// Dead ints, likewise.
    pub free_ints: *mut c_void,
    /// How many more dead floats may be kept.
    pub free_floats_room: i32,
    /// How many more dead ints may be kept.
    pub free_ints_room: i32,
    /// What `countdown` was last set to.
    pub counting_from: i32,
    /// Polls before `countdown` was last set.
    pub polled: u64,
    /// Arguments and extra results of entry points.
    pub scratch: [u64; SCRATCH_WORDS],
}

/// How many dead objects of one kind a context keeps at most.
pub const FREE_LIST_ROOM: i32 = 4096;

impl RuntimeContext {
    /// An empty context without an exit stack.
    pub fn new() -> Self {
        RuntimeContext {
            ret: 0,
            countdown: 0,
            depth: 0,
            failed: 0,
            reserved: 0,
            exit_top: core::ptr::null_mut(),
            exit_end: core::ptr::null_mut(),
            frame: core::ptr::null_mut(),
            vm: core::ptr::null(),
            runtime: core::ptr::null_mut(),
            exception: core::ptr::null_mut(),
            free_floats: core::ptr::null_mut(),
            free_ints: core::ptr::null_mut(),
            free_floats_room: FREE_LIST_ROOM,
            free_ints_room: FREE_LIST_ROOM,
            counting_from: 0,
            polled: 0,
            scratch: [0; SCRATCH_WORDS],
        }
    }

    /// Lets the slow path of `poll` run after so many polls.
    pub fn set_countdown(&mut self, polls: i32) {
        self.polled = self.polls();
        self.counting_from = polls;
        self.countdown = polls;
    }

    /// How often compiled code has polled.
    pub fn polls(&self) -> u64 {
        self.polled + self.counting_from.wrapping_sub(self.countdown).max(0) as u64
    }
}

impl Default for RuntimeContext {
    fn default() -> Self {
        RuntimeContext::new()
    }
}
