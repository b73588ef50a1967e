//! Random programs: tenants' tables in one schema or several, with policies and rows, and what sessions of several
//! roles do with them.
//!
//! Most statements are valid and most roles hold their privileges, because programs that fail early prove little; the
//! rest is wrong on purpose, each in one respect.

use crate::around::WIDE_FROM;
use crate::expression::{Column, Columns, Kind};
use crate::interleaved::INTERLEAVED_FROM;
use crate::keyed::KEYED_FROM;
use crate::luck::Luck;
use crate::postgres_model::Model;
use crate::program::{Program, SUPERUSER, Step};
use models::control::ControlSet;
use models::postgres::session::Block;
use models::wire::sql::Value;

/// Tenants: one name begins another, and one is empty.
pub const TENANTS: [&str; 4] = ["acme", "acme-corp", "beta", ""];
/// Roles that log in, the frequent one more than once.
const LOGINS: [&str; 11] = ["app", "app", "app", "app", "app", "clerk", "distant", "owner", "heir", "bypass", "root"];
/// Roles that policies and grants are for.
const GRANTEES: [&str; 6] = ["public", "app", "app", "staff", "owner", "clerk"];

/// Schemas that programs make beside `public`; one is called like a role, which finds it by `"$user"`.
pub const SCHEMAS: [&str; 3] = ["s", "v", "app"];

/// A table of a program.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its schema, if that is not `public`.
    pub schema: Option<&'static str>,
    /// Its columns.
    pub columns: Columns,
    /// Columns of its keys.
    pub keys: Vec<Vec<&'static str>>,
    /// Names of policies that were made.
    pub policies: Vec<String>,
}

impl Table {
    /// Its name with its schema.
    pub fn full(&self) -> String {
        self.schema.map_or_else(|| self.name.to_owned(), |schema| format!("{schema}.{}", self.name))
    }
}

/// A session of a program, as far as its next statement depends on it.
#[derive(Clone, Debug)]
pub struct Seat {
    /// `login`, or `login/2`.
    pub name: String,
    /// Savepoints that were made in it.
    pub savepoints: usize,
}

/// Draws one program.
#[derive(Debug)]
pub struct Generator {
    /// The draws.
    pub luck: Luck,
    /// Schemas beside `public`.
    pub schemas: Vec<&'static str>,
    /// Tables so far.
    pub tables: Vec<Table>,
    /// Functions, in programs that have some.
    pub functions: Vec<&'static str>,
    /// Tables that others inherit from, in programs that have some.
    pub parents: Vec<&'static str>,
    /// Sessions.
    pub seats: Vec<Seat>,
    /// Runs what is drawn, so that the next draw knows how it ended.
    pub model: Model,
    steps: Vec<Step>,
}

/// The program of a seed.
pub fn program(seed: u64) -> Program {
    let (luck, model) = (Luck::new(seed), Model::new(ControlSet::EMPTY));
    let (schemas, tables, functions, parents) = (vec![], vec![], vec![], vec![]);
    let (seats, steps) = (vec![], vec![]);
    let mut generator = Generator { luck, schemas, tables, functions, parents, seats, model, steps };
    if seed >= INTERLEAVED_FROM {
        generator.interleaved();
        return Program { seed, steps: generator.steps };
    }
    generator.make_schemas();
    let tables = if generator.luck.percent(70) { 1 } else { 2 };
    for name in ["t", "u"].into_iter().take(tables) {
        let schemas = generator.schemas.clone();
        let schema =
            if schemas.is_empty() || generator.luck.percent(60) { None } else { Some(generator.luck.pick(&schemas)) };
        // Two tables of one name lie in two schemas: which of them is meant is for the search path to say.
        let apart = generator.tables.iter().all(|other| other.schema != schema);
        let name = if apart && generator.luck.percent(50) { "t" } else { name };
        generator.table(name, schema);
    }
    let (is_wide, is_keyed) = ((WIDE_FROM..KEYED_FROM).contains(&seed), seed >= KEYED_FROM);
    if is_wide {
        generator.around();
    }
    if is_keyed {
        generator.keyed();
    }
    generator.sessions();
    let length = 12 + generator.luck.below(20);
    let mut at = 0;
    for _ in 0..length {
        // Sessions change between transactions for the most part.
        if generator.luck.percent(if generator.in_block(at) { 12 } else { 50 }) {
            at = generator.luck.below(generator.seats.len());
        }
        if is_wide && generator.luck.percent(15) {
            generator.calls(at);
        } else if is_keyed && generator.luck.percent(45) {
            generator.refers(at);
        } else {
            generator.statement(at);
        }
    }
    Program { seed, steps: generator.steps }
}

impl Generator {
    /// Adds a statement of the superuser.
    pub fn root(&mut self, sql: String) {
        self.root_may(sql);
    }

    /// The same, and says whether it succeeds.
    pub fn root_may(&mut self, sql: String) -> bool {
        self.push(Step::new(SUPERUSER, sql))
    }

    fn push(&mut self, step: Step) -> bool {
        let said = self.model.run(&step);
        self.steps.push(step);
        said.answers.is_some_and(|answers| answers.iter().all(|answer| answer.sqlstate().is_none()))
    }

    /// Whether a session has a transaction block open.
    pub fn in_block(&self, at: usize) -> bool {
        self.model.block(&self.seats[at].name) != Block::Idle
    }

    /// A tenant: mostly the one that the session has set.
    pub fn tenant(&mut self, at: usize) -> String {
        match self.model.tenant(&self.seats[at].name) {
            Some(tenant) if self.luck.percent(75) => tenant.to_owned(),
            _ => TENANTS[self.luck.weighted(&[40, 20, 30, 10])].to_owned(),
        }
    }

    /// Adds a statement of a session.
    pub fn say(&mut self, at: usize, sql: String, params: Vec<Value>) {
        self.push(Step { session: self.seats[at].name.clone(), sql, params });
    }

    fn sessions(&mut self) {
        for n in 0..1 + self.luck.weighted(&[60, 40]) {
            let login = self.luck.pick(&LOGINS);
            let twice = self.seats.iter().any(|s| s.name == login);
            let name = if twice { format!("{login}/2") } else { login.into() };
            self.seats.push(Seat { name, savepoints: 0 });
            if !self.schemas.is_empty() && self.luck.percent(55) {
                let path = self.path();
                self.say(n, format!("set search_path = {path}"), vec![]);
            }
            if self.luck.percent(85) {
                let tenant = TENANTS[self.luck.below(3)];
                self.say(n, format!("set app.tenant_id = '{tenant}'"), vec![]);
            }
        }
    }

    /// Schemas, who may use them and create in them, and what sessions of a role begin with.
    fn make_schemas(&mut self) {
        let count = self.luck.weighted(&[45, 30, 17, 8]);
        for name in SCHEMAS.into_iter().take(count) {
            let owner = self.luck.pick(&["", "", " authorization owner", " authorization app"]);
            self.root(format!("create schema {name}{owner}"));
            if self.luck.percent(90) {
                let whom =
                    self.luck.pick(&["public", "public", "app, staff, bypass", "staff, app, owner", "clerk, app"]);
                let what = self.luck.pick(&["usage", "usage", "usage", "usage", "all", "create"]);
                self.root(format!("grant {what} on schema {name} to {whom}"));
            }
            self.schemas.push(name);
        }
        if count == 0 {
            return;
        }
        if self.luck.percent(5) {
            self.root("revoke usage on schema public from public".into());
        }
        if self.luck.percent(12) {
            let view = self.luck.pick(&["pg_tables", "pg_catalog.pg_tables", "information_schema.tables"]);
            self.root(format!("revoke select on {view} from public"));
        }
        if self.luck.percent(25) {
            let (role, to) =
                (self.luck.pick(&["app", "app", "clerk", "owner"]), self.luck.pick(&["s", "v", "'s, v'", "public"]));
            self.root(format!("alter role {role} set search_path = {to}"));
        }
    }

    /// A value for `search_path`.
    pub fn path(&mut self) -> String {
        let paths = [
            "s",
            "s, public",
            "public, s",
            "v, s, public",
            "public",
            "\"$user\", s",
            "'s'",
            "nowhere, S, public",
            "'s, public'",
            "\"$user\", pg_catalog, v",
            "app, public",
            "''",
        ];
        self.luck.pick(&paths).to_owned()
    }

    fn table(&mut self, name: &'static str, schema: Option<&'static str>) {
        let luck = &mut self.luck;
        let mut columns = vec![Column { name: "tenant", kind: Kind::Text, not_null: luck.percent(40) }];
        let number = |luck: &mut Luck| if luck.percent(60) { Kind::Big } else { Kind::Int };
        columns.push(Column { name: "id", kind: number(luck), not_null: luck.percent(30) });
        for (name, kind) in [("n", number(luck)), ("note", Kind::Text), ("flag", Kind::Bool)] {
            if luck.percent(60) {
                columns.push(Column { name, kind, not_null: luck.percent(15) });
            }
        }
        let keys = match luck.below(5) {
            0 => vec![],
            1 => vec![vec!["id"]],
            2 => vec![vec!["id"], vec!["tenant", "id"]],
            _ => vec![vec!["tenant", "id"]],
        };
        let definition =
            |c: &Column| format!("{} {}{}", c.name, c.kind.name(), if c.not_null { " not null" } else { "" });
        let mut parts: Vec<String> = columns.iter().map(definition).collect();
        let primary = luck.percent(70);
        for (at, key) in keys.iter().enumerate() {
            let kind = if at == 0 && primary { "primary key" } else { "unique" };
            parts.push(format!("{kind} ({})", key.join(", ")));
        }
        let columns = Columns { table: name, columns };
        let table = Table { name, schema, columns, keys, policies: vec![] };
        let full = table.full();
        self.tables.push(table);
        self.root(format!("create table {full} ({})", parts.join(", ")));
        self.rights(&full);
        self.rows();
        let policies = self.luck.weighted(&[1, 5, 5, 3, 2]);
        for _ in 0..policies {
            let sql = self.policy(self.tables.len() - 1);
            self.root(sql);
        }
    }

    /// Owner, grants and row security of a new table.
    pub fn rights(&mut self, name: &str) {
        match self.luck.below(10) {
            0..6 => self.root(format!("alter table {name} owner to owner")),
            6 => self.root(format!("alter table {name} owner to app")),
            _ => {}
        }
        let what = if self.luck.percent(90) { "all" } else { "select" };
        self.root(format!("grant {what} on {name} to app, bypass"));
        if self.luck.percent(70) {
            let what = self.luck.pick(&["all", "select", "select, insert", "select, insert, update, delete", "update"]);
            let whom = self.luck.pick(&["staff", "staff", "public", "clerk"]);
            self.root(format!("grant {what} on {name} to {whom}"));
        }
        if self.luck.percent(88) {
            self.root(format!("alter table {name} enable row level security"));
        }
        if self.luck.percent(50) {
            self.root(format!("alter table {name} force row level security"));
        }
    }

    /// Three to nine rows, spread over the tenants.
    fn rows(&mut self) {
        let count = 3 + self.luck.below(7);
        let table = self.tables.last().expect("just made").clone();
        let mut rows = Vec::new();
        for id in 0..count {
            let value = |luck: &mut Luck, c: &Column| match c.name {
                "tenant" => format!("'{}'", TENANTS[luck.below(3)]),
                "id" => id.to_string(),
                _ if !c.not_null && luck.percent(15) => "null".into(),
                _ => c.kind.literal(luck),
            };
            let row: Vec<String> = table.columns.columns.iter().map(|c| value(&mut self.luck, c)).collect();
            rows.push(format!("({})", row.join(", ")));
        }
        self.root(format!("insert into {} values {}", table.full(), rows.join(", ")));
    }

    /// `CREATE POLICY`.
    pub fn policy(&mut self, at: usize) -> String {
        let name = format!("p{}", self.tables[at].policies.len());
        let command = self.luck.weighted(&[64, 10, 9, 9, 8]);
        let (using, check) = [(true, true), (true, false), (false, true), (true, true), (true, false)][command];
        let command = ["", " for select", " for insert", " for update", " for delete"][command];
        let kind = if self.luck.percent(18) { " as restrictive" } else { "" };
        let to = if self.luck.percent(72) { String::new() } else { format!(" to {}", self.luck.pick(&GRANTEES)) };
        let table = self.tables[at].full();
        let mut sql = format!("create policy {name} on {table}{kind}{command}{to}");
        let mistaken = self.luck.percent(2);
        if (using || mistaken) && self.luck.percent(92) {
            sql += &format!(" using ({})", self.condition_of_policy(at));
        }
        if (check || mistaken) && self.luck.percent(if using { 35 } else { 95 }) {
            sql += &format!(" with check ({})", self.condition_of_policy(at));
        }
        self.tables[at].policies.push(name);
        sql
    }

    fn condition_of_policy(&mut self, at: usize) -> String {
        let columns = self.tables[at].columns.clone();
        let luck = &mut self.luck;
        match luck.below(20) {
            0..7 => "tenant = current_setting('app.tenant_id', true)".into(),
            7..11 => "tenant = nullif(current_setting('app.tenant_id', true), '')".into(),
            11 => "tenant = current_setting('app.tenant_id')".into(),
            12 => "current_setting('app.tenant_id', true) in (tenant, 'acme')".into(),
            13 => "current_setting('app.admin', true) = 'on'".into(),
            14 => "true".into(),
            15 => "tenant = current_user or tenant <> 'beta'".into(),
            16 => "id >= nullif(current_setting('app.least', true), '')::int8".into(),
            _ => columns.truth(luck, 2),
        }
    }
}
