//! SQLSTATE codes, and the errors of the engine in PostgreSQL's own words.
//!
//! The wording matters: an application that logs or compares messages sees the same text from a real server. Details
//! and hints are absent, because a driver shows them only on request, and the detail of a unique violation is
//! suppressed by the server whenever row security hides the row.

use crate::wire::sql::Reply;
use std::fmt;
use std::sync::Arc;

/// `08P01` protocol_violation.
pub const PROTOCOL_VIOLATION: &str = "08P01";
/// `0A000` feature_not_supported: valid PostgreSQL that this model does not have.
pub const NOT_SUPPORTED: &str = "0A000";
/// `2201W` invalid_row_count_in_limit_clause.
pub const INVALID_LIMIT: &str = "2201W";
/// `2201X` invalid_row_count_in_result_offset_clause.
pub const INVALID_OFFSET: &str = "2201X";
/// `22003` numeric_value_out_of_range.
pub const OUT_OF_RANGE: &str = "22003";
/// `22004` null_value_not_allowed.
pub const NULL_NOT_ALLOWED: &str = "22004";
/// `0LP01` invalid_grant_operation.
pub const INVALID_GRANT: &str = "0LP01";
/// `22023` invalid_parameter_value.
pub const INVALID_PARAMETER: &str = "22023";
/// `22025` invalid_escape_sequence.
pub const INVALID_ESCAPE: &str = "22025";
/// `22P02` invalid_text_representation.
pub const INVALID_TEXT: &str = "22P02";
/// `23502` not_null_violation.
pub const NOT_NULL_VIOLATION: &str = "23502";
/// `23503` foreign_key_violation.
pub const FOREIGN_KEY_VIOLATION: &str = "23503";
/// `23505` unique_violation.
pub const UNIQUE_VIOLATION: &str = "23505";
/// `23514` check_violation: a row that belongs to no partition, or to another one.
pub const CHECK_VIOLATION: &str = "23514";
/// `25001` active_sql_transaction.
pub const ACTIVE_TRANSACTION: &str = "25001";
/// `25006` read_only_sql_transaction.
pub const READ_ONLY: &str = "25006";
/// `25P01` no_active_sql_transaction.
pub const NO_TRANSACTION: &str = "25P01";
/// `25P02` in_failed_sql_transaction.
pub const FAILED_TRANSACTION: &str = "25P02";
/// `28000` invalid_authorization_specification.
pub const INVALID_AUTHORIZATION: &str = "28000";
/// `28P01` invalid_password.
pub const INVALID_PASSWORD: &str = "28P01";
/// `2BP01` dependent_objects_still_exist.
pub const DEPENDENT_OBJECTS: &str = "2BP01";
/// `3B001` invalid_savepoint_specification.
pub const INVALID_SAVEPOINT: &str = "3B001";
/// `3F000` invalid_schema_name.
pub const UNDEFINED_SCHEMA: &str = "3F000";
/// `40001` serialization_failure.
pub const SERIALIZATION_FAILURE: &str = "40001";
/// `42501` insufficient_privilege: a missing grant, and every violated policy.
pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// `42601` syntax_error.
pub const SYNTAX_ERROR: &str = "42601";
/// `42701` duplicate_column.
pub const DUPLICATE_COLUMN: &str = "42701";
/// `42703` undefined_column.
pub const UNDEFINED_COLUMN: &str = "42703";
/// `42704` undefined_object.
pub const UNDEFINED_OBJECT: &str = "42704";
/// `42710` duplicate_object.
pub const DUPLICATE_OBJECT: &str = "42710";
/// `42725` ambiguous_function.
pub const AMBIGUOUS: &str = "42725";
/// `42803` grouping_error.
pub const GROUPING_ERROR: &str = "42803";
/// `42804` datatype_mismatch.
pub const DATATYPE_MISMATCH: &str = "42804";
/// `42809` wrong_object_type.
pub const WRONG_OBJECT: &str = "42809";
/// `42830` invalid_foreign_key.
pub const INVALID_FOREIGN_KEY: &str = "42830";
/// `42846` cannot_coerce.
pub const CANNOT_COERCE: &str = "42846";
/// `42883` undefined_function.
pub const UNDEFINED_FUNCTION: &str = "42883";
/// `42723` duplicate_function.
pub const DUPLICATE_FUNCTION: &str = "42723";
/// `42939` reserved_name.
pub const RESERVED_NAME: &str = "42939";
/// `42P01` undefined_table.
pub const UNDEFINED_TABLE: &str = "42P01";
/// `42P02` undefined_parameter.
pub const UNDEFINED_PARAMETER: &str = "42P02";
/// `42P06` duplicate_schema.
pub const DUPLICATE_SCHEMA: &str = "42P06";
/// `42P07` duplicate_table.
pub const DUPLICATE_TABLE: &str = "42P07";
/// `42P10` invalid_column_reference.
pub const INVALID_COLUMN_REFERENCE: &str = "42P10";
/// `42P13` invalid_function_definition.
pub const INVALID_FUNCTION: &str = "42P13";
/// `42P16` invalid_table_definition.
pub const INVALID_TABLE: &str = "42P16";
/// `42P17` invalid_object_definition.
pub const INVALID_OBJECT: &str = "42P17";
/// `53300` too_many_connections.
pub const TOO_MANY_CONNECTIONS: &str = "53300";
/// `53400` configuration_limit_exceeded.
pub const LIMIT_EXCEEDED: &str = "53400";
/// `54001` statement_too_complex.
pub const TOO_COMPLEX: &str = "54001";
/// `55000` object_not_in_prerequisite_state.
pub const NOT_IN_STATE: &str = "55000";
/// `55P03` lock_not_available.
pub const LOCK_NOT_AVAILABLE: &str = "55P03";
/// `57P01` admin_shutdown.
pub const ADMIN_SHUTDOWN: &str = "57P01";
/// `57P03` cannot_connect_now.
pub const CANNOT_CONNECT_NOW: &str = "57P03";

/// A statement that failed. Boxed, because the good way through an expression is hot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SqlError(Box<(&'static str, Arc<str>)>);

impl SqlError {
    /// An error with its primary message.
    #[cold]
    pub fn new(sqlstate: &'static str, message: impl Into<Arc<str>>) -> SqlError {
        SqlError(Box::new((sqlstate, message.into())))
    }
    /// Valid PostgreSQL that the model does not have; `what` completes "… is not modelled".
    #[cold]
    pub fn unsupported(what: impl fmt::Display) -> SqlError {
        SqlError::new(NOT_SUPPORTED, format!("{what} is not modelled"))
    }
    /// The row breaks a `WITH CHECK`, or a `USING` that stands in for one; restrictive policies are named.
    #[cold]
    pub fn row_security(table: &str, policy: Option<&str>) -> SqlError {
        let which = policy.map(|p| format!(" \"{p}\"")).unwrap_or_default();
        let message = format!("new row violates row-level security policy{which} for table \"{table}\"");
        SqlError::new(INSUFFICIENT_PRIVILEGE, message)
    }
    /// Whether these are the words of [`SqlError::row_security`].
    pub fn is_row_security(message: &str) -> bool {
        message.starts_with("new row violates row-level security policy")
    }
    /// The session has set `row_security` off, and a policy would filter.
    #[cold]
    pub fn filtered(table: &str) -> SqlError {
        let message = format!("query would be affected by row-level security policy for table \"{table}\"");
        SqlError::new(INSUFFICIENT_PRIVILEGE, message)
    }
    /// Whether these are the words of [`SqlError::filtered`].
    pub fn is_filtered(message: &str) -> bool {
        message.starts_with("query would be affected by row-level security policy")
    }
    /// Another open transaction has what the statement needs, and a `lock_timeout` is over.
    #[cold]
    pub fn waits() -> SqlError {
        SqlError::new(LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout")
    }
    /// A row of the snapshot has been changed by a commit since.
    #[cold]
    pub fn not_serializable(deleted: bool) -> SqlError {
        let what = if deleted { "delete" } else { "update" };
        SqlError::new(SERIALIZATION_FAILURE, format!("could not serialize access due to concurrent {what}"))
    }
    /// Nothing may be written; `what` names the statement.
    #[cold]
    pub fn read_only(what: &str) -> SqlError {
        SqlError::new(READ_ONLY, format!("cannot execute {what} in a read-only transaction"))
    }
    /// No grant.
    #[cold]
    pub fn denied(table: &str) -> SqlError {
        SqlError::new(INSUFFICIENT_PRIVILEGE, format!("permission denied for table {table}"))
    }
    /// No grant on a view.
    #[cold]
    pub fn denied_view(view: &str) -> SqlError {
        SqlError::new(INSUFFICIENT_PRIVILEGE, format!("permission denied for view {view}"))
    }
    /// No `USAGE`, or no `CREATE`, on a schema.
    #[cold]
    pub fn denied_schema(schema: &str) -> SqlError {
        SqlError::new(INSUFFICIENT_PRIVILEGE, format!("permission denied for schema {schema}"))
    }
    /// No such schema.
    #[cold]
    pub fn no_schema(name: &str) -> SqlError {
        SqlError::new(UNDEFINED_SCHEMA, format!("schema \"{name}\" does not exist"))
    }
    /// Only the owner may.
    #[cold]
    pub fn not_owner(table: &str) -> SqlError {
        SqlError::new(INSUFFICIENT_PRIVILEGE, format!("must be owner of table {table}"))
    }
    /// A view reads it, or a foreign key refers to it.
    #[cold]
    pub fn depended_upon(table: &str) -> SqlError {
        let message = format!("cannot drop table {table} because other objects depend on it");
        SqlError::new(DEPENDENT_OBJECTS, message)
    }
    /// It is a view, where a table is meant.
    #[cold]
    pub fn not_a_table(name: &str) -> SqlError {
        SqlError::new(WRONG_OBJECT, format!("\"{name}\" is not a table"))
    }
    /// No such table.
    #[cold]
    pub fn no_table(name: &str) -> SqlError {
        SqlError::new(UNDEFINED_TABLE, format!("relation \"{name}\" does not exist"))
    }
    /// No such role.
    #[cold]
    pub fn no_role(name: &str) -> SqlError {
        SqlError::new(UNDEFINED_OBJECT, format!("role \"{name}\" does not exist"))
    }
    /// No such setting.
    #[cold]
    pub fn no_setting(name: &str) -> SqlError {
        SqlError::new(UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
    }
    /// The SQLSTATE.
    pub fn sqlstate(&self) -> &'static str {
        self.0.0
    }
    /// The primary message.
    pub fn message(&self) -> &str {
        &self.0.1
    }
}

impl From<SqlError> for Reply {
    fn from(error: SqlError) -> Reply {
        Reply::Error { sqlstate: error.0.0, message: error.0.1 }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.0, self.0.1)
    }
}
