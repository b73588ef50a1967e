//! Alerts on error budgets that burn (SLO-06), tried and not read: Prometheus' own `promtool` runs the rules over
//! series in which one tenant of one cell burns its budget, a little faster than a window of the SRE workbook allows,
//! while its neighbour burns a little slower. Within the window the one must be told of by name, the other must not,
//! and the alert must end when the burn does.
//!
//! So nothing depends on how rules are written: by recording rules, by a generator, for each tenant or for all.

mod trial;

use super::source::Figures;
use super::tally::{Class, Place, class};
use crate::certify::deployment::Deployment;
use crate::certify::deployment::metrics::{Alerts, Metrics, Ratio};
use crate::certify::report::{Component, Finding, Proof};
use crate::provision::prometheus;
use rayon::prelude::*;
use sim::measure::burn::{MONTH, SRE_RULES};
use sim::measure::{AlertRule, Objective};
use std::collections::{BTreeMap, BTreeSet};
use trial::{Fault, Names, Trial};

/// What is to blame.
const OBJECT: &str = "alerts, error budget";

/// Tries the rules on the places that the figures of `success` show.
pub fn judge(
    deployment: &Deployment,
    metrics: &Metrics,
    figures: &Figures,
    places: &BTreeSet<Place>,
    component: &mut Component,
) {
    let (Some(alerts), Some(success)) = (&metrics.alerts, &metrics.success) else {
        let why = "the deployment has no table [metrics.alerts]";
        return component.not_judged("alerts that burn rates raise (SLO-06)", why);
    };
    let [(_, _, promised), ..] = metrics.ratios();
    let promised = success.at_least.unwrap_or(promised);
    let tried = rules(alerts.get_ref(), deployment, figures).and_then(|rules| {
        let names = names(metrics, alerts.get_ref(), success)?;
        let cells = cells(alerts.get_ref(), places);
        let (a, b) = deployment.tenants();
        try_all(&Tried { rules, names, cells, tenants: [&a.id, &b.id], promised })
    });
    match tried {
        Err(why) => component.suspect(OBJECT, "what is told of a burning budget is not known", &["SLO-06"], &why),
        Ok((trials, faults)) => conclude(component, trials, &faults),
    }
}

/// What is tried.
struct Tried<'d> {
    rules: String,
    names: Names,
    cells: Vec<String>,
    tenants: [&'d str; 2],
    promised: Objective,
}

/// The rules, as a file for `promtool`.
fn rules(alerts: &Alerts, deployment: &Deployment, figures: &Figures) -> Result<String, String> {
    match (&alerts.rules, &figures.rules) {
        (Some(file), _) => {
            std::fs::read_to_string(deployment.home.join(file)).map_err(|e| format!("{}: {e}", file.display()))
        }
        (None, Some(rules)) => rules.clone(),
        (None, None) => Err("no rules".to_owned()),
    }
}

/// Cells to try; one without a name, where no label names any.
fn cells(alerts: &Alerts, places: &BTreeSet<Place>) -> Vec<String> {
    if !alerts.cells.is_empty() {
        return alerts.cells.clone();
    }
    let shown: BTreeSet<String> = places.iter().map(|(_, cell)| cell.clone()).collect();
    shown.into_iter().collect()
}

/// The series that rules go by: given, or those of the counter.
fn names(metrics: &Metrics, alerts: &Alerts, success: &Ratio) -> Result<Names, String> {
    let tenant = alerts.tenant_label.clone().unwrap_or_else(|| metrics.tenant_label.clone());
    let cell = alerts.cell_label.clone().or_else(|| metrics.cell_label.clone());
    if !alerts.good.is_empty() {
        return Ok(Names { good: alerts.good.clone(), bad: alerts.bad.clone(), tenant, cell });
    }
    let example = |form: &String| form.strip_suffix("xx").map_or(form.clone(), |class| format!("{class}00"));
    let good = success.good.first().map(example).ok_or("no good outcome")?;
    let bad = ["500", "503", "error", "failed"].into_iter().find(|outcome| class(success, outcome) == Class::Bad);
    let bad = bad.ok_or("no outcome that is bad is known: give good and bad in [metrics.alerts]")?;
    let of_cell = metrics.cell_label.as_ref().map(|label| format!(",{label}=\"{{cell}}\"")).unwrap_or_default();
    let series = |outcome: &str| {
        let (counter, label) = (&success.counter, &success.outcome_label);
        format!("{counter}{{{}=\"{{tenant}}\"{of_cell},{label}=\"{outcome}\"}}", metrics.tenant_label)
    };
    Ok(Names { good: vec![series(&good)], bad: vec![series(bad)], tenant, cell })
}

/// Each burn, for each tenant in each cell.
fn try_all(tried: &Tried<'_>) -> Result<(usize, Vec<Fault>), String> {
    let promtool = prometheus::promtool()?;
    if tried.cells.is_empty() {
        return Err("the figures show no place to try: give cells in [metrics.alerts]".to_owned());
    }
    let one = |rule: &AlertRule| {
        let trial = Trial::new(*rule, MONTH, tried.promised)?;
        let mut asked = BTreeMap::new();
        for cell in &tried.cells {
            for (burns, near) in [(0, 1), (1, 0)] {
                trial.ask(&mut asked, (tried.tenants[burns], tried.tenants[near], cell));
            }
        }
        trial.run(&promtool, &tried.rules, &tried.names, &asked)
    };
    // Each is a process of its own.
    let faults: Vec<Vec<Fault>> = SRE_RULES.par_iter().map(one).collect::<Result<_, String>>()?;
    Ok((SRE_RULES.len() * tried.cells.len() * tried.tenants.len(), faults.concat()))
}

fn conclude(component: &mut Component, trials: usize, faults: &[Fault]) {
    component.judged("budgets that were made to burn, a rate, tenant and cell each", trials, &["SLO-06"]);
    for fault in faults {
        let proof = Proof {
            tenant: Some(fault.tenant.clone()),
            connection: "fresh",
            statements: vec![fault.series.clone(), format!("promtool test rules, at {}", fault.at)],
            saw: fault.saw.clone(),
        };
        component.find(Finding {
            object: format!("{OBJECT}: {}", fault.kind.words()),
            what: fault.what.clone(),
            requirements: vec!["SLO-06"],
            proof,
            repair: vec![
                "-- for each tenant and cell, both windows above the rate: 14.4 (1h, 5m), 6 (6h, 30m), 3 (1d, 2h), \
                 1 (3d, 6h); `cellproof report DIR --format rules` prints such rules"
                    .to_owned(),
            ],
            also: Vec::new(),
        });
    }
}
