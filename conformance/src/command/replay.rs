//! `cellproof replay`: runs a token again, checks that it is the same run, and tells its story.
//!
//! A token pins configuration, catalogue, code and result. What differs is said first, and no replay that differs ends
//! green: other code or another result is exit 3.

use super::run::ending;
use crate::args::Replay;
use crate::exit::{Done, Exit, Refusal};
use crate::input;
use crate::page::Page;
use crate::terminal::{Paint, Tone, hang, say};
use crate::ticket::{Sameness, Ticket};
use crate::timeline::{self, View};
use scenarios::prove::{self, Finished};
use sim::Instant;
use sim::record::{Pass, RunRecord};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Replays.
pub fn replay(args: &Replay) -> Done {
    let ticket = Ticket::read(&args.token, &args.files)?;
    let extra = input::controls(&args.ablate)?;
    let engine = ticket.engine()?;
    let mut order = ticket.order()?;
    for control in extra {
        if order.off.iter().all(|c| c.slot != control.slot) {
            order = order.without(control);
            order.pass = if order.pass == Pass::Calm { Pass::Ablation } else { order.pass };
        }
    }
    let changed = order.off.len() != ticket.token.ablations.len();
    let Ok(run) = catch_unwind(AssertUnwindSafe(|| prove::execute_on(engine, &ticket.inputs, &order))) else {
        return Err(Refusal { exit: Exit::Inconclusive, message: "the run did not finish: an invariant broke".into() });
    };
    let sameness = ticket.sameness(&run, changed);
    if let Some(file) = &args.html {
        let page = Page {
            engine,
            inputs: &ticket.inputs,
            order: &order,
            run: &run,
            command: format!("cellproof replay {}", again(args, &ticket, &run.record)),
            warning: sameness.wrong().map(str::to_owned),
            until: until(args),
        };
        page.write(file)?;
    }
    say(&story(args, &ticket, &run, &sameness, Paint::stdout()));
    Ok(match sameness {
        Sameness::Same | Sameness::OnPurpose => ending(&run.record),
        Sameness::OtherCode(_) | Sameness::OtherResult(_) => Exit::Inconclusive,
    })
}

fn story(args: &Replay, ticket: &Ticket, run: &Finished, sameness: &Sameness, paint: Paint) -> String {
    let record = &run.record;
    let off =
        if record.ablations.is_empty() { String::new() } else { format!(", without {}", record.ablations.join(", ")) };
    let head = format!("{}, {}, seed {}{off}", record.scenario, record.pass.as_str(), record.seed);
    let mut out = format!("{}\n", paint.tone(Tone::Loud, &head));
    if let Some(said) = sameness.wrong() {
        out.push_str(&paint.tone(Tone::Open, hang("", said, 100).trim_end()));
        out.push('\n');
    }
    out.push('\n');
    out.push_str(&timeline::timeline(run, View { all: args.all, until: until(args) }, paint));
    out.push('\n');
    out.push_str(&timeline::facts(record, paint));
    let said = match sameness {
        Sameness::Same => "The same run as the token's, to the last fact.",
        Sameness::OnPurpose => "Another run than the token's, as asked.",
        Sameness::OtherCode(_) => "Exit 3: other code than the token's.",
        Sameness::OtherResult(_) => "Exit 3: another result than the token's.",
    };
    out.push_str(&format!("\n{said}\n"));
    if let Some(file) = &args.html {
        out.push_str(&format!("Written to {}.\n", file.display()));
    }
    if matches!(sameness, Sameness::Same | Sameness::OnPurpose) {
        out.push_str(&format!("{}\n", ending(record).words()));
    }
    if ending(record) != Exit::Held {
        out.push_str(&format!("cellproof replay {}\n", again(args, ticket, record)));
    }
    out
}

/// What nothing later than is shown.
fn until(args: &Replay) -> Option<Instant> {
    args.until.map(|t| Instant(u64::try_from(t.as_nanos()).unwrap_or(u64::MAX)))
}

/// What has to be typed to see the same again: a `.replay` file is named as it was, its token may be long.
fn again(args: &Replay, ticket: &Ticket, record: &RunRecord) -> String {
    let Some(file) = &ticket.file else { return format!("{}{}", record.token, ticket.flags) };
    let extra = args.ablate.iter().map(|control| format!(" --ablate {control}"));
    std::iter::once(file.clone()).chain(extra).collect()
}
