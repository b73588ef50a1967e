//! Transactions of several sessions at once: what each sees, what it would wait for, and what is left of it. As
//! PostgreSQL 15.18 has them, with a `lock_timeout` in place of waiting.

use super::super::catalog::BOOTSTRAP_NAME;
use super::super::engine::Engine;
use super::super::recover::recover;
use super::super::session::Session;
use super::super::testing::{check, check_on, render};
use super::log::contents;
use crate::control::Controls;
use crate::wire::sql::Statement;
use proptest::prelude::{ProptestConfig, any, prop, prop_assert_eq, proptest};

const SETUP: &str = "postgres: create table t (id int8 primary key, n int8) -> 0
     postgres: insert into t values (1, 10), (2, 20) -> 2
     ";

/// A story of sessions of the superuser, `postgres` and `postgres/2`, with a table of two rows.
fn story(text: &str) {
    check(&format!("{SETUP}{text}"));
}

#[test]
fn nobody_sees_what_is_not_committed_but_whoever_did_it() {
    story(
        "postgres: begin -> 0
         postgres: insert into t values (3, 30) -> 1
         postgres: update t set n = 11 where id = 1 -> 1
         postgres: delete from t where id = 2 -> 1
         postgres: select * from t -> (1,11) (3,30)
         postgres/2: select * from t -> (1,10) (2,20)
         postgres/2: select n from t where id = 1 -> (10)
         postgres/2: select count(*) from t where id = 3 -> (0)
         postgres/2: select n from t where id = 2 -> (20)
         postgres: rollback -> 0
         postgres/2: select * from t -> (1,10) (2,20)
         postgres: select * from t -> (1,10) (2,20)",
    );
}

#[test]
fn a_read_is_repeatable_where_that_was_asked_for() {
    let reads = |begin: &str, later: &str| {
        story(&format!(
            "postgres: {begin} -> 0
             postgres: select n from t where id = 1 -> (10)
             postgres/2: update t set n = 11 where id = 1 -> 1
             postgres/2: delete from t where id = 2 -> 1
             postgres/2: insert into t values (3, 30) -> 1
             postgres: select * from t -> {later}
             postgres: select count(*) from t where id >= 2 -> (1)
             postgres: commit -> 0
             postgres: select * from t -> (1,11) (3,30)"
        ));
    };
    reads("begin", "(1,11) (3,30)");
    reads("begin isolation level repeatable read", "(1,10) (2,20)");
}

#[test]
fn a_snapshot_is_taken_by_the_first_statement_that_looks_even_one_that_fails() {
    story(
        "postgres: begin isolation level repeatable read -> 0
         postgres: set local app.x = '1' -> 0
         postgres: savepoint s -> 0
         postgres/2: update t set n = 11 where id = 1 -> 1
         postgres: select n from nowhere -> 42P01
         postgres/2: update t set n = 12 where id = 1 -> 1
         postgres: rollback to s -> 0
         postgres: select n from t where id = 1 -> (11)",
    );
}

#[test]
fn phantoms_come_between_statements_and_not_between_those_of_one_snapshot() {
    story(
        "postgres/2: begin -> 0
         postgres/2: insert into t values (3, 30) -> 1
         postgres: begin isolation level repeatable read -> 0
         postgres: select count(*) from t where n >= 20 -> (1)
         postgres/2: commit -> 0
         postgres: select count(*) from t where n >= 20 -> (1)
         postgres: update t set n = n + 1 where n >= 20 -> 1
         postgres: select * from t -> (1,10) (2,21)
         postgres: commit -> 0
         postgres: select * from t -> (1,10) (2,21) (3,30)",
    );
}

#[test]
fn an_update_is_lost_to_nobody() {
    story(
        "postgres: begin -> 0
         postgres: update t set n = n + 1 where id = 1 -> 1
         postgres/2: update t set n = n + 1 where id = 1 -> 55P03
         postgres/2: delete from t -> 55P03
         postgres/2: update t set n = n + 1 where id = 2 -> 1
         postgres: commit -> 0
         postgres/2: update t set n = n + 1 where id = 1 -> 1
         postgres: begin isolation level repeatable read -> 0
         postgres: select n from t where id = 1 -> (12)
         postgres/2: update t set n = n + 1 where id = 1 -> 1
         postgres: update t set n = n + 1 where id = 1 -> 40001
         postgres: rollback -> 0
         postgres: begin isolation level repeatable read -> 0
         postgres: select * from t -> (1,13) (2,21)
         postgres/2: delete from t where id = 1 -> 1
         postgres: delete from t where id = 1 -> 40001",
    );
}

#[test]
fn write_skew_passes_at_repeatable_read() {
    story(
        "postgres: begin isolation level repeatable read -> 0
         postgres/2: begin isolation level repeatable read -> 0
         postgres: select count(*) from t -> (2)
         postgres/2: select count(*) from t -> (2)
         postgres: delete from t where id = 1 -> 1
         postgres/2: delete from t where id = 2 -> 1
         postgres: commit -> 0
         postgres/2: select * from t -> (1,10)
         postgres/2: commit -> 0
         postgres: select * from t -> none",
    );
}

#[test]
fn a_policy_sees_the_snapshot_of_its_statement() {
    check(
        "postgres: create role app login -> 0
         postgres: create table t (id int8 primary key, tenant text) -> 0
         postgres: alter table t enable row level security -> 0
         postgres: create policy p on t using (tenant = current_setting('app.tenant_id', true)) -> 0
         postgres: grant all on t to app -> 0
         postgres: insert into t values (1, 'acme'), (2, 'acme'), (3, 'beta') -> 3
         app: set app.tenant_id = 'acme' -> 0
         app/2: set app.tenant_id = 'beta' -> 0
         app: begin isolation level repeatable read -> 0
         app: select id from t -> (1) (2)
         postgres: begin -> 0
         postgres: update t set tenant = 'beta' where id = 2 -> 1
         app/2: select id from t -> (3)
         app/2: delete from t where id = 2 -> 0
         postgres: commit -> 0
         app: select * from t -> (1,acme) (2,acme)
         app/2: select id from t -> (2) (3)
         app: update t set tenant = 'beta' where id = 2 -> 42501
         app: rollback -> 0
         app: begin isolation level repeatable read -> 0
         app: select id from t -> (1)
         postgres: update t set tenant = 'beta' where id = 1 -> 1
         app: update t set tenant = 'acme' -> 40001
         app: rollback -> 0
         app: update t set tenant = 'acme' -> 0",
    );
}

#[test]
fn a_savepoint_undoes_what_is_its_own_between_commits_of_others() {
    story(
        "postgres: begin -> 0
         postgres: update t set n = 11 where id = 1 -> 1
         postgres: savepoint s -> 0
         postgres: update t set n = 12 where id = 1 -> 1
         postgres: update t set n = 21 where id = 2 -> 1
         postgres: insert into t values (3, 30) -> 1
         postgres/2: insert into t values (4, 40) -> 1
         postgres: rollback to s -> 0
         postgres/2: update t set n = 22 where id = 2 -> 1
         postgres/2: insert into t values (3, 31) -> 1
         postgres/2: update t set n = 0 where id = 1 -> 55P03
         postgres: select * from t -> (1,11) (2,22) (3,31) (4,40)
         postgres: insert into t values (5, 50) -> 1
         postgres: delete from t where id = 4 -> 1
         postgres/2: select * from t -> (1,10) (2,22) (3,31) (4,40)
         postgres: commit -> 0
         postgres/2: select * from t -> (1,11) (2,22) (3,31) (5,50)",
    );
}

#[test]
fn a_key_that_another_transaction_has_touched_waits_for_its_end() {
    story(
        "postgres: begin -> 0
         postgres: insert into t values (3, 30) -> 1
         postgres: update t set id = 4 where id = 3 -> 1
         postgres: update t set id = 5 where id = 2 -> 1
         postgres: update t set n = 11 where id = 1 -> 1
         postgres/2: insert into t values (4, 0) -> 55P03
         postgres/2: insert into t values (3, 0) -> 55P03
         postgres/2: insert into t values (2, 0) -> 55P03
         postgres/2: insert into t values (5, 0) on conflict do nothing -> 55P03
         postgres/2: insert into t values (1, 0) -> 55P03
         postgres/2: insert into t values (6, 0) -> 1
         postgres/2: update t set id = 4 where id = 6 -> 55P03
         postgres: commit -> 0
         postgres/2: insert into t values (3, 0), (2, 0) -> 2
         postgres/2: insert into t values (4, 0) -> 23505
         postgres/2: insert into t values (4, 0) on conflict do nothing -> 0",
    );
}

#[test]
fn a_key_is_taken_whatever_a_snapshot_shows() {
    story(
        "postgres: begin isolation level repeatable read -> 0
         postgres: select count(*) from t -> (2)
         postgres/2: delete from t where id = 2 -> 1
         postgres/2: insert into t values (3, 30) -> 1
         postgres: savepoint s -> 0
         postgres: insert into t values (3, 0) -> 23505
         postgres: rollback to s -> 0
         postgres: insert into t values (3, 0) on conflict do nothing -> 40001
         postgres: rollback to s -> 0
         postgres: insert into t values (1, 0) on conflict do nothing -> 0
         postgres: insert into t values (2, 0) -> 1
         postgres: select n from t where id = 2 -> (0) (20)
         postgres: commit -> 0
         postgres: select * from t -> (1,10) (3,30) (2,0)",
    );
}

const FAMILY: &str = "postgres: create table p (id int8 primary key, n int8) -> 0
     postgres: create table c (id int8 primary key, of int8 references p) -> 0
     postgres: insert into p values (1, 0), (2, 0), (3, 0) -> 3
     postgres: insert into c values (1, 1) -> 1
     ";

#[test]
fn who_refers_waits_for_who_takes_away_and_the_other_way_round() {
    check(&format!(
        "{FAMILY}postgres: begin -> 0
         postgres: delete from p where id = 2 -> 1
         postgres: update p set id = 4 where id = 3 -> 1
         postgres: update p set n = 1 where id = 1 -> 1
         postgres: insert into p values (5, 0) -> 1
         postgres/2: insert into c values (2, 2) -> 55P03
         postgres/2: insert into c values (2, 3) -> 55P03
         postgres/2: insert into c values (2, 5) -> 23503
         postgres/2: insert into c values (2, 1) -> 1
         postgres: rollback -> 0
         postgres: begin -> 0
         postgres: savepoint s -> 0
         postgres: insert into c values (3, 3) -> 1
         postgres/2: delete from p where id = 3 -> 55P03
         postgres/2: update p set id = 4 where id = 3 -> 55P03
         postgres/2: update p set n = 1 where id = 3 -> 1
         postgres: rollback to s -> 0
         postgres/2: delete from p where id = 3 -> 1
         postgres: delete from c where of = 1 -> 2
         postgres/2: delete from p where id = 1 -> 55P03
         postgres: commit -> 0
         postgres/2: delete from p where id = 1 -> 1"
    ));
}

#[test]
fn a_foreign_key_looks_for_its_row_in_the_snapshot_and_for_those_that_refer_in_what_is_committed() {
    check(&format!(
        "{FAMILY}postgres: begin isolation level repeatable read -> 0
         postgres: savepoint s -> 0
         postgres: select count(*) from c -> (1)
         postgres/2: insert into p values (5, 0) -> 1
         postgres/2: delete from p where id = 3 -> 1
         postgres/2: update p set n = 1 where id = 2 -> 1
         postgres/2: insert into c values (2, 2) -> 1
         postgres: insert into c values (3, 5) -> 23503
         postgres: rollback to s -> 0
         postgres: insert into c values (3, 3) -> 40001
         postgres: rollback to s -> 0
         postgres: insert into c values (3, 2) -> 1
         postgres: rollback to s -> 0
         postgres: delete from p where id = 2 -> 40001
         postgres: rollback to s -> 0
         postgres/2: delete from c where id = 1 -> 1
         postgres: select * from c -> (1,1)
         postgres: delete from p where id = 1 -> 1"
    ));
}

#[test]
fn what_has_failed_holds_nothing_but_what_came_before_its_savepoint() {
    story(
        "postgres: begin -> 0
         postgres: update t set n = 11 where id = 1 -> 1
         postgres: select nope -> 42703
         postgres/2: update t set n = 12 where id = 1 -> 1
         postgres: select 1 -> 25P02
         postgres: commit -> 0
         postgres: begin -> 0
         postgres: update t set n = 13 where id = 1 -> 1
         postgres: savepoint s -> 0
         postgres: update t set n = 23 where id = 2 -> 1
         postgres: select nope -> 42703
         postgres/2: update t set n = 22 where id = 2 -> 1
         postgres/2: update t set n = 14 where id = 1 -> 55P03
         postgres: rollback to s -> 0
         postgres: commit -> 0
         postgres/2: select * from t -> (1,13) (2,22)",
    );
}

#[test]
fn definitions_and_truncations_are_for_those_who_are_alone() {
    story(
        "postgres: begin -> 0
         postgres: select 1 -> (1)
         postgres/2: create table u (a int8) -> 0
         postgres: select count(*) from u -> (0)
         postgres/2: create table v (a int8) -> 0A000
         postgres/2: truncate t -> 0A000
         postgres: commit -> 0
         postgres: begin -> 0
         postgres: truncate t -> 0
         postgres: insert into t values (9, 9) -> 1
         postgres/2: select count(*) from t -> 0A000
         postgres/2: select 1 -> (1)
         postgres/2: begin isolation level repeatable read -> 0
         postgres/2: select 1 -> 0A000
         postgres/2: rollback -> 0
         postgres: rollback -> 0
         postgres/2: select * from t -> (1,10) (2,20)",
    );
}

#[test]
fn a_serialisable_transaction_is_alone_or_refused() {
    story(
        "postgres: begin isolation level serializable -> 0
         postgres: select count(*) from t -> (2)
         postgres/2: select count(*) from t -> (2)
         postgres/2: update t set n = 11 where id = 1 -> 1
         postgres: select count(*) from t -> 0A000
         postgres: rollback -> 0
         postgres/2: begin -> 0
         postgres/2: update t set n = 12 where id = 1 -> 1
         postgres: begin isolation level serializable -> 0
         postgres: select count(*) from t -> 0A000",
    );
}

fn run(engine: &mut Engine, session: &mut Session, sql: &str) -> String {
    let mut replies = Vec::new();
    engine.execute(session, &Controls::all_on(), &Statement::new(sql, Vec::new()), &mut replies);
    replies.iter().map(render).collect::<Vec<_>>().join(" / ")
}

fn superuser(engine: &mut Engine) -> Session {
    engine.connect(BOOTSTRAP_NAME).expect("the bootstrap role may log in")
}

/// An engine with the two rows of [`SETUP`].
fn two_rows() -> Engine {
    let mut engine = Engine::default();
    check_on(&mut engine, &Controls::all_on(), SETUP);
    engine
}

#[test]
fn a_connection_that_is_closed_leaves_nothing_open() {
    let mut engine = two_rows();
    let (mut gone, mut stays) = (superuser(&mut engine), superuser(&mut engine));
    run(&mut engine, &mut gone, "begin; delete from t; insert into t values (3, 30)");
    assert_eq!(run(&mut engine, &mut stays, "update t set n = 1 where id = 1"), "55P03");
    engine.close(gone);
    assert_eq!(run(&mut engine, &mut stays, "update t set n = n + 1"), "2");
    assert_eq!(run(&mut engine, &mut stays, "select * from t"), "(1,11) (2,21)");
}

#[test]
fn the_store_shows_oracles_and_bases_what_is_committed() {
    let mut engine = two_rows();
    let before = contents(&engine);
    let mut session = superuser(&mut engine);
    run(
        &mut engine,
        &mut session,
        "begin; update t set n = 0; insert into t values (3, 30); delete from t where id = 1",
    );
    assert_eq!(contents(&engine), before);
    assert_eq!(contents(&Engine::from_base(&engine.to_base()).expect("the base is whole")), before);
    run(&mut engine, &mut session, "truncate t; insert into t values (4, 40)");
    assert_eq!(contents(&engine), before);
    run(&mut engine, &mut session, "commit");
    assert_eq!(contents(&engine).len(), 1);
}

#[test]
fn a_place_is_not_given_away_while_a_snapshot_shows_its_row() {
    let mut engine = two_rows();
    let (mut old, mut new) = (superuser(&mut engine), superuser(&mut engine));
    run(&mut engine, &mut old, "begin isolation level repeatable read; select 1");
    for n in 0..20 {
        run(&mut engine, &mut new, &format!("delete from t where n > 10; insert into t values ({}, 30)", 3 + n));
    }
    assert_eq!(run(&mut engine, &mut old, "select * from t"), "(1,10) (2,20)");
    run(&mut engine, &mut old, "commit");
    assert_eq!(run(&mut engine, &mut old, "select * from t"), "(1,10) (22,30)");
    // From now on the places of the nineteen that came and went are used again.
    let places = |engine: &Engine| engine.stores.last().expect("there is a table").places().count();
    let before = places(&engine);
    run(&mut engine, &mut new, "insert into t values (31, 0), (32, 0), (33, 0)");
    assert_eq!(places(&engine), before);
}

/// What a session does, by a draw; ids are few, so sessions meet.
fn act(draw: u32) -> String {
    let (what, id, n) = (draw % 16, draw / 16 % 7, draw / 112 % 50);
    match what {
        0 | 1 => "begin".into(),
        2 => "begin isolation level repeatable read".into(),
        3 | 4 => "commit".into(),
        5 => "rollback".into(),
        6 => "savepoint s".into(),
        7 => "rollback to s".into(),
        8..=10 => format!("insert into t values ({id}, {n})"),
        11 | 12 => format!("update t set n = {n} where id = {id}"),
        13 => format!("update t set id = {} where id = {id}", n % 7),
        14 => format!("delete from t where id = {id}"),
        _ => "select * from t".into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_standby_has_what_the_primary_has_committed_however_sessions_interleave(
        acts in prop::collection::vec((0usize..3, any::<u32>()), 1..80),
    ) {
        let base = two_rows().to_base();
        let begin = || Engine::from_base(&base).expect("the base is whole");
        let (mut engine, mut standby) = (begin(), begin());
        let from = engine.log_end();
        let mut sessions: Vec<Session> = (0..3).map(|_| superuser(&mut engine)).collect();
        let mut bytes = Vec::new();
        for (at, draw) in acts {
            run(&mut engine, &mut sessions[at], &act(draw));
            for (_, record) in engine.take_log() {
                bytes.extend_from_slice(&record);
            }
            let fresh = standby.log_end();
            let behind = &bytes[(fresh.0 - from.0) as usize..];
            standby = recover(&Controls::all_on(), standby, behind, fresh).expect("the log fits").engine;
            prop_assert_eq!(contents(&standby), contents(&engine));
        }
        let committed = contents(&engine);
        for session in sessions {
            engine.close(session);
        }
        prop_assert_eq!(contents(&engine), committed);
        prop_assert_eq!(standby.log_end(), engine.log_end());
        let whole = recover(&Controls::all_on(), begin(), &bytes, from).expect("the log fits");
        prop_assert_eq!(contents(&whole.engine), contents(&engine));
    }
}
