//! The cache machine: a server on a node. It loses everything in a crash, as a cache may.

use super::acl::User;
use super::keys;
use super::memory::Memory;
use super::server::CacheServer;
use crate::ids::TenantId;
use crate::saas::Saas;
use crate::wire::Wire;
use sim::{Ctx, Duration, Input, Machine, Outbox};
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
    /// Worker time of one command.
    pub cost: Duration,
}

/// Password of an ACL user. Simulation only: the link is sealed, and who may know it is what is under test.
pub fn password(user: &str) -> Vec<u8> {
    [b"pw-", user.as_bytes()].concat()
}

/// A cache at work.
pub struct CacheNode {
    server: CacheServer,
    cost: Duration,
}

impl CacheNode {
    /// An empty cache with its users.
    ///
    /// # Panics
    /// When a rule that is written here does not parse.
    pub fn boot(spec: &CacheSpec, ctx: &mut Ctx<'_, Saas>, _out: &mut Outbox<Saas>) -> CacheNode {
        let mut memory = Memory::new(spec.databases, spec.memory_max);
        for tenant in &spec.tenants {
            memory.set_floor(&keys::tenant_namespace(ctx.controls(), tenant), spec.floor);
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
        CacheNode { server, cost: spec.cost }
    }
}

impl Machine<Saas> for CacheNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Resp(id, connection, request) } => {
                out.busy(self.cost * request.len() as u64);
                let response = self.server.handle(ctx.now(), ctx.controls(), connection, request);
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
