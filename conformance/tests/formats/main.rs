//! Reports as other people's programs read them.

mod large;
mod prometheus;
mod validators;

use models::catalogue;
use reports::{Format, GateRecord, sample};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

fn cellproof(dir: &Path, args: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
    let output = command.args(args).current_dir(dir).env("NO_COLOR", "1").output().expect("the binary starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
}

/// What a real proof leaves behind, in `proof`.
static PROVED: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a directory");
    cellproof(dir.path(), &["run", "stride/disclosure-cache-bleed", "--quick", "--nonce", "n-17", "--out", "proof"]);
    dir
});

/// Records by name: made by hand with one of everything, on a good day, over hours, of nothing, and of a real proof.
fn records() -> Vec<(&'static str, GateRecord)> {
    let text = fs::read_to_string(PROVED.path().join("proof/report.json")).expect("a report");
    let real = reports::load(&text).expect("own output");
    vec![("everything", sample::record()), ("held", sample::held()), ("hours", sample::hours()), ("real", real)]
}

#[test]
fn the_same_record_is_the_same_files_in_another_place_zone_and_language() {
    let (one, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    for (dir, zone, language) in [(&one, "UTC", "C"), (&other, "Pacific/Kiritimati", "tr_TR.UTF-8")] {
        fs::copy(PROVED.path().join("proof/report.json"), dir.path().join("report.json")).expect("a record");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cellproof"));
        command.args(["report", "."]).current_dir(dir.path()).env("TZ", zone).env("LC_ALL", language);
        assert!(command.output().expect("the binary starts").status.success());
    }
    for format in Format::ALL {
        let read = |dir: &TempDir| fs::read(dir.path().join(format.file_name())).expect("a report");
        assert!(read(&one) == read(&other), "{format}");
        assert!(read(&one) == fs::read(PROVED.path().join("proof").join(format.file_name())).expect("it"), "{format}");
    }
}

#[test]
fn every_row_that_the_control_map_speaks_of_is_in_the_catalogue() {
    let map = include_str!("../../../reports/src/format/oscal/controls.json");
    let map: Value = serde_json::from_str(map).expect("JSON");
    let rows =
        map["threats"].as_array().expect("threats").iter().flat_map(|t| t["requirements"].as_array().expect("rows"));
    let unknown: Vec<&Value> = rows.filter(|row| !catalogue::rows().iter().any(|known| *row == known.id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
