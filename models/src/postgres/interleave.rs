//! Sessions beside each other: whose transaction runs a statement, what it looks at, and what nobody needs any more.

use super::engine::Engine;
use super::plan::Isolation;
use super::session::{Block, Change, Session, Txn};
use super::sqlstate::SqlError;
use super::store::{RowId, Stored};
use super::versions::Versions;
use std::collections::BTreeSet;

impl Engine {
    /// Ends the connection of a session. What it has not committed is undone. A session that is dropped without this is
    /// a client that has gone without a word: its transaction stays open, and whoever wants its rows waits for it.
    pub fn close(&mut self, mut session: Session) {
        self.resume(&mut session);
        self.rollback(&mut session);
    }

    /// A session runs a statement: its open transaction is its own until [`Engine::park`].
    pub(super) fn resume(&mut self, session: &mut Session) {
        let Some(at) = self.versions.open.iter().position(|(id, _)| *id == session.id) else { return };
        let (_, mut txn) = self.versions.open.remove(at);
        if txn.marked != self.log.end {
            self.mark(&mut txn.changes);
        }
        session.txn = txn;
    }

    /// The statement has run: if the transaction is still open, others have to know what it has changed.
    pub(super) fn park(&mut self, session: &mut Session) {
        if session.block != Block::Idle {
            session.txn.marked = self.log.end;
            self.versions.open.push((session.id, std::mem::take(&mut session.txn)));
        }
    }

    /// Others have committed: the transaction's own record will start later than its rows say.
    fn mark(&mut self, changes: &mut [Change]) {
        let since = self.log.end;
        let mut own = BTreeSet::new();
        for change in changes {
            match change {
                Change::Insert { table, id, .. } => _ = own.insert((*table, *id)),
                Change::Update { table, id, old, .. } | Change::Delete { table, id, old } => {
                    // Only the first version that it has replaced is somebody else's.
                    if !own.insert((*table, *id)) {
                        old.since = since;
                    }
                }
                // Nobody commits beside one of these.
                Change::Truncate { .. } | Change::Define { .. } => {}
            }
        }
        own.into_iter().for_each(|(table, id)| self.stores[table as usize].mark(id, since));
    }

    /// A statement is about to look: a transaction with one snapshot takes it with the first that does.
    ///
    /// # Errors
    /// `0A000` where the snapshot cannot be shown, or a serialisable transaction is not alone.
    pub(super) fn look(&self, txn: &mut Txn) -> Result<(), SqlError> {
        if txn.isolation == Isolation::ReadCommitted {
            return Ok(());
        }
        self.versions.unbarred()?;
        txn.used = true;
        let at = *txn.looked.get_or_insert(self.log.end);
        if at < self.versions.redone {
            return Err(SqlError::unsupported("a snapshot that is older than a record that was redone"));
        }
        let is_alone = || at == self.log.end && self.versions.open.iter().all(|(_, other)| other.changes.is_empty());
        if txn.isolation == Isolation::Serializable && !is_alone() {
            return Err(SqlError::unsupported("a serializable transaction beside one that writes"));
        }
        Ok(())
    }

    /// Forgets the commits that every open snapshot shows; the places of rows that they took away are free.
    pub(super) fn forget(&mut self) {
        let Versions { open, commits, .. } = &mut self.versions;
        if commits.is_empty() {
            return;
        }
        let oldest = open.iter().filter_map(|(_, txn)| txn.looked).min();
        let shown = oldest.map_or(commits.len(), |at| commits.partition_point(|commit| commit.start < at));
        for change in commits.drain(..shown).flat_map(|commit| commit.changes) {
            if let Change::Delete { table, id, .. } = change {
                self.stores[table as usize].release(id);
            }
        }
    }

    /// The committed rows of a table, in the order of their places.
    pub(super) fn committed(&self, at: u16) -> impl Iterator<Item = (RowId, &Stored)> {
        let sight = self.versions.sight(&Txn::default());
        let rows = sight.and_then(|mut sight| sight.tables.remove(&at)).unwrap_or_default();
        let store = self.versions.before_truncation(at).unwrap_or(&self.stores[at as usize]);
        store.places().filter_map(move |id| Some((id, rows.get(&id).map_or_else(|| store.get(id), |seen| seen.shown)?)))
    }
}
