//! The types that the model knows. PostgreSQL has hundreds; tenants, ids and flags need three.

/// Type of a column or an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// `bool`.
    Bool,
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
            Type::Int => "bigint",
            Type::Text => "text",
        }
    }
}
