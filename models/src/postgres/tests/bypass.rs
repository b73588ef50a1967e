//! Ways around row-level security, as PostgreSQL 15.18 has them: each is open by default, and closed by what it names.

use super::super::engine::Engine;
use super::super::execute::TRUNCATE_PRIVILEGE;
use super::super::function::{DEFINER_PINNED, FUNCTION_INVOKER};
use super::super::partition::CHILD_POLICIES;
use super::super::store::KEY_PER_TENANT;
use super::super::testing::{check, check_on, without};
use super::super::view::{MATVIEW_PRIVILEGE, VIEW_BARRIER, VIEW_INVOKER};
use crate::control::Control;

/// Two tenants' rows, and a role that is subject to policies.
const TABLE: &str = "
    postgres: create role app login -> 0
    postgres: create role owner -> 0
    postgres: create table t (tenant text, id int8, note text, primary key (tenant, id)) -> 0
    postgres: insert into t values ('acme', 1, 'true'), ('beta', 1, 'secret'), ('beta', 2, 'off') -> 3
    postgres: alter table t owner to owner -> 0
    postgres: alter table t enable row level security -> 0
    postgres: create policy p on t using (tenant = current_setting('app.tenant_id', true)) -> 0
    postgres: grant select, insert, update, delete on t to app -> 0
    app: set app.tenant_id = 'acme' -> 0";

fn checked(fixture: &str) {
    check(&format!("{TABLE}\n{fixture}"));
}

fn checked_without(off: &[&Control], fixture: &str) {
    check_on(&mut Engine::default(), &without(off), &format!("{TABLE}\n{fixture}"));
}

#[test]
fn a_view_is_read_with_its_owners_rights_unless_it_says_otherwise() {
    checked(
        "postgres: create view v as select id, note as n from t -> 0
         postgres: create view mine with (security_invoker = true) as select id, note as n from t -> 0
         postgres: create view held as select * from t -> 0
         postgres: alter table held owner to owner -> 0
         postgres: grant select on v, mine, held to app -> 0
         app: select * from v order by id, n -> (1,secret) (1,true) (2,off)
         app: select n from v where id = 2 -> (off)
         app: select * from mine -> (1,true)
         app: select count(*), count(n) from mine -> (1,1)
         app: select count(*) from held -> (3)
         postgres: alter table t force row level security -> 0
         app: select count(*) from held -> (1)
         app: select count(*) from v -> (3)
         postgres: revoke select on t from app -> 0
         app: select n from v where id = 2 -> (off)
         app: select * from mine -> 42501
         app: set row_security = off -> 0
         app: select count(*) from v -> (3)
         app: select count(*) from held -> 42501
         postgres: revoke select on v from app -> 0
         app: select * from v -> 42501
         postgres: create policy q on t as restrictive using (tenant = current_setting('app.never')) -> 0
         app: reset row_security -> 0
         app: select count(*) from held -> 42704
         postgres: revoke select on held from app -> 0
         app: select count(*) from held -> 42501",
    );
    checked_without(
        &[&VIEW_INVOKER],
        "postgres: create view mine with (security_invoker = true) as select id, note as n from t -> 0
         postgres: grant select on mine to app -> 0
         app: select count(*) from mine -> (3)",
    );
}

#[test]
fn an_invokers_view_below_another_view_asks_whoever_asks_the_outer_one() {
    checked(
        "postgres: create view mine with (security_invoker = true) as select tenant, note from t where id = 1 -> 0
         postgres: create view outer as select note || '!' as n from mine where tenant <> 'x' -> 0
         postgres: grant select on outer to app -> 0
         app: select * from outer where n like '%e!' -> (true!)
         app: select * from mine -> 42501
         postgres: select n from outer order by n -> (secret!) (true!)",
    );
}

#[test]
fn a_cheap_condition_of_the_readers_runs_before_those_of_a_view_without_a_barrier() {
    let views = "
        postgres: create table u (id int8 primary key, tenant text, note text) -> 0
        postgres: insert into u values (1, 'acme', 'true'), (2, 'beta', 'secret') -> 2
        postgres: create view v as select id, note from u
            where tenant = nullif(current_setting('app.tenant_id', true), '') -> 0
        postgres: create view w with (security_barrier = on) as select id, note from u
            where tenant = nullif(current_setting('app.tenant_id', true), '') -> 0
        postgres: grant select on v, w to app -> 0";
    let views = views.replace("\n            where", " where");
    checked(&format!(
        "{views}
         app: select id from v -> (1)
         app: select id from v where note::bool -> 22P02
         app: select id from w where note::bool -> (1)
         app: select id from v where note::bool::int4 + 1 > 0 -> (1)"
    ));
    checked_without(&[&VIEW_BARRIER], &format!("{views}\napp: select id from w where note::bool -> 22P02"));
}

#[test]
fn a_materialised_view_holds_what_its_owner_saw_and_asks_no_policy() {
    let made = "
        postgres: create materialized view m as select tenant, note from t where id = 1 -> 2
        postgres: insert into t values ('gamma', 1, 'new') -> 1";
    checked(&format!(
        "{made}
         app: select * from m -> 42501
         postgres: grant select on m to app -> 0
         app: select tenant from m order by tenant -> (acme) (beta)
         app: delete from m -> 0A000
         postgres: alter table m enable row level security -> 42809
         postgres: create policy p on m using (true) -> 42809
         postgres: truncate m -> 42809
         postgres: drop table m -> 42809
         postgres: drop table t -> 2BP01
         postgres: drop materialized view m -> 0
         postgres: begin -> 0
         postgres: create materialized view m as select tenant from t -> 4
         postgres: select count(*) from m -> (4)
         postgres: rollback -> 0
         postgres: select * from m -> 42P01
         postgres: drop table t -> 0"
    ));
    checked_without(&[&MATVIEW_PRIVILEGE], &format!("{made}\napp: select count(*) from m -> (2)"));
}

#[test]
fn a_function_runs_with_the_rights_that_it_names_and_finds_tables_by_the_path_of_whoever_calls() {
    let made = "
        postgres: create schema s -> 0
        postgres: create table s.t (tenant text, id int8, note text) -> 0
        postgres: insert into s.t values ('x', 1, 'of the other schema') -> 1
        postgres: create function f(int8) returns table (who text, n text) language sql as
            'select current_user, note from t where id = $1' -> 0
        postgres: create function d(int8) returns table (who text, n text) language sql security definer as
            'select current_user, note from t where id = $1' -> 0
        postgres: create function p(int8) returns setof text language sql security definer set search_path = public as
            'select note from t where id = $1' -> 0";
    let made = made.replace("as\n            ", "as ");
    checked(&format!(
        "{made}
         app: select * from f(1) -> (app,true)
         app: select n, who from d(1) x where x.n <> 'true' -> (secret,postgres)
         app: select * from p(2) -> (off)
         app: set search_path = s, public -> 0
         app: select * from f(1) -> (app,true)
         app: select n from d(1) -> (of the other schema)
         app: select * from p(2) -> (off)
         app: select * from f('x') -> 22P02
         app: select * from f(true) -> 42883
         app: select * from g(1) -> 0A000
         postgres: create function f(int8) returns setof text language sql as 'select note from t' -> 42723
         postgres: create function g() returns setof text language sql as 'select id, note from t' -> 42P13
         postgres: create function g() returns setof bool language sql as 'select id from t' -> 42P13
         postgres: create function g() returns setof text language sql as 'select nope from t' -> 42703
         app: create function g() returns setof text language sql as 'select note from t' -> 42501
         app: drop function f -> 42501
         postgres: drop function f, d, p -> 0
         app: select * from f(1) -> 0A000"
    ));
    let pinned = "app: set search_path = s, public -> 0\napp: select * from p(1) -> (of the other schema)";
    checked_without(&[&DEFINER_PINNED], &format!("{made}\n{pinned}"));
    checked_without(&[&FUNCTION_INVOKER], &format!("{made}\napp: select count(*) from f(1) -> (2)"));
}

#[test]
fn the_whole_asks_its_own_policies_and_so_does_a_partition() {
    let made = "
        postgres: create table c (tenant text, state text, n int8 not null, primary key (tenant, state, n))
            partition by list (state) -> 0
        postgres: create table c_open partition of c for values in ('open', 'new') -> 0
        postgres: create table c_done partition of c for values in ('done') -> 0
        postgres: grant select, insert, update, delete, truncate on c to app -> 0
        postgres: alter table c enable row level security -> 0
        postgres: create policy p on c using (tenant = current_setting('app.tenant_id', true)) -> 0
        postgres: insert into c values ('acme', 'open', 1), ('beta', 'open', 1), ('beta', 'done', 2) -> 3";
    let made = made.replace("\n            partition by", " partition by");
    checked(&format!(
        "{made}
         app: select * from c -> (acme,open,1)
         app: select * from c_open -> 42501
         postgres: grant select, insert, update on c_open, c_done to app -> 0
         app: select tenant, n from c_done -> (beta,2)
         postgres: alter table c_done enable row level security -> 0
         app: select * from c_done -> none
         app: insert into c values ('acme', 'lost', 1) -> 23514
         app: insert into c values ('beta', 'new', 1) -> 42501
         app: insert into c values ('acme', 'open', 1) -> 23505
         app: insert into c values ('acme', 'open', 1) on conflict do nothing -> 0
         app: insert into c_open values ('beta', 'new', 7) -> 1
         app: insert into c_open values ('acme', 'done', 7) -> 23514
         app: update c_open set state = 'done' where n = 7 -> 23514
         app: update c set state = 'done', n = n + 1 returning * -> (acme,done,2)
         postgres: select tenant from c_done order by tenant -> (acme) (beta)
         app: update c set state = 'lost' -> 23514
         postgres: create table c_two partition of c for values in ('done') -> 42P17
         postgres: create table o partition of t for values in ('done') -> 42P17
         postgres: create table o (a text, b int8 unique) partition by list (a) -> 0A000
         app: begin -> 0
         app: update c set state = 'new' -> 1
         app: rollback -> 0
         postgres: select count(*) from c_done -> (2)
         app: delete from c where state = 'done' -> 1
         postgres: select count(*) from c -> (3)
         app: truncate c_open -> 42501
         app: truncate c -> 0
         postgres: select count(*) from c_open -> (0)
         postgres: drop table c -> 0
         postgres: select * from c_open -> 42P01"
    ));
    let own = "postgres: alter table c_open enable row level security -> 0
        postgres: grant select on c_open to app -> 0";
    checked(&format!("{made}\n{own}\napp: select * from c_open -> none"));
    checked_without(&[&CHILD_POLICIES], &format!("{made}\n{own}\napp: select tenant from c_open -> (acme) (beta)"));
}

#[test]
fn an_heir_is_read_by_its_parents_policies_or_by_its_own() {
    let made = "
        postgres: create table h (extra text default 'kept', unique (id)) inherits (t) -> 0
        postgres: insert into h values ('acme', 1, 'old'), ('beta', 9, 'theirs') -> 2
        app: select * from h -> 42501
        postgres: grant select, insert, update, delete on h to app -> 0";
    checked(&format!(
        "{made}
         app: select id, note from t -> (1,true) (1,old)
         app: select * from t where note = 'old' -> (acme,1,old)
         app: select count(*) from t -> (2)
         app: select id, note from only t -> (1,true)
         app: select x.id from ONLY public.T x where x.note = 'true' -> (1)
         app: select id from only only t -> 42601
         app: select * from h order by id -> (acme,1,old,kept) (beta,9,theirs,kept)
         app: update t set note = 'new' where id = 1 returning * -> (acme,1,new) (acme,1,new)
         app: update only t set note = 'newer' -> 1
         app: update t set id = 9 where note = 'new' -> 23505
         app: update t set tenant = null where note = 'new' -> 42501
         postgres: update t set tenant = null where note = 'new' -> 23502
         app: insert into t values ('acme', 9, 'mine') -> 1
         app: insert into h (tenant, id) values ('beta', 10) -> 1
         postgres: select id, note, extra from h order by id -> (1,new,kept) (9,theirs,kept) (10,null,kept)
         app: begin -> 0
         app: delete from t -> 3
         app: select count(*) from h -> (2)
         app: rollback -> 0
         app: delete from only t where id = 9 -> 1
         app: select count(*) from t -> (2)
         postgres: create view v as select id from t -> 0
         postgres: select count(*) from v -> (6)
         postgres: create view w as select id from only t -> 0A000
         postgres: truncate only t -> 0
         postgres: select count(*) from t -> (3)
         postgres: create table g () inherits (h) -> 0
         postgres: insert into g values ('acme', 20, 'grown', 'x') -> 1
         app: select id from t where id = 20 -> (20)
         postgres: truncate t -> 0
         postgres: select count(*) from g -> (0)
         postgres: drop table h -> 2BP01
         postgres: drop table h, g -> 0
         postgres: drop table t -> 2BP01
         postgres: drop table t cascade -> 0"
    ));
    let own = "postgres: alter table h enable row level security -> 0";
    checked(&format!("{made}\n{own}\napp: select * from h -> none\napp: select note from t -> (true) (old)"));
    checked_without(&[&CHILD_POLICIES], &format!("{made}\n{own}\napp: select id from h order by id -> (1) (9)"));
}

#[test]
fn an_heir_takes_over_columns_of_a_table_of_its_makers_own() {
    checked(
        "postgres: create table h (note text not null, more int8, primary key (tenant, more)) inherits (t) -> 0
         postgres: insert into h values ('acme', 1, 'a', 1) -> 1
         postgres: insert into h values ('acme', 1, 'a', 2) -> 1
         postgres: insert into h values ('acme', 1, null, 3) -> 23502
         postgres: insert into h values ('acme', null, 'a', 3) -> 23502
         postgres: insert into h values ('acme', 2, 'a', 2) -> 23505
         postgres: create table g (note int8) inherits (t) -> 42804
         postgres: create table g (a int8, a int8) inherits (t) -> 42701
         postgres: create table g () inherits (nowhere) -> 42P01
         postgres: create view v as select id from t -> 0
         postgres: create table g () inherits (v) -> 42809
         postgres: create table c (tenant text) partition by list (tenant) -> 0
         postgres: create table c_acme partition of c for values in ('acme') -> 0
         postgres: create table g () inherits (c) -> 42809
         postgres: create table g () inherits (c_acme) -> 42809
         postgres: truncate only c -> 42809
         postgres: grant create on schema public to app -> 0
         app: create table g () inherits (t) -> 42501
         postgres: create table r (tenant text, id int8, foreign key (tenant, id) references t) -> 0A000
         postgres: create table r (a int8 unique, b int8 references r (a)) -> 0
         postgres: create table g () inherits (r) -> 0A000",
    );
}

#[test]
fn a_key_that_leaves_the_tenant_out_tells_of_other_tenants_and_truncate_needs_its_privilege() {
    let made = "
        postgres: create table i (tenant_id text, id int8, reference text, primary key (tenant_id, id),
            unique (tenant_id, reference)) -> 0
        postgres: grant insert, update on i to app -> 0
        postgres: insert into i values ('beta', 1, 'CASE-7') -> 1";
    let made = made.replace(",\n            unique", ", unique");
    checked(&format!(
        "{made}
         app: insert into i values ('acme', 1, 'CASE-7') -> 1
         app: truncate i -> 42501"
    ));
    checked_without(
        &[&KEY_PER_TENANT, &TRUNCATE_PRIVILEGE],
        &format!(
            "{made}
             app: insert into i values ('acme', 1, 'CASE-7') -> 23505
             app: insert into i values ('acme', 1, 'CASE-8') -> 1
             app: update i set reference = 'CASE-7' -> 23505
             app: truncate i -> 0"
        ),
    );
}
