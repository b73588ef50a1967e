//! Clauses of statements, taken apart one by one.
//!
//! Each function accepts exactly what the model has and refuses the rest by name.

use super::catalog::{Column, Table};
use super::expr::Expr;
use super::name::{call, data_type, folded};
use super::plan::{Item, OnConflict, Output};
use super::sqlstate::{DUPLICATE_COLUMN, INVALID_COLUMN_REFERENCE, SqlError, UNDEFINED_COLUMN};
use crate::wire::sql::Value;
use sqlparser::ast;

/// The query's `SELECT`, if it has nothing else.
///
/// # Errors
/// `0A000` for every clause that is not modelled.
pub fn plain_select(query: &ast::Query) -> Result<&ast::Select, SqlError> {
    let refused = |what: &str| Err(SqlError::unsupported(what));
    let ast::SetExpr::Select(select) = &*query.body else { return refused("a query other than SELECT") };
    let plain = query.with.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty()
        && query.for_clause.is_none()
        && query.settings.is_none()
        && query.format_clause.is_none()
        && query.pipe_operators.is_empty();
    if !plain {
        return refused("WITH, FETCH or FOR UPDATE");
    }
    let grouped = !matches!(&select.group_by, ast::GroupByExpr::Expressions(e, m) if e.is_empty() && m.is_empty());
    let simple = select.distinct.is_none()
        && select.top.is_none()
        && select.exclude.is_none()
        && select.into.is_none()
        && select.lateral_views.is_empty()
        && select.prewhere.is_none()
        && select.connect_by.is_empty()
        && select.cluster_by.is_empty()
        && select.distribute_by.is_empty()
        && select.sort_by.is_empty()
        && select.having.is_none()
        && select.named_window.is_empty()
        && select.qualify.is_none()
        && select.value_table_mode.is_none();
    if grouped || !simple { refused("DISTINCT, GROUP BY, HAVING or a window") } else { Ok(select) }
}

/// A `*` without `EXCEPT` and the like.
///
/// # Errors
/// `0A000`.
pub fn plain_wildcard(options: &ast::WildcardAdditionalOptions) -> Result<(), SqlError> {
    if options.to_string().is_empty() { Ok(()) } else { Err(SqlError::unsupported("a wildcard with options")) }
}

/// What `count` counts: rows, or values that are not NULL.
///
/// # Errors
/// `0A000`.
pub fn count_argument(function: &ast::Function) -> Result<Option<&ast::Expr>, SqlError> {
    if let ast::FunctionArguments::List(list) = &function.args
        && let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)] = list.args.as_slice()
        && function.filter.is_none()
        && function.over.is_none()
        && list.duplicate_treatment.is_none()
    {
        return Ok(None);
    }
    match call(function)?.1.as_slice() {
        [one] => Ok(Some(one)),
        _ => Err(SqlError::unsupported(function)),
    }
}

/// A term of `ORDER BY` that names a column of the output by number or by name.
///
/// # Errors
/// `42P10`.
pub fn output_column(e: &ast::Expr, output: &Output) -> Result<Option<Expr>, SqlError> {
    let nth = |at: usize| match &output.items {
        None => Some(Expr::Column(at as u16)),
        Some(items) => match items.get(at)? {
            Item::Value(e) => Some(e.clone()),
            _ => None,
        },
    };
    match e {
        ast::Expr::Value(v) => {
            let ast::Value::Number(digits, _) = &v.value else { return Ok(None) };
            let position = digits.parse().ok().filter(|n| (1..=output.header.len()).contains(n));
            let message = || format!("ORDER BY position {digits} is not in select list");
            let position = position.ok_or_else(|| SqlError::new(INVALID_COLUMN_REFERENCE, message()))?;
            Ok(nth(position - 1))
        }
        ast::Expr::Identifier(name) => {
            let name = folded(name);
            Ok(output.header.iter().position(|h| **h == *name).and_then(nth))
        }
        _ => Ok(None),
    }
}

/// The name that the server gives to a column of a select list.
pub fn column_name(e: &ast::Expr) -> String {
    figure(e).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}

/// A name, and whether a cast around the expression leaves it (`FigureColnameInternal` of the server).
fn figure(e: &ast::Expr) -> Option<(String, bool)> {
    match e {
        ast::Expr::Identifier(name) => Some((folded(name), true)),
        ast::Expr::CompoundIdentifier(path) => Some((path.last().map(folded)?, true)),
        ast::Expr::Function(f) => Some((f.name.to_string().to_ascii_lowercase(), true)),
        ast::Expr::Nested(e) => figure(e),
        ast::Expr::Cast { expr, data_type: to, .. } => match figure(expr) {
            Some((name, true)) => Some((name, true)),
            // A type that the model lacks is refused before its name is shown.
            _ => Some((data_type(to).map_or_else(|_| to.to_string(), |kind| kind.internal().to_owned()), false)),
        },
        _ => None,
    }
}

/// Position of a column that is written.
///
/// # Errors
/// `42703`.
pub fn target_column(table: &Table, name: &str) -> Result<u16, SqlError> {
    let name = name.trim_matches('"');
    let message = || format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
    table.column(name).ok_or_else(|| SqlError::new(UNDEFINED_COLUMN, message()))
}

/// Positions of the columns of an `INSERT`; all of them when none are named.
///
/// # Errors
/// `42703`, `42701`.
pub fn insert_targets(table: &Table, names: &[ast::ObjectName]) -> Result<Vec<u16>, SqlError> {
    if names.is_empty() {
        return Ok((0..table.columns.len() as u16).collect());
    }
    let mut targets = Vec::new();
    for name in names {
        let at = target_column(table, &name.to_string())?;
        if targets.contains(&at) {
            return Err(SqlError::new(DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once")));
        }
        targets.push(at);
    }
    Ok(targets)
}

/// The conflicts to forgive, and whether naming them reads the table.
///
/// # Errors
/// `42703`, `0A000`.
pub fn conflict_clause(table: &Table, on: Option<&ast::OnInsert>) -> Result<(Option<OnConflict>, bool), SqlError> {
    let clause = match on {
        None => return Ok((None, false)),
        Some(ast::OnInsert::OnConflict(clause)) => clause,
        Some(_) => return Err(SqlError::unsupported("ON DUPLICATE KEY")),
    };
    if clause.action != ast::OnConflictAction::DoNothing {
        return Err(SqlError::unsupported("ON CONFLICT DO UPDATE"));
    }
    let names = match &clause.conflict_target {
        None => return Ok((Some(OnConflict::Any), false)),
        Some(ast::ConflictTarget::Columns(names)) => names,
        Some(other) => return Err(SqlError::unsupported(other)),
    };
    let mut wanted = names.iter().map(|n| target_column(table, &folded(n))).collect::<Result<Vec<_>, _>>()?;
    wanted.sort_unstable();
    let same = |columns: &[u16]| {
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        columns == wanted
    };
    let index = table.indexes.iter().position(|i| same(&i.columns));
    Ok((Some(index.map_or(OnConflict::Unmatched, OnConflict::Index)), true))
}

/// Whether this is the word `DEFAULT`.
pub fn is_default(e: &ast::Expr) -> bool {
    matches!(e, ast::Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default"))
}

/// What a column holds when nothing is given.
pub fn default_of(column: &Column) -> Expr {
    column.default.clone().unwrap_or(Expr::Const(Value::Null))
}
