//! Two engines, one story: what a run told, and where two runs of one form differ.
//!
//! An engine that delivers later than another is right all the same, so times are not compared, nor under which number
//! somebody tried again ([`pair`]). Compared are the verdict, what was found, which marks were reached, and for each
//! request what every node decided about it and what its principal was told. Some decisions hang on a millisecond: who
//! is the first to be turned away, which request meets a new policy. Which these are the kernel says itself, by running
//! the same part with every word under way a little longer ([`on_kernel`]); there another engine may differ, and
//! elsewhere in hardly any request.

mod capability;
pub mod runs;
mod steady;
mod told;

pub use capability::{CAPABILITIES, Capability, Means};
pub use steady::{on_kernel, on_kernel_once, with_kernel};
pub use told::{Life, Told, tell};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Requests that were under way so close to the beginning or the end of a fault, or to the end of the run, are not
/// compared: which side of it they were on depends on how long a word is under way, and there engines may differ.
pub const EDGE_NS: u64 = 60_000_000;

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

impl Difference {
    /// What it is about, whatever was said: how the first engine names what it is not steady in.
    pub(crate) fn key(&self) -> String {
        match self {
            Difference::Verdict(..) => "verdict".into(),
            Difference::Finding(_, what) => format!("finding {what}"),
            Difference::Mark(_, mark) => format!("mark {mark}"),
            Difference::Mistake(_, what) => format!("mistake {what}"),
            Difference::Decision { node, cause, .. } => format!("{cause} {node}"),
        }
    }
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
    /// How many were under way when a fault began or ended.
    pub at_edge: usize,
    /// How many have another number in each run, and are the same otherwise; these are among the compared.
    pub renumbered: usize,
    /// How many were shed for load, or decided otherwise where the first engine itself is not steady.
    pub unsteady: usize,
    /// How many were decided otherwise for no reason that is known.
    pub stray: usize,
}

/// Of so many requests, one may stray: running again does not find every moment on which something hangs, and an
/// adapter that is wrong is wrong more often.
const STRAY_ONE_IN: usize = 100;

impl Comparison {
    /// Counts a request, or another undertaking, with what it says in each run.
    fn count(&mut self, one: &Told, cause: &str, lives: [Option<&Life>; 2]) {
        let silent = Life::default();
        let [a, b] = lives.map(|life| &life.unwrap_or(&silent).said);
        let found = decisions(cause, a, b);
        let (excused, counted): (Vec<_>, Vec<_>) = found.into_iter().partition(|d| one.unsteady.contains(&d.key()));
        self.compared += usize::from(excused.is_empty());
        self.unsteady += usize::from(!excused.is_empty());
        self.stray += usize::from(!counted.is_empty());
        self.differences.extend(counted);
    }

    /// Whether both engines say the same. Where no request could be compared they said nothing.
    pub fn is_alike(&self) -> bool {
        let whole = |difference: &Difference| !matches!(difference, Difference::Decision { .. });
        !self.differences.iter().any(whole) && self.compared > 0 && self.stray <= (self.compared / STRAY_ONE_IN).max(1)
    }
}

/// Compares two runs. The first says in what it is not steady.
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
    differences.retain(|difference| !one.unsteady.contains(&difference.key()));
    let mut found = Comparison { differences, compared: 0, at_edge: 0, unsteady: 0, renumbered: 0, stray: 0 };
    let mut alone: [Vec<(&String, &Life)>; 2] = Default::default();
    let causes: BTreeSet<&String> = one.lives.keys().chain(other.lives.keys()).collect();
    for cause in causes {
        let lives = [one.lives.get(cause), other.lives.get(cause)];
        if lives.iter().flatten().any(|life| one.is_at_edge(life)) {
            found.at_edge += 1;
        } else if lives.iter().flatten().any(is_shed) {
            found.unsteady += 1;
        } else {
            match lives {
                [Some(life), None] => alone[0].push((cause, life)),
                [None, Some(life)] => alone[1].push((cause, life)),
                lives => found.count(one, cause, lives),
            }
        }
    }
    found.renumbered = pair(&mut alone);
    found.compared += found.renumbered;
    let [of_one, of_other] = alone;
    of_one.into_iter().for_each(|(cause, life)| found.count(one, cause, [Some(life), None]));
    of_other.into_iter().for_each(|(cause, life)| found.count(one, cause, [None, Some(life)]));
    Ok(found)
}

/// Takes out pairs of undertakings that say the same under two numbers.
///
/// Who tries again numbers its tries: where an engine made one more of them at the edge of a fault, all that follow
/// have other numbers there, and so other causes. What is said of each is compared all the same, one by one and in
/// order.
fn pair(alone: &mut [Vec<(&String, &Life)>; 2]) -> usize {
    let [ones, others] = alone;
    ones.sort_by_key(|(_, life)| life.from_ns);
    others.sort_by_key(|(_, life)| life.from_ns);
    let before = ones.len();
    ones.retain(|(_, life)| {
        let same = others.iter().position(|(_, other)| other.said == life.said);
        same.map(|i| others.remove(i)).is_none()
    });
    before - ones.len()
}

/// Whether a gateway turned the request away because of how long others took. Whose turn that is hangs on less than a
/// millisecond, so running again does not find them all.
fn is_shed(life: &&Life) -> bool {
    life.said.values().flatten().any(|said| said.starts_with("gateway.shed denies"))
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
) -> Vec<Difference> {
    let nodes: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let show = |said: Option<&BTreeSet<String>>| match said {
        None => "nothing".to_owned(),
        Some(said) => said.iter().cloned().collect::<Vec<_>>().join(", "),
    };
    let differs = nodes.into_iter().filter(|node| one.get(*node) != other.get(*node));
    differs
        .map(|node| Difference::Decision {
            node: node.clone(),
            cause: cause.to_owned(),
            said: (show(one.get(node)), show(other.get(node))),
        })
        .collect()
}
