//! `cellproof drill`: a fault story with what it may cost, told before it runs; then what it did cost.

mod docker;
mod months;
mod record;
mod text;

use super::run::ending;
use crate::args::{Drill as Args, Plan};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::input;
use crate::place::Place;
use crate::terminal::{Paint, complain, say};
use models::config::Inputs;
use scenarios::drill::document::Document;
use scenarios::drill::export::{self, Format};
use scenarios::drill::map::Map;
use scenarios::drill::outcome::Comparison;
use scenarios::drill::{Drill, Ran};
use std::path::Path;

/// Seed of a drill for which none is given.
const FIRST_SEED: u64 = 1;

/// Name of the file that a directory gets.
const FILE: &str = "drill.json";

/// Draws or reads a drill, tells it, and runs it; or writes it as a plan for another tool.
pub fn drill(args: &Args) -> Done {
    let off = input::controls(&args.ablate)?;
    let inputs = input::inputs(&args.files)?;
    if let Some(count) = args.months {
        return Ok(months::months(&inputs, args.seed.unwrap_or(FIRST_SEED), count, args.whole));
    }
    let drill = match &args.import {
        Some(file) => imported(file, &inputs)?,
        None => Drill::drawn(&inputs, args.seed.unwrap_or(FIRST_SEED)),
    };
    if let [format, file] = args.export.as_slice() {
        return exported(format, file, &drill, &inputs);
    }
    let place = args.out.as_ref().map(|out| Place::of(out.as_os_str())).transpose()?;
    place.as_ref().map_or(Ok(()), Place::ready)?;
    if args.on.is_some() {
        return docker::drill(args, &drill, &inputs, place.as_ref());
    }
    let paint = Paint::stdout();
    if !args.json {
        say(&text::before(&drill, paint));
    }
    let mut ran = drill.run(&inputs, &off);
    if !drill.is_drawn() {
        // The token would draw another story from the same seed.
        ran.record.token.clear();
    }
    let exit = exit(&ran);
    let again = again(args, &drill);
    let written = record::write(&drill, &ran, exit, &again);
    if let Some(place) = &place {
        place.write(FILE, written.as_bytes())?;
    }
    say(&if args.json { written } else { text::after(&drill, &ran, exit, &again, paint) });
    Ok(exit)
}

fn imported(file: &Path, inputs: &Inputs) -> Result<Drill, Refusal> {
    let text = input::read(file)?;
    let document = Document::parse(&file.display().to_string(), &text, inputs, &Map::of(inputs));
    let document = document.map_err(|problems| input::mistaken(&problems, "the drill; nothing was run"))?;
    Ok(Drill::of(inputs, document))
}

fn exported(format: &str, file: &str, drill: &Drill, inputs: &Inputs) -> Done {
    let format = match <Plan as clap::ValueEnum>::from_str(format, false) {
        Ok(Plan::Json) => Format::Json,
        Ok(Plan::ChaosMesh) => Format::ChaosMesh,
        Ok(Plan::Toxiproxy) => Format::Toxiproxy,
        Err(_) => {
            return Err(usage(format!("unknown format {format:?}, expected chaos-mesh, toxiproxy or json")));
        }
    };
    let plan = export::plan(format, drill, &Map::of(inputs));
    let text = serde_json::to_string_pretty(&plan.value).expect("a tree of values serialises") + "\n";
    let written = reports::write::write_atomically(Path::new(file), text.as_bytes());
    written.map_err(|e| usage(format!("failed to write {file}: {e}")))?;
    plan.notes.iter().for_each(|note| complain(note));
    say(&format!("Written to {file}.\n"));
    Ok(Exit::Held)
}

/// How a drill ends: as its run, and no better than what was expected of it.
fn exit(ran: &Ran) -> Exit {
    let of = |comparison| match comparison {
        Comparison::AsExpected | Comparison::Better => Exit::Held,
        Comparison::Undecided => Exit::Inconclusive,
        Comparison::Worse => Exit::Broken,
    };
    let outcomes = ran.outcomes.iter().map(|o| of(o.comparison));
    let beside = ran.beside.iter().map(|b| {
        let apart = if b.is_contradiction { Exit::Inconclusive } else { Exit::Held };
        of(b.comparison).max(apart)
    });
    outcomes.chain(beside).fold(ending(&ran.record), Exit::max)
}

/// What has to be typed for the same drill.
fn again(args: &Args, drill: &Drill) -> String {
    let what = match &args.import {
        Some(file) => format!("--import {}", input::quoted(&file.display().to_string())),
        None => format!("--seed {}", drill.seed),
    };
    let off: String = args.ablate.iter().map(|control| format!(" --ablate {control}")).collect();
    format!("cellproof drill {what}{off}{}", input::flags(&args.files))
}
