//! Views and materialised views: what stands between a statement and its table.
//!
//! A view is read with its owner's rights and by its owner's policies, unless it says `security_invoker`; that owner
//! may be exempt from both. Its own conditions are no fence either, unless it says `security_barrier`: the server asks
//! cheap conditions first, whoever wrote them, and a cheap condition that fails tells what it was asked of. A
//! materialised view holds rows of its own, and no policy is ever asked about them.

use super::analyze::plain_columns;
use super::catalog::{Catalog, Column, Definition, Nature, RoleId, Table};
use super::ddl::Definer;
use super::doom;
use super::expr::Expr;
use super::name::{folded, table_name};
use super::plan::{Item, Layer, Output, Search, Select};
use super::prepare::Analyzer;
use super::sqlstate::{
    DUPLICATE_COLUMN, DUPLICATE_TABLE, INVALID_PARAMETER, INVALID_TABLE, SqlError, UNDEFINED_PARAMETER,
};
use crate::control;
use crate::control::{Control, Controls};
use sqlparser::ast;
use std::sync::Arc;

/// A view is read with the rights of who reads it, and by the policies for it (STO-03).
pub const VIEW_INVOKER: Control = control!(
    "postgres.view-invoker",
    upholds: ["STO-03", "TEN-02"],
    off: "CREATE VIEW without WITH (security_invoker), as by default and always before PostgreSQL 15: the table is \
          read with the rights of the view's owner, here the superuser who ran the migration",
);

/// Conditions of a view are asked before those of who reads it (STO-03).
pub const VIEW_BARRIER: Control = control!(
    "postgres.view-barrier",
    upholds: ["STO-03", "TEN-02"],
    off: "a view that filters by tenant, without WITH (security_barrier): a cheaper condition of the reader's runs \
          first, on everybody's rows, and its error says what they hold",
);

/// A materialised view is open to nobody who serves requests (STO-03).
pub const MATVIEW_PRIVILEGE: Control = control!(
    "postgres.matview-privilege",
    upholds: ["STO-03", "TEN-02"],
    off: "GRANT SELECT ON ALL TABLES IN SCHEMA … TO the service's role: that takes in the materialised views, on which \
          there can be no policy",
);

/// What stands at the top of a condition.
fn conjuncts(e: &Expr, into: &mut Vec<Expr>) {
    match e {
        Expr::And(all) => all.iter().for_each(|one| conjuncts(one, into)),
        one => into.push(one.clone()),
    }
}

impl Expr {
    /// The same over the rows below a view.
    fn below(&self, columns: &[Expr]) -> Expr {
        if let Expr::Column(at) = self {
            return columns[*at as usize].clone();
        }
        let mut parts = Vec::new();
        let looked = self.each_part(&mut |part| {
            parts.push(part.below(columns));
            Ok(())
        });
        looked.expect("looking cannot fail");
        self.with_parts(parts)
    }

    /// What the server takes for the cost of asking it once, in halves of an operator's (`cost_qual_eval`).
    fn cost(&self) -> u32 {
        let own = match self {
            Expr::Compare(..) | Expr::Like(_) | Expr::Arithmetic(..) | Expr::Concat(_) | Expr::NullIf(_) => 2,
            Expr::Setting { .. } | Expr::CurrentUser | Expr::SessionUser => 2,
            // Out of one type as text, and into the other.
            Expr::Cast(..) => 4,
            // Half of a list is compared, on average.
            Expr::In(_, list) => list.len() as u32,
            _ => 0,
        };
        let mut parts = 0;
        let looked = self.each_part(&mut |part| {
            parts += part.cost();
            Ok(())
        });
        looked.expect("looking cannot fail");
        own + parts
    }
}

impl Select {
    /// Puts in place of a view the table that it reads.
    pub fn expand(&mut self, catalog: &Catalog) {
        let Some(search) = &mut self.search else { return };
        let mut is_view = false;
        while let Some(definition) = catalog.table(search.table).shows() {
            is_view = true;
            let down = |e: &mut Expr| *e = e.below(&definition.columns);
            search.filter.iter_mut().for_each(down);
            search.through.iter_mut().flat_map(|layer| &mut layer.filter).for_each(down);
            search.through.push(Layer { view: search.table, filter: definition.filter.clone() });
            self.order.iter_mut().for_each(|order| down(&mut order.by));
            self.output.below(&definition.columns);
            // `ONLY` of a view says nothing about the table that the view reads.
            (search.table, search.only) = (definition.source, false);
        }
        if is_view {
            search.look_again();
        }
    }
}

impl Output {
    fn below(&mut self, columns: &[Expr]) {
        let items = match &self.items {
            None => columns.iter().cloned().map(Item::Value).collect(),
            Some(items) => items.iter().map(|item| item.below(columns)).collect::<Vec<_>>(),
        };
        self.columns = plain_columns(&items);
        self.items = Some(items);
    }
}

impl Item {
    fn below(&self, columns: &[Expr]) -> Item {
        match self {
            Item::Value(e) => Item::Value(e.below(columns)),
            Item::Count(counted) => Item::Count(counted.as_ref().map(|e| e.below(columns))),
            Item::SetConfig(_) => unreachable!("a query with FROM sets nothing"),
        }
    }
}

impl Search {
    /// Finds anew what an index can serve and what planning computes, after its conditions have changed.
    pub(super) fn look_again(&mut self) {
        let (mut keys, mut gates, mut estimates) = (Vec::new(), Vec::new(), Vec::new());
        for condition in self.through.iter().rev().flat_map(|layer| &layer.filter).chain(&self.filter) {
            condition.keys(&mut keys);
            doom::estimates(condition, true, &mut estimates);
            doom::gates(condition, &mut gates);
        }
        (self.keys, self.gates, self.estimates) = (keys, gates, estimates);
    }

    /// All conditions in the order in which they are asked: those of a barrier before whatever stands above it, and
    /// else the cheapest first.
    pub fn ordered(&self, catalog: &Catalog, controls: &Controls) -> Vec<Expr> {
        let (mut ordered, mut level) = (Vec::new(), Vec::new());
        let mut settle = |level: &mut Vec<Expr>| {
            level.sort_by_key(Expr::cost);
            ordered.append(level);
        };
        for layer in self.through.iter().rev() {
            level.extend(layer.filter.iter().cloned());
            if catalog.table(layer.view).shows().is_some_and(|d| d.barrier) && controls.on(&VIEW_BARRIER) {
                settle(&mut level);
            }
        }
        self.filter.iter().for_each(|filter| conjuncts(filter, &mut level));
        settle(&mut level);
        ordered
    }

    /// As whom the table below the views is read by `role`.
    pub fn reader(&self, catalog: &Catalog, controls: &Controls, role: RoleId) -> RoleId {
        self.reader_of(self.through.len(), (catalog, controls), role)
    }

    /// As whom what stands below the first views is read.
    pub fn reader_of(&self, views: usize, (catalog, controls): (&Catalog, &Controls), role: RoleId) -> RoleId {
        self.through[..views].iter().fold(role, |_, layer| {
            let view = catalog.table(layer.view);
            let invoker = view.shows().is_some_and(|definition| definition.invoker);
            if invoker && controls.on(&VIEW_INVOKER) { role } else { view.owner }
        })
    }
}

impl Analyzer<'_> {
    /// What a view shows, and its columns.
    fn definition(&mut self, query: &ast::Query) -> Result<(Definition, Vec<Column>), SqlError> {
        // As it was written: a view of a view reads the view.
        let select = self.select_as_written(query)?;
        let simple = select.call.is_none()
            && !select.counts
            && select.order.is_empty()
            && select.limit.is_none()
            && select.offset.is_none();
        let (Some(search), true) = (&select.search, simple) else {
            return Err(SqlError::unsupported("a view of anything but rows of one table"));
        };
        if !self.params.is_empty() {
            return Err(SqlError::new(UNDEFINED_PARAMETER, "there is no parameter $1"));
        }
        if search.only {
            return Err(SqlError::unsupported("a view of ONLY a table"));
        }
        let source = self.catalog.table(search.table);
        if source.view.is_some() {
            return Err(SqlError::unsupported("a view of the catalogue"));
        }
        let columns: Vec<Expr> = match &select.output.items {
            None => (0..source.columns.len() as u16).map(Expr::Column).collect(),
            Some(items) => {
                items.iter().filter_map(|i| if let Item::Value(e) = i { Some(e.clone()) } else { None }).collect()
            }
        };
        let mut filter = Vec::new();
        search.filter.iter().for_each(|e| conjuncts(e, &mut filter));
        let named = select.output.header.iter().zip(&select.output.kinds);
        let named =
            named.map(|(name, kind)| Column { name: name.clone(), kind: *kind, not_null: false, default: None });
        Ok((Definition { source: search.table, invoker: false, barrier: false, filter, columns }, named.collect()))
    }
}

impl Definer<'_> {
    /// `CREATE VIEW` and `CREATE MATERIALIZED VIEW`; the rows of the latter are the caller's to put in.
    pub(super) fn create_view(&mut self, create: &ast::CreateView) -> Result<(), SqlError> {
        let plain = !create.or_alter
            && !create.or_replace
            && !create.secure
            && !create.temporary
            && create.columns.is_empty()
            && create.cluster_by.is_empty()
            && create.to.is_none()
            && create.params.is_none();
        if !plain {
            return Err(SqlError::unsupported("this CREATE VIEW"));
        }
        let full = table_name(&create.name)?;
        let mut analyzer = Analyzer { catalog: self.catalog, names: self.names, asker: self.asker, params: Vec::new() };
        let (mut definition, columns) = analyzer.definition(&create.query)?;
        let (invoker, barrier) = options(&create.options)?;
        (definition.invoker, definition.barrier) = (invoker, barrier);
        let schema = self.catalog.place_of_new(self.asker, &full)?;
        if let Some(twice) = columns.iter().enumerate().find(|(at, c)| columns[..*at].iter().any(|o| o.name == c.name))
        {
            let message = format!("column \"{}\" specified more than once", twice.1.name);
            return Err(SqlError::new(DUPLICATE_COLUMN, message));
        }
        if self.catalog.table_in(schema, &full.name).is_some() {
            if create.if_not_exists {
                return Ok(());
            }
            return Err(SqlError::new(DUPLICATE_TABLE, format!("relation \"{}\" already exists", full.name)));
        }
        let nature = match create.materialized {
            true if invoker || barrier => return Err(SqlError::unsupported("options of a materialised view")),
            true => Nature::Materialized(Arc::new(definition)),
            false => Nature::View(Arc::new(definition)),
        };
        if columns.is_empty() {
            return Err(SqlError::new(INVALID_TABLE, "view must have at least one column"));
        }
        let table = Table::plain((schema, full.name.into()), self.asker.role, columns);
        self.catalog.add_table(Table { nature, ..table });
        Ok(())
    }
}

/// `security_invoker` and `security_barrier`.
fn options(options: &ast::CreateTableOptions) -> Result<(bool, bool), SqlError> {
    let (mut invoker, mut barrier) = (false, false);
    let given = match options {
        ast::CreateTableOptions::None => return Ok((false, false)),
        ast::CreateTableOptions::With(given) => given,
        other => return Err(SqlError::unsupported(other)),
    };
    for option in given {
        let (key, on) = match option {
            ast::SqlOption::Ident(key) => (key, true),
            ast::SqlOption::KeyValue { key, value } => (key, truth(value)?),
            other => return Err(SqlError::unsupported(other)),
        };
        match folded(key).as_str() {
            "security_invoker" => invoker = on,
            "security_barrier" => barrier = on,
            other => {
                let message = format!("unrecognized parameter \"{other}\"");
                return Err(SqlError::new(INVALID_PARAMETER, message));
            }
        }
    }
    Ok((invoker, barrier))
}

fn truth(value: &ast::Expr) -> Result<bool, SqlError> {
    match value.to_string().to_ascii_lowercase().trim_matches('\'') {
        "true" | "on" => Ok(true),
        "false" | "off" => Ok(false),
        other => Err(SqlError::unsupported(format_args!("the option value {other}"))),
    }
}
