//! CEL-02: what one tenant's events do to a mirror holds up nobody else's on their way to the other cell.
//!
//! Judged by the logs of both cells: whatever the others publish stands in the second one within a bound.

use super::{Cast, FINDINGS_MAX, finding};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::{MIRROR_MARK, Saas, is_bound_topic};
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Duration, Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Judges how far trouble in one cell reaches into another.
pub struct BlastRadius {
    cast: Rc<Cast>,
    /// From which cell to which events are carried.
    way: (Arc<str>, Arc<str>),
    /// Whose events are the trouble: its own are not judged.
    culprit: TenantId,
    within: Duration,
    /// By topic at home and request, since when an event is kept there and awaited in the other cell, and its cause.
    awaited: BTreeMap<(Arc<str>, u64), (Instant, u64)>,
    /// What is there: a leader in a new life may state again what it kept long ago.
    arrived: BTreeSet<(Arc<str>, u64)>,
    found: usize,
}

impl BlastRadius {
    /// Judges by this cast what goes from the first cell of `way` to the second, whatever `culprit` does: it must be
    /// there `within` this span.
    pub fn new(cast: Rc<Cast>, way: (Arc<str>, Arc<str>), culprit: TenantId, within: Duration) -> BlastRadius {
        let (awaited, arrived) = (BTreeMap::new(), BTreeSet::new());
        BlastRadius { cast, way, culprit, within, awaited, arrived, found: 0 }
    }

    fn stored(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Fact::EventStored { place, topic, request, .. } = seen.fact else { return };
        let (source, target) = &self.way;
        if let Some((cell, home)) = topic.split_once(MIRROR_MARK) {
            if *place.cell != **target || *cell != **source {
                return;
            }
            let event = (home.into(), *request);
            let since = self.awaited.remove(&event);
            self.arrived.insert(event);
            let Some((at, _)) = since else { return };
            let took = seen.at.since(at);
            if took > self.within && self.found < FINDINGS_MAX {
                self.found += 1;
                let message = format!("event {request:x} of {home} took {took} to {target}");
                let tenant = self.cast.topic_owner(home).map(|owner| owner.id.clone());
                findings.push(finding("blast-radius", "CEL-02", tenant.as_deref(), seen, message));
            }
        } else if *place.cell == **source && !is_bound_topic(topic) {
            let owner = self.cast.topic_owner(topic).filter(|owner| owner.cell == *source && owner.id != self.culprit);
            let event = (topic.clone(), *request);
            if owner.is_some() && !self.arrived.contains(&event) {
                self.awaited.entry(event).or_insert((seen.at, seen.cause));
            }
        }
    }
}

impl Oracle<Saas> for BlastRadius {
    fn name(&self) -> &'static str {
        "blast-radius"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        self.stored(seen, findings);
    }
    fn finish(&mut self, end: Instant, findings: &mut Vec<Finding>, _pending: &mut Vec<String>) {
        for ((topic, request), (at, cause)) in &self.awaited {
            if end.since(*at) > self.within && self.found < FINDINGS_MAX {
                self.found += 1;
                findings.push(Finding {
                    requirement: "CEL-02".into(),
                    oracle: "blast-radius".into(),
                    vantage: Vantage::Store,
                    tenant: self.cast.topic_owner(topic).map(|owner| (&*owner.id).into()),
                    node: "kafka".into(),
                    at_ns: end.0,
                    cause: format!("{cause:016x}"),
                    message: format!("event {request:x} of {topic}, kept at {at}, never reached {}", self.way.1),
                });
            }
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
