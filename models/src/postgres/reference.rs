//! The reference schema, and rows for it.
//!
//! To make the service connect as the owner of its tables (the deployment that runs with its migration role), open the
//! pool with [`OWNER`] in place of [`APP`]; with `FORCE` the policies hold all the same.

use super::engine::Engine;
use super::store::Stored;
use crate::ids::TenantId;
use crate::wire::sql::{Login, Lsn, Row, Value};
use std::sync::Arc;

/// The schema as SQL: roles, then tables.
pub const SCHEMA: &str = concat!(include_str!("roles.sql"), include_str!("tables.sql"));
/// Tables of what is also kept in a graph, as SQL.
pub const RELATIONS: &str = include_str!("relations.sql");
/// A table that is published to other cells, as SQL.
pub const DEVICES: &str = include_str!("devices.sql");
/// Tables of customers, and of what their columns are, as SQL.
pub const CUSTOMERS: &str = include_str!("customers.sql");
/// Tables of incidents, and the views and functions by which they are read, as SQL.
pub const INCIDENTS: &str = include_str!("incidents.sql");
/// The report over all incidents, made when they are there, as SQL.
pub const INCIDENT_REPORT: &str = include_str!("incident_report.sql");
/// Roles of a logical replica, as SQL.
const REPLICA: &str = include_str!("replica.sql");
/// The role of a replica's apply worker.
pub const APPLIER: &str = "applier";
/// The role that reads a replica.
pub const READER: &str = "reader";
/// A slice of a pinned tenant as SQL, up to its tables, with places for its schema, its login and the password.
const SLICE: &str = include_str!("slice.sql");
/// The tables alone.
const TABLES: &str = include_str!("tables.sql");
/// The schema of the shared slice.
pub const SHARED: &str = "public";
/// The role that serves requests.
pub const APP: &str = "app";
/// The role that owns the tables: migrations and maintenance.
pub const OWNER: &str = "owner";

/// A row of `records`, borrowed. `version` is 1.
#[derive(Clone, Copy, Debug)]
pub struct Seed<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The record's number.
    pub id: i64,
    /// What it is (`audit`, `agents`).
    pub kind: &'a Arc<str>,
    /// Its classification level, 0 (public) to 3 (restricted).
    pub level: i64,
    /// Its residency or handling label.
    pub label: &'a Arc<str>,
    /// Its contents.
    pub body: &'a Arc<str>,
    /// Whom to ask about it; empty when nobody says.
    pub contact: &'a Arc<str>,
}

impl Engine {
    /// An engine with the reference schema and no rows.
    pub fn reference() -> Engine {
        let mut engine = Engine::default();
        engine.bootstrap(SCHEMA).expect("the reference schema is valid");
        engine
    }

    /// The engine of a logical replica: the published table with its own policies and grants, and no rows.
    pub fn replica() -> Engine {
        let mut engine = Engine::default();
        let script = [include_str!("roles.sql"), DEVICES, REPLICA].concat();
        engine.bootstrap(&script).expect("the schema of a replica is valid");
        engine
    }

    /// Adds a slice for a tenant that is pinned to one: a schema with the same tables, and a login of its own that
    /// finds nothing else.
    ///
    /// # Panics
    /// When there is one already: a mistake of the stage.
    pub fn add_slice(&mut self, schema: &str, login: &Login) {
        let script = SLICE.replace("{slice}", schema).replace("{login}", &login.role);
        let script = script.replace("{password}", &login.password) + TABLES;
        self.bootstrap(&script).expect("the script of a slice is valid");
    }

    /// Puts a row into `records` of a schema, as part of the base: not logged, no policy asked. Load before the first
    /// transaction, and give the standby a clone.
    ///
    /// # Panics
    /// When the schema has no `records`, or the key is taken: a mistake of the stage.
    pub fn load(&mut self, schema: &str, seed: Seed<'_>) {
        let text = |s: &Arc<str>| Value::Text(Arc::clone(s));
        let row = Arc::from([
            text(seed.tenant),
            Value::Int(seed.id),
            text(seed.kind),
            Value::Int(seed.level),
            text(seed.label),
            text(seed.body),
            Value::Int(1),
            text(seed.contact),
        ]);
        self.load_row(schema, "records", row);
    }

    /// Puts a row into a table of a schema, as [`Engine::load`] does.
    ///
    /// # Panics
    /// When there is no such table, or the key is taken: a mistake of the stage.
    pub fn load_row(&mut self, schema: &str, table: &str, row: Row) {
        let schema = self.catalog.schema_id(schema).expect("the schema was made before");
        let id = self.catalog.table_in(schema, table).expect("the schema has the table");
        let store = &mut self.stores[id.0 as usize];
        let loaded = store.insert(self.catalog.table(id), Stored { row, since: Lsn(0) });
        loaded.expect("the key is free");
    }
}
