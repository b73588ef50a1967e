//! The requirement catalogue: how far the gate reaches, and above all where it does not.

use super::{chip, class, icon, prose, section};
use crate::matrix::{self, RequirementRow};
use crate::verdict::{Standing, Tone};
use maud::{Markup, html};
use sim::record::{GateRecord, Requirement, SloVerdict};
use std::collections::BTreeMap;

/// How a requirement stands over all scenarios.
struct State {
    tone: Tone,
    word: &'static str,
    judged: usize,
    held: usize,
}

pub(super) fn coverage(record: &GateRecord) -> Markup {
    let rows = matrix::requirements(record);
    let by_id: BTreeMap<&str, &RequirementRow<'_>> = rows.iter().map(|row| (row.id, row)).collect();
    let missing = matrix::not_covered(record);
    let states: Vec<(&Requirement, State)> = record
        .requirements
        .iter()
        .map(|r| (r, state(record, &missing, by_id.get(r.id.as_str()).copied(), &r.id)))
        .collect();
    let body = html! {
        (map(&states))
        @if missing.is_empty() {
            p { "Every row of the catalogue is judged by a scenario." }
        } @else {
            h3 { "Not covered (" (missing.len()) " of " (record.requirements.len()) ")" }
            dl.terms {
                @for id in &missing {
                    div { dt { code { (id) } } dd { (prose(sentence(record, id))) } }
                }
            }
        }
        details {
            summary { "The whole catalogue" }
            (super::scroll("Catalogue", table(&states)))
        }
    };
    let lede =
        "A row that no scenario judges is not covered: nothing here speaks for it, and no certificate claims it.";
    section("catalogue", "Coverage", lede, body)
}

fn sentence<'a>(record: &'a GateRecord, id: &str) -> &'a str {
    record.requirements.iter().find(|r| r.id == id).map_or("Not in the catalogue.", |r| r.text.as_str())
}

fn state(record: &GateRecord, missing: &[&str], row: Option<&RequirementRow<'_>>, id: &str) -> State {
    let (judged, held) = row.map_or((0, 0), |row| (row.judged(), row.held()));
    let broken = row.is_some_and(|row| row.cells.contains(&Some(Standing::Broken)));
    let listed = missing.contains(&id);
    let mut slos = record.slos.iter().filter(|s| s.requirement == id && s.verdict != SloVerdict::NoData).peekable();
    let measured = slos.peek().is_some();
    let met = measured && slos.all(|s| s.verdict == SloVerdict::Met);
    let (tone, word) = match judged {
        _ if broken => (Tone::Bad, "broken"),
        _ if listed => (Tone::Quiet, "not covered"),
        0 if met => (Tone::Good, "met"),
        0 if measured => (Tone::Open, "not always met"),
        n if n == held => (Tone::Good, "proved"),
        _ => (Tone::Open, "not proved"),
    };
    State { tone, word, judged, held }
}

/// One square per requirement, a line per group: the shape of the coverage at a glance.
fn map(states: &[(&Requirement, State)]) -> Markup {
    html! {
        dl.map {
            @for group in states.chunk_by(|a, b| a.0.group == b.0.group) {
                @let covered = group.iter().filter(|(_, s)| s.word != "not covered").count();
                div {
                    dt { (group[0].0.group) }
                    dd {
                        @for (r, s) in group {
                            @let title = format!("{}: {}. {}", r.id, s.word, r.text);
                            a class={ "square " (class(s.tone)) } href={ "#r-" (r.id) } title=(title) {
                                (icon(class(s.tone))) span { (r.id.rsplit('-').next().unwrap_or(&r.id)) }
                            }
                        }
                    }
                    dd.n { (super::of(covered, group.len())) }
                }
            }
        }
    }
}

fn table(states: &[(&Requirement, State)]) -> Markup {
    html! {
        table.plain.wide {
            thead { tr {
                th scope="col" { "id" } th scope="col" { "requirement" } th scope="col" { "state" }
                th.n scope="col" { "held in" }
            } }
            tbody {
                @for (r, s) in states {
                    tr id={ "r-" (r.id) } {
                        th scope="row" { code { (r.id) } }
                        td.prose { (prose(&r.text)) }
                        td { (chip(s.tone, s.word)) }
                        td.n {
                            @if s.judged > 0 { (super::of(s.held, s.judged)) } @else { span.muted { "–" } }
                        }
                    }
                }
            }
        }
    }
}
