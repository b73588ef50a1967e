//! Public keys at the gateway, by issuer, with the time at which they were fetched.
//!
//! A fetched set replaces its predecessor whole: forgetting is what makes a retired key retired.

use crate::control;
use crate::control::{Control, Controls};
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use sim::time::Instant;
use std::sync::Arc;

/// What was fetched replaces what was there before.
pub const JWKS_REPLACE: Control = control!("gateway.jwks-replace", upholds: ["IDN-04"],
    off: "fetched keys are added to those that are known, as in a cache by key id whose entries never end");

/// Keys looked at in one set. Providers publish two or three; a longer list is a mistake or an attack on the lookup.
const KEYS_MAX: usize = 32;

/// Every cached key set.
#[derive(Default, Debug)]
pub struct KeyCache {
    sets: Vec<IssuerKeys>,
}

/// The keys of one issuer.
#[derive(Debug)]
pub struct IssuerKeys {
    /// Whose they are.
    pub issuer: Arc<str>,
    /// When they were asked for: what comes late is as old as the question.
    pub refreshed_at: Instant,
    keys: Vec<PublicKey>,
}

/// One public key.
#[derive(Debug)]
pub struct PublicKey {
    /// Its id.
    pub kid: Arc<str>,
    /// Its 32 bytes.
    pub public: [u8; 32],
    /// The same as the library takes it.
    pub key: DecodingKey,
}

/// Why a text is not a usable key set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JwksFault {
    /// Not JSON of the form of RFC 7517 §5.
    Malformed,
    /// More keys than anyone publishes.
    TooMany,
}

impl KeyCache {
    /// Replaces the keys of `issuer` by those that it published at `asked_at` or later; gives the number of usable
    /// keys. Those of another kind or use are passed over (RFC 7517 §5), and so is an answer that a later one overtook.
    ///
    /// # Errors
    /// The text is no key set, or an absurd one. Nothing changes.
    pub fn set(
        &mut self,
        asked_at: Instant,
        controls: &Controls,
        issuer: &str,
        json: &str,
    ) -> Result<usize, JwksFault> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| JwksFault::Malformed)?;
        if set.keys.len() > KEYS_MAX {
            return Err(JwksFault::TooMany);
        }
        let keys: Vec<PublicKey> = set.keys.iter().filter_map(PublicKey::usable).collect();
        let usable = keys.len();
        match self.sets.iter_mut().find(|s| *s.issuer == *issuer) {
            Some(set) if asked_at < set.refreshed_at => {}
            Some(set) => set.replace(asked_at, controls, keys),
            None => self.sets.push(IssuerKeys { issuer: issuer.into(), refreshed_at: asked_at, keys }),
        }
        Ok(usable)
    }

    /// The cached keys of `issuer`.
    pub fn issuer(&self, issuer: &str) -> Option<&IssuerKeys> {
        self.sets.iter().find(|s| *s.issuer == *issuer)
    }

    /// The key called `kid`: the one of `issuer` if it has one of that name, otherwise anyone's. Names are chosen by
    /// issuers, so another's key of the same name must not shadow the right one.
    pub fn find(&self, issuer: &str, kid: &str) -> Option<(&IssuerKeys, &PublicKey)> {
        let named = |set: &&IssuerKeys| *set.issuer == *issuer;
        let of_issuer = self.sets.iter().filter(named);
        let of_others = self.sets.iter().filter(|set| !named(set));
        of_issuer.chain(of_others).find_map(|set| set.keys.iter().find(|k| *k.kid == *kid).map(|key| (set, key)))
    }
}

impl IssuerKeys {
    fn replace(&mut self, asked_at: Instant, controls: &Controls, keys: Vec<PublicKey>) {
        let known = std::mem::replace(&mut self.keys, keys);
        self.refreshed_at = asked_at;
        let published: Vec<Arc<str>> = self.keys.iter().map(|key| key.kid.clone()).collect();
        let mut gone = known.into_iter().filter(|old| !published.contains(&old.kid)).peekable();
        if gone.peek().is_some() && !controls.on(&JWKS_REPLACE) {
            self.keys.extend(gone);
        }
    }
}

impl PublicKey {
    fn usable(jwk: &Jwk) -> Option<PublicKey> {
        let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else { return None };
        let for_signing = jwk.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
        let for_eddsa = jwk.common.key_algorithm.is_none_or(|a| a == KeyAlgorithm::EdDSA);
        if pair.curve != EllipticCurve::Ed25519 || !for_signing || !for_eddsa {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let public = key.try_get_as_bytes().ok()?.try_into().ok()?;
        if is_small_order(&public) {
            return None;
        }
        Some(PublicKey { kid: jwk.common.key_id.as_deref()?.into(), public, key })
    }
}

/// The y-coordinates, little-endian and without the sign of x, of the eight points of small order on edwards25519 in
/// every encoding (RFC 8032 §5.1.2): 0, 1, the two of order 8, p - 1, p, p + 1.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    near_p(0xec),
    near_p(0xed),
    near_p(0xee),
];

const fn near_p(low: u8) -> [u8; 32] {
    let mut y = [0xff; 32];
    (y[0], y[31]) = (low, 0x7f);
    y
}

/// Whether anyone could sign under this key: for a point of small order some signature fits any message, and no secret
/// is needed to find it (RFC 8725 §3.4; the library does not ask).
fn is_small_order(public: &[u8; 32]) -> bool {
    let mut y = *public;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Result<usize, JwksFault>) {
        assert_eq!(KeyCache::default().set(Instant::ZERO, &Controls::all_on(), "i", json), expected, "{json}");
    }

    #[test]
    fn only_keys_that_could_verify_are_taken() {
        let x = crate::crypto::base64url(crate::crypto::key("x", 0).public());
        let key = |rest: &str| format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"{rest}}}]}}"#);
        check(&key(r#","kid":"a","use":"sig","alg":"EdDSA""#), Ok(1));
        check(&key(r#","kid":"a""#), Ok(1));
        check(&key(""), Ok(0));
        check(&key(r#","kid":"a","use":"enc""#), Ok(0));
        check(&key(r#","kid":"a","alg":"HS256""#), Ok(0));
        check(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"short"}]}"#, Ok(0));
        check(r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}"#, Ok(0));
        check(r#"{"keys":[]}"#, Ok(0));
        check("<html>", Err(JwksFault::Malformed));
    }

    #[test]
    fn a_fetched_set_replaces_its_predecessor_and_one_that_was_overtaken_does_not() {
        let set = |kid: &str| {
            let x = crate::crypto::base64url(crate::crypto::key(kid, 0).public());
            format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{kid}"}}]}}"#)
        };
        let known = |controls: &Controls| {
            let mut cache = KeyCache::default();
            for (asked_at, kid) in [(10, "old"), (30, "new"), (20, "late")] {
                cache.set(Instant(asked_at), controls, "i", &set(kid)).expect("a key set");
            }
            let keys = cache.issuer("i").expect("it was set");
            assert_eq!(keys.refreshed_at, Instant(30));
            keys.keys.iter().map(|key| key.kid.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(known(&Controls::all_on()), ["new"]);
        let off = Controls::with_off(sim::ControlSet::EMPTY.with(JWKS_REPLACE.slot));
        assert_eq!(known(&off), ["new", "old"]);
    }
}
