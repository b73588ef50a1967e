//! Functions in SQL that return rows, called in `FROM`.
//!
//! A body is text that is read anew at every call: by `SECURITY DEFINER` with its owner's rights and by its owner's
//! policies, and its names are looked for where the caller's `search_path` says, unless the function has one of its
//! own. Whoever may call it and choose a path then chooses what the owner reads. Everybody may call a new function.

use super::catalog::{Catalog, Column, Function, Grantee, Privilege, Table, Type};
use super::coerce::cast;
use super::ddl::Definer;
use super::engine::Engine;
use super::execute::Cx;
use super::expr::Env;
use super::name::{Name, data_type, folded, table_name};
use super::namespace::{Asker, quoted};
use super::plan::{Call, Plan, Prepared, Select};
use super::prepare::{Analyzer, parse, prepare_with};
use super::session::{Session, Txn};
use super::setting::{Names, ROLE, SEARCH_PATH, Scope};
use super::sqlstate::{
    DUPLICATE_FUNCTION, INSUFFICIENT_PRIVILEGE, INVALID_FUNCTION, SqlError, UNDEFINED_FUNCTION, UNDEFINED_PARAMETER,
};
use super::store::{Store, Stored};
use crate::control;
use crate::control::{Control, Controls};
use crate::wire::sql::{Lsn, Reply, Value};
use sqlparser::ast;
use std::sync::Arc;

/// A lookup runs with the rights of who asks, and by the policies for it (STO-03).
pub const FUNCTION_INVOKER: Control = control!(
    "postgres.function-invoker",
    upholds: ["STO-03", "TEN-02"],
    off: "the lookup is made SECURITY DEFINER, so that it works for everybody, and belongs to the superuser who ran \
          the migration: it finds every tenant's rows",
);

/// A function with its owner's rights has a search path of its own (STO-03).
pub const DEFINER_PINNED: Control = control!(
    "postgres.definer-pinned",
    upholds: ["STO-03", "STO-13"],
    off: "SECURITY DEFINER without SET search_path: the caller's own path says which table the owner's rights open",
);

impl Catalog {
    /// The function of a name: in its schema, or the first in the search path.
    ///
    /// # Errors
    /// `42883`, and `42501` or `3F000` for the schema.
    fn function(&self, asker: Asker<'_>, name: &Name) -> Result<u16, SqlError> {
        let path = match &name.schema {
            None => self.path(asker),
            Some(schema) => {
                let schema = self.schema_named(schema)?;
                if !self.uses(asker, schema) {
                    return Err(SqlError::denied_schema(&self.schema(schema).name));
                }
                vec![schema]
            }
        };
        let found = path.iter().find_map(|schema| self.schema(*schema).functions.get(&*name.name));
        let unknown = || SqlError::new(UNDEFINED_FUNCTION, format!("function {name} does not exist"));
        found.copied().ok_or_else(unknown)
    }
}

impl Analyzer<'_> {
    /// A call in `FROM`.
    pub(super) fn call(&mut self, name: &Name, args: &ast::TableFunctionArgs) -> Result<Call, SqlError> {
        let given = args.args.iter().map(|arg| match arg {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(e)) => Ok(e),
            other => Err(SqlError::unsupported(format_args!("the argument {other}"))),
        });
        let given = given.collect::<Result<Vec<_>, _>>()?;
        let at = match self.catalog.function(self.asker, name) {
            Ok(at) => at,
            // The server has functions of its own that return rows.
            Err(e) if e.sqlstate() == UNDEFINED_FUNCTION => {
                return Err(SqlError::unsupported(format_args!("the function {name} in FROM")));
            }
            Err(e) => return Err(e),
        };
        let function = &self.catalog.functions[at as usize];
        let unknown = || SqlError::new(UNDEFINED_FUNCTION, format!("function {name} does not exist"));
        if given.len() != function.args.len() {
            return Err(unknown());
        }
        let mut lowered = Vec::new();
        for (e, kind) in given.into_iter().zip(&function.args) {
            let typed = self.lowerer(None).expr(e)?;
            let (e, found) = self.lowerer(None).settle(typed, *kind)?;
            match (found, *kind) {
                (found, kind) if found == kind => {}
                (Type::Int4, Type::Int) => {}
                // No other type becomes another one in a call without being asked.
                _ => return Err(unknown()),
            }
            lowered.push(e);
        }
        Ok(Call { function: at, args: lowered })
    }
}

impl Definer<'_> {
    /// `CREATE FUNCTION … LANGUAGE sql`, of one `SELECT` that returns rows.
    pub(super) fn create_function(&mut self, create: &ast::CreateFunction) -> Result<(), SqlError> {
        let plain = !create.or_alter
            && !create.or_replace
            && !create.temporary
            && !create.if_not_exists
            && create.behavior.is_none()
            && create.called_on_null.is_none()
            && create.parallel.is_none()
            && create.using.is_none()
            && create.options.is_none()
            && create.language.as_ref().is_some_and(|l| folded(l) == "sql");
        let body = match &create.function_body {
            Some(ast::CreateFunctionBody::AsBeforeOptions { body: ast::Expr::Value(v), link_symbol: None }) => {
                v.value.clone().into_string()
            }
            _ => None,
        };
        let (Some(body), true) = (body, plain) else { return Err(SqlError::unsupported("this CREATE FUNCTION")) };
        let full = table_name(&create.name)?;
        let schema = self.catalog.place_of_new(self.asker, &full)?;
        let args = create.args.iter().flatten().map(|arg| match (&arg.mode, &arg.name, &arg.default_expr) {
            (None | Some(ast::ArgMode::In), None, None) => data_type(&arg.data_type),
            _ => Err(SqlError::unsupported("an argument with a name, a default or another mode")),
        });
        let args = args.collect::<Result<Vec<_>, _>>()?;
        let name: Arc<str> = full.name.into();
        let columns = returned(create.return_type.as_ref(), &name)?;
        let path = path_of(&create.set_params)?;
        if self.catalog.schema(schema).functions.contains_key(&name) {
            let message = format!("function \"{name}\" already exists with same argument types");
            return Err(match self.catalog.schema(schema).functions.get(&name) {
                Some(at) if self.catalog.functions[*at as usize].args == args => {
                    SqlError::new(DUPLICATE_FUNCTION, message)
                }
                _ => SqlError::unsupported("two functions of one name"),
            });
        }
        let definer = create.security == Some(ast::FunctionSecurity::Definer);
        let mut returns = Table::plain((schema, Arc::clone(&name)), self.asker.role, columns);
        returns.grant(Grantee::Public, Privilege::SELECT);
        let owner = self.asker.role;
        let function = Function { name, schema, owner, args, returns, body: body.into(), definer, path };
        self.validate(&function)?;
        let at = self.catalog.functions.len() as u16;
        self.catalog.schemas[schema.0 as usize].functions.insert(Arc::clone(&function.name), at);
        self.catalog.functions.push(function);
        Ok(())
    }

    /// A body is read when its function is made, by the path of the function if it has one.
    fn validate(&mut self, function: &Function) -> Result<(), SqlError> {
        let asker = Asker { path: function.path.as_deref().unwrap_or(self.asker.path), ..self.asker };
        let prepared = read(self.catalog, self.names, asker, function)?;
        let Plan::Select(select) = &prepared.plan else { unreachable!("read says so") };
        let wanted: Vec<Type> = function.returns.columns.iter().map(|c| c.kind).collect();
        // What a query returns becomes what is declared as a stored value would.
        let becomes =
            |(from, to): (&Type, &Type)| from == to || *to == Type::Text || from.is_number() && to.is_number();
        if select.output.kinds.len() != wanted.len() || !select.output.kinds.iter().zip(&wanted).all(becomes) {
            let message = "return type mismatch in function declared to return rows";
            return Err(SqlError::new(INVALID_FUNCTION, message));
        }
        Ok(())
    }

    /// `DROP FUNCTION`.
    pub(super) fn drop_function(&mut self, drop: &ast::DropFunction) -> Result<(), SqlError> {
        for described in &drop.func_desc {
            let name = table_name(&described.name)?;
            let found = self.catalog.function(self.asker, &name);
            let at = match found {
                Err(_) if drop.if_exists => continue,
                found => found?,
            };
            let function = &self.catalog.functions[at as usize];
            if !self.catalog.inherits(self.asker.role, function.owner) {
                let message = format!("must be owner of function {}", function.name);
                return Err(SqlError::new(INSUFFICIENT_PRIVILEGE, message));
            }
            let (schema, name) = (function.schema, Arc::clone(&function.name));
            self.catalog.schemas[schema.0 as usize].functions.remove(&name);
        }
        Ok(())
    }
}

/// Columns of what a function returns.
fn returned(declared: Option<&ast::FunctionReturnType>, name: &Arc<str>) -> Result<Vec<Column>, SqlError> {
    let column = |name: Arc<str>, kind| Column { name, kind, not_null: false, default: None };
    match declared {
        Some(ast::FunctionReturnType::SetOf(kind)) => Ok(vec![column(Arc::clone(name), data_type(kind)?)]),
        Some(ast::FunctionReturnType::DataType(ast::DataType::Table(Some(columns)))) => {
            let all = columns.iter().map(|c| Ok(column(folded(&c.name).into(), data_type(&c.data_type)?)));
            all.collect()
        }
        _ => Err(SqlError::unsupported("a function that returns no rows")),
    }
}

/// The search path of a function, if it has one.
fn path_of(settings: &[ast::FunctionDefinitionSetParam]) -> Result<Option<Arc<str>>, SqlError> {
    match settings {
        [] => Ok(None),
        [one] if one.name.to_string().eq_ignore_ascii_case("search_path") => match &one.value {
            ast::FunctionSetValue::Values(names) => {
                let name = |e: &ast::Expr| match e {
                    ast::Expr::Identifier(name) => Ok(quoted(&folded(name))),
                    other => Err(SqlError::unsupported(format_args!("the search path {other}"))),
                };
                let names = names.iter().map(name).collect::<Result<Vec<_>, _>>()?;
                Ok(Some(names.join(", ").into()))
            }
            _ => Err(SqlError::unsupported("SET … FROM CURRENT")),
        },
        _ => Err(SqlError::unsupported("a function with other settings than a search path")),
    }
}

/// Reads a body for somebody.
fn read(catalog: &Catalog, names: &mut Names, asker: Asker<'_>, function: &Function) -> Result<Prepared, SqlError> {
    let [body] = <[ast::Statement; 1]>::try_from(parse(&function.body)?)
        .map_err(|_| SqlError::unsupported("a function of several commands"))?;
    let params = function.args.iter().copied().map(Some).collect();
    let prepared = prepare_with(catalog, names, asker, body, params)?;
    match &prepared.plan {
        Plan::Select(select) if select.call.is_none() && select.search.is_some() => {
            if prepared.params.len() > function.args.len() {
                let message = format!("there is no parameter ${}", prepared.params.len());
                return Err(SqlError::new(UNDEFINED_PARAMETER, message));
            }
            Ok(prepared)
        }
        _ => Err(SqlError::unsupported("a function of anything but a query of one table")),
    }
}

impl Engine {
    /// The rows that a call gives.
    pub(super) fn called(
        &mut self,
        session: &mut Session,
        controls: &Controls,
        call: &Call,
        params: &[Value],
    ) -> Result<Store, SqlError> {
        let caller = session.role(&self.catalog);
        let function = self.catalog.functions[call.function as usize].clone();
        let Session { settings, login_name, txn, .. } = session;
        let env = Env { row: &[], params, settings, session_user: login_name };
        let args = call.args.iter().zip(&function.args).map(|(e, kind)| cast(e.value(env)?.into_value(), *kind));
        let args = args.collect::<Result<Vec<_>, _>>()?;
        let mut inner = settings.clone();
        let definer = function.definer || !controls.on(&FUNCTION_INVOKER);
        let role = if definer { function.owner } else { caller };
        if definer {
            inner.set(ROLE, Arc::clone(&self.catalog.role(role).name), Scope::Transaction);
        }
        if let Some(path) = function.path.as_ref().filter(|_| controls.on(&DEFINER_PINNED)) {
            inner.set(SEARCH_PATH, Arc::clone(path), Scope::Transaction);
        }
        let path = inner.get(SEARCH_PATH).cloned().unwrap_or_default();
        let asker = Asker { role, path: &path, controls };
        let prepared = read(&self.catalog, &mut self.names, asker, &function)?;
        if let Some(error) = prepared.doomed {
            return Err(error);
        }
        let Plan::Select(select) = &prepared.plan else { unreachable!("read says so") };
        let env = Env { row: &[], params: &args, settings: &inner, session_user: login_name };
        let (next, sight) = (self.log.end, self.versions.sight(txn));
        let (catalog, sight) = (&self.catalog, sight.as_ref());
        let cx = Cx { catalog, controls, role, env, next, read_only: true, given: None, sight };
        rows_of(&cx, &self.stores, txn, select, &function.returns)
    }
}

/// What a query finds, as rows of a table.
fn rows_of(cx: &Cx<'_>, stores: &[Store], txn: &mut Txn, select: &Select, table: &Table) -> Result<Store, SqlError> {
    let mut store = Store::default();
    if let Reply::Rows { rows, .. } = cx.select(stores, txn, select)? {
        for row in rows {
            let cells = row.iter().zip(&table.columns).map(|(value, column)| cast(value.clone(), column.kind));
            let row = cells.collect::<Result<Vec<_>, _>>()?.into();
            store.insert(table, Stored { row, since: Lsn(0) })?;
        }
    }
    Ok(store)
}
