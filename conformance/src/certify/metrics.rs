//! Figures of a deployment, held against what was promised to each tenant: MET, MISSED, INCONCLUSIVE or NO_DATA, by the
//! judgement that simulations are judged by.
//!
//! What was missed is a finding. What says nothing is a suspicion, and never green. Of a threshold on a quantile what
//! counts is the share of requests beyond it, so a bucket has to end there: between buckets nobody knows.

mod alerts;
mod samples;
mod source;
mod tally;

use super::deployment::metrics::{Promise, Ratio, Whose};
use super::deployment::{Deployment, Metrics};
use super::http::PATIENCE_MS;
use super::report::{Component, Finding, Limits, Proof};
use reports::text::{count, percent_fixed, plural};
use sim::measure::{Judgement, Objective, budget_spent_ppm, judge_ratio};
use sim::record::SloVerdict;
use source::Figures;
use std::collections::BTreeSet;
use tally::{Events, Place, Times};

/// One minus the confidence of every interval.
const ALPHA: f64 = 0.05;

/// Of a hundred requests five may be slower.
const P95: Objective = match Objective::from_ppm(950_000) {
    Ok(objective) => objective,
    Err(_) => unreachable!(),
};

/// One promise to one tenant, judged.
struct Row {
    requirement: &'static str,
    place: Place,
    /// The promise, and what was counted.
    told: String,
    judged: Judgement,
    /// What is worth knowing for whoever repairs it.
    hints: Vec<String>,
}

/// Judges `metrics`. What cannot be read is inconclusive.
pub fn judge(deployment: &Deployment, metrics: &Metrics) -> Component {
    let limits = Limits { statement_timeout_ms: PATIENCE_MS, lock_timeout_ms: 0, statements: 0 };
    let at = match (&metrics.file, &metrics.url) {
        (Some(file), _) => file.display().to_string(),
        (None, url) => url.as_ref().map(|url| url.get_ref().clone()).unwrap_or_default(),
    };
    let mut component = Component::new("metrics", at, limits);
    let figures = match source::figures(metrics, &deployment.home) {
        Ok(figures) => figures,
        Err(why) => return component.unjudged(why).conclude(),
    };
    component.limits.statements = figures.asked.len() as u64;
    component.tenancy.push(match &metrics.cell_label {
        Some(cell) => format!("the label {} names the tenant, {cell} the cell", metrics.tenant_label),
        None => format!("the label {} names the tenant", metrics.tenant_label),
    });
    let (limited, places) = rows(deployment, metrics, &figures, &mut component);
    open_ends(metrics, &limited, &mut component);
    alerts::judge(deployment, metrics, &figures, &places, &mut component);
    component.conclude()
}

/// Judges what there is, and says which tenants a rate limit held back, and where there are requests.
fn rows(
    deployment: &Deployment,
    metrics: &Metrics,
    figures: &Figures,
    component: &mut Component,
) -> (BTreeSet<String>, BTreeSet<Place>) {
    let (mut limited, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut all = Vec::new();
    for (promise, ratio, promised) in metrics.ratios() {
        let Some(ratio) = ratio else { continue };
        match tally::events(&figures.samples, metrics, (ratio, promise.whose)) {
            Err(why) => nothing(component, promise.requirement, &ratio.counter, &why),
            Ok(places) => {
                seen.extend(places.keys().filter(|_| promise.table == "success").cloned());
                limited.extend(places.iter().filter(|(_, e)| e.limited > 0).map(|((tenant, _), _)| tenant.clone()));
                absent(deployment, component, promise, &ratio.counter, places.keys());
                let (judge, promised) = (judged_ratio, ratio.at_least.unwrap_or(promised));
                all.extend(places.iter().map(|place| judge(metrics, promise, ratio, promised, place)));
            }
        }
    }
    for (promise, times, promised) in metrics.times() {
        let Some(times) = times else { continue };
        let limit = times.at_most_s.unwrap_or(promised);
        match tally::times(&figures.samples, metrics, (times, promise.whose), limit) {
            Err(why) => nothing(component, promise.requirement, &times.histogram, &why),
            Ok(places) => {
                absent(deployment, component, promise, &times.histogram, places.keys());
                all.extend(places.iter().map(|place| judged_times(metrics, promise, limit, place)));
            }
        }
    }
    let judged: BTreeSet<&str> = all.iter().map(|row| row.requirement).collect();
    for requirement in judged {
        let met = all.iter().filter(|row| row.requirement == requirement && row.judged.verdict == SloVerdict::Met);
        let what = format!("promises {requirement} that are MET, a tenant and cell each");
        component.judged(&what, met.count(), &[requirement]);
    }
    all.into_iter().for_each(|row| conclude(component, row, &limited, figures));
    (limited, seen)
}

fn judged_ratio(
    metrics: &Metrics,
    promise: Promise,
    ratio: &Ratio,
    promised: Objective,
    (place, events): (&Place, &Events),
) -> Row {
    let Events { good, bad, limited, outcomes } = events;
    let judged = judge_ratio(*good, *bad, promised, ALPHA, metrics.events_min);
    let bad_ones: Vec<String> = outcomes.iter().map(|(outcome, n)| format!("{outcome}: {}", count(*n))).collect();
    let mut hints = Vec::new();
    if *bad > 0 {
        hints.push(format!("outcomes that are bad: {}", bad_ones.join(", ")));
    }
    if *good == 0 && *bad > 0 {
        let named = ratio.good.join(", ");
        hints.push(format!("nothing went well: a total outage, unless good ({named}) names none of the outcomes"));
    }
    if *limited > 0 {
        hints.push(format!("{} more were held back by a rate limit", plural(*limited, "request")));
    }
    if let Some(spent) = budget_spent_ppm(*bad, good + bad, promised) {
        hints.push(format!("of its error budget {} % is spent", spent.div_ceil(10_000)));
    }
    let told = format!("{} ≥ {promised}: {}", promise.what, figure(&judged));
    Row { requirement: promise.requirement, place: place.clone(), told, judged, hints }
}

fn judged_times(metrics: &Metrics, promise: Promise, limit: f64, (place, times): (&Place, &Times)) -> Row {
    let slow = times.all.saturating_sub(times.within);
    let judged = judge_ratio(times.within, slow, P95, ALPHA, metrics.events_min);
    let told = format!("p95 {} ≤ {limit} s, 95 % within it: {}", promise.what, figure(&judged));
    let hints = vec![format!("{} took longer", plural(slow, "event"))];
    Row { requirement: promise.requirement, place: place.clone(), told, judged, hints }
}

fn figure(judged: &Judgement) -> String {
    match judged.verdict {
        SloVerdict::NoData => format!("{} is too few", plural(judged.total, "event")),
        _ => {
            let [low, high] = [judged.low, judged.high].map(percent_fixed);
            format!("{} of {} ({low} – {high})", percent_fixed(judged.estimate), plural(judged.total, "event"))
        }
    }
}

/// Nothing can be said of anybody.
fn nothing(component: &mut Component, requirement: &'static str, metric: &str, why: &str) {
    component.suspect(
        &format!("{requirement}, {metric}"),
        "NO_DATA: what is promised is not seen",
        &[requirement],
        why,
    );
}

/// A test tenant without a series.
fn absent<'p>(
    deployment: &Deployment,
    component: &mut Component,
    promise: Promise,
    metric: &str,
    places: impl Iterator<Item = &'p Place>,
) {
    if promise.whose == Whose::Everybody {
        return;
    }
    let requirement = promise.requirement;
    let known: BTreeSet<&str> = places.map(|(tenant, _)| tenant.as_str()).collect();
    let (a, b) = deployment.tenants();
    for tenant in [a, b].into_iter().filter(|tenant| !known.contains(tenant.id.as_str())) {
        let why = format!(
            "no series of {metric} is of {}: there are {}",
            tenant.id,
            known.iter().copied().collect::<Vec<_>>().join(", ")
        );
        component.suspect(
            &format!("{requirement}, {}", tenant.id),
            "NO_DATA: what is promised is not seen",
            &[requirement],
            &why,
        );
    }
}

fn conclude(component: &mut Component, row: Row, limited: &BTreeSet<String>, figures: &Figures) {
    let (tenant, cell) = &row.place;
    let whose = match (tenant.as_str(), cell.as_str()) {
        ("", "") => "the platform".to_owned(),
        (tenant, "") => tenant.to_owned(),
        ("", cell) => cell.to_owned(),
        (tenant, cell) => format!("{tenant} in {cell}"),
    };
    let object = format!("{}, {whose}", row.requirement);
    let Row { told, judged, hints, requirement, .. } = row;
    // While another tenant was held back, its load must not have reached this one.
    let others = limited.iter().filter(|other| *other != tenant && !tenant.is_empty());
    let noisy: Vec<&str> = others.map(String::as_str).collect();
    match judged.verdict {
        SloVerdict::Met => component
            .notes
            .push(format!("{whose}: {told}: MET{}", hints.last().map(|h| format!("; {h}")).unwrap_or_default())),
        SloVerdict::Missed => {
            let mut requirements = vec![requirement, "SLO-06"];
            let mut what = format!("{told}: MISSED");
            if !noisy.is_empty() {
                requirements.extend(["SRV-04", "TEN-05"]);
                what.push_str(&format!(", while a rate limit held {} back", noisy.join(", ")));
            }
            let proof = Proof {
                tenant: None,
                connection: "fresh",
                statements: figures.asked.clone(),
                saw: format!("{told}; the whole interval lies below what is promised"),
            };
            let repair = hints.iter().map(|hint| format!("-- {hint}")).collect();
            component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
        }
        SloVerdict::Inconclusive => {
            let why = "the interval lies across what is promised: more requests would tell";
            component.suspect(&object, &format!("{told}: INCONCLUSIVE"), &[requirement], why);
        }
        SloVerdict::NoData => {
            let why = format!("nothing was counted, or less than events-min; {}", hints.join("; "));
            component.suspect(&object, &format!("{told}: NO_DATA"), &[requirement], &why);
        }
    }
}

fn open_ends(metrics: &Metrics, limited: &BTreeSet<String>, component: &mut Component) {
    let ratios = metrics.ratios().map(|(promise, ratio, _)| (promise, ratio.is_some()));
    let times = metrics.times().map(|(promise, times, _)| (promise, times.is_some()));
    for (promise, _) in ratios.into_iter().chain(times).filter(|(_, is_there)| !is_there) {
        let what = format!("{} ({})", promise.what, promise.requirement);
        component.not_judged(what, format!("the deployment has no table [metrics.{}]", promise.table));
    }
    let what = "what one tenant's load does to another (SRV-04, TEN-05)";
    if limited.is_empty() {
        component.not_judged(what, "no rate limit held anybody back, so there was no load to tell it by");
    } else {
        let names: Vec<&str> = limited.iter().map(String::as_str).collect();
        component.notes.push(format!(
            "a rate limit held {} back; the others' promises are judged under that load",
            names.join(", ")
        ));
        component.judged("promises while a rate limit held somebody back", limited.len(), &["SRV-04", "TEN-05"]);
    }
    if metrics.window.is_none() {
        component
            .not_judged("the error budget of a month (SLO-06)", "counters count as they stand; give url and window");
    }
    component
        .notes
        .push("intervals take requests as independent; those of one incident are not, so they are narrow".to_owned());
}
