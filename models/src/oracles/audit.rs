//! EVT-07: what was audited is there as it was kept, or somebody was told that it is not.
//!
//! Judged by the tenant's own inspection at the end against what the logs had kept before. An alarm that has no reason
//! is no better than none: nobody would believe the next one.

use super::{Cast, FINDINGS_MAX, answer};
use crate::fact::{Answer, Fact};
use crate::ids::Bytes;
use crate::saas::{MIRROR_MARK, Saas};
use crate::witness::machine::{ALTERED, INCOMPLETE};
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

const INSPECT: &str = "INSPECT ";
const INSPECTED: &str = "INSPECTED ";
/// What was kept so shortly before an inspection ended may have come after it looked.
const LATE: Duration = Duration::secs(1);

/// How an inspection names an event that it found.
pub fn inspect(topic: &str, offset: u64) -> String {
    format!("{INSPECT}{topic}@{offset}")
}

/// How an inspection says that it came to the end of a topic.
pub fn inspected(topic: &str, end: u64) -> String {
    format!("{INSPECTED}{topic}@{end}")
}

#[derive(Default)]
struct Trail {
    /// By offset, what was kept first, when, and by which cause.
    kept: BTreeMap<u64, (Instant, Bytes, u64)>,
    found: BTreeMap<u64, Bytes>,
    /// When an inspection ended.
    inspected: Option<Instant>,
    told: bool,
}

/// Judges audit topics.
pub struct Audit {
    cast: Rc<Cast>,
    trails: BTreeMap<Arc<str>, Trail>,
    /// Topics whose inspection found something else than was kept.
    pub tampered: BTreeSet<Arc<str>>,
}

impl Audit {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Audit {
        Audit { cast, trails: BTreeMap::new(), tampered: BTreeSet::new() }
    }

    fn inspection(&mut self, at: Instant, told: &Answer) {
        let (named, ended) = match told.what.strip_prefix(INSPECT) {
            Some(named) => (named, false),
            None => (told.what.strip_prefix(INSPECTED).unwrap_or_default(), true),
        };
        let Some((topic, offset)) = named.rsplit_once('@') else { return };
        let Ok(offset) = offset.parse() else { return };
        let trail = self.trails.entry(topic.into()).or_default();
        if ended {
            trail.inspected = Some(at);
        } else {
            trail.found.insert(offset, told.body.clone());
        }
    }
}

impl Trail {
    /// The first offset at which an inspection found something else than was kept, and by which cause that was.
    fn parts(&self) -> Option<(u64, u64)> {
        let inspected = self.inspected?;
        let before = |kept: &Instant| *kept + LATE < inspected;
        let mut kept = self.kept.iter().filter(|(_, (at, ..))| before(at));
        let parts = kept.find(|(offset, (_, body, _))| self.found.get(offset) != Some(body));
        parts.map(|(offset, (.., cause))| (*offset, *cause))
    }
}

impl Oracle<Saas> for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store, Vantage::Log]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, _findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::EventStored { place, topic, offset, body, .. } => {
                let home = self.cast.topic_owner(topic).is_some_and(|owner| owner.cell == place.cell);
                if home && !topic.contains(MIRROR_MARK) && topic.ends_with(".audit") {
                    let kept = &mut self.trails.entry(topic.clone()).or_default().kept;
                    kept.entry(*offset).or_insert_with(|| (seen.at, body.clone(), seen.cause));
                }
            }
            Fact::Reported { by: "witness", what, about, .. } if [ALTERED, INCOMPLETE].contains(what) => {
                self.trails.entry(about.clone()).or_default().told = true;
            }
            _ => {
                if let Some(told) = answer(seen).filter(|a| a.status == 200) {
                    self.inspection(seen.at, told);
                }
            }
        }
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, pending: &mut Vec<String>) {
        for (topic, trail) in &self.trails {
            let tenant = self.cast.topic_owner(topic).map(|m| m.id.to_string());
            let cause = trail.parts().map_or(0, |(_, cause)| cause);
            let message = match (trail.parts(), trail.told) {
                (Some((offset, _)), told) => {
                    self.tampered.insert(topic.clone());
                    let message = format!("{topic} is not what was kept, from {offset} on, and nobody was told");
                    (!told).then_some(message)
                }
                (None, true) if trail.inspected.is_some() => {
                    Some(format!("{topic} is what was kept, and the witness says that it is not"))
                }
                (None, _) => None,
            };
            if trail.inspected.is_none() && !trail.kept.is_empty() {
                pending.push(format!("{topic} was never inspected to its end"));
            }
            if let Some(message) = message.filter(|_| findings.len() < FINDINGS_MAX) {
                findings.push(Finding {
                    requirement: "EVT-07".into(),
                    oracle: "audit".into(),
                    vantage: Vantage::Client,
                    tenant,
                    node: "kafka".into(),
                    at_ns: end.0,
                    cause: format!("{cause:016x}"),
                    message,
                });
            }
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
