//! The types that the model knows. PostgreSQL has hundreds; tenants, ids and flags need four.

/// Type of a column or an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// `bool`.
    Bool,
    /// `int4`: what a small number is unless something makes it larger.
    Int4,
    /// `int8`.
    Int,
    /// `text`.
    Text,
}

impl Type {
    /// The name that error messages use.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "boolean",
            Type::Int4 => "integer",
            Type::Int => "bigint",
            Type::Text => "text",
        }
    }
    /// The name in the catalogue, which a cast gives to a column of a select list.
    pub fn internal(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int4 => "int4",
            Type::Int => "int8",
            Type::Text => "text",
        }
    }
    /// Whether it is one of the integers.
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int4 | Type::Int)
    }
    /// The integer that a literal is: the smallest that holds it, from `int4` on.
    pub fn of_number(n: i64) -> Type {
        if i32::try_from(n).is_ok() { Type::Int4 } else { Type::Int }
    }
    /// The type that both can be brought to without being asked.
    pub fn common(self, other: Type) -> Option<Type> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (a, b) if a.is_number() && b.is_number() => Some(Type::Int),
            _ => None,
        }
    }
}
