//! The graph database of a cell, what empties the outbox into it, a replica of it in another cell, what it begins with,
//! and a service's way to it.

use super::mesh::{APP, Workload};
use super::parts::{Parts, place};
use super::{Deployment, index_of};
use crate::config::{Cell, Operation, Tenant, Tenants};
use crate::control::Controls;
use crate::graph::client::Library;
use crate::graph::machine::{GraphNode, GraphSpec};
use crate::graph::replica::{Replica, ReplicaSpec};
use crate::graph::store::{Change, Edge, Graph, Node, NodeNo, RECORD};
use crate::graph::stream::Residency;
use crate::graph::sync::{GraphSync, SyncSpec};
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::bolt::{Entry, Scalar};
use crate::wire::sql::{Row, Value};
use sim::Duration;
use sim::node::Boot;
use std::rc::Rc;
use std::sync::Arc;

/// What there is of graph databases.
#[derive(Clone, Debug, Default)]
pub struct GraphPlan {
    /// Cells whose relations are compared with their graph, and how often. Elsewhere that is done at night.
    pub compare: Vec<(Arc<str>, Duration)>,
    /// Whether the second cell has a read replica of the first one's graph, in place of a database of its own.
    pub replica: bool,
}

/// Path of the id of what empties outboxes into the graph.
pub(super) const SYNC: &str = "/ns/data/sa/graph-sync";
/// Path of a replica's id.
pub(super) const REPLICA: &str = "/ns/data/sa/graph-replica";
/// Between two looks at an outbox, and between two questions of a replica, in the reference.
const LOOK_EVERY: Duration = Duration::millis(100);

/// Path of the database's id.
pub(super) const GRAPH: &str = "/ns/data/sa/graph";

/// Records of every tenant that are nodes from the beginning: the first ones.
pub const FIRST_NODES: u32 = 6;
/// Shared nodes.
pub const TOPICS: u32 = 3;
/// Numbers of nodes in leak markers begin here: above all records and objects.
pub const MARKED_FROM: u32 = 710_000;
/// What every title contains.
pub const TITLE_WORD: &str = "report";

/// Role of a cell's database.
pub fn role(cell: &str) -> String {
    format!("{cell}/graph")
}

/// Serial number of a tenant's `n`-th record: counted over all tenants, so whoever has one can guess the others.
pub fn serial(tenants: &Tenants, tenant: &str, n: u32) -> String {
    format!("S-{:05}", index_of(tenants, tenant) * 100 + n)
}

/// Role of what empties a cell's outboxes.
pub fn sync_role(cell: &str) -> String {
    format!("{cell}/graph-sync")
}

/// Role of a cell's replica.
pub fn replica_role(cell: &str) -> String {
    format!("{cell}/graph-replica")
}

/// The database that a replica in this cell follows, if there is one in it.
fn followed<'a>(deployment: &'a Deployment, cell: &Cell) -> Option<&'a Cell> {
    let [first, second, ..] = &deployment.config.cells[..] else { return None };
    let has = deployment.graph.as_ref().is_some_and(|plan| plan.replica) && second.id == cell.id;
    has.then_some(first)
}

/// Role of what a cell's services ask.
pub(super) fn store_of(deployment: &Deployment, cell: &Cell) -> Option<String> {
    deployment.graph.as_ref()?;
    Some(if followed(deployment, cell).is_some() { replica_role(&cell.id) } else { role(&cell.id) })
}

/// What stands in a cell.
pub(super) fn workloads(deployment: &Deployment, cell: &Cell, databases: &[String]) -> Vec<Workload> {
    let Some(plan) = &deployment.graph else { return Vec::new() };
    let here = vec![cell.id.to_string()];
    let workload = |role: String, path: &str, calls: Vec<String>, cells: Vec<String>, accepts: &[&str]| Workload {
        role,
        cell: cell.id.to_string(),
        path: path.into(),
        calls,
        accepts: (cells, accepts.iter().map(|path| (*path).to_owned()).collect()),
        tells_callers: false,
        open: false,
        sealed: Vec::new(),
    };
    if let Some(upstream) = followed(deployment, cell) {
        return vec![workload(replica_role(&cell.id), REPLICA, vec![role(&upstream.id)], here, &[APP])];
    }
    let mut cells = here.clone();
    if plan.replica {
        cells.extend(deployment.config.cells.iter().map(|c| c.id.to_string()).filter(|id| *id != here[0]));
    }
    let mut calls = databases.to_vec();
    calls.push(role(&cell.id));
    vec![
        workload(role(&cell.id), GRAPH, Vec::new(), cells, &[APP, SYNC, REPLICA]),
        workload(sync_role(&cell.id), SYNC, calls, here, &[]),
    ]
}

/// A service's way to the graph of its cell, where there is one.
pub(super) fn library(parts: &Parts<'_>, cell: &Cell) -> Option<Library> {
    store_of(parts.deployment, cell).map(|role| Library::new(parts.directory.node(&role)))
}

pub(super) fn boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let deployment = parts.deployment;
    let config = &deployment.config;
    let here = deployment.tenants.iter().filter(|(tenant, _)| tenant.region == cell.region);
    let base = base(&deployment.all_tenants, here.map(|(tenant, salt)| (tenant, *salt)), |tenant, salt, n| {
        (deployment.datum)(tenant, salt, MARKED_FROM + n, 0).encode().as_str().to_owned()
    });
    let followers = config.cells.iter().find(|other| followed(deployment, other).is_some_and(|up| up.id == cell.id));
    let spec = GraphSpec {
        place: place("graph", cell),
        base: Rc::new(base),
        residency: Residency {
            regions: deployment.all_tenants.tenants.iter().map(|t| (t.id.clone(), t.region.clone())).collect(),
            region: followers.map_or_else(|| cell.region.clone(), |other| other.region.clone()),
        },
        cost: (config.costs.of(Operation::GraphRead), config.costs.of(Operation::GraphWrite)),
    };
    Rc::new(move |ctx, out| Box::new(GraphNode::boot(&spec, ctx, out)))
}

pub(super) fn replica_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let deployment = parts.deployment;
    let config = &deployment.config;
    let upstream = followed(deployment, cell).expect("a replica follows a database");
    let spec = ReplicaSpec {
        place: place("graph-replica", cell),
        base: Rc::new(base(&deployment.all_tenants, std::iter::empty(), |_, _, _| String::new())),
        upstream: parts.directory.node(&role(&upstream.id)),
        every: config.housekeeping.every(LOOK_EVERY * 2),
        cost: (config.costs.of(Operation::GraphRead), config.costs.of(Operation::GraphWrite)),
    };
    Rc::new(move |ctx, out| Box::new(Replica::boot(&spec, ctx, out)))
}

pub(super) fn sync_boot(parts: &Parts<'_>, cell: &Cell, databases: &[String]) -> Boot<Saas> {
    let deployment = parts.deployment;
    let config = &deployment.config;
    let plan = deployment.graph.clone().unwrap_or_default();
    let here = deployment.tenants.iter().filter(|(tenant, _)| tenant.region == cell.region);
    let spec = SyncSpec {
        tenants: here.map(|(tenant, _)| tenant.id.clone()).collect(),
        databases: databases.iter().map(|role| parts.directory.node(role)).collect(),
        graph: parts.directory.node(&role(&cell.id)),
        every: config.housekeeping.every(LOOK_EVERY),
        compare_every: plan.compare.iter().find(|(at, _)| *at == cell.id).map(|(_, every)| *every),
        cost: config.costs.of(Operation::MirrorApply),
    };
    Rc::new(move |ctx, out| Box::new(GraphSync::boot(&spec, ctx, out)))
}

/// What a graph of these tenants begins with: records in a row, each of which mentions two shared topics. `name` says
/// what a record is called, by tenant, salt and number.
pub fn base<'a>(
    all: &Tenants,
    tenants: impl Iterator<Item = (&'a Tenant, u64)>,
    name: impl Fn(&str, u64, u32) -> String,
) -> Graph {
    let mut graph = Graph::default();
    let topic = |n: u32| Node {
        tenant: None,
        label: "Topic".into(),
        properties: vec![("name".into(), Scalar::text(&format!("topic-{n}")))],
    };
    let topics: Vec<NodeNo> = (0..TOPICS).map(|n| graph.add(topic(n))).collect();
    for (tenant, salt) in tenants {
        let id = &tenant.id;
        for n in 0..FIRST_NODES {
            let record = graph.add(Node {
                tenant: Some(id.clone()),
                label: RECORD.into(),
                properties: vec![
                    ("id".into(), Scalar::Int(n.into())),
                    ("name".into(), Scalar::text(&name(id, salt, n))),
                    ("serial".into(), Scalar::text(&serial(all, id, n))),
                    ("title".into(), Scalar::text(&format!("quarterly {TITLE_WORD} {n}"))),
                ],
            });
            for to in [n % TOPICS, (n + 1) % TOPICS] {
                let (to, kind, tenant) = (topics[to as usize], "MENTIONS".into(), id.clone());
                graph.connect(Edge { from: record, to, kind, tenant, version: 0 });
            }
        }
        for n in 1..FIRST_NODES {
            graph.apply(&Controls::all_on(), &Change::Relation(first_relation(id, n)));
        }
    }
    graph
}

/// The `n`-th relation that a tenant begins with, from 1: from the record before to this one.
pub fn first_relation(tenant: &TenantId, n: u32) -> Entry {
    let (source, target) = (i64::from(n) - 1, i64::from(n));
    Entry { tenant: tenant.clone(), source, target, version: 1, present: true, repair: false }
}

/// The relations that a tenant begins with, as rows of the relational store.
pub(super) fn first_rows(tenant: &TenantId) -> impl Iterator<Item = Row> + '_ {
    (1..FIRST_NODES).map(move |n| {
        let Entry { tenant, source, target, version, present, .. } = first_relation(tenant, n);
        let numbers = [source, target, version].map(Value::Int);
        let row = std::iter::once(Value::Text(tenant)).chain(numbers).chain([Value::Bool(present)]);
        row.collect()
    })
}
