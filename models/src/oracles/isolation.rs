//! TEN-02: no byte of a tenant reaches another tenant's principal, and none is planted among another tenant's rows,
//! events, objects or nodes.
//!
//! Every byte that reaches a principal is searched for leak markers in all their encodings; a marker names its owner.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::fact::Fact;
use crate::marker::Scanner;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::rc::Rc;

/// Judges what principals receive, and whose rows, events and objects hold whose data.
pub struct Isolation {
    cast: Rc<Cast>,
    found: usize,
    /// Bytes that were searched.
    pub searched: u64,
    /// Markers that were recognised, foreign or not: zero means the oracle was blind.
    pub markers: u64,
}

impl Isolation {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Isolation {
        Isolation { cast, found: 0, searched: 0, markers: 0 }
    }

    fn received(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Some(answer) = answer(seen) else { return };
        let Some(principal) = self.cast.principal(&answer.principal) else { return };
        self.searched += answer.body.len() as u64;
        // Who was granted several tenants gets of the one that it was served for, and nothing of the others.
        let served = answer.tenant.as_ref().filter(|tenant| principal.holds(tenant)).or(principal.tenant.as_ref());
        let own = served.and_then(|id| self.cast.by_id(id)).map(|m| m.index);
        let (mut foreign, mut markers) = (None, 0);
        Scanner::shared().scan(&answer.body, |hit| {
            markers += 1;
            match hit.marker {
                Some(marker) if Some(marker.tenant) != own && foreign.is_none() => {
                    foreign = Some((marker, hit.encoding))
                }
                _ => {}
            }
        });
        self.markers += markers;
        if let (Some((marker, encoding)), true) = (foreign, self.found < FINDINGS_MAX) {
            self.found += 1;
            let victim = self.cast.by_index(marker.tenant).map_or("an unknown tenant", |m| &m.id);
            let message = format!(
                "{} received record {} of tenant {victim} ({encoding:?}) in the answer to {}",
                answer.principal, marker.record, answer.what
            );
            findings.push(finding("isolation", principal.breach, Some(victim), seen, message));
        }
    }

    fn stored(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let (owner, body, place) = match seen.fact {
            Fact::RowStored { tenant, body, place, .. } => (self.cast.by_id(tenant), body, place),
            Fact::EventStored { topic, body, place, .. } => (self.cast.topic_owner(topic), body, place),
            Fact::NodeStored { tenant, body, place, .. } => (self.cast.by_id(tenant), body, place),
            Fact::ObjectStored { key, body, place, .. } => (self.cast.object_owner(key), body, place),
            _ => return,
        };
        let Some(owner) = owner else { return };
        let mut foreign = None;
        Scanner::shared().scan(body, |hit| {
            if let Some(marker) = hit.marker
                && marker.tenant != owner.index
            {
                foreign = Some(marker);
            }
        });
        if let (Some(marker), true) = (foreign, self.found < FINDINGS_MAX) {
            self.found += 1;
            let writer = self.cast.by_index(marker.tenant).map_or("an unknown tenant", |m| &m.id);
            let what = match seen.fact {
                Fact::EventStored { topic, offset, .. } => format!("event {topic}@{offset}"),
                Fact::RowStored { tenant, key, .. } => format!("row {tenant}/{key}"),
                Fact::ObjectStored { key, .. } => format!("object {key}"),
                Fact::NodeStored { tenant, label, .. } => format!("a {label} of {tenant}"),
                _ => String::new(),
            };
            let message = format!("{what} in {} {} holds data of tenant {writer}", place.cell, place.store);
            findings.push(finding("isolation", "TEN-02", Some(&owner.id), seen, message));
        }
    }
}

impl Oracle<Saas> for Isolation {
    fn name(&self) -> &'static str {
        "isolation"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        match seen.fact {
            Fact::Answered(_) => self.received(seen, findings),
            Fact::RowStored { .. } | Fact::EventStored { .. } | Fact::ObjectStored { .. } | Fact::NodeStored { .. } => {
                self.stored(seen, findings)
            }
            _ => {}
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
