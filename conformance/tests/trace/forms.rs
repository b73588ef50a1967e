//! Logs as gateways, policy agents, brokers and databases write them, read by their forms and judged by the binary.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The published form of a report.
const SCHEMA: &str = include_str!("../../../reports/schemas/certify.schema.json");

struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn cellproof(dir: &Path, args: &[&str]) -> Ended {
    let output =
        Command::new(env!("CARGO_BIN_EXE_cellproof")).args(args).current_dir(dir).env("NO_COLOR", "1").output();
    let output = output.expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
}

/// A copy of the logs, with one line of a file edited.
fn logs(edit: Option<(&str, &str, &str)>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let from = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/trace/logs");
    for file in fs::read_dir(from).expect("logs").map(|file| file.expect("a file")) {
        let name = file.file_name().to_string_lossy().into_owned();
        let mut text = fs::read_to_string(file.path()).expect("a log");
        if let Some((_, old, new)) = edit.filter(|(edited, ..)| *edited == name) {
            assert!(text.contains(old), "{name} has no {old}");
            text = text.replacen(old, new, 1);
        }
        fs::write(dir.path().join(name), text).expect("a copy");
    }
    dir
}

fn judged(edit: Option<(&str, &str, &str)>) -> (i32, Value) {
    let dir = logs(edit);
    let ended = cellproof(dir.path(), &["certify", "deployment.toml", "--json"]);
    let report: Value = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    assert_eq!(reports::sample::schema::disagreements(&schema, &report), Vec::<String>::new(), "{report:#}");
    (ended.code, report["components"][0].clone())
}

/// With the edit there is one finding, at this place, of this row.
fn check(edit: (&str, &str, &str), place: &str, requirement: &str) {
    let (code, component) = judged(Some(edit));
    let findings = component["findings"].as_array().expect("findings");
    assert_eq!((code, findings.len()), (1, 1), "{edit:?}: {component:#}");
    assert_eq!(findings[0]["object"], place, "{component:#}");
    assert_eq!(findings[0]["requirements"][0], requirement, "{component:#}");
}

#[test]
fn logs_in_usual_forms_are_read_and_found_clean() {
    let (code, component) = judged(None);
    assert_eq!(code, 0, "{component:#}");
    let notes = component["notes"].to_string();
    assert!(notes.contains("1 line of decisions.ndjson not known to its form"), "{notes}");
    assert_eq!(component["limits"]["statements"], 20, "{component:#}");
}

#[test]
fn what_a_log_shows_is_found_with_file_and_line() {
    let row = r#"{"tenant":"acme","record":7,"version":1}"#;
    check(("access.ndjson", row, r#"{"tenant":"globex","record":7}"#), "access.ndjson:1", "TEN-02");
    check(("access.ndjson", r#""response_code":403"#, r#""response_code":200"#), "access.ndjson:3", "IDN-01");
    check(
        (
            "access.ndjson",
            r#""x_region":"EU","trace_id":"4bf92f3577b34da6a3ce929d0e0e4702""#,
            r#""x_region":"US","trace_id":"4bf92f3577b34da6a3ce929d0e0e4702""#,
        ),
        "access.ndjson:2",
        "TEN-07",
    );
    check(
        ("rows.log", r#"{"tenant":"globex","record":"o-8"}"#, r#"{"tenant":"acme","record":"o-8"}"#),
        "rows.log:3",
        "TEN-02",
    );
    check(("rows.log", r#""where":"EU""#, r#""where":"US""#), "rows.log:2", "POL-06");
    check(("decisions.ndjson", r#""result":true"#, r#""result":false"#), "access.ndjson:1", "POL-04");
    check(("topics.ndjson", r#""offset":42"#, r#""offset":43"#), "topics.ndjson:2", "EVT-03");
    check(("postgres.json", r#""line_num":3"#, r#""line_num":4"#), "postgres.json:3", "SRV-07");
}

#[test]
fn what_cannot_be_read_is_never_green_and_says_what_was_expected() {
    let check = |edit: (&str, &str, &str), told: &str| {
        let (code, component) = judged(Some(edit));
        let problem = component["problem"].as_str().unwrap_or_default().to_owned();
        assert!(component["verdict"] != "clean" && code != 0, "{component:#}");
        assert!(problem.contains(told), "{problem}");
    };
    check(
        ("access.ndjson", r#""response_code":403,"#, ""),
        "access.ndjson:3: no field response_code|status|http.status_code",
    );
    check(
        ("access.ndjson", r#"{"start_time":"2026-11-25T09:00:01.000Z""#, r#"{"start_time":"yesterday""#),
        "access.ndjson:2: \"yesterday\" is no time, expected a time such as",
    );
    check(
        ("access.ndjson", r#"{"start_time":"2026-11-25T09:00:01.000Z""#, "2026-11-25 GET /"),
        "access.ndjson:2: no JSON: ",
    );
    check(
        ("access.ndjson", "0e0e4701", "0e0e47"),
        "trace is \"4bf92f3577b34da6a3ce929d0e0e47\", expected 32 hexadecimal digits",
    );
    check(("postgres.csv", "FROM orders\"\"", "FROM orders\""), "postgres.csv:");
    check(("postgres.json", "09:00:00.205 UTC", "09:00:00.205 CET"), "is no time");
}

#[test]
fn a_trace_that_is_not_there_or_lacks_what_it_should_hold_is_never_green() {
    let dir = logs(None);
    fs::remove_file(dir.path().join("topics.ndjson")).expect("it was copied");
    let ended = cellproof(dir.path(), &["certify", "deployment.toml"]);
    assert_eq!(ended.code, 3, "{}", ended.out);
    assert!(ended.out.contains("failed to read topics.ndjson"), "{}", ended.out);
    let (code, component) = judged(Some(("deployment.toml", "\"events\"]", "\"events\", \"triples\"]")));
    assert_eq!(code, 3, "{component:#}");
    assert_eq!(component["suspicions"][0]["object"], "events audit.record");
}

#[test]
fn a_wrong_table_is_told_with_its_place() {
    let check = |old: &str, new: &str, told: &str| {
        let dir = logs(Some(("deployment.toml", old, new)));
        let ended = cellproof(dir.path(), &["certify", "deployment.toml"]);
        assert_eq!(ended.code, 2, "{}", ended.out);
        assert!(ended.err.contains(told), "{}", ended.err);
    };
    check(
        "form = \"envoy\"",
        "form = \"envoi\"",
        "deployment.toml:14:1: form \"envoi\", expected cellproof, envoy, opa, ",
    );
    check("breach = \"IDN-01\"", "breach = \"IDN-99\"", "requirement \"IDN-99\", expected a row of the catalogue");
}

#[test]
fn a_run_writes_its_trace_and_the_deployment_that_has_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = |args: &[&str]| {
        cellproof(dir.path(), &[&["run", "stride/disclosure-cache-bleed", "--seed", "1"], args].concat())
    };
    let ended = run(&["--trace", "run.ndjson"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let ended = cellproof(dir.path(), &["certify", "run.ndjson.toml"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let ended = run(&["--ablate", "cache.key-encoding", "--trace", "leak.ndjson"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let ended = cellproof(dir.path(), &["certify", "leak.ndjson.toml"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("leak.ndjson:") && ended.out.contains("[CAC-01]"), "{}", ended.out);
    let refused = cellproof(dir.path(), &["run", "stride/disclosure-cache-bleed", "--trace", "x.ndjson"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
}

#[test]
fn what_a_trace_is_can_be_printed() {
    let dir = tempfile::tempdir().expect("a directory");
    for (args, told) in [
        (&["trace", "--schema"][..], "urn:cellproof:schema:trace:1"),
        (&["trace", "--forms"], "envoy\nopa\n"),
        (&["trace", "--form", "opa"], "decision.kept"),
        (&["trace", "--coverage"], "rows are not judged by a trace"),
    ] {
        let ended = cellproof(dir.path(), args);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.out.contains(told), "{args:?}: {}", ended.out);
    }
    assert_eq!(cellproof(dir.path(), &["trace", "--form", "nginx"]).code, 2);
    assert_eq!(cellproof(dir.path(), &["trace"]).code, 2);
}
