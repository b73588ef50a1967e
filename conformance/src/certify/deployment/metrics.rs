//! The table `[metrics]`: where figures are, and which of them say what of a tenant's objectives.

use super::place::Place;
use models::config::InputError;
use serde::{Deserialize, Deserializer};
use sim::measure::Objective;
use std::path::PathBuf;
use toml::Spanned;
use url::Url;

/// Figures of a deployment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Metrics {
    /// A text in the format of Prometheus or OpenMetrics.
    pub file: Option<PathBuf>,
    /// `http://HOST:PORT` of a Prometheus.
    pub url: Option<Spanned<String>>,
    /// What of its past counts, as `30d`; without it counters count as they stand.
    pub window: Option<Spanned<String>>,
    /// The label that names the tenant.
    #[serde(default = "tenant_label")]
    pub tenant_label: String,
    /// The label that names the cell, if there is one.
    pub cell_label: Option<String>,
    /// Fewer events than this are no measurement.
    #[serde(default = "events_min")]
    pub events_min: u64,
    /// How many requests went well (SLO-01).
    pub success: Option<Ratio>,
    /// How long they took (SLO-02).
    pub latency: Option<Times>,
    /// How many jobs went well (SLO-03).
    pub jobs: Option<Ratio>,
    /// How often the transparency index answered (SLO-04).
    pub index: Option<Ratio>,
    /// How long after a change it is audited (SLO-05).
    pub audit_lag: Option<Times>,
    /// What is told of an error budget that burns (SLO-06).
    pub alerts: Option<Spanned<Alerts>>,
}

/// Whose promise it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Each tenant's: a series without a tenant is nobody's.
    Tenants,
    /// Everybody's: a label may name a tenant, and need not.
    Everybody,
}

/// A promise of the catalogue that figures are held against.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// Its row.
    pub requirement: &'static str,
    /// What is promised, in words.
    pub what: &'static str,
    /// The table that names its figures.
    pub table: &'static str,
    /// Whose it is.
    pub whose: Whose,
}

const SUCCESS: Promise =
    Promise { requirement: "SLO-01", what: "API success", table: "success", whose: Whose::Tenants };
const LATENCY: Promise = Promise { requirement: "SLO-02", what: "latency", table: "latency", whose: Whose::Tenants };
const JOBS: Promise = Promise { requirement: "SLO-03", what: "job success", table: "jobs", whose: Whose::Tenants };
const INDEX: Promise = Promise {
    requirement: "SLO-04",
    what: "availability of the transparency index",
    table: "index",
    whose: Whose::Everybody,
};
const AUDIT_LAG: Promise =
    Promise { requirement: "SLO-05", what: "diff-audit lag", table: "audit-lag", whose: Whose::Everybody };

impl Metrics {
    /// Promises of a share of good events, with what is promised where the deployment says nothing.
    pub fn ratios(&self) -> [(Promise, Option<&Ratio>, Objective); 3] {
        let [success, jobs, index] = [&self.success, &self.jobs, &self.index].map(Option::as_ref);
        [(SUCCESS, success, NINES_3), (JOBS, jobs, NINES_2), (INDEX, index, NINES_3)]
    }

    /// Promises of a time that 95 of 100 keep, with the seconds that are promised where the deployment says nothing.
    pub fn times(&self) -> [(Promise, Option<&Times>, f64); 2] {
        [(LATENCY, self.latency.as_ref(), 1.5), (AUDIT_LAG, self.audit_lag.as_ref(), 60.0)]
    }
}

fn tenant_label() -> String {
    "tenant".to_owned()
}

/// As the reference platform has it.
fn events_min() -> u64 {
    100
}

/// A counter of events by outcome.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ratio {
    /// Its name.
    pub counter: String,
    /// The label that names the outcome.
    pub outcome_label: String,
    /// Outcomes that are good: `200`, or a class, `2xx`. What is in none of the three lists is bad.
    pub good: Vec<String>,
    /// Outcomes that are neither good nor bad: what a client did wrong.
    #[serde(default)]
    pub excluded: Vec<String>,
    /// Outcomes of requests that a rate limit refused; neither good nor bad.
    #[serde(default = "limited")]
    pub limited: Vec<String>,
    /// The promise, in percent: `"99.9"`; the catalogue's, if left out.
    #[serde(default, deserialize_with = "percent")]
    pub at_least: Option<Objective>,
}

fn limited() -> Vec<String> {
    vec!["429".to_owned()]
}

const NINES_3: Objective = promised(999_000);
const NINES_2: Objective = promised(990_000);

const fn promised(ppm: u32) -> Objective {
    match Objective::from_ppm(ppm) {
        Ok(objective) => objective,
        Err(_) => unreachable!(),
    }
}

fn percent<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Objective>, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = |_| serde::de::Error::custom(format!("{text:?} is no promise, expected percent as \"99.9\""));
    text.parse().map(Some).map_err(wrong)
}

/// A histogram of seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Times {
    /// Its name, without `_bucket`.
    pub histogram: String,
    /// What 95 of 100 must keep, in seconds; the catalogue's, if left out. A bucket must end there.
    pub at_most_s: Option<f64>,
}

/// SLO-06: rules that tell of an error budget that burns, and the series that they go by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Alerts {
    /// A file of rules, as Prometheus reads it; those that the Prometheus at `url` has, if left out.
    pub rules: Option<PathBuf>,
    /// Series in which a request that went well counts, with `{tenant}` and `{cell}`; from `success`, if left out.
    #[serde(default)]
    pub good: Vec<String>,
    /// Series in which one counts that did not; from `success`, if left out.
    #[serde(default)]
    pub bad: Vec<String>,
    /// Cells to try; those that the figures of `success` show, if left out.
    #[serde(default)]
    pub cells: Vec<String>,
    /// The label of an alert that names the tenant; `tenant-label`, if left out.
    pub tenant_label: Option<String>,
    /// And the cell; `cell-label`, if left out.
    pub cell_label: Option<String>,
}

/// What TOML and types do not say.
pub fn check(metrics: &Metrics, span: std::ops::Range<usize>, place: &Place, found: &mut Vec<InputError>) {
    let mut wrong = |span, what: &str, expected: &str| found.push(place.at(span, what, expected));
    match (&metrics.file, &metrics.url) {
        (Some(_), None) => {}
        (None, Some(url)) => {
            if !Url::parse(url.get_ref()).is_ok_and(|url| url.scheme() == "http" && url.host_str().is_some()) {
                wrong(url.span(), "no URL of a Prometheus", "http://HOST:PORT");
            }
        }
        (None, None) => wrong(span.clone(), "no figures", "file or url"),
        (Some(_), Some(_)) => wrong(span.clone(), "figures in two places", "file or url, and not both"),
    }
    if let Some(window) = &metrics.window {
        let text = window.get_ref();
        let number = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let has_unit = ["s", "m", "h", "d", "w"].contains(&&text[number.len()..]);
        if !has_unit || !number.parse().is_ok_and(|n: u32| n > 0) {
            wrong(window.span(), "no window", "a number with its unit, as 30d");
        }
        if metrics.url.is_none() {
            wrong(window.span(), "a window of a file", "url: a file knows no past");
        }
    }
    let (ratios, times) = (metrics.ratios(), metrics.times());
    if ratios.iter().all(|(_, ratio, _)| ratio.is_none()) && times.iter().all(|(_, times, _)| times.is_none()) {
        let tables = "[metrics.success], [metrics.latency], [metrics.jobs], [metrics.index] or [metrics.audit-lag]";
        wrong(span.clone(), "nothing to judge", &format!("a table {tables}"));
    }
    if ratios.iter().any(|(_, ratio, _)| ratio.is_some_and(|ratio| ratio.good.is_empty())) {
        wrong(span.clone(), "no good outcome", "good = [\"2xx\"]");
    }
    let is_time = |seconds: f64| seconds.is_finite() && seconds > 0.0;
    if times.iter().any(|(_, times, _)| times.and_then(|times| times.at_most_s).is_some_and(|s| !is_time(s))) {
        wrong(span, "no time", "at-most-s = 1.5");
    }
    if let Some(alerts) = &metrics.alerts {
        check_alerts(metrics, alerts, place, found);
    }
}

fn check_alerts(metrics: &Metrics, alerts: &Spanned<Alerts>, place: &Place, found: &mut Vec<InputError>) {
    let mut wrong = |what: &str, expected: &str| found.push(place.at(alerts.span(), what, expected));
    let table = alerts.get_ref();
    if table.rules.is_none() && metrics.url.is_none() {
        wrong("alerts that stand nowhere", "rules, or the url of a Prometheus that has them");
    }
    if metrics.success.is_none() {
        wrong("alerts of no objective", "a table [metrics.success]");
    }
    if table.good.is_empty() != table.bad.is_empty() {
        wrong("half of what alerts go by", "good and bad, or neither");
    }
}
