//! The two matrices: what was judged where, and what each control stopped.
//!
//! Colour never speaks alone: each cell has a symbol and a word. Where many scenarios stand side by side, the words of
//! what is as it should be are left to the pointer and to screen readers, so that the table fits a page. Empty cells
//! stay empty, so that the eye finds the rest.

use super::{class, icon, section};
use crate::matrix::{self, ControlRow, RequirementRow, as_declared};
use crate::verdict::{Standing, Tone};
use maud::{Markup, html};
use sim::record::{AblationRecord, AblationVerdict, GateRecord};

/// Scenarios side by side up to which each cell has room for its word.
const ROOMY_MAX: usize = 10;

pub(super) fn requirements(record: &GateRecord) -> Markup {
    let rows = matrix::requirements(record);
    let table = html! {
        table.matrix.dense[record.scenarios.len() > ROOMY_MAX] {
            (head(record, "requirement", "held in"))
            @for group in rows.chunk_by(|a, b| a.group == b.group) {
                tbody {
                    @for row in group { (requirement(row)) }
                }
            }
        }
    };
    let used: Vec<Standing> = rows.iter().flat_map(|row| row.cells.iter().flatten().copied()).collect();
    let body = html! { (super::scroll("Requirements by scenario", table)) (legend(&used)) };
    let lede = "Requirements down, scenarios across. A cell is green only when the whole scenario held.";
    section("requirements", "Requirements by scenario", lede, body)
}

fn head(record: &GateRecord, corner: &str, last: &str) -> Markup {
    html! {
        thead { tr {
            th.corner scope="col" { (corner) }
            @for (i, s) in record.scenarios.iter().enumerate() {
                th.across scope="col" { a href={ "#s-" (i) } title=(s.title) { (s.name) } }
            }
            th.sum scope="col" { (last) }
        } }
    }
}

fn requirement(row: &RequirementRow<'_>) -> Markup {
    html! {
        tr {
            th scope="row" title=(row.text) { a.id href={ "#r-" (row.id) } { (row.id) } span.text { (row.text) } }
            @for cell in &row.cells {
                @match cell {
                    None => td {},
                    Some(s) => td { div class={ "cell " (class(s.tone())) } title=(s.meaning()) {
                        (icon(class(s.tone()))) span { (short(*s)) }
                    } },
                }
            }
            td.sum { (super::of(row.held(), row.judged())) }
        }
    }
}

/// A word that fits a narrow cell; the title and the legend have the whole.
fn short(s: Standing) -> &'static str {
    match s {
        Standing::Nondeterministic => "nondet.",
        Standing::CanaryFailed => "as it must",
        Standing::CanarySilent => "silent",
        s => s.word(),
    }
}

fn legend(used: &[Standing]) -> Markup {
    let mut used = used.to_vec();
    used.sort_unstable();
    used.dedup();
    html! {
        ul.legend {
            @for s in used { li { (super::standing(s)) span { (s.meaning()) } } }
        }
    }
}

pub(super) fn controls(record: &GateRecord) -> Markup {
    let (rows, untouched): (Vec<_>, Vec<_>) = matrix::controls(record).into_iter().partition(|row| row.ablated() > 0);
    let table = html! {
        table.matrix.dense[record.scenarios.len() > ROOMY_MAX] {
            (head(record, "control", "sole in"))
            @for group in rows.chunk_by(|a, b| a.component() == b.component()) {
                tbody {
                    @for row in group { (control(row)) }
                }
            }
        }
    };
    let body = html! {
        (super::scroll("Ablations by control and scenario", table))
        (ablation_legend())
        @if !untouched.is_empty() {
            p.note {
                "Never switched off in this gate: "
                @for (i, row) in untouched.iter().enumerate() { @if i > 0 { ", " } code title=(row.off) { (row.id) } }
                "."
            }
        }
        details {
            summary { "What the system does without each control" }
            dl.terms {
                @for row in rows.iter().chain(&untouched) {
                    div {
                        dt { code { (row.id) } }
                        dd { (super::prose(row.off)) span.muted { " (upholds " (row.upholds.join(", ")) ")" } }
                    }
                }
            }
        }
    };
    let lede = "Controls down, scenarios across: what happened to the same attack when this one control was off. \
                An outlined cell differs from what the scenario declared beforehand.";
    section("ablations", "Ablations", lede, body)
}

fn control(row: &ControlRow<'_>) -> Markup {
    let never_sole = row.sole() == 0;
    html! {
        tr {
            th scope="row" title={ "Off: " (row.off) } { code { (breakable(row.id)) } }
            @for cell in &row.cells {
                td {
                    @for alike in cell.chunk_by(|a, b| looks_like(a, b)) { (ablations(alike)) }
                }
            }
            td.sum.dim[never_sole] title=[never_sole.then_some("No attack was stopped by this control alone.")] {
                (super::of(row.sole(), row.ablated()))
            }
        }
    }
}

/// Whether two ablations have the same to say, of another variant each.
fn looks_like(a: &AblationRecord, b: &AblationRecord) -> bool {
    (a.observed, &a.partner, as_declared(a)) == (b.observed, &b.partner, as_declared(b)) && a.expected == b.expected
}

/// Ablations that look alike, as one cell with their number.
fn ablations(alike: &[&AblationRecord]) -> Markup {
    let Some(a) = alike.first() else { return html! {} };
    let (name, _) = look(a.observed);
    let odd = !as_declared(a);
    let classes = if odd { "cell ablation mismatch" } else { "cell ablation" };
    let titles: Vec<String> = alike.iter().map(|a| title(a)).collect();
    html! {
        div class={ (classes) " " (name) } title=(titles.join("\n")) {
            (icon(name)) span { (ablation_word(a.observed)) }
            @if alike.len() > 1 { small.times { "×\u{2009}" (alike.len()) } }
            @if let Some(partner) = &a.partner { small.partner { "+ " (breakable(partner)) } }
            @if odd { small.odd { "≠ " (ablation_word(a.expected)) } }
        }
    }
}

/// An id that may be broken after its dots, so that a long partner does not widen its column.
fn breakable(id: &str) -> Markup {
    html! {
        @for (i, part) in id.split('.').enumerate() { @if i > 0 { "." wbr; } (part) }
    }
}

fn title(a: &AblationRecord) -> String {
    let mut title = format!("{} off in {}: {}", a.control, a.variant, a.observed);
    if let Some(partner) = &a.partner {
        title += &format!(" with {partner}");
    }
    if !as_declared(a) {
        title += &format!("; declared {}", a.expected);
    }
    title
}

/// Symbol (also the class) and tone of an ablation verdict.
pub(super) fn look(verdict: AblationVerdict) -> (&'static str, Tone) {
    match verdict {
        AblationVerdict::SoleBlocker => ("sole", Tone::Good),
        AblationVerdict::Redundant(_) => ("redundant", Tone::Canary),
        AblationVerdict::NotInvolved => ("not", Tone::Quiet),
        AblationVerdict::Void => ("void", Tone::Open),
    }
}

fn ablation_word(verdict: AblationVerdict) -> String {
    match verdict {
        AblationVerdict::SoleBlocker => "sole".to_string(),
        AblationVerdict::Redundant(0) => "depth > 2".to_string(),
        other => other.to_string(),
    }
}

fn ablation_legend() -> Markup {
    let entry = |verdict: AblationVerdict, meaning: &str| {
        html! { li {
            span class={ "chip ablation " (look(verdict).0) } { (icon(look(verdict).0)) (verdict) }
            span { (meaning) }
        } }
    };
    html! {
        ul.legend {
            (entry(AblationVerdict::SoleBlocker, "With this control off, the attack succeeds."))
            (entry(AblationVerdict::Redundant(2), "It succeeds only with the named partner off as well."))
            (entry(AblationVerdict::Redundant(0), "Neither alone nor with any one partner: more were not searched."))
            (entry(AblationVerdict::NotInvolved, "The attack got that far and never met this control."))
            (entry(AblationVerdict::Void, "The attack never got that far, so nothing was proved."))
        }
    }
}
