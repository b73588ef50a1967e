//! Each defective Kafka is found with what it breaks, and its repair repairs it; nothing is found in sound ones, and
//! nothing is left behind.
//!
//! The cluster is the hosted reference: what is proved here is that the judge sees a slip through the wire protocol,
//! and not that a real broker would make it.

mod bench;

use crate::support::{certify_in, claimed, rows};
use bench::{Bench, findings, slips, sound};
use models::catalogue::Probe;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The published form of a report.
const SCHEMA: &str = include_str!("../../../reports/schemas/certify.schema.json");

#[test]
fn each_defective_cluster_is_found_and_its_repair_holds() {
    let all = slips();
    assert!(all.len() >= 30, "{}", all.len());
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let mut wrong = Vec::new();
    for slip in &all {
        let bench = Bench::new(&slip.planted(&sound("usual")));
        let before = bench.host.census();
        let (code, report) = bench.judge("observe");
        assert_eq!(reports::sample::schema::disagreements(&schema, &report), Vec::<String>::new(), "{}", slip.name);
        assert_eq!(bench.host.census(), before, "{}: something was left", slip.name);
        let found = findings(&report);
        let [finding] = found.as_slice() else {
            wrong.push(format!("{}: {} findings\n{report:#}", slip.name, found.len()));
            continue;
        };
        let is_it = finding["object"] == slip.object && finding["requirements"][0] == slip.breaks;
        if code != 1 || !is_it || finding["proof"]["statements"][0].as_str().is_none_or(str::is_empty) {
            wrong.push(format!("{}: exit {code}\n{finding:#}", slip.name));
            continue;
        }
        let lines = finding["repair"].as_array().expect("a repair").iter().filter_map(Value::as_str);
        let repaired = bench.repaired(lines);
        let (code, after) = repaired.judge("observe");
        if code != 0 {
            wrong.push(format!("{}: exit {code} after {}\n{after:#}", slip.name, finding["repair"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong\n\n{}", wrong.len(), all.len(), wrong.join("\n\n"));
}

#[test]
fn what_is_done_and_not_only_asked_is_found_as_well_and_nothing_is_left() {
    let named = |name: &str| slips().into_iter().find(|slip| slip.name == name).expect(name);
    for name in [
        "a tenant reads another one's topics, every one",
        "a tenant writes to another one's topics",
        "a tenant removes what another one has",
        "a tenant without a quota",
        "topics that come by themselves",
        "nobody looks at rules",
    ] {
        let slip = if name.ends_with("every one") {
            let mut slip = named("a tenant writes to another one's topics");
            slip.to = slip.to.replace("Write", "Read");
            slip
        } else {
            named(name)
        };
        let bench = Bench::new(&slip.planted(&sound("usual")));
        let before = bench.host.census();
        let (code, report) = bench.judge("destructive");
        assert_eq!(bench.host.census(), before, "{name}: something was left");
        let found = findings(&report);
        assert_eq!((code, found.len()), (1, 1), "{name}: {report:#}");
        assert_eq!((&found[0]["object"], &found[0]["requirements"][0]), (&slip.object.into(), &slip.breaks.into()));
    }
}

#[test]
fn nothing_is_found_in_a_sound_cluster_and_nothing_is_left() {
    let mut asked = BTreeSet::new();
    for name in ["usual", "certificates"] {
        let bench = Bench::of(name);
        let before = bench.host.census();
        for mode in ["observe", "destructive"] {
            let (code, report) = bench.judge(mode);
            assert_eq!((code, findings(&report).len()), (0, 0), "{name}, {mode}: {report:#}");
            let component = &report["components"][0];
            assert_eq!(component["server"], format!("cellproof's own reference of {} brokers", bench.brokers()));
            let notes = component["notes"].to_string();
            assert!(notes.contains("judged on the reference only"), "{notes}");
            let judged: u64 =
                component["judged"].as_array().expect("a list").iter().filter_map(|j| j["objects"].as_u64()).sum();
            assert!(judged >= 30, "{name}, {mode}: {judged}");
            assert_eq!(bench.host.census(), before, "{name}, {mode}: something was left");
            asked.extend(rows(component));
        }
    }
    assert_eq!(asked, claimed(Probe::Kafka, &[]));
}

#[test]
fn without_an_operator_the_same_rules_are_tried_and_what_is_not_told_is_said() {
    let slip = &slips()[0];
    let bench = Bench::new(&slip.planted(&sound("usual")));
    let text = bench.deployment("observe");
    let text = text.split("[kafka.operator]").next().expect("a deployment");
    let ended = certify_in(bench.dir.path(), text, &["--json"]);
    let report: Value = serde_json::from_str(&ended.out).expect("a report");
    let found = findings(&report);
    assert_eq!((ended.code, found.len()), (1, 1), "{report:#}");
    assert_eq!(found[0]["object"], slip.object);
    let open = report["components"][0]["not_judged"].to_string();
    for what in ["quotas (EVT-08, TEN-05)", "topics that come by themselves (EVT-03, EVT-08)"] {
        assert!(open.contains(&format!("\"what\":\"{what}\"")), "{open}");
    }
}

#[test]
fn a_cluster_that_cannot_be_entered_is_never_green() {
    let bench = Bench::of("usual");
    let deployment = bench.deployment("observe");
    let ends = |text: &str, code: i32, told: &str| {
        let ended = certify_in(bench.dir.path(), text, &[]);
        let flat = format!("{} {}", ended.out, ended.err).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ended.code == code && flat.contains(told), "{told}: exit {}\n{}{}", ended.code, ended.out, ended.err);
        for secret in ["acme-password", "globex-password", "auditor-password"] {
            assert!(!flat.contains(secret), "{flat}");
        }
    };
    let with = |from: &str, to: &str| {
        assert!(deployment.contains(from), "{from}\n{deployment}");
        deployment.replace(from, to)
    };
    fs::write(bench.dir.path().join("password-wrong"), "nobody's").expect("a password");
    ends(&with("file = \"password-{id}\"", "file = \"password-wrong\""), 3, "t_acme: SASL_AUTHENTICATION_FAILED");
    ends(&with("file = \"password-{id}\"", "file = \"nowhere\""), 3, "file nowhere: ");
    ends(&with("file = \"password-auditor\"", "file = \"password-wrong\""), 3, "auditor: SASL_AUTHENTICATION_FAILED");
    ends(&with("ca = \"ca.pem\"", "ca = \"other.pem\""), 3, "invalid peer certificate: UnknownIssuer");
    ends(&with("ca = \"ca.pem\"", "ca = \"acme.key\""), 3, "no certificate in it");
    ends(&with(", key = \"{id}.key\"", ""), 2, "half a client certificate");
    ends(&with("sample = \"orders\"", "sample = \"nothing\""), 3, "acme has no topic tenant.acme.nothing");
    ends(&with("tenant.{id}.", "team.{id}."), 3, "acme may not even see a topic of its own, team.acme.orders");
    ends(&with("kafka://", "http://"), 2, "no URL of a Kafka broker, expected kafka://HOST:PORT");
    ends(&with("kafka://", "kafka://t_acme:acme-pass@"), 2, "a user or a password in the URL");
    ends(&with("\npassword", "\n# password"), 2, "half a login");
    let alone = deployment.split("[kafka.operator]").next().expect("a deployment").replace("observe", "destructive");
    ends(&alone, 2, "mode \"destructive\" without an operator");
    let bare = with("tls = { ca = \"ca.pem\", certificate = \"{id}.pem\", key = \"{id}.key\" }", "");
    ends(&bare, 3, "failed to connect to 127.0.0.1:");
    let port = bench.port();
    drop(bench);
    let dir = tempfile::tempdir().expect("a directory");
    for id in ["acme", "globex", "auditor"] {
        fs::write(dir.path().join(format!("password-{id}")), "x").expect("a password");
    }
    let plain = deployment.lines().filter(|line| !line.starts_with("tls = ")).collect::<Vec<_>>().join("\n");
    let ended = certify_in(dir.path(), &plain, &[]);
    let told = format!("failed to connect to 127.0.0.1:{port}: ");
    assert!(ended.code == 3 && ended.out.contains(&told), "{}{}", ended.out, ended.err);
}

#[test]
fn a_judge_that_is_killed_leaves_marked_topics_and_clean_removes_them() {
    // Without a quota a flood lasts long enough to be killed in.
    let slip = slips().into_iter().find(|slip| slip.name == "a tenant without a quota").expect("a slip");
    let bench = Bench::new(&slip.planted(&sound("usual")));
    let before = bench.host.census();
    let file = bench.dir.path().join("deployment.toml");
    let endless = bench.deployment("destructive").replace("[kafka]\n", "[kafka]\nflood-kib = 1000000\n");
    fs::write(&file, endless).expect("a deployment");
    let command = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
        command.arg("certify").arg(&file).stdin(Stdio::null()).stdout(Stdio::piped());
        command
    };
    let mut judge = command().spawn().expect("the binary starts");
    let until = Instant::now() + Duration::from_secs(60);
    let marked = |census: &[String]| census.iter().filter(|line| line.contains(".cellproof-written ")).count();
    while marked(&bench.host.census()) < 2 {
        assert!(Instant::now() < until, "nothing was made");
        thread::sleep(Duration::from_millis(2));
    }
    judge.kill().expect("it runs");
    judge.wait().expect("it ends");
    assert_eq!(marked(&bench.host.census()), 2);
    for removed in ["2 marked topics", "0 marked topics"] {
        let cleaned = command().arg("--clean").output().expect("the binary starts");
        let said = String::from_utf8_lossy(&cleaned.stdout).into_owned();
        assert!(cleaned.status.success() && said.contains(removed), "{said}");
        assert_eq!(bench.host.census(), before);
    }
}
