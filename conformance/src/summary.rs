//! What a gate prints: one line a scenario, the totals, and for each failure why and how to see it again.
//!
//! At most 80 columns, except for commands, which are never broken. The last line of a failure is its command.

use crate::exit::Exit;
use crate::terminal::{Paint, Tone, clip, columns, hang, width};
use reports::verdict::{self, Standing};
use reports::{matrix, text};
use sim::record::{GateRecord, Pass, ScenarioRecord, ScenarioVerdict, SloVerdict};
use std::time::Duration;

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// Reasons that are shown for one scenario; reports hold all of them.
const REASONS_MAX: usize = 6;

/// Failures that are shown; reports hold all of them.
const FAILURES_MAX: usize = 12;

/// What the record does not know: how long it took, where it was written.
#[derive(Clone, Default, Debug)]
pub struct Around {
    /// Wall clock.
    pub took: Duration,
    /// The directory and the names of the files in it.
    pub written: Option<(String, Vec<String>)>,
}

/// The summary. `record` is presentable: no control characters.
pub fn summary(record: &GateRecord, around: &Around, paint: Paint) -> String {
    let mut out = String::new();
    table(&mut out, record, paint);
    out.push('\n');
    totals(&mut out, record, around, paint);
    ending(&mut out, record, paint);
    failures(&mut out, record, paint);
    out
}

fn tone(standing: Standing) -> Tone {
    match standing.tone() {
        verdict::Tone::Good | verdict::Tone::Canary => Tone::Good,
        verdict::Tone::Bad => Tone::Bad,
        verdict::Tone::Open => Tone::Open,
        verdict::Tone::Quiet => Tone::Quiet,
    }
}

fn table(out: &mut String, record: &GateRecord, paint: Paint) {
    let head = ["scenario", "verdict", "seeds", "ablations", "alike", "requests"].map(String::from).to_vec();
    let mut rows = vec![head];
    let proved = record.scenarios.iter().filter(|s| !s.canary);
    rows.extend(proved.clone().map(row));
    let rest: usize = (1..6).map(|c| rows.iter().map(|r| width(&r[c])).max().unwrap_or(0) + 2).sum();
    rows.iter_mut().for_each(|row| row[0] = clip(&row[0], COLUMNS.saturating_sub(rest)));
    let lines = columns(&rows, &[2, 3, 4, 5]);
    let standings = proved.map(Standing::of);
    for (i, (line, standing)) in lines.iter().zip(std::iter::once(None).chain(standings.map(Some))).enumerate() {
        let painted = match standing {
            None => paint.tone(Tone::Quiet, line),
            // The verdict stands in the line once, after the name.
            Some(standing) => {
                let (name, after) = line.split_at(line.char_indices().nth(width(&rows[i][0])).map_or(0, |(at, _)| at));
                name.to_owned() + &after.replacen(standing.word(), &paint.tone(tone(standing), standing.word()), 1)
            }
        };
        out.push_str(&painted);
        out.push('\n');
    }
    if rows.len() == 1 {
        out.push_str("(no scenario was selected)\n");
    }
    for canary in record.scenarios.iter().filter(|s| s.canary) {
        let standing = Standing::of(canary);
        out.push_str(&format!("{}  {}\n", canary.name, paint.tone(tone(standing), standing.word())));
    }
}

fn row(s: &ScenarioRecord) -> Vec<String> {
    let share = |(of, all): (usize, usize)| if all == 0 { "-".into() } else { format!("{of}/{all}") };
    vec![
        s.name.clone(),
        Standing::of(s).word().into(),
        number(matrix::runs(s, Pass::Swarm) + matrix::runs(s, Pass::Calm)),
        share(matrix::declared(s)),
        share(matrix::alike(s)),
        number(matrix::requests(s)),
    ]
}

fn totals(out: &mut String, record: &GateRecord, around: &Around, paint: Paint) {
    let headline = verdict::headline(record);
    let sentence = hang("", &headline.sentence, COLUMNS);
    out.push_str(&paint.tone(Tone::Loud, sentence.trim_end()));
    out.push('\n');
    let t = matrix::totals(record);
    let simulated: u64 = record.scenarios.iter().flat_map(|s| &s.passes).map(|p| p.simulated_ns).sum();
    let counted = format!(
        "{} runs, {} simulated, {} events, {} honest requests, {}.",
        text::count(t.runs),
        text::simulated(simulated),
        text::count(t.events),
        text::count(t.requests),
        seconds(around.took).replace(' ', "\u{a0}")
    );
    out.push_str(&hang("", &counted, COLUMNS));
    if record.scenarios.iter().any(|s| s.passes.iter().any(|p| p.pass == Pass::Swarm)) {
        out.push_str(&hang("", &verdict::bound_sentence(record), COLUMNS));
    }
    corpus(out, record);
    objectives(out, record);
    let (gaps, all) = (record.not_covered.len(), record.requirements.len());
    if gaps > 0 {
        let named = if gaps <= 8 { format!(": {}", record.not_covered.join(", ")) } else { String::new() };
        out.push_str(&hang("", &format!("Requirements not covered: {gaps} of {all}{named}."), COLUMNS));
    }
    if let Some((dir, names)) = &around.written {
        out.push_str(&hang("", &format!("Written to {dir}: {}.", names.join(", ")), COLUMNS));
    }
}

/// Runs that an exploration kept, when there are any.
fn corpus(out: &mut String, record: &GateRecord) {
    let passes = record.scenarios.iter().flat_map(|s| &s.passes).filter(|p| p.pass == Pass::Corpus);
    let (mut runs, mut breaches, mut stale) = (0, 0, 0);
    passes.for_each(|p| (runs, breaches, stale) = (runs + p.runs, breaches + p.breaches, stale + p.stale));
    if runs > 0 {
        let stale = if stale > 0 { format!(", {} stale", number(stale)) } else { String::new() };
        let told = format!("Corpus: {} runs replayed first, {} broken{stale}.", number(runs), number(breaches));
        out.push_str(&hang("", &told, COLUMNS));
    }
}

/// Objectives in the calm; those under attack are in the reports.
fn objectives(out: &mut String, record: &GateRecord) {
    let calm: Vec<_> = record.slos.iter().filter(|s| s.condition == sim::record::CALM).collect();
    if calm.is_empty() {
        return;
    }
    let count = |verdict: SloVerdict| (calm.iter().filter(|s| s.verdict == verdict).count(), verdict.to_string());
    let verdicts = [SloVerdict::Met, SloVerdict::Missed, SloVerdict::Inconclusive, SloVerdict::NoData].map(count);
    let said: Vec<String> = verdicts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    out.push_str(&hang("", &format!("Objectives in the calm: {}.", said.join(", ")), COLUMNS));
}

/// The exit code in words, with the reasons that no scenario line shows.
fn ending(out: &mut String, record: &GateRecord, paint: Paint) {
    let exit = Exit::of(record.exit);
    let tone = match exit {
        Exit::Held => Tone::Good,
        Exit::Broken | Exit::Usage => Tone::Bad,
        Exit::Inconclusive => Tone::Open,
    };
    let mut said = exit.words().to_owned();
    let why = reasons(record, exit);
    if !why.is_empty() {
        said += &format!(": {}", why.join("; "));
    }
    out.push_str(&paint.tone(tone, hang("", &said, COLUMNS).trim_end()));
    out.push('\n');
}

fn reasons(record: &GateRecord, exit: Exit) -> Vec<String> {
    let mut why = Vec::new();
    let standings: Vec<Standing> = record.scenarios.iter().map(Standing::of).collect();
    let is = |wanted: Standing| standings.contains(&wanted);
    let calm_missed = |s: &&sim::record::SloRecord| s.condition == sim::record::CALM && s.verdict == SloVerdict::Missed;
    if exit == Exit::Broken
        && let Some(slo) = record.slos.iter().find(calm_missed)
    {
        why.push(format!("{} ({}) was missed for {} in {}", slo.requirement, slo.objective, slo.tenant, slo.cell));
    }
    if exit == Exit::Inconclusive {
        let words = [Standing::Vacuous, Standing::Toothless, Standing::Nondeterministic, Standing::Skipped];
        why.extend(words.into_iter().filter(|w| is(*w)).map(|w| format!("some scenario is {}", w.word())));
        if record.scenarios.iter().all(|s| s.canary) {
            why.push("nothing was selected, so nothing was proved".into());
        }
        let canaries: Vec<&ScenarioRecord> = record.scenarios.iter().filter(|s| s.canary).collect();
        if canaries.iter().any(|s| s.verdict != ScenarioVerdict::Breach) {
            why.push("the gate is blind: a canary did not fail".into());
        }
        let unmeasured = scenarios::objectives::unmeasured(&record.slos, &record.serving);
        if why.is_empty()
            && let Some(slo) = unmeasured.first()
        {
            why.push(format!("{} ({}) has no data for {} in {}", slo.requirement, slo.objective, slo.tenant, slo.cell));
        }
        if why.is_empty() && canaries.is_empty() {
            why.push("no canary ran, so the gate may be blind".into());
        }
        if why.is_empty() && !record.not_covered.is_empty() {
            why.push("the profile demands that every requirement is covered".into());
        }
    }
    why
}

fn failures(out: &mut String, record: &GateRecord, paint: Paint) {
    let failed = |s: &&ScenarioRecord| !matches!(Standing::of(s), Standing::Held | Standing::CanaryFailed);
    let mut all: Vec<&ScenarioRecord> = record.scenarios.iter().filter(failed).collect();
    // The worst stands last, where the eye is when the command ends.
    all.sort_by_key(|s| Exit::of(Standing::of(s).outward().exit));
    let shown = all.split_off(all.len().saturating_sub(FAILURES_MAX));
    if !all.is_empty() {
        out.push_str(&format!("\n{} more failures are in the reports.\n", all.len()));
    }
    for s in shown {
        let standing = Standing::of(s);
        out.push_str(&format!("\n{}: {}\n", s.name, paint.tone(tone(standing), standing.word())));
        for why in s.why.iter().take(REASONS_MAX) {
            out.push_str(&hang("  - ", why, COLUMNS));
        }
        if s.why.len() > REASONS_MAX {
            out.push_str(&format!("  and {} more reasons, in the reports\n", s.why.len() - REASONS_MAX));
        }
        if s.why.is_empty() {
            let why = match &s.verdict {
                ScenarioVerdict::Skipped(why) => why,
                _ => standing.meaning(),
            };
            out.push_str(&hang("  - ", why, COLUMNS));
        }
        let again = s.replay.clone().unwrap_or_else(|| format!("cellproof run {}", s.name));
        out.push_str(&text::replay_command(&again));
        out.push('\n');
    }
}

/// A count with its thousands apart by a plain blank, which every terminal shows.
pub fn number(n: u64) -> String {
    text::count(n).replace('\u{202f}', " ")
}

/// Wall clock: `4.2 s`, `3 min 20 s`.
pub fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..120 => format!("{:.1} s", took.as_secs_f64()),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests;
