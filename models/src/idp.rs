//! The identity provider: registered clients and subjects in, signed access tokens and a key set out.
//!
//! It signs with the newest key that caches had time to learn and keeps older ones published until nothing that they
//! signed can still be alive, so a rotation is no outage (IDN-04). It knows no clock: whether it can be reached at all
//! is its host's business.

pub mod clients;
pub mod forge;
pub mod keys;
pub mod login;
pub mod machine;

use crate::control::Controls;
use crate::crypto::{LibraryCalls, base64url, sha256, whole_seconds};
use crate::wire::oidc::{Audience, Claims, Confirmation, OidcAnswer, OidcRequest, TokenRequest};
use clients::{Client, Directory, IssueDenial, Subject};
use jsonwebtoken::{EncodingKey, encode};
use keys::{KeyRing, KeyRotation};
use sim::time::{Duration, Instant};
use std::sync::Arc;

/// One issuer.
#[derive(Debug)]
pub struct Idp {
    issuer: Arc<str>,
    keys: KeyRing,
    directory: Directory,
    /// Tells the names of this provider's tokens from those of its twins, and of itself before a restart.
    life: u64,
    issued: u64,
    calls: LibraryCalls,
}

/// How an issuer is set up.
#[derive(Clone, Debug)]
pub struct IdpConfig {
    /// Issuer identifier, an https URL.
    pub issuer: Arc<str>,
    /// Role of the signing keys in the simulation's key names; key `n` of the issuer is (role, n).
    pub key_role: Arc<str>,
    /// Pace of key rotation.
    pub rotation: KeyRotation,
    /// Longest lifetime of a token. 15 minutes: a stolen one dies within the time in which anomaly detection reacts.
    pub lifetime_max: Duration,
}

impl IdpConfig {
    /// The usual set-up of `issuer`.
    pub fn new(issuer: &str) -> IdpConfig {
        let lifetime_max = Duration::secs(900);
        IdpConfig {
            issuer: issuer.into(),
            key_role: format!("idp/{issuer}").into(),
            rotation: KeyRotation { publish_before: Duration::secs(60), overlap: lifetime_max + Duration::secs(60) },
            lifetime_max,
        }
    }
}

impl Idp {
    /// An issuer with one signing key and nobody registered.
    pub fn new(config: IdpConfig) -> Idp {
        Idp {
            keys: KeyRing::new(config.key_role, config.rotation),
            directory: Directory::new(config.issuer.clone(), config.lifetime_max),
            issuer: config.issuer,
            life: 0,
            issued: 0,
            calls: LibraryCalls::default(),
        }
    }

    /// The same, in a life of its own: several providers may speak for one issuer, and each of them may restart, but no
    /// two tokens of the issuer have one name.
    #[must_use]
    pub fn living(mut self, life: u64) -> Idp {
        self.life = life;
        self
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> &Arc<str> {
        &self.issuer
    }
    /// Registers a client, or replaces its registration.
    pub fn register_client(&mut self, client: Client) {
        self.directory.register_client(client);
    }
    /// Registers a subject with what it is granted, or replaces that.
    pub fn register_subject(&mut self, subject: Subject) {
        self.directory.register_subject(subject);
    }
    /// Takes every grant of `subject` back. Tokens already issued live on until they expire.
    pub fn remove_subject(&mut self, subject: &str) {
        self.directory.remove_subject(subject);
    }

    /// Answers one word of the protocol.
    pub fn handle(&mut self, now: Instant, controls: &Controls, request: &OidcRequest) -> OidcAnswer {
        match request {
            OidcRequest::Jwks => OidcAnswer::Jwks(self.jwks(now, controls)),
            OidcRequest::Token(request) => match self.issue(now, request) {
                Ok(token) => OidcAnswer::Token(token),
                Err(denial) => OidcAnswer::Refused(denial.oauth_code()),
            },
            // Logins have a desk of their own.
            OidcRequest::Login(_) => OidcAnswer::Refused("invalid_request"),
        }
    }

    /// Issues a token.
    ///
    /// # Errors
    /// Says which part of the request goes beyond what is registered. Nothing is narrowed silently: a client that asks
    /// for too much learns it here, not by a denial elsewhere.
    pub fn issue(&mut self, now: Instant, request: &TokenRequest) -> Result<Arc<str>, IssueDenial> {
        self.directory.permits(now, request, &mut self.calls)?;
        Ok(self.sign(now, request, None))
    }

    /// Issues a token to an application that a person lets act: who both are was proved in the login, which is named
    /// in it.
    ///
    /// # Errors
    /// As for [`Idp::issue`], but for the proof.
    pub fn issue_for_login(
        &mut self,
        now: Instant,
        request: &TokenRequest,
        session: &Arc<str>,
    ) -> Result<Arc<str>, IssueDenial> {
        self.directory.grants(request)?;
        Ok(self.sign(now, request, Some(session.clone())))
    }

    /// The region of a subject's tenants.
    pub fn region_of(&self, subject: &str) -> Option<Arc<str>> {
        self.directory.region_of(subject)
    }

    fn sign(&mut self, now: Instant, request: &TokenRequest, sid: Option<Arc<str>>) -> Arc<str> {
        let tenants = self.directory.tenants_of(&request.subject);
        let iat = now.unix_seconds();
        let nbf = iat + whole_seconds(request.valid_after);
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: request.subject.clone(),
            aud: Audience::One(request.audience.clone()),
            client_id: request.client_id.clone(),
            exp: nbf + whole_seconds(request.lifetime),
            nbf,
            iat,
            jti: self.token_name(),
            sid,
            tenant: request.tenant.clone(),
            tenants,
            region: request.region.clone(),
            scope: request.scopes.join(" ").into(),
            clearance: request.clearance.clone(),
            cnf: request.client_binding.map(|certificate| Confirmation { certificate }),
        };
        let signing = self.keys.signing(now);
        self.calls.jwt_sign.real += 1;
        let token = encode(&signing.header(), &claims, &EncodingKey::from_ed_der(signing.key.pkcs8()))
            .expect("claims are JSON and an Ed25519 key signs anything");
        token.into()
    }

    /// The published key set (RFC 7517) as JSON: keys that sign, that will soon, and that still verify.
    pub fn jwks(&mut self, now: Instant, controls: &Controls) -> Arc<str> {
        self.keys.publish(now, controls)
    }

    /// Starts a rotation: a new key is published at once, signs after the publication delay, and its predecessor is
    /// retired when the last token it signed is dead. Returns the new key's id.
    pub fn rotate(&mut self, now: Instant, controls: &Controls) -> Arc<str> {
        self.keys.rotate(now, controls)
    }

    /// Drops a key at once, as after a theft. Tokens that it signed die with the next refresh of each cache.
    pub fn revoke_key(&mut self, now: Instant, kid: &str) {
        self.keys.revoke(now, kid);
    }

    /// Signing key and its id at `now`, for an insider's or thief's forgeries.
    pub fn signing_key(&self, now: Instant) -> &keys::SigningKey {
        self.keys.signing(now)
    }

    /// Calls into the real libraries so far. Signing is never answered from a memo: every token has its own name.
    pub fn calls(&self) -> LibraryCalls {
        self.calls
    }

    /// Unique within the issuer and not guessable from the outside as a counter would be.
    fn token_name(&mut self) -> Arc<str> {
        self.issued += 1;
        let mut seed = self.issuer.as_bytes().to_vec();
        seed.extend_from_slice(&self.life.to_le_bytes());
        seed.extend_from_slice(&self.issued.to_le_bytes());
        base64url(&sha256(&seed)[..16]).into()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::crypto::key;
    use crate::wire::oidc::{ClientProof, parse};
    use clients::ClientAuth;

    pub(crate) const ISSUER: &str = "https://id.cell-a.test";

    pub(crate) fn idp() -> Idp {
        let mut idp = Idp::new(IdpConfig::new(ISSUER));
        idp.register_client(Client {
            id: "portal".into(),
            auth: ClientAuth::secret("s3cret"),
            audiences: vec!["api".into(), "analytics".into()],
            scopes: vec!["read".into(), "write".into()],
            binding_required: false,
        });
        idp.register_subject(Subject {
            id: "ann".into(),
            tenants: vec!["acme".into(), "initech".into()],
            region: "eu".into(),
            clearances: vec!["public".into(), "internal".into()],
        });
        idp
    }

    pub(crate) fn request() -> TokenRequest {
        TokenRequest {
            client_id: "portal".into(),
            proof: ClientProof::Secret("s3cret".into()),
            subject: "ann".into(),
            tenant: "acme".into(),
            audience: "api".into(),
            region: "eu".into(),
            scopes: vec!["read".into()],
            client_binding: None,
            clearance: "internal".into(),
            lifetime: Duration::secs(300),
            valid_after: Duration::ZERO,
        }
    }

    fn check(change: impl FnOnce(&mut TokenRequest), expected: Option<IssueDenial>) {
        let mut asked = request();
        change(&mut asked);
        assert_eq!(idp().issue(Instant::ZERO, &asked).err(), expected);
    }

    #[test]
    fn a_registered_client_gets_a_token_that_says_what_was_asked() {
        let token = parse(&idp().issue(Instant::ZERO, &request()).unwrap()).unwrap();
        let claims = &token.claims;
        assert_eq!((&*claims.tenant, &*claims.region, &*claims.clearance), ("acme", "eu", "internal"));
        assert!(claims.grants("initech") && claims.has_scope("read") && !claims.has_scope("write"));
        assert_eq!(claims.exp, sim::time::EPOCH_UNIX_S + 300);
        assert_eq!(token.header.typ.as_deref(), Some("at+jwt"));
    }

    #[test]
    fn a_request_beyond_what_is_registered_is_refused_with_its_reason() {
        check(|r| r.client_id = "other".into(), Some(IssueDenial::Client));
        check(|r| r.proof = ClientProof::Secret("guess".into()), Some(IssueDenial::Proof));
        check(|r| r.proof = ClientProof::Certificate([0; 32]), Some(IssueDenial::Proof));
        check(|r| r.subject = "eve".into(), Some(IssueDenial::Subject));
        check(|r| r.tenant = "globex".into(), Some(IssueDenial::Tenant));
        check(|r| r.audience = "admin".into(), Some(IssueDenial::Audience));
        check(|r| r.region = "us".into(), Some(IssueDenial::Region));
        check(|r| r.scopes.push("admin".into()), Some(IssueDenial::Scope));
        check(|r| r.scopes.push("read write".into()), Some(IssueDenial::Scope));
        check(|r| r.clearance = "restricted".into(), Some(IssueDenial::Clearance));
        check(|r| r.lifetime = Duration::secs(901), Some(IssueDenial::Lifetime));
        check(|r| r.lifetime = Duration::ZERO, Some(IssueDenial::Lifetime));
        check(|_| (), None);
    }

    #[test]
    fn a_client_may_prove_itself_by_certificate_or_by_an_assertion_of_its_own_key() {
        let mut idp = idp();
        let client_key = key("client/batch", 0);
        for (id, auth) in
            [("bound", ClientAuth::Certificate([7; 32])), ("batch", ClientAuth::Assertion(*client_key.public()))]
        {
            let audiences = vec!["api".into()];
            let scopes = vec!["read".into()];
            idp.register_client(Client { id: id.into(), auth, audiences, scopes, binding_required: id == "bound" });
        }
        let ask = |idp: &mut Idp, id: &str, proof, client_binding| {
            idp.issue(Instant::ZERO, &TokenRequest { client_id: id.into(), proof, client_binding, ..request() }).err()
        };
        let cert = ClientProof::Certificate([7; 32]);
        assert_eq!(ask(&mut idp, "bound", cert.clone(), None), Some(IssueDenial::Binding));
        assert_eq!(ask(&mut idp, "bound", cert.clone(), Some([8; 32])), Some(IssueDenial::Binding));
        assert_eq!(ask(&mut idp, "bound", cert, Some([7; 32])), None);

        let assertion = |by: &crate::crypto::Key, sub: &str, aud: &str, exp: u64, jti: &str| {
            ClientProof::Assertion(clients::assertion(by, sub, aud, exp, jti))
        };
        let soon = Instant::ZERO.unix_seconds() + 30;
        let good = assertion(&client_key, "batch", ISSUER, soon, "1");
        assert_eq!(ask(&mut idp, "batch", good.clone(), None), None);
        assert_eq!(ask(&mut idp, "batch", good, None), Some(IssueDenial::Proof), "an assertion is good once");
        for bad in [
            assertion(&key("client/other", 0), "batch", ISSUER, soon, "2"),
            assertion(&client_key, "portal", ISSUER, soon, "3"),
            assertion(&client_key, "batch", "https://elsewhere.test", soon, "4"),
            assertion(&client_key, "batch", ISSUER, soon - 30, "5"),
            assertion(&client_key, "batch", ISSUER, soon + 3600, "6"),
            ClientProof::Assertion("a.b.c".into()),
        ] {
            assert_eq!(ask(&mut idp, "batch", bad, None), Some(IssueDenial::Proof));
        }
    }

    #[test]
    fn the_same_requests_give_the_same_bytes() {
        let run = || {
            let mut idp = idp();
            let first = idp.issue(Instant::ZERO, &request()).unwrap();
            let on = Controls::all_on();
            idp.rotate(Instant::ZERO, &on);
            (first, idp.issue(Instant(120_000_000_000), &request()).unwrap(), idp.jwks(Instant::ZERO, &on))
        };
        assert_eq!(run(), run());
    }

    #[test]
    fn two_tokens_never_share_a_name() {
        let mut idp = idp();
        let one = parse(&idp.issue(Instant::ZERO, &request()).unwrap()).unwrap();
        let two = parse(&idp.issue(Instant::ZERO, &request()).unwrap()).unwrap();
        assert_ne!(one.claims.jti, two.claims.jti);
        let mut twin = super::tests::idp().living(1);
        let other = parse(&twin.issue(Instant::ZERO, &request()).unwrap()).unwrap();
        assert_ne!(one.claims.jti, other.claims.jti, "another provider of the same issuer");
        assert_eq!(idp.calls().jwt_sign.real, 2);
    }
}
