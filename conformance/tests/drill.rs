//! Drills as they are typed: told before they run, compared after, written down, and read again.

use std::fs;
use std::process::Command;

/// The binary, in a directory: how it ended, what it printed, and what it complained of.
fn cellproof(dir: &tempfile::TempDir, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    let output = command.args(args).current_dir(dir).env("NO_COLOR", "1").output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
}

fn here() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// A drill that costs something, of which the survey showed that it costs no more than is said.
const SEED: &str = "1";

#[test]
fn a_drill_says_what_it_may_cost_runs_and_is_replayed_by_its_last_lines() {
    let dir = here();
    let (code, said, _) = cellproof(&dir, &["drill", "--seed", SEED]);
    assert_eq!(code, 0, "{said}");
    let (expected, seen) = (said.find("\nExpected\n"), said.find("\nSeen\n"));
    assert!(expected.is_some() && expected < seen, "{said}");
    let lines: Vec<&str> = said.lines().rev().collect();
    assert_eq!(lines[0], format!("cellproof drill --seed {SEED}"));
    let token = lines[1].strip_prefix("cellproof replay ").expect("a token");
    let (again, told, _) = cellproof(&dir, &["replay", token]);
    assert_eq!(again, 0, "{told}");
    assert!(told.contains("The same run as the token's, to the last fact."), "{told}");
    for line in said.lines().filter(|line| !line.starts_with("cellproof ")) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn an_exported_timeline_is_imported_as_the_same_drill_and_says_how_to_repeat_it() {
    let dir = here();
    let (code, ..) = cellproof(&dir, &["drill", "--seed", SEED, "--export", "json", "drill.json"]);
    assert_eq!(code, 0);
    let digest = |args: &[&str]| {
        let (code, said, err) = cellproof(&dir, args);
        assert_eq!(code, 0, "{err}");
        let value: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        (value["outcome"]["run"]["digest"].clone(), value["outcome"]["command"].clone())
    };
    let (drawn, _) = digest(&["drill", "--seed", SEED, "--json"]);
    let (read, again) = digest(&["drill", "--import", "drill.json", "--json", "--out", "there"]);
    assert_eq!(drawn, read);
    assert_eq!(again, "cellproof drill --import drill.json");
    let (written, _) = digest(&["drill", "--import", "there/drill.json", "--json"]);
    assert_eq!(written, drawn, "what --out wrote can be imported");
}

#[test]
fn plans_are_written_whole_and_what_they_cannot_say_is_told() {
    let dir = here();
    for (format, shape) in [("chaos-mesh", "\"kind\": \"Workflow\""), ("toxiproxy", "\"proxies\"")] {
        let (code, said, told) = cellproof(&dir, &["drill", "--seed", SEED, "--export", format, "plan.json"]);
        assert_eq!((code, said.as_str()), (0, "Written to plan.json.\n"));
        assert!(fs::read_to_string(dir.path().join("plan.json")).expect("a plan").contains(shape));
        assert!(!told.is_empty());
    }
}

#[test]
fn without_what_answers_an_incident_the_drill_is_worse_than_was_said() {
    let dir = here();
    fs::write(dir.path().join("cut.json"), CUT).expect("a file");
    let (held, said, _) = cellproof(&dir, &["drill", "--import", "cut.json"]);
    assert_eq!(held, 0, "{said}");
    let (code, said, _) =
        cellproof(&dir, &["drill", "--import", "cut.json", "--ablate", "postgres.synchronous-commit"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("BROKEN     STO-04 without postgres.synchronous-commit"), "{said}");
    assert!(said.ends_with("cellproof drill --import cut.json --ablate postgres.synchronous-commit\n"), "{said}");
}

/// The leader of a cell's database is cut off from its peers, and not from its clients.
const CUT: &str = r#"{"version": 1, "seed": "1", "length_ms": 40000, "incidents": [{"title": "cut off", "faults": [
  {"kind": "partition", "target": {"from": {"node": "cell-a/postgres-1"}, "to": {"node": "cell-a/postgres-2"}},
   "from_ms": 12000, "until_ms": 20000},
  {"kind": "partition", "target": {"from": {"node": "cell-a/postgres-1"}, "to": {"node": "cell-a/arbiter"}},
   "from_ms": 12000, "until_ms": 20000}]}]}"#;

#[test]
fn bad_input_is_refused_with_its_place_and_nothing_is_written() {
    let dir = here();
    fs::write(dir.path().join("bad.json"), CUT.replace("postgres-2", "postgres-9")).expect("a file");
    let check = |args: &[&str], says: &str| {
        let (code, said, told) = cellproof(&dir, args);
        assert_eq!((code, said.as_str()), (2, ""), "{args:?}: {told}");
        assert!(told.contains(says), "{told}");
    };
    check(&["drill", "--import", "bad.json", "--out", "out"], "bad.json:2:90: unknown node \"cell-a/postgres-9\"");
    check(&["drill", "--import", "none.json"], "failed to read none.json");
    check(&["drill", "--ablate", "postgres.fence"], "did you mean \"postgres.fencing\"?");
    check(&["drill", "--export", "chaos", "x.json"], "expected chaos-mesh, toxiproxy or json");
    check(&["drill", "--export", "json", "no/such/x.json"], "failed to write no/such/x.json");
    check(&["drill", "--seed", "1", "--import", "bad.json"], "cannot be used with");
    let left: Vec<_> =
        fs::read_dir(dir.path()).expect("a directory").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(left, ["bad.json"]);
}
