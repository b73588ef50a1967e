//! Words of the Redis protocol (RESP): the commands a cache client sends and the replies it gets, batch by batch.
//!
//! Replies carry no request id: RESP matches them by order alone, so a connection with an unread reply must never serve
//! a second request.

use crate::ids::Bytes;
use serde::{Deserialize, Serialize};
use sim::Duration;
use std::sync::Arc;

/// One connection to a cache server, unique over the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

/// A command, in the form Redis 7 understands it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// `AUTH user password`.
    Auth {
        /// ACL user.
        user: Arc<str>,
        /// Password, in clear: the link is sealed by the mesh.
        password: Bytes,
    },
    /// `SELECT index`: the logical database of this connection from now on.
    Select(u16),
    /// `GET key`.
    Get(Bytes),
    /// `SET key value [PX ttl]`.
    Set {
        /// The key, binary safe.
        key: Bytes,
        /// The value.
        value: Bytes,
        /// Time to live; none lives until evicted.
        ttl: Option<Duration>,
    },
    /// `DEL key`.
    Del(Bytes),
    /// `EXISTS key`.
    Exists(Bytes),
    /// `KEYS pattern`. Redis checks no key pattern of the user here: names of all keys in the database are shown.
    Keys(Bytes),
    /// `SCAN cursor MATCH pattern COUNT count`. As with `KEYS`, ACL key patterns do not apply.
    Scan {
        /// 0 starts; any other value comes from the previous page.
        cursor: u64,
        /// Redis glob.
        pattern: Bytes,
        /// Keys to look at, at most, before answering.
        count: u32,
    },
}

/// Commands that travel together on one connection, answered in order.
pub type Request = Vec<Command>;

/// One reply per command, in order.
pub type Response = Vec<Reply>;

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// `+OK`.
    Ok,
    /// A bulk string, or nil.
    Value(Option<Bytes>),
    /// An integer: keys deleted or existing.
    Count(u64),
    /// Names of keys.
    Keys(Vec<Bytes>),
    /// A page of `SCAN`; cursor 0 means that the iteration is complete.
    Page {
        /// Where the next page starts.
        cursor: u64,
        /// Names of keys that match.
        keys: Vec<Bytes>,
    },
    /// Refused, and nothing changed.
    Error(ErrorCode),
}

/// Why a command was refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ErrorCode {
    /// The connection has no user yet.
    NoAuth,
    /// Unknown user, disabled user or wrong password: one answer for all three.
    WrongPass,
    /// The user may not run this command.
    NoPermCommand,
    /// The user's key patterns do not cover this key.
    NoPermKey,
    /// The database does not exist.
    DbIndex,
    /// The value alone is larger than `maxmemory`.
    OutOfMemory,
}

impl ErrorCode {
    /// The text after `-`, as Redis 7.0 says it. Match the first word only: forks differ in the rest.
    pub fn text(self) -> &'static str {
        match self {
            ErrorCode::NoAuth => "NOAUTH Authentication required.",
            ErrorCode::WrongPass => "WRONGPASS invalid username-password pair or user is disabled.",
            ErrorCode::NoPermCommand => "NOPERM this user has no permissions to run the command",
            ErrorCode::NoPermKey => "NOPERM this user has no permissions to access one of the keys used as arguments",
            ErrorCode::DbIndex => "ERR DB index is out of range",
            ErrorCode::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.",
        }
    }
}
