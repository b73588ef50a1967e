//! The remediation of a cell, where it is deployed: it switches the caches of the cell's gateways.

use super::Deployment;
use super::mesh::Workload;
use super::parts::{Parts, edges};
use crate::config::Cell;
use crate::remediation::{Remediation, RemediationSpec};
use crate::saas::Saas;
use sim::node::Boot;
use sim::{Duration, NodeId};
use std::rc::Rc;

/// Path of its id.
pub(super) const REMEDIATION: &str = "/ns/control/sa/remediation";

/// How often it says what holds, in the reference.
const EVERY: Duration = Duration::millis(100);

/// Role of a cell's remediation.
pub fn role(cell: &str) -> String {
    format!("{cell}/remediation")
}

/// The remediation as a workload.
pub(super) fn workload(deployment: &Deployment, cell: &Cell) -> Option<Workload> {
    (!deployment.edge_cache.is_empty()).then(|| Workload {
        role: role(&cell.id),
        cell: cell.id.to_string(),
        path: REMEDIATION.into(),
        calls: edges(deployment, &cell.id),
        accepts: (Vec::new(), Vec::new()),
        tells_callers: false,
        open: false,
        sealed: Vec::new(),
    })
}

/// Who may switch the cache of a cell's gateways, and how long an answer lives there at most.
pub(super) fn of(parts: &Parts<'_>, cell: &str) -> Option<(NodeId, Duration)> {
    let switched = !parts.deployment.edge_cache.is_empty();
    let remediation = switched.then(|| parts.directory.find(&role(cell))).flatten()?;
    Some((remediation, parts.deployment.config.ttls.edge_cache))
}

pub(super) fn boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let spec = RemediationSpec {
        gateways: edges(parts.deployment, &cell.id).iter().map(|role| parts.directory.node(role)).collect(),
        switches: parts.deployment.edge_cache.clone(),
        every: parts.deployment.config.housekeeping.every(EVERY),
    };
    Rc::new(move |ctx, out| Box::new(Remediation::boot(&spec, ctx, out)))
}
