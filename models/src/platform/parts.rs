//! What the boot functions of all parts of the platform are made from.

use super::mesh::Mesh;
use super::{Deployment, Directory};
use crate::config::Cell;
use crate::crypto::sha256;
use crate::fact::Place;
use crate::gateway::token::TokenMemo;
use crate::idp::machine::Principal;
use crate::ids::TenantId;
use crate::postgres::engine::Engine;
use sim::NodeId;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// What every boot function is made from.
pub(super) struct Parts<'a> {
    pub deployment: &'a Deployment,
    pub directory: Rc<Directory>,
    pub thumbprints: Rc<BTreeMap<NodeId, [u8; 32]>>,
    pub mesh: Mesh,
    pub tokens: TokenMemo,
    /// What each cell's database begins with.
    pub bases: BTreeMap<Arc<str>, Rc<Engine>>,
}

/// Roles of a cell's application instances.
pub(super) fn apps(cell: &Cell) -> Vec<String> {
    (1..=cell.sizes.app_instances).map(|i| format!("{}/app-{i}", cell.id)).collect()
}

/// Roles of the gateways in front of a cell.
pub(super) fn edges(deployment: &Deployment, cell: &str) -> Vec<String> {
    deployment.config.edges.iter().filter(|edge| *edge.cell == *cell).map(|edge| edge.id.to_string()).collect()
}

/// A store of a cell, as facts name it.
pub(super) fn place(store: &'static str, cell: &Cell) -> Place {
    Place { store, cell: cell.id.clone(), region: cell.region.clone() }
}

/// Principals as an identity provider registers them.
pub(super) fn principals(parts: &Parts<'_>) -> Vec<Principal> {
    let deployment = parts.deployment;
    let region = |tenant: &TenantId| {
        let known = deployment.all_tenants.get(tenant);
        known.map_or_else(|| deployment.config.cells[0].region.clone(), |t| t.region.clone())
    };
    deployment
        .principals
        .iter()
        .map(|(name, tenants)| {
            let certificate = sha256(name.as_bytes());
            let mut principal = Principal::new(name, certificate, tenants, &region(&tenants[0]), super::AUDIENCE);
            principal.audiences.push(super::ANALYTICS_AUDIENCE.into());
            if deployment.customers.as_ref().is_some_and(|plan| plan.is_restricted(name)) {
                principal.clearances.push("restricted".into());
            }
            principal
        })
        .collect()
}
