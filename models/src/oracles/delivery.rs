//! EVT-01: a tenant's connector gets every event of its tenant, passes none over, and sees no other tenant's topics.
//!
//! Judged by what the logs keep and what connectors are handed. An event that is passed over was kept before, and
//! somebody moved the reading position beyond it.

use super::{Cast, FINDINGS_MAX, answer, finding};
use crate::fact::{Answer, Fact};
use crate::ids::TenantId;
use crate::saas::{MIRROR_MARK, Saas, is_dead_letter_topic};
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use sim::{Instant, Vantage};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// In front of the tenant in the name of a connector as a principal.
pub const CONNECTOR: &str = "connector/";
/// How a connector names the listing of all topics that it may see.
pub const LIST: &str = "LIST";
const CONSUME: &str = "CONSUME ";

/// How a connector names an event that it was handed.
pub fn consumed(topic: &str, partition: u32, offset: u64) -> String {
    format!("{CONSUME}{topic}/{partition}@{offset}")
}

/// Topic and partition as a connector names them, and the offset.
fn place_of(what: &str) -> Option<(&str, u64)> {
    let (place, offset) = what.strip_prefix(CONSUME)?.rsplit_once('@')?;
    Some((place, offset.parse().ok()?))
}

/// Judges what connectors get.
pub struct Delivery {
    cast: Rc<Cast>,
    /// Tenants that have a connector.
    tenants: BTreeSet<TenantId>,
    edited: Vec<Arc<str>>,
    /// By topic and partition, what is kept and was not handed over yet.
    owed: BTreeMap<Arc<str>, BTreeSet<u64>>,
    delivered: BTreeMap<Arc<str>, BTreeSet<u64>>,
    found: usize,
}

impl Delivery {
    /// Judges the connectors of these tenants, except by the topics `edited`, whose events may vanish before they are
    /// read.
    pub fn new(cast: Rc<Cast>, tenants: impl IntoIterator<Item = TenantId>, edited: Vec<Arc<str>>) -> Delivery {
        let tenants = tenants.into_iter().collect();
        Delivery { cast, tenants, edited, owed: BTreeMap::new(), delivered: BTreeMap::new(), found: 0 }
    }

    fn stored(&mut self, fact: &Fact) {
        let Fact::EventStored { place, topic, partition, offset, .. } = fact else { return };
        let Some(owner) = self.cast.topic_owner(topic) else { return };
        let beside = topic.contains(MIRROR_MARK) || is_dead_letter_topic(topic) || self.edited.contains(topic);
        if beside || owner.cell != place.cell || !self.tenants.contains(&owner.id) {
            return;
        }
        let key: Arc<str> = format!("{topic}/{partition}").into();
        // A leader in a new life may state again what was handed over long ago.
        if !self.delivered.get(&key).is_some_and(|d| d.contains(offset)) {
            self.owed.entry(key).or_default().insert(*offset);
        }
    }

    fn told(&mut self, seen: &Seen<'_, Saas>, tenant: &str, told: &Answer, findings: &mut Vec<Finding>) {
        if &*told.what == LIST {
            let names = std::str::from_utf8(&told.body).unwrap_or_default();
            let foreign = names.lines().find(|name| self.cast.topic_owner(name).is_none_or(|m| *m.id != *tenant));
            if let Some(name) = foreign {
                let owner = self.cast.topic_owner(name).map_or(tenant, |m| &m.id).to_owned();
                self.report(seen, findings, &owner, format!("{} was told of topic {name}", told.principal));
            }
        } else if let Some((place, offset)) = place_of(&told.what) {
            let key: Arc<str> = place.into();
            self.delivered.entry(key.clone()).or_default().insert(offset);
            let Some(owed) = self.owed.get_mut(&key) else { return };
            owed.remove(&offset);
            let later = owed.split_off(&offset);
            let passed_over = std::mem::replace(owed, later);
            if let Some(first) = passed_over.first() {
                let n = passed_over.len();
                let message = format!("{n} events of {place} were passed over on the way to {offset}, from {first} on");
                self.report(seen, findings, tenant, message);
            }
        }
    }

    fn report(&mut self, seen: &Seen<'_, Saas>, to: &mut Vec<Finding>, tenant: &str, message: String) {
        if self.found < FINDINGS_MAX {
            self.found += 1;
            to.push(finding("delivery", "EVT-01", Some(tenant), seen, message));
        }
    }
}

impl Oracle<Saas> for Delivery {
    fn name(&self) -> &'static str {
        "delivery"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Client, Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        if let Some(told) = answer(seen) {
            if let Some(tenant) = told.principal.strip_prefix(CONNECTOR).filter(|_| told.status == 200) {
                self.told(seen, tenant, told, findings);
            }
        } else {
            self.stored(seen.fact);
        }
    }
    fn finish(&mut self, _end: Instant, _findings: &mut Vec<Finding>, pending: &mut Vec<String>) {
        for (place, owed) in self.owed.iter().filter(|(_, owed)| !owed.is_empty()) {
            pending.push(format!("{} events of {place} never reached their tenant's connector", owed.len()));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
