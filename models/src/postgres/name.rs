//! Names, types and calls as they are written in SQL.
//!
//! A table's name may carry a schema; a role's carries none, and a function's is one of the server's own.

use super::catalog::Type;
use super::sqlstate::{SYNTAX_ERROR, SqlError};
use sqlparser::ast;
use std::fmt;

/// The name of a table, as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The schema, when it was named.
    pub schema: Option<String>,
    /// The table.
    pub name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Name and arguments of a plain call.
///
/// # Errors
/// `0A000` for windows, filters, named arguments and the like.
pub fn call(function: &ast::Function) -> Result<(String, Vec<&ast::Expr>), SqlError> {
    let refused = || SqlError::unsupported(format_args!("the call {function}"));
    let plain = function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty()
        && matches!(function.parameters, ast::FunctionArguments::None)
        && !function.uses_odbc_syntax;
    let name = table_name(&function.name).map_err(|_| refused())?;
    if name.schema.is_some_and(|schema| schema != "pg_catalog") {
        return Err(refused());
    }
    let name = name.name;
    let args = match &function.args {
        ast::FunctionArguments::None => Vec::new(),
        ast::FunctionArguments::List(list) if list.duplicate_treatment.is_none() && list.clauses.is_empty() => {
            let arg = |a: &'_ ast::FunctionArg| matches!(a, ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(_)));
            if !list.args.iter().all(arg) {
                return Err(refused());
            }
            let expr = |a| match a {
                &ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ref e)) => Some(e),
                _ => None,
            };
            list.args.iter().filter_map(expr).collect()
        }
        _ => return Err(refused()),
    };
    if plain { Ok((name, args)) } else { Err(refused()) }
}

/// Whether a call was written without parentheses, as `current_user` is.
pub fn bare(function: &ast::Function) -> bool {
    matches!(function.args, ast::FunctionArguments::None)
}

/// An integer literal.
///
/// # Errors
/// `0A000` for a fraction, and beyond 64 bits: the server reads both as `numeric`.
pub fn integer(digits: &str) -> Result<i64, SqlError> {
    digits.parse().map_err(|_| SqlError::unsupported(format_args!("the number {digits}")))
}

/// An identifier as the server folds it: lower case unless quoted.
pub fn folded(ident: &ast::Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_ascii_lowercase() }
}

/// The name of a table.
///
/// # Errors
/// `0A000` for a name of three parts: the first would be a database.
pub fn table_name(name: &ast::ObjectName) -> Result<Name, SqlError> {
    let parts: Vec<String> = name.0.iter().filter_map(|p| p.as_ident().map(folded)).collect();
    match parts.as_slice() {
        _ if parts.len() != name.0.len() => Err(SqlError::new(SYNTAX_ERROR, "syntax error")),
        [one] => Ok(Name { schema: None, name: one.clone() }),
        [schema, one] => Ok(Name { schema: Some(schema.clone()), name: one.clone() }),
        _ => Err(SqlError::unsupported(format_args!("the cross-database reference {name}"))),
    }
}

/// A name that no schema holds: of a role, or of a schema itself.
///
/// # Errors
/// `42601`.
pub fn plain_name(name: &ast::ObjectName) -> Result<String, SqlError> {
    match table_name(name)? {
        Name { schema: None, name } => Ok(name),
        _ => Err(SqlError::new(SYNTAX_ERROR, "syntax error")),
    }
}

/// One of the modelled types.
///
/// # Errors
/// `0A000` for every other.
pub fn data_type(kind: &ast::DataType) -> Result<Type, SqlError> {
    match kind {
        ast::DataType::Text => Ok(Type::Text),
        ast::DataType::Int4(None) | ast::DataType::Int(None) | ast::DataType::Integer(None) => Ok(Type::Int4),
        ast::DataType::Int8(None) | ast::DataType::BigInt(None) => Ok(Type::Int),
        ast::DataType::Bool | ast::DataType::Boolean => Ok(Type::Bool),
        other => Err(SqlError::unsupported(format_args!("the type {other}"))),
    }
}
