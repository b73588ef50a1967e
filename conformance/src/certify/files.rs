//! Logs and evidence that a deployment exported: is each whole, in order, as it was written, and does it say what it
//! should?
//!
//! A chain does not see its own end, so somebody else has to bring it; without one nothing is green.

mod answers;
mod chain;
mod changes;
mod decisions;
mod lineage;
mod suites;

use super::deployment::Deployment;
use super::deployment::files::{Files, Index, Offline};
use super::report::{Component, Finding, Limits, Proof};
use crate::args::Believe;
use crate::exit::Refusal;
use crate::export_log::Seen;
use crate::published::whole;
use crate::trust;
use models::catalogue;
use models::offline::case;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Judges `files`. What cannot be read is inconclusive.
pub fn judge(deployment: &Deployment, files: &Files) -> Component {
    let home = &deployment.home;
    let limits = Limits { statement_timeout_ms: 0, lock_timeout_ms: 0, statements: 0 };
    let mut component = Component::new("files", String::new(), limits);
    let mut unread = Vec::new();
    let mut take = |judged: Result<(), String>| unread.extend(judged.err());
    files.chain.iter().for_each(|chain| take(chain::linked(&mut component, home, chain.get_ref())));
    files.witnessed.iter().for_each(|topic| take(chain::witnessed(&mut component, home, topic)));
    files.index.iter().for_each(|index| take(published(&mut component, home, index)));
    files.offline.iter().for_each(|bundles| take(offline(&mut component, home, bundles)));
    files.answers.iter().for_each(|answers| take(answers::judge(&mut component, home, answers)));
    let chained: Vec<&Path> = files.chain.iter().map(|chain| chain.get_ref().path.as_path()).collect();
    files.decisions.iter().for_each(|log| take(decisions::judge(&mut component, home, log, &chained)));
    files.changes.iter().for_each(|table| take(changes::judge(&mut component, home, table.get_ref())));
    files.lineage.iter().for_each(|told| take(lineage::judge(&mut component, home, told)));
    files.policy_tests.iter().for_each(|tests| take(suites::judge(&mut component, home, tests)));
    match unread.is_empty() {
        true => component.conclude(),
        false => component.unjudged(unread.join("; ")).conclude(),
    }
}

/// The text of a file.
fn text(home: &Path, path: &Path) -> Result<String, String> {
    fs::read_to_string(home.join(path)).map_err(|e| format!("failed to read {}: {e}", path.display()))
}

/// A finding about a place in a file.
fn finding(object: String, what: String, requirements: Vec<&'static str>, saw: String) -> Finding {
    let proof = Proof { tenant: None, connection: "fresh", statements: vec![object.clone()], saw };
    let repair = vec!["-- find out who wrote it and why; evidence that was repaired proves nothing".to_owned()];
    Finding { object, what, requirements, proof, repair, also: Vec::new() }
}

/// A published log, read as `cellproof log check` reads it.
fn published(component: &mut Component, home: &Path, index: &Index) -> Result<(), String> {
    let name = index.path.display().to_string();
    let believe = Believe { trust: home.join(&index.trust), root: home.join(&index.root), trust_serial: 1, now: None };
    let untold = |refusal: Refusal| refusal.message;
    let (now, trust) = trust::load(&believe).map_err(untold)?;
    let seen = index.seen.as_ref().map(|file| Seen::read(&home.join(file))).transpose().map_err(untold)?;
    let dir = home.join(&index.path);
    if !dir.is_dir() {
        return Err(format!("{name} is no directory, expected a published log"));
    }
    let files: Vec<_> = index.files.iter().map(|file| home.join(file)).collect();
    match whole(&dir, &files, seen.as_ref(), &trust, now) {
        Ok(log) => {
            let entries = log.checkpoint().root.size as usize;
            component.judged(&format!("entries of {name}, all under its signature"), entries, &["GOV-04"]);
            component.judged(&format!("files that have to be in {name}"), files.len(), &["GOV-04"]);
            if seen.is_none() && files.is_empty() {
                let why = "with no earlier checkpoint and no file that was in it, a log that was rewritten looks whole";
                component.suspect(&name, "nobody remembers what it was", &["GOV-04"], why);
            }
        }
        Err(refusal) => {
            let said = "as `cellproof log check` reads it".to_owned();
            component.find(finding(name, refusal.message, vec!["GOV-04"], said));
        }
    }
    component.not_judged(
        format!("availability of {}, and how soon it publishes", index.path.display()),
        "files tell no time",
    );
    Ok(())
}

/// Transfers to an offline cell, judged as its loader judges them.
fn offline(component: &mut Component, home: &Path, bundles: &Offline) -> Result<(), String> {
    let name = bundles.path.display().to_string();
    let text = text(home, &bundles.path)?;
    let mut loaded = 0;
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{name}:{}", n + 1);
        let answer = case::answer_json(line).map_err(|why| format!("{place}: {why}"))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|e| format!("{place}: {e}"))?;
        if answer["loaded"] == true {
            loaded += 1;
            continue;
        }
        let ids = answer["requirements"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let requirements: Vec<&str> = ids.filter_map(|id| catalogue::row(id).map(|row| row.id)).collect();
        let reason = answer["reason"].as_str().unwrap_or_default();
        let requirements = if requirements.is_empty() { vec!["CEL-05"] } else { requirements };
        let what = format!("an offline cell does not load this transfer: {reason}");
        component.find(finding(
            place,
            what,
            requirements,
            "the model offline-bundle decides as the loader does".into(),
        ));
    }
    if loaded == 0 && component.findings.is_empty() {
        return Err(format!("{name}: no transfer, expected one a line"));
    }
    component.judged(&format!("transfers of {name} that an offline cell loads"), loaded, &["CEL-04"]);
    let why = "give what it did with them as [[files.answers]]";
    component.not_judged(format!("whether the loader of {name} refuses others (CEL-05, CEL-06)"), why);
    Ok(())
}
