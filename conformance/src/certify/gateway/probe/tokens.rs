//! Tokens: none, forged ones, and honest ones with one claim that is wrong. Any failure is a denial, never a degraded
//! pass.

use crate::certify::deployment::gateway::Why;
use crate::certify::gateway::desk::{Attack, Desk, Fate, Kind};
use crate::certify::gateway::key::Key;
use crate::certify::gateway::token::{Claims, Signed, Token, forged, now, token};
use crate::certify::http::request::Request;
use serde_json::Value;

/// An hour, in seconds.
const HOUR_S: i64 = 3_600;
/// A day, in seconds: no clock is that wrong.
const DAY_S: i64 = 24 * HOUR_S;

/// What is to blame for tokens without an end.
const ENDLESS: &str = "token, exp";

/// Tries them, and says whether a token counts at all.
pub fn run(desk: &mut Desk) -> bool {
    let counts = none(desk) && signatures(desk);
    if counts {
        algorithms(desk);
        keys(desk);
        claims(desk);
    }
    let requirements = &["IDN-01", "IDN-02", "IDN-04", "TEN-01", "POL-06"];
    desk.judged("tokens: none, forged, expired, for others, from others", requirements);
    counts
}

/// One object, and how to repair it.
#[derive(Clone, Copy)]
struct Blame {
    object: &'static str,
    requirements: &'static [&'static str],
    repair: &'static [&'static str],
}

fn attack(desk: &mut Desk, blame: Blame, what: &str, request: Request, tenant: Option<usize>) -> Fate {
    let Blame { object, requirements, repair } = blame;
    desk.attack(Attack { object, what, requirements, repair, request, tenant, kind: Kind::Right })
}

fn bear(desk: &mut Desk, blame: Blame, what: &str, made: Result<Token, String>) -> Fate {
    match made {
        Ok(token) => {
            let request = desk.bearing(&token);
            attack(desk, blame, what, request, Some(0))
        }
        Err(why) => {
            desk.suspect(blame.object, what, blame.requirements, &why);
            Fate::Open
        }
    }
}

/// Whether a request without a token is denied.
fn none(desk: &mut Desk) -> bool {
    let blame = Blame {
        object: "token, presence",
        requirements: &["IDN-01", "TEN-01"],
        repair: &["Envoy: jwt_authn rules that demand a provider, without allow_missing and \
             allow_missing_or_failed; HAProxy: http-request deny unless { http_auth_bearer -m found }"],
    };
    let bare = desk.bare();
    let mut held = attack(desk, blame, "a request without a token is let through", bare, None) != Fate::Breached;
    let other = desk.tenants[1].id.clone();
    let named = desk.bare().with(&format!("{}: {other}", desk.gateway.tenant_header));
    if held {
        let what = "a request without a token that names a tenant is let through";
        held = attack(desk, blame, what, named, None) != Fate::Breached;
    }
    for (line, what) in [
        ("authorization: Bearer", "an empty token is let through"),
        ("authorization: Bearer cellproof", "a token that is none is let through"),
        ("authorization: Bearer a.b.c", "a token of three parts that hold nothing is let through"),
        ("authorization: Basic Y2VsbHByb29mOmNlbGxwcm9vZg==", "a password instead of a token is let through"),
    ] {
        let request = desk.bare().with(line);
        held = held && attack(desk, blame, what, request, None) != Fate::Breached;
    }
    held
}

/// Whether a signature counts.
fn signatures(desk: &mut Desk) -> bool {
    let blame = Blame {
        object: "token, signature",
        requirements: &["IDN-01"],
        repair: &["verify the signature before anything is read from the token: Envoy jwt_authn with the issuer's \
             JWKS; HAProxy: http-request deny unless { var(txn.bearer),jwt_verify(…) 1 }"],
    };
    let Some((header, claims, signature)) = desk.mint.parts(0) else {
        let why = "the supplied token is no signed JSON Web Token";
        desk.component.not_judged("forged tokens (IDN-01)", why);
        return true;
    };
    let claim = desk.mint.tenant_claim().to_owned();
    let mut other = claims.clone();
    other.insert(claim, desk.tenants[1].id.clone().into());
    let flipped = flip(&signature);
    let tampered = [
        ("a token with an altered signature is let through", &claims, flipped.as_str(), "with an altered signature"),
        ("a token with altered claims is let through", &other, &signature, "with the signature of other claims"),
        ("a token without its signature is let through", &claims, "", "with its signature cut off"),
    ];
    let mut held = true;
    for (what, claims, signature, how) in tampered {
        held &= bear(desk, blame, what, Ok(forged(&header, claims, signature, how))) != Fate::Breached;
    }
    held
}

/// Another character at the front: at the end of a signature some bits count for nothing.
fn flip(signature: &str) -> String {
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    signature.chars().next().map_or(first.to_string(), |c| format!("{first}{}", &signature[c.len_utf8()..]))
}

/// The algorithm is the gateway's choice, and not the token's.
fn algorithms(desk: &mut Desk) {
    let blame = Blame {
        object: "token, algorithm",
        requirements: &["IDN-01"],
        repair: &["pin the algorithm beside the key: alg in the JWKS, or deny every other value of the header's alg"],
    };
    let Some((header, claims, _)) = desk.mint.parts(0) else { return };
    let with = |alg: &str| {
        let mut header = header.clone();
        header.insert("alg".into(), alg.into());
        header
    };
    for alg in ["none", "None", "NONE", "nOnE"] {
        let what = format!("a token with the algorithm {alg} and no signature is let through");
        bear(desk, blame, &what, token(&with(alg), &claims, &Signed::Not));
    }
    let Some(key) = desk.mint.key() else { return };
    let (pem, der) = (key.public_pem(), key.public_der());
    let made = [
        (pem.map(String::into_bytes), "the issuer's public key (PEM)"),
        (der, "the issuer's public key (DER)"),
        (Ok(Vec::new()), "nothing"),
    ];
    for (secret, named) in made {
        let what = format!("a token as HMAC with {named} as its secret is let through");
        let token = secret.and_then(|secret| token(&with("HS256"), &claims, &Signed::Hmac(&secret, named)));
        bear(desk, blame, &what, token);
    }
}

/// Keys of strangers, and keys that were the issuer's once.
fn keys(desk: &mut Desk) {
    let blame = Blame {
        object: "token, key",
        requirements: &["IDN-01"],
        repair: &["take keys from the issuer's JWKS alone, and never from the token (jwk, jku, x5c, x5u)"],
    };
    let table = desk.gateway.token.get_ref();
    let Some((header, claims, _)) = desk.mint.parts(0) else { return };
    match Key::stranger(table.algorithm) {
        Err(why) => desk.component.not_judged("tokens by a stranger's key (IDN-01)", why),
        Ok(key) => {
            let by = Signed::By(&key, "a stranger's key");
            let mut plain = header.clone();
            plain.insert("alg".into(), key.name().into());
            let (mut nameless, mut embedded) = (plain.clone(), plain.clone());
            nameless.remove("kid");
            embedded.insert("jwk".into(), key.public_jwk());
            for (header, what) in [
                (plain, "a token by a stranger's key is let through"),
                (nameless, "a token by a stranger's key without an id is let through"),
                (embedded, "a token that brings its own key is let through"),
            ] {
                bear(desk, blame, what, token(&header, &claims, &by));
            }
        }
    }
    refused(desk, &claims);
}

fn refused(desk: &mut Desk, claims: &Claims) {
    if desk.gateway.refused_key.is_empty() {
        let why = "the deployment names none in [[gateway.refused-key]]";
        desk.component.not_judged("keys that were rotated out or belong elsewhere (IDN-04)", why);
    }
    for refused in &desk.gateway.refused_key {
        let refused = refused.get_ref();
        let (blame, what, named) = match refused.why {
            Why::Retired => (
                Blame {
                    object: "token, retired key",
                    requirements: &["IDN-04", "IDN-01"],
                    repair: &["take the retired key out of the JWKS that the gateway has, and let its cache end"],
                },
                "a token by a retired key is let through",
                "a retired key",
            ),
            Why::Foreign => (
                Blame {
                    object: "token, foreign key",
                    requirements: &["IDN-01"],
                    repair: &["take the key of the other issuer out of the JWKS that the gateway has"],
                },
                "a token by a key of another issuer is let through",
                "a key of another issuer",
            ),
        };
        let made = desk.mint.refused(refused).and_then(|key| {
            token(&desk.mint.header(&key, refused.key_id.as_deref()), claims, &Signed::By(&key, named))
        });
        bear(desk, blame, what, made);
    }
}

/// What an honest token is made worse by.
type Change<'a> = (Blame, &'a str, &'a str, Option<Value>);

fn claims(desk: &mut Desk) {
    let Some(header) = desk.mint.key().map(|key| desk.mint.header(key, None)) else {
        let what = "tokens with a wrong issuer, audience, time, tenant or region (IDN-01, IDN-02, TEN-01, POL-06)";
        return desk.component.not_judged(what, "tokens are supplied; give the key of a test issuer to mint them");
    };
    let claim = desk.mint.tenant_claim().to_owned();
    let mut all = names();
    all.extend(times(desk.mint.leeway_s()));
    let tenant = Blame {
        object: "token, tenant claim",
        requirements: &["TEN-01", "IDN-01"],
        repair: &["deny tokens without a tenant; there is no default tenant"],
    };
    all.push((tenant, &claim, "a token that names no tenant is let through", None));
    all.push((tenant, &claim, "a token whose tenant is empty is let through", Some("".into())));
    all.push((tenant, &claim, "a token whose tenant is null is let through", Some(Value::Null)));
    if let Some(region) = &desk.gateway.region {
        let blame = Blame {
            object: "token, region claim",
            requirements: &["POL-06", "IDN-01"],
            repair: &["deny tokens whose region is not the gateway's: Envoy rbac on the claim's metadata"],
        };
        let foreign = Some(region.foreign.clone().into());
        all.push((blame, &region.claim, "a token of another region is let through", foreign));
        all.push((blame, &region.claim, "a token that names no region is let through", None));
    } else {
        desk.component.not_judged("regions in tokens (POL-06)", "the deployment has no table [gateway.region]");
    }
    for (blame, name, what, value) in all {
        let mut claims = desk.mint.claims(0);
        match value {
            Some(value) => claims.insert(name.to_owned(), value),
            None => claims.remove(name),
        };
        mint(desk, blame, what, &header, &claims);
    }
    // Who takes a token without an end takes one with a far one.
    if !desk.component.findings.iter().any(|f| f.object == ENDLESS) {
        lifetime(desk, &header);
    }
}

fn mint(desk: &mut Desk, blame: Blame, what: &str, header: &Claims, claims: &Claims) -> Fate {
    let made = match desk.mint.key() {
        Some(key) => token(header, claims, &Signed::By(key, "the issuer's key")),
        None => Err("no key to sign with".to_owned()),
    };
    bear(desk, blame, what, made)
}

fn names() -> Vec<Change<'static>> {
    let issuer = Blame {
        object: "token, issuer",
        requirements: &["IDN-01"],
        repair: &["Envoy: issuer in the jwt_authn provider; HAProxy: deny unless jwt_payload_query('$.iss') is it"],
    };
    let audience = Blame {
        object: "token, audience",
        requirements: &["IDN-01", "IDN-02"],
        repair: &["Envoy: audiences in the jwt_authn provider; HAProxy: deny unless jwt_payload_query('$.aud') is it"],
    };
    let elsewhere = || Some("https://issuer.cellproof.invalid".into());
    let many = Value::from(vec![Value::from("cellproof-a"), Value::from("cellproof-b")]);
    vec![
        (issuer, "iss", "a token of another issuer is let through", elsewhere()),
        (issuer, "iss", "a token that names no issuer is let through", None),
        (audience, "aud", "a token for another audience is let through", Some("cellproof-elsewhere".into())),
        (audience, "aud", "a token for several other audiences is let through", Some(many)),
        (audience, "aud", "a token that names no audience is let through", None),
    ]
}

fn times(leeway_s: i64) -> Vec<Change<'static>> {
    let times = Blame {
        object: "token, exp and nbf",
        requirements: &["IDN-01", "IDN-02"],
        repair: &["check exp and nbf, with a minute of leeway or less: Envoy clock_skew_seconds; HAProxy: compare \
             jwt_payload_query('$.exp','int') with date()"],
    };
    let endless = Blame {
        object: ENDLESS,
        requirements: &["IDN-01", "IDN-02"],
        repair: &["deny tokens without exp: Envoy require_expiration: true in the jwt_authn provider"],
    };
    let at = |seconds: i64| Some(Value::from(now() + seconds));
    vec![
        (times, "exp", "a token that expired a day ago is let through", at(-DAY_S)),
        (times, "exp", "a token that expired beyond the leeway is let through", at(-leeway_s - 60)),
        (times, "nbf", "a token that is not valid yet is let through", at(leeway_s + HOUR_S)),
        (endless, "exp", "a token that never expires is let through", None),
    ]
}

/// That tokens are short-lived is the issuer's to see to, unless the deployment expects it of the gateway.
fn lifetime(desk: &mut Desk, header: &Claims) {
    let Some(longest) = desk.mint.lifetime_s_max() else {
        let why = "the deployment states no lifetime-s-max that the gateway should enforce";
        return desk.component.not_judged("tokens that live long (IDN-02)", why);
    };
    let blame = Blame {
        object: "token, lifetime",
        requirements: &["IDN-02"],
        repair: &["Envoy: max_lifetime in the jwt_authn provider; elsewhere: deny when exp is too far ahead"],
    };
    let mut claims = desk.mint.claims(0);
    claims.insert("exp".into(), (now() + longest + desk.mint.leeway_s() + DAY_S).into());
    mint(desk, blame, "a token that lives longer than allowed is let through", header, &claims);
}
