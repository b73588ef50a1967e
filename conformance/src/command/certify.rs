//! `cellproof certify`: judges a real deployment, or takes away what an earlier judge left.

use crate::args::Certify;
use crate::certify::deployment::{Deployment, EXAMPLE};
use crate::certify::{self, postgres, text};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::terminal::{Paint, say};
use std::fs;

/// Judges, and shows what was found.
pub fn certify(args: &Certify) -> Done {
    let Some(file) = &args.deployment else {
        say(EXAMPLE);
        return Ok(Exit::Held);
    };
    let name = file.display().to_string();
    let written = fs::read_to_string(file).map_err(|e| usage(format!("failed to read {name}: {e}")))?;
    let problems =
        |n: usize| format!("{n} problem{} in the deployment; nothing was judged", if n == 1 { "" } else { "s" });
    let deployment = Deployment::parse(&name, &written).map_err(|p| usage(format!("{p}\n{}", problems(p.0.len()))))?;
    if args.clean {
        return clean(&deployment);
    }
    let report = certify::judge(&deployment);
    say(&if args.json { report.json() } else { text::report(&report, Paint::stdout()) });
    Ok(report.exit())
}

fn clean(deployment: &Deployment) -> Done {
    if let Some(table) = &deployment.postgres {
        let open = |message| Refusal { exit: Exit::Inconclusive, message };
        let ended = postgres::clean(deployment, table).map_err(open)?;
        say(&format!("postgres: {ended} connections of earlier judges ended; no mode leaves objects behind\n"));
    }
    Ok(Exit::Held)
}
