//! What a gateway expects of a token, and the names of everything that can be wrong with one.
//!
//! A denial is a fact about the token, not an answer to its bearer: the bearer learns 401 and nothing else.

use crate::wire::oidc::ParseFault;
use sim::time::Duration;
use std::sync::Arc;

/// What a gateway expects of a token.
#[derive(Clone, Debug)]
pub struct TokenPolicy {
    /// The issuer.
    pub issuer: Arc<str>,
    /// The audience, this gateway's own name.
    pub audience: Arc<str>,
    /// How far clocks may disagree, on both ends of a token's life.
    pub leeway: Duration,
    /// Longest life of a token, from its beginning to its end.
    pub lifetime_max: Duration,
    /// How old the issuer's cached key set may be. Older, or never fetched: every token is refused (IDN-09).
    pub jwks_stale_after: Duration,
    /// Whether a token without `cnf` is refused.
    pub binding_required: bool,
}

/// Why a token was refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TokenDenial {
    /// The key set is too old or was never fetched: nothing can be verified.
    JwksStale,
    /// Not a token, or a claim of the wrong type.
    Malformed,
    /// Not an access token (RFC 9068 §4).
    Type,
    /// It asks for extensions that nobody here understands (RFC 7515 §4.1.11).
    Critical,
    /// A claim or header that every access token has is absent.
    MissingClaim(&'static str),
    /// Not the pinned algorithm.
    Algorithm,
    /// No cached key has the id that the header names.
    UnknownKey,
    /// The signature is not that key's.
    Signature,
    /// Another issuer, or a key of another issuer.
    Issuer,
    /// Meant for someone else.
    Audience,
    /// Its life has ended.
    Expired,
    /// Its life is longer than permitted.
    Lifetime,
    /// Its life has not begun, or it was issued in the future.
    NotYetValid,
    /// Bound to another client certificate, or shown without one.
    Binding,
    /// Taken back before its time.
    Revoked,
}

impl TokenPolicy {
    /// The usual policy: 30 s of leeway, 15 minutes of life, key sets no older than a minute. That is one missed
    /// refresh at an interval of 30 s, so an unreachable provider soon means rejection, and it is no longer than a
    /// provider publishes a key before signing with it, so that no cache still in use can be surprised by a rotation.
    pub fn new(issuer: &str, audience: &str) -> TokenPolicy {
        TokenPolicy {
            issuer: issuer.into(),
            audience: audience.into(),
            leeway: Duration::secs(30),
            lifetime_max: Duration::secs(900),
            jwks_stale_after: Duration::secs(60),
            binding_required: false,
        }
    }
}

impl TokenDenial {
    /// Stable name, for facts and reports.
    pub fn code(self) -> &'static str {
        match self {
            TokenDenial::JwksStale => "jwks-stale",
            TokenDenial::Malformed => "malformed",
            TokenDenial::Type => "type",
            TokenDenial::Critical => "critical",
            TokenDenial::MissingClaim(_) => "missing-claim",
            TokenDenial::Algorithm => "algorithm",
            TokenDenial::UnknownKey => "unknown-key",
            TokenDenial::Signature => "signature",
            TokenDenial::Issuer => "issuer",
            TokenDenial::Audience => "audience",
            TokenDenial::Expired => "expired",
            TokenDenial::Lifetime => "lifetime",
            TokenDenial::NotYetValid => "not-yet-valid",
            TokenDenial::Binding => "binding",
            TokenDenial::Revoked => "revoked",
        }
    }

    /// The requirements that demand this denial.
    pub const fn requirements(self) -> &'static [&'static str] {
        match self {
            TokenDenial::JwksStale => &["IDN-01", "IDN-09"],
            TokenDenial::UnknownKey => &["IDN-01", "IDN-04"],
            TokenDenial::Audience | TokenDenial::Expired | TokenDenial::Lifetime => &["IDN-01", "IDN-02"],
            TokenDenial::Binding | TokenDenial::Revoked => &["IDN-02"],
            TokenDenial::Signature | TokenDenial::Algorithm => &["IDN-01", "TEN-01"],
            _ => &["IDN-01"],
        }
    }
}

impl From<ParseFault> for TokenDenial {
    fn from(fault: ParseFault) -> TokenDenial {
        match fault {
            ParseFault::Malformed => TokenDenial::Malformed,
            ParseFault::Missing(claim) => TokenDenial::MissingClaim(claim),
        }
    }
}
