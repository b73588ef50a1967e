//! A drill as a file: its timeline, what was expected, and what came of it. Its timeline part is read by `--import`.

use crate::exit::Exit;
use scenarios::drill::{Drill, Ran, document};
use serde_json::{Value, json};

/// The whole as JSON, by `reports/schemas/drill.schema.json`.
pub fn write(drill: &Drill, ran: &Ran, exit: Exit, again: &str) -> String {
    text(&value(drill, ran, exit, again))
}

/// The same of a drill on containers, with what was done there.
pub fn with_containers(drill: &Drill, ran: &Ran, exit: Exit, again: &str, containers: Value) -> String {
    let mut value = value(drill, ran, exit, again);
    value["outcome"]["containers"] = containers;
    text(&value)
}

fn text(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a tree of values serialises") + "\n"
}

fn value(drill: &Drill, ran: &Ran, exit: Exit, again: &str) -> Value {
    let mut value = document::write(drill);
    value["outcome"] = json!({
        "exit": exit.code(),
        "command": again,
        "objectives": ran.outcomes,
        "beside": ran.beside,
        "run": ran.record,
    });
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::config::Inputs;
    use reports::sample::schema::disagreements;
    use scenarios::drill::map::Map;

    fn schema() -> Value {
        serde_json::from_str(include_str!("../../../../reports/schemas/drill.schema.json")).expect("JSON")
    }

    fn drill(text: &str) -> (Drill, Ran) {
        let inputs = Inputs::embedded();
        let document = document::Document::parse("drill.json", text, &inputs, &Map::of(&inputs)).expect("sound");
        let drill = Drill::of(&inputs, document);
        let ran = drill.run(&inputs, &[]);
        (drill, ran)
    }

    #[test]
    fn what_is_written_is_as_the_schema_says_and_can_be_imported() {
        let text = r#"{"version": 1, "seed": "3", "length_ms": 20000,
            "incidents": [{"kind": "cache-loss", "title": "the cache goes", "faults": [
                {"kind": "crash", "target": {"node": "cell-a/cache"}, "from_ms": 8000, "until_ms": 9000},
                {"kind": "delay", "target": {"from": {"group": "cell-a"}, "to": "all"}, "from_ms": 9000,
                 "until_ms": 9500, "strength": 300}]}],
            "observed": [{"tenant": "acme", "objective": "SLO-01", "verdict": "MET"}]}"#;
        let (one, ran) = drill(text);
        let written = write(&one, &ran, Exit::Held, "cellproof drill --import x");
        let value: Value = serde_json::from_str(&written).expect("JSON");
        assert_eq!(disagreements(&schema(), &value), Vec::<String>::new());
        let mut report: Value =
            serde_json::from_str(include_str!("../../../../reports/schemas/report.schema.json")).expect("JSON");
        let fields = report.as_object_mut().expect("an object");
        fields.retain(|name, _| name == "$defs");
        fields.insert("$ref".into(), json!("#/$defs/run"));
        assert_eq!(disagreements(&report, &value["outcome"]["run"]), Vec::<String>::new());
        let mut timeline = value;
        timeline.as_object_mut().expect("an object").remove("outcome");
        let (same, again) = drill(&timeline.to_string());
        assert_eq!((same.story, again.record.digest), (one.story, ran.record.digest));
    }

    #[test]
    fn every_property_of_the_schema_is_described() {
        fn check(at: &str, schema: &Value) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                assert!(property["description"].is_string(), "{at}/{name} is not described");
                check(&format!("{at}/{name}"), property);
            }
            for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
                check(&format!("{at}#{name}"), definition);
            }
        }
        check("", &schema());
    }
}
