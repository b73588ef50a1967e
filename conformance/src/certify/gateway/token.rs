//! Tokens: honest ones, minted or supplied, and what attackers make of them. What a report shows of one is its header
//! and claims and how it was signed, and never the token.

use super::key::Key;
use crate::certify::deployment::gateway::{RefusedKey, Token as Table};
use crate::certify::deployment::{Gateway, Tenant};
use crate::certify::http::request::Request;
use crate::certify::tls::thumbprint;
use crate::when;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The claim that binds a token to a client (RFC 7800).
pub const CONFIRMATION: &str = "cnf";

/// Its value for the client with this certificate (RFC 8705, section 3.1).
pub fn confirmed(thumbprint: &str) -> Value {
    json!({"x5t#S256": thumbprint})
}

/// Claims, or a header.
pub type Claims = Map<String, Value>;

/// A token, and what is told of it.
#[derive(Clone, Debug)]
pub struct Token {
    /// As it is sent.
    pub sent: String,
    /// As it is told.
    pub shown: String,
}

impl Token {
    /// A request with it.
    pub fn borne_by(&self, request: Request) -> Request {
        let line = |text: &str| format!("authorization: Bearer {text}");
        request.secret(&line(&self.sent), &line(&self.shown))
    }
}

/// Who makes honest tokens.
pub enum Source {
    /// A test issuer's key.
    Minted(Key),
    /// One token of each tenant.
    Supplied([String; 2]),
}

/// Makes tokens.
pub struct Mint<'d> {
    table: &'d Table,
    home: &'d Path,
    tenants: [&'d Tenant; 2],
    source: Source,
    /// The own client's certificate, where tokens are bound to it.
    bound: Option<String>,
}

/// How a token is signed.
pub enum Signed<'k> {
    /// By a key, with its own algorithm; what to call that key.
    By(&'k Key, &'static str),
    /// As HMAC, with a secret that is none; what it is.
    Hmac(&'k [u8], &'static str),
    /// Not at all.
    Not,
}

impl<'d> Mint<'d> {
    /// Reads keys or tokens.
    ///
    /// # Errors
    /// A secret that is not where the deployment says, or of another kind.
    pub fn new(gateway: &'d Gateway, tenants: [&'d Tenant; 2], home: &'d Path) -> Result<Mint<'d>, String> {
        let table = gateway.token.get_ref();
        let source = match (&table.key, &table.supplied) {
            (Some(key), _) => {
                let pem = key.reveal(home)?;
                Source::Minted(Key::read(table.algorithm, &pem).map_err(|e| format!("{key}: {e}"))?)
            }
            (None, Some(supplied)) => {
                let [a, b] = tenants.map(|tenant| supplied.filled(tenant).reveal(home));
                Source::Supplied([a?, b?])
            }
            (None, None) => return Err("no token".to_owned()),
        };
        let own = gateway.tls.as_ref().and_then(|tls| tls.get_ref().certificate.as_ref());
        let bound = gateway.bound.as_ref().and(own).map(|own| thumbprint(&home.join(own))).transpose()?;
        Ok(Mint { table, home, tenants, source, bound })
    }

    /// The issuer's key, if tokens are minted.
    pub fn key(&self) -> Option<&Key> {
        match &self.source {
            Source::Minted(key) => Some(key),
            Source::Supplied(_) => None,
        }
    }

    /// The public half of the issuer's key, as its key set has it, if tokens are minted.
    pub fn public(&self) -> Option<Value> {
        let key = self.key()?;
        let mut public = key.public_jwk();
        public["alg"] = key.name().into();
        public["use"] = "sig".into();
        if let Some(id) = &self.table.key_id {
            public["kid"] = id.as_str().into();
        }
        Some(public)
    }

    /// The claim that names the tenant.
    pub fn tenant_claim(&self) -> &str {
        &self.table.tenant_claim
    }

    /// How far clocks may be apart, in seconds.
    pub fn leeway_s(&self) -> i64 {
        self.table.leeway_s.into()
    }

    /// The longest lifetime that the gateway itself must enforce, in seconds.
    pub fn lifetime_s_max(&self) -> Option<i64> {
        self.table.lifetime_s_max.map(i64::from)
    }

    /// Header of an honest token of a minted kind.
    pub fn header(&self, key: &Key, key_id: Option<&str>) -> Claims {
        let mut header = Claims::new();
        header.insert("alg".into(), key.name().into());
        header.insert("typ".into(), "JWT".into());
        if let Some(id) = key_id.or(self.table.key_id.as_deref()) {
            header.insert("kid".into(), id.into());
        }
        header
    }

    /// Claims of an honest token of tenant 0 or 1.
    pub fn claims(&self, tenant: usize) -> Claims {
        let now = now();
        let mut claims = Claims::new();
        for (name, value) in &self.table.claims {
            claims.insert(name.clone(), filled(value, self.tenants[tenant]));
        }
        if let Some(own) = &self.bound {
            claims.insert(CONFIRMATION.into(), confirmed(own));
        }
        claims.insert("iat".into(), now.into());
        claims.insert("nbf".into(), now.into());
        claims.insert("exp".into(), (now + i64::from(self.table.lifetime_s)).into());
        claims
    }

    /// An honest token.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn honest(&self, tenant: usize) -> Result<Token, String> {
        match &self.source {
            Source::Minted(key) => {
                token(&self.header(key, None), &self.claims(tenant), &Signed::By(key, "the issuer's key"))
            }
            Source::Supplied(tokens) => {
                let shown = format!("<the supplied token of {}>", self.tenants[tenant].id);
                Ok(Token { sent: tokens[tenant].clone(), shown })
            }
        }
    }

    /// A token of tenant 0 by the issuer's key, about which something is not as in an honest one.
    ///
    /// # Errors
    /// Tokens are supplied, or the key does not sign.
    pub fn altered(&self, change: impl FnOnce(&mut Claims)) -> Result<Token, String> {
        let key = self.key().ok_or("no key to sign with")?;
        let mut claims = self.claims(0);
        change(&mut claims);
        token(&self.header(key, None), &claims, &Signed::By(key, "the issuer's key"))
    }

    /// Header and claims of an honest token, read from itself; none if it is no signed JSON Web Token.
    pub fn parts(&self, tenant: usize) -> Option<(Claims, Claims, String)> {
        let sent = self.honest(tenant).ok()?.sent;
        let [header, claims, signature] = sent.split('.').collect::<Vec<_>>().try_into().ok()?;
        let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some((read(header)?, read(claims)?, signature.to_owned()))
    }

    /// A key that must be refused.
    ///
    /// # Errors
    /// It is not where the deployment says.
    pub fn refused(&self, refused: &RefusedKey) -> Result<Key, String> {
        let pem = refused.key.reveal(self.home)?;
        Key::read(refused.algorithm, &pem).map_err(|e| format!("{}: {e}", refused.key))
    }
}

/// Seconds since 1970, as claims count.
pub fn now() -> i64 {
    i64::try_from(when::now()).unwrap_or(i64::MAX)
}

/// A value of the deployment, with what a tenant has put in.
pub fn filled(value: &toml::Value, tenant: &Tenant) -> Value {
    match value {
        toml::Value::String(text) => tenant.fill(text).into(),
        toml::Value::Integer(n) => (*n).into(),
        toml::Value::Float(x) => json!(x),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(values) => values.iter().map(|v| filled(v, tenant)).collect(),
        toml::Value::Table(table) => {
            table.iter().map(|(name, v)| (name.clone(), filled(v, tenant))).collect::<Claims>().into()
        }
    }
}

/// A token with this header and these claims.
///
/// # Errors
/// The key does not sign.
pub fn token(header: &Claims, claims: &Claims, signed: &Signed<'_>) -> Result<Token, String> {
    let part = |claims: &Claims| URL_SAFE_NO_PAD.encode(Value::Object(claims.clone()).to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let (signature, how) = match signed {
        Signed::By(key, whose) => (key.sign(message.as_bytes())?, format!("signed by {whose}")),
        Signed::Hmac(secret, what) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            (hmac::sign(&key, message.as_bytes()).as_ref().to_vec(), format!("HMAC with {what} as its secret"))
        }
        Signed::Not => (Vec::new(), "without a signature".to_owned()),
    };
    let sent = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    Ok(Token { sent, shown: shown(header, claims, &how) })
}

/// A token whose parts are put together by hand: `signature` is that of another one.
pub fn forged(header: &Claims, claims: &Claims, signature: &str, how: &str) -> Token {
    let part = |claims: &Claims| URL_SAFE_NO_PAD.encode(Value::Object(claims.clone()).to_string());
    Token { sent: format!("{}.{}.{signature}", part(header), part(claims)), shown: shown(header, claims, how) }
}

fn shown(header: &Claims, claims: &Claims, how: &str) -> String {
    format!("<{} {} {how}>", Value::Object(header.clone()), Value::Object(claims.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::deployment::gateway::Algorithm;

    #[test]
    fn a_token_is_told_without_its_signature() {
        let key = Key::stranger(Algorithm::ES256).expect("a key");
        let claims: Claims = [("tenant".to_owned(), Value::from("acme"))].into_iter().collect();
        let header: Claims = [("alg".to_owned(), Value::from(key.name()))].into_iter().collect();
        let made = token(&header, &claims, &Signed::By(&key, "nobody")).expect("a token");
        assert_eq!(made.shown, "<{\"alg\":\"ES256\"} {\"tenant\":\"acme\"} signed by nobody>");
        let parts: Vec<&str> = made.sent.split('.').collect();
        assert_eq!(parts.len(), 3);
        assert!(!made.shown.contains(parts[2]) && parts[2].len() == 86, "{}", made.sent);
        let bare = token(&header, &claims, &Signed::Not).expect("a token");
        assert!(bare.sent.ends_with('.'), "{}", bare.sent);
    }

    #[test]
    fn each_algorithm_signs_and_has_a_public_half() {
        for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::RS256, Algorithm::PS256, Algorithm::EdDSA] {
            let key = Key::stranger(algorithm).expect("a key");
            assert!(key.sign(b"x").expect("a signature").len() >= 64);
            assert!(key.public_pem().expect("a key").starts_with("-----BEGIN PUBLIC KEY-----\nM"), "{algorithm:?}");
            assert!(key.public_jwk()["kty"].is_string());
        }
    }
}
