//! One server session: who logged in, its settings, and its transaction block.
//!
//! A pooled session outlives its clients. Whatever a transaction leaves in here, the next client finds. What an open
//! transaction has done is in here only while a statement of it runs; between two of them the engine has it.

use super::catalog::{Catalog, RoleId};
use super::plan::Isolation;
use super::setting::{ROLE, SEARCH_PATH, SettingId, Settings};
use super::sqlstate::{INVALID_SAVEPOINT, NO_TRANSACTION, SqlError};
use super::store::{RowId, Store, Stored};
use crate::wire::sql::{Lsn, Row};
use std::sync::Arc;

/// A server session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its number, unique in its engine.
    pub(super) id: u32,
    /// The role that logged in.
    pub(super) login: RoleId,
    pub(super) login_name: Arc<str>,
    pub(super) settings: Settings,
    pub(super) block: Block,
    pub(super) txn: Txn,
    /// End of the last commit record, until the pool takes it.
    pub(super) committed: Option<Lsn>,
}

/// State of the transaction block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Block {
    /// No transaction.
    Idle,
    /// The transaction of a single statement.
    Implicit,
    /// After `BEGIN`.
    Open,
    /// After an error: everything but the end of the block is refused.
    Failed,
}

/// What the present transaction has done.
#[derive(Clone, Debug, Default)]
pub struct Txn {
    /// Changes, oldest first.
    pub changes: Vec<Change>,
    /// Savepoints, oldest first.
    pub savepoints: Vec<Savepoint>,
    /// Whether it may only read.
    pub read_only: bool,
    /// What it sees of others.
    pub isolation: Isolation,
    /// End of the log when the first statement of a transaction with one snapshot looked.
    pub looked: Option<Lsn>,
    /// Whether it has looked at rows.
    pub used: bool,
    /// Whether it has changed the catalog, or emptied a table.
    pub exclusive: bool,
    /// Where the record of its commit would start, by what its rows say.
    pub marked: Lsn,
    /// Start of the newest commit record of others that it has seen.
    pub observed: Lsn,
}

/// A place to roll back to.
#[derive(Clone, Debug)]
pub struct Savepoint {
    name: Arc<str>,
    changes: usize,
    settings: usize,
}

/// A change, with what undoes it and what redoes it.
#[derive(Clone, Debug)]
pub enum Change {
    /// A row appeared.
    Insert {
        /// Table by position.
        table: u16,
        /// Its place.
        id: RowId,
        /// The row.
        row: Row,
    },
    /// A row was replaced.
    Update {
        /// Table by position.
        table: u16,
        /// Its place.
        id: RowId,
        /// The version before.
        old: Stored,
        /// The version after.
        row: Row,
    },
    /// A row went.
    Delete {
        /// Table by position.
        table: u16,
        /// Its place.
        id: RowId,
        /// The version before.
        old: Stored,
    },
    /// All rows went.
    Truncate {
        /// Table by position.
        table: u16,
        /// The contents before.
        old: Box<Store>,
    },
    /// The catalog changed.
    Define {
        /// The catalog before.
        before: Arc<Catalog>,
        /// The role that ran the definition.
        role: Arc<str>,
        /// Its search path.
        path: Arc<str>,
        /// The definition.
        text: Arc<str>,
    },
}

impl Txn {
    /// Forgets all but the changes, which are for the caller to keep or undo.
    pub(super) fn end(&mut self) {
        self.savepoints.clear();
        (self.read_only, self.isolation, self.looked) = (false, Isolation::ReadCommitted, None);
        (self.used, self.exclusive) = (false, false);
    }
    /// The changes before the last savepoint: they outlive an error.
    pub(super) fn safe(&self) -> usize {
        self.savepoints.last().map_or(0, |savepoint| savepoint.changes)
    }
}

impl Session {
    /// A session that begins with these settings beside the server's own.
    pub(super) fn new(id: u32, login: RoleId, login_name: Arc<str>, defaults: &[(SettingId, Arc<str>)]) -> Session {
        let (settings, txn) = (Settings::beginning_with(defaults), Txn::default());
        Session { id, login, login_name, settings, block: Block::Idle, txn, committed: None }
    }
    /// State of the transaction block.
    pub fn block(&self) -> Block {
        self.block
    }
    /// The settings, as the session sees them now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
    /// The present role (`current_user`).
    pub(super) fn role(&self, catalog: &Catalog) -> RoleId {
        match self.settings.get(ROLE) {
            Some(name) if &**name != "none" => catalog.role_id(name).unwrap_or(self.login),
            _ => self.login,
        }
    }
    /// The present search path.
    pub(super) fn path(&self) -> &Arc<str> {
        self.settings.get(SEARCH_PATH).expect("the server has a default for it")
    }
    pub(super) fn savepoint(&mut self, name: &Arc<str>) {
        let (changes, settings) = (self.txn.changes.len(), self.settings.mark());
        self.txn.savepoints.push(Savepoint { name: Arc::clone(name), changes, settings });
    }
    /// Finds a savepoint, forgets those after it, and gives its mark in the changes.
    ///
    /// # Errors
    /// `3B001`.
    pub(super) fn rewind(&mut self, name: &str) -> Result<usize, SqlError> {
        let at = self.find(name)?;
        self.txn.savepoints.truncate(at + 1);
        let Savepoint { changes, settings, .. } = self.txn.savepoints[at];
        self.settings.rollback_to(settings);
        Ok(changes)
    }
    /// Forgets a savepoint and those after it, and keeps what was done since.
    ///
    /// # Errors
    /// `3B001`.
    pub(super) fn release(&mut self, name: &str) -> Result<(), SqlError> {
        let at = self.find(name)?;
        self.txn.savepoints.truncate(at);
        Ok(())
    }
    fn find(&self, name: &str) -> Result<usize, SqlError> {
        let found = self.txn.savepoints.iter().rposition(|s| *s.name == *name);
        found.ok_or_else(|| SqlError::new(INVALID_SAVEPOINT, format!("savepoint \"{name}\" does not exist")))
    }
    /// # Errors
    /// `25P01` outside of a transaction block.
    pub(super) fn in_block(&self, what: &str) -> Result<(), SqlError> {
        match self.block {
            Block::Open | Block::Failed => Ok(()),
            _ => Err(SqlError::new(NO_TRANSACTION, format!("{what} can only be used in transaction blocks"))),
        }
    }
}
