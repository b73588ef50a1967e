//! Materialised views: the rows of a query, as they were when it was asked.
//!
//! The query is asked with the rights of whoever makes the view, and by the policies for them. From then on the rows
//! are the view's own.

use super::analyze::plain_columns;
use super::catalog::{Definition, Nature, Table};
use super::doom;
use super::engine::Engine;
use super::execute::Cx;
use super::expr::{Env, Expr};
use super::namespace::Asker;
use super::plan::{Item, Output, Plan, Prepared, Search, Select};
use super::prepare::prepare;
use super::session::{Change, Session};
use super::sqlstate::SqlError;
use super::store::Stored;
use crate::control::Controls;
use crate::wire::sql::Reply;
use sqlparser::ast;
use std::sync::Arc;

impl Definition {
    /// The query of a materialised view.
    fn query(&self, view: &Table) -> Select {
        let filter = (!self.filter.is_empty()).then(|| Expr::And(self.filter.clone()));
        let items: Vec<Item> = self.columns.iter().cloned().map(Item::Value).collect();
        let kinds = view.columns.iter().map(|c| c.kind).collect();
        let columns = plain_columns(&items);
        let output = Output { header: Arc::clone(&view.header), items: Some(items), columns, kinds };
        let mut search = Search {
            table: self.source,
            only: false,
            through: Vec::new(),
            filter,
            keys: Vec::new(),
            gates: Vec::new(),
            estimates: Vec::new(),
        };
        search.look_again();
        let (order, call, counts) = (Vec::new(), None, false);
        Select { search: Some(search), filter: None, call, output, counts, order, limit: None, offset: None }
    }
}

impl Engine {
    /// What the server says of a query before it asks where its rows may lie.
    pub(super) fn foresee(
        &mut self,
        session: &Session,
        controls: &Controls,
        query: &ast::Query,
    ) -> Result<(), SqlError> {
        let role = session.role(&self.catalog);
        let asker = Asker { role, path: session.path(), controls };
        let statement = ast::Statement::Query(Box::new(query.clone()));
        let Prepared { plan, doomed, .. } = prepare(&self.catalog, &mut self.names, asker, statement)?;
        let Plan::Select(Select { search: Some(search), .. }) = plan else { return Ok(()) };
        let env = Env { row: &[], params: &[], settings: &session.settings, session_user: &session.login_name };
        let (catalog, next) = (&self.catalog, self.log.end);
        let cx = Cx { catalog, controls, role, env, next, read_only: true, given: None, sight: None };
        doomed.map_or_else(|| cx.ready(&search).map(|_| ()), Err)
    }

    /// Puts rows into materialised views that a definition has made, those that their owner sees; says how many.
    pub(super) fn materialize(
        &mut self,
        session: &mut Session,
        controls: &Controls,
        first: usize,
    ) -> Result<u64, SqlError> {
        let mut count = 0;
        for at in first..self.catalog.tables.len() {
            let table = &self.catalog.tables[at];
            let Nature::Materialized(definition) = &table.nature else { continue };
            let (role, next) = (table.owner, self.log.end);
            let mut select = definition.query(table);
            select.expand(&self.catalog);
            let plan = Plan::Select(select);
            if let Some(error) = doom::of(&plan) {
                return Err(error);
            }
            let Plan::Select(select) = &plan else { unreachable!("made a moment ago") };
            let Session { settings, login_name, txn, .. } = &mut *session;
            let env = Env { row: &[], params: &[], settings, session_user: login_name };
            let sight = self.versions.sight(txn);
            let (catalog, sight) = (&self.catalog, sight.as_ref());
            let cx = Cx { catalog, controls, role, env, next, read_only: true, given: None, sight };
            if let Reply::Rows { rows, .. } = cx.select(&self.stores, txn, select)? {
                count += rows.len() as u64;
                for row in rows {
                    let stored = Stored { row: Arc::clone(&row), since: next };
                    let id = self.stores[at].insert(&self.catalog.tables[at], stored)?;
                    txn.changes.push(Change::Insert { table: at as u16, id, row });
                }
            }
        }
        Ok(count)
    }
}
