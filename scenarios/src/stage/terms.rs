//! What judges are told beforehand: who is entitled to what, and what is promised. Everything else they see.

use super::Stage;
use models::ids::TenantId;
use models::oracles::Cast;
use std::sync::Arc;

/// The terms of a run, as whoever judges its records elsewhere has to know them.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Principals and tenants.
    pub cast: Cast,
    /// From which cell to which events are carried; none where mirrors are not judged.
    pub mirrors: Option<Vec<(Arc<str>, Arc<str>)>>,
    /// Tenants whose connector is owed every event.
    pub connectors: Vec<TenantId>,
    /// Topics that somebody edits: what is gone from them was never owed.
    pub edited: Vec<Arc<str>>,
    /// Whether audit topics are witnessed and inspected.
    pub is_witnessed: bool,
    /// Whether every decision is kept.
    pub keeps_decisions: bool,
    /// How often a principal may switch tenants, in a minute.
    pub switches_per_min: u64,
    /// Bytes of a cache that a tenant keeps, whatever others do.
    pub cache_floor: u64,
}

impl Stage<'_> {
    /// The terms as the stage is set.
    pub fn terms(&self) -> Terms {
        let ways = self.events.mirrors.ways(&self.platform).into_iter();
        let ways = ways.map(|(source, target)| (source.id.clone(), target.id.clone())).collect();
        Terms {
            cast: self.cast(),
            mirrors: self.events.is_mirrored.then_some(ways),
            connectors: self.events.connectors.iter().map(|tenant| tenant.id.clone()).collect(),
            edited: self.events.tampering.iter().map(|(_, tampering)| tampering.topic.clone()).collect(),
            is_witnessed: self.events.witnessed,
            keeps_decisions: self.kept_decisions,
            switches_per_min: self.platform.limits.tenant_switches_per_min,
            cache_floor: self.platform.limits.cache_floor_bytes,
        }
    }
}
