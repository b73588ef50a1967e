//! Pooled sessions: what one transaction leaves for the next.

use super::super::engine::Engine;
use super::super::pool::{Pool, SET_LOCAL};
use super::super::reference::{APP, OWNER, SHARED, Seed};
use super::super::rls::{FORCE_RLS, ROW_LEVEL_SECURITY, WITH_CHECK};
use super::super::testing::{render, without};
use crate::control::{Control, Controls};
use crate::ids::TenantId;
use crate::wire::sql::{Outcome, Statement, Value};
use std::sync::Arc;

/// The reference engine with records 1 and 2 of `acme`, and 1 of `beta`.
pub fn loaded() -> Engine {
    let mut engine = Engine::reference();
    for (tenant, id) in [("acme", 1), ("acme", 2), ("beta", 1)] {
        let (kind, label, body) = (&Arc::from("audit"), &Arc::from("pii"), &Arc::from(format!("{tenant}'s {id}")));
        let contact = &Arc::from("");
        engine.load(SHARED, Seed { tenant: &Arc::from(tenant), id, kind, level: 2, label, body, contact });
    }
    engine
}

struct Stage {
    engine: Engine,
    pool: Pool,
    controls: Controls,
}

impl Stage {
    fn new(login: &str, size: u16, off: &[&Control]) -> Stage {
        let mut engine = loaded();
        let pool = Pool::open(&mut engine, size, login).expect("the login exists");
        Stage { engine, pool, controls: without(off) }
    }
    fn run(&mut self, tenant: Option<&str>, sql: &[&str]) -> Outcome {
        let tenant: Option<TenantId> = tenant.map(Arc::from);
        let statements: Vec<Statement> = sql.iter().map(|s| Statement::new(s, Vec::new())).collect();
        self.pool.run(&mut self.engine, &self.controls, 0, tenant.as_ref(), &statements)
    }
    /// Runs a transaction and compares its replies, joined by ` / `.
    fn check(&mut self, tenant: Option<&str>, sql: &[&str], expected: &str) {
        let outcome = self.run(tenant, sql);
        let got = outcome.replies.iter().map(render).collect::<Vec<_>>().join(" / ");
        assert_eq!(got, expected, "{tenant:?} {sql:?}\n{outcome:?}");
    }
}

const COUNT: &str = "select count(*) from records";

/// Every way to end a transaction, then an operation that forgets its tenant: the tenant that it runs as.
fn inherited(off: &[&Control]) -> Vec<String> {
    let endings: [&[&str]; 6] = [
        &[COUNT],
        &["insert into records values ('acme', 7, 'audit', 1, 'pii', 'x')"],
        &["savepoint s", "set local app.tenant_id = 'beta'", "rollback to s"],
        &["select nope"],
        &["commit"],
        &["rollback"],
    ];
    let tenant = "select current_setting('app.tenant_id', true)";
    endings
        .into_iter()
        .map(|ending| {
            let mut stage = Stage::new(APP, 1, off);
            stage.run(Some("beta"), &[COUNT]);
            stage.run(Some("acme"), ending);
            render(&stage.run(None, &[tenant]).replies[0])
        })
        .collect()
}

#[test]
fn an_operation_that_forgets_its_tenant_has_none_however_the_one_before_ended() {
    assert_eq!(inherited(&[]), ["()"; 6]);
    let mut stage = Stage::new(APP, 1, &[]);
    stage.check(Some("acme"), &[COUNT], "(2)");
    stage.check(None, &[COUNT], "(0)");
    stage.check(None, &["insert into records values ('acme', 7, 'audit', 1, 'pii', 'x')"], "42501");
}

#[test]
fn without_set_local_it_inherits_the_tenant_of_whoever_committed_last() {
    // A failed transaction takes its own SET back, and so uncovers the one before.
    assert_eq!(inherited(&[&SET_LOCAL]), ["(acme)", "(acme)", "(acme)", "(beta)", "(acme)", "(beta)"]);
    let mut stage = Stage::new(APP, 1, &[&SET_LOCAL]);
    stage.check(Some("acme"), &[COUNT], "(2)");
    stage.check(None, &["select body from records order by id"], "(acme's 1) (acme's 2)");
}

#[test]
fn a_leaked_setting_is_found_only_on_the_session_that_holds_it() {
    let mut stage = Stage::new(APP, 2, &[&SET_LOCAL]);
    let first = stage.pool.checkout(0).expect("two are free");
    let acme: TenantId = Arc::from("acme");
    stage.pool.run_in(&mut stage.engine, &stage.controls, first, Some(&acme), &[]);
    stage.check(None, &[COUNT], "(0)");
    stage.pool.checkin(first);
    let count = [Statement::new(COUNT, Vec::new())];
    let mut run = |draw| render(&stage.pool.run(&mut stage.engine, &stage.controls, draw, None, &count).replies[0]);
    assert_eq!(run(0), "(0)");
    assert_eq!(run(0), "(2)");
}

#[test]
fn what_a_client_sets_for_the_session_leaks_with_every_control_on() {
    let mut stage = Stage::new(APP, 1, &[]);
    stage.check(Some("acme"), &["select set_config('app.tenant_id', 'beta', false)"], "(beta)");
    stage.check(None, &["select body from records"], "(beta's 1)");
    stage.check(Some("acme"), &[COUNT], "(2)");
}

#[test]
fn an_injected_commit_ends_the_tenant_too() {
    let mut stage = Stage::new(APP, 1, &[]);
    stage.check(Some("acme"), &["commit; select count(*) from records", COUNT], "0 / (0) / (0)");
}

#[test]
fn an_error_rolls_the_transaction_back_and_the_next_one_starts_clean() {
    let mut stage = Stage::new(APP, 1, &[]);
    let insert = "insert into records values ('acme', 7, 'audit', 1, 'pii', 'x')";
    stage.check(Some("acme"), &[insert, "select nope", COUNT], "1 / 42703 / 25P02");
    stage.check(Some("acme"), &[COUNT], "(2)");
    let outcome = stage.run(Some("acme"), &[insert]);
    assert_eq!(outcome.committed, Some(stage.engine.log_end()));
    assert_eq!(stage.run(Some("acme"), &[COUNT]).committed, None);
}

#[test]
fn the_reference_schema_isolates_the_service_and_the_owner_alike() {
    for login in [APP, OWNER] {
        let mut stage = Stage::new(login, 1, &[]);
        stage.check(Some("acme"), &["select body from records order by id"], "(acme's 1) (acme's 2)");
        stage.check(Some("beta"), &["select body from records where id = 1"], "(beta's 1)");
        stage.check(Some("acme"), &["insert into records values ('beta', 9, 'a', 1, 'l', 'x')"], "42501");
        stage.check(Some("acme"), &["update records set tenant_id = 'beta' where id = 2"], "42501");
        stage.check(Some("acme"), &["delete from records where tenant_id = 'beta'"], "0");
    }
}

#[test]
fn each_control_of_the_schema_guards_exactly_its_own_door() {
    let counts = |login: &str, off: &[&Control]| {
        let outcome = Stage::new(login, 1, off).run(Some("acme"), &[COUNT]);
        render(&outcome.replies[0])
    };
    assert_eq!(counts(APP, &[&ROW_LEVEL_SECURITY]), "(3)");
    assert_eq!(counts(APP, &[&FORCE_RLS]), "(2)");
    assert_eq!(counts(OWNER, &[&FORCE_RLS]), "(3)");
    assert_eq!(counts(APP, &[&WITH_CHECK]), "(2)");
    let plant = ["insert into records values ('beta', 9, 'a', 1, 'l', 'planted')"];
    Stage::new(APP, 1, &[&FORCE_RLS]).check(Some("acme"), &plant, "42501");
    let mut stage = Stage::new(APP, 1, &[&WITH_CHECK]);
    stage.check(Some("acme"), &plant, "1");
    stage.check(Some("beta"), &["select body from records order by id"], "(beta's 1) (planted)");
}

#[test]
fn the_request_log_is_append_only_for_the_service() {
    let mut stage = Stage::new(APP, 1, &[]);
    let append = "insert into request_log values ('acme', 1, 5, 'alice', 'GET /', '', 'h', 's')";
    stage.check(Some("acme"), &[append, "select actor from request_log"], "1 / (alice)");
    stage.check(Some("beta"), &["select actor from request_log"], "none");
    stage.check(Some("beta"), &[append], "42501");
    for change in ["update request_log set actor = 'bob'", "delete from request_log", "truncate request_log"] {
        stage.check(Some("acme"), &[change], "42501");
    }
    let mut owner = Stage::new(OWNER, 1, &[]);
    owner.check(Some("acme"), &["update request_log set actor = 'bob'", "delete from request_log"], "0 / 0");
}

#[test]
fn parameters_take_the_type_that_the_statement_gives_them() {
    let mut stage = Stage::new(APP, 1, &[]);
    let acme: TenantId = Arc::from("acme");
    let mut run = |sql: &str, params: Vec<Value>| {
        let statement = [Statement::new(sql, params)];
        render(&stage.pool.run(&mut stage.engine, &stage.controls, 0, Some(&acme), &statement).replies[0])
    };
    let by_key = "select body from records where tenant_id = $1 and id = $2";
    assert_eq!(run(by_key, vec![Value::text("acme"), Value::Int(2)]), "(acme's 2)");
    assert_eq!(run(by_key, vec![Value::text("acme"), Value::text("2")]), "(acme's 2)");
    assert_eq!(run(by_key, vec![Value::text("acme"), Value::text("x")]), "22P02");
    assert_eq!(run(by_key, vec![Value::text("beta"), Value::Int(1)]), "none");
    assert_eq!(run(by_key, vec![Value::text("' or true --"), Value::Int(1)]), "none");
    assert_eq!(run(by_key, vec![Value::text("acme")]), "08P01");
    assert_eq!(run("select $1; select 1", vec![Value::Null]), "42601");
    assert_eq!(run("select id from records where id = $1", vec![Value::Null]), "none");
}
