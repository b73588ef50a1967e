//! Row versions: what open transactions have changed, and what was committed that an older snapshot does not show.
//!
//! A store holds the newest version of each row, whoever wrote it. Older versions are in the changes of transactions,
//! which are needed anyway to undo them: those of open ones as long as they are open, those of committed ones as long
//! as there is a snapshot from before the commit. A statement sees the stores through its [`Sight`], which lists the
//! rows that are other to it than a store has them. Where nobody else has a transaction open there is no sight, and
//! statements look into the stores as if there were no versions at all.
//!
//! A row keeps its place from the first to the last version that anybody can see, so no place is ever in dispute.

use super::session::{Change, Txn};
use super::sqlstate::SqlError;
use super::store::{Candidates, RowId, Store, Stored};
use crate::wire::sql::{Lsn, Row, Value};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Versions that somebody may still see, beside those in the stores.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions {
    /// Open transactions with the numbers of their sessions; not that one whose statement is running.
    pub(super) open: Vec<(u32, Txn)>,
    /// Commits that the oldest snapshot does not show, oldest first.
    pub(super) commits: Vec<Commit>,
    /// End of the newest record that was redone. Redo keeps no old versions.
    pub(super) redone: Lsn,
}

/// A commit that is not shown to everybody.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    /// Start of its record.
    pub(super) start: Lsn,
    /// What it changed, oldest first.
    pub(super) changes: Vec<Change>,
}

/// The rows that a statement does not see as the stores have them.
#[derive(Debug)]
pub struct Sight<'a> {
    pub(super) tables: BTreeMap<u16, BTreeMap<RowId, Seen<'a>>>,
    others: &'a [(u32, Txn)],
    commits: &'a [Commit],
}

/// One of these rows.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The version that the statement sees.
    pub shown: Option<&'a Stored>,
    /// What a commit that the snapshot does not show has done to that version.
    pub lost: Option<Lost>,
    /// The newest committed version, if an open transaction has put another one in its place.
    pub held: Option<Option<&'a Stored>>,
}

/// What a commit did to a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// There is a newer version.
    Updated,
    /// It is gone.
    Deleted,
}

/// A table as a statement sees it.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// Its store.
    pub store: &'a Store,
    rows: Option<&'a BTreeMap<RowId, Seen<'a>>>,
    /// Whether it is what is committed that counts, and not the snapshot.
    newest: bool,
}

/// A step of a row from one version to the next.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Table by position.
    table: u16,
    /// Its place.
    pub id: RowId,
    /// The version before; none when the row appeared.
    pub old: Option<&'a Stored>,
    /// The version after; none when it went.
    pub new: Option<&'a Row>,
}

impl Change {
    fn step(&self) -> Option<Step<'_>> {
        match self {
            Change::Insert { table, id, row } => Some(Step { table: *table, id: *id, old: None, new: Some(row) }),
            Change::Update { table, id, old, row } => {
                Some(Step { table: *table, id: *id, old: Some(old), new: Some(row) })
            }
            Change::Delete { table, id, old } => Some(Step { table: *table, id: *id, old: Some(old), new: None }),
            Change::Truncate { .. } | Change::Define { .. } => None,
        }
    }
}

impl Versions {
    /// What a transaction sees otherwise than the stores have it, if there is anything.
    #[inline]
    pub(super) fn sight(&self, own: &Txn) -> Option<Sight<'_>> {
        if self.open.is_empty() && self.commits.is_empty() { None } else { self.sight_beside(own) }
    }

    #[cold]
    fn sight_beside(&self, own: &Txn) -> Option<Sight<'_>> {
        let hidden = own.looked.map_or(self.commits.len(), |at| self.commits.partition_point(|c| c.start < at));
        let commits = &self.commits[hidden..];
        let mut sight = Sight { tables: BTreeMap::new(), others: &self.open, commits };
        commits.iter().flat_map(|commit| &commit.changes).for_each(|change| sight.lose(change));
        for (_, txn) in &self.open {
            let mut emptied = BTreeSet::new();
            for change in &txn.changes {
                match change {
                    Change::Truncate { table, .. } => _ = emptied.insert(*table),
                    _ if change.step().is_some_and(|step| emptied.contains(&step.table)) => {}
                    _ => sight.hold(change),
                }
            }
        }
        // What it has emptied itself is empty for it: TRUNCATE leaves nothing to older snapshots.
        if own.exclusive {
            for change in &own.changes {
                if let Change::Truncate { table, .. } = change {
                    sight.tables.remove(table);
                }
            }
        }
        (!sight.tables.is_empty()).then_some(sight)
    }

    /// Whether a snapshot of somebody else is open.
    pub(super) fn is_watched(&self) -> bool {
        self.open.iter().any(|(_, txn)| txn.looked.is_some())
    }

    /// Keeps what a commit changed, for the snapshots that do not show it.
    pub(super) fn keep(&mut self, start: Lsn, changes: Vec<Change>) {
        self.commits.push(Commit { start, changes });
    }

    /// Records up to here were redone.
    pub(super) fn redo(&mut self, end: Lsn) {
        self.redone = end;
    }

    /// # Errors
    /// `0A000` while another transaction has changed the catalog or emptied a table, and has not ended.
    pub(super) fn unbarred(&self) -> Result<(), SqlError> {
        if self.open.iter().any(|(_, txn)| txn.exclusive) {
            return Err(SqlError::unsupported("a statement beside an open transaction with definitions"));
        }
        Ok(())
    }

    /// # Errors
    /// `0A000` while another transaction has looked at rows, and has not ended.
    pub(super) fn sole(&self) -> Result<(), SqlError> {
        if self.open.iter().any(|(_, txn)| txn.used) {
            return Err(SqlError::unsupported("a definition beside an open transaction that looks at rows"));
        }
        Ok(())
    }

    /// What is committed of a table that an open transaction has emptied.
    pub(super) fn before_truncation(&self, at: u16) -> Option<&Store> {
        let changes = self.open.iter().filter(|(_, txn)| txn.exclusive).flat_map(|(_, txn)| &txn.changes);
        let mut emptied = changes.filter_map(|change| match change {
            Change::Truncate { table, old } if *table == at => Some(&**old),
            _ => None,
        });
        emptied.next()
    }
}

impl<'a> Sight<'a> {
    /// A commit that is not shown has changed a row.
    fn lose(&mut self, change: &'a Change) {
        let Some(Step { table, id, old, new }) = change.step() else { return };
        let lost = if new.is_none() { Lost::Deleted } else { Lost::Updated };
        let seen = Seen { shown: old, lost: Some(lost), held: None };
        self.tables.entry(table).or_default().entry(id).or_insert(seen);
    }

    /// An open transaction has changed a row.
    fn hold(&mut self, change: &'a Change) {
        let Some(Step { table, id, old, .. }) = change.step() else { return };
        match self.tables.entry(table).or_default().entry(id) {
            Entry::Vacant(row) => _ = row.insert(Seen { shown: old, lost: None, held: Some(old) }),
            Entry::Occupied(row) => _ = row.into_mut().held.get_or_insert(old),
        }
    }

    /// A row, if it is other than the store has it.
    pub fn row(&self, table: u16, id: RowId) -> Option<&Seen<'a>> {
        self.tables.get(&table)?.get(&id)
    }

    /// What other open transactions have done to rows of a table.
    pub fn open_steps(&self, table: u16) -> impl Iterator<Item = Step<'a>> + use<'a> {
        let changes = self.others.iter().flat_map(|(_, txn)| &txn.changes);
        changes.filter_map(Change::step).filter(move |step| step.table == table)
    }

    /// What commits that are not shown have done to them.
    pub fn lost_steps(&self, table: u16) -> impl Iterator<Item = Step<'a>> + use<'a> {
        let changes = self.commits.iter().flat_map(|commit| &commit.changes);
        changes.filter_map(Change::step).filter(move |step| step.table == table)
    }

    /// A table as a snapshot shows it, or as it is committed.
    pub fn leaf<'s>(&'s self, store: &'s Store, table: u16, newest: bool) -> Leaf<'s> {
        Leaf { store, rows: self.tables.get(&table), newest }
    }
}

impl<'a> Leaf<'a> {
    /// A table of which everybody sees the same.
    pub fn plain(store: &'a Store) -> Leaf<'a> {
        Leaf { store, rows: None, newest: false }
    }

    /// The row in a place.
    #[inline]
    pub fn get(&self, id: RowId) -> Option<&'a Stored> {
        match self.rows.and_then(|rows| rows.get(&id)) {
            None => self.store.get(id),
            Some(seen) if !self.newest => seen.shown,
            Some(seen) => seen.held.unwrap_or_else(|| self.store.get(id)),
        }
    }

    /// All rows. Where not everybody sees the same, they are told one by one.
    pub fn all(&self) -> Candidates {
        self.rows.map_or(Candidates::All, |_| Candidates::Many(self.store.places().collect()))
    }

    /// Rows that can meet the conditions column = value, told in the same way.
    pub fn candidates(&self, bound: &[Option<Value>]) -> Candidates {
        match self.rows {
            None => self.store.candidates(bound),
            Some(rows) => self.candidates_among(bound, rows),
        }
    }

    #[cold]
    fn candidates_among(&self, bound: &[Option<Value>], rows: &BTreeMap<RowId, Seen<'a>>) -> Candidates {
        if bound.contains(&Some(Value::Null)) {
            return Candidates::One(None);
        }
        let mut found = match self.store.candidates(bound) {
            Candidates::One(one) => one.into_iter().collect(),
            Candidates::Many(many) => many,
            Candidates::All => return self.all(),
        };
        let meets = |stored: &Stored| {
            bound.iter().zip(&*stored.row).all(|(bound, value)| bound.as_ref().is_none_or(|b| b == value))
        };
        for id in rows.keys() {
            if !found.contains(id) && self.get(*id).is_some_and(meets) {
                found.push(*id);
            }
        }
        Candidates::Many(found)
    }
}
