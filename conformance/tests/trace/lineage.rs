//! Column lineage as OpenLineage has it: every column has a level, and none is below what it was made from.

use super::files::{certify, text};
use serde_json::{Value, json};
use std::fs;

/// A dataset with the level of each column.
fn dataset(name: &str, levels: &[(&str, &str)]) -> Value {
    let fields: Vec<Value> = levels.iter().map(|(column, _)| json!({"name": column, "type": "text"})).collect();
    let tag = |(column, level): &(&str, &str)| json!({"key": "classification", "value": level, "field": column});
    let tags: Vec<Value> = levels.iter().map(tag).collect();
    json!({"namespace": "warehouse", "name": name, "facets": {"schema": {"fields": fields}, "tags": {"tags": tags}}})
}

fn input(field: &str, kind: &str, subtype: &str) -> Value {
    let (name, field) = field.split_once('.').expect("a column of a dataset");
    let transformation = json!({"type": kind, "subtype": subtype, "description": "", "masking": false});
    json!({"namespace": "warehouse", "name": name, "field": field, "transformations": [transformation]})
}

/// What a run of a pipeline says: a column each by a join, a window and a function, and rows that a ward decides.
fn sound() -> Vec<Value> {
    let customers = dataset(
        "customers",
        &[("id", "public"), ("segment", "internal"), ("email", "confidential"), ("diagnosis", "restricted")],
    );
    // Levels are told by number here.
    let visits = dataset("visits", &[("day", "1"), ("customer", "0"), ("ward", "3")]);
    let mut guests = dataset("guests", &[("day", "internal"), ("guest", "confidential"), ("earlier", "confidential")]);
    guests["facets"]["columnLineage"] = json!({"fields": {
        "day": {"inputFields": [input("visits.day", "DIRECT", "IDENTITY")]},
        "guest": {"inputFields": [
            input("visits.day", "DIRECT", "TRANSFORMATION"), input("customers.email", "DIRECT", "TRANSFORMATION")
        ]},
        "earlier": {"inputFields": [
            input("customers.email", "DIRECT", "IDENTITY"), input("customers.segment", "INDIRECT", "WINDOW")
        ]},
    }, "dataset": [input("visits.customer", "INDIRECT", "JOIN")]});
    let mut oncology = dataset("oncology", &[("id", "restricted"), ("n", "internal")]);
    oncology["facets"]["columnLineage"] = json!({"fields": {
        "id": {"inputFields": [input("customers.id", "DIRECT", "IDENTITY")]},
        "n": {"inputFields": [input("customers.id", "DIRECT", "AGGREGATION")]},
    }, "dataset": [input("visits.ward", "INDIRECT", "FILTER")]});
    let inputs = [customers, visits];
    let run = |kind: &str, outputs: &[&Value]| json!({"eventType": kind, "inputs": inputs, "outputs": outputs});
    // What a run says before it ends does not count.
    let mut early = dataset("guests", &[("guest", "public")]);
    early["facets"]["columnLineage"] = guests["facets"]["columnLineage"].clone();
    vec![run("COMPLETE", &[&guests]), run("COMPLETE", &[&oncology]), run("START", &[&early])]
}

fn judge(events: &[Value]) -> (i32, Value) {
    let dir = tempfile::tempdir().expect("a directory");
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    fs::write(dir.path().join("lineage.ndjson"), text(&lines)).expect("events");
    let declassified = "[{ field = \"warehouse/oncology.n\", reason = \"no fewer than fifty are counted\" }]";
    let table = format!("[files]\n[[files.lineage]]\npath = \"lineage.ndjson\"\ndeclassified = {declassified}\n");
    certify(dir.path(), &table)
}

#[test]
fn of_sound_lineage_nothing_is_found_and_what_is_declassified_is_told() {
    let (code, component) = judge(&sound());
    assert_eq!((code, &component["suspicions"]), (0, &json!([])), "{component:#}");
    let judged = component["judged"].as_array().expect("a list").iter();
    // Columns of four datasets, and those that are derived but for the declassified one.
    assert_eq!(judged.map(|judged| judged["objects"].clone()).collect::<Vec<_>>(), [12, 4], "{component:#}");
    let told = &component["not_judged"].to_string();
    assert!(told.contains("warehouse/oncology.n") && told.contains("no fewer than fifty"), "{told}");
}

type Slip = fn(&mut [Value]);

fn levels(event: &mut Value, list: &str, at: usize, to: &[(&str, &str)]) {
    for tag in event[list][at]["facets"]["tags"]["tags"].as_array_mut().expect("tags") {
        if let Some((_, level)) = to.iter().find(|(column, _)| tag["field"] == *column) {
            tag["value"] = json!(level);
        }
    }
}

#[test]
fn each_column_below_what_it_was_made_from_is_found_with_that() {
    let made = "and made from warehouse/customers.email, which is confidential";
    let slips: [(&str, String, Slip); 6] = [
        ("lineage.ndjson:1", format!("warehouse/guests.guest is internal, {made}"), |all| {
            levels(&mut all[0], "outputs", 0, &[("guest", "internal")]);
        }),
        ("lineage.ndjson:1", format!("warehouse/guests.earlier is public, {made}"), |all| {
            levels(&mut all[0], "outputs", 0, &[("earlier", "public")]);
        }),
        (
            "lineage.ndjson:2",
            "warehouse/oncology.id is confidential, and its rows are chosen by warehouse/visits.ward, which is \
             restricted"
                .to_owned(),
            |all| levels(&mut all[1], "outputs", 0, &[("id", "confidential")]),
        ),
        ("lineage.ndjson: warehouse/guests", "columns without a level: day".to_owned(), |all| {
            levels(&mut all[0], "outputs", 0, &[("day", "secret")]);
        }),
        ("lineage.ndjson: warehouse/visits", "columns without a level: note".to_owned(), |all| {
            // The last word counts: of both runs.
            for event in all {
                let fields = event["inputs"][1]["facets"]["schema"]["fields"].as_array_mut().expect("fields");
                fields.push(json!({"name": "note"}));
            }
        }),
        (
            "lineage.ndjson:1",
            "warehouse/guests.day is internal, and made from warehouse/feed.day, which is restricted".to_owned(),
            |all| {
                let lineage = &mut all[0]["outputs"][0]["facets"]["columnLineage"]["fields"]["day"];
                lineage["inputFields"] = json!([input("feed.day", "DIRECT", "IDENTITY")]);
            },
        ),
    ];
    for (object, what, slip) in slips {
        let mut events = sound();
        slip(&mut events);
        let (code, component) = judge(&events);
        let findings = component["findings"].as_array().cloned().unwrap_or_default();
        assert_eq!((code, findings.len()), (1, 1), "{what}: {component:#}");
        assert_eq!((&findings[0]["object"], &findings[0]["what"]), (&json!(object), &json!(what)), "{component:#}");
        assert_eq!(findings[0]["requirements"], json!(["CLS-01"]), "{component:#}");
    }
}

#[test]
fn events_that_tell_no_lineage_are_inconclusive() {
    let mut events = sound();
    events.iter_mut().for_each(|event| event["eventType"] = json!("RUNNING"));
    assert_eq!(judge(&events).0, 3);
    let mut nameless = sound();
    nameless[0]["outputs"][0]["name"] = Value::Null;
    let (code, component) = judge(&nameless);
    let why = component["problem"].as_str().unwrap_or_default();
    assert!(code == 3 && why.contains("lineage.ndjson:1: a dataset without namespace and name"), "{component:#}");
    // An input that is not told whole may be the one that counts.
    let mut torn = sound();
    torn[0]["outputs"][0]["facets"]["columnLineage"]["fields"]["guest"]["inputFields"][1]["field"] = Value::Null;
    let (code, component) = judge(&torn);
    let why = component["problem"].as_str().unwrap_or_default();
    assert!(code == 3 && why.contains("an input field without namespace, name and field"), "{component:#}");
}
