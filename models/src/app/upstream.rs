//! What the application keeps about its cache: connections, what is in flight, and the breaker.

use super::operation::Task;
use crate::breaker::{Breaker, Outcome, Permit, Settings};
use crate::cache::client::{CacheClient, Ticket};
use crate::cache::{Account, Key, Owner, Read};
use crate::control::Controls;
use crate::ids::TenantId;
use crate::planted::CACHE_CONNECTION_REUSED;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::resp;
use sim::{Ctx, Duration, Instant, NodeId};
use std::collections::BTreeMap;

/// How application instances of a cell use its cache.
#[derive(Clone, Debug)]
pub struct CachesSpec {
    /// The cache.
    pub node: NodeId,
    /// Account for what belongs to no tenant.
    pub platform: Account,
    /// One account for each tenant.
    pub tenants: Vec<Account>,
    /// Keeps the connection numbers of different instances apart.
    pub connection_base: u64,
    /// How long an entry lives.
    pub ttl: Duration,
    /// How long the cache may take.
    pub patience: Duration,
    /// When it is no longer asked.
    pub breaker: Settings,
    /// A tenant that is deleted and created anew at this instant, on the platform's clock.
    pub reborn: Option<(TenantId, Instant)>,
}

/// The cache of a cell, as one application instance uses it.
#[derive(Debug)]
pub struct Caches {
    node: NodeId,
    client: CacheClient,
    breaker: Breaker,
    calls: BTreeMap<u64, (Ticket, Option<Permit>)>,
    /// Calls that nobody waits for count down from the top, so that they never meet a request's number.
    quiet: u64,
    /// Connections that still owe an answer, by the call that nobody waits for any more.
    owing: BTreeMap<u64, resp::ConnectionId>,
    patience: Duration,
    reborn: Option<(TenantId, Instant)>,
}

impl Caches {
    /// An instance with nothing in flight and no connection open.
    pub fn new(spec: &CachesSpec) -> Caches {
        let mut client = CacheClient::new(spec.platform.clone(), spec.connection_base, spec.ttl);
        for account in &spec.tenants {
            client.set_account(account.user.clone(), account.clone());
        }
        Caches {
            node: spec.node,
            client,
            breaker: Breaker::new(spec.breaker),
            calls: BTreeMap::new(),
            quiet: u64::MAX,
            owing: BTreeMap::new(),
            patience: spec.patience,
            reborn: spec.reborn.clone(),
        }
    }

    /// What was kept before the last of so many sweeps is read no more.
    pub fn sweep(&mut self, times: u64) {
        self.client.sweep(times);
    }

    /// How near the circuit is to its next opening.
    pub fn pressure(&self) -> u64 {
        self.breaker.pressure()
    }

    /// How long the cache may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// Whose entry it is: the tenant, as long as its id is not given to somebody else.
    pub fn owner(&self, ctx: &Ctx<'_, Saas>, tenant: &TenantId) -> Owner {
        let reborn = self.reborn.as_ref().is_some_and(|(t, at)| t == tenant && ctx.now() >= *at);
        Owner { tenant: tenant.clone(), epoch: 1 + u64::from(reborn) }
    }

    fn with_key<T>(
        &mut self,
        controls: &Controls,
        owner: &Owner,
        task: &Task,
        make: impl FnOnce(&mut CacheClient, Key<'_>) -> Option<T>,
    ) -> Option<T> {
        let entry;
        let key = match task {
            Task::Customer(record, reader) => {
                entry = reader.entry(controls, &record.text);
                Key::Tenant { owner, family: "customer", id: &entry }
            }
            Task::Get(r) | Task::Put(r) | Task::Delete(r) => Key::Tenant { owner, family: "record", id: &r.text },
            Task::Who => Key::Session { owner, id: "home" },
            Task::Page(name) => Key::Public { name },
            _ => return None,
        };
        make(&mut self.client, key)
    }

    /// Asks for what the task reads. `None` when the circuit is open, or there is nothing to ask for.
    pub fn get(&mut self, ctx: &Ctx<'_, Saas>, id: u64, tenant: &TenantId, task: &Task) -> Option<(NodeId, Wire)> {
        let permit = self.breaker.ask(ctx.now()).ok()?;
        let owner = self.owner(ctx, tenant);
        let call = self.with_key(ctx.controls(), &owner, task, |client, key| client.get(ctx.controls(), key).ok())?;
        self.calls.insert(id, (call.ticket, Some(permit)));
        Some((self.node, Wire::Resp(id, call.connection, call.request)))
    }

    /// Stores what the task read, for whoever owned the tenant's id when the database was asked: the answer may be
    /// late,
    /// and the id somebody else's by then.
    pub fn put(&mut self, ctx: &Ctx<'_, Saas>, owner: &Owner, task: &Task, body: &[u8]) -> Option<(NodeId, Wire)> {
        let call =
            self.with_key(ctx.controls(), owner, task, |client, key| client.put(ctx.controls(), key, body).ok())?;
        Some(self.send_quietly(call.ticket, call.connection, call.request))
    }

    /// Removes what the task changed.
    pub fn invalidate(&mut self, ctx: &Ctx<'_, Saas>, tenant: &TenantId, task: &Task) -> Option<(NodeId, Wire)> {
        let owner = self.owner(ctx, tenant);
        let call =
            self.with_key(ctx.controls(), &owner, task, |client, key| client.invalidate(ctx.controls(), key).ok())?;
        Some(self.send_quietly(call.ticket, call.connection, call.request))
    }

    fn send_quietly(
        &mut self,
        ticket: Ticket,
        connection: resp::ConnectionId,
        request: resp::Request,
    ) -> (NodeId, Wire) {
        self.quiet -= 1;
        self.calls.insert(self.quiet, (ticket, None));
        (self.node, Wire::Resp(self.quiet, connection, request))
    }

    /// Reads an answer: of which call, and what. `None` when nobody waits for it.
    pub fn settle(&mut self, ctx: &Ctx<'_, Saas>, id: u64, response: resp::Response) -> Option<(u64, Read)> {
        let id = self.mistaken(id).unwrap_or(id);
        let (ticket, permit) = self.calls.remove(&id)?;
        let read = self.client.settle(ctx.controls(), ticket, response);
        let permit = permit?;
        self.breaker.record(ctx.now(), ctx.controls(), permit, Outcome::Succeeded);
        Some((id, read))
    }

    /// No answer came in time: its connection is out of step and never used again.
    pub fn timed_out(&mut self, ctx: &Ctx<'_, Saas>, id: u64) {
        if let Some((ticket, Some(permit))) = self.calls.remove(&id) {
            if CACHE_CONNECTION_REUSED.is_planted() {
                self.owing.insert(id, ticket.connection());
                self.client.put_back(ticket);
            }
            self.breaker.record(ctx.now(), ctx.controls(), permit, Outcome::Failed);
        }
    }

    /// The call that takes an answer for its own which came too late for another one on the same connection; its own
    /// answer is then owed to the next.
    fn mistaken(&mut self, id: u64) -> Option<u64> {
        let connection = self.owing.remove(&id)?;
        let next = self.calls.iter().find(|(_, (ticket, _))| ticket.connection() == connection).map(|(id, _)| *id)?;
        self.owing.insert(next, connection);
        Some(next)
    }
}
