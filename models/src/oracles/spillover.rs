//! EVT-09: what spilled went only where its tenant's region permits, and stands at home once, in its order.
//!
//! Judged by the logs of all cells and by what producers were told. The events that one producer publishes to a topic
//! have one key: those that it was told are kept must stand at home in the order in which it made them, whichever way
//! each of them took. What spilled must come home also when nobody was told that it is kept.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::fact::{Answer, Fact, Place};
use crate::saas::{MIRROR_MARK, Saas, home_of_spilled, is_bound_topic};
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// An event: topic at home, and the request that published it.
type Event = (Arc<str>, u64);

/// Judges what spilled.
pub struct Spillover {
    cast: Rc<Cast>,
    /// Offsets at which an event stands at home.
    home: BTreeMap<Event, BTreeSet<u64>>,
    /// Events that spilled, each with the cell that took it and the cause.
    spilled: BTreeMap<Event, (Arc<str>, u64)>,
    /// By producer and topic, what it was told is kept, in the order in which it was made.
    told: BTreeMap<(Arc<str>, Arc<str>), BTreeMap<Instant, u64>>,
    found: usize,
}

impl Spillover {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Spillover {
        Spillover { cast, home: BTreeMap::new(), spilled: BTreeMap::new(), told: BTreeMap::new(), found: 0 }
    }

    fn stored(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Fact::EventStored { place, topic, offset, request, .. } = seen.fact else { return };
        let Some(owner) = self.cast.topic_owner(topic) else { return };
        if let Some(home) = home_of_spilled(topic) {
            if is_bound_topic(topic) && owner.region != place.region {
                let Place { cell, region, .. } = place;
                let message = format!("{topic}@{offset}, bound to {}, spilled to {cell} in {region}", owner.region);
                let tenant = owner.id.clone();
                self.report(finding("spillover", "EVT-09", Some(&tenant), seen, message), findings);
            }
            self.spilled.entry((home.into(), *request)).or_insert((place.cell.clone(), seen.cause));
        } else if owner.cell == place.cell && !topic.contains(MIRROR_MARK) {
            self.home.entry((topic.clone(), *request)).or_default().insert(*offset);
        }
    }

    fn told(&mut self, told: &Answer) {
        if let Some(topic) = told.what.strip_prefix("PRODUCE ").filter(|_| told.status == 202) {
            let by = (told.principal.clone(), topic.into());
            self.told.entry(by).or_default().insert(told.intended, told.request);
        }
    }

    fn report(&mut self, found: Finding, findings: &mut Vec<Finding>) {
        if self.found < FINDINGS_MAX {
            self.found += 1;
            findings.push(found);
        }
    }

    /// What is wrong with the order of a producer's events in a topic: the first that stands before its predecessor.
    fn overtaken(&self, topic: &Arc<str>, made: &BTreeMap<Instant, u64>) -> Option<(u64, String)> {
        let mut last: Option<(u64, u64)> = None;
        for request in made.values() {
            let Some(at) = self.home.get(&(topic.clone(), *request)).and_then(BTreeSet::first) else { continue };
            if let Some((before, earlier)) = last.filter(|(_, earlier)| at < earlier) {
                let message = format!("{topic}@{at} was made after the event at {earlier}, and overtook it");
                return Some((before, message));
            }
            last = Some((*request, *at));
        }
        None
    }
}

impl Oracle<Saas> for Spillover {
    fn name(&self) -> &'static str {
        "spillover"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        match answer(seen) {
            Some(told) => self.told(told),
            None => self.stored(seen, findings),
        }
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, pending: &mut Vec<String>) {
        let mut found = Vec::new();
        for (event, (cell, cause)) in &self.spilled {
            let (topic, request) = event;
            let times = self.home.get(event).map_or(0, BTreeSet::len);
            if times == 0 {
                pending.push(format!("event {request:x} of {topic} spilled to {cell} and never came home"));
            }
            if times != 1 {
                let message = format!("event {request:x} spilled to {cell} and stands {times} times in {topic}");
                found.push(at_end(end, *cause, topic, message));
            }
        }
        for ((_, topic), made) in &self.told {
            found.extend(self.overtaken(topic, made).map(|(cause, message)| at_end(end, cause, topic, message)));
        }
        found.into_iter().for_each(|finding| self.report(finding, findings));
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

fn at_end(end: Instant, cause: u64, topic: &str, message: String) -> Finding {
    Finding {
        requirement: "EVT-09".into(),
        oracle: "spillover".into(),
        vantage: Vantage::Store,
        tenant: topic.split('.').nth(1).map(Into::into),
        node: "kafka".into(),
        at_ns: end.0,
        cause: format!("{cause:016x}"),
        message,
    }
}
