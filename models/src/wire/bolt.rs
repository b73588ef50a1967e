//! The words between a service and its graph database: what Bolt carries, as far as it is modelled, and the stream of
//! changes that a read replica follows.
//!
//! A request names the tenant in whose name it runs, as a driver impersonates a user of the database; what that user
//! may see is for the store to say. Codes of failures are Neo4j's.

use crate::ids::{Bytes, TenantId};
use serde::{Deserialize, Serialize};
use sim::Instant;
use std::sync::Arc;

/// A plain value. Nothing here holds another value of its kind, so that no bytes make a reader recurse.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum Scalar {
    /// `null`, equal to nothing in a comparison.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Text(Arc<str>),
}

/// Properties, in order of key.
pub type Properties = Vec<(Arc<str>, Scalar)>;

/// A value in a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Value {
    /// A plain one.
    Plain(Scalar),
    /// A node, as far as whoever asks may read it.
    Node(Properties),
    /// The nodes of a path, in order.
    Nodes(Vec<Properties>),
}

/// What is asked of a graph database.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// A statement.
    Run {
        /// In whose name.
        tenant: TenantId,
        /// Its text.
        text: Arc<str>,
        /// Values of `$name`.
        params: Properties,
    },
    /// Entries of an outbox, to be applied in order.
    Apply(Vec<Entry>),
    /// All relations of a tenant, with the number of each change, to be compared with what another store holds.
    Relations(TenantId),
}

/// A change of a relation between two records of a tenant. Tenant, ends and version are its name: it is the same change
/// however often it comes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Whose.
    pub tenant: TenantId,
    /// The record that it leads from.
    pub source: i64,
    /// The record that it leads to.
    pub target: i64,
    /// Counts the changes of this relation, from 1.
    pub version: i64,
    /// Whether the relation is there after it.
    pub present: bool,
    /// Whether it is a repair, which holds whatever was applied before.
    pub repair: bool,
}

/// A relation as a store holds it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Relation {
    /// The record that it leads from.
    pub source: i64,
    /// The record that it leads to.
    pub target: i64,
    /// Number of the change that made it.
    pub version: i64,
}

/// The answer to a [`Request`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Response {
    /// Rows of a statement.
    Rows {
        /// Names of the columns.
        columns: Vec<Arc<str>>,
        /// The rows, in order.
        rows: Vec<Vec<Value>>,
    },
    /// Everything is on the disk.
    Done,
    /// What there is.
    Relations(Vec<Relation>),
    /// Refused, or failed.
    Failed(Failure, Arc<str>),
}

/// Why a graph database refuses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Failure {
    /// The text is no statement of the language.
    Syntax,
    /// It is one, and means nothing here: a name that nothing binds, or what is not modelled.
    Semantics,
    /// No such procedure is installed.
    NoProcedure,
    /// Whoever asks may not do that.
    Forbidden,
    /// A constraint does not permit the change.
    Constraint,
    /// It changes something, and this database only reads.
    ReadOnly,
    /// It takes longer than a statement may.
    TooLong,
    /// Not now.
    Unavailable,
}

/// Words between a database and the replica that follows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stream {
    /// The replica has what comes before this mark, and wants what follows.
    From(Mark),
    /// A stretch of the log.
    Changes {
        /// Where it begins.
        first: Mark,
        /// Where it ends.
        next: Mark,
        /// What of it is for this replica, as the log has it.
        changes: Vec<Bytes>,
        /// How far the log goes.
        end: u64,
        /// When it was sent, by the clock of the database.
        at: Instant,
    },
}

/// A place in a log, and what came before it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Changes before it.
    pub position: u64,
    /// Digest of all of them: two logs that agree on it agree so far.
    pub digest: u64,
}

impl Scalar {
    /// A string.
    pub fn text(s: &str) -> Scalar {
        Scalar::Text(Arc::from(s))
    }
    /// The string, when it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Scalar::Text(s) => Some(s),
            _ => None,
        }
    }
    /// The integer, when it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Scalar::Int(n) => Some(*n),
            _ => None,
        }
    }
    /// As JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Scalar::Null => serde_json::Value::Null,
            Scalar::Bool(b) => (*b).into(),
            Scalar::Int(n) => (*n).into(),
            Scalar::Text(s) => (&**s).into(),
        }
    }
}

impl Value {
    /// As JSON.
    pub fn to_json(&self) -> serde_json::Value {
        let node = |properties: &Properties| {
            let entries = properties.iter().map(|(key, value)| (key.to_string(), value.to_json()));
            serde_json::Value::Object(entries.collect())
        };
        match self {
            Value::Plain(scalar) => scalar.to_json(),
            Value::Node(properties) => node(properties),
            Value::Nodes(nodes) => nodes.iter().map(node).collect(),
        }
    }
}

impl Failure {
    /// Neo4j's code.
    pub const fn code(self) -> &'static str {
        match self {
            Failure::Syntax => "Neo.ClientError.Statement.SyntaxError",
            Failure::Semantics => "Neo.ClientError.Statement.SemanticError",
            Failure::NoProcedure => "Neo.ClientError.Procedure.ProcedureNotFound",
            Failure::Forbidden => "Neo.ClientError.Security.Forbidden",
            Failure::Constraint => "Neo.ClientError.Schema.ConstraintValidationFailed",
            Failure::ReadOnly => "Neo.ClientError.Statement.AccessMode",
            Failure::TooLong => "Neo.ClientError.Transaction.TransactionTimedOut",
            Failure::Unavailable => "Neo.TransientError.General.DatabaseUnavailable",
        }
    }
}
