//! Decision logs: decided once more, whole in the SIEM, and what every request rests on.

use super::files::{certify, text};
use conformance::trace::canonical;
use serde_json::{Map, Value, json};
use sim::chain::Digest;
use sim::chain::hash_chain::link;
use std::fs;
use std::path::Path;

/// A decision as Open Policy Agent logs it.
fn decision(id: &str, tenant: &str, allowed: bool) -> Value {
    let question = json!({
        "subject": {"authenticated": true}, "tenant": {"id": tenant}, "context": {"region": "EU"},
        "resource": {"tenant": "acme", "kind": "audit", "classification": 2, "label": "pii"},
    });
    let bundles = json!({"authz": {"revision": "7"}});
    json!({"decision_id": id, "bundles": bundles, "input": question, "result": {"allow": allowed}})
}

#[test]
fn decisions_are_decided_once_more() {
    let dir = tempfile::tempdir().expect("a directory");
    let judge = |lines: &[Value]| {
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        fs::write(dir.path().join("decisions.ndjson"), text(&lines)).expect("decisions");
        certify(dir.path(), "[files]\n[[files.decisions]]\npath = \"decisions.ndjson\"\n")
    };
    let sound = [decision("1", "acme", true), decision("2", "beta", false), json!({"msg": "started"})];
    let (code, component) = judge(&sound);
    assert_eq!(code, 0, "{component:#}");
    assert_eq!(component["not_judged"].to_string().matches("(POL-04)").count(), 3, "{component:#}");
    let found = |second: Value, row: &str| {
        let (code, component) = judge(&[sound[0].clone(), second]);
        assert_eq!((code, &component["findings"][0]["object"]), (1, &json!("decisions.ndjson:2")), "{component:#}");
        assert_eq!(component["findings"][0]["requirements"][0], row, "{component:#}");
    };
    found(decision("2", "beta", true), "POL-01");
    found(decision("2", "acme", false), "POL-01");
    found(decision("1", "acme", true), "POL-04");
    let mut nameless = decision("2", "beta", false);
    nameless["bundles"] = json!({});
    found(nameless, "POL-04");
    assert_eq!(judge(&[json!({"msg": "started"})]).0, 3);
}

/// A decision log, what a SIEM has of it, and an access log.
struct Logged {
    log: Vec<Value>,
    siem: Vec<Value>,
    requests: Vec<Value>,
}

impl Logged {
    /// Six decisions, each third of which denies; one comes to the SIEM twice, and all in another order.
    fn sound() -> Logged {
        let number = |n: u64| n.to_string();
        let denies = |n: u64| n.is_multiple_of(3);
        let tenant = |n: u64| if denies(n) { "beta" } else { "acme" };
        let log: Vec<Value> = (1..=6).map(|n| decision(&number(n), tenant(n), !denies(n))).collect();
        let siem = log.iter().rev().chain([&log[0]]).map(|decision| json!({"_source": decision})).collect();
        let request = |n: u64| {
            let code = if denies(n) { 403 } else { 200 };
            json!({"x_decision_id": number(n), "response_code": code, "path": "/v1/records"})
        };
        // Nobody asks a policy about whoever is nobody.
        let refused = json!({"x_decision_id": null, "response_code": "401", "path": "/v1/records"});
        Logged { log, siem, requests: (1..=6).map(request).chain([refused]).collect() }
    }

    fn judge(&self, dir: &Path) -> (i32, Value) {
        let write = |name: &str, lines: Vec<String>| fs::write(dir.join(name), text(&lines)).expect(name);
        let mut head = Digest::ZERO;
        let chained = self.siem.iter().map(|line| {
            let mut members: Map<String, Value> = line.as_object().expect("an object").clone();
            head = link(head, &canonical::line(&members, &[]));
            members.insert("link".into(), json!(head.to_string()));
            Value::Object(members).to_string()
        });
        write("siem.ndjson", chained.collect());
        write("log.ndjson", self.log.iter().map(Value::to_string).collect());
        write("access.ndjson", self.requests.iter().map(Value::to_string).collect());
        let fields = "name = \"_source.decision_id\", input = \"_source.input\", allowed = \"_source.result.allow\", \
                      revision = \"_source.bundles.*.revision\"";
        let table = format!(
            "[files]\n[[files.chain]]\npath = \"siem.ndjson\"\nhead = \"{head}\"\n[[files.decisions]]\npath = \
             \"log.ndjson\"\nsiem = {{ path = \"siem.ndjson\", {fields} }}\nrequests = {{ path = \"access.ndjson\", \
             name = \"x_decision_id\" }}\n"
        );
        certify(dir, &table)
    }
}

#[test]
fn decisions_that_the_siem_has_and_requests_rest_on_are_sound() {
    let dir = tempfile::tempdir().expect("a directory");
    let (code, component) = Logged::sound().judge(dir.path());
    assert_eq!((code, &component["suspicions"]), (0, &json!([])), "{component:#}");
    let judged = component["judged"].as_array().expect("a list").iter();
    let judged = judged.filter(|judged| judged["requirements"].to_string().contains("POL-04"));
    assert_eq!(judged.map(|judged| judged["objects"].clone()).collect::<Vec<_>>(), [6, 6, 4], "{component:#}");
    assert!(!component["not_judged"].to_string().contains("POL-04"), "{component:#}");
}

type Slip = fn(&mut Logged);

#[test]
fn each_way_to_lose_a_decision_is_found_where_it_is() {
    let slips: [(&str, &str, Slip); 9] = [
        ("log.ndjson:2", "it never reached siem.ndjson", |l| drop(l.siem.remove(4))),
        ("siem.ndjson:5", "its question is not what was logged", |l| {
            l.siem[4]["_source"]["input"]["resource"]["label"] = json!("public");
        }),
        ("siem.ndjson:5", "its answer is not what was logged", |l| {
            l.siem[4]["_source"]["result"]["allow"] = json!(false);
        }),
        ("siem.ndjson:5", "its revision is not what was logged", |l| {
            l.siem[4]["_source"]["bundles"]["authz"]["revision"] = json!("6");
        }),
        ("siem.ndjson:5", "nobody logged such a decision", |l| drop(l.log.remove(1))),
        ("siem.ndjson:7", "its answer is not what was logged", |l| {
            l.siem[6]["_source"]["result"]["allow"] = json!(false);
        }),
        ("access.ndjson:3", "it was let through and log.ndjson:3 denied it", |l| {
            l.requests[2]["response_code"] = json!(304);
        }),
        ("access.ndjson:2", "it was let through and names no decision", |l| {
            l.requests[1]["x_decision_id"] = Value::Null;
        }),
        ("access.ndjson:2", "it was let through by a decision that log.ndjson does not have", |l| {
            l.requests[1]["x_decision_id"] = json!("9");
        }),
    ];
    for (object, what, slip) in slips {
        let dir = tempfile::tempdir().expect("a directory");
        let mut logged = Logged::sound();
        slip(&mut logged);
        let (code, component) = logged.judge(dir.path());
        let findings = component["findings"].as_array().expect("a list");
        let told: Vec<(&Value, &Value)> = findings.iter().map(|found| (&found["object"], &found["what"])).collect();
        assert!(code == 1 && told.contains(&(&json!(object), &json!(what))), "{object} {what}: {component:#}");
        assert!(findings[0]["requirements"].to_string().contains("POL-04"), "{component:#}");
    }
}

#[test]
fn what_may_still_be_under_way_and_what_cannot_be_read_is_never_green() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut logged = Logged::sound();
    logged.siem.remove(0);
    let (code, component) = logged.judge(dir.path());
    assert_eq!((code, component["suspicions"].as_array().map(Vec::len)), (3, Some(1)), "{component:#}");
    for break_it in [
        (|l| l.requests.retain(|request| request["response_code"] != 200)) as Slip,
        |l| l.requests[0]["response_code"] = json!("quick"),
        |l| l.siem.iter_mut().for_each(|copy| drop(copy.as_object_mut().and_then(|copy| copy.remove("_source")))),
    ] {
        let mut logged = Logged::sound();
        break_it(&mut logged);
        let (code, component) = logged.judge(dir.path());
        assert!(code == 3 && component["problem"].is_string(), "{component:#}");
    }
}
