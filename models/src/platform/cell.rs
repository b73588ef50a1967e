//! What stands in a cell, and how each part is booted.

use super::admin::{ADMINS, GITOPS, bindings, is_home, pipeline};
use super::autoscaler::AUTOSCALER;
use super::mesh::{APP, EXPORTER, Workload, trust_domain};
use super::parts::{Parts, apps, place, principals};
use super::{Deployment, Enrolled, GATEWAY, KnownBad, index_of, rollout, slices};
use crate::app::class::RecordClass;
use crate::app::databases::Databases;
use crate::app::instance::Instance;
use crate::app::slices::Slices;
use crate::app::upstream::CachesSpec;
use crate::app::{App, AppSpec};
use crate::breaker::Settings;
use crate::cache::machine::{CacheCosts, CacheNode, CacheSpec, PLATFORM_USER, account};
use crate::config::settings::Dependency;
use crate::config::tenants::CACHE_DATABASES;
use crate::config::{Cell, Component, Operation, PlatformConfig, Tenant, Tenants};
use crate::idp::IdpConfig;
use crate::idp::keys::KeyRotation;
use crate::idp::machine::{IdpMachine, IdpMachineSpec};
use crate::ids::TenantId;
use crate::mesh::machine::{CaMachine, CaMachineSpec};
use crate::policy::bundle::{Signer, reference_content};
use crate::policy::data::PolicyData;
use crate::policy::machine::{AgentSpec, PolicyAgent};
use crate::policy::mode::ModeSpec;
use crate::policy::service::{ConfigService, ConfigSpec};
use crate::postgres::engine::Engine;
use crate::postgres::machine::arbiter::ArbiterNode;
use crate::postgres::machine::{DbCosts, DbNode, DbSpec};
use crate::postgres::reference::{CUSTOMERS, DEVICES, INCIDENTS, RELATIONS, SHARED, Seed};
use crate::saas::Saas;
use crate::siem::machine::{Siem, SiemSpec};
use crate::wire::policy::Level;
use crate::wire::svid::SpiffeId;
use sim::node::Boot;
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Length of a database lease: a failover takes about two of them.
const LEASE: Duration = Duration::millis(600);

const POLICY: &str = "/ns/control/sa/policy";
const CONFIG: &str = "/ns/control/sa/config";
const SIEM: &str = "/ns/control/sa/siem";
const CACHE: &str = "/ns/data/sa/cache";
const POSTGRES: &str = "/ns/data/sa/postgres";
const ARBITER: &str = "/ns/data/sa/arbiter";

fn databases(cell: &str) -> Vec<String> {
    (1..=2).map(|i| format!("{cell}/postgres-{i}")).collect()
}

/// Every workload of the platform: edges, then cell by cell.
pub(super) fn workloads(deployment: &Deployment) -> Vec<Workload> {
    let config = &deployment.config;
    let all: Vec<String> = config.cells.iter().map(|c| c.id.to_string()).collect();
    let mut workloads = Vec::new();
    for edge in &config.edges {
        workloads.push(Workload {
            role: edge.id.to_string(),
            cell: edge.cell.to_string(),
            path: GATEWAY.into(),
            calls: (config.cells.iter().flat_map(|cell| rollout::instances(deployment, cell)))
                .chain(rollout::told_by_gateways(deployment))
                .chain(deployment.travel.map(|_| super::sentinel::role(&edge.cell)))
                .collect(),
            accepts: told_by(deployment, &edge.cell),
            tells_callers: false,
            open: true,
            sealed: Vec::new(),
        });
    }
    for cell in &config.cells {
        let id = cell.id.to_string();
        let role = |name: &str| format!("{id}/{name}");
        let here = vec![id.clone()];
        let plain = |name: &str, path: &str, calls: Vec<String>, accepts: Vec<&str>| Workload {
            role: role(name),
            cell: id.clone(),
            path: path.into(),
            calls,
            accepts: (here.clone(), accepts.into_iter().map(String::from).collect()),
            tells_callers: false,
            open: false,
            sealed: Vec::new(),
        };
        for app in rollout::instances(deployment, cell) {
            let mut calls = vec![role("policy"), role("cache")];
            calls.extend(databases(&id));
            calls.extend(super::events::brokers(cell));
            calls.extend(super::events::spills_to(deployment, &id));
            calls.extend(deployment.objects.then(|| super::objects::role(&id)));
            calls.extend(super::graph::store_of(deployment, cell));
            calls.extend(deployment.console.then(|| role("siem")));
            calls.extend(deployment.request_log.then(|| super::registrar::role(&id)));
            workloads.push(Workload {
                role: app,
                cell: id.clone(),
                path: APP.into(),
                calls,
                accepts: (
                    all.clone(),
                    [GATEWAY]
                        .into_iter()
                        .chain(pipeline(deployment, &cell.id).map(|_| GITOPS))
                        .chain(deployment.read_only.map(|_| CONFIG))
                        .chain(deployment.scaling.map(|_| AUTOSCALER))
                        .chain(deployment.rollouts.iter().flat_map(|_| [rollout::ROLLOUTS, rollout::CHECKER]))
                        .map(Into::into)
                        .collect(),
                ),
                tells_callers: false,
                open: false,
                sealed: Vec::new(),
            });
        }
        let has_siem = deployment.kept_decisions || deployment.console;
        let siem: Vec<String> = has_siem.then(|| role("siem")).into_iter().collect();
        workloads.push(Workload { sealed: siem.clone(), ..plain("policy", POLICY, siem, vec![APP, CONFIG]) });
        if has_siem {
            let mut writers = [POLICY, APP][..1 + usize::from(deployment.console)].to_vec();
            writers.extend(deployment.read_only.map(|_| CONFIG));
            workloads.push(Workload { sealed: vec![role("policy")], ..plain("siem", SIEM, Vec::new(), writers) });
        }
        let served = [vec![role("policy")], told_mode(deployment, cell)].concat();
        workloads.push(Workload { tells_callers: true, ..plain("config", CONFIG, served, ADMINS.to_vec()) });
        workloads.push(plain("cache", CACHE, Vec::new(), vec![APP]));
        let mut readers = vec![APP, POSTGRES];
        readers.extend(deployment.offline.iter().map(|_| EXPORTER));
        readers.extend(deployment.graph.iter().map(|_| super::graph::SYNC));
        readers.extend(deployment.kube.then_some(super::kube::REPORTER));
        readers.extend(deployment.request_log.then_some(super::registrar::REGISTRAR));
        readers.extend(deployment.replica.iter().map(|_| super::replica::FLEET));
        for (i, name) in ["postgres-1", "postgres-2"].into_iter().enumerate() {
            let peer = databases(&id)[1 - i].clone();
            workloads.push(plain(name, POSTGRES, vec![peer, role("arbiter")], readers.clone()));
        }
        workloads.push(plain("arbiter", ARBITER, Vec::new(), vec![POSTGRES]));
        workloads.extend(super::events::workloads(deployment, cell));
        workloads.extend(super::admin::workload(deployment, cell, apps(cell)));
        workloads.extend(super::objects::workload(deployment, cell));
        workloads.extend(super::graph::workloads(deployment, cell, &databases(&id)));
        workloads.extend(super::replica::workload(deployment, cell, databases));
        workloads.extend(super::sentinel::workload(deployment, cell));
        workloads.extend(super::remediation::workload(deployment, cell));
        workloads.extend(super::autoscaler::workload(deployment, cell));
        workloads.extend(rollout::workloads(deployment, cell, GATEWAY));
        workloads.extend(super::registrar::workload(deployment, cell, databases(&id)));
        workloads.extend(super::kube::workloads(deployment, cell, databases(&id)));
        workloads.extend(super::offline::workload(deployment, cell, databases(&id)));
    }
    workloads
}

/// Who tells an edge what holds, beside those who ask it.
fn told_by(deployment: &Deployment, cell: &str) -> (Vec<String>, Vec<String>) {
    let mut paths: Vec<String> = pipeline(deployment, cell).map(|_| GITOPS.into()).into_iter().collect();
    paths.extend((!deployment.edge_cache.is_empty()).then(|| super::remediation::REMEDIATION.into()));
    paths.extend(deployment.scaling.map(|_| AUTOSCALER.into()));
    paths.extend(deployment.rollouts.as_ref().map(|_| rollout::ROLLOUTS.into()));
    let cells = if paths.is_empty() { Vec::new() } else { vec![cell.to_string()] };
    (cells, paths)
}

/// Who is told that tenants may only read, where they ever may no more.
fn told_mode(deployment: &Deployment, cell: &Cell) -> Vec<String> {
    let siem = deployment.kept_decisions.then(|| format!("{}/siem", cell.id));
    deployment.read_only.map(|_| apps(cell).into_iter().chain(siem).collect()).unwrap_or_default()
}

/// Nodes of the cells that stand outside the mesh, because it rests on them.
pub(super) fn others(config: &PlatformConfig) -> Vec<String> {
    config.cells.iter().flat_map(|c| [format!("{}/mesh-ca", c.id), format!("{}/idp", c.id)]).collect()
}

pub(super) fn other_boot(parts: &Parts<'_>, role: &str) -> (Component, Boot<Saas>) {
    let cell = role.split_once('/').map_or(role, |(cell, _)| cell);
    match role.ends_with("/idp") {
        true => (Component::Idp, idp_boot(parts, cell)),
        false => (Component::Mesh, ca_boot(parts, cell)),
    }
}

fn idp_boot(parts: &Parts<'_>, cell: &str) -> Boot<Saas> {
    let costs = &parts.deployment.config.costs;
    let spec = IdpMachineSpec {
        config: issuer(&parts.deployment.config),
        thumbprints: (*parts.thumbprints).clone(),
        principals: principals(parts),
        apps: (super::people::apps(cell), super::AUDIENCE.into()),
        device_life: parts.deployment.config.tokens.device_code,
        rotate_every: Some(parts.deployment.config.tokens.signing_key),
        key_stolen_at: parts.deployment.key_stolen_at,
        sentinel: super::sentinel::asked(parts, cell).map(|(sentinel, _)| sentinel),
        issue_cost: costs.of(Operation::IdpIssue),
        keys_cost: costs.of(Operation::IdpKeys),
    };
    Rc::new(move |ctx, out| Box::new(IdpMachine::boot(&spec, ctx, out)))
}

/// The platform's issuer: a key is announced for as long as a gateway may go without asking, and stays published until
/// nothing that it signed is alive.
fn issuer(config: &PlatformConfig) -> IdpConfig {
    IdpConfig {
        rotation: KeyRotation { publish_before: config.ttls.jwks, overlap: config.tokens.retired_key },
        lifetime_max: config.tokens.access,
        ..IdpConfig::new(super::ISSUER)
    }
}

fn ca_boot(parts: &Parts<'_>, cell: &str) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let mut spec = CaMachineSpec::new(&trust_domain(cell));
    spec.config.intermediate_lifetime = config.tokens.intermediate;
    spec.config.leaf_lifetime_max = config.tokens.svid;
    spec.federate_every = config.tokens.trust_bundle;
    let own = parts.mesh.workloads.iter().filter(|w| w.cell == cell);
    for workload in own {
        spec.peers.insert(parts.directory.node(&workload.role), workload.role.as_str().into());
        spec.workloads.push((workload.role.as_str().into(), parts.mesh.id(workload)));
    }
    for Enrolled { role, path, revoked_at, .. } in parts.deployment.enrolled.iter().filter(|e| *e.cell == *cell) {
        let id =
            SpiffeId::new(&trust_domain(cell), path).expect("paths of enrolled workloads are written in scenarios");
        spec.peers.insert(parts.directory.node(role), role.clone());
        spec.workloads.push((role.clone(), id));
        spec.revocations.extend(revoked_at.map(|at| (at, role.clone())));
    }
    for other in config.cells.iter().filter(|c| *c.id != *cell) {
        let ca = parts.directory.node(&format!("{}/mesh-ca", other.id));
        spec.federation.insert(ca, trust_domain(&other.id).as_str().into());
    }
    spec.issue_cost = config.costs.of(Operation::MeshIssueSvid);
    Rc::new(move |ctx, out| Box::new(CaMachine::boot(&spec, ctx, out)))
}

pub(super) fn workload_boot(parts: &Parts<'_>, workload: &Workload) -> (Component, Boot<Saas>) {
    let cell = parts.deployment.config.cell(&workload.cell).expect("workloads stand in configured cells");
    match &*workload.path {
        APP => (Component::App, app_boot(parts, cell, &workload.role)),
        POLICY => (Component::Policy, policy_boot(parts, cell)),
        SIEM => (Component::Siem, siem_boot(parts, cell)),
        CONFIG => (Component::Policy, config_boot(parts, cell)),
        GITOPS => (Component::Policy, super::admin::boot(parts, cell, &workload.calls)),
        CACHE => (Component::Cache, cache_boot(parts, cell)),
        EXPORTER => (Component::Mirror, super::offline::exporter_boot(parts, cell, &workload.calls)),
        super::objects::OBJECTS => (Component::ObjectStore, super::objects::boot(parts, cell)),
        super::graph::GRAPH => (Component::Graph, super::graph::boot(parts, cell)),
        super::graph::REPLICA => (Component::Graph, super::graph::replica_boot(parts, cell)),
        super::graph::SYNC => (Component::Graph, super::graph::sync_boot(parts, cell, &databases(&cell.id))),
        super::mesh::REPLICA => (Component::Postgres, super::replica::boot(parts, workload)),
        super::registrar::REGISTRAR => (Component::Siem, super::registrar::boot(parts, workload)),
        super::remediation::REMEDIATION => (Component::Policy, super::remediation::boot(parts, cell)),
        AUTOSCALER => (Component::Policy, super::autoscaler::boot(parts, cell)),
        super::sentinel::SENTINEL => (Component::Siem, super::sentinel::boot(parts, cell)),
        POSTGRES => (Component::Postgres, database_boot(parts, cell, &workload.role)),
        ARBITER => {
            let term = parts.deployment.config.housekeeping.every(LEASE);
            (Component::Postgres, Rc::new(move |ctx, _| Box::new(ArbiterNode::boot(term, ctx))))
        }
        _ => super::kube::boot(parts, cell, workload)
            .or_else(|| rollout::boot(parts, cell, workload))
            .unwrap_or_else(|| super::events::boot(parts, cell, workload)),
    }
}

/// How a tenant's records are classified: its audit data, at the level and with the label that it may have.
fn classes(deployment: &Deployment) -> BTreeMap<TenantId, RecordClass> {
    let kind: Arc<str> = "audit".into();
    let class = |t: &crate::config::Tenant| RecordClass {
        kind: kind.clone(),
        label: t.labels.first().cloned().unwrap_or_else(|| "internal".into()),
        level: t.data_classes.get(&kind).copied().unwrap_or(Level::Public),
    };
    deployment.all_tenants.tenants.iter().map(|t| (t.id.clone(), class(t))).collect()
}

fn app_boot(parts: &Parts<'_>, cell: &Cell, role: &str) -> Boot<Saas> {
    let deployment = parts.deployment;
    let config = &deployment.config;
    let node = |name: &str| parts.directory.node(&format!("{}/{name}", cell.id));
    let number: u64 = role.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let database = |t: &Tenant| t.slice.as_ref().map_or(0, |slice| slice.cache_database);
    let accounts = deployment.all_tenants.tenants.iter().map(|t| account(&t.id, database(t))).collect();
    let dependency = |name| config.dependency(name).expect("every input says when each dependency counts as failed");
    let (redis, timescaledb) = (dependency("redis"), dependency("timescaledb"));
    let foreign = deployment.known_bad.map(|KnownBad::ForeignRowInLists| {
        let victim = &deployment.tenants[0].0.id;
        (deployment.datum)(victim, deployment.tenants[0].1, 0, 0).encode().as_bytes().into()
    });
    let spec = AppSpec {
        role: role.into(),
        region: cell.region.clone(),
        policy: node("policy"),
        policy_patience: Duration::millis(400),
        caches: CachesSpec {
            node: node("cache"),
            platform: account(PLATFORM_USER, 0),
            tenants: accounts,
            connection_base: number << 32,
            ttl: config.ttls.cache_entry,
            patience: redis.timeout,
            breaker: breaker_of(redis),
            reborn: deployment.reborn.clone(),
        },
        databases: Databases::new(
            databases(&cell.id).iter().map(|r| parts.directory.node(r)).collect(),
            timescaledb.timeout,
            breaker_of(timescaledb),
        ),
        slices: Slices(Rc::new(
            slices::of(deployment, cell).map(|(tenant, slice)| (tenant, slices::login(slice))).collect(),
        )),
        retries: super::retries(config),
        brokers: super::events::brokers(cell).iter().map(|r| parts.directory.node(r)).collect(),
        spills_to: super::events::elsewhere(config, deployment.mirrors, &cell.id, &parts.directory),
        objects: super::objects::library(parts, cell),
        graph: super::graph::library(parts, cell),
        breaker: breaker_of(timescaledb),
        siem: parts.directory.find(&format!("{}/siem", cell.id)).filter(|_| deployment.console),
        classes: Rc::new(classes(deployment)),
        pipeline: pipeline(deployment, &cell.id).and_then(|role| parts.directory.find(&role)),
        registrar: super::registrar::told(parts, &cell.id),
        shared_for: config.ttls.edge_cache,
        mode_by: deployment.read_only.map(|_| node("config")),
        rollout: rollout::release(parts, cell, role),
        cost: config.costs.of(Operation::AppHandle),
        foreign_row: foreign,
    };
    match super::autoscaler::instance(parts, cell, role, &spec) {
        Some(spec) => Rc::new(move |ctx, out| Box::new(Instance::boot(&spec, ctx, out))),
        None => Rc::new(move |ctx, out| Box::new(App::boot(&spec, ctx, out))),
    }
}

/// A dependency's breaker, as configured; what the configuration does not say is the documented default. It says how
/// long an opening lasts, so no opening lasts longer.
fn breaker_of(dependency: &Dependency) -> Settings {
    let breaker = &dependency.breaker;
    Settings {
        window: breaker.window,
        calls_min: breaker.requests_min as u32,
        failures_percent: breaker.failures_ppm.div_ceil(10_000) as u32,
        open_for: breaker.open,
        open_for_max: breaker.open,
        probes: breaker.probes as u32,
        ..Settings::DEFAULT
    }
}

const POLICY_KEY: (&str, [u8; 32]) = ("policy-signer", [7; 32]);

fn siem_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let cost = parts.deployment.config.costs.of(Operation::SiemAppend);
    let spec = SiemSpec { place: place("siem", cell), cost };
    Rc::new(move |ctx, out| Box::new(Siem::boot(&spec, ctx, out)))
}

fn policy_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let spec = AgentSpec {
        trusted: vec![Signer::from_seed(POLICY_KEY.0, &POLICY_KEY.1).trusted()],
        stale_after: config.ttls.policy_stale,
        skew: config.ttls.clock_skew,
        cost: (config.costs.of(Operation::PolicyDecide), config.costs.of(Operation::PolicyLoadBundle)),
        siem: parts.directory.find(&format!("{}/siem", cell.id)),
    };
    Rc::new(move |ctx, out| Box::new(PolicyAgent::boot(&spec, ctx, out)))
}

fn config_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let content = |tenants: &Tenants| reference_content(&PolicyData::from_tenants(tenants));
    let mut revisions: Vec<_> = parts.deployment.policies.iter().map(|(at, t)| (*at, content(t))).collect();
    if revisions.is_empty() {
        revisions.push((Instant::ZERO, content(&parts.deployment.all_tenants)));
    }
    let spec = ConfigSpec {
        agents: vec![parts.directory.node(&format!("{}/policy", cell.id))],
        revisions,
        follows: pipeline(parts.deployment, &cell.id).is_some() && !is_home(parts.deployment, cell),
        signer: (POLICY_KEY.0.into(), POLICY_KEY.1),
        every: parts.deployment.config.ttls.policy_poll,
        mode: ModeSpec {
            cell: cell.id.clone(),
            window: parts.deployment.read_only,
            told: told_mode(parts.deployment, cell).iter().map(|role| parts.directory.node(role)).collect(),
        },
        admins: bindings(&cell.id),
        cost: parts.deployment.config.costs.of(Operation::PolicyDecide),
    };
    Rc::new(move |ctx, out| Box::new(ConfigService::boot(&spec, ctx, out)))
}

fn cache_boot(parts: &Parts<'_>, cell: &Cell) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let spec = CacheSpec {
        tenants: parts.deployment.all_tenants.tenants.iter().map(|t| t.id.clone()).collect(),
        slices: slices::of(parts.deployment, cell).map(|(tenant, slice)| (tenant, slice.cache_database)).collect(),
        databases: CACHE_DATABASES,
        memory_max: cell.sizes.redis_memory_bytes,
        floor: config.limits.cache_floor_bytes,
        place: place("cache", cell),
        costs: CacheCosts {
            get: config.costs.of(Operation::CacheGet),
            set: config.costs.of(Operation::CacheSet),
            evict: config.costs.of(Operation::CacheEvict),
        },
    };
    Rc::new(move |ctx, out| Box::new(CacheNode::boot(&spec, ctx, out)))
}

fn database_boot(parts: &Parts<'_>, cell: &Cell, role: &str) -> Boot<Saas> {
    let deployment = parts.deployment;
    let config = &deployment.config;
    let names = databases(&cell.id);
    let leads = names[0] == role;
    let spec = DbSpec {
        role: role.into(),
        peer: parts.directory.node(if leads { &names[1] } else { &names[0] }),
        arbiter: parts.directory.node(&format!("{}/arbiter", cell.id)),
        leads,
        base: parts.bases[&cell.id].clone(),
        sessions: 8,
        login: deployment.login,
        term: config.housekeeping.every(LEASE),
        place: place("postgres", cell),
        costs: DbCosts {
            begin: config.costs.of(Operation::PostgresBegin),
            statement: config.costs.of(Operation::PostgresRead),
            commit: config.costs.of(Operation::PostgresCommit),
        },
        reborn: deployment.reborn.clone(),
        publication: super::replica::publication(parts, cell),
    };
    Rc::new(move |ctx, out| Box::new(DbNode::boot(&spec, ctx, out)))
}

/// Schema and first rows of every cell's database: those of the tenants that live in it. Parsing the schema takes
/// longer than loading the rows, so it is done once a deployment, and both nodes of a pair share the result.
pub(super) fn bases(deployment: &Deployment) -> BTreeMap<Arc<str>, Rc<Engine>> {
    let mut schema = Engine::reference();
    if deployment.graph.is_some() {
        schema.bootstrap(RELATIONS).expect("the schema of relations is valid");
    }
    if deployment.customers.is_some() {
        schema.bootstrap(CUSTOMERS).expect("the schema of customers is valid");
    }
    if deployment.incidents {
        schema.bootstrap(INCIDENTS).expect("the schema of incidents is valid");
    }
    if deployment.replica.is_some() {
        schema.bootstrap(DEVICES).expect("the schema of devices is valid");
    }
    if deployment.request_log {
        schema.bootstrap(&super::registrar::superuser_ddl()).expect("the superuser is valid");
    }
    let base = |cell: &Cell| {
        let mut engine = schema.clone();
        slices::of(deployment, cell).for_each(|(_, slice)| engine.add_slice(&slice.schema, &slices::login(slice)));
        (cell.id.clone(), Rc::new(filled(engine, deployment, cell)))
    };
    deployment.config.cells.iter().map(base).collect()
}

fn filled(mut engine: Engine, deployment: &Deployment, cell: &Cell) -> Engine {
    let (classes, nobody) = (classes(deployment), Arc::from(""));
    for (tenant, salt) in deployment.tenants.iter().filter(|(t, _)| t.region == cell.region) {
        let class = &classes[&tenant.id];
        let schema = tenant.slice.as_ref().map_or(SHARED, |slice| &*slice.schema);
        debug_assert!(index_of(&deployment.all_tenants, &tenant.id) < u32::MAX >> 8);
        for id in 0..deployment.records {
            let body: Arc<str> = (deployment.datum)(&tenant.id, *salt, id, 0).encode().as_str().into();
            let seed = Seed {
                tenant: &tenant.id,
                id: i64::from(id),
                kind: &class.kind,
                level: class.level.rank().into(),
                label: &class.label,
                body: &body,
                contact: &nobody,
            };
            engine.load(schema, seed);
        }
        if deployment.graph.is_some() {
            super::graph::first_rows(&tenant.id).for_each(|row| engine.load_row(SHARED, "relations", row));
        }
        let datum = |n| (deployment.datum)(&tenant.id, *salt, n, 0).encode().as_str().into();
        if let Some(plan) = &deployment.customers {
            super::customers::load(&mut engine, plan, &tenant.id, datum);
        }
        if deployment.incidents {
            super::incidents::load(&mut engine, &deployment.all_tenants, &tenant.id, datum);
        }
        for special in deployment.specials.iter().filter(|s| s.tenant == tenant.id) {
            let (body, contact): (Arc<str>, Arc<str>) = (datum(special.id), datum(super::contact_of(special.id)));
            let seed = Seed {
                tenant: &tenant.id,
                id: i64::from(special.id),
                kind: &special.kind,
                level: special.level,
                label: &special.label,
                body: &body,
                contact: &contact,
            };
            engine.load(schema, seed);
        }
    }
    if deployment.incidents {
        super::incidents::report(&mut engine);
    }
    engine
}
