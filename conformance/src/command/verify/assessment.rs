//! Whether an assessment is authentic, in time, about this resource and this report, and what it says.

use crate::args::Verify;
use crate::certified::{line, not_tested, verdict};
use crate::exit::{Done, Exit, usage};
use crate::terminal::{Paint, Tone, say};
use crate::{bundles, input, when};
use reports::assessment::statement::{Component, PINS};
use reports::assessment::{Asked, Assessed, Wanted};
use reports::evidence::{Trust, Verdict};
use reports::text::plural;
use serde_json::json;
use sim::chain::Digest;
use std::collections::BTreeMap;

/// Bytes of a report, at most.
const REPORT_MAX: u64 = 64 << 20;

/// Verifies an assessment, and shows what it says.
pub fn assessment(args: &Verify, trust: &Trust, now: u64) -> Done {
    let name = args.file.display();
    let of_others = [
        ("--tenant", args.tenant.is_some()),
        ("--nonce", args.nonce.is_some()),
        ("--profile", args.profile.is_some()),
        ("--bundle", !args.bundle.is_empty()),
        ("--assessment", !args.assessment.is_empty()),
    ];
    if let Some((option, _)) = of_others.iter().find(|(_, given)| *given) {
        return Err(usage(format!("{name} is an assessment: {option} is about other files")));
    }
    let assessed = bundles::assessed(&args.file, &Wanted { trust, now, resource: args.resource.as_deref() })?;
    let said = &assessed.assessment;
    if let Some(file) = &args.report {
        let digest = Digest::of(&input::bounded(file, REPORT_MAX)?).to_string();
        if said.subject.iter().all(|subject| subject.digest.get("sha256") != Some(&digest)) {
            return Err(usage(format!(
                "{name} is not to be believed: it is about another report than {}",
                file.display()
            )));
        }
    }
    if args.current {
        let own = PINS.iter().filter_map(|pin| Some(((*pin).to_owned(), said.pin(pin)?.clone())));
        bundles::current(&args.file, &own.collect::<BTreeMap<_, _>>(), &args.files, None)?;
    }
    let exit = if said.predicate.result == Verdict::Passed { Exit::Held } else { Exit::Broken };
    say(&if args.json { as_json(&assessed, exit) } else { as_text(&assessed, exit, Paint::stdout()) });
    Ok(exit)
}

fn as_json(assessed: &Assessed, exit: Exit) -> String {
    let value = json!({
        "version": 1,
        "exit": exit.code(),
        "signer": { "name": assessed.signer.name, "key": assessed.signer.key.id() },
        "log": super::in_log(assessed.listed.as_ref()),
        "assessment": assessed.assessment,
    });
    serde_json::to_string_pretty(&value).expect("a tree of values serialises") + "\n"
}

fn as_text(assessed: &Assessed, exit: Exit, paint: Paint) -> String {
    let (said, own) = (&assessed.assessment.predicate, &assessed.assessment.predicate.own);
    let mut out = line("about", &own.resource);
    let mut say = |name: &str, text: &str| out.push_str(&line(name, text));
    say("deployment", &format!("{}, mode {}", own.deployment, own.mode.word()));
    say("by", &format!("{} (key {}), with {}", assessed.signer.name, assessed.signer.key.id(), own.tool));
    say("judged", &format!("{}, until {}", own.judged_at, own.expires_at));
    if let Some(listed) = &assessed.listed {
        say("logged", &format!("{}, entry {} of {}", when::text(listed.at), listed.index, listed.origin));
    }
    for component in &own.components {
        say(&component.component, &told(component));
    }
    say("not named", &not_tested(&own.not_tested));
    for pin in &said.configuration {
        say(&pin.name, pin.digest.get("sha256").map_or("", String::as_str));
    }
    let (tone, words) = match said.result {
        Verdict::Passed => (Tone::Good, "authentic, and nothing was found in what was judged"),
        Verdict::Failed => (Tone::Bad, "authentic, and a requirement is broken"),
        Verdict::Warned => (Tone::Open, "authentic, and something could not be decided"),
    };
    out.push_str(&format!("\n{}\n", paint.tone(tone, &format!("exit {}: {words}", exit.code()))));
    out
}

/// What became of a component, with its rows.
fn told(component: &Component) -> String {
    let of = |asked: Asked| {
        let ids: Vec<&str> =
            component.rows.iter().filter(|row| row.asked == asked).map(|row| row.id.as_str()).collect();
        (!ids.is_empty()).then(|| format!("; {}: {}", asked.word(), ids.join(" ")))
    };
    let all = [Asked::Findings, Asked::Inconclusive, Asked::Clean, Asked::Partly, Asked::NotJudged];
    let rows: String = all.into_iter().filter_map(of).collect();
    let (at, server) = (&component.at, &component.server);
    let server = if server.is_empty() { String::new() } else { format!(", {server}") };
    let findings = match component.findings {
        0 => String::new(),
        some => format!(", {}", plural(u64::from(some), "finding")),
    };
    let problem = component.problem.as_ref().map_or(String::new(), |problem| format!(" ({problem})"));
    let at = if at.is_empty() { String::new() } else { format!(" at {at}") };
    format!("{}{findings}{problem}{at}{server}{rows}", verdict(component.verdict))
}
