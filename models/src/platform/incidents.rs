//! Tenants' incidents in a cell's database: the first rows, and what is read of them by views, functions, partitions,
//! heirs and a materialised view.

use crate::config::Tenants;
use crate::ids::TenantId;
use crate::postgres::engine::Engine;
use crate::postgres::reference::{INCIDENT_REPORT, SHARED};
use crate::wire::sql::{Row, Value};
use std::sync::Arc;

/// Incidents that a tenant begins with, notes of its duties, watches, ended watches, and pagers, so many each.
pub const FIRST: u32 = 6;
/// Numbers of incidents in leak markers begin here: above all records, objects, nodes and devices.
pub const MARKED_FROM: u32 = 740_000;
/// Numbers of duties and of pagers of one tenant, at most: they are numbered across tenants, each in a range of its
/// own.
const RANGE: u32 = 100;
/// What the legal department keeps for as long as a court says.
pub const HELD: &str = "legal-hold";

/// What a tenant calls its n-th incident in letters.
pub fn reference(tenant: &str, n: u32) -> String {
    format!("{tenant}-case-{n}")
}

/// Whether the n-th incident of a tenant is open at first.
pub fn state(n: u32) -> &'static str {
    if n.is_multiple_of(2) { "open" } else { "closed" }
}

/// The first of a tenant's duties, and of its pagers, by number.
pub fn first_number(tenants: &Tenants, tenant: &str) -> i64 {
    i64::from(super::index_of(tenants, tenant) * RANGE)
}

/// Loads the incidents, duties, watches and legal holds of a tenant; `datum` gives the body of a record by its number.
pub(super) fn load(engine: &mut Engine, tenants: &Tenants, tenant: &TenantId, datum: impl Fn(u32) -> Arc<str>) {
    let name = || Value::Text(Arc::clone(tenant));
    for n in 0..FIRST {
        let (id, body) = (Value::Int(n.into()), Value::Text(datum(MARKED_FROM + n)));
        let row: Row = [name(), id, Value::text(state(n)), Value::text(&reference(tenant, n)), body].into();
        engine.load_row(SHARED, &format!("incidents_{}", state(n)), row);
        let (id, note) = (first_number(tenants, tenant) + i64::from(n), Value::Text(datum(MARKED_FROM + FIRST + n)));
        engine.load_row(SHARED, "duties", [Value::Int(id), name(), note, Value::text("+49 30 1")].into());
        engine.load_row(SHARED, "pagers", [name(), Value::Int(id), Value::text("on call")].into());
        for (table, beyond) in [("watches", 2 * FIRST + 1), ("watches_ended", 3 * FIRST + 1)] {
            let body = Value::Text(datum(MARKED_FROM + beyond + n));
            engine.load_row(SHARED, table, [name(), Value::Int(n.into()), body].into());
        }
    }
    let held = Value::Text(datum(MARKED_FROM + 2 * FIRST));
    engine.load_row("legal", "retention", [Value::text(HELD), Value::Int(0), held].into());
}

/// Makes the nightly report, when all rows are there.
pub(super) fn report(engine: &mut Engine) {
    engine.bootstrap(INCIDENT_REPORT).expect("the report's query is valid");
}
