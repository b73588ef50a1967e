//! The exporter of the cell that feeds an offline cell, and that cell.

use super::mesh::{EXPORTER, Workload};
use super::parts::Parts;
use super::{DOMAINS, Deployment, objects};
use crate::config::{Cell, Operation, Tenants};
use crate::fact::Place;
use crate::ids::TenantId;
use crate::kafka::acl::topic_name;
use crate::offline::bundle::{Keys, root};
use crate::offline::cell::{OfflineCell, OfflineCellSpec};
use crate::offline::custody::trusted;
use crate::offline::exporter::{Enrolment, Exporter, ExporterSpec};
use crate::offline::loader::Pinned;
use crate::offline::stores::policy_file;
use crate::policy::data::PolicyData;
use crate::saas::Saas;
use sim::Instant;
use sim::node::Boot;
use std::rc::Rc;
use std::sync::Arc;

/// What lives offline.
#[derive(Clone, Debug, Default)]
pub struct OfflinePlan {
    /// For which cells bundles of which tenants are made.
    pub lines: Vec<(Arc<str>, TenantId)>,
    /// Tenants that live in the offline cell.
    pub hosted: Vec<TenantId>,
    /// Who may log in there.
    pub people: Vec<Enrolment>,
}

/// Role of the exporter of a cell.
pub fn exporter_role(cell: &str) -> String {
    format!("{cell}/exporter")
}

/// Role of the loader of an offline cell, and of the stores behind it.
pub fn loader_role(cell: &str) -> String {
    format!("{cell}/loader")
}

/// The exporter as a workload, in the cell that feeds. Its desk is open to people; it believes none of them.
pub(super) fn workload(deployment: &Deployment, cell: &Cell, databases: Vec<String>) -> Option<Workload> {
    let calls = databases.into_iter().chain(super::events::brokers(cell)).chain([objects::role(&cell.id)]).collect();
    let feeds = deployment.offline.is_some() && deployment.config.offline.fed_by == cell.id;
    feeds.then(|| Workload {
        role: exporter_role(&cell.id),
        cell: cell.id.to_string(),
        path: EXPORTER.into(),
        calls,
        accepts: (Vec::new(), Vec::new()),
        tells_callers: false,
        open: true,
        sealed: Vec::new(),
    })
}

/// Role of the offline cell, where there is one.
pub(super) fn roles(deployment: &Deployment) -> Vec<String> {
    deployment.offline.iter().map(|_| loader_role(&deployment.config.offline.id)).collect()
}

pub(super) fn exporter_boot(parts: &Parts<'_>, cell: &Cell, calls: &[String]) -> Boot<Saas> {
    let deployment = parts.deployment;
    let config = &deployment.config;
    let plan = deployment.offline.clone().unwrap_or_default();
    let nodes = |kind: &str| {
        let of_kind = calls.iter().filter(|role| role.contains(kind));
        of_kind.map(|role| parts.directory.node(role)).collect()
    };
    let spec = ExporterSpec {
        keys: Keys { cell: cell.id.clone(), rotation: config.offline.key_rotation },
        policies: policies(deployment, &plan),
        lines: plan.lines,
        databases: nodes("/postgres-"),
        brokers: nodes("/kafka-"),
        objects: parts.directory.node(&objects::role(&cell.id)),
        topics: |tenant| DOMAINS.iter().map(|domain| topic_name(tenant, domain)).collect(),
        every: config.offline.bundle_every,
        custody: trusted(config.offline.custodians as usize).1,
        people: plan.people,
        cost: (config.costs.of(Operation::MirrorBatch), config.costs.of(Operation::ObjectGet)),
    };
    let spec = Rc::new(spec);
    Rc::new(move |ctx, out| Box::new(Exporter::boot(&spec, ctx, out)))
}

/// The policy data of each tenant that lives offline, and of nobody else, each version with when it comes into force.
fn policies(deployment: &Deployment, plan: &OfflinePlan) -> Vec<(Instant, TenantId, Arc<str>)> {
    let mut versions: Vec<(Instant, &Tenants)> =
        deployment.policies.iter().map(|(at, tenants)| (*at, tenants)).collect();
    if versions.is_empty() {
        versions.push((Instant::ZERO, &deployment.all_tenants));
    }
    let of = |at: Instant, tenants: &Tenants, id: &TenantId| {
        let mut own = tenants.clone();
        own.tenants.retain(|tenant| tenant.id == *id);
        (at, id.clone(), policy_file(&PolicyData::from_tenants(&own)).as_str().into())
    };
    let mut ids: Vec<&TenantId> = plan.lines.iter().map(|(_, tenant)| tenant).collect();
    ids.sort();
    ids.dedup();
    versions.iter().flat_map(|(at, tenants)| ids.iter().map(|id| of(*at, tenants, id))).collect()
}

pub(super) fn cell_boot(parts: &Parts<'_>) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let plan = parts.deployment.offline.clone().unwrap_or_default();
    let feeder = config.cell(&config.offline.fed_by).unwrap_or(&config.cells[0]);
    let spec = OfflineCellSpec {
        place: Place { store: "offline", cell: config.offline.id.clone(), region: feeder.region.clone() },
        pinned: Pinned {
            cell: config.offline.id.clone(),
            tenants: plan.hosted,
            root: *root().public(),
            custody: trusted(config.offline.custodians as usize).1,
            rotation: config.offline.key_rotation,
        },
        thumbprints: parts.thumbprints.clone(),
        stale_after: config.offline.policy_stale,
        uplink: parts.directory.node(&exporter_role(&feeder.id)),
        cost: (config.costs.of(Operation::PolicyLoadBundle), config.costs.of(Operation::AppHandle)),
    };
    let spec = Rc::new(spec);
    Rc::new(move |ctx, out| Box::new(OfflineCell::boot(&spec, ctx, out)))
}
