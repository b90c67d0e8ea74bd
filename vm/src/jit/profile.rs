//! What exits and builds have taught about single instructions.

use psycore_jit::ir::ObjId;
use psycore_jit::oracle::Seen;
use std::cell::RefCell;
use std::collections::HashMap;

/// An instruction: its code and position.
pub type Instruction = (ObjId, u32);

/// What was learned at an instruction.
#[derive(Default)]
pub struct Profile {
    /// Classes of the topmost stack values, top first.
    pub seen: Vec<Seen>,
    /// What a build expected from live values, by depth.
    pub expected: Vec<Option<Seen>>,
    /// Classes of the topmost stack value, if exits have seen several.
    pub classes: Vec<ObjId>,
    /// There were too many of them.
    pub megamorphic: bool,
    /// Specializing went wrong: do it generally.
    pub distrusted: bool,
    /// It loaded something to call that was no method, and left for that.
    pub no_method: bool,
    /// Frames that return here are often held by somebody.
    pub held: bool,
    /// It raises often, and some frame handles that.
    pub raises: bool,
    /// An exception handler that begins here has been met.
    pub handler_met: bool,
    /// Rebuilds because the keys of a dict had changed.
    pub reshaped: u32,
    /// Exits since the last rebuild.
    pub exits: u32,
    /// What `seen` was when code was last rebuilt for this place, and when that was.
    pub rebuilt_for: Option<Vec<Seen>>,
    pub rebuilt_at: u64,
}

/// All profiles.
#[derive(Default)]
pub struct Profiles(RefCell<HashMap<Instruction, Profile>>);

impl Profiles {
    /// Looks at a profile, if anything was learned there.
    pub fn get<R>(&self, at: Instruction, f: impl FnOnce(&Profile) -> R) -> Option<R> {
        self.0.borrow().get(&at).map(f)
    }

    /// Whether something was learned there and is so.
    pub fn is(&self, at: Instruction, f: impl FnOnce(&Profile) -> bool) -> bool {
        self.get(at, f).unwrap_or(false)
    }

    /// Changes a profile, which begins empty.
    pub fn update<R>(&self, at: Instruction, f: impl FnOnce(&mut Profile) -> R) -> R {
        f(self.0.borrow_mut().entry(at).or_default())
    }
}
