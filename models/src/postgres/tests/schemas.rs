//! Schemas: what a name means to whom, and what is said to those who may not ask. Chapters 5.9 and 20.11.1, and
//! `namespace.c` for the corners.

use super::super::engine::Engine;
use super::super::namespace::SCHEMA_USAGE;
use super::super::recover::recover;
use super::super::system::CATALOGUE_READS;
use super::super::testing::{check, check_on, without};
use super::super::wal::LOG_START;
use crate::control::Controls;

const SETUP: &str = "
    postgres: create role owner login -> 0
    postgres: create role app login -> 0
    postgres: create role near login -> 0
    postgres: create schema near authorization owner -> 0
    postgres: create schema far authorization owner -> 0
    postgres: grant usage on schema near to app, near -> 0
    postgres: create table public.t (n int8) -> 0
    postgres: create table near.t (n int8) -> 0
    postgres: create table far.t (n int8) -> 0
    postgres: insert into public.t values (0) -> 1
    postgres: insert into near.t values (1) -> 1
    postgres: insert into far.t values (2) -> 1
    postgres: grant select on public.t, near.t, far.t to app, near -> 0";

fn with(rest: &str) -> String {
    format!("{SETUP}{rest}")
}

#[test]
fn a_name_is_looked_for_along_the_path_and_what_may_not_be_used_is_passed_over() {
    check(&with(
        "
        app: select n from t -> (0)
        app: set search_path = near, public -> 0
        app: select n from t -> (1)
        app: set search_path to far, near -> 0
        app: select n from t -> (1)
        app: set search_path = far -> 0
        app: select n from t -> 42P01
        app: set search_path = nowhere, public -> 0
        app: select n from t -> (0)
        app: set search_path = '' -> 0
        app: select n from t -> 42P01
        app: reset search_path -> 0
        app: select n from t -> (0)
        near: select n from t -> (1)
        postgres: set search_path = far -> 0
        postgres: select n from t -> (2)",
    ));
}

#[test]
fn a_path_is_shown_as_it_was_put_together_and_ends_with_its_transaction_when_it_is_local() {
    check(&with(
        "
        app: show search_path -> (\"$user\", public)
        app: set search_path = 'near, far' -> 0
        app: show search_path -> (\"near, far\")
        app: select set_config('search_path', 'near, far', false) -> (near, far)
        app: select n from t -> (1)
        app: select set_config('search_path', 'near,', false) -> 22023
        app: begin -> 0
        app: set local search_path = public -> 0
        app: select n from t -> (0)
        app: commit -> 0
        app: select n from t -> (1)
        app: begin -> 0
        app: set search_path = public -> 0
        app: rollback -> 0
        app: select n from t -> (1)
        app: discard all -> 0
        app: select n from t -> (0)",
    ));
}

#[test]
fn a_named_schema_is_refused_to_those_who_may_not_use_it_and_missing_to_nobody_else() {
    check(&with(
        "
        app: select n from near.t -> (1)
        app: select n from far.t -> 42501
        app: select n from nowhere.t -> 42P01
        app: select n from near.nothing -> 42P01
        app: truncate nowhere.t -> 3F000
        app: alter table nowhere.t enable row level security -> 3F000
        app: insert into far.t values (1) -> 42501
        app: delete from near.t -> 42501
        postgres: drop table nowhere.t -> 3F000
        postgres: drop table if exists nowhere.t -> 0
        postgres: drop table near.nothing -> 42P01
        postgres: revoke usage on schema public from public -> 0
        app: select n from t -> 42P01
        app: select n from public.t -> 42501",
    ));
}

#[test]
fn new_tables_come_into_the_first_schema_of_the_path_and_need_a_right_there() {
    check(&with(
        "
        owner: create table u (n int8) -> 42501
        owner: create table far.u (n int8) -> 0
        owner: set search_path = far, public -> 0
        owner: create table v (n int8) -> 0
        owner: create table v (n int8) -> 42P07
        owner: create table if not exists v (n int8) -> 0
        owner: set search_path = nowhere -> 0
        owner: create table w (n int8) -> 3F000
        owner: create table nowhere.w (n int8) -> 3F000
        owner: drop table far.t -> 0
        app: create table near.w (n int8) -> 42501
        postgres: grant create on schema near to app -> 0
        app: create table near.w (n int8) -> 0
        app: alter table near.w owner to app -> 0
        app: grant select on near.w to near -> 0
        near: select * from w -> none",
    ));
}

#[test]
fn schemas_are_made_by_superusers_and_dropped_by_owners() {
    check(&with(
        "
        app: create schema mine -> 42501
        postgres: create schema near -> 42P06
        postgres: create schema if not exists near -> 0
        postgres: create schema pg_mine -> 42939
        postgres: create schema of_nobody authorization nobody -> 42704
        app: drop schema near -> 42501
        app: drop schema nowhere -> 3F000
        app: drop schema if exists nowhere -> 0
        owner: drop schema near -> 2BP01
        owner: drop schema near cascade -> 0
        app: select n from near.t -> 42P01
        app: grant usage on schema far to app -> 42501
        app: grant usage on schema public to app -> 0
        owner: grant select on schema far to app -> 0LP01
        owner: grant usage on schema far to app -> 0
        app: select n from far.t -> (2)",
    ));
}

#[test]
fn a_role_s_default_is_what_its_next_sessions_begin_with() {
    check(&with(
        "
        app/1: select n from t -> (0)
        postgres: alter role app set search_path = near -> 0
        app/1: select n from t -> (0)
        app/2: select n from t -> (1)
        app/2: set search_path = public -> 0
        app/2: select n from t -> (0)
        app/2: reset search_path -> 0
        app/2: select n from t -> (1)
        app/2: set search_path to default -> 0
        app/2: show search_path -> (near)
        app/2: alter role near set search_path = public -> 42501
        app/2: alter role app reset search_path -> 0
        app/3: select n from t -> (0)
        postgres: alter role app set app.tenant_id = 'acme' -> 0
        app/4: show app.tenant_id -> (acme)",
    ));
}

#[test]
fn the_catalogue_names_every_table_to_everybody_unless_it_is_closed() {
    let reads = "
        app: select schemaname, tablename from pg_tables order by 1 -> (far,t) (near,t) (public,t)
        app: select schemaname from pg_catalog.pg_tables where schemaname = 'far' -> (far)
        app: select table_schema, table_name from information_schema.tables order by 1 -> (far,t) (near,t) (public,t)
        postgres: create table far.hidden (n int8) -> 0
        app: select count(*) from pg_tables -> (4)
        app: select count(*) from information_schema.tables -> (3)
        app: delete from pg_tables -> 0A000
        postgres: revoke select on pg_catalog.pg_tables, information_schema.tables from public -> 0
        app: select count(*) from pg_tables -> 42501
        app: select count(*) from information_schema.tables -> 42501
        postgres: select count(*) from pg_tables -> (4)";
    check(&with(reads));
}

#[test]
fn a_schema_without_its_fence_and_a_catalogue_without_its_own_are_open() {
    let closed = with(
        "
        postgres: revoke select on pg_catalog.pg_tables from public -> 0",
    );
    let open = "
        app: select n from far.t -> (2)
        app: set search_path = far -> 0
        app: select n from t -> (2)";
    check_on(&mut Engine::default(), &without(&[&SCHEMA_USAGE]), &format!("{closed}{open}"));
    let read = "
        app: select count(*) from pg_tables -> (3)";
    check_on(&mut Engine::default(), &without(&[&CATALOGUE_READS]), &format!("{closed}{read}"));
}

#[test]
fn a_slice_finds_its_own_records_and_neither_side_reaches_the_other() {
    let mut engine = Engine::reference();
    let login = crate::wire::sql::Login { role: "plane_a".into(), password: "secret".into() };
    engine.add_slice("slice_a", &login);
    let row = "(tenant_id, id, kind, level, label, body) values ('acme', 7, 'k', 1, 'l', 'b')";
    let fixture = format!(
        "
        plane_a: set app.tenant_id = 'acme' -> 0
        plane_a: insert into records {row} -> 1
        plane_a: select count(*) from slice_a.records -> (1)
        plane_a: select count(*) from public.records -> 42501
        plane_a: select count(*) from pg_tables -> 42501
        app: set app.tenant_id = 'acme' -> 0
        app: select count(*) from records -> (0)
        app: select count(*) from slice_a.records -> 42501
        app: select count(*) from pg_tables -> 42501
        owner: set app.tenant_id = 'acme' -> 0
        owner: select count(*) from slice_a.records -> (1)"
    );
    check_on(&mut engine, &Controls::all_on(), &fixture);
    assert_eq!(engine.scan_store().map(|(table, _)| table.into_owned()).collect::<Vec<_>>(), ["slice_a.records"]);
    assert!(engine.admits("plane_a", "secret", true) && !engine.admits("plane_a", "guess", true));
    assert!(!engine.admits("app", "", true) && !engine.admits("nobody", "", false));
}

#[test]
fn definitions_mean_the_same_when_they_are_read_back_from_the_log() {
    let mut engine = Engine::default();
    let fixture = with(
        "
        owner: set search_path = far -> 0
        owner: create table here (n int8) -> 0
        owner: insert into here values (9) -> 1",
    );
    check_on(&mut engine, &Controls::all_on(), &fixture);
    let bytes: Vec<u8> = engine.take_log().iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
    let recovered = recover(&Controls::all_on(), Engine::default(), &bytes, LOG_START).expect("a whole log");
    let rows = |engine: &Engine| engine.scan_store().map(|(t, row)| format!("{t} {row:?}")).collect::<Vec<_>>();
    assert_eq!(rows(&recovered.engine), rows(&engine));
    assert!(rows(&engine).iter().any(|row| row.starts_with("far.here")));
}
