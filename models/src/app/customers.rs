//! A tenant's customers: one by number, or those of whom a column says something, each as far as its reader is cleared.
//! Who reads is said by the gateway, which has it from the verified token.

use super::labelled::{self, Labelled, lines};
use super::reader::Reader;
use crate::control;
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::http::Reason;
use crate::wire::sql::{Reply, Statement, Transaction, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nobody asks by a column that they may not see.
pub const MASKED_CONDITIONS: Control = control!("app.masked-conditions", upholds: ["CLS-02"],
    off: "conditions reach the database as they are written, and only what it answers is masked: who guesses a value \
          is told whose it is");

/// Columns by which customers can be asked for.
const SEARCHABLE: [&str; 8] = ["country", "diagnosis", "email", "iban", "name", "nickname", "remark", "segment"];

/// By what customers are asked for.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// One, by its number.
    Number(i64),
    /// Those of whom a column says this.
    Column(&'a str, &'a str),
}

/// The texts of the statements.
#[derive(Clone, Debug)]
pub struct Texts {
    one: Arc<str>,
    by: BTreeMap<&'static str, Arc<str>>,
}

impl Default for Texts {
    fn default() -> Texts {
        let by = |column: &'static str| {
            let text = format!("SELECT * FROM customers WHERE tenant_id = $1 AND {column} = $2 ORDER BY id LIMIT 20");
            (column, text.into())
        };
        Texts {
            one: "SELECT * FROM customers WHERE tenant_id = $1 AND id = $2".into(),
            by: SEARCHABLE.into_iter().map(by).collect(),
        }
    }
}

impl Texts {
    /// The transaction that asks for customers of `owner`; `tenant` is the one that the request is served for. None for
    /// a column by which nobody is found.
    pub fn transaction(
        &self,
        (tenant, owner): (&TenantId, &TenantId),
        by: By<'_>,
        reader: &Reader,
        labels: &labelled::Texts,
    ) -> Option<Transaction> {
        let (text, condition) = match by {
            By::Number(id) => (&self.one, Value::Int(id)),
            By::Column(column, value) => (self.by.get(column)?, Value::text(value)),
        };
        let asked = Statement { text: text.clone(), params: vec![Value::Text(owner.clone()), condition] };
        let statements = std::iter::once(asked).chain(labels.statements(owner, reader)).collect();
        Some(Transaction { tenant: Some(tenant.clone()), login: None, statements })
    }
}

/// What replies without an error mean for the client: a reason, and one JSON object a line.
pub fn answer(controls: &Controls, by: By<'_>, reader: &Reader, replies: &[Reply]) -> (Reason, Vec<u8>) {
    let [found, labels, named] = replies else { return (Reason::Internal, Vec::new()) };
    let labelled = Labelled::read(reader, labels, named);
    match by {
        By::Number(_) if found.rows().is_empty() => return (Reason::NotFound, Vec::new()),
        By::Column(column, _) if labelled.conceals(controls, column) && controls.on(&MASKED_CONDITIONS) => {
            return (Reason::PolicyDenied, Vec::new());
        }
        _ => {}
    }
    let table = labelled.table(controls, found);
    let rows = table.rows.iter().map(Vec::as_slice);
    (Reason::Ok, lines(controls, &table.columns, rows, labelled.clearance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;
    use crate::wire::policy::Level;
    use crate::wire::sql::Row;

    fn rows(columns: &[&str], rows: &[&[Value]]) -> Reply {
        let columns = columns.iter().map(|column| Arc::from(*column)).collect();
        Reply::Rows { columns, rows: rows.iter().map(|row| Row::from(*row)).collect() }
    }

    /// What a reader is told of one customer, asked for by number or by a column.
    fn told(controls: &Controls, level: Level, named: bool, by: Option<&str>) -> (Reason, String) {
        let reader = Reader { subject: "attacker/reader".into(), level };
        let by = by.map_or(By::Number(1), |column| By::Column(column, "x"));
        let text = Value::text;
        let customer: &[Value] =
            &[Value::Int(1), text("Ada"), text("ada@acme.example"), text("a diagnosis"), Value::Null];
        let replies = [
            rows(&["id", "name", "email", "diagnosis", "nickname"], &[customer]),
            rows(
                &["name", "level", "kind"],
                &[
                    &[text("id"), Value::Int(0), text("")],
                    &[text("name"), Value::Int(2), text("name")],
                    &[text("email"), Value::Int(2), text("contact")],
                    &[text("diagnosis"), Value::Int(3), text("")],
                ],
            ),
            rows(&["subject"], if named { &[&[Value::Null]] } else { &[] }),
        ];
        let (reason, body) = answer(controls, by, &reader, &replies);
        (reason, String::from_utf8(body).expect("text"))
    }

    #[test]
    fn a_customer_is_shown_as_far_as_its_reader_is_cleared() {
        let on = Controls::all_on();
        let masked = r#"{"diagnosis":"****","email":"[REDACTED]","id":1,"name":"3a5a1c6b4b4ac5f5","nickname":"****"}"#;
        let (reason, body) = told(&on, Level::Internal, true, None);
        assert_eq!(reason, Reason::Ok);
        let name = hex_of("Ada");
        assert_eq!(body, masked.replace("3a5a1c6b4b4ac5f5", &name));
        let cleared = r#"{"diagnosis":"****","email":"ada@acme.example","id":1,"name":"Ada","nickname":"****"}"#;
        assert_eq!(told(&on, Level::Confidential, true, None).1, cleared);
        assert_eq!(told(&on, Level::Restricted, false, None).1, cleared);
        let all = r#"{"diagnosis":"a diagnosis","email":"ada@acme.example","id":1,"name":"Ada","nickname":null}"#;
        assert_eq!(told(&on, Level::Restricted, true, None).1, all);
    }

    fn hex_of(name: &str) -> String {
        crate::crypto::hex(&crate::crypto::sha256(name.as_bytes())[..8])
    }

    #[test]
    fn nobody_asks_by_what_they_may_not_see() {
        let on = Controls::all_on();
        assert_eq!(told(&on, Level::Internal, false, Some("email")), (Reason::PolicyDenied, String::new()));
        assert_eq!(told(&on, Level::Confidential, false, Some("email")).0, Reason::Ok);
        assert_eq!(told(&on, Level::Confidential, false, Some("nickname")).0, Reason::PolicyDenied);
        let off = Controls::with_off(ControlSet::EMPTY.with(MASKED_CONDITIONS.slot));
        assert_eq!(told(&off, Level::Internal, false, Some("email")).0, Reason::Ok);
    }
}
