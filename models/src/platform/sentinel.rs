//! The sentinel of a cell, where it is deployed: told by the cell's gateways, and listened to by them.

use super::mesh::Workload;
use super::parts::Parts;
use super::{Deployment, GATEWAY};
use crate::config::{Cell, Operation, PlatformConfig};
use crate::crypto::whole_seconds;
use crate::saas::Saas;
use crate::sentinel::machine::{Sentinel, SentinelSpec};
use sim::node::Boot;
use sim::{Duration, NodeId};
use std::rc::Rc;

/// Path of its id.
pub(super) const SENTINEL: &str = "/ns/control/sa/sentinel";

/// How often gateways ask it what was taken back, and it asks the provider: with one word lost, who is noticed is out
/// within half a second.
pub const EVERY: Duration = Duration::millis(200);

/// Role of a cell's sentinel.
pub fn role(cell: &str) -> String {
    format!("{cell}/sentinel")
}

/// The sentinel as a workload. It is open, because the provider answers from outside the mesh.
pub(super) fn workload(deployment: &Deployment, cell: &Cell) -> Option<Workload> {
    deployment.travel.map(|_| Workload {
        role: role(&cell.id),
        cell: cell.id.to_string(),
        path: SENTINEL.into(),
        calls: Vec::new(),
        accepts: (vec![cell.id.to_string()], vec![GATEWAY.into()]),
        tells_callers: false,
        open: true,
        sealed: Vec::new(),
    })
}

/// The sentinel of a cell, and how often a gateway asks it, where it is deployed.
pub(super) fn asked(parts: &Parts<'_>, cell: &str) -> Option<(NodeId, Duration)> {
    let sentinel = parts.deployment.travel.and_then(|_| parts.directory.find(&role(cell)))?;
    Some((sentinel, every(&parts.deployment.config)))
}

fn every(config: &PlatformConfig) -> Duration {
    config.housekeeping.every(EVERY)
}

pub(super) fn boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let edges = config.edges.iter().filter(|edge| edge.cell == cell.id);
    let spec = SentinelSpec {
        gateways: edges.map(|edge| parts.directory.node(&edge.id)).collect(),
        idp: parts.directory.node(&format!("{}/idp", cell.id)),
        travel: parts.deployment.travel.unwrap_or_default(),
        every: every(config),
        token_life_s: whole_seconds(config.tokens.access + config.tokens.leeway),
        cost: config.costs.of(Operation::SiemAppend),
    };
    Rc::new(move |ctx, out| Box::new(Sentinel::boot(&spec, ctx, out)))
}
