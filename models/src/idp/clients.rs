//! Who may ask the provider for what: registered clients with their proof, registered subjects with their grants.
//!
//! Nothing here can be switched off. A provider that hands out more than it registered is not a misconfiguration of
//! this platform but another platform; the controls under test sit where tokens are accepted.

use crate::crypto::{Key, LibraryCalls, sha256, whole_seconds};
use crate::ids::TenantId;
use crate::wire::oidc::{ClientProof, TokenRequest, untimed};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, decode, encode};
use serde::{Deserialize, Serialize};
use sim::time::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest life of a client assertion, in seconds. RFC 7523 leaves it open; the usual providers permit five minutes.
const ASSERTION_LIFE_MAX_S: u64 = 300;

/// A client application.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: Arc<str>,
    /// How it proves to be itself.
    pub auth: ClientAuth,
    /// Whom its tokens may be meant for.
    pub audiences: Vec<Arc<str>>,
    /// What its tokens may permit.
    pub scopes: Vec<Arc<str>>,
    /// Whether its tokens must be bound to a client certificate (RFC 8705 §3).
    pub binding_required: bool,
}

/// What the provider holds to check a client's proof: never anything that would let it act as the client.
#[derive(Clone, Copy, Debug)]
pub enum ClientAuth {
    /// SHA-256 of the shared secret, which is drawn and long, so that no slow hash is needed.
    SecretDigest([u8; 32]),
    /// SHA-256 of the client's certificate.
    Certificate([u8; 32]),
    /// The client's Ed25519 public key.
    Assertion([u8; 32]),
    /// It can prove nothing (RFC 6749 §2.1, a public client), and gets tokens only for people who log in.
    Public,
}

/// A person or a service that tokens speak for, with what it is granted.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its id.
    pub id: Arc<str>,
    /// The tenants that it may act for.
    pub tenants: Vec<TenantId>,
    /// The region in which its tenants live; tokens are good there only (POL-06).
    pub region: Arc<str>,
    /// The clearances that it may ask for.
    pub clearances: Vec<Arc<str>>,
}

/// Why a token was not issued.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum IssueDenial {
    /// No such client.
    Client,
    /// The client's proof is wrong, of another kind than registered, or used before.
    Proof,
    /// No such subject.
    Subject,
    /// The subject may not act for the tenant.
    Tenant,
    /// The subject's tenants live in another region.
    Region,
    /// The client's tokens are not for this audience.
    Audience,
    /// The client may not ask for a scope.
    Scope,
    /// The subject has not this clearance.
    Clearance,
    /// The lifetime is zero or longer than permitted.
    Lifetime,
    /// The token must be bound to the client's certificate and is not.
    Binding,
}

/// Everyone who is registered.
#[derive(Debug)]
pub struct Directory {
    issuer: Arc<str>,
    lifetime_max: Duration,
    clients: BTreeMap<Arc<str>, Client>,
    subjects: BTreeMap<Arc<str>, Subject>,
    /// Assertions that were used, by (expiry, client, name); forgotten when they are dead anyway.
    used: BTreeMap<(u64, Arc<str>, Arc<str>), ()>,
}

/// Claims of a client assertion (RFC 7523 §3).
#[derive(Serialize, Deserialize)]
struct Assertion {
    iss: Arc<str>,
    sub: Arc<str>,
    aud: Arc<str>,
    exp: u64,
    jti: Arc<str>,
}

impl ClientAuth {
    /// A client that shows `secret`.
    pub fn secret(secret: &str) -> ClientAuth {
        ClientAuth::SecretDigest(sha256(secret.as_bytes()))
    }
}

impl IssueDenial {
    /// The code of RFC 6749 §5.2 (RFC 8707 for the audience), which is all that a client learns.
    pub fn oauth_code(self) -> &'static str {
        match self {
            IssueDenial::Client | IssueDenial::Proof => "invalid_client",
            IssueDenial::Subject | IssueDenial::Tenant | IssueDenial::Region | IssueDenial::Clearance => {
                "access_denied"
            }
            IssueDenial::Audience => "invalid_target",
            IssueDenial::Scope => "invalid_scope",
            IssueDenial::Lifetime | IssueDenial::Binding => "invalid_request",
        }
    }
}

impl Directory {
    /// A directory with nobody in it.
    pub fn new(issuer: Arc<str>, lifetime_max: Duration) -> Directory {
        Directory { issuer, lifetime_max, clients: BTreeMap::new(), subjects: BTreeMap::new(), used: BTreeMap::new() }
    }
    /// Registers or replaces a client.
    pub fn register_client(&mut self, client: Client) {
        self.clients.insert(client.id.clone(), client);
    }
    /// Registers or replaces a subject.
    pub fn register_subject(&mut self, subject: Subject) {
        self.subjects.insert(subject.id.clone(), subject);
    }
    /// Removes a subject.
    pub fn remove_subject(&mut self, subject: &str) {
        self.subjects.remove(subject);
    }
    /// The tenants that `subject` may act for.
    pub fn tenants_of(&self, subject: &str) -> Vec<TenantId> {
        self.subjects.get(subject).map_or_else(Vec::new, |s| s.tenants.clone())
    }

    /// Whether everything in `request` is registered.
    ///
    /// # Errors
    /// The first thing that is not; the proof comes before anything that would tell a stranger who is registered.
    pub fn permits(
        &mut self,
        now: Instant,
        request: &TokenRequest,
        calls: &mut LibraryCalls,
    ) -> Result<(), IssueDenial> {
        let client = self.clients.get(&request.client_id).ok_or(IssueDenial::Client)?;
        match (&client.auth, &request.proof) {
            (ClientAuth::SecretDigest(digest), ClientProof::Secret(secret)) => {
                equal(digest, &sha256(secret.as_bytes()))?;
            }
            (ClientAuth::Certificate(digest), ClientProof::Certificate(shown)) => equal(digest, shown)?,
            (ClientAuth::Assertion(public), ClientProof::Assertion(assertion)) => {
                calls.jwt_verify.real += 1;
                let assertion = self.read_assertion(now, public, &client.id, assertion)?;
                let name = (assertion.exp, client.id.clone(), assertion.jti);
                let alive = self.used.split_off(&(now.unix_seconds(), "".into(), "".into()));
                self.used = alive;
                if self.used.insert(name, ()).is_some() {
                    return Err(IssueDenial::Proof);
                }
            }
            _ => return Err(IssueDenial::Proof),
        }
        self.grants(request)
    }

    /// The region of a subject's tenants.
    pub fn region_of(&self, subject: &str) -> Option<Arc<str>> {
        self.subjects.get(subject).map(|s| s.region.clone())
    }

    /// Whether what is asked for is granted, whoever asks.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn grants(&self, request: &TokenRequest) -> Result<(), IssueDenial> {
        let client = self.clients.get(&request.client_id).ok_or(IssueDenial::Client)?;
        let subject = self.subjects.get(&request.subject).ok_or(IssueDenial::Subject)?;
        if !subject.tenants.contains(&request.tenant) {
            return Err(IssueDenial::Tenant);
        }
        if subject.region != request.region {
            return Err(IssueDenial::Region);
        }
        if !client.audiences.contains(&request.audience) {
            return Err(IssueDenial::Audience);
        }
        if !request.scopes.iter().all(|s| client.scopes.contains(s)) {
            return Err(IssueDenial::Scope);
        }
        if !subject.clearances.contains(&request.clearance) {
            return Err(IssueDenial::Clearance);
        }
        if whole_seconds(request.lifetime) == 0 || request.lifetime > self.lifetime_max {
            return Err(IssueDenial::Lifetime);
        }
        // A client that came by certificate may bind its tokens to that certificate only, never to someone else's.
        let bound_elsewhere = match (&client.auth, request.client_binding) {
            (ClientAuth::Certificate(own), Some(asked)) => *own != asked,
            (_, None) => client.binding_required,
            _ => false,
        };
        if bound_elsewhere { Err(IssueDenial::Binding) } else { Ok(()) }
    }

    fn read_assertion(
        &self,
        now: Instant,
        public: &[u8; 32],
        client: &str,
        text: &str,
    ) -> Result<Assertion, IssueDenial> {
        let read = decode::<Assertion>(text, &DecodingKey::from_ed_der(public), &untimed(Algorithm::EdDSA));
        let assertion = read.map_err(|_| IssueDenial::Proof)?.claims;
        let now = now.unix_seconds();
        let whose = *assertion.iss == *client && *assertion.sub == *client && assertion.aud == self.issuer;
        let alive = now < assertion.exp && assertion.exp <= now + ASSERTION_LIFE_MAX_S;
        if whose && alive { Ok(assertion) } else { Err(IssueDenial::Proof) }
    }
}

fn equal(a: &[u8; 32], b: &[u8; 32]) -> Result<(), IssueDenial> {
    verify_slices_are_equal(a, b).map_err(|_| IssueDenial::Proof)
}

/// A client's assertion to the provider `audience`, good until `exp` seconds since the Unix epoch and named `jti`.
pub fn assertion(key: &Key, client: &str, audience: &str, exp: u64, jti: &str) -> Arc<str> {
    let claims = Assertion { iss: client.into(), sub: client.into(), aud: audience.into(), exp, jti: jti.into() };
    encode(&Header::new(Algorithm::EdDSA), &claims, &EncodingKey::from_ed_der(key.pkcs8()))
        .expect("claims are JSON and an Ed25519 key signs anything")
        .into()
}
