//! A connection pool in transaction mode, as PgBouncer's: a client has a server session for one transaction only.
//!
//! The pool resets nothing between clients (`server_reset_query` does not run in this mode). That is why the tenant
//! must be set with `SET LOCAL`: a plain `SET` stays, and the next transaction that forgets its tenant inherits it.

use super::engine::Engine;
use super::session::{Block, Session};
use super::setting::{Scope, TENANT};
use super::sqlstate::SqlError;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::sql::{Lsn, Outcome, Statement};
use std::sync::Arc;

/// The tenant of a transaction ends with it (STO-02).
pub const SET_LOCAL: Control = control!(
    "postgres.set-local",
    upholds: ["STO-02", "TEN-02"],
    off: "the connection library runs SET in place of SET LOCAL: the tenant outlives its transaction on the session",
);

/// A server session of the pool, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SessionNo(u16);

/// The pool.
#[derive(Clone, Debug)]
pub struct Pool {
    login: Arc<str>,
    sessions: Vec<Session>,
    /// Free sessions, in order of their return.
    idle: Vec<SessionNo>,
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
        Ok(Pool { login: Arc::from(login), sessions, idle })
    }

    /// Closes all sessions and opens new ones, as after a failover.
    ///
    /// # Errors
    /// `28000` when the role may not log in here.
    pub fn reopen(&mut self, engine: &mut Engine) -> Result<(), SqlError> {
        *self = Pool::open(engine, self.sessions.len() as u16, &self.login)?;
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
    /// Gives a session back.
    pub fn checkin(&mut self, no: SessionNo) {
        debug_assert!(!self.idle.contains(&no), "a session is given back once");
        self.idle.push(no);
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
            engine.execute(session, controls, statement, &mut replies);
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
