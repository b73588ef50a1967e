//! Access tokens at the gateway: one pinned algorithm, one issuer, one audience, our clock.
//!
//! The signature is decided by `jsonwebtoken`, which is told to ignore time and audience: it would ask the system
//! clock, and it passes over claims that are absent. What is pure (reading, the signature under one key) is
//! remembered; what depends on time, key set or controls is decided on every request.

pub mod keys;
pub mod policy;

use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::memo::Memo;
use crate::crypto::{LibraryCalls, Tally, whole_seconds};
use crate::planted::GATEWAY_KNOWN_IS_GOOD;
use crate::wire::oidc::{ACCESS_TOKEN_TYPE, Claims, Token, parse, untimed};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, decode};
use keys::{IssuerKeys, JwksFault, KeyCache, PublicKey};
pub use policy::{TokenDenial, TokenPolicy};
use serde::de::IgnoredAny;
use sim::time::Instant;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The signature is verified under the key that the header names.
pub const JWT_SIGNATURE: Control = control!("gateway.jwt-signature", upholds: ["IDN-01", "TEN-01"],
    off: "tokens are decoded without being verified, as with `decode` called where `verify` was meant");
/// The algorithm is ours, not the header's (RFC 8725 §3.1).
pub const JWT_ALGORITHM: Control = control!("gateway.jwt-algorithm", upholds: ["IDN-01", "TEN-01"],
    off: "the header's `alg` is trusted: `none` needs no signature, HS256 is keyed with the public key's bytes");
/// The end of a token's life has not come, and its life is short.
pub const JWT_EXPIRY: Control = control!("gateway.jwt-expiry", upholds: ["IDN-01", "IDN-02"],
    off: "`exp` is not compared, as with a validator whose lifetime check is disabled for a migration");
/// The beginning of a token's life has come.
pub const JWT_NOT_BEFORE: Control = control!("gateway.jwt-not-before", upholds: ["IDN-01"],
    off: "`nbf` and `iat` are not compared, the default of several libraries");
/// Clocks that differ by less than the leeway differ by nothing.
pub const CLOCK_LEEWAY: Control = control!("gateway.clock-leeway", upholds: ["IDN-01"],
    off: "times are compared to the second, as with validators whose leeway is nought unless it is set");
/// The token and its key are of the issuer that this gateway serves.
pub const JWT_ISSUER: Control = control!("gateway.jwt-issuer", upholds: ["IDN-01"],
    off: "`iss` is not compared: any provider whose key is in the cached sets can speak for ours");
/// The token is meant for this gateway.
pub const JWT_AUDIENCE: Control = control!("gateway.jwt-audience", upholds: ["IDN-01", "IDN-02"],
    off: "`aud` is not compared: a token for one service opens every other");
/// The bearer holds the key of the client certificate that the token names (RFC 8705).
pub const CLIENT_BINDING: Control = control!("gateway.client-binding", upholds: ["IDN-02"],
    off: "`cnf` is not compared: a bound token is a plain bearer token");
/// The token was not taken back, as after an anomaly.
pub const TOKEN_REVOCATION: Control = control!("gateway.token-revocation", upholds: ["IDN-02"],
    off: "revoked tokens are not looked up: a stolen one lives until it expires, as with purely local verification");

/// Keys that nobody could confirm for too long open nothing.
pub const JWKS_STALE: Control = control!("gateway.jwks-stale", upholds: ["IDN-09"],
    off: "fetched keys are used for as long as the provider cannot be asked, as most key set clients do");

/// The only algorithm accepted.
const PINNED: Algorithm = Algorithm::EdDSA;

/// How many tokens are remembered per generation, about 1 KiB each: an hour's active sessions of a busy cell.
const TOKENS_REMEMBERED: usize = 4096;

/// Signature verdicts kept for one token. One key and one algorithm is the honest case.
const VERDICTS_MAX: usize = 4;

/// Verifies tokens by one policy. Cheap to ask about a token that any verifier with the same memo has seen.
#[derive(Debug)]
pub struct TokenVerifier {
    policy: TokenPolicy,
    keys: KeyCache,
    /// Names of revoked tokens with their last second: after that they are dead anyway.
    revoked: BTreeMap<Arc<str>, u64>,
    /// The same of whole logins.
    ended: BTreeMap<Arc<str>, u64>,
    memo: TokenMemo,
}

/// Tokens read and signatures verified in this run, shared by its verifiers. Clones share.
#[derive(Clone, Debug)]
pub struct TokenMemo(Arc<Mutex<MemoState>>);

#[derive(Debug)]
struct MemoState {
    seen: Memo<Arc<str>, Seen>,
    verified: Tally,
}

/// What is known of one token for ever: what it says, and what each key says of its signature.
#[derive(Debug)]
struct Seen {
    token: Result<Readable, TokenDenial>,
    verdicts: Vec<([u8; 32], Algorithm, bool)>,
}

#[derive(Debug)]
struct Readable {
    claims: Arc<Claims>,
    kid: Arc<str>,
    algorithm: ClaimedAlgorithm,
    unsigned: bool,
}

/// `alg` as the header has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ClaimedAlgorithm {
    None,
    Known(Algorithm),
    Unknown,
}

impl TokenVerifier {
    /// A verifier that has fetched no keys yet, and so refuses everything.
    pub fn new(policy: TokenPolicy, memo: TokenMemo) -> TokenVerifier {
        TokenVerifier { policy, keys: KeyCache::default(), revoked: BTreeMap::new(), ended: BTreeMap::new(), memo }
    }

    /// The policy.
    pub fn policy(&self) -> &TokenPolicy {
        &self.policy
    }

    /// Replaces the cached keys of `issuer` by a key set (RFC 7517 §5, JSON) that was asked for at `asked_at`: a
    /// retired key is forgotten here. Sets of other issuers, trusted for something else, may lie beside it, as in any
    /// shared cache.
    ///
    /// # Errors
    /// The text is no key set; what was cached stays, and goes on ageing.
    pub fn set_jwks(
        &mut self,
        asked_at: Instant,
        controls: &Controls,
        issuer: &str,
        json: &str,
    ) -> Result<usize, JwksFault> {
        self.keys.set(asked_at, controls, issuer, json)
    }

    /// When those keys of the policy's issuer were asked for that are known.
    pub fn jwks_refreshed_at(&self) -> Option<Instant> {
        self.keys.issuer(&self.policy.issuer).map(|set| set.refreshed_at)
    }

    /// Takes the token named `jti` back; `exp` is its own end, in seconds since the Unix epoch, and bounds the list.
    pub fn revoke(&mut self, now: Instant, jti: Arc<str>, exp: u64) {
        let dead_before = now.unix_seconds().saturating_sub(whole_seconds(self.policy.leeway));
        self.revoked.retain(|_, exp| *exp >= dead_before);
        self.revoked.insert(jti, exp);
    }

    /// Takes every token of a login back; none of them can be alive after `exp`.
    pub fn end_session(&mut self, now: Instant, session: Arc<str>, exp: u64) {
        let dead_before = now.unix_seconds().saturating_sub(whole_seconds(self.policy.leeway));
        self.ended.retain(|_, exp| *exp >= dead_before);
        self.ended.insert(session, exp);
    }

    /// Calls into the real library so far, of every verifier that shares the memo.
    pub fn calls(&self) -> LibraryCalls {
        self.memo.calls()
    }

    /// Decides on a token. `presented` is the SHA-256 of the client certificate of the connection it came by.
    ///
    /// # Errors
    /// The first check that failed. Any denial is a 401; none is a degraded pass.
    pub fn verify(
        &mut self,
        now: Instant,
        controls: &Controls,
        token: &Arc<str>,
        presented: Option<&[u8; 32]>,
    ) -> Result<Arc<Claims>, TokenDenial> {
        let Some(set) = self.keys.issuer(&self.policy.issuer) else { return Err(TokenDenial::JwksStale) };
        if now.since(set.refreshed_at) > self.policy.jwks_stale_after && controls.on(&JWKS_STALE) {
            return Err(TokenDenial::JwksStale);
        }
        let mut memo = self.memo.lock();
        let MemoState { seen, verified } = &mut *memo;
        seen.with(token, || Seen::read(token), |seen| self.check(now, controls, token, presented, seen, verified))
    }

    fn check(
        &self,
        now: Instant,
        controls: &Controls,
        token: &str,
        presented: Option<&[u8; 32]>,
        seen: &mut Seen,
        verified: &mut Tally,
    ) -> Result<Arc<Claims>, TokenDenial> {
        let Seen { token: readable, verdicts } = seen;
        let readable = readable.as_ref().map_err(|denial| *denial)?;
        let mut algorithm = readable.algorithm;
        if controls.on(&JWT_ALGORITHM) {
            algorithm = ClaimedAlgorithm::Known(PINNED);
        }
        if readable.algorithm != algorithm {
            return Err(TokenDenial::Algorithm);
        }
        let known = !verdicts.is_empty();
        let named = self.keys.find(&readable.claims.iss, &readable.kid);
        if controls.on(&JWT_SIGNATURE) {
            check_signature(token, readable, algorithm, named.map(|(_, key)| key), verdicts, verified)?;
        }
        self.check_claims(now, controls, &readable.claims, named.map(|(set, _)| set))?;
        self.check_binding(controls, &readable.claims, presented)?;
        if known && GATEWAY_KNOWN_IS_GOOD.is_planted() {
            return Ok(readable.claims.clone());
        }
        if controls.on(&TOKEN_REVOCATION) && self.is_taken_back(&readable.claims) {
            return Err(TokenDenial::Revoked);
        }
        Ok(readable.claims.clone())
    }

    fn is_taken_back(&self, claims: &Claims) -> bool {
        let ended = claims.sid.as_ref().is_some_and(|session| self.ended.contains_key(session));
        ended || self.revoked.contains_key(&claims.jti)
    }

    fn check_claims(
        &self,
        now: Instant,
        controls: &Controls,
        claims: &Claims,
        key_of: Option<&IssuerKeys>,
    ) -> Result<(), TokenDenial> {
        let policy = &self.policy;
        if controls.on(&JWT_ISSUER) {
            // Both halves: the name alone can be written by anyone whose key is cached for another purpose.
            let key_is_theirs = key_of.is_none_or(|set| set.issuer == policy.issuer);
            if claims.iss != policy.issuer || !key_is_theirs {
                return Err(TokenDenial::Issuer);
            }
        }
        if controls.on(&JWT_AUDIENCE) && !claims.aud.contains(&policy.audience) {
            return Err(TokenDenial::Audience);
        }
        let now = now.unix_seconds();
        let leeway = if controls.on(&CLOCK_LEEWAY) { whole_seconds(policy.leeway) } else { 0 };
        let begins = claims.nbf.max(claims.iat);
        if controls.on(&JWT_EXPIRY) {
            if now >= claims.exp.saturating_add(leeway) {
                return Err(TokenDenial::Expired);
            }
            if claims.exp.saturating_sub(begins) > whole_seconds(policy.lifetime_max) {
                return Err(TokenDenial::Lifetime);
            }
        }
        if controls.on(&JWT_NOT_BEFORE) && now.saturating_add(leeway) < begins {
            return Err(TokenDenial::NotYetValid);
        }
        Ok(())
    }

    fn check_binding(
        &self,
        controls: &Controls,
        claims: &Claims,
        presented: Option<&[u8; 32]>,
    ) -> Result<(), TokenDenial> {
        let bound = match (&claims.cnf, presented) {
            (Some(cnf), Some(presented)) => cnf.certificate == *presented,
            (Some(_), None) => false,
            (None, _) => !self.policy.binding_required,
        };
        if controls.on(&CLIENT_BINDING) && !bound {
            return Err(TokenDenial::Binding);
        }
        Ok(())
    }
}

/// Whether `key` signed the token with `algorithm`; an unsecured token passes only where the header may choose that.
fn check_signature(
    token: &str,
    readable: &Readable,
    algorithm: ClaimedAlgorithm,
    key: Option<&PublicKey>,
    verdicts: &mut Vec<([u8; 32], Algorithm, bool)>,
    verified: &mut Tally,
) -> Result<(), TokenDenial> {
    let algorithm = match algorithm {
        ClaimedAlgorithm::Known(algorithm) => algorithm,
        ClaimedAlgorithm::None if readable.unsigned => return Ok(()),
        ClaimedAlgorithm::None | ClaimedAlgorithm::Unknown => return Err(TokenDenial::Signature),
    };
    let key = key.ok_or(TokenDenial::UnknownKey)?;
    let known = verdicts.iter().find(|(public, by, _)| *public == key.public && *by == algorithm);
    let genuine = if let Some((_, _, genuine)) = known {
        verified.hits += 1;
        *genuine
    } else {
        verified.real += 1;
        let genuine = is_genuine(token, key, algorithm);
        if verdicts.len() == VERDICTS_MAX {
            verdicts.remove(0);
        }
        verdicts.push((key.public, algorithm, genuine));
        genuine
    };
    if genuine { Ok(()) } else { Err(TokenDenial::Signature) }
}

/// Asks the library whether `token` is signed by `key` with `algorithm`. Pure.
fn is_genuine(token: &str, key: &PublicKey, algorithm: Algorithm) -> bool {
    // The classic confusion, computed for real: a library that lets the header choose feeds the key's bytes to HMAC.
    let hmac = DecodingKey::from_secret(&key.public);
    let key = if algorithm.family() == AlgorithmFamily::Hmac { &hmac } else { &key.key };
    decode::<IgnoredAny>(token, key, &untimed(algorithm)).is_ok()
}

impl Seen {
    fn read(text: &str) -> Seen {
        let token = parse(text).map_err(TokenDenial::from).and_then(Readable::new);
        Seen { token, verdicts: Vec::new() }
    }
}

impl Readable {
    fn new(token: Token) -> Result<Readable, TokenDenial> {
        let Token { header, claims, unsigned } = token;
        if header.crit.is_some() {
            return Err(TokenDenial::Critical);
        }
        let typ = header.typ.as_deref().unwrap_or_default();
        // Media types know no case, and `application/` may be left out (RFC 7515 §4.1.9).
        let (prefix, rest) = typ.split_at_checked("application/".len()).unwrap_or(("", typ));
        let typ = if prefix.eq_ignore_ascii_case("application/") { rest } else { typ };
        if !typ.eq_ignore_ascii_case(ACCESS_TOKEN_TYPE) {
            return Err(TokenDenial::Type);
        }
        let kid = header.kid.ok_or(TokenDenial::MissingClaim("kid"))?;
        let algorithm = match (&*header.alg, Algorithm::from_str(&header.alg)) {
            ("none", _) => ClaimedAlgorithm::None,
            (_, Ok(known)) => ClaimedAlgorithm::Known(known),
            (_, Err(_)) => ClaimedAlgorithm::Unknown,
        };
        Ok(Readable { claims, kid, algorithm, unsigned })
    }
}

impl Default for TokenMemo {
    fn default() -> TokenMemo {
        let state = MemoState { seen: Memo::new(TOKENS_REMEMBERED), verified: Tally::default() };
        TokenMemo(Arc::new(Mutex::new(state)))
    }
}

impl TokenMemo {
    /// Calls into the real library so far.
    pub fn calls(&self) -> LibraryCalls {
        LibraryCalls { jwt_verify: self.lock().verified, ..LibraryCalls::default() }
    }
    fn lock(&self) -> MutexGuard<'_, MemoState> {
        // One run is one thread: the lock is never contended, and a poisoned memo still holds only pure answers.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
