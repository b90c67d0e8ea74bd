//! What is recorded of a run for statistics and explanations. Costs nothing unless somebody asked for it.

use super::config::{Explanation, JitConfig};
use super::samples::Samples;
use super::unit::Compiled;
use crate::hook::Attached;
use psycore_jit::ir::ObjId;
use psycore_jit::specialize::Refused;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// Reasons that are noted for a code object.
const MAX_REASONS: usize = 8;

/// Something that stays interpreted.
pub struct NotedRefusal {
    pub code: ObjId,
    /// Where the reason is, or where compiled code was to begin; `None` for the start of the code.
    pub pc: Option<u32>,
    pub why: String,
}

/// What is recorded while the program runs.
#[derive(Default)]
pub struct Record {
    samples: Cell<Option<&'static Samples>>,
    explanation: RefCell<Option<Explanation>>,
    /// Every unit that was ever compiled, in order.
    units: RefCell<Vec<Rc<Compiled>>>,
    refusals: RefCell<Vec<NotedRefusal>>,
    /// Why code was not compiled, in a few words each.
    reasons: RefCell<HashMap<ObjId, Vec<String>>>,
}

impl Record {
    /// Starts to measure time, and to record what an explanation needs if one is asked for.
    pub fn start(&self, attached: &'static Attached, config: &JitConfig, code: std::ops::Range<usize>) {
        if config.explain.is_some() {
            attached.codes.keep();
            self.explanation.replace(config.explain.clone());
        }
        if !config.stats && config.explain.is_none() {
            return;
        }
        match config.clock.map(|clock| Samples::start(attached, code, clock)) {
            Some(Ok(samples)) => self.samples.set(Some(samples)),
            Some(Err(why)) => eprintln!("psycore: time is not measured: {why}"),
            None => {}
        }
    }

    pub fn explains(&self) -> bool {
        self.explanation.borrow().is_some()
    }

    pub fn compiled(&self, unit: &Rc<Compiled>) {
        if self.explains() {
            self.units.borrow_mut().push(unit.clone());
        }
    }

    pub fn refused(&self, code: ObjId, pc: Option<u32>, why: &Refused) {
        let (pc, why) = match why {
            Refused::Unsupported(what) => (pc, format!("code that begins here is not supported: {what}")),
            Refused::TooMuch => (pc, "compiling this took longer than it was likely to save so far".to_owned()),
            // The specializer or the driver tries again after these.
            Refused::NeedsFrame
            | Refused::Unknown
            | Refused::DontInline(_)
            | Refused::Raises
            | Refused::Returns(_)
            | Refused::Again => return,
        };
        if self.explains() {
            self.refusals.borrow_mut().push(NotedRefusal { code, pc, why });
        }
    }

    /// Lines for `--jit-stats`; nothing if time was not measured.
    pub fn shares(&self) -> String {
        let Some(samples) = self.samples.get() else { return String::new() };
        let shares = samples.shares();
        let percent = |n: u64| n as f64 * 100.0 / shares.total().max(1) as f64;
        format!(
            "time measured       {} ms\n  compiled code     {:.1} %\n  what it called    {:.1} %\n  \
             interpreter       {:.1} %\n  compiler          {:.1} %\n",
            shares.total(),
            percent(shares.compiled),
            percent(shares.called),
            percent(shares.interpreted + shares.other),
            percent(shares.compiling),
        )
    }

    /// Notes why a code object was not compiled, as long as there are few reasons.
    pub fn note_reason(&self, code: ObjId, why: impl FnOnce() -> String) {
        let mut all = self.reasons.borrow_mut();
        let reasons = all.entry(code).or_default();
        if reasons.len() < MAX_REASONS {
            let why = why();
            if !reasons.contains(&why) {
                reasons.push(why);
            }
        }
    }

    pub fn reasons(&self, code: ObjId) -> Vec<String> {
        self.reasons.borrow().get(&code).cloned().unwrap_or_default()
    }

    /// The explanation that was asked for, once.
    pub fn take_explanation(&self) -> Option<Explanation> {
        self.explanation.take()
    }

    /// The time that was measured, if it was.
    pub fn samples(&self) -> Option<&'static Samples> {
        self.samples.get()
    }

    /// Every unit that was ever compiled, in order, if an explanation will tell of them.
    pub fn units(&self) -> Vec<Rc<Compiled>> {
        self.units.borrow().clone()
    }

    /// What stays interpreted, as far as an explanation will tell.
    pub fn each_refusal(&self, f: impl FnMut(&NotedRefusal)) {
        self.refusals.borrow().iter().for_each(f);
    }
}
