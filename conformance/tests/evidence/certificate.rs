//! From bundles to a certificate and to somebody who relies on it, as it is typed.

use super::{BELIEVE, add_key, cellproof, edit_list, held, proved, refused, sign_list};
use models::config::{Inputs, PLATFORM_TOML};
use std::fs;
use std::path::Path;

pub const RESOURCE: &str = "urn:example:production";

/// A record of this code and of the embedded platform in which everything held, as a whole gate would leave it.
fn record() -> reports::GateRecord {
    let mut record = reports::sample::held();
    let inputs = Inputs::embedded();
    let plan = record.pins.remove("plan").expect("a plan");
    record.pins = scenarios::gate::pins(&inputs);
    record.pins.insert("plan".into(), plan);
    record.config = inputs.digest();
    record.code = scenarios::code::code();
    record.catalogue = models::catalogue::digest();
    let blocks: Vec<String> = {
        let all = record.scenarios.iter().flat_map(|s| &s.ablations);
        all.filter(|a| a.finding.is_some()).map(|a| a.control.clone()).collect()
    };
    record.controls.retain(|control| blocks.contains(&control.id));
    record
}

/// A directory with bundles of such a record, and of a quick look in `quick`.
pub fn bundled() -> tempfile::TempDir {
    let dir = proved();
    let path = dir.path();
    fs::create_dir(path.join("gate")).expect("a directory");
    let report = reports::render(&record(), reports::Format::Json);
    fs::write(path.join("gate/report.json"), report).expect("a report");
    make(path, "out");
    held(path, &["bundle", "proof", "--key", "pipeline.key.pem", "--out", "quick"]);
    add_key(path, "auditor", &["--role", "certifier"]);
    sign_list(path);
    dir
}

/// Bundles of the record, for two of its tenants.
fn make(dir: &Path, out: &str) {
    let tenants = ["--tenant", "acme", "--tenant", "globex"];
    held(dir, &[&["bundle", "gate", "--key", "pipeline.key.pem", "--out", out][..], &tenants].concat());
}

pub fn issue(bundles: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    let options = ["--key", "auditor.key.pem", "--resource", RESOURCE, "--out", "certificate.json"];
    [&["certificate"][..], bundles, &options, more, &BELIEVE].concat()
}

pub fn verify(more: &[&'static str]) -> Vec<&'static str> {
    [&["verify", "certificate.json"][..], more, &BELIEVE].concat()
}

/// Runs what has to end with this code, and returns what it printed.
pub fn ends(dir: &Path, args: &[&str], expected: i32) -> String {
    let (code, said, told) = cellproof(dir, args);
    assert_eq!(code, expected, "{args:?}: {said}{told}");
    said
}

#[test]
fn a_certificate_is_issued_on_bundles_and_verified_with_and_without_them() {
    let dir = bundled();
    let dir = dir.path();
    let said = held(dir, &issue(&["out/acme.bundle.tar", "out/globex.bundle.tar"], &["--third-party"]));
    assert!(said.starts_with("about          urn:example:production\n"), "{said}");
    let said = held(dir, &verify(&["--resource", RESOURCE, "--profile", "default"]));
    for line in [
        "under          urn:cellproof:profile:default:1, which demands sensitive\n",
        "by             auditor (key ",
        "third party\n",
        "evidence       2 bundles that were not seen\n",
        "simulated      reached\nsensitive      reached\nconformant     no: no real deployment was judged",
        "\nexit 0: authentic, and it is sensitive\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let one = held(dir, &verify(&["--bundle", "out/acme.bundle.tar"]));
    assert!(one.contains("1 of 2 bundles were seen, and are part of it\n"), "{one}");
    let all = held(dir, &verify(&["--bundle", "out/globex.bundle.tar", "--bundle", "out/acme.bundle.tar"]));
    assert!(all.contains("2 bundles, all seen: they support what it says\n"), "{all}");
    refused(dir, &verify(&["--bundle", "quick/acme.bundle.tar"]), "evidence: it is not among what the certificate");
    refused(dir, &verify(&["--tenant", "acme"]), "a certificate names no tenant: verify the bundle of acme");
    let json: serde_json::Value = serde_json::from_str(&held(dir, &verify(&["--json"]))).expect("JSON");
    assert_eq!(json["certificate"]["predicate"]["verifiedLevels"][0], "CELLPROOF_L2_SENSITIVE");
    let text = fs::read_to_string(dir.join("certificate.json")).expect("a certificate");
    assert!(text.starts_with(r#"{"payload":"#) && text.contains(r#""payloadType":"application/vnd.in-toto+json""#));
}

#[test]
fn what_proves_too_little_is_certified_as_that() {
    let dir = bundled();
    let dir = dir.path();
    let said = ends(dir, &issue(&["quick/acme.bundle.tar"], &[]), 3);
    assert!(said.contains("no canary failed, so the judges may be blind"), "{said}");
    assert!(said.contains("stride/disclosure-cache-bleed: 4 of 128 seeds"), "{said}");
    let said = ends(dir, &verify(&[]), 1);
    assert!(said.ends_with("exit 1: authentic, and it is declared, not sensitive\n"), "{said}");
    // A profile that refuses open rows is not met by a gate that leaves some open.
    let said = ends(dir, &issue(&["out/acme.bundle.tar"], &["--profile", "fedramp-high"]), 3);
    assert!(said.contains("128 of 1024 seeds") && said.contains("rows are not simulated: "), "{said}");
    ends(dir, &verify(&[]), 1);
    let long = issue(&["out/acme.bundle.tar"], &["--profile", "fedramp-high", "--valid-days", "4"]);
    refused(dir, &long, "--valid-days 4: under fedramp-high a certificate counts 3 days at most");
}

#[test]
fn a_certificate_is_about_this_code_and_configuration_or_the_drift_is_named() {
    let dir = bundled();
    let dir = dir.path();
    held(dir, &issue(&["out/acme.bundle.tar"], &[]));
    held(dir, &verify(&["--current"]));
    held(dir, &[&["verify", "out/acme.bundle.tar", "--current"][..], &BELIEVE].concat());
    let looser = PLATFORM_TOML.replace("api_success_ppm = 999000", "api_success_ppm = 990000");
    fs::write(dir.join("platform.toml"), looser).expect("a file");
    let drifted = "is about something else than there is here: drift in configuration, objectives, platform";
    refused(dir, &verify(&["--current", "--platform", "platform.toml"]), drifted);
    let bundle = ["verify", "out/acme.bundle.tar", "--current", "--platform", "platform.toml"];
    refused(dir, &[&bundle[..], &BELIEVE].concat(), drifted);
    let mut other = record();
    other.code = "ab".repeat(32);
    fs::write(dir.join("gate/report.json"), reports::render(&other, reports::Format::Json)).expect("a report");
    make(dir, "other");
    held(dir, &issue(&["other/acme.bundle.tar"], &[]));
    refused(dir, &verify(&["--current"]), "drift in code");
    let mixed = issue(&["out/acme.bundle.tar", "other/globex.bundle.tar"], &[]);
    refused(dir, &mixed, "other/globex.bundle.tar: evidence: of another gate: code differ");
}

#[test]
fn only_a_certifier_issues_and_only_on_what_is_its_to_certify() {
    let dir = bundled();
    let dir = dir.path();
    let with = |key: &'static str, resource: &'static str| {
        let options = ["--key", key, "--resource", resource, "--out", "other.json"];
        [&["certificate", "out/acme.bundle.tar"][..], &options, &BELIEVE].concat()
    };
    let run = "nobody would believe it: signed by a key that is trusted as run only";
    refused(dir, &with("pipeline.key.pem", RESOURCE), run);
    refused(dir, &with("auditor.key.pem", "urn:example:test"), "auditor may not certify \"urn:example:test\"");
    held(dir, &["keys", "new", "--out", "thief", "--role", "certifier"]);
    refused(dir, &with("thief.key.pem", RESOURCE), "is not in the trust file");
    assert!(!dir.join("other.json").exists());
    held(dir, &issue(&["out/acme.bundle.tar"], &[]));
    refused(dir, &verify(&["--resource", "urn:example:test"]), "resource: it is about");
    refused(dir, &verify(&["--profile", "gdpr"]), "profile: it is under default, not gdpr");
    refused(dir, &verify(&["--nonce", "n-18"]), "nonce: run without the nonce \"n-18\"");
    edit_list(dir, |list| {
        list.replace("role = \"certifier\"", "role = \"certifier\"\nrevoked = \"2020-01-01T00:00:00Z\"")
    });
    sign_list(dir);
    refused(dir, &verify(&[]), "signer: signed by the key of auditor, which is revoked");
}

#[test]
fn a_certificate_that_was_edited_or_has_expired_is_not_believed() {
    let dir = bundled();
    let dir = dir.path();
    held(dir, &issue(&["out/acme.bundle.tar"], &["--valid-days", "2"]));
    let file = dir.join("certificate.json");
    let bytes = fs::read(&file).expect("a certificate");
    for at in [0, 20, bytes.len() / 2, bytes.len() - 60, bytes.len() - 1] {
        let mut edited = bytes.clone();
        edited[at] ^= 4;
        fs::write(&file, edited).expect("a certificate");
        let (code, said, _) = cellproof(dir, &verify(&[]));
        assert_eq!((code, said.as_str()), (2, ""), "byte {at}");
    }
    fs::write(&file, bytes).expect("a certificate");
    let later = reports::when::text(reports::when::parse(&now()).expect("a time") + 3 * 86_400);
    let late: Vec<&str> = [&verify(&[])[..], &["--now", &later]].concat();
    refused(dir, &late, "time: expired at ");
}

/// The time at which the certificate in a directory's tests was issued, roughly.
fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock that is set");
    reports::when::text(since.as_secs())
}

#[test]
fn a_certificate_is_logged_with_its_proof_beside_it() {
    let dir = bundled();
    let dir = dir.path();
    add_key(dir, "log", &["--role", "log"]);
    edit_list(dir, |list| list.replace("\"log\"\nrole", "\"example.com/exports\"\nrole"));
    edit_list(dir, |list| list.replacen("\n\n[[keys]]", "\nlogged = true\n\n[[keys]]", 1));
    held(dir, &["log", "new", "log", "--origin", "example.com/exports", "--key", "log.key.pem", "--seen", "log.seen"]);
    sign_list(dir);
    let refusal = "out/acme.bundle.tar is not to be believed: log: no proof that it is in a log";
    refused(dir, &issue(&["out/acme.bundle.tar"], &[]), refusal);
    let append = ["log", "append", "log", "--key", "log.key.pem", "--seen", "log.seen"];
    held(dir, &[&append[..], &["out/acme.bundle.tar", "out/globex.bundle.tar"]].concat());
    held(dir, &issue(&["out/acme.bundle.tar"], &[]));
    refused(dir, &verify(&[]), "log: no proof that it is in a log, and the list of keys demands one");
    held(dir, &[&append[..], &["certificate.json"]].concat());
    let said = held(dir, &verify(&["--bundle", "out/acme.bundle.tar"]));
    assert!(said.contains("\nlogged         20") && said.contains(" of example.com/exports\n"), "{said}");
    held(dir, &[&["log", "check", "log", "certificate.json", "out/acme.bundle.tar"][..], &BELIEVE].concat());
    // The proof of a bundle is none for a certificate.
    let bytes = fs::read(dir.join("out/globex.bundle.tar")).expect("a bundle");
    let parts = reports::evidence::bundle::Parts::of(&bytes).expect("a bundle");
    fs::write(dir.join("certificate.json.tlog-proof"), parts.proof.expect("a proof")).expect("a proof");
    refused(dir, &verify(&[]), "log: example.com/exports does not hold this");
}
