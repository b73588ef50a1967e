//! From samples to counts: what each tenant got in each cell, or why that cannot be said.
//!
//! A metric that is misspelt, of another kind, without its label or without a series says nothing, which is never MET.

use super::samples::{Sample, Samples};
use crate::certify::deployment::Metrics;
use crate::certify::deployment::metrics::{Ratio, Times as Histogram, Whose};
use std::collections::{BTreeMap, BTreeSet};

/// A tenant in a cell; either is empty where no label names it.
pub type Place = (String, String);

/// Labels of a series of buckets, without `le`.
type Key = Vec<(String, String)>;

/// Names that are told to whoever misspelt one.
const NAMES_TOLD: usize = 6;

/// Requests, jobs or probes of one tenant in one cell.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Events {
    /// Went well.
    pub good: u64,
    /// Did not.
    pub bad: u64,
    /// Refused by a rate limit.
    pub limited: u64,
    /// By outcome, those that are bad.
    pub outcomes: BTreeMap<String, u64>,
}

/// Times of one tenant's requests in one cell.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Times {
    /// Within the limit.
    pub within: u64,
    /// All.
    pub all: u64,
}

/// Events by place.
///
/// # Errors
/// Why nothing can be said of anybody.
pub fn events(
    samples: &Samples,
    metrics: &Metrics,
    (ratio, whose): (&Ratio, Whose),
) -> Result<BTreeMap<Place, Events>, String> {
    let name = ratio.counter.as_str();
    let family = name.strip_suffix("_total").unwrap_or(name);
    let all = named(samples, name, &[name, family], &["counter"])?;
    let mut places: BTreeMap<Place, Events> = BTreeMap::new();
    for sample in labelled(&all, metrics, name, whose)? {
        let outcome = sample
            .labels
            .get(&ratio.outcome_label)
            .ok_or_else(|| format!("a series of {name} has no label {}: {}", ratio.outcome_label, labels_of(&all)))?;
        let count = whole(sample)?;
        let place = places.entry(place(sample, metrics)).or_default();
        match class(ratio, outcome) {
            Class::Good => place.good += count,
            Class::Limited => place.limited += count,
            Class::Excluded => {}
            Class::Bad => {
                place.bad += count;
                *place.outcomes.entry(outcome.clone()).or_default() += count;
            }
        }
    }
    Ok(places)
}

/// Times by place.
///
/// # Errors
/// Why nothing can be said of anybody.
pub fn times(
    samples: &Samples,
    metrics: &Metrics,
    (histogram, whose): (&Histogram, Whose),
    limit: f64,
) -> Result<BTreeMap<Place, Times>, String> {
    let family = histogram.histogram.as_str();
    let name = format!("{family}_bucket");
    let all = named(samples, &name, &[family], &["histogram"])?;
    // One series of buckets for each set of other labels.
    let mut series: BTreeMap<Key, Vec<(f64, u64)>> = BTreeMap::new();
    let mut places: BTreeMap<Key, Place> = BTreeMap::new();
    for sample in labelled(&all, metrics, &name, whose)? {
        let le = sample.labels.get("le").ok_or_else(|| format!("a series of {name} has no label le"))?;
        let end = if le == "+Inf" { Some(f64::INFINITY) } else { le.parse().ok() };
        let end = end.ok_or_else(|| format!("a bucket of {name} ends at {le:?}, which is no number"))?;
        let others = sample.labels.iter().filter(|(label, _)| *label != "le");
        let key: Key = others.map(|(l, v)| (l.clone(), v.clone())).collect();
        series.entry(key.clone()).or_default().push((end, whole(sample)?));
        places.insert(key, place(sample, metrics));
    }
    let mut found: BTreeMap<Place, Times> = BTreeMap::new();
    for (key, mut buckets) in series {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let place = places[&key].clone();
        let all = buckets.last().filter(|(end, _)| end.is_infinite());
        let all = all.ok_or_else(|| format!("a series of {name} for {} has no bucket +Inf", place.0))?.1;
        if buckets.windows(2).any(|pair| pair[0].1 > pair[1].1) {
            return Err(format!("buckets of {name} for {} do not grow: they are no histogram", place.0));
        }
        let within = buckets.iter().find(|(end, _)| (end - limit).abs() < limit * 1e-9).ok_or_else(|| {
            let ends: Vec<String> = buckets.iter().map(|(end, _)| end.to_string()).collect();
            format!(
                "no bucket of {family} for {} ends at {limit} s, so nothing says how many took longer: they end at {}",
                place.0,
                ends.join(", ")
            )
        })?;
        let times = found.entry(place).or_default();
        times.within += within.1;
        times.all += all;
    }
    Ok(found)
}

/// Samples of a metric, which has to be there and of one of these kinds.
fn named<'s>(samples: &'s Samples, name: &str, families: &[&str], kinds: &[&str]) -> Result<Vec<&'s Sample>, String> {
    let all: Vec<&Sample> = samples.all.iter().filter(|sample| sample.name == name).collect();
    if all.is_empty() {
        return Err(format!("there is no metric {name}: {}", others(samples, name)));
    }
    let kind = families.iter().find_map(|family| samples.kinds.get(*family));
    match kind.filter(|kind| !kinds.contains(&kind.as_str()) && !["untyped", "unknown"].contains(&kind.as_str())) {
        Some(kind) => Err(format!("{name} is a {kind}, expected a {}", kinds.join(" or "))),
        None => Ok(all),
    }
}

/// What there is instead: those with the same first word before the others.
fn others(samples: &Samples, name: &str) -> String {
    let first = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let names: BTreeSet<&str> = samples.all.iter().map(|sample| sample.name.as_str()).collect();
    let (near, far): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|other| first(other) == first(name));
    let told: Vec<&str> = near.into_iter().chain(far).take(NAMES_TOLD).collect();
    if told.is_empty() { "there is none at all".to_owned() } else { format!("there are {}", told.join(", ")) }
}

/// Those that name a tenant; all, where none has to.
fn labelled<'s>(all: &[&'s Sample], metrics: &Metrics, name: &str, whose: Whose) -> Result<Vec<&'s Sample>, String> {
    let label = &metrics.tenant_label;
    let with: Vec<&Sample> = all.iter().copied().filter(|sample| sample.labels.contains_key(label)).collect();
    if whose == Whose::Everybody {
        return Ok(all.to_vec());
    }
    if with.is_empty() {
        return Err(format!("no series of {name} has the label {label}: {}", labels_of(all)));
    }
    match metrics.cell_label.as_ref().filter(|cell| !with.iter().any(|sample| sample.labels.contains_key(*cell))) {
        Some(cell) => Err(format!("no series of {name} has the label {cell}: {}", labels_of(all))),
        None => Ok(with),
    }
}

fn labels_of(all: &[&Sample]) -> String {
    let labels: BTreeSet<&str> = all.iter().flat_map(|sample| sample.labels.keys().map(String::as_str)).collect();
    if labels.is_empty() {
        "it has none".to_owned()
    } else {
        format!("they are {}", labels.into_iter().collect::<Vec<_>>().join(", "))
    }
}

fn place(sample: &Sample, metrics: &Metrics) -> Place {
    let value = |label: &str| sample.labels.get(label).cloned().unwrap_or_default();
    (value(&metrics.tenant_label), metrics.cell_label.as_deref().map(value).unwrap_or_default())
}

/// A count. An increase over a window is extrapolated, and so rounded.
fn whole(sample: &Sample) -> Result<u64, String> {
    let value = sample.value;
    // Beyond 2^53 neighbouring counts are one number.
    let is_count = value.is_finite() && (0.0..=9_007_199_254_740_992.0).contains(&value);
    if is_count { Ok(value.round() as u64) } else { Err(format!("{} counts {value}, which is no count", sample.name)) }
}

/// What an outcome counts as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It went well.
    Good,
    /// A rate limit refused it.
    Limited,
    /// Neither good nor bad.
    Excluded,
    /// Everything else.
    Bad,
}

/// What a deployment says of an outcome.
pub fn class(ratio: &Ratio, outcome: &str) -> Class {
    let is = |forms: &[String]| forms.iter().any(|form| fits(form, outcome));
    match () {
        () if is(&ratio.good) => Class::Good,
        () if is(&ratio.limited) => Class::Limited,
        () if is(&ratio.excluded) => Class::Excluded,
        () => Class::Bad,
    }
}

fn fits(form: &str, outcome: &str) -> bool {
    match form.strip_suffix("xx") {
        Some(class) if class.len() == 1 => outcome.len() == 3 && outcome.starts_with(class),
        _ => form == outcome,
    }
}
