//! What decides about compiling, as hooks see it.
//!
//! [`Driver::hot`] is called when a site has been reached often enough. It looks at the live frame
//! ([`FrameRef`]; its code is the prepared one, see `prepare` for how to read the original: decode
//! `Prepared::original_units`, read inline caches at `Prepared::live_index`), compiles,
//! registers the unit's exits with `Attached::exits`, puts versions on the site ([`Site::set_versions`]) and says so. All
//! positions (`FrameDesc::pc`, headers) are those of the original code; none moves. A `pc` may name the
//! prefix of an instruction or its own unit.
//!
//! Versions are tried in turn with the context and the address of the frame's first slot. A version that returns
//! gives an owned object in `RuntimeContext::ret`. One that leaves through an exit of `Guard(Entry)` whose recipes are all `Keep`
//! has done nothing: the next one is tried, and after the last one the driver is asked again. Any
//! other exit is replayed by `deopt` after the driver has seen it ([`Driver::exited`]).
//! A frame's `lasti` while its code runs compiled is the loop header, or the entry's first instruction.
//!
//! Everything is re-entrant: compiled code calls out, Python runs, other hooks enter compiled code.

use super::exits::ExitInfo;
use super::site::Site;
use crate::object::frame::FrameRef;
use psycore_jit::ir::ObjId;
use psycore_jit::lower::{CodeHandle, EntryFn};
use psycore_jit::runtime_context::RuntimeContext;
use rustpython_vm::{PyObject, VirtualMachine};
use std::any::Any;

/// How often code must run before it is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Calls of a function.
    pub calls: u32,
    /// Iterations of a loop.
    pub iterations: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds { calls: 600, iterations: 2000 }
    }
}

/// What came of asking the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hot {
    /// There are versions now.
    Installed,
    /// Ask again after so many more passes.
    Later(u32),
    /// Ask again when the lowering has done the job with this number.
    AfterJob(u64),
    /// Don't ask again. A site without versions is disarmed.
    Never,
}

/// Compiled code of a site.
#[derive(Clone, Copy, Debug)]
pub struct SiteVersion {
    /// The entry, where it can be called directly; else [`Driver::enter`] is.
    pub entry: Option<EntryFn>,
    pub handle: CodeHandle,
    /// Function of the unit.
    pub func: u32,
    /// For the driver.
    pub tag: u64,
}

/// An exit that is about to be replayed. The record is that of the innermost compiled function; `depth`
/// compiled callers wait for it.
pub struct Exited<'a> {
    pub number: u32,
    pub info: &'a ExitInfo,
    /// The record's words, in the order of `info.types`.
    pub record: &'a [u64],
    pub depth: usize,
    /// The version of the site that was entered.
    pub version: SiteVersion,
    /// How often the code has polled since then.
    pub turns: u64,
}

/// What decides; see the module's text.
pub trait Driver: Any {
    /// The object of a number that a unit uses.
    fn object(&self, id: ObjId) -> &PyObject;

    /// A site is hot, or none of its versions fits the live frame.
    fn hot(&self, site: &Site, frame: FrameRef, vm: &VirtualMachine) -> Hot;

    /// Compiled code left through an exit; the frame is as it was when it entered.
    fn exited(&self, site: &Site, frame: FrameRef, exit: &Exited<'_>, vm: &VirtualMachine);

    /// The lowering's thread has done something.
    fn receive(&self, _vm: &VirtualMachine) {}

    /// Some may be done that nobody has been told of.
    fn look(&self) {}

    /// Runs a version that has no directly callable entry.
    ///
    /// # Safety
    /// As for `Lowering::enter`.
    unsafe fn enter(&self, version: &SiteVersion, ctx: *mut RuntimeContext, args: *mut u64) -> i32;
}
