//! Words between clients, the identity provider and those who rely on it: token requests, tokens, key sets.
//!
//! A token travels as text, and text is all that a relying party may trust. [`parse`] only reads: whether the signature
//! is real, the time right and the audience meant is decided where tokens are accepted.

pub mod login;

use super::Code;
use crate::crypto::{base64url, base64url_decode};
use crate::ids::TenantId;
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sim::time::Duration;
use std::sync::Arc;

/// `typ` of an access token (RFC 9068 §2.1). Anything else, an ID token above all, is not accepted as one.
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// Longest token that is looked at, in bytes: twice the 8 KiB at which the usual proxies refuse a header.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The claims of an access token: RFC 9068, plus the platform's tenant, region and clearance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: Arc<str>,
    /// Who it speaks for.
    pub sub: Arc<str>,
    /// Whom it is meant for.
    pub aud: Audience,
    /// The client that asked for it.
    pub client_id: Arc<str>,
    /// Seconds since the Unix epoch at and after which it is dead.
    pub exp: u64,
    /// Seconds since the Unix epoch before which it is not yet alive; 0 when absent.
    pub nbf: u64,
    /// When it was issued, in seconds since the Unix epoch.
    pub iat: u64,
    /// Its own name, unique within the issuer.
    pub jti: Arc<str>,
    /// The login that it came of, when a person logged in (OpenID Connect Front-Channel Logout 1.0 §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<Arc<str>>,
    /// The tenant that the bearer acts for.
    pub tenant: TenantId,
    /// Every tenant that the bearer may select; holds at least `tenant`.
    pub tenants: Vec<TenantId>,
    /// The region in which the bearer's tenant lives.
    pub region: Arc<str>,
    /// Scopes, separated by one space (RFC 8693 §4.2).
    pub scope: Arc<str>,
    /// The highest classification level that the bearer may see.
    pub clearance: Arc<str>,
    /// The client certificate that it is bound to (RFC 8705 §3.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The `aud` claim: one text or several (RFC 7519 §4.1.3).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One audience, written as plain text.
    One(Arc<str>),
    /// Several.
    Many(Vec<Arc<str>>),
}

/// The `cnf` claim: the holder proves possession of this certificate's key by mTLS.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Confirmation {
    /// SHA-256 of the certificate's DER form.
    #[serde(rename = "x5t#S256", serialize_with = "write_thumbprint", deserialize_with = "read_thumbprint")]
    pub certificate: [u8; 32],
}

/// The part of a token's header that decides anything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Signature algorithm *as the sender claims it*.
    pub alg: Arc<str>,
    /// Media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<Arc<str>>,
    /// Which key signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<Arc<str>>,
    /// Extensions that must be understood (RFC 7515 §4.1.11). None are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crit: Option<Vec<String>>,
}

/// A token, read and not believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Its header.
    pub header: Header,
    /// Its claims.
    pub claims: Arc<Claims>,
    /// Whether the signature part is empty, as in an unsecured JWS (RFC 7515 §A.5).
    pub unsigned: bool,
}

/// Why a text is not a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseFault {
    /// Not three base64url parts of JSON, or a claim of the wrong type.
    Malformed,
    /// A claim that every access token has is absent.
    Missing(&'static str),
}

/// A client asks the provider for a token (client credentials, or a token exchange on behalf of `subject`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenRequest {
    /// The registered client.
    pub client_id: Arc<str>,
    /// How it proves to be that client.
    pub proof: ClientProof,
    /// Whom the token shall speak for.
    pub subject: Arc<str>,
    /// Which tenant it shall act for.
    pub tenant: TenantId,
    /// Whom the token is meant for.
    pub audience: Arc<str>,
    /// The region it shall be good in.
    pub region: Arc<str>,
    /// What it shall permit.
    pub scopes: Vec<Arc<str>>,
    /// SHA-256 of the client certificate that it shall be bound to.
    pub client_binding: Option<[u8; 32]>,
    /// Highest classification level asked for.
    pub clearance: Arc<str>,
    /// How long it shall live.
    pub lifetime: Duration,
    /// How long from now until it becomes good; zero but for scheduled jobs.
    pub valid_after: Duration,
}

/// How a client proves who it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClientProof {
    /// A shared secret (`client_secret_post`).
    Secret(Arc<str>),
    /// A JWT signed by the client's own key (`private_key_jwt`, RFC 7523).
    Assertion(Arc<str>),
    /// The certificate of the mTLS connection, by SHA-256 (`tls_client_auth`, RFC 8705 §2).
    Certificate([u8; 32]),
}

/// What is asked of the provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OidcRequest {
    /// A token.
    Token(Arc<TokenRequest>),
    /// The public keys in use.
    Jwks,
    /// A step of a person's login.
    Login(Box<login::Login>),
}

/// What the provider answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum OidcAnswer {
    /// The token.
    Token(Arc<str>),
    /// No token, and why (a code of RFC 6749 §5.2).
    Refused(#[serde(with = "super::codec::code")] Code),
    /// The JWK set (RFC 7517 §5) as JSON.
    Jwks(Arc<str>),
    /// What came of a step of a login.
    Login(Box<login::LoginAnswer>),
}

impl Audience {
    /// Whether `name` is among those meant.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Audience::One(one) => **one == *name,
            Audience::Many(many) => many.iter().any(|a| **a == *name),
        }
    }
}

impl Claims {
    /// Whether `scope` is granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|s| s == scope)
    }
    /// Whether the bearer may act for `tenant`.
    pub fn grants(&self, tenant: &str) -> bool {
        self.tenants.iter().any(|t| **t == *tenant)
    }
}

/// Reads a token without believing it.
///
/// # Errors
/// Says what is wrong with its form. Stricter than `jsonwebtoken`: a claim written twice, of the wrong type or absent
/// is refused here, because the library ignores what it was not told to look at.
pub fn parse(text: &str) -> Result<Token, ParseFault> {
    if text.len() > TOKEN_BYTES_MAX {
        return Err(ParseFault::Malformed);
    }
    let mut parts = text.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ParseFault::Malformed);
    };
    let header: Header = read_part(header)?;
    let claims = read_part::<Unchecked>(claims)?.complete()?;
    if base64url_decode(signature).is_none() {
        return Err(ParseFault::Malformed);
    }
    Ok(Token { header, claims: Arc::new(claims), unsigned: signature.is_empty() })
}

/// A validation that pins the algorithm and leaves time and audience to us: the library would ask the system clock.
pub fn untimed(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn read_part<T: for<'a> Deserialize<'a>>(part: &str) -> Result<T, ParseFault> {
    let json = base64url_decode(part).ok_or(ParseFault::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| ParseFault::Malformed)
}

/// Claims as they arrive: each may be absent. Numbers are whole: RFC 7519 permits fractions, the provider issues none,
/// and one that a verifier might round is one to refuse.
#[derive(Deserialize)]
struct Unchecked {
    iss: Option<Arc<str>>,
    sub: Option<Arc<str>>,
    aud: Option<Audience>,
    client_id: Option<Arc<str>>,
    exp: Option<u64>,
    nbf: Option<u64>,
    iat: Option<u64>,
    jti: Option<Arc<str>>,
    sid: Option<Arc<str>>,
    tenant: Option<TenantId>,
    tenants: Option<Vec<TenantId>>,
    region: Option<Arc<str>>,
    scope: Option<Arc<str>>,
    clearance: Option<Arc<str>>,
    cnf: Option<Confirmation>,
}

impl Unchecked {
    fn complete(self) -> Result<Claims, ParseFault> {
        // A name that is empty names nobody (RFC 8725 §3.8).
        let name = |claim: Option<Arc<str>>, called: &'static str| {
            claim.filter(|text| !text.is_empty()).ok_or(ParseFault::Missing(called))
        };
        let tenant = name(self.tenant, "tenant")?;
        Ok(Claims {
            iss: name(self.iss, "iss")?,
            sub: name(self.sub, "sub")?,
            aud: self.aud.ok_or(ParseFault::Missing("aud"))?,
            client_id: name(self.client_id, "client_id")?,
            exp: self.exp.ok_or(ParseFault::Missing("exp"))?,
            nbf: self.nbf.unwrap_or(0),
            iat: self.iat.ok_or(ParseFault::Missing("iat"))?,
            jti: name(self.jti, "jti")?,
            sid: self.sid,
            tenants: self.tenants.unwrap_or_else(|| vec![tenant.clone()]),
            tenant,
            region: name(self.region, "region")?,
            scope: self.scope.unwrap_or_else(|| "".into()),
            clearance: self.clearance.ok_or(ParseFault::Missing("clearance"))?,
            cnf: self.cnf,
        })
    }
}

fn write_thumbprint<S: Serializer>(bytes: &[u8; 32], out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&base64url(bytes))
}

fn read_thumbprint<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(from)?;
    let bytes = base64url_decode(&text).and_then(|b| b.try_into().ok());
    bytes.ok_or_else(|| serde::de::Error::custom("a SHA-256 thumbprint in base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"iss":"i","sub":"s","aud":["a","b"],"client_id":"c","exp":9,"iat":1,"jti":"j","tenant":"t",
        "region":"r","clearance":"public"}"#;

    fn check(header: &str, claims: &str, expected: Result<(), ParseFault>) {
        let text = format!("{}.{}.AAAA", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        assert_eq!(parse(&text).map(|_| ()), expected, "{header} {claims}");
    }

    #[test]
    fn a_whole_token_is_read_and_what_it_leaves_open_gets_the_narrowest_meaning() {
        let text = format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(WHOLE.as_bytes()));
        let token = parse(&text).unwrap();
        assert!(token.unsigned);
        assert!(token.claims.aud.contains("b") && !token.claims.aud.contains("c"));
        assert!(token.claims.grants("t") && !token.claims.grants("u"));
        assert_eq!((token.claims.nbf, &*token.claims.scope), (0, ""));
    }

    #[test]
    fn a_token_without_a_claim_that_decides_something_is_refused_by_name() {
        for name in ["iss", "sub", "aud", "client_id", "exp", "iat", "jti", "tenant", "region", "clearance"] {
            check(
                r#"{"alg":"EdDSA"}"#,
                &WHOLE.replace(&format!("\"{name}\""), "\"x\""),
                Err(ParseFault::Missing(name)),
            );
        }
    }

    #[test]
    fn a_claim_of_the_wrong_type_or_written_twice_is_refused() {
        for (from, to) in [("\"exp\":9", "\"exp\":\"9\""), ("\"exp\":9", "\"exp\":-9"), ("\"exp\":9", "\"exp\":9.5")] {
            check(r#"{"alg":"EdDSA"}"#, &WHOLE.replace(from, to), Err(ParseFault::Malformed));
        }
        check(r#"{"alg":"EdDSA"}"#, &WHOLE.replace("\"exp\":9", "\"exp\":9,\"exp\":99"), Err(ParseFault::Malformed));
        check(r#"{"alg":"EdDSA","alg":"none"}"#, WHOLE, Err(ParseFault::Malformed));
        check(r#"{"alg":"EdDSA"}"#, WHOLE, Ok(()));
    }

    #[test]
    fn a_text_of_another_shape_is_refused() {
        for text in ["", ".", "..", "a.b", "a.b.c.d", "!.!.!"] {
            assert_eq!(parse(text), Err(ParseFault::Malformed), "{text}");
        }
        assert_eq!(parse(&"a".repeat(TOKEN_BYTES_MAX + 1)), Err(ParseFault::Malformed));
    }
}
