//! Versions of TLS, as a hello offers them and an answer chooses one (RFC 8446 §4.2.1).

use serde::{Deserialize, Serialize};

/// A version of TLS.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Version {
    /// TLS 1.2 (RFC 5246).
    V12,
    /// TLS 1.3 (RFC 8446).
    V13,
}

/// Versions that an end speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Versions {
    /// Nothing newer than 1.2, as a library from before 2018.
    Old,
    /// 1.2 and 1.3, as most libraries do unless they are told otherwise.
    Both,
    /// 1.3 and nothing else.
    New,
}

impl Version {
    /// As it is written: `TLS 1.3`.
    pub const fn name(self) -> &'static str {
        match self {
            Version::V12 => "TLS 1.2",
            Version::V13 => "TLS 1.3",
        }
    }
}

impl Versions {
    /// Whether `version` is among them.
    pub const fn have(self, version: Version) -> bool {
        match version {
            Version::V12 => matches!(self, Versions::Old | Versions::Both),
            Version::V13 => matches!(self, Versions::Both | Versions::New),
        }
    }
}
