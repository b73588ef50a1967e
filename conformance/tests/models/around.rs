//! What programs make beside tables: views of both kinds, functions, tables in partitions, and tables with heirs.
//! Sessions name them as they name tables, and call the functions.
//!
//! Programs of a million seeds from [`WIDE_FROM`] on have them; those of the seeds below are what they always were.

use crate::expression::{Column, Columns, Kind};
use crate::generate::{Generator, TENANTS, Table};
use crate::luck::Luck;

/// Seeds from here on draw programs with more than tables.
pub const WIDE_FROM: u64 = 1_000_000;

/// Names of what is made, which no table has.
const NAMES: [&str; 3] = ["v0", "v1", "v2"];
const FUNCTIONS: [&str; 2] = ["f0", "f1"];

impl Generator {
    /// Makes one to three relations beside the tables, and up to two functions.
    pub fn around(&mut self) {
        self.root("grant create on schema public to owner, app".into());
        let count = 1 + self.luck.below(NAMES.len());
        for name in NAMES.into_iter().take(count) {
            match self.luck.weighted(&[50, 12, 18, 20]) {
                0 => self.view(name, ""),
                1 => self.view(name, "materialized "),
                2 => self.partitioned(name),
                _ => self.inherited(name),
            }
        }
        for name in FUNCTIONS.into_iter().take(self.luck.weighted(&[30, 50, 20])) {
            self.function(name);
        }
    }

    /// Runs a definition as the superuser, or as somebody with fewer rights; says whether it succeeds.
    pub fn made_by(&mut self, sql: String) -> bool {
        let by = self.luck.pick(&["", "", "", "owner", "owner", "app"]);
        if by.is_empty() {
            return self.root_may(sql);
        }
        self.root(format!("set role {by}"));
        let made = self.root_may(sql);
        self.root("reset role".into());
        made
    }

    /// Columns of a relation that is read through another one: the tenant, the number, and some of the others, perhaps
    /// as an expression.
    fn shown(&mut self, of: &Columns, name: &'static str) -> (Columns, String) {
        let (mut columns, mut list) = (Vec::new(), Vec::new());
        for column in &of.columns {
            let is_key = matches!(column.name, "tenant" | "id");
            if !is_key && self.luck.percent(30) {
                continue;
            }
            list.push(match self.luck.below(8) {
                0 if !is_key => format!("{} as {}", of.of(&mut self.luck, column.kind, 1), column.name),
                _ => column.name.to_owned(),
            });
            columns.push(Column { not_null: false, ..column.clone() });
        }
        (Columns { table: name, columns }, list.join(", "))
    }

    fn view(&mut self, name: &'static str, kind: &str) {
        let source = self.tables[self.luck.below(self.tables.len())].clone();
        let (columns, list) = self.shown(&source.columns, name);
        let options = match self.luck.below(8) {
            _ if !kind.is_empty() => "",
            0..3 => "",
            3 | 4 => " with (security_invoker = true)",
            5 | 6 => " with (security_barrier = on)",
            _ => " with (security_invoker = true, security_barrier = true)",
        };
        let filter = match self.luck.below(6) {
            0..3 => String::new(),
            3 | 4 => " where tenant = nullif(current_setting('app.tenant_id', true), '')".into(),
            _ => format!(" where {}", source.columns.truth(&mut self.luck, 1)),
        };
        let sql = format!("create {kind}view {name}{options} as select {list} from {}{filter}", source.full());
        self.made_by(sql);
        self.grants(name);
        self.tables.push(Table { name, schema: None, columns, keys: vec![], policies: vec![] });
    }

    fn grants(&mut self, name: &str) {
        if self.luck.percent(90) {
            let what = self.luck.pick(&["all", "select", "select"]);
            let whom = self.luck.pick(&["app", "app, staff", "public", "app, bypass"]);
            self.root(format!("grant {what} on {name} to {whom}"));
        }
        if self.luck.percent(25) {
            let owner = self.luck.pick(&["owner", "app", "bypass"]);
            self.root(format!("alter table {name} owner to {owner}"));
        }
    }

    fn partitioned(&mut self, name: &'static str) {
        let column = |name, kind, not_null| Column { name, kind, not_null };
        let columns =
            vec![column("tenant", Kind::Text, false), column("id", Kind::Big, true), column("note", Kind::Text, false)];
        let key = if self.luck.percent(60) { ", primary key (tenant, id)" } else { "" };
        self.root(format!(
            "create table {name} (tenant text, id int8 not null, note text{key}) partition by list (tenant)"
        ));
        let keys = if key.is_empty() { vec![] } else { vec![vec!["tenant", "id"]] };
        let parts: &[(&str, &str)] = match name {
            "v0" => &[("v0_a", "('acme', 'acme-corp')"), ("v0_b", "('beta')")],
            "v1" => &[("v1_a", "('acme')"), ("v1_b", "('beta', '')")],
            _ => &[("v2_a", "('acme', 'beta')")],
        };
        self.relative(name, columns.clone(), keys.clone(), true);
        for (part, values) in parts {
            self.root(format!("create table {part} partition of {name} for values in {values}"));
            self.relative(part, columns.clone(), keys.clone(), false);
        }
        let rows: Vec<String> =
            (0..5).map(|n| format!("('{}', {n}, '{}')", TENANTS[self.luck.below(3)], self.luck.below(9))).collect();
        // One may have no partition: then none of them is there.
        self.root(format!("insert into {name} values {}", rows.join(", ")));
    }

    /// Policies and grants of a table that has parts or heirs, or is one.
    fn relative(&mut self, name: &'static str, columns: Vec<Column>, keys: Vec<Vec<&'static str>>, is_first: bool) {
        let columns = Columns { table: name, columns };
        self.tables.push(Table { name, schema: None, columns, keys, policies: vec![] });
        if self.luck.percent(80) {
            self.root(format!("alter table {name} enable row level security"));
        }
        for _ in 0..self.luck.weighted(&[20, 60, 20]) {
            let sql = self.policy(self.tables.len() - 1);
            self.root(sql);
        }
        if is_first || self.luck.percent(60) {
            self.grants(name);
        }
    }

    /// A table, one or two that inherit from it, and perhaps one that inherits from such a one.
    fn inherited(&mut self, name: &'static str) {
        let column = |name, kind, not_null| Column { name, kind, not_null };
        let mut columns = vec![
            column("tenant", Kind::Text, false),
            column("id", Kind::Big, false),
            column("note", Kind::Text, false),
        ];
        let key = self.luck.pick(&["", ", primary key (tenant, id)", ", unique (id)"]);
        self.root(format!("create table {name} (tenant text, id int8, note text{key})"));
        if key.contains("primary") {
            columns[..2].iter_mut().for_each(|c| c.not_null = true);
        }
        let keys = |key: &str| match key {
            "" => vec![],
            key if key.contains("tenant") => vec![vec!["tenant", "id"]],
            _ => vec![vec!["id"]],
        };
        self.relative(name, columns.clone(), keys(key), true);
        let heirs: [&'static str; 3] = match name {
            "v0" => ["v0_h", "v0_i", "v0_j"],
            "v1" => ["v1_h", "v1_i", "v1_j"],
            _ => ["v2_h", "v2_i", "v2_j"],
        };
        let mut parent = (name, columns.clone());
        let mut made = vec![name];
        for heir in heirs.into_iter().take(1 + self.luck.weighted(&[50, 35, 15])) {
            let (of, mut columns) = if self.luck.percent(70) { (name, columns.clone()) } else { parent.clone() };
            let more = self.luck.pick(&["", "n int8", "note text not null"]);
            let key = self.luck.pick(&["", "primary key (tenant, id)", "unique (id)"]);
            let parts: Vec<&str> = [more, key].into_iter().filter(|part| !part.is_empty()).collect();
            self.root(format!("create table {heir} ({}) inherits ({of})", parts.join(", ")));
            if more == "n int8" && columns.iter().all(|c| c.name != "n") {
                columns.push(column("n", Kind::Big, false));
            }
            columns[2].not_null |= more.ends_with("not null");
            columns[..2].iter_mut().for_each(|c| c.not_null |= key.contains("primary"));
            self.relative(heir, columns.clone(), keys(key), false);
            parent = (heir, columns);
            made.push(heir);
        }
        for (at, one) in made.into_iter().enumerate() {
            let row = |luck: &mut Luck, n: usize| {
                format!("('{}', {}, '{}')", TENANTS[luck.below(3)], 10 * at + n, luck.below(9))
            };
            let rows: Vec<String> = (0..3).map(|n| row(&mut self.luck, n)).collect();
            self.root(format!("insert into {one} values {}", rows.join(", ")));
        }
        self.parents.push(name);
    }

    fn function(&mut self, name: &'static str) {
        let source = self.tables[self.luck.below(self.tables.len())].clone();
        let number = source.columns.columns.iter().find(|c| c.name == "id").map_or("int8", |c| c.kind.name());
        let security = self.luck.pick(&["", " security definer", " security definer", " security invoker"]);
        let path = self.luck.pick(&["", "", " set search_path = public", " set search_path = s, public"]);
        let filter = self.luck.pick(&[
            "id = $1",
            "id >= $1",
            "id <> $1 and tenant = current_setting('app.tenant_id', true)",
            "tenant <> current_user or id = $1",
        ]);
        let from = if self.luck.percent(60) { source.full() } else { source.name.to_owned() };
        self.made_by(format!(
            "create function {name}(int8) returns table (tenant text, id {number}) language sql{security}{path} as $f$ \
             select tenant, id from {from} where {filter} $f$"
        ));
        self.functions.push(name);
    }

    /// Calls one of the functions, if there is one.
    pub fn calls(&mut self, at: usize) {
        if self.functions.is_empty() {
            return self.statement(at);
        }
        let name = self.functions[self.luck.below(self.functions.len())];
        let list = self.luck.pick(&["*", "*", "count(*)", "id, tenant || '!' as x", "x.id"]);
        let argument = self.luck.pick(&["1", "2", "'3'", "null", "4 + 1", "'x'", "true"]);
        let filter = self.luck.pick(&["", "", "", " where x.tenant = 'acme'", " where tenant <> 'beta'"]);
        self.say(at, format!("select {list} from {name}({argument}) x{filter}"), vec![]);
    }
}
