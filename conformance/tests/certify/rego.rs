//! A policy is judged from its files and at a live agent alike; an agent that hangs or fails judges nothing.

use crate::support::certify_in;
use models::policy::subject::{Module, Subject};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The published form of a report.
const SCHEMA: &str = include_str!("../../../reports/schemas/certify.schema.json");

/// A folder or file among the policies.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(name)
}

/// The policies of a folder, in order of name.
pub fn files(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder(name)).expect("a folder").flatten().map(|e| e.path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "rego"));
    files.sort();
    files
}

/// Judges the policy of a table of the deployment: how the command ended, and what it says of the policy.
pub fn judge(table: &str) -> (i32, Value) {
    let dir = tempfile::tempdir().expect("a directory");
    let deployment = format!(
        "version = 1\nname = \"x\"\n[[tenant]]\nid = \"acme\"\n[[tenant]]\nid = \"globex\"\n[policy]\n{table}\n"
    );
    let ended = certify_in(dir.path(), &deployment, &["--json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    assert_eq!(reports::sample::schema::disagreements(&schema, &report), Vec::<String>::new(), "{report:#}");
    (ended.code, report["components"][0].clone())
}

/// A policy in a file.
pub fn path(file: &Path) -> String {
    format!("path = \"{}\"", file.display())
}

/// Each is judged by `cellproof policy` in another test; that the same judge is asked here shows in some.
fn defective_ones_are_found(count: usize) {
    let defective = files("defective");
    assert!(defective.len() >= 12, "{}", defective.len());
    for file in defective.iter().step_by(defective.len() / count) {
        let (code, component) = judge(&path(file));
        let findings = component["findings"].as_array().expect("findings");
        assert!(code == 1 && !findings.is_empty(), "{}: {component:#}", file.display());
        assert!(
            findings.iter().all(|f| f["proof"]["statements"][1].as_str().is_some_and(|s| s.starts_with("input {")))
        );
        let text = fs::read_to_string(file).expect("a policy");
        let row = text.lines().find_map(|line| line.strip_prefix("# breaks: ")).expect("a row");
        assert!(component["findings"].to_string().contains(row), "{}: {row}: {component:#}", file.display());
    }
}

#[test]
fn twelve_defective_policies_are_found_by_the_row_that_each_breaks() {
    defective_ones_are_found(12);
}

#[test]
fn defective_policies_are_found_and_nothing_is_found_in_sound_ones() {
    defective_ones_are_found(2);
    for file in [folder("sound/usual.rego"), folder("sound/split")] {
        let (code, component) = judge(&path(&file));
        assert_eq!((code, &component["findings"]), (0, &json!([])), "{}: {component:#}", file.display());
    }
}

#[test]
fn a_policy_that_cannot_be_asked_is_inconclusive() {
    for (file, told) in [
        ("broken/mixed_dialects.rego", "mixed_dialects.rego:"),
        ("broken/needs_a_builtin.rego", "which is not available here"),
        ("broken/nothing_to_ask.rego", "expected a rule `allow` or `deny`"),
        ("nowhere.rego", "nowhere.rego"),
    ] {
        let (code, component) = judge(&path(&folder(file)));
        let problem = component["problem"].as_str().unwrap_or_default();
        assert!(code == 3 && problem.contains(told), "{told}: {component:#}");
    }
}

/// How an agent behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    /// It shows no policies to anybody.
    Discreet,
    /// It fails after so many answers.
    Fails(usize),
    /// It says nothing after so many answers.
    Hangs(usize),
}

/// An agent that answers as the Open Policy Agent does, by the policy in `file`.
fn agent(file: &Path, mood: Mood) -> u16 {
    let text = fs::read_to_string(file).expect("a policy");
    let tenants: Value =
        serde_json::from_str(&fs::read_to_string(folder("document/tenants.json")).expect("tenants")).expect("JSON");
    let data = if tenants.get("tenants").is_some() { tenants } else { json!({ "tenants": tenants }) };
    let module = Module { file: "policy.rego".to_owned(), text };
    let mut subject = Subject::load(std::slice::from_ref(&module), &data).expect("a policy");
    let reading = subject.packages().into_values().next().expect("a package");
    let rules: Vec<String> = reading.rules.iter().cloned().collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let mut answered = 0;
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            loop {
                let (mut first, mut length) = (String::new(), 0);
                if reader.read_line(&mut first).unwrap_or(0) == 0 {
                    break;
                }
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    if let Some(value) = line.strip_prefix("content-length: ") {
                        length = value.trim().parse().expect("a length");
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).expect("a body");
                answered += 1;
                match mood {
                    Mood::Hangs(after) if answered > after => thread::sleep(Duration::from_secs(60)),
                    _ => {}
                }
                let target = first.split(' ').nth(1).unwrap_or_default();
                let own = format!("/v1/data/{}", reading.package.join("/"));
                let (status, said) = match (mood, target) {
                    (Mood::Fails(after), _) if answered > after => (500, json!({"message": "internal error"})),
                    (Mood::Discreet, "/v1/policies") => (403, json!({"message": "not for you"})),
                    (_, "/v1/policies") => (200, json!({"result": [{"id": "p", "raw": module.text}]})),
                    (_, "/v1/data/tenants") => (200, json!({"result": data["tenants"]})),
                    (_, target) if target == own => {
                        let input: Value = serde_json::from_slice(&body).expect("JSON");
                        let names: Vec<&str> = rules.iter().map(String::as_str).collect();
                        let values = subject.ask(&reading.package, &names, &input["input"]).expect("a decision");
                        let defined =
                            rules.iter().cloned().zip(values).filter_map(|(rule, value)| Some((rule, value?)));
                        (200, json!({"result": defined.collect::<serde_json::Map<String, Value>>()}))
                    }
                    _ => (200, json!({})),
                };
                let said = said.to_string();
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{said}", said.len());
                if stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    port
}

/// A policy at a live agent.
pub fn url(port: u16) -> String {
    format!("url = \"http://127.0.0.1:{port}\"")
}

/// What its findings say.
pub fn told(component: &Value) -> Vec<Value> {
    component["findings"].as_array().expect("findings").iter().map(|f| f["what"].clone()).collect()
}

#[test]
fn a_live_agent_is_judged_as_its_files_are() {
    let sound = folder("sound/usual.rego");
    let (code, component) = judge(&url(agent(&sound, Mood::Well)));
    assert_eq!(code, 0, "{component:#}");
    assert!(component["limits"]["statements"].as_u64().expect("a number") > 1_000, "{component:#}");
    let data = folder("document/tenants.json");
    for name in ["no_tenant_check", "no_region_check", "silent"] {
        let file = folder(&format!("defective/{name}.rego"));
        let (code, live) = judge(&url(agent(&file, Mood::Well)));
        let (_, read) = judge(&format!("{}\ndata = \"{}\"", path(&file), data.display()));
        assert_eq!((code, told(&live)), (1, told(&read)), "{name}: {live:#}");
    }
}

#[test]
fn an_agent_that_shows_nothing_hangs_or_fails_is_inconclusive_until_it_is_told_of() {
    let sound = folder("sound/usual.rego");
    let package =
        Subject::load(&[Module { file: "p".into(), text: fs::read_to_string(&sound).expect("a policy") }], &json!({}))
            .expect("a policy")
            .packages()
            .into_keys()
            .next()
            .expect("a package")
            .join(".");
    let inconclusive = |table: &str, told: &str| {
        let (code, component) = judge(table);
        let problem = component["problem"].as_str().unwrap_or_default();
        assert!(code == 3 && problem.contains(told), "{told}: {component:#}");
    };
    let discreet = url(agent(&sound, Mood::Discreet));
    inconclusive(&discreet, "status 403: not for you); give package and rules");
    inconclusive(&format!("{discreet}\npackage = \"no.such\""), "the agent has no package no.such: undefined");
    let (code, component) = judge(&format!("{discreet}\npackage = \"{package}\""));
    assert_eq!(code, 0, "{component:#}");
    inconclusive(&url(agent(&sound, Mood::Fails(200))), "decided nothing any more: POST /v1/data/");
    inconclusive(&url(agent(&sound, Mood::Hangs(100))), "no answer in 5 s");
    inconclusive(&url(1), "the connection ended: ");
}
