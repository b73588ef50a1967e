//! The tests that a bundle ships, run as `opa test` runs them (POL-07).

use crate::certify::report::{Component, Finding, Proof};
use models::policy::subject::own_tests::{self, Tested};
use models::policy::subject::{Module, Place};
use models::policy::suite::COVERAGE_PPM_MIN;
use serde_json::Value;

const ROW: &[&str] = &["POL-07"];

/// Lines that are named of those that no test reached.
const NAMED_MAX: usize = 3;

/// Judges the tests among `modules`.
pub fn judge(component: &mut Component, name: &str, modules: &[Module], data: &Value) {
    // What does not compile is told by whoever asks the policy.
    let Ok(tested) = own_tests::run(modules, data) else { return };
    component.judged("tests that the bundle ships", tested.report.run, ROW);
    for (object, what, saw) in wrong(&tested) {
        component.find(Finding {
            object: format!("{name}: {object}"),
            what,
            requirements: ROW.to_vec(),
            proof: Proof {
                tenant: None,
                connection: "fresh",
                statements: vec!["run every rule test_* of the bundle".to_owned()],
                saw,
            },
            repair: vec!["-- ship tests that reach every rule, and demand every code with which it denies".to_owned()],
            also: Vec::new(),
        });
    }
}

/// What the tests lack: the object, what is wrong with it, what was seen.
fn wrong(Tested { report, unreached, .. }: &Tested) -> Vec<(&'static str, String, String)> {
    let ran = format!("{} tests ran", report.run);
    if report.run == 0 {
        return vec![("tests", "the bundle ships no test".to_owned(), "no rule is named test_*".to_owned())];
    }
    let mut wrong = Vec::new();
    if !report.failed.is_empty() {
        let what = "its own tests fail".to_owned();
        wrong.push(("tests", what, format!("{ran}, and these are not true: {}", report.failed.join(", "))));
    }
    let (reached, all) = report.lines;
    if (reached as u64) * 1_000_000 < all as u64 * COVERAGE_PPM_MIN {
        let what = format!("its tests reach less than {} % of its lines", COVERAGE_PPM_MIN / 10_000);
        let named: Vec<String> = unreached.iter().take(NAMED_MAX).map(place).collect();
        wrong.push(("coverage", what, format!("{ran} and reached {reached} of {all} lines; not {}", named.join(", "))));
    }
    if !report.unraised.is_empty() {
        let what = "no test demands these codes of a denial".to_owned();
        let codes = report.unraised.join(", ");
        wrong.push(("codes", what, format!("every test still passes when one of them has another name: {codes}")));
    }
    wrong
}

fn place(place: &Place) -> String {
    match place.line {
        0 => format!("{}, as a whole", place.file),
        line => format!("{}:{line}", place.file),
    }
}
