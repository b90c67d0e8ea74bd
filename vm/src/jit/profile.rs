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
    /// What the classes of the topmost operands have been, top first.
    pub operands: [OperandClasses; 3],
    /// Whether one of them has grown since code was last built again for this place.
    pub grown: bool,
    /// Specializing went wrong: do it generally.
    pub distrusted: bool,
    /// It loaded something to call that was no method, and left for that.
    pub no_method: bool,
    /// Frames that return here are often held by somebody.
    pub held: bool,
    /// Code without a frame often had to leave here because Python code might have run.
    pub python: bool,
    /// What it lets go of often dies loudly.
    pub finalizes: bool,
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

/// Classes that an instruction is specialized for at most.
const MAX_CLASSES: usize = 6;

/// The classes that an operand has had where code left, and those for which code was made. They only become more.
#[derive(Default)]
pub struct OperandClasses {
    /// What the latest code was made for.
    wanted: Option<ObjId>,
    seen: Vec<ObjId>,
    many: bool,
}

impl OperandClasses {
    /// Code leaves if the operand is of another class.
    pub fn want(&mut self, class: ObjId) {
        self.wanted = Some(class);
    }

    /// Code has left for an operand of a class. Says whether that is news.
    pub fn meet(&mut self, class: ObjId) -> bool {
        let wanted = self.wanted.filter(|wanted| *wanted != class);
        let mut news = false;
        for class in wanted.into_iter().chain([class]) {
            if self.many || self.seen.contains(&class) {
                continue;
            }
            news = true;
            self.many = self.seen.len() == MAX_CLASSES;
            self.seen.push(class);
        }
        news
    }

    /// The classes, if these are several and not many.
    pub fn several(&self) -> Option<&[ObjId]> {
        (!self.many && self.seen.len() > 1).then_some(&self.seen)
    }

    pub fn vary(&self) -> bool {
        self.seen.len() > 1
    }

    pub fn are_many(&self) -> bool {
        self.many
    }
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
