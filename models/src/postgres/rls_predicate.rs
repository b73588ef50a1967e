//! The row-security decision as a question and an answer in JSON: `cellproof model rls-predicate`.
//!
//! It is the engine's own decision on the engine's own compiled policies, for one row, without a database. Types of
//! columns come from the rows of the question: a number is `int8`, a string `text`, `true` and `false` `bool`.
//!
//! ```json
//! {"role": {"name": "app", "superuser": false, "bypassrls": false, "owner": false, "member_of": ["staff"]},
//!  "table": {"enabled": true, "forced": true},
//!  "policies": [{"name": "p", "as": "permissive", "for": "all", "to": ["public"], "using": "…", "with_check": "…"}],
//!  "command": "update", "reads": true,
//!  "row": {"tenant_id": "acme", "id": 1}, "new_row": {"tenant_id": "beta", "id": 1},
//!  "settings": {"app.tenant_id": "acme"}}
//! ```

use super::catalog::{Attributes, Catalog, Column, Command, Grantee, PUBLIC, Policy, Role, RoleId, Table, Type};
use super::ddl::{add_policy, compile_condition};
use super::expr::Env;
use super::rls::{Applicable, Standing, Verdict, standing};
use super::setting::{Names, Scope, Settings};
use crate::control::Controls;
use crate::wire::sql::Value;
use serde::Deserialize;
use serde_json::json;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    role: AskedRole,
    table: AskedTable,
    #[serde(default)]
    policies: Vec<AskedPolicy>,
    command: Asked,
    /// Whether the statement also reads columns (`WHERE`, `RETURNING`). A `SELECT` always does.
    #[serde(default)]
    reads: bool,
    row: BTreeMap<String, serde_json::Value>,
    /// The row after an `UPDATE`; without it nothing changes.
    #[serde(default)]
    new_row: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedRole {
    name: String,
    #[serde(default)]
    superuser: bool,
    #[serde(default)]
    bypassrls: bool,
    #[serde(default)]
    owner: bool,
    #[serde(default = "yes")]
    inherit: bool,
    #[serde(default)]
    member_of: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedTable {
    enabled: bool,
    forced: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedPolicy {
    name: String,
    #[serde(default, rename = "as")]
    kind: Kind,
    #[serde(default, rename = "for")]
    command: For,
    #[serde(default = "everybody")]
    to: Vec<String>,
    using: Option<String>,
    with_check: Option<String>,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Permissive,
    Restrictive,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum For {
    #[default]
    All,
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Asked {
    Select,
    Insert,
    Update,
    Delete,
    Truncate,
}

fn yes() -> bool {
    true
}

fn everybody() -> Vec<String> {
    vec!["public".to_owned()]
}

/// Answers one question: `{"allowed", "why", "policy", "sqlstate", "requirements"}`. A row that is merely hidden is not
/// allowed and has no SQLSTATE; a refused write has `42501`.
///
/// # Errors
/// What is wrong with the question, in words.
pub fn answer_json(line: &str) -> Result<serde_json::Value, String> {
    let question: Question = serde_json::from_str(line).map_err(|e| format!("not a question: {e}"))?;
    let mut world = World::new(&question)?;
    for policy in &question.policies {
        world.add(policy)?;
    }
    world.answer(&question)
}

/// The small catalog that a question describes.
struct World {
    catalog: Catalog,
    names: Names,
    settings: Settings,
    role: RoleId,
    role_name: Arc<str>,
    table: Table,
}

impl World {
    fn new(question: &Question) -> Result<World, String> {
        let mut catalog = Catalog::default();
        let plain = Attributes { superuser: false, bypassrls: false, inherit: true, login: true, createrole: false };
        let group = |name: &str, catalog: &mut Catalog| {
            let named = Role::new(name, plain, Vec::new());
            catalog.role_id(name).unwrap_or_else(|| catalog.add_role(named))
        };
        let asked = &question.role;
        let member_of: Vec<RoleId> = asked.member_of.iter().map(|name| group(name, &mut catalog)).collect();
        let (superuser, bypassrls, inherit) = (asked.superuser, asked.bypassrls, asked.inherit);
        let attributes = Attributes { superuser, bypassrls, inherit, ..plain };
        if catalog.role_id(&asked.name).is_some() {
            return Err(format!("role {} is taken", asked.name));
        }
        let role_name: Arc<str> = Arc::from(asked.name.as_str());
        let role = catalog.add_role(Role::new(&role_name, attributes, member_of));
        let owner = if asked.owner { role } else { super::catalog::BOOTSTRAP };
        let mut names = Names::default();
        let mut settings = Settings::default();
        for (name, value) in &question.settings {
            let id = names.intern(name).map_err(|e| e.to_string())?;
            let id = id.ok_or_else(|| format!("no setting is called {name}"))?;
            settings.set(id, Arc::from(value.as_str()), Scope::Session);
        }
        let table = table(question, owner)?;
        Ok(World { catalog, names, settings, role, role_name, table })
    }

    fn add(&mut self, asked: &AskedPolicy) -> Result<(), String> {
        let command = match asked.command {
            For::All => Command::All,
            For::Select => Command::Select,
            For::Insert => Command::Insert,
            For::Update => Command::Update,
            For::Delete => Command::Delete,
        };
        if command == Command::Insert && asked.using.is_some() {
            return Err(format!("policy {}: only WITH CHECK expression allowed for INSERT", asked.name));
        }
        if matches!(command, Command::Select | Command::Delete) && asked.with_check.is_some() {
            return Err(format!("policy {}: WITH CHECK cannot be applied to SELECT or DELETE", asked.name));
        }
        let condition = |text: &Option<String>, names: &mut Names| match text {
            None => Ok(None),
            Some(text) => {
                let parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text);
                let parsed = parser.and_then(|mut p| {
                    let e = p.parse_expr()?;
                    p.expect_token(&sqlparser::tokenizer::Token::EOF).map(|_| e)
                });
                let parsed = parsed.map_err(|e| format!("policy {}: {e}", asked.name))?;
                let compiled = compile_condition(&parsed, &self.table, names);
                compiled.map(Some).map_err(|e| format!("policy {}: {e}", asked.name))
            }
        };
        let using = condition(&asked.using, &mut self.names)?;
        let check = condition(&asked.with_check, &mut self.names)?;
        let role = |name: &String| match (name.as_str(), self.catalog.role_id(name)) {
            ("public", _) => Grantee::Public,
            (_, Some(id)) => Grantee::Role(id),
            // A role that the question's role has nothing to do with: any other will do.
            (_, None) => Grantee::Role(super::catalog::BOOTSTRAP),
        };
        let roles = asked.to.iter().map(role).collect();
        let permissive = asked.kind == Kind::Permissive;
        let name = Arc::from(asked.name.as_str());
        let (keys, estimates, doomed) = (vec![], vec![], [None, None]);
        let policy = Policy { name, permissive, command, roles, using, check, keys, estimates, doomed };
        add_policy(&mut self.table, policy).map_err(|e| e.to_string())
    }

    fn answer(&self, question: &Question) -> Result<serde_json::Value, String> {
        if question.command == Asked::Truncate {
            return Ok(answer(true, "truncate-asks-no-policy", None, false, &["STO-03"]));
        }
        let controls = Controls::all_on();
        if let Standing::Exempt(why) = standing(&self.catalog, &controls, self.role, &self.table) {
            return Ok(answer(true, why.code(), None, false, &["STO-01"]));
        }
        let row = values(&self.table, &question.row)?;
        let new_row = question.new_row.as_ref().map(|r| values(&self.table, r)).transpose()?;
        let new_row = new_row.as_ref().unwrap_or(&row);
        let env = |row| Env { row, params: &[], settings: &self.settings, session_user: &self.role_name };
        let of = |command| Applicable::of(&self.catalog, self.role, &self.table, command);
        let using = |command, row| of(command).using(&self.table, env(row)).map_err(|e| e.to_string());
        let check = |command| of(command).check(&self.table, &controls, env(new_row)).map_err(|e| e.to_string());
        let mut stages: Vec<(Verdict<'_>, bool)> = Vec::new();
        match question.command {
            Asked::Select => stages.push((using(Command::Select, &row)?, false)),
            Asked::Insert => stages.push((check(Command::Insert)?, true)),
            Asked::Update => stages.push((using(Command::Update, &row)?, false)),
            _ => stages.push((using(Command::Delete, &row)?, false)),
        }
        let writes = matches!(question.command, Asked::Insert | Asked::Update);
        if question.reads && matches!(question.command, Asked::Update | Asked::Delete) {
            stages.push((using(Command::Select, &row)?, false));
        }
        if question.command == Asked::Update {
            stages.push((check(Command::Update)?, true));
        }
        if question.reads && writes {
            stages.push((using(Command::Select, new_row)?, true));
        }
        Ok(stages.into_iter().fold(None, combine).unwrap_or_else(|| answer(false, "no-policy", None, false, &[])))
    }
}

/// The first stage that refuses decides; if none does, the first one explains.
fn combine(so_far: Option<serde_json::Value>, (verdict, writing): (Verdict<'_>, bool)) -> Option<serde_json::Value> {
    let decided = match (&so_far, verdict) {
        (Some(earlier), _) if earlier["allowed"] == json!(false) => return so_far,
        (Some(_), Verdict::Accepted(_)) => return so_far,
        (_, verdict) => verdict,
    };
    let on = if writing { "with-check" } else { "using" };
    let requirements = ["STO-01", "TEN-02"];
    Some(match decided {
        Verdict::Accepted(policy) => answer(true, "policy-accepts", Some(&policy.name), false, &requirements),
        Verdict::NoPolicy => answer(false, "no-policy", None, writing, &requirements),
        Verdict::NonePermits => answer(false, &format!("no-{on}-permits"), None, writing, &requirements),
        Verdict::Restricted(policy) => {
            answer(false, &format!("restrictive-{on}"), Some(&policy.name), writing, &requirements)
        }
    })
}

fn answer(allowed: bool, why: &str, policy: Option<&str>, error: bool, requirements: &[&str]) -> serde_json::Value {
    let sqlstate = error.then_some(super::sqlstate::INSUFFICIENT_PRIVILEGE);
    json!({ "allowed": allowed, "why": why, "policy": policy, "sqlstate": sqlstate, "requirements": requirements })
}

fn table(question: &Question, owner: RoleId) -> Result<Table, String> {
    let mut columns: Vec<Column> = Vec::new();
    let rows = [Some(&question.row), question.new_row.as_ref()];
    for (name, value) in rows.into_iter().flatten().flatten() {
        let kind = match value {
            serde_json::Value::Bool(_) => Type::Bool,
            serde_json::Value::Number(_) => Type::Int,
            serde_json::Value::String(_) | serde_json::Value::Null => Type::Text,
            _ => return Err(format!("column {name}: a number, a string, a truth value or null was expected")),
        };
        match columns.iter_mut().find(|c| *c.name == **name) {
            Some(column) if column.kind == kind || value.is_null() => {}
            Some(column) if column.default.is_some() => column.kind = kind,
            Some(_) => return Err(format!("column {name}: both rows must give it one type")),
            None => {
                let name = Arc::from(name.as_str());
                // The default marks a column whose type is not known yet, because its first value is null.
                let default = value.is_null().then_some(super::expr::Expr::Const(Value::Null));
                columns.push(Column { name, kind, not_null: false, default });
            }
        }
    }
    let table = Table::plain((PUBLIC, Arc::from("t")), owner, columns);
    Ok(Table { row_security: question.table.enabled, force: question.table.forced, grants: Vec::new(), ..table })
}

fn values(table: &Table, row: &BTreeMap<String, serde_json::Value>) -> Result<Vec<Value>, String> {
    let value = |column: &Column| match row.get(&*column.name) {
        None | Some(serde_json::Value::Null) => Ok(Value::Null),
        Some(serde_json::Value::Bool(b)) => Ok(Value::Bool(*b)),
        Some(serde_json::Value::String(s)) => Ok(Value::text(s)),
        Some(other) => match other.as_i64() {
            Some(n) => Ok(Value::Int(n)),
            None => Err(format!("column {}: {other} is no 64-bit integer", column.name)),
        },
    };
    table.columns.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"name": "p",
        "using": "tenant_id = nullif(current_setting('app.tenant_id', true), '')"}"#;

    fn check(role: &str, command: &str, rows: &str, setting: &str, expected: &str) {
        let line = format!(
            r#"{{"role": {role}, "table": {{"enabled": true, "forced": true}}, "policies": [{POLICY}],
                "command": "{command}", "reads": true, {rows}, "settings": {{"app.tenant_id": "{setting}"}}}}"#
        );
        let answer = answer_json(&line).expect("the question is valid");
        let text = |key: &str| answer[key].as_str().unwrap_or("-").to_owned();
        let got = format!("{} {} {} {}", answer["allowed"], text("why"), text("policy"), text("sqlstate"));
        assert_eq!(got, expected, "{line}");
    }

    const APP: &str = r#"{"name": "app"}"#;
    const ROW: &str = r#""row": {"tenant_id": "acme", "id": 1}"#;
    const MOVED: &str = r#""row": {"tenant_id": "acme", "id": 1}, "new_row": {"tenant_id": "beta", "id": 1}"#;

    #[test]
    fn a_row_is_visible_to_its_tenant_only() {
        check(APP, "select", ROW, "acme", "true policy-accepts p -");
        check(APP, "select", ROW, "beta", "false no-using-permits - -");
        check(APP, "select", ROW, "", "false no-using-permits - -");
        check(APP, "delete", ROW, "beta", "false no-using-permits - -");
    }

    #[test]
    fn a_row_for_somebody_else_is_refused_with_a_sqlstate() {
        check(APP, "insert", ROW, "acme", "true policy-accepts p -");
        check(APP, "insert", ROW, "beta", "false no-with-check-permits - 42501");
        check(APP, "update", MOVED, "acme", "false no-with-check-permits - 42501");
        check(APP, "update", MOVED, "beta", "false no-using-permits - -");
    }

    #[test]
    fn the_exempt_are_named() {
        check(r#"{"name": "x", "superuser": true}"#, "select", ROW, "beta", "true superuser - -");
        check(r#"{"name": "x", "bypassrls": true}"#, "select", ROW, "beta", "true bypassrls - -");
        check(r#"{"name": "x", "owner": true}"#, "select", ROW, "beta", "false no-using-permits - -");
        check(APP, "truncate", ROW, "beta", "true truncate-asks-no-policy - -");
    }

    #[test]
    fn a_bad_question_is_an_error_in_words() {
        for line in ["", "{}", r#"{"role": {"name": "a"}, "table": {"enabled": 1}}"#] {
            assert!(answer_json(line).is_err());
        }
        let nonsense = format!(
            r#"{{"role": {APP}, "table": {{"enabled": true, "forced": true}}, "command": "select", {ROW},
                "policies": [{{"name": "p", "using": "nope = 1"}}]}}"#
        );
        assert!(answer_json(&nonsense).unwrap_err().contains("column \"nope\" does not exist"));
    }
}
