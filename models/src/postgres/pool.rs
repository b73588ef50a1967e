//! A connection pool in transaction mode, as PgBouncer's: a client has a server session for one transaction only.
//!
//! Each login has sessions of its own, and no other login ever gets one of them. Those of the login that all tenants
//! share are open from the beginning, the others from the first client on.
//!
//! The pool resets nothing between clients (`server_reset_query` does not run in this mode). That is why the tenant
//! must be set with `SET LOCAL`: a plain `SET` stays, and the next transaction that forgets its tenant inherits it.

use super::engine::Engine;
use super::session::{Block, Session};
use super::setting::{Scope, TENANT};
use super::sqlstate::{INVALID_PASSWORD, SqlError};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::sql::{Login, Lsn, Outcome, Statement};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tenant of a transaction ends with it (STO-02).
pub const SET_LOCAL: Control = control!(
    "postgres.set-local",
    upholds: ["STO-02", "TEN-02"],
    off: "the connection library runs SET in place of SET LOCAL: the tenant outlives its transaction on the session",
);

/// Sessions of a slice's login find the slice's schema and no other (STO-13).
pub const SEARCH_PATH: Control = control!(
    "postgres.search-path",
    upholds: ["STO-13", "TEN-04"],
    off: "the login of a slice was made without ALTER ROLE … SET search_path: its statements look for their tables in \
          `public`, where those of the shared slice lie",
);

/// Who logs in shows the password of the login (TEN-04).
pub const LOGIN_PASSWORD: Control = control!(
    "postgres.login-password",
    upholds: ["TEN-04", "STO-13"],
    off: "pg_hba.conf says `trust` for the network of the cell: whoever reaches the database is who it says it is",
);

/// A server session of the pool, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SessionNo(u16);

/// The pool.
#[derive(Clone, Debug)]
pub struct Pool {
    login: Arc<str>,
    /// Sessions of each login, at most.
    size: u16,
    sessions: Vec<Session>,
    /// Free sessions, in order of their return.
    idle: Vec<SessionNo>,
    /// Free sessions of other logins.
    others: BTreeMap<Arc<str>, Vec<SessionNo>>,
}

impl Pool {
    /// Opens `size` sessions as `login` (at least one).
    ///
    /// # Errors
    /// `28000` when the role may not log in.
    pub fn open(engine: &mut Engine, size: u16, login: &str) -> Result<Pool, SqlError> {
        let size = size.max(1);
        let sessions = (0..size).map(|_| engine.connect(login)).collect::<Result<Vec<_>, _>>()?;
        let idle = (0..size).map(SessionNo).collect();
        Ok(Pool { login: Arc::from(login), size, sessions, idle, others: BTreeMap::new() })
    }

    /// Closes all sessions and opens new ones, as after a failover.
    ///
    /// # Errors
    /// `28000` when the role may not log in here.
    pub fn reopen(&mut self, engine: &mut Engine) -> Result<(), SqlError> {
        self.sessions.drain(..).for_each(|session| engine.close(session));
        *self = Pool::open(engine, self.size, &self.login)?;
        Ok(())
    }

    /// Runs one transaction on a free session and gives the session back. `draw` chooses among the free ones.
    ///
    /// # Panics
    /// When no session is free: callers that keep sessions use [`Pool::checkout`].
    pub fn run(
        &mut self,
        engine: &mut Engine,
        controls: &Controls,
        draw: u64,
        tenant: Option<&TenantId>,
        statements: &[Statement],
    ) -> Outcome {
        let no = self.checkout(draw).expect("a session is free");
        let outcome = self.run_in(engine, controls, no, tenant, statements);
        self.checkin(no);
        outcome
    }

    /// Takes a free session, chosen by `draw` among those in order of their return: always 0 goes round, always the
    /// greatest keeps to the one used last.
    pub fn checkout(&mut self, draw: u64) -> Option<SessionNo> {
        let free = self.idle.len() as u64;
        (free > 0).then(|| self.idle.remove((draw % free) as usize))
    }
    /// Whether a session is free for a client, or could be opened for it.
    pub fn has_free(&self, login: Option<&Login>) -> bool {
        match login {
            None => !self.idle.is_empty(),
            Some(login) => self.others.get(&login.role).is_none_or(|idle| !idle.is_empty()),
        }
    }
    /// Whether the pool lets a client in.
    ///
    /// # Errors
    /// `28P01`, for an unknown role as for a wrong password.
    pub fn authenticate(&self, engine: &Engine, controls: &Controls, login: Option<&Login>) -> Result<(), SqlError> {
        match login {
            Some(login) if !engine.admits(&login.role, &login.password, controls.on(&LOGIN_PASSWORD)) => {
                let message = format!("password authentication failed for user \"{}\"", login.role);
                Err(SqlError::new(INVALID_PASSWORD, message))
            }
            _ => Ok(()),
        }
    }
    /// Takes a free session of a client's login, as [`Pool::checkout`] does; opens all of them for the first client.
    pub fn checkout_for(
        &mut self,
        engine: &mut Engine,
        controls: &Controls,
        login: Option<&Login>,
        draw: u64,
    ) -> Option<SessionNo> {
        let Some(login) = login else { return self.checkout(draw) };
        if !self.others.contains_key(&login.role) {
            let mut idle = Vec::new();
            for _ in 0..self.size {
                idle.push(SessionNo(self.sessions.len() as u16));
                self.sessions.push(engine.connect_as(&login.role, controls.on(&SEARCH_PATH)).ok()?);
            }
            self.others.insert(Arc::clone(&login.role), idle);
        }
        let idle = self.others.get_mut(&login.role)?;
        let free = idle.len() as u64;
        (free > 0).then(|| idle.remove((draw % free) as usize))
    }
    /// Gives a session back.
    pub fn checkin(&mut self, no: SessionNo) {
        let login = &self.sessions[no.0 as usize].login_name;
        let idle = if *login == self.login { Some(&mut self.idle) } else { self.others.get_mut(login) };
        let idle = idle.expect("a session belongs to a login that was let in");
        debug_assert!(!idle.contains(&no), "a session is given back once");
        idle.push(no);
    }

    /// Runs one transaction on a session that was checked out: `BEGIN`, the tenant, the statements, `COMMIT`.
    pub fn run_in(
        &mut self,
        engine: &mut Engine,
        controls: &Controls,
        no: SessionNo,
        tenant: Option<&TenantId>,
        statements: &[Statement],
    ) -> Outcome {
        let session = &mut self.sessions[no.0 as usize];
        session.block = Block::Open;
        session.txn.observed = Lsn(0);
        session.committed = None;
        if let Some(tenant) = tenant {
            let scope = if controls.on(&SET_LOCAL) { Scope::Transaction } else { Scope::Session };
            session.settings.set(TENANT, Arc::clone(tenant), scope);
        }
        let mut replies = Vec::with_capacity(statements.len());
        for statement in statements {
            engine.run(session, controls, statement, &mut replies, |_, _, _| {});
        }
        // A statement of the client may have ended the transaction before.
        match session.block {
            Block::Failed => engine.rollback(session),
            Block::Open | Block::Implicit => engine.commit(session),
            Block::Idle => {}
        }
        let seen = session.txn.observed.0;
        let observed = if seen == 0 { Lsn(0) } else { Lsn(seen + 1) };
        Outcome { replies, committed: session.committed.take(), observed }
    }

    /// A session, for those who want to look at what a transaction left in it.
    pub fn session(&self, no: u16) -> &Session {
        &self.sessions[no as usize]
    }
}
