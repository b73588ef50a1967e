//! Formats as read by public libraries in Python: trestle, sarif-tools, junitparser, bagit, in-toto and others.

use super::{PROVED, cellproof, records};
use conformance::provision::{python, skip};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/validate.py");
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../reports/schemas/report.schema.json");

/// The directories in which the validators find something wrong, and what they say.
fn wrong(python: &Path, dirs: &[PathBuf]) -> (Vec<PathBuf>, String) {
    let mut command = Command::new(python);
    let output = command.arg(SCRIPT).arg(SCHEMA).args(dirs).stdin(Stdio::null()).output().expect("Python starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    let wrong = said.lines().filter_map(|line| line.strip_prefix("wrong ").map(PathBuf::from)).collect();
    (wrong, said)
}

/// What is changed in a report of the hand-made record, so that somebody has to notice.
const ALTERATIONS: [(&str, &str, &str); 6] = [
    ("report.json", "\"exit\": 1", "\"exit\": \"1\""),
    ("results.sarif", "\"level\": \"error\"", "\"level\": \"note\""),
    ("junit.xml", "errors=\"2\" failures=\"1\"", "errors=\"3\" failures=\"0\""),
    ("assessment-results.json", "\"state\": \"not-satisfied\"", "\"state\": \"satisfied\""),
    ("objectives.openslo.yaml", "kind: Service", "kind: Servant"),
    ("samples.openmetrics", "# EOF", ""),
];

#[test]
fn every_format_is_read_by_a_library_that_knows_it_and_no_alteration_is() {
    let python = match python::validators() {
        Ok(python) => python,
        Err(why) => return skip("validators", &why),
    };
    let home = tempfile::tempdir().expect("a directory");
    let mut dirs = Vec::new();
    for (name, record) in records() {
        let dir = home.path().join(name);
        reports::write_all(&record, &dir).expect("reports");
        if name == "real" {
            sealed(&dir);
        }
        dirs.push(dir);
    }
    let fine = dirs.len();
    for (file, from, to) in ALTERATIONS {
        let dir = home.path().join(format!("altered {file}"));
        reports::write_all(&reports::sample::record(), &dir).expect("reports");
        let text = fs::read_to_string(dir.join(file)).expect("a report");
        assert!(text.contains(from), "{file} has {from}");
        fs::write(dir.join(file), text.replacen(from, to, 1)).expect("a report");
        dirs.push(dir);
    }
    let (wrong, said) = wrong(&python, &dirs);
    assert_eq!(wrong, dirs[fine..], "{said}");
    eprintln!("{said}");
}

/// Puts the bundle of a tenant into a directory, and the key that sealed it.
fn sealed(dir: &Path) {
    let home = PROVED.path();
    cellproof(home, &["keys", "new", "--out", "pipeline"]);
    cellproof(home, &["bundle", "proof", "--key", "pipeline.key.pem", "--out", "out", "--tenant", "acme"]);
    fs::copy(home.join("out/acme.bundle.tar"), dir.join("bundle.tar")).expect("a bundle");
    fs::copy(home.join("pipeline.pub.pem"), dir.join("key.pub.pem")).expect("a key");
}
