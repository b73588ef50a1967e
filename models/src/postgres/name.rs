//! Names, types and calls as they are written in SQL.
//!
//! Only schema `public` exists: a name in any other schema is an unknown table, not a table of the same name.

use super::catalog::Type;
use super::sqlstate::{SYNTAX_ERROR, SqlError};
use sqlparser::ast;

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
    let name = object_name(&function.name).map_err(|_| refused())?;
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

/// A name in schema `public`.
///
/// # Errors
/// `42P01` for every other schema.
pub fn object_name(name: &ast::ObjectName) -> Result<String, SqlError> {
    let parts: Vec<String> = name.0.iter().filter_map(|p| p.as_ident().map(folded)).collect();
    match parts.as_slice() {
        [one] if name.0.len() == 1 => Ok(one.clone()),
        [schema, one] if schema == "public" && name.0.len() == 2 => Ok(one.clone()),
        [] => Err(SqlError::new(SYNTAX_ERROR, "syntax error")),
        _ => Err(SqlError::no_table(&parts.join("."))),
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
