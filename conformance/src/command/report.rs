//! `cellproof report`: a finished gate's record in another format, or all its files again.
//!
//! Reads `report.json` and nothing else: whatever is shown can be shown again, long after the run.

use super::sweep;
use crate::args::{self, Report};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::place::Place;
use crate::terminal::say;
use reports::{Format, GateRecord};

/// Shows a format, or writes all files again.
pub fn report(args: &Report) -> Done {
    let place = Place::of(args.dir.as_os_str())?;
    let record = load(&place)?;
    match args.format {
        Some(format) => say(&reports::render(&record, renderer(format))),
        None => {
            place.ready()?;
            let (names, _) = sweep::write(&place, record)?;
            say(&format!("Written to {place}: {}.\n", names.join(", ")));
        }
    }
    Ok(Exit::Held)
}

/// The record at a place.
///
/// # Errors
/// One line: it cannot be read, is no record, or is one of another version.
pub fn load(place: &Place) -> Result<GateRecord, Refusal> {
    let name = Format::Json.file_name();
    let file = place.file(name);
    let Some(bytes) = place.read(name)? else { return Err(usage(format!("failed to read {file}: it is not there"))) };
    let text = String::from_utf8(bytes).map_err(|e| usage(format!("{file}: {e}")))?;
    reports::load(&text).map_err(|e| usage(format!("{file}: {e}")))
}

fn renderer(format: args::Format) -> Format {
    match format {
        args::Format::Html => Format::Html,
        args::Format::Md => Format::Markdown,
        args::Format::Junit => Format::Junit,
        args::Format::Json => Format::Json,
        args::Format::Csv => Format::Csv,
        args::Format::Sarif => Format::Sarif,
        args::Format::OpenSlo => Format::OpenSlo,
        args::Format::Rules => Format::Rules,
        args::Format::Samples => Format::Samples,
        args::Format::OscalResults => Format::OscalResults,
        args::Format::OscalComponents => Format::OscalComponents,
    }
}
