//! How much many runs really say: events of one run go well or badly together, and count for less than their number.
//!
//! One crash fails a thousand requests of its run and none of the others. The spread of the ratio *between* runs shows
//! how much less (the design effect of cluster sampling); dividing the counts by it before the exact interval is taken
//! is the method of Korn and Graubard (1998). Only sums of squares are kept, so it merges like everything else here.

use super::windows::Tally;
use serde::{Deserialize, Serialize};

/// Good and bad events of many runs, with what it takes to tell how alike the runs are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct RunTallies {
    runs: u64,
    with_bad: u64,
    sum: Tally,
    total_squared: u128,
    bad_squared: u128,
    bad_times_total: u128,
}

impl RunTallies {
    /// Adds the events of one run. A run without events says nothing and does not count.
    pub fn add(&mut self, run: Tally) {
        let (bad, total) = (u128::from(run.bad), u128::from(run.total()));
        self.merge(&RunTallies {
            runs: u64::from(total > 0),
            with_bad: u64::from(bad > 0),
            sum: run,
            total_squared: total.saturating_mul(total),
            bad_squared: bad.saturating_mul(bad),
            bad_times_total: bad.saturating_mul(total),
        });
    }

    /// Adds the runs of `other`. Order and grouping of merges do not matter.
    pub fn merge(&mut self, other: &RunTallies) {
        self.runs += other.runs;
        self.with_bad += other.with_bad;
        self.sum += other.sum;
        self.total_squared = self.total_squared.saturating_add(other.total_squared);
        self.bad_squared = self.bad_squared.saturating_add(other.bad_squared);
        self.bad_times_total = self.bad_times_total.saturating_add(other.bad_times_total);
    }

    /// Runs that counted anything.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Of these, runs with a bad event.
    pub fn with_bad(&self) -> u64 {
        self.with_bad
    }

    /// All events.
    pub fn total(&self) -> Tally {
        self.sum
    }

    /// How many events say as much as one independent event would: at least 1. Without a second run, or without both
    /// good and bad events, no spread can be seen and it is 1.
    ///
    /// Only sums, products and quotients, which IEEE 754 defines to the bit: the same on every machine.
    pub fn design_effect(&self) -> f64 {
        let (runs, bad, good) = (self.runs as f64, self.sum.bad as f64, self.sum.good as f64);
        let total = self.sum.total() as f64;
        if self.runs < 2 || bad == 0.0 || good == 0.0 {
            return 1.0;
        }
        let ratio = bad / total;
        // Σ (bad − ratio × total)² over the runs, against what independent events would give.
        let between = self.bad_squared as f64 - 2.0 * ratio * self.bad_times_total as f64
            + ratio * ratio * self.total_squared as f64;
        let independent = total * ratio * (1.0 - ratio);
        (runs / (runs - 1.0) * between / independent).max(1.0)
    }

    /// The counts to take an interval of: divided by [`RunTallies::design_effect`], bad rounded up and good down, so
    /// that rounding never helps.
    pub fn effective(&self) -> Tally {
        let effect = self.design_effect();
        if effect <= 1.0 {
            return self.sum;
        }
        let bad = ((self.sum.bad as f64 / effect).ceil() as u64).min(self.sum.bad);
        let total = ((self.sum.total() as f64 / effect).floor() as u64).max(bad);
        Tally { good: (total - bad).min(self.sum.good), bad }
    }
}

/// The serialised form: sums of squares outgrow what JSON readers keep of a number, so they are text.
#[derive(Serialize, Deserialize)]
struct Raw {
    runs: u64,
    with_bad: u64,
    sum: Tally,
    /// Σ total², Σ bad², Σ bad × total.
    squares: [String; 3],
}

impl From<RunTallies> for Raw {
    fn from(of: RunTallies) -> Raw {
        let squares = [of.total_squared, of.bad_squared, of.bad_times_total].map(|square| square.to_string());
        Raw { runs: of.runs, with_bad: of.with_bad, sum: of.sum, squares }
    }
}

impl TryFrom<Raw> for RunTallies {
    type Error = &'static str;
    fn try_from(raw: Raw) -> Result<RunTallies, &'static str> {
        let square = |at: usize| raw.squares[at].parse::<u128>().map_err(|_| "a sum of squares is a whole number");
        let (total_squared, bad_squared, bad_times_total) = (square(0)?, square(1)?, square(2)?);
        Ok(RunTallies {
            runs: raw.runs,
            with_bad: raw.with_bad,
            sum: raw.sum,
            total_squared,
            bad_squared,
            bad_times_total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Objective, judge_ratio};
    use super::*;
    use crate::record::SloVerdict;
    use proptest::prelude::*;

    fn of(runs: &[(u64, u64)]) -> RunTallies {
        let mut tallies = RunTallies::default();
        runs.iter().for_each(|&run| tallies.add(run.into()));
        tallies
    }

    #[test]
    fn runs_that_are_alike_count_in_full() {
        let alike = of(&[(990, 10); 20]);
        assert_eq!((alike.design_effect(), alike.effective()), (1.0, alike.total()));
        let clean = of(&[(1_000, 0), (500, 0), (0, 0)]);
        assert_eq!((clean.runs(), clean.effective()), (2, Tally { good: 1_500, bad: 0 }));
        assert_eq!(of(&[(5, 5)]).design_effect(), 1.0, "one run shows no spread");
        assert_eq!(of(&[]).effective(), Tally::default());
    }

    #[test]
    fn runs_that_fail_whole_count_once_each() {
        let mut runs = vec![(1_000, 0); 95];
        runs.extend([(0, 1_000); 5]);
        let whole = of(&runs);
        let effect = whole.design_effect();
        assert!((effect - 1_000.0 * 100.0 / 99.0).abs() < 1e-6, "{effect}");
        assert_eq!(whole.effective(), Tally { good: 94, bad: 5 });
        assert_eq!((whole.runs(), whole.with_bad()), (100, 5));
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(text, r#"{"runs":100,"with_bad":5,"sum":[95000,5000],"squares":["100000000","5000000","5000000"]}"#);
        assert_eq!(serde_json::from_str::<RunTallies>(&text).unwrap(), whole);
    }

    #[test]
    fn a_verdict_on_correlated_failures_is_less_sure() {
        let objective = Objective::from_ppm(990_000).unwrap();
        let judge = |t: Tally| judge_ratio(t.good, t.bad, objective, 0.05, 1).verdict;
        let mut runs = vec![(1_000, 0); 127];
        runs.push((500, 500));
        let crash = of(&runs);
        assert_eq!(judge(crash.total()), SloVerdict::Met, "as if half a thousand requests had failed independently");
        assert_eq!(judge(crash.effective()), SloVerdict::Inconclusive);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn merging_runs_commutes_and_never_adds_evidence(
            a in prop::collection::vec((0_u64..2_000, 0_u64..50), 0..30),
            b in prop::collection::vec((0_u64..2_000, 0_u64..50), 0..30),
        ) {
            let (mut ab, mut ba) = (of(&a), of(&b));
            ab.merge(&of(&b));
            ba.merge(&of(&a));
            prop_assert_eq!(ab, ba);
            prop_assert_eq!(ab, of(&[a, b].concat()));
            let (effective, total) = (ab.effective(), ab.total());
            prop_assert!(effective.good <= total.good && effective.bad <= total.bad);
            prop_assert!(u128::from(effective.bad) * u128::from(total.total())
                >= u128::from(total.bad) * u128::from(effective.total()), "rounding never lowers the bad share");
        }
    }
}
