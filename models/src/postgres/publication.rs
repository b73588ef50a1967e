//! What of a primary's log a subscriber is told: a publication of one table, with a row filter.
//!
//! The log holds places and new rows; what was there before comes from the rows as they were at the slot's own place,
//! which is how logical decoding knows a replica identity. A row that an update moves out of the filter is deleted at
//! the subscriber, and one that it moves into it appears there (PostgreSQL 15, `CREATE PUBLICATION`, table 31.1).
//! Policies of the table are not asked: a publication sends every row that its filter lets pass.

use super::catalog::Table;
use super::ddl::compile_condition;
use super::engine::Engine;
use super::expr::{Env, Expr};
use super::setting::Settings;
use super::sqlstate::SqlError;
use super::store::RowId;
use super::wal::{Redo, decode_record};
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use crate::wire::logical::RowChange;
use crate::wire::sql::{Lsn, Row};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is bound to another region is not published (STO-05).
pub const PUBLICATION_FILTER: Control = control!(
    "publication.row-filter",
    upholds: ["STO-05", "POL-06"],
    off: "CREATE PUBLICATION … FOR TABLE without WHERE: the replica is a copy of the table, wherever it stands",
);

/// A row that has left the filter leaves the subscriber (STO-05).
pub const MOVES_OUT: Control = control!(
    "publication.moves-out",
    upholds: ["STO-05", "POL-06"],
    off: "an update whose new row does not match is passed over, as by a filter that is a trigger of its own: the old \
          version stays where it was published to",
);

/// Rows of the published table, by place.
pub type Rows = BTreeMap<RowId, Row>;

/// A publication of one table.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Its table, by place in the catalogue.
    table: u16,
    filter: Expr,
    settings: Settings,
    /// As whom its filter is asked; no filter names a session.
    nobody: Arc<str>,
}

/// A stretch of log as a subscriber is told of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Changes by transaction, in order of commit; transactions that changed nothing published are not among them.
    pub transactions: Vec<Vec<RowChange>>,
    /// Where it ends.
    pub next: Lsn,
    /// Whether that is the end that was asked for.
    pub all: bool,
}

/// Transactions that travel at once, at most.
const STRETCH: usize = 64;

impl Publication {
    /// A publication of `table` in `public`, of rows that meet `filter`.
    ///
    /// # Errors
    /// Those of the filter; a filter that is no expression is a mistake of syntax.
    pub fn new(engine: &Engine, table: &str, filter: &str) -> Result<Publication, SqlError> {
        let place = engine.slices_of(table).into_iter().find(|(_, slice)| slice.is_none());
        let undefined =
            || SqlError::new(super::sqlstate::UNDEFINED_TABLE, format!("relation \"{table}\" does not exist"));
        let (at, _) = place.ok_or_else(undefined)?;
        let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(filter).and_then(|mut p| p.parse_expr());
        let parsed = parsed.map_err(|e| SqlError::new(super::sqlstate::SYNTAX_ERROR, e.to_string()))?;
        let known: &Table = &engine.catalog.tables[usize::from(at)];
        let filter = compile_condition(&parsed, known, &mut engine.names.clone())?;
        Ok(Publication { table: at, filter, settings: Settings::default(), nobody: Arc::from("") })
    }

    /// Rows of the table in a base.
    pub fn rows_of(&self, base: &Engine) -> Rows {
        let store = &base.stores[usize::from(self.table)];
        store.rows().map(|(id, stored)| (id, stored.row.clone())).collect()
    }

    /// Whether a row is published. As in a `WHERE`, what is unknown is not.
    fn publishes(&self, controls: &Controls, row: &Row) -> bool {
        let env = Env { row, params: &[], settings: &self.settings, session_user: &self.nobody };
        !controls.on(&PUBLICATION_FILTER) || self.filter.holds(env).is_ok_and(|verdict| verdict == Some(true))
    }

    /// What of these rows is published: an initial copy.
    pub fn copy(&self, controls: &Controls, rows: &Rows) -> Vec<Row> {
        rows.values().filter(|row| self.publishes(controls, row)).cloned().collect()
    }

    /// Takes `rows` along the records that start between `from` and `until`, and forgets what a subscriber would be
    /// told of it.
    pub fn advance(&self, controls: &Controls, rows: &mut Rows, records: &[(Lsn, Bytes)], (from, until): (Lsn, Lsn)) {
        self.walk(controls, rows, records, (from, until), usize::MAX);
    }

    /// What a subscriber is told of the records that start between `from` and `until`, where `rows` are those at
    /// `from`.
    pub fn decode(
        &self,
        controls: &Controls,
        rows: &Rows,
        records: &[(Lsn, Bytes)],
        (from, until): (Lsn, Lsn),
    ) -> Stretch {
        self.walk(controls, &mut rows.clone(), records, (from, until), STRETCH)
    }

    fn walk(
        &self,
        controls: &Controls,
        rows: &mut Rows,
        records: &[(Lsn, Bytes)],
        (from, until): (Lsn, Lsn),
        most: usize,
    ) -> Stretch {
        let mut stretch = Stretch { transactions: Vec::new(), next: from, all: true };
        let first = records.partition_point(|(at, _)| *at < from);
        for (at, bytes) in records[first..].iter().take_while(|(at, bytes)| at.0 + bytes.len() as u64 <= until.0) {
            if stretch.transactions.len() == most {
                stretch.all = false;
                break;
            }
            // What cannot be read is not passed over: who follows stays where it is.
            let Some((record, _)) = decode_record(controls, bytes, *at) else {
                stretch.all = false;
                break;
            };
            let mut changes = Vec::new();
            for change in &record.changes {
                self.change(controls, rows, change, &mut changes);
            }
            if !changes.is_empty() {
                stretch.transactions.push(changes);
            }
            stretch.next = record.end;
        }
        stretch
    }

    /// One change of the log: what `rows` are after it, and what is told of it.
    fn change(&self, controls: &Controls, rows: &mut Rows, change: &Redo, told: &mut Vec<RowChange>) {
        let (old, new) = match change {
            Redo::Insert(table, id, row) | Redo::Update(table, id, row) if *table == self.table => {
                (rows.insert(*id, row.clone()), Some(row.clone()))
            }
            Redo::Delete(table, id) if *table == self.table => (rows.remove(id), None),
            Redo::Truncate(table) if *table == self.table => {
                let gone = std::mem::take(rows).into_values().filter(|row| self.publishes(controls, row));
                return told.extend(gone.map(RowChange::Delete));
            }
            _ => return,
        };
        let was = old.filter(|old| self.publishes(controls, old));
        let is = new.as_ref().filter(|new| self.publishes(controls, new)).cloned();
        told.extend(match (was, is) {
            (None, Some(new)) => Some(RowChange::Insert(new)),
            (Some(old), Some(new)) => Some(RowChange::Update(old, new)),
            (Some(_), None) if new.is_some() && !controls.on(&MOVES_OUT) => None,
            (Some(old), None) => Some(RowChange::Delete(old)),
            (None, None) => None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::Engine;
    use super::super::reference::{APP, DEVICES};
    use super::super::testing::without;
    use super::*;
    use crate::wire::sql::{Reply, Statement, Value};

    /// A publication to the US, and the log of these statements of `acme`.
    fn told(statements: &[&str], off: &[&Control]) -> Vec<String> {
        let mut engine = Engine::reference();
        engine.bootstrap(DEVICES).expect("the schema is valid");
        let publication = Publication::new(&engine, "devices", "residency = 'any' OR residency = 'US'").expect("valid");
        let rows = publication.rows_of(&engine);
        let start = engine.log_end();
        let mut session = engine.connect(APP).expect("the login exists");
        let controls = Controls::all_on();
        let mut replies = Vec::new();
        let tenant = Statement::new("SET app.tenant_id = 'acme'", Vec::new());
        engine.execute(&mut session, &controls, &tenant, &mut replies);
        for text in statements {
            engine.execute(&mut session, &controls, &Statement::new(text, Vec::new()), &mut replies);
        }
        assert!(!replies.iter().any(|reply| matches!(reply, Reply::Error { .. })), "{replies:?}");
        let records = engine.take_log();
        let stretch = publication.decode(&without(off), &rows, &records, (start, engine.log_end()));
        assert!(stretch.all && stretch.next == engine.log_end());
        let shown = |row: &Row| format!("{:?}/{:?}", row[1].as_int().unwrap_or(0), row[2].as_text().unwrap_or(""));
        let change = |change: &RowChange| match change {
            RowChange::Insert(row) => format!("+{}", shown(row)),
            RowChange::Update(old, row) => format!("{}>{}", shown(old), shown(row)),
            RowChange::Delete(row) => format!("-{}", shown(row)),
        };
        stretch.transactions.iter().map(|t| t.iter().map(change).collect::<Vec<_>>().join(" ")).collect()
    }

    const ANY: &str = "INSERT INTO devices (tenant_id, id, residency, body) VALUES ('acme', 1, 'any', 'x')";
    const BOUND: &str = "INSERT INTO devices (tenant_id, id, residency, body) VALUES ('acme', 2, 'EU', 'x')";

    #[test]
    fn what_is_bound_elsewhere_is_not_published_and_without_the_filter_it_is() {
        assert_eq!(told(&[ANY, BOUND, "DELETE FROM devices"], &[]), [r#"+1/"any""#, r#"-1/"any""#]);
        assert_eq!(told(&[BOUND], &[&PUBLICATION_FILTER]), [r#"+2/"EU""#]);
    }

    #[test]
    fn an_update_across_the_filter_is_a_delete_or_an_insert() {
        let out = "UPDATE devices SET residency = 'EU' WHERE id = 1";
        let into = "UPDATE devices SET residency = 'US' WHERE id = 1";
        assert_eq!(told(&[ANY, out, into], &[]), [r#"+1/"any""#, r#"-1/"any""#, r#"+1/"US""#]);
        assert_eq!(told(&[ANY, into], &[]), [r#"+1/"any""#, r#"1/"any">1/"US""#]);
        assert_eq!(told(&[ANY, out], &[&MOVES_OUT]), [r#"+1/"any""#], "its old version stays");
        assert_eq!(told(&[ANY, "DELETE FROM devices"], &[&MOVES_OUT]).len(), 2, "a deletion is one all the same");
    }

    #[test]
    fn what_was_rolled_back_is_told_to_nobody() {
        let undone = [ANY, "BEGIN", "UPDATE devices SET body = 'y' WHERE id = 1", "ROLLBACK"];
        assert_eq!(told(&undone, &[]), [r#"+1/"any""#]);
    }

    #[test]
    fn a_filter_that_is_unknown_publishes_nothing() {
        let engine = {
            let mut engine = Engine::reference();
            engine.bootstrap(DEVICES).expect("the schema is valid");
            engine
        };
        let publication = Publication::new(&engine, "devices", "NULL = residency").expect("valid");
        let row: Row = [Value::text("acme"), Value::Int(1), Value::text("any"), Value::text("x"), Value::Int(1)].into();
        assert!(!publication.publishes(&Controls::all_on(), &row));
        assert!(Publication::new(&engine, "nothing", "true").is_err());
        assert!(Publication::new(&engine, "devices", "no_column = 1").is_err());
    }
}
