//! The end of a transaction: one record of the log, or as if it had never been.
//!
//! Undo runs backwards through the changes, so every place of a row is exactly what it was when the change was made:
//! whatever others have committed meanwhile, they have not touched a row that this transaction holds.

use super::engine::Engine;
use super::session::{Block, Change, Session, Txn};
use super::sqlstate::SqlError;
use super::wal::Header;
use crate::wire::sql::Lsn;

impl Engine {
    /// Whether the transaction may only read.
    pub(super) fn is_read_only(&self, session: &Session) -> bool {
        self.read_only || session.txn.read_only
    }

    /// # Errors
    /// `25006` where nothing may be written; `what` names the statement.
    pub(super) fn writable(&self, session: &Session, what: &str) -> Result<(), SqlError> {
        if self.is_read_only(session) { Err(SqlError::read_only(what)) } else { Ok(()) }
    }

    /// Ends the transaction and keeps what it did, as one record of the log.
    pub(super) fn commit(&mut self, session: &mut Session) {
        session.settings.commit();
        session.block = Block::Idle;
        session.txn.end();
        self.forget();
        if session.txn.changes.is_empty() {
            return;
        }
        let (start, changes) = (self.log.end, &mut session.txn.changes);
        let is_watched = self.versions.is_watched();
        let truncated = self.record(changes, is_watched);
        session.committed = Some(self.log.end);
        if is_watched {
            self.versions.keep(start, std::mem::take(changes));
        }
        changes.clear();
        // Places that were released before the truncation belonged to the old contents.
        truncated.into_iter().for_each(|table| self.stores[table as usize].recount());
    }

    /// Appends the record of a commit; says which tables it has emptied. Places of rows that it has taken away are
    /// free, unless somebody still sees these rows.
    fn record(&mut self, changes: &[Change], is_watched: bool) -> Vec<u16> {
        let mut truncated = Vec::new();
        let log = &mut self.log;
        log.writer.begin();
        for change in changes {
            match change {
                Change::Insert { table, id, row } => log.writer.insert(*table, *id, row),
                Change::Update { table, id, row, .. } => log.writer.update(*table, *id, row),
                Change::Delete { table, id, .. } => {
                    log.writer.delete(*table, *id);
                    let store = &mut self.stores[*table as usize];
                    store.removed = log.end;
                    if !is_watched {
                        store.release(*id);
                    }
                }
                Change::Truncate { table, .. } => {
                    log.writer.truncate(*table);
                    self.stores[*table as usize].removed = log.end;
                    truncated.push(*table);
                }
                Change::Define { role, path, text, .. } => log.writer.define(role, path, text),
            }
        }
        let (start, previous) = (log.end, log.previous);
        let bytes = log.writer.finish(Header { start, previous, timeline: log.timeline, durable: log.durable });
        log.end = Lsn(start.0 + bytes.len() as u64);
        log.previous = start;
        log.fresh.push((start, bytes));
        truncated
    }

    /// Ends the transaction and undoes what it did.
    pub(super) fn rollback(&mut self, session: &mut Session) {
        self.undo(&mut session.txn, 0);
        session.settings.rollback_to(0);
        session.txn.end();
        session.block = Block::Idle;
        self.forget();
    }

    /// The transaction has failed. What it did since its last savepoint is undone at once, so nobody waits for it any
    /// more; what it did before waits for its end, or for `ROLLBACK TO`.
    pub(super) fn abort(&mut self, session: &mut Session) {
        session.block = Block::Failed;
        let safe = session.txn.safe();
        self.undo(&mut session.txn, safe);
        if session.txn.savepoints.is_empty() {
            session.txn.end();
            self.forget();
        }
    }

    /// Undoes the changes since `mark`.
    pub(super) fn undo(&mut self, txn: &mut Txn, mark: usize) {
        for change in txn.changes.drain(mark..).rev() {
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
        let is_exclusive = |change: &Change| matches!(change, Change::Truncate { .. } | Change::Define { .. });
        txn.exclusive = txn.exclusive && txn.changes.iter().any(is_exclusive);
    }
}
