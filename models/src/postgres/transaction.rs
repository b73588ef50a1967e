//! The end of a transaction: one record of the log, or as if it had never been.
//!
//! Undo runs backwards through the changes, so every place of a row is exactly what it was when the change was made.

use super::engine::Engine;
use super::session::{Block, Change, Session, Txn};
use super::sqlstate::{READ_ONLY, SqlError};
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

    /// # Errors
    /// `25006` where nothing may be written; `what` names the statement.
    pub(super) fn writable(&mut self, session: &Session, what: &str) -> Result<(), SqlError> {
        if self.read_only || session.txn.read_only {
            return Err(SqlError::new(READ_ONLY, format!("cannot execute {what} in a read-only transaction")));
        }
        self.writer = Some(session.id);
        Ok(())
    }

    /// Ends the transaction and keeps what it did, as one record of the log.
    pub(super) fn commit(&mut self, session: &mut Session) {
        session.settings.commit();
        self.writer = None;
        session.block = Block::Idle;
        let Txn { changes, savepoints, read_only, .. } = &mut session.txn;
        savepoints.clear();
        *read_only = false;
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
                Change::Define { role, text, .. } => log.writer.define(&role, &text),
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
        session.txn.read_only = false;
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
