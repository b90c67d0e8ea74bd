//! What a site is charged while a profiler of `psyco.profile` chooses: its passes, of which half are forgotten each half-life.
//!
//! Nothing is done when a pass is counted. Whoever asks for the charge gets it as if the passes since the last time had been
//! spread evenly.

use std::cell::Cell;
use std::f64::consts::LN_2;

/// How a profiler charges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charging {
    /// A factor on the thresholds.
    pub scale: f64,
    /// Seconds after which half of a charge is left.
    pub halflife: f64,
    /// What the caller gets of a charge, 0 to 1.
    pub parentframe: f64,
}

/// The charge of a site when somebody last looked.
#[derive(Clone, Copy, Debug, Default)]
struct Charged {
    charge: f64,
    /// Seconds since the JIT was attached.
    at: f64,
    /// Passes until then.
    passes: u64,
}

#[derive(Debug, Default)]
pub struct Charge(Cell<Charged>);

impl Charge {
    /// Begins with what was counted before.
    pub fn begin(&self, passes: u64, now: f64) {
        self.0.set(Charged { charge: passes as f64, at: now, passes });
    }

    /// The charge now, and how many passes came to it since the last time.
    pub fn at(&self, passes: u64, now: f64, halflife: f64) -> (f64, u64) {
        let before = self.0.get();
        let new = passes.saturating_sub(before.passes);
        let age = LN_2 * (now - before.at).max(0.0) / halflife;
        // The mean of exp(-x) for x from 0 to age.
        let kept_of_new = if age < 1e-9 { 1.0 } else { -(-age).exp_m1() / age };
        let charge = before.charge * (-age).exp() + new as f64 * kept_of_new;
        self.0.set(Charged { charge, at: now, passes });
        (charge, new)
    }

    /// Adds a part of another site's charge.
    pub fn add(&self, more: f64) {
        let before = self.0.get();
        self.0.set(Charged { charge: before.charge + more, ..before });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_left_after_a_halflife() {
        let charge = Charge::default();
        charge.begin(800, 1.0);
        assert_eq!(charge.at(800, 1.0, 0.5), (800.0, 0));
        assert_eq!(charge.at(800, 1.5, 0.5).0.round(), 400.0);
        assert_eq!(charge.at(800, 3.0, 0.5).0.round(), 50.0);
    }

    #[test]
    fn what_comes_at_once_counts_in_full() {
        let charge = Charge::default();
        charge.begin(0, 0.0);
        assert_eq!(charge.at(600, 0.0, 0.5), (600.0, 600));
        assert_eq!(charge.at(600, 1e9, 0.5).0, 0.0);
    }

    #[test]
    fn a_steady_rate_comes_to_a_steady_charge() {
        let charge = Charge::default();
        charge.begin(0, 0.0);
        let rate = 100;
        let mut now = 0.0;
        for step in 1..1000 {
            now = f64::from(step);
            charge.at(step as u64 * rate, now, 2.0);
        }
        // The rate times the mean life, however often one looks.
        let expected = rate as f64 * 2.0 / LN_2;
        let (charge, _) = charge.at(1000 * rate, now + 1.0, 2.0);
        assert!((charge - expected).abs() < 1.0, "{charge} {expected}");
    }

    #[test]
    fn the_part_of_another_counts() {
        let charge = Charge::default();
        charge.begin(10, 0.0);
        charge.add(5.0);
        assert_eq!(charge.at(10, 0.0, 1.0).0, 15.0);
    }
}
