//! Words about tokens in wrong hands: what gateways see of tokens, which sessions ended, and what is taken back.
//!
//! Security events in the manner of RFC 8417. Whoever acts on them asks for those after the last that he has (RFC 8936,
//! delivery by polling): what is lost on the way is asked for again, and who restarts begins with the first.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A token was shown at a gateway. Where, the connection says; when, the clock of whoever hears it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenUse {
    /// The token's name.
    pub jti: Arc<str>,
    /// The login that it came of, when a person logged in.
    pub session: Option<Arc<str>>,
    /// SHA-256 of the certificate of the connection that it came by.
    pub client: Option<[u8; 32]>,
    /// Its last second, since the Unix epoch.
    pub exp: u64,
}

/// A token that is good no more, or every token of a login.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TakenBack {
    /// The token's name; empty when it is the login that ended.
    pub jti: Arc<str>,
    /// The login.
    pub session: Option<Arc<str>>,
    /// The last second at which a token of it could be alive.
    pub exp: u64,
}

/// A word between gateways, the sentinel of their cell, and the identity provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Signal {
    /// A gateway saw a token.
    Used(TokenUse),
    /// What comes after so many that the asker has.
    Poll(u64),
    /// What was taken back, from the first number on.
    TakenBack(u64, Vec<TakenBack>),
    /// The provider is to give no more tokens for this login.
    End(Arc<str>),
    /// Logins that the provider ended, from the first number on.
    Ended(u64, Vec<Arc<str>>),
}
