//! Runs `SELECT`, `INSERT`, `UPDATE`, `DELETE` and `TRUNCATE`.
//!
//! The order of checks is the server's, because it decides which error a client sees: `row_security`, privilege on the
//! views that stand between, what planning computes, a transaction that only reads, privilege on the table, policy,
//! `NOT NULL`, unique key, and, when the statement has run, foreign keys. `TRUNCATE` asks for its privilege only; no
//! policy stands in its way.

use super::catalog::{Catalog, Command, Nature, Privilege, RoleId, Table, TableId};
use super::expr::{Env, Expr};
use super::plan::{Delete, Insert, Item, OnConflict, Output, Plan, Search, Select, Target, Update};
use super::rls::Guard;
use super::session::{Change, Txn};
use super::sqlstate::{
    INVALID_COLUMN_REFERENCE, INVALID_LIMIT, INVALID_OFFSET, NOT_NULL_VIOLATION, SqlError, WRONG_OBJECT,
};
use super::store::{Candidates, KEY_PER_TENANT, RowId, Store, Stored, duplicate};
use super::system::CATALOGUE_READS;
use super::versions::{Leaf, Sight};
use super::view::MATVIEW_PRIVILEGE;
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::sql::{Lsn, Reply, Row, Value};
use std::cmp::Ordering;
use std::sync::Arc;

/// Columns past this are never looked up by index.
const BOUND_MAX: usize = 8;

/// A row that is to be changed: its table, its place there, and what it holds.
type Found = (TableId, RowId, Row);

/// What a statement runs with.
pub struct Cx<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// The run's controls.
    pub controls: &'a Controls,
    /// The present role.
    pub role: RoleId,
    /// Settings, parameters, users.
    pub env: Env<'a>,
    /// Where the next commit record will start.
    pub next: Lsn,
    /// Whether nothing may be written.
    pub read_only: bool,
    /// The rows that a function in `FROM` gave.
    pub given: Option<&'a Store>,
    /// Rows that it sees otherwise than the stores have them.
    pub sight: Option<&'a Sight<'a>>,
}

/// `TRUNCATE` is granted to nobody who serves requests (STO-03).
pub const TRUNCATE_PRIVILEGE: Control = control!(
    "postgres.truncate-privilege",
    upholds: ["STO-03", "TEN-02"],
    off: "GRANT ALL ON … TO the service's role: with it comes TRUNCATE, which asks no policy and takes every tenant's \
          rows",
);

impl<'a> Cx<'a> {
    /// Asked between planning and privileges.
    fn writable(&self, what: &str) -> Result<(), SqlError> {
        if self.read_only { Err(SqlError::read_only(what)) } else { Ok(()) }
    }

    pub(super) fn require(&self, table: &Table, privilege: Privilege) -> Result<(), SqlError> {
        self.require_of(self.role, table, privilege)
    }

    pub(super) fn require_of(&self, role: RoleId, table: &Table, privilege: Privilege) -> Result<(), SqlError> {
        let open = table.view.is_some() && !self.controls.on(&CATALOGUE_READS)
            || matches!(table.nature, Nature::Materialized(_)) && !self.controls.on(&MATVIEW_PRIVILEGE)
            || privilege == Privilege::TRUNCATE && !self.controls.on(&TRUNCATE_PRIVILEGE);
        if open || self.catalog.may(role, table, privilege) { Ok(()) } else { Err(denied(table)) }
    }

    /// Privileges on views that are read: on each for whoever reads that. They are asked before anything is planned.
    fn require_views(&self, search: &Search) -> Result<(), SqlError> {
        for (at, layer) in search.through.iter().enumerate() {
            let by = search.reader_of(at, (self.catalog, self.controls), self.role);
            self.require_of(by, self.catalog.table(layer.view), Privilege::SELECT)?;
        }
        Ok(())
    }

    fn require_all(&self, table: &Table, privilege: Privilege, reads: bool) -> Result<(), SqlError> {
        self.require(table, privilege)?;
        if reads { self.require(table, Privilege::SELECT) } else { Ok(()) }
    }

    /// Puts policies into a statement, which comes before anything of it is computed.
    ///
    /// # Errors
    /// Those of [`Guard::new`].
    pub fn rewrite(&self, plan: &Plan) -> Result<(), SqlError> {
        let (role, table, command, reads) = match plan {
            Plan::Select(Select { search: Some(search), .. }) => {
                (search.reader(self.catalog, self.controls, self.role), search.table, Command::Select, true)
            }
            Plan::Insert(insert) => (self.role, insert.table, Command::Insert, insert.reads),
            Plan::Update(update) => (self.role, update.search.table, Command::Update, update.reads),
            Plan::Delete(delete) => (self.role, delete.search.table, Command::Delete, delete.reads),
            _ => return Ok(()),
        };
        let table = self.catalog.table(table);
        Guard::new(self.catalog, self.controls, role, table, (command, reads), self.env.settings).map(|_| ())
    }

    fn guard(&self, table: &'a Table, command: Command, reads: bool) -> Result<Guard<'a>, SqlError> {
        Guard::new(self.catalog, self.controls, self.role, table, (command, reads), self.env.settings)
    }

    /// What the server computes before it asks for a privilege.
    fn plan(&self, search: &Search, guard: &Guard<'_>, checked: bool) -> Result<(), SqlError> {
        guard.plan(checked)?;
        let mut all = search.estimates.iter().map(|(column, e)| (*column, e)).chain(guard.estimates());
        // Of several values that a column equals one is compared with it, and the others with that one: a constant, or
        // else the last that was not there before. Names of users are of another type, compared in an order of its own,
        // and stand apart.
        let constant = |e: &Expr| matches!(e, Expr::Const(_) | Expr::Param(_));
        let chosen = |at: u16| {
            let equal = guard.keys().chain(&search.keys).filter(|(of, _)| *of == at).map(|(_, e)| e);
            let equal = equal.filter(|e| !matches!(e, Expr::CurrentUser | Expr::SessionUser));
            let mut known: Vec<&Expr> = Vec::new();
            for e in equal {
                match constant(e) {
                    true => return Some(e),
                    false if known.contains(&e) => {}
                    false => known.push(e),
                }
            }
            known.last().copied()
        };
        all.try_for_each(|(column, e)| match column {
            Some(at) if chosen(at).is_some_and(|other| other != e) => Ok(()),
            _ => e.value(self.env).map(|_| ()),
        })
    }

    /// Visits the rows that `search` finds and `guard` shows, until `visit` answers `false`.
    fn scan(
        &self,
        leaf: Leaf<'_>,
        search: &Search,
        guard: &Guard<'_>,
        mut visit: impl FnMut(RowId, &Stored) -> Result<bool, SqlError>,
    ) -> Result<(), SqlError> {
        for gate in &search.gates {
            if gate.holds(self.env)? != Some(true) {
                return Ok(());
            }
        }
        let ordered = (!search.through.is_empty()).then(|| search.ordered(self.catalog, self.controls));
        let conditions = ordered.as_deref().unwrap_or(search.filter.as_slice());
        // The policies come first: a condition of the client never runs on a row that is not there for it.
        let mut look = |id: RowId, stored: &Stored| {
            let env = self.env.with_row(&stored.row);
            if !guard.sees(env)? {
                return Ok(true);
            }
            for condition in conditions {
                if condition.holds(env)? != Some(true) {
                    return Ok(true);
                }
            }
            visit(id, stored)
        };
        match self.candidates(leaf, search, guard)? {
            Candidates::One(id) => {
                if let Some(id) = id
                    && let Some(stored) = leaf.get(id)
                {
                    look(id, stored)?;
                }
            }
            Candidates::Many(ids) => {
                for id in ids {
                    if let Some(stored) = leaf.get(id)
                        && !look(id, stored)?
                    {
                        break;
                    }
                }
            }
            Candidates::All => {
                for (id, stored) in leaf.store.rows() {
                    if !look(id, stored)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn candidates(&self, leaf: Leaf<'_>, search: &Search, guard: &Guard<'_>) -> Result<Candidates, SqlError> {
        let mut bound: [Option<Value>; BOUND_MAX] = Default::default();
        let mut any = false;
        for (at, e) in search.keys.iter().chain(guard.keys()) {
            let Some(place) = bound.get_mut(*at as usize) else { continue };
            let value = e.value(self.env)?;
            match place {
                // Two conditions that exclude each other: no row is touched, so none can be felt.
                Some(other) if !value.is(other) => return Ok(Candidates::One(None)),
                Some(_) => {}
                None => *place = Some(value.into_value()),
            }
            any = true;
        }
        Ok(if any { leaf.candidates(&bound) } else { leaf.all() })
    }

    pub(super) fn see(&self, txn: &mut Txn, since: Lsn) {
        // Its own changes are part of its own commit.
        if since < self.next {
            txn.observed = txn.observed.max(since);
        }
    }

    fn project(&self, output: &Output, row: &Row) -> Result<Row, SqlError> {
        let Some(items) = &output.items else {
            // An heir's row begins with the columns of the table that was named.
            let own = &row[..output.header.len()];
            return Ok(if own.len() == row.len() { Arc::clone(row) } else { own.into() });
        };
        if let Some(columns) = &output.columns {
            return Ok(columns.iter().map(|at| row[*at as usize].clone()).collect());
        }
        let env = self.env.with_row(row);
        let value = |item: &Item| match item {
            Item::Value(e) => Ok(e.value(env)?.into_value()),
            _ => Err(SqlError::unsupported("this aggregate")),
        };
        items.iter().map(value).collect::<Result<Vec<_>, _>>().map(Row::from)
    }

    /// What is asked of a query before any row is looked at.
    pub(super) fn ready(&self, search: &Search) -> Result<Guard<'a>, SqlError> {
        let table = self.catalog.table(search.table);
        let reader = search.reader(self.catalog, self.controls, self.role);
        let asked = (Command::Select, true);
        let guard = Guard::new(self.catalog, self.controls, reader, table, asked, self.env.settings)?;
        self.require_views(search)?;
        self.plan(search, &guard, false)?;
        self.require_of(reader, table, Privilege::SELECT)?;
        Ok(guard)
    }

    /// `SELECT … FROM`.
    pub fn select(&self, stores: &[Store], txn: &mut Txn, plan: &Select) -> Result<Reply, SqlError> {
        let search = plan.search.as_ref().expect("the caller runs queries without FROM");
        let table = self.catalog.table(search.table);
        let guard = self.ready(search)?;
        let (shown, one, many);
        let leaves: &[Leaf<'_>] = match (table.view, self.given) {
            (Some(view), _) => {
                shown = view.contents(self.catalog, self.role, table);
                one = [Leaf::plain(&shown)];
                &one
            }
            (None, Some(given)) => {
                one = [Leaf::plain(given)];
                &one
            }
            (None, None) if table.kin.is_spread() => {
                many = self
                    .catalog
                    .leaves(search.table, search.only)
                    .map(|leaf| self.leaf(stores, leaf))
                    .collect::<Vec<_>>();
                &many
            }
            (None, None) => {
                one = [self.leaf(stores, search.table)];
                &one
            }
        };
        let (offset, limit) = (self.count_of(&plan.offset, "OFFSET")?, self.count_of(&plan.limit, "LIMIT")?);
        let offset = offset.unwrap_or(0);
        leaves.iter().for_each(|leaf| self.see(txn, leaf.store.removed));
        if plan.counts {
            return self.count(leaves, search, &guard, txn, &plan.output);
        }
        let sorted = !plan.order.is_empty();
        let wanted = limit.map_or(usize::MAX, |limit| offset.saturating_add(limit));
        let mut found: Vec<(Vec<Value>, Row)> = Vec::new();
        let mut rows = Vec::new();
        for leaf in leaves {
            if wanted <= offset || rows.len() >= wanted {
                break;
            }
            self.scan(*leaf, search, &guard, |_, stored| {
                self.see(txn, stored.since);
                let row = self.project(&plan.output, &stored.row)?;
                if sorted {
                    let env = self.env.with_row(&stored.row);
                    let key = plan.order.iter().map(|o| Ok(o.by.value(env)?.into_value()));
                    found.push((key.collect::<Result<_, SqlError>>()?, row));
                    return Ok(true);
                }
                rows.push(row);
                Ok(rows.len() < wanted)
            })?;
        }
        if sorted {
            found.sort_by(|a, b| compare_keys(plan, &a.0, &b.0));
            rows.extend(found.into_iter().map(|(_, row)| row));
            rows.truncate(wanted);
        }
        if offset > 0 {
            rows.drain(..offset.min(rows.len()));
        }
        Ok(Reply::Rows { columns: Arc::clone(&plan.output.header), rows })
    }

    fn count(
        &self,
        leaves: &[Leaf<'_>],
        search: &Search,
        guard: &Guard<'_>,
        txn: &mut Txn,
        output: &Output,
    ) -> Result<Reply, SqlError> {
        let items = output.items.as_deref().unwrap_or_default();
        let mut counts = vec![0i64; items.len()];
        for leaf in leaves {
            self.scan(*leaf, search, guard, |_, stored| {
                self.see(txn, stored.since);
                let env = self.env.with_row(&stored.row);
                for (count, item) in counts.iter_mut().zip(items) {
                    let counted = match item {
                        Item::Count(Some(e)) => e.value(env)?.into_value() != Value::Null,
                        _ => true,
                    };
                    *count += i64::from(counted);
                }
                Ok(true)
            })?;
        }
        let value = |(item, n): (&Item, i64)| match item {
            Item::Value(e) => Ok(e.value(self.env)?.into_value()),
            _ => Ok(Value::Int(n)),
        };
        let row = items.iter().zip(counts).map(value).collect::<Result<Vec<_>, SqlError>>()?;
        Ok(Reply::Rows { columns: Arc::clone(&output.header), rows: vec![row.into()] })
    }

    /// The number in a `LIMIT` or an `OFFSET`; NULL is none.
    fn count_of(&self, e: &Option<Expr>, clause: &str) -> Result<Option<usize>, SqlError> {
        let Some(e) = e else { return Ok(None) };
        match e.value(self.env)?.into_value() {
            Value::Int(n) if n >= 0 => Ok(Some(usize::try_from(n).unwrap_or(usize::MAX))),
            Value::Int(_) if clause == "OFFSET" => Err(SqlError::new(INVALID_OFFSET, "OFFSET must not be negative")),
            Value::Int(_) => Err(SqlError::new(INVALID_LIMIT, "LIMIT must not be negative")),
            _ => Ok(None),
        }
    }

    /// `INSERT`.
    pub fn insert(&self, stores: &mut [Store], txn: &mut Txn, plan: &Insert) -> Result<Reply, SqlError> {
        let table = self.catalog.table(plan.table);
        let guard = self.guard(table, Command::Insert, plan.reads)?;
        guard.plan(true)?;
        if plan.on_conflict == Some(OnConflict::Unmatched) {
            let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
            return Err(SqlError::new(INVALID_COLUMN_REFERENCE, message));
        }
        self.writable("INSERT")?;
        self.require_all(table, Privilege::INSERT, plan.reads)?;
        let mark = txn.changes.len();
        let mut returned = Vec::new();
        let mut inserted = 0;
        for values in &plan.rows {
            let values = values.iter().map(|e| Ok(e.value(self.env)?.into_value()));
            let row = Row::from(values.collect::<Result<Vec<_>, SqlError>>()?);
            let leaf = self.catalog.routed(plan.table, &row)?;
            guard.admits(self.controls, plan.reads, self.env.with_row(&row))?;
            not_null(table, &row)?;
            self.catalog.belongs(leaf, &row)?;
            let store = &mut stores[leaf.0 as usize];
            if self.forgives(store, leaf, &row, plan.on_conflict)? {
                // The key was seen, although the row may be hidden.
                self.see(txn, Lsn(self.next.0 - 1));
                continue;
            }
            self.put(store, leaf, &row, txn)?;
            if let Some(output) = &plan.returning {
                returned.push(self.project(output, &row)?);
            }
            inserted += 1;
        }
        if !table.foreign.is_empty() {
            self.refer(stores, txn, mark)?;
        }
        Ok(answer(plan.returning.as_ref(), returned, inserted))
    }

    /// `UPDATE`.
    pub fn update(&self, stores: &mut [Store], txn: &mut Txn, plan: &Update) -> Result<Reply, SqlError> {
        let table = self.catalog.table(plan.search.table);
        let guard = self.guard(table, Command::Update, plan.reads)?;
        self.plan(&plan.search, &guard, true)?;
        self.writable("UPDATE")?;
        self.require_all(table, Privilege::UPDATE, plan.reads)?;
        let (found, whole) = self.found(stores, &plan.search, &guard, txn);
        let mark = txn.changes.len();
        let mut returned = Vec::new();
        let mut updated = 0;
        for (leaf, id, old) in found {
            let env = self.env.with_row(&old);
            let mut values: Vec<Value> = old.to_vec();
            for (at, e) in &plan.set {
                values[*at as usize] = e.value(env)?.into_value();
            }
            let row = Row::from(values);
            // Whoever named the whole moves the row to where it belongs; whoever named a partition is refused.
            let target = self.catalog.routed(plan.search.table, &row)?;
            let moves = table.kin.is_partitioned() && target != leaf;
            if !moves {
                self.catalog.belongs(leaf, &row)?;
            }
            guard.admits(self.controls, plan.reads, self.env.with_row(&row))?;
            not_null(self.catalog.table(leaf), &row)?;
            if moves {
                self.remove(&mut stores[leaf.0 as usize], (leaf, id), txn)?;
                self.put(&mut stores[target.0 as usize], target, &row, txn)?;
            } else {
                self.put_over(&mut stores[leaf.0 as usize], (leaf, id), &row, txn)?;
            }
            if let Some(output) = &plan.returning {
                returned.push(self.project(output, &row)?);
            }
            updated += 1;
        }
        whole?;
        if !(table.foreign.is_empty() && table.referrers.is_empty()) {
            self.refer(stores, txn, mark)?;
        }
        Ok(answer(plan.returning.as_ref(), returned, updated))
    }

    /// Puts a new row into a table.
    fn put(&self, store: &mut Store, leaf: TableId, row: &Row, txn: &mut Txn) -> Result<(), SqlError> {
        let table = self.catalog.table(leaf);
        self.key_beside_tenant(store, table, row, None)?;
        self.claim_keys(store, leaf, row, None)?;
        let stored = Stored { row: Arc::clone(row), since: self.next };
        let id = store.insert(table, stored).inspect_err(|_| self.see(txn, Lsn(self.next.0 - 1)))?;
        txn.changes.push(Change::Insert { table: leaf.0, id, row: Arc::clone(row) });
        Ok(())
    }

    /// Puts a new version in the place of a row.
    fn put_over(
        &self,
        store: &mut Store,
        (leaf, id): (TableId, RowId),
        row: &Row,
        txn: &mut Txn,
    ) -> Result<(), SqlError> {
        let table = self.catalog.table(leaf);
        self.claim(store, (leaf, id), Some(row))?;
        self.key_beside_tenant(store, table, row, Some(id))?;
        self.claim_keys(store, leaf, row, Some(id))?;
        let stored = Stored { row: Arc::clone(row), since: self.next };
        let old = store.update(table, id, stored).inspect_err(|_| self.see(txn, Lsn(self.next.0 - 1)))?;
        txn.changes.push(Change::Update { table: leaf.0, id, old, row: Arc::clone(row) });
        Ok(())
    }

    /// Takes a row out of a table.
    pub(super) fn remove(
        &self,
        store: &mut Store,
        (leaf, id): (TableId, RowId),
        txn: &mut Txn,
    ) -> Result<(), SqlError> {
        self.claim(store, (leaf, id), None)?;
        let old = store.take(id).expect("found a moment ago");
        txn.changes.push(Change::Delete { table: leaf.0, id, old });
        Ok(())
    }

    /// Replaces a row without asking a policy: what a foreign key does.
    pub(super) fn replace(
        &self,
        store: &mut Store,
        place: (TableId, RowId),
        row: Row,
        txn: &mut Txn,
    ) -> Result<(), SqlError> {
        not_null(self.catalog.table(place.0), &row)?;
        self.put_over(store, place, &row, txn)
    }

    /// # Errors
    /// `23505` where keys are taken without their tenant, and another row has this one.
    fn key_beside_tenant(
        &self,
        store: &Store,
        table: &Table,
        row: &Row,
        except: Option<RowId>,
    ) -> Result<(), SqlError> {
        if table.indexes.len() < 2 || self.controls.on(&KEY_PER_TENANT) {
            return Ok(());
        }
        store.conflict_beside_tenant(table, row, except).map_or(Ok(()), |at| Err(duplicate(table, at)))
    }

    /// `DELETE`.
    pub fn delete(&self, stores: &mut [Store], txn: &mut Txn, plan: &Delete) -> Result<Reply, SqlError> {
        let table = self.catalog.table(plan.search.table);
        let guard = self.guard(table, Command::Delete, plan.reads)?;
        self.plan(&plan.search, &guard, false)?;
        self.writable("DELETE")?;
        self.require_all(table, Privilege::DELETE, plan.reads)?;
        let (found, whole) = self.found(stores, &plan.search, &guard, txn);
        let mark = txn.changes.len();
        let mut returned = Vec::new();
        let deleted = found.len() as u64;
        for (leaf, id, row) in found {
            self.remove(&mut stores[leaf.0 as usize], (leaf, id), txn)?;
            if let Some(output) = &plan.returning {
                returned.push(self.project(output, &row)?);
            }
        }
        whole?;
        if !table.referrers.is_empty() {
            self.refer(stores, txn, mark)?;
        }
        Ok(answer(plan.returning.as_ref(), returned, deleted))
    }

    /// The rows that a writing statement finds, before it changes any: it never meets its own new rows. A search that
    /// fails has found what comes before: the server changes that first, and may fail there already.
    fn found(
        &self,
        stores: &[Store],
        search: &Search,
        guard: &Guard<'_>,
        txn: &mut Txn,
    ) -> (Vec<Found>, Result<(), SqlError>) {
        let mut found = Vec::new();
        let whole = self.catalog.leaves(search.table, search.only).try_for_each(|leaf| {
            self.see(txn, stores[leaf.0 as usize].removed);
            self.scan(self.leaf(stores, leaf), search, guard, |id, stored| {
                self.see(txn, stored.since);
                found.push((leaf, id, Arc::clone(&stored.row)));
                Ok(true)
            })
        });
        (found, whole)
    }

    /// `TRUNCATE` of tables with their partitions and heirs, of which nobody asks for rights, and with `cascade` of the
    /// tables that refer to them.
    pub fn truncate(
        &self,
        stores: &mut [Store],
        txn: &mut Txn,
        (named, cascade): (&[Target], bool),
    ) -> Result<Reply, SqlError> {
        for Target { table, only } in named {
            let table = self.catalog.table(*table);
            self.require(table, Privilege::TRUNCATE)?;
            if *only && table.kin.is_partitioned() {
                return Err(SqlError::new(WRONG_OBJECT, "cannot truncate only a partitioned table"));
            }
        }
        for Target { table, only } in self.truncated_along(named, cascade)? {
            for leaf in self.catalog.leaves(table, only) {
                let (at, empty) = (leaf.0, Store::new(self.catalog.table(leaf)));
                let old = std::mem::replace(&mut stores[at as usize], empty);
                txn.changes.push(Change::Truncate { table: at, old: Box::new(old) });
            }
        }
        Ok(Reply::Done(0))
    }
}

fn answer(returning: Option<&Output>, rows: Vec<Row>, affected: u64) -> Reply {
    match returning {
        Some(output) => Reply::Rows { columns: Arc::clone(&output.header), rows },
        None => Reply::Done(affected),
    }
}

fn denied(table: &Table) -> SqlError {
    let is_view = table.view.is_some() || table.shows().is_some();
    if is_view { SqlError::denied_view(&table.name) } else { SqlError::denied(&table.name) }
}

fn not_null(table: &Table, row: &[Value]) -> Result<(), SqlError> {
    let missing = table.columns.iter().zip(row).find(|(column, value)| column.not_null && **value == Value::Null);
    let Some((column, _)) = missing else { return Ok(()) };
    let (column, table) = (&column.name, &table.name);
    let message = format!("null value in column \"{column}\" of relation \"{table}\" violates not-null constraint");
    Err(SqlError::new(NOT_NULL_VIOLATION, message))
}

fn compare_keys(plan: &Select, a: &[Value], b: &[Value]) -> Ordering {
    let terms = plan.order.iter().zip(a.iter().zip(b));
    let each = terms.map(|(order, (a, b))| match (*a == Value::Null, *b == Value::Null) {
        (true, true) => Ordering::Equal,
        (true, false) => {
            if order.nulls_first {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if order.nulls_first {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            if order.descending {
                b.cmp(a)
            } else {
                a.cmp(b)
            }
        }
    });
    each.fold(Ordering::Equal, Ordering::then)
}
