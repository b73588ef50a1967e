//! POL-06, EVT-05 and STO-11: what is bound to a region is never durable outside it.

use super::{Cast, FINDINGS_MAX, finding};
use crate::fact::Fact;
use crate::graph::store::RECORD;
use crate::saas::{Saas, is_bound_topic};
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::rc::Rc;

/// Judges where rows, events, objects, nodes and relations lie.
pub struct Residency {
    cast: Rc<Cast>,
    found: usize,
}

impl Residency {
    /// Judges by this cast.
    pub fn new(cast: Rc<Cast>) -> Residency {
        Residency { cast, found: 0 }
    }
}

impl Oracle<Saas> for Residency {
    fn name(&self) -> &'static str {
        "residency"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let (place, owner, requirement, what) = match seen.fact {
            Fact::RowStored { place, tenant, key, .. } => {
                (place, self.cast.by_id(tenant), "POL-06", format!("row {tenant}/{key}"))
            }
            Fact::EventStored { place, topic, offset, .. } if is_bound_topic(topic) => {
                (place, self.cast.topic_owner(topic), "EVT-05", format!("event {topic}@{offset}"))
            }
            Fact::NodeStored { place, tenant, label, .. } if **label == *RECORD => {
                (place, self.cast.by_id(tenant), "STO-11", format!("a {label}"))
            }
            Fact::EdgeStored { place, tenant, source, target, .. } => {
                (place, self.cast.by_id(tenant), "STO-11", format!("relation {source}>{target}"))
            }
            Fact::ObjectStored { place, key, .. } => {
                (place, self.cast.object_owner(key), "POL-06", format!("object {key}"))
            }
            _ => return,
        };
        let Some(owner) = owner else { return };
        if owner.region != place.region && self.found < FINDINGS_MAX {
            self.found += 1;
            let message = format!(
                "{what} of tenant {}, bound to {}, lies in {} {} of region {}",
                owner.id, owner.region, place.cell, place.store, place.region
            );
            findings.push(finding("residency", requirement, Some(&owner.id), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
