//! What became of a program: where its time went, what was compiled, for which types, and why
//! compiled code was left.
//!
//! `samples` measures time, `detail` reads the IR, `report` joins both with what the JIT counted
//! and orders it by source line, `html` and `text` write it down. Nothing of it costs anything
//! unless it was asked for.

pub(crate) mod detail;
mod html;
pub(crate) mod objects;
pub(crate) mod report;
pub mod samples;
mod text;

pub use report::{File, Line, Report, UnitText};
pub use samples::{Clock, Shares, tick};

use crate::driver::{Compiled, Jit};
use crate::hooks::Attached;
use psycore_jit::ir::ObjId;
use psycore_jit::specialize::Refused;
use samples::Samples;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

/// An explanation that is to be written at the end of the program.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The program, as people call it.
    pub title: String,
    pub form: Form,
    /// Where to; stderr if there is no path.
    pub path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One page without anything outside it.
    Html,
    Text,
    /// Nothing is written: whoever embeds the VM asks for the [`Report`] by [`report`].
    Data,
}

/// What became of the program so far; `None` unless [`JitConfig::explain`](crate::JitConfig::explain) is set and there is
/// a JIT. Time is not measured.
pub fn report(vm: &rustpython_vm::VirtualMachine) -> Option<Report> {
    let attached = Attached::of(vm)?;
    attached.driver().explained(attached)
}

/// Something that stays interpreted.
pub(crate) struct Refusal {
    pub code: ObjId,
    /// Where the reason is, or where compiled code was to begin; `None` for the start of the code.
    pub pc: Option<u32>,
    pub why: String,
}

/// What is recorded while the program runs.
#[derive(Default)]
pub(crate) struct Record {
    samples: Cell<Option<&'static Samples>>,
    explanation: RefCell<Option<Explanation>>,
    /// Every unit that was ever compiled, in order.
    units: RefCell<Vec<Rc<Compiled>>>,
    refusals: RefCell<Vec<Refusal>>,
}

impl Record {
    /// Starts to measure time, and to record what an explanation needs if one is asked for.
    pub(crate) fn start(&self, attached: &'static Attached, config: &crate::JitConfig, code: std::ops::Range<usize>) {
        if config.explain.is_some() {
            attached.keep_code();
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

    pub(crate) fn explains(&self) -> bool {
        self.explanation.borrow().is_some()
    }

    pub(crate) fn compiled(&self, unit: &Rc<Compiled>) {
        if self.explains() {
            self.units.borrow_mut().push(unit.clone());
        }
    }

    pub(crate) fn refused(&self, code: ObjId, pc: Option<u32>, why: &Refused) {
        let (pc, why) = match why {
            Refused::NeedsFrame(at) => (
                Some(*at),
                "this may call Python code that is not compiled, and a version for compiled callers has no frame for that"
                    .to_owned(),
            ),
            Refused::Unsupported(what) => (pc, format!("code that begins here is not supported: {what}")),
            Refused::TooMuch => (pc, "compiling this took longer than it was likely to save so far".to_owned()),
            // The specializer or the driver tries again after these.
            Refused::Unknown | Refused::DontInline(_) | Refused::Returns(_) | Refused::Again => return,
        };
        if self.explains() {
            self.refusals.borrow_mut().push(Refusal { code, pc, why });
        }
    }

    /// Lines for `--jit-stats`; nothing if time was not measured.
    pub(crate) fn shares(&self) -> String {
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

    /// The program has ended: stops measuring and writes what was asked for. Says on stderr what came of it.
    pub(crate) fn finish(&self, jit: &Jit, attached: &Attached) {
        let Some(samples) = self.samples.get() else { return self.write(jit, attached, None) };
        samples.stop();
        // A child that the program forked has nothing to tell.
        if samples.is_mine() {
            self.write(jit, attached, Some(samples));
        }
    }

    fn write(&self, jit: &Jit, attached: &Attached, samples: Option<&Samples>) {
        let Some(explanation) = self.explanation.take().filter(|e| e.form != Form::Data) else { return };
        let report = report::collect(self, jit, attached, samples, &explanation.title);
        if report.is_empty() {
            // No code of the program ever ran; what it said about that is enough.
            return;
        }
        let text = match explanation.form {
            Form::Html => html::page(&report),
            Form::Text | Form::Data => text::text(&report),
        };
        match &explanation.path {
            None => eprint!("{text}"),
            Some(path) => match std::fs::write(path, text) {
                Ok(()) => eprintln!("psycore: explained in {}", path.display()),
                Err(error) => eprintln!("psycore: {}: {error}", path.display()),
            },
        }
    }
}
