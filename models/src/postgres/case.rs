//! Statements of several sessions and what each of them gets, as a question and an answer in JSON: `cellproof model
//! rls`.
//!
//! It is the engine that the platform's services run on, every control on. A session is opened at the first statement
//! that names it and stays, so that what one statement leaves behind (a `SET`, an open transaction) meets the next.
//!
//! ```json
//! {"schema": "create role app login; create table t (…); …",
//!  "statements": [{"as": "app", "session": "1", "settings": {"app.tenant_id": "acme"},
//!                  "sql": "select * from t where id = $1", "params": [7]}]}
//! ```

use super::catalog::{Catalog, Nature, RoleId, TableId};
use super::engine::Engine;
use super::plan::Plan;
use super::rls::{Exempt, Standing, standing};
use super::session::Session;
use super::sqlstate::{FAILED_TRANSACTION, INSUFFICIENT_PRIVILEGE, LOCK_NOT_AVAILABLE, READ_ONLY};
use super::sqlstate::{INVALID_AUTHORIZATION, NOT_NULL_VIOLATION, NOT_SUPPORTED, SERIALIZATION_FAILURE};
use super::sqlstate::{SYNTAX_ERROR, SqlError, UNIQUE_VIOLATION};
use crate::control::Controls;
use crate::wire::sql::{Reply, Statement, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Definitions and rows, run as the superuser before anybody logs in.
    #[serde(default)]
    schema: String,
    statements: Vec<Asked>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The role that logs in.
    #[serde(rename = "as")]
    login: String,
    /// Which of its sessions; without it, the one that is called as the role.
    #[serde(default)]
    session: Option<String>,
    /// Settings that the session sets before the statement (`SET`); null resets one.
    #[serde(default)]
    settings: BTreeMap<String, Option<String>>,
    sql: String,
    #[serde(default)]
    params: Vec<Json>,
}

/// Why a command got what it got, and what demands that.
type Told = Option<(&'static str, &'static [&'static str])>;

/// Answers one JSON line: for each statement an object with its replies, one a command.
///
/// # Errors
/// When the line is no such case, or its schema is refused.
pub fn answer(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let mut engine = Engine::default();
    engine.bootstrap(&case.schema).map_err(|e| format!("`schema` is refused: {e}"))?;
    let mut sessions: BTreeMap<String, (String, Session)> = BTreeMap::new();
    let mut answers = Vec::with_capacity(case.statements.len());
    for (at, asked) in case.statements.into_iter().enumerate() {
        let told = |error: String| format!("`statements[{at}]`: {error}");
        let params = asked.params.iter().map(value).collect::<Result<Vec<_>, _>>().map_err(told)?;
        let name = asked.session.unwrap_or_else(|| asked.login.clone());
        let session = match sessions.entry(name) {
            Entry::Occupied(held) if held.get().0 != asked.login => {
                let (name, login) = (held.key(), &held.get().0);
                return Err(told(format!("session {name} belongs to role {login}")));
            }
            Entry::Occupied(held) => &mut held.into_mut().1,
            Entry::Vacant(free) => match engine.connect(&asked.login) {
                Ok(session) => &mut free.insert((asked.login, session)).1,
                Err(refused) => {
                    answers.push(json!({ "replies": [shown(&refused.into(), None)] }));
                    continue;
                }
            },
        };
        let replies = run(&mut engine, session, &asked.settings, &Statement::new(&asked.sql, params));
        answers.push(json!({ "replies": replies }));
    }
    Ok(Json::from(answers).to_string())
}

fn value(param: &Json) -> Result<Value, String> {
    match param {
        Json::Null => Ok(Value::Null),
        Json::Bool(b) => Ok(Value::Bool(*b)),
        Json::String(s) => Ok(Value::text(s)),
        other => match other.as_i64() {
            Some(n) => Ok(Value::Int(n)),
            None => Err(format!("the parameter {other} is no string, truth value, 64-bit integer or null")),
        },
    }
}

/// Makes the settings, then runs the statement. A setting that is refused is answered in the statement's place.
fn run(
    engine: &mut Engine,
    session: &mut Session,
    settings: &BTreeMap<String, Option<String>>,
    statement: &Statement,
) -> Vec<Json> {
    let controls = Controls::all_on();
    for (name, value) in settings {
        let mut replies = Vec::new();
        let value = value.as_deref().map_or(Value::Null, Value::text);
        let set = Statement::new("select set_config($1, $2, false)", vec![Value::text(name), value]);
        engine.execute(session, &controls, &set, &mut replies);
        if let Some(refused @ Reply::Error { .. }) = replies.pop() {
            return vec![shown(&refused, None)];
        }
    }
    let (mut replies, mut reasons) = (Vec::new(), Vec::new());
    engine.execute_watched(session, &controls, statement, &mut replies, |engine, session, plan| {
        reasons.push(told(engine, session, &controls, plan));
    });
    replies.iter().enumerate().map(|(at, reply)| shown(reply, reasons.get(at).copied().flatten())).collect()
}

/// What decides about the rows of a command that is about to run.
fn told(engine: &Engine, session: &Session, controls: &Controls, plan: &Plan) -> Told {
    let table = match plan {
        Plan::Select(select) => select.search.as_ref()?.table,
        Plan::Insert(insert) => insert.table,
        Plan::Update(update) => update.search.table,
        Plan::Delete(delete) => delete.search.table,
        Plan::Truncate { .. } => return Some(("truncate-asks-no-policy", &["STO-03"])),
        Plan::Set(..) | Plan::ResetAll | Plan::DiscardAll | Plan::Show(_) => return Some(("setting", &["STO-02"])),
        _ => return None,
    };
    let (catalog, role) = (&engine.catalog, session.role(&engine.catalog));
    if let Plan::Select(select) = plan {
        if let Some(call) = &select.call {
            let definer = catalog.functions[usize::from(call.function)].definer;
            return Some((
                if definer { "function-with-owners-rights" } else { "function-with-callers-rights" },
                &["STO-03"],
            ));
        }
        let reader = select.search.as_ref()?.reader(catalog, controls, role);
        let exempt = |by| standing(catalog, controls, by, catalog.table(table)) != Standing::Subject;
        if reader != role && exempt(reader) && !exempt(role) {
            return Some(("view-with-owners-rights", &["STO-03", "TEN-02"]));
        }
    }
    match &catalog.table(table).nature {
        Nature::Materialized(_) => return Some(("materialized-view-asks-no-policy", &["STO-03"])),
        _ if catalog.table(table).kin.parent.is_some() => return Some(of_child(catalog, controls, (role, table))),
        _ => {}
    }
    Some(match standing(catalog, controls, role, catalog.table(table)) {
        Standing::Subject => ("policies-apply", &["STO-01", "TEN-02"]),
        Standing::Exempt(why) => (why.code(), &["STO-01"]),
    })
}

/// Who names a partition or an heir is asked its own policies, whatever the table above it says.
fn of_child(
    catalog: &Catalog,
    controls: &Controls,
    (role, child): (RoleId, TableId),
) -> (&'static str, &'static [&'static str]) {
    let stands = |id| standing(catalog, controls, role, catalog.table(id));
    let parent = catalog.table(child).kin.parent.unwrap_or(child);
    let is_partition = catalog.table(parent).kin.is_partitioned();
    match (stands(child), stands(parent)) {
        (Standing::Subject, _) => ("policies-apply", &["STO-01", "TEN-02"]),
        (Standing::Exempt(Exempt::NotEnabled), Standing::Subject) => {
            (if is_partition { "partition-without-policies" } else { "heir-without-policies" }, &["STO-03", "TEN-02"])
        }
        (Standing::Exempt(why), _) => (why.code(), &["STO-01"]),
    }
}

fn shown(reply: &Reply, told: Told) -> Json {
    let (mut answer, told) = match reply {
        Reply::Rows { columns, rows } => {
            let rows: Vec<Json> = rows.iter().map(|row| row.iter().map(plain).collect()).collect();
            let columns: Vec<&str> = columns.iter().map(|c| &**c).collect();
            (json!({ "columns": columns, "count": rows.len(), "rows": rows }), told)
        }
        Reply::Done(count) => (json!({ "count": count }), told),
        Reply::Error { sqlstate, message } => {
            let class = &sqlstate[..2];
            (json!({ "sqlstate": sqlstate, "class": class, "message": message }), Some(refusal(sqlstate, message)))
        }
    };
    if let Some((reason, requirements)) = told {
        answer["reason"] = reason.into();
        answer["requirements"] = requirements.into();
    }
    answer
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(n) => (*n).into(),
        Value::Text(s) => (**s).into(),
    }
}

/// The reason code of an error.
fn refusal(sqlstate: &str, message: &str) -> (&'static str, &'static [&'static str]) {
    match sqlstate {
        INSUFFICIENT_PRIVILEGE if SqlError::is_row_security(message) => ("policy-refuses-row", &["STO-01", "TEN-02"]),
        INSUFFICIENT_PRIVILEGE if SqlError::is_filtered(message) => ("row-security-off", &["STO-01"]),
        INSUFFICIENT_PRIVILEGE => ("no-privilege", &["STO-01"]),
        // Keys see every row: whether a key is taken is told to those who may not see by whom.
        UNIQUE_VIOLATION => ("unique-key-sees-all", &["STO-03"]),
        NOT_NULL_VIOLATION => ("not-null", &[]),
        FAILED_TRANSACTION => ("transaction-failed", &["STO-02"]),
        READ_ONLY => ("read-only", &[]),
        LOCK_NOT_AVAILABLE | SERIALIZATION_FAILURE => ("other-transaction", &[]),
        INVALID_AUTHORIZATION => ("no-login", &[]),
        NOT_SUPPORTED => ("not-modelled", &[]),
        SYNTAX_ERROR => ("syntax", &[]),
        _ if sqlstate.starts_with("22") => ("bad-value", &[]),
        _ => ("bad-statement", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "create role app login; create role boss bypassrls login; \
        create table t (tenant text, id int8 unique); grant all on t to app, boss; \
        alter table t enable row level security; \
        create policy p on t using (tenant = current_setting('app.tenant_id', true)); \
        insert into t values ('acme', 1), ('beta', 2)";

    /// Statements `role: SQL` for tenant `acme`; each answer as `count reason`, or `sqlstate reason`.
    fn check(statements: &[&str], expected: &[&str]) {
        check_on(SCHEMA, statements, expected);
    }

    fn check_on(schema: &str, statements: &[&str], expected: &[&str]) {
        let asked = statements.iter().map(|s| {
            let (login, sql) = s.split_once(": ").expect("a role");
            json!({ "as": login, "sql": sql, "settings": { "app.tenant_id": "acme" } })
        });
        let line = json!({ "schema": schema, "statements": asked.collect::<Vec<_>>() }).to_string();
        let answers: Vec<Json> = serde_json::from_str(&answer(&line).expect("a case")).expect("JSON");
        let brief = |reply: &Json| {
            let what = reply["sqlstate"].as_str().map_or_else(|| reply["count"].to_string(), str::to_owned);
            format!("{what} {}", reply["reason"].as_str().unwrap_or("-"))
        };
        let text = |a: &Json| a["replies"].as_array().expect("replies").iter().map(brief).collect::<Vec<_>>();
        let got: Vec<String> = answers.iter().map(|a| text(a).join(" / ")).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn each_command_is_answered_with_what_decided_it() {
        check(
            &[
                "app: select * from t",
                "boss: select * from t",
                "app: insert into t values ('beta', 3)",
                "app: insert into t values ('acme', 2)",
                "app: set row_security = off; select * from t",
                "app: reset row_security; truncate t",
                "app: select distinct id from t",
                "nobody: select 1",
            ],
            &[
                "1 policies-apply",
                "2 bypassrls",
                "42501 policy-refuses-row",
                "23505 unique-key-sees-all",
                "0 setting / 42501 row-security-off",
                "0 setting / 0 truncate-asks-no-policy",
                "0A000 not-modelled",
                "28000 no-login",
            ],
        );
    }

    #[test]
    fn what_is_read_in_a_tables_place_says_whose_rights_decided() {
        let beside = "; create view v as select id from t; grant select on v to app; \
            create view w with (security_invoker = true) as select id from t; grant select on w to app; \
            create materialized view m as select id from t; grant select on m to app; \
            create function f() returns setof int8 language sql security definer as 'select id from t'; \
            create function g() returns setof int8 language sql as 'select id from t'; \
            create table c (tenant text, id int8) partition by list (tenant); \
            create table c_acme partition of c for values in ('acme'); \
            create policy p on c using (false); alter table c enable row level security; \
            grant all on c, c_acme to app; insert into c values ('acme', 1); \
            create table h () inherits (t); grant select on h to app; insert into h values ('beta', 7)";
        check_on(
            &format!("{SCHEMA}{beside}"),
            &[
                "app: select * from v",
                "boss: select * from t",
                "app: select * from w",
                "app: select * from m",
                "app: select * from f()",
                "app: select * from g()",
                "app: select * from c",
                "app: select * from c_acme",
                "app: select * from t",
                "app: select * from h",
            ],
            &[
                "3 view-with-owners-rights",
                "3 bypassrls",
                "1 policies-apply",
                "2 materialized-view-asks-no-policy",
                "3 function-with-owners-rights",
                "1 function-with-callers-rights",
                "0 policies-apply",
                "1 partition-without-policies",
                "1 policies-apply",
                "1 heir-without-policies",
            ],
        );
    }

    #[test]
    fn sessions_keep_what_they_were_told_and_belong_to_one_role() {
        let ask = |second: &str| {
            let first = r#"{"as": "app", "session": "1", "sql": "set app.tenant_id = 'beta'"}"#;
            let schema = json!(SCHEMA);
            answer(&format!(r#"{{"schema": {schema}, "statements": [{first}, {second}]}}"#))
        };
        let same = ask(r#"{"as": "app", "session": "1", "sql": "select id from t where id = $1", "params": [2]}"#);
        assert!(same.expect("a case").contains(r#""rows":[[2]]"#));
        let other = ask(r#"{"as": "app", "session": "2", "sql": "select id from t"}"#);
        assert!(other.expect("a case").contains(r#""rows":[]"#));
        let refused = ask(r#"{"as": "boss", "session": "1", "sql": "select 1"}"#);
        assert_eq!(refused.unwrap_err(), "`statements[1]`: session 1 belongs to role app");
        assert!(
            answer(r#"{"schema": "create tabel", "statements": []}"#).unwrap_err().starts_with("`schema` is refused")
        );
    }
}
