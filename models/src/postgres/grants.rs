//! `GRANT` and `REVOKE`, on tables and on schemas.
//!
//! Only an owner grants. Who holds something of his own is warned and grants nothing; who holds nothing is refused.

use super::catalog::{Grantee, Privilege, SchemaRight};
use super::ddl::Definer;
use super::name::{plain_name, table_name};
use super::sqlstate::{INVALID_GRANT, SqlError};
use sqlparser::ast;

impl Definer<'_> {
    fn grantee(&self, grantee: &ast::Grantee) -> Result<Grantee, SqlError> {
        match (&grantee.grantee_type, &grantee.name) {
            (ast::GranteesType::Public, None) => Ok(Grantee::Public),
            (_, Some(ast::GranteeName::ObjectName(name))) => {
                Ok(Grantee::Role(self.catalog.role_named(&plain_name(name)?)?))
            }
            _ => Err(SqlError::unsupported(grantee)),
        }
    }

    /// `GRANT` and `REVOKE`: `giving` says which, `plain` whether nothing is said about grant options.
    pub(super) fn privileges(
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
            Some(ast::GrantObjects::Schemas(names)) => self.on_schemas(privileges, names, &grantees, giving),
            Some(ast::GrantObjects::Tables(names)) => self.on_tables(privileges, names, &grantees, giving),
            _ => Err(SqlError::unsupported("a grant on anything but tables and schemas")),
        }
    }

    fn on_schemas(
        &mut self,
        privileges: &ast::Privileges,
        names: &[ast::ObjectName],
        grantees: &[Grantee],
        giving: bool,
    ) -> Result<(), SqlError> {
        let names = names.iter().map(|name| self.catalog.schema_named(&plain_name(name)?));
        let ids = names.collect::<Result<Vec<_>, SqlError>>()?;
        let right = schema_right(privileges)?;
        for id in ids {
            let schema = self.catalog.schema(id);
            if !self.catalog.inherits(self.asker.role, schema.owner) {
                let holds = |g: &(Grantee, SchemaRight)| g.1.0 != 0 && self.catalog.covers(g.0, self.asker.role);
                if schema.grants.iter().any(holds) {
                    continue;
                }
                return Err(SqlError::denied_schema(&schema.name));
            }
            let schema = &mut self.catalog.schemas[id.0 as usize];
            for grantee in grantees {
                if giving { schema.grant(*grantee, right) } else { schema.revoke(*grantee, right) }
            }
        }
        Ok(())
    }

    fn on_tables(
        &mut self,
        privileges: &ast::Privileges,
        names: &[ast::ObjectName],
        grantees: &[Grantee],
        giving: bool,
    ) -> Result<(), SqlError> {
        let bits = privilege_bits(privileges)?;
        let names = names.iter().map(|name| self.catalog.defined(self.asker, &table_name(name)?));
        let ids = names.collect::<Result<Vec<_>, SqlError>>()?;
        for id in ids {
            let table = self.catalog.table(id);
            if !self.catalog.inherits(self.asker.role, table.owner) {
                let holds = |g: &(Grantee, Privilege)| g.1.0 != 0 && self.catalog.covers(g.0, self.asker.role);
                if table.grants.iter().any(holds) {
                    continue;
                }
                return Err(SqlError::denied(&table.name));
            }
            let table = self.catalog.table_mut(id);
            for grantee in grantees {
                if giving { table.grant(*grantee, bits) } else { table.revoke(*grantee, bits) }
            }
        }
        Ok(())
    }
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
            ast::Action::References { columns: None } => Privilege::REFERENCES,
            other => return Err(SqlError::unsupported(format_args!("GRANT {other}"))),
        };
        bits.0 |= one.0;
    }
    Ok(bits)
}

fn schema_right(privileges: &ast::Privileges) -> Result<SchemaRight, SqlError> {
    let ast::Privileges::Actions(actions) = privileges else { return Ok(SchemaRight::ALL) };
    let mut right = SchemaRight(0);
    for action in actions {
        let one = match action {
            ast::Action::Usage => SchemaRight::USAGE,
            ast::Action::Create { obj_type: None } => SchemaRight::CREATE,
            ast::Action::Select { .. } | ast::Action::Insert { .. } | ast::Action::Update { .. } => {
                let message = format!("invalid privilege type {action} for schema");
                return Err(SqlError::new(INVALID_GRANT, message));
            }
            other => return Err(SqlError::unsupported(format_args!("GRANT {other} ON SCHEMA"))),
        };
        right.0 |= one.0;
    }
    Ok(right)
}
