//! A certificate, as people read it: what it is about, what is reached and why not more, and what decides it.

use crate::exit::Exit;
use crate::terminal::{Paint, Tone, hang};
use crate::when;
use reports::assessment::Verdict;
use reports::certificate::statement::{Assurance, Certificate, Judgement, Level, Own};
use reports::certificate::{Outcome, RowStanding};
use reports::evidence::Trusted;
use reports::evidence::log::Listed;
use reports::text::plural;

/// Columns of a terminal.
const COLUMNS: usize = 80;
/// Columns before what a line says.
const NAMES: usize = 15;
/// Reasons that are shown for a level.
const REASONS_MAX: usize = 8;

/// A line with its name before it.
pub fn line(name: &str, text: &str) -> String {
    hang(&format!("{name:<NAMES$}"), text, COLUMNS)
}

/// How much a certificate rests on.
pub fn inputs(bundles: usize, assessments: usize) -> String {
    let bundles = plural(bundles as u64, "bundle");
    match assessments {
        0 => bundles,
        some => format!("{bundles} and {}", plural(some as u64, "assessment")),
    }
}

/// The certificate. `evidence` says how much of it was seen.
pub fn text(certificate: &Certificate, signer: &Trusted, listed: Option<&Listed>, evidence: &str) -> String {
    let (summary, own) = (&certificate.predicate, &certificate.predicate.own);
    let demanded = own.demanded.as_str();
    let assured = match own.assurance {
        Assurance::SelfAttested => "self-attested",
        Assurance::ThirdParty => "third party",
    };
    let mut out = line("about", &summary.resource_uri);
    let mut say = |name: &str, text: &str| out.push_str(&line(name, text));
    say("under", &format!("{}, which demands {demanded}", summary.policy.uri));
    say("by", &format!("{} (key {}), {assured}", signer.name, signer.key.id()));
    say("issued", &format!("{}, until {}", summary.time_verified, own.expires_at));
    if let Some(listed) = listed {
        say("logged", &format!("{}, entry {} of {}", when::text(listed.at), listed.index, listed.origin));
    }
    say("evidence", evidence);
    for level in &own.levels {
        say(level.level.as_str(), &level_text(level));
    }
    say("rows", &rows(own));
    for judgement in &own.assessments {
        say("deployment", &judged(judgement));
    }
    say("bound", &own.bound);
    let seeds = &own.seeds;
    let by = if seeds.nonce.is_empty() { String::new() } else { format!(", by the nonce {}", seeds.nonce) };
    say("seeds", &format!("{} for each scenario, from {}{by}", seeds.count, seeds.base));
    for (name, pin) in &own.pins {
        say(name, pin);
    }
    out
}

/// How a certificate ends: with the code, and in the colour of what it says.
pub fn ending(certificate: &Certificate, exit: Exit, said: &str, paint: Paint) -> String {
    let own = &certificate.predicate.own;
    let (reached, demanded) = (own.reached.as_str(), own.demanded.as_str());
    let (tone, words) = match certificate.predicate.verification_result {
        Outcome::Passed => (Tone::Good, format!("{said}, and it is {reached}")),
        Outcome::Failed => (Tone::Bad, format!("{said}, and it is {reached}, not {demanded}")),
    };
    format!("\n{}\n", paint.tone(tone, &format!("exit {}: {words}", exit.code())))
}

fn level_text(level: &Level) -> String {
    if level.reached {
        return "reached".into();
    }
    let more = level.why.len().saturating_sub(REASONS_MAX);
    let shown = level.why[..level.why.len() - more].join("; ");
    if more == 0 { format!("no: {shown}") } else { format!("no: {shown}; and {}", plural(more as u64, "other reason")) }
}

/// What was judged of the real deployment, how far, and what was not.
fn judged(judgement: &Judgement) -> String {
    let judged = judgement.components.iter().map(|c| format!("{} {}", c.component, verdict(c.verdict)));
    let judged = judged.collect::<Vec<_>>().join(", ");
    let open: usize = judgement.components.iter().map(|c| c.not_judged.len()).sum();
    let (name, mode, at) = (&judgement.deployment, judgement.mode.word(), &judgement.judged_at);
    let open = if open == 0 { String::new() } else { format!("; {} not judged", plural(open as u64, "thing")) };
    format!("{name}, mode {mode}, {at}: {judged}{open}; {}", not_tested(&judgement.not_tested))
}

/// Components that a deployment does not name.
pub fn not_tested(names: &[String]) -> String {
    if names.is_empty() { "every component is named".into() } else { format!("not tested: {}", names.join(", ")) }
}

/// What became of a component, in a word.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Findings => "broken",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// How many rows stand how, and which, unless they are fine or nothing judged them.
fn rows(own: &Own) -> String {
    let shown = RowStanding::ALL.into_iter().filter_map(|standing| {
        let ids: Vec<&str> = own.rows.iter().filter(|r| r.standing == standing).map(|r| r.id.as_str()).collect();
        let count = (!ids.is_empty()).then(|| format!("{} {}", ids.len(), standing.word()))?;
        let named = matches!(standing, RowStanding::Inconclusive | RowStanding::Failed);
        Some(if named { format!("{count} ({})", ids.join(", ")) } else { count })
    });
    shown.collect::<Vec<_>>().join(", ")
}
