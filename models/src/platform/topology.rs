//! The nodes of a deployment: the day-1 topology, as `platform.toml` sizes it.
//!
//! Roles are listed first, so that every node knows its peers' addresses before any of them boots.

use super::cell;
use super::mesh::{Mesh, Workload};
use super::parts::{Parts, apps};
use super::{Actor, Built, Deployment, Directory};
use crate::config::{Capacity, Component, Operation, PlatformConfig, Quantiles};
use crate::crypto::sha256;
use crate::gateway::machine::{CHECK_EVERY, CellPeer, Gateway, GatewaySpec, Placement};
use crate::gateway::shed;
use crate::gateway::token::TokenPolicy;
use crate::idp::machine::{IdpMachine, IdpMachineSpec};
use crate::ids::TenantId;
use crate::saas::Saas;
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::{Duration, NodeId};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Builds every node of a deployment, with `actors` in front of it.
pub fn build(deployment: &Deployment, actors: Vec<Actor>) -> Built {
    let config = &deployment.config;
    let mut workloads = cell::workloads(deployment);
    let deployed = workloads.len();
    let mut roles: Vec<String> = workloads.iter().map(|w| w.role.clone()).collect();
    super::connector::admit(deployment, &actors, &mut workloads);
    roles.extend(cell::others(config));
    roles.extend(super::people::portals(deployment));
    roles.extend(super::offline::roles(deployment));
    roles.push(PARTNER_IDP.into());
    roles.extend(actors.iter().map(|a| a.role.clone()));
    let directory = Rc::new(Directory::of(roles.iter().cloned()));
    let names: BTreeMap<NodeId, Arc<str>> = roles.iter().map(|r| (directory.node(r), r.as_str().into())).collect();
    let outside = |role: &String| !workloads.iter().any(|w| w.role == *role);
    let parts = Parts {
        deployment,
        directory: directory.clone(),
        thumbprints: Rc::new(thumbprints(deployment, &actors, &directory)),
        mesh: Mesh {
            memo: deployment.chains.clone(),
            edge_tls: deployment.edge_tls,
            tokens: config.tokens.clone(),
            names: Rc::new(names),
            clients: roles.iter().filter(|r| outside(r)).map(|r| directory.node(r)).collect::<BTreeSet<_>>(),
            workloads,
        },
        tokens: deployment.tokens.clone(),
        bases: cell::bases(deployment),
    };
    let mut nodes: Vec<NodeSpec<Saas>> = Vec::new();
    for workload in &parts.mesh.workloads[..deployed] {
        let (component, boot) = workload_boot(&parts, workload);
        let boot = parts.mesh.wrap(&workload.role, &directory, &config.costs, boot);
        nodes.push(node(&parts, &workload.role, &workload.cell, component, boot));
    }
    for role in cell::others(config) {
        let (component, boot) = cell::other_boot(&parts, &role);
        let cell = role.split_once('/').map_or(role.as_str(), |(cell, _)| cell).to_owned();
        nodes.push(node(&parts, &role, &cell, component, boot));
    }
    for role in super::people::portals(deployment) {
        let boot = super::people::portal_boot(&parts, &role);
        let cell = role.split_once('/').map_or(role.as_str(), |(cell, _)| cell).to_owned();
        nodes.push(node(&parts, &role, &cell, Component::Serving, boot));
    }
    for role in super::offline::roles(deployment) {
        let boot = super::offline::cell_boot(&parts);
        nodes.push(node(&parts, &role, &config.offline.id, Component::ObjectStore, boot));
    }
    let partner = partner_boot(&parts);
    nodes.push(node(&parts, PARTNER_IDP, "partner", Component::Idp, partner));
    for actor in actors {
        let boot = (actor.boot)(directory.clone());
        nodes.push(NodeSpec {
            boot: match actor.connector_of {
                Some(_) => parts.mesh.wrap(&actor.role, &directory, &config.costs, boot),
                None => boot,
            },
            zone: actor.role.clone(),
            role: actor.role,
            group: actor.group,
            workers: 0,
            queue_max: u32::MAX,
            sync_ns: sim::seed::Quantiles::constant(0),
        });
    }
    links(config, nodes)
}

const PARTNER_IDP: &str = "partner/idp";

/// Certificates that principals present on their connections: one each, known by its digest.
fn thumbprints(deployment: &Deployment, actors: &[Actor], directory: &Directory) -> BTreeMap<NodeId, [u8; 32]> {
    let shown = |role: &str| {
        deployment
            .copies
            .iter()
            .find(|(by, _)| **by == *role)
            .map_or(sha256(role.as_bytes()), |(_, of)| sha256(of.as_bytes()))
    };
    let of_actors = actors.iter().map(|a| (directory.node(&a.role), shown(&a.role)));
    let portals = super::people::portals(deployment);
    of_actors.chain(portals.iter().map(|role| (directory.node(role), super::people::certificate(role)))).collect()
}

fn node(parts: &Parts<'_>, role: &str, group: &str, component: Component, boot: Boot<Saas>) -> NodeSpec<Saas> {
    let config = &parts.deployment.config;
    let cell = config.cell(group).unwrap_or(&config.cells[0]);
    let edge = config.edges.iter().find(|e| *e.id == *role);
    let Capacity { workers, queue } = edge.map_or_else(|| cell.components.of(component), |e| e.capacity);
    let number = role.rsplit('-').next().and_then(|n| n.parse::<usize>().ok()).unwrap_or(1);
    let zone = &cell.zones[(number + cell.zones.len() - 1) % cell.zones.len()];
    NodeSpec {
        role: role.into(),
        group: if edge.is_some() { role.into() } else { group.into() },
        zone: zone.to_string(),
        workers: workers as u16,
        queue_max: queue,
        sync_ns: sim::seed::Quantiles::new(&[150_000, 250_000, 400_000, 900_000, 4_000_000]),
        boot,
    }
}

fn workload_boot(parts: &Parts<'_>, workload: &Workload) -> (Component, Boot<Saas>) {
    let config = &parts.deployment.config;
    match config.edges.iter().find(|e| *e.id == *workload.role) {
        Some(edge) => (Component::Gateway, gateway_boot(parts, &edge.cell)),
        None => cell::workload_boot(parts, workload),
    }
}

fn gateway_boot(parts: &Parts<'_>, cell: &str) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let home = config.cell(cell).unwrap_or(&config.cells[0]);
    let cost = |operation| config.costs.of(operation);
    let tenants: BTreeMap<TenantId, Placement> = parts
        .deployment
        .all_tenants
        .tenants
        .iter()
        .map(|tenant| {
            let home = config.cells.iter().position(|c| c.region == tenant.region).unwrap_or(0);
            (tenant.id.clone(), Placement { region: tenant.region.clone(), home })
        })
        .collect();
    let limits = &config.limits;
    let spec = GatewaySpec {
        region: home.region.clone(),
        cells: config
            .cells
            .iter()
            .map(|c| CellPeer {
                region: c.region.clone(),
                apps: apps(c).iter().map(|role| parts.directory.node(role)).collect(),
                standing: super::autoscaler::standing(parts.deployment, c),
            })
            .collect(),
        // Keys are had from every provider of the region: a cell that is lost takes none of them away.
        issuers: super::idps_of(config, cell)
            .iter()
            .map(|idp| (Arc::from(super::ISSUER), parts.directory.node(idp)))
            .chain([(Arc::from(super::PARTNER_ISSUER), parts.directory.node(PARTNER_IDP))])
            .collect(),
        policy: token_policy(config),
        thumbprints: parts.thumbprints.clone(),
        tenants: Rc::new(tenants),
        rate: (limits.tenant_requests_per_s as u32, limits.tenant_burst as u32),
        switches_per_min: limits.tenant_switches_per_min as u32,
        retries: super::retries(config),
        objective: (u64::from(config.slos.api_success.good_ppm()), config.slos.budget_window),
        shed: shed::Settings::DEFAULT,
        cost: (
            cost(Operation::GatewayRoute)
                + cost(Operation::GatewayVerifyToken)
                + cost(Operation::GatewayInspect)
                + cost(Operation::GatewayLimit),
            cost(Operation::GatewayRoute),
        ),
        patience: Duration::millis(2_500),
        check_every: config.housekeeping.every(CHECK_EVERY),
        revoked: parts.deployment.revoked.clone(),
        sentinel: super::sentinel::asked(parts, cell),
        pipeline: super::admin::pipeline(parts.deployment, cell).and_then(|role| parts.directory.find(&role)),
        edge_cache: super::remediation::of(parts, cell),
        vouches: parts.deployment.customers.is_some(),
        scaled_by: super::autoscaler::of(parts, cell),
        rolled_by: super::rollout::of(parts, cell),
        memo: parts.tokens.clone(),
    };
    Rc::new(move |ctx, out| Box::new(Gateway::boot(&spec, ctx, out)))
}

/// Which tokens a gateway accepts. Their provider grants no longer lives than the gateway takes.
fn token_policy(config: &PlatformConfig) -> TokenPolicy {
    let mut policy = TokenPolicy::new(super::ISSUER, super::AUDIENCE);
    policy.leeway = config.tokens.leeway;
    policy.lifetime_max = config.tokens.access;
    policy.jwks_stale_after = config.ttls.jwks;
    policy
}

fn partner_boot(parts: &Parts<'_>) -> Boot<Saas> {
    let mut spec = IdpMachineSpec::new(super::PARTNER_ISSUER);
    spec.thumbprints = (*parts.thumbprints).clone();
    Rc::new(move |ctx, out| Box::new(IdpMachine::boot(&spec, ctx, out)))
}

fn links(config: &PlatformConfig, nodes: Vec<NodeSpec<Saas>>) -> Built {
    // The configured table, taken at 65 equal steps: what the kernel samples from.
    let table = |quantiles: &Quantiles| {
        let at = |i: u64| quantiles.sample(if i == 64 { u64::MAX } else { i << 58 }).as_nanos();
        LinkSpec { latency_ns: sim::seed::Quantiles::new(&(0..=64).map(at).collect::<Vec<_>>()) }
    };
    let (intra, inter, edge) = (&config.links.intra_cell, &config.links.inter_cell, &config.links.edge);
    let mut links = Vec::new();
    for e in &config.edges {
        // An edge stands in front of its own cell, in the same place.
        links.push((e.id.to_string(), e.cell.to_string(), table(intra)));
        for region in &config.vocabulary.regions {
            links.push((format!("internet-{region}"), e.id.to_string(), table(edge)));
        }
        links.push(("internet".into(), e.id.to_string(), table(edge)));
    }
    for cell in &config.cells {
        for region in &config.vocabulary.regions {
            links.push((format!("internet-{region}"), cell.id.to_string(), table(edge)));
        }
        links.push(("internet".into(), cell.id.to_string(), table(edge)));
    }
    Built { nodes, local: table(intra), remote: table(inter), links }
}
