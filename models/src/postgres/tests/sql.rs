//! Statements, their results and their SQLSTATEs, as PostgreSQL 15.18 answers them.

use super::super::testing::check;

#[test]
fn a_query_filters_sorts_limits_and_counts() {
    check(
        "postgres: create table t (a int8 primary key, b text, c bool) -> 0
         postgres: insert into t values (1, 'x', true), (2, null, false), (3, 'y%', null) -> 3
         postgres: select * from t order by a desc -> (3,y%,null) (2,null,f) (1,x,t)
         postgres: select a from t where b like 'y\\%' or c -> (1) (3)
         postgres: select a from t where b is not null and not (a in (1, 2)) -> (3)
         postgres: select a from t where b <> 'x' -> (3)
         postgres: select a from t where a between 2 and 3 order by a limit 1 offset 1 -> (3)
         postgres: select b from t order by b -> (x) (y%) (null)
         postgres: select b from t order by b desc limit 1 -> (null)
         postgres: select count(*), count(b) from t where a > 1 -> (2,1)
         postgres: select x.a as n from t x where x.a = 2 -> (2)
         postgres: select t.* from public.t where a = 1 -> (1,x,t)
         postgres: select a from t where a not in (1, null) -> none
         postgres: select coalesce(b, 'none'), nullif(a, 2), a + 1, 'n' || a from t where a = 2 -> (none,null,3,n2)
         postgres: select a from t limit null -> (1) (2) (3)
         postgres: select count(*) -> (1)
         postgres: select 1 where false -> none",
    );
}

#[test]
fn writes_report_their_rows_and_constraints_their_violations() {
    check(
        "postgres: create table t (a int8 primary key, b text unique, c int8 not null default 7) -> 0
         postgres: insert into t (a, b) values (1, 'x'), (2, 'y') returning a, c -> (1,7) (2,7)
         postgres: insert into t values (1, 'z', 1) -> 23505
         postgres: insert into t values (3, 'x', 1) -> 23505
         postgres: insert into t values (3, null, 1), (4, null, 1) -> 2
         postgres: insert into t values (5, 'q', null) -> 23502
         postgres: insert into t values (1, 'x', 1) on conflict do nothing -> 0
         postgres: insert into t values (1, 'new', 1) on conflict (a) do nothing -> 0
         postgres: insert into t values (9, 'x', 1) on conflict (a) do nothing -> 23505
         postgres: insert into t values (9, 'x', 1) on conflict (c) do nothing -> 42P10
         postgres: update t set c = c + 1 where a < 3 returning a, c -> (1,8) (2,8)
         postgres: update t set b = 'y' where a = 1 -> 23505
         postgres: update t set a = a + 10 -> 4
         postgres: delete from t where a = 11 returning b -> (x)
         postgres: delete from t -> 3
         postgres: insert into t values (1, 'x', 1) -> 1
         postgres: truncate t -> 0
         postgres: select count(*) from t -> (0)",
    );
}

#[test]
fn mistakes_have_the_sqlstate_of_the_server() {
    check(
        "postgres: create table t (a int8 primary key, b text) -> 0
         postgres: create table t (a int8) -> 42P07
         postgres: select * from nope -> 42P01
         postgres: select nope from t -> 42703
         postgres: select x.a from t -> 42P01
         postgres: selec -> 42601
         postgres: select 1 + -> 42601
         postgres: select a from t where b = 1 -> 42883
         postgres: select a from t where a = 'abc' -> 22P02
         postgres: select a from t where b -> 42804
         postgres: select a, count(*) from t -> 42803
         postgres: select a from t order by 2 -> 42P10
         postgres: select a from t limit -1 -> 2201W
         postgres: select 9223372036854775807 + 1 -> 22003
         postgres: insert into t values ('x', 'y') -> 22P02
         postgres: insert into t values (1, 2, 3) -> 42601
         postgres: insert into t (a, b) values (1) -> 42601
         postgres: insert into t (a, a) values (1, 2) -> 42701
         postgres: insert into t (nope) values (1) -> 42703
         postgres: insert into t values (1, 2) -> 1
         postgres: update t set nope = 1 -> 42703
         postgres: update t set a = true -> 42804
         postgres: update t set a = 1, a = 2 -> 42601
         postgres: select * -> 42601
         postgres: select $1 -> 42P02
         postgres: set nope = 1 -> 42704
         postgres: show app.tenant_id -> 42704
         postgres: select current_setting('app.tenant_id') -> 42704
         postgres: set role nope -> 22023",
    );
}

#[test]
fn what_is_not_modelled_is_refused_and_never_ignored() {
    check(
        "postgres: create table t (a int8 primary key, b text) -> 0
         postgres: select a from t for update -> 0A000
         postgres: select sqrt(a) from t -> 0A000
         postgres: select a from t, t u -> 0A000
         postgres: select distinct b from t -> 0A000
         postgres: select b from t group by b -> 0A000
         postgres: with x as (select 1) select 1 -> 0A000
         postgres: select a from t union select 1 -> 0A000
         postgres: select (select 1) -> 0A000
         postgres: select a from t where exists (select 1) -> 0A000
         postgres: select set_config('app.x', '1', true) from t -> 0A000
         postgres: create view v as select count(*) from t -> 0A000
         postgres: create or replace view v as select a from t -> 0A000
         postgres: create materialized view m as select a from t -> 0
         postgres: refresh materialized view m -> 0A000
         postgres: create table w (b text) inherits (t, t) -> 0A000
         postgres: create function f() returns int8 language sql as 'select 1' -> 0A000
         postgres: create index i on t (b) -> 0A000
         postgres: copy t to stdout -> 0A000
         postgres: insert into t select 1, 'x' -> 0A000
         postgres: insert into t values (1, 'x') on conflict (a) do update set b = 'y' -> 0A000
         postgres: update t set (a, b) = (1, 'x') -> 0A000
         postgres: create table u (a numeric) -> 0A000",
    );
}

#[test]
fn a_failed_transaction_refuses_everything_but_its_end() {
    check(
        "postgres: create table t (a int8 primary key) -> 0
         postgres: begin -> 0
         postgres: insert into t values (1) -> 1
         postgres: insert into t values (1) -> 23505
         postgres: select 1 -> 25P02
         postgres: select nope from nope -> 25P02
         postgres: commit -> 0
         postgres: select count(*) from t -> (0)
         postgres: begin -> 0
         postgres: insert into t values (1) -> 1
         postgres: savepoint s -> 0
         postgres: insert into t values (2), (1) -> 23505
         postgres: select 1 -> 25P02
         postgres: rollback to s -> 0
         postgres: insert into t values (3) -> 1
         postgres: release s -> 0
         postgres: commit -> 0
         postgres: select a from t order by a -> (1) (3)
         postgres: savepoint s -> 25P01
         postgres: begin -> 0
         postgres: rollback to nope -> 3B001
         postgres: rollback -> 0",
    );
}

#[test]
fn a_rollback_undoes_rows_truncations_and_definitions() {
    check(
        "postgres: create table t (a int8 primary key, b text) -> 0
         postgres: insert into t values (1, 'one'), (2, 'two') -> 2
         postgres: begin -> 0
         postgres: update t set a = 5, b = 'five' where a = 1 -> 1
         postgres: delete from t where a = 2 -> 1
         postgres: truncate t -> 0
         postgres: insert into t values (1, 'other') -> 1
         postgres: create table u (a int8) -> 0
         postgres: insert into u values (1) -> 1
         postgres: rollback -> 0
         postgres: select * from t order by a -> (1,one) (2,two)
         postgres: select * from u -> 42P01
         postgres: begin -> 0
         postgres: delete from t where a = 1 -> 1
         postgres: truncate t -> 0
         postgres: insert into t values (7, 'seven'), (8, 'eight') -> 2
         postgres: commit -> 0
         postgres: insert into t values (9, 'nine'), (10, 'ten'), (11, 'eleven') -> 3
         postgres: select count(*) from t -> (5)",
    );
}

#[test]
fn several_commands_in_one_simple_query_are_one_transaction() {
    check(
        "postgres: create table t (a int8 primary key) -> 0
         postgres: insert into t values (1); insert into t values (2) -> 1 / 1
         postgres: insert into t values (3); insert into t values (1); insert into t values (4) -> 1 / 23505
         postgres: select a from t order by a -> (1) (2)
         postgres: begin; insert into t values (5); commit; select nope -> 0 / 1 / 0 / 42703
         postgres: select a from t order by a -> (1) (2) (5)",
    );
}

#[test]
fn privileges_are_asked_before_anything_else() {
    check(
        "postgres: create role app login -> 0
         postgres: create role reader login -> 0
         postgres: create role boss login in role reader -> 0
         postgres: create role distant login noinherit in role reader -> 0
         postgres: create table t (a int8 primary key, b text) -> 0
         postgres: grant insert, update, delete on t to app -> 0
         postgres: grant select on t to reader -> 0
         app: insert into t values (1, 'x') -> 1
         app: insert into t values (2, 'x') returning a -> 42501
         app: select a from t -> 42501
         app: update t set b = 'y' -> 1
         app: update t set b = 'y' where a = 1 -> 42501
         app: update t set b = b -> 42501
         app: delete from t where a = 1 -> 42501
         app: delete from t -> 1
         app: truncate t -> 42501
         reader: select count(*) from t -> (0)
         reader: insert into t values (1, 'x') -> 42501
         boss: select count(*) from t -> (0)
         distant: select count(*) from t -> 42501
         distant: set role reader -> 0
         distant: select count(*), current_user, session_user from t -> (0,reader,distant)
         distant: select count(*) from t -> (0)
         distant: select current_user, session_user -> (reader,distant)
         distant: reset role -> 0
         distant: select count(*) from t -> 42501
         app: set role reader -> 42501
         app: create table u (a int8) -> 42501
         app: create role r -> 42501
         app: alter table t disable row level security -> 42501
         app: create policy p on t -> 42501
         app: grant select on t to app -> 0
         app: select a from t -> 42501
         reader: alter role reader superuser -> 42501",
    );
}

#[test]
fn settings_come_and_go_as_in_the_server() {
    check(
        "postgres: select current_setting('app.tenant_id', true) -> (null)
         postgres: set local app.tenant_id = 'a' -> 0
         postgres: select current_setting('app.tenant_id', true) -> ()
         postgres: begin -> 0
         postgres: set local app.tenant_id = 'a' -> 0
         postgres: show app.tenant_id -> (a)
         postgres: commit -> 0
         postgres: select current_setting('app.tenant_id', true) -> ()
         postgres: select set_config('app.tenant_id', 'b', false), current_setting('app.tenant_id') -> (b,b)
         postgres: begin -> 0
         postgres: set app.tenant_id to 'c' -> 0
         postgres: savepoint s -> 0
         postgres: select set_config('app.tenant_id', 'd', true) -> (d)
         postgres: rollback to s -> 0
         postgres: show app.tenant_id -> (c)
         postgres: select nope -> 42703
         postgres: rollback -> 0
         postgres: show app.tenant_id -> (b)
         postgres: reset app.tenant_id -> 0
         postgres: show app.tenant_id -> ()
         postgres: set app.tenant_id = 'e' -> 0
         postgres: begin -> 0
         postgres: discard all -> 25001
         postgres: rollback -> 0
         postgres: discard all -> 0
         postgres: show app.tenant_id -> ()
         postgres: select set_config('app.new', 'x', true) -> (x)
         postgres: select current_setting('app.new', true) -> ()
         postgres: set row_security = maybe -> 22023",
    );
}

#[test]
fn a_number_is_as_wide_as_it_is_written_and_a_constant_fails_where_no_row_is_asked() {
    check(
        "postgres: select 2147483647 + 1 -> 22003
         postgres: select 2147483648 + 1, 2147483647 + 1::int8, -2147483648 -> (2147483649,2147483648,-2147483648)
         postgres: select 9223372036854775808 -> 0A000
         postgres: create table t (a int4, b int8) -> 0
         postgres: select 2147483647 + 1 from t -> 22003
         postgres: select a from t where b > 2147483647 + 1 -> 22003
         postgres: select a from t where false and b > 2147483647 + 1 -> none
         postgres: insert into t values (3000000000, 1) -> 22003
         postgres: insert into t values (2147483647, 2147483647) -> 1
         postgres: select a + 1 from t -> 22003
         postgres: select b + 1, a + b from t -> (2147483648,4294967294)
         postgres: select coalesce(a, b), nullif(b, 1) from t -> (2147483647,2147483647)
         postgres: select a from t where a = 3000000000 or a in (1, 3000000000) -> none
         postgres: select '1' + '2' -> 42725
         postgres: select '1' + true -> 42883
         postgres: select true::int4, 1::bool -> (1,t)
         postgres: select true::int8 -> 42846
         postgres: select coalesce('x', 1, 'y', true) -> 42804",
    );
}

#[test]
fn a_policy_that_asks_for_a_setting_that_was_never_made_fails_the_queries_of_an_empty_table() {
    check(
        "postgres: create role app login -> 0
         postgres: create table t (tenant text, id int8) -> 0
         postgres: alter table t enable row level security -> 0
         postgres: create policy p on t using (tenant = current_setting('app.tenant_id')) -> 0
         app: select * from t -> 42704
         postgres: grant select, insert on t to app -> 0
         app: select * from t -> 42704
         app: select * from t where tenant = current_user -> 42704
         app: select * from t where tenant = 'a' -> 42704
         app: insert into t values ('a', 1) -> 42704
         app: create materialized view m as select id from t -> 42704
         postgres: create policy r on t as restrictive using (tenant = nullif(current_setting('app.x', true), '')) -> 0
         postgres: create role clerk login -> 0
         clerk: select * from t -> 42704
         clerk: select * from t where tenant = nullif(current_setting('app.x', true), '') -> 42704
         clerk: select * from t where tenant = nullif(current_setting('app.y', true), '') -> 42501
         postgres: drop policy r on t -> 0
         app: set app.tenant_id = 'a' -> 0
         app: create materialized view m as select id from t -> 42501
         app: select * from t -> none
         app: drop policy q on t -> 42704
         app: drop policy p on t -> 42501",
    );
}

/// As on the server: what comes first in the table is changed first, and the scan meets the row that fails after that.
#[test]
fn a_row_that_cannot_be_changed_fails_before_one_further_on_that_cannot_be_judged() {
    check(
        "postgres: create table t (id int8 primary key, n int8) -> 0
         postgres: insert into t values (1, 1), (2, 2), (3, 9223372036854775807) -> 3
         postgres: update t set id = 6 where n::int4 > 0 -> 23505
         postgres: update t set id = id + 10 where n::int4 > 0 -> 22003
         postgres: delete from t where n::int4 > 0 -> 22003
         postgres: select count(*) from t where id < 10 -> (3)",
    );
}
