//! The end of a transaction: one record of the log, or as if it had never been.
//!
//! Undo runs backwards through the changes, so every place of a row is exactly what it was when the change was made.

use super::engine::Engine;
use super::session::{Block, Change, Session, Txn};
use super::sqlstate::SqlError;
use super::wal::Header;
use crate::wire::sql::Lsn;

impl Engine {
    /// # Errors
    /// `0A000` while another session has uncommitted changes.
    pub(super) fn alone(&self, session: &Session) -> Result<(), SqlError> {
        match self.writer {
            Some(id) if id != session.id => {
                Err(SqlError::unsupported("a second transaction beside one that has written"))
            }
            _ => Ok(()),
        }
    }

    /// A transaction with one snapshot sees the newest state only, because there are no row versions.
    ///
    /// # Errors
    /// `0A000` when somebody else has committed since it first looked.
    pub(super) fn snapshot(&self, session: &mut Session) -> Result<(), SqlError> {
        if session.txn.snapshot && *session.txn.looked.get_or_insert(self.log.end) != self.log.end {
            return Err(SqlError::unsupported("a snapshot that is older than the last commit"));
        }
        Ok(())
    }

    /// Whether the transaction may only read.
    pub(super) fn is_read_only(&self, session: &Session) -> bool {
        self.read_only || session.txn.read_only
    }

    /// # Errors
    /// `25006` where nothing may be written; `what` names the statement.
    pub(super) fn writable(&mut self, session: &Session, what: &str) -> Result<(), SqlError> {
        if self.is_read_only(session) {
            return Err(SqlError::read_only(what));
        }
        self.writer = Some(session.id);
        Ok(())
    }

    /// Ends the transaction and keeps what it did, as one record of the log.
    pub(super) fn commit(&mut self, session: &mut Session) {
        session.settings.commit();
        self.writer = self.writer.filter(|id| *id != session.id);
        session.block = Block::Idle;
        let Txn { changes, savepoints, read_only, snapshot, looked, .. } = &mut session.txn;
        savepoints.clear();
        (*read_only, *snapshot, *looked) = (false, false, None);
        if changes.is_empty() {
            return;
        }
        let mut truncated = Vec::new();
        let log = &mut self.log;
        log.writer.begin();
        for change in changes.drain(..) {
            match change {
                Change::Insert { table, id, row } => log.writer.insert(table, id, &row),
                Change::Update { table, id, row, .. } => log.writer.update(table, id, &row),
                Change::Delete { table, id, .. } => {
                    log.writer.delete(table, id);
                    self.stores[table as usize].removed = log.end;
                    self.stores[table as usize].release(id);
                }
                Change::Truncate { table, .. } => {
                    log.writer.truncate(table);
                    self.stores[table as usize].removed = log.end;
                    truncated.push(table);
                }
                Change::Define { role, path, text, .. } => log.writer.define(&role, &path, &text),
            }
        }
        let (start, previous) = (log.end, log.previous);
        let bytes = log.writer.finish(Header { start, previous, timeline: log.timeline, durable: log.durable });
        log.end = Lsn(start.0 + bytes.len() as u64);
        log.previous = start;
        log.fresh.push((start, bytes));
        session.committed = Some(log.end);
        // Places that were released before the truncation belonged to the old contents.
        truncated.into_iter().for_each(|table| self.stores[table as usize].recount());
    }

    /// Ends the transaction and undoes what it did.
    pub(super) fn rollback(&mut self, session: &mut Session) {
        self.undo(session, 0);
        session.settings.rollback_to(0);
        session.txn.savepoints.clear();
        (session.txn.read_only, session.txn.snapshot, session.txn.looked) = (false, false, None);
        session.block = Block::Idle;
        self.writer = self.writer.filter(|id| *id != session.id);
    }

    /// Undoes the changes since `mark`.
    pub(super) fn undo(&mut self, session: &mut Session, mark: usize) {
        for change in session.txn.changes.drain(mark..).rev() {
            match change {
                Change::Insert { table, id, .. } => {
                    let store = &mut self.stores[table as usize];
                    store.take(id);
                    store.release(id);
                }
                Change::Update { table, id, old, .. } => self.stores[table as usize].put_back(id, old),
                Change::Delete { table, id, old } => self.stores[table as usize].put(id, old),
                Change::Truncate { table, old } => self.stores[table as usize] = *old,
                Change::Define { before, .. } => {
                    self.stores.truncate(before.tables.len());
                    self.catalog = before;
                    self.history.pop();
                    self.generation += 1;
                }
            }
        }
    }
}
