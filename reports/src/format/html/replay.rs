//! The replay page: one run step by step, beside its twin, in one file that works from a disk without a network.
//!
//! It has a script, unlike the report. Its own policy allows that one script by its hash and nothing else, so a hostile
//! text that slipped past everything would still run nothing; and no text can slip, because rows are JSON in a data
//! element (see [`data`]) and the script sets text, never markup.

pub mod data;

use super::{chip, class, icon, icons, prose};
use crate::replay::{Replay, Told};
use crate::text::{clean, count, seconds};
use crate::verdict::Tone;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sim::Instant;
use sim::record::Finding;

const STYLE: &str = concat!(include_str!("base.css"), "\n", include_str!("replay/replay.css"));

/// The script: the model of a run first, then its three views, then what keeps them together.
const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("replay/model.js"),
    include_str!("replay/filter.js"),
    include_str!("replay/topology.js"),
    include_str!("replay/sequence.js"),
    include_str!("replay/list.js"),
    include_str!("replay/page.js"),
    "})();\n"
);

/// The head of every arrow, in the colour of its line.
const ARROW_HEAD: &str = r#"<svg width="0" height="0" class="sheet" aria-hidden="true"><defs>
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"
 markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z" fill="context-stroke"/></marker></defs></svg>"#;

/// Findings that are listed; all of them are rows.
const FINDINGS_MAX: usize = 6;

/// Times that stand beside one finding.
const TIMES_MAX: usize = 8;

/// A run as a page. The same run gives the same bytes.
pub fn render(replay: &Replay) -> String {
    let record = &replay.run.record;
    let (tone, word) = verdict(&replay.run);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (word) " · " (record.scenario) " · seed " (record.seed) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (icons())
                (PreEscaped(ARROW_HEAD))
                a.skip href="#play" { "Skip to the player" }
                nav.bar aria-label="Sections" {
                    span.brand { "cellproof" }
                    (chip(tone, word))
                    ul {
                        @for (id, name) in [("overview", "Overview"), ("play", "Player"), ("rows", "Facts")] {
                            li { a href={ "#" (id) } { (name) } }
                        }
                    }
                }
                main #main {
                    (header(replay, tone, word))
                    (player(replay))
                    (rows())
                    noscript { p.why.open { "The steps are drawn by the script in this page, which is off." } }
                }
                footer { p { "Made from one run by " (replay.tool) ". The same run gives the same bytes." } }
                script #data type="application/json" { (PreEscaped(data::embedded(replay))) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string() + "\n"
}

/// What the page may do: its own style, its own script by hash, and nothing else.
fn policy() -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, SCRIPT.as_bytes());
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode(digest)
    )
}

fn verdict(told: &Told) -> (Tone, &'static str) {
    let record = &told.record;
    if !record.findings.is_empty() {
        (Tone::Bad, "broken")
    } else if !record.pending.is_empty() {
        (Tone::Bad, "still owed")
    } else if !record.errors.is_empty() || record.marks.is_empty() {
        (Tone::Open, "inconclusive")
    } else {
        (Tone::Good, "held")
    }
}

fn header(replay: &Replay, tone: Tone, word: &str) -> Markup {
    let record = &replay.run.record;
    let owed = [("Still owed at the end", &record.pending), ("Mistakes of the run", &record.errors)];
    html! {
        header.hero #overview {
            p.eyebrow { (record.scenario) ", " (record.pass.as_str()) ", seed " (record.seed) }
            h1 class=(class(tone)) { (icon(class(tone))) (headline(word)) }
            p.sentence { (prose(&sentence(replay))) }
            @if let Some(warning) = &replay.warning { p.why.open { (warning) } }
            @if !record.findings.is_empty() { (findings(replay)) }
            @for (title, lines) in owed {
                @if !lines.is_empty() { h2.small { (title) } ul { @for line in lines { li { (clean(line)) } } } }
            }
            h2.small { "See it again" }
            div.again {
                pre.command #command tabindex="0" { code { (replay.command) } }
                button.tool type="button" #copy { "Copy" }
                a.tool #here href="#row=0" { "Link to this step" }
            }
            (about(replay))
        }
    }
}

fn headline(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What happened, in one or two sentences.
fn sentence(replay: &Replay) -> String {
    let record = &replay.run.record;
    let off = match record.ablations.as_slice() {
        [] => "with every control on".to_owned(),
        some => format!("without {}", some.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(" and ")),
    };
    let mut broken: Vec<&str> = record.findings.iter().map(|f| f.requirement.as_str()).collect();
    broken.sort_unstable();
    broken.dedup();
    let what = if broken.is_empty() { "nothing was broken".into() } else { format!("it broke {}", broken.join(", ")) };
    format!("{}: run {off}, {what}.", clean(replay.title.trim_end_matches('.')))
}

/// Findings, each once: what was found again and again stands there with all its times.
fn findings(replay: &Replay) -> Markup {
    let mut groups: Vec<(&Finding, Vec<usize>)> = Vec::new();
    for (i, finding) in replay.run.record.findings.iter().enumerate() {
        let words = |f: &Finding| (f.requirement.clone(), f.tenant.clone(), f.message.clone());
        match groups.iter_mut().find(|(first, _)| words(first) == words(finding)) {
            Some((_, again)) => again.push(i),
            None => groups.push((finding, vec![i])),
        }
    }
    html! {
        h2.small { "What was broken" }
        ul.attention { @for (finding, times) in groups.iter().take(FINDINGS_MAX) { (broken(replay, finding, times)) } }
        @if groups.len() > FINDINGS_MAX {
            p.note { "And " (count((groups.len() - FINDINGS_MAX) as u64)) " more among the facts below." }
        }
    }
}

fn broken(replay: &Replay, finding: &Finding, times: &[usize]) -> Markup {
    let promise = replay.requirements.iter().find(|r| r.id == finding.requirement);
    let row = |i: usize| replay.run.rows.iter().position(|row| row.finding == Some(i as u32));
    let at = |i: usize| Instant(replay.run.record.findings[i].at_ns);
    let more = times.len().saturating_sub(TIMES_MAX) as u64;
    html! {
        li {
            p.what {
                strong.bad { (finding.requirement) }
                @if let Some(tenant) = &finding.tenant { span { "tenant " (clean(tenant)) } }
                @for (i, row) in times.iter().take(TIMES_MAX).filter_map(|i| Some((*i, row(*i)?))) {
                    a.tag href={ "#row=" (row) } { "at " (at(i)) }
                }
                @if more > 0 { span.muted { "and " (count(more)) " times more" } }
            }
            p { (clean(&finding.message)) }
            @if let Some(promise) = promise { p.note { "The promise: " (clean(&promise.text)) } }
        }
    }
}

fn about(replay: &Replay) -> Markup {
    let record = &replay.run.record;
    let or_none = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    let marks = record.marks.iter().map(|(mark, n)| format!("{mark} ×{n}")).collect();
    let faults = record.faults.iter().map(|f| {
        format!(
            "{} on {} from {} to {} ×{}",
            f.fault,
            clean(&f.target),
            Instant(f.from_ns),
            Instant(f.until_ns),
            f.fired
        )
    });
    html! {
        details.about {
            summary { "About the run" }
            p.threat { (clean(&replay.threat)) }
            dl.provenance {
                div { dt { "engine" } dd { (record.engine) } }
                div { dt { "simulated" } dd { (seconds(record.simulated_ns as f64 / 1e9)) } }
                div { dt { "events" } dd { (count(record.events)) } }
                div { dt { "facts" } dd { (count(record.facts)) } }
                div { dt { "honest requests" } dd { (count(record.requests_sent)) } }
                div { dt { "of these served" } dd { (count(record.requests_good)) } }
                div.wide { dt { "marks reached" } dd { (or_none(marks)) } }
                div.wide { dt { "faults" } dd { (or_none(faults.collect())) } }
                div.wide { dt { "digest of all facts" } dd { code { (record.digest) } } }
            }
        }
    }
}

fn player(replay: &Replay) -> Markup {
    let off = |told: &Told| match told.record.ablations.as_slice() {
        [] => "Every control on".to_owned(),
        some => format!("Without {}", some.join(" and ")),
    };
    html! {
        section #play aria-labelledby="play-title" {
            h2 #play-title { "Step by step" }
            p.lede {
                "Arrow keys step, with Shift from one step of an attacker to the next; Home and End go to the ends, "
                kbd { "b" } " to the next break. A click on a node shows what concerns it."
            }
            div.player role="group" aria-label="Time" {
                div.strip #strip aria-hidden="true" {}
                input #time type="range" min="0" max="1000000" value="0" aria-label="Time in the run";
                div.keys {
                    @for (id, sign, name) in BUTTONS {
                        button.tool type="button" id=(id) aria-label=(name) title=(name) { (sign) }
                    }
                    output #where for="time" {}
                    label.scope { span.scope-word { "Steps of " } select #scope aria-label="Whose steps" {
                        option value="attack" { "attackers" }
                        option value="story" { "this request" }
                        option value="all" { "everybody" }
                    } }
                }
            }
            div.now #now {}
            p.sr #said role="status" aria-live="polite" {}
            div.runs {
                @for (i, told) in [Some(&replay.run), replay.twin.as_ref()].into_iter().enumerate() {
                    @if let Some(told) = told {
                        @let (tone, word) = verdict(told);
                        article.run id={ "run" (i) } aria-labelledby={ "run" (i) "-title" } {
                            h3 id={ "run" (i) "-title" } {
                                span.which { @if i == 0 { "This run" } @else { "Its twin" } }
                                (off(told)) " " (chip(tone, word))
                            }
                            div.topology id={ "topology" (i) } role="group" aria-label="Topology" {}
                            div.sequence id={ "sequence" (i) } tabindex="0" role="img" aria-label="Sequence" {}
                        }
                    }
                }
            }
            @if replay.twin.is_some() { p.note #parting {} } @else { p.note { (ALONE) } }
        }
    }
}

/// Why there is no twin.
const ALONE: &str = "There is no twin: no control was off, and without any of those that this scenario expects to stop \
                     an attack nothing else is found with this seed.";

/// Lists of the filter: id, name.
const FILTERS: [(&str, &str); 4] =
    [("tenant", "Tenant"), ("node", "Node"), ("requirement", "Requirement"), ("kind", "What")];

/// Buttons of the player: id, sign, name.
const BUTTONS: [(&str, &str, &str); 5] = [
    ("first", "|◀", "First step"),
    ("prev", "◀", "Step back"),
    ("play-pause", "Play", "Play"),
    ("next", "▶", "Step forward"),
    ("last", "▶|", "Last step"),
];

fn rows() -> Markup {
    html! {
        section #rows aria-labelledby="rows-title" {
            h2 #rows-title { "Facts and messages" }
            p.lede { "What is filtered here is what the player steps through." }
            form.filters role="search" aria-label="Filter" {
                @for (id, name) in FILTERS { label { (name) select id=(id) { option value="" { "all" } } } }
                label { "Text" input #text type="search" autocomplete="off" spellcheck="false"; }
                button.tool type="reset" { "Clear" }
                output #count {}
            }
            div.list #list tabindex="0" role="listbox" aria-label="Facts and messages" {
                div #space role="presentation" {}
            }
        }
    }
}
