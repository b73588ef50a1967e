//! What an attacker makes of tokens: one forgery a function, each aimed at exactly one check.
//!
//! Every forgery is faultless but for the one thing it is about, so that with all other checks on only that check can
//! stop it. The hostile signatures are computed by the same library as the honest ones.

use super::keys::SigningKey;
use crate::crypto::{base64url, base64url_decode};
use crate::wire::oidc::{ACCESS_TOKEN_TYPE, Claims, Header, Token, parse};
use jsonwebtoken::{Algorithm, EncodingKey, encode};
use std::sync::Arc;

/// An unsecured token: `alg` is `none` and there is no signature. Stopped by `gateway.jwt-algorithm`.
pub fn alg_none(claims: &Claims, kid: &str) -> Arc<str> {
    let header = Header { alg: "none".into(), typ: Some(ACCESS_TOKEN_TYPE.into()), kid: Some(kid.into()), crit: None };
    format!("{}.{}.", part(&header), part(claims)).into()
}

/// A token signed by HMAC-SHA-256 under the *public* key's bytes, as anyone can read them in the key set: it verifies
/// wherever the header chooses the algorithm. Stopped by `gateway.jwt-algorithm`.
pub fn hs256_with_public_key(claims: &Claims, kid: &str, public: &[u8; 32]) -> Arc<str> {
    let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
    header.typ = Some(ACCESS_TOKEN_TYPE.to_owned());
    header.kid = Some(kid.to_owned());
    encode(&header, claims, &EncodingKey::from_secret(public)).expect("claims are JSON and HMAC signs anything").into()
}

/// A genuine token with other claims under the old signature. Stopped by `gateway.jwt-signature`. `None` when `token`
/// is not one.
pub fn edited(token: &str, edit: impl FnOnce(&mut Claims)) -> Option<Arc<str>> {
    let mut claims = claims_of(token)?;
    edit(&mut claims);
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, _) = signed.split_once('.')?;
    Some(format!("{header}.{}.{signature}", part(&claims)).into())
}

/// A token signed by `key` as if that were an issuer's own: by a thief of the key, by a provider that errs (dead on
/// arrival, not yet alive, bound to nobody), or by another provider.
///
/// With a key of a provider that is trusted for something else it is stopped by `gateway.jwt-issuer`, whether `claims`
/// name that provider or lie; with a key that nobody published, by `gateway.jwt-signature`.
pub fn signed_by(key: &SigningKey, claims: &Claims) -> Arc<str> {
    encode(&key.header(), claims, &EncodingKey::from_ed_der(key.key.pkcs8()))
        .expect("claims are JSON and an Ed25519 key signs anything")
        .into()
}

/// `claims` with a validity that ended a second before `now` plus the verifier's `leeway` (seconds since the Unix
/// epoch): as when a token is stolen today and used tomorrow. Stopped by `gateway.jwt-expiry`.
pub fn expired(claims: &Claims, now: u64, leeway: u64) -> Claims {
    let life = claims.exp - claims.nbf;
    let exp = now - leeway - 1;
    Claims { iat: exp - life, nbf: exp - life, exp, ..claims.clone() }
}

/// `claims` with a validity that begins a second after `now` plus the verifier's `leeway`: a post-dated token for a
/// scheduled job, used early. Stopped by `gateway.jwt-not-before`.
pub fn not_yet_valid(claims: &Claims, now: u64, leeway: u64) -> Claims {
    let life = claims.exp - claims.nbf;
    let nbf = now + leeway + 1;
    Claims { nbf, exp: nbf + life, ..claims.clone() }
}

/// `claims` as if they were issued at `now` (seconds since the Unix epoch) for as long as before: what a thief of a key
/// writes anew for every use.
pub fn renewed(claims: &Claims, now: u64) -> Claims {
    Claims { iat: now, nbf: now, exp: now + (claims.exp - claims.nbf), ..claims.clone() }
}

/// The claims of a captured token: encoding hides nothing.
pub fn claims_of(token: &str) -> Option<Claims> {
    parse(token).ok().map(|t: Token| (*t.claims).clone())
}

/// The raw public key of `kid` in a published key set, as an attacker reads it.
pub fn public_key_in(jwks: &str, kid: &str) -> Option<[u8; 32]> {
    let set: serde_json::Value = serde_json::from_str(jwks).ok()?;
    let jwk = set["keys"].as_array()?.iter().find(|k| k["kid"] == kid)?;
    base64url_decode(jwk["x"].as_str()?)?.try_into().ok()
}

fn part(value: &impl serde::Serialize) -> String {
    base64url(&serde_json::to_vec(value).expect("headers and claims are JSON"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{idp, request};
    use super::*;
    use crate::control::Controls;
    use sim::time::Instant;

    #[test]
    fn an_edited_token_keeps_everything_but_the_edit() {
        let genuine = idp().issue(Instant::ZERO, &request()).unwrap();
        let forged = edited(&genuine, |c| c.tenant = "globex".into()).unwrap();
        let (was, is) = (claims_of(&genuine).unwrap(), claims_of(&forged).unwrap());
        assert_eq!(&*is.tenant, "globex");
        assert_eq!(Claims { tenant: was.tenant.clone(), ..is }, was);
        assert_eq!(genuine.rsplit('.').next(), forged.rsplit('.').next());
        assert_eq!(edited("no token", |_| ()), None);
    }

    #[test]
    fn the_public_key_is_there_for_everyone_to_read() {
        let mut idp = idp();
        let jwks = idp.jwks(Instant::ZERO, &Controls::all_on());
        let signing = idp.signing_key(Instant::ZERO);
        assert_eq!(public_key_in(&jwks, &signing.kid).as_ref(), Some(signing.key.public()));
    }
}
