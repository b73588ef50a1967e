//! `cellproof shrink`: makes a run that failed as small as it can be, and tells the story that is left.
//!
//! It ends as a replay of its result would: with 1, because what is left still breaks the requirement.

use super::run::ending;
use super::sweep::on_threads;
use crate::args::Shrink;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::input;
use crate::place::Place;
use crate::progress::Gauge;
use crate::shrunk::{self, Telling};
use crate::terminal::{Paint, say};
use crate::ticket::Ticket;
use scenarios::prove::{self, Finished, KERNEL, Order};
use scenarios::shrink::{self, Counts, Failure, Refused, Shrunk, Story};
use scenarios::token::Token;
use scenarios::token::file::{EXTENSION, ReplayFile, Texts};
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

/// So many overrides are short enough for a token: it still fits a few lines of a terminal.
const OVERRIDES_MAX: usize = 24;

/// Shrinks.
pub fn shrink(args: &Shrink) -> Done {
    let ticket = Ticket::read(&args.token, &args.files)?;
    let engine = ticket.engine()?.name;
    if engine != KERNEL.name {
        return Err(usage(format!("token is of engine `{engine}`: shrink its run on `kernel`, and replay that")));
    }
    let order = ticket.order()?;
    if let Some(dir) = args.out.as_deref().and_then(Path::parent) {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        Place::Disk(dir.to_owned()).ready()?;
    }
    let gauge = Gauge::new(args.time_budget);
    let work = || {
        let failure = Failure::new(&ticket.inputs, &order)?;
        let shrunk = shrink::shrink(&failure, &order.overrides, args.runs, &gauge).ok_or(Refused::Held)?;
        let before = prove::execute(&ticket.inputs, &order);
        let smallest = Order { keep: true, ..failure.order(&shrunk.best.overrides) };
        Ok((shrunk, before, prove::execute(&ticket.inputs, &smallest), smallest))
    };
    let done = on_threads(args.threads, || silently(work))?;
    let took = gauge.finish();
    let (shrunk, before, after, smallest) = match done? {
        Ok(done) => done,
        Err(refused) => return refuse(&ticket, &order, refused),
    };
    let sameness = ticket.sameness(&before, false);
    let story = Story::of(&after, &shrunk.best.overrides);
    let token = prove::token(&ticket.inputs, &smallest, &after.record.digest);
    let named = named(args, &ticket, &token, &after, &story)?;
    let telling = Telling {
        counts: (Counts::of(&before, &order.overrides), Counts::of(&after, &shrunk.best.overrides)),
        run: &after.record,
        story: &story,
        wrong: sameness.wrong(),
        effort: effort(&shrunk, took),
    };
    let exit = if sameness.wrong().is_some() { Exit::Inconclusive } else { ending(&after.record) };
    say(&format!("{}\n{}\ncellproof replay {named}\n", shrunk::told(&telling, Paint::stdout()), exit.words()));
    Ok(exit)
}

/// Says why there is nothing to shrink.
fn refuse(ticket: &Ticket, order: &Order, refused: Refused) -> Done {
    match refused {
        Refused::Pair => Err(usage(format!(
            "a {} run is half of a pair that is compared, and fails by nothing of its own: there is nothing to shrink",
            order.pass.as_str()
        ))),
        Refused::Fell => {
            let message = "the run did not finish, an invariant broke: only runs that finish can be shrunk".into();
            Err(Refusal { exit: Exit::Inconclusive, message })
        }
        Refused::Held => {
            let run = prove::execute(&ticket.inputs, order);
            let sameness = ticket.sameness(&run, false);
            let exit = if sameness.wrong().is_some() { Exit::Inconclusive } else { ending(&run.record) };
            let wrong = sameness.wrong().map_or(String::new(), |said| format!("{said}\n"));
            say(&format!("{wrong}Nothing to shrink: this run breaks no requirement.\n{}\n", exit.words()));
            Ok(exit)
        }
    }
}

/// What has to be typed to replay the result: a token, or the file that was written because it is long.
fn named(args: &Shrink, ticket: &Ticket, token: &Token, run: &Finished, story: &Story) -> Result<String, Refusal> {
    let path = match &args.out {
        Some(path) => path.clone(),
        None if token.overrides.len() <= OVERRIDES_MAX && ticket.texts.is_none() => {
            return Ok(format!("{token}{}", ticket.flags));
        }
        // The digest of the result is part of the name: no file is overwritten but by its like.
        None => PathBuf::from(format!(
            "{}-{}-{}.{EXTENSION}",
            token.scenario.replace('/', "_"),
            token.seed,
            token.digests.result
        )),
    };
    let texts = match input::texts(&args.files)? {
        Some((platform, tenants)) => Some(Texts { platform, tenants }),
        None => ticket.texts.clone(),
    };
    let mut file = ReplayFile::new(token, |at| shrink::about(run, at));
    file.inputs = texts;
    file.story = story.lines.iter().map(shrunk::plain).collect();
    fs::write(&path, file.text()).map_err(|e| usage(format!("failed to write {}: {e}", path.display())))?;
    Ok(input::quoted(&path.display().to_string()))
}

fn effort(shrunk: &Shrunk, took: std::time::Duration) -> String {
    let end = match shrunk.finished {
        true => "nothing more can be left out",
        false => "the budget ended it, and shrinking the result goes on from here",
    };
    format!("{} runs in {:.1} s: {end}.", reports::text::count(shrunk.runs), took.as_secs_f64())
}

/// Does something whose parts may panic without a word: a candidate is often a world that no machine was made for.
fn silently<T>(work: impl FnOnce() -> T) -> Result<T, Refusal> {
    let before = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(before);
    done.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let message = format!("shrinking broke an invariant of its own: {}", said.unwrap_or("no reason given"));
        Refusal { exit: Exit::Inconclusive, message }
    })
}
