//! Reports of the tests that a policy ships, as `opa test --format=json` and `opa test --coverage --format=json` write
//! them, held against the policy that they speak of (POL-07).
//!
//! A report says what somebody saw, and the policy is here: its tests run once more, and a report that says anything
//! else than they show is about another policy or was not written by a test.

use super::{finding, text};
use crate::certify::deployment::files::PolicyTests;
use crate::certify::policy::bundle::Bundle;
use crate::certify::policy::data_of;
use crate::certify::report::Component;
use crate::examine::report::Problem;
use models::policy::subject::own_tests::{self, Tested};
use models::policy::suite::COVERAGE_PPM_MIN;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const ROW: &str = "POL-07";

/// Names of lines and tests that are told of many.
const NAMED_MAX: usize = 3;

/// A test, as a report tells of it. How long it took and where it stands is nobody's concern.
#[derive(Deserialize)]
struct Told {
    package: String,
    name: String,
    #[serde(default)]
    fail: bool,
    #[serde(default)]
    skip: bool,
    error: Option<Value>,
}

impl Told {
    fn full_name(&self) -> String {
        format!("{}.{}", self.package.strip_prefix("data.").unwrap_or(&self.package), self.name)
    }

    fn passed(&self) -> bool {
        !self.fail && !self.skip && self.error.is_none()
    }
}

/// What was reached, by file.
#[derive(Deserialize)]
struct Coverage {
    files: BTreeMap<String, Reached>,
}

/// What was reached of a file.
#[derive(Default, Deserialize)]
struct Reached {
    #[serde(default)]
    covered: Vec<Range>,
    #[serde(default)]
    not_covered: Vec<Range>,
}

/// Rows of a file, both ends among them.
#[derive(Deserialize)]
struct Range {
    start: Row,
    end: Row,
}

#[derive(Deserialize)]
struct Row {
    row: u64,
}

impl Range {
    /// Its lines; none where it ends before it begins.
    fn lines(&self) -> u64 {
        self.end.row.saturating_add(1).saturating_sub(self.start.row)
    }
}

/// Judges a report of tests.
pub fn judge(component: &mut Component, home: &Path, told: &PolicyTests) -> Result<(), String> {
    let bundle = Bundle::read(&home.join(&told.policy))?;
    let modules = bundle.modules()?;
    let given = told.data.as_ref().map(|data| home.join(data));
    let data = data_of(&bundle, given.as_deref())?.seen;
    let name = told.policy.display();
    let tested = own_tests::run(&modules, &data).map_err(|why| Problem::from(why).to_string())?;
    let report: Vec<Told> = parsed(home, &told.report)?;
    let coverage: Coverage = parsed(home, &told.coverage)?;
    let mut take = |object: String, wrong: Vec<(String, String)>| {
        for (what, saw) in wrong {
            component.find(finding(object.clone(), what, vec![ROW], saw));
        }
    };
    take(told.report.display().to_string(), unlike(&report, &tested));
    let policy = modules.iter().filter(|module| tested.files.contains(&module.file)).map(|module| {
        let path = module.file.strip_prefix(&format!("{}/", bundle.name)).unwrap_or(&module.file);
        (path, module.text.as_str())
    });
    take(told.coverage.display().to_string(), uncovered(&coverage, &policy.collect::<Vec<_>>()));
    component.judged(&format!("tests of {name}, reported as they end"), report.len(), &[ROW]);
    component.not_judged(
        format!("when {} was written", told.report.display()),
        "it bears no time and no signature; an attestation or a log entry over it does",
    );
    Ok(())
}

fn parsed<T: DeserializeOwned>(home: &Path, path: &Path) -> Result<T, String> {
    let expected = "expected what `opa test --format=json` writes";
    serde_json::from_str(&text(home, path)?).map_err(|e| format!("{}: {e}; {expected}", path.display()))
}

/// What a report of tests says otherwise than the tests themselves: what is wrong, and what was seen.
fn unlike(report: &[Told], tested: &Tested) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    let mut say = |what: &str, names: Vec<String>| {
        if !names.is_empty() {
            wrong.push((what.to_owned(), some(&names)));
        }
    };
    let known: BTreeSet<&String> = tested.ran.iter().collect();
    let told: BTreeSet<String> = report.iter().map(Told::full_name).collect();
    if report.is_empty() {
        say("no test ran", vec!["the report is an empty list".to_owned()]);
        return wrong;
    }
    say("tests did not pass", report.iter().filter(|test| !test.passed()).map(Told::full_name).collect());
    say(
        "it tells of tests that the policy does not have",
        told.iter().filter(|n| !known.contains(n)).cloned().collect(),
    );
    say("tests of the policy are not in it", tested.ran.iter().filter(|n| !told.contains(*n)).cloned().collect());
    let passed: BTreeSet<String> = report.iter().filter(|test| test.passed()).map(Told::full_name).collect();
    let failing = tested.report.failed.iter().filter(|name| passed.contains(*name));
    say("tests passed in it that fail", failing.cloned().collect());
    say("no test demands these codes of a denial", tested.report.unraised.clone());
    wrong
}

/// What a report of coverage lacks: what is wrong, and what was seen. A file of the policy is given by path and text.
fn uncovered(coverage: &Coverage, policy: &[(&str, &str)]) -> Vec<(String, String)> {
    let (mut reached, mut all, mut absent, mut foreign) = (0, 0, Vec::new(), Vec::new());
    for (path, text) in policy {
        let is_it = |file: &str| file == *path || file.ends_with(&format!("/{path}"));
        let Some((_, lines)) = coverage.files.iter().find(|(file, _)| is_it(file)) else {
            absent.push((*path).to_owned());
            continue;
        };
        let count = |ranges: &[Range]| ranges.iter().map(Range::lines).sum::<u64>();
        let ends = lines.covered.iter().chain(&lines.not_covered).map(|range| range.end.row).max().unwrap_or_default();
        if ends > text.lines().count() as u64 {
            // Such rows are no lines, and count for nothing.
            foreign.push(format!("{path}:{ends}"));
            continue;
        }
        reached += count(&lines.covered);
        all += count(&lines.covered) + count(&lines.not_covered);
    }
    let mut wrong = Vec::new();
    if !absent.is_empty() {
        wrong.push(("files of the policy are not in it".to_owned(), some(&absent)));
    }
    if !foreign.is_empty() {
        wrong.push(("it tells of lines that the policy does not have".to_owned(), some(&foreign)));
    }
    // Nothing of nothing is no coverage.
    if reached * 1_000_000 < all.max(1) * COVERAGE_PPM_MIN {
        let what = format!("the tests reach less than {} % of the policy's lines", COVERAGE_PPM_MIN / 10_000);
        wrong.push((what, format!("{reached} of {all} lines")));
    }
    wrong
}

/// The first few, and how many more there are.
fn some(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let named = names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}
