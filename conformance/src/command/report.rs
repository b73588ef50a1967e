//! `cellproof report`: a finished gate's record in another format, or all its files again.
//!
//! Reads `report.json` and nothing else: whatever is shown can be shown again, long after the run.

use crate::args::{self, Report};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::input;
use crate::terminal::say;
use reports::{Format, GateRecord};
use std::fs;
use std::path::Path;

/// Shows a format, or writes all files again.
pub fn report(args: &Report) -> Done {
    let record = load(&args.dir)?;
    match args.format {
        Some(format) => say(&reports::render(&record, renderer(format))),
        None => {
            input::writable(&args.dir)?;
            let names = write(&record, &args.dir)?;
            say(&format!("Written to {}: {}.\n", args.dir.display(), names.join(", ")));
        }
    }
    Ok(Exit::Held)
}

/// The record in a directory.
///
/// # Errors
/// One line: it cannot be read, is no record, or is one of another version.
pub fn load(dir: &Path) -> Result<GateRecord, Refusal> {
    let file = dir.join(Format::Json.file_name());
    let text = fs::read_to_string(&file).map_err(|e| usage(format!("failed to read {}: {e}", file.display())))?;
    reports::load(&text).map_err(|e| usage(format!("{}: {e}", file.display())))
}

/// Writes all files; returns their names.
///
/// # Errors
/// What the file system says.
pub fn write(record: &GateRecord, dir: &Path) -> Result<Vec<String>, Refusal> {
    let paths = reports::write_all(record, dir).map_err(|e| usage(format!("failed to write reports: {e}")))?;
    Ok(paths.iter().filter_map(|p| p.file_name()).map(|name| name.to_string_lossy().into_owned()).collect())
}

fn renderer(format: args::Format) -> Format {
    match format {
        args::Format::Html => Format::Html,
        args::Format::Md => Format::Markdown,
        args::Format::Junit => Format::Junit,
        args::Format::Json => Format::Json,
        args::Format::Csv => Format::Csv,
    }
}
