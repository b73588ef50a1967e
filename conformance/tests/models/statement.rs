//! Random statements of a session.

use crate::expression::{Column, Columns, Kind};
use crate::generate::{Generator, TENANTS, Table};
use crate::luck::Luck;
use models::postgres::session::Block;
use models::wire::sql::Value;

/// Valid SQL that the model has not: how much of it there is decides about the share of statements that are compared.
const BEYOND: [&str; 16] = [
    "select distinct tenant from t",
    "select tenant, count(*) from t group by tenant",
    "select max(id) from t",
    "select a.id from t a join t b on a.id = b.id",
    "select id from t where id in (select id from t)",
    "select id from t for update",
    "with x as (select id from t) select * from x",
    "select id from t union select id from t",
    "insert into t select * from t where false",
    "update t set id = id from t b where false",
    "select lower(tenant) from t",
    "select case when id > 1 then 1 else 0 end from t",
    "select count(distinct tenant) from t",
    "select sum(id) from t",
    "create view v as select * from t",
    "select exists (select 1 from t)",
];

impl Generator {
    /// Draws a statement of a session.
    pub fn statement(&mut self, at: usize) {
        match self.model.block(&self.seats[at].name) {
            Block::Failed if self.luck.percent(80) => return self.after_failure(at),
            Block::Open if self.luck.percent(14) => return self.end(at),
            _ => {}
        }
        match self.luck.weighted(&[42, 14, 11, 6, 2, 11, 8, 4, 2]) {
            0 => self.select(at),
            1 => self.insert(at),
            2 => self.update(at),
            3 => self.delete(at),
            4 => {
                let table = self.any_table();
                let table = self.call_only(&table);
                self.changing(at, format!("truncate {table}"));
            }
            5 => self.setting(at),
            6 => self.transaction(at),
            7 => self.definition(at),
            _ => {
                let sql = self.luck.pick(&BEYOND).to_owned();
                self.say(at, sql, vec![]);
            }
        }
    }

    /// One of the tables.
    pub fn any_table(&mut self) -> Table {
        let at = self.luck.below(self.tables.len());
        self.tables[at].clone()
    }

    /// A table by the name that a statement calls it: with its schema, or without, or, rarely, with another's.
    pub fn call(&mut self, table: &Table) -> String {
        match self.luck.below(40) {
            0..16 => table.full(),
            16 if !self.schemas.is_empty() => {
                format!("{}.{}", self.luck.pick(&["s", "v", "public", "nowhere"]), table.name)
            }
            // Where the path leads nowhere, a bare name is one mistake too many.
            _ if table.schema.is_some() && self.luck.percent(70) => table.full(),
            _ => table.name.to_owned(),
        }
    }

    /// The same where `ONLY` may stand before it: before tables that others inherit from.
    fn call_only(&mut self, table: &Table) -> String {
        let name = self.call(table);
        if self.parents.contains(&table.name) && self.luck.percent(25) { format!("only {name}") } else { name }
    }

    /// Says a statement that takes a lock on the whole table, unless another session may hold one: it would wait.
    pub fn changing(&mut self, at: usize, sql: String) {
        if !(0..self.seats.len()).any(|other| other != at && self.in_block(other)) {
            self.say(at, sql, vec![]);
        }
    }

    /// ` where …`, perhaps with a parameter.
    fn condition(&mut self, at: usize, columns: &Columns, params: &mut Vec<Value>) -> String {
        let tenant = &self.tenant(at);
        let luck = &mut self.luck;
        match luck.below(10) {
            0..3 => String::new(),
            3..5 => format!(" where id = {}", luck.below(9)),
            5 => {
                params.push(Value::Int(luck.below(9) as i64));
                format!(" where id {} ${}", luck.pick(&["=", "<", ">="]), params.len())
            }
            6 => {
                params.push(Value::text(tenant));
                format!(" where tenant = ${}", params.len())
            }
            7 => format!(" where tenant = '{tenant}'"),
            _ => format!(" where {}", columns.truth(luck, 2)),
        }
    }

    fn select(&mut self, at: usize) {
        let table = self.any_table();
        let columns = &table.columns;
        if self.luck.percent(6) {
            let none = Columns { table: "", columns: vec![] };
            let kind = [Kind::Text, Kind::Big, Kind::Bool][self.luck.below(3)];
            let sql = format!("select {}", none.of(&mut self.luck, kind, 2));
            return self.say(at, sql, vec![]);
        }
        if !self.schemas.is_empty() && self.luck.percent(6) {
            return self.catalogue(at);
        }
        let name = self.call_only(&table);
        let luck = &mut self.luck;
        let list = match luck.below(10) {
            0..4 => "*".into(),
            4..6 => "count(*)".into(),
            6 => format!("count({})", columns.text(luck, 1)),
            7 => "tenant, id".into(),
            _ => {
                let kind = [Kind::Text, Kind::Big, Kind::Bool][luck.below(3)];
                format!("id, {} as x", columns.of(luck, kind, 2))
            }
        };
        let mut params = Vec::new();
        let mut sql = format!("select {list} from {name}");
        sql += &self.condition(at, columns, &mut params);
        if !list.contains("count") && self.luck.percent(20) {
            // By every column: otherwise a LIMIT may show any of the rows.
            let all: Vec<&str> = columns.columns.iter().map(|c| c.name).collect();
            let way = self.luck.pick(&["", " desc"]);
            sql += &format!(" order by {}{way}", all.join(&format!("{way}, ")));
            if self.luck.percent(60) {
                sql += &format!(" limit {}", self.luck.below(4));
                if self.luck.percent(30) {
                    sql += &format!(" offset {}", self.luck.below(3));
                }
            }
        }
        self.say(at, sql, params);
    }

    fn insert(&mut self, at: usize) {
        let table = self.any_table();
        let (tenant, name) = (self.tenant(at), self.call(&table));
        let luck = &mut self.luck;
        let named = luck.percent(30);
        let columns: Vec<&Column> =
            table.columns.columns.iter().filter(|c| !named || c.not_null || luck.percent(75)).collect();
        let columns = if columns.is_empty() { table.columns.columns.iter().collect() } else { columns };
        let mut params = Vec::new();
        let bound = luck.percent(15);
        let mut rows = Vec::new();
        for _ in 0..1 + luck.weighted(&[80, 20]) {
            let row: Vec<String> = columns.iter().map(|c| inserted(luck, c, &tenant, bound, &mut params)).collect();
            rows.push(format!("({})", row.join(", ")));
        }
        let names: Vec<&str> = columns.iter().map(|c| c.name).collect();
        let names = if named { format!(" ({})", names.join(", ")) } else { String::new() };
        let mut sql = format!("insert into {name}{names} values {}", rows.join(", "));
        match luck.below(12) {
            0 => sql += " on conflict do nothing",
            1 => {
                let key = luck.below(table.keys.len() + 1);
                let key = table.keys.get(key).map_or("id".into(), |k| k.join(", "));
                sql += &format!(" on conflict ({key}) do nothing");
            }
            _ => {}
        }
        sql += self.returning();
        self.say(at, sql, params);
    }

    fn returning(&mut self) -> &'static str {
        match self.luck.below(10) {
            0 => " returning *",
            1 => " returning tenant, id",
            2 => " returning 1",
            _ => "",
        }
    }

    fn update(&mut self, at: usize) {
        let table = self.any_table();
        let name = self.call_only(&table);
        let columns = &table.columns;
        let luck = &mut self.luck;
        let rest: Vec<&Column> = columns.columns.iter().filter(|c| !matches!(c.name, "tenant" | "id")).collect();
        let mut params = Vec::new();
        let set = match luck.below(10) {
            0..1 => format!("tenant = '{}'", TENANTS[luck.below(4)]),
            1 | 2 => format!("id = {}", luck.below(14)),
            3 => "id = id + 20".into(),
            _ if rest.is_empty() => "tenant = tenant".into(),
            4 => {
                let column = rest[luck.below(rest.len())];
                params.push(value(luck, column.kind));
                format!("{} = $1", column.name)
            }
            5..7 => {
                let column = rest[luck.below(rest.len())];
                format!("{} = {}", column.name, columns.of(luck, column.kind, 2))
            }
            _ => {
                let column = rest[luck.below(rest.len())];
                format!("{} = {}", column.name, column.kind.literal(luck))
            }
        };
        let sql = format!("update {name} set {set}{}{}", self.condition(at, columns, &mut params), self.returning());
        self.say(at, sql, params);
    }

    fn delete(&mut self, at: usize) {
        let table = self.any_table();
        let mut params = Vec::new();
        let condition = self.condition(at, &table.columns, &mut params);
        let sql = format!("delete from {}{condition}{}", self.call_only(&table), self.returning());
        self.say(at, sql, params);
    }

    fn setting(&mut self, at: usize) {
        let tenant = TENANTS[self.luck.weighted(&[40, 20, 30, 10])];
        if !self.schemas.is_empty() && self.luck.percent(30) {
            let path = self.path();
            let sql = match self.luck.below(9) {
                0..3 => format!("set search_path = {path}"),
                3..5 => format!("set local search_path to {path}"),
                5 => "reset search_path".into(),
                6 => "show search_path".into(),
                7 => format!(
                    "select set_config('search_path', {}, false)",
                    self.luck.pick(&["'s, public'", "'v,'", "'\"s\"'", "''"])
                ),
                _ => "set search_path to default".into(),
            };
            return self.say(at, sql, vec![]);
        }
        let role = self.luck.pick(&["owner", "staff", "app", "bypass", "none", "heir"]);
        let sql = match self.luck.below(24) {
            0..5 => format!("set app.tenant_id = '{tenant}'"),
            5..9 => format!("set local app.tenant_id = '{tenant}'"),
            9 => "reset app.tenant_id".into(),
            10 => format!("select set_config('app.tenant_id', '{tenant}', {})", self.luck.pick(&["true", "false"])),
            11 => "show app.tenant_id".into(),
            12..15 => format!("set role {role}"),
            15 => format!("set local role {role}"),
            16 => "reset role".into(),
            17 => format!("set row_security = {}", self.luck.pick(&["off", "on", "off", "default"])),
            18 => format!("set app.{} = '{}'", self.luck.pick(&["admin", "least"]), self.luck.pick(&["on", "3", ""])),
            19 => "reset all".into(),
            20 => "discard all".into(),
            21 => format!("set app.tenant_id = '{tenant}'; select count(*) from t; show app.tenant_id"),
            _ => "select current_setting('app.tenant_id', true), current_user, session_user".into(),
        };
        self.say(at, sql, vec![]);
    }

    /// Begins a transaction, or does something with a savepoint.
    pub fn transaction(&mut self, at: usize) {
        if !self.in_block(at) && self.luck.percent(94) {
            self.seats[at].savepoints = 0;
            let modes = [
                "begin",
                "begin",
                "begin",
                "begin",
                "start transaction read only",
                "begin isolation level serializable",
            ];
            let sql = self.luck.pick(&modes).to_owned();
            return self.say(at, sql, vec![]);
        }
        let name = format!("s{}", self.luck.below(self.seats[at].savepoints + 1));
        let sql = match self.luck.below(6) {
            0..3 => {
                self.seats[at].savepoints += 1;
                format!("savepoint s{}", self.seats[at].savepoints - 1)
            }
            3 | 4 => format!("rollback to {name}"),
            _ => format!("release {name}"),
        };
        self.say(at, sql, vec![]);
    }

    /// Ends a transaction.
    pub fn end(&mut self, at: usize) {
        let sql = self.luck.pick(&["commit", "commit", "rollback"]).to_owned();
        self.say(at, sql, vec![]);
    }

    /// What a session does after an error.
    pub fn after_failure(&mut self, at: usize) {
        let savepoints = self.seats[at].savepoints;
        if savepoints > 0 && self.luck.percent(60) {
            let sql = format!("rollback to s{}", self.luck.below(savepoints));
            return self.say(at, sql, vec![]);
        }
        self.end(at);
    }

    /// Which tables there are, by what the catalogue shows. The server's own are left out, for the model lists none.
    fn catalogue(&mut self, at: usize) {
        let own = "('public', 's', 'v', 'app')";
        let sql = match self.luck.below(5) {
            0 => format!("select schemaname, tablename from pg_tables where schemaname in {own}"),
            1 => format!("select * from pg_catalog.pg_tables where schemaname in {own}"),
            2 => "select count(*) from pg_tables where schemaname = 's'".into(),
            3 => format!(
                "select table_schema, table_name, table_type from information_schema.tables where table_schema in {own}"
            ),
            _ => "select table_name, is_insertable_into from information_schema.tables where table_schema = 's'".into(),
        };
        self.say(at, sql, vec![]);
    }

    fn schema_definition(&mut self, at: usize) {
        // What is not committed yet would have the other session wait.
        if self.in_block(at) {
            return self.say(at, "show search_path".into(), vec![]);
        }
        let schema = self.luck.pick(&["s", "s", "v", "public", "app", "nowhere"]);
        let whom = self.luck.pick(&["app", "staff", "public", "bypass", "owner"]);
        let what = self.luck.pick(&["usage", "usage", "create", "all", "usage, create", "select"]);
        let sql = match self.luck.below(12) {
            0..3 => format!("grant {what} on schema {schema} to {whom}"),
            3..6 => format!("revoke {what} on schema {schema} from {whom}"),
            6 => format!("create schema {schema}"),
            7 => format!("create schema if not exists {schema} authorization owner"),
            8 => format!("create table {schema}.w (id int8 primary key, tenant text)"),
            9 => format!("drop table if exists {schema}.w"),
            10 => format!("drop schema if exists {schema}"),
            _ => "drop schema v cascade".into(),
        };
        self.changing(at, sql);
    }

    fn definition(&mut self, at: usize) {
        if !self.schemas.is_empty() && self.luck.percent(40) {
            return self.schema_definition(at);
        }
        let which = self.luck.below(self.tables.len());
        let table = self.tables[which].clone();
        let name = self.call(&table);
        let whom = self.luck.pick(&["app", "staff", "public", "bypass"]);
        let sql = match self.luck.below(12) {
            0 => format!("alter table {name} enable row level security"),
            1 => format!("alter table {name} disable row level security"),
            2 => format!("alter table {name} force row level security"),
            3 => format!("alter table {name} no force row level security"),
            4..6 => self.policy(which),
            6 => {
                let policies = &self.tables[which].policies;
                let policy = if policies.is_empty() { "p0" } else { &policies[self.luck.below(policies.len())] };
                format!("drop policy {policy} on {name}")
            }
            7 => format!("grant {} on {name} to {whom}", self.luck.pick(&["all", "select", "insert, update"])),
            8 => format!("revoke {} on {name} from {whom}", self.luck.pick(&["all", "select", "update", "delete"])),
            9 => format!("alter table {name} owner to {}", self.luck.pick(&["owner", "app", "staff"])),
            10 => "create table w (id int8 primary key, tenant text)".into(),
            _ => "drop table if exists w".into(),
        };
        self.changing(at, sql);
    }
}

/// A value of a new row: mostly the number of a row that is not there yet.
fn inserted(luck: &mut Luck, column: &Column, tenant: &str, bound: bool, params: &mut Vec<Value>) -> String {
    if bound && luck.percent(60) {
        params.push(match column.name {
            "id" => Value::Int(luck.below(60) as i64),
            "tenant" if luck.percent(90) => Value::text(tenant),
            _ => value(luck, column.kind),
        });
        return format!("${}", params.len());
    }
    match column.name {
        "tenant" if luck.percent(94) => format!("'{tenant}'"),
        "id" if luck.percent(92) => luck.below(60).to_string(),
        _ => match luck.below(12) {
            0 => "default".into(),
            1 => "null".into(),
            2 => Columns { table: "", columns: vec![] }.of(luck, column.kind, 1),
            _ => column.kind.literal(luck),
        },
    }
}

fn value(luck: &mut Luck, kind: Kind) -> Value {
    match kind {
        _ if luck.percent(10) => Value::Null,
        Kind::Text => Value::text(TENANTS[luck.below(4)]),
        Kind::Bool => Value::Bool(luck.percent(50)),
        Kind::Big | Kind::Int => Value::Int(luck.below(12) as i64),
    }
}
