//! The admin namespace of a cell: who is there, with which role, and the pipeline that policies come through.
//!
//! It is a namespace of its own: an id in it is issued to nobody who serves tenants, and only such ids are let in at an
//! admin API.

use super::mesh::{Workload, trust_domain};
use super::parts::Parts;
use super::{Deployment, Pipelines};
use crate::config::{Cell, Operation};
use crate::crypto::{self, Key};
use crate::gitops::machine::{GitOps, GitOpsSpec};
use crate::gitops::people::{Account, People};
use crate::gitops::sync::Standing;
use crate::policy::admin::{Bindings, Role};
use crate::policy::bundle::reference_content;
use crate::policy::data::PolicyData;
use crate::saas::Saas;
use crate::wire::admin::PolicyFiles;
use sim::node::Boot;
use sim::{Duration, NodeId};
use std::rc::Rc;

/// Path of the pipeline's id.
pub(super) const GITOPS: &str = "/ns/admin/sa/gitops";
/// Path of the id of those who may do everything by hand, when it burns.
pub const OPERATOR: &str = "/ns/admin/sa/operator";
/// Path of the id of those who look.
pub const AUDITOR: &str = "/ns/admin/sa/auditor";

/// Ids that an admin API lets in.
pub(super) const ADMINS: [&str; 3] = [GITOPS, OPERATOR, AUDITOR];

/// Who has an account in the repository: name, person, and whether a human stands behind it.
const ACCOUNTS: [(&str, &str, bool); 5] = [
    ("ann", "ann", true),
    ("ann-oncall", "ann", true),
    ("release-bot", "ann", false),
    ("bob", "bob", true),
    ("cyd", "cyd", true),
];

/// How often the pipeline asks what runs, in the reference.
const LOOK_EVERY: Duration = Duration::millis(400);

/// The key of an account of the repository.
pub fn account_key(account: &str) -> Key {
    crypto::key(&format!("account/{account}"), 0)
}

/// The files that are deployed before anybody changes them.
pub fn first_files(deployed: &PolicyData) -> PolicyFiles {
    let content = reference_content(deployed);
    PolicyFiles { policy: content.policy().clone(), data: content.data().clone() }
}

/// Roles at the admin APIs of a cell.
pub(super) fn bindings(cell: &str) -> Bindings {
    let roles = [(GITOPS, Role::Administrator), (OPERATOR, Role::Administrator), (AUDITOR, Role::Auditor)];
    let id = |path: &str| format!("spiffe://{}{path}", trust_domain(cell));
    Bindings::new(roles.map(|(path, role)| (id(path).into(), role)))
}

/// The role of a cell's pipeline, where one is deployed.
pub(super) fn pipeline(deployment: &Deployment, cell: &str) -> Option<String> {
    (deployment.pipelines != Pipelines::None).then(|| format!("{cell}/gitops"))
}

/// The pipeline of a cell, where one is deployed.
pub(super) fn workload(deployment: &Deployment, cell: &Cell, apps: Vec<String>) -> Option<Workload> {
    pipeline(deployment, &cell.id).map(|role| Workload {
        role,
        cell: cell.id.to_string(),
        path: GITOPS.into(),
        calls: [vec![config_of(cell)], told(deployment, cell, apps), others(deployment, cell)].concat(),
        accepts: (deployment.config.cells.iter().map(|c| c.id.to_string()).collect(), vec![GITOPS.into()]),
        tells_callers: false,
        open: true,
        sealed: Vec::new(),
    })
}

/// Who is told of another version of the tenants file: the edges of the cell, and its service.
fn told(deployment: &Deployment, cell: &Cell, apps: Vec<String>) -> Vec<String> {
    let edges = deployment.config.edges.iter().filter(|edge| edge.cell == cell.id).map(|edge| edge.id.to_string());
    edges.chain(apps).collect()
}

/// Whether the pipeline of this cell has its repository there.
pub(super) fn is_home(deployment: &Deployment, cell: &Cell) -> bool {
    deployment.pipelines != Pipelines::Following
        || deployment.config.cells.first().is_some_and(|home| home.id == cell.id)
}

/// Pipelines that one hears of merges from, or tells.
fn others(deployment: &Deployment, cell: &Cell) -> Vec<String> {
    let cells = deployment.config.cells.iter().filter(|other| other.id != cell.id);
    cells
        .filter(|other| is_home(deployment, cell) != is_home(deployment, other))
        .filter_map(|other| pipeline(deployment, &other.id))
        .collect()
}

/// Role of the config service that a cell's pipeline deploys to.
fn config_of(cell: &Cell) -> String {
    format!("{}/config", cell.id)
}

pub(super) fn boot(parts: &Parts<'_>, cell: &Cell, calls: &[String]) -> Boot<Saas> {
    let config = &parts.deployment.config;
    let account = |(name, person, is_human): (&str, &str, bool)| {
        let public = *account_key(name).public();
        Account { name: name.into(), person: person.into(), is_human, public }
    };
    let others: Vec<String> = others(parts.deployment, cell);
    let elsewhere: Vec<NodeId> = others.iter().map(|role| parts.directory.node(role)).collect();
    let standing = match elsewhere.first() {
        Some(home) if !is_home(parts.deployment, cell) => Standing::Follows(*home),
        _ => Standing::Home(elsewhere),
    };
    let is_told = |role: &&String| **role != config_of(cell) && !others.contains(role);
    let spec = GitOpsSpec {
        config: parts.directory.node(&config_of(cell)),
        standing,
        news_bound: config.ttls.policy_stale,
        head: first_files(&PolicyData::from_tenants(&parts.deployment.all_tenants)),
        tenants: (parts.deployment.all_tenants.clone(), config.vocabulary.clone()),
        told: calls.iter().filter(is_told).map(|role| parts.directory.node(role)).collect(),
        people: People::new(ACCOUNTS.map(account)),
        approvals: config.limits.policy_approvals as usize,
        every: config.housekeeping.every(LOOK_EVERY),
        cost: config.costs.of(Operation::PolicyLoadBundle),
    };
    Rc::new(move |ctx, out| Box::new(GitOps::boot(&spec, ctx, out)))
}
