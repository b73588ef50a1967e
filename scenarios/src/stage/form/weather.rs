//! The weather of an engine form: calm, or a fixed script of faults on those who are there.

use super::Part;
use serde::{Deserialize, Serialize};
use sim::Instant;
use sim::fault::{FaultSpec, Target};

/// In which weather a part is run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weather {
    /// Nothing but the faults that are the scenario's own story.
    Calm,
    /// These, and a script of faults, one of nearly every kind.
    Scripted,
}

impl Weather {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Weather::Calm => "calm",
            Weather::Scripted => "scripted",
        }
    }
}

/// A line of the script: kind; one end, and the other if it is a link; from and until, in milliseconds; strength.
type Line = (&'static str, &'static [&'static str], &'static [&'static str], (u64, u64), u64);

const EDGE: &[&str] = &["edge-a", "edge-b", "connector/acme", "connector/beta"];
const APP: &[&str] = &["cell-a/app-1", "cell-b/app-1", "cell-a/kafka-1", "cell-b/kafka-1"];
const POLICY: &[&str] = &["cell-a/policy", "cell-b/policy", "cell-a/kafka-2", "cell-b/kafka-2"];
const CONFIG: &[&str] = &["cell-a/config", "cell-b/config", "cell-a/kafka-controller", "cell-b/kafka-controller"];
const STORE: &[&str] =
    &["cell-a/postgres-1", "cell-b/postgres-1", "cell-a/kafka-3", "cell-b/kafka-3", "cell-a/kafka-1"];

/// Of each end, the first of its candidates who is there. One kind after the other, each long and strong enough to
/// strike somebody, and none that takes away what its victim has no copy of.
const SCRIPT: &[Line] = &[
    ("delay", EDGE, APP, (1_000, 1_600), 3_000),
    ("duplicate", APP, POLICY, (1_200, 2_600), 400_000),
    ("reorder", POLICY, APP, (1_200, 2_600), 400_000),
    ("bandwidth", APP, EDGE, (1_700, 2_300), 200_000),
    ("loss", EDGE, APP, (2_400, 3_000), 300_000),
    ("clog", POLICY, APP, (2_700, 2_900), 0),
    ("partition", APP, POLICY, (3_100, 3_500), 0),
    ("partition-one-way", EDGE, APP, (3_700, 4_000), 0),
    ("crash", APP, &[], (4_100, 4_500), 0),
    ("pause", POLICY, &[], (4_700, 4_900), 0),
    ("slow", STORE, &[], (5_000, 5_500), 4),
    ("brown-out", POLICY, &[], (5_000, 5_500), 3),
    ("clock-skew", EDGE, &[], (5_100, 6_000), 150),
    ("clock-lag", APP, &[], (5_100, 6_000), 100),
    ("clock-drift", CONFIG, &[], (5_100, 6_000), 5_000),
    ("corrupt", EDGE, APP, (5_600, 6_100), 300_000),
    ("swizzle-clog", APP, &[], (6_200, 6_500), 7),
    ("torn-write", CONFIG, &[], (6_550, 6_750), 0),
];

/// The faults of the script for a part.
pub(super) fn script(part: &Part) -> Vec<FaultSpec> {
    let first = |candidates: &[&'static str]| {
        let role = candidates.iter().copied().find(|role| part.has(role));
        role.map(|role| Target::Node(role.into()))
    };
    let ms = |n: u64| Instant(n * 1_000_000);
    let mut faults = Vec::new();
    for (kind, one, other, (from, until), strength) in SCRIPT {
        let target = match (first(one), first(other), other.is_empty()) {
            (Some(one), None, true) => one,
            (Some(one), Some(other), _) => Target::link(one, other),
            _ => continue,
        };
        let (kind, strength) = ((*kind).into(), *strength);
        faults.push(FaultSpec { kind, target, from: ms(*from), until: ms(*until), strength });
    }
    faults
}
