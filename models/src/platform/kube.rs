//! The part of a cell's Kubernetes that tenants write resources to, where one is deployed: its API, who reviews what is
//! written, and the controller that acts upon it.

use super::Deployment;
use super::connector::tenant_of;
use super::mesh::{KUBE_API, Workload};
use super::parts::Parts;
use crate::config::{Cell, Component, Operation};
use crate::ids::TenantId;
use crate::kube::admission::Webhook;
use crate::kube::reporter::{Reporter, ReporterSpec};
use crate::kube::server::{Server, ServerSpec};
use crate::saas::Saas;
use sim::Duration;
use sim::node::Boot;
use std::rc::Rc;
use std::sync::Arc;

/// Path of the webhook's id.
const ADMISSION: &str = "/ns/control/sa/admission";
/// Path of the controller's id.
pub(super) const REPORTER: &str = "/ns/control/sa/reporter";

/// How long a review may take, in the reference.
const PATIENCE: Duration = Duration::millis(400);
/// How often the controller looks, in the reference.
const LOOK_EVERY: Duration = Duration::millis(250);

/// Role of a cell's API server.
pub fn api(cell: &str) -> String {
    format!("{cell}/kube-api")
}

/// What stands in a cell, where Kubernetes is deployed; the controller reads these databases.
pub(super) fn workloads(deployment: &Deployment, cell: &Cell, databases: Vec<String>) -> Vec<Workload> {
    if !deployment.kube {
        return Vec::new();
    }
    let id = cell.id.to_string();
    let workload = |name: &str, path: &str, calls: Vec<String>, accepts: &[&str]| Workload {
        role: format!("{id}/{name}"),
        cell: id.clone(),
        path: path.into(),
        calls,
        accepts: (vec![id.clone()], accepts.iter().map(|path| (*path).into()).collect()),
        tells_callers: path == KUBE_API,
        open: false,
        sealed: Vec::new(),
    };
    let admission = format!("{id}/admission");
    vec![
        workload("kube-api", KUBE_API, vec![admission], &[REPORTER]),
        workload("admission", ADMISSION, Vec::new(), &[KUBE_API]),
        workload("reporter", REPORTER, [vec![api(&id)], databases].concat(), &[]),
    ]
}

/// Boots one of them, if it is one.
pub(super) fn boot(parts: &Parts<'_>, cell: &Cell, workload: &Workload) -> Option<(Component, Boot<Saas>)> {
    let config = &parts.deployment.config;
    let node = |role: &str| parts.directory.node(role);
    let cost = config.costs.of(Operation::PolicyDecide);
    let boot: Boot<Saas> = match &*workload.path {
        KUBE_API => {
            let own = parts.mesh.workloads.iter().filter(|w| w.cell == *cell.id);
            let ids = |w: &Workload| Some((Arc::from(parts.mesh.id(w).as_str()), TenantId::from(tenant_of(&w.path)?)));
            let controller = Workload { path: REPORTER.into(), ..workload.clone() };
            let spec = ServerSpec {
                admission: node(&format!("{}/admission", cell.id)),
                tenants: own.filter_map(ids).collect(),
                controller: parts.mesh.id(&controller).as_str().into(),
                patience: config.housekeeping.every(PATIENCE),
                cost,
            };
            Rc::new(move |ctx, out| Box::new(Server::boot(&spec, ctx, out)))
        }
        ADMISSION => Rc::new(move |_, _| Box::new(Webhook::boot(cost))),
        REPORTER => {
            let home = parts.deployment.tenants.iter().find(|(tenant, _)| tenant.region == cell.region);
            let databases = workload.calls.iter().filter(|role| **role != api(&cell.id));
            let spec = ReporterSpec {
                api: node(&api(&cell.id)),
                databases: databases.map(|role| node(role)).collect(),
                default: home.map_or_else(|| "nobody".into(), |(tenant, _)| tenant.id.clone()),
                every: config.housekeeping.every(LOOK_EVERY),
            };
            Rc::new(move |ctx, out| Box::new(Reporter::boot(&spec, ctx, out)))
        }
        _ => return None,
    };
    Some((Component::Policy, boot))
}
