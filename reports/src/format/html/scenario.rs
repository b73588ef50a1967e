//! A section per scenario: threat, passes, faults, marks, ablations, pairs, and the runs that were kept whole.
//!
//! Scenarios that held are folded away; the others stand open. A canary that failed counts as having done its duty.

use super::matrix::look;
use super::{class, command, digest, icon, of, plot, prose, section, standing};
use crate::matrix::{self, as_declared};
use crate::text::{count, percent, probability, simulated};
use crate::verdict::{Standing, Tone};
use maud::{Markup, html};
use sim::record::{AblationRecord, Finding, GateRecord, Pass, PassRecord, RunRecord, ScenarioRecord, ScenarioVerdict};

pub(super) fn all(record: &GateRecord) -> Markup {
    let body = html! {
        @for (i, s) in record.scenarios.iter().enumerate() { (one(i, s)) }
    };
    let lede = "What each one tries, how often it was tried, and what stopped it.";
    section("scenarios", "Scenarios", lede, body)
}

fn one(i: usize, s: &ScenarioRecord) -> Markup {
    let it = Standing::of(s);
    let folded = matches!(it, Standing::Held | Standing::CanaryFailed | Standing::Skipped);
    let (declared, ablations) = matrix::declared(s);
    html! {
        details.scenario.(class(it.tone())) open[!folded] {
            summary {
                span.name { (s.name) }
                span.title { (s.title) }
                span.meta {
                    @if s.canary { span.tag { "canary" } }
                    @if ablations > 0 { span.tag { "ablations " (of(declared, ablations)) } }
                    (standing(it))
                }
            }
            div.body id={ "s-" (i) } {
                (why(s, it))
                p.threat { (prose(&s.threat)) }
                p.judges {
                    @if let Some(letter) = &s.stride { span.tag title="STRIDE" { "STRIDE " (letter) } }
                    @for id in &s.requirements { a.tag href={ "#r-" (id) } { (id) } }
                }
                @if !s.passes.is_empty() { (passes(s)) }
                (faults_and_marks(s))
                @if !s.ablations.is_empty() { (ablations_table(s)) }
                @if !s.non_interference.is_empty() { (pairs(s)) }
                @for run in s.passes.iter().flat_map(|p| &p.kept) { (kept(run)) }
            }
        }
    }
}

fn why(s: &ScenarioRecord, it: Standing) -> Markup {
    if it == Standing::Held {
        return html! {};
    }
    html! {
        div.why.(class(it.tone())) {
            p { strong { (it.meaning()) } }
            @if let ScenarioVerdict::Skipped(why) = &s.verdict { p { (why) } }
            @for line in &s.why { p { (prose(line)) } }
            @if let Some(line) = &s.replay { (command(line)) }
        }
    }
}

fn passes(s: &ScenarioRecord) -> Markup {
    let bound = |p: &PassRecord| {
        let few = p.runs < 2 || p.pass == Pass::Corpus;
        if few { "–".to_string() } else { format!("≤ {}", probability(p.breach_bound_95)) }
    };
    let expected = Standing::of(s) == Standing::CanaryFailed;
    let table = html! {
        table.plain {
            thead { tr {
                th scope="col" { "pass" } th.n scope="col" { "runs" } th.n scope="col" { "breached" }
                th.n scope="col" { "compared twice" } th.n scope="col" { "events" }
                th.n scope="col" { "honest requests" }
                th.n scope="col" title="One-sided upper bound on the probability that a seed breaches" { "p at 95 %" }
            } }
            tbody {
                @for p in &s.passes {
                    tr {
                        th scope="row" { (p.pass.as_str()) }
                        td.n { (count(p.runs)) }
                        td.n {
                            @if p.breaches > 0 && !expected { strong.bad { (count(p.breaches)) } }
                            @else { (count(p.breaches)) }
                        }
                        td.n { (count(p.compared)) } td.n { (count(p.events)) } td.n { (count(p.requests)) }
                        td.n { (bound(p)) }
                    }
                }
            }
        }
    };
    html! { h3 { "Passes with all controls on" } (super::scroll("Passes", table)) }
}

fn faults_and_marks(s: &ScenarioRecord) -> Markup {
    let faults = matrix::faults(s);
    let marks = matrix::marks(s);
    html! {
        div.pair {
            @if !marks.is_empty() {
                div {
                    h3 { "Marks" }
                    ul.marks {
                        @for (mark, times) in marks {
                            @let tone = if times > 0 { Tone::Good } else { Tone::Open };
                            li class=(class(tone)) {
                                (icon(class(tone))) code { (mark) }
                                span.times { @if times > 0 { "× " (count(times)) } @else { "never reached" } }
                            }
                        }
                    }
                }
            }
            @if !faults.is_empty() {
                div {
                    h3 { "Faults that struck" }
                    ul.marks {
                        @for (fault, times) in faults {
                            li { code { (fault) } span.times { "× " (count(times)) } }
                        }
                    }
                }
            }
        }
    }
}

fn ablations_table(s: &ScenarioRecord) -> Markup {
    let table = html! {
        table.plain.wide {
            thead { tr {
                th scope="col" { "control off" } th scope="col" { "variant" } th scope="col" { "observed" }
                th.n scope="col" { "runs" } th.n scope="col" { "to breach" } th scope="col" { "first finding" }
            } }
            tbody { @for a in &s.ablations { (ablation(a)) } }
        }
    };
    html! { h3 { "Controls off" } (super::scroll("Ablations", table)) }
}

fn ablation(a: &AblationRecord) -> Markup {
    let name = look(a.observed).0;
    html! {
        tr.mismatch[!as_declared(a)] {
            th scope="row" { code { (a.control) } }
            td.variant { (a.variant) }
            td {
                span class={ "chip ablation " (name) } { (icon(name)) (a.observed) }
                @if let Some(partner) = &a.partner { div.muted { "with " code { (partner) } } }
                @if !as_declared(a) { div.bad { strong { "declared " (a.expected) } } }
            }
            td.n { (count(u64::from(a.runs))) }
            td.n { @if let Some(n) = a.seeds_to_breach { (n) } @else { span.muted { "–" } } }
            td.finding {
                @if let Some(f) = &a.finding { (f.requirement) ": " (prose(&f.message)) }
                @if let Some(token) = &a.token { details.token { summary { "token" } (command(token)) } }
            }
        }
    }
}

fn pairs(s: &ScenarioRecord) -> Markup {
    let table = html! {
        table.plain {
            thead { tr {
                th scope="col" { "mode" } th scope="col" { "view of" } th.n scope="col" { "facts" }
                th scope="col" { "result" } th scope="col" { "token" }
            } }
            tbody {
                @for n in &s.non_interference {
                    tr {
                        th scope="row" { (n.mode.as_str()) }
                        td { (n.tenant) }
                        td.n { (count(n.facts)) }
                        td {
                            @if n.alike { (super::chip(Tone::Good, "alike")) } @else {
                                (super::chip(Tone::Bad, "differ"))
                                @if let Some(d) = &n.difference { div { (d) } }
                            }
                        }
                        td { details.token { summary { "token" } (command(&n.token)) } }
                    }
                }
            }
        }
    };
    html! { h3 { "Non-interference" } (super::scroll("Non-interference", table)) }
}

/// A run that was kept whole: its figures, its course over time, what was found and what is still owed.
fn kept(run: &RunRecord) -> Markup {
    let served = if run.requests_sent == 0 { 1.0 } else { run.requests_good as f64 / run.requests_sent as f64 };
    html! {
        details.kept open[!run.findings.is_empty()] {
            summary { "Kept run: " (run.pass.as_str()) ", seed " code { (run.seed) } }
            dl.provenance {
                div { dt { "engine" } dd { (run.engine) } }
                div { dt { "simulated" } dd { (simulated(run.simulated_ns)) } }
                div { dt { "events" } dd { (count(run.events)) } }
                div { dt { "facts" } dd { (count(run.facts)) } }
                div { dt { "honest requests served" } dd { (count(run.requests_good)) " (" (percent(served)) ")" } }
                div { dt { "digest" } dd { (digest(&run.digest)) } }
            }
            (plot::timeline(run))
            @for f in &run.findings { (finding(f)) }
            @for (title, lines) in [("Still owed at the end", &run.pending), ("Mistakes of the run", &run.errors)] {
                @if !lines.is_empty() { h4 { (title) } ul { @for line in lines { li { (prose(line)) } } } }
            }
            @if !run.library_calls.is_empty() {
                p.muted {
                    "Real library calls (and remembered answers): "
                    @for (i, (name, (real, memo))) in run.library_calls.iter().enumerate() {
                        @if i > 0 { " · " } (name) " " (count(*real)) " (" (count(*memo)) ")"
                    }
                }
            }
            (command(&run.token))
        }
    }
}

fn finding(f: &Finding) -> Markup {
    html! {
        blockquote.bad {
            p { strong { (f.requirement) } " " (prose(&f.message)) }
            p.muted {
                "Seen from the " (f.vantage) " at " code { (f.node) } ", " (sim::Instant(f.at_ns)) ", by the oracle "
                code { (f.oracle) } ", cause " code { (f.cause) }
                @if let Some(tenant) = &f.tenant { ", harming " (tenant) }
                "."
            }
        }
    }
}
