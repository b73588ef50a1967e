//! From a real deployment to what is signed about it, and to a certificate that takes it into account, as it is typed.

use super::certificate::{RESOURCE, bundled, ends, issue, verify};
use super::{BELIEVE, add_key, cellproof, held, refused, sign_list};
use conformance::demo::Demo;
use conformance::provision::{haproxy, postgres, redis, skip};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;

/// A cache that keeps tenants apart, and one that lets each of them at all keys.
const SOUND: &str = include_str!("../redis/sound/usual.conf");
const DEFECTIVE: &str = include_str!("../redis/defective/all_keys.conf");

/// Whether there is no cache on this machine, which is said.
fn absent() -> bool {
    redis::binary().inspect_err(|why| skip("redis", why)).is_err()
}

/// A cache with a key of each tenant, and beside the evidence the deployment that names it.
fn cache(dir: &Path, configuration: &str) -> redis::Server {
    let server = redis::server(configuration, &[]).expect("a cache");
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("a connection");
    let keys = ["acme", "globex"].map(|id| format!("SET t:{id}:cart anvils-of-{id}\r\n")).concat();
    stream.write_all(format!("AUTH operator operator\r\n{keys}").as_bytes()).expect("commands");
    let answers: Vec<String> = BufReader::new(stream).lines().take(3).map(|line| line.expect("a line")).collect();
    assert_eq!(answers, ["+OK", "+OK", "+OK"]);
    for id in ["acme", "globex"] {
        fs::write(dir.join(format!("password-{id}")), format!("{id}-password")).expect("a password");
    }
    let text = format!(
        "version = 1\nname = \"shop\"\n[[tenant]]\nid = \"acme\"\n[[tenant]]\nid = \"globex\"\n[redis]\n\
         url = \"redis://127.0.0.1:{}\"\nuser = \"t_{{id}}\"\nkeys = \"t:{{id}}:\"\nsample = \"cart\"\n\
         password = {{ file = \"password-{{id}}\" }}\n",
        server.port
    );
    fs::write(dir.join("deployment.toml"), text).expect("a deployment");
    server
}

/// Bundles of a gate in which everything held, and the key of an assessor in the list.
fn begun() -> tempfile::TempDir {
    let dir = bundled();
    add_key(dir.path(), "assessor", &["--role", "assessor"]);
    sign_list(dir.path());
    dir
}

const CERTIFY: [&str; 8] =
    ["certify", "deployment.toml", "--out", "judged", "--key", "assessor.key.pem", "--resource", RESOURCE];

fn check(more: &[&'static str]) -> Vec<&'static str> {
    [&["verify", "judged/assessment.json"][..], more, &BELIEVE].concat()
}

/// What an assessment says, by the word of `verify`.
fn told(dir: &Path) -> Value {
    let (_, said, err) = cellproof(dir, &check(&["--json"]));
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {err}"));
    // Whoever reads it learns nothing of a tenant, and no secret.
    for hidden in ["acme", "globex", "password", "anvils"] {
        assert!(!told["assessment"].to_string().contains(hidden), "{hidden}: {told:#}");
    }
    told
}

/// The row of a certificate.
fn row(dir: &Path, id: &str) -> Value {
    let (_, said, err) = cellproof(dir, &verify(&["--json"]));
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {err}"));
    let own = &told["certificate"]["predicate"]["cellproof_certificate"];
    own["rows"].as_array().expect("rows").iter().find(|row| row["id"] == id).expect("the row").clone()
}

/// A certificate on a bundle and what was judged.
fn assessed() -> Vec<&'static str> {
    issue(&["out/acme.bundle.tar"], &["--assessment", "judged/assessment.json"])
}

#[test]
fn a_sound_deployment_is_judged_and_signed_and_its_rows_are_conformant_in_the_certificate() {
    if absent() {
        return;
    }
    let dir = begun();
    let dir = dir.path();
    let _server = cache(dir, SOUND);
    let said = held(dir, &CERTIFY);
    assert!(said.starts_with("Written to judged: certify.json, assessment.json (signed by key "), "{said}");
    let said = held(dir, &check(&["--resource", RESOURCE, "--report", "judged/certify.json", "--current"]));
    for line in [
        "about          urn:example:production\ndeployment     shop, mode observe\nby             assessor (key ",
        "redis          clean at 127.0.0.1:",
        "; clean: TEN-02 CAC-01 CAC-02; judged in part: IDN-05\n",
        "not named      not tested: postgres, kafka, gateway, policy, metrics, trace, files\n",
        "\nexit 0: authentic, and nothing was found in what was judged\n",
    ] {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat(&said).contains(&flat(line)), "{line}: {said}");
    }
    assert_eq!(told(dir)["assessment"]["predicate"]["result"], "PASSED");

    let said = held(dir, &assessed());
    assert!(said.contains("evidence       1 bundle and 1 assessment\n"), "{said}");
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("deployment shop, mode observe, "), "{said}");
    assert!(flat.contains("redis clean; ") && flat.contains("not tested: postgres, kafka, gateway, "), "{said}");
    assert!(flat.contains("sensitive reached conformant no: ") && flat.contains("rows 2 conformant, "), "{said}");
    assert!(said.ends_with("exit 0: issued, and it is sensitive\n"), "{said}");
    let cached = row(dir, "CAC-01");
    assert_eq!((cached["standing"].as_str(), cached["asked"]["rd"].as_str()), (Some("conformant"), Some("clean")));
    assert_eq!(row(dir, "CAC-02")["standing"], "conformant");
    let isolated = row(dir, "TEN-02");
    assert_eq!(
        (isolated["asked"]["rd"].as_str(), isolated["asked"]["pg"].as_str()),
        (Some("clean"), Some("not-judged"))
    );

    let all = held(dir, &verify(&["--bundle", "out/acme.bundle.tar", "--assessment", "judged/assessment.json"]));
    assert!(all.contains("1 bundle and 1 assessment, all seen: they support what it says\n"), "{all}");
    let one = held(dir, &verify(&["--assessment", "judged/assessment.json"]));
    assert!(one.contains("1 of 2 (1 bundle and 1 assessment) were seen, and are part of it\n"), "{one}");
}

#[test]
fn what_was_edited_or_is_about_something_else_is_refused() {
    if absent() {
        return;
    }
    let dir = begun();
    let dir = dir.path();
    let _server = cache(dir, SOUND);
    held(dir, &CERTIFY);
    held(dir, &assessed());
    refused(dir, &check(&["--resource", "urn:example:test"]), "resource: it is about \"urn:example:production\", not");
    refused(dir, &check(&["--report", "deployment.toml"]), "it is about another report than deployment.toml");
    refused(dir, &check(&["--tenant", "acme"]), "is an assessment: --tenant is about other files");
    refused(dir, &verify(&["--report", "judged/certify.json"]), "is a certificate: --report is about assessments");
    let later = [&check(&[])[..], &["--now", "2099-01-01T00:00:00Z"]].concat();
    refused(dir, &later, "expired at ");
    let file = dir.join("judged/assessment.json");
    let bytes = fs::read(&file).expect("an assessment");
    for at in [0, 20, bytes.len() / 2, bytes.len() - 60, bytes.len() - 1] {
        let mut edited = bytes.clone();
        edited[at] ^= 4;
        fs::write(&file, edited).expect("an assessment");
        let (code, said, _) = cellproof(dir, &check(&[]));
        assert_eq!((code, said.as_str()), (2, ""), "byte {at}");
        let (code, said, _) = cellproof(dir, &assessed());
        assert_eq!((code, said.as_str()), (2, ""), "byte {at}");
    }
    fs::write(&file, &bytes).expect("an assessment");
    // A second judgement, which the certificate does not rest on; and one that another key signed.
    let text = fs::read_to_string(dir.join("deployment.toml")).expect("a deployment");
    fs::write(dir.join("other.toml"), text.replace("\"shop\"", "\"another shop\"")).expect("a deployment");
    let again = |word: &&'static str| match *word {
        "deployment.toml" => "other.toml",
        "judged" => "again",
        other => other,
    };
    held(dir, &CERTIFY.iter().map(again).collect::<Vec<_>>());
    let other = verify(&["--assessment", "again/assessment.json"]);
    refused(dir, &other, "evidence: it is not among what the certificate was issued on");
    let stolen: Vec<&str> =
        CERTIFY.iter().map(|word| if *word == "assessor.key.pem" { "pipeline.key.pem" } else { word }).collect();
    held(dir, &stolen);
    refused(dir, &assessed(), "signer: signed by a key that is trusted as run only");
}

#[test]
fn what_is_found_in_a_deployment_fails_its_row_and_the_certificate() {
    if absent() {
        return;
    }
    let dir = begun();
    let dir = dir.path();
    let _server = cache(dir, DEFECTIVE);
    ends(dir, &CERTIFY, 1);
    let said = ends(dir, &check(&[]), 1);
    assert!(said.ends_with("exit 1: authentic, and a requirement is broken\n"), "{said}");
    let judged = told(dir)["assessment"]["predicate"].clone();
    assert_eq!(judged["result"], "FAILED");
    assert!(judged["failedTests"].as_array().expect("tests").contains(&"CAC-01 at redis".into()), "{judged:#}");
    let said = ends(dir, &assessed(), 1);
    let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("simulated no: CAC-01: failed in the deployment, at rd"), "{said}");
    assert_eq!(row(dir, "CAC-01")["standing"], "failed");
    let said = ends(dir, &verify(&[]), 1);
    assert!(said.ends_with("exit 1: authentic, and it is declared, not sensitive\n"), "{said}");
}

#[test]
fn what_cannot_be_reached_is_inconclusive_and_never_passed() {
    if absent() {
        return;
    }
    let dir = begun();
    let dir = dir.path();
    drop(cache(dir, SOUND));
    ends(dir, &CERTIFY, 3);
    let said = ends(dir, &check(&[]), 1);
    assert!(said.ends_with("exit 1: authentic, and something could not be decided\n"), "{said}");
    assert_eq!(told(dir)["assessment"]["predicate"]["result"], "WARNED");
    held(dir, &assessed());
    let cached = row(dir, "CAC-01");
    assert_eq!(
        (cached["standing"].as_str(), cached["asked"]["rd"].as_str()),
        (Some("sensitive"), Some("inconclusive"))
    );
}

#[test]
fn what_cannot_be_signed_is_refused_before_anything_is_judged() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let text = "version = 1\nname = \"x\"\n[[tenant]]\nid = \"a\"\n[[tenant]]\nid = \"b\"\n[redis]\n\
                url = \"redis://127.0.0.1:1\"\nuser = \"t_{id}\"\nkeys = \"t:{id}:\"\n";
    fs::write(dir.join("deployment.toml"), text).expect("a deployment");
    refused(dir, &CERTIFY, "failed to read assessor.key.pem");
    let alone = |words: &[&str]| refused(dir, &[&CERTIFY[..2], words].concat(), "required");
    alone(&["--key", "assessor.key.pem", "--out", "judged"]);
    alone(&["--key", "assessor.key.pem", "--resource", RESOURCE]);
    alone(&["--resource", RESOURCE]);
    assert!(!dir.join("judged").exists());
    // Without a key the report is left, and nothing that is signed.
    ends(dir, &CERTIFY[..4], 3);
    assert!(dir.join("judged/certify.json").exists() && !dir.join("judged/assessment.json").exists());
}

#[test]
fn a_whole_platform_of_real_servers_is_certified_as_far_as_it_was_judged() {
    let found = [postgres::server().map(drop), redis::binary().map(drop), haproxy::binary().map(drop)];
    if let Some(why) = found.into_iter().find_map(Result::err) {
        return skip("the demonstration", &why);
    }
    let dir = begun();
    let dir = dir.path();
    let demo = Demo::up(&dir.join("demo"), &[], None).expect("the demonstration");
    let certify: Vec<&str> =
        CERTIFY.iter().map(|word| if *word == "deployment.toml" { "demo/deployment.toml" } else { word }).collect();
    held(dir, &certify);
    drop(demo);
    let judged = told(dir)["assessment"]["predicate"]["cellproof_assessment"].clone();
    assert_eq!((judged["mode"].as_str(), judged["exit"].as_u64()), (Some("destructive"), Some(0)));
    held(dir, &assessed());
    for (id, probe, asked) in [
        ("STO-01", "pg", "clean"),
        ("CAC-01", "rd", "clean"),
        ("EVT-03", "kf", "clean"),
        ("IDN-01", "gw", "clean"),
        ("IDN-02", "gw", "partly"),
        ("TEN-02", "gw", "not-judged"),
        ("EVT-02", "kf", "not-judged"),
        ("POL-01", "rego", "not-judged"),
    ] {
        assert_eq!(row(dir, id)["asked"][probe], asked, "{id}: {judged:#}");
    }
    for id in ["CAC-01", "IDN-01"] {
        assert_eq!(row(dir, id)["standing"], "conformant", "{id}");
    }
    let (_, said, _) = cellproof(dir, &verify(&["--json"]));
    let told: Value = serde_json::from_str(&said).expect("JSON");
    let why = told["certificate"]["predicate"]["cellproof_certificate"]["levels"][3]["why"].to_string();
    assert!(why.contains("EVT-02: kf not judged") && why.contains("IDN-02: gw judged in part"), "{why}");
    assert!(!why.contains("CAC-01"), "{why}");
}
