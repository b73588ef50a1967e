//! `cellproof trace`: what a trace is, how other logs are read as one, and what it can show.

use crate::args::Trace;
use crate::exit::{Done, Exit, usage};
use crate::terminal::say;
use crate::trace::{SCHEMA, coverage, form};

/// Prints what was asked for.
pub fn trace(args: &Trace) -> Done {
    if args.schema {
        say(SCHEMA);
    } else if args.coverage {
        say(&coverage::table());
    } else if let Some(name) = &args.form {
        let known = form::all().iter().find(|(known, _)| known == name);
        let names: Vec<&str> = form::all().iter().map(|(name, _)| *name).collect();
        let (_, text) =
            known.ok_or_else(|| usage(format!("unknown form {name:?}, expected one of {}", names.join(", "))))?;
        say(text);
    } else {
        form::all().iter().for_each(|(name, _)| say(&format!("{name}\n")));
    }
    Ok(Exit::Held)
}
