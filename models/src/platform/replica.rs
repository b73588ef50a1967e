//! The logical replica of the first cell's database in the second one: what is published to it, and who reads it.

use super::Deployment;
use super::mesh::{REPLICA, Workload};
use super::parts::{Parts, place};
use crate::config::{Cell, Operation};
use crate::postgres::engine::Engine;
use crate::postgres::machine::publisher::PublicationSpec;
use crate::postgres::publication::Publication;
use crate::postgres::subscriber::{Subscriber, SubscriberSpec};
use crate::saas::Saas;
use sim::Duration;
use sim::node::Boot;
use std::rc::Rc;

/// What there is of a logical replica.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaPlan {
    /// Bytes of log that the publisher keeps for it, at most.
    pub keep_bytes: u64,
    /// It is missed when it is behind, or silent, for longer than this.
    pub alarm_after: Duration,
}

/// Path of the id of what keeps tenants' devices in the database.
pub const FLEET: &str = "/ns/apps/sa/fleet";
/// Path of the id of what reads the replica for a tenant's reports.
pub const REPORTS: &str = "/ns/analytics/sa/reports";
/// Between two questions of a replica, in the reference.
const ASK_EVERY: Duration = Duration::millis(100);
/// The published table.
const TABLE: &str = "devices";
/// The residency of a row that may lie anywhere.
pub const ANYWHERE: &str = "any";
/// Numbers of devices in leak markers begin here: above all records, objects and nodes.
pub const MARKED_FROM: u32 = 720_000;

/// Role of a cell's replica.
pub fn role(cell: &str) -> String {
    format!("{cell}/postgres-replica")
}

/// Who publishes and who follows, where there is a replica.
fn pair(deployment: &Deployment) -> Option<(&Cell, &Cell)> {
    let [first, second, ..] = &deployment.config.cells[..] else { return None };
    deployment.replica.map(|_| (first, second))
}

/// The replica as a workload, in the cell that has it; `databases` names the nodes of a cell.
pub(super) fn workload(
    deployment: &Deployment,
    cell: &Cell,
    databases: impl Fn(&str) -> Vec<String>,
) -> Option<Workload> {
    let (publisher, _) = pair(deployment).filter(|(_, subscriber)| subscriber.id == cell.id)?;
    Some(Workload {
        role: role(&cell.id),
        cell: cell.id.to_string(),
        path: REPLICA.into(),
        calls: databases(&publisher.id),
        accepts: (vec![cell.id.to_string()], vec![REPORTS.into()]),
        tells_callers: false,
        open: false,
        sealed: Vec::new(),
    })
}

/// What a cell's database publishes, if a replica follows it.
pub(super) fn publication(parts: &Parts<'_>, cell: &Cell) -> Option<PublicationSpec> {
    let (_, subscriber) = pair(parts.deployment).filter(|(publisher, _)| publisher.id == cell.id)?;
    let plan = parts.deployment.replica?;
    let filter = format!("residency = '{ANYWHERE}' OR residency = '{}'", subscriber.region);
    let publication = Publication::new(&parts.bases[&cell.id], TABLE, &filter);
    let name = role(&subscriber.id);
    Some(PublicationSpec {
        publication: Rc::new(publication.expect("the table is there, and the filter is valid")),
        subscriber: parts.directory.node(&name),
        name: name.into(),
        keep_bytes: plan.keep_bytes,
        alarm_after: plan.alarm_after,
    })
}

pub(super) fn boot(parts: &Parts<'_>, workload: &Workload) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let cell = config.cell(&workload.cell).expect("workloads stand in configured cells");
    let plan = parts.deployment.replica.expect("there is a replica where one is booted");
    let spec = SubscriberSpec {
        place: place("postgres-replica", cell),
        base: Rc::new(Engine::replica()),
        publishers: workload.calls.iter().map(|role| parts.directory.node(role)).collect(),
        every: config.housekeeping.every(ASK_EVERY),
        oldest: config.ttls.read_replica_lag,
        alarm_after: plan.alarm_after,
        cost: (config.costs.of(Operation::PostgresRead), config.costs.of(Operation::PostgresWrite)),
    };
    Rc::new(move |ctx, out| Box::new(Subscriber::boot(&spec, ctx, out)))
}
