//! `cellproof certify`: judges a real deployment, or takes away what an earlier judge left.

use crate::args::Certify;
use crate::certify::assessment::{Terms, assessed};
use crate::certify::deployment::{Deployment, EXAMPLE};
use crate::certify::report::Report;
use crate::certify::{self, gateway, kafka, postgres, text};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::terminal::{Paint, say};
use crate::{input, when};
use models::catalogue;
use reports::assessment::statement::REPORT;
use reports::assessment::{assessment, issue};
use reports::certificate::issue::ASSESSMENT;
use reports::evidence::SigningKey;
use reports::write::write_atomically;
use scenarios::code::code;
use sim::chain::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Judges, shows what was found, and leaves it behind where that is asked for.
pub fn certify(args: &Certify) -> Done {
    let Some(file) = &args.deployment else {
        say(EXAMPLE);
        return Ok(Exit::Held);
    };
    let name = file.display().to_string();
    let written = input::read(file)?;
    let deployment = Deployment::parse(&name, &written);
    let deployment = deployment.map_err(|p| input::mistaken(&p, "the deployment; nothing was judged"))?;
    if args.clean {
        return clean(&deployment);
    }
    // What cannot be kept or signed is refused before any server is asked.
    let key = args.key.as_deref().map(input::signing_key).transpose()?;
    if let Some(dir) = &args.out {
        fs::create_dir_all(dir).map_err(|e| usage(format!("failed to make {}: {e}", dir.display())))?;
    }
    let judged_at = args.now.unwrap_or_else(when::now);
    let report = certify::judge(&deployment);
    let mut said = if args.json { report.json() } else { text::report(&report, Paint::stdout()) };
    if let Some(dir) = &args.out {
        keep(dir, REPORT, report.json().as_bytes())?;
        let signed = key.as_ref().zip(args.resource.as_deref());
        let told = match signed {
            Some((key, resource)) => sign(dir, &report, &written, key, resource, judged_at)?,
            None => String::new(),
        };
        if !args.json {
            said = format!("Written to {}: {REPORT}{told}.\n\n", dir.display()) + &said;
        }
    }
    say(&said);
    Ok(report.exit())
}

/// Leaves the assessment, and says so.
fn sign(
    dir: &Path,
    report: &Report,
    written: &str,
    key: &SigningKey,
    resource: &str,
    judged_at: u64,
) -> Result<String, Refusal> {
    let terms = Terms { resource, judged_at, tool: concat!("cellproof ", env!("CARGO_PKG_VERSION")) };
    let own = assessed(report, &terms);
    let until = own.expires_at.clone();
    let deployment = Digest::of(written.as_bytes()).to_string();
    let pins = BTreeMap::from([("catalogue", catalogue::digest()), ("code", code()), ("deployment", deployment)]);
    let assessment = assessment(own, report.json().as_bytes(), &pins);
    keep(dir, ASSESSMENT, &issue(&assessment, key))?;
    Ok(format!(", {ASSESSMENT} (signed by key {}, until {until})", key.public().id()))
}

fn keep(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Refusal> {
    let file = dir.join(name);
    write_atomically(&file, bytes).map_err(|e| usage(format!("failed to write {}: {e}", file.display())))
}

fn clean(deployment: &Deployment) -> Done {
    let open = |message| Refusal { exit: Exit::Inconclusive, message };
    if let Some(table) = &deployment.kafka {
        let removed = kafka::clean(deployment, table).map_err(open)?;
        say(&format!("kafka: {removed} marked topics of earlier judges removed; nothing else is ever left\n"));
    }
    if let Some(table) = &deployment.gateway {
        let removed = gateway::clean(deployment, table).map_err(open)?;
        say(&format!("gateway: {removed} marked resources of earlier judges removed; nothing else is ever left\n"));
    }
    if let Some(table) = &deployment.postgres {
        let ended = postgres::clean(deployment, table).map_err(open)?;
        say(&format!("postgres: {ended} connections of earlier judges ended; no mode leaves objects behind\n"));
    }
    Ok(Exit::Held)
}
