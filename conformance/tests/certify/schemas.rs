//! Each defective schema is found with what it breaks and a proof that leaks, and its repair repairs it; nothing is
//! found in sound ones.

use crate::support::{Fixture, PASSWORD, Sql, claimed, fixtures, report, rows, server};
use models::catalogue::Probe;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// The published form of a report.
const SCHEMA: &str = include_str!("../../../reports/schemas/certify.schema.json");
/// Databases that are judged at once.
const AT_ONCE: usize = 3;

/// Does `check` for every fixture, some at once, and fails with everything that was wrong.
fn each(all: Vec<Fixture>, check: impl Fn(&Fixture) -> Result<(), String> + Sync) {
    let only = std::env::var("CELLPROOF_TEST_SCHEMA").ok();
    let todo = Mutex::new(all.into_iter().filter(|f| only.as_ref().is_none_or(|o| *o == f.name)).collect::<Vec<_>>());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().expect("a list").pop();
                    let Some(fixture) = next else { break };
                    if let Err(why) = check(&fixture) {
                        wrong.lock().expect("a list").push(format!("{}: {why}", fixture.name));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("a list");
    wrong.sort();
    assert!(wrong.is_empty(), "{} are wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn list<'v>(report: &'v Value, name: &str) -> &'v [Value] {
    report["components"][0][name].as_array().map_or(&[], Vec::as_slice)
}

fn shown(report: &Value) -> String {
    let component = &report["components"][0];
    let parts = ["problem", "findings", "suspicions"].map(|name| format!("{name}: {:#}", component[name]));
    parts.join("\n")
}

/// What a proof's statements answer, on a connection of the application's own.
fn outcome(fixture: &Fixture, url: &str, proof: &Value) -> Vec<String> {
    let sql = Sql::open(url, &fixture.database(), Some((&fixture.role(), PASSWORD)));
    let statements = proof["statements"].as_array().expect("statements");
    let answer = |s: &Value| match sql.try_run(s.as_str().expect("a statement")) {
        Ok(rows) => rows.join("\n"),
        Err(why) => why,
    };
    statements.iter().map(answer).collect()
}

#[test]
fn each_defective_schema_is_found_with_a_proof_that_leaks_and_a_repair_that_holds() {
    let Some(server) = server() else { return };
    let all = fixtures("defective");
    assert!(all.len() >= 60, "{}", all.len());
    each(all, |fixture| {
        fixture.build(&server.url);
        let deployment = fixture.deployment(&server.url);
        let (code, before) = report(&deployment);
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        let disagreements = reports::sample::schema::disagreements(&schema, &before);
        if !disagreements.is_empty() {
            return Err(format!("the report is not what its schema says: {disagreements:#?}"));
        }
        let findings = list(&before, "findings");
        let [finding] = findings else { return Err(format!("{} findings\n{}", findings.len(), shown(&before))) };
        let (object, breaks) = (fixture.head("object").expect("an object"), fixture.head("breaks").expect("a row"));
        if code != 1 || finding["object"] != object.as_str() || finding["requirements"][0] != breaks.as_str() {
            return Err(format!("exit {code}, expected {object} {breaks}\n{}", shown(&before)));
        }
        let leaked = outcome(fixture, &server.url, &finding["proof"]);
        let repair = finding["repair"].as_array().expect("a repair");
        let root = Sql::open(&server.url, &fixture.database(), None);
        for statement in repair.iter().filter_map(Value::as_str) {
            root.try_run(statement).map_err(|why| format!("{why}: {statement}\n{}", shown(&before)))?;
        }
        drop(root);
        let fenced = outcome(fixture, &server.url, &finding["proof"]);
        if leaked == fenced {
            return Err(format!("the proof shows the same after the repair: {leaked:#?}\n{}", shown(&before)));
        }
        let (code, after) = report(&deployment);
        if code != 0 || !list(&after, "findings").is_empty() {
            return Err(format!("exit {code} after {repair:#?}\n{}", shown(&after)));
        }
        Ok(())
    });
}

#[test]
fn a_judge_that_only_reads_never_calls_what_needs_a_write_green_or_shown() {
    let Some(server) = server() else { return };
    let all: Vec<_> = fixtures("defective").into_iter().filter(|f| f.head("mode").is_some()).collect();
    // What shows in no catalogue: what views and functions write, and a fence that a function gets before.
    let unseen = ["view_writes", "view_no_barrier", "rule_writes", "definer_writes"];
    each(all, |fixture| {
        fixture.build(&server.url);
        let (code, report) = report(&fixture.deployment(&server.url).replace("rollback", "observe"));
        let expected = if unseen.contains(&fixture.name.as_str()) { 0 } else { 3 };
        let said = list(&report, "not_judged").iter().any(|n| n["why"] == "mode observe only reads");
        if code != expected || !list(&report, "findings").is_empty() || !said {
            return Err(format!("exit {code}, expected {expected}\n{}", shown(&report)));
        }
        Ok(())
    });
}

#[test]
fn nothing_is_found_in_a_sound_schema_of_any_style() {
    let Some(server) = server() else { return };
    let all = fixtures("sound");
    assert!(all.len() >= 10, "{}", all.len());
    let asked = Mutex::new(BTreeSet::new());
    each(all, |fixture| {
        fixture.build(&server.url);
        let observing = fixture.deployment(&server.url);
        for deployment in [&observing, &observing.replace("observe", "rollback")] {
            let (code, report) = report(deployment);
            let judged: u64 = list(&report, "judged").iter().filter_map(|j| j["objects"].as_u64()).sum();
            if code != 0 || judged < 5 || !list(&report, "suspicions").is_empty() {
                return Err(format!("exit {code}, {judged} judged\n{}", shown(&report)));
            }
            asked.lock().expect("a set").extend(rows(&report["components"][0]));
        }
        Ok(())
    });
    assert_eq!(asked.into_inner().expect("a set"), claimed(Probe::Postgres, &[]));
}
