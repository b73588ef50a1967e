//! How long things took: a file beside the reports, and never part of one.
//!
//! What is digested and compared must not know a clock; whoever cuts a sweep into shards wants to know where the time
//! goes. So this is kept apart, and losing it loses nothing: a killed sweep may forget its last seconds of it.

use crate::place::{Place, TIMINGS};
use crate::terminal::complain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Times of one plan, over all attempts.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Timings {
    /// Digest of the plan's terms.
    pub plan: String,
    /// Attempts: a sweep that was never interrupted has one.
    pub attempts: u64,
    /// By scenario and kind of step, such as `fuzz/cross-tenant swarm`.
    pub steps: BTreeMap<String, Timing>,
}

/// Times of one kind of step.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Timing {
    /// Steps.
    pub count: u64,
    /// All of them, one after the other.
    pub total_us: u64,
    /// The longest.
    pub longest_us: u64,
    /// Its name.
    pub longest: String,
}

impl Timings {
    /// What is known of this plan at a place, and one more attempt.
    pub fn at(place: &Place, plan: &str) -> Timings {
        let mut timings = Timings::of_all(std::slice::from_ref(place), plan);
        timings.attempts += 1;
        timings
    }

    /// What is known of this plan at these places.
    pub fn of_all(places: &[Place], plan: &str) -> Timings {
        let mut sum = Timings { plan: plan.to_owned(), ..Timings::default() };
        for place in places {
            let bytes = place.read(TIMINGS).ok().flatten();
            let known = bytes.and_then(|bytes| serde_json::from_slice::<Timings>(&bytes).ok());
            known.into_iter().filter(|known| known.plan == plan).for_each(|known| sum.merge(known));
        }
        sum
    }

    /// Adds a step.
    pub fn add(&mut self, kind: String, us: u64, name: impl FnOnce() -> String) {
        let timing = self.steps.entry(kind).or_default();
        timing.count += 1;
        timing.total_us += us;
        if us > timing.longest_us {
            (timing.longest_us, timing.longest) = (us, name());
        }
    }

    /// Adds those of a shard.
    fn merge(&mut self, other: Timings) {
        self.attempts += other.attempts;
        for (kind, theirs) in other.steps {
            let ours = self.steps.entry(kind).or_default();
            ours.count += theirs.count;
            ours.total_us += theirs.total_us;
            if theirs.longest_us > ours.longest_us {
                (ours.longest_us, ours.longest) = (theirs.longest_us, theirs.longest);
            }
        }
    }

    /// Writes them. Nothing depends on them, so what goes wrong is told and nothing more.
    pub fn write(&self, place: &Place) {
        let json = serde_json::to_string_pretty(self).expect("plain data has a JSON form");
        if let Err(refused) = place.write(TIMINGS, format!("{json}\n").as_bytes()) {
            complain(&refused.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_shards_add_up_and_another_plans_are_forgotten() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let place = Place::Disk(dir.path().to_owned());
        let mut one = Timings::at(&place, "plan");
        one.add("a/b swarm".into(), 5, || "a/b swarm 1".into());
        one.add("a/b swarm".into(), 9, || "a/b swarm 2".into());
        one.write(&place);
        let mut again = Timings::at(&place, "plan");
        assert_eq!((again.attempts, &again.steps), (2, &one.steps));
        again.merge(one);
        let sum = &again.steps["a/b swarm"];
        assert_eq!((again.attempts, sum.count, sum.total_us, sum.longest_us), (3, 4, 28, 9));
        assert_eq!(sum.longest, "a/b swarm 2");
        assert_eq!(Timings::at(&place, "other").steps.len(), 0);
    }
}
