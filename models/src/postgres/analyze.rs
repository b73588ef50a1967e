//! Analysis of `SELECT`, `INSERT`, `UPDATE` and `DELETE`.
//!
//! Whether a statement *reads* its table is settled here, from its text: it decides about the `SELECT` privilege and
//! about the `SELECT` policies that a writing statement has to obey as well.

use super::catalog::{Table, Type};
use super::clause::{
    column_name, conflict_clause, count_argument, default_of, insert_targets, is_default, output_column, plain_select,
    plain_wildcard, target_column,
};
use super::expr::Expr;
use super::name::{call, folded, table_name};
use super::plan::{Delete, Insert, Item, Order, Output, Search, Select, Update};
use super::prepare::{Analyzer, Source};
use super::sqlstate::{GROUPING_ERROR, SYNTAX_ERROR, SqlError};
use sqlparser::ast;
use std::sync::Arc;

impl<'a> Analyzer<'a> {
    /// `SELECT`, with tables in place of the views that it names.
    pub fn select(&mut self, query: &ast::Query) -> Result<Select, SqlError> {
        let mut select = self.select_as_written(query)?;
        select.expand(self.catalog);
        Ok(select)
    }

    /// `SELECT`.
    pub(super) fn select_as_written(&mut self, query: &ast::Query) -> Result<Select, SqlError> {
        let body = plain_select(query)?;
        let (source, call) = match body.from.as_slice() {
            [] => (None, None),
            [one] => {
                let (source, call) = self.source_or_call(one)?;
                (Some(source), call)
            }
            _ => return Err(SqlError::unsupported("a join")),
        };
        let (output, counts) = self.output(&body.projection, source.clone(), true)?;
        let (search, filter) = match source.clone() {
            Some(source) => (Some(self.search(source, body.selection.as_ref())?), None),
            None => {
                let condition = |e| self.lowerer(None).condition(e, "WHERE");
                (None, body.selection.as_ref().map(condition).transpose()?)
            }
        };
        let order = self.order(query.order_by.as_ref(), source, &output)?;
        let (limit, offset) = self.limits(query.limit_clause.as_ref())?;
        if counts && output.reads() {
            let message = "column must appear in the GROUP BY clause or be used in an aggregate function";
            return Err(SqlError::new(GROUPING_ERROR, message));
        }
        if counts && !order.is_empty() {
            return Err(SqlError::unsupported("ORDER BY of an aggregate"));
        }
        Ok(Select { search, filter, call, output, counts, order, limit, offset })
    }

    /// A select list or a `RETURNING` list, and whether it counts.
    fn output(
        &mut self,
        list: &[ast::SelectItem],
        source: Option<Source<'a>>,
        aggregates: bool,
    ) -> Result<(Output, bool), SqlError> {
        if let ([ast::SelectItem::Wildcard(options)], Some(Source { table, .. })) = (list, &source) {
            plain_wildcard(options)?;
            let (header, kinds) = (Arc::clone(&table.header), table.columns.iter().map(|c| c.kind).collect());
            return Ok((Output { header, items: None, columns: None, kinds }, false));
        }
        let (mut header, mut items, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        for item in list {
            let (e, alias) = match item {
                ast::SelectItem::UnnamedExpr(e) => (e, None),
                ast::SelectItem::ExprWithAlias { expr, alias } => (expr, Some(folded(alias))),
                ast::SelectItem::Wildcard(options) | ast::SelectItem::QualifiedWildcard(_, options) => {
                    plain_wildcard(options)?;
                    let Some(Source { table, known_as, .. }) = &source else {
                        let message = "SELECT * with no tables specified is not valid";
                        return Err(SqlError::new(SYNTAX_ERROR, message));
                    };
                    if let ast::SelectItem::QualifiedWildcard(kind, _) = item
                        && kind.to_string() != format!("{known_as}.*")
                    {
                        return Err(SqlError::unsupported(item));
                    }
                    header.extend(table.header.iter().cloned());
                    kinds.extend(table.columns.iter().map(|c| c.kind));
                    items.extend((0..table.columns.len() as u16).map(|at| Item::Value(Expr::Column(at))));
                    continue;
                }
                other => return Err(SqlError::unsupported(other)),
            };
            header.push(alias.unwrap_or_else(|| column_name(e)).into());
            let (item, kind) = self.item(e, source.clone(), aggregates)?;
            items.push(item);
            kinds.push(kind);
        }
        let counting = items.iter().filter(|i| matches!(i, Item::Count(_))).count();
        let columns = plain_columns(&items);
        Ok((Output { header: header.into(), items: Some(items), columns, kinds }, counting > 0))
    }

    fn item(&mut self, e: &ast::Expr, source: Option<Source<'a>>, aggregates: bool) -> Result<(Item, Type), SqlError> {
        let table = source.as_ref().map(Source::named);
        if let ast::Expr::Function(function) = e {
            let name = function.name.to_string().to_ascii_lowercase();
            if name == "count" && aggregates {
                let counted = count_argument(function)?;
                let counted = counted.map(|e| Ok::<_, SqlError>(self.lowerer(table).any(e)?.0)).transpose()?;
                return Ok((Item::Count(counted), Type::Int));
            }
            if name == "set_config" && source.is_none() {
                let (_, args) = call(function)?;
                let [name, value, local] = args.as_slice() else {
                    return Err(SqlError::unsupported("set_config without three arguments"));
                };
                let mut lowerer = self.lowerer(None);
                let name = lowerer.any(name)?.0;
                let value = lowerer.any(value)?.0;
                let local = lowerer.condition(local, "set_config")?;
                return Ok((Item::SetConfig(Box::new([name, value, local])), Type::Text));
            }
        }
        let (e, kind) = self.lowerer(table).any(e)?;
        Ok((Item::Value(e), kind))
    }

    fn order(
        &mut self,
        order_by: Option<&ast::OrderBy>,
        source: Option<Source<'a>>,
        output: &Output,
    ) -> Result<Vec<Order>, SqlError> {
        let Some(order_by) = order_by else { return Ok(Vec::new()) };
        let ast::OrderBy { kind: ast::OrderByKind::Expressions(terms), interpolate: None } = order_by else {
            return Err(SqlError::unsupported(order_by));
        };
        let mut order = Vec::new();
        for term in terms {
            let descending = match term.options.sort {
                None | Some(ast::OrderBySort::Asc) => false,
                Some(ast::OrderBySort::Desc) => true,
                Some(_) => return Err(SqlError::unsupported("ORDER BY … USING")),
            };
            if term.with_fill.is_some() {
                return Err(SqlError::unsupported("WITH FILL"));
            }
            let by = match output_column(&term.expr, output)? {
                Some(e) => e,
                None => {
                    let table = source.as_ref().map(Source::named);
                    self.lowerer(table).any(&term.expr)?.0
                }
            };
            order.push(Order { by, descending, nulls_first: term.options.nulls_first.unwrap_or(descending) });
        }
        Ok(order)
    }

    fn limits(&mut self, clause: Option<&ast::LimitClause>) -> Result<(Option<Expr>, Option<Expr>), SqlError> {
        let (limit, offset) = match clause {
            None => (None, None),
            Some(ast::LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|o| &o.value))
            }
            Some(other) => return Err(SqlError::unsupported(other)),
        };
        let mut number = |e: &ast::Expr| self.lowerer(None).assigned(e, "LIMIT", Type::Int);
        Ok((limit.map(&mut number).transpose()?, offset.map(&mut number).transpose()?))
    }

    /// `INSERT`.
    pub fn insert(&mut self, insert: &ast::Insert) -> Result<Insert, SqlError> {
        let plain = insert.or.is_none()
            && !insert.ignore
            && insert.table_alias.is_none()
            && !insert.overwrite
            && insert.assignments.is_empty()
            && insert.partitioned.is_none()
            && insert.after_columns.is_empty()
            && !insert.replace_into
            && insert.output.is_none()
            && insert.insert_alias.is_none();
        let (ast::TableObject::TableName(name), Some(query), true) = (&insert.table, &insert.source, plain) else {
            return Err(SqlError::unsupported("this INSERT"));
        };
        let id = self.writable(self.catalog.relation(self.asker, &table_name(name)?)?)?;
        let table = self.catalog.table(id);
        let targets = insert_targets(table, &insert.columns)?;
        let ast::SetExpr::Values(values) = &*query.body else {
            return Err(SqlError::unsupported("INSERT … SELECT"));
        };
        if query.to_string() != values.to_string() {
            return Err(SqlError::unsupported("INSERT of anything but VALUES"));
        }
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            rows.push(self.values(table, &targets, &row.content, !insert.columns.is_empty())?);
        }
        let (on_conflict, mut reads) = conflict_clause(table, insert.on.as_ref())?;
        let source = Source { id, table, known_as: Arc::clone(&table.name), only: false };
        let returning = self.returning(insert.returning.as_deref(), source)?;
        reads |= returning.as_ref().is_some_and(Output::reads);
        Ok(Insert { table: id, rows, on_conflict, returning, reads })
    }

    fn values(
        &mut self,
        table: &'a Table,
        targets: &[u16],
        given: &[ast::Expr],
        named: bool,
    ) -> Result<Vec<Expr>, SqlError> {
        let error = |message: &str| Err(SqlError::new(SYNTAX_ERROR, message));
        if given.len() > targets.len() {
            return error("INSERT has more expressions than target columns");
        }
        if named && given.len() < targets.len() {
            return error("INSERT has more target columns than expressions");
        }
        let mut row: Vec<Expr> = table.columns.iter().map(default_of).collect();
        for (at, e) in targets.iter().zip(given) {
            let column = &table.columns[*at as usize];
            if !is_default(e) {
                row[*at as usize] = self.lowerer(None).assigned(e, &column.name, column.kind)?;
            }
        }
        Ok(row)
    }

    fn returning(&mut self, list: Option<&[ast::SelectItem]>, source: Source<'a>) -> Result<Option<Output>, SqlError> {
        list.map(|list| Ok(self.output(list, Some(source), false)?.0)).transpose()
    }

    /// `UPDATE`.
    pub fn update(&mut self, update: &ast::Update) -> Result<Update, SqlError> {
        let ast::Update { table, from: None, output: None, or: None, limit: None, order_by, .. } = update else {
            return Err(SqlError::unsupported("this UPDATE"));
        };
        if !order_by.is_empty() {
            return Err(SqlError::unsupported("UPDATE … ORDER BY"));
        }
        let source = self.source(table)?;
        self.writable(source.id)?;
        let (table, known_as) = source.named();
        let search = self.search(source.clone(), update.selection.as_ref())?;
        let returning = self.returning(update.returning.as_deref(), source)?;
        // What is found comes before what is set: a mistake in the one is told before a mistake in the other.
        let mut set: Vec<(u16, Expr)> = Vec::new();
        for assignment in &update.assignments {
            let ast::AssignmentTarget::ColumnName(name) = &assignment.target else {
                return Err(SqlError::unsupported("UPDATE of a row value"));
            };
            let at = target_column(table, &name.to_string())?;
            let column = &table.columns[at as usize];
            if set.iter().any(|(other, _)| *other == at) {
                let message = format!("multiple assignments to same column \"{}\"", column.name);
                return Err(SqlError::new(SYNTAX_ERROR, message));
            }
            let value = if is_default(&assignment.value) {
                default_of(column)
            } else {
                let mut lowerer = self.lowerer(Some((table, Arc::clone(&known_as))));
                lowerer.assigned(&assignment.value, &column.name, column.kind)?
            };
            set.push((at, value));
        }
        let reads = search.reads()
            || set.iter().any(|(_, e)| !e.is_constant())
            || returning.as_ref().is_some_and(Output::reads);
        Ok(Update { search, set, returning, reads })
    }

    /// `DELETE`.
    pub fn delete(&mut self, delete: &ast::Delete) -> Result<Delete, SqlError> {
        let ast::Delete { tables, using: None, output: None, order_by, limit: None, .. } = delete else {
            return Err(SqlError::unsupported("this DELETE"));
        };
        let (ast::FromTable::WithFromKeyword(from), true) = (&delete.from, tables.is_empty() && order_by.is_empty())
        else {
            return Err(SqlError::new(SYNTAX_ERROR, "syntax error"));
        };
        let [one] = from.as_slice() else { return Err(SqlError::unsupported("DELETE from several tables")) };
        let source = self.source(one)?;
        self.writable(source.id)?;
        let search = self.search(source.clone(), delete.selection.as_ref())?;
        let returning = self.returning(delete.returning.as_deref(), source)?;
        let reads = search.reads() || returning.as_ref().is_some_and(Output::reads);
        Ok(Delete { search, returning, reads })
    }
}

/// Items as positions, when every one is a plain column.
pub fn plain_columns(items: &[Item]) -> Option<Vec<u16>> {
    let column = |i: &Item| match i {
        Item::Value(Expr::Column(at)) => Some(*at),
        _ => None,
    };
    items.iter().map(column).collect()
}

impl Search {
    fn reads(&self) -> bool {
        self.filter.as_ref().is_some_and(|f| !f.is_constant())
    }
}

impl Output {
    fn reads(&self) -> bool {
        let reading = |i: &Item| matches!(i, Item::Value(e) if !e.is_constant());
        self.items.as_ref().is_none_or(|items| items.iter().any(reading))
    }
}
