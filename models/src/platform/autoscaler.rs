//! The autoscaler of a cell, where it is deployed: it asks the cell's gateways, and orders the instances behind them.

use super::Deployment;
use super::mesh::Workload;
use super::parts::{Parts, apps, edges};
use crate::app::AppSpec;
use crate::app::instance::InstanceSpec;
use crate::autoscaler::{Autoscaler, AutoscalerSpec, Settings};
use crate::config::{Cell, Component};
use crate::gateway::machine::ScaledBy;
use crate::saas::Saas;
use sim::NodeId;
use sim::node::Boot;
use std::rc::Rc;

/// Path of its id.
pub(super) const AUTOSCALER: &str = "/ns/control/sa/autoscaler";

/// Role of a cell's autoscaler.
fn role(cell: &str) -> String {
    format!("{cell}/autoscaler")
}

/// The autoscaler as a workload.
pub(super) fn workload(deployment: &Deployment, cell: &Cell) -> Option<Workload> {
    deployment.scaling.map(|_| Workload {
        role: role(&cell.id),
        cell: cell.id.to_string(),
        path: AUTOSCALER.into(),
        calls: [edges(deployment, &cell.id), apps(cell)].concat(),
        accepts: (Vec::new(), Vec::new()),
        tells_callers: false,
        open: false,
        sealed: Vec::new(),
    })
}

/// How many instances of a cell are there whatever an autoscaler says: the fewest, or all where there is none.
pub(super) fn standing(deployment: &Deployment, cell: &Cell) -> usize {
    let all = cell.sizes.app_instances as usize;
    deployment.scaling.map_or(all, |settings| all.min(settings.instances_min as usize))
}

/// As configured, within what the cell has room for.
fn settings(deployment: &Deployment, cell: &Cell) -> Option<Settings> {
    let housekeeping = &deployment.config.housekeeping;
    deployment.scaling.map(|settings| Settings {
        instances_min: settings.instances_min.min(cell.sizes.app_instances as u32),
        instances_max: settings.instances_max.min(cell.sizes.app_instances as u32),
        every: housekeeping.every(settings.every),
        start: housekeeping.every(settings.start),
        start_more: housekeeping.every(settings.start_more),
        stabilisation: housekeeping.every(settings.stabilisation),
        ..settings
    })
}

/// Who scales the cell behind a gateway, where that is done.
pub(super) fn of(parts: &Parts<'_>, cell: &str) -> Option<ScaledBy> {
    let config = &parts.deployment.config;
    let node = parts.deployment.scaling.and_then(|_| parts.directory.find(&role(cell)))?;
    let index = config.cells.iter().position(|c| *c.id == *cell)?;
    Some(ScaledBy { node, cell: index, workers: config.cells[index].components.of(Component::App).workers })
}

/// What an instance of the cell is that is not always there.
pub(super) fn instance(parts: &Parts<'_>, cell: &Cell, app: &str, spec: &AppSpec) -> Option<InstanceSpec> {
    let Settings { start, start_more, .. } = settings(parts.deployment, cell)?;
    let always = apps(cell).into_iter().take(standing(parts.deployment, cell));
    Some(InstanceSpec {
        app: spec.clone(),
        scaled_by: parts.directory.node(&role(&cell.id)),
        stands: always.into_iter().any(|role| role == app),
        start: (start, start_more),
    })
}

pub(super) fn boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let nodes = |roles: Vec<String>| -> Vec<NodeId> { roles.iter().map(|role| parts.directory.node(role)).collect() };
    let spec = AutoscalerSpec {
        cell: cell.id.clone(),
        gateways: nodes(edges(parts.deployment, &cell.id)),
        instances: nodes(apps(cell)),
        settings: settings(parts.deployment, cell).unwrap_or(Settings::DEFAULT),
    };
    Rc::new(move |ctx, out| Box::new(Autoscaler::boot(&spec, ctx, out)))
}
