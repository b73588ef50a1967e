//! Prepared statements: what is left of SQL text once names are positions and types are known.
//!
//! A plan is made for a role and its search path, which decide whose tables its names are. Whether the role may run it,
//! and which policies apply, is decided each time it runs.

use super::catalog::{Estimate, TableId, Type};
use super::expr::Expr;
use super::setting::{Scope, SettingId};
use super::sqlstate::SqlError;
use std::sync::Arc;

/// One command, ready to run.
#[derive(Debug)]
pub struct Prepared {
    /// What to do.
    pub plan: Plan,
    /// Types of the bind parameters.
    pub params: Vec<Type>,
    /// The error that it ends with whenever it is run.
    pub doomed: Option<SqlError>,
}

/// One command.
#[derive(Debug)]
pub enum Plan {
    /// `SELECT`.
    Select(Select),
    /// `INSERT`.
    Insert(Insert),
    /// `UPDATE`.
    Update(Update),
    /// `DELETE`.
    Delete(Delete),
    /// `TRUNCATE`.
    Truncate {
        /// The tables that it names.
        tables: Vec<Target>,
        /// `CASCADE`: tables that refer to them as well.
        cascade: bool,
    },
    /// `BEGIN`.
    Begin {
        /// `READ ONLY`.
        read_only: bool,
        /// `ISOLATION LEVEL`.
        isolation: Isolation,
    },
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
    /// `SAVEPOINT`.
    Savepoint(Arc<str>),
    /// `ROLLBACK TO SAVEPOINT`.
    RollbackTo(Arc<str>),
    /// `RELEASE SAVEPOINT`.
    Release(Arc<str>),
    /// `SET`, `SET LOCAL`, `SET ROLE`, `RESET`; `None` is the default.
    Set(SettingId, Option<Arc<str>>, Scope),
    /// `RESET ALL`.
    ResetAll,
    /// `DISCARD ALL`.
    DiscardAll,
    /// `SHOW`.
    Show(SettingId),
    /// A change of the catalog; analysed when it runs.
    Define(Box<sqlparser::ast::Statement>),
}

/// What a transaction sees of others that commit while it is open.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Isolation {
    /// Every statement sees what is committed when it begins. `READ UNCOMMITTED` is the same.
    #[default]
    ReadCommitted,
    /// Every statement sees what the first one saw.
    RepeatableRead,
    /// The same; what reads and writes of several such transactions make of each other is not modelled.
    Serializable,
}

/// A call of a function in `FROM`.
#[derive(Debug)]
pub struct Call {
    /// The function, by its place in the catalog.
    pub function: u16,
    /// Its arguments, of the types that it has declared.
    pub args: Vec<Expr>,
}

/// A view between a statement and its table.
#[derive(Debug)]
pub struct Layer {
    /// The view.
    pub view: TableId,
    /// Its conditions, over the rows of the table below all views.
    pub filter: Vec<Expr>,
}

/// A table that a `TRUNCATE` empties.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The table.
    pub table: TableId,
    /// Whether tables that inherit from it are left as they are.
    pub only: bool,
}

/// Rows that a statement looks for in its table.
#[derive(Debug)]
pub struct Search {
    /// The table.
    pub table: TableId,
    /// Whether rows of tables that inherit from it are left out.
    pub only: bool,
    /// Views through which it is read, the one that the statement names first.
    pub through: Vec<Layer>,
    /// The `WHERE` condition.
    pub filter: Option<Expr>,
    /// Its column = value conditions.
    pub keys: Vec<(u16, Expr)>,
    /// Its conditions that read no column: asked once, before any row is.
    pub gates: Vec<Expr>,
    /// What planning computes of it, as far as that can fail.
    pub estimates: Vec<Estimate>,
}

/// What a statement returns of each row.
#[derive(Debug)]
pub struct Output {
    /// Names of the columns.
    pub header: Arc<[Arc<str>]>,
    /// Values of the columns; `None` returns the stored row as it is.
    pub items: Option<Vec<Item>>,
    /// The same as positions, when every item is a plain column.
    pub columns: Option<Vec<u16>>,
    /// Types of the columns.
    pub kinds: Vec<Type>,
}

/// One item of a select list.
#[derive(Debug)]
pub enum Item {
    /// An expression.
    Value(Expr),
    /// `count(*)`, or `count(expression)`.
    Count(Option<Expr>),
    /// `set_config(name, value, is_local)`, which is a statement in an expression's clothes.
    SetConfig(Box<[Expr; 3]>),
}

/// `SELECT`.
#[derive(Debug)]
pub struct Select {
    /// The table and the condition; a query without `FROM` has no table.
    pub search: Option<Search>,
    /// A `WHERE` without `FROM`.
    pub filter: Option<Expr>,
    /// The function that gives the rows, with its arguments.
    pub call: Option<Call>,
    /// The select list.
    pub output: Output,
    /// Whether the select list counts.
    pub counts: bool,
    /// `ORDER BY`.
    pub order: Vec<Order>,
    /// `LIMIT`.
    pub limit: Option<Expr>,
    /// `OFFSET`.
    pub offset: Option<Expr>,
}

/// One term of an `ORDER BY`.
#[derive(Debug)]
pub struct Order {
    /// What to sort by.
    pub by: Expr,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST`.
    pub nulls_first: bool,
}

/// `INSERT`.
#[derive(Debug)]
pub struct Insert {
    /// The table.
    pub table: TableId,
    /// Values of all columns of the table, row by row.
    pub rows: Vec<Vec<Expr>>,
    /// `ON CONFLICT … DO NOTHING`.
    pub on_conflict: Option<OnConflict>,
    /// `RETURNING`.
    pub returning: Option<Output>,
    /// Whether a column is read, by `RETURNING` or as the target of a conflict.
    pub reads: bool,
}

/// Which conflicts an `ON CONFLICT DO NOTHING` forgives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnConflict {
    /// Every one.
    Any,
    /// That of one index.
    Index(usize),
    /// None: no index has these columns, which is an error when it runs.
    Unmatched,
}

/// `UPDATE`.
#[derive(Debug)]
pub struct Update {
    /// The rows.
    pub search: Search,
    /// New values by column.
    pub set: Vec<(u16, Expr)>,
    /// `RETURNING`.
    pub returning: Option<Output>,
    /// Whether a column is read.
    pub reads: bool,
}

/// `DELETE`.
#[derive(Debug)]
pub struct Delete {
    /// The rows.
    pub search: Search,
    /// `RETURNING`.
    pub returning: Option<Output>,
    /// Whether a column is read.
    pub reads: bool,
}
