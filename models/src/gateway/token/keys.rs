//! Public keys at the gateway, by issuer, with the time at which they were fetched.
//!
//! A fetched set replaces its predecessor whole: forgetting is what makes a retired key retired.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use sim::time::Instant;
use std::sync::Arc;

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
    /// When they were fetched.
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
    /// Replaces the keys of `issuer`; gives the number of usable keys. Keys of another kind or use are passed over
    /// (RFC 7517 §5).
    ///
    /// # Errors
    /// The text is no key set, or an absurd one. Nothing changes.
    pub fn set(&mut self, now: Instant, issuer: &str, json: &str) -> Result<usize, JwksFault> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| JwksFault::Malformed)?;
        if set.keys.len() > KEYS_MAX {
            return Err(JwksFault::TooMany);
        }
        let keys: Vec<PublicKey> = set.keys.iter().filter_map(PublicKey::usable).collect();
        let usable = keys.len();
        match self.sets.iter_mut().find(|s| *s.issuer == *issuer) {
            Some(set) => (set.keys, set.refreshed_at) = (keys, now),
            None => self.sets.push(IssuerKeys { issuer: issuer.into(), refreshed_at: now, keys }),
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
        Some(PublicKey { kid: jwk.common.key_id.as_deref()?.into(), public, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Result<usize, JwksFault>) {
        assert_eq!(KeyCache::default().set(Instant::ZERO, "i", json), expected, "{json}");
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
}
