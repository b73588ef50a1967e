//! The event backbone of a cell: brokers, their controller, and the halves of the mirrors that begin or end here.
//!
//! Every tenant of the cell has its topics, one a domain. Domains that hold regulated data are bound to their region;
//! the mirrors carry the others.

use super::connector;
use super::mesh::{APP, BROKER, EXPORTER, Workload};
use super::parts::{Parts, place};
use super::{Deployment, Directory, Mirrors};
use crate::config::{Cell, Component, Operation, PlatformConfig};
use crate::ids::TenantId;
use crate::kafka::acl::tenant_rules;
use crate::kafka::broker::TopicConfig;
use crate::kafka::machine::{
    BrokerNode, BrokerSpec, ControllerNode, ControllerSpec, Costs, SESSION, TIMING, TopicSpec, platform_rules,
};
use crate::kafka::{Elsewhere, Flush, Operations, Principal, Rate, Resource, Rule};
use crate::kafka::{acl, event};
use crate::mirror::Naming;
use crate::mirror::machine::{MirrorIn, MirrorInSpec, MirrorOut, MirrorOutSpec};
use crate::saas::{DEAD_LETTERS, Saas, spilled_topic};
use crate::wire::kafka::{BrokerId, TopicName};
use crate::witness::{Witness, WitnessSpec};
use sim::node::Boot;
use sim::{Duration, NodeId};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

const CONTROLLER: &str = "/ns/data/sa/kafka-controller";
const MIRROR: &str = "/ns/data/sa/mirror";
const WITNESS: &str = "/ns/control/sa/witness";

/// Between two looks of a mirror's half at what is due, in the reference.
const MIRROR_TICK: Duration = Duration::millis(100);
/// Domains of every tenant.
pub const DOMAINS: [&str; 2] = ["telemetry", AUDIT];
const AUDIT: &str = "audit";
/// Dead letters take at most this part of what a tenant's topics may hold: they are looked at, not kept.
const DEAD_LETTERS_SHARE: u64 = 8;

/// Roles of the brokers of a cell, by its name.
pub fn broker_roles(config: &PlatformConfig, cell: &str) -> Vec<String> {
    config.cell(cell).map_or_else(Vec::new, brokers)
}

/// Roles of a cell's brokers.
pub(super) fn brokers(cell: &Cell) -> Vec<String> {
    (1..=cell.sizes.kafka_brokers).map(|i| format!("{}/kafka-{i}", cell.id)).collect()
}

/// The other end of the way that begins in `cell`.
fn target_of<'a>(deployment: &'a Deployment, cell: &Cell) -> Option<&'a Cell> {
    let ways = deployment.mirrors.ways(&deployment.config);
    ways.into_iter().find(|(source, _)| source.id == cell.id).map(|(_, target)| target)
}

/// The other end of the way that ends in `cell`.
fn source_of<'a>(deployment: &'a Deployment, cell: &Cell) -> Option<&'a Cell> {
    let ways = deployment.mirrors.ways(&deployment.config);
    ways.into_iter().find(|(_, target)| target.id == cell.id).map(|(source, _)| source)
}

/// The cells that events of this one may spill to, as a publisher knows them.
pub fn elsewhere(config: &PlatformConfig, mirrors: Mirrors, home: &str, directory: &Directory) -> Vec<Elsewhere> {
    let other = |cell: &Cell| Elsewhere {
        cell: cell.id.clone(),
        region: cell.region.clone(),
        brokers: brokers(cell).iter().map(|role| directory.node(role)).collect(),
    };
    mirrors.spills(config, home).into_iter().map(other).collect()
}

/// Roles of the brokers to which events of a cell may spill.
pub(super) fn spills_to(deployment: &Deployment, home: &str) -> Vec<String> {
    deployment.mirrors.spills(&deployment.config, home).into_iter().flat_map(brokers).collect()
}

/// The cell whose events may spill to this one.
fn spills_from<'a>(deployment: &'a Deployment, cell: &Cell) -> Option<&'a Cell> {
    let (config, mirrors) = (&*deployment.config, deployment.mirrors);
    config.cells.iter().find(|home| mirrors.spills(config, &home.id).iter().any(|other| other.id == cell.id))
}

/// Reads what spilled to a cell, to bring it home.
fn drain_out(cell: &Cell) -> String {
    format!("{}/drain-out", cell.id)
}

/// Writes at home what spilled to another cell.
fn drain_in(home: &Cell, from: &Cell) -> String {
    format!("{}/drain-in-{}", home.id, from.id)
}

fn sending_half(cell: &Cell) -> String {
    format!("{}/mirror-out", cell.id)
}

fn receiving_half(cell: &Cell) -> String {
    format!("{}/mirror-in", cell.id)
}

/// Workloads of the backbone in a cell.
pub(super) fn workloads(deployment: &Deployment, cell: &Cell) -> Vec<Workload> {
    let id = cell.id.to_string();
    let names = brokers(cell);
    let controller = format!("{id}/kafka-controller");
    let workload = |role: String, path: &str, calls: Vec<String>, accepts: Vec<&str>| Workload {
        role,
        cell: id.clone(),
        path: path.into(),
        calls,
        accepts: (vec![id.clone()], accepts.into_iter().map(String::from).collect()),
        tells_callers: path == BROKER,
        open: false,
        sealed: Vec::new(),
    };
    let mut workloads = Vec::new();
    for broker in &names {
        let mut calls: Vec<String> = names.iter().filter(|b| *b != broker).cloned().collect();
        calls.push(controller.clone());
        let mut clients = vec![APP, BROKER, CONTROLLER, MIRROR, WITNESS];
        clients.extend(deployment.offline.iter().map(|_| EXPORTER));
        workloads.push(workload(broker.clone(), BROKER, calls, clients));
    }
    workloads.push(workload(controller, CONTROLLER, names.clone(), vec![BROKER]));
    if deployment.witnessed {
        workloads.push(workload(format!("{id}/witness"), WITNESS, names.clone(), Vec::new()));
    }
    let half = |role: String, peer: String, other: &Cell| {
        let mut half = workload(role, MIRROR, [&names[..], std::slice::from_ref(&peer)].concat(), vec![MIRROR]);
        half.accepts.0 = vec![other.id.to_string()];
        half.sealed = vec![peer];
        half
    };
    if let Some(target) = target_of(deployment, cell) {
        workloads.push(half(sending_half(cell), receiving_half(target), target));
    }
    if let Some(source) = source_of(deployment, cell) {
        workloads.push(half(receiving_half(cell), sending_half(source), source));
    }
    if let Some(home) = spills_from(deployment, cell) {
        workloads.push(half(drain_out(cell), drain_in(home, cell), home));
    }
    for from in deployment.mirrors.spills(&deployment.config, &id) {
        workloads.push(half(drain_in(cell, from), drain_out(from), from));
    }
    workloads
}

/// Boots a workload of the backbone.
pub(super) fn boot(parts: &Parts<'_>, cell: &Cell, workload: &Workload) -> (Component, Boot<Saas>) {
    match &*workload.path {
        BROKER => (Component::Kafka, broker_boot(parts, cell, &workload.role)),
        CONTROLLER => (Component::Kafka, controller_boot(parts, cell)),
        WITNESS => (Component::Siem, witness_boot(parts, cell)),
        _ if workload.role == sending_half(cell) => (Component::Mirror, out_boot(parts, cell)),
        _ if workload.role == receiving_half(cell) => (Component::Mirror, in_boot(parts, cell)),
        _ if workload.role == drain_out(cell) => (Component::Mirror, drain_out_boot(parts, cell)),
        _ => (Component::Mirror, drain_in_boot(parts, cell, &workload.role)),
    }
}

/// Topics of a cell: its own tenants', what a mirror brings, what spills to it, and dead letters.
fn topics(parts: &Parts<'_>, cell: &Cell) -> Vec<TopicSpec> {
    let mut topics = of_tenants(parts, cell, parts.deployment.schema_ahead.as_deref());
    if let Some(source) = source_of(parts.deployment, cell) {
        topics.extend(of_tenants(parts, source, None).iter().map(|topic| match naming(parts.deployment) {
            Naming::Prefixed => topic.mirrored_from(&source.id),
            Naming::Identity | Naming::Home => topic.mirrored(),
        }));
    }
    if let Some(home) = spills_from(parts.deployment, cell) {
        let spilled = |topic: TopicSpec| TopicSpec { name: spilled_topic(&topic.name).into(), ..topic.mirrored() };
        topics.extend(of_tenants(parts, home, None).into_iter().map(spilled));
    }
    topics.extend(dead_letters(parts, cell));
    topics
}

/// The topics of the tenants at home in a cell. Those of the tenant `ahead` have the next version of their schema.
fn of_tenants(parts: &Parts<'_>, cell: &Cell, ahead: Option<&str>) -> Vec<TopicSpec> {
    let retained = parts.deployment.config.limits.kafka_retained_bytes;
    let (schema, next) = (Arc::new(event::schema()), Arc::new(event::next_schema()));
    let topic = |tenant: &str, domain: &str| {
        let config = TopicConfig {
            min_isr: cell.sizes.kafka_min_insync as usize,
            // What was audited stays, however much there is; the rest makes room for what is newer.
            retention_bytes: Some(retained).filter(|_| domain != AUDIT),
            schema: Some(if ahead == Some(tenant) { next.clone() } else { schema.clone() }),
            dead_letters: Some(acl::topic_name(tenant, DEAD_LETTERS)),
            immutable: domain == AUDIT,
        };
        let partitions = super::rollout::partitions(parts.deployment);
        TopicSpec { partitions, ..topic_in(cell, acl::topic_name(tenant, domain), config) }
    };
    at_home(parts, cell).flat_map(|tenant| DOMAINS.map(|domain| topic(tenant, domain))).collect()
}

/// Where the events go that the schemas of a tenant's topics refuse.
fn dead_letters<'a>(parts: &'a Parts<'_>, cell: &'a Cell) -> impl Iterator<Item = TopicSpec> + 'a {
    let retention_bytes = Some(parts.deployment.config.limits.kafka_retained_bytes / DEAD_LETTERS_SHARE);
    let min_isr = cell.sizes.kafka_min_insync as usize;
    at_home(parts, cell).map(move |tenant| {
        let config = TopicConfig { min_isr, retention_bytes, ..TopicConfig::default() };
        topic_in(cell, acl::topic_name(tenant, DEAD_LETTERS), config)
    })
}

fn at_home<'a>(parts: &'a Parts<'_>, cell: &'a Cell) -> impl Iterator<Item = &'a TenantId> + 'a {
    parts.deployment.tenants.iter().filter(|(t, _)| t.region == cell.region).map(|(t, _)| &t.id)
}

fn topic_in(cell: &Cell, name: TopicName, config: TopicConfig) -> TopicSpec {
    TopicSpec { name, partitions: 1, replicas: cell.sizes.kafka_brokers as usize, config }
}

fn naming(deployment: &Deployment) -> Naming {
    match deployment.mirrors {
        Mirrors::OneWay | Mirrors::Spilling => Naming::Prefixed,
        Mirrors::BothWays => Naming::Identity,
    }
}

fn members(parts: &Parts<'_>, cell: &Cell) -> Vec<(BrokerId, NodeId)> {
    let roles = brokers(cell);
    roles.iter().enumerate().map(|(i, role)| (BrokerId(i as u16 + 1), parts.directory.node(role))).collect()
}

/// Who may come to the brokers of a cell, by the id in its certificate, and what each may do there.
fn principals(parts: &Parts<'_>, cell: &Cell) -> Vec<Principal> {
    let bytes_per_s = parts.deployment.config.limits.kafka_bytes_per_s;
    let tenants = Some(Rate { bytes_per_s, burst_bytes: bytes_per_s });
    let mut principals: Vec<Principal> = Vec::new();
    let brokers = brokers(cell);
    let comes = |w: &&Workload| w.cell == *cell.id || w.calls.iter().any(|called| brokers.contains(called));
    for workload in parts.mesh.workloads.iter().filter(comes) {
        // The service produces for all tenants, and each of them has a quota with it as with its own connector.
        let (rules, rate, client_rate) = match (&*workload.path, connector::tenant_of(&workload.path)) {
            (APP, _) => (platform_rules(), None, tenants),
            (MIRROR, _) => (platform_rules(), None, None),
            (WITNESS | EXPORTER, _) => (vec![Rule::prefixed(Resource::Topic, "", Operations::READ)], None, None),
            (_, Some(tenant)) => (tenant_rules(tenant), tenants, None),
            _ => continue,
        };
        let name: Arc<str> = parts.mesh.id(workload).as_str().into();
        if principals.iter().all(|p| p.name != name) {
            principals.push(Principal { name, rules, rate, client_rate });
        }
    }
    principals
}

fn broker_boot(parts: &Parts<'_>, cell: &Cell, role: &str) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let members = members(parts, cell);
    let me = parts.directory.node(role);
    let cost = |operation| config.costs.of(operation);
    let topics = topics(parts, cell);
    // Room for what the tenants whose topics are here may hold, all of them together.
    let tampering = parts.deployment.tampering.iter().filter(|(at, _)| *at == cell.id);
    let tenants = (topics.iter().filter(|t| t.config.schema.is_some()).count() / DOMAINS.len()) as u64;
    let spec = BrokerSpec {
        id: members.iter().find(|(_, node)| *node == me).map_or(BrokerId(1), |(id, _)| *id),
        brokers: members,
        controller: parts.directory.node(&format!("{}/kafka-controller", cell.id)),
        connections: BTreeMap::new(),
        principals: principals(parts, cell),
        storage_bytes: tenants.max(1).saturating_mul(config.limits.kafka_retained_bytes),
        topics,
        place: place("kafka", cell),
        timing: TIMING.slower(config.housekeeping.slower),
        flush: Flush::EveryBatch,
        tampering: tampering.map(|(_, tampering)| tampering.clone()).collect(),
        costs: Costs {
            produce: cost(Operation::KafkaProduce),
            fetch: cost(Operation::KafkaFetch),
            replicate: cost(Operation::KafkaReplicate),
        },
    };
    Rc::new(move |ctx, out| Box::new(BrokerNode::boot(&spec, ctx, out)))
}

fn controller_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let spec = ControllerSpec {
        brokers: members(parts, cell),
        topics: topics(parts, cell),
        session: config.housekeeping.every(SESSION),
        tick: config.housekeeping.every(TIMING.tick),
        cost: config.costs.of(Operation::KafkaReplicate),
    };
    Rc::new(move |ctx, out| Box::new(ControllerNode::boot(&spec, ctx, out)))
}

fn out_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let deployment = parts.deployment;
    let target = target_of(deployment, cell).expect("a mirror has two ends");
    // Where names are the same in both cells, what the other mirror brought stands among the topics of this one.
    let here = |region: &Arc<str>| *region == cell.region || naming(deployment) == Naming::Identity;
    let of_cell = deployment.tenants.iter().filter(|(t, _)| here(&t.region));
    let partitions = super::rollout::partitions(deployment);
    let topics = of_cell
        .flat_map(|(t, _)| DOMAINS.map(|domain| (acl::topic_name(&t.id, domain), partitions, Some(t.id.clone()))))
        .collect();
    sending_boot(parts, cell, target, &receiving_half(target), topics)
}

fn drain_out_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let home = spills_from(parts.deployment, cell).expect("a drain has two ends");
    let spilled = |tenant: &TenantId, domain: &str| spilled_topic(&acl::topic_name(tenant, domain)).into();
    let topics = at_home(parts, home)
        .flat_map(|tenant| DOMAINS.map(|domain| (spilled(tenant, domain), 1, Some(tenant.clone()))))
        .collect();
    sending_boot(parts, cell, home, &drain_in(home, cell), topics)
}

/// The sending half, in `cell`, of what goes to `sink` in `target`.
fn sending_boot(
    parts: &Parts<'_>,
    cell: &Cell,
    target: &Cell,
    sink: &str,
    topics: Vec<(TopicName, u32, Option<TenantId>)>,
) -> Boot<Saas> {
    let deployment = parts.deployment;
    let residency = deployment.all_tenants.tenants.iter().map(|t| (t.id.clone(), t.region.clone())).collect();
    let housekeeping = &deployment.config.housekeeping;
    let mut settings = MirrorOutSpec::settings(&cell.id, &target.id, &target.region, residency);
    settings.fetch_wait = housekeeping.every(settings.fetch_wait);
    let spec = MirrorOutSpec {
        brokers: brokers(cell).iter().map(|role| parts.directory.node(role)).collect(),
        sink: parts.directory.node(sink),
        topics,
        settings,
        tick: housekeeping.every(MIRROR_TICK),
        cost: deployment.config.costs.of(Operation::MirrorBatch),
    };
    Rc::new(move |ctx, out| Box::new(MirrorOut::boot(&spec, ctx, out)))
}

fn in_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let source = source_of(parts.deployment, cell).expect("a mirror has two ends");
    receiving_boot(parts, cell, source, &sending_half(source), naming(parts.deployment))
}

fn drain_in_boot(parts: &Parts<'_>, home: &Cell, role: &str) -> Boot<Saas> {
    let others = parts.deployment.mirrors.spills(&parts.deployment.config, &home.id);
    let from = others.into_iter().find(|from| drain_in(home, from) == role).expect("a drain has two ends");
    receiving_boot(parts, home, from, &drain_out(from), Naming::Home)
}

/// The receiving half, in `cell`, of what `sender` sends from the cell `source`.
fn receiving_boot(parts: &Parts<'_>, cell: &Cell, source: &Cell, sender: &str, naming: Naming) -> Boot<Saas> {
    let spec = MirrorInSpec {
        brokers: brokers(cell).iter().map(|role| parts.directory.node(role)).collect(),
        source: parts.directory.node(sender),
        cells: vec![source.id.clone()],
        retry: Duration::millis(300),
        window: 16,
        naming,
        tick: parts.deployment.config.housekeeping.every(MIRROR_TICK),
        cost: parts.deployment.config.costs.of(Operation::MirrorApply),
    };
    Rc::new(move |ctx, out| Box::new(MirrorIn::boot(&spec, ctx, out)))
}

fn witness_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let spec = WitnessSpec {
        brokers: brokers(cell).iter().map(|role| parts.directory.node(role)).collect(),
        topics: at_home(parts, cell).map(|tenant| acl::topic_name(tenant, AUDIT)).collect(),
        cost: parts.deployment.config.costs.of(Operation::SiemAppend),
    };
    Rc::new(move |ctx, out| Box::new(Witness::boot(&spec, ctx, out)))
}
