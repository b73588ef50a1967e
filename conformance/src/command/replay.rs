//! `cellproof replay`: runs a token again, checks that it is the same run, and tells its story.
//!
//! A token pins configuration, catalogue, code and result. What differs is said first, and no replay that differs ends
//! green: other code or another result is exit 3.

use super::run::ending;
use crate::args::Replay;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::input;
use crate::terminal::{Paint, Tone, hang, say};
use crate::timeline::{self, View};
use models::config::Inputs;
use scenarios::catalogue;
use scenarios::prove::{self, CODE, Finished, Order};
use scenarios::token::{Digests, Token};
use sim::Instant;
use sim::record::Pass;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Replays.
pub fn replay(args: &Replay) -> Done {
    let token = read(&args.token)?;
    let inputs = input::inputs(&args.files)?;
    let extra = input::controls(&args.ablate)?;
    let mut order = order(&inputs, &token)?;
    let now = Digests::short(&inputs.digest(), &models::catalogue::digest(), CODE, "");
    if token.digests.config != now.config {
        let message = format!(
            "the token was made with other input (config {}, here {}): give the same --platform and --tenants",
            token.digests.config, now.config
        );
        return Err(Refusal { exit: Exit::Inconclusive, message });
    }
    for control in extra {
        if order.off.iter().all(|c| c.slot != control.slot) {
            order = order.without(control);
            order.pass = if order.pass == Pass::Calm { Pass::Ablation } else { order.pass };
        }
    }
    let changed = order.off.len() != token.ablations.len();
    let Ok(run) = catch_unwind(AssertUnwindSafe(|| prove::execute(&inputs, &order))) else {
        return Err(Refusal { exit: Exit::Inconclusive, message: "the run did not finish: an invariant broke".into() });
    };
    let sameness = sameness(&token, &now, &run, changed);
    say(&story(args, &run, &sameness, Paint::stdout()));
    Ok(match sameness {
        Sameness::Same | Sameness::OnPurpose => ending(&run.record),
        Sameness::OtherCode(_) | Sameness::OtherResult(_) => Exit::Inconclusive,
    })
}

/// A token as typed, or the first one in a file.
fn read(argument: &str) -> Result<Token, Refusal> {
    let inside = match fs::read_to_string(argument) {
        Ok(text) => text
            .split(|c: char| c.is_whitespace() || c == '"')
            .find(|word| word.starts_with("cp1.") && word.len() > 4)
            .map(str::to_owned)
            .ok_or_else(|| usage(format!("{argument} holds no token, expected `cp1.<scenario>.<pass>.…`")))?,
        Err(_) if argument.contains(['/', '\\']) => {
            return Err(usage(format!("failed to read {argument}: neither a token nor a readable file")));
        }
        Err(_) => argument.to_owned(),
    };
    Token::parse(&inside).map_err(usage)
}

/// The run that a token names.
fn order(inputs: &Inputs, token: &Token) -> Result<Order, Refusal> {
    if token.engine != "kernel" {
        return Err(usage(format!("token is of engine `{}`, this command runs `kernel`", token.engine)));
    }
    let scenario = catalogue::find(&token.scenario).map_err(usage)?;
    let off = input::controls(&token.ablations)?;
    let plain = match token.pass {
        // What such a pass changes follows from the calm run of the same seed.
        Pass::Value | Pass::Presence => prove::disguised(inputs, scenario, token.pass, token.seed),
        pass => Order::new(scenario, pass, token.seed),
    };
    Ok(Order { off, overrides: token.overrides.clone(), keep: true, ..plain })
}

/// Whether this is the run of the token.
enum Sameness {
    Same,
    /// One more control is off: another run, as asked.
    OnPurpose,
    /// What differs, in words.
    OtherCode(String),
    OtherResult(String),
}

fn sameness(token: &Token, now: &Digests, run: &Finished, changed: bool) -> Sameness {
    let pinned = &token.digests;
    if (&pinned.code, &pinned.catalogue) != (&now.code, &now.catalogue) {
        let differs = if pinned.code == now.code { "catalogue of requirements" } else { "code" };
        return Sameness::OtherCode(format!(
            "The token was made by other {differs}: what follows is this code's run, and proves nothing about \
             the token's."
        ));
    }
    if changed {
        return Sameness::OnPurpose;
    }
    let result = run.record.digest.get(..pinned.result.len()).unwrap_or(&run.record.digest);
    if result == pinned.result {
        return Sameness::Same;
    }
    Sameness::OtherResult(format!(
        "The result differs (digest {}, here {result}): the run is nondeterministic, or the build is not the token's.",
        pinned.result
    ))
}

fn story(args: &Replay, run: &Finished, sameness: &Sameness, paint: Paint) -> String {
    let record = &run.record;
    let off =
        if record.ablations.is_empty() { String::new() } else { format!(", without {}", record.ablations.join(", ")) };
    let head = format!("{}, {}, seed {}{off}", record.scenario, record.pass.as_str(), record.seed);
    let mut out = format!("{}\n", paint.tone(Tone::Loud, &head));
    if let Sameness::OtherCode(said) | Sameness::OtherResult(said) = sameness {
        out.push_str(&paint.tone(Tone::Open, hang("", said, 100).trim_end()));
        out.push('\n');
    }
    let until = args.until.map(|t| Instant(u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)));
    out.push('\n');
    out.push_str(&timeline::timeline(run, View { all: args.all, until }, paint));
    out.push('\n');
    out.push_str(&timeline::facts(record, paint));
    let said = match sameness {
        Sameness::Same => "The same run as the token's, to the last fact.",
        Sameness::OnPurpose => "Another run than the token's, as asked.",
        Sameness::OtherCode(_) => "Exit 3: other code than the token's.",
        Sameness::OtherResult(_) => "Exit 3: another result than the token's.",
    };
    out.push_str(&format!("\n{said}\n"));
    if matches!(sameness, Sameness::Same | Sameness::OnPurpose) {
        out.push_str(&format!("{}\n", ending(record).words()));
    }
    if ending(record) != Exit::Held {
        out.push_str(&format!("cellproof replay {}{}\n", record.token, input::flags(&args.files)));
    }
    out
}
