//! What honest tenants got, counted: the figures that every objective is judged by.
//!
//! Everything here merges, and merging keeps how the runs differ: requests of one run go well or badly together, so a
//! sum of requests says less than as many independent ones would.

use crate::measure::{Latency, RunTallies, Tally};
use serde::{Deserialize, Serialize};

/// Requests of honest tenants against one cell: SLO-01's definition of good, bad and excluded has been applied where
/// they were counted.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Serving {
    /// Tenant id.
    pub tenant: String,
    /// Cell in which the tenant is placed.
    pub cell: String,
    /// Requests that count and were served as promised.
    pub good: u64,
    /// Requests that count and were not.
    pub bad: u64,
    /// Requests that do not count (the tenant's own mistakes).
    pub excluded: u64,
    /// Latency of good requests, from intended start to last byte.
    pub latency: Latency,
    /// (good, bad) per window of [`SERVING_WINDOW_NS`], from the start of the run.
    pub windows: Vec<(u32, u32)>,
    /// Good requests that took longer than the 95th percentile may (SLO-02), for each window that has any: (window,
    /// requests), ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slow: Vec<(u32, u32)>,
    /// How long the tenant's events took from the log of its cell into that of another, those that leave it.
    #[serde(default, skip_serializing_if = "Latency::is_empty")]
    pub mirrored: Latency,
    /// Those among them that took longer than the 95th percentile may (EVT-04).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mirrored_late: u64,
    /// How the runs behind the sums differ.
    #[serde(default)]
    pub spread: Spread,
}

/// Width of a window of [`Serving::windows`], in nanoseconds: one second.
pub const SERVING_WINDOW_NS: u64 = 1_000_000_000;

/// How runs differ from each other, as sums that merge.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// Requests that were served, and that were not.
    pub success: RunTallies,
    /// Served requests that were as quick as promised, and that were not.
    pub latency: RunTallies,
    /// Events that reached the other cell as soon as promised, and that did not.
    #[serde(default)]
    pub mirrored: RunTallies,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Serving {
    /// Good requests that took longer than they may.
    pub fn slow_total(&self) -> u64 {
        self.slow.iter().map(|(_, requests)| u64::from(*requests)).sum()
    }

    /// What counts for the success of requests (SLO-01), by window.
    pub fn answered(&self) -> Vec<Tally> {
        self.windows.iter().map(|w| Tally { good: w.0.into(), bad: w.1.into() }).collect()
    }

    /// What counts for their latency (SLO-02), by window: requests that were served, and of these the slow ones as bad.
    pub fn quick(&self) -> Vec<Tally> {
        let mut counts: Vec<Tally> = self.windows.iter().map(|w| Tally { good: w.0.into(), bad: 0 }).collect();
        for (window, slow) in &self.slow {
            let slow = u64::from(*slow);
            if let Some(count) = counts.get_mut(*window as usize) {
                *count = Tally { good: count.good.saturating_sub(slow), bad: slow };
            }
        }
        counts
    }

    /// Counts slow requests of a window.
    pub fn add_slow(&mut self, window: u32, requests: u32) {
        match self.slow.binary_search_by_key(&window, |(window, _)| *window) {
            Ok(at) => self.slow[at].1 += requests,
            Err(at) => self.slow.insert(at, (window, requests)),
        }
    }

    /// Takes the figures for those of a single run, whatever was known of their spread.
    pub fn of_one_run(mut self) -> Serving {
        let slow = self.slow_total();
        self.spread = Spread::default();
        self.spread.success.add(Tally { good: self.good, bad: self.bad });
        self.spread.latency.add(Tally { good: self.good.saturating_sub(slow), bad: slow });
        let (late, all) = (self.mirrored_late, self.mirrored.count());
        self.spread.mirrored.add(Tally { good: all.saturating_sub(late), bad: late });
        self
    }

    /// Adds the figures of `other`, for the same tenant and cell. Order and grouping of merges do not matter.
    pub fn merge(&mut self, other: &Serving) {
        self.good += other.good;
        self.bad += other.bad;
        self.excluded += other.excluded;
        self.latency.merge(&other.latency);
        self.mirrored.merge(&other.mirrored);
        self.mirrored_late += other.mirrored_late;
        self.windows.resize(self.windows.len().max(other.windows.len()), (0, 0));
        for (a, b) in self.windows.iter_mut().zip(&other.windows) {
            *a = (a.0 + b.0, a.1 + b.1);
        }
        other.slow.iter().for_each(|(window, requests)| self.add_slow(*window, *requests));
        self.spread.success.merge(&other.spread.success);
        self.spread.latency.merge(&other.spread.latency);
        self.spread.mirrored.merge(&other.spread.mirrored);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(windows: Vec<(u32, u32)>, slow: Vec<u32>) -> Serving {
        let sum = |of: fn(&(u32, u32)) -> u32| windows.iter().map(|w| u64::from(of(w))).sum();
        let slow = slow.into_iter().zip(0..).filter(|(n, _)| *n > 0).map(|(n, window)| (window, n)).collect();
        Serving { good: sum(|w| w.0), bad: sum(|w| w.1), windows, slow, ..Serving::default() }.of_one_run()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn runs_merge_in_any_order_and_nothing_is_lost(
            runs in prop::collection::vec(
                (prop::collection::vec((0_u32..50, 0_u32..5), 0..6), prop::collection::vec(0_u32..3, 0..6)), 1..6)
        ) {
            let runs: Vec<Serving> = runs.into_iter().map(|(windows, slow)| run(windows, slow)).collect();
            let fold = |order: &mut dyn Iterator<Item = &Serving>| {
                let mut all = Serving::default();
                order.for_each(|one| all.merge(one));
                all
            };
            let forth = fold(&mut runs.iter());
            prop_assert_eq!(&forth, &fold(&mut runs.iter().rev()));
            let total = forth.spread.success.total();
            prop_assert_eq!((total.good, total.bad), (forth.good, forth.bad));
            prop_assert_eq!(forth.slow_total(), runs.iter().map(Serving::slow_total).sum::<u64>());
            let sum = |counts: Vec<Tally>| counts.into_iter().fold(Tally::default(), |sum, one| sum + one);
            prop_assert_eq!(sum(forth.answered()), Tally { good: forth.good, bad: forth.bad });
            let quick = sum(forth.quick());
            prop_assert!(quick.bad <= forth.slow_total() && quick.total() >= forth.good);
            let text = serde_json::to_string(&forth).expect("plain data");
            prop_assert_eq!(serde_json::from_str::<Serving>(&text).expect("own output"), forth);
        }
    }
}
