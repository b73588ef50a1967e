//! EVT-02, EVT-03, EVT-04, EVT-06: no log keeps what is no event; acknowledged events are kept, arrive in the other
//! cell exactly once, and arrive unaltered.
//!
//! Judged by the contents of the logs in both cells and by what honest producers were told.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::fact::Fact;
use crate::ids::Bytes;
use crate::kafka::event;
use crate::kafka::schema::Schema;
use crate::saas::{MIRROR_MARK, Saas, is_bound_topic};
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// An event of a request in a cell.
type Event = (Arc<str>, u64);

/// Judges the logs of all cells.
pub struct Mirroring {
    cast: Rc<Cast>,
    schema: Schema,
    /// (cell, topic, request) → the event, as its home cell keeps it.
    home: BTreeMap<Event, Bytes>,
    copies: BTreeMap<Event, BTreeSet<(u32, u64)>>,
    acknowledged: BTreeMap<u64, (Arc<str>, Instant)>,
    found: usize,
    /// Events that were compared with their origin.
    pub compared: u64,
}

impl Mirroring {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Mirroring {
        Mirroring {
            cast,
            schema: event::schema(),
            home: BTreeMap::new(),
            copies: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            found: 0,
            compared: 0,
        }
    }

    fn stored(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Fact::EventStored { topic, partition, offset, request, body, .. } = seen.fact else { return };
        if let Err(invalid) = self.schema.validate(body) {
            let message = format!("{topic}@{offset} keeps what its schema refuses: {invalid:?}");
            self.report(seen, findings, "EVT-02", topic, message);
        }
        let Some((origin, source)) = topic.split_once(MIRROR_MARK) else {
            self.home.insert((topic.clone(), *request), body.clone());
            let places = self.copies.entry((topic.clone(), *request)).or_default();
            places.insert((*partition, *offset));
            if places.len() > 1 {
                let message = format!("event {request:x} stands {} times in {topic}", places.len());
                self.report(seen, findings, "EVT-03", topic, message);
            }
            return;
        };
        self.compared += 1;
        let owner = topic.clone();
        match self.home.get(&(source.into(), *request)) {
            Some(home) if home == body => {}
            Some(_) => {
                let message = format!("event {request:x} of {source} was altered on its way from {origin}");
                self.report(seen, findings, "EVT-06", &owner, message);
            }
            None => {
                let message = format!("event {request:x} in {topic} was never produced in {origin}");
                self.report(seen, findings, "EVT-06", &owner, message);
            }
        }
        let places = self.copies.entry((topic.clone(), *request)).or_default();
        places.insert((*partition, *offset));
        if places.len() > 1 {
            let message = format!("event {request:x} stands {} times in {topic}", places.len());
            self.report(seen, findings, "EVT-04", &owner, message);
        }
    }

    fn report(
        &mut self,
        seen: &Seen<'_, Saas>,
        to: &mut Vec<Finding>,
        requirement: &str,
        topic: &str,
        message: String,
    ) {
        if self.found < FINDINGS_MAX {
            self.found += 1;
            let tenant = self.cast.topic_owner(topic).map(|m| m.id.clone());
            to.push(finding("mirroring", requirement, tenant.as_deref(), seen, message));
        }
    }
}

impl Oracle<Saas> for Mirroring {
    fn name(&self) -> &'static str {
        "mirroring"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::EventStored { .. } => self.stored(seen, findings),
            Fact::Answered(a) if a.status == 202 => {
                if let (Some(answer), Some(domain)) = (answer(seen), a.what.strip_prefix("POST /v1/events/"))
                    && let Some(tenant) =
                        self.cast.principal(&answer.principal).filter(|p| p.honest).and_then(|p| p.tenant.clone())
                {
                    let topic: Arc<str> = format!("tenant.{tenant}.{domain}").into();
                    self.acknowledged.insert(a.request, (topic, seen.at));
                }
            }
            _ => {}
        }
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, pending: &mut Vec<String>) {
        let mirrored: BTreeSet<(&str, u64)> = self
            .copies
            .keys()
            .filter_map(|(topic, request)| topic.split_once(MIRROR_MARK).map(|(_, source)| (source, *request)))
            .collect();
        for (request, (topic, at)) in &self.acknowledged {
            if !self.home.contains_key(&(topic.clone(), *request)) {
                findings.push(lost(end, "EVT-03", topic, format!("event {request:x}, acknowledged at {at}, is gone")));
            } else if !is_bound_topic(topic)
                && self.cast.topic_owner(topic).is_some_and(|m| &*m.cell == "cell-a")
                && !mirrored.contains(&(&**topic, *request))
            {
                pending.push(format!("event {request:x} of {topic}, acknowledged at {at}, never reached cell-b"));
                let message = format!("event {request:x} of {topic}, acknowledged at {at}, never reached cell-b");
                findings.push(lost(end, "EVT-04", topic, message));
            }
            if findings.len() >= FINDINGS_MAX {
                break;
            }
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

fn lost(end: Instant, requirement: &str, topic: &str, message: String) -> Finding {
    Finding {
        requirement: requirement.into(),
        oracle: "mirroring".into(),
        vantage: Vantage::Store,
        tenant: topic.split('.').nth(1).map(Into::into),
        node: "kafka".into(),
        at_ns: end.0,
        cause: format!("{:016x}", 0),
        message,
    }
}
