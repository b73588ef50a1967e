//! EVT-08: no tenant's events take more room in a cell than the tenant may hold.
//!
//! Judged by what the logs keep. Nothing is subtracted for what a log dropped since: it is for runs in which no topic
//! comes near the size at which it does.

use super::{Cast, finding};
use crate::fact::Fact;
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::Vantage;
use sim::oracle::{Oracle, Seen};
use sim::record::Finding;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Judges how much room events take.
pub struct Storage {
    cast: Rc<Cast>,
    /// Bytes that a tenant's topics may hold in one cell.
    held_max: u64,
    /// The offset after the last one that was counted, by cell, topic and partition: a leader in a new life may state
    /// again what an earlier one had stated.
    counted: BTreeMap<(Arc<str>, Arc<str>, u32), u64>,
    held: BTreeMap<(Arc<str>, TenantId), u64>,
}

impl Storage {
    /// Judges by this cast and bound.
    pub fn new(cast: Rc<Cast>, held_max: u64) -> Storage {
        Storage { cast, held_max, counted: BTreeMap::new(), held: BTreeMap::new() }
    }
}

impl Oracle<Saas> for Storage {
    fn name(&self) -> &'static str {
        "storage"
    }
    fn vantages(&self) -> &'static [Vantage] {
        &[Vantage::Store]
    }
    fn observe(&mut self, seen: &Seen<'_, Saas>, findings: &mut Vec<Finding>) {
        let Fact::EventStored { place, topic, partition, offset, body, .. } = seen.fact else { return };
        let Some(owner) = self.cast.topic_owner(topic) else { return };
        let next = self.counted.entry((place.cell.clone(), topic.clone(), *partition)).or_default();
        if offset < next {
            return;
        }
        *next = offset + 1;
        let held = self.held.entry((place.cell.clone(), owner.id.clone())).or_default();
        let before = *held;
        *held += body.len() as u64;
        // Said once, when the bound is crossed.
        if before <= self.held_max && *held > self.held_max {
            let message = format!(
                "events of {} take {held} bytes in {}, where it may hold {}, since {topic}@{offset}",
                owner.id, place.cell, self.held_max
            );
            findings.push(finding("storage", "EVT-08", Some(&owner.id), seen, message));
        }
    }
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
