//! The platform, wired: the only place that knows two components.
//!
//! Maps roles to addresses, wraps each workload in its sidecar, and builds the nodes of a deployment from
//! `platform.toml` and `tenants.yaml`.

use crate::config::{Cell, PlatformConfig, Tenant, Tenants};
use crate::gateway::token::TokenMemo;
use crate::ids::TenantId;
use crate::kafka::tamper::Tampering;
use crate::marker::Marker;
use crate::mesh::verify::ChainMemo;
use crate::retry;
use crate::saas::Saas;
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::{Duration, Instant, NodeId};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

pub mod admin;
mod autoscaler;
mod cell;
mod connector;
pub mod customers;
mod events;
pub mod graph;
pub mod incidents;
pub mod kube;
mod mesh;
pub mod objects;
pub mod offline;
mod parts;
pub mod people;
pub mod registrar;
pub mod remediation;
pub mod replica;
pub mod rollout;
pub mod sentinel;
pub mod sidecar;
pub mod slices;
mod topology;

pub use crate::idp::machine::ANALYTICS_AUDIENCE;
pub use crate::kafka::event::event_body;
pub use connector::connector_path;
pub use events::{DOMAINS, broker_roles, elsewhere};
pub use mesh::trust_domain;
pub use topology::build;

/// Audience of tokens that the gateway accepts.
pub const AUDIENCE: &str = "https://api.cellproof.test";

/// The issuer whose tokens the gateway accepts.
pub const ISSUER: &str = "https://idp.cellproof.test";

/// A partner's issuer: its keys are cached for another purpose, and open no door here.
pub const PARTNER_ISSUER: &str = "https://partner.example";

/// Path of a gateway's id.
const GATEWAY: &str = "/ns/edge/sa/gateway";

/// Role of an issuer's signing keys.
pub fn idp_key_role(issuer: &str) -> String {
    format!("idp/{issuer}")
}

/// How long an access token lives, where the platform is not configured otherwise.
pub const TOKEN_LIFETIME: Duration = Duration::secs(300);

/// Addresses by role.
#[derive(Debug, Default)]
pub struct Directory(BTreeMap<String, NodeId>);

impl Directory {
    /// The node of a role.
    ///
    /// # Panics
    /// When nobody plays it: the wiring is wrong.
    pub fn node(&self, role: &str) -> NodeId {
        self.find(role).unwrap_or_else(|| panic!("nobody plays {role}"))
    }
    /// The node of a role, if somebody plays it.
    pub fn find(&self, role: &str) -> Option<NodeId> {
        self.0.get(role).copied()
    }
    /// The role of a node.
    pub fn role(&self, node: NodeId) -> Option<&str> {
        self.0.iter().find(|(_, id)| **id == node).map(|(role, _)| role.as_str())
    }
    /// Roles of a list, in order of their addresses.
    pub fn of(roles: impl IntoIterator<Item = String>) -> Directory {
        Directory(roles.into_iter().enumerate().map(|(i, role)| (role, NodeId(i as u32))).collect())
    }
}

/// Makes the boot function of an actor, once addresses are known.
pub type Casting = Box<dyn Fn(Rc<Directory>) -> Boot<Saas>>;

/// Somebody who is no part of the platform: a client, an attacker, a tenant's connector.
pub struct Actor {
    /// Unique role.
    pub role: String,
    /// Group of the network it is in.
    pub group: String,
    /// The tenant whose events it reads and writes: then it stands in a cell, behind a sidecar, with the certificate of
    /// that tenant's connector.
    pub connector_of: Option<TenantId>,
    /// Boots it.
    pub boot: Casting,
}

/// A defect that is deployed on purpose, to see that a gate finds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KnownBad {
    /// The application answers every list request with a row of another tenant.
    ForeignRowInLists,
}

/// Which ways events take between cells.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Mirrors {
    /// From the first to the second, where copies carry the source cell in their names.
    #[default]
    OneWay,
    /// Both ways under the same names, as with `IdentityReplicationPolicy`: consumers may move to the other cell and
    /// find their topics.
    BothWays,
    /// As [`Mirrors::OneWay`], and what the first cell cannot take spills to the others, from which drains bring it
    /// home.
    Spilling,
}

impl Mirrors {
    /// The ways between the first two cells, each from its source to its target.
    pub fn ways(self, config: &PlatformConfig) -> Vec<(&Cell, &Cell)> {
        let [first, second, ..] = &config.cells[..] else { return Vec::new() };
        match self {
            Mirrors::OneWay | Mirrors::Spilling => vec![(first, second)],
            Mirrors::BothWays => vec![(first, second), (second, first)],
        }
    }

    /// Where events of this cell may spill to: cells of its own region first.
    pub fn spills<'a>(self, config: &'a PlatformConfig, home: &str) -> Vec<&'a Cell> {
        let [first, others @ ..] = &config.cells[..] else { return Vec::new() };
        if self != Mirrors::Spilling || *first.id != *home {
            return Vec::new();
        }
        let (near, far): (Vec<&Cell>, Vec<&Cell>) = others.iter().partition(|cell| cell.region == first.region);
        [near, far].concat()
    }
}

/// The leak marker of a datum, by tenant, salt, record and version.
pub type Datum = Rc<dyn Fn(&str, u64, u32, u16) -> Marker>;

/// The number under which the contact of a special record is a datum of its own: whom to ask about it.
pub fn contact_of(record: u32) -> u32 {
    600_000 + record
}

/// A record that is not what its tenant's records usually are. It names a contact; ordinary ones name nobody.
#[derive(Clone, Debug)]
pub struct Special {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its number within the tenant.
    pub id: u32,
    /// What it is: `agents`.
    pub kind: Arc<str>,
    /// Its level as it is stored; what is no level is what a careless import leaves behind.
    pub level: i64,
    /// Its label.
    pub label: Arc<str>,
}

/// A workload that an actor plays: its cell's CA attests it by its connection, and issues it an id.
#[derive(Clone, Debug)]
pub struct Enrolled {
    /// The actor's role.
    pub role: Arc<str>,
    /// Its cell.
    pub cell: Arc<str>,
    /// Path of its id; others may have the same.
    pub path: Arc<str>,
    /// When it is taken back, if ever.
    pub revoked_at: Option<Instant>,
}

/// Pipelines that policies come through.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Pipelines {
    /// None: what is configured is in force.
    #[default]
    None,
    /// Every cell has a repository and a pipeline of its own.
    Apart,
    /// The repository is in the first cell, and the pipelines of the others follow.
    Following,
}

/// What is deployed.
pub struct Deployment {
    /// The platform.
    pub config: Rc<PlatformConfig>,
    /// Tenants that exist in this run, with the salt of their data.
    pub tenants: Vec<(Tenant, u64)>,
    /// All configured tenants.
    pub all_tenants: Rc<Tenants>,
    /// Records that each tenant begins with.
    pub records: u32,
    /// Records beside those, each with a class of its own.
    pub specials: Vec<Special>,
    /// What the policy knows of tenants, each version with when it comes into force; in order. When there is none it is
    /// what is configured.
    pub policies: Vec<(Instant, Tenants)>,
    /// A defect, for canaries.
    pub known_bad: Option<KnownBad>,
    /// Whether clients open TLS sessions with the gateways; elsewhere those are taken for granted.
    pub edge_tls: bool,
    /// Whether every cell has a portal, and people log in there and on devices.
    pub portals: bool,
    /// Whether every cell has a SIEM that keeps the decisions of its policy agent.
    pub kept_decisions: bool,
    /// How long one travels at least between two gateways, where every cell has a sentinel.
    pub travel: Option<Duration>,
    /// Actors that show a copy of another's certificate and key, each with whose.
    pub copies: Vec<(Arc<str>, Arc<str>)>,
    /// Whether every cell has an object store.
    pub objects: bool,
    /// Whether every cell has a console for operators, and a SIEM that keeps what is refused there.
    pub console: bool,
    /// What there is of graph databases, if anything.
    pub graph: Option<graph::GraphPlan>,
    /// Who may see what of tenants' customers, where those are kept in the databases.
    pub customers: Option<customers::CustomersPlan>,
    /// Whether tenants' incidents are kept in the databases.
    pub incidents: bool,
    /// What there is of logical replicas, if anything.
    pub replica: Option<replica::ReplicaPlan>,
    /// What lives offline, if anything does; it needs an object store.
    pub offline: Option<offline::OfflinePlan>,
    /// Whether every cell has a Kubernetes that tenants write resources to.
    pub kube: bool,
    /// When the caches of the gateways are switched, and whether on or off; in order. There are none where there are no
    /// switches.
    pub edge_cache: Rc<[(Instant, bool)]>,
    /// Which pipelines the policy comes through.
    pub pipelines: Pipelines,
    /// Whether every cell has a registrar, and its service changes nothing that does not stand in the log.
    pub request_log: bool,
    /// Whether every cell has a witness of its audit topics.
    pub witnessed: bool,
    /// A tenant whose topics have the next version of their schema in its own cell, and in no other.
    pub schema_ahead: Option<TenantId>,
    /// Edits of logs behind their brokers' backs, by cell.
    pub tampering: Vec<(Arc<str>, Tampering)>,
    /// Principals that the identity provider knows, with the tenants each may act for: all of one region, that of the
    /// first.
    pub principals: Vec<(Arc<str>, Vec<TenantId>)>,
    /// Which ways events take between cells.
    pub mirrors: Mirrors,
    /// Ids of tokens that were taken back before the run.
    pub revoked: Vec<Arc<str>>,
    /// Workloads that actors play.
    pub enrolled: Vec<Enrolled>,
    /// A tenant that is deleted, and whose id is given to somebody else, at an instant.
    pub reborn: Option<(TenantId, Instant)>,
    /// When the key that signs tokens is found to be stolen, and taken back.
    pub key_stolen_at: Option<Instant>,
    /// How many instances the service of each cell has, where an autoscaler decides that.
    pub scaling: Option<crate::autoscaler::Settings>,
    /// Releases of the service that are rolled out, where they are.
    pub rollouts: Option<rollout::RolloutPlan>,
    /// From when until when tenants may only read, if ever.
    pub read_only: Option<(Instant, Instant)>,
    /// Role with which the service logs in to the database.
    pub login: &'static str,
    /// The leak marker of a datum, by tenant, salt, record and version.
    pub datum: Datum,
    /// Where verifications of tokens are kept, and counted.
    pub tokens: TokenMemo,
    /// Where verifications of certificates are kept, and counted.
    pub chains: ChainMemo,
}

/// Nodes and links of a deployment.
pub struct Built {
    /// Nodes, in order of their addresses.
    pub nodes: Vec<NodeSpec<Saas>>,
    /// Link inside a group.
    pub local: LinkSpec,
    /// Link between groups that `links` does not name.
    pub remote: LinkSpec,
    /// Links between groups.
    pub links: Vec<(String, String, LinkSpec)>,
}

/// Index of a tenant in leak markers: its place in `tenants.yaml`.
pub fn index_of(tenants: &Tenants, id: &str) -> u32 {
    tenants.place(id).map_or(u32::MAX >> 8, |i| i as u32)
}

/// How retries are earned and spent, at every hop.
fn retries(config: &PlatformConfig) -> retry::Settings {
    retry::Settings { budget_ppm: config.limits.retry_budget_ppm as u32, ..retry::Settings::DEFAULT }
}

/// The cell that serves a tenant: the first of its region.
pub fn home_cell(config: &PlatformConfig, tenant: &Tenant) -> Arc<str> {
    let home = config.cells_in(&tenant.region).next().unwrap_or(&config.cells[0]);
    home.id.clone()
}

/// Identity providers of a cell's region, its own first. They are one issuer, with one set of keys.
pub fn idps_of(config: &PlatformConfig, cell: &str) -> Vec<String> {
    let region = config.cell(cell).map(|cell| &*cell.region).unwrap_or_default();
    let others = config.cells_in(region).filter(|other| *other.id != *cell);
    std::iter::once(cell).chain(others.map(|other| &*other.id)).map(|cell| format!("{cell}/idp")).collect()
}

/// The edge gateway in front of a cell.
pub fn edge_of(config: &PlatformConfig, cell: &str) -> String {
    let edge = config.edges.iter().find(|e| &*e.cell == cell).unwrap_or(&config.edges[0]);
    edge.id.to_string()
}
