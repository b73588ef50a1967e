//! The cache client library inside a service: builds keys, keeps connections per ACL user, opens values.
//!
//! It never re-authenticates a connection for somebody else: Redis keeps the former user when `AUTH` fails. A
//! connection whose reply was not read in time is closed, never reused.

use super::envelope::{self, Cached, Unreadable};
use super::keys::{Key, Owner, key_bytes};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::{Bytes, TenantId};
use crate::wire::resp::{Command, ConnectionId, ErrorCode, Reply, Request, Response};
use sim::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The library works in the logical database of its account (TEN-04).
pub const SLICE_DATABASE: Control = control!(
    "cache.slice-database",
    upholds: ["TEN-04"],
    off: "the library ignores the database of an account, as when it is left out of the connection's URL: entries of a \
          pinned tenant lie in the database that tenants share",
);

/// Epoch of what the platform itself owns.
const PLATFORM_EPOCH: u64 = 1;

/// How the library logs in for one owner.
#[derive(Clone, Debug)]
pub struct Account {
    /// ACL user.
    pub user: Arc<str>,
    /// Its password.
    pub password: Bytes,
    /// Logical database; a pinned tenant has its own (TEN-04).
    pub database: u16,
}

/// The client library of one service instance.
#[derive(Debug)]
pub struct CacheClient {
    platform: Account,
    accounts: BTreeMap<TenantId, Account>,
    idle: BTreeMap<Arc<str>, Vec<ConnectionId>>,
    next_connection: u64,
    ttl: Duration,
    /// How often everything was swept.
    swept: u64,
}

/// A batch to send, on which connection, and how to read what comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Where to send it.
    pub connection: ConnectionId,
    /// What to send.
    pub request: Request,
    /// What to give to [`CacheClient::settle`] with the response.
    pub ticket: Ticket,
}

/// What the library must remember about a call in flight.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticket {
    connection: ConnectionId,
    user: Arc<str>,
    prelude: usize,
    epoch: u64,
}

impl Ticket {
    /// The connection of the call.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }
}

/// What came of a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// The entry, readable by its owner.
    Hit(Cached),
    /// No such entry.
    Miss,
    /// An entry that must not be returned; for the caller a miss, for the operator a number to watch.
    Unreadable(Unreadable),
    /// A write or removal was done.
    Done,
    /// The server refused.
    Refused(ErrorCode),
}

/// The tenant has no account on this cache: it was never onboarded, moved away, or deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoAccount;

impl CacheClient {
    /// A library without tenants. `connection_base` keeps connection ids of different services apart; `ttl` bounds how
    /// long an entry that nobody invalidated can be served (CAC-03).
    pub fn new(platform: Account, connection_base: u64, ttl: Duration) -> CacheClient {
        CacheClient {
            platform,
            accounts: BTreeMap::new(),
            idle: BTreeMap::new(),
            next_connection: connection_base,
            ttl,
            swept: 0,
        }
    }

    /// Onboards a tenant, or changes its account.
    pub fn set_account(&mut self, tenant: TenantId, account: Account) {
        self.accounts.insert(tenant, account);
    }

    /// Offboards a tenant. Its pooled connections stay open, as pools do; entries are fenced by the epoch.
    pub fn remove_account(&mut self, tenant: &str) {
        self.accounts.remove(tenant);
    }

    /// Everything that was kept before the last of so many sweeps is read no more, whoever kept it: a sweep counts up
    /// the epoch of every owner at once, and no key has to be found for that (CAC-03).
    pub fn sweep(&mut self, times: u64) {
        self.swept = self.swept.max(times);
    }

    /// Asks for an entry.
    ///
    /// # Errors
    /// [`NoAccount`] when the tenant is unknown here.
    pub fn get(&mut self, controls: &Controls, key: Key<'_>) -> Result<Call, NoAccount> {
        let name = key_bytes(controls, key);
        self.call(controls, key, Command::Get(name))
    }

    /// Stores `payload` under the owner's present epoch.
    ///
    /// # Errors
    /// [`NoAccount`] when the tenant is unknown here.
    pub fn put(&mut self, controls: &Controls, key: Key<'_>, payload: &[u8]) -> Result<Call, NoAccount> {
        let name = key_bytes(controls, key);
        let value = envelope::seal(epoch(key) + self.swept, payload);
        let ttl = Some(self.ttl);
        self.call(controls, key, Command::Set { key: name, value, ttl })
    }

    /// Removes an entry after its source has changed.
    ///
    /// # Errors
    /// [`NoAccount`] when the tenant is unknown here.
    pub fn invalidate(&mut self, controls: &Controls, key: Key<'_>) -> Result<Call, NoAccount> {
        let name = key_bytes(controls, key);
        self.call(controls, key, Command::Del(name))
    }

    /// Reads the response of a call and puts its connection back. A connection that could not log in is dropped.
    pub fn settle(&mut self, controls: &Controls, ticket: Ticket, response: Response) -> Read {
        let (prelude, answer) = response.split_at(ticket.prelude.min(response.len()));
        if let Some(code) = prelude.iter().find_map(|r| if let Reply::Error(code) = r { Some(*code) } else { None }) {
            return Read::Refused(code);
        }
        // Anything but one reply means that the connection is out of step: drop it, and answer as if nothing were
        // there.
        let [answer] = answer else { return Read::Miss };
        self.idle.entry(ticket.user).or_default().push(ticket.connection);
        match answer {
            Reply::Value(Some(stored)) => match envelope::open(controls, ticket.epoch, stored.clone()) {
                Ok(cached) => Read::Hit(cached),
                Err(why) => Read::Unreadable(why),
            },
            Reply::Error(code) => Read::Refused(*code),
            Reply::Ok | Reply::Count(_) => Read::Done,
            Reply::Value(None) | Reply::Keys(_) | Reply::Page { .. } => Read::Miss,
        }
    }

    /// Puts the connection of a call back whose answer was not read. Only a planted defect does that.
    pub(crate) fn put_back(&mut self, ticket: Ticket) {
        self.idle.entry(ticket.user).or_default().push(ticket.connection);
    }

    fn call(&mut self, controls: &Controls, key: Key<'_>, command: Command) -> Result<Call, NoAccount> {
        let account = match key {
            Key::Tenant { owner, .. } => self.accounts.get(&owner.tenant).ok_or(NoAccount)?,
            Key::Session { .. } | Key::Public { .. } => &self.platform,
        };
        let mut request = Vec::with_capacity(3);
        let pooled = self.idle.get_mut(&account.user).and_then(Vec::pop);
        let connection = pooled.unwrap_or_else(|| {
            let Account { user, password, database } = account.clone();
            request.push(Command::Auth { user, password });
            if database != 0 && controls.on(&SLICE_DATABASE) {
                request.push(Command::Select(database));
            }
            self.next_connection += 1;
            ConnectionId(self.next_connection)
        });
        let prelude = request.len();
        request.push(command);
        let ticket = Ticket { connection, user: account.user.clone(), prelude, epoch: epoch(key) + self.swept };
        Ok(Call { connection, request, ticket })
    }
}

fn epoch(key: Key<'_>) -> u64 {
    match key {
        Key::Tenant { owner: Owner { epoch, .. }, .. } | Key::Session { owner: Owner { epoch, .. }, .. } => *epoch,
        Key::Public { .. } => PLATFORM_EPOCH,
    }
}
