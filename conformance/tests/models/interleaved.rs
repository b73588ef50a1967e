//! Transactions of two or three sessions at once, on the same few rows and keys.
//!
//! Programs of seeds from [`INTERLEAVED_FROM`] on have them. What a session would wait for is answered by both with
//! `55P03`: the server has a short `lock_timeout`, and the model does not wait.

use crate::expression::{Column, Columns, Kind};
use crate::generate::{Generator, Seat, TENANTS, Table};
use models::postgres::session::Block;

/// Seeds from here on draw programs with interleaved transactions.
pub const INTERLEAVED_FROM: u64 = 3_000_000;

/// Roles of the sessions, the frequent ones more than once.
const LOGINS: [&str; 7] = ["app", "app", "app", "owner", "bypass", "root", "clerk"];
/// What a key does when what it refers to goes or changes.
const ACTIONS: [&str; 5] = ["", "", " on delete cascade", " on delete set null", " on update cascade"];
/// Ids of rows are below this: sessions have to meet.
const IDS: usize = 7;

impl Generator {
    /// Makes the tables, then lets the sessions work on them in turns.
    pub fn interleaved(&mut self) {
        self.shared("t", None);
        if self.luck.percent(40) {
            self.shared("c", Some("t"));
        }
        self.meeting();
        let length = 18 + self.luck.below(26);
        for _ in 0..length {
            let at = self.luck.below(self.seats.len());
            self.turn(at);
        }
        // All end, and what is left of them is read.
        for at in 0..self.seats.len() {
            if self.in_block(at) {
                let sql = self.luck.pick(&["commit", "commit", "rollback"]).to_owned();
                self.say(at, sql, vec![]);
            }
        }
        for table in self.tables.clone() {
            self.root(format!("select * from {}", table.name));
        }
    }

    /// A table with one or two keys, policies, and a few rows; perhaps one that refers to another.
    fn shared(&mut self, name: &'static str, to: Option<&str>) {
        let column = |name, kind| Column { name, kind, not_null: false };
        let columns = vec![column("tenant", Kind::Text), column("id", Kind::Big), column("n", Kind::Big)];
        let keys = match self.luck.below(4) {
            0 => vec![vec!["id"], vec!["tenant", "n"]],
            1 => vec![vec!["tenant", "id"], vec!["id"]],
            _ => vec![vec!["id"]],
        };
        let mut parts = vec!["tenant text".to_owned(), "id int8".into(), "n int8".into()];
        for (at, key) in keys.iter().enumerate() {
            parts.push(format!("{} ({})", if at == 0 { "primary key" } else { "unique" }, key.join(", ")));
        }
        if let Some(to) = to {
            parts.push(format!("foreign key (n) references {to} (id){}", self.luck.pick(&ACTIONS)));
        }
        let columns = Columns { table: name, columns };
        self.tables.push(Table { name, schema: None, columns, keys, policies: vec![] });
        self.root(format!("create table {name} ({})", parts.join(", ")));
        self.root(format!("alter table {name} owner to owner"));
        self.root(format!("grant all on {name} to app, bypass, staff"));
        for id in 0..2 + self.luck.below(4) {
            let (tenant, n) = (TENANTS[self.luck.below(3)], if to.is_some() { 0 } else { id + 20 });
            self.root(format!("insert into {name} values ('{tenant}', {id}, {n}) on conflict do nothing"));
        }
        if self.luck.percent(85) {
            self.root(format!("alter table {name} enable row level security"));
            for _ in 0..1 + self.luck.below(2) {
                let sql = self.policy(self.tables.len() - 1);
                self.root(sql);
            }
        }
        if self.luck.percent(30) {
            self.root(format!("alter table {name} force row level security"));
        }
    }

    /// Two or three sessions, each with a tenant.
    fn meeting(&mut self) {
        for at in 0..2 + self.luck.weighted(&[65, 35]) {
            let login = self.luck.pick(&LOGINS);
            let same = self.seats.iter().filter(|s| s.name.split('/').next() == Some(login)).count();
            let name = if same == 0 { login.to_owned() } else { format!("{login}/{}", same + 1) };
            self.seats.push(Seat { name, savepoints: 0 });
            if self.luck.percent(92) {
                let tenant = TENANTS[self.luck.weighted(&[60, 20, 20])];
                self.say(at, format!("set app.tenant_id = '{tenant}'"), vec![]);
            }
        }
    }

    fn turn(&mut self, at: usize) {
        match self.model.block(&self.seats[at].name) {
            Block::Idle if self.luck.percent(55) => {
                self.seats[at].savepoints = 0;
                let (rc, rr) = ("begin", "begin isolation level repeatable read");
                let sql = self.luck.pick(&[rc, rc, rc, rr, rr, rr, "begin isolation level serializable"]).to_owned();
                self.say(at, sql, vec![]);
            }
            Block::Failed if self.luck.percent(90) => self.after_failure(at),
            Block::Open if self.luck.percent(13) => self.end(at),
            Block::Open if self.luck.percent(12) => self.transaction(at),
            _ => self.work(at),
        }
    }

    /// A query, or a change of a few rows.
    fn work(&mut self, at: usize) {
        let table = self.any_table();
        let (name, tenant) = (table.name, self.tenant(at));
        let luck = &mut self.luck;
        let (id, other) = (luck.below(IDS), luck.below(IDS));
        let n = if name == "c" { luck.below(IDS) } else { 20 + luck.below(8) };
        let sql = match luck.below(40) {
            0..7 => format!("select * from {name}"),
            7..9 => format!("select count(*) from {name} where id >= {id}"),
            9..12 => format!("select tenant, n from {name} where id = {id}"),
            12 => format!("select * from {name} where tenant = '{tenant}' order by id, tenant, n limit 2"),
            13..19 => format!("insert into {name} values ('{tenant}', {id}, {n})"),
            19 => format!("insert into {name} values ('{tenant}', {id}, {n}), ('{tenant}', {other}, {})", n + 1),
            20..22 => format!("insert into {name} values ('{tenant}', {id}, {n}) on conflict do nothing"),
            22 => format!("insert into {name} values ('{tenant}', {id}, {n}) on conflict (id) do nothing"),
            23..28 => format!("update {name} set n = {n} where id = {id}"),
            28 => format!("update {name} set tenant = tenant where id in ({id}, {other})"),
            29 => format!("update {name} set tenant = '{tenant}' where id = {id}"),
            30..33 => format!("update {name} set id = {other} where id = {id}"),
            33 => format!("update {name} set n = {n} where id = {id} and tenant = '{tenant}' returning *"),
            34..38 => format!("delete from {name} where id = {id}"),
            38 => format!("delete from {name} where id = {id} returning tenant, n"),
            _ => format!("delete from {name} where tenant = '{tenant}' and id > {id}"),
        };
        self.say(at, sql, vec![]);
    }
}
