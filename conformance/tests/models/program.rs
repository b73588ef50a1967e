//! A program: statements of one to three sessions, as text that a reviewer can read and a test can read back.
//!
//! A line is `login: SQL`, or `login: SQL -- $ value, value` with bind parameters; `login/2` is a second session of the
//! same role. The session of `postgres`, a superuser, makes the schema.

use models::wire::sql::Value;
use std::fmt;

/// The superuser, in the model and on the server.
pub const SUPERUSER: &str = "postgres";

/// The roles of every program, made once: owners and heirs, roles with and without exemption, members that inherit and
/// one that does not.
pub const ROLES: [&str; 8] = [
    "create role owner login",
    "create role heir login in role owner",
    "create role app login",
    "create role staff login",
    "create role clerk login in role staff",
    "create role distant login noinherit in role staff",
    "create role bypass login bypassrls",
    "create role root login superuser",
];

/// One statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// `login`, or `login/2`.
    pub session: String,
    /// Its text.
    pub sql: String,
    /// Its bind parameters; with some it is a prepared statement.
    pub params: Vec<Value>,
}

/// Statements in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Program {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// The statements.
    pub steps: Vec<Step>,
}

impl Step {
    /// A statement without parameters.
    pub fn new(session: &str, sql: impl Into<String>) -> Step {
        Step { session: session.into(), sql: sql.into(), params: Vec::new() }
    }
    /// The role that logs in.
    pub fn login(&self) -> &str {
        self.session.split('/').next().unwrap_or(&self.session)
    }
    /// Its first word, in small letters.
    pub fn verb(&self) -> &str {
        self.sql.split_whitespace().next().unwrap_or_default()
    }
}

impl Program {
    /// Reads a program from its text.
    pub fn read(text: &str) -> Program {
        let line = |line: &str| {
            let (session, rest) = line.split_once(": ").expect("a line begins with a login");
            let (sql, params) = rest.split_once(" -- $ ").unwrap_or((rest, ""));
            let params = params.split(", ").filter(|p| !p.is_empty()).map(read_value).collect();
            Step { session: session.into(), sql: sql.into(), params }
        };
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        Program { seed: 0, steps: lines.map(line).collect() }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            let params: Vec<String> = step.params.iter().map(show_value).collect();
            let params = if params.is_empty() { String::new() } else { format!(" -- $ {}", params.join(", ")) };
            writeln!(f, "  {}: {}{params}", step.session, step.sql)?;
        }
        Ok(())
    }
}

fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Text(s) => format!("'{s}'"),
    }
}

fn read_value(text: &str) -> Value {
    match text {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match text.parse() {
            Ok(n) => Value::Int(n),
            Err(_) => Value::text(text.trim_matches('\'')),
        },
    }
}
