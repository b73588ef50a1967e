//! The tests that policies bring along, as `opa test` takes them: rules whose names begin with `test_` (POL-07).
//!
//! A code that a policy can raise counts as raised when a test fails once the code has another name: a test that
//! evaluates a denial and looks at nothing of it demands nothing.

use super::{Loaded, Module, Place, Subject, Unusable};
use crate::policy::suite::Report;
use crate::wire::policy::Deny;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How a test is told from a rule.
const TEST: &str = "test_";

/// What the tests showed, and what they did not reach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tested {
    /// What they showed.
    pub report: Report,
    /// The tests that ran, by package and name.
    pub ran: Vec<String>,
    /// The files that are the policy: those without a test.
    pub files: Vec<String>,
    /// Lines of the policy that no test reached; line 0 stands for a whole file.
    pub unreached: Vec<Place>,
}

/// A test: its package, and its name.
type Test = (Vec<String>, String);

/// Runs the tests of `modules`, over `data`.
///
/// # Errors
/// The modules do not compile.
pub fn run(modules: &[Module], data: &Value) -> Result<Tested, Unusable> {
    let mut subject = Subject::load(modules, data)?;
    let tests = tests(&subject);
    subject.engine.set_enable_coverage(true);
    let failed = failed(&mut subject, &tests);
    let (lines, unreached) = coverage(&subject);
    let mut unraised = Vec::new();
    // Among tests that fail anyway nobody can tell which one fails because of a name.
    if failed.is_empty() && !tests.is_empty() {
        for code in codes(modules, subject.modules()) {
            let renamed = renamed(modules, subject.modules(), &code);
            let mut other = Subject::load(&renamed, data)?;
            if self::failed(&mut other, &tests).is_empty() {
                unraised.push(code);
            }
        }
    }
    let ran = tests.iter().map(named).collect();
    let files = subject.modules().iter().filter(|module| !is_test(module)).map(|module| module.file.clone()).collect();
    Ok(Tested { report: Report { run: tests.len(), failed, lines, unraised }, ran, files, unreached })
}

fn is_test(module: &Loaded) -> bool {
    module.reading.rules.iter().any(|rule| rule.starts_with(TEST))
}

fn tests(subject: &Subject) -> Vec<Test> {
    let packages = subject.packages().into_iter();
    let named = |(package, reading): (Vec<String>, super::Reading)| {
        let rules = reading.rules.into_iter().filter(|rule| rule.starts_with(TEST));
        rules.map(move |rule| (package.clone(), rule)).collect::<Vec<_>>()
    };
    packages.flat_map(named).collect()
}

/// Names of the tests that are not true, or fail.
fn failed(subject: &mut Subject, tests: &[Test]) -> Vec<String> {
    let mut fails = |(package, rule): &&Test| {
        let said = subject.ask(package, &[rule], &json!({}));
        !said.is_ok_and(|values| values.first().is_some_and(|value| *value == Some(Value::Bool(true))))
    };
    tests.iter().filter(|test| fails(test)).map(named).collect()
}

/// A test as reports name it.
fn named((package, rule): &Test) -> String {
    format!("{}.{rule}", package.join("."))
}

/// Lines of the policy, tests left out, that were reached, and all that say something; and those that were not.
fn coverage(subject: &Subject) -> ((usize, usize), Vec<Place>) {
    let report = subject.engine.get_coverage_report().map(|report| report.files).unwrap_or_default();
    let (mut lines, mut unreached) = ((0, 0), Vec::new());
    for module in subject.modules().iter().filter(|module| !is_test(module)) {
        let place = |line: u32| Place { file: module.file.clone(), line, column: 0 };
        match report.iter().find(|file| file.path == module.file) {
            Some(file) => {
                lines.0 += file.covered.len();
                lines.1 += file.covered.len() + file.not_covered.len();
                unreached.extend(file.not_covered.iter().map(|line| place(*line)));
            }
            // The library says nothing of a file of which nothing was evaluated.
            None => {
                lines.1 += module.reading.rules.len();
                unreached.push(place(0));
            }
        }
    }
    (lines, unreached)
}

/// The codes that the policy can raise: those of the platform, those beside the key `code`, and members of `deny`.
fn codes(modules: &[Module], loaded: &[Loaded]) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (module, loaded) in modules.iter().zip(loaded).filter(|(_, loaded)| !is_test(loaded)) {
        let stands = |code: &str| module.text.contains(&format!("\"{code}\""));
        codes.extend(Deny::ALL.into_iter().map(Deny::code).filter(|code| stands(code)).map(str::to_owned));
        codes.extend(loaded.reading.codes.iter().cloned());
        let heads = module.text.lines().filter_map(|line| {
            let rest = ["deny contains \"", "deny[\""].iter().find_map(|head| line.trim_start().strip_prefix(head))?;
            rest.split('"').next()
        });
        codes.extend(heads.map(str::to_owned));
    }
    codes
}

/// The policy with another name for a code; its tests as they are.
fn renamed(modules: &[Module], loaded: &[Loaded], code: &str) -> Vec<Module> {
    let change = |(module, loaded): (&Module, &Loaded)| {
        let mut module = module.clone();
        if !is_test(loaded) {
            module.text = module.text.replace(&format!("\"{code}\""), &format!("\"{code}, renamed\""));
        }
        module
    };
    modules.iter().zip(loaded).map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "package access\nimport rego.v1\ndefault allow := false\nallow if count(deny) == 0\n\
                          deny contains \"RESIDENCY\" if input.region != data.home\n\
                          deny contains \"TENANT_MISMATCH\" if input.tenant != input.owner\n";
    const TESTS: &str = "package access_test\nimport rego.v1\nimport data.access\n\
                         ok := {\"region\": \"EU\", \"tenant\": \"a\", \"owner\": \"a\"}\n\
                         test_allowed if access.allow with input as ok\n\
                         test_region if access.deny == {\"RESIDENCY\"} \
                         with input as object.union(ok, {\"region\": \"US\"})\n";

    fn run_with(tests: &str) -> Tested {
        let module = |file: &str, text: &str| Module { file: file.into(), text: text.into() };
        run(&[module("p.rego", POLICY), module("p_test.rego", tests)], &json!({"home": "EU"})).expect("it compiles")
    }

    #[test]
    fn a_code_that_no_test_demands_is_not_raised_though_its_line_is_reached() {
        let found = run_with(TESTS);
        assert_eq!((found.report.run, &found.report.failed), (2, &Vec::new()));
        assert_eq!(found.ran, ["access_test.test_allowed", "access_test.test_region"]);
        assert_eq!(found.files, ["p.rego"]);
        assert_eq!(found.report.unraised, ["TENANT_MISMATCH"]);
        assert!(!found.report.is_enough());
        let whole = format!(
            "{TESTS}test_tenant if \"TENANT_MISMATCH\" in access.deny \
             with input as object.union(ok, {{\"owner\": \"b\"}})\n"
        );
        let found = run_with(&whole);
        assert!(found.report.is_enough(), "{found:?}");
    }

    #[test]
    fn a_test_that_is_not_true_fails_and_none_is_not_enough() {
        let found = run_with("package access_test\nimport rego.v1\nimport data.access\ntest_no if not access.allow\n");
        assert_eq!(found.report.failed, ["access_test.test_no"]);
        let found = run_with("package access_test\n");
        assert_eq!(found.report.run, 0);
        assert!(!found.report.is_enough() && !found.unreached.is_empty(), "{found:?}");
    }
}
