//! The provider's signing keys: which one signs, which ones are published, and when each goes.
//!
//! A key is published before it signs and after it stopped: caches must know it before they meet it, and must keep it
//! while anything that it signed is alive. Skipping either half is how a rotation becomes an outage.

use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{self, Key};
use crate::wire::oidc::ACCESS_TOKEN_TYPE;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use sim::time::{Duration, Instant};
use std::sync::Arc;

/// A new key is published before anything is signed with it.
pub const KEY_ANNOUNCEMENT: Control = control!("idp.key-announcement", upholds: ["IDN-04"],
    off: "a new key signs as soon as it is made, as with a script that rotates keys in one step: until caches fetch \
          again, its tokens are refused");
/// A key whose time is over is no longer published.
pub const KEY_RETIREMENT: Control = control!("idp.key-retirement", upholds: ["IDN-04"],
    off: "retired keys stay in the published set, so that nothing can break: whoever finds one in a backup signs with \
          it");

/// Pace of a rotation.
#[derive(Clone, Copy, Debug)]
pub struct KeyRotation {
    /// How long a new key is published before it signs: at least the refresh interval of the caches.
    pub publish_before: Duration,
    /// How long a key is published after its successor signs: at least the longest token lifetime.
    pub overlap: Duration,
}

/// A key pair with its published name and its time of service.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The key pair.
    pub key: Key,
    /// Its id: the RFC 7638 thumbprint of the public half.
    pub kid: Arc<str>,
    signs_from: Instant,
    retires_at: Instant,
    jwk: Jwk,
}

/// Keys in order of age.
#[derive(Debug)]
pub struct KeyRing {
    role: Arc<str>,
    pace: KeyRotation,
    keys: Vec<SigningKey>,
    next_index: u32,
}

impl KeyRing {
    /// A ring with one key that signs from the start.
    pub fn new(role: Arc<str>, pace: KeyRotation) -> KeyRing {
        let first = SigningKey::new(&role, 0, Instant::ZERO);
        KeyRing { role, pace, keys: vec![first], next_index: 1 }
    }

    /// The key that signs at `now`: the newest whose publication delay has passed.
    pub fn signing(&self, now: Instant) -> &SigningKey {
        let ready = self.keys.iter().rev().find(|k| k.signs_from <= now);
        // A clock behind the first key's start still has to sign with something.
        ready.unwrap_or(&self.keys[0])
    }

    /// Publishes a new key and plans the retirement of those before it.
    pub fn rotate(&mut self, now: Instant, controls: &Controls) -> Arc<str> {
        self.drop_retired(now, controls);
        let announced = controls.on(&KEY_ANNOUNCEMENT);
        let signs_from = if announced { now + self.pace.publish_before } else { now };
        for old in &mut self.keys {
            old.retires_at = old.retires_at.min(signs_from + self.pace.overlap);
        }
        self.add(signs_from)
    }

    /// Removes a key at once. When it was the one that signs, its successor signs unannounced.
    pub fn revoke(&mut self, now: Instant, kid: &str) {
        self.keys.retain(|k| *k.kid != *kid);
        if !self.keys.iter().any(|k| k.signs_from <= now) {
            self.add(now);
            self.keys.sort_by_key(|k| k.signs_from);
        }
    }

    /// The key set as JSON. A retired key is not in it.
    pub fn publish(&mut self, now: Instant, controls: &Controls) -> Arc<str> {
        self.drop_retired(now, controls);
        let set = JwkSet { keys: self.keys.iter().map(|k| k.jwk.clone()).collect() };
        serde_json::to_string(&set).expect("a key set is JSON").into()
    }

    fn drop_retired(&mut self, now: Instant, controls: &Controls) {
        if self.keys.iter().any(|k| k.retires_at <= now) && controls.on(&KEY_RETIREMENT) {
            self.keys.retain(|k| now < k.retires_at);
        }
    }

    fn add(&mut self, signs_from: Instant) -> Arc<str> {
        let new = SigningKey::new(&self.role, self.next_index, signs_from);
        self.next_index += 1;
        let kid = new.kid.clone();
        self.keys.push(new);
        kid
    }
}

impl SigningKey {
    /// Key (`role`, `index`), signing from `signs_from` until a successor retires it.
    pub fn new(role: &str, index: u32, signs_from: Instant) -> SigningKey {
        let key = crypto::key(role, index);
        let public = DecodingKey::from_ed_der(key.public());
        let mut jwk = Jwk::from_decoding_key(&public, Some(Algorithm::EdDSA)).expect("32 bytes are an OKP key");
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).expect("the provider has SHA-256");
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        SigningKey { key, kid: kid.into(), signs_from, retires_at: Instant::NEVER, jwk }
    }

    /// The header of an access token signed with this key.
    pub fn header(&self) -> Header {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(ACCESS_TOKEN_TYPE.to_owned());
        header.kid = Some(self.kid.to_string());
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: KeyRotation = KeyRotation { publish_before: Duration(10), overlap: Duration(100) };

    fn published(ring: &mut KeyRing, now: u64) -> Vec<String> {
        let set: JwkSet = serde_json::from_str(&ring.publish(Instant(now), &Controls::all_on())).unwrap();
        set.keys.into_iter().map(|k| k.common.key_id.unwrap()).collect()
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after_it_stopped() {
        let mut ring = KeyRing::new("idp/x".into(), PACE);
        let old = ring.signing(Instant(0)).kid.clone();
        let new = ring.rotate(Instant(1000), &Controls::all_on());
        assert_eq!(ring.signing(Instant(1009)).kid, old);
        assert_eq!(ring.signing(Instant(1010)).kid, new);
        assert_eq!(published(&mut ring, 1000), [&*old, &*new]);
        assert_eq!(published(&mut ring, 1109), [&*old, &*new]);
        assert_eq!(published(&mut ring, 1110), [&*new], "retired exactly when nothing it signed can be alive");
    }

    #[test]
    fn a_second_rotation_never_prolongs_a_retirement() {
        let mut ring = KeyRing::new("idp/x".into(), PACE);
        let first = ring.signing(Instant(0)).kid.clone();
        ring.rotate(Instant(0), &Controls::all_on());
        ring.rotate(Instant(50), &Controls::all_on());
        assert!(!published(&mut ring, 110).contains(&first.to_string()));
    }

    #[test]
    fn a_revoked_key_is_gone_at_once_and_something_still_signs() {
        let mut ring = KeyRing::new("idp/x".into(), PACE);
        let stolen = ring.signing(Instant(0)).kid.clone();
        let announced = ring.rotate(Instant(5), &Controls::all_on());
        ring.revoke(Instant(6), &stolen);
        assert!(!published(&mut ring, 6).contains(&stolen.to_string()));
        assert_ne!(ring.signing(Instant(6)).kid, stolen);
        assert_eq!(ring.signing(Instant(20)).kid, announced, "the announced successor takes over as planned");
    }

    #[test]
    fn without_its_controls_a_key_signs_unannounced_and_is_published_for_ever() {
        let off = |control: &Control| Controls::with_off(sim::ControlSet::EMPTY.with(control.slot));
        let mut ring = KeyRing::new("idp/x".into(), PACE);
        let old = ring.signing(Instant(0)).kid.clone();
        let new = ring.rotate(Instant(1000), &off(&KEY_ANNOUNCEMENT));
        assert_eq!(ring.signing(Instant(1000)).kid, new);
        assert!(ring.publish(Instant(5000), &off(&KEY_RETIREMENT)).contains(&*old));
        assert!(!ring.publish(Instant(5000), &Controls::all_on()).contains(&*old));
    }

    #[test]
    fn the_key_set_is_a_real_one() {
        let mut ring = KeyRing::new("idp/x".into(), PACE);
        let json: serde_json::Value = serde_json::from_str(&ring.publish(Instant(0), &Controls::all_on())).unwrap();
        let jwk = &json["keys"][0];
        for (name, value) in [("kty", "OKP"), ("crv", "Ed25519"), ("alg", "EdDSA"), ("use", "sig")] {
            assert_eq!(jwk[name], value, "{json}");
        }
        assert!(jwk.get("d").is_none(), "no private half");
    }
}
