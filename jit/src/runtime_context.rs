//! The context: the memory that compiled code and the VM share while compiled
//! code runs. One per thread of execution; the VM fills it before it enters.

use crate::ir::CtxField;
use core::ffi::c_void;

/// How many scratch words there are for the arguments of entry points.
pub const SCRATCH_WORDS: usize = 256;

/// Shared state. Compiled code addresses its fields by [`ContextOffsets`].
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
    /// The result of a slow path whose convention has no room for one.
    pub slow_result: i32,
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
    /// Keeps the next field aligned on machines that don't ask for it too.
    pub padding: i32,
    /// Polls before `countdown` was last set.
    pub polled: u64,
    /// Arguments and extra results of entry points.
    pub scratch: [u64; SCRATCH_WORDS],
}

/// Where the fields are that compiled code addresses, in bytes, on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextOffsets {
    pub ret: u16,
    pub countdown: u16,
    pub depth: u16,
    pub failed: u16,
    pub slow_result: u16,
    pub exit_top: u16,
    pub exit_end: u16,
    pub frame: u16,
    pub scratch: u16,
}

impl ContextOffsets {
    /// Those of a target whose words have that many bytes.
    pub const fn of(word: u32) -> ContextOffsets {
        let word = word as u16;
        ContextOffsets {
            ret: 0,
            countdown: 8,
            depth: 12,
            failed: 16,
            slow_result: 20,
            exit_top: 24,
            exit_end: 24 + word,
            frame: 24 + 2 * word,
            // Eight pointers, four counters, `polled`.
            scratch: 24 + 8 * word + 4 * 4 + 8,
        }
    }

    /// That of a field of the IR.
    pub const fn field(&self, field: CtxField) -> u16 {
        match field {
            CtxField::Failed => self.failed,
            CtxField::Frame => self.frame,
        }
    }

    /// That of a scratch word, if there is one of that number.
    pub const fn scratch_word(&self, index: u32) -> Option<u16> {
        if (index as usize) < SCRATCH_WORDS { Some(self.scratch + 8 * index as u16) } else { None }
    }
}

// The machine that this is compiled for knows better.
const _: () = {
    use core::mem::offset_of;
    let here = ContextOffsets::of(size_of::<usize>() as u32);
    assert!(offset_of!(RuntimeContext, ret) == here.ret as usize);
    assert!(offset_of!(RuntimeContext, countdown) == here.countdown as usize);
    assert!(offset_of!(RuntimeContext, depth) == here.depth as usize);
    assert!(offset_of!(RuntimeContext, failed) == here.failed as usize);
    assert!(offset_of!(RuntimeContext, slow_result) == here.slow_result as usize);
    assert!(offset_of!(RuntimeContext, exit_top) == here.exit_top as usize);
    assert!(offset_of!(RuntimeContext, exit_end) == here.exit_end as usize);
    assert!(offset_of!(RuntimeContext, frame) == here.frame as usize);
    assert!(offset_of!(RuntimeContext, scratch) == here.scratch as usize);
};

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
            slow_result: 0,
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
            padding: 0,
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
