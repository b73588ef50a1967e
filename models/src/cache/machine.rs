//! The cache machine: a server on a node. It loses everything in a crash, as a cache may.

use super::acl::User;
use super::keys;
use super::memory::{Eviction, Memory};
use super::server::CacheServer;
use crate::control;
use crate::control::{Control, Controls};
use crate::fact::{Fact, Place};
use crate::ids::{Bytes, TenantId};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::resp::{Command, ConnectionId, Reply, Request};
use sim::{Ctx, Duration, Input, Machine, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A user of the cache chooses no logical database but its own (TEN-04).
pub const DATABASE_FENCE: Control = control!(
    "cache.database-fence",
    upholds: ["TEN-04", "CAC-01"],
    off: "users have +select without a database: whoever logs in walks into every slice, where nothing but the key \
          patterns is left",
);

/// ACL user under which a service keeps what belongs to no tenant.
pub const PLATFORM_USER: &str = "platform";

/// What a cache node is.
#[derive(Clone, Debug)]
pub struct CacheSpec {
    /// Tenants that have an account: one ACL user each, named like the tenant.
    pub tenants: Vec<TenantId>,
    /// Tenants that are pinned to a slice, each with its logical database; the others share number 0.
    pub slices: BTreeMap<TenantId, u16>,
    /// Logical databases.
    pub databases: u16,
    /// `maxmemory`, in bytes.
    pub memory_max: u64,
    /// Bytes of each tenant that others cannot evict.
    pub floor: u64,
    /// Where it stands.
    pub place: Place,
    /// Worker time.
    pub costs: CacheCosts,
}

/// Worker time of what a cache does.
#[derive(Clone, Copy, Debug)]
pub struct CacheCosts {
    /// Of a command that reads.
    pub get: Duration,
    /// Of a command that writes.
    pub set: Duration,
    /// Of making room for one entry.
    pub evict: Duration,
}

/// Password of an ACL user. Simulation only: the link is sealed, and who may know it is what is under test.
pub fn password(user: &str) -> Vec<u8> {
    [b"pw-", user.as_bytes()].concat()
}

/// A cache at work.
pub struct CacheNode {
    server: CacheServer,
    /// Whose namespace it is.
    owners: BTreeMap<Bytes, TenantId>,
    /// Namespaces of tenants that are pinned to a slice.
    pinned: Vec<(Bytes, TenantId)>,
    place: Place,
    costs: CacheCosts,
}

impl CacheNode {
    /// An empty cache with its users.
    ///
    /// # Panics
    /// When a rule that is written here does not parse.
    pub fn boot(spec: &CacheSpec, ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> CacheNode {
        let mut memory = Memory::new(spec.databases, spec.memory_max);
        let (mut owners, mut pinned) = (BTreeMap::new(), Vec::new());
        for tenant in &spec.tenants {
            let namespace = keys::tenant_namespace(ctx.controls(), tenant);
            memory.set_floor(&namespace, spec.floor);
            if spec.slices.contains_key(tenant) {
                pinned.push((namespace.clone(), tenant.clone()));
            }
            owners.insert(namespace, tenant.clone());
        }
        let mut server = CacheServer::new(memory);
        let user = |name: &str, pattern: &[u8]| {
            let database = spec.slices.get(name).copied().unwrap_or(0);
            let mut user = User::parse(name, &rules(ctx.controls(), name, database)).expect("our own rules parse");
            user.allow_keys(pattern);
            user
        };
        for tenant in &spec.tenants {
            server.set_user(user(tenant, &keys::tenant_pattern(ctx.controls(), tenant)));
        }
        server.set_user(user(PLATFORM_USER, &keys::platform_pattern()));
        CacheNode { server, owners, pinned, place: spec.place.clone(), costs: spec.costs }
    }

    fn busy(&self, out: &mut Outbox<Saas>, request: &Request) {
        let writes = request.iter().filter(|command| matches!(command, Command::Set { .. } | Command::Del(_))).count();
        out.busy(self.costs.set * writes as u64 + self.costs.get * (request.len() - writes) as u64);
    }

    /// Which of the keys that a request sets belong to pinned tenants, in order; one place for each command.
    fn pinned_of(&self, request: &Request) -> Vec<Option<TenantId>> {
        let owner = |command: &Command| {
            let Command::Set { key, .. } = command else { return None };
            let of = |(namespace, _): &&(Bytes, TenantId)| {
                key.strip_prefix(&**namespace).is_some_and(|rest| rest.starts_with(b":"))
            };
            self.pinned.iter().find(of).map(|(_, tenant)| tenant.clone())
        };
        if self.pinned.is_empty() { Vec::new() } else { request.iter().map(owner).collect() }
    }

    /// What came in is a fact of the store, when it is a pinned tenant's.
    fn state_entries(
        &self,
        out: &mut Outbox<Saas>,
        connection: ConnectionId,
        pinned: Vec<Option<TenantId>>,
        response: &[Reply],
    ) {
        for (tenant, reply) in pinned.into_iter().zip(response) {
            if let (Some(tenant), Reply::Ok) = (tenant, reply) {
                let (place, database) = (self.place.clone(), self.server.database(connection));
                out.fact(Fact::EntryStored { place, database, tenant });
            }
        }
    }

    /// What had to go is a fact of the store, when it was somebody's.
    fn state_evictions(&mut self, out: &mut Outbox<Saas>) {
        for Eviction { owner, by, held } in self.server.take_evictions() {
            out.busy(self.costs.evict);
            let Some(tenant) = self.owners.get(&owner).cloned() else { continue };
            let (place, by) = (self.place.clone(), self.owners.get(&by).cloned());
            out.fact(Fact::EntryEvicted { place, tenant, by, held });
        }
    }
}

/// What a user may do, but for its keys.
fn rules(controls: &Controls, name: &str, database: u16) -> String {
    let select = if controls.on(&DATABASE_FENCE) { format!("+select|{database}") } else { "+select".into() };
    format!("on >pw-{name} +get +set +del +exists {select}")
}

impl Machine<Saas> for CacheNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Resp(id, connection, request) } => {
                self.busy(out, &request);
                let pinned = self.pinned_of(&request);
                let response = self.server.handle(ctx.now(), ctx.controls(), connection, request);
                self.state_evictions(out);
                self.state_entries(out, connection, pinned, &response);
                out.send(from, Wire::RespAnswer(id, response));
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            _ => {}
        }
    }
}

/// The account of a tenant, as a service logs in for it.
pub fn account(tenant: &str, database: u16) -> super::Account {
    super::Account { user: Arc::from(tenant), password: password(tenant).into(), database }
}
