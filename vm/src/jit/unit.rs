//! A unit of compiled code, as the JIT keeps it.

use super::budget::Ledger;
use super::detail::Detail;
use psycore_jit::ir::ObjId;
use psycore_jit::lower::{CodeHandle, EntryFn};
use psycore_jit::oracle::Contract;
use psycore_jit::specialize::Request;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// The codes of the functions that a unit's making looked at, and whether they became a part of it:
/// inlined, or as a version that it calls.
pub type Depends = HashMap<ObjId, bool>;

/// A lowered unit.
pub struct Compiled {
    pub handle: CodeHandle,
    pub entry: Option<EntryFn>,
    pub exit_base: u32,
    pub exits: u32,
    pub request: Request,
    pub code: ObjId,
    pub bytes: usize,
    pub instrs: usize,
    pub ir: Option<String>,
    pub listing: Option<String>,
    /// For explanations.
    pub detail: Option<Detail>,
    /// What callers rely on (versions of functions).
    pub contract: Option<Contract>,
    /// Exits taken, but for those that any code takes now and then.
    pub left: Cell<u32>,
    /// Whether it was to be built again but could not be.
    pub outdated: Cell<bool>,
    /// Exits until that is tried again.
    pub wait: Cell<u32>,
    pub ledger: Ledger,
    /// When it was made, counted in compilations.
    pub made_at: u64,
    /// How often it was built again because of its exits.
    pub rebuilds: Cell<u32>,
    /// The codes that it was made from, and those of the versions it calls.
    pub depends: Depends,
    /// Nothing enters it any more.
    pub retired: Cell<bool>,
}

/// What came of an attempt to compile.
pub enum Attempt {
    Compiled(Rc<Compiled>),
    /// It will be there later.
    Begun,
    /// Not with what is known now.
    NotNow,
    Never,
}
