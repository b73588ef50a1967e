//! Exported logs and evidence: whole ones are found whole, and whatever is done to one line of a chain is found.

use conformance::trace::canonical;
use conformance::trace::mutate::{ALL, mutate};
use models::witness::book::Book;
use serde_json::{Map, Value, json};
use sim::chain::Digest;
use sim::chain::hash_chain::link;
use sim::seed::{below, mix};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The published form of a report.
const SCHEMA: &str = include_str!("../../../reports/schemas/certify.schema.json");
/// A genuine transfer to an offline cell is its example.
const TRANSFER: &str = include_str!("../../src/command/model/schema/offline-bundle.json");

/// Versions of a tenants file, a sound one and a wrong one, are its examples.
const TENANTS_FILE: &str = include_str!("../../src/command/model/schema/tenants-config.json");
/// Names in an object store.
const NAMES: &str = include_str!("../../src/command/model/schema/object-path.json");

const TENANTS: &str = "version = 1\nname = \"files\"\n[[tenant]]\nid = \"acme\"\n[[tenant]]\nid = \"beta\"\n";

/// Lines of a chain, and where it leads to.
fn chain(is_nested: bool) -> (Vec<String>, Digest) {
    let mut head = Digest::ZERO;
    let lines = (0..40_u32).map(|n| {
        let mut members: Map<String, Value> = Map::new();
        members.insert("at".into(), json!(n * 10));
        members.insert("who".into(), json!(format!("operator-{}", n % 3)));
        members.insert("what".into(), json!({"verb": "read", "rows": n}));
        if is_nested {
            members.insert("prev".into(), json!(head.to_string()));
        }
        let bytes = canonical::line(&members, &[]);
        head = if is_nested { Digest::of(&bytes) } else { link(head, &bytes) };
        members.insert("link".into(), json!(head.to_string()));
        String::from_utf8(canonical::line(&members, &[])).expect("UTF-8")
    });
    (lines.collect(), head)
}

pub fn certify(dir: &Path, table: &str) -> (i32, Value) {
    fs::write(dir.join("deployment.toml"), format!("{TENANTS}{table}")).expect("a deployment");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    let output = command.args(["certify", "deployment.toml", "--json"]).current_dir(dir).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{told}"));
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    assert_eq!(reports::sample::schema::disagreements(&schema, &report), Vec::<String>::new(), "{report:#}");
    assert!(!report["not_tested"].as_array().expect("a list").contains(&json!("files")), "{report:#}");
    (output.status.code().expect("no signal"), report["components"][0].clone())
}

pub fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

#[test]
fn a_chain_is_whole_or_its_first_wrong_line_is_named() {
    for is_nested in [false, true] {
        let dir = tempfile::tempdir().expect("a directory");
        let (lines, head) = chain(is_nested);
        let previous = if is_nested { "previous = \"prev\"\n" } else { "" };
        let table =
            format!("[files]\n[[files.chain]]\npath = \"a.ndjson\"\n{previous}head = \"{head}\"\nlength = 40\n");
        let judge = |lines: &[String]| {
            fs::write(dir.path().join("a.ndjson"), text(lines)).expect("a chain");
            certify(dir.path(), &table)
        };
        assert_eq!(judge(&lines).0, 0);
        let mut passed = Vec::new();
        for draw in 0..48 {
            let (mutation, draw) = (ALL[draw as usize % ALL.len()], mix(3, draw));
            let at = below(mix(draw, 1), lines.len() as u64) as usize;
            let Some(damaged) = mutate(&lines, at, mutation, draw) else { continue };
            if judge(&damaged).0 == 0 {
                passed.push(format!("{mutation:?} of line {}", at + 1));
            }
        }
        assert_eq!(passed, Vec::<String>::new());
        let mut edited = lines.clone();
        edited[17] = edited[17].replace("operator-2", "operator-1");
        let (code, component) = judge(&edited);
        assert_eq!((code, &component["findings"][0]["object"]), (1, &json!("a.ndjson:18")), "{component:#}");
    }
}

#[test]
fn a_chain_whose_end_nobody_states_is_never_green() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("a.ndjson"), text(&chain(false).0)).expect("a chain");
    let (code, component) = certify(dir.path(), "[files]\n[[files.chain]]\npath = \"a.ndjson\"\n");
    assert_eq!((code, &component["verdict"]), (3, &json!("inconclusive")), "{component:#}");
    let (code, component) = certify(dir.path(), "[files]\n[[files.chain]]\npath = \"b.ndjson\"\nlength = 40\n");
    assert_eq!(code, 3);
    assert!(
        component["problem"].as_str().is_some_and(|why| why.starts_with("failed to read b.ndjson")),
        "{component:#}"
    );
}

#[test]
fn a_topic_is_what_its_witness_noted_or_the_offset_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let event = |offset: u64| {
        let payload = format!("event {offset}");
        json!({"topic": "tenant.acme.audit", "partition": 0, "offset": offset, "payload": payload})
    };
    let mut book = Book::default();
    let noted = (0..20).map(|n| {
        let entry = book.note(2 * n, event(2 * n)["payload"].as_str().expect("text").as_bytes());
        json!({"offset": entry.offset, "link": entry.link.to_string()}).to_string()
    });
    fs::write(dir.path().join("book.ndjson"), text(&noted.collect::<Vec<_>>())).expect("a book");
    let lines: Vec<String> = (0..20).map(|n| event(2 * n).to_string()).collect();
    let judge = |lines: &[String]| {
        fs::write(dir.path().join("topic.ndjson"), text(lines)).expect("a topic");
        certify(dir.path(), "[files]\n[[files.witnessed]]\npath = \"topic.ndjson\"\nbook = \"book.ndjson\"\n")
    };
    assert_eq!(judge(&lines).0, 0);
    let found = |edit: fn(&mut Vec<String>)| {
        let mut edited = lines.clone();
        edit(&mut edited);
        let (code, component) = judge(&edited);
        assert_eq!((code, &component["findings"][0]["requirements"]), (1, &json!(["EVT-07"])), "{component:#}");
        component["findings"][0]["object"].as_str().expect("an object").to_owned()
    };
    assert_eq!(found(|lines| lines[7] = lines[7].replace("event 14", "event 15")), "topic.ndjson at offset 14");
    assert_eq!(found(|lines| drop(lines.remove(3))), "topic.ndjson at offset 6");
    assert_eq!(found(|lines| lines.truncate(12)), "topic.ndjson at offset 24");
    assert_eq!(found(|lines| lines.swap(4, 5)), "topic.ndjson:6");
    assert_eq!(found(|lines| lines.insert(5, lines[4].clone())), "topic.ndjson:6");
}

#[test]
fn a_transfer_is_loaded_or_refused_for_the_row_that_demands_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let schema: Value = serde_json::from_str(TRANSFER).expect("the schema is JSON");
    let genuine = schema["examples"][0].clone();
    let judge = |case: &Value| {
        fs::write(dir.path().join("transfers.ndjson"), format!("{case}\n")).expect("transfers");
        certify(dir.path(), "[files]\n[[files.offline]]\npath = \"transfers.ndjson\"\n")
    };
    assert_eq!(judge(&genuine).0, 0);
    let mut edited = genuine.clone();
    edited["files"][0]["content"] = json!("00");
    let (code, component) = judge(&edited);
    assert_eq!((code, &component["findings"][0]["object"]), (1, &json!("transfers.ndjson:1")), "{component:#}");
    assert!(component["findings"][0]["requirements"].to_string().contains("CEL-05"), "{component:#}");
    assert_eq!(judge(&json!({"now_ns": 1})).0, 3);
}

/// Lines of what a component did, by the model's own examples: what is sound, and for each row what must be refused.
fn examples(schema: &str) -> Vec<Value> {
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    schema["examples"].as_array().expect("examples").clone()
}

#[test]
fn what_a_component_did_is_held_against_its_model() {
    let dir = tempfile::tempdir().expect("a directory");
    let transfer = examples(TRANSFER).remove(0);
    let edited = |edit: fn(&mut Value)| {
        let mut edited = transfer.clone();
        edit(&mut edited);
        edited
    };
    let tampered = edited(|case| case["files"][0]["content"] = json!("00"));
    let one_custodian = edited(|case| drop(case["releases"].as_array_mut().expect("releases").remove(0)));
    let [good_tenants, bad_tenants] = <[Value; 2]>::try_from(examples(TENANTS_FILE)).expect("two examples");
    let names = examples(NAMES);
    for (model, sound, refused, rows) in [
        ("offline-bundle", vec![transfer.clone()], vec![tampered, one_custodian], vec!["CEL-05", "CEL-06"]),
        ("tenants-config", vec![good_tenants], vec![bad_tenants], vec!["TEN-03"]),
        ("object-path", vec![names[0].clone()], names[1..4].to_vec(), vec!["STO-08"]),
    ] {
        let table = format!("[files]\n[[files.answers]]\npath = \"a.ndjson\"\nmodel = \"{model}\"\n");
        let judge = |lines: &[(&Value, bool)]| {
            let lines = lines.iter().map(|(asked, accepted)| json!({"asked": asked, "accepted": accepted}).to_string());
            fs::write(dir.path().join("a.ndjson"), text(&lines.collect::<Vec<_>>())).expect("answers");
            certify(dir.path(), &table)
        };
        let good: Vec<(&Value, bool)> = sound.iter().map(|asked| (asked, true)).collect();
        let bad: Vec<(&Value, bool)> = refused.iter().map(|asked| (asked, false)).collect();
        let (code, component) = judge(&[&good[..], &bad[..]].concat());
        assert_eq!(code, 0, "{component:#}");
        let judged = component["judged"].to_string();
        assert!(rows.iter().all(|row| judged.contains(row)), "{judged}");
        // Neither one that refuses everything nor one that nobody tried is green.
        assert_eq!((judge(&good).0, judge(&bad).0), (3, 3), "{model}");
        for asked in &refused {
            let (code, component) = judge(&[&good[..], &bad[..], &[(asked, true)]].concat());
            let broken = component["findings"][0]["requirements"].to_string();
            assert!(code == 1 && rows.iter().any(|row| broken.contains(row)), "{component:#}");
        }
        let (code, component) = judge(&[&good[..], &bad[..], &[(&sound[0], false)]].concat());
        assert_eq!((code, &component["findings"][0]["requirements"][0]), (1, &json!(rows[0])), "{component:#}");
        assert_eq!(judge(&[]).0, 3, "{model}");
    }
}

/// A policy with its tests, and reports of them as `opa test` writes them.
struct Suite {
    dir: tempfile::TempDir,
    report: Value,
    coverage: Value,
}

impl Suite {
    fn new() -> Suite {
        let dir = tempfile::tempdir().expect("a directory");
        let policy = "package access\n\nimport rego.v1\n\ndefault allow := false\n\nallow if count(deny) == 0\n\n\
                      deny contains \"REGION\" if input.region != \"EU\"\n";
        let tests = "package access_test\n\nimport rego.v1\n\nimport data.access\n\n\
                     test_home if access.allow with input as {\"region\": \"EU\"}\n\n\
                     test_abroad if access.deny == {\"REGION\"} with input as {\"region\": \"US\"}\n";
        fs::create_dir(dir.path().join("bundle")).expect("a directory");
        fs::write(dir.path().join("bundle/access.rego"), policy).expect("a policy");
        fs::write(dir.path().join("bundle/access_test.rego"), tests).expect("tests");
        let test = |name: &str, row: u64| {
            let location = json!({"file": "bundle/access_test.rego", "row": row, "col": 1});
            json!({"location": location, "package": "data.access_test", "name": name, "duration": 211_000})
        };
        let line = |row: u64| json!({"start": {"row": row}, "end": {"row": row}});
        let file = json!({"covered": [line(5), line(7), line(9)], "covered_lines": 3, "coverage": 100});
        let coverage = json!({"files": {"bundle/access.rego": file}, "covered_lines": 3, "coverage": 100});
        Suite { dir, report: json!([test("test_home", 7), test("test_abroad", 9)]), coverage }
    }

    fn judge(&self) -> (i32, Value) {
        fs::write(self.dir.path().join("tests.json"), self.report.to_string()).expect("a report");
        fs::write(self.dir.path().join("coverage.json"), self.coverage.to_string()).expect("a report");
        let table = "[files]\n[[files.policy-tests]]\nreport = \"tests.json\"\ncoverage = \"coverage.json\"\n\
                     policy = \"bundle\"\n";
        certify(self.dir.path(), table)
    }

    fn edit_policy(&self, file: &str, from: &str, to: &str) {
        let path = self.dir.path().join("bundle").join(file);
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).expect("a file");
    }
}

#[test]
fn a_report_of_tests_is_what_the_tests_of_the_policy_show() {
    let (code, component) = Suite::new().judge();
    assert_eq!(code, 0, "{component:#}");
    assert!(component["judged"].to_string().contains("POL-07"), "{component:#}");
    type Slip = (&'static str, fn(&mut Suite));
    let slips: &[Slip] = &[
        ("no test ran", |s| s.report = json!([])),
        ("tests did not pass", |s| s.report[1]["fail"] = json!(true)),
        ("tests did not pass", |s| s.report[1]["skip"] = json!(true)),
        ("tests did not pass", |s| s.report[1]["error"] = json!({"code": "rego_type_error"})),
        ("it tells of tests that the policy does not have", |s| s.report[1]["name"] = json!("test_far")),
        ("tests of the policy are not in it", |s| drop(s.report.as_array_mut().expect("a list").pop())),
        ("tests passed in it that fail", |s| s.edit_policy("access.rego", "!= \"EU\"", "!= \"US\"")),
        ("no test demands these codes of a denial", |s| {
            s.edit_policy("access_test.rego", "access.deny == {\"REGION\"}", "not access.allow");
        }),
        ("files of the policy are not in it", |s| s.coverage["files"] = json!({"other.rego": {}})),
        ("it tells of lines that the policy does not have", |s| {
            s.coverage["files"]["bundle/access.rego"]["covered"][2]["end"]["row"] = json!(40);
        }),
        ("the tests reach less than 95 % of the policy's lines", |s| {
            let lines = s.coverage["files"]["bundle/access.rego"].as_object_mut().expect("a file");
            lines["covered"].as_array_mut().expect("lines").pop();
            lines.insert("not_covered".into(), json!([{"start": {"row": 9}, "end": {"row": 9}}]));
        }),
    ];
    for (what, slip) in slips {
        let mut suite = Suite::new();
        slip(&mut suite);
        let (code, component) = suite.judge();
        let found = &component["findings"][0];
        let told = std::iter::once(&found["what"]).chain(found["also"].as_array().into_iter().flatten());
        assert!(code == 1 && told.clone().any(|told| told == what), "{what}: {component:#}");
        assert_eq!(found["requirements"], json!(["POL-07"]));
    }
    let mut suite = Suite::new();
    suite.report = json!({"no": "list"});
    let (code, component) = suite.judge();
    let problem = component["problem"].as_str().unwrap_or_default();
    assert!(code == 3 && problem.starts_with("tests.json: "), "{component:#}");
}
