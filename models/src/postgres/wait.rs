//! What a statement would have to wait for: a row or a key that another open transaction has changed.
//!
//! The model has no waiting. It answers as a server whose `lock_timeout` is over: `55P03`, and the transaction has
//! failed. A transaction with one snapshot does not wait for what is already decided against it: `40001`.
//!
//! A transaction that refers to a row by a foreign key keeps others from taking the row or its keys away. There is no
//! list of such locks: who holds one is read off the rows that it has put in.

use super::catalog::{ForeignKey, Table, TableId};
use super::execute::Cx;
use super::plan::OnConflict;
use super::sqlstate::SqlError;
use super::store::{RowId, Store, Stored};
use super::versions::{Leaf, Lost, Seen, Step};
use crate::wire::sql::{Row, Value};
use std::ops::Range;

impl Cx<'_> {
    /// A table as the statement sees it.
    pub(super) fn leaf<'s>(&'s self, stores: &'s [Store], id: TableId) -> Leaf<'s> {
        let store = &stores[id.0 as usize];
        self.sight.map_or_else(|| Leaf::plain(store), |sight| sight.leaf(store, id.0, false))
    }

    /// A table with what is committed, whatever the snapshot shows: where foreign keys look for rows that refer.
    pub(super) fn newest<'s>(&'s self, stores: &'s [Store], id: TableId) -> Leaf<'s> {
        let store = &stores[id.0 as usize];
        self.sight.map_or_else(|| Leaf::plain(store), |sight| sight.leaf(store, id.0, true))
    }

    /// Asked before a row is taken away or replaced by `new`.
    ///
    /// # Errors
    /// `55P03` when another open transaction has changed it, or refers to a key that goes; `40001` when a commit that
    /// the snapshot does not show has changed it.
    #[inline]
    pub(super) fn claim(&self, store: &Store, place: (TableId, RowId), new: Option<&Row>) -> Result<(), SqlError> {
        if self.sight.is_none() { Ok(()) } else { self.claim_beside(store, place, new) }
    }

    #[cold]
    fn claim_beside(&self, store: &Store, (id, at): (TableId, RowId), new: Option<&Row>) -> Result<(), SqlError> {
        let Some(sight) = self.sight else { return Ok(()) };
        match sight.row(id.0, at) {
            Some(Seen { lost: Some(lost), .. }) => return Err(SqlError::not_serializable(*lost == Lost::Deleted)),
            Some(_) => return Err(SqlError::waits()),
            None => {}
        }
        let table = self.catalog.table(id);
        let old = &store.get(at).expect("a row that nobody else has changed is as it was seen").row;
        let goes = new.is_none_or(|new| moves_key(table, old, new));
        if goes && self.is_referred(id, old) { Err(SqlError::waits()) } else { Ok(()) }
    }

    /// Whether another open transaction has put in a row that refers to this one.
    fn is_referred(&self, id: TableId, row: &Row) -> bool {
        let Some(sight) = self.sight else { return false };
        self.catalog.table(id).referrers.iter().any(|from| {
            let mut keys = self.catalog.table(*from).foreign.iter().filter(|key| key.target == id);
            keys.any(|key| sight.open_steps(from.0).any(|step| refers(key, step, row)))
        })
    }

    /// Asked of a row that another one refers to: it and its keys must stay.
    ///
    /// # Errors
    /// `55P03` when another open transaction takes them away; `40001` when a commit has, that the snapshot does not
    /// show.
    pub(super) fn share(&self, id: TableId, at: RowId) -> Result<(), SqlError> {
        let Some(sight) = self.sight else { return Ok(()) };
        let table = self.catalog.table(id);
        if let Some(step) = sight.lost_steps(id.0).find(|step| step.id == at && takes_key(table, *step)) {
            return Err(SqlError::not_serializable(step.new.is_none()));
        }
        self.share_newest(id, at)
    }

    /// The same of a row that was found among the newest.
    ///
    /// # Errors
    /// `55P03`.
    pub(super) fn share_newest(&self, id: TableId, at: RowId) -> Result<(), SqlError> {
        let Some(sight) = self.sight else { return Ok(()) };
        let table = self.catalog.table(id);
        let goes = sight.open_steps(id.0).any(|step| step.id == at && takes_key(table, step));
        if goes { Err(SqlError::waits()) } else { Ok(()) }
    }

    /// Asked before a row with new keys is put in, in place of `except` if that is given.
    ///
    /// # Errors
    /// `55P03` when the first of its keys that is taken is, or was, another open transaction's.
    #[inline]
    pub(super) fn claim_keys(
        &self,
        store: &Store,
        id: TableId,
        row: &Row,
        except: Option<RowId>,
    ) -> Result<(), SqlError> {
        if self.sight.is_none() {
            return Ok(());
        }
        let all = 0..self.catalog.table(id).indexes.len();
        self.first_taken(store, id, row, (all, except)).map(|_| ())
    }

    /// The row that has one of these keys already, by the first that is taken.
    fn first_taken(
        &self,
        store: &Store,
        id: TableId,
        row: &Row,
        (keys, except): (Range<usize>, Option<RowId>),
    ) -> Result<Option<RowId>, SqlError> {
        let Some(sight) = self.sight else { return Ok(None) };
        for at in keys {
            let holder = store.holder(at, row).filter(|holder| Some(*holder) != except);
            let columns = &self.catalog.table(id).indexes[at].columns;
            let has = |other: &[Value]| columns.iter().all(|c| same(&other[*c as usize], &row[*c as usize]));
            let held = match holder {
                Some(holder) => sight.row(id.0, holder).is_some_and(|seen| seen.held.is_some()),
                // A key that it has given up is free when it ends, or is not.
                None => sight.open_steps(id.0).any(|Step { old, new, .. }| {
                    old.is_some_and(|old| has(&old.row)) || new.is_some_and(|new| has(new))
                }),
            };
            if held {
                return Err(SqlError::waits());
            }
            if holder.is_some() {
                return Ok(holder);
            }
        }
        Ok(None)
    }

    /// Whether `ON CONFLICT DO NOTHING` does nothing about a row.
    ///
    /// # Errors
    /// `55P03` when that is for another open transaction to say; `40001` when it is for a row which the snapshot does
    /// not show.
    pub(super) fn forgives(
        &self,
        store: &Store,
        id: TableId,
        row: &Row,
        on_conflict: Option<OnConflict>,
    ) -> Result<bool, SqlError> {
        let keys = match on_conflict {
            Some(OnConflict::Any) => 0..self.catalog.table(id).indexes.len(),
            // Only this index is asked first; another one may still refuse the row.
            Some(OnConflict::Index(at)) => at..at + 1,
            Some(OnConflict::Unmatched) | None => return Ok(false),
        };
        let Some(sight) = self.sight else { return Ok(keys.clone().any(|at| store.holder(at, row).is_some())) };
        let Some(holder) = self.first_taken(store, id, row, (keys, None))? else { return Ok(false) };
        match sight.row(id.0, holder) {
            Some(Seen { lost: Some(_), .. }) => Err(SqlError::not_serializable(false)),
            _ => Ok(true),
        }
    }
}

/// Whether two values are equal, as a key compares them: a NULL equals nothing.
fn same(a: &Value, b: &Value) -> bool {
    *a != Value::Null && a == b
}

/// Whether a step has put in a row that refers to `row` and had to ask for it.
fn refers(key: &ForeignKey, step: Step<'_>, row: &Row) -> bool {
    let Some(new) = step.new else { return false };
    let asked = |old: &Stored| key.columns.iter().any(|(of, _)| old.row[*of as usize] != new[*of as usize]);
    step.old.is_none_or(asked) && key.columns.iter().all(|(of, to)| same(&new[*of as usize], &row[*to as usize]))
}

/// Whether a step takes away a key that there was.
fn takes_key(table: &Table, step: Step<'_>) -> bool {
    step.old.is_some_and(|old| step.new.is_none_or(|new| moves_key(table, &old.row, new)))
}

/// Whether a column of a key changes.
fn moves_key(table: &Table, old: &[Value], new: &[Value]) -> bool {
    table.indexes.iter().flat_map(|index| &index.columns).any(|c| old[*c as usize] != new[*c as usize])
}
