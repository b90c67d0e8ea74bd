//! The code objects of one interpreter that have hooks, or will have: prepared clones of what ran lately, all prepared code
//! that is alive, and lazy code that has not run.

use super::site;
use crate::code::prepared::Prepared;
use rustpython_vm::builtins::PyCode;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyRef};
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};

/// How many clones of what was run lately are kept. What runs again and again is a function, and functions hold their own
/// code.
const RECENT: usize = 32;

#[derive(Default)]
pub struct CodeRegistry {
    /// Originals and their clones.
    recent: RefCell<Vec<(PyRef<PyCode>, PyRef<PyCode>)>>,
    next: Cell<usize>,
    all: RefCell<Vec<Weak<Prepared>>>,
    /// All code that was prepared, if explanations will need it.
    kept: RefCell<Option<Vec<PyRef<PyCode>>>>,
}

impl CodeRegistry {
    /// The clone of an original that ran lately.
    pub fn recent(&self, code: &PyRef<PyCode>) -> Option<PyRef<PyCode>> {
        self.recent.borrow().iter().find(|(original, _)| original.is(code)).map(|(_, clone)| clone.clone())
    }

    pub fn add_recent(&self, original: PyRef<PyCode>, clone: PyRef<PyCode>) {
        let entry = (original, clone);
        // Dropped when nothing is borrowed any more: that may run Python.
        let _dropped = {
            let mut recent = self.recent.borrow_mut();
            if recent.len() < RECENT {
                recent.push(entry);
                None
            } else {
                let i = self.next.get() % RECENT;
                self.next.set(i + 1);
                Some(std::mem::replace(&mut recent[i], entry))
            }
        };
    }

    /// Code has been prepared.
    pub fn add(&self, code: &Py<PyCode>) {
        if let Some(kept) = &mut *self.kept.borrow_mut() {
            kept.push(code.to_owned());
        }
        let mut all = self.all.borrow_mut();
        if all.len() == all.capacity() {
            all.retain(|w| w.strong_count() > 0);
        }
        if let Some(p) = site::of(code) {
            all.push(Arc::downgrade(p));
        }
    }

    /// From now on code that is prepared stays alive.
    pub fn keep(&self) {
        self.kept.borrow_mut().get_or_insert_default();
    }

    /// What was kept.
    pub fn kept(&self) -> Vec<PyRef<PyCode>> {
        self.kept.borrow().clone().unwrap_or_default()
    }

    /// All prepared code that is still alive.
    pub fn each_prepared(&self, mut f: impl FnMut(&Prepared)) {
        let all: Vec<Arc<Prepared>> = self.all.borrow().iter().filter_map(Weak::upgrade).collect();
        for p in all {
            f(&p);
        }
    }

    /// The same, with the code itself.
    pub fn each(&self, mut f: impl FnMut(&Py<PyCode>, &Prepared)) {
        // SAFETY: hooks hold the value, and the code holds the hooks: it goes when the last of them goes.
        self.each_prepared(|p| f(unsafe { p.code() }, p));
    }
}

/// Code that is to be prepared by its first call, and some that has been prepared since.
#[derive(Default)]
pub struct LazyCodes {
    codes: RefCell<Vec<PyRef<PyCode>>>,
    hook: RefCell<Option<PyObjectRef>>,
}

impl LazyCodes {
    /// The hook that all of it shares.
    pub fn hook(&self, make: impl FnOnce() -> PyObjectRef) -> PyObjectRef {
        self.hook.borrow_mut().get_or_insert_with(make).clone()
    }

    pub fn add(&self, code: &Py<PyCode>) {
        let mut codes = self.codes.borrow_mut();
        if codes.len() == codes.capacity() {
            // What only this list holds will never run.
            codes.retain(|code| code.as_object().strong_count() > 1 && site::of(code).is_none());
        }
        codes.push(code.to_owned());
    }

    /// Takes one; it may be prepared already.
    pub fn take(&self) -> Option<PyRef<PyCode>> {
        self.codes.borrow_mut().pop()
    }

    /// Lets go of code that never ran.
    pub fn forget(&self) {
        self.codes.take();
        self.hook.take();
    }
}
