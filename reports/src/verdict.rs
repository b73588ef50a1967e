//! How the verdict on a whole gate is said to a reader.
//!
//! A canary is the exception that is easy to show wrongly: it *must* breach. One that breached has done its duty, and
//! one that held means that the judges did not see an attack that certainly succeeded, which is worse than a breach.

use crate::matrix;
pub use crate::standing::{Standing, Tone};
use crate::text::{count, plural};
use sim::record::{GateRecord, Pass};

/// The verdict on a whole gate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Headline {
    /// Exit code: the worse of the recorded one and of what the scenarios say.
    pub exit: u8,
    /// `Held`, `Broken`, `Inconclusive` or `Not run`.
    pub word: &'static str,
    /// The colour family.
    pub tone: Tone,
    /// What happened, in a sentence or two.
    pub sentence: String,
}

/// Exit codes from worst to best: usage, broken, inconclusive, held.
const PRECEDENCE: [u8; 4] = [2, 1, 3, 0];

/// The verdict on a whole gate. It never says better than any scenario does, whatever exit code was recorded.
pub fn headline(record: &GateRecord) -> Headline {
    let counted = || record.scenarios.iter().filter(|s| !s.canary);
    let nothing_ran = counted().next().is_none();
    let mut codes: Vec<u8> = record.scenarios.iter().map(|s| Standing::of(s).outward().exit).collect();
    codes.push(record.exit);
    codes.push(if nothing_ran { 3 } else { 0 });
    let exit = PRECEDENCE.into_iter().find(|code| codes.contains(code)).unwrap_or(record.exit);
    let (word, tone) = match exit {
        0 => ("Held", Tone::Good),
        1 => ("Broken", Tone::Bad),
        3 => ("Inconclusive", Tone::Open),
        _ => ("Not run", Tone::Bad),
    };
    Headline { exit, word, tone, sentence: sentence(record, nothing_ran, exit) }
}

fn sentence(record: &GateRecord, nothing_ran: bool, exit: u8) -> String {
    if nothing_ran {
        return "No scenario was selected, so nothing was proved.".to_string();
    }
    let totals = matrix::totals(record);
    let mut parts = vec![format!("{} of {} held", count(totals.held), plural(totals.scenarios, "scenario"))];
    let said = [(totals.broken, "broken"), (totals.open, "inconclusive"), (totals.skipped, "skipped")];
    parts.extend(said.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", count(n))));
    let mut sentence = parts.join(", ") + ".";
    if totals.canaries > 0 {
        let failed = totals.canaries_failed;
        sentence += &match (failed == totals.canaries, totals.canaries) {
            (true, 1) => " The canary failed as it must.".to_string(),
            (true, n) => format!(" All {n} canaries failed as they must."),
            (false, n) => format!(" Only {failed} of {} failed as it must.", canaries(n)),
        };
    }
    if exit == 3 && totals.held == totals.scenarios {
        sentence += " The gate is still inconclusive: see what is not covered.";
    }
    if exit == 1 && totals.broken == 0 {
        sentence += " An objective outside the scenarios is broken.";
    }
    sentence
}

fn canaries(n: u64) -> String {
    if n == 1 { "1 canary".to_string() } else { format!("{n} canaries") }
}

/// What the clean seeds bound, over all scenarios that held. Clean seeds of one that did not hold bound nothing: its
/// marks may never have been reached, or its oracles be blind.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bound {
    /// The fewest clean seeds that any of these scenarios had.
    pub seeds: u64,
    /// The loosest one-sided 95 % upper bound among them.
    pub upper: f64,
    /// Scenarios it holds for, one by one.
    pub scenarios: u64,
}

/// The bound that holds for each held scenario by itself, or nothing when none held in a swarm.
pub fn bound(record: &GateRecord) -> Option<Bound> {
    let clean = record
        .scenarios
        .iter()
        .filter(|s| Standing::of(s) == Standing::Held)
        .flat_map(|s| &s.passes)
        .filter(|p| p.pass == Pass::Swarm && p.runs > 0 && p.breaches == 0);
    clean.fold(None, |so_far: Option<Bound>, p| {
        let b = so_far.unwrap_or(Bound { seeds: p.runs, upper: 0.0, scenarios: 0 });
        let upper = b.upper.max(p.breach_bound_95);
        Some(Bound { seeds: b.seeds.min(p.runs), upper, scenarios: b.scenarios + 1 })
    })
}

/// The bound in words. `p` is the probability that a fresh seed of a scenario breaches.
pub fn bound_sentence(record: &GateRecord) -> String {
    match bound(record) {
        None => "No scenario held in a swarm, so the seeds bound nothing.".to_string(),
        Some(b) => format!(
            "{}: p ≤ {} at 95 %, over this scenario generator, not over production.",
            plural(b.seeds, "clean seed"),
            crate::text::probability(b.upper)
        ),
    }
}

/// Whom the bound is about, in one sentence.
pub fn bound_scope(record: &GateRecord) -> Option<String> {
    let b = bound(record)?;
    let whom = if b.scenarios == 1 {
        "the one scenario that held".to_string()
    } else {
        format!("each of the {} scenarios that held, one by one", b.scenarios)
    };
    Some(format!("p is the probability that a fresh seed breaches; it is bounded for {whom}."))
}
