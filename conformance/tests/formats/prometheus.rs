//! What Prometheus makes of rules and samples: the same burn rates, budgets and alerts as stand in the record.
//!
//! `promtool test rules` is given the exported samples and evaluates the exported rules over them. Both sides agree to
//! the last digits of a float, and for a reason. `increase` takes the difference between the first and the last sample
//! in a window, and stretches it to the window's edges. There is a sample for every second, so inside of the run
//! nothing is stretched. Where a window reaches back before the run, what a counter had counted at its first sample is
//! lost, or guessed at: a counter that appears with its first bad event, as most do, misses that event. Here each
//! counter begins with a sample that is zero: nothing is lost, and nothing is stretched, because a counter is not
//! stretched below zero.

use super::records;
use conformance::provision::{prometheus, skip};
use reports::series::{BAD, EVENTS, LABELS, Series, selector, series, span};
use reports::{Format, GateRecord, render, sample};
use serde_json::json;
use sim::measure::AlertState;
use sim::record::SloRecord;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Relative difference that two ways to divide three numbers may have.
const TOLERANCE: f64 = 1e-12;

fn promtool() -> Option<PathBuf> {
    prometheus::promtool().map_err(|why| skip("promtool", &why)).ok()
}

fn run(promtool: &Path, dir: &Path, args: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } =
        Command::new(promtool).args(args).current_dir(dir).stdin(Stdio::null()).output().expect("promtool starts");
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (status.success(), text)
}

/// Rules and samples of a record, in a directory.
fn exported(record: &GateRecord) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for format in [Format::Rules, Format::Samples] {
        fs::write(dir.path().join(format.file_name()), render(record, format)).expect("a file");
    }
    dir
}

#[test]
fn rules_are_valid_and_samples_are_read_as_they_were_counted() {
    let Some(promtool) = promtool() else { return };
    for (name, record) in records() {
        let dir = exported(&record);
        let (valid, said) = run(&promtool, dir.path(), &["check", "rules", "--lint-fatal", "rules.yml"]);
        assert!(valid, "{name}: {said}");
        let blocks = ["tsdb", "create-blocks-from", "openmetrics", "samples.openmetrics", "blocks"];
        let (valid, said) = run(&promtool, dir.path(), &blocks);
        assert!(valid, "{name}: {said}");
        // Without one it takes the directory for no database.
        fs::create_dir_all(dir.path().join("blocks/wal")).expect("a directory");
        let (valid, dump) = run(&promtool, dir.path(), &["tsdb", "dump", "blocks"]);
        assert!(valid, "{name}: {dump}");
        assert_eq!(dumped(&dump), counted(&record), "{name}");
        scraped(&promtool, dir.path(), name);
    }
}

/// The last sample of each series, as a server would be scraped for it, has names and words as Prometheus wants them.
fn scraped(promtool: &Path, dir: &Path, name: &str) {
    let text = fs::read_to_string(dir.join("samples.openmetrics")).expect("samples");
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut scrape = String::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        match line.strip_prefix("# ") {
            // A family of the older format has the name of its samples.
            Some(head) => {
                let (kind, rest) = head.split_once(' ').expect("a head");
                let (family, words) = rest.split_once(' ').expect("a family");
                scrape += &format!("# {kind} {family}_total {words}\n");
            }
            None => {
                let (sample, _) = line.rsplit_once(' ').expect("a time");
                let (series, value) = sample.rsplit_once(' ').expect("a value");
                last.insert(series, value);
            }
        }
    }
    for (series, value) in last {
        scrape += &format!("{series} {value}\n");
    }
    let file = dir.join("scrape");
    fs::write(&file, scrape).expect("a file");
    let stdin = fs::File::open(&file).expect("a file");
    let output = Command::new(promtool).args(["check", "metrics"]).stdin(stdin).output().expect("promtool starts");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}

type Points = BTreeMap<String, Vec<(i64, u64)>>;

/// Samples as `promtool tsdb dump` prints them: `{__name__="x", a="b"} VALUE MILLISECONDS`.
fn dumped(dump: &str) -> Points {
    let mut points = Points::new();
    for line in dump.lines().filter(|line| line.starts_with('{')) {
        let (rest, at) = line.rsplit_once(' ').expect("a time");
        let (series, value) = rest.rsplit_once(' ').expect("a value");
        let point = (at.parse().expect("milliseconds"), value.parse::<f64>().expect("a number") as u64);
        points.entry(series.replace("\", ", "\",")).or_default().push(point);
    }
    points.values_mut().for_each(|all| all.sort_unstable());
    points
}

fn counted(record: &GateRecord) -> Points {
    let record = reports::text::presentable(record.clone());
    let mut points = Points::new();
    for Series { labels, sums } in series(&record) {
        for (name, value) in [(EVENTS, 0), (BAD, 1)] {
            let name = format!("{name}_total");
            let mut all: Vec<(&str, &str)> =
                LABELS.into_iter().zip(labels).chain([("__name__", name.as_str())]).collect();
            all.sort_unstable();
            let at =
                |(second, sum): (usize, &(u64, u64))| (second as i64 * 1_000, if value == 0 { sum.0 } else { sum.1 });
            points.insert(selector(&all), sums.iter().enumerate().map(at).collect());
        }
    }
    points
}

/// A file for `promtool test rules`: the samples of a record, and what its own numbers are.
struct Trial {
    /// How often the rules are evaluated, in seconds.
    every: u64,
    series: Vec<serde_json::Value>,
    asked: Vec<serde_json::Value>,
}

impl Trial {
    fn of(record: &GateRecord, every: u64) -> Trial {
        let record = reports::text::presentable(record.clone());
        let mut trial = Trial { every, series: Vec::new(), asked: Vec::new() };
        for one in series(&record) {
            trial.values(&one);
            let slo = record.slos.iter().find(|slo| labels_of(slo) == one.labels).expect("the row of the series");
            trial.ask(slo, one.sums.len() as u64 - 1);
        }
        trial
    }

    fn values(&mut self, one: &Series<'_>) {
        let labels: Vec<(&str, &str)> = LABELS.into_iter().zip(one.labels).collect();
        let values =
            |of: fn(&(u64, u64)) -> u64| one.sums.iter().map(|sum| of(sum).to_string()).collect::<Vec<_>>().join(" ");
        for (name, values) in [(EVENTS, values(|s| s.0)), (BAD, values(|s| s.1))] {
            self.series.push(json!({ "series": format!("{name}_total{}", selector(&labels)), "values": values }));
        }
    }

    /// Everything that the record says of one objective at its end, and when its alerts fired.
    fn ask(&mut self, slo: &SloRecord, end: u64) {
        let labels: Vec<(&str, &str)> = LABELS.into_iter().zip(labels_of(slo)).collect();
        let only = selector(&labels);
        let budget = slo.budget.expect("something was counted");
        self.equal(&format!("slo:budget_spent:increase{}{only}", span(budget.period_s)), budget.burn_rate, end);
        for alert in &slo.alerts {
            for (window, burn) in [(alert.long_s, alert.long_burn), (alert.short_s, alert.short_burn)] {
                let expression = format!("slo:burn_rate:increase{}{only}", span(window));
                match burn {
                    Some(burn) => self.equal(&expression, burn, end),
                    None => self.number(&format!("{expression} == {expression}"), None, end),
                }
            }
            let which = [("alertstate", "firing"), ("rate", alert.rate.as_str())];
            let rings = format!("ALERTS{}", selector(&[&labels[..], &which].concat()));
            self.number(&rings, (alert.state == AlertState::Firing).then_some(1), end);
            if let Some(fired) = alert.fired_at_s {
                // Rules are evaluated every so often: at the first time after it fired, and at the last before.
                let after = fired.next_multiple_of(self.every);
                if self.every == 1 || after == fired {
                    self.number(&rings, Some(1), after);
                }
                self.number(&rings, None, (fired - 1) / self.every * self.every);
            }
        }
    }

    fn equal(&mut self, expression: &str, value: f64, at: u64) {
        let off = format!("abs({expression} - {value:e}) <= {:e}", value.abs() * TOLERANCE);
        self.number(&off, Some(1), at);
    }

    /// How many series an expression selects.
    fn number(&mut self, expression: &str, count: Option<u64>, at: u64) {
        let expected: Vec<_> = count.iter().map(|n| json!({ "labels": "{}", "value": n })).collect();
        let expression = format!("count({expression})");
        self.asked.push(json!({ "expr": expression, "eval_time": format!("{at}s"), "exp_samples": expected }));
    }

    /// Whether Prometheus finds the same, and what it says otherwise.
    fn carried_out(&self, promtool: &Path, dir: &Path) -> (bool, String) {
        let file = json!({
            "rule_files": ["rules.yml"],
            "evaluation_interval": format!("{}s", self.every),
            "tests": [{ "interval": "1s", "input_series": self.series, "promql_expr_test": self.asked }],
        });
        // JSON is YAML.
        fs::write(dir.join("test.yml"), file.to_string()).expect("a file");
        run(promtool, dir, &["test", "rules", "test.yml"])
    }
}

fn labels_of(slo: &SloRecord) -> [&str; 4] {
    [&slo.requirement, &slo.tenant, &slo.cell, &slo.condition]
}

#[test]
fn prometheus_finds_the_same_burn_rates_budgets_and_alerts_as_the_record() {
    let Some(promtool) = promtool() else { return };
    let mut rang = 0;
    for (name, record) in records() {
        let dir = exported(&record);
        let longest = series(&record).iter().map(|one| one.sums.len()).max().unwrap_or(0);
        let trial = Trial::of(&record, if longest > 600 { 60 } else { 1 });
        assert!(!trial.asked.is_empty(), "{name}");
        let (same, said) = trial.carried_out(&promtool, dir.path());
        assert!(same, "{name}: {said}");
        let alerts = record.slos.iter().flat_map(|slo| &slo.alerts);
        rang += alerts.filter(|alert| alert.fired_at_s.is_some()).count();
    }
    assert!(rang > 0, "no alert ever rang, so nothing was compared");
}

#[test]
fn the_comparison_sees_one_event_too_many_and_a_counter_without_its_beginning() {
    let Some(promtool) = promtool() else { return };
    let record = sample::hours();
    let dir = exported(&record);
    let fails = |family: &str, edit: fn(&str) -> String| {
        let mut trial = Trial::of(&record, 60);
        for one in &mut trial.series {
            if one["series"].as_str().is_some_and(|name| name.starts_with(family)) {
                one["values"] = edit(one["values"].as_str().expect("values")).into();
            }
        }
        !trial.carried_out(&promtool, dir.path()).0
    };
    assert!(!fails(BAD, str::to_owned), "unedited it passes");
    let one_more = |values: &str| {
        let (rest, last) = values.rsplit_once(' ').expect("many");
        format!("{rest} {}", last.parse::<u64>().expect("a number") + 1)
    };
    assert!(fails(BAD, one_more), "one bad event too many");
    let without_its_zeros = |values: &str| {
        let rest = values.trim_start_matches("0 ");
        "_ ".repeat((values.len() - rest.len()) / 2) + rest
    };
    assert!(fails(BAD, without_its_zeros), "a counter that appears with its first event");
}
