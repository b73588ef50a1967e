//! What `shrink` prints: how much is left of a run, and the story that is left, in order.

use crate::terminal::{Paint, Tone, clip, columns, hang, width, wrap};
use crate::timeline;
use reports::text::{clean, count, probability, simulated};
use scenarios::shrink::{Counts, Line, Story};
use sim::record::RunRecord;

/// Columns of a line.
const COLUMNS: usize = 100;

/// Everything that is told.
pub struct Telling<'a> {
    /// Before and after.
    pub counts: (Counts, Counts),
    /// The run that is left.
    pub run: &'a RunRecord,
    /// Its story.
    pub story: &'a Story,
    /// What is wrong with the run that was given, if something is.
    pub wrong: Option<&'a str>,
    /// How many runs it took, and why it ended.
    pub effort: String,
}

/// The text.
pub fn told(telling: &Telling<'_>, paint: Paint) -> String {
    let run = telling.run;
    let off = if run.ablations.is_empty() { String::new() } else { format!(", without {}", run.ablations.join(", ")) };
    let head = format!("{}, {}, seed {}{off}", run.scenario, run.pass.as_str(), run.seed);
    let mut out = format!("{}\n", paint.tone(Tone::Loud, &head));
    if let Some(said) = telling.wrong {
        out.push_str(&paint.tone(Tone::Open, hang("", said, COLUMNS).trim_end()));
        out.push('\n');
    }
    out.push_str(&timeline::findings(&first(run), paint));
    out.push('\n');
    out.push_str(&sizes(telling.counts));
    out.push('\n');
    let (_, after) = telling.counts;
    let names = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    out.push_str(&hang("cast       ", &names(&telling.story.cast), COLUMNS));
    out.push_str(&hang("platform   ", &names(&telling.story.platform), COLUMNS));
    out.push_str(&hang("ends       ", &format!("after {}", simulated(after.simulated_ns)), COLUMNS));
    out.push('\n');
    out.push_str(&lines(telling.story, paint));
    out.push_str(&format!("\n{}\n", telling.effort));
    out
}

/// The record with its first finding only: the others are the same story.
fn first(run: &RunRecord) -> RunRecord {
    let findings = run.findings.iter().min_by_key(|finding| finding.at_ns).cloned().into_iter().collect();
    RunRecord { findings, ..run.clone() }
}

fn sizes((before, after): (Counts, Counts)) -> String {
    let share = probability(after.events as f64 / before.events.max(1) as f64);
    let row =
        |name: &str, before: u64, after: u64, note: &str| vec![name.into(), count(before), count(after), note.into()];
    let rows = [
        vec![String::new(), "before".into(), "after".into()],
        row("events", before.events, after.events, &share),
        row("honest requests", before.requests, after.requests, ""),
        row("hostile requests", before.attacks, after.attacks, ""),
        row("faults", before.faults, after.faults, ""),
        row("honest clients", before.clients, after.clients, ""),
        row("attackers", before.attackers, after.attackers, ""),
        row("platform nodes", before.nodes, after.nodes, ""),
    ];
    columns(&rows, &[1, 2]).iter().map(|line| format!("{line}\n")).collect()
}

fn lines(story: &Story, paint: Paint) -> String {
    let rows: Vec<Vec<String>> =
        story.lines.iter().map(|line| vec![line.at.to_string(), clip(&line.who, 40)]).collect();
    let column = |c: usize| rows.iter().map(|row| width(&row[c])).max().unwrap_or(0);
    let indent = column(0) + column(1) + 4;
    let mut out = String::new();
    for (line, row) in story.lines.iter().zip(&rows) {
        let lead = format!("{:>at$}  {:who$}  ", row[0], row[1], at = column(0), who = column(1));
        let room = COLUMNS.saturating_sub(indent);
        let texts = if line.broken { wrap(&clean(&line.what), room) } else { vec![clip(&clean(&line.what), room)] };
        for (i, text) in texts.iter().enumerate() {
            let lead = if i == 0 { lead.clone() } else { " ".repeat(indent) };
            let text = if line.broken { paint.tone(Tone::Bad, text) } else { text.clone() };
            out.push_str(format!("{lead}{text}").trim_end());
            out.push('\n');
        }
    }
    out
}

/// A line as it stands in a `.replay` file.
pub fn plain(line: &Line) -> String {
    format!("{} {}: {}", line.at, line.who, clean(&line.what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Instant;

    #[test]
    fn a_story_is_told_in_columns_and_only_its_end_is_broken_into_lines() {
        let line = |ms: u64, who: &str, what: &str, broken| Line {
            at: Instant(ms * 1_000_000),
            who: who.into(),
            what: what.into(),
            broken,
        };
        let long = "BROKEN CAC-01: attacker/page received record 0 of tenant acme in the answer to a page it crafted";
        let lines_of =
            vec![line(5, "client/acme", "GET /v1/records/1: 200 ok", false), line(900, "attacker/page", long, true)];
        let story = Story { lines: lines_of, ..Story::default() };
        insta::assert_snapshot!(lines(&story, Paint::PLAIN));
    }

    #[test]
    fn sizes_stand_side_by_side() {
        let before = Counts { events: 11_244, requests: 425, clients: 4, nodes: 33, ..Counts::default() };
        insta::assert_snapshot!(sizes((before, Counts { events: 180, requests: 1, ..before })));
    }
}
