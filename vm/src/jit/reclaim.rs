//! How compiled code goes.
//!
//! A unit goes when another takes its place, when the program says so (`psyco.unbind`,
//! `psyco.cannotcompile`), or when there is more code than [`JitConfig::code_bytes`](super::config::JitConfig)
//! allows: then all of it goes, and what is still hot comes back. Going has two steps. At once nothing
//! *begins* to run it: no site has it among its versions, and the callers of a function version went with
//! it, since they know the cell that leads to it. Its memory is freed when it can't be on the stack either:
//! an entry when no activation of its sites is left, a version for compiled callers when no compiled code is
//! active at all.

use super::state::Jit;
use super::unit::Compiled;
use crate::hook::{Attached, site};
use psycore_jit::ir::ObjId;
use psycore_jit::specialize::Request;
use rustpython_vm::builtins::PyCode;
use std::collections::HashSet;

impl Jit {
    /// Frees what was retired, as far as nothing can be running it.
    pub fn collect(&self, attached: &Attached) {
        // Samples of an explained run name addresses, which must not be given out again.
        if !self.cache.any_retired() || self.record.explains() {
            return;
        }
        let (busy, idle): (Vec<_>, Vec<_>) = self.cache.take_retired().into_iter().partition(|unit| self.may_run(unit, attached));
        self.cache.put_back(busy);
        for unit in idle {
            // Nothing that could enter or call it is left either.
            self.lowering().free(unit.handle);
            attached.exits.unregister(unit.exit_base);
            self.versions.forget_exits(&unit);
            self.cache.count_freed(&unit);
        }
    }

    /// Whether a retired unit may be on the stack.
    fn may_run(&self, unit: &Compiled, attached: &Attached) -> bool {
        match &unit.request {
            // Any compiled code may have called it.
            Request::Function { .. } => attached.activations.any(),
            // Only the sites of its code ever entered it.
            Request::Entry { code, .. } => {
                let code = self.object(*code).downcast_ref::<PyCode>();
                code.is_none_or(|code| site::sites(code).any(|s| s.is_running()))
            }
        }
    }

    /// Takes the entries of a code object that `gone` chooses away from its sites.
    pub fn drop_entries(&self, code: &rustpython_vm::Py<PyCode>, gone: impl Fn(&Compiled) -> bool) {
        self.queue.cancel();
        for site in site::sites(code) {
            let old = site.versions();
            let (away, rest): (Vec<_>, Vec<_>) = old.iter().copied().partition(|v| gone(&self.entries.of(v)));
            let away: Vec<_> = away.iter().map(|v| self.entries.of(v)).collect();
            if away.is_empty() {
                continue;
            }
            site.set_versions(rest);
            away.iter().for_each(|u| self.cache.retire(u));
        }
    }

    /// Takes all code out of use that was made from a code object: its own, what it was inlined
    /// into, and what calls that.
    pub fn drop_depending(&self, code: ObjId) {
        let mut from = HashSet::from([code]);
        loop {
            let before = from.len();
            for unit in &self.cache.functions() {
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
    pub fn drop_all(&self) -> bool {
        let any = !self.entries.live().is_empty() || !self.cache.functions().is_empty();
        if any {
            self.drop_units(|_| true);
            self.cache.count_emptied();
        }
        any
    }

    /// Takes units out of use; with a function version, all that may call it must be chosen.
    fn drop_units(&self, gone: impl Fn(&Compiled) -> bool) {
        self.queue.cancel();
        let entries = self.entries.live();
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
        for unit in self.cache.functions().into_iter().filter(|u| gone(u)) {
            self.versions.forget(&unit);
            self.cache.retire(&unit);
        }
    }
}
