//! Roles, schemas, tables, grants and policies: what the system catalogs of a server hold.
//!
//! Being the owner is more than one role: every role that *inherits* membership of the owner counts as owner, for
//! privileges and for the exemption from row security alike. `BYPASSRLS` and superuser are never inherited.

use super::expr::Expr;
pub use super::kind::Type;
use super::setting::SettingId;
use super::sqlstate::SqlError;
use crate::wire::sql::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A role by its place in [`Catalog::roles`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RoleId(pub u16);

/// A table by its place in [`Catalog::tables`]. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TableId(pub u16);

/// A schema by its place in [`Catalog::schemas`]. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SchemaId(pub u16);

/// `pg_catalog`, which is looked into before every search path that does not name it.
pub const PG_CATALOG: SchemaId = SchemaId(0);
/// `information_schema`.
pub const INFORMATION_SCHEMA: SchemaId = SchemaId(1);
/// `public`.
pub const PUBLIC: SchemaId = SchemaId(2);

/// A schema.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Its name.
    pub name: Arc<str>,
    /// Its owner.
    pub owner: RoleId,
    /// Grants. The owner has both from the beginning, and can lose them.
    pub grants: Vec<(Grantee, SchemaRight)>,
    /// Its tables and views by name.
    pub tables: BTreeMap<Arc<str>, TableId>,
    /// Its functions by name; there is one of a name.
    pub functions: BTreeMap<Arc<str>, u16>,
    /// Whether `DROP SCHEMA` removed it.
    pub dropped: bool,
}

/// What can be granted on a schema, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SchemaRight(pub u8);

impl SchemaRight {
    /// `USAGE`: to find what lies in it.
    pub const USAGE: SchemaRight = SchemaRight(1);
    /// `CREATE`: to put something into it.
    pub const CREATE: SchemaRight = SchemaRight(2);
    /// Both.
    pub const ALL: SchemaRight = SchemaRight(3);
}

/// Places of the catalogue's own views begin here, so that tables keep the places that the log calls them by.
pub const VIEWS_FIRST: u16 = 0xff00;
/// Places of what functions return begin here.
pub const FUNCTIONS_FIRST: u16 = 0xf000;

/// A view of the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    /// `pg_catalog.pg_tables`.
    PgTables,
    /// `information_schema.tables`.
    Tables,
}

/// The bootstrap superuser, who owns what nobody else owns.
pub const BOOTSTRAP: RoleId = RoleId(0);
/// Name of the bootstrap superuser.
pub const BOOTSTRAP_NAME: &str = "postgres";

/// More policies than this on one table are refused: a set of policies is one machine word.
pub const POLICIES_MAX: usize = 64;

/// Everything that DDL can change. Copied on write, so that a rollback is one pointer.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Roles; the first is the bootstrap superuser.
    pub roles: Vec<Role>,
    /// Schemas, dropped ones included.
    pub schemas: Vec<Schema>,
    /// Tables, dropped ones included.
    pub tables: Vec<Table>,
    role_names: BTreeMap<Arc<str>, RoleId>,
    /// The catalogue's own views; none where nobody reads them.
    pub views: Vec<Table>,
    /// Functions, dropped ones included.
    pub functions: Vec<Function>,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: Arc<str>,
    /// What it may do by itself.
    pub attributes: Attributes,
    /// Roles that it is a direct member of.
    pub member_of: Vec<RoleId>,
    /// Its password, if it has one.
    pub password: Option<Arc<str>>,
    /// Settings that its sessions begin with (`ALTER ROLE … SET`).
    pub defaults: Vec<(SettingId, Arc<str>)>,
}

/// Attributes of `CREATE ROLE`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attributes {
    /// Exempt from every check.
    pub superuser: bool,
    /// Exempt from row security.
    pub bypassrls: bool,
    /// Uses the privileges of the roles it is a member of without `SET ROLE`.
    pub inherit: bool,
    /// May open a session.
    pub login: bool,
    /// May create roles.
    pub createrole: bool,
}

/// A role, or everybody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grantee {
    /// `PUBLIC`.
    Public,
    /// One role and those that inherit from it.
    Role(RoleId),
}

/// A table privilege, as a bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Privilege(pub u8);

impl Privilege {
    /// `SELECT`.
    pub const SELECT: Privilege = Privilege(1);
    /// `INSERT`.
    pub const INSERT: Privilege = Privilege(2);
    /// `UPDATE`.
    pub const UPDATE: Privilege = Privilege(4);
    /// `DELETE`.
    pub const DELETE: Privilege = Privilege(8);
    /// `TRUNCATE`.
    pub const TRUNCATE: Privilege = Privilege(16);
    /// `REFERENCES`: to make a foreign key that refers to it.
    pub const REFERENCES: Privilege = Privilege(32);
    /// `ALL`.
    pub const ALL: Privilege = Privilege(63);
}

/// A column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub kind: Type,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// What an insert without a value stores.
    pub default: Option<Expr>,
}

/// A unique index.
#[derive(Clone, Debug)]
pub struct Index {
    /// Name of the constraint.
    pub name: Arc<str>,
    /// Columns by position, most significant first.
    pub columns: Vec<u16>,
    /// Whether it is the primary key's.
    pub primary: bool,
}

/// A foreign key (`CREATE TABLE`, `REFERENCES`).
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// Name of the constraint.
    pub name: Arc<str>,
    /// The columns that refer, each with the column that it refers to.
    pub columns: Vec<(u16, u16)>,
    /// The table that they refer to.
    pub target: TableId,
    /// What becomes of a row when the one that it refers to is deleted.
    pub on_delete: Referential,
    /// What becomes of it when the key that it refers to changes.
    pub on_update: Referential,
}

/// What a foreign key does when the row that is referred to goes, or changes its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Referential {
    /// Refuses, unless another row has the key when the statement ends.
    NoAction,
    /// Refuses.
    Restrict,
    /// Takes the rows that refer along: deletes them, or changes their key.
    Cascade,
    /// Makes them refer to nothing.
    SetNull,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: Arc<str>,
    /// Where it lies.
    pub schema: SchemaId,
    /// Its owner.
    pub owner: RoleId,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its unique indexes; the primary key is the first, if there is one.
    pub indexes: Vec<Index>,
    /// Its foreign keys, in order of their making.
    pub foreign: Vec<ForeignKey>,
    /// Tables with foreign keys that refer to it, in order of their making.
    pub referrers: Vec<TableId>,
    /// Whether a foreign key was ever made from it or to it: those are triggers, as the catalogue shows.
    pub has_triggers: bool,
    /// `ENABLE ROW LEVEL SECURITY`.
    pub row_security: bool,
    /// `FORCE ROW LEVEL SECURITY`: the owner is not exempt.
    pub force: bool,
    /// Its policies, at most [`POLICIES_MAX`], the last by name first: the order in which the server asks permissive
    /// ones. Restrictive ones it asks the other way round.
    pub policies: Vec<Policy>,
    /// Sets of them.
    pub sets: Sets,
    /// Grants. The owner has everything from the beginning, and can lose it.
    pub grants: Vec<(Grantee, Privilege)>,
    /// Whether `DROP TABLE` removed it.
    pub dropped: bool,
    /// Names of the columns, as a reply carries them.
    pub header: Arc<[Arc<str>]>,
    /// Which view of the catalogue it is, if it is one.
    pub view: Option<View>,
    /// Whether it holds rows of its own, or is a view.
    pub nature: Nature,
    /// Its partitions and heirs, or what it is one of.
    pub kin: Kin,
}

/// Whether a relation holds rows of its own.
#[derive(Clone, Debug, Default)]
pub enum Nature {
    /// A table.
    #[default]
    Table,
    /// A view.
    View(Arc<Definition>),
    /// A materialised view: rows of its own, and where they came from.
    Materialized(Arc<Definition>),
}

/// What a view shows.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The relation that it reads.
    pub source: TableId,
    /// `security_invoker`.
    pub invoker: bool,
    /// `security_barrier`.
    pub barrier: bool,
    /// Its conditions, over the rows of the source.
    pub filter: Vec<Expr>,
    /// Its columns, over the rows of the source.
    pub columns: Vec<Expr>,
}

/// What a table has to do with partitions, and with tables that inherit from it.
#[derive(Clone, Debug, Default)]
pub struct Kin {
    /// The column whose value says which partition a row belongs to.
    pub split_by: Option<u16>,
    /// Its partitions, or the tables that inherit from it, in order of their making.
    pub children: Vec<TableId>,
    /// What it is a partition of, or inherits from.
    pub parent: Option<TableId>,
    /// The values of its rows, if it is a partition; none for the default one.
    pub values: Option<Vec<Value>>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: Arc<str>,
    /// Where it lies.
    pub schema: SchemaId,
    /// Its owner.
    pub owner: RoleId,
    /// Types of its arguments.
    pub args: Vec<Type>,
    /// What it returns, as a table that everybody may read.
    pub returns: Table,
    /// Its body.
    pub body: Arc<str>,
    /// `SECURITY DEFINER`.
    pub definer: bool,
    /// `SET search_path`.
    pub path: Option<Arc<str>>,
}

/// Which command a policy is for, and which command is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// Every command (policies only).
    All,
    /// `SELECT`.
    Select,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
}

/// A row security policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name.
    pub name: Arc<str>,
    /// Permissive (OR-ed), else restrictive (AND-ed).
    pub permissive: bool,
    /// The command it is for.
    pub command: Command,
    /// The roles it is for.
    pub roles: Vec<Grantee>,
    /// Rows that exist for the command.
    pub using: Option<Expr>,
    /// Rows that may be written; without it `using` stands in.
    pub check: Option<Expr>,
    /// Column = value conditions at the top of `using`: what an index can serve.
    pub keys: Vec<(u16, Expr)>,
    /// What planning computes of `using`, as far as that can fail.
    pub estimates: Vec<Estimate>,
    /// The errors that planning ends with because of `using`, and because of `check`.
    pub doomed: [Option<SqlError>; 2],
}

/// An expression that planning computes, with the column that it alone has to equal, if there is one.
pub type Estimate = (Option<u16>, Expr);

/// Sets of a table's policies, as bits over [`Table::policies`].
#[derive(Clone, Copy, Default, Debug)]
pub struct Sets {
    /// Those that say which rows there are.
    pub using: u64,
    /// Those among them that show every row, as planning sees.
    pub shows_all: u64,
    /// Those that let every new row pass.
    pub admits_all: u64,
}

impl Nature {
    /// What it shows, if it is a view of either kind.
    pub fn definition(&self) -> Option<&Definition> {
        match self {
            Nature::Table => None,
            Nature::View(definition) | Nature::Materialized(definition) => Some(definition),
        }
    }
}

impl Table {
    /// What a view shows, if it is one that holds no rows.
    pub fn shows(&self) -> Option<&Definition> {
        match &self.nature {
            Nature::View(definition) => Some(definition),
            _ => None,
        }
    }
}

impl Kin {
    /// Whether it has partitions in place of rows.
    pub fn is_partitioned(&self) -> bool {
        self.split_by.is_some()
    }

    /// Whether some of the rows that it shows lie in other tables.
    pub fn is_spread(&self) -> bool {
        self.is_partitioned() || !self.children.is_empty()
    }

    /// Whether no other table has to do with it.
    pub fn is_alone(&self) -> bool {
        !self.is_spread() && self.parent.is_none()
    }
}

impl TableId {
    /// The place of what a function returns.
    pub fn of_function(function: u16) -> TableId {
        TableId(FUNCTIONS_FIRST + function)
    }
}

impl Role {
    /// A role without a password, whose sessions begin as the server would have them.
    pub fn new(name: &str, attributes: Attributes, member_of: Vec<RoleId>) -> Role {
        Role { name: name.into(), attributes, member_of, password: None, defaults: Vec::new() }
    }
}

impl Schema {
    /// An empty schema.
    pub fn new(name: &str, owner: RoleId) -> Schema {
        let grants = vec![(Grantee::Role(owner), SchemaRight::ALL)];
        let (tables, functions) = (BTreeMap::new(), BTreeMap::new());
        Schema { name: name.into(), owner, grants, tables, functions, dropped: false }
    }
    /// Adds to what a grantee holds.
    pub fn grant(&mut self, grantee: Grantee, right: SchemaRight) {
        match self.grants.iter_mut().find(|(g, _)| *g == grantee) {
            Some((_, held)) => held.0 |= right.0,
            None => self.grants.push((grantee, right)),
        }
    }
    /// Takes from what a grantee holds.
    pub fn revoke(&mut self, grantee: Grantee, right: SchemaRight) {
        if let Some((_, held)) = self.grants.iter_mut().find(|(g, _)| *g == grantee) {
            held.0 &= !right.0;
        }
    }
}

impl Default for Catalog {
    fn default() -> Catalog {
        let mut catalog = Catalog {
            roles: Vec::new(),
            schemas: Vec::new(),
            tables: Vec::new(),
            role_names: BTreeMap::new(),
            views: Vec::new(),
            functions: Vec::new(),
        };
        let attributes = Attributes { superuser: true, bypassrls: true, inherit: true, login: true, createrole: true };
        catalog.add_role(Role::new(BOOTSTRAP_NAME, attributes, Vec::new()));
        // In the order of their ids. Everybody may use them; since PostgreSQL 15 not everybody may create in `public`.
        for name in ["pg_catalog", "information_schema", "public"] {
            let mut schema = Schema::new(name, BOOTSTRAP);
            schema.grant(Grantee::Public, SchemaRight::USAGE);
            catalog.schemas.push(schema);
        }
        catalog
    }
}

impl Catalog {
    /// Adds a role; the name must be free.
    pub fn add_role(&mut self, role: Role) -> RoleId {
        let id = RoleId(self.roles.len() as u16);
        self.role_names.insert(Arc::clone(&role.name), id);
        self.roles.push(role);
        id
    }
    /// Adds a table to its schema; the name must be free there.
    pub fn add_table(&mut self, table: Table) -> TableId {
        let id = TableId(self.tables.len() as u16);
        self.schemas[table.schema.0 as usize].tables.insert(Arc::clone(&table.name), id);
        self.tables.push(table);
        id
    }
    /// Drops a table; its place stays.
    pub fn drop_table(&mut self, id: TableId) {
        let table = &mut self.tables[id.0 as usize];
        table.dropped = true;
        self.schemas[table.schema.0 as usize].tables.remove(&table.name);
    }
    /// The role with this name.
    pub fn role_id(&self, name: &str) -> Option<RoleId> {
        self.role_names.get(name).copied()
    }
    /// The role with this name, or `42704`.
    pub fn role_named(&self, name: &str) -> Result<RoleId, SqlError> {
        self.role_id(name).ok_or_else(|| SqlError::no_role(name))
    }
    /// A role.
    pub fn role(&self, id: RoleId) -> &Role {
        &self.roles[id.0 as usize]
    }
    /// A table, a view, or what a function returns.
    pub fn table(&self, id: TableId) -> &Table {
        match id.0 {
            VIEWS_FIRST.. => &self.views[(id.0 - VIEWS_FIRST) as usize],
            FUNCTIONS_FIRST.. => &self.functions[(id.0 - FUNCTIONS_FIRST) as usize].returns,
            _ => &self.tables[id.0 as usize],
        }
    }
    /// The same, to be changed.
    pub fn table_mut(&mut self, id: TableId) -> &mut Table {
        match id.0.checked_sub(VIEWS_FIRST) {
            Some(view) => &mut self.views[view as usize],
            None => &mut self.tables[id.0 as usize],
        }
    }
    /// Whether `role` acts with the privileges of `of` without `SET ROLE` (`has_privs_of_role` of the server).
    pub fn inherits(&self, role: RoleId, of: RoleId) -> bool {
        role == of || self.role(role).attributes.superuser || self.reaches(role, of, true)
    }
    /// Whether `role` may become `of` by `SET ROLE` (`is_member_of_role` of the server).
    pub fn may_become(&self, role: RoleId, of: RoleId) -> bool {
        role == of || self.role(role).attributes.superuser || self.reaches(role, of, false)
    }
    fn reaches(&self, from: RoleId, to: RoleId, inheriting: bool) -> bool {
        let role = self.role(from);
        if inheriting && !role.attributes.inherit {
            return false;
        }
        // Memberships cannot form a circle: a role is created after those it is a member of.
        role.member_of.iter().any(|of| *of == to || self.reaches(*of, to, inheriting))
    }
    /// Whether a grant, or a policy, for `grantee` is one for `role`.
    #[inline]
    pub fn covers(&self, grantee: Grantee, role: RoleId) -> bool {
        match grantee {
            Grantee::Public => true,
            Grantee::Role(id) => id == role || self.inherits(role, id),
        }
    }
    /// Whether `role` holds `privilege` on `table`.
    pub fn may(&self, role: RoleId, table: &Table, privilege: Privilege) -> bool {
        let granted = |g: &(Grantee, Privilege)| g.1.0 & privilege.0 == privilege.0 && self.covers(g.0, role);
        self.role(role).attributes.superuser || table.grants.iter().any(granted)
    }
}

impl Table {
    /// A relation without keys, policies and grants but its owner's.
    pub fn plain((schema, name): (SchemaId, Arc<str>), owner: RoleId, columns: Vec<Column>) -> Table {
        let header = columns.iter().map(|c| Arc::clone(&c.name)).collect();
        Table {
            name,
            schema,
            owner,
            columns,
            indexes: Vec::new(),
            foreign: Vec::new(),
            referrers: Vec::new(),
            has_triggers: false,
            row_security: false,
            force: false,
            policies: Vec::new(),
            sets: Sets::default(),
            grants: vec![(Grantee::Role(owner), Privilege::ALL)],
            dropped: false,
            header,
            view: None,
            nature: Nature::Table,
            kin: Kin::default(),
        }
    }
    /// Position of a column.
    pub fn column(&self, name: &str) -> Option<u16> {
        self.columns.iter().position(|c| &*c.name == name).map(|p| p as u16)
    }
    /// Adds to what a grantee holds.
    pub fn grant(&mut self, grantee: Grantee, privilege: Privilege) {
        match self.grants.iter_mut().find(|(g, _)| *g == grantee) {
            Some((_, held)) => held.0 |= privilege.0,
            None => self.grants.push((grantee, privilege)),
        }
    }
    /// Gives the table to another owner, with what the old one holds.
    pub fn hand_over(&mut self, owner: RoleId) {
        let (old, new) = (Grantee::Role(self.owner), Grantee::Role(owner));
        if let Some(at) = self.grants.iter().position(|(g, _)| *g == old) {
            let (_, held) = self.grants.remove(at);
            self.grant(new, held);
        }
        self.owner = owner;
    }
    /// Takes from what a grantee holds.
    pub fn revoke(&mut self, grantee: Grantee, privilege: Privilege) {
        if let Some((_, held)) = self.grants.iter_mut().find(|(g, _)| *g == grantee) {
            held.0 &= !privilege.0;
        }
    }
}
