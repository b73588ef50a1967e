//! Bind parameters: from what a driver sends to what a statement expects.
//!
//! The type of a parameter comes from the statement, never from the value: a text bound to `id = $1` is read as a
//! number, or refused.

use super::catalog::Type;
use super::coerce::cast;
use super::sqlstate::{PROTOCOL_VIOLATION, SqlError, UNDEFINED_PARAMETER};
use crate::wire::sql::Value;
use std::borrow::Cow;

const I32_MIN: i64 = i32::MIN as i64;
const I32_MAX: i64 = i32::MAX as i64;

/// Brings the parameters to their types. Borrows them when they already are.
///
/// # Errors
/// `08P01` for the wrong number of them, `42P02` for a simple query that names one, and those of the conversion.
pub fn bind<'a>(types: &[Type], params: &'a [Value]) -> Result<Cow<'a, [Value]>, SqlError> {
    if params.is_empty() && !types.is_empty() {
        return Err(SqlError::new(UNDEFINED_PARAMETER, "there is no parameter $1"));
    }
    if types.len() != params.len() {
        let (given, wanted) = (params.len(), types.len());
        let message =
            format!("bind message supplies {given} parameters, but prepared statement \"\" requires {wanted}");
        return Err(SqlError::new(PROTOCOL_VIOLATION, message));
    }
    let fits = |(kind, value): (&Type, &Value)| {
        matches!(
            (kind, value),
            (_, Value::Null)
                | (Type::Int, Value::Int(_))
                | (Type::Int4, Value::Int(I32_MIN..=I32_MAX))
                | (Type::Text, Value::Text(_))
                | (Type::Bool, Value::Bool(_))
        )
    };
    if types.iter().zip(params).all(fits) {
        return Ok(Cow::Borrowed(params));
    }
    // A driver sends text, and the server reads it by the type that it has inferred.
    let text = |value: &Value| cast(value.clone(), Type::Text);
    let convert = |(kind, value): (&Type, &Value)| cast(text(value)?, *kind);
    types.iter().zip(params).map(convert).collect::<Result<Vec<_>, _>>().map(Cow::Owned)
}
