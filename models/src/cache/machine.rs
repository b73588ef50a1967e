//! The cache machine: a server on a node. It loses everything in a crash, as a cache may.

use super::acl::User;
use super::keys;
use super::memory::{Eviction, Memory};
use super::server::CacheServer;
use crate::fact::{Fact, Place};
use crate::ids::{Bytes, TenantId};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::resp::{Command, Request};
use sim::{Ctx, Duration, Input, Machine, Outbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// ACL user under which a service keeps what belongs to no tenant.
pub const PLATFORM_USER: &str = "platform";

/// What a cache node is.
#[derive(Clone, Debug)]
pub struct CacheSpec {
    /// Tenants that have an account: one ACL user each, named like the tenant.
    pub tenants: Vec<TenantId>,
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
        let mut owners = BTreeMap::new();
        for tenant in &spec.tenants {
            let namespace = keys::tenant_namespace(ctx.controls(), tenant);
            memory.set_floor(&namespace, spec.floor);
            owners.insert(namespace, tenant.clone());
        }
        let mut server = CacheServer::new(memory);
        let user = |name: &str, pattern: &[u8]| {
            let rules = format!("on >pw-{name} +get +set +del +exists +select");
            let mut user = User::parse(name, &rules).expect("the platform's own ACL rules parse");
            user.allow_keys(pattern);
            user
        };
        for tenant in &spec.tenants {
            server.set_user(user(tenant, &keys::tenant_pattern(ctx.controls(), tenant)));
        }
        server.set_user(user(PLATFORM_USER, &keys::platform_pattern()));
        CacheNode { server, owners, place: spec.place.clone(), costs: spec.costs }
    }

    fn busy(&self, out: &mut Outbox<Saas>, request: &Request) {
        let writes = request.iter().filter(|command| matches!(command, Command::Set { .. } | Command::Del(_))).count();
        out.busy(self.costs.set * writes as u64 + self.costs.get * (request.len() - writes) as u64);
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

impl Machine<Saas> for CacheNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Resp(id, connection, request) } => {
                self.busy(out, &request);
                let response = self.server.handle(ctx.now(), ctx.controls(), connection, request);
                self.state_evictions(out);
                out.send(from, Wire::RespAnswer(id, response));
            }
            Input::Message { from, message: Wire::Probe(id) } => out.send(from, Wire::ProbeAnswer(id)),
            _ => {}
        }
    }
}

/// The account of a tenant, as a service logs in for it.
pub fn account(tenant: &str) -> super::Account {
    super::Account { user: Arc::from(tenant), password: password(tenant).into(), database: 0 }
}
