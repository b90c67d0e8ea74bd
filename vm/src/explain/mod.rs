//! What became of a program: where its time went, what was compiled, for which types, and why
//! compiled code was left. `samples` measures, the rest tells.

pub mod samples;

pub use samples::{Clock, tick};

use samples::Samples;
use std::cell::Cell;

/// What is recorded while the program runs.
#[derive(Default)]
pub(crate) struct Record {
    /// Where the time goes, if somebody wants to know.
    samples: Cell<Option<&'static Samples>>,
}

impl Record {
    /// Starts to measure time.
    pub(crate) fn measure(&self, samples: &'static Samples) {
        self.samples.set(Some(samples));
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
}
