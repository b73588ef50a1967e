//! Where figures come from: a file, or a Prometheus that is asked for the metrics that the deployment names.

use super::samples::{Labels, Misread, Sample, Samples, read};
use crate::certify::deployment::Metrics;
use crate::certify::http::answer::Outcome;
use crate::certify::http::request::Request;
use crate::certify::http::route::Route;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// Figures, and how they were had.
pub struct Figures {
    /// The samples.
    pub samples: Samples,
    /// What was read or asked, line by line.
    pub asked: Vec<String>,
    /// The rules that a Prometheus has, as a file of rules, or why there are none; where somebody wants them.
    pub rules: Option<Result<String, String>>,
}

/// The figures of a deployment.
///
/// # Errors
/// Says what cannot be read or reached.
pub fn figures(metrics: &Metrics, home: &Path) -> Result<Figures, String> {
    match (&metrics.file, &metrics.url) {
        (Some(file), _) => {
            let told = file.display();
            let text = fs::read_to_string(home.join(file)).map_err(|e| format!("{told}: {e}"))?;
            let samples = read(&text).map_err(|Misread(line, why)| format!("{told}:{line}: {why}"))?;
            Ok(Figures { samples, asked: vec![format!("read {told}")], rules: None })
        }
        (None, Some(url)) => Prometheus::new(url.get_ref())?.all(metrics),
        (None, None) => Err("no figures".to_owned()),
    }
}

struct Prometheus {
    route: Route,
    authority: String,
    base: String,
    runtime: Runtime,
    asked: Vec<String>,
}

impl Prometheus {
    fn new(url: &str) -> Result<Prometheus, String> {
        let url = Url::parse(url).map_err(|e| e.to_string())?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let port = url.port_or_known_default().unwrap_or(9090);
        let authority = format!("{}:{port}", url.host_str().unwrap_or_default());
        let base = url.path().trim_end_matches('/').to_owned();
        Ok(Prometheus { route: Route::plain(&url), authority, base, runtime, asked: Vec::new() })
    }

    fn all(mut self, metrics: &Metrics) -> Result<Figures, String> {
        let mut wanted = Vec::new();
        wanted.extend(metrics.ratios().iter().filter_map(|(_, ratio, _)| ratio.map(|r| r.counter.clone())));
        wanted.extend(
            metrics.times().iter().filter_map(|(_, times, _)| times.map(|t| format!("{}_bucket", t.histogram))),
        );
        wanted.sort();
        wanted.dedup();
        let mut samples = Samples::default();
        for name in &wanted {
            let query = match &metrics.window {
                Some(window) => format!("increase({name}[{}])", window.get_ref()),
                None => name.clone(),
            };
            let answer = self.get("query", &[("query", &query)])?;
            let found = vector(&answer, name).ok_or_else(|| format!("{}: no vector for {query}", self.authority))?;
            samples.all.extend(found);
        }
        if wanted.iter().any(|name| !samples.all.iter().any(|sample| sample.name == *name)) {
            // What is there instead, for whoever misspelt it.
            let names = self.get("label/__name__/values", &[])?;
            let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
            let bare = |name: &str| Sample { name: name.to_owned(), labels: Labels::new(), value: f64::NAN };
            samples.all.extend(names.filter(|name| !wanted.iter().any(|w| w == name)).map(bare));
        }
        let wants_rules = metrics.alerts.as_ref().is_some_and(|alerts| alerts.get_ref().rules.is_none());
        let rules = wants_rules.then(|| self.get("rules", &[]).and_then(|rules| rule_file(&rules)));
        Ok(Figures { samples, asked: self.asked, rules })
    }

    fn get(&mut self, what: &str, fields: &[(&str, &str)]) -> Result<Value, String> {
        let fields = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let target = format!("{}/api/v1/{what}?{fields}", self.base);
        let request = Request::get(&target, &self.authority);
        self.asked.push(format!("GET {target}"));
        let outcome = self.runtime.block_on(self.route.ask(&request));
        let told = format!("http://{}{target}", self.authority);
        let Outcome::Answer(answer) = &outcome else { return Err(format!("{told}: {}", outcome.words())) };
        let value: Value = serde_json::from_str(&answer.body)
            .map_err(|_| format!("{told}: status {}, and no JSON: it is no Prometheus", answer.status))?;
        match value["status"].as_str() {
            Some("success") => Ok(value["data"].clone()),
            _ => Err(format!("{told}: {}", value["error"].as_str().unwrap_or("no status"))),
        }
    }
}

/// The rules that a Prometheus says it has, as a file of rules: JSON is YAML.
///
/// # Errors
/// It has none, or cannot evaluate one.
fn rule_file(data: &Value) -> Result<String, String> {
    let groups = data["groups"].as_array().filter(|groups| !groups.is_empty()).ok_or("the Prometheus has no rules")?;
    let mut written = Vec::new();
    for group in groups {
        let rules = group["rules"].as_array().into_iter().flatten();
        if let Some(rule) = rules.clone().find(|rule| rule["health"] == "err") {
            return Err(format!("{} is not evaluated: {}", rule["name"], rule["lastError"]));
        }
        let rules: Vec<Value> = rules
            .map(|rule| match rule["type"].as_str() {
                Some("alerting") => json!({"alert": rule["name"], "expr": rule["query"], "labels": rule["labels"],
                    "for": format!("{}s", rule["duration"].as_f64().unwrap_or_default() as u64)}),
                _ => json!({"record": rule["name"], "expr": rule["query"], "labels": rule["labels"]}),
            })
            .collect();
        // Two files may have groups of one name.
        written.push(json!({"name": format!("{} {}", group["file"], group["name"]), "rules": rules}));
    }
    Ok(json!({ "groups": written }).to_string())
}

/// Samples of an instant vector. An increase is extrapolated between scrapes, so it is no whole number.
fn vector(data: &Value, name: &str) -> Option<Vec<Sample>> {
    let one = |found: &Value| {
        let labels = found["metric"].as_object()?.iter().filter(|(label, _)| *label != "__name__");
        let labels = labels.map(|(label, value)| Some((label.clone(), value.as_str()?.to_owned())));
        let value = match found["value"][1].as_str()? {
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            text => text.parse().ok()?,
        };
        Some(Sample { name: name.to_owned(), labels: labels.collect::<Option<_>>()?, value })
    };
    (data["resultType"] == "vector").then_some(())?;
    data["result"].as_array()?.iter().map(one).collect()
}
