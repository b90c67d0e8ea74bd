//! What the program has said about a code object: rules that all closures made by one `def` share.

use std::sync::atomic::{AtomicU8, Ordering};

/// What holds for a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Compiled when hot.
    Count,
    /// Compiled at the next call.
    Bound,
    /// The same, because something that was bound calls it.
    Implied,
    Never,
}

/// The filter's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filtered {
    NotAsked,
    Accepted,
    Rejected,
}

/// What the program has said about a code object.
#[derive(Debug, Default)]
pub struct Rules {
    rule: AtomicU8,
    depth: AtomicU8,
    filtered: AtomicU8,
}

impl Rules {
    pub fn rule(&self) -> Rule {
        match self.rule.load(Ordering::Relaxed) {
            0 => Rule::Count,
            1 => Rule::Bound,
            2 => Rule::Implied,
            _ => Rule::Never,
        }
    }

    pub fn set(&self, rule: Rule) {
        self.rule.store(rule as u8, Ordering::Relaxed);
    }

    pub fn filtered(&self) -> Filtered {
        match self.filtered.load(Ordering::Relaxed) {
            0 => Filtered::NotAsked,
            1 => Filtered::Accepted,
            _ => Filtered::Rejected,
        }
    }

    pub fn set_filtered(&self, answer: Filtered) {
        self.filtered.store(answer as u8, Ordering::Relaxed);
    }

    /// To which depth its callees are bound when it is compiled.
    pub fn depth(&self) -> u8 {
        self.depth.load(Ordering::Relaxed)
    }

    pub fn set_depth(&self, depth: u8) {
        self.depth.store(depth, Ordering::Relaxed);
    }

    /// The same, but never to less than it was.
    pub fn deepen(&self, depth: u8) {
        self.depth.fetch_max(depth, Ordering::Relaxed);
    }

    /// Whether its code is compiled without being hot.
    pub fn is_bound(&self) -> bool {
        matches!(self.rule(), Rule::Bound | Rule::Implied)
    }

    /// What to tell about it, if the program has said anything.
    pub fn text(&self) -> Option<&'static str> {
        match (self.rule(), self.filtered()) {
            (Rule::Never, _) => Some("never to be compiled (cannotcompile)"),
            (_, Filtered::Rejected) => Some("rejected by the filter"),
            (Rule::Bound, _) => Some("bound"),
            (Rule::Implied, _) => Some("called by a bound function"),
            (Rule::Count, _) => None,
        }
    }
}
