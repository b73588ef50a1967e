//! Who signed a bundle, what the signature covers, and whether it may follow the one before (POL-02).
//!
//! The form is that of OPA's documentation of signed bundles: `.signatures.json` holds one JSON Web Token, which lists
//! every file with its digest. Files of data and the manifest are hashed in a canonical form: their JSON without
//! space, with the keys of objects in order. The signature is checked by the library, under the one algorithm that the
//! deployment names.

use super::bundle::{Bundle, MANIFEST, SIGNATURES};
use crate::certify::deployment::gateway::Algorithm;
use crate::certify::deployment::policy::Signature;
use crate::certify::report::{Component, Finding, Proof};
use aws_lc_rs::digest::{SHA256, SHA512, digest as hash};
use jsonwebtoken::DecodingKey;
use models::crypto::hex;
use models::wire::oidc::untimed;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

const ROW: &[&str] = &["POL-02"];

/// What `.signatures.json` holds.
#[derive(Deserialize)]
struct Signatures {
    signatures: Vec<String>,
}

/// What a signature covers.
#[derive(Deserialize)]
struct Payload {
    files: Vec<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    name: String,
    hash: String,
    #[serde(default)]
    algorithm: Option<String>,
}

/// Judges the signature of a bundle, and its revision.
///
/// # Errors
/// The key of the deployment cannot be read, or the bundle before.
pub fn judge(component: &mut Component, bundle: &Bundle, wanted: &Signature, home: &Path) -> Result<(), String> {
    let key = key(wanted, home)?;
    component.judged("the signature of the bundle, and each file of it", bundle.files.len(), ROW);
    match payload(bundle, &key, wanted.algorithm) {
        Err((what, saw)) => find(component, bundle, SIGNATURES, what, saw),
        Ok(payload) => files(component, bundle, &payload),
    }
    component.judged("the revision of the bundle", 1, ROW);
    let Some(revision) = bundle.revision() else {
        let saw = format!("{MANIFEST} names no revision");
        find(component, bundle, MANIFEST, "it has no revision: nobody can tell an older bundle from it", saw);
        return Ok(());
    };
    let Some(before) = &wanted.previous else {
        let why = "the deployment names no previous bundle in [policy.signature]";
        component.not_judged("that a revision follows the one before (POL-02)", why);
        return Ok(());
    };
    let before = Bundle::read(&home.join(before))?;
    follows(component, bundle, &revision, &before);
    Ok(())
}

fn key(wanted: &Signature, home: &Path) -> Result<DecodingKey, String> {
    let file = home.join(&wanted.key);
    let named = |why: &str| format!("{}: {why}", file.display());
    let der = SubjectPublicKeyInfoDer::from_pem_file(&file)
        .map_err(|e| named(&format!("no public key (-----BEGIN PUBLIC KEY-----): {e}")))?;
    let (_, info) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| named("no public key"))?;
    let other = || named(&format!("a key of another kind than {:?}", wanted.algorithm));
    match (info.parsed(), wanted.algorithm) {
        (Ok(PublicKey::RSA(rsa)), Algorithm::RS256 | Algorithm::PS256) => {
            Ok(DecodingKey::from_rsa_raw_components(rsa.modulus, rsa.exponent))
        }
        (Ok(PublicKey::EC(point)), Algorithm::ES256 | Algorithm::ES384) => Ok(DecodingKey::from_ec_der(point.data())),
        (_, Algorithm::EdDSA) => Ok(DecodingKey::from_ed_der(&info.subject_public_key.data)),
        _ => Err(other()),
    }
}

/// What is signed; or what is wrong, and what was seen of it.
fn payload(bundle: &Bundle, key: &DecodingKey, algorithm: Algorithm) -> Result<Payload, (&'static str, String)> {
    let Some(bytes) = bundle.files.get(SIGNATURES) else {
        return Err(("the bundle is not signed", format!("it has no {SIGNATURES}")));
    };
    let known: Result<Signatures, _> = serde_json::from_slice(bytes);
    let tokens = known.map(|known| known.signatures).unwrap_or_default();
    let [token] = &tokens[..] else {
        return Err(("the bundle is not signed", format!("{SIGNATURES} holds {} signatures, not one", tokens.len())));
    };
    let algorithm = match algorithm {
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::ES384 => jsonwebtoken::Algorithm::ES384,
        Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::PS256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::EdDSA => jsonwebtoken::Algorithm::EdDSA,
    };
    match jsonwebtoken::decode::<Payload>(token, key, &untimed(algorithm)) {
        Ok(token) => Ok(token.claims),
        Err(why) => Err(("the signature is not by the key of the deployment", format!("{SIGNATURES}: {why}"))),
    }
}

/// Compares what is signed with what is there.
fn files(component: &mut Component, bundle: &Bundle, payload: &Payload) {
    let name = |signed: &Signed| signed.name.trim_start_matches('/').to_owned();
    let signed: BTreeMap<String, &Signed> = payload.files.iter().map(|file| (name(file), file)).collect();
    for (path, bytes) in bundle.files.iter().filter(|(path, _)| *path != SIGNATURES) {
        let Some(signed) = signed.get(path) else {
            let saw = format!("{path} is in the bundle, and not among the {} files that are signed", signed.len());
            find(component, bundle, path, "a file is not signed: whoever can add one changes the policy", saw);
            continue;
        };
        let digest = digest(path, bytes, signed.algorithm.as_deref());
        if digest.as_deref() != Some(signed.hash.to_ascii_lowercase().as_str()) {
            let is = digest.unwrap_or_else(|| "unknown: the algorithm is neither SHA-256 nor SHA-512".to_owned());
            let saw = format!("{path}: its digest is {is}, and {} is signed", signed.hash);
            find(component, bundle, path, "a file is not what was signed", saw);
        }
    }
    for path in signed.keys().filter(|path| !bundle.files.contains_key(*path)) {
        let saw = format!("{path} is signed, and not in the bundle");
        find(component, bundle, path, "a file that was signed is missing", saw);
    }
}

/// The digest of a file, as it is signed.
fn digest(path: &str, bytes: &[u8], algorithm: Option<&str>) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let canonical = if [MANIFEST, "data.json"].contains(&name) {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        value.to_string().into_bytes()
    } else {
        bytes.to_vec()
    };
    let by = match algorithm.unwrap_or("SHA-256") {
        "SHA-256" => &SHA256,
        "SHA-512" => &SHA512,
        _ => return None,
    };
    Some(hex(hash(by, &canonical).as_ref()))
}

/// Another content needs another revision, and a higher one where revisions are numbers.
fn follows(component: &mut Component, bundle: &Bundle, revision: &str, before: &Bundle) {
    let Some(earlier) = before.revision() else {
        return component.not_judged("that a revision follows the one before (POL-02)", "the one before has none");
    };
    let content = |bundle: &Bundle| {
        let told = |path: &String| *path != SIGNATURES && *path != MANIFEST;
        bundle.files.iter().filter(|(path, _)| told(path)).map(|(p, b)| (p.clone(), b.clone())).collect::<Vec<_>>()
    };
    let saw = format!("revision {revision} after {earlier}");
    if revision == earlier && content(bundle) != content(before) {
        let what = "another content under the same revision: nobody can tell which of the two is in force";
        return find(component, bundle, MANIFEST, what, saw);
    }
    match (revision.parse::<u64>(), earlier.parse::<u64>()) {
        (Ok(now), Ok(before)) if now < before => {
            find(component, bundle, MANIFEST, "an older bundle follows a newer one", saw);
        }
        (Ok(_), Ok(_)) => {}
        _ if revision == earlier => {}
        _ => component.notes.push(format!("{saw}: which of two texts is older, nobody can tell by looking")),
    }
}

fn find(component: &mut Component, bundle: &Bundle, path: &str, what: &str, saw: String) {
    component.find(Finding {
        object: format!("{}/{path}", bundle.name),
        what: what.to_owned(),
        requirements: ROW.to_vec(),
        proof: Proof {
            tenant: None,
            connection: "fresh",
            statements: vec![
                format!("read {}", bundle.name),
                format!("verify {SIGNATURES} under the deployment's key"),
            ],
            saw,
        },
        repair: vec![
            "-- build and sign the bundle as a whole, and give agents the key: opa build --bundle --signing-key"
                .to_owned(),
        ],
        also: Vec::new(),
    });
}
