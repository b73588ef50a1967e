//! `cellproof certify`: judges a real deployment, or takes away what an earlier judge left.

use crate::args::Certify;
use crate::certify::deployment::{Deployment, EXAMPLE};
use crate::certify::{self, kafka, postgres, text};
use crate::exit::{Done, Exit, Refusal};
use crate::input;
use crate::terminal::{Paint, say};

/// Judges, and shows what was found.
pub fn certify(args: &Certify) -> Done {
    let Some(file) = &args.deployment else {
        say(EXAMPLE);
        return Ok(Exit::Held);
    };
    let name = file.display().to_string();
    let deployment = Deployment::parse(&name, &input::read(file)?);
    let deployment = deployment.map_err(|p| input::mistaken(&p, "the deployment; nothing was judged"))?;
    if args.clean {
        return clean(&deployment);
    }
    let report = certify::judge(&deployment);
    say(&if args.json { report.json() } else { text::report(&report, Paint::stdout()) });
    Ok(report.exit())
}

fn clean(deployment: &Deployment) -> Done {
    let open = |message| Refusal { exit: Exit::Inconclusive, message };
    if let Some(table) = &deployment.kafka {
        let removed = kafka::clean(deployment, table).map_err(open)?;
        say(&format!("kafka: {removed} marked topics of earlier judges removed; nothing else is ever left\n"));
    }
    if let Some(table) = &deployment.postgres {
        let ended = postgres::clean(deployment, table).map_err(open)?;
        say(&format!("postgres: {ended} connections of earlier judges ended; no mode leaves objects behind\n"));
    }
    Ok(Exit::Held)
}
