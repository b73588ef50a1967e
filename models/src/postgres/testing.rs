//! Fixtures for the tests of this component: sessions and statements as text a reviewer can read.
//!
//! A line is `login: SQL -> expected`. A session is opened at the first mention of its login (`app`, or `app/2` for a
//! second one) and stays. Expected is a SQLSTATE, a number of affected rows, or the rows: `(a,1) (b,null)`.

use super::engine::Engine;
use super::session::Session;
use crate::control::{Control, ControlSet, Controls};
use crate::wire::sql::{Reply, Statement, Value};
use std::collections::BTreeMap;

/// Controls with these off.
pub fn without(off: &[&Control]) -> Controls {
    Controls::with_off(off.iter().fold(ControlSet::EMPTY, |set, c| set.with(c.slot)))
}

/// Runs a fixture on a new engine without any schema, every control on.
pub fn check(fixture: &str) {
    check_on(&mut Engine::default(), &Controls::all_on(), fixture);
}

/// Runs a fixture on an engine.
pub fn check_on(engine: &mut Engine, controls: &Controls, fixture: &str) {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    for line in fixture.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("--")) {
        let (login, rest) = line.split_once(": ").expect("a line begins with a login");
        let (sql, expected) = rest.rsplit_once(" -> ").expect("a line ends with what is expected");
        let role = login.split('/').next().unwrap_or(login);
        let session = sessions
            .entry(login.to_owned())
            .or_insert_with(|| engine.connect(role).unwrap_or_else(|e| panic!("{login}: {e}")));
        let mut replies = Vec::new();
        engine.execute(session, controls, &Statement::new(sql, Vec::new()), &mut replies);
        let got = replies.iter().map(render).collect::<Vec<_>>().join(" / ");
        assert_eq!(got, expected.trim(), "{line}\n{replies:?}");
    }
    sessions.into_values().for_each(|session| engine.close(session));
}

/// A reply as fixtures write it.
pub fn render(reply: &Reply) -> String {
    match reply {
        Reply::Done(affected) => affected.to_string(),
        Reply::Error { sqlstate, .. } => (*sqlstate).to_owned(),
        Reply::Rows { rows, .. } if rows.is_empty() => "none".to_owned(),
        Reply::Rows { rows, .. } => {
            let row = |row: &[Value]| format!("({})", row.iter().map(value).collect::<Vec<_>>().join(","));
            rows.iter().map(|r| row(r)).collect::<Vec<_>>().join(" ")
        }
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => if *b { "t" } else { "f" }.to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Text(s) => s.to_string(),
    }
}
