//! A real Open Policy Agent: what it decides is judged as what was read from its files, and what it builds, signs and
//! tests is taken for what it is.

use crate::bundles::{bundle, judge_at, signer, write};
use crate::rego::{files, folder, judge, path, told, url};
use conformance::provision::{opa, skip};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Whether one is here; that there is none is said.
fn is_here() -> bool {
    opa::binary().map_err(|why| skip("opa", &why)).is_ok()
}

/// The table that all policies decide by, unless they bring their own.
fn tenants() -> Value {
    let text = fs::read_to_string(folder("document/tenants.json")).expect("tenants");
    json!({ "tenants": serde_json::from_str::<Value>(&text).expect("JSON") })
}

/// An agent with the policy decides what its file was read to decide: the same findings, and as many questions.
fn decides_as_it_was_read(policy: &Path) -> Result<(), String> {
    // What is no Rego v1 is started as v0.
    let agent =
        opa::server(&[policy], Some(&tenants()), false).or_else(|_| opa::server(&[policy], Some(&tenants()), true))?;
    let table = tempfile::tempdir().expect("a directory");
    let data = table.path().join("data.json");
    fs::write(&data, tenants().to_string()).expect("a file");
    let (code, live) = judge(&url(agent.port));
    let (read_code, read) = judge(&format!("{}\ndata = \"{}\"", path(policy), data.display()));
    if (code, kinds(&live)) == (read_code, kinds(&read)) && live["problem"] == read["problem"] {
        return Ok(());
    }
    Err(format!("at the agent: exit {code}: {live:#}\nfrom the file: exit {read_code}: {read:#}"))
}

/// What its findings say; why an evaluation fails each says in its own words.
fn kinds(component: &Value) -> BTreeSet<String> {
    let kind = |what: Value| {
        let what = what.as_str().expect("a text").to_owned();
        what.split_once("fails instead of answering: ").map_or(what.clone(), |(kind, _)| format!("{kind}fails"))
    };
    told(component).into_iter().map(kind).collect()
}

fn all_decide_as_they_were_read(policies: &[PathBuf]) {
    if !is_here() {
        return;
    }
    let differ =
        |policy: &PathBuf| decides_as_it_was_read(policy).err().map(|why| format!("{}: {why}", policy.display()));
    let wrong: Vec<String> = policies.iter().filter_map(differ).collect();
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), policies.len(), wrong.join("\n"));
}

#[test]
fn a_real_agent_decides_as_its_file_was_read() {
    all_decide_as_they_were_read(&[folder("sound/usual.rego"), folder("defective/no_tenant_check.rego")]);
}

#[test]
fn a_real_agent_decides_as_every_file_was_read() {
    let all: Vec<PathBuf> = ["sound", "defective"].into_iter().flat_map(files).collect();
    assert!(all.len() > 40, "{}", all.len());
    all_decide_as_they_were_read(&all);
}

#[test]
fn nothing_is_found_in_a_bundle_that_it_built_and_signed() {
    if !is_here() {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let signer = signer();
    let (source, key, built) =
        (home.path().join("source"), home.path().join("private.pem"), home.path().join("built.tar.gz"));
    write(&bundle("6"), &home.path().join("before"));
    write(&bundle("7"), &source);
    fs::write(&key, signer.private_pem()).expect("a file");
    let words = |words: &str| words.split(' ').map(PathBuf::from).collect::<Vec<_>>();
    let mut args = words("build --bundle --signing-alg ES256 --revision 7 --signing-key");
    args.extend([key, PathBuf::from("--output"), built.clone(), source]);
    let args: Vec<&OsStr> = args.iter().map(|arg| arg.as_os_str()).collect();
    opa::output(&args).unwrap_or_else(|why| panic!("{why}"));
    let (code, component) = judge_at(&built, &bundle("6"), &signer.public);
    assert_eq!((code, &component["findings"]), (0, &json!([])), "{component:#}");
}

#[test]
fn its_own_runner_agrees_about_the_tests_that_a_bundle_ships() {
    if !is_here() {
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    write(&bundle("7"), home.path());
    let args = ["test", "--bundle", "--format=json"].map(OsStr::new);
    let said = opa::output(&[&args[..], &[home.path().as_os_str()]].concat()).unwrap_or_else(|why| panic!("{why}"));
    let ran: Value = serde_json::from_str(&said).expect("JSON");
    let ran = ran.as_array().expect("tests");
    assert!(ran.iter().all(|test| test.get("fail").is_none()), "{ran:#?}");
    let (_, component) = judge(&path(home.path()));
    let judged = component["judged"].as_array().expect("what was judged").iter();
    let counted = judged.filter(|judged| judged["what"] == "tests that the bundle ships");
    assert_eq!(counted.map(|judged| &judged["objects"]).collect::<Vec<_>>(), [&json!(ran.len())], "{component:#}");
}
