//! Row security: a matrix from the documentation, and the corners that are only in the server's source.

use super::super::engine::Engine;
use super::super::rls::{FORCE_RLS, ROW_LEVEL_SECURITY, WITH_CHECK};
use super::super::testing::{check, check_on, without};
use crate::control::{Control, Controls};

const ROLES: [&str; 5] = ["root", "bypass", "owner", "heir", "app"];

const SETUP: &str = "
    postgres: create role root login superuser -> 0
    postgres: create role bypass login bypassrls -> 0
    postgres: create role owner login -> 0
    postgres: create role heir login in role owner -> 0
    postgres: create role app login -> 0
    postgres: create table t (tenant text, id int8, primary key (tenant, id)) -> 0
    postgres: grant select, insert, update, delete on t to bypass, app -> 0
    postgres: alter table t owner to owner -> 0
    postgres: create policy p on t using (tenant = nullif(current_setting('app.tenant_id', true), '')) -> 0
    postgres: insert into t values ('a', 1), ('a', 2), ('b', 1) -> 3";

/// Chapter 5.8: superusers and roles with BYPASSRLS always bypass; owners too, unless the table forces it; everybody
/// else is subject once it is enabled.
fn subject(role: &str, enabled: bool, forced: bool) -> bool {
    match role {
        "root" | "bypass" => false,
        "owner" | "heir" => enabled && forced,
        _ => enabled,
    }
}

fn matrix(controls: &Controls, subject: impl Fn(&str, bool, bool) -> bool) {
    for role in ROLES {
        for (enabled, forced) in [(false, false), (false, true), (true, false), (true, true)] {
            let enable = if enabled { "enable" } else { "disable" };
            let force = if forced { "force" } else { "no force" };
            let subject = subject(role, enabled, forced);
            let either = |hidden: &'static str, open: &'static str| if subject { hidden } else { open };
            let truncates = if matches!(role, "root" | "owner" | "heir") { "0" } else { "42501" };
            let cases = [
                ("select tenant, id from t order by 1, 2", either("(a,1) (a,2)", "(a,1) (a,2) (b,1)")),
                ("select count(*) from t", either("(2)", "(3)")),
                ("select id from t where tenant = 'b'", either("none", "(1)")),
                ("insert into t values ('a', 9)", "1"),
                ("insert into t values ('b', 9)", either("42501", "1")),
                ("insert into t values ('b', 1)", either("42501", "23505")),
                ("insert into t values ('a', 1) on conflict do nothing", "0"),
                ("update t set id = id + 10", either("2", "3")),
                ("update t set id = 7 where tenant = 'b'", either("0", "1")),
                ("update t set tenant = 'b', id = 7 where id = 2", either("42501", "1")),
                ("delete from t", either("2", "3")),
                ("delete from t where tenant = 'b'", either("0", "1")),
                ("truncate t", truncates),
            ];
            for (sql, expected) in cases {
                let line = format!(
                    "{SETUP}
                     postgres: alter table t {enable} row level security -> 0
                     postgres: alter table t {force} row level security -> 0
                     {role}: begin -> 0
                     {role}: set local app.tenant_id = 'a' -> 0
                     {role}: {sql} -> {expected}
                     {role}: rollback -> 0
                     postgres: select count(*) from t -> (3)"
                );
                check_on(&mut Engine::default(), controls, &line);
            }
        }
    }
}

#[test]
fn who_is_subject_to_policies_is_as_documented_for_every_role_table_and_command() {
    matrix(&Controls::all_on(), subject);
}

#[test]
fn without_row_security_nobody_is_subject() {
    matrix(&without(&[&ROW_LEVEL_SECURITY]), |_, _, _| false);
}

#[test]
fn without_force_the_owner_and_its_heirs_are_exempt_and_nobody_else() {
    matrix(&without(&[&FORCE_RLS]), |role, enabled, _| subject(role, enabled, false));
}

#[test]
fn an_unset_or_empty_tenant_has_no_rows_and_writes_none() {
    check(&format!(
        "{SETUP}
         postgres: alter table t enable row level security -> 0
         app: select * from t -> none
         app: select count(*) from t -> (0)
         app: insert into t values ('a', 3) -> 42501
         app: update t set id = 5 -> 0
         app: delete from t -> 0
         app: set app.tenant_id = '' -> 0
         app: select * from t -> none
         app: insert into t values ('', 3) -> 42501
         app: set app.tenant_id = 'a' -> 0
         app: select count(*) from t -> (2)"
    ));
}

const PLANTING: &str = "
    app: set app.tenant_id = 'a' -> 0
    app: insert into t values ('b', 5) -> EXPECTED
    app: insert into t values ('b', 6) returning id -> 42501
    app: insert into t values ('b', 7) on conflict (tenant, id) do nothing -> 42501
    app: update t set tenant = 'b' where id = 2 -> 42501
    app: delete from t where tenant = 'b' -> 0";

fn planting(off: &[&Control], expected: &str) {
    let setup = format!("{SETUP}\n postgres: alter table t enable row level security -> 0");
    check_on(&mut Engine::default(), &without(off), &format!("{setup}{}", PLANTING.replace("EXPECTED", expected)));
}

#[test]
fn without_a_check_a_tenant_can_plant_rows_but_still_not_move_or_see_others() {
    planting(&[], "42501");
    planting(&[&WITH_CHECK], "1");
}

#[test]
fn a_policy_with_check_true_behaves_as_the_server_in_statements_that_do_not_read() {
    check(
        "postgres: create role app login -> 0
         postgres: create table t (tenant text, id int8) -> 0
         postgres: grant select, insert, update on t to app -> 0
         postgres: alter table t enable row level security -> 0
         postgres: create policy p on t using (tenant = current_setting('app.tenant_id', true)) with check (true) -> 0
         postgres: insert into t values ('a', 1), ('b', 1) -> 2
         app: set app.tenant_id = 'a' -> 0
         app: update t set tenant = 'b', id = id + 1 -> 42501
         app: update t set tenant = 'b', id = 11 returning 1 -> (1)
         app: select * from t -> none
         postgres: select * from t order by id -> (b,1) (b,11)",
    );
}

#[test]
fn permissive_policies_are_or_ed_restrictive_ones_and_ed_and_alone_admit_nothing() {
    check(
        "postgres: create role app login -> 0
         postgres: create table t (a int8) -> 0
         postgres: grant select, insert on t to app -> 0
         postgres: insert into t values (1), (2), (3), (4) -> 4
         postgres: alter table t enable row level security -> 0
         app: select a from t -> none
         app: insert into t values (1) -> 42501
         postgres: create policy r on t as restrictive using (a > 1) -> 0
         app: select a from t -> none
         postgres: create policy p1 on t using (a = 1 or a = 2) -> 0
         app: select a from t -> (2)
         postgres: create policy p2 on t for select using (a = 3) -> 0
         app: select a from t -> (2) (3)
         app: insert into t values (3) -> 42501
         app: insert into t values (2) -> 1
         app: insert into t values (1) -> 42501
         postgres: create policy p3 on t to postgres using (true) -> 0
         app: select count(*) from t where a = 4 -> (0)
         postgres: drop policy r on t -> 0
         app: select a from t where a < 3 order by a -> (1) (2) (2)
         postgres: create policy p1 on t -> 42710
         postgres: create policy q on t for insert using (true) -> 42601
         postgres: create policy q on t for delete with check (true) -> 42601
         postgres: create policy q on t to nope -> 42704
         postgres: create policy q on t using (1) -> 42804
         postgres: create policy q on t using (nope = 1) -> 42703",
    );
}

#[test]
fn each_command_has_its_own_policies_and_reading_adds_those_of_select() {
    check(
        "postgres: create role app login -> 0
         postgres: create table t (a int8) -> 0
         postgres: grant select, insert, update, delete on t to app -> 0
         postgres: insert into t values (1), (2), (3) -> 3
         postgres: alter table t enable row level security -> 0
         postgres: create policy s on t for select using (a <= 2) -> 0
         postgres: create policy u on t for update using (a >= 2) with check (a < 10) -> 0
         postgres: create policy d on t for delete using (a = 3) -> 0
         app: update t set a = 5 where a = 2 -> 42501
         app: update t set a = 12 -> 42501
         app: update t set a = 2 where a >= 2 -> 1
         app: delete from t where a = 3 -> 0
         app: delete from t -> 1
         app: insert into t values (1) -> 42501
         postgres: select a from t order by a -> (1) (2)",
    );
}

#[test]
fn a_unique_key_betrays_a_row_that_policies_hide() {
    check(
        "postgres: create role app login -> 0
         postgres: create table t (id int8 primary key, tenant text) -> 0
         postgres: grant select, insert, update on t to app -> 0
         postgres: insert into t values (1, 'b') -> 1
         postgres: alter table t enable row level security -> 0
         postgres: create policy p on t using (tenant = current_setting('app.tenant_id', true)) -> 0
         app: set app.tenant_id = 'a' -> 0
         app: select * from t where id = 1 -> none
         app: insert into t values (1, 'a') -> 23505
         app: insert into t values (1, 'a') on conflict do nothing -> 0
         app: insert into t values (2, 'a') -> 1
         app: update t set id = 1 where id = 2 -> 23505",
    );
}

#[test]
fn a_session_that_turns_row_security_off_gets_an_error_not_the_rows() {
    check(&format!(
        "{SETUP}
         postgres: alter table t enable row level security -> 0
         app: set row_security = off -> 0
         app: select * from t -> 42501
         app: update t set id = 9223372036854775807 + 1 -> 42501
         app: reset row_security -> 0
         app: update t set id = 9223372036854775807 + 1 -> 22003
         app: select * from t -> none
         bypass: set row_security = off -> 0
         bypass: select count(*) from t -> (3)"
    ));
}

#[test]
fn whoever_runs_sql_can_become_any_tenant_by_setting_it() {
    check(&format!(
        "{SETUP}
         postgres: alter table t enable row level security -> 0
         app: begin -> 0
         app: set local app.tenant_id = 'a' -> 0
         app: select set_config('app.tenant_id', 'b', true); select * from t -> (b) / (b,1)
         app: commit -> 0
         app: select * from t -> none"
    ));
}

#[test]
fn a_condition_of_the_client_never_runs_on_a_hidden_row() {
    check(
        "postgres: create role app login -> 0
         postgres: create table t (tenant text, secret text) -> 0
         postgres: grant select on t to app -> 0
         postgres: insert into t values ('a', '1'), ('b', 'not a number') -> 2
         postgres: alter table t enable row level security -> 0
         postgres: create policy p on t using (tenant = current_setting('app.tenant_id', true)) -> 0
         app: set app.tenant_id = 'a' -> 0
         app: select tenant from t where secret::int8 = 1 -> (a)
         postgres: select tenant from t where secret::int8 = 1 -> 22P02",
    );
}
