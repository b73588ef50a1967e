//! The schema as the application's role is shown it: relations, policies, functions, roles, settings.
//!
//! Privileges are asked of the server, never worked out: `has_table_privilege` knows every way in which a role comes by
//! one. Everybody may read `pg_catalog`, so this needs no other role.

mod load;

pub use load::{function_grantees, grantees, large_object_grantees, load, schema_grantees};
use postgres_protocol::escape::{escape_identifier, escape_literal};

/// What a relation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A table, partitioned or not.
    Table,
    /// A view.
    View,
    /// A materialised view.
    Materialised,
    /// A foreign table.
    Foreign,
}

/// Rights on a relation, by the role that acts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Rights {
    /// Rows may be read, perhaps not every column.
    pub select: bool,
    /// Rows may be added.
    pub insert: bool,
    /// Rows may be changed.
    pub update: bool,
    /// Rows may be erased.
    pub delete: bool,
    /// All rows may be erased.
    pub truncate: bool,
    /// Foreign keys may point here.
    pub references: bool,
    /// Triggers may be put here.
    pub trigger: bool,
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its number in the relation.
    pub number: i16,
    /// Its name.
    pub name: String,
    /// Its type, as `format_type` writes it.
    pub kind: String,
    /// It takes no null.
    pub not_null: bool,
    /// It fills itself: a default, an identity, or an expression.
    pub fills_itself: bool,
    /// It cannot be written at all.
    pub generated: bool,
    /// The role may read it.
    pub select: bool,
    /// The role may give it in a new row.
    pub insert: bool,
    /// The role may change it.
    pub update: bool,
}

/// A key that points at another relation.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// Its name.
    pub name: String,
    /// Columns that point.
    pub columns: Vec<i16>,
    /// Where.
    pub target: u32,
    /// At which columns.
    pub at: Vec<i16>,
}

/// A unique index.
#[derive(Clone, Debug)]
pub struct Unique {
    /// Its name.
    pub name: String,
    /// Columns, 0 for an expression.
    pub columns: Vec<i16>,
    /// The expressions, if any, as one text.
    pub expressions: Option<String>,
    /// It belongs to a constraint.
    pub constraint: bool,
}

/// A policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// `r`, `a`, `w`, `d`, or `*` for all commands.
    pub command: char,
    /// It opens; a restrictive one closes.
    pub permissive: bool,
    /// It holds for the role that acts.
    pub holds: bool,
    /// What rows must be, as text.
    pub using: Option<String>,
    /// What rows must become, as text.
    pub check: Option<String>,
    /// Columns of its own relation that it asks for.
    pub columns: Vec<i16>,
}

/// A trigger on a relation, with what its function is.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// The language of its function.
    pub language: String,
    /// The server trusts that language.
    pub trusted: bool,
    /// What the function says.
    pub source: String,
}

/// A relation that holds or shows rows.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its number.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Row security is switched on.
    pub row_security: bool,
    /// Row security holds for the role that acts.
    pub active: bool,
    /// The role that owns it.
    pub owner: String,
    /// The acting role owns it, or is a member of the owner.
    pub owned: bool,
    /// The relation that it is a part or heir of.
    pub parent: Option<u32>,
    /// What the acting role may do.
    pub rights: Rights,
    /// What a view is defined as.
    pub definition: Option<String>,
    /// Rules say what a write does instead.
    pub ruled: bool,
    /// Relations that a view reads.
    pub reads: Vec<u32>,
    /// Columns, in order.
    pub columns: Vec<Column>,
    /// Keys that point elsewhere.
    pub foreign_keys: Vec<ForeignKey>,
    /// What must be unique.
    pub uniques: Vec<Unique>,
    /// Policies.
    pub policies: Vec<Policy>,
    /// Triggers of users.
    pub triggers: Vec<Trigger>,
}

/// A function that the acting role may call.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its number.
    pub oid: u32,
    /// Schema, name and types: `public.f(text)`.
    pub signature: String,
    /// Schema and name, quoted where it must be.
    pub call: String,
    /// It runs with its owner's rights.
    pub definer: bool,
    /// `i`, `s` or `v`.
    pub volatility: char,
    /// It is called leakproof.
    pub leakproof: bool,
    /// Its language.
    pub language: String,
    /// The server trusts that language.
    pub trusted: bool,
    /// What it says.
    pub source: String,
    /// Types of its arguments.
    pub arguments: Vec<String>,
    /// Their names, where they have any.
    pub names: Vec<String>,
    /// What it returns.
    pub returns: String,
    /// Settings of its own: `search_path=…`.
    pub settings: String,
    /// It can be called at all: not a trigger, nor of an extension.
    pub callable: bool,
}

/// A role that can be become.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// It is a superuser.
    pub superuser: bool,
    /// Row security does not hold for it.
    pub bypass: bool,
    /// It may replicate.
    pub replication: bool,
}

/// A setting that connections begin with.
#[derive(Clone, Debug)]
pub struct Preset {
    /// `database NAME`, `role NAME`, or both.
    pub object: String,
    /// What takes it back.
    pub repair: String,
    /// The setting.
    pub name: String,
}

/// The schema.
#[derive(Clone, Default, Debug)]
pub struct Catalogue {
    /// `server_version_num`.
    pub version: u32,
    /// Relations, by schema and name.
    pub relations: Vec<Relation>,
    /// Functions, by signature.
    pub functions: Vec<Function>,
    /// The role that connects.
    pub login: Option<Role>,
    /// Roles that it can become, itself left out.
    pub roles: Vec<Role>,
    /// What connections begin with.
    pub presets: Vec<Preset>,
}

impl Relation {
    /// Its name as SQL takes it.
    pub fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// Its name as reports give it.
    pub fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// A column by number.
    pub fn column(&self, number: i16) -> Option<&Column> {
        self.columns.iter().find(|c| c.number == number)
    }

    /// A column by name.
    pub fn named(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }
}

impl Catalogue {
    /// A relation by number.
    pub fn relation(&self, oid: u32) -> Option<&Relation> {
        self.relations.iter().find(|r| r.oid == oid)
    }
}

/// A name as SQL takes it: quoted where it must be.
pub fn quoted(name: &str) -> String {
    let plain = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&name);
    if plain { name.to_owned() } else { escape_identifier(name) }
}

/// Reserved words that are likely names of tables and columns.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "default",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "initially",
    "intersect",
    "into",
    "lateral",
    "leading",
    "limit",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "placing",
    "primary",
    "references",
    "returning",
    "select",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "when",
    "where",
    "window",
    "with",
];

/// A value as SQL takes it.
pub fn literal(text: &str) -> String {
    // A backslash makes the library write ` E'…'`, with a blank in front.
    escape_literal(text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_quoted_where_they_must_be() {
        for (name, shown) in
            [("orders", "orders"), ("order", "\"order\""), ("Agent", "\"Agent\""), ("a\"b", "\"a\"\"b\"")]
        {
            assert_eq!(quoted(name), shown);
        }
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), "E'a\\\\b'");
    }
}
