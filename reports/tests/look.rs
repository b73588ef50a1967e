//! Writes reports to where a person can look at them: a bad day, a good day, and a wide one of fifty scenarios.

use std::path::Path;

#[test]
fn the_samples_are_written_for_looking() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let files = reports::write_all(&reports::sample::record(), &dir.join("sample")).expect("written");
    assert_eq!(files.len(), reports::Format::ALL.len());
    reports::write_all(&reports::sample::held(), &dir.join("held")).expect("written");
}

#[test]
fn fifty_scenarios_make_a_page_that_can_be_mailed() {
    let mut record = reports::sample::record();
    let all = record.scenarios.clone();
    for round in 1..5 {
        record.scenarios.extend(all.iter().cloned().map(|mut s| {
            s.name = format!("{}-{round}", s.name);
            s
        }));
    }
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wide");
    let files = reports::write_all(&record, &dir).expect("written");
    let page = std::fs::metadata(&files[3]).expect("written").len();
    assert!(page < 2 << 20, "{page} bytes");
}
