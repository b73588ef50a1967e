//! `report.html`: one page that works from a mail attachment: no script, no font, no image, nothing fetched.
//!
//! The page's own policy (`default-src 'none'`) forbids what it does not need, so that a hostile name that slipped
//! through escaping still could not load or run anything. Every word goes through maud's escaping; only the style
//! sheet and the icons are written raw, and both are constants.

mod catalogue;
mod matrix;
mod overview;
mod plot;
pub mod replay;
mod scenario;
mod slo;

use crate::text;
use crate::verdict::{self, Standing, Tone};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sim::record::{GateRecord, SloVerdict};

const STYLE: &str = concat!(include_str!("html/base.css"), "\n", include_str!("html/style.css"));
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The record as a page.
pub fn render(record: &GateRecord) -> String {
    let headline = verdict::headline(record);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (headline.word) " · " (record.tool) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (icons())
                a.skip href="#main" { "Skip to the report" }
                (bar(&headline))
                main #main {
                    (overview::header(record, &headline))
                    (overview::attention(record))
                    (matrix::requirements(record))
                    (matrix::controls(record))
                    (scenario::all(record))
                    (slo::all(record))
                    (catalogue::coverage(record))
                    (overview::replay(record))
                }
                footer {
                    p { "Made from one record by " (record.tool) ". The same record gives the same bytes." }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// The sections that the bar leads to.
const SECTIONS: [(&str, &str); 7] = [
    ("overview", "Overview"),
    ("requirements", "Requirements"),
    ("ablations", "Ablations"),
    ("scenarios", "Scenarios"),
    ("objectives", "Objectives"),
    ("catalogue", "Coverage"),
    ("replay", "Replay"),
];

fn bar(headline: &verdict::Headline) -> Markup {
    html! {
        nav.bar aria-label="Sections" {
            span.brand { "cellproof" }
            (chip(headline.tone, headline.word))
            ul {
                @for (id, name) in SECTIONS {
                    li { a href={ "#" (id) } { (name) } }
                }
            }
        }
    }
}

/// A section with its heading and one sentence that says how to read it.
fn section(id: &str, title: &str, lede: &str, body: Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (title) }
            p.lede { (lede) }
            (body)
        }
    }
}

/// The class that colours a tone.
fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Open => "open",
        Tone::Quiet => "quiet",
        Tone::Canary => "canary",
    }
}

/// A symbol from the sheet of [`icons`]. It is decoration: a word always stands beside it.
fn icon(name: &str) -> Markup {
    html! { svg.i aria-hidden="true" focusable="false" { use href={ "#i-" (name) } {} } }
}

/// A verdict: colour, symbol and word together.
fn chip(tone: Tone, word: &str) -> Markup {
    html! { span class={ "chip " (class(tone)) } { (icon(class(tone))) (word) } }
}

fn standing(s: Standing) -> Markup {
    html! {
        span class={ "chip " (class(s.tone())) } title=(s.meaning()) { (icon(class(s.tone()))) (s.word()) }
    }
}

fn slo_tone(verdict: SloVerdict) -> Tone {
    match verdict {
        SloVerdict::Met => Tone::Good,
        SloVerdict::Missed => Tone::Bad,
        SloVerdict::Inconclusive => Tone::Open,
        SloVerdict::NoData => Tone::Quiet,
    }
}

/// A sentence in which a `quoted` word is set as code. An odd backtick is left as it stands.
fn prose(s: &str) -> Markup {
    let parts: Vec<&str> = s.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return html! { (s) };
    }
    html! {
        @for (i, part) in parts.iter().enumerate() { @if i % 2 == 1 { code { (part) } } @else { (part) } }
    }
}

/// A token or a command in a box of its own; one click or Ctrl-A inside selects all of it.
fn command(line: &str) -> Markup {
    html! { pre.command tabindex="0" { code { (text::replay_command(line)) } } }
}

fn digest(hex: &str) -> Markup {
    html! { code title=(hex) { (text::short_digest(hex)) } }
}

/// `part of whole`, with the whole set back.
fn of(part: impl std::fmt::Display, whole: impl std::fmt::Display) -> Markup {
    html! { (part) span.of { " / " (whole) } }
}

/// A table that may be wider than the page: it scrolls by itself, also with the keyboard.
fn scroll(label: &str, table: Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(label) { (table) } }
}

/// The symbols, drawn on a grid of 16. Shapes differ, not only colours: a tick, a cross, a question, a dash, a diamond;
/// for ablations a full disc, two rings, a ring, a struck ring.
fn icons() -> Markup {
    const SHEET: &str = r#"<svg width="0" height="0" class="sheet" aria-hidden="true"><defs>
<symbol id="i-good" viewBox="0 0 16 16"><path d="M3 8.6l3.2 3.2L13 4.9"/></symbol>
<symbol id="i-bad" viewBox="0 0 16 16"><path d="M4 4l8 8M12 4l-8 8"/></symbol>
<symbol id="i-open" viewBox="0 0 16 16">
<path d="M5.4 5.9c.1-3.6 5.6-3.4 5.3.1-.2 1.9-2.6 1.9-2.7 3.9M8 12.7v.1"/></symbol>
<symbol id="i-quiet" viewBox="0 0 16 16"><path d="M4 8h8"/></symbol>
<symbol id="i-canary" viewBox="0 0 16 16"><path d="M8 2.5L13.5 8 8 13.5 2.5 8z"/></symbol>
<symbol id="i-sole" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5" fill="currentColor"/></symbol>
<symbol id="i-redundant" viewBox="0 0 16 16"><circle cx="5.8" cy="8" r="4"/><circle cx="10.2" cy="8" r="4"/></symbol>
<symbol id="i-not" viewBox="0 0 16 16"><circle cx="8" cy="8" r="4.5"/></symbol>
<symbol id="i-void" viewBox="0 0 16 16"><circle cx="8" cy="8" r="4.5"/><path d="M3.5 12.5l9-9"/></symbol>
</defs></svg>"#;
    PreEscaped(SHEET.to_string())
}
