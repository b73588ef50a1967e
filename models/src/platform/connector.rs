//! Connectors: what reads and writes a tenant's events at the brokers of its cell, on the tenant's behalf.
//!
//! The only way to the firehose beside the service (IDN-10): a workload behind a sidecar, whose id names service and
//! tenant. The brokers know its rules by that id, so a connector is what its certificate says and nothing else. Where
//! tenants write resources, they do so by it as well.

use super::mesh::{BROKER, KUBE_API, Workload};
use super::{Actor, Deployment};

/// Above the tenants in the paths of their connectors' ids.
const CONNECTORS: &str = "/ns/tenants/sa/";

/// Path of the id of a tenant's connector.
pub fn connector_path(tenant: &str) -> String {
    format!("{CONNECTORS}{tenant}")
}

/// The tenant whose connector has this path, if it is a connector's.
pub(super) fn tenant_of(path: &str) -> Option<&str> {
    path.strip_prefix(CONNECTORS)
}

/// Puts the connectors among the actors into the mesh, and lets the brokers of their cell accept them, and its API of
/// resources; they call as well the brokers that its events may spill to.
pub(super) fn admit(deployment: &Deployment, actors: &[Actor], workloads: &mut Vec<Workload>) {
    for actor in actors {
        let cell = deployment.config.cell(&actor.group);
        let (Some(tenant), Some(cell)) = (&actor.connector_of, cell) else { continue };
        let path = connector_path(tenant);
        let others = deployment.mirrors.spills(&deployment.config, &cell.id);
        let abroad = |w: &&Workload| w.path == BROKER && others.iter().any(|other| *other.id == *w.cell);
        let mut calls: Vec<String> = workloads.iter().filter(abroad).map(|w| w.role.clone()).collect();
        let is_called = |w: &&mut Workload| (w.path == BROKER || w.path == KUBE_API) && w.cell == *cell.id;
        for called in workloads.iter_mut().filter(is_called) {
            calls.push(called.role.clone());
            if !called.accepts.1.contains(&path) {
                called.accepts.1.push(path.clone());
            }
        }
        workloads.push(Workload {
            role: actor.role.clone(),
            cell: cell.id.to_string(),
            path,
            calls,
            accepts: (Vec::new(), Vec::new()),
            tells_callers: false,
            open: false,
            sealed: Vec::new(),
        });
    }
}
