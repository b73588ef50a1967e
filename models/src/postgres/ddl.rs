//! Changes of the catalog: tables, roles, policies. Schemas and grants have files of their own.
//!
//! A policy is compiled when it is created, as in the server, so a column or setting that does not exist is an error of
//! `CREATE POLICY`, not of the first query.

use super::catalog::{
    Attributes, Catalog, Command, Grantee, Nature, POLICIES_MAX, Policy, Role, SchemaRight, Sets, Table, TableId,
};
use super::create_table::build_table;
use super::doom;
use super::expr::Expr;
use super::lower::Lowerer;
use super::name::{folded, plain_name, table_name};
use super::namespace::Asker;
use super::setting::Names;
use super::sqlstate::{
    DUPLICATE_OBJECT, DUPLICATE_TABLE, INSUFFICIENT_PRIVILEGE, LIMIT_EXCEEDED, SYNTAX_ERROR, SqlError,
    UNDEFINED_OBJECT, UNDEFINED_PARAMETER, UNDEFINED_TABLE, WRONG_OBJECT,
};
use sqlparser::ast::{self, ObjectType as T, Statement as S};
use std::sync::Arc;

/// Who changes what.
pub struct Definer<'a> {
    /// The catalog.
    pub catalog: &'a mut Catalog,
    /// Names of settings.
    pub names: &'a mut Names,
    /// The present role, and where it looks for names.
    pub asker: Asker<'a>,
}

impl Definer<'_> {
    /// Runs one definition. Tables that it creates get their place at the end of the catalog.
    ///
    /// # Errors
    /// Those of PostgreSQL, and `0A000` for what the model lacks. The catalog may be half changed then: the caller
    /// works on a copy.
    pub fn define(&mut self, statement: &S) -> Result<(), SqlError> {
        match statement {
            S::CreateTable(create) => self.create_table(create),
            S::CreateSchema { schema_name, if_not_exists, .. } => self.create_schema(schema_name, *if_not_exists),
            S::CreateRole(create) => self.create_role(create),
            S::AlterRole { name, operation } => self.alter_role(name, operation),
            S::Grant(grant) => {
                let plain = !grant.with_grant_option && grant.as_grantor.is_none() && grant.granted_by.is_none();
                self.privileges(&grant.privileges, grant.objects.as_ref(), &grant.grantees, (true, plain))
            }
            S::Revoke(revoke) => {
                let plain = !revoke.grant_option_for && revoke.granted_by.is_none();
                self.privileges(&revoke.privileges, revoke.objects.as_ref(), &revoke.grantees, (false, plain))
            }
            S::AlterTable(alter) => self.alter_table(alter),
            S::CreatePolicy(create) => self.create_policy(create),
            S::DropPolicy(drop) => self.drop_policy(drop),
            S::CreateView(create) => self.create_view(create),
            S::CreateFunction(create) => self.create_function(create),
            S::DropFunction(drop) => self.drop_function(drop),
            S::Drop {
                object_type: kind @ (T::Table | T::View | T::MaterializedView),
                if_exists,
                names,
                cascade,
                ..
            } => self.drop_tables(*kind, names, *if_exists, *cascade),
            S::Drop { object_type: ast::ObjectType::Schema, if_exists, names, cascade, .. } => {
                self.drop_schemas(names, *if_exists, *cascade)
            }
            other => Err(SqlError::unsupported(other)),
        }
    }

    pub(super) fn superuser(&self) -> bool {
        self.catalog.role(self.asker.role).attributes.superuser
    }

    /// The table, if the present role owns it.
    pub(super) fn owned(&self, name: &ast::ObjectName) -> Result<TableId, SqlError> {
        let id = self.catalog.defined(self.asker, &table_name(name)?)?;
        let table = self.catalog.table(id);
        if table.view.is_some() {
            return Err(SqlError::unsupported("a change of the catalogue's own views"));
        }
        if self.catalog.inherits(self.asker.role, table.owner) { Ok(id) } else { Err(SqlError::not_owner(&table.name)) }
    }

    fn create_table(&mut self, create: &ast::CreateTable) -> Result<(), SqlError> {
        let full = table_name(&create.name)?;
        let schema = self.catalog.place_of_new(self.asker, &full)?;
        let (name, is_qualified) = (full.name, full.schema.is_some());
        if self.catalog.table_in(schema, &name).is_some() {
            if create.if_not_exists {
                return Ok(());
            }
            return Err(SqlError::new(DUPLICATE_TABLE, format!("relation \"{name}\" already exists")));
        }
        let plain = create.query.is_none()
            && create.like.is_none()
            && !create.temporary
            && !create.unlogged
            && [create.partition_by.is_some(), create.partition_of.is_some(), create.inherits.is_some()]
                .into_iter()
                .filter(|kin| *kin)
                .count()
                < 2;
        if !plain {
            return Err(SqlError::unsupported("CREATE TABLE with LIKE, AS, TEMPORARY or UNLOGGED"));
        }
        let parent = create.inherits.as_deref().map(|parents| self.inherited(parents)).transpose()?;
        let inherited = parent.map(|id| self.catalog.table(id).columns.clone()).unwrap_or_default();
        let (mut table, foreign) = build_table((schema, name), create, inherited, self.asker.role, self.names)?;
        table.kin.parent = parent;
        if let Some(by) = &create.partition_by {
            self.split(&mut table, by)?;
        }
        if let Some(whole) = &create.partition_of {
            table = self.partition(table, whole, create.for_values.as_ref())?;
        }
        // Indexes and foreign keys are made by statements of the server's own, which look the table up by its name.
        let is_looked_up = is_qualified && !(table.indexes.is_empty() && foreign.is_empty());
        if is_looked_up && !self.catalog.uses(self.asker, schema) {
            return Err(SqlError::denied_schema(&self.catalog.schema(schema).name));
        }
        let id = self.catalog.add_table(table);
        self.adopt(id);
        foreign.iter().try_for_each(|key| self.add_foreign_key(id, key))
    }

    /// `DROP TABLE`, `DROP VIEW` and `DROP MATERIALIZED VIEW`: which, by its name in the server's words.
    fn drop_tables(
        &mut self,
        kind: ast::ObjectType,
        names: &[ast::ObjectName],
        if_exists: bool,
        cascade: bool,
    ) -> Result<(), SqlError> {
        let what = match kind {
            ast::ObjectType::View => "view",
            ast::ObjectType::MaterializedView => "materialized view",
            _ => "table",
        };
        let mut found = Vec::new();
        for name in names {
            let name = table_name(name)?;
            let Some(id) = self.catalog.find(self.asker, &name)? else {
                if if_exists {
                    continue;
                }
                if let Some(schema) = &name.schema {
                    self.catalog.schema_named(schema)?;
                }
                return Err(SqlError::new(UNDEFINED_TABLE, format!("{what} \"{}\" does not exist", name.name)));
            };
            let table = self.catalog.table(id);
            if table.view.is_some() {
                return Err(SqlError::unsupported("a change of the catalogue's own views"));
            }
            // The owner of the schema may as well, for it could drop the schema.
            let owners = [table.owner, self.catalog.schema(table.schema).owner];
            if !owners.into_iter().any(|owner| self.catalog.inherits(self.asker.role, owner)) {
                return Err(SqlError::not_owner(&table.name));
            }
            let is = match table.nature {
                Nature::Table => "table",
                Nature::View(_) => "view",
                Nature::Materialized(_) => "materialized view",
            };
            if is != what {
                return Err(SqlError::new(WRONG_OBJECT, format!("\"{}\" is not a {what}", table.name)));
            }
            found.push(id);
        }
        found.iter().try_for_each(|id| self.drop_with_dependents(*id, &found, cascade))
    }

    /// Drops a relation, its partitions, and with `cascade` the tables that inherit from it, the views that read any of
    /// them and the foreign keys that refer to any; what goes `with` it is in nobody's way.
    pub(super) fn drop_with_dependents(
        &mut self,
        id: TableId,
        with: &[TableId],
        cascade: bool,
    ) -> Result<(), SqlError> {
        if self.catalog.table(id).dropped {
            return Ok(());
        }
        let kin = self.catalog.table(id).kin.clone();
        for child in kin.children.iter().copied() {
            if !(kin.is_partitioned() || cascade || with.contains(&child)) {
                return Err(SqlError::depended_upon(&self.catalog.table(id).name));
            }
            self.drop_with_dependents(child, with, cascade)?;
        }
        if !cascade && self.catalog.table(id).referrers.iter().any(|from| *from != id && !with.contains(from)) {
            return Err(SqlError::depended_upon(&self.catalog.table(id).name));
        }
        let reads = |t: &Table| !t.dropped && t.nature.definition().is_some_and(|d| d.source == id);
        let views = (0..self.catalog.tables.len()).filter(|at| reads(&self.catalog.tables[*at]));
        for view in views.map(|at| TableId(at as u16)).collect::<Vec<_>>() {
            if !cascade {
                return Err(SqlError::depended_upon(&self.catalog.table(id).name));
            }
            self.drop_with_dependents(view, with, true)?;
        }
        self.forget_foreign_keys(id);
        if let Some(parent) = kin.parent {
            self.catalog.table_mut(parent).kin.children.retain(|child| *child != id);
        }
        self.catalog.drop_table(id);
        Ok(())
    }

    fn create_role(&mut self, create: &ast::CreateRole) -> Result<(), SqlError> {
        let creator = self.catalog.role(self.asker.role).attributes;
        if !creator.superuser && !creator.createrole {
            return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, "permission denied to create role"));
        }
        let attributes = Attributes {
            superuser: create.superuser.unwrap_or(false),
            bypassrls: create.bypassrls.unwrap_or(false),
            inherit: create.inherit.unwrap_or(true),
            login: create.login.unwrap_or(false),
            createrole: create.create_role.unwrap_or(false),
        };
        self.may_grant(attributes)?;
        let plain = create.role.is_empty() && create.user.is_empty() && create.admin.is_empty();
        if !plain || create.authorization_owner.is_some() {
            return Err(SqlError::unsupported("CREATE ROLE with members"));
        }
        let groups = create.in_role.iter().chain(&create.in_group);
        let member_of = groups.map(|g| self.catalog.role_named(&folded(g))).collect::<Result<Vec<_>, _>>()?;
        let password = match &create.password {
            Some(ast::Password::Password(ast::Expr::Value(v))) => v.value.clone().into_string(),
            None | Some(ast::Password::NullPassword) => None,
            Some(_) => return Err(SqlError::unsupported("a password that is no literal")),
        };
        let password: Option<Arc<str>> = password.map(Arc::from);
        for name in &create.names {
            let name = plain_name(name)?;
            if self.catalog.role_id(&name).is_some() {
                return Err(SqlError::new(DUPLICATE_OBJECT, format!("role \"{name}\" already exists")));
            }
            let password = password.clone();
            self.catalog.add_role(Role { password, ..Role::new(&name, attributes, member_of.clone()) });
        }
        Ok(())
    }

    /// Only a superuser hands out what would make another one of the exempt.
    fn may_grant(&self, attributes: Attributes) -> Result<(), SqlError> {
        match attributes {
            _ if self.superuser() => Ok(()),
            Attributes { superuser: true, .. } => {
                Err(SqlError::new(INSUFFICIENT_PRIVILEGE, "must be superuser to create superusers"))
            }
            Attributes { bypassrls: true, .. } => {
                Err(SqlError::new(INSUFFICIENT_PRIVILEGE, "must be superuser to create bypassrls users"))
            }
            _ => Ok(()),
        }
    }

    fn alter_role(&mut self, name: &ast::Ident, operation: &ast::AlterRoleOperation) -> Result<(), SqlError> {
        let id = self.catalog.role_named(&folded(name))?;
        let options = match operation {
            ast::AlterRoleOperation::WithOptions { options } => options,
            other => return self.role_default(id, other),
        };
        let mut attributes = self.catalog.role(id).attributes;
        for option in options {
            match option {
                ast::RoleOption::SuperUser(on) => attributes.superuser = *on,
                ast::RoleOption::BypassRLS(on) => attributes.bypassrls = *on,
                ast::RoleOption::Inherit(on) => attributes.inherit = *on,
                ast::RoleOption::Login(on) => attributes.login = *on,
                ast::RoleOption::CreateRole(on) => attributes.createrole = *on,
                other => return Err(SqlError::unsupported(format_args!("ALTER ROLE … {other}"))),
            }
        }
        // A role with CREATEROLE could change ordinary roles; the model lets only superusers.
        if !self.superuser() {
            let message = match attributes {
                Attributes { superuser: true, .. } => {
                    "must be superuser to alter superuser roles or change superuser attribute"
                }
                Attributes { bypassrls: true, .. } => "must be superuser to change bypassrls attribute",
                _ => "permission denied",
            };
            return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, message));
        }
        self.catalog.roles[id.0 as usize].attributes = attributes;
        Ok(())
    }

    fn alter_table(&mut self, alter: &ast::AlterTable) -> Result<(), SqlError> {
        let id = self.owned(&alter.name)?;
        for operation in &alter.operations {
            use ast::AlterTableOperation as Op;
            let is_table = matches!(self.catalog.table(id).nature, Nature::Table);
            match operation {
                Op::OwnerTo { new_owner } => self.change_owner(id, new_owner)?,
                _ if !is_table => return Err(SqlError::not_a_table(&self.catalog.table(id).name)),
                Op::EnableRowLevelSecurity => self.catalog.table_mut(id).row_security = true,
                Op::DisableRowLevelSecurity => self.catalog.table_mut(id).row_security = false,
                Op::ForceRowLevelSecurity => self.catalog.table_mut(id).force = true,
                Op::NoForceRowLevelSecurity => self.catalog.table_mut(id).force = false,
                other => return Err(SqlError::unsupported(format_args!("ALTER TABLE … {other}"))),
            }
        }
        Ok(())
    }

    fn change_owner(&mut self, id: TableId, owner: &ast::Owner) -> Result<(), SqlError> {
        let owner = match owner {
            ast::Owner::Ident(name) => self.catalog.role_named(&folded(name))?,
            ast::Owner::CurrentRole | ast::Owner::CurrentUser => self.asker.role,
            ast::Owner::SessionUser => return Err(SqlError::unsupported("OWNER TO SESSION_USER")),
        };
        if !self.catalog.may_become(self.asker.role, owner) {
            let name = &self.catalog.role(owner).name;
            return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, format!("must be member of role \"{name}\"")));
        }
        let table = self.catalog.table(id);
        // Whoever gets the table must be one who could have made it where it lies.
        let could = self.superuser() || self.catalog.may_in(owner, table.schema, SchemaRight::CREATE);
        if table.owner != owner && !could {
            return Err(SqlError::denied_schema(&self.catalog.schema(table.schema).name));
        }
        self.catalog.table_mut(id).hand_over(owner);
        Ok(())
    }

    fn create_policy(&mut self, create: &ast::CreatePolicy) -> Result<(), SqlError> {
        let name = folded(&create.name);
        let command = match create.command {
            None | Some(ast::CreatePolicyCommand::All) => Command::All,
            Some(ast::CreatePolicyCommand::Select) => Command::Select,
            Some(ast::CreatePolicyCommand::Insert) => Command::Insert,
            Some(ast::CreatePolicyCommand::Update) => Command::Update,
            Some(ast::CreatePolicyCommand::Delete) => Command::Delete,
        };
        if command == Command::Insert && create.using.is_some() {
            return Err(SqlError::new(SYNTAX_ERROR, "only WITH CHECK expression allowed for INSERT"));
        }
        if matches!(command, Command::Select | Command::Delete) && create.with_check.is_some() {
            return Err(SqlError::new(SYNTAX_ERROR, "WITH CHECK cannot be applied to SELECT or DELETE"));
        }
        // What the statement says by itself is judged before anybody asks whose table it is.
        let id = self.owned(&create.table_name)?;
        let roles = match &create.to {
            None => vec![Grantee::Public],
            Some(owners) => owners.iter().map(|o| self.policy_role(o)).collect::<Result<_, _>>()?,
        };
        let table = self.catalog.table(id);
        if !matches!(table.nature, Nature::Table) {
            return Err(SqlError::not_a_table(&table.name));
        }
        let mut compile = |e: &ast::Expr| compile_condition(e, table, self.names);
        let using = create.using.as_ref().map(&mut compile).transpose()?;
        let check = create.with_check.as_ref().map(&mut compile).transpose()?;
        let (mut keys, mut estimates) = (Vec::new(), Vec::new());
        if let Some(using) = &using {
            using.keys(&mut keys);
            doom::estimates(using, true, &mut estimates);
        }
        let permissive = create.policy_type != Some(ast::CreatePolicyType::Restrictive);
        let doomed = [&using, &check].map(|e| doom::of_condition(e.as_ref()));
        let policy = Policy { name: name.into(), permissive, command, roles, using, check, keys, estimates, doomed };
        add_policy(self.catalog.table_mut(id), policy)
    }

    fn policy_role(&self, owner: &ast::Owner) -> Result<Grantee, SqlError> {
        match owner {
            ast::Owner::Ident(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("public") => {
                Ok(Grantee::Public)
            }
            ast::Owner::Ident(name) => Ok(Grantee::Role(self.catalog.role_named(&folded(name))?)),
            ast::Owner::CurrentRole | ast::Owner::CurrentUser => Ok(Grantee::Role(self.asker.role)),
            ast::Owner::SessionUser => Err(SqlError::unsupported("a policy TO SESSION_USER")),
        }
    }

    fn drop_policy(&mut self, drop: &ast::DropPolicy) -> Result<(), SqlError> {
        // The policy is looked for before anybody asks whose table it is.
        let id = self.catalog.defined(self.asker, &table_name(&drop.table_name)?)?;
        let name = folded(&drop.name);
        let table = self.catalog.table(id);
        match table.policies.iter().position(|p| *p.name == *name) {
            Some(at) => {
                self.owned(&drop.table_name)?;
                let table = self.catalog.table_mut(id);
                table.policies.remove(at);
                table.sets = sets(&table.policies);
                Ok(())
            }
            None if drop.if_exists => Ok(()),
            None => {
                let message = format!("policy \"{name}\" for table \"{}\" does not exist", table.name);
                Err(SqlError::new(UNDEFINED_OBJECT, message))
            }
        }
    }
}

/// Compiles the condition of a policy on `table`.
///
/// # Errors
/// Those of the expression.
pub fn compile_condition(e: &ast::Expr, table: &Table, names: &mut Names) -> Result<Expr, SqlError> {
    let mut params = Vec::new();
    let known_as = Arc::clone(&table.name);
    let mut lowerer = Lowerer { table: Some((table, known_as)), params: &mut params, names, depth: 0 };
    let condition = lowerer.condition(e, "POLICY")?;
    if params.is_empty() { Ok(condition) } else { Err(SqlError::new(UNDEFINED_PARAMETER, "there is no parameter $1")) }
}

/// Adds a policy to its table.
///
/// # Errors
/// `42710` when the name is taken, `53400` past [`POLICIES_MAX`].
pub fn add_policy(table: &mut Table, policy: Policy) -> Result<(), SqlError> {
    if table.policies.iter().any(|p| p.name == policy.name) {
        let message = format!("policy \"{}\" for table \"{}\" already exists", policy.name, table.name);
        return Err(SqlError::new(DUPLICATE_OBJECT, message));
    }
    if table.policies.len() == POLICIES_MAX {
        return Err(SqlError::new(LIMIT_EXCEEDED, "too many policies on one table"));
    }
    let at = table.policies.partition_point(|p| p.name > policy.name);
    table.policies.insert(at, policy);
    table.sets = sets(&table.policies);
    Ok(())
}

fn sets(policies: &[Policy]) -> Sets {
    let mut sets = Sets::default();
    for (at, policy) in policies.iter().enumerate() {
        let all = |e: &Option<Expr>| u64::from(e.as_ref().is_some_and(doom::always)) << at;
        sets.using |= u64::from(policy.using.is_some()) << at;
        sets.shows_all |= all(&policy.using);
        sets.admits_all |= all(if policy.check.is_some() { &policy.check } else { &policy.using });
    }
    sets
}
