//! The units there are: entries by the tag of the hook versions that enter them, and versions of functions for compiled
//! callers, by function and the way of its arguments.

use super::unit::Compiled;
use crate::hook::SiteVersion;
use psycore_jit::ir::{FnCell, ObjId};
use psycore_jit::oracle::{Contract, Pass};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A function and how its arguments are passed.
pub type VersionKey = (ObjId, Vec<Pass>);

/// Units that sites enter.
#[derive(Default)]
pub struct Entries(RefCell<Vec<Rc<Compiled>>>);

impl Entries {
    /// Adds one. Gives the version that enters it.
    pub fn add(&self, unit: Rc<Compiled>) -> SiteVersion {
        let mut units = self.0.borrow_mut();
        let version = SiteVersion { entry: unit.entry, handle: unit.handle, func: 0, tag: units.len() as u64 };
        units.push(unit);
        version
    }

    /// What a version enters.
    pub fn of(&self, version: &SiteVersion) -> Rc<Compiled> {
        self.0.borrow()[version.tag as usize].clone()
    }

    /// Those that may still be entered.
    pub fn live(&self) -> Vec<Rc<Compiled>> {
        self.0.borrow().iter().filter(|u| !u.retired.get()).cloned().collect()
    }
}

/// A version of a function for compiled callers.
pub struct FunctionVersion {
    pub cell: FnCell,
    /// `None` while it is being compiled, and when it can't be.
    pub compiled: Option<(Rc<Compiled>, Contract)>,
    /// What callers may rely on once it is there, or once the code that is to take its place is, while that is on its way.
    pub begun: Option<Contract>,
    pub failed: bool,
}

impl FunctionVersion {
    /// What callers get, as far as it is known and there is to be code.
    pub fn contract(&self) -> Option<Contract> {
        self.compiled.as_ref().map(|(_, contract)| *contract).or(self.begun).filter(|_| !self.failed)
    }
}

/// The versions of functions, and the words that hold their code.
#[derive(Default)]
pub struct FunctionVersions {
    versions: RefCell<HashMap<VersionKey, FunctionVersion>>,
    /// Boxed, since compiled code knows their addresses.
    #[expect(clippy::vec_box, reason = "their addresses must stay")]
    cells: RefCell<Vec<Box<u64>>>,
    /// By the range of their exits: first, count.
    exits: RefCell<Vec<(u32, u32, VersionKey)>>,
}

impl FunctionVersions {
    /// Looks at a version, if there is one.
    pub fn get<R>(&self, key: &VersionKey, f: impl FnOnce(&FunctionVersion) -> R) -> Option<R> {
        self.versions.borrow().get(key).map(f)
    }

    /// Changes a version, if there is one.
    pub fn update<R>(&self, key: &VersionKey, f: impl FnOnce(&mut FunctionVersion) -> R) -> Option<R> {
        self.versions.borrow_mut().get_mut(key).map(f)
    }

    /// A new one, for which there is no code yet. Gives its cell.
    pub fn begin(&self, key: VersionKey) -> FnCell {
        let cell = {
            let mut cells = self.cells.borrow_mut();
            cells.push(Box::new(0));
            FnCell(cells.len() as u32 - 1)
        };
        let version = FunctionVersion { cell, compiled: None, begun: None, failed: false };
        self.versions.borrow_mut().insert(key, version);
        cell
    }

    pub fn remove(&self, key: &VersionKey) {
        self.versions.borrow_mut().remove(key);
    }

    /// Forgets those that `keep` does not choose.
    pub fn retain(&self, mut keep: impl FnMut(&VersionKey, &FunctionVersion) -> bool) {
        self.versions.borrow_mut().retain(|key, version| keep(key, version));
    }

    /// The unit of a version.
    pub fn unit(&self, key: &VersionKey) -> Option<Rc<Compiled>> {
        self.get(key, |v| v.compiled.as_ref().map(|(unit, _)| unit.clone())).flatten()
    }

    /// Whether new code for a version is on its way.
    pub fn expects(&self, key: &VersionKey) -> bool {
        self.get(key, |v| v.begun.is_some()).unwrap_or(false)
    }

    /// No new caller gets to know a unit.
    pub fn forget(&self, unit: &Rc<Compiled>) {
        self.retain(|_, v| v.compiled.as_ref().is_none_or(|(c, _)| !Rc::ptr_eq(c, unit)));
    }

    /// A version's code, with so many exits, is there.
    pub fn set_code(&self, key: VersionKey, cell: FnCell, code: u64, first_exit: u32, exits: u32) {
        *self.cells.borrow_mut()[cell.index()] = code;
        self.exits.borrow_mut().push((first_exit, exits, key));
    }

    /// The version that an exit belongs to.
    pub fn at_exit(&self, number: u32) -> Option<VersionKey> {
        let exits = self.exits.borrow();
        exits.iter().rev().find(|(first, n, _)| *first <= number && number < first + n).map(|(_, _, key)| key.clone())
    }

    /// The code of a unit has been freed.
    pub fn forget_exits(&self, unit: &Compiled) {
        self.exits.borrow_mut().retain(|(first, ..)| *first != unit.exit_base || unit.exits == 0);
    }

    /// Whether code for a version's cell was begun and is still wanted.
    pub fn awaits(&self, key: &VersionKey, cell: FnCell) -> bool {
        self.get(key, |v| v.cell == cell && v.begun.is_some()).unwrap_or(false)
    }

    /// Whether all code that these cells stand for is there.
    pub fn are_there(&self, cells: &[FnCell]) -> bool {
        let all = self.cells.borrow();
        cells.iter().all(|cell| *all[cell.index()] != 0)
    }

    pub fn cell_address(&self, cell: FnCell) -> usize {
        &raw const *self.cells.borrow()[cell.index()] as usize
    }

    pub fn cell_addresses(&self) -> Vec<usize> {
        self.cells.borrow().iter().map(|cell| &raw const **cell as usize).collect()
    }
}
