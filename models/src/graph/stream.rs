//! What a database tells a replica of its log: from where, and what of it may leave the region.

use super::log::Log;
use super::store::{Change, RECORD};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::bolt::{Mark, Stream};
use sim::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is bound to a region does not leave it.
pub const REPLICA_RESIDENCY: Control = control!(
    "graph.replica-residency",
    upholds: ["STO-11", "POL-06"],
    off: "the stream carries the whole log: a replica is a copy of the database, wherever it stands",
);

/// A replica goes on where both logs agree, or begins again.
pub const REPLICA_RESUME: Control = control!(
    "graph.replica-resume",
    upholds: ["STO-11"],
    off: "the replica asks for what follows its position, whatever came before it: after its database has lost the \
          end of its log, the two differ and never find out",
);

/// Changes that travel at once, at most.
pub const STRETCH: u64 = 64;

/// What may be told to which replica.
#[derive(Clone, Debug, Default)]
pub struct Residency {
    /// Regions of tenants.
    pub regions: BTreeMap<TenantId, Arc<str>>,
    /// Where the replica stands.
    pub region: Arc<str>,
}

impl Residency {
    /// Whether a change may go there: what is nobody's, what is not regulated, and what belongs to the region.
    pub fn permits(&self, controls: &Controls, change: &Change) -> bool {
        let (tenant, bound) = match change {
            Change::Node(node) => (node.tenant.as_ref(), *node.label == *RECORD),
            Change::Relation(entry) => (Some(&entry.tenant), true),
        };
        let resides = tenant.is_none_or(|tenant| self.regions.get(tenant) == Some(&self.region));
        resides || !bound || !controls.on(&REPLICA_RESIDENCY)
    }
}

/// What follows a mark in a log whose first `applied` changes are on the disk. Who is on another history is told
/// everything from the beginning.
pub fn follow(
    (now, controls): (Instant, &Controls),
    (log, applied): (&Log, u64),
    residency: &Residency,
    from: Mark,
) -> Stream {
    let known = log.mark(from.position).filter(|mark| mark.position <= applied);
    let agrees = known == Some(from) || !controls.on(&REPLICA_RESUME);
    let first = if agrees { from } else { Mark::default() };
    let until = applied.min(first.position + STRETCH).max(first.position);
    let next = log.mark(until).unwrap_or(first);
    let changes = (first.position..until).filter_map(|at| {
        let permitted = residency.permits(controls, &log.at(at)?);
        log.record(at).filter(|_| permitted).cloned()
    });
    Stream::Changes { first, next, changes: changes.collect(), end: applied, at: now }
}

#[cfg(test)]
mod tests {
    use super::super::store::Node;
    use super::*;
    use sim::ControlSet;

    #[test]
    fn only_what_is_regulated_stays_in_its_region() {
        let residency = Residency { regions: BTreeMap::from([("acme".into(), "EU".into())]), region: "US".into() };
        let node = |tenant: Option<&str>, label: &str| {
            Change::Node(Node { tenant: tenant.map(Into::into), label: label.into(), properties: Vec::new() })
        };
        let on = Controls::all_on();
        let off = Controls::with_off(ControlSet::EMPTY.with(REPLICA_RESIDENCY.slot));
        let record = node(Some("acme"), RECORD);
        assert!(!residency.permits(&on, &record) && residency.permits(&off, &record));
        assert!(residency.permits(&on, &node(Some("acme"), "Device")) && residency.permits(&on, &node(None, "Topic")));
    }
}
