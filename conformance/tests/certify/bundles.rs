//! A bundle of a policy is judged by its signature, its revision and its own tests: nothing is found in a sound one,
//! and each slip is found by one finding.

use crate::support::{certify_in, claimed, rows};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use models::catalogue::Probe;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const MANIFEST: &str = ".manifest";

/// Files of a bundle, by path.
pub type Files = BTreeMap<String, String>;

/// The policy of several files, as a bundle of this revision.
pub fn bundle(revision: &str) -> Files {
    let text = |name: &str| {
        let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/sound/split").join(name);
        fs::read_to_string(at).expect("a file of the policy")
    };
    let names = ["data.json", "main.rego", "main_test.rego", "lib/compare.rego"];
    let mut files: Files = names.iter().map(|name| ((*name).to_owned(), text(name))).collect();
    files.insert("NOTICE".to_owned(), "For whoever reads bundles.\n".to_owned());
    files.insert(MANIFEST.to_owned(), json!({"revision": revision, "roots": [""]}).to_string());
    files
}

/// Whoever signs bundles.
pub struct Signer {
    private: Vec<u8>,
    /// The public key, in PEM.
    pub public: String,
}

impl Signer {
    /// The private key, in PEM.
    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.private)
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der))
}

/// Somebody with a key of their own.
pub fn signer() -> Signer {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref()).expect("a key");
    let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a public key");
    Signer { private: made.as_ref().to_vec(), public: pem("PUBLIC KEY", der.as_ref()) }
}

/// Signs what a bundle holds, as `opa sign` does.
fn sign(files: &mut Files, signer: &Signer) {
    let entry = |(name, text): (&String, &String)| {
        let structured = [MANIFEST, "data.json"].contains(&name.as_str());
        let canonical = |text: &str| serde_json::from_str::<Value>(text).expect("JSON").to_string();
        let text = if structured { canonical(text) } else { text.clone() };
        let hash: String = digest(&SHA256, text.as_bytes()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
        json!({"name": name, "hash": hash, "algorithm": "SHA-256"})
    };
    let payload = json!({"files": files.iter().map(entry).collect::<Vec<_>>()});
    let key = EncodingKey::from_ec_der(&signer.private);
    let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &payload, &key).expect("a token");
    files.insert(".signatures.json".to_owned(), json!({"signatures": [token]}).to_string());
}

/// Writes files below a directory.
pub fn write(files: &Files, root: &Path) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
}

fn archive(files: &Files, path: &Path) {
    let file = fs::File::create(path).expect("a file");
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, format!("/{name}").trim_start_matches('/'), text.as_bytes())
            .expect("an entry");
    }
    archive.into_inner().expect("an archive").finish().expect("a file");
}

/// Judges `files` after `before`, under `public`.
fn judge(files: &Files, before: &Files, public: &str, as_archive: bool) -> (i32, Value) {
    let home = tempfile::tempdir().expect("a directory");
    let now = home.path().join(if as_archive { "now.tar.gz" } else { "now" });
    match as_archive {
        true => archive(files, &now),
        false => write(files, &now),
    }
    judge_at(&now, before, public)
}

/// Judges the bundle that lies at `now` after `before`, under `public`.
pub fn judge_at(now: &Path, before: &Files, public: &str) -> (i32, Value) {
    let home = tempfile::tempdir().expect("a directory");
    fs::write(home.path().join("key.pem"), public).expect("a file");
    write(before, &home.path().join("before"));
    let deployment = format!(
        "version = 1\nname = \"x\"\n[[tenant]]\nid = \"acme\"\n[[tenant]]\nid = \"globex\"\n[policy]\n\
         path = \"{}\"\n[policy.signature]\nkey = \"key.pem\"\nalgorithm = \"ES256\"\nprevious = \"before\"\n",
        now.display()
    );
    let ended = certify_in(home.path(), &deployment, &["--json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
    (ended.code, report["components"][0].clone())
}

#[test]
fn nothing_is_found_in_a_sound_bundle_and_every_row_is_asked_that_is_claimed() {
    let signer = signer();
    let (mut now, mut before) = (bundle("7"), bundle("6"));
    [&mut now, &mut before].into_iter().for_each(|files| sign(files, &signer));
    for as_archive in [false, true] {
        let (code, component) = judge(&now, &before, &signer.public, as_archive);
        assert_eq!((code, &component["findings"]), (0, &json!([])), "{component:#}");
        // It has no rule about remediation; other policies do.
        assert_eq!(rows(&component), claimed(Probe::Rego, &["GOV-05"]), "{component:#}");
    }
}

/// A slip: its name, what it does to the bundle before and after it is signed, and what the finding says.
struct Slip {
    name: &'static str,
    before: fn(&mut Files),
    after: fn(&mut Files),
    row: &'static str,
    says: &'static str,
}

const fn slip(
    name: &'static str,
    before: fn(&mut Files),
    after: fn(&mut Files),
    row: &'static str,
    says: &'static str,
) -> Slip {
    Slip { name, before, after, row, says }
}

fn nothing(_: &mut Files) {}

fn edit(files: &mut Files, name: &str, from: &str, to: &str) {
    let text = files.get_mut(name).expect("a file");
    assert!(text.contains(from), "{name} has no {from}");
    *text = text.replace(from, to);
}

fn remove(files: &mut Files, name: &str) {
    files.remove(name).expect("a file");
}

const SLIPS: &[Slip] = &[
    slip("unsigned", nothing, |f| remove(f, ".signatures.json"), "POL-02", "the bundle is not signed"),
    slip(
        "two signatures",
        nothing,
        |f| {
            f.insert(".signatures.json".to_owned(), json!({"signatures": ["a", "b"]}).to_string());
        },
        "POL-02",
        "the bundle is not signed",
    ),
    slip(
        "a comment was added",
        nothing,
        |f| edit(f, "lib/compare.rego", "import rego.v1", "import rego.v1\n# later"),
        "POL-02",
        "a file is not what was signed",
    ),
    slip(
        "a tenant may more",
        nothing,
        |f| edit(f, "data.json", "[\"internal\", \"pii\"]", "[\"internal\", \"pii\", \"phi\"]"),
        "POL-02",
        "a file is not what was signed",
    ),
    slip(
        "a file was added",
        nothing,
        |f| {
            f.insert("extra.txt".to_owned(), "what nobody signed\n".to_owned());
        },
        "POL-02",
        "a file is not signed",
    ),
    slip("a file is missing", nothing, |f| remove(f, "NOTICE"), "POL-02", "a file that was signed is missing"),
    slip("no manifest", |f| remove(f, MANIFEST), nothing, "POL-02", "it has no revision"),
    slip(
        "the same revision",
        |f| {
            edit(f, MANIFEST, "\"7\"", "\"6\"");
            edit(f, "lib/compare.rego", "import rego.v1", "import rego.v1\n# later");
        },
        nothing,
        "POL-02",
        "another content under the same revision",
    ),
    slip("an older revision", |f| edit(f, MANIFEST, "\"7\"", "\"5\""), nothing, "POL-02", "an older bundle follows"),
    slip("no test", |f| remove(f, "main_test.rego"), nothing, "POL-07", "the bundle ships no test"),
    slip(
        "a test that fails",
        |f| edit(f, "main_test.rego", "{\"LABEL\"}", "{\"LABELS\"}"),
        nothing,
        "POL-07",
        "its own tests fail",
    ),
    slip(
        "a code that nobody demands",
        |f| edit(f, "main_test.rego", "main.deny == {\"LABEL\"}", "not main.allow"),
        nothing,
        "POL-07",
        "no test demands these codes",
    ),
    slip(
        "lines that nobody reaches",
        |f| {
            let dead = "\nunused(x) := y if {\n\ty := x + 1\n\ty > 2\n\ty < 9\n\ty != 4\n}\n";
            f.get_mut("lib/compare.rego").expect("a file").push_str(dead);
        },
        nothing,
        "POL-07",
        "its tests reach less than 95 %",
    ),
];

#[test]
fn each_slip_in_a_bundle_is_found_by_one_finding() {
    let signer = signer();
    let mut before = bundle("6");
    sign(&mut before, &signer);
    let mut wrong = Vec::new();
    for slip in SLIPS {
        let mut now = bundle("7");
        (slip.before)(&mut now);
        sign(&mut now, &signer);
        (slip.after)(&mut now);
        let (code, component) = judge(&now, &before, &signer.public, false);
        let found = component["findings"].as_array().expect("findings");
        let says = |f: &Value| f["what"].as_str().is_some_and(|what| what.starts_with(slip.says));
        if code != 1 || found.len() != 1 || !says(&found[0]) || found[0]["requirements"][0] != slip.row {
            wrong.push(format!("{}: exit {code}: {:#}", slip.name, component["findings"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), SLIPS.len(), wrong.join("\n"));
}

#[test]
fn a_strangers_signature_is_found_and_a_key_that_is_none_is_inconclusive() {
    let (own, stranger) = (signer(), signer());
    let (mut now, before) = (bundle("7"), bundle("6"));
    sign(&mut now, &stranger);
    let (code, component) = judge(&now, &before, &own.public, true);
    assert_eq!(code, 1, "{component:#}");
    assert_eq!(component["findings"][0]["what"], "the signature is not by the key of the deployment");
    let (code, component) = judge(&now, &before, "no key", true);
    let problem = component["problem"].as_str().unwrap_or_default();
    assert!(code == 3 && problem.contains("key.pem: no public key"), "{component:#}");
}
