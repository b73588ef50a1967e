//! The rows of one table and its unique indexes. Of each row it has the newest version, whoever wrote it.
//!
//! A unique index knows nothing of row security: it sees every row, which is why an insert can tell a tenant that
//! another tenant's key exists. PostgreSQL documents this; keys that begin with the tenant are the cure.

use super::catalog::Table;
use super::sqlstate::{SqlError, UNIQUE_VIOLATION};
use crate::control;
use crate::control::Control;
use crate::wire::sql::{Lsn, Row, Value};
use std::collections::BTreeMap;
use std::ops::Bound;

/// A unique key begins with the tenant (STO-03).
pub const KEY_PER_TENANT: Control = control!(
    "postgres.key-per-tenant",
    upholds: ["STO-03", "TEN-02"],
    off: "UNIQUE (reference) in place of UNIQUE (tenant_id, reference): the index sees every row, so an insert that it \
          refuses says that somebody has such a reference",
);

/// The column that says whose a row is.
pub const TENANT_COLUMN: &str = "tenant_id";

/// Keys of up to this many columns are looked up without an allocation.
const KEY_SHORT: usize = 3;

/// Places that transactions may have taken and given back since the last one that was kept.
const SKIPPED_MAX: usize = 1 << 16;

/// A row by its place in the heap, as a `ctid`. It survives updates, and is reused after a delete has committed and no
/// snapshot shows the row any more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RowId(pub u32);

/// A row version with the position after which its commit record starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// The values.
    pub row: Row,
    /// Start of the commit record that wrote it, or will if it is committed now; zero when it came with the base.
    pub since: Lsn,
}

/// Contents of a table.
#[derive(Clone, Debug, Default)]
pub struct Store {
    slots: Vec<Option<Stored>>,
    free: Vec<RowId>,
    indexes: Vec<UniqueIndex>,
    /// Start of the newest commit record that took a row away.
    pub removed: Lsn,
}

#[derive(Clone, Debug, Default)]
struct UniqueIndex {
    columns: Vec<u16>,
    /// Keys that hold a NULL are distinct from all others, and are not in here.
    keys: BTreeMap<Vec<Value>, RowId>,
    /// Rows whose key holds a NULL.
    nulls: BTreeMap<RowId, ()>,
}

/// Rows that may match, in the order in which they are read.
pub enum Candidates {
    /// At most one, found by its whole key.
    One(Option<RowId>),
    /// Those of a key's prefix.
    Many(Vec<RowId>),
    /// All of them.
    All,
}

impl Store {
    /// An empty store for a table.
    pub fn new(table: &Table) -> Store {
        let index = |columns: &Vec<u16>| UniqueIndex { columns: columns.clone(), ..UniqueIndex::default() };
        Store { indexes: table.indexes.iter().map(|i| index(&i.columns)).collect(), ..Store::default() }
    }
    /// The row in a place.
    #[inline]
    pub fn get(&self, id: RowId) -> Option<&Stored> {
        self.slots.get(id.0 as usize)?.as_ref()
    }
    /// All rows in physical order.
    pub fn rows(&self) -> impl Iterator<Item = (RowId, &Stored)> {
        self.slots.iter().enumerate().filter_map(|(at, s)| Some((RowId(at as u32), s.as_ref()?)))
    }
    /// All places that are or were taken, in order.
    pub fn places(&self) -> impl Iterator<Item = RowId> + use<> {
        (0..self.slots.len() as u32).map(RowId)
    }
    /// The commit record that writes a row will start later than it says.
    pub fn mark(&mut self, id: RowId, since: Lsn) {
        if let Some(Some(stored)) = self.slots.get_mut(id.0 as usize) {
            stored.since = since;
        }
    }
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows().count()
    }
    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows().next().is_none()
    }
    /// The index that another row with the same key is in, if any. `except` is the row that is being replaced.
    pub fn conflict(&self, row: &[Value], except: Option<RowId>) -> Option<usize> {
        self.indexes.iter().position(|index| {
            let found = with_key(index.columns.iter().map(|c| &row[*c as usize]), |key| index.find(key));
            found.is_some_and(|id| Some(id) != except)
        })
    }
    /// The row that has the same key in one index.
    pub fn holder(&self, at: usize, row: &[Value]) -> Option<RowId> {
        let index = &self.indexes[at];
        with_key(index.columns.iter().map(|c| &row[*c as usize]), |key| index.find(key))
    }
    /// The key that another row has already, where keys are taken without the tenant that leads them. A primary key
    /// stays what it is.
    pub fn conflict_beside_tenant(&self, table: &Table, row: &[Value], except: Option<RowId>) -> Option<usize> {
        let same = |index: &UniqueIndex, other: &[Value]| {
            index.columns[1..].iter().all(|c| row[*c as usize] != Value::Null && row[*c as usize] == other[*c as usize])
        };
        let led = |index: &UniqueIndex| {
            index.columns.len() > 1 && &*table.columns[index.columns[0] as usize].name == TENANT_COLUMN
        };
        let taken = |index: &UniqueIndex| self.rows().any(|(id, s)| Some(id) != except && same(index, &s.row));
        (1..self.indexes.len()).find(|at| led(&self.indexes[*at]) && taken(&self.indexes[*at]))
    }
    /// Adds a row.
    ///
    /// # Errors
    /// `23505` when a unique index already has its key; nothing is changed then.
    pub fn insert(&mut self, table: &Table, stored: Stored) -> Result<RowId, SqlError> {
        if let Some(at) = self.conflict(&stored.row, None) {
            return Err(duplicate(table, at));
        }
        let id = self.free.pop().unwrap_or(RowId(self.slots.len() as u32));
        self.put(id, stored);
        Ok(id)
    }
    /// Replaces a row, and returns the old one.
    ///
    /// # Errors
    /// `23505` when a unique index has the new key for another row; nothing is changed then.
    pub fn update(&mut self, table: &Table, id: RowId, stored: Stored) -> Result<Stored, SqlError> {
        let old = self.get(id).expect("an update names a row that it has read");
        if self.indexes.iter().any(|index| index.moves(&old.row, &stored.row)) {
            if let Some(at) = self.conflict(&stored.row, Some(id)) {
                return Err(duplicate(table, at));
            }
            let old = self.take(id).expect("it was there a moment ago");
            self.put(id, stored);
            return Ok(old);
        }
        let slot = self.slots[id.0 as usize].as_mut().expect("it was there a moment ago");
        Ok(std::mem::replace(slot, stored))
    }
    /// Removes a row. Its place stays taken until [`Store::release`].
    pub fn take(&mut self, id: RowId) -> Option<Stored> {
        let stored = self.slots.get_mut(id.0 as usize)?.take()?;
        for index in &mut self.indexes {
            index.remove(&stored.row, id);
        }
        Some(stored)
    }
    /// Whether a log that fits could put a row there: places are given in turn, save those that a transaction took and
    /// gave back.
    pub fn could_take(&self, id: RowId) -> bool {
        (id.0 as usize) < self.slots.len() + SKIPPED_MAX
    }
    /// Puts a row into a place, which must be empty: redo and undo.
    pub fn put(&mut self, id: RowId, stored: Stored) {
        let at = id.0 as usize;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, None);
        }
        for index in &mut self.indexes {
            index.add(&stored.row, id);
        }
        let before = self.slots[at].replace(stored);
        assert!(before.is_none(), "two rows in one place");
    }
    /// Puts back the old version of a row: undo of an update.
    pub fn put_back(&mut self, id: RowId, stored: Stored) {
        self.take(id);
        self.put(id, stored);
    }
    /// The place of a removed row may be used again.
    pub fn release(&mut self, id: RowId) {
        self.free.push(id);
    }
    /// Recounts the free places: after redo, which names its places itself.
    pub fn recount(&mut self) {
        let free = |(at, slot): (usize, &Option<Stored>)| slot.is_none().then_some(RowId(at as u32));
        self.free = self.slots.iter().enumerate().filter_map(free).rev().collect();
    }

    /// The rows that can meet the conditions column = value, by the index that narrows most. `bound` gives the value
    /// of a column, if there is one; a NULL meets nothing.
    pub fn candidates(&self, bound: &[Option<Value>]) -> Candidates {
        if bound.iter().flatten().any(|v| *v == Value::Null) {
            return Candidates::One(None);
        }
        let of = |column: &u16| bound.get(*column as usize).and_then(|v| v.as_ref());
        let prefix = |index: &UniqueIndex| index.columns.iter().take_while(|c| of(c).is_some()).count();
        let best = self.indexes.iter().map(|i| (prefix(i), i)).reduce(|a, b| if b.0 > a.0 { b } else { a });
        let Some((width, index)) = best else { return Candidates::All };
        let key = index.columns[..width].iter().filter_map(of);
        if width == index.columns.len() {
            return Candidates::One(with_key(key, |key| index.find(key)));
        }
        if width > 0 {
            return Candidates::Many(with_key(key, |key| index.range(key)));
        }
        match self.indexes.iter().find(|i| i.columns.len() == 2 && of(&i.columns[1]).is_some()) {
            Some(index) => Candidates::Many(index.skip_scan(of(&index.columns[1]).expect("just found"))),
            None => Candidates::All,
        }
    }
}

/// Calls `f` with the values as one slice. Short keys are put together on the stack.
fn with_key<'v, T>(values: impl Iterator<Item = &'v Value>, f: impl FnOnce(&[Value]) -> T) -> T {
    let mut short: [Value; KEY_SHORT] = Default::default();
    let mut long = Vec::new();
    let mut width = 0;
    for value in values {
        match short.get_mut(width) {
            Some(place) if long.is_empty() => *place = value.clone(),
            _ => {
                if long.is_empty() {
                    long.extend_from_slice(&short);
                }
                long.push(value.clone());
            }
        }
        width += 1;
    }
    if long.is_empty() { f(&short[..width]) } else { f(&long) }
}

/// The key of an index is taken.
#[cold]
pub fn duplicate(table: &Table, at: usize) -> SqlError {
    let name = &table.indexes[at].name;
    SqlError::new(UNIQUE_VIOLATION, format!("duplicate key value violates unique constraint \"{name}\""))
}

impl UniqueIndex {
    /// The row with this key. A NULL in it equals nothing.
    fn find(&self, key: &[Value]) -> Option<RowId> {
        if key.contains(&Value::Null) { None } else { self.keys.get(key).copied() }
    }
    fn key(&self, row: &[Value]) -> Option<Vec<Value>> {
        let key: Vec<Value> = self.columns.iter().map(|c| row[*c as usize].clone()).collect();
        (!key.contains(&Value::Null)).then_some(key)
    }
    fn moves(&self, old: &[Value], new: &[Value]) -> bool {
        self.columns.iter().any(|c| old[*c as usize] != new[*c as usize])
    }
    fn add(&mut self, row: &[Value], id: RowId) {
        match self.key(row) {
            Some(key) => {
                self.keys.insert(key, id);
            }
            None => {
                self.nulls.insert(id, ());
            }
        }
    }
    fn remove(&mut self, row: &[Value], id: RowId) {
        match self.key(row) {
            Some(key) => {
                self.keys.remove(&key);
            }
            None => {
                self.nulls.remove(&id);
            }
        }
    }
    /// Rows whose key begins with `prefix`. A row with a NULL elsewhere in its key belongs to them too.
    fn range(&self, prefix: &[Value]) -> Vec<RowId> {
        let from = self.keys.range::<[Value], _>((Bound::Included(prefix), Bound::Unbounded));
        let found = from.take_while(|(key, _)| key.starts_with(prefix)).map(|(_, id)| *id);
        found.chain(self.nulls.keys().copied()).collect()
    }
    /// Rows of a two-column key by its second column: one probe for each distinct first one.
    fn skip_scan(&self, second: &Value) -> Vec<RowId> {
        let mut found = Vec::new();
        let mut next = self.keys.first_key_value();
        while let Some((key, _)) = next {
            let wanted = [key[0].clone(), second.clone()];
            let from = (Bound::Included(&wanted[..]), Bound::Unbounded);
            let Some((at, id)) = self.keys.range::<[Value], _>(from).next() else { break };
            if at[..] == wanted {
                found.push(*id);
            }
            next = if at[0] == wanted[0] { self.after(&wanted[0]) } else { Some((at, id)) };
        }
        found.extend(self.nulls.keys().copied());
        found
    }
    /// The first entry whose first column is greater.
    fn after(&self, first: &Value) -> Option<(&Vec<Value>, &RowId)> {
        let beyond = match first {
            // No text sorts between a text and the same text followed by NUL.
            Value::Text(s) => Value::text(&format!("{s}\0")),
            Value::Int(n) => n.checked_add(1).map_or(Value::text(""), Value::Int),
            Value::Bool(false) => Value::Bool(true),
            Value::Bool(true) => Value::Int(i64::MIN),
            Value::Null => Value::Bool(false),
        };
        let from = [beyond];
        self.keys.range::<[Value], _>((Bound::Included(&from[..]), Bound::Unbounded)).next()
    }
}
