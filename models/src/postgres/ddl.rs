//! Changes of the catalog: tables, roles, grants, policies.
//!
//! A policy is compiled when it is created, as in the server, so a column or setting that does not exist is an error of
//! `CREATE POLICY`, not of the first query.

use super::catalog::{
    Attributes, Catalog, Command, Grantee, POLICIES_MAX, Policy, Privilege, Role, RoleId, Sets, Table, TableId,
};
use super::create_table::build_table;
use super::doom;
use super::expr::Expr;
use super::lower::Lowerer;
use super::name::{folded, object_name};
use super::setting::Names;
use super::sqlstate::{
    DUPLICATE_OBJECT, DUPLICATE_TABLE, INSUFFICIENT_PRIVILEGE, LIMIT_EXCEEDED, SYNTAX_ERROR, SqlError,
    UNDEFINED_OBJECT, UNDEFINED_PARAMETER, UNDEFINED_TABLE,
};
use sqlparser::ast::{self, Statement as S};
use std::sync::Arc;

/// Who changes what.
pub struct Definer<'a> {
    /// The catalog.
    pub catalog: &'a mut Catalog,
    /// Names of settings.
    pub names: &'a mut Names,
    /// The present role.
    pub role: RoleId,
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
            S::Drop { object_type: ast::ObjectType::Table, if_exists, names, .. } => {
                self.drop_tables(names, *if_exists)
            }
            other => Err(SqlError::unsupported(other)),
        }
    }

    fn superuser(&self) -> bool {
        self.catalog.role(self.role).attributes.superuser
    }

    /// The table, if the present role owns it.
    fn owned(&self, name: &ast::ObjectName) -> Result<TableId, SqlError> {
        let id = self.catalog.table_named(&object_name(name)?)?;
        let table = self.catalog.table(id);
        if self.catalog.inherits(self.role, table.owner) { Ok(id) } else { Err(SqlError::not_owner(&table.name)) }
    }

    fn table_mut(&mut self, id: TableId) -> &mut Table {
        &mut self.catalog.tables[id.0 as usize]
    }

    fn create_table(&mut self, create: &ast::CreateTable) -> Result<(), SqlError> {
        let name = object_name(&create.name)?;
        let may = self.superuser() || self.catalog.creators.iter().any(|g| self.catalog.covers(*g, self.role));
        if !may {
            return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, "permission denied for schema public"));
        }
        if self.catalog.table_id(&name).is_some() {
            if create.if_not_exists {
                return Ok(());
            }
            return Err(SqlError::new(DUPLICATE_TABLE, format!("relation \"{name}\" already exists")));
        }
        let plain = create.query.is_none()
            && create.inherits.is_none()
            && create.partition_by.is_none()
            && create.partition_of.is_none()
            && create.like.is_none()
            && !create.temporary
            && !create.unlogged;
        if !plain {
            return Err(SqlError::unsupported(
                "CREATE TABLE with LIKE, AS, INHERITS, PARTITION, TEMPORARY or UNLOGGED",
            ));
        }
        self.catalog.add_table(build_table(name, create, self.role, self.names)?);
        Ok(())
    }

    fn drop_tables(&mut self, names: &[ast::ObjectName], if_exists: bool) -> Result<(), SqlError> {
        for name in names {
            let missing = |e: &SqlError| if_exists && e.sqlstate() == UNDEFINED_TABLE;
            match self.owned(name) {
                Ok(id) => self.catalog.drop_table(id),
                Err(e) if missing(&e) => {}
                Err(e) if e.sqlstate() == UNDEFINED_TABLE => {
                    let name = object_name(name)?;
                    return Err(SqlError::new(UNDEFINED_TABLE, format!("table \"{name}\" does not exist")));
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn create_role(&mut self, create: &ast::CreateRole) -> Result<(), SqlError> {
        let creator = self.catalog.role(self.role).attributes;
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
        for name in &create.names {
            let name = object_name(name)?;
            if self.catalog.role_id(&name).is_some() {
                return Err(SqlError::new(DUPLICATE_OBJECT, format!("role \"{name}\" already exists")));
            }
            self.catalog.add_role(Role { name: name.into(), attributes, member_of: member_of.clone() });
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
        let ast::AlterRoleOperation::WithOptions { options } = operation else {
            return Err(SqlError::unsupported("this ALTER ROLE"));
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

    fn grantee(&self, grantee: &ast::Grantee) -> Result<Grantee, SqlError> {
        match (&grantee.grantee_type, &grantee.name) {
            (ast::GranteesType::Public, None) => Ok(Grantee::Public),
            (_, Some(ast::GranteeName::ObjectName(name))) => {
                Ok(Grantee::Role(self.catalog.role_named(&object_name(name)?)?))
            }
            _ => Err(SqlError::unsupported(grantee)),
        }
    }

    /// `GRANT` and `REVOKE` on tables, and `CREATE` on schema `public`.
    fn privileges(
        &mut self,
        privileges: &ast::Privileges,
        objects: Option<&ast::GrantObjects>,
        grantees: &[ast::Grantee],
        (giving, plain): (bool, bool),
    ) -> Result<(), SqlError> {
        if !plain {
            return Err(SqlError::unsupported("a grant option"));
        }
        let grantees = grantees.iter().map(|g| self.grantee(g)).collect::<Result<Vec<_>, _>>()?;
        match objects {
            Some(ast::GrantObjects::Schemas(_)) => {
                if !self.superuser() {
                    return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, "permission denied for schema public"));
                }
                for grantee in grantees {
                    self.catalog.creators.retain(|g| *g != grantee);
                    if giving {
                        self.catalog.creators.push(grantee);
                    }
                }
                Ok(())
            }
            Some(ast::GrantObjects::Tables(names)) => {
                let bits = privilege_bits(privileges)?;
                for name in names {
                    let id = self.catalog.table_named(&object_name(name)?)?;
                    let table = self.catalog.table(id);
                    if !self.catalog.inherits(self.role, table.owner) {
                        let holds = |g: &(Grantee, Privilege)| g.1.0 != 0 && self.catalog.covers(g.0, self.role);
                        if table.grants.iter().any(holds) {
                            // The server only warns those who hold something, and grants nothing.
                            continue;
                        }
                        return Err(SqlError::denied(&table.name));
                    }
                    for grantee in &grantees {
                        let table = self.table_mut(id);
                        if giving { table.grant(*grantee, bits) } else { table.revoke(*grantee, bits) }
                    }
                }
                Ok(())
            }
            _ => Err(SqlError::unsupported("a grant on anything but tables and schemas")),
        }
    }

    fn alter_table(&mut self, alter: &ast::AlterTable) -> Result<(), SqlError> {
        let id = self.owned(&alter.name)?;
        for operation in &alter.operations {
            use ast::AlterTableOperation as Op;
            match operation {
                Op::EnableRowLevelSecurity => self.table_mut(id).row_security = true,
                Op::DisableRowLevelSecurity => self.table_mut(id).row_security = false,
                Op::ForceRowLevelSecurity => self.table_mut(id).force = true,
                Op::NoForceRowLevelSecurity => self.table_mut(id).force = false,
                Op::OwnerTo { new_owner } => self.change_owner(id, new_owner)?,
                other => return Err(SqlError::unsupported(format_args!("ALTER TABLE … {other}"))),
            }
        }
        Ok(())
    }

    fn change_owner(&mut self, id: TableId, owner: &ast::Owner) -> Result<(), SqlError> {
        let owner = match owner {
            ast::Owner::Ident(name) => self.catalog.role_named(&folded(name))?,
            ast::Owner::CurrentRole | ast::Owner::CurrentUser => self.role,
            ast::Owner::SessionUser => return Err(SqlError::unsupported("OWNER TO SESSION_USER")),
        };
        if !self.catalog.may_become(self.role, owner) {
            let name = &self.catalog.role(owner).name;
            return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, format!("must be member of role \"{name}\"")));
        }
        self.table_mut(id).hand_over(owner);
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
        let mut compile = |e: &ast::Expr| compile_condition(e, table, self.names);
        let using = create.using.as_ref().map(&mut compile).transpose()?;
        let check = create.with_check.as_ref().map(&mut compile).transpose()?;
        let (mut keys, mut estimates) = (Vec::new(), Vec::new());
        if let Some(using) = &using {
            using.keys(&mut keys);
            doom::estimates(using, true, &mut estimates);
        }
        let permissive = create.policy_type != Some(ast::CreatePolicyType::Restrictive);
        let policy = Policy { name: name.into(), permissive, command, roles, using, check, keys, estimates };
        add_policy(self.table_mut(id), policy)
    }

    fn policy_role(&self, owner: &ast::Owner) -> Result<Grantee, SqlError> {
        match owner {
            ast::Owner::Ident(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("public") => {
                Ok(Grantee::Public)
            }
            ast::Owner::Ident(name) => Ok(Grantee::Role(self.catalog.role_named(&folded(name))?)),
            ast::Owner::CurrentRole | ast::Owner::CurrentUser => Ok(Grantee::Role(self.role)),
            ast::Owner::SessionUser => Err(SqlError::unsupported("a policy TO SESSION_USER")),
        }
    }

    fn drop_policy(&mut self, drop: &ast::DropPolicy) -> Result<(), SqlError> {
        // The policy is looked for before anybody asks whose table it is.
        let id = self.catalog.table_named(&object_name(&drop.table_name)?)?;
        let name = folded(&drop.name);
        let table = self.catalog.table(id);
        match table.policies.iter().position(|p| *p.name == *name) {
            Some(at) => {
                self.owned(&drop.table_name)?;
                let table = self.table_mut(id);
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

fn privilege_bits(privileges: &ast::Privileges) -> Result<Privilege, SqlError> {
    let ast::Privileges::Actions(actions) = privileges else { return Ok(Privilege::ALL) };
    let mut bits = Privilege(0);
    for action in actions {
        let one = match action {
            ast::Action::Select { columns: None } => Privilege::SELECT,
            ast::Action::Insert { columns: None } => Privilege::INSERT,
            ast::Action::Update { columns: None } => Privilege::UPDATE,
            ast::Action::Delete => Privilege::DELETE,
            ast::Action::Truncate => Privilege::TRUNCATE,
            other => return Err(SqlError::unsupported(format_args!("GRANT {other}"))),
        };
        bits.0 |= one.0;
    }
    Ok(bits)
}
