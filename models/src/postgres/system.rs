//! The catalogue's own views, as far as they are modelled: which tables there are, and whose they are.
//!
//! `pg_tables` names every table to everybody, whatever its schema is closed for; `information_schema.tables` names
//! those on which the reader holds some right, and asks nothing about schemas either. The server's own tables are not
//! listed here.

use super::catalog::{
    BOOTSTRAP, Catalog, Column, Grantee, INFORMATION_SCHEMA, Nature, PG_CATALOG, Privilege, RoleId, SchemaId, Table,
    TableId, Type, VIEWS_FIRST, View,
};
use super::expr::Expr;
use super::store::{Store, Stored};
use crate::control;
use crate::control::Control;
use crate::wire::sql::{Lsn, Value};
use std::sync::Arc;

/// The catalogue's views are closed to the services' roles (STO-13).
pub const CATALOGUE_READS: Control = control!(
    "postgres.catalogue-reads",
    upholds: ["STO-13"],
    off: "the catalogue's views are readable by PUBLIC, as the server ships them: every login learns the names of all \
          slices and of what lies in them",
);

/// Name by which the database calls itself in `table_catalog`.
const DATABASE: &str = "postgres";

/// Views, each with where it lies and its name.
const VIEWS: [(View, SchemaId, &str); 2] =
    [(View::PgTables, PG_CATALOG, "pg_tables"), (View::Tables, INFORMATION_SCHEMA, "tables")];

const PG_TABLES: [(&str, Type); 8] = [
    ("schemaname", Type::Text),
    ("tablename", Type::Text),
    ("tableowner", Type::Text),
    ("tablespace", Type::Text),
    ("hasindexes", Type::Bool),
    ("hasrules", Type::Bool),
    ("hastriggers", Type::Bool),
    ("rowsecurity", Type::Bool),
];

const TABLES: [(&str, Type); 12] = [
    ("table_catalog", Type::Text),
    ("table_schema", Type::Text),
    ("table_name", Type::Text),
    ("table_type", Type::Text),
    ("self_referencing_column_name", Type::Text),
    ("reference_generation", Type::Text),
    ("user_defined_type_catalog", Type::Text),
    ("user_defined_type_schema", Type::Text),
    ("user_defined_type_name", Type::Text),
    ("is_insertable_into", Type::Text),
    ("is_typed", Type::Text),
    ("commit_action", Type::Text),
];

impl Catalog {
    /// The catalogue of a new server, with its views.
    pub fn of_server() -> Catalog {
        let mut catalog = Catalog::default();
        for (view, schema, name) in VIEWS {
            let place = TableId(VIEWS_FIRST + catalog.views.len() as u16);
            catalog.schemas[schema.0 as usize].tables.insert(name.into(), place);
            catalog.views.push(view.table(schema, name, BOOTSTRAP));
        }
        catalog
    }
}

impl View {
    /// The view as a table: readable by everybody.
    fn table(self, schema: SchemaId, name: &str, owner: RoleId) -> Table {
        let columns: &[(&str, Type)] = match self {
            View::PgTables => &PG_TABLES,
            View::Tables => &TABLES,
        };
        let column =
            |(name, kind): &(&str, Type)| Column { name: (*name).into(), kind: *kind, not_null: false, default: None };
        let columns: Vec<Column> = columns.iter().map(column).collect();
        let mut table = Table::plain((schema, name.into()), owner, columns);
        table.grant(Grantee::Public, Privilege::SELECT);
        Table { view: Some(self), ..table }
    }

    /// What a role finds in it.
    pub fn contents(self, catalog: &Catalog, role: RoleId, as_table: &Table) -> Store {
        let mut store = Store::default();
        let text = |s: &Arc<str>| Value::Text(Arc::clone(s));
        let word = Value::text;
        // A materialised view stands in neither.
        let stands = |t: &&Table| match t.nature {
            Nature::Table => true,
            Nature::View(_) => self == View::Tables,
            Nature::Materialized(_) => false,
        };
        for table in catalog.tables.iter().filter(|t| !t.dropped).filter(stands) {
            let schema = text(&catalog.schema(table.schema).name);
            let row: Vec<Value> = match self {
                View::PgTables => vec![
                    schema,
                    text(&table.name),
                    text(&catalog.role(table.owner).name),
                    Value::Null,
                    Value::Bool(!table.indexes.is_empty()),
                    Value::Bool(false),
                    Value::Bool(table.has_triggers),
                    Value::Bool(table.row_security),
                ],
                View::Tables if !is_known_to(catalog, role, table) => continue,
                View::Tables => {
                    let (nothing, yes, no) = (Value::Null, word("YES"), word("NO"));
                    let kind = word(if table.shows().is_some() { "VIEW" } else { "BASE TABLE" });
                    let mut row = vec![word(DATABASE), schema, text(&table.name), kind];
                    row.extend(std::iter::repeat_n(nothing.clone(), 5));
                    let insertable = if takes_rows(catalog, table) { yes } else { no.clone() };
                    row.extend([insertable, no, nothing]);
                    row
                }
            };
            let stored = store.insert(as_table, Stored { row: row.into(), since: Lsn(0) });
            stored.expect("a view has no keys");
        }
        store
    }
}

/// Whether rows could be inserted into it: into a view, when one of its columns is one of a table that takes rows.
fn takes_rows(catalog: &Catalog, table: &Table) -> bool {
    match &table.nature {
        Nature::Table => true,
        Nature::Materialized(_) => false,
        Nature::View(shown) => {
            shown.columns.iter().any(|e| matches!(e, Expr::Column(_)))
                && takes_rows(catalog, catalog.table(shown.source))
        }
    }
}

/// Whether the role owns the table, or holds any right on it.
fn is_known_to(catalog: &Catalog, role: RoleId, table: &Table) -> bool {
    let holds = |g: &(Grantee, Privilege)| g.1.0 != 0 && catalog.covers(g.0, role);
    catalog.inherits(role, table.owner) || table.grants.iter().any(holds)
}
