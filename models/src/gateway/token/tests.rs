//! One attack a check: refused with everything on, accepted with exactly that control off.
//!
//! The provider is the real model, because a forged token proves nothing unless it is one edit away from a genuine one.

mod rfc8725;

use super::*;
use crate::control::ControlSet;
use crate::idp::clients::{Client, ClientAuth, Subject};
use crate::idp::keys::SigningKey;
use crate::idp::{Idp, IdpConfig, forge};
use crate::wire::oidc::{Audience, ClientProof, Confirmation, TokenRequest};
use proptest::prelude::*;
use sim::time::Duration;

const OURS: &str = "https://id.cell-a.test";
const THEIRS: &str = "https://ci.cell-a.test";
const NOW: Instant = Instant(3_600_000_000_000);
const ALL: [&Control; 8] = [
    &JWT_SIGNATURE,
    &JWT_ALGORITHM,
    &JWT_EXPIRY,
    &JWT_NOT_BEFORE,
    &JWT_ISSUER,
    &JWT_AUDIENCE,
    &CLIENT_BINDING,
    &TOKEN_REVOCATION,
];

struct Setup {
    idp: Idp,
    verifier: TokenVerifier,
    token: Arc<str>,
    claims: Claims,
}

fn idp(issuer: &str) -> Idp {
    let mut idp = Idp::new(IdpConfig::new(issuer));
    let (audiences, scopes) = (vec!["api".into(), "analytics".into()], vec!["read".into()]);
    let auth = ClientAuth::secret("s");
    idp.register_client(Client { id: "portal".into(), auth, audiences, scopes, binding_required: false });
    let (tenants, clearances) = (vec!["acme".into()], vec!["internal".into()]);
    idp.register_subject(Subject { id: "ann".into(), tenants, region: "eu".into(), clearances });
    idp
}

fn request() -> TokenRequest {
    TokenRequest {
        client_id: "portal".into(),
        proof: ClientProof::Secret("s".into()),
        subject: "ann".into(),
        tenant: "acme".into(),
        audience: "api".into(),
        region: "eu".into(),
        scopes: vec!["read".into()],
        client_binding: Some([1; 32]),
        clearance: "internal".into(),
        lifetime: Duration::secs(300),
        valid_after: Duration::ZERO,
    }
}

fn setup() -> Setup {
    let (mut idp, mut other) = (idp(OURS), idp(THEIRS));
    let mut verifier = TokenVerifier::new(TokenPolicy::new(OURS, "api"), TokenMemo::default());
    assert_eq!(verifier.set_jwks(NOW, &Controls::all_on(), OURS, &idp.jwks(NOW, &Controls::all_on())), Ok(1));
    assert_eq!(verifier.set_jwks(NOW, &Controls::all_on(), THEIRS, &other.jwks(NOW, &Controls::all_on())), Ok(1));
    let token = idp.issue(NOW, &request()).unwrap();
    let claims = forge::claims_of(&token).unwrap();
    Setup { idp, verifier, token, claims }
}

fn without(control: &Control) -> Controls {
    Controls::with_off(ControlSet::EMPTY.with(control.slot))
}

/// `token` is refused for `denial` unless `stopped_by` alone is off.
fn check_attack(setup: &mut Setup, token: &Arc<str>, denial: TokenDenial, stopped_by: &Control) {
    let verify = |setup: &mut Setup, controls: &Controls| setup.verifier.verify(NOW, controls, token, Some(&[1; 32]));
    assert_eq!(verify(setup, &Controls::all_on()), Err(denial));
    for control in ALL {
        let accepted = verify(setup, &without(control)).is_ok();
        assert_eq!(accepted, control.id == stopped_by.id, "{denial:?} with {} off", control.id);
    }
}

#[test]
fn a_genuine_token_passes_whatever_is_off() {
    let mut s = setup();
    for control in ALL {
        let claims = s.verifier.verify(NOW, &without(control), &s.token, Some(&[1; 32])).unwrap();
        assert_eq!(*claims, s.claims);
    }
    let controls = Controls::all_on();
    s.verifier.verify(NOW, &controls, &s.token, Some(&[1; 32])).unwrap();
    for control in ALL {
        assert!(controls.consulted().contains(control.slot), "{} is asked on every request", control.id);
    }
}

#[test]
fn an_edited_token_is_stopped_by_its_signature_alone() {
    let mut s = setup();
    let token = forge::edited(&s.token, |c| c.tenant = "globex".into()).unwrap();
    check_attack(&mut s, &token, TokenDenial::Signature, &JWT_SIGNATURE);
}

#[test]
fn a_token_by_a_key_that_nobody_published_is_stopped_by_the_signature_alone() {
    let mut s = setup();
    let token = forge::signed_by(&SigningKey::new("attacker", 0, Instant::ZERO), &s.claims);
    check_attack(&mut s, &token, TokenDenial::UnknownKey, &JWT_SIGNATURE);
}

#[test]
fn an_unsecured_token_is_stopped_by_the_pinned_algorithm_alone() {
    let mut s = setup();
    let token = forge::alg_none(&s.claims, &s.idp.signing_key(NOW).kid);
    check_attack(&mut s, &token, TokenDenial::Algorithm, &JWT_ALGORITHM);
}

#[test]
fn a_token_under_hmac_of_the_public_key_is_stopped_by_the_pinned_algorithm_alone() {
    let mut s = setup();
    let jwks = s.idp.jwks(NOW, &Controls::all_on());
    let kid = s.idp.signing_key(NOW).kid.clone();
    let public = forge::public_key_in(&jwks, &kid).unwrap();
    let token = forge::hs256_with_public_key(&s.claims, &kid, &public);
    check_attack(&mut s, &token, TokenDenial::Algorithm, &JWT_ALGORITHM);
    let wrong = forge::hs256_with_public_key(&s.claims, &kid, &[0; 32]);
    let verdict = s.verifier.verify(NOW, &without(&JWT_ALGORITHM), &wrong, Some(&[1; 32]));
    assert_eq!(verdict, Err(TokenDenial::Signature), "off is a confusion, not a pass for everything");
}

#[test]
fn a_token_of_a_provider_trusted_for_something_else_is_stopped_by_the_issuer_alone() {
    let mut s = setup();
    let foreign = SigningKey::new(&IdpConfig::new(THEIRS).key_role, 0, Instant::ZERO);
    let honest = forge::signed_by(&foreign, &Claims { iss: THEIRS.into(), ..s.claims.clone() });
    check_attack(&mut s, &honest, TokenDenial::Issuer, &JWT_ISSUER);
    let lying = forge::signed_by(&foreign, &s.claims);
    check_attack(&mut s, &lying, TokenDenial::Issuer, &JWT_ISSUER);
}

#[test]
fn a_token_for_another_service_is_stopped_by_the_audience_alone() {
    let mut s = setup();
    let token = s.idp.issue(NOW, &TokenRequest { audience: "analytics".into(), ..request() }).unwrap();
    check_attack(&mut s, &token, TokenDenial::Audience, &JWT_AUDIENCE);
}

#[test]
fn a_dead_token_is_stopped_by_its_expiry_alone() {
    let mut s = setup();
    let dead = forge::expired(&s.claims, NOW.unix_seconds(), 30);
    let token = forge::signed_by(s.idp.signing_key(NOW), &dead);
    check_attack(&mut s, &token, TokenDenial::Expired, &JWT_EXPIRY);
}

#[test]
fn a_token_that_lives_too_long_is_stopped_by_its_expiry_alone() {
    let mut s = setup();
    let long = Claims { exp: s.claims.exp + 86_400, ..s.claims.clone() };
    let token = forge::signed_by(s.idp.signing_key(NOW), &long);
    check_attack(&mut s, &token, TokenDenial::Lifetime, &JWT_EXPIRY);
}

#[test]
fn a_post_dated_token_is_stopped_by_its_beginning_alone() {
    let mut s = setup();
    let early = forge::not_yet_valid(&s.claims, NOW.unix_seconds(), 30);
    let token = forge::signed_by(s.idp.signing_key(NOW), &early);
    check_attack(&mut s, &token, TokenDenial::NotYetValid, &JWT_NOT_BEFORE);
    let later = s.idp.issue(NOW, &TokenRequest { valid_after: Duration::secs(60), ..request() }).unwrap();
    check_attack(&mut s, &later, TokenDenial::NotYetValid, &JWT_NOT_BEFORE);
}

#[test]
fn a_stolen_bound_token_is_stopped_by_its_binding_alone() {
    let mut s = setup();
    let token = s.idp.issue(NOW, &TokenRequest { client_binding: Some([2; 32]), ..request() }).unwrap();
    check_attack(&mut s, &token, TokenDenial::Binding, &CLIENT_BINDING);
    let naked = s.verifier.verify(NOW, &Controls::all_on(), &token, None);
    assert_eq!(naked, Err(TokenDenial::Binding), "a bound token without a certificate");
}

#[test]
fn an_unbound_token_is_refused_where_binding_is_required() {
    let mut s = setup();
    let token = forge::signed_by(s.idp.signing_key(NOW), &Claims { cnf: None, ..s.claims.clone() });
    assert!(s.verifier.verify(NOW, &Controls::all_on(), &token, None).is_ok());
    s.verifier.policy.binding_required = true;
    check_attack(&mut s, &token, TokenDenial::Binding, &CLIENT_BINDING);
}

#[test]
fn a_token_of_another_kind_or_shape_is_refused_whatever_is_off() {
    let mut s = setup();
    let mut header = s.idp.signing_key(NOW).header();
    header.typ = Some("JWT".to_owned());
    let key = jsonwebtoken::EncodingKey::from_ed_der(s.idp.signing_key(NOW).key.pkcs8());
    let id_token: Arc<str> = jsonwebtoken::encode(&header, &s.claims, &key).unwrap().into();
    header = s.idp.signing_key(NOW).header();
    header.crit = Some(vec!["b64".to_owned()]);
    let critical: Arc<str> = jsonwebtoken::encode(&header, &s.claims, &key).unwrap().into();
    header = s.idp.signing_key(NOW).header();
    header.kid = None;
    let nameless: Arc<str> = jsonwebtoken::encode(&header, &s.claims, &key).unwrap().into();
    for (token, denial) in [
        (id_token, TokenDenial::Type),
        (critical, TokenDenial::Critical),
        (nameless, TokenDenial::MissingClaim("kid")),
        ("rubbish".into(), TokenDenial::Malformed),
    ] {
        for control in ALL {
            assert_eq!(s.verifier.verify(NOW, &without(control), &token, Some(&[1; 32])), Err(denial));
        }
    }
}

#[test]
fn keys_that_are_absent_or_stale_refuse_everything_until_they_are_fetched() {
    let mut s = setup();
    let controls = Controls::all_on();
    let late = NOW + Duration::secs(61);
    assert_eq!(s.verifier.verify(late, &controls, &s.token, Some(&[1; 32])), Err(TokenDenial::JwksStale));
    assert!(s.verifier.set_jwks(late, &Controls::all_on(), OURS, "<html>outage</html>").is_err());
    assert_eq!(s.verifier.verify(late, &controls, &s.token, Some(&[1; 32])), Err(TokenDenial::JwksStale));
    s.verifier.set_jwks(late, &Controls::all_on(), OURS, &s.idp.jwks(late, &Controls::all_on())).unwrap();
    assert!(s.verifier.verify(late, &controls, &s.token, Some(&[1; 32])).is_ok());
    let mut empty = TokenVerifier::new(TokenPolicy::new(OURS, "api"), TokenMemo::default());
    assert_eq!(empty.verify(NOW, &controls, &s.token, None), Err(TokenDenial::JwksStale));
}

#[test]
fn a_rotation_is_no_outage_and_a_retired_key_is_refused() {
    let mut s = setup();
    let controls = Controls::all_on();
    let honest = |s: &mut Setup, at: Instant| {
        s.verifier.set_jwks(at, &Controls::all_on(), OURS, &s.idp.jwks(at, &Controls::all_on())).unwrap();
        let token = s.idp.issue(at, &request()).unwrap();
        assert!(s.verifier.verify(at, &controls, &token, Some(&[1; 32])).is_ok(), "{at}");
        token
    };
    let old_key = s.idp.signing_key(NOW).clone();
    s.idp.rotate(NOW, &Controls::all_on());
    for minute in 0..30 {
        honest(&mut s, NOW + Duration::secs(60 * minute));
    }
    let late = NOW + Duration::secs(60 * 30);
    let mut claims = s.claims.clone();
    (claims.iat, claims.nbf, claims.exp) = (late.unix_seconds(), late.unix_seconds(), late.unix_seconds() + 60);
    let stolen = forge::signed_by(&old_key, &claims);
    assert_eq!(s.verifier.verify(late, &controls, &stolen, Some(&[1; 32])), Err(TokenDenial::UnknownKey));
    assert_ne!(s.idp.signing_key(late).kid, old_key.kid);
}

#[test]
fn only_the_injected_time_decides_on_the_life_of_a_token() {
    // The token lives for five minutes of January 2026, whatever the machine's own clock says; both ends are exact.
    let mut s = setup();
    let controls = Controls::all_on();
    let mut at = |seconds: u64| {
        let now = Instant(seconds * 1_000_000_000);
        s.verifier.set_jwks(now, &Controls::all_on(), OURS, &s.idp.jwks(now, &Controls::all_on())).unwrap();
        s.verifier.verify(now, &controls, &s.token, Some(&[1; 32])).err()
    };
    assert_eq!(at(3600 - 31), Some(TokenDenial::NotYetValid));
    assert_eq!(at(3600 - 30), None);
    assert_eq!(at(3600 + 329), None);
    assert_eq!(at(3600 + 330), Some(TokenDenial::Expired));
    assert_eq!(at(0), Some(TokenDenial::NotYetValid));
    assert_eq!(at(100 * 365 * 86_400), Some(TokenDenial::Expired));
}

#[test]
fn a_token_is_verified_once_and_then_remembered_by_every_verifier_of_the_run() {
    let mut s = setup();
    let controls = Controls::all_on();
    let copy: Arc<str> = Arc::from(&*s.token);
    for token in [&s.token, &s.token, &copy] {
        s.verifier.verify(NOW, &controls, token, Some(&[1; 32])).unwrap();
    }
    let mut second = TokenVerifier::new(TokenPolicy::new(OURS, "api"), s.verifier.memo.clone());
    second.set_jwks(NOW, &Controls::all_on(), OURS, &s.idp.jwks(NOW, &Controls::all_on())).unwrap();
    second.verify(NOW, &controls, &s.token, Some(&[1; 32])).unwrap();
    assert_eq!(s.verifier.calls().jwt_verify, Tally { real: 1, hits: 3 });
}

#[test]
fn a_foreign_key_of_the_same_name_does_not_shadow_the_right_one() {
    let mut s = setup();
    let kid = s.idp.signing_key(NOW).kid.clone();
    let x = crate::crypto::base64url(crate::crypto::key("attacker", 0).public());
    let evil = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{kid}"}}]}}"#);
    s.verifier.set_jwks(NOW, &Controls::all_on(), "https://aaa.test", &evil).unwrap();
    assert!(s.verifier.verify(NOW, &Controls::all_on(), &s.token, Some(&[1; 32])).is_ok());
}

#[test]
fn every_claim_survives_the_way_through_a_token() {
    let s = setup();
    let claims = Claims {
        aud: Audience::Many(vec!["x".into(), "api".into()]),
        cnf: Some(Confirmation { certificate: [9; 32] }),
        ..s.claims.clone()
    };
    let token = forge::signed_by(s.idp.signing_key(NOW), &claims);
    assert_eq!(forge::claims_of(&token), Some(claims));
}

#[test]
fn a_revoked_token_is_stopped_by_the_list_alone_and_the_list_forgets_the_dead() {
    let mut s = setup();
    let other = s.idp.issue(NOW, &request()).unwrap();
    s.verifier.revoke(NOW, s.claims.jti.clone(), s.claims.exp);
    let token = s.token.clone();
    check_attack(&mut s, &token, TokenDenial::Revoked, &TOKEN_REVOCATION);
    assert!(s.verifier.verify(NOW, &Controls::all_on(), &other, Some(&[1; 32])).is_ok());
    s.verifier.revoke(NOW + Duration::secs(3600), "another".into(), u64::MAX);
    assert_eq!(s.verifier.revoked.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_single_changed_character_gets_through(at in any::<prop::sample::Index>(), with in "[ -~]") {
        let mut s = setup();
        let mut bytes = s.token.as_bytes().to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != with.as_bytes()[0]);
        bytes[at] = with.as_bytes()[0];
        let changed: Arc<str> = String::from_utf8(bytes).unwrap().into();
        prop_assert!(s.verifier.verify(NOW, &Controls::all_on(), &changed, Some(&[1; 32])).is_err());
    }

    #[test]
    fn no_text_is_too_strange_to_be_refused(text in "\\PC{0,80}", parts in "[A-Za-z0-9_.-]{0,120}") {
        let mut s = setup();
        for text in [text, parts] {
            prop_assert!(s.verifier.verify(NOW, &Controls::all_on(), &text.into(), None).is_err());
        }
    }
}
