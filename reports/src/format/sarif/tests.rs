//! SARIF of the hand-made records: everything that is not known to hold is in it, and nothing is in it as passed.

use super::*;
use crate::sample;
use crate::text::presentable;
use serde_json::Value;
use sim::record::AblationVerdict;

fn log(record: &GateRecord) -> Value {
    serde_json::from_str(&render(&presentable(record.clone()))).expect("JSON")
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().expect("results")
}

fn field<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn it_keeps_the_schema_and_what_the_schema_cannot_say() {
    let schema: Value = serde_json::from_str(include_str!("../../../tests/sarif.schema.json")).expect("JSON");
    for record in [sample::record(), sample::held()] {
        let log = log(&record);
        assert_eq!(sample::schema::disagreements(&schema, &log), Vec::<String>::new());
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
        let ids: BTreeSet<&str> = rules.iter().map(|rule| field(rule, "/id")).collect();
        assert_eq!(ids.len(), rules.len(), "every rule stands once");
        let mut fingerprints = BTreeSet::new();
        for result in results(&log) {
            let at = result["ruleIndex"].as_u64().expect("an index") as usize;
            assert_eq!(rules[at]["id"], result["ruleId"]);
            // 3.27.10: only what failed has a level.
            assert_eq!(result["kind"] == "fail", result["level"] != "none", "{result}");
            assert!(fingerprints.insert(field(result, "/partialFingerprints/primaryLocationLineHash").to_owned()));
        }
    }
}

#[test]
fn what_is_broken_fails_and_what_is_not_known_to_hold_is_open() {
    let record = sample::record();
    let log = log(&record);
    for s in &record.scenarios {
        let of = |kind: &str| {
            let same = |r: &&Value| field(r, "/properties/scenario") == s.name && r["kind"] == kind;
            results(&log).iter().filter(same).map(|r| field(r, "/ruleId")).collect::<BTreeSet<_>>()
        };
        let (fail, open) = (of("fail"), of("open"));
        match Standing::of(s) {
            Standing::Held | Standing::CanaryFailed => assert!(fail.is_empty() && open.is_empty(), "{}", s.name),
            Standing::Broken => {
                let blamed = blamed(&record, s);
                assert!(blamed.iter().all(|id| fail.contains(id)), "{}: {fail:?}", s.name);
                let rest = s.requirements.iter().filter(|id| !blamed.contains(id.as_str()) && !blamed.is_empty());
                assert!(rest.into_iter().all(|id| open.contains(id.as_str())), "{}: {open:?}", s.name);
            }
            _ => {
                assert!(s.requirements.iter().all(|id| open.contains(id.as_str())), "{}: {open:?}", s.name);
                assert!(fail.is_empty(), "{}: {fail:?}", s.name);
            }
        }
    }
    for id in matrix::not_covered(&record) {
        assert!(results(&log).iter().any(|r| r["ruleId"] == id && r["kind"] == "open"), "{id}");
    }
    let without = record.slos.iter().filter(|slo| slo.verdict != SloVerdict::Met).count();
    assert_eq!(results(&log).iter().filter(|r| !field(r, "/properties/condition").is_empty()).count(), without);
    assert!(results(&log).iter().all(|r| r["kind"] == "fail" || r["kind"] == "open"));
}

#[test]
fn a_result_shows_how_to_see_it_again() {
    let mut record = sample::record();
    let log = log(&record);
    let of = |rule: &str, log: &Value| {
        results(log)
            .iter()
            .find(|r| r["ruleId"] == rule && r["kind"] == "fail")
            .map(|r| r["message"]["text"].to_string())
    };
    let told = of("EVT-05", &log).or_else(|| of("POL-06", &log)).expect("a broken requirement");
    assert!(told.contains("cellproof replay cp1."), "{told}");
    let silent = record.scenarios.iter_mut().find(|s| s.canary).expect("a canary");
    silent.verdict = ScenarioVerdict::Held;
    let log = self::log(&record);
    assert!(results(&log).iter().any(|r| r["ruleId"] == CANARY && r["kind"] == "open"), "a silent canary is open");
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!((&invocation["exitCode"], &invocation["executionSuccessful"]), (&1.into(), &true.into()));
}

#[test]
fn a_control_that_nobody_misses_is_open_and_any_other_difference_fails() {
    let mut record = sample::held();
    let ablation = &mut record.scenarios[0].ablations[0];
    ablation.observed = AblationVerdict::NotInvolved;
    let control = ablation.control.clone();
    let kind = |record: &GateRecord| {
        let log = log(record);
        let odd: Vec<&Value> = results(&log).iter().filter(|r| r["ruleId"] == ABLATION).collect();
        assert_eq!((odd.len(), field(odd[0], "/properties/control")), (1, control.as_str()));
        field(odd[0], "/kind").to_owned()
    };
    assert_eq!(kind(&record), "open", "declared to stop the attack alone");
    record.scenarios[0].ablations[0].expected = AblationVerdict::Redundant(2);
    assert_eq!(kind(&record), "fail");
}

#[test]
fn a_result_keeps_its_fingerprint_when_seeds_code_and_sentences_change() {
    let before = sample::record();
    let mut after = before.clone();
    (after.code, after.seed_base, after.nonce) = ("f".repeat(64), "5".into(), "n-2".into());
    for s in &mut after.scenarios {
        s.why.iter_mut().for_each(|why| why.push_str(" (another seed)"));
        s.replay = s.replay.as_ref().map(|line| line.replace("cp1.", "cp1.x"));
    }
    let prints = |record: &GateRecord| {
        let log = log(record);
        let of = |r: &Value| field(r, "/partialFingerprints/cellproof~1v1").to_owned();
        let id = field(&log, "/runs/0/automationDetails/id").to_owned();
        (results(&log).iter().map(of).collect::<Vec<_>>(), id)
    };
    let ((one, id), (other, other_id)) = (prints(&before), prints(&after));
    assert_eq!(one, other);
    assert!(one.iter().all(|print| print.len() == 64));
    assert_ne!(id, other_id, "two runs");
    assert_eq!(id.rsplit_once('/').map(|at| at.0), Some(CATEGORY));
}

#[test]
fn no_more_results_than_are_taken_and_the_worst_of_them() {
    let mut record = sample::record();
    let slo = record.slos.iter().find(|slo| slo.verdict == SloVerdict::NoData).expect("one").clone();
    record.slos.extend((0..RESULTS_MAX).map(|n| SloRecord { tenant: format!("tenant-{n}"), ..slo.clone() }));
    let log = log(&record);
    assert_eq!(results(&log).len(), RESULTS_MAX);
    let failed = |log: &Value| results(log).iter().filter(|r| r["kind"] == "fail").count();
    assert_eq!(failed(&log), failed(&self::log(&sample::record())), "nothing that failed is left out");
    let told = log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].to_string();
    assert!(told.contains("left out"), "{told}");
}
