//! Foreign keys: how they are made, and how they go.
//!
//! Whoever makes one needs a right on the table that it refers to, `REFERENCES`, and none to read it: from then on
//! every row that is put in says whether such a row is there. What a key does to rows is in `referential.rs`.

use super::catalog::{ForeignKey, Nature, Privilege, Referential, Table, TableId};
use super::ddl::Definer;
use super::name::{folded, table_name};
use super::sqlstate::{
    DATATYPE_MISMATCH, DUPLICATE_OBJECT, INVALID_FOREIGN_KEY, SqlError, UNDEFINED_COLUMN, UNDEFINED_OBJECT,
    WRONG_OBJECT,
};
use sqlparser::ast;
use std::sync::Arc;

impl Definer<'_> {
    /// Gives a table a foreign key; the order of what is asked is that of `ATAddForeignKeyConstraint`.
    ///
    /// # Errors
    /// `42501`, `42703`, `42704`, `42710`, `42804`, `42809`, `42830`, `42P01`, `3F000`, and `0A000` for what the model
    /// lacks.
    pub(super) fn add_foreign_key(&mut self, id: TableId, key: &ast::ForeignKeyConstraint) -> Result<(), SqlError> {
        let (on_delete, on_update) = (referential(key.on_delete)?, referential(key.on_update)?);
        plain(key)?;
        let table = self.catalog.table(id);
        let names: Vec<String> = key.columns.iter().map(folded).collect();
        let name = match &key.name {
            Some(name) => self.free_name(table, folded(name))?,
            None => self.chosen_name(table, &names),
        };
        let target = self.catalog.defined(self.asker, &table_name(&key.foreign_table)?)?;
        let of = self.catalog.table(target);
        if of.view.is_some() || !matches!(of.nature, Nature::Table) {
            let message = format!("referenced relation \"{}\" is not a table", of.name);
            return Err(SqlError::new(WRONG_OBJECT, message));
        }
        if ![table, of].iter().all(|t| t.kin.is_alone()) {
            return Err(SqlError::unsupported("a foreign key of a table with partitions or heirs, or to one"));
        }
        let from = positions(table, &names)?;
        let to = self.referred(of, &key.referred_columns)?;
        if !self.catalog.may(self.asker.role, of, Privilege::REFERENCES) {
            return Err(SqlError::denied(&of.name));
        }
        if from.len() != to.len() {
            let message = "number of referencing and referenced columns for foreign key disagree";
            return Err(SqlError::new(INVALID_FOREIGN_KEY, message));
        }
        let columns: Vec<(u16, u16)> = from.into_iter().zip(to).collect();
        let kind = |table: &Table, at: u16| table.columns[at as usize].kind;
        if columns.iter().any(|(a, b)| kind(table, *a).common(kind(of, *b)).is_none()) {
            let message = format!("foreign key constraint \"{name}\" cannot be implemented");
            return Err(SqlError::new(DATATYPE_MISMATCH, message));
        }
        let key = ForeignKey { name, columns, target, on_delete, on_update };
        let table = self.catalog.table_mut(id);
        table.foreign.push(key);
        table.has_triggers = true;
        let of = self.catalog.table_mut(target);
        of.has_triggers = true;
        if !of.referrers.contains(&id) {
            of.referrers.push(id);
        }
        Ok(())
    }

    /// The columns of a key that is referred to: those that are named, or the primary key's.
    fn referred(&self, of: &Table, named: &[ast::Ident]) -> Result<Vec<u16>, SqlError> {
        if named.is_empty() {
            let primary = of.indexes.first().filter(|index| index.primary);
            let message = || format!("there is no primary key for referenced table \"{}\"", of.name);
            return primary
                .map(|index| index.columns.clone())
                .ok_or_else(|| SqlError::new(UNDEFINED_OBJECT, message()));
        }
        let columns = positions(of, &named.iter().map(folded).collect::<Vec<_>>())?;
        let sorted = |columns: &[u16]| {
            let mut columns = columns.to_vec();
            columns.sort_unstable();
            columns
        };
        let wanted = sorted(&columns);
        if wanted.windows(2).any(|two| two[0] == two[1]) {
            let message = "foreign key referenced-columns list must not contain duplicates";
            return Err(SqlError::new(INVALID_FOREIGN_KEY, message));
        }
        if !of.indexes.iter().any(|index| sorted(&index.columns) == wanted) {
            let message =
                format!("there is no unique constraint matching given keys for referenced table \"{}\"", of.name);
            return Err(SqlError::new(INVALID_FOREIGN_KEY, message));
        }
        Ok(columns)
    }

    /// A name that was given, if no constraint of the table has it.
    fn free_name(&self, table: &Table, name: String) -> Result<Arc<str>, SqlError> {
        let indexes = table.indexes.iter().map(|index| &index.name);
        if indexes.chain(table.foreign.iter().map(|key| &key.name)).any(|taken| **taken == *name) {
            let message = format!("constraint \"{name}\" for relation \"{}\" already exists", table.name);
            return Err(SqlError::new(DUPLICATE_OBJECT, message));
        }
        Ok(name.into())
    }

    /// The name that the server gives: that of the table and of the columns, and a number where the schema has it.
    fn chosen_name(&self, table: &Table, columns: &[String]) -> Arc<str> {
        let stem = format!("{}_{}_fkey", table.name, columns.join("_"));
        let others = self.catalog.tables.iter().filter(|other| !other.dropped && other.schema == table.schema);
        let taken: Vec<&str> = others
            .flat_map(|t| t.indexes.iter().map(|i| &*i.name).chain(t.foreign.iter().map(|key| &*key.name)))
            .collect();
        let free = std::iter::once(stem.clone()).chain((1..).map(|n| format!("{stem}{n}")));
        let mut free = free.filter(|name| !taken.contains(&name.as_str()));
        free.next().expect("there are more numbers than constraints").into()
    }

    /// A table goes: no key refers to it any more, and it refers to none.
    pub(super) fn forget_foreign_keys(&mut self, id: TableId) {
        for from in std::mem::take(&mut self.catalog.table_mut(id).referrers) {
            self.catalog.table_mut(from).foreign.retain(|key| key.target != id);
        }
        for key in std::mem::take(&mut self.catalog.table_mut(id).foreign) {
            self.catalog.table_mut(key.target).referrers.retain(|from| *from != id);
        }
    }
}

/// Positions of columns that a key names.
fn positions(table: &Table, names: &[String]) -> Result<Vec<u16>, SqlError> {
    let position = |name: &String| {
        let message = || format!("column \"{name}\" referenced in foreign key constraint does not exist");
        table.column(name).ok_or_else(|| SqlError::new(UNDEFINED_COLUMN, message()))
    };
    names.iter().map(position).collect()
}

/// # Errors
/// `0A000` for `SET DEFAULT`.
fn referential(action: Option<ast::ReferentialAction>) -> Result<Referential, SqlError> {
    match action {
        None | Some(ast::ReferentialAction::NoAction) => Ok(Referential::NoAction),
        Some(ast::ReferentialAction::Restrict) => Ok(Referential::Restrict),
        Some(ast::ReferentialAction::Cascade) => Ok(Referential::Cascade),
        Some(ast::ReferentialAction::SetNull) => Ok(Referential::SetNull),
        Some(ast::ReferentialAction::SetDefault) => Err(SqlError::unsupported("SET DEFAULT in a foreign key")),
    }
}

/// # Errors
/// `0A000` for a key that is checked at the end of the transaction, or that matches otherwise.
fn plain(key: &ast::ForeignKeyConstraint) -> Result<(), SqlError> {
    let simple = matches!(key.match_kind, None | Some(ast::ConstraintReferenceMatchKind::Simple));
    if !simple || key.index_name.is_some() || key.characteristics.is_some() {
        return Err(SqlError::unsupported("a foreign key with MATCH or DEFERRABLE"));
    }
    Ok(())
}
