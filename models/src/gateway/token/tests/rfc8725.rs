//! RFC 8725, JSON Web Token Best Current Practices: one test a clause of its section 3, named by the clause.

use super::*;
use crate::crypto::{base64url, key};
use serde_json::{Value, json};

/// A token with any header over any bytes, signed by the provider's current key as if all were well.
fn signed(s: &mut Setup, header: Value, claims: &[u8]) -> Arc<str> {
    let text = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims));
    let signature = s.idp.signing_key(NOW).key.sign(text.as_bytes());
    format!("{text}.{}", base64url(&signature)).into()
}

fn header(s: &mut Setup) -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": &*s.idp.signing_key(NOW).kid})
}

fn with(mut value: Value, key: &str, to: impl Into<Value>) -> Value {
    value[key] = to.into();
    value
}

fn claims(s: &Setup) -> Value {
    serde_json::to_value(&s.claims).expect("claims are JSON")
}

fn ask(s: &mut Setup, token: &Arc<str>) -> Result<(), TokenDenial> {
    s.verifier.verify(NOW, &Controls::all_on(), token, Some(&[1; 32])).map(|_| ())
}

/// The token of `header` over `claims` is judged so.
fn check(s: &mut Setup, header: Value, claims: &Value, expected: Result<(), TokenDenial>) {
    let token = signed(s, header.clone(), claims.to_string().as_bytes());
    assert_eq!(ask(s, &token), expected, "{header} {claims}");
}

#[test]
fn clause_3_1_perform_algorithm_verification() {
    let mut s = setup();
    let (sound, claims) = (header(&mut s), claims(&s));
    check(&mut s, sound.clone(), &claims, Ok(()));
    for alg in ["none", "None", "NONE", "nOnE", "HS256", "RS256", "PS512", "ES256", "eddsa", "EdDSA ", ""] {
        check(&mut s, with(sound.clone(), "alg", alg), &claims, Err(TokenDenial::Algorithm));
    }
    check(&mut s, with(sound, "alg", Value::Null), &claims, Err(TokenDenial::Malformed));
}

#[test]
fn clause_3_2_use_appropriate_algorithms() {
    let mut s = setup();
    let kid = s.idp.signing_key(NOW).kid.clone();
    let none = forge::alg_none(&s.claims, &kid);
    assert_eq!(ask(&mut s, &none), Err(TokenDenial::Algorithm));
    let with_signature: Arc<str> = format!("{none}{}", base64url(&[0; 64])).into();
    assert_eq!(ask(&mut s, &with_signature), Err(TokenDenial::Algorithm));
}

#[test]
fn clause_3_3_validate_all_cryptographic_operations() {
    let mut s = setup();
    let token = s.token.clone();
    let (signed_part, signature) = token.rsplit_once('.').expect("three parts");
    let bytes = crate::crypto::base64url_decode(signature).expect("a signature");
    for broken in [bytes[..63].to_vec(), Vec::new(), [bytes.as_slice(), &[0]].concat(), vec![0; 64]] {
        let token: Arc<str> = format!("{signed_part}.{}", base64url(&broken)).into();
        assert_eq!(ask(&mut s, &token), Err(TokenDenial::Signature), "{} bytes", broken.len());
    }
    // What is nested (a token in a token) or encrypted is no token here: nothing inside it is looked at.
    let nested = format!("{token}.{token}").into();
    assert_eq!(ask(&mut s, &nested), Err(TokenDenial::Malformed));
    let inner = with(header(&mut s), "cty", "JWT");
    let outer = signed(&mut s, inner, token.as_bytes());
    assert_eq!(ask(&mut s, &outer), Err(TokenDenial::Malformed));
}

#[test]
fn clause_3_4_validate_cryptographic_inputs() {
    // Under a key of small order anyone can sign: R is the neutral point, S is zero, and no secret is needed.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let jwks = |x: &[u8; 32]| {
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": base64url(x), "kid": "weak"}]}).to_string()
    };
    let mut s = setup();
    assert_eq!(
        s.verifier.set_jwks(NOW, &Controls::all_on(), OURS, &jwks(&neutral)),
        Ok(0),
        "the neutral point is no key"
    );
    let unsigned = with(header(&mut s), "kid", "weak");
    let text =
        format!("{}.{}", base64url(unsigned.to_string().as_bytes()), base64url(claims(&s).to_string().as_bytes()));
    let forged: Arc<str> = format!("{text}.{}", base64url(&[neutral, [0; 32]].concat())).into();
    assert_eq!(ask(&mut s, &forged), Err(TokenDenial::UnknownKey));
    let honest = key("honest", 0);
    assert_eq!(s.verifier.set_jwks(NOW, &Controls::all_on(), OURS, &jwks(honest.public())), Ok(1));
}

#[test]
fn clause_3_5_ensure_cryptographic_keys_have_sufficient_entropy() {
    // No key that a person could have chosen is ever one of ours: shared secrets are passed over, short keys too.
    let mut s = setup();
    let set = json!({"keys": [
        {"kty": "oct", "k": base64url(b"secret"), "kid": "password", "alg": "HS256"},
        {"kty": "OKP", "crv": "Ed25519", "x": base64url(&[7; 16]), "kid": "short"},
    ]});
    assert_eq!(s.verifier.set_jwks(NOW, &Controls::all_on(), OURS, &set.to_string()), Ok(0));
    let claims = s.claims.clone();
    let mut secret = [0; 32];
    secret[..6].copy_from_slice(b"secret");
    let token = forge::hs256_with_public_key(&claims, "password", &secret);
    assert_eq!(ask(&mut s, &token), Err(TokenDenial::Algorithm));
}

#[test]
fn clause_3_6_avoid_compression_of_encryption_inputs() {
    // An encrypted token has five parts; it is refused before anything could be decompressed.
    let mut s = setup();
    let jwe = json!({"alg": "dir", "enc": "A256GCM", "zip": "DEF", "typ": "at+jwt"}).to_string();
    let parts = [jwe.as_bytes(), b"".as_slice(), b"iv", b"deflated", b"tag"].map(base64url);
    assert_eq!(ask(&mut s, &parts.join(".").into()), Err(TokenDenial::Malformed));
}

#[test]
fn clause_3_7_use_utf_8() {
    let mut s = setup();
    let text = claims(&s).to_string();
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let latin_1 = text.replace("ann", "\u{e4}nn").chars().map(|c| c as u8).collect::<Vec<u8>>();
    let marked = ["\u{feff}".as_bytes(), text.as_bytes()].concat();
    for bytes in [utf_16, latin_1, marked] {
        let header = header(&mut s);
        let token = signed(&mut s, header, &bytes);
        assert_eq!(ask(&mut s, &token), Err(TokenDenial::Malformed));
    }
    let header = header(&mut s);
    let greek = with(claims(&s), "sub", "\u{3b1}\u{3b2}");
    check(&mut s, header, &greek, Ok(()));
}

#[test]
fn clause_3_8_validate_issuer_and_subject() {
    let mut s = setup();
    let (sound, whole) = (header(&mut s), claims(&s));
    for issuer in ["https://id.cell-a.test/", "HTTPS://id.cell-a.test", "https://id.cell-a.test.evil.test", THEIRS] {
        check(&mut s, sound.clone(), &with(whole.clone(), "iss", issuer), Err(TokenDenial::Issuer));
    }
    // A token that speaks for nobody speaks for nobody.
    for claim in ["iss", "sub", "client_id", "jti", "tenant", "region"] {
        let empty = with(whole.clone(), claim, "");
        check(&mut s, sound.clone(), &empty, Err(TokenDenial::MissingClaim(claim)));
    }
    check(&mut s, sound, &with(whole, "sub", json!(["ann"])), Err(TokenDenial::Malformed));
}

#[test]
fn clause_3_9_use_and_validate_audience() {
    let mut s = setup();
    let (sound, whole) = (header(&mut s), claims(&s));
    check(&mut s, sound.clone(), &with(whole.clone(), "aud", json!(["x", "api"])), Ok(()));
    for audience in [json!([]), json!(""), json!("API"), json!("api2"), json!("ap"), json!(["analytics"])] {
        check(&mut s, sound.clone(), &with(whole.clone(), "aud", audience), Err(TokenDenial::Audience));
    }
    check(&mut s, sound.clone(), &with(whole.clone(), "aud", 1), Err(TokenDenial::Malformed));
    check(&mut s, sound, &with(whole, "aud", Value::Null), Err(TokenDenial::MissingClaim("aud")));
}

#[test]
fn clause_3_10_do_not_trust_received_claims() {
    let mut s = setup();
    let (sound, whole) = (header(&mut s), claims(&s));
    // A key id is a name to compare, never a path, a query or an address.
    for kid in ["../../../dev/null", "x' UNION SELECT 'key", "https://evil.test/key", "%00", "."] {
        check(&mut s, with(sound.clone(), "kid", kid), &whole, Err(TokenDenial::UnknownKey));
    }
    // A key that the token brings along, or says where to fetch, is not looked at.
    let thief = key("thief", 0);
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(thief.public())});
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://evil.test/jwks")),
        ("x5u", json!("https://evil.test/chain")),
        ("x5c", json!(["MIIB"])),
    ] {
        let brought = with(sound.clone(), name, value);
        check(&mut s, brought.clone(), &whole, Ok(()));
        let text = format!("{}.{}", base64url(brought.to_string().as_bytes()), base64url(whole.to_string().as_bytes()));
        let token: Arc<str> = format!("{text}.{}", base64url(&thief.sign(text.as_bytes()))).into();
        assert_eq!(ask(&mut s, &token), Err(TokenDenial::Signature), "{name}");
    }
}

#[test]
fn clause_3_11_use_explicit_typing() {
    let mut s = setup();
    let (sound, whole) = (header(&mut s), claims(&s));
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "APPLICATION/AT+JWT"] {
        check(&mut s, with(sound.clone(), "typ", typ), &whole, Ok(()));
    }
    for typ in ["", "JWT", "jwt", "at+jwt2", "application/", "text/at+jwt", "application/application/at+jwt"] {
        check(&mut s, with(sound.clone(), "typ", typ), &whole, Err(TokenDenial::Type));
    }
    check(&mut s, with(sound, "typ", Value::Null), &whole, Err(TokenDenial::Type));
}

#[test]
fn clause_3_12_use_mutually_exclusive_validation_rules_for_different_kinds_of_jwts() {
    let mut s = setup();
    let (sound, whole) = (header(&mut s), claims(&s));
    // By their type: an ID token, a logout token, a security event, a DPoP proof, an assertion of a client.
    for typ in ["JWT", "logout+jwt", "secevent+jwt", "dpop+jwt", "client-authentication+jwt"] {
        check(&mut s, with(sound.clone(), "typ", typ), &whole, Err(TokenDenial::Type));
    }
    // And by what they lack, should somebody copy the type: none of those names a tenant.
    let id_token = json!({"iss": OURS, "sub": "ann", "aud": "portal", "exp": s.claims.exp, "iat": s.claims.iat,
        "nonce": "n"});
    check(&mut s, sound, &id_token, Err(TokenDenial::MissingClaim("tenant")));
}
