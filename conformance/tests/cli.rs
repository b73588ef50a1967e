//! The command line as it is typed: usage, inputs and exit codes, on the real binary.
//!
//! Nothing here runs a scenario: what a run finds is tested where it is decided.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn cellproof(dir: &Path, args: &[&str], input: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    command.args(args).current_dir(dir).env("NO_COLOR", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    // A command that reads nothing may be gone before it is fed.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the binary ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
}

fn empty() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Runs, and checks exit code and the beginning of what stands on standard error.
fn check(args: &[&str], code: i32, complaint: &str) {
    let dir = empty();
    let ended = cellproof(dir.path(), args, "");
    assert_eq!(ended.code, code, "{args:?}: {}{}", ended.out, ended.err);
    assert!(ended.err.starts_with(complaint), "{args:?}: {}", ended.err);
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 0, "{args:?} wrote something");
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_was_expected() {
    check(&["gate", "--seeds", "0"], 2, "error: invalid value '0'");
    check(&["gate", "--quick", "--full"], 2, "error: the argument '--quick' cannot be used with '--full'");
    check(&["gate", "--time-budget", "5 parsecs"], 2, "error: invalid value '5 parsecs'");
    check(
        &["gate", "--shard", "4/4"],
        2,
        "error: invalid value '4/4' for '--shard <k/n>': k counts from 0: expected 0/4",
    );
    check(&["merge"], 2, "error: the following required arguments were not provided");
    check(&["gate", "--out", "ftp://host/x"], 2, "cellproof: ftp://host/x: ");
    check(&["run"], 2, "error: the following required arguments were not provided");
    check(&["frobnicate"], 2, "error: unrecognized subcommand 'frobnicate'");
    check(&["run", "a/b", "--engine", "madsim"], 2, "error: invalid value 'madsim'");
    check(&[], 2, "");
}

#[test]
fn unknown_names_end_with_2_and_are_corrected() {
    check(&["run", "nobody/knows-this-one"], 2, "cellproof: unknown scenario \"nobody/knows-this-one\"");
    check(
        &["model", "brekar"],
        2,
        "cellproof: unknown model \"brekar\", did you mean \"breaker\"? (cellproof model --list)",
    );
}

#[test]
fn a_token_that_is_none_ends_with_2() {
    check(&["replay", "nonsense"], 2, "cellproof: `nonsense` is no token, expected `cp1.");
    check(&["replay", "cp9.a.b"], 2, "cellproof: token is of version `cp9`, expected `cp1`");
    check(&["replay", "cp1.a.b"], 2, "cellproof: token has 3 fields, expected 8");
    check(&["replay", "no/such/file.replay"], 2, "cellproof: failed to read no/such/file.replay");
    let token = "cp1.nobody_knows.calm.kernel.1.-.-.a-b-c-d";
    check(&["replay", token], 2, "cellproof: unknown scenario \"nobody/knows\"");
}

#[test]
fn a_replay_file_that_is_none_ends_with_2_and_is_told_with_its_line() {
    check(&["replay", "missing.replay"], 2, "cellproof: failed to read missing.replay: ");
    check(&["shrink", "nonsense"], 2, "cellproof: `nonsense` is no token, expected `cp1.");
    check(&["shrink", "cp1.a.b", "--out", "result.txt"], 2, "error: invalid value 'result.txt' for '--out <FILE>'");
    let dir = empty();
    for (text, complaint) in [
        ("{\"version\": 2}", "cellproof: x.replay: replay file of version 2, expected 1\n"),
        ("{\"version\": 1,\n\"seed\": 7}", "cellproof: x.replay: no replay file: invalid type: integer `7`"),
        ("cp1.a.b", "cellproof: x.replay: no replay file: expected value at line 1 column 1\n"),
    ] {
        fs::write(dir.path().join("x.replay"), text).expect("a file");
        for command in ["replay", "shrink"] {
            let ended = cellproof(dir.path(), &[command, "x.replay"], "");
            assert_eq!(ended.code, 2, "{command} {text}");
            assert!(ended.err.starts_with(complaint), "{command}: {}", ended.err);
        }
    }
}

#[test]
fn broken_inputs_are_told_with_their_places_and_nothing_is_run() {
    let dir = empty();
    fs::write(dir.path().join("p.toml"), "version = \"one\"\n[slos\n").expect("a file");
    let ended = cellproof(dir.path(), &["gate", "--platform", "p.toml"], "");
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.err.starts_with("p.toml:2:"), "{}", ended.err);
    assert!(!dir.path().join("cellproof-out").exists());
    check(&["gate", "--tenants", "missing.yaml"], 2, "cellproof: failed to read missing.yaml: ");
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_before_anything_runs() {
    let dir = empty();
    fs::write(dir.path().join("taken"), "").expect("a file");
    let ended = cellproof(dir.path(), &["gate", "--out", "taken"], "");
    assert_eq!(ended.code, 2);
    assert!(ended.err.starts_with("cellproof: failed to write into taken: "), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1);
}

#[test]
fn lists_are_tables_or_json() {
    let dir = empty();
    for topic in ["scenarios", "controls", "requirements", "faults", "marks"] {
        let table = cellproof(dir.path(), &["list", topic], "");
        let json = cellproof(dir.path(), &["list", topic, "--json"], "");
        assert_eq!((table.code, json.code), (0, 0), "{topic}");
        let rows: Vec<serde_json::Value> = serde_json::from_str(&json.out).expect("an array");
        assert_eq!(rows.len(), table.out.lines().filter(|line| *line != "none").count(), "{topic}");
    }
    let faults = cellproof(dir.path(), &["list", "faults"], "");
    assert!(faults.out.contains("clock-skew"), "{}", faults.out);
}

#[test]
fn a_record_is_shown_in_every_format_and_its_files_are_written_again() {
    let dir = empty();
    reports::write_all(&reports::sample::record(), dir.path()).expect("reports");
    for (format, file) in [
        ("html", "report.html"),
        ("md", "summary.md"),
        ("junit", "junit.xml"),
        ("json", "report.json"),
        ("csv", "matrix.csv"),
        ("sarif", "results.sarif"),
        ("openslo", "objectives.openslo.yaml"),
        ("rules", "rules.yml"),
        ("samples", "samples.openmetrics"),
        ("oscal-results", "assessment-results.json"),
        ("oscal-components", "component-definition.json"),
    ] {
        let shown = cellproof(dir.path(), &["report", ".", "--format", format], "");
        assert_eq!(
            (shown.code, shown.out),
            (0, fs::read_to_string(dir.path().join(file)).expect("a report")),
            "{format}"
        );
    }
    fs::remove_file(dir.path().join("junit.xml")).expect("a report");
    assert_eq!(cellproof(dir.path(), &["report", "."], "").code, 0);
    assert!(dir.path().join("junit.xml").exists());
}

#[test]
fn a_record_that_is_absent_or_of_another_version_is_refused() {
    check(&["report", "nowhere"], 2, "cellproof: failed to read nowhere/report.json: ");
    let dir = empty();
    fs::write(dir.path().join("report.json"), "{\"version\": 9}").expect("a file");
    let ended = cellproof(dir.path(), &["report", ".", "--format", "md"], "");
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert!(ended.err.contains("record version 9 is not supported"), "{}", ended.err);
}

#[test]
fn a_model_answers_line_by_line() {
    let dir = empty();
    let lines = "{\"rate\":{\"per_second\":1,\"burst\":1},\"at_ns\":[0,1]}\noops\n";
    let ended = cellproof(dir.path(), &["model", "rate-limit"], lines);
    assert_eq!(ended.code, 2);
    assert_eq!(ended.out.lines().count(), 2);
    assert!(ended.out.starts_with(r#"[{"at_ns":0,"admitted":true},{"at_ns":1,"admitted":false"#), "{}", ended.out);
    assert_eq!(ended.err, "cellproof: 1 of 2 lines could not be answered\n");
    let list = cellproof(dir.path(), &["model", "--list"], "");
    assert_eq!((list.code, list.out.lines().count() >= 4), (0, true));
    assert_eq!(cellproof(dir.path(), &["model", "--schema", "abac"], "").code, 0);
}

#[test]
fn completions_and_a_manual_page_are_printed() {
    let dir = empty();
    assert!(cellproof(dir.path(), &["completions", "bash"], "").out.contains("cellproof"));
    assert!(cellproof(dir.path(), &["man"], "").out.contains(".TH cellproof"));
}
