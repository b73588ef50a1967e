//! `SET`, `set_config`, and queries without `FROM`: what a statement may change in its own session.
//!
//! Any role may set any custom setting, the tenant included: the policies trust it, and so they protect against
//! mistakes of the service, not against whoever can send SQL of their own.

use super::catalog::Type;
use super::coerce::cast;
use super::engine::Engine;
use super::expr::Env;
use super::namespace::check_path;
use super::plan::{Item, Select};
use super::session::Session;
use super::setting::{ROLE, ROW_SECURITY, SEARCH_PATH, Scope, SettingId};
use super::sqlstate::{INSUFFICIENT_PRIVILEGE, INVALID_PARAMETER, NULL_NOT_ALLOWED, SqlError};
use crate::wire::sql::{Reply, Value};
use std::sync::Arc;

impl Engine {
    /// A query without `FROM`: the only place where an expression may change the session.
    pub(super) fn select_values(
        &mut self,
        session: &mut Session,
        select: &Select,
        params: &[Value],
    ) -> Result<Reply, SqlError> {
        self.look(&mut session.txn)?;
        let columns = Arc::clone(&select.output.header);
        let mut row = Vec::new();
        for item in select.output.items.iter().flatten() {
            let login = Arc::clone(&session.login_name);
            let env = Env { row: &[], params, settings: &session.settings, session_user: &login };
            let shown = select.filter.as_ref().map_or(Ok(Some(true)), |f| f.holds(env))? == Some(true);
            if let (Item::Count(_), _) | (_, false) = (item, shown) {
                // Without rows there is nothing to count, and nothing else to evaluate.
                match item {
                    Item::Count(None) => row.push(Value::Int(shown.into())),
                    Item::Count(Some(e)) => {
                        let counted = shown && e.value(env)?.into_value() != Value::Null;
                        row.push(Value::Int(counted.into()));
                    }
                    _ => return Ok(Reply::Rows { columns, rows: Vec::new() }),
                }
                continue;
            }
            match item {
                Item::Value(e) => row.push(e.value(env)?.into_value()),
                Item::SetConfig(args) => {
                    let [name, value, local] = &**args;
                    let (name, value) = (name.value(env)?.into_value(), value.value(env)?.into_value());
                    let scope = if local.holds(env)? == Some(true) { Scope::Transaction } else { Scope::Session };
                    row.push(self.set_config(session, name, value, scope)?);
                }
                Item::Count(_) => unreachable!("counted above"),
            }
        }
        Ok(Reply::Rows { columns, rows: vec![row.into()] })
    }

    fn set_config(
        &mut self,
        session: &mut Session,
        name: Value,
        value: Value,
        scope: Scope,
    ) -> Result<Value, SqlError> {
        let Value::Text(name) = name else {
            return Err(SqlError::new(NULL_NOT_ALLOWED, "SET requires parameter name"));
        };
        let id = self.names.intern(&name)?.ok_or_else(|| SqlError::no_setting(&name))?;
        let value = match value {
            Value::Text(value) => Some(value),
            _ => None,
        };
        self.set(session, id, value.as_ref(), scope)?;
        Ok(session.settings.get(id).map_or(Value::Null, |v| Value::Text(Arc::clone(v))))
    }

    /// `SET`. A `SET LOCAL` outside of a transaction block ends with its own statement, and so does nothing but bring
    /// a custom setting into being.
    pub(super) fn set(
        &mut self,
        session: &mut Session,
        id: SettingId,
        value: Option<&Arc<str>>,
        scope: Scope,
    ) -> Result<(), SqlError> {
        let Some(value) = value else {
            session.settings.reset(id, scope);
            return Ok(());
        };
        if id == ROLE && **value != *"none" {
            let unknown = || SqlError::new(INVALID_PARAMETER, format!("role \"{value}\" does not exist"));
            let role = self.catalog.role_id(value).ok_or_else(unknown)?;
            if !self.catalog.may_become(session.login, role) {
                let message = format!("permission denied to set role \"{value}\"");
                return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, message));
            }
        }
        if id == SEARCH_PATH {
            check_path(value)?;
        }
        let mut value = Arc::clone(value);
        if id == ROW_SECURITY {
            let on = cast(Value::Text(Arc::clone(&value)), Type::Bool);
            let refused = |_| SqlError::new(INVALID_PARAMETER, "parameter \"row_security\" requires a Boolean value");
            value = Arc::from(if on.map_err(refused)? == Value::Bool(true) { "on" } else { "off" });
        }
        session.settings.set(id, value, scope);
        Ok(())
    }
}
