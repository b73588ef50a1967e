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
use super::plan::{Item, Output, Plan, Search, Select};
use super::session::{Change, Session};
use super::sqlstate::SqlError;
use super::store::Stored;
use crate::control::Controls;
use crate::wire::sql::Reply;
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
