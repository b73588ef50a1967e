//! `junit.xml`: a suite per scenario; a case for its verdict, and for each pass, ablation and non-interference pair.
//!
//! No timestamps and no durations: the file is a function of the record. Control ids stand in `classname`, because
//! strict readers refuse properties on a case. A canary's breach is a pass, and a canary that held is an error.

use crate::matrix::as_declared;
use crate::standing::of_ablation;
use crate::text;
use crate::verdict::Standing;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use sim::record::{AblationRecord, GateRecord, NonInterference, PassRecord, ScenarioRecord, ScenarioVerdict};

/// The record as JUnit XML.
pub fn render(record: &GateRecord) -> String {
    let mut report = Report::new(record.tool.as_str());
    report.add_test_suites(record.scenarios.iter().map(suite));
    // The writer fails on I/O and on broken UTF-8 only; both are impossible for a `String`.
    report.to_string().expect("JUnit serialises into memory")
}

fn suite(scenario: &ScenarioRecord) -> TestSuite {
    let mut suite = TestSuite::new(scenario.name.as_str());
    suite.add_property(("requirements", scenario.requirements.join(" ").as_str()));
    if scenario.canary {
        suite.add_property(("canary", "true"));
    }
    suite.add_test_case(case("verdict", scenario.name.clone(), whole(scenario)));
    for pass in &scenario.passes {
        suite.add_test_case(case(
            &format!("pass {}", pass.pass.as_str()),
            scenario.name.clone(),
            passed(scenario, pass),
        ));
    }
    for a in &scenario.ablations {
        let name = if a.variant.is_empty() { "ablation".to_string() } else { format!("ablation {}", a.variant) };
        suite.add_test_case(case(&name, format!("{}/{}", scenario.name, a.control), ablated(a)));
    }
    for pair in &scenario.non_interference {
        let name = format!("non-interference {} {}", pair.mode.as_str(), pair.tenant);
        suite.add_test_case(case(&name, scenario.name.clone(), alike(pair)));
    }
    suite
}

fn case(name: &str, class: String, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

/// The scenario's own verdict, through the one table that maps verdicts outward.
fn whole(scenario: &ScenarioRecord) -> TestCaseStatus {
    let standing = Standing::of(scenario);
    let mut body = scenario.why.join("\n");
    if let Some(line) = &scenario.replay {
        body = format!("{body}\n{}", text::replay_command(line));
    }
    let message = match &scenario.verdict {
        ScenarioVerdict::Skipped(why) => format!("skipped: {why}"),
        _ => format!("{}: {}", standing.word(), standing.meaning()),
    };
    status(standing.outward().junit, &message, body.trim())
}

fn passed(scenario: &ScenarioRecord, pass: &PassRecord) -> TestCaseStatus {
    let found = pass.kept.iter().flat_map(|run| &run.findings).next();
    let broke = pass.breaches > 0 && Standing::of(scenario) != Standing::CanaryFailed;
    if pass.runs == 0 {
        return status("skipped", "no run was made", "");
    }
    if !broke {
        return TestCaseStatus::success();
    }
    let message = format!("{} of {} runs breached", pass.breaches, pass.runs);
    let finding = found.map_or(String::new(), |f| format!("{} ({}): {}\n", f.requirement, f.oracle, f.message));
    let token = pass.kept.first().map_or(String::new(), |run| text::replay_command(&run.token));
    status("failure", &message, (finding + &token).trim())
}

fn ablated(a: &AblationRecord) -> TestCaseStatus {
    if as_declared(a) {
        return TestCaseStatus::success();
    }
    let message = format!("{} declared, {} observed", a.expected, a.observed);
    let body = a.token.as_deref().map_or(String::new(), text::replay_command);
    status(of_ablation(a).outward().junit, &message, &body)
}

fn alike(pair: &NonInterference) -> TestCaseStatus {
    if pair.alike {
        return TestCaseStatus::success();
    }
    let message = pair.difference.as_deref().unwrap_or("the views differ");
    status(ScenarioVerdict::Breach.outward().junit, message, &text::replay_command(&pair.token))
}

/// A status by the name that [`sim::record::Outward`] gives it.
fn status(junit: &str, message: &str, body: &str) -> TestCaseStatus {
    let mut status = match junit {
        "passed" => return TestCaseStatus::success(),
        "failure" => TestCaseStatus::non_success(NonSuccessKind::Failure),
        "skipped" => TestCaseStatus::skipped(),
        _ => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    status.set_message(message);
    if !body.is_empty() {
        status.set_description(body);
    }
    status
}
