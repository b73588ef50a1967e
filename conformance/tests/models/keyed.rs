//! Tables that refer to each other, and what sessions do to rows that others refer to.
//!
//! Programs of seeds from [`KEYED_FROM`] on have them.

use crate::expression::{Column, Columns, Kind};
use crate::generate::{Generator, TENANTS, Table};
use crate::luck::Luck;

/// Seeds from here on draw programs with foreign keys.
pub const KEYED_FROM: u64 = 2_000_000;

/// Names of tables that refer to others.
const CHILDREN: [&str; 3] = ["c0", "c1", "c2"];
/// What a key does when what it refers to goes or changes.
const ACTIONS: [&str; 7] = ["", "", "no action", "restrict", "cascade", "cascade", "set null"];

impl Generator {
    /// Makes one to three tables that refer to others or to themselves, with a few rows.
    pub fn keyed(&mut self) {
        self.root("grant create on schema public to owner, app".into());
        let count = 1 + self.luck.weighted(&[50, 35, 15]);
        for name in CHILDREN.into_iter().take(count) {
            self.child(name);
        }
    }

    fn child(&mut self, name: &'static str) {
        let target = self.tables[self.luck.below(self.tables.len())].clone();
        if self.luck.percent(40) {
            let (what, whom) =
                (self.luck.pick(&["references", "select, references"]), self.luck.pick(&["owner", "app"]));
            self.root(format!("grant {what} on {} to {whom}", target.full()));
        }
        let number = |luck: &mut Luck| if luck.percent(70) { Kind::Big } else { Kind::Int };
        let column = |name, kind, not_null| Column { name, kind, not_null };
        let columns = vec![
            column("tenant", Kind::Text, self.luck.percent(20)),
            column("id", number(&mut self.luck), false),
            column("n", number(&mut self.luck), self.luck.percent(15)),
            column("note", Kind::Text, false),
        ];
        let keys = match self.luck.below(4) {
            0 => vec![],
            1 => vec![vec!["id"]],
            _ => vec![vec!["tenant", "id"]],
        };
        let own = Table {
            name,
            schema: None,
            columns: Columns { table: name, columns: columns.clone() },
            keys: keys.clone(),
            policies: vec![],
        };
        let mut parts: Vec<String> = columns
            .iter()
            .map(|c| format!("{} {}{}", c.name, c.kind.name(), if c.not_null { " not null" } else { "" }))
            .collect();
        for key in &keys {
            let kind = self.luck.pick(&["primary key", "primary key", "unique"]);
            parts.push(format!("{kind} ({})", key.join(", ")));
        }
        let mut made = false;
        for _ in 0..3 {
            let mut parts = parts.clone();
            for _ in 0..1 + self.luck.weighted(&[75, 25]) {
                let of = if self.luck.percent(12) { &own } else { &target };
                parts.push(self.foreign_key(of));
            }
            made = made || self.made_by(format!("create table {name} ({})", parts.join(", ")));
        }
        if !made {
            self.root(format!("create table {name} ({})", parts.join(", ")));
        }
        self.tables.push(own);
        self.rights(name);
        for id in 0..3 + self.luck.below(4) {
            let (tenant, n, note) = (TENANTS[self.luck.below(3)], self.luck.below(7), self.luck.below(9));
            self.root(format!("insert into {name} values ('{tenant}', {id}, {n}, '{note}')"));
        }
        for _ in 0..self.luck.weighted(&[45, 40, 15]) {
            let sql = self.policy(self.tables.len() - 1);
            self.root(sql);
        }
    }

    /// A foreign key to a table: mostly to one of its keys.
    fn foreign_key(&mut self, of: &Table) -> String {
        let key = match of.keys.len() {
            0 => vec!["id"],
            count => of.keys[self.luck.below(count)].clone(),
        };
        let number = self.luck.pick(&["n", "n", "n", "id"]);
        let mut from: Vec<&str> = key.iter().map(|to| if *to == "id" { number } else { *to }).collect();
        let mut to = format!(" ({})", key.join(", "));
        match self.luck.below(30) {
            0 => to = " (tenant)".into(),
            1 => to = " (note, id)".into(),
            2 => from.push("note"),
            3 => from = vec!["note"],
            4 => from = vec!["nope"],
            5 => to = " (id, tenant)".into(),
            6..14 => to = String::new(),
            _ => {}
        }
        let mut actions = String::new();
        for event in [" on delete ", " on update "] {
            let action = self.luck.pick(&ACTIONS);
            if !action.is_empty() {
                actions += event;
                actions += action;
            }
        }
        let name = self.luck.pick(&["", "", "constraint k ", "constraint k1 "]);
        format!("{name}foreign key ({}) references {}{to}{actions}", from.join(", "), of.full())
    }

    /// Puts rows in, takes them away and moves them, where others refer to them.
    pub fn refers(&mut self, at: usize) {
        let table = self.any_table();
        let name = self.call(&table);
        let (tenant, id, other) = (self.tenant(at), self.luck.below(9), self.luck.below(9));
        let has = |column: &str| table.columns.columns.iter().any(|c| c.name == column);
        let sql = match self.luck.below(16) {
            0..5 if has("n") => format!("insert into {name} (tenant, id, n) values ('{tenant}', {}, {other})", id + 7),
            0..5 => format!("insert into {name} (tenant, id) values ('{tenant}', {})", id + 7),
            5 | 6 => format!("delete from {name} where id = {id}"),
            7 => format!("delete from {name} where tenant = '{tenant}' and id > {id}"),
            8 => format!("update {name} set id = {} where id = {id}", other + 6),
            9 => format!("update {name} set id = id + 1"),
            10 => format!("update {name} set tenant = '{tenant}' where id = {id}"),
            11 | 12 if has("n") => format!("update {name} set n = {other} where id = {id}"),
            13 => return self.changing(at, format!("truncate {name} cascade")),
            14 if self.luck.percent(12) => {
                let how = self.luck.pick(&["", " cascade"]);
                return self.changing(at, format!("drop table {name}{how}"));
            }
            15 => {
                let sql = match self.luck.below(4) {
                    0 => format!("revoke {} on {name} from owner", self.luck.pick(&["select", "update", "delete"])),
                    1 => format!("revoke select on {name} from app"),
                    2 => format!("alter table {name} owner to {}", self.luck.pick(&["owner", "app"])),
                    _ => format!("create table w (id int8 references {name})"),
                };
                return self.changing(at, sql);
            }
            _ => format!("delete from {name} where id in ({id}, {other})"),
        };
        self.say(at, sql, vec![]);
        // What went along, the session itself may not be shown.
        if self.luck.percent(40) && !(0..self.seats.len()).any(|at| self.in_block(at)) {
            let table = self.any_table();
            self.root(format!("select * from {}", table.full()));
        }
    }
}
