//! OSCAL of the hand-made records: nothing is satisfied that is not known to hold.

use super::*;
use crate::format::{Format, render};
use crate::sample;
use sim::record::ScenarioVerdict;

fn results(record: &GateRecord) -> Value {
    let document: Value = serde_json::from_str(&render(record, Format::OscalResults)).expect("JSON");
    document["assessment-results"]["results"][0].clone()
}

/// The state of a control, if there is a finding about it.
fn state(record: &GateRecord, control: &str) -> Option<String> {
    let results = results(record);
    let findings = results["findings"].as_array().cloned().unwrap_or_default();
    let found = findings.iter().find(|f| f["target"]["target-id"] == format!("{control}_obj"));
    found.map(|f| f["target"]["status"]["state"].as_str().expect("a state").to_owned())
}

/// What is missing for a control to be decided.
fn open(record: &GateRecord, control: &str) -> Option<String> {
    let results = results(record);
    let props = results["props"].as_array().cloned().unwrap_or_default();
    let found = props.iter().find(|p| p["name"] == "undetermined-control" && p["value"] == control);
    found.map(|p| p["remarks"].as_str().expect("a remark").to_owned())
}

/// A good day on which somebody looked at floods of events, too.
fn flooded() -> GateRecord {
    let mut record = sample::held();
    record.scenarios[0].requirements.push("EVT-08".into());
    record
}

#[test]
fn the_map_is_whole_and_its_ids_are_written_as_oscal_writes_them() {
    let map = ControlMap::read();
    assert_eq!(map.threats.len(), 10);
    for threat in &map.threats {
        assert!(!threat.requirements.is_empty() && !threat.nist.is_empty(), "{}", threat.name);
        let names: Vec<&str> = threat.others.keys().map(String::as_str).collect();
        assert_eq!(names, ["cjis", "fedramp", "gdpr", "hipaa", "soc2"], "{}", threat.name);
        for control in &threat.nist {
            let (family, number) = control.split_once('-').expect("a family and a number");
            assert!(family.len() == 2 && family.chars().all(|c| c.is_ascii_lowercase()), "{control}");
            assert!(number.split('.').all(|part| part.parse::<u8>().is_ok()), "{control}");
        }
    }
}

#[test]
fn a_control_is_satisfied_when_all_that_speaks_for_it_held_and_a_canary_failed() {
    let mut record = flooded();
    assert_eq!(state(&record, "sc-6").as_deref(), Some("satisfied"));
    record.scenarios.iter_mut().find(|s| s.canary).expect("a canary").verdict = ScenarioVerdict::Held;
    assert_eq!(state(&record, "sc-6"), None, "the judges may be blind");
    record.scenarios.retain(|s| !s.canary);
    assert_eq!(state(&record, "sc-6"), None);
    assert_eq!(open(&record, "sc-6").as_deref(), Some("No canary failed, so the judges may be blind."));
}

#[test]
fn a_control_of_which_something_is_open_is_no_finding() {
    for verdict in [
        ScenarioVerdict::Vacuous,
        ScenarioVerdict::Toothless,
        ScenarioVerdict::Nondeterministic,
        ScenarioVerdict::Skipped("no time".into()),
    ] {
        let mut record = flooded();
        record.scenarios[0].verdict = verdict;
        assert_eq!(state(&record, "sc-6"), None);
        assert_eq!(open(&record, "sc-6").as_deref(), Some("EVT-08 is inconclusive."));
    }
    assert_eq!(state(&sample::held(), "sc-6"), None);
    assert_eq!(open(&sample::held(), "sc-6").as_deref(), Some("EVT-08 is not covered."));
}

#[test]
fn a_control_is_not_satisfied_as_soon_as_one_row_broke() {
    let mut record = flooded();
    record.scenarios[0].verdict = ScenarioVerdict::Breach;
    assert_eq!(state(&record, "sc-6").as_deref(), Some("not-satisfied"));
    assert_eq!(state(&sample::record(), "ac-4.4").as_deref(), Some("not-satisfied"), "residency broke");
}

#[test]
fn ids_are_made_of_names_and_of_the_record() {
    let uuid = |record: &GateRecord, format: Format, path: &str| {
        let document: Value = serde_json::from_str(&render(record, format)).expect("JSON");
        document.pointer(path).and_then(Value::as_str).expect("an id").to_owned()
    };
    let (one, other) = (sample::record(), sample::held());
    let document = "/assessment-results/uuid";
    assert_eq!(uuid(&one, Format::OscalResults, document), uuid(&one, Format::OscalResults, document));
    assert_ne!(uuid(&one, Format::OscalResults, document), uuid(&other, Format::OscalResults, document));
    let component = "/component-definition/components/0/uuid";
    assert_eq!(uuid(&one, Format::OscalComponents, component), uuid(&other, Format::OscalComponents, component));
    assert_eq!(&uuid(&one, Format::OscalResults, document)[14..15], "5", "version 5");
}

#[test]
fn an_empty_record_has_no_finding_and_no_empty_list() {
    let mut record = sample::held();
    record.scenarios.clear();
    record.slos.clear();
    record.serving.clear();
    record.controls.clear();
    let results = results(&record);
    assert!(results["findings"].is_null() && results["observations"].is_null(), "{results}");
    assert!(!render(&record, Format::OscalComponents).contains("\"components\""));
}
