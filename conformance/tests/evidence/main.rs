//! From a finished gate to somebody who checks its evidence, as it is typed.

mod assessment;
mod certificate;
mod log;

use std::fs;
use std::path::Path;
use std::process::Command;

fn cellproof(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    let output = command.args(args).current_dir(dir).env("NO_COLOR", "1").output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

/// Runs what has to end well, and returns what it printed.
fn held(dir: &Path, args: &[&str]) -> String {
    let (code, said, told) = cellproof(dir, args);
    assert_eq!(code, 0, "{args:?}: {said}{told}");
    said
}

/// What is refused, and why.
fn refused(dir: &Path, args: &[&str], says: &str) {
    let (code, said, told) = cellproof(dir, args);
    assert_eq!((code, said.as_str()), (2, ""), "{args:?}: {told}");
    assert!(told.contains(says), "{args:?}: {told}");
}

/// What `verify` needs to know whom to believe.
const BELIEVE: [&str; 4] = ["--trust", "trust.json", "--root", "root.pub.pem"];

/// A directory with a proof, the keys of a pipeline and of the root, and a list that names the first, signed.
fn proved() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    held(dir.path(), &["run", "stride/disclosure-cache-bleed", "--quick", "--nonce", "n-17", "--out", "proof"]);
    let head = held(dir.path(), &["keys", "new", "--out", "root", "--role", "root"]);
    let head = head.split_once("version = 1").expect("a head").1;
    fs::write(dir.path().join("trust.toml"), format!("version = 1{head}")).expect("a list");
    add_key(dir.path(), "pipeline", &[]);
    sign_list(dir.path());
    dir
}

/// Makes a key and adds it to the list.
fn add_key(dir: &Path, name: &str, more: &[&str]) {
    let said = held(dir, &[&["keys", "new", "--out", name], more].concat());
    let entry = said.split_once("[[keys]]").expect("an entry").1;
    edit_list(dir, |list| format!("{list}\n[[keys]]{entry}"));
}

fn edit_list(dir: &Path, edit: impl FnOnce(&str) -> String) {
    let file = dir.join("trust.toml");
    let list = edit(&fs::read_to_string(&file).expect("a list"));
    fs::write(file, list).expect("a list");
}

fn sign_list(dir: &Path) {
    held(dir, &["trust", "sign", "trust.toml", "--key", "root.key.pem", "--out", "trust.json"]);
}

#[test]
fn a_tenant_checks_what_was_proved_for_it_and_sees_every_alteration() {
    let dir = proved();
    let dir = dir.path();
    let make = ["bundle", "proof", "--key", "pipeline.key.pem", "--out"];
    held(dir, &[&make[..], &["out"]].concat());
    let verify = [&["verify", "out/acme.bundle.tar"], &BELIEVE[..]].concat();
    let said = held(dir, &[&verify[..], &["--tenant", "acme", "--nonce", "n-17"]].concat());
    assert!(said.starts_with("for       acme\nby        pipeline (key "), "{said}");
    assert!(said.ends_with("exit 0: authentic, and everything that ran held\n"), "{said}");
    refused(dir, &[&verify[..], &["--tenant", "beta"]].concat(), "tenant: made for another tenant than beta");
    refused(dir, &[&verify[..], &["--nonce", "n-18"]].concat(), "nonce: run without the nonce");
    refused(dir, &[&verify[..], &["--now", "2099-01-01T00:00:00Z"]].concat(), "trust file: expired at");

    let file = dir.join("out/acme.bundle.tar");
    let bytes = fs::read(&file).expect("a bundle");
    for at in [0, 700, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1_100, bytes.len() - 1] {
        let mut edited = bytes.clone();
        edited[at] ^= 0x10;
        fs::write(&file, edited).expect("a bundle");
        refused(dir, &verify, "acme.bundle.tar is not to be believed: ");
    }
    fs::write(&file, &bytes).expect("a bundle");
    let json = held(dir, &[&verify[..], &["--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&value["exit"], &value["seal"]["predicate"]["result"]), (&0.into(), &"PASSED".into()));
    let digest = value["seal"]["predicate"]["configuration"][1]["digest"]["sha256"].as_str().expect("a digest");
    assert!(said.contains(digest), "the text shows the configuration's digest");
}

#[test]
fn the_same_proof_sealed_at_the_same_time_is_the_same_file() {
    let dir = proved();
    let dir = dir.path();
    for out in ["one", "two"] {
        let now = ["--now", "2026-11-25T09:00:00Z", "--tenant", "gamma", "--out", out];
        held(dir, &[&["bundle", "proof", "--key", "pipeline.key.pem"][..], &now].concat());
    }
    let read = |out: &str| fs::read(dir.join(out).join("gamma.bundle.tar")).expect("a bundle");
    assert!(read("one") == read("two"));
    assert_eq!(fs::read_dir(dir.join("one")).expect("a directory").count(), 1, "only the tenant that was named");
}

#[test]
fn a_proof_that_failed_is_authentic_and_does_not_pass() {
    let dir = proved();
    let dir = dir.path();
    let report = dir.join("proof/report.json");
    let text = fs::read_to_string(&report).expect("a report");
    fs::write(&report, text.replacen("\"exit\": 0", "\"exit\": 1", 1)).expect("a report");
    held(dir, &["bundle", "proof", "--key", "pipeline.key.pem", "--out", "out"]);
    let (code, said, _) = cellproof(dir, &[&["verify", "out/acme.bundle.tar"], &BELIEVE[..]].concat());
    assert_eq!(code, 1, "{said}");
    assert!(said.ends_with("exit 1: authentic, and a requirement is broken\n"), "{said}");
}

#[test]
fn a_foreign_marker_or_name_in_a_record_is_never_sealed() {
    let dir = proved();
    let dir = dir.path();
    let report = dir.join("proof/report.json");
    let text = fs::read_to_string(&report).expect("a report");
    let make = ["bundle", "proof", "--key", "pipeline.key.pem", "--out", "out", "--tenant", "acme"];
    let sentinel = String::from_utf8_lossy(&models::marker::SENTINEL).into_owned();
    for (planted, what) in [(sentinel.as_str(), "a leak marker (Raw"), ("beta", "the name of another tenant")] {
        // An objective's sentence is copied; a run never writes such a thing into it.
        let edited =
            text.replacen("\"objective\": \"API success", &format!("\"objective\": \"{planted} API success"), 999);
        assert_ne!(edited, text);
        fs::write(&report, edited).expect("a report");
        let (code, _, told) = cellproof(dir, &make);
        assert_eq!(code, 1, "{told}");
        assert!(told.contains(what) && told.contains("nothing is written"), "{told}");
        assert!(!dir.join("out").exists());
    }
}

#[test]
fn keys_are_secret_never_written_over_and_never_in_a_repository() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let said = held(dir, &["keys", "new", "--out", "release", "--role", "certifier", "--p256"]);
    assert!(said.contains("role = \"certifier\"") && !said.contains("PRIVATE"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(dir.join("release.key.pem")).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    refused(dir, &["keys", "new", "--out", "release"], "release.key.pem is there already");
    fs::create_dir(dir.join(".git")).expect("a directory");
    refused(dir, &["keys", "new", "--out", "other"], "a private key does not belong in one");
    refused(dir, &["keys", "new", "--out", "no/such/other"], "failed to find no/such");
}

#[test]
fn bad_input_is_refused_in_one_message() {
    let dir = proved();
    let dir = dir.path();
    let bundle = ["bundle", "proof", "--out", "out", "--key"];
    refused(dir, &[&bundle[..], &["none.pem"]].concat(), "failed to read none.pem");
    refused(
        dir,
        &[&bundle[..], &["pipeline.pub.pem"]].concat(),
        "pipeline.pub.pem: not a PEM file with one PRIVATE KEY",
    );
    let unknown = [&bundle[..], &["pipeline.key.pem", "--tenant", "zeta"]].concat();
    refused(dir, &unknown, "the record holds nothing of tenant \"zeta\"");
    fs::write(
        dir.join("platform.toml"),
        models::config::PLATFORM_TOML.replace("api_success_ppm = 999000", "api_success_ppm = 990000"),
    )
    .expect("a file");
    let other = [&bundle[..], &["pipeline.key.pem", "--platform", "platform.toml"]].concat();
    refused(dir, &other, "the gate ran with another platform or with other tenants than these");
    let late = ["run", "stride/disclosure-cache-bleed", "--nonce", "n-1", "--seed", "7"];
    refused(dir, &late, "--nonce decides the seeds of a proof");
    refused(dir, &["bundle", "no", "--out", "out", "--key", "pipeline.key.pem"], "failed to read no/report.json");
    refused(dir, &[&["verify", "none.tar"], &BELIEVE[..]].concat(), "failed to read none.tar");
    let sign = ["trust", "sign", "bad.toml", "--key", "root.key.pem", "--out", "bad.json"];
    let list = fs::read_to_string(dir.join("trust.toml")).expect("a list");
    fs::write(dir.join("bad.toml"), list.replace("\"run\"", "\"ran\"")).expect("a file");
    refused(dir, &sign, "bad.toml:8:8: unknown role \"ran\", expected one of run, certifier, assessor, log");
    fs::write(dir.join("bad.toml"), list).expect("a file");
    let report = dir.join("proof/report.json");
    let text = fs::read_to_string(&report).expect("a report");
    fs::write(&report, text.replace("\"tenant\": \"beta\"", "\"tenant\": \"../beta\"")).expect("a report");
    let strange = "the record holds figures of \"../beta\", which is the id of no tenant";
    refused(dir, &[&bundle[..], &["pipeline.key.pem"]].concat(), strange);
    fs::write(&report, text).expect("a report");
    let late = [&sign[..], &["--now", "2099-01-01T00:00:00Z"]].concat();
    refused(dir, &late, "bad.toml is not to be believed: trust file: expired at");
    assert!(!dir.join("bad.json").exists());
    assert!(!dir.join("out").exists());
}

#[test]
fn a_list_of_keys_that_somebody_else_signed_or_nobody_is_not_believed() {
    let dir = proved();
    let dir = dir.path();
    held(dir, &["bundle", "proof", "--key", "pipeline.key.pem", "--out", "out", "--tenant", "acme"]);
    let verify = |trust: &'static str, root: &'static str| {
        ["verify", "out/acme.bundle.tar", "--trust", trust, "--root", root].to_vec()
    };
    held(dir, &verify("trust.json", "root.pub.pem"));
    refused(dir, &verify("trust.toml", "root.pub.pem"), "trust.toml is not to be believed: trust file: ");
    refused(dir, &verify("trust.json", "pipeline.pub.pem"), "not by the root key ");
    held(dir, &["keys", "new", "--out", "thief", "--role", "root"]);
    held(dir, &["trust", "sign", "trust.toml", "--key", "thief.key.pem", "--out", "stolen.json"]);
    refused(dir, &verify("stolen.json", "root.pub.pem"), "not by the root key ");
    let newer = [&verify("trust.json", "root.pub.pem")[..], &["--trust-serial", "2"]].concat();
    refused(dir, &newer, "of edition 1, and 2 is known");
    let list = fs::read_to_string(dir.join("trust.toml")).expect("a list");
    assert_eq!(held(dir, &[&["trust", "show"], &BELIEVE[..]].concat()), list);
    let revoked = list.replace("role = \"run\"", "role = \"run\"\nrevoked = \"2020-01-01T00:00:00Z\"");
    fs::write(dir.join("trust.toml"), revoked.replace("serial = 1", "serial = 2")).expect("a list");
    held(dir, &["trust", "sign", "trust.toml", "--key", "root.key.pem", "--out", "trust.json"]);
    refused(dir, &newer, "signer: signed by the key of pipeline, which is revoked");
}
