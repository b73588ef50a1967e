//! Foreign keys: their checks and actions, whose rights they use, and what they tell, as PostgreSQL 15.18 has them.

use super::super::engine::Engine;
use super::super::referential::FOREIGN_KEY_PER_TENANT;
use super::super::testing::{check, check_on, without};

#[test]
fn a_key_is_made_of_columns_that_exist_to_a_key_that_exists() {
    check(
        "postgres: create role app login -> 0
         postgres: grant create on schema public to app -> 0
         postgres: create table p (a int8 primary key, b text unique, c int4, unique (b, c)) -> 0
         postgres: create view v as select a from p -> 0
         postgres: create table q (x int8 references p) -> 0
         postgres: create table r (x int4 references p (a), y text, z int4, foreign key (z, y) references p (c, b)) -> 0
         postgres: create table s (x int8 references nowhere) -> 42P01
         postgres: create table s (x int8 references no.where) -> 3F000
         postgres: create table s (x int8 references v) -> 42809
         postgres: create table s (x int8 references pg_tables) -> 42809
         postgres: create table s (x int8, foreign key (y) references p) -> 42703
         postgres: create table s (x int8 references p (nope)) -> 42703
         postgres: create table s (x int8 references p (c)) -> 42830
         postgres: create table s (x int8, foreign key (x, x) references p (b, b)) -> 42830
         postgres: create table s (x int8, y int8, foreign key (x, y) references p) -> 42830
         postgres: create table s (x text references p) -> 42804
         postgres: create table s (x int8 references q) -> 42704
         postgres: create table s (x int8 constraint k references p, constraint k foreign key (x) references p) -> 42710
         postgres: create table s (x int8 references p on delete set default) -> 0A000
         app: create table s (x int8 references p) -> 42501
         postgres: grant references on p to app -> 0
         app: create table s (x int8 references p) -> 0
         app: select count(*) from p -> 42501
         postgres: drop table p, q -> 2BP01
         postgres: drop table p -> 2BP01
         postgres: drop view v -> 0
         postgres: drop table p, q, r, s -> 0",
    );
}

#[test]
fn what_is_referred_to_has_to_be_there_when_the_statement_ends() {
    check(
        "postgres: create table p (a int8 primary key, up int8 references p) -> 0
         postgres: create table c (a int8 references p, n int8 unique) -> 0
         postgres: insert into p values (1, 2), (2, 1), (3, null) -> 3
         postgres: insert into p values (4, 5) -> 23503
         postgres: insert into c values (1, 1), (null, 2) -> 2
         postgres: insert into c values (9, 3) -> 23503
         postgres: insert into c values (9, 3), (1, 1) -> 23505
         postgres: insert into c values (9, 1) on conflict do nothing -> 0
         postgres: insert into c values (9, 3) returning n + 9223372036854775807 -> 22003
         postgres: update c set a = 9 where n = 2 -> 23503
         postgres: update c set a = 3 where n = 2 -> 1
         postgres: delete from p where a = 1 -> 23503
         postgres: delete from p where a = 3 -> 23503
         postgres: update p set a = 7 where a = 3 -> 23503
         postgres: update p set a = 4 - a where a = 1 or a = 3 -> 23505
         postgres: begin -> 0
         postgres: delete from c -> 2
         postgres: delete from p -> 3
         postgres: rollback -> 0
         postgres: truncate p -> 0A000
         postgres: truncate p, c -> 0
         postgres: select count(*) from c -> (0)",
    );
}

#[test]
fn actions_follow_what_goes_from_table_to_table() {
    check(
        "postgres: create table p (a int8 primary key) -> 0
         postgres: create table c (a int8 primary key references p on delete cascade on update cascade, n int8) -> 0
         postgres: create table d (a int8 references c on delete set null on update cascade, n int8 not null) -> 0
         postgres: create table e (a int8 references p on delete restrict) -> 0
         postgres: insert into p values (1), (2), (3) -> 3
         postgres: insert into c values (1, 1), (2, 2) -> 2
         postgres: insert into d values (1, 1), (2, 2) -> 2
         postgres: update p set a = a + 10 where a < 3 -> 2
         postgres: select a from d order by a -> (11) (12)
         postgres: delete from p where a = 11 -> 1
         postgres: select a from c -> (12)
         postgres: select a, n from d order by n -> (null,1) (12,2)
         postgres: insert into e values (12) -> 1
         postgres: delete from p where a = 12 -> 23503
         postgres: select count(*) from c -> (1)
         postgres: truncate p cascade -> 0
         postgres: select count(*) from d -> (0)
         postgres: drop table p -> 2BP01
         postgres: drop table p cascade -> 0
         postgres: insert into e values (99) -> 1
         postgres: select hastriggers from pg_tables where tablename = 'e' -> (t)",
    );
}

/// A table of two tenants' rows under policies, and one that refers to it, both of an owner whom the policies hold.
const TENANTS: &str = "
    postgres: create role owner login -> 0
    postgres: create role app login -> 0
    postgres: create table p (tenant_id text, id int8, primary key (tenant_id, id)) -> 0
    postgres: create table c (tenant_id text, p int8, n int8, primary key (tenant_id, p, n),KEY) -> 0
    postgres: insert into p values ('acme', 1), ('beta', 2) -> 2
    postgres: alter table p owner to owner -> 0
    postgres: alter table c owner to owner -> 0
    postgres: alter table p enable row level security -> 0
    postgres: alter table p force row level security -> 0
    postgres: alter table c enable row level security -> 0
    postgres: alter table c force row level security -> 0
    postgres: create policy t on p using (tenant_id = current_setting('app.tenant_id', true)) -> 0
    postgres: create policy t on c using (tenant_id = current_setting('app.tenant_id', true)) -> 0
    postgres: grant insert on c to app -> 0
    postgres: grant select, delete on p to app -> 0
    app: set app.tenant_id = 'acme' -> 0";

fn tenants(key: &str) -> String {
    TENANTS.replace("KEY", key)
}

#[test]
fn a_check_runs_with_the_rights_of_the_owner_of_what_is_referred_to_and_asks_no_policy() {
    let one = tenants(" foreign key (tenant_id, p) references p");
    let held = format!(
        "{one}
         app: insert into c values ('acme', 1, 1) -> 1
         app: insert into c values ('acme', 2, 1) -> 23503
         app: insert into c values ('acme', 3, 1) -> 23503
         app: insert into c values ('beta', 2, 1) -> 42501
         app: select count(*) from c -> 42501
         app: delete from p where id = 1 -> 23503
         postgres: revoke update on p from owner -> 0
         app: insert into c values ('acme', 1, 2) -> 42501
         postgres: grant update on p to owner -> 0
         postgres: revoke usage on schema public from public -> 0
         postgres: grant usage on schema public to app -> 0
         app: insert into c values ('acme', 1, 2) -> 42501"
    );
    check(&held);
    let told = format!(
        "{one}\napp: insert into c values ('acme', 2, 1) -> 1\napp: insert into c values ('acme', 3, 1) -> 23503"
    );
    check_on(&mut Engine::default(), &without(&[&FOREIGN_KEY_PER_TENANT]), &told);
}

#[test]
fn a_key_without_the_tenant_takes_other_tenants_rows_along() {
    let made = tenants(" foreign key (tenant_id, p) references p on delete cascade");
    let erased = format!(
        "{made}
         app: insert into c values ('acme', 1, 1) -> 1
         app: set app.tenant_id = 'beta' -> 0
         app: insert into c values ('beta', 1, 1) -> 1
         app: set app.tenant_id = 'acme' -> 0
         app: delete from p where id = 1 -> 1
         postgres: select count(*) from c -> (0)"
    );
    check_on(&mut Engine::default(), &without(&[&FOREIGN_KEY_PER_TENANT]), &erased);
    check(&format!("{made}\napp: set app.tenant_id = 'beta' -> 0\napp: insert into c values ('beta', 1, 1) -> 23503"));
}
