//! The top of the page (verdict, figures, what needs attention, what ran) and its end (how to see a run again).
//!
//! The first screen has to answer three questions: did it hold, if not what broke, and how far does the proof reach.

use super::{chip, class, command, digest, icon, of, prose, section, standing};
use crate::matrix;
use crate::text::{count, plural, replay_command};
use crate::verdict::{self, Headline, Standing, Tone};
use maud::{Markup, html};
use sim::record::{GateRecord, ScenarioRecord, ScenarioVerdict};

pub(super) fn header(record: &GateRecord, headline: &Headline) -> Markup {
    html! {
        header.hero #overview {
            p.eyebrow { "Gate report · " (record.tool) }
            h1 class=(class(headline.tone)) { (icon(class(headline.tone))) (headline.word) }
            p.sentence { (headline.sentence) }
            (figures(record))
            aside.bound {
                p { strong { (verdict::bound_sentence(record)) } }
                @if let Some(scope) = verdict::bound_scope(record) { p { (scope) } }
            }
            (provenance(record))
        }
    }
}

fn figures(record: &GateRecord) -> Markup {
    let t = matrix::totals(record);
    let slos: u64 = t.slos.iter().sum();
    let figure = |name: &str, value: Markup| html! { div { dt { (name) } dd { (value) } } };
    html! {
        dl.figures {
            (figure("scenarios held", of(count(t.held), count(t.scenarios))))
            (figure("judged requirements proved", of(count(t.proved), count(t.judged))))
            (figure("ablations as declared", of(count(t.ablations_declared), count(t.ablations))))
            (figure("pairs alike", of(count(t.pairs_alike), count(t.pairs))))
            @if slos > 0 { (figure("objectives met", of(count(t.slos[0]), count(slos)))) }
            (figure("runs", html! { (count(t.runs)) }))
            (figure("honest requests", html! { (count(t.requests)) }))
        }
    }
}

fn provenance(record: &GateRecord) -> Markup {
    html! {
        dl.provenance {
            div.wide { dt { "command" } dd { code { (record.command) } } }
            div { dt { "seeds" } dd { (count(record.seeds)) " a scenario, from " code { (record.seed_base) } } }
            div { dt { "code" } dd { (digest(&record.code)) } }
            div { dt { "configuration" } dd { (digest(&record.config)) } }
            div { dt { "catalogue" } dd { (digest(&record.catalogue)) } }
            div { dt { "exit code" } dd { (record.exit) } }
        }
    }
}

/// Scenarios that did not hold, with the reason and the command; nothing at all on a good day.
pub(super) fn attention(record: &GateRecord) -> Markup {
    let mut failed: Vec<(usize, &ScenarioRecord)> = record.scenarios.iter().enumerate().collect();
    failed.retain(|(_, s)| !matches!(Standing::of(s), Standing::Held | Standing::CanaryFailed));
    failed.sort_by_key(|(i, s)| (urgency(Standing::of(s).tone()), *i));
    if failed.is_empty() {
        return html! {};
    }
    let body = html! {
        ol.attention {
            @for (i, s) in failed {
                li class=(class(Standing::of(s).tone())) {
                    p.what { (standing(Standing::of(s))) a href={ "#s-" (i) } { (s.name) } }
                    @for why in &s.why { p { (prose(why)) } }
                    @if let ScenarioVerdict::Skipped(why) = &s.verdict { p { (why) } }
                    @if let Some(line) = &s.replay { (command(line)) }
                }
            }
        }
    };
    section("attention", "What needs attention", "Worst first. Each command replays exactly what failed.", body)
}

fn urgency(tone: Tone) -> u8 {
    match tone {
        Tone::Bad => 0,
        Tone::Open => 1,
        _ => 2,
    }
}

/// How to see anything on this page again.
pub(super) fn replay(record: &GateRecord) -> Markup {
    let failed: Vec<&String> =
        record.scenarios.iter().filter(|s| !s.canary).filter_map(|s| s.replay.as_ref()).collect();
    let body = html! {
        dl.howto {
            div {
                dt { "One run" }
                dd {
                    "A token is one line that holds scenario, pass, engine, seed, controls off and digests. "
                    "Replay recomputes the result and compares it."
                    (command("cellproof replay TOKEN"))
                }
            }
            div {
                dt { "What stopped the attack" }
                dd {
                    "Replay with a control off and watch the same attack go through."
                    (command("cellproof replay TOKEN --ablate CONTROL"))
                }
            }
            div { dt { "This whole gate" } dd { "The same plan, from the first seed." (command(&record.command)) } }
        }
        @if !failed.is_empty() {
            details {
                summary { (plural(failed.len() as u64, "failing token")) " from this gate" }
                @for line in failed { pre.command tabindex="0" { code { (replay_command(line)) } } }
            }
        }
        p.note {
            (chip(Tone::Quiet, "note"))
            " A token replays on the code it was made with (" (digest(&record.code))
            "). Other code says so and exits 3."
        }
    };
    section("replay", "See it again", "Every run on this page can be made again, to the byte.", body)
}
