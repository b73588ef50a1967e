//! Partitioned tables, by list.
//!
//! Whoever names the whole is asked its policies and its privileges, and those of no partition. Whoever names a
//! partition is asked the partition's own: without any, what the whole hides lies open there.

use super::catalog::{Catalog, Index, Kin, Table, TableId};
use super::ddl::Definer;
use super::expr::Expr;
use super::lower::Lowerer;
use super::name::{call, folded};
use super::sqlstate::{CHECK_VIOLATION, INVALID_OBJECT, SqlError, UNDEFINED_COLUMN};
use crate::control;
use crate::control::Control;
use crate::wire::sql::Value;
use sqlparser::ast;

/// Policies of the whole are on each of its partitions as well (STO-03).
pub const CHILD_POLICIES: Control = control!(
    "postgres.child-policies",
    upholds: ["STO-03", "TEN-02"],
    off: "ENABLE ROW LEVEL SECURITY on the partitioned table alone: PostgreSQL takes none of it over to partitions, \
          nor to tables that inherit, and the service's role holds its rights on them as on every table of the schema",
);

impl Catalog {
    /// Where the rows of a table lie: in itself or its partitions, and, unless `only` its own are meant, in the tables
    /// that inherit from it.
    pub fn leaves(&self, id: TableId, only: bool) -> impl Iterator<Item = TableId> + use<> {
        let own = (!self.table(id).kin.is_partitioned()).then_some(id);
        own.into_iter().chain(if only { Vec::new() } else { self.descendants(id) })
    }

    /// Partitions and heirs, generation by generation, as the server finds them (`find_all_inheritors`).
    fn descendants(&self, id: TableId) -> Vec<TableId> {
        let mut all = self.table(id).kin.children.clone();
        let mut at = 0;
        while let Some(child) = all.get(at).copied() {
            all.extend_from_slice(&self.table(child).kin.children);
            at += 1;
        }
        all
    }

    /// The whole that a table is a partition of.
    pub fn whole_of(&self, id: TableId) -> Option<TableId> {
        self.table(id).kin.parent.filter(|parent| self.table(*parent).kin.is_partitioned())
    }

    /// The partition that a row belongs to, among those of `whole`.
    fn partition_of(&self, whole: &Table, row: &[Value]) -> Option<TableId> {
        let value = &row[whole.kin.split_by? as usize];
        let mut default = None;
        for child in &whole.kin.children {
            match &self.table(*child).kin.values {
                Some(values) if values.contains(value) => return Some(*child),
                Some(_) => {}
                None => default = Some(*child),
            }
        }
        default
    }

    /// Where a new row of a table goes.
    ///
    /// # Errors
    /// `23514` when there is no partition for it.
    pub fn routed(&self, id: TableId, row: &[Value]) -> Result<TableId, SqlError> {
        let table = self.table(id);
        if !table.kin.is_partitioned() {
            return Ok(id);
        }
        let message = || format!("no partition of relation \"{}\" found for row", table.name);
        self.partition_of(table, row).ok_or_else(|| SqlError::new(CHECK_VIOLATION, message()))
    }

    /// Whether a row may lie in a table that is named outright.
    ///
    /// # Errors
    /// `23514` when it belongs to another partition.
    pub fn belongs(&self, id: TableId, row: &[Value]) -> Result<(), SqlError> {
        let Some(whole) = self.whole_of(id) else { return Ok(()) };
        if self.partition_of(self.table(whole), row) == Some(id) {
            return Ok(());
        }
        let message = format!("new row for relation \"{}\" violates partition constraint", self.table(id).name);
        Err(SqlError::new(CHECK_VIOLATION, message))
    }
}

impl Definer<'_> {
    /// `PARTITION BY LIST (column)`.
    ///
    /// # Errors
    /// `42703`, and `0A000` for another kind of partition, and for a key that leaves the column out.
    pub(super) fn split(&self, table: &mut Table, by: &ast::Expr) -> Result<(), SqlError> {
        let refused = || SqlError::unsupported(format_args!("PARTITION BY {by}"));
        let ast::Expr::Function(function) = by else { return Err(refused()) };
        let (kind, key) = call(function)?;
        let ("list", [ast::Expr::Identifier(column)]) = (kind.as_str(), key.as_slice()) else { return Err(refused()) };
        let column = folded(column);
        let at = table.column(&column).ok_or_else(|| {
            let message = format!("column \"{column}\" named in partition key does not exist");
            SqlError::new(UNDEFINED_COLUMN, message)
        })?;
        if table.indexes.iter().any(|index| !index.columns.contains(&at)) {
            return Err(SqlError::unsupported("a unique key of a partitioned table without its partition column"));
        }
        table.kin.split_by = Some(at);
        Ok(())
    }

    /// The partition that a statement describes: columns and keys are those of the whole; owner, grants and policies
    /// are its own.
    ///
    /// # Errors
    /// `42P16`, `42P17`, and `0A000` for what the model lacks.
    pub(super) fn partition(
        &mut self,
        table: Table,
        whole: &ast::ObjectName,
        values: Option<&ast::ForValues>,
    ) -> Result<Table, SqlError> {
        let id = self.owned(whole)?;
        if !table.columns.is_empty() || !table.indexes.is_empty() {
            return Err(SqlError::unsupported("a partition with columns of its own"));
        }
        let parent = self.catalog.table(id);
        let Some(at) = parent.kin.split_by else {
            let message = format!("\"{}\" is not partitioned", parent.name);
            return Err(SqlError::new(INVALID_OBJECT, message));
        };
        let column = &parent.columns[at as usize];
        let values = match values {
            Some(ast::ForValues::Default) => None,
            Some(ast::ForValues::In(values)) => {
                let (mut params, mut found) = (Vec::new(), Vec::new());
                let mut lowerer = Lowerer { table: None, params: &mut params, names: self.names, depth: 0 };
                for value in values {
                    match lowerer.assigned(value, &column.name, column.kind)? {
                        Expr::Const(value) => found.push(value),
                        _ => return Err(SqlError::unsupported("a bound that is no literal")),
                    }
                }
                Some(found)
            }
            _ => return Err(SqlError::unsupported("this partition bound")),
        };
        self.no_overlap(id, values.as_deref(), &table.name)?;
        let keys = parent.indexes.iter().map(|index| {
            let columns: Vec<&str> = index.columns.iter().map(|c| &*parent.columns[*c as usize].name).collect();
            let name = match index.primary {
                true => format!("{}_pkey", table.name),
                false => format!("{}_{}_key", table.name, columns.join("_")),
            };
            Index { name: name.into(), columns: index.columns.clone(), primary: index.primary }
        });
        let indexes = keys.collect();
        let child = Table::plain((table.schema, table.name.clone()), table.owner, parent.columns.clone());
        Ok(Table { indexes, kin: Kin { parent: Some(id), values, ..Kin::default() }, ..child })
    }

    fn no_overlap(&self, whole: TableId, values: Option<&[Value]>, name: &str) -> Result<(), SqlError> {
        for child in &self.catalog.table(whole).kin.children {
            let other = self.catalog.table(*child);
            let meets = match (values, &other.kin.values) {
                (None, None) => true,
                (Some(values), Some(others)) => values.iter().any(|value| others.contains(value)),
                // Rows of the default partition would have to be looked at.
                (Some(_), None) => return Err(SqlError::unsupported("a partition beside a default one")),
                (None, Some(_)) => false,
            };
            if meets {
                let message = format!("partition \"{name}\" would overlap partition \"{}\"", other.name);
                return Err(SqlError::new(INVALID_OBJECT, message));
            }
        }
        Ok(())
    }

    /// Makes a new partition or heir known to what it is one of.
    pub(super) fn adopt(&mut self, child: TableId) {
        if let Some(parent) = self.catalog.table(child).kin.parent {
            self.catalog.table_mut(parent).kin.children.push(child);
        }
    }
}
