//! Two engines, one story: what a run told, and where two runs of one form differ.
//!
//! An engine that delivers later than another is right all the same, so times are not compared, nor how often somebody
//! tried again. Compared are the verdict, what was found, which marks were reached, and for each request what every
//! node decided about it and what its principal was told.

mod capability;
mod told;

pub use capability::{CAPABILITIES, Capability, Means};
pub use told::{Life, Told, on_kernel, tell};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Requests that were under way so close to the beginning or the end of a fault, or to the end of the run, are not
/// compared: which side of it they were on depends on how long a word is under way, and there engines may differ.
pub const EDGE_NS: u64 = 150_000_000;

/// Where two runs differ.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Difference {
    /// In the verdict.
    Verdict(String, String),
    /// Only one run found this.
    Finding(String, String),
    /// Only one run reached this mark.
    Mark(String, String),
    /// Only one run made this mistake.
    Mistake(String, String),
    /// What a node said about a request.
    Decision {
        /// The node's role.
        node: String,
        /// The request's causal id.
        cause: String,
        /// What was said on the first engine, and on the second.
        said: (String, String),
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Verdict(one, other) => write!(f, "verdict {one} / {other}"),
            Difference::Finding(engine, what) => write!(f, "only on {engine}: {what}"),
            Difference::Mark(engine, mark) => write!(f, "only {engine} reached {mark}"),
            Difference::Mistake(engine, what) => write!(f, "only on {engine}: {what}"),
            Difference::Decision { node, cause, said: (one, other) } => {
                write!(f, "{node} about {cause}: {one} / {other}")
            }
        }
    }
}

/// Two runs of one part, side by side.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Where they differ.
    pub differences: Vec<Difference>,
    /// How many requests were compared.
    pub compared: usize,
    /// How many were under way when a fault began or ended, or follow from such a one.
    pub at_edge: usize,
    /// How many were turned away on either engine because of how long others took: whose turn that is depends on the
    /// microsecond.
    pub by_load: usize,
}

/// Compares two runs.
///
/// # Errors
/// They are not runs of the same part in the same weather from the same seed.
pub fn compare(one: &Told, other: &Told) -> Result<Comparison, String> {
    if one.address() != other.address() {
        return Err(format!("{} is no run of {}", other.address(), one.address()));
    }
    let mut differences = Vec::new();
    if one.verdict != other.verdict {
        differences.push(Difference::Verdict(one.verdict.clone(), other.verdict.clone()));
    }
    only(&one.findings, &other.findings, (one, other), Difference::Finding, &mut differences);
    let marks = |told: &Told| told.marks.keys().cloned().collect();
    only(&marks(one), &marks(other), (one, other), Difference::Mark, &mut differences);
    only(&one.mistakes, &other.mistakes, (one, other), Difference::Mistake, &mut differences);
    let causes: BTreeSet<&String> = one.lives.keys().chain(other.lives.keys()).collect();
    let pairs = causes.into_iter().map(|cause| (cause, [one.lives.get(cause), other.lives.get(cause)]));
    let (edge, inside): (Vec<_>, Vec<_>) =
        pairs.partition(|(_, lives)| lives.iter().flatten().any(|life| one.is_at_edge(life)));
    let parted = parted(&edge);
    let (mut compared, mut at_edge) = (0, edge.len());
    let mut by_load = 0;
    for (cause, lives) in inside {
        if lives.iter().flatten().any(|life| is_by_load(life)) {
            by_load += 1;
            continue;
        }
        if follows(&parted, lives) {
            at_edge += 1;
            continue;
        }
        compared += 1;
        let silent = Life::default();
        let [a, b] = lives.map(|life| &life.unwrap_or(&silent).said);
        decisions(cause, a, b, &mut differences);
    }
    Ok(Comparison { differences, compared, at_edge, by_load })
}

/// Whether a gateway shed the request.
fn is_by_load(life: &Life) -> bool {
    life.said.values().flatten().any(|said| said.starts_with("gateway.shed denies"))
}

/// A request in each of two runs, where it is there.
type Lives<'a> = [Option<&'a Life>; 2];

/// Nodes that heard something else in the two runs at an edge, with when they first did.
fn parted<'a>(edge: &[(&String, Lives<'a>)]) -> BTreeMap<&'a str, u64> {
    let mut parted: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, lives) in edge {
        let said = |i: usize, role: &str| lives[i].and_then(|life| life.said.get(role));
        for life in lives.iter().flatten() {
            for role in life.said.keys().filter(|role| said(0, role) != said(1, role)) {
                let first = parted.entry(role).or_insert(life.until_ns);
                *first = life.until_ns.min(*first);
            }
        }
    }
    parted
}

/// Whether a request was made in one run only, by somebody who had heard something else before: who was told that a
/// write was kept looks at it again, who was not does not.
fn follows(parted: &BTreeMap<&str, u64>, lives: Lives<'_>) -> bool {
    let ([Some(life), None] | [None, Some(life)]) = lives else { return false };
    life.said.keys().any(|role| parted.get(role.as_str()).is_some_and(|since| *since <= life.from_ns))
}

/// What only one of two runs has.
fn only(
    a: &BTreeSet<String>,
    b: &BTreeSet<String>,
    (one, other): (&Told, &Told),
    as_difference: fn(String, String) -> Difference,
    differences: &mut Vec<Difference>,
) {
    differences.extend(a.difference(b).map(|what| as_difference(one.engine.clone(), what.clone())));
    differences.extend(b.difference(a).map(|what| as_difference(other.engine.clone(), what.clone())));
}

fn decisions(
    cause: &str,
    one: &BTreeMap<String, BTreeSet<String>>,
    other: &BTreeMap<String, BTreeSet<String>>,
    differences: &mut Vec<Difference>,
) {
    let nodes: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for node in nodes {
        let [a, b] = [one, other].map(|said| said.get(node));
        if a != b {
            let show = |said: Option<&BTreeSet<String>>| match said {
                None => "nothing".to_owned(),
                Some(said) => said.iter().cloned().collect::<Vec<_>>().join(", "),
            };
            differences.push(Difference::Decision {
                node: node.clone(),
                cause: cause.to_owned(),
                said: (show(a), show(b)),
            });
        }
    }
}
