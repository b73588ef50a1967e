//! `CREATE SCHEMA`, `DROP SCHEMA`, and what a role's sessions begin with.
//!
//! Whoever may create schemas is a superuser here: `CREATE` on a database is not modelled.

use super::catalog::{INFORMATION_SCHEMA, PG_CATALOG, RoleId, Schema};
use super::ddl::Definer;
use super::name::{folded, plain_name};
use super::namespace::quoted;
use super::prepare::set_value;
use super::setting::{SEARCH_PATH, SettingId, TENANT};
use super::sqlstate::{
    DEPENDENT_OBJECTS, DUPLICATE_SCHEMA, INSUFFICIENT_PRIVILEGE, RESERVED_NAME, SqlError, UNDEFINED_SCHEMA,
};
use sqlparser::ast;
use std::sync::Arc;

impl Definer<'_> {
    /// `CREATE SCHEMA`, without anything in it.
    pub(super) fn create_schema(&mut self, name: &ast::SchemaName, if_not_exists: bool) -> Result<(), SqlError> {
        let (name, owner) = match name {
            ast::SchemaName::Simple(name) => (plain_name(name)?, None),
            ast::SchemaName::UnnamedAuthorization(owner) => (folded(owner), Some(owner)),
            ast::SchemaName::NamedAuthorization(name, owner) => (plain_name(name)?, Some(owner)),
        };
        let owner = match owner {
            None => self.asker.role,
            Some(owner) => self.catalog.role_named(&folded(owner))?,
        };
        if !self.superuser() {
            return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, "permission denied for database"));
        }
        if name.starts_with("pg_") {
            return Err(SqlError::new(RESERVED_NAME, format!("unacceptable schema name \"{name}\"")));
        }
        if self.catalog.schema_id(&name).is_some() {
            if if_not_exists {
                return Ok(());
            }
            return Err(SqlError::new(DUPLICATE_SCHEMA, format!("schema \"{name}\" already exists")));
        }
        self.catalog.schemas.push(Schema::new(&name, owner));
        Ok(())
    }

    /// `DROP SCHEMA`.
    pub(super) fn drop_schemas(
        &mut self,
        names: &[ast::ObjectName],
        if_exists: bool,
        cascade: bool,
    ) -> Result<(), SqlError> {
        let mut found = Vec::new();
        for name in names {
            match self.catalog.schema_named(&plain_name(name)?) {
                Err(e) if if_exists && e.sqlstate() == UNDEFINED_SCHEMA => {}
                other => found.push(other?),
            }
        }
        for id in &found {
            let schema = self.catalog.schema(*id);
            if !self.catalog.inherits(self.asker.role, schema.owner) {
                let message = format!("must be owner of schema {}", schema.name);
                return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, message));
            }
            if [PG_CATALOG, INFORMATION_SCHEMA].contains(id) {
                return Err(SqlError::unsupported("a server without its catalogue"));
            }
        }
        for id in found {
            let schema = self.catalog.schema(id);
            if !(schema.tables.is_empty() && schema.functions.is_empty() || cascade) {
                let message = format!("cannot drop schema {} because other objects depend on it", schema.name);
                return Err(SqlError::new(DEPENDENT_OBJECTS, message));
            }
            let tables: Vec<_> = schema.tables.values().copied().collect();
            // A view of one that is gone already went with it.
            tables.iter().try_for_each(|table| self.drop_with_dependents(*table, &tables, true))?;
            self.catalog.schemas[id.0 as usize].functions.clear();
            self.catalog.schemas[id.0 as usize].dropped = true;
        }
        Ok(())
    }

    /// `ALTER ROLE … SET` and `… RESET`: what new sessions of the role begin with. Those that are open keep what they
    /// have. `search_path`, the tenant and settings of one's own are modelled.
    pub(super) fn role_default(&mut self, role: RoleId, operation: &ast::AlterRoleOperation) -> Result<(), SqlError> {
        use ast::AlterRoleOperation::{Reset, Set};
        // A role with CREATEROLE could as well; the model lets only superusers, and everybody for themselves.
        if !self.superuser() && role != self.asker.role {
            return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, "permission denied"));
        }
        match operation {
            Set { config_name, config_value, in_database: None } => {
                let id = self.default_of(config_name)?;
                let value = match config_value {
                    ast::SetConfigValue::Default => None,
                    ast::SetConfigValue::Value(value) => set_value(value)?,
                    ast::SetConfigValue::FromCurrent => return Err(SqlError::unsupported("SET … FROM CURRENT")),
                };
                let defaults = &mut self.catalog.roles[role.0 as usize].defaults;
                defaults.retain(|(of, _)| *of != id);
                if let Some(value) = value {
                    let value = if id == SEARCH_PATH { Arc::from(quoted(&value)) } else { value };
                    defaults.push((id, value));
                }
            }
            Reset { config_name: ast::ResetConfig::ConfigName(name), in_database: None } => {
                let id = self.default_of(name)?;
                self.catalog.roles[role.0 as usize].defaults.retain(|(of, _)| *of != id);
            }
            Reset { config_name: ast::ResetConfig::ALL, in_database: None } => {
                self.catalog.roles[role.0 as usize].defaults.clear();
            }
            _ => return Err(SqlError::unsupported("this ALTER ROLE")),
        }
        Ok(())
    }

    fn default_of(&mut self, name: &ast::ObjectName) -> Result<SettingId, SqlError> {
        let parts: Vec<String> = name.0.iter().filter_map(|p| p.as_ident().map(folded)).collect();
        let name = parts.join(".");
        match self.names.intern(&name)? {
            Some(id) if id == SEARCH_PATH || id == TENANT || name.contains('.') => Ok(id),
            Some(_) => Err(SqlError::unsupported(format_args!("ALTER ROLE … SET {name}"))),
            None => Err(SqlError::no_setting(&name)),
        }
    }
}
