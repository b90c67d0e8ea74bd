//! The compiled code there is: what it was made from, when it goes, and how much there may be.
//!
//! A unit goes when another takes its place, when the program says so (`psyco.unbind`,
//! `psyco.cannotcompile`), or when there is more code than [`JitConfig::code_bytes`](crate::JitConfig)
//! allows: then all of it goes, and what is still hot comes back. Going has two steps. At once nothing
//! *begins* to run it: no site has it among its versions, and the callers of a function version went with
//! it, since they know the cell that leads to it. Its memory is freed when it can't be on the stack either:
//! an entry when no activation of its sites is left, a version for compiled callers when no compiled code is
//! active at all.

use crate::driver::{Compiled, Jit};
use crate::hooks::Attached;
use crate::prepare;
use psycore_jit::ir::ObjId;
use psycore_jit::specialize::Request;
use rustpython_vm::builtins::PyCode;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Bytes of machine code at most, if the configuration does not say.
pub const DEFAULT_CODE_BYTES: usize = 64 << 20;

/// The codes of the functions that a unit's making looked at, and whether they became a part of it:
/// inlined, or as a version that it calls.
pub(crate) type Depends = HashMap<ObjId, bool>;

/// The units of one JIT.
pub(crate) struct Cache {
    /// Versions of functions whose code exists, those that only old callers know included.
    functions: RefCell<Vec<Rc<Compiled>>>,
    /// Units that nothing enters any more and whose code still exists.
    retired: RefCell<Vec<Rc<Compiled>>>,
    /// Codes that the compilations going on have looked at, the innermost last.
    depends: RefCell<Vec<Depends>>,
    pub limit: usize,
    pub live_bytes: Cell<usize>,
    pub freed_units: Cell<u64>,
    /// How often all code was dropped because there was too much.
    pub emptied: Cell<u64>,
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
}

impl Jit {
    /// Frees what was retired, as far as nothing can be running it.
    pub(crate) fn collect(&self, attached: &Attached) {
        // Samples of an explained run name addresses, which must not be given out again.
        if self.cache.retired.borrow().is_empty() || self.record.explains() {
            return;
        }
        let (busy, idle): (Vec<_>, Vec<_>) = self.cache.retired.take().into_iter().partition(|unit| self.may_run(unit, attached));
        *self.cache.retired.borrow_mut() = busy;
        for unit in idle {
            // Nothing that could enter or call it is left either.
            self.lowering.borrow_mut().free(unit.handle);
            attached.exits().unregister(unit.exit_base);
            self.function_exits.borrow_mut().retain(|(first, ..)| *first != unit.exit_base || unit.exits == 0);
            self.cache.live_bytes.set(self.cache.live_bytes.get() - unit.bytes);
            self.cache.freed_units.set(self.cache.freed_units.get() + 1);
        }
    }

    /// Whether a retired unit may be on the stack.
    fn may_run(&self, unit: &Compiled, attached: &Attached) -> bool {
        match &unit.request {
            // Any compiled code may have called it.
            Request::Function { .. } => attached.is_active(),
            // Only the sites of its code ever entered it.
            Request::Entry { code, .. } => {
                let code = self.object(*code).downcast_ref::<PyCode>();
                code.is_none_or(|code| prepare::sites(code).any(|s| s.is_running()))
            }
        }
    }

    /// The units that sites enter.
    pub(crate) fn entries(&self) -> Vec<Rc<Compiled>> {
        self.units.borrow().iter().filter(|u| !u.retired.get()).cloned().collect()
    }

    /// Takes the entries of a code object that `gone` chooses away from its sites.
    pub(crate) fn drop_entries(&self, code: &rustpython_vm::Py<PyCode>, gone: impl Fn(&Compiled) -> bool) {
        self.background.cancel();
        for site in prepare::sites(code) {
            let old = site.versions();
            let units = self.units.borrow();
            let (away, rest): (Vec<_>, Vec<_>) = old.iter().copied().partition(|v| gone(&units[v.tag as usize]));
            let away: Vec<_> = away.iter().map(|v| units[v.tag as usize].clone()).collect();
            drop(units);
            if away.is_empty() {
                continue;
            }
            site.set_versions(rest);
            away.iter().for_each(|u| self.cache.retire(u));
        }
    }

    /// Takes all code out of use that was made from a code object: its own, what it was inlined
    /// into, and what calls that.
    pub(crate) fn drop_depending(&self, code: ObjId) {
        let mut from = HashSet::from([code]);
        loop {
            let before = from.len();
            for unit in self.cache.functions.borrow().iter() {
                if unit.depends.keys().any(|code| from.contains(code)) {
                    from.insert(unit.code);
                }
            }
            if from.len() == before {
                break;
            }
        }
        self.drop_units(|unit| from.contains(&unit.code) || unit.depends.keys().any(|code| from.contains(code)));
    }

    /// Takes all code out of use. False if there was none.
    pub(crate) fn drop_all(&self) -> bool {
        let any = !self.entries().is_empty() || !self.cache.functions.borrow().is_empty();
        if any {
            self.drop_units(|_| true);
            self.cache.emptied.set(self.cache.emptied.get() + 1);
        }
        any
    }

    /// Takes units out of use; with a function version, all that may call it must be chosen.
    fn drop_units(&self, gone: impl Fn(&Compiled) -> bool) {
        self.background.cancel();
        let entries = self.entries();
        let codes: HashSet<ObjId> = entries.iter().filter(|u| gone(u)).map(|u| u.code).collect();
        for code in codes {
            if let Some(code) = self.object(code).downcast_ref::<PyCode>() {
                self.drop_entries(code, &gone);
            }
        }
        // Entries that no site has (their hook was given up) have nobody who enters them.
        for unit in entries.iter().filter(|u| gone(u)) {
            self.cache.retire(unit);
        }
        let functions: Vec<_> = self.cache.functions.borrow().iter().filter(|u| gone(u)).cloned().collect();
        for unit in functions {
            self.forget_version(&unit);
            self.cache.retire(&unit);
        }
    }
}
