//! Spoofing: a compromised client impersonates a tenant via a stolen, forged or misused token.

use crate::actors::{Intruder, Loot, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::gateway::headers::{RESIDENCY, TENANT_HEADER};
use models::gateway::token::{
    CLIENT_BINDING, JWT_ALGORITHM, JWT_AUDIENCE, JWT_EXPIRY, JWT_ISSUER, JWT_NOT_BEFORE, JWT_SIGNATURE,
    TOKEN_REVOCATION,
};
use models::idp::forge;
use models::idp::keys::SigningKey;
use models::platform::{self, Directory};
use models::wire::http::Headers;
use models::wire::oidc::Claims;
use sim::{Duration, Instant};
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/spoofing-stolen-token",
    title: "A stolen, forged or misused token opens no door",
    threat: "A compromised client impersonates a tenant via a stolen token. Each variant holds what its capability \
             gives it: a token read from another client's memory, a token of its own that it edits, re-signs, keeps \
             past its end, or carries to another region, a partner's signing key, a cookie of its own making.",
    stride: Some('S'),
    requirements: &["TEN-01", "IDN-01", "IDN-02", "POL-06"],
    variants: &[
        variant("replayed", "spoofing.replayed-token", &[sole(&CLIENT_BINDING)]),
        variant("edited", "spoofing.edited-token", &[sole(&JWT_SIGNATURE)]),
        variant("alg-none", "spoofing.alg-none-token", &[sole(&JWT_ALGORITHM)]),
        variant("hs256", "spoofing.hs256-token", &[sole(&JWT_ALGORITHM)]),
        variant("expired", "spoofing.expired-token", &[sole(&JWT_EXPIRY)]),
        variant("too-early", "spoofing.early-token", &[sole(&JWT_NOT_BEFORE)]),
        variant("audience", "spoofing.other-audience", &[sole(&JWT_AUDIENCE)]),
        variant("partner", "spoofing.partner-issuer", &[sole(&JWT_ISSUER)]),
        variant("header", "spoofing.tenant-header", &[sole(&TENANT_HEADER)]),
        variant("cookie", "spoofing.tenant-cookie", &[sole(&TENANT_HEADER)]),
        variant("abroad", "spoofing.token-abroad", &[sole(&RESIDENCY)]),
        variant("revoked", "spoofing.revoked-token", &[sole(&TOKEN_REVOCATION)]),
    ],
    canary: false,
    build,
};

const fn variant(name: &'static str, mark: &'static str, controls: &'static [crate::scenario::Expectation]) -> Variant {
    Variant { name, mark, controls }
}

/// Leeway that the gateway grants; forged times must be outside it.
const LEEWAY_S: u64 = 60;

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.usual_weather();
    stage.steal_tokens_of("acme");
    stage.revoke_token("stolen-laptop");
    let loot = stage.loot.clone();
    stage.attacker("replayed", None, "IDN-02", true, move |d| {
        let loot: Loot = loot.clone();
        let replay = move |_: &Arc<str>| loot.token_of("client/acme").map(|token| bearer(&token));
        Box::new(door(d, "spoofing.replayed-token").crafting(replay))
    });
    forged(stage, "edited", "IDN-01", "spoofing.edited-token", |token, _| forge::edited(token, become_acme));
    forged(stage, "alg-none", "IDN-01", "spoofing.alg-none-token", |token, key| {
        Some(forge::alg_none(&acme_claims(token)?, &key.kid))
    });
    forged(stage, "hs256", "IDN-01", "spoofing.hs256-token", |token, key| {
        Some(forge::hs256_with_public_key(&acme_claims(token)?, &key.kid, key.key.public()))
    });
    forged(stage, "partner", "IDN-01", "spoofing.partner-issuer", |token, _| {
        let partner = SigningKey::new(&platform::idp_key_role(platform::PARTNER_ISSUER), 0, Instant::ZERO);
        Some(forge::signed_by(&partner, &acme_claims(token)?))
    });
    // Once genuine: signed by the provider's own key, bound to whoever shows it, and no longer (or not yet) good.
    let start = Instant::ZERO.unix_seconds();
    once_genuine(stage, "expired", "spoofing.expired-token", move |claims| {
        *claims = forge::expired(claims, start, LEEWAY_S);
    });
    once_genuine(stage, "too-early", "spoofing.early-token", move |claims| {
        *claims = forge::not_yet_valid(claims, start + 60, LEEWAY_S);
    });
    once_genuine(stage, "revoked", "spoofing.revoked-token", |claims| claims.jti = "stolen-laptop".into());
    stage.attacker("audience", Some("acme-corp"), "IDN-01", true, |d| {
        let mut intruder = door(d, "spoofing.other-audience");
        intruder.audience = platform::ANALYTICS_AUDIENCE.into();
        Box::new(intruder)
    });
    stage.attacker("header", Some("acme-corp"), "TEN-01", false, |d| {
        let select = |token: &Arc<str>| Some(Headers { tenant_id: Some("acme".into()), ..bearer(token) });
        Box::new(door(d, "spoofing.tenant-header").crafting(select))
    });
    // A cookie of the client's own making.
    stage.attacker("cookie", Some("acme-corp"), "TEN-01", false, |d| {
        let select = |token: &Arc<str>| Some(Headers { cookie_tenant: Some("acme".into()), ..bearer(token) });
        Box::new(door(d, "spoofing.tenant-cookie").crafting(select))
    });
    stage.attacker("abroad", Some("acme-corp"), "POL-06", true, |d| {
        let mut intruder = door(d, "spoofing.token-abroad");
        intruder.gateway = d.node("edge-b");
        Box::new(intruder)
    });
}

fn door(d: &Directory, mark: &'static str) -> Intruder {
    Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), "acme-corp", "EU", mark)
}

fn become_acme(claims: &mut Claims) {
    claims.tenant = "acme".into();
    claims.tenants = vec!["acme".into()];
}

fn acme_claims(token: &str) -> Option<Claims> {
    let mut claims = forge::claims_of(token)?;
    become_acme(&mut claims);
    Some(claims)
}

/// A token that the attacker makes out of its own; the provider's public key is known to everybody.
fn forged(
    stage: &mut Stage<'_>,
    name: &'static str,
    breach: &'static str,
    mark: &'static str,
    make: impl Fn(&str, &SigningKey) -> Option<Arc<str>> + Clone + 'static,
) {
    stage.attacker(name, Some("acme-corp"), breach, false, move |d| {
        let make = make.clone();
        let key = SigningKey::new(&platform::idp_key_role(platform::ISSUER), 0, Instant::ZERO);
        Box::new(door(d, mark).crafting(move |token| make(token, &key).map(|forged| bearer(&forged))))
    });
}

/// A token that the provider did sign, at another time or for something that was taken back.
fn once_genuine(
    stage: &mut Stage<'_>,
    name: &'static str,
    mark: &'static str,
    edit: impl Fn(&mut Claims) + Clone + 'static,
) {
    stage.attacker(name, Some("acme-corp"), if name == "revoked" { "IDN-02" } else { "IDN-01" }, true, move |d| {
        let edit = edit.clone();
        let key = SigningKey::new(&platform::idp_key_role(platform::ISSUER), 0, Instant::ZERO);
        Box::new(door(d, mark).crafting(move |token| {
            let mut claims = forge::claims_of(token)?;
            edit(&mut claims);
            Some(bearer(&forge::signed_by(&key, &claims)))
        }))
    });
}
