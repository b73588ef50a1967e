//! The published schema describes exactly what is written.
//!
//! The schema forbids unknown properties, so a field that is added to the record and not documented fails here.

use reports::sample::schema;
use serde_json::Value;

fn disagreements(record: &reports::GateRecord) -> Vec<String> {
    let schema: Value = serde_json::from_str(reports::format::json::SCHEMA).expect("the schema is JSON");
    let report = reports::render(record, reports::Format::Json);
    let report: Value = serde_json::from_str(&report).expect("the report is JSON");
    schema::disagreements(&schema, &report)
}

#[test]
fn what_is_written_is_what_the_schema_says() {
    assert_eq!(disagreements(&reports::sample::record()), Vec::<String>::new());
}

#[test]
fn the_check_sees_a_wrong_version() {
    let mut record = reports::sample::record();
    record.version = 7;
    assert_eq!(disagreements(&record), ["/version: 7 is not 1"]);
}

#[test]
fn every_property_is_described() {
    let schema: Value = serde_json::from_str(reports::format::json::SCHEMA).expect("the schema is JSON");
    let definitions = schema["$defs"].as_object().expect("definitions").values().chain([&schema]);
    for properties in definitions.filter_map(|d| d["properties"].as_object()) {
        for (name, property) in properties {
            assert!(property["description"].is_string(), "{name} has no description");
        }
    }
}
