//! The words of SQL between a service and its database, and of write-ahead log between a primary and its standbys.
//!
//! A [`Transaction`] is one message, not a conversation: the driver pipelines `BEGIN … COMMIT`, so a pooled server
//! session is held exactly as long as the message runs and its commit waits. Log positions never reach a tenant: an
//! [`Outcome`] carries them for the primary, and a service forwards only its replies.

use super::Code;
use crate::ids::{Bytes, TenantId};
use serde::{Deserialize, Serialize};
use sim::Instant;
use std::sync::Arc;

/// A value of the modelled types: `bool`, `int8`, `text`, and NULL.
///
/// The order is the one of PostgreSQL's `C` collation with NULL first; an index is sorted by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum Value {
    /// SQL NULL. Equal to itself here, as in an index; the `=` of SQL is in the engine.
    #[default]
    Null,
    /// `bool`.
    Bool(bool),
    /// `int8`.
    Int(i64),
    /// `text`.
    Text(Arc<str>),
}

/// One row, shared between the store, the reply and the journal.
pub type Row = Arc<[Value]>;

/// One statement with its bind parameters (`$1` is `params[0]`).
///
/// With parameters it is a prepared statement, and holds exactly one command; without, it is a simple query, and may
/// hold several: this is where a stacked injection lives.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Statement {
    /// SQL text. Kept shared, so that the server finds its plan without copying or parsing.
    pub text: Arc<str>,
    /// Values of `$1`, `$2`, …
    pub params: Vec<Value>,
}

/// A role with its password.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Login {
    /// The role.
    pub role: Arc<str>,
    /// The password, in clear: the link is sealed by the mesh.
    pub password: Arc<str>,
}

/// One client transaction through a pool in transaction mode.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Transaction {
    /// The tenant that the service's connection library sets before the first statement. `None` is an operation that
    /// forgot to.
    pub tenant: Option<TenantId>,
    /// As whom the service logs in; `None` for the login that all tenants of the cell share.
    pub login: Option<Login>,
    /// What runs between `BEGIN` and `COMMIT`.
    pub statements: Vec<Statement>,
}

/// The answer to one command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Rows of a query, or of `RETURNING`.
    Rows {
        /// Names of the columns.
        columns: Arc<[Arc<str>]>,
        /// The rows, in order.
        rows: Vec<Row>,
    },
    /// Done, with the number of rows that were inserted, updated or deleted (zero for every other command).
    Done(u64),
    /// Refused, or failed.
    Error {
        /// SQLSTATE (PostgreSQL 15, appendix A).
        #[serde(with = "super::codec::code")]
        sqlstate: Code,
        /// The primary message, as PostgreSQL words it.
        message: Arc<str>,
    },
}

/// What became of a [`Transaction`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// One reply a command, in order. `BEGIN`, the tenant's `SET` and `COMMIT` are the pool's own and have none,
    /// except that a `COMMIT` that failed is the last reply.
    pub replies: Vec<Reply>,
    /// End of the last commit record that this transaction wrote; `None` when it wrote nothing or rolled back.
    pub committed: Option<Lsn>,
    /// Everything before this position may have been seen by the transaction; zero when it saw only the base. A
    /// primary that promises durability holds back the replies until the log is safe up to here.
    pub observed: Lsn,
}

/// A position in the write-ahead log, in bytes. The LSN of a record is the position just past it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
pub struct Lsn(pub u64);

/// A timeline: it grows by one with every promotion, and two primaries never share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
pub struct Timeline(pub u32);

/// Log from a primary to a standby.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WalSend {
    /// The sender's timeline.
    pub timeline: Timeline,
    /// Where that timeline began: log of another timeline past this point is not the sender's.
    pub began: Lsn,
    /// Where the first record starts.
    pub from: Lsn,
    /// Encoded records, contiguous and in order. Empty asks only "where are you?".
    pub records: Vec<Bytes>,
}

/// A standby's log is durable up to here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WalAck {
    /// The standby's timeline.
    pub timeline: Timeline,
    /// End of the last record that the standby has on disk.
    pub lsn: Lsn,
}

/// Words of physical replication.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Replication {
    /// Log, towards the standby.
    Send(WalSend),
    /// Durable at the standby.
    Ack(WalAck),
    /// The standby misses log, or got it damaged: send again from here.
    Resend {
        /// The standby's timeline.
        timeline: Timeline,
        /// Start of the first missing record.
        from: Lsn,
    },
    /// The log asked for is no longer kept: the standby has to be built anew from a base.
    Gone {
        /// Start of the oldest record that is still there.
        oldest: Lsn,
    },
    /// The standby has log past the point where the sender's timeline began: it has to be rewound to there.
    Diverged {
        /// The beginning of the sender's timeline.
        at: Lsn,
    },
    /// The receiver lives on a higher timeline than the sender: the sender was deposed.
    Deposed {
        /// The receiver's timeline.
        timeline: Timeline,
    },
}

/// Words between a database node and the arbiter that lends leadership (etcd, Consul or a Kubernetes lease in a real
/// deployment).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Lease {
    /// A primary asks to stay one.
    Renew {
        /// Its timeline.
        timeline: Timeline,
        /// When it asked, by its own clock; echoed, so that no two clocks have to agree.
        asked: Instant,
        /// Whether commits still wait for the standby. `false` asks to go on alone, and makes the standby ineligible.
        synchronous: bool,
        /// How far its log is safe on its own disk.
        safe: Lsn,
    },
    /// The arbiter agrees.
    Granted {
        /// The timeline it holds for.
        timeline: Timeline,
        /// The `asked` of the request: the lease ends one term after it, on the clock that asked.
        asked: Instant,
        /// Whether the standby is still eligible, and so commits must wait for it.
        synchronous: bool,
        /// How far the log was safe, as whoever led on this timeline alone has said: one that ends before is not whole.
        safe: Lsn,
    },
    /// The arbiter refuses: somebody else leads, or leads since.
    Refused {
        /// The highest timeline that was ever granted.
        timeline: Timeline,
    },
    /// A standby asks to become primary.
    Promote {
        /// The timeline that it follows.
        timeline: Timeline,
    },
    /// The standby shall become primary on this new timeline.
    Promoted {
        /// The new timeline.
        timeline: Timeline,
    },
    /// Not now: the lease of the present primary has not run out.
    Wait,
    /// Never from this state: the standby may lack acknowledged commits.
    Ineligible,
}

impl Value {
    /// A `text` value.
    pub fn text(s: &str) -> Value {
        Value::Text(Arc::from(s))
    }
    /// The text, when this is a `text` value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(s) => Some(s),
            _ => None,
        }
    }
    /// The integer, when this is an `int8` value.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }
}

impl Statement {
    /// A statement from borrowed text. Hot paths keep the `Arc` instead.
    pub fn new(text: &str, params: Vec<Value>) -> Statement {
        Statement { text: Arc::from(text), params }
    }
}

impl Reply {
    /// SQLSTATE of an error.
    pub fn sqlstate(&self) -> Option<&'static str> {
        match self {
            Reply::Error { sqlstate, .. } => Some(sqlstate),
            _ => None,
        }
    }
    /// The rows, or none.
    pub fn rows(&self) -> &[Row] {
        match self {
            Reply::Rows { rows, .. } => rows,
            _ => &[],
        }
    }
}

impl Outcome {
    /// The first error among the replies.
    pub fn error(&self) -> Option<&Reply> {
        self.replies.iter().find(|r| matches!(r, Reply::Error { .. }))
    }
}
