//! The registrar of a cell, where one is deployed: the service tells it, and it writes into the cell's database.

use super::Deployment;
use super::mesh::{APP, Workload};
use super::parts::Parts;
use crate::config::{Cell, Operation};
use crate::crypto;
use crate::registrar::machine::{Registrar, RegistrarSpec};
use crate::saas::Saas;
use crate::wire::sql::Login;
use sim::node::Boot;
use sim::{Duration, NodeId};
use std::rc::Rc;

/// Path of its id.
pub(super) const REGISTRAR: &str = "/ns/control/sa/registrar";

/// How often it reads every log, in the reference.
const EVERY: Duration = Duration::millis(500);

/// Who is master of every database, past policies and grants. Simulation only: who may know the password is what is
/// under test.
pub fn superuser() -> Login {
    Login { role: "dba".into(), password: "pw-dba".into() }
}

/// The superuser, as SQL.
pub(super) fn superuser_ddl() -> String {
    let Login { role, password } = superuser();
    format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{password}';")
}

/// Role of a cell's registrar.
pub fn role(cell: &str) -> String {
    format!("{cell}/registrar")
}

/// The registrar as a workload.
pub(super) fn workload(deployment: &Deployment, cell: &Cell, databases: Vec<String>) -> Option<Workload> {
    deployment.request_log.then(|| Workload {
        role: role(&cell.id),
        cell: cell.id.to_string(),
        path: REGISTRAR.into(),
        calls: databases,
        accepts: (vec![cell.id.to_string()], vec![APP.into()]),
        tells_callers: false,
        open: false,
        sealed: Vec::new(),
    })
}

/// The registrar that a cell's service tells, where there is one.
pub(super) fn told(parts: &Parts<'_>, cell: &str) -> Option<NodeId> {
    parts.directory.find(&role(cell)).filter(|_| parts.deployment.request_log)
}

pub(super) fn boot(parts: &Parts<'_>, workload: &Workload) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let spec = RegistrarSpec {
        role: workload.role.as_str().into(),
        databases: workload.calls.iter().map(|role| parts.directory.node(role)).collect(),
        key: crypto::key(&workload.role, 0),
        every: config.housekeeping.every(EVERY),
        cost: config.costs.of(Operation::SiemAppend),
    };
    Rc::new(move |ctx, out| Box::new(Registrar::boot(&spec, ctx, out)))
}
