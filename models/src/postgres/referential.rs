//! What foreign keys do to rows: checks of the rows that refer, actions on them when a key that they refer to goes.
//!
//! Both run as statements of the server's own, after the statement that caused them, with the rights of the owner of
//! the table that they look into and without its policies, `FORCE` or not (`ri_triggers.c`). So an insert tells whether
//! a row is there which its author may not see, and a delete takes rows along that its author may not touch, of
//! whatever tenant they are. Keys that hold the tenant are the cure.

use super::catalog::{ForeignKey, Privilege, Referential, Table, TableId};
use super::execute::Cx;
use super::namespace::Asker;
use super::plan::Target;
use super::session::{Change, Txn};
use super::sqlstate::{FOREIGN_KEY_VIOLATION, NOT_SUPPORTED, SqlError};
use super::store::{Candidates, RowId, Store, Stored, TENANT_COLUMN};
use super::versions::Leaf;
use crate::control;
use crate::control::Control;
use crate::wire::sql::{Lsn, Row, Value};
use std::sync::Arc;

/// A foreign key holds the tenant on both sides (STO-03).
pub const FOREIGN_KEY_PER_TENANT: Control = control!(
    "postgres.foreign-key-per-tenant",
    upholds: ["STO-03", "TEN-02"],
    off: "FOREIGN KEY (pager) REFERENCES pagers (id) in place of FOREIGN KEY (tenant_id, pager) REFERENCES pagers \
          (tenant_id, id): the check sees every row, so an insert that it lets pass says that somebody has such a \
          pager, and what is deleted with it are everybody's rows that refer to it",
);

/// A column, and the value that is looked for in it.
type Wanted = (u16, Value);

impl Cx<'_> {
    /// Runs what foreign keys make of the changes since `mark`: row by row, for each row first what refers to it and
    /// then what it refers to, each in order of the making of the keys. Changes that come of it wait behind the others.
    ///
    /// # Errors
    /// `23503`, `42501` where an owner has lost rights, `23502` and `23505` of the rows that are changed along.
    pub(super) fn refer(&self, stores: &mut [Store], txn: &mut Txn, mark: usize) -> Result<(), SqlError> {
        let mut at = mark;
        while let Some(change) = txn.changes.get(at) {
            at += 1;
            let (table, old, new) = match change {
                Change::Insert { table, id, row } => (*table, None, Some((*id, Arc::clone(row)))),
                Change::Update { table, id, old, row } => (*table, Some(old.clone()), Some((*id, Arc::clone(row)))),
                Change::Delete { table, old, .. } => (*table, Some(old.clone()), None),
                Change::Truncate { .. } | Change::Define { .. } => continue,
            };
            let table = TableId(table);
            if let Some(old) = &old {
                self.referred(stores, txn, table, (&old.row, new.as_ref().map(|(_, row)| row)))?;
            }
            if let Some((id, row)) = &new {
                self.refers(stores, txn, table, (*id, row, old.as_ref()))?;
            }
        }
        Ok(())
    }

    /// The columns that a key compares: from, and to.
    fn compared(&self, table: &Table, key: &ForeignKey) -> Vec<(u16, u16)> {
        let whole = key.columns.len() == 1 || self.controls.on(&FOREIGN_KEY_PER_TENANT);
        let is_tenant = |from: u16| &*table.columns[from as usize].name == TENANT_COLUMN;
        key.columns.iter().copied().filter(|(from, _)| whole || !is_tenant(*from)).collect()
    }

    /// A row is new, or has changed: what it refers to has to be there.
    fn refers(
        &self,
        stores: &[Store],
        txn: &mut Txn,
        id: TableId,
        (place, row, old): (RowId, &Row, Option<&Stored>),
    ) -> Result<(), SqlError> {
        let table = self.catalog.table(id);
        for key in &table.foreign {
            let columns = self.compared(table, key);
            let same = |old: &Stored| columns.iter().all(|(from, _)| old.row[*from as usize] == row[*from as usize]);
            // A row of this transaction's own making may not have been asked yet, and is asked again.
            let is_settled = old.is_some_and(|old| old.since != self.next && same(old));
            let is_stale = stores[id.0 as usize].get(place).is_none_or(|now| !Arc::ptr_eq(&now.row, row));
            if is_settled || is_stale || columns.iter().any(|(from, _)| row[*from as usize] == Value::Null) {
                continue;
            }
            let target = self.catalog.table(key.target);
            self.as_owner(target, [Privilege::SELECT, Privilege::UPDATE])?;
            let wanted: Vec<Wanted> = columns.iter().map(|(from, to)| (*to, row[*from as usize].clone())).collect();
            let leaf = self.leaf(stores, key.target);
            let found = matching(leaf, &wanted).first().map(|place| (*place, leaf.get(*place)));
            match found {
                Some((place, found)) => {
                    self.share(key.target, place)?;
                    self.see(txn, found.expect("found a moment ago").since);
                }
                None => {
                    self.see(txn, Lsn(self.next.0 - 1));
                    let (table, key) = (&table.name, &key.name);
                    let message =
                        format!("insert or update on table \"{table}\" violates foreign key constraint \"{key}\"");
                    return Err(SqlError::new(FOREIGN_KEY_VIOLATION, message));
                }
            }
        }
        Ok(())
    }

    /// A row has gone, or has changed: what becomes of the rows that refer to it.
    fn referred(
        &self,
        stores: &mut [Store],
        txn: &mut Txn,
        id: TableId,
        (old, new): (&Row, Option<&Row>),
    ) -> Result<(), SqlError> {
        for from in &self.catalog.table(id).referrers {
            let table = self.catalog.table(*from);
            for key in table.foreign.iter().filter(|key| key.target == id) {
                let columns = self.compared(table, key);
                let is_null = columns.iter().any(|(_, to)| old[*to as usize] == Value::Null);
                let same = |new: &Row| columns.iter().all(|(_, to)| old[*to as usize] == new[*to as usize]);
                if new.is_some_and(|new| is_null || same(new)) {
                    continue;
                }
                let wanted: Vec<Wanted> = columns.iter().map(|(of, to)| (*of, old[*to as usize].clone())).collect();
                let action = if new.is_none() { key.on_delete } else { key.on_update };
                match action {
                    Referential::NoAction => {
                        let as_key: Vec<Wanted> =
                            columns.iter().map(|(_, to)| (*to, old[*to as usize].clone())).collect();
                        if is_null || self.is_replaced(stores, id, &as_key)? {
                            continue;
                        }
                        self.refuse(stores, txn, (*from, key), &wanted)?;
                    }
                    Referential::Restrict => self.refuse(stores, txn, (*from, key), &wanted)?,
                    Referential::Cascade if new.is_none() => self.delete_along(stores, txn, *from, &wanted)?,
                    Referential::Cascade => {
                        let new = new.expect("asked a moment ago");
                        let set = columns.iter().map(|(of, to)| (*of, new[*to as usize].clone())).collect::<Vec<_>>();
                        self.update_along(stores, txn, *from, (&wanted, &set))?;
                    }
                    Referential::SetNull => {
                        let set: Vec<Wanted> = key.columns.iter().map(|(of, _)| (*of, Value::Null)).collect();
                        self.update_along(stores, txn, *from, (&wanted, &set))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether another row has the key by now.
    fn is_replaced(&self, stores: &[Store], id: TableId, key: &[Wanted]) -> Result<bool, SqlError> {
        self.as_owner(self.catalog.table(id), [Privilege::SELECT, Privilege::UPDATE])?;
        match matching(self.newest(stores, id), key).first() {
            Some(place) => self.share_newest(id, *place).map(|()| true),
            None => Ok(false),
        }
    }

    /// # Errors
    /// `23503` when a row refers to what has gone.
    fn refuse(
        &self,
        stores: &[Store],
        txn: &mut Txn,
        (from, key): (TableId, &ForeignKey),
        wanted: &[Wanted],
    ) -> Result<(), SqlError> {
        let (table, of) = (self.catalog.table(from), &self.catalog.table(key.target).name);
        self.as_owner(table, [Privilege::SELECT, Privilege::UPDATE])?;
        self.see(txn, stores[from.0 as usize].removed);
        let found = matching(self.newest(stores, from), wanted);
        let Some(place) = found.first() else { return Ok(()) };
        self.share_newest(from, *place)?;
        self.see(txn, Lsn(self.next.0 - 1));
        let (name, table) = (&key.name, &table.name);
        let message = format!(
            "update or delete on table \"{of}\" violates foreign key constraint \"{name}\" on table \"{table}\""
        );
        Err(SqlError::new(FOREIGN_KEY_VIOLATION, message))
    }

    fn delete_along(
        &self,
        stores: &mut [Store],
        txn: &mut Txn,
        from: TableId,
        wanted: &[Wanted],
    ) -> Result<(), SqlError> {
        self.as_owner(self.catalog.table(from), [Privilege::DELETE, Privilege::SELECT])?;
        for id in matching(self.newest(stores, from), wanted) {
            self.remove(&mut stores[from.0 as usize], (from, id), txn)?;
        }
        Ok(())
    }

    fn update_along(
        &self,
        stores: &mut [Store],
        txn: &mut Txn,
        from: TableId,
        (wanted, set): (&[Wanted], &[Wanted]),
    ) -> Result<(), SqlError> {
        self.as_owner(self.catalog.table(from), [Privilege::UPDATE, Privilege::SELECT])?;
        for id in matching(self.newest(stores, from), wanted) {
            let mut values = self.newest(stores, from).get(id).expect("found a moment ago").row.to_vec();
            set.iter().for_each(|(at, value)| values[*at as usize] = value.clone());
            self.replace(&mut stores[from.0 as usize], (from, id), values.into(), txn)?;
        }
        Ok(())
    }

    /// What the owner of a table may do with it: look into its schema, and both of these.
    fn as_owner(&self, table: &Table, privileges: [Privilege; 2]) -> Result<(), SqlError> {
        let asker = Asker { role: table.owner, path: "", controls: self.controls };
        if !self.catalog.uses(asker, table.schema) {
            return Err(SqlError::denied_schema(&self.catalog.schema(table.schema).name));
        }
        privileges.into_iter().try_for_each(|privilege| self.require_of(table.owner, table, privilege))
    }

    /// The tables that go with those that a `TRUNCATE` names: with `cascade` those that refer to them.
    ///
    /// # Errors
    /// `0A000` when one that is not named refers to them, `42501` where one that goes along may not be emptied.
    pub(super) fn truncated_along(&self, named: &[Target], cascade: bool) -> Result<Vec<Target>, SqlError> {
        let mut all = named.to_vec();
        let mut at = 0;
        while let Some(Target { table, .. }) = all.get(at) {
            at += 1;
            for from in &self.catalog.table(*table).referrers {
                if all.iter().any(|other| other.table == *from) {
                    continue;
                }
                if !cascade {
                    let message = "cannot truncate a table referenced in a foreign key constraint";
                    return Err(SqlError::new(NOT_SUPPORTED, message));
                }
                self.require(self.catalog.table(*from), Privilege::TRUNCATE)?;
                all.push(Target { table: *from, only: false });
            }
        }
        Ok(all)
    }
}

/// The rows that hold these values. A NULL equals nothing.
fn matching(leaf: Leaf<'_>, wanted: &[Wanted]) -> Vec<RowId> {
    let mut bound = vec![None; wanted.iter().map(|(at, _)| usize::from(*at) + 1).max().unwrap_or_default()];
    for (at, value) in wanted {
        bound[usize::from(*at)] = Some(value.clone());
    }
    let holds = |row: &Row| wanted.iter().all(|(at, value)| row[usize::from(*at)] == *value);
    let found = |id: &RowId| leaf.get(*id).is_some_and(|stored| holds(&stored.row));
    match leaf.candidates(&bound) {
        Candidates::One(one) => one.into_iter().filter(found).collect(),
        Candidates::Many(many) => many.into_iter().filter(found).collect(),
        Candidates::All => leaf.store.rows().filter(|(_, stored)| holds(&stored.row)).map(|(id, _)| id).collect(),
    }
}
