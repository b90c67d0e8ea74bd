//! The compiled code there is, by how much memory it takes and whether anything may still enter it.

use super::unit::{Compiled, Depends};
use psycore_jit::ir::ObjId;
use psycore_jit::specialize::Request;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes of machine code at most, if the configuration does not say.
pub const DEFAULT_CODE_BYTES: usize = 64 << 20;

/// The units of one JIT.
pub struct Cache {
    /// Versions of functions whose code exists, those that only old callers know included.
    functions: RefCell<Vec<Rc<Compiled>>>,
    /// Units that nothing enters any more and whose code still exists.
    retired: RefCell<Vec<Rc<Compiled>>>,
    /// Codes that the compilations going on have looked at, the innermost last.
    depends: RefCell<Vec<Depends>>,
    limit: usize,
    live_bytes: Cell<usize>,
    freed_units: Cell<u64>,
    /// How often all code was dropped because there was too much.
    emptied: Cell<u64>,
}

/// How much compiled code there is.
#[derive(Clone, Copy, Debug)]
pub struct CodeUsage {
    pub bytes: usize,
    pub limit: usize,
    pub freed_units: u64,
    /// How often all code was dropped because there was too much.
    pub emptied: u64,
}

impl Cache {
    pub fn new(limit: Option<usize>) -> Self {
        Cache {
            functions: RefCell::default(),
            retired: RefCell::default(),
            depends: RefCell::default(),
            limit: limit.unwrap_or(DEFAULT_CODE_BYTES),
            live_bytes: Cell::new(0),
            freed_units: Cell::new(0),
            emptied: Cell::new(0),
        }
    }

    /// A compilation begins: what it looks at is noted until [`Cache::end`].
    pub fn begin(&self) {
        self.depends.borrow_mut().push(Depends::new());
    }

    /// The codes that it was made from.
    pub fn end(&self) -> Depends {
        self.depends.borrow_mut().pop().unwrap_or_default()
    }

    /// The compilation going on has looked at a function with this code.
    pub fn depends_on(&self, code: ObjId, included: bool) {
        if let Some(codes) = self.depends.borrow_mut().last_mut() {
            *codes.entry(code).or_default() |= included;
        }
    }

    /// A unit has been lowered.
    pub fn add(&self, unit: &Rc<Compiled>) {
        self.live_bytes.set(self.live_bytes.get() + unit.bytes);
        if matches!(unit.request, Request::Function { .. }) {
            self.functions.borrow_mut().push(unit.clone());
        }
    }

    /// Nothing enters a unit any more.
    pub fn retire(&self, unit: &Rc<Compiled>) {
        if unit.retired.replace(true) {
            return;
        }
        self.functions.borrow_mut().retain(|u| !Rc::ptr_eq(u, unit));
        self.retired.borrow_mut().push(unit.clone());
    }

    /// Versions of functions whose code exists.
    pub fn functions(&self) -> Vec<Rc<Compiled>> {
        self.functions.borrow().clone()
    }

    pub fn is_full(&self) -> bool {
        self.live_bytes.get() >= self.limit
    }

    pub fn usage(&self) -> CodeUsage {
        CodeUsage {
            bytes: self.live_bytes.get(),
            limit: self.limit,
            freed_units: self.freed_units.get(),
            emptied: self.emptied.get(),
        }
    }

    pub fn any_retired(&self) -> bool {
        !self.retired.borrow().is_empty()
    }

    pub fn take_retired(&self) -> Vec<Rc<Compiled>> {
        self.retired.take()
    }

    /// These can't be freed yet.
    pub fn put_back(&self, busy: Vec<Rc<Compiled>>) {
        *self.retired.borrow_mut() = busy;
    }

    pub fn count_freed(&self, unit: &Compiled) {
        self.live_bytes.set(self.live_bytes.get() - unit.bytes);
        self.freed_units.set(self.freed_units.get() + 1);
    }

    pub fn count_emptied(&self) {
        self.emptied.set(self.emptied.get() + 1);
    }
}
