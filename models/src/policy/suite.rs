//! The tests that a policy bundle ships, and what they must show before anybody relies on it (POL-07).
//!
//! A test is a question with the answer that its author expects, one JSON object a line. They run on the real policy by
//! the real library over the bundle's own data; how many lines that reached is what the library says. None run is none
//! passed: a bundle without tests has shown nothing.

use super::bundle::Refusal;
use super::data::PolicyData;
use super::filter;
use super::rego::RegoPolicy;
use crate::control::Controls;
use crate::crypto::sha256;
use crate::wire::policy::{Denies, Deny};
use serde::Deserialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

/// Lines of the policy that its tests must reach, in parts per million of all (POL-07).
pub const COVERAGE_PPM_MIN: u64 = 950_000;

/// The tests of the reference policy, over the embedded tenants.
pub const REFERENCE_TESTS: &str = include_str!("reference_tests.jsonl");

/// Reports that a thread keeps: a sweep asks about the same few bundles in every run.
const KEPT_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    input: Value,
    allow: bool,
    #[serde(default)]
    deny: Vec<String>,
    /// What a list may show.
    #[serde(default)]
    filter: Option<Value>,
}

/// What the tests of a bundle showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Tests that ran.
    pub run: usize,
    /// Names of those whose answer was another one.
    pub failed: Vec<String>,
    /// Lines of the policy that were reached, and all that say something.
    pub lines: (usize, usize),
    /// Codes that the policy can raise and no test raised.
    pub unraised: Vec<String>,
}

/// Why tests could not be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SuiteError {
    /// A line, from 1, is no test.
    Line(usize, String),
    /// The bundle cannot be loaded.
    Bundle(Refusal),
    /// The library does not say what was reached.
    Coverage(String),
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SuiteError::Line(line, why) => write!(f, "line {line} of the tests: {why}"),
            SuiteError::Bundle(why) => why.fmt(f),
            SuiteError::Coverage(why) => write!(f, "no coverage: {why}"),
        }
    }
}

impl std::error::Error for SuiteError {}

impl Report {
    /// Whether the tests show enough: some ran, none failed, they reach what they must, and raise every code.
    pub fn is_enough(&self) -> bool {
        let (reached, all) = self.lines;
        let covered = reached as u64 * 1_000_000 >= all as u64 * COVERAGE_PPM_MIN;
        self.run > 0 && self.failed.is_empty() && covered && self.unraised.is_empty()
    }
    /// As it is kept as evidence.
    pub fn to_json(&self) -> Value {
        let (reached, all) = self.lines;
        json!({"run": self.run, "failed": self.failed, "lines": {"reached": reached, "all": all},
            "unraised": self.unraised, "enough": self.is_enough()})
    }
}

/// Runs the tests of a bundle. A pure function, so a thread remembers what it said.
///
/// # Errors
/// The bundle cannot be loaded, or a line is no test.
pub fn run(policy: &str, data: &str, tests: &str) -> Result<Report, SuiteError> {
    type Kept = BTreeMap<[u8; 32], Result<Report, SuiteError>>;
    thread_local! {
        static KEPT: RefCell<Kept> = const { RefCell::new(BTreeMap::new()) };
    }
    let name = sha256(&[policy, data, tests].map(|text| sha256(text.as_bytes())).concat());
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= KEPT_MAX && !kept.contains_key(&name) {
            kept.clear();
        }
        kept.entry(name).or_insert_with(|| evaluate(policy, data, tests)).clone()
    })
}

fn evaluate(policy: &str, data: &str, tests: &str) -> Result<Report, SuiteError> {
    let data = PolicyData::from_json(data).map_err(|e| SuiteError::Bundle(Refusal::Data(e)))?;
    let rego = RegoPolicy::compile(policy, &data).map_err(|e| SuiteError::Bundle(Refusal::Policy(e)))?;
    let mut rego = rego.covering();
    let (mut run, mut failed, mut raised) = (0, Vec::new(), Denies::NONE);
    for (n, line) in tests.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let test: Test = serde_json::from_str(line).map_err(|e| SuiteError::Line(n + 1, e.to_string()))?;
        let mut expected = Denies::NONE;
        for code in &test.deny {
            let unknown = || SuiteError::Line(n + 1, format!("no policy has the code {code:?}"));
            expected.add(Deny::from_code(code).ok_or_else(unknown)?);
        }
        run += 1;
        let said = rego.decide_json(&Controls::all_on(), &test.input);
        said.denies.iter().for_each(|deny| raised.add(deny));
        let shows = rego.filter_json(&Controls::all_on(), &test.input);
        let is_filter = test.filter.is_none_or(|expected| filter::read(&expected) == shows && shows.is_some());
        if said.allow != test.allow || said.denies != expected || !is_filter {
            failed.push(test.name);
        }
    }
    let lines = rego.covered().map_err(SuiteError::Coverage)?;
    let can = |deny: &Deny| policy.contains(&format!("\"{}\"", deny.code()));
    let is_raised = |deny: &Deny| raised.iter().any(|r| r == *deny);
    let unraised = Deny::ALL.into_iter().filter(|deny| can(deny) && !is_raised(deny));
    let unraised = unraised.map(|deny| deny.code().to_owned()).collect();
    Ok(Report { run, failed, lines, unraised })
}

#[cfg(test)]
mod tests {
    use super::super::rego::REFERENCE;
    use super::*;
    use crate::config::Inputs;

    fn data() -> String {
        PolicyData::from_tenants(&Inputs::embedded().tenants).to_json().to_string()
    }

    fn check(policy: &str, tests: &str, enough: bool, what: impl Fn(&Report) -> bool) {
        let report = run(policy, &data(), tests).expect("it runs");
        assert_eq!(report.is_enough(), enough, "{report:?}");
        assert!(what(&report), "{report:?}");
    }

    #[test]
    fn the_reference_policy_ships_tests_that_show_enough() {
        check(REFERENCE, REFERENCE_TESTS, true, |report| report.run >= 10 && report.unraised.is_empty());
    }

    #[test]
    fn no_tests_and_tests_that_reach_too_little_show_nothing() {
        check(REFERENCE, "", false, |report| report.run == 0 && report.unraised.len() == 8);
        let first = REFERENCE_TESTS.lines().next().expect("a test");
        check(REFERENCE, first, false, |report| report.failed.is_empty() && report.unraised.len() > 5);
    }

    #[test]
    fn a_policy_that_allows_too_much_fails_the_tests_of_the_one_before() {
        let lax = REFERENCE.replace("not label_permitted", "false");
        check(&lax, REFERENCE_TESTS, false, |report| report.failed == ["a label that is not permitted"]);
    }

    #[test]
    fn what_is_no_test_is_named_by_its_line() {
        let error = run(REFERENCE, &data(), "\n{\"name\":\"x\"}").expect_err("no test");
        assert!(error.to_string().starts_with("line 2 of the tests: missing field"), "{error}");
        let code = "{\"name\":\"x\",\"input\":{},\"allow\":false,\"deny\":[\"NONSENSE\"]}";
        assert!(matches!(run(REFERENCE, &data(), code), Err(SuiteError::Line(1, _))));
        assert!(matches!(run("no rego", &data(), ""), Err(SuiteError::Bundle(_))));
    }
}
