//! The cache server: connections, users and commands over [`Memory`].
//!
//! A connection is what remembers: its user and its database stay until changed, and a refused `AUTH` changes nothing.
//! The server loses everything when it restarts; it is a cache.

use super::acl::{Denial, Glob, User, Verb};
use super::memory::{Eviction, Memory};
use crate::control::Controls;
use crate::ids::Bytes;
use crate::wire::resp::{Command, ConnectionId, ErrorCode, Reply, Request, Response};
use sim::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Redis 7 server, as far as the platform uses it.
#[derive(Debug)]
pub struct CacheServer {
    memory: Memory,
    users: BTreeMap<Arc<str>, Arc<User>>,
    sessions: BTreeMap<ConnectionId, Session>,
}

#[derive(Clone, Debug)]
struct Session {
    user: Option<Arc<User>>,
    database: u16,
}

impl CacheServer {
    /// A server with the given memory and no users: nobody gets in until [`CacheServer::set_user`].
    pub fn new(memory: Memory) -> CacheServer {
        CacheServer { memory, users: BTreeMap::new(), sessions: BTreeMap::new() }
    }

    /// `ACL SETUSER`: creates or replaces a user. Open connections of that user follow at once, as in Redis.
    pub fn set_user(&mut self, user: User) {
        let user = Arc::new(user);
        for session in self.sessions.values_mut() {
            if session.user.as_ref().is_some_and(|u| u.name() == user.name()) {
                session.user = Some(user.clone());
            }
        }
        self.users.insert(user.name().clone(), user);
    }

    /// `ACL DELUSER`: removes a user and closes its connections, which are returned.
    pub fn delete_user(&mut self, name: &str) -> Vec<ConnectionId> {
        self.users.remove(name);
        let mut closed = Vec::new();
        self.sessions.retain(|id, session| {
            let keep = session.user.as_ref().is_none_or(|u| &**u.name() != name);
            if !keep {
                closed.push(*id);
            }
            keep
        });
        closed
    }

    /// Handles a batch of commands. The first batch of an unknown connection opens it: as user `default` where that
    /// user has no password, otherwise as nobody.
    pub fn handle(
        &mut self,
        now: Instant,
        controls: &Controls,
        connection: ConnectionId,
        request: Request,
    ) -> Response {
        let known = self.sessions.get(&connection).cloned();
        let mut changed = known.is_none();
        let mut session = known.unwrap_or_else(|| {
            let user = self.users.get("default").filter(|u| u.admits_anyone()).cloned();
            Session { user, database: 0 }
        });
        let mut replies = Vec::with_capacity(request.len());
        for command in request {
            changed |= matches!(command, Command::Auth { .. } | Command::Select(_));
            replies.push(self.execute(now, controls, &mut session, command).unwrap_or_else(Reply::Error));
        }
        if changed {
            self.sessions.insert(connection, session);
        }
        replies
    }

    /// The logical database of a connection.
    pub fn database(&self, connection: ConnectionId) -> u16 {
        self.sessions.get(&connection).map_or(0, |session| session.database)
    }

    /// The memory, for measurements and for facts about its contents.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Evictions since the last call, in order.
    pub fn take_evictions(&mut self) -> Vec<Eviction> {
        self.memory.take_evictions()
    }

    fn execute(
        &mut self,
        now: Instant,
        controls: &Controls,
        session: &mut Session,
        command: Command,
    ) -> Result<Reply, ErrorCode> {
        if let Command::Auth { user, password } = &command {
            let user = self.users.get(user).filter(|u| u.admits(password)).ok_or(ErrorCode::WrongPass)?;
            session.user = Some(user.clone());
            return Ok(Reply::Ok);
        }
        let user = session.user.as_ref().ok_or(ErrorCode::NoAuth)?;
        let permission = match &command {
            // The one command that is permitted by its argument.
            Command::Select(index) => user.may_select(controls, *index),
            other => {
                let (verb, key) = verb_and_key(other);
                user.may(controls, verb, key)
            }
        };
        permission.map_err(|denial| match denial {
            Denial::Command => ErrorCode::NoPermCommand,
            Denial::Key(_) | Denial::Channel(_) => ErrorCode::NoPermKey,
        })?;
        let db = session.database;
        Ok(match command {
            Command::Auth { .. } => Reply::Ok,
            Command::Select(index) if index >= self.memory.databases() => return Err(ErrorCode::DbIndex),
            Command::Select(index) => {
                session.database = index;
                Reply::Ok
            }
            Command::Get(key) => Reply::Value(self.memory.get(now, db, key)),
            Command::Set { key, value, ttl } => {
                let expires = ttl.map_or(Instant::NEVER, |ttl| now + ttl);
                let set = self.memory.set(controls, now, db, key, value, expires);
                set.map_err(|_| ErrorCode::OutOfMemory)?;
                Reply::Ok
            }
            Command::Del(key) => Reply::Count(self.memory.remove(now, db, key).into()),
            Command::Exists(key) => Reply::Count(self.memory.exists(now, db, key).into()),
            Command::Keys(pattern) => Reply::Keys(matching(&pattern, self.memory.scan(now, db, 0, usize::MAX).1)),
            Command::Scan { cursor, pattern, count } => {
                let (cursor, keys) = self.memory.scan(now, db, cursor, count.max(1) as usize);
                Reply::Page { cursor, keys: matching(&pattern, keys) }
            }
        })
    }
}

fn matching(pattern: &[u8], mut keys: Vec<Bytes>) -> Vec<Bytes> {
    let glob = Glob::new(pattern);
    keys.retain(|key| glob.matches(key));
    keys
}

fn verb_and_key(command: &Command) -> (Verb, Option<&Bytes>) {
    match command {
        Command::Auth { .. } | Command::Select(_) => (Verb::Select, None),
        Command::Get(key) => (Verb::Get, Some(key)),
        Command::Set { key, .. } => (Verb::Set, Some(key)),
        Command::Del(key) => (Verb::Del, Some(key)),
        Command::Exists(key) => (Verb::Exists, Some(key)),
        Command::Keys(_) => (Verb::Keys, None),
        Command::Scan { .. } => (Verb::Scan, None),
    }
}
