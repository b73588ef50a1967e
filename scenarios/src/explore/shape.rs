//! What a run was like, as a set of features: whatever two runs share is in both sets.
//!
//! A feature is the hash of something coarse: a decision with how often it was taken, the order in which two rare
//! things happened, how late an answer was to the next power of two. What is new in a run's set is why exploring keeps
//! it. No feature is judged; that is the oracles' business.

use models::fact::Fact;
use models::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::{FaultFired, Finding, RunRecord};
use sim::seed::{mix, name_hash};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

/// What a run was like.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Features {
    /// Everything it showed, by hash.
    pub seen: BTreeSet<u64>,
    /// How far the state of each node came, by role and gauge: the highest value of each. A run that came further than
    /// any before it is worth being edited, although nothing else about it is new: what needs a full queue is found by
    /// whoever fills queues.
    pub far: BTreeMap<u64, u64>,
}

/// Something rarer than this in a run is worth its place in an order of events.
const RARE_MAX: u32 = 24;

/// Watches a run for its features.
#[derive(Default)]
pub struct Shape {
    counts: BTreeMap<u64, u32>,
    orders: BTreeSet<u64>,
    /// How far the state of each node has come, by role and gauge.
    far: BTreeMap<u64, u64>,
    /// The last rare thing, so that the next one has a predecessor.
    last: u64,
}

/// Which tally stands for a number: the next power of two.
fn bucket(n: u64) -> u64 {
    u64::from(64 - n.leading_zeros())
}

/// Steps on the way up: each number to eight, then four to the doubling.
fn level(n: u64) -> u64 {
    if n <= 8 {
        return n;
    }
    let octave = u64::from(n.ilog2());
    8 + (octave - 3) * 4 + (n >> (octave - 2) & 3)
}

impl Shape {
    /// What a fact is, apart from its numbers and names.
    fn kind(seen: &Seen<'_, Saas>) -> u64 {
        let role = name_hash(seen.role);
        match seen.fact {
            Fact::Asked { .. } | Fact::Truth { .. } => 0,
            Fact::Answered(answer) => {
                let late = bucket(answer.took.as_nanos() >> 20);
                mix(name_hash(answer.reason), mix(u64::from(answer.status), late))
            }
            Fact::RowStored { place, slice: None, .. } => mix(name_hash(place.store), name_hash(&place.cell)),
            Fact::RowStored { place, slice: Some(slice), .. } => mix(name_hash(&place.cell), mix(13, name_hash(slice))),
            Fact::EntryStored { place, database, .. } => mix(name_hash(&place.cell), mix(14, u64::from(*database))),
            Fact::EventStored { place, partition, .. } => {
                mix(name_hash(&place.cell), mix(name_hash(place.store), u64::from(*partition)))
            }
            Fact::EntryEvicted { place, by, .. } => mix(name_hash(&place.cell), mix(8, u64::from(by.is_some()))),
            Fact::DecisionKept { place, allowed, .. } => mix(name_hash(&place.cell), mix(9, u64::from(*allowed))),
            Fact::ObjectStored { place, kept_until, .. } => {
                mix(name_hash(&place.cell), mix(10, u64::from(kept_until.0 > 0)))
            }
            Fact::ObjectRemoved { place, .. } => mix(name_hash(&place.cell), 11),
            Fact::AttemptKept { place, reason, .. } => mix(name_hash(&place.cell), mix(16, name_hash(reason))),
            Fact::GraphOpened { place } => mix(name_hash(&place.cell), 13),
            Fact::NodeStored { place, label, .. } => mix(name_hash(&place.cell), mix(14, name_hash(label))),
            Fact::EdgeStored { place, copies, .. } => mix(name_hash(&place.cell), mix(15, u64::from(*copies))),
            Fact::Replicated(row) => mix(name_hash(&row.place.cell), mix(19, u64::from(row.present))),
            Fact::BundleRestored(restored) => mix(name_hash(&restored.place.cell), 12),
            Fact::Decided { by, allowed, reason, .. } => {
                mix(role, mix(name_hash(by), mix(name_hash(reason), u64::from(*allowed))))
            }
            Fact::Reported { by, what, value, .. } => {
                mix(role, mix(name_hash(by), mix(name_hash(what), bucket(*value))))
            }
        }
    }

    /// The features of a run that has ended, with what its record adds: marks, and which faults met.
    pub fn features(self, record: &RunRecord) -> Features {
        let mut seen = self.orders;
        seen.extend(self.counts.iter().map(|(kind, n)| mix(*kind, bucket(u64::from(*n)))));
        let tallied = record.marks.iter().map(|(mark, n)| mix(name_hash(mark), bucket(*n)));
        seen.extend(tallied);
        seen.extend(meetings(&record.faults));
        seen.extend(self.far.iter().flat_map(|(gauge, far)| (1..=level(*far)).map(|level| mix(*gauge, level))));
        Features { seen, far: self.far }
    }
}

/// Pairs of faults that were at work at the same time: the conditions of what needs several.
fn meetings(faults: &[FaultFired]) -> impl Iterator<Item = u64> + '_ {
    let name = |fault: &FaultFired| mix(name_hash(&fault.fault), name_hash(&fault.target));
    let pairs = faults.iter().enumerate().flat_map(|(i, a)| faults[i + 1..].iter().map(move |b| (a, b)));
    let met = pairs.filter(|(a, b)| a.from_ns < b.until_ns && b.from_ns < a.until_ns && a.fired > 0 && b.fired > 0);
    met.map(move |(a, b)| mix(name(a), name(b)))
}

impl Oracle<Saas> for Shape {
    fn name(&self) -> &'static str {
        "shape"
    }

    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store, Vantage::Log]
    }

    fn observe(&mut self, seen: &Seen<'_, Saas>, _: &mut Vec<Finding>) {
        let kind = Shape::kind(seen);
        if kind == 0 {
            return;
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        if *count <= RARE_MAX && kind != self.last {
            self.orders.insert(mix(self.last, kind));
            self.last = kind;
        }
    }

    fn reads_gauges(&self) -> bool {
        true
    }

    fn gauge(&mut self, role: &str, name: &'static str, value: u64) {
        let far = self.far.entry(mix(name_hash(role), name_hash(name))).or_default();
        *far = value.max(*far);
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn levels_rise_with_what_they_measure_and_ever_more_slowly() {
        let levels: Vec<u64> = (0..4_096).map(level).collect();
        assert!(levels.is_sorted(), "{levels:?}");
        assert_eq!((levels[8], levels[16], levels[4_095]), (8, 12, 43));
        assert!(levels.windows(2).all(|pair| pair[1] - pair[0] <= 1), "none is left out");
    }
}
