//! EVT-02, EVT-03, EVT-04, EVT-06: no log keeps what is no event; acknowledged events are kept, arrive in the other
//! cell exactly once, and arrive unaltered. How long they were on their way is measured here too.
//!
//! Judged by the contents of the logs in both cells and by what honest producers were told.

use super::{Cast, FINDINGS_MAX, finding};
use crate::fact::{Answer, Fact};
use crate::ids::{Bytes, TenantId};
use crate::kafka::event;
use crate::kafka::schema::Schema;
use crate::saas::{MIRROR_MARK, Saas, is_bound_topic, is_dead_letter_topic, is_spilled_topic};
use sim::measure::Latency;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Partitions and offsets at which an event lies.
type Places = BTreeSet<(u32, u64)>;

/// An event: topic in its home cell, and the request that published it.
type Event = (Arc<str>, u64);

/// Judges the logs of all cells.
pub struct Mirroring {
    cast: Rc<Cast>,
    /// What an event has to be; none where only digests of events are seen.
    schema: Option<Schema>,
    /// Topics that have the next version of their schema at home: nothing of it is taken elsewhere.
    ahead: Vec<Arc<str>>,
    /// From which cell to which events are carried.
    ways: Vec<(Arc<str>, Arc<str>)>,
    /// What each event says, as its home cell keeps it.
    home: BTreeMap<Event, Bytes>,
    /// Partition and offset at which an event stands, by cell.
    places: BTreeMap<(Arc<str>, Event), Places>,
    /// By request, in which topic, when, and by which cause.
    acknowledged: BTreeMap<u64, (Arc<str>, Instant, u64)>,
    /// When each event was first kept at home.
    kept_at: BTreeMap<Event, Instant>,
    /// What takes longer is late.
    lag_max: Duration,
    /// How long events of each tenant were on their way, and how many were late.
    lags: BTreeMap<TenantId, (Latency, u64)>,
    found: usize,
    /// Events that were compared with their origin.
    pub compared: u64,
}

impl Mirroring {
    /// Judges by this cast the mirrors that go from the first cell of each pair to the second. An event that takes
    /// longer than `lag_max` is late.
    pub fn new(cast: Rc<Cast>, ways: Vec<(Arc<str>, Arc<str>)>, lag_max: Duration) -> Mirroring {
        Mirroring {
            cast,
            schema: Some(event::schema()),
            ahead: Vec::new(),
            ways,
            home: BTreeMap::new(),
            places: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            kept_at: BTreeMap::new(),
            lag_max,
            lags: BTreeMap::new(),
            found: 0,
            compared: 0,
        }
    }

    /// The same, where these topics have the next version of their schema at home.
    #[must_use]
    pub fn ahead(self, topics: impl IntoIterator<Item = Arc<str>>) -> Mirroring {
        Mirroring { ahead: topics.into_iter().collect(), ..self }
    }

    /// The same by digests of events: whether they are events by their schema, nobody can say, and none is late.
    pub fn of_digests(cast: Rc<Cast>, ways: Vec<(Arc<str>, Arc<str>)>) -> Mirroring {
        Mirroring { schema: None, ..Mirroring::new(cast, ways, Duration(u64::MAX)) }
    }

    /// How long events of each tenant were on their way, and how many of them were late.
    pub fn lags(&self) -> &BTreeMap<TenantId, (Latency, u64)> {
        &self.lags
    }

    /// An event has arrived for the first time.
    fn measure(&mut self, event: &Event, at: Instant) {
        let (Some(kept_at), Some(owner)) = (self.kept_at.get(event), self.cast.topic_owner(&event.0)) else { return };
        let lag = at.since(*kept_at);
        let (lags, late) = self.lags.entry(owner.id.clone()).or_default();
        lags.record(lag);
        *late += u64::from(lag > self.lag_max);
    }

    /// The cell from which what lies in a topic came, and the topic's name there. Copies either say so in their name
    /// or have the same name as at home, which is where their owner lives.
    fn origin(&self, here: &Arc<str>, topic: &Arc<str>) -> (Arc<str>, Arc<str>) {
        match topic.split_once(MIRROR_MARK) {
            Some((cell, source)) => (cell.into(), source.into()),
            None => (self.cast.topic_owner(topic).map_or(here, |m| &m.cell).clone(), topic.clone()),
        }
    }

    fn stored(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Fact::EventStored { place, topic, partition, offset, request, body } = seen.fact else { return };
        let next = self.ahead.contains(topic).then(event::next_schema);
        if let Some(Err(invalid)) = self.schema.as_ref().map(|schema| next.as_ref().unwrap_or(schema).validate(body))
            && !is_dead_letter_topic(topic)
        {
            let message = format!("{topic}@{offset} keeps what its schema refuses: {invalid:?}");
            self.report(seen, findings, "EVT-02", topic, message);
        }
        // What spilled is on its way home, and no copy of anything there.
        if is_spilled_topic(topic) {
            return;
        }
        let (origin, source) = self.origin(&place.cell, topic);
        let event = (source, *request);
        let is_home = origin == place.cell;
        if is_home {
            self.home.insert(event.clone(), body.clone());
            self.kept_at.entry(event.clone()).or_insert(seen.at);
        } else {
            self.compared += 1;
            let source = &event.0;
            let wrong = match self.home.get(&event) {
                Some(home) if home == body => None,
                Some(_) => Some(format!("event {request:x} of {source} was altered on its way from {origin}")),
                None => Some(format!("event {request:x} in {topic} was never produced in {origin}")),
            };
            if let Some(message) = wrong {
                self.report(seen, findings, "EVT-06", topic, message);
            }
        }
        if !is_home && !self.places.contains_key(&(place.cell.clone(), event.clone())) {
            self.measure(&event, seen.at);
        }
        let places = self.places.entry((place.cell.clone(), event)).or_default();
        places.insert((*partition, *offset));
        if places.len() > 1 {
            let message = format!("event {request:x} stands {} times in {topic} of {}", places.len(), place.cell);
            self.report(seen, findings, if is_home { "EVT-03" } else { "EVT-04" }, topic, message);
        }
    }

    /// The topic of an event that its tenant was told is kept: published through the service, or at the brokers.
    fn published(&self, answer: &Answer) -> Option<Arc<str>> {
        let principal = self.cast.principal(&answer.principal)?;
        let tenant = principal.tenant.as_ref()?;
        if let Some(topic) = answer.what.strip_prefix("PRODUCE ") {
            let own = self.cast.topic_owner(topic).is_some_and(|owner| owner.id == *tenant);
            return own.then(|| topic.into());
        }
        let domain = answer.what.strip_prefix("POST /v1/events/").filter(|_| principal.honest)?;
        Some(format!("tenant.{tenant}.{domain}").into())
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
            Fact::Answered(answer) if answer.status == 202 => {
                if let Some(topic) = self.published(answer) {
                    self.acknowledged.insert(answer.request, (topic, seen.at, seen.cause));
                }
            }
            _ => {}
        }
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, pending: &mut Vec<String>) {
        for (request, (topic, at, cause)) in &self.acknowledged {
            let event = (topic.clone(), *request);
            let home = self.cast.topic_owner(topic).map(|m| &m.cell).filter(|_| !is_bound_topic(topic));
            let ways = || self.ways.iter().filter(|(source, _)| Some(source) == home);
            if !self.home.contains_key(&event) {
                let message = format!("event {request:x}, acknowledged at {at}, is gone");
                findings.push(lost(end, *cause, "EVT-03", topic, message));
            } else if let Some((_, target)) =
                ways().find(|(_, t)| !self.places.contains_key(&(t.clone(), event.clone())))
            {
                let message = format!("event {request:x} of {topic}, acknowledged at {at}, never reached {target}");
                pending.push(message.clone());
                findings.push(lost(end, *cause, "EVT-04", topic, message));
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

fn lost(end: Instant, cause: u64, requirement: &str, topic: &str, message: String) -> Finding {
    Finding {
        requirement: requirement.into(),
        oracle: "mirroring".into(),
        vantage: Vantage::Store,
        tenant: topic.split('.').nth(1).map(Into::into),
        node: "kafka".into(),
        at_ns: end.0,
        cause: format!("{cause:016x}"),
        message,
    }
}
