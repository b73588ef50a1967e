//! A run as a story: who sent what to whom, who decided what and why, and where it went wrong.
//!
//! Messages and facts are ordered by time; what neither an attacker nor a finding caused is left out, unless asked for.
//! The first column is time since the first line, because a reader compares lines with each other, not with boot.

use crate::terminal::{Paint, Tone, clip, columns, width};
use models::fact::Fact;
use models::saas::Saas;
use reports::text::clean;
use scenarios::prove::Finished;
use sim::Fact as _;
use sim::journal::{Entry, Step};
use sim::record::{Finding, RunRecord};
use sim::{Instant, NodeId};
use std::collections::BTreeSet;

/// Columns of a line.
const COLUMNS: usize = 100;

/// Lines beyond which only what findings caused is told, and after that the rest is counted.
const LINES_MAX: usize = 160;

/// What is shown.
#[derive(Clone, Copy, Default, Debug)]
pub struct View {
    /// Everything, timers and bystanders too.
    pub all: bool,
    /// Nothing later.
    pub until: Option<Instant>,
}

/// One line.
struct Line {
    at: Instant,
    cause: u64,
    place: String,
    what: String,
    tone: Option<Tone>,
}

/// The timeline of a run that was kept.
pub fn timeline(run: &Finished, view: View, paint: Paint) -> String {
    let mut lines = lines(run, view);
    lines.retain(|line| view.until.is_none_or(|until| line.at <= until));
    let mut left_out = 0;
    if !view.all {
        let told = cast(run);
        let before = lines.len();
        lines.retain(|line| told.contains(&line.cause));
        if lines.len() > LINES_MAX {
            let convicting = causes(&run.record.findings);
            if lines.iter().any(|line| convicting.contains(&line.cause)) {
                lines.retain(|line| convicting.contains(&line.cause));
            }
            lines.truncate(LINES_MAX);
        }
        left_out = before - lines.len();
    }
    let mut out = render(&lines, paint);
    if left_out > 0 {
        out.push_str(&paint.tone(Tone::Quiet, &format!("{left_out} more lines with --all")));
        out.push('\n');
    }
    out
}

/// Causes worth telling: those of findings, and those of whatever attackers asked.
fn cast(run: &Finished) -> BTreeSet<u64> {
    let mut told = causes(&run.record.findings);
    for entry in &run.journal.entries {
        let principal = match &entry.fact {
            Fact::Asked { principal, .. } => principal,
            Fact::Answered(answer) => &answer.principal,
            _ => continue,
        };
        if principal.starts_with("attacker/") {
            told.insert(entry.cause);
        }
    }
    told
}

fn causes(findings: &[Finding]) -> BTreeSet<u64> {
    findings.iter().filter_map(|f| u64::from_str_radix(&f.cause, 16).ok()).collect()
}

fn lines(run: &Finished, view: View) -> Vec<Line> {
    let role = |node: NodeId| run.roles.get(node.0 as usize).map_or("?", String::as_str);
    // Timers and syncs are told only when everything is.
    let steps =
        run.journal.steps.iter().filter(|step| view.all || step.from.is_some()).map(|step| from_step(step, &role));
    let facts = run.journal.entries.iter().map(|entry| from_fact(entry, &role));
    let findings = run.record.findings.iter().map(|finding| Line {
        at: Instant(finding.at_ns),
        cause: u64::from_str_radix(&finding.cause, 16).unwrap_or(0),
        place: finding.node.clone(),
        what: format!("BROKEN {}: {}", finding.requirement, clean(&finding.message)),
        tone: Some(Tone::Bad),
    });
    // A stable sort: at one instant a message is handled, then facts follow, then what they prove.
    let mut lines: Vec<Line> = steps.chain(facts).chain(findings).collect();
    lines.sort_by_key(|line| line.at);
    lines
}

fn from_step<'a>(step: &Step, role: &impl Fn(NodeId) -> &'a str) -> Line {
    let place = match step.from {
        Some(from) => format!("{} → {}", role(from), role(step.node)),
        None => role(step.node).to_owned(),
    };
    Line { at: step.at, cause: step.cause, place, what: clean(&step.text), tone: None }
}

fn from_fact<'a>(entry: &Entry<Saas>, role: &impl Fn(NodeId) -> &'a str) -> Line {
    let (what, tone) = match &entry.fact {
        Fact::Decided { by, allowed, reason, subject } => {
            let (word, tone) = if *allowed { ("ALLOW", Tone::Good) } else { ("DENY", Tone::Open) };
            (format!("{word} by {by}: {reason} ({subject})"), Some(tone))
        }
        other => (other.describe(), Some(Tone::Loud)),
    };
    // A principal's facts begin with its name, which stands in the column before.
    let place = role(entry.node);
    let what = what.strip_prefix(place).map_or(what.as_str(), str::trim_start);
    Line { at: entry.at, cause: entry.cause, place: place.to_owned(), what: clean(what), tone }
}

fn render(lines: &[Line], paint: Paint) -> String {
    let Some(first) = lines.first() else { return "nothing to tell\n".into() };
    let place_max = 40;
    let rows: Vec<Vec<String>> =
        lines.iter().map(|line| vec![since(first.at, line.at), clip(&line.place, place_max), String::new()]).collect();
    let lead = columns(&rows, &[0]);
    let indent =
        rows.iter().map(|r| width(&r[0])).max().unwrap_or(0) + rows.iter().map(|r| width(&r[1])).max().unwrap_or(0) + 4;
    let mut out = format!("times since {} of the run\n", first.at);
    for (line, lead) in lines.iter().zip(lead) {
        let room = COLUMNS.saturating_sub(indent);
        // A finding is worth more than one line, anything else is not.
        let texts = match line.tone {
            Some(Tone::Bad) => crate::terminal::wrap(&line.what, room),
            _ => vec![clip(&line.what, room)],
        };
        for (i, text) in texts.iter().enumerate() {
            let lead = if i == 0 { lead.as_str() } else { "" };
            let blanks = " ".repeat(indent - width(lead));
            let text = line.tone.map_or_else(|| text.clone(), |tone| paint.tone(tone, text));
            out.push_str(format!("{lead}{blanks}{text}").trim_end());
            out.push('\n');
        }
    }
    out
}

/// `+12.345 ms`: milliseconds throughout, so that the eye compares one unit.
fn since(first: Instant, at: Instant) -> String {
    let us = at.since(first).as_micros();
    format!("+{}.{:03} ms", us / 1_000, us % 1_000)
}

/// What a run found and reached, below its timeline.
pub fn facts(run: &RunRecord, paint: Paint) -> String {
    let mut out = String::new();
    out.push_str(&findings(run, paint));
    for pending in &run.pending {
        out.push_str(&section("pending", &clean(pending)));
    }
    for error in &run.errors {
        out.push_str(&section("error", &clean(error)));
    }
    let marks: Vec<String> = run.marks.iter().map(|(mark, n)| format!("{mark} ×{n}")).collect();
    out.push_str(&section("marks", &or_none(marks)));
    let fault = |f: &sim::record::FaultFired| {
        let (from, until) = (Instant(f.from_ns), Instant(f.until_ns));
        format!("{} on {} from {from} to {until} ×{}", f.fault, f.target, f.fired)
    };
    out.push_str(&section("faults", &or_none(run.faults.iter().map(fault).collect())));
    out.push_str(&section("consulted", &or_none(run.consulted.clone())));
    if !run.ablations.is_empty() {
        out.push_str(&section("off", &run.ablations.join(", ")));
    }
    let total = format!("{} events, {} facts, {} simulated", run.events, run.facts, Instant(run.simulated_ns));
    let served = format!("{} of {} honest requests served", run.requests_good, run.requests_sent);
    out.push_str(&section("run", &format!("{total}, {served}")));
    out
}

fn section(name: &str, text: &str) -> String {
    crate::terminal::hang(&format!("{name:<11}"), text, COLUMNS)
}

fn or_none(items: Vec<String>) -> String {
    if items.is_empty() { "none".into() } else { items.join(", ") }
}

/// The findings of a run as a table: requirement, control that was off and upholds it, tenant; then the sentence.
pub fn findings(run: &RunRecord, paint: Paint) -> String {
    if run.findings.is_empty() {
        return section("findings", "none");
    }
    let upholds = |id: &&String, requirement: &str| {
        let control = models::registry::ALL.iter().find(|c| c.id == id.as_str());
        control.is_some_and(|c| c.upholds.contains(&requirement))
    };
    let mut out = String::new();
    for finding in &run.findings {
        let off: Vec<&str> =
            run.ablations.iter().filter(|id| upholds(id, &finding.requirement)).map(String::as_str).collect();
        let without = if off.is_empty() { String::new() } else { format!(" without {}", off.join(" and ")) };
        let tenant = finding.tenant.as_deref().map_or(String::new(), |t| format!(", tenant {}", clean(t)));
        let head = format!("BROKEN     {}{without}{tenant}, at {}", finding.requirement, Instant(finding.at_ns));
        out.push_str(&paint.tone(Tone::Bad, &head));
        out.push('\n');
        out.push_str(&section("", &format!("{} ({}, {})", clean(&finding.message), finding.oracle, finding.vantage)));
    }
    out
}

#[cfg(test)]
mod tests;
