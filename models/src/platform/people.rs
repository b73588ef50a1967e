//! Where people log in: the portal of a cell, and the command line on their devices.

use super::parts::Parts;
use super::{Deployment, edge_of};
use crate::config::Operation;
use crate::crypto::sha256;
use crate::idp::login::App;
use crate::portal::machine::{Portal, PortalSpec};
use crate::saas::Saas;
use sim::node::Boot;
use std::rc::Rc;
use std::sync::Arc;

/// The portal's id at the provider.
pub const PORTAL: &str = "portal";
/// The id of the command line, which can prove nothing.
pub const CLI: &str = "cli";

/// Where browsers bring codes to the portal of a cell.
pub fn callback_of(cell: &str) -> Arc<str> {
    format!("https://{cell}.portal.cellproof.test/portal/callback").into()
}

/// Roles of the portals.
pub(super) fn portals(deployment: &Deployment) -> Vec<String> {
    let cells = deployment.config.cells.iter().filter(|_| deployment.portals);
    cells.map(|cell| format!("{}/portal", cell.id)).collect()
}

/// What a portal shows on its connections, by digest.
pub(super) fn certificate(role: &str) -> [u8; 32] {
    sha256(role.as_bytes())
}

/// Applications that the provider of a cell knows.
pub(super) fn apps(cell: &str) -> Vec<App> {
    let portal = App {
        client_id: PORTAL.into(),
        redirect_uris: vec![callback_of(cell)],
        certificate: Some(certificate(&format!("{cell}/portal"))),
    };
    vec![portal, App { client_id: CLI.into(), redirect_uris: Vec::new(), certificate: None }]
}

pub(super) fn portal_boot(parts: &Parts<'_>, role: &str) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let cell = role.split_once('/').map_or(role, |(cell, _)| cell);
    let spec = PortalSpec {
        client_id: PORTAL.into(),
        redirect_uri: callback_of(cell),
        idp: parts.directory.node(&format!("{cell}/idp")),
        gateway: parts.directory.node(&edge_of(config, cell)),
        cost: config.costs.of(Operation::GatewayRoute),
    };
    Rc::new(move |ctx, out| Box::new(Portal::boot(&spec, ctx, out)))
}
