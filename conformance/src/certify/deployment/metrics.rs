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
    pub success: Option<Success>,
    /// How long they took (SLO-02).
    pub latency: Option<Latency>,
}

fn tenant_label() -> String {
    "tenant".to_owned()
}

/// As the reference platform has it.
fn events_min() -> u64 {
    100
}

/// SLO-01: a counter of requests by outcome.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Success {
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
    /// The promise, in percent: `"99.9"`.
    #[serde(default = "success_min", deserialize_with = "percent")]
    pub at_least: Objective,
}

fn limited() -> Vec<String> {
    vec!["429".to_owned()]
}

fn success_min() -> Objective {
    const PROMISED: Objective = match Objective::from_ppm(999_000) {
        Ok(objective) => objective,
        Err(_) => unreachable!(),
    };
    PROMISED
}

fn percent<'de, D: Deserializer<'de>>(from: D) -> Result<Objective, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = |_| serde::de::Error::custom(format!("{text:?} is no promise, expected percent as \"99.9\""));
    text.parse().map_err(wrong)
}

/// SLO-02: a histogram of seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Latency {
    /// Its name, without `_bucket`.
    pub histogram: String,
    /// What 95 of 100 requests must keep, in seconds: a bucket must end there.
    #[serde(default = "seconds_max")]
    pub at_most_s: f64,
}

fn seconds_max() -> f64 {
    1.5
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
    if metrics.success.is_none() && metrics.latency.is_none() {
        wrong(span.clone(), "nothing to judge", "a table [metrics.success] or [metrics.latency]");
    }
    if metrics.success.as_ref().is_some_and(|success| success.good.is_empty()) {
        wrong(span.clone(), "no good outcome", "good = [\"2xx\"]");
    }
    if metrics.latency.as_ref().is_some_and(|latency| !latency.at_most_s.is_finite() || latency.at_most_s <= 0.0) {
        wrong(span, "no time", "at-most-s = 1.5");
    }
}
