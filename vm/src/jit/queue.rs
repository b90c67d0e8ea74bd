//! What has been begun on the lowering's thread. Units come back in the order in which they were begun, so a function version
//! is always there before what calls it.

use super::draft::{Destination, Draft};
use super::unit::Compiled;
use crate::hook::{Site, SiteKey};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Units begun at most that have not come back.
const MAX_BEGUN: usize = 16;

/// A unit that is on its way.
pub struct BegunUnit {
    pub ticket: u64,
    era: u64,
    pub draft: Draft,
}

/// What came back for a site; no code if there can be none.
struct Arrived {
    site: SiteKey,
    replaces: Option<u64>,
    era: u64,
    unit: Option<Rc<Compiled>>,
}

#[derive(Default)]
pub struct Queue {
    /// Whether nothing is left to the lowering's own thread.
    synchronous: Cell<bool>,
    /// Whether the compilation going on may be finished there.
    active: Cell<bool>,
    tickets: Cell<u64>,
    begun: RefCell<VecDeque<BegunUnit>>,
    arrived: RefCell<Vec<Arrived>>,
    /// What was begun in an earlier one is thrown away.
    era: Cell<u64>,
}

impl Queue {
    pub fn is_synchronous(&self) -> bool {
        self.synchronous.get()
    }

    pub fn set_synchronous(&self, synchronous: bool) {
        self.synchronous.set(synchronous);
    }

    pub fn is_active(&self) -> bool {
        self.active.get()
    }

    pub fn set_active(&self, active: bool) {
        self.active.set(active);
    }

    /// A number for another job.
    pub fn next_ticket(&self) -> u64 {
        self.tickets.replace(self.tickets.get() + 1)
    }

    /// A job has been begun.
    pub fn push(&self, ticket: u64, draft: Draft) {
        self.begun.borrow_mut().push_back(BegunUnit { ticket, era: self.era.get(), draft });
    }

    /// The job that comes back next, once it does, and whether what it was made from is still in use.
    pub fn pop(&self) -> Option<(BegunUnit, bool)> {
        let begun = self.begun.borrow_mut().pop_front()?;
        let current = begun.era == self.era.get();
        Some((begun, current))
    }

    pub fn is_empty(&self) -> bool {
        self.begun.borrow().is_empty()
    }

    /// Whether there is enough on its way.
    pub fn is_full(&self) -> bool {
        self.begun.borrow().len() >= MAX_BEGUN
    }

    /// Code is being taken out of use: what is on its way may depend on it.
    pub fn cancel(&self) {
        self.era.set(self.era.get() + 1);
    }

    /// Something has come back for a site.
    pub fn arrive(&self, site: SiteKey, replaces: Option<u64>, unit: Option<Rc<Compiled>>) {
        self.arrived.borrow_mut().push(Arrived { site, replaces, era: self.era.get(), unit });
    }

    /// Takes what has come back for a site, with the tag of the version that it is to replace; the inner `None` says that
    /// there can be no code. `retire` gets what is out of date.
    pub fn take_arrived(
        &self,
        site: &Site,
        mut retire: impl FnMut(&Rc<Compiled>),
    ) -> Option<(Option<u64>, Option<Rc<Compiled>>)> {
        let mut arrived = self.arrived.borrow_mut();
        let era = self.era.get();
        arrived.retain(|a| {
            if a.era != era
                && let Some(unit) = &a.unit
            {
                retire(unit);
            }
            a.era == era
        });
        let at = arrived.iter().position(|a| a.site.is(site))?;
        let a = arrived.remove(at);
        Some((a.replaces, a.unit))
    }

    /// The number of the last job on its way for a site.
    pub fn job_for(&self, site: &Site) -> Option<u64> {
        let era = self.era.get();
        let is_for = |b: &&BegunUnit| b.era == era && matches!(&b.draft.to, Destination::Site(key, _) if key.is(site));
        self.begun.borrow().iter().rev().find(is_for).map(|b| b.ticket)
    }

    /// Whether code for a site is on its way, or there and not yet in place.
    pub fn expects(&self, site: &Site) -> bool {
        self.job_for(site).is_some() || self.arrived.borrow().iter().any(|a| a.era == self.era.get() && a.site.is(site))
    }
}
