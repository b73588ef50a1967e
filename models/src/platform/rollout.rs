//! Rollouts in a cell, where they are deployed: the controller, the canary, and the checker that replays the traffic of
//! all cells at it.

use super::Deployment;
use super::mesh::Workload;
use super::parts::{Parts, apps, edges, place};
use crate::app::edge::TERMS;
use crate::app::release::{CANARY, CANARY_PARTITION, Release, RolloutSpec};
use crate::config::{Cell, Component, PlatformConfig};
use crate::gateway::machine::RolledBy;
use crate::rollout::checker::STORE;
use crate::rollout::{Checker, CheckerSpec, Controller, ControllerSpec, Planned, Settings};
use crate::saas::Saas;
use sim::node::Boot;
use sim::{Instant, NodeId};
use std::rc::Rc;
use std::sync::Arc;

/// Path of the controller's id.
pub(super) const ROLLOUTS: &str = "/ns/control/sa/rollouts";
/// Path of the checker's id.
pub(super) const CHECKER: &str = "/ns/control/sa/checker";

/// The release that everybody runs at first.
pub const FIRST: u32 = TERMS;

/// What is rolled out where, and when; in order.
pub type RolloutPlan = Rc<[(Arc<str>, Instant, Release)]>;

/// Role of a cell's canary.
pub fn canary(cell: &str) -> String {
    format!("{cell}/{CANARY}")
}

fn controller(cell: &str) -> String {
    format!("{cell}/rollouts")
}

fn checker(cell: &str) -> String {
    format!("{cell}/checker")
}

/// Roles of the instances of a cell's service, the canary's last where there is one.
pub(super) fn instances(deployment: &Deployment, cell: &Cell) -> Vec<String> {
    apps(cell).into_iter().chain(deployment.rollouts.as_ref().map(|_| canary(&cell.id))).collect()
}

/// Roles that a gateway calls beside instances of the service.
pub(super) fn told_by_gateways(deployment: &Deployment) -> Vec<String> {
    let cells = deployment.config.cells.iter();
    cells.filter(|_| deployment.rollouts.is_some()).map(|cell| checker(&cell.id)).collect()
}

/// Partitions of a tenant's topic: one, and one of the canary's.
pub(super) fn partitions(deployment: &Deployment) -> u32 {
    deployment.rollouts.as_ref().map_or(1, |_| CANARY_PARTITION + 1)
}

/// Controller and checker as workloads.
pub(super) fn workloads(deployment: &Deployment, cell: &Cell, gateway: &str) -> Vec<Workload> {
    if deployment.rollouts.is_none() {
        return Vec::new();
    }
    let workload = |role: String, path: &str, calls: Vec<String>, accepts: (Vec<String>, Vec<String>)| Workload {
        role,
        cell: cell.id.to_string(),
        path: path.into(),
        calls,
        accepts,
        tells_callers: false,
        open: false,
        sealed: Vec::new(),
    };
    let instances = instances(deployment, cell);
    let told = [edges(deployment, &cell.id), instances.clone(), vec![checker(&cell.id)]].concat();
    let all = deployment.config.cells.iter().map(|cell| cell.id.to_string()).collect();
    vec![
        workload(controller(&cell.id), ROLLOUTS, told, (Vec::new(), Vec::new())),
        workload(checker(&cell.id), CHECKER, instances, (all, vec![gateway.into(), ROLLOUTS.into()])),
    ]
}

/// Who rolls out behind a gateway, where that is done.
pub(super) fn of(parts: &Parts<'_>, cell: &str) -> Option<RolledBy> {
    let deployment = parts.deployment;
    let node = deployment.rollouts.as_ref().and_then(|_| parts.directory.find(&controller(cell)))?;
    Some(RolledBy {
        node,
        name: cell.into(),
        cell: deployment.config.cells.iter().position(|c| *c.id == *cell)?,
        canary: parts.directory.node(&canary(cell)),
        checkers: told_by_gateways(deployment).iter().map(|role| parts.directory.node(role)).collect(),
    })
}

/// How an instance comes by its release, where that changes.
pub(super) fn release(parts: &Parts<'_>, cell: &Cell, role: &str) -> Option<RolloutSpec> {
    let plan = parts.deployment.rollouts.as_ref()?;
    let releases = plan.iter().filter(|(at, ..)| *at == cell.id).map(|(.., release)| *release);
    let by = parts.directory.node(&controller(&cell.id));
    Some(RolloutSpec { by, is_canary: *role == canary(&cell.id), releases: releases.collect() })
}

/// How rollouts go on this platform.
pub fn settings(config: &PlatformConfig) -> Settings {
    Settings::day_one(config.slos.canary_rule())
}

/// Boots controller or checker, if it is one.
pub(super) fn boot(parts: &Parts<'_>, cell: &Cell, workload: &Workload) -> Option<(Component, Boot<Saas>)> {
    let deployment = parts.deployment;
    let nodes = |roles: Vec<String>| -> Vec<NodeId> { roles.iter().map(|role| parts.directory.node(role)).collect() };
    let plan = deployment.rollouts.as_ref()?;
    match &*workload.path {
        ROLLOUTS => {
            let planned = plan.iter().filter(|(at, ..)| *at == cell.id);
            let spec = ControllerSpec {
                cell: cell.id.clone(),
                gateways: nodes(edges(deployment, &cell.id)),
                instances: nodes(instances(deployment, cell)),
                checker: parts.directory.node(&checker(&cell.id)),
                first: FIRST,
                planned: planned.map(|(_, at, release)| Planned { at: *at, release: release.revision }).collect(),
                settings: settings(&deployment.config),
            };
            Some((Component::Policy, Rc::new(move |ctx, out| Box::new(Controller::boot(&spec, ctx, out)))))
        }
        CHECKER => {
            let here = deployment.tenants.iter().filter(|(tenant, _)| tenant.region == cell.region);
            let spec = CheckerSpec {
                place: place(STORE, cell),
                controller: parts.directory.node(&controller(&cell.id)),
                gateways: deployment.config.edges.iter().map(|edge| parts.directory.node(&edge.id)).collect(),
                tenants: here.map(|(tenant, _)| tenant.id.clone()).collect(),
                instances: (nodes(apps(cell)), parts.directory.node(&canary(&cell.id))),
            };
            Some((Component::Policy, Rc::new(move |ctx, out| Box::new(Checker::boot(&spec, ctx, out)))))
        }
        _ => None,
    }
}
