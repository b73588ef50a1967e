//! Objectives per tenant and cell: the judged table, and three plots of the figures behind it, by condition.

use super::{chip, class, icon, plot, section, slo_tone};
use crate::slo::{self, Condition};
use maud::{Markup, html};
use sim::record::{CALM, GateRecord, SWARM, SloRecord, SloVerdict};

const VERDICTS: [SloVerdict; 4] = [SloVerdict::Met, SloVerdict::Missed, SloVerdict::Inconclusive, SloVerdict::NoData];

pub(super) fn all(record: &GateRecord) -> Markup {
    let conditions = slo::conditions(record);
    let body = html! {
        @if conditions.is_empty() { p { "Nothing was measured." } }
        @if let Some(plan) = &record.plan {
            ul.assumptions { @for assumption in &plan.assumptions { li { (assumption) } } }
        }
        @for (i, c) in conditions.iter().enumerate() { (condition(c, i == 0)) }
    };
    let lede = "Judged for each tenant in each cell with its 95 % interval: met only when the whole interval lies \
                inside the objective. Honest tenants' requests only.";
    section("objectives", "Objectives", lede, body)
}

/// The first condition stands open, and so does any in which an objective was missed.
fn condition(c: &Condition<'_>, first: bool) -> Markup {
    html! {
        details.scenario open[first || c.count(SloVerdict::Missed) > 0] {
            summary {
                span.name { (c.name) }
                span.title { (story(c.name)) }
                span.meta {
                    @for v in VERDICTS {
                        @let n = c.count(v);
                        @if n > 0 { (chip(slo_tone(v), &format!("{n} {v}"))) }
                    }
                }
            }
            div.body {
                @if !c.rows.is_empty() { (table(c)) }
                @if !c.serving.is_empty() {
                    div.plots { (plot::success(c)) (plot::latency(c)) (plot::budget(c)) }
                }
            }
        }
    }
}

fn story(condition: &str) -> &'static str {
    match condition {
        CALM => "no faults, no attack",
        SWARM => "faults drawn from the seed",
        _ => "under this scenario",
    }
}

fn table(c: &Condition<'_>) -> Markup {
    let table = html! {
        table.plain.slo {
            thead { tr {
                th scope="col" { "tenant" } th scope="col" { "cell" }
                @for (requirement, objective) in &c.objectives {
                    th scope="col" { span.muted { (requirement) } " " (objective) }
                }
            } }
            @for group in c.rows.chunk_by(|a, b| a.0.0 == b.0.0) {
                tbody {
                    @for (i, ((tenant, cell), judged)) in group.iter().enumerate() {
                        tr {
                            @if i == 0 { th scope="rowgroup" rowspan=(group.len()) { (tenant) } }
                            td { (cell) }
                            @for s in judged { td { @if let Some(s) = s { (judgement(s)) } } }
                        }
                    }
                }
            }
        }
    };
    super::scroll("Objectives", table)
}

fn judgement(s: &SloRecord) -> Markup {
    let tone = slo_tone(s.verdict);
    html! {
        div.judged {
            span class={ "chip " (class(tone)) } { (icon(class(tone))) (s.verdict) }
            @if let Some(interval) = slo::interval(s) {
                span.estimate { (slo::value(s, s.estimate)) }
                span.interval { (interval) }
                span.rests { (slo::rests_on(s)) }
                @let budget = slo::budget(s);
                @if !budget.is_empty() { span.rests { "budget spent: " (budget) } }
            }
        }
    }
}
