//! Tenants' customers and their visits in a cell's database: the first rows, and who is named for what is restricted
//! of them.

use crate::ids::TenantId;
use crate::postgres::engine::Engine;
use crate::postgres::reference::SHARED;
use crate::wire::policy::Level;
use crate::wire::sql::Value;
use std::sync::Arc;

/// Customers of a tenant.
pub const FIRST: u32 = 6;
/// Numbers of customers' data in leak markers begin here: above all records, objects, nodes, devices and incidents.
pub const MARKED_FROM: u32 = 780_000;
/// Data of one customer that have a number of their own.
const MARKED: u32 = 8;

/// Who reads customers, and how far each is cleared.
#[derive(Clone, Default, Debug)]
pub struct CustomersPlan {
    /// Those who read.
    pub readers: Vec<Reader>,
}

/// Somebody who reads customers.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The principal.
    pub name: Arc<str>,
    /// The level that its tokens are for.
    pub level: Level,
    /// The tenant that has named it for what is restricted, if one has.
    pub named_by: Option<TenantId>,
}

impl CustomersPlan {
    /// Whether a principal's tokens may be for restricted data.
    pub fn is_restricted(&self, name: &str) -> bool {
        self.readers.iter().any(|reader| *reader.name == *name && reader.level == Level::Restricted)
    }
}

/// The columns of a tenant's n-th customer but its tenant and its number, as they are stored; `datum` gives a marked
/// text by its number. The first are such that a careless masker leaves something of them.
pub fn columns(n: u32, datum: impl Fn(u32) -> Arc<str>) -> [(&'static str, Value); 10] {
    let marked = |place: u32| Value::Text(datum(MARKED_FROM + n * MARKED + place));
    let around = |before: &str, place: u32, after: &str| {
        Value::text(&format!("{before}{}{after}", datum(MARKED_FROM + n * MARKED + place)))
    };
    let odd = |odd: [Value; 4], usual: Value| odd.get(n as usize).cloned().unwrap_or(usual);
    let text = Value::text;
    [
        ("country", text(["de", "fr", "us"][n as usize % 3])),
        ("segment", text(["retail", "health"][n as usize % 2])),
        ("name", odd([text("Zoë 慧 Ångström"), text(""), Value::Null, text("Q")], marked(0))),
        ("iban", odd([text("77"), text("ß字é€"), text("GB29 é字ß€9"), Value::Null], around("DE89", 1, "3000"))),
        ("email", odd([Value::Null, text("a@b"), text(""), text("字@ß")], around("ann.", 2, "@mail.example"))),
        ("account", Value::Int(9_000_000_000 + i64::from(n))),
        ("discount", marked(3)),
        ("diagnosis", marked(4)),
        ("nickname", marked(5)),
        ("remark", marked(6)),
    ]
}

/// Visits of a tenant's customers.
pub const VISITS: u32 = 9;

/// The columns of a tenant's n-th visit but its tenant, as they are stored.
pub fn visit(n: u32) -> [(&'static str, Value); 3] {
    let ward = ["oncology", "surgery", "radiology", "oncology"][n as usize % 4];
    [
        ("day", Value::Int(i64::from(n) + 100)),
        ("customer", Value::Int((n * 5 % FIRST).into())),
        ("ward", Value::text(ward)),
    ]
}

/// Loads the customers of a tenant, and who is named there.
pub(super) fn load(engine: &mut Engine, plan: &CustomersPlan, tenant: &TenantId, datum: impl Fn(u32) -> Arc<str>) {
    let name = || Value::Text(Arc::clone(tenant));
    for n in 0..FIRST {
        let values = columns(n, &datum).map(|(_, value)| value);
        let row = [name(), Value::Int(n.into())].into_iter().chain(values).collect();
        engine.load_row(SHARED, "customers", row);
    }
    for n in 0..VISITS {
        let row = std::iter::once(name()).chain(visit(n).map(|(_, value)| value)).collect();
        engine.load_row(SHARED, "visits", row);
    }
    for reader in plan.readers.iter().filter(|reader| reader.named_by.as_ref() == Some(tenant)) {
        engine.load_row(SHARED, "named_principals", [name(), Value::Text(reader.name.clone())].into());
    }
}
