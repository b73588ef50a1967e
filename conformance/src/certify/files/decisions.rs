//! Decision logs: each decision is decided once more by the reference, none stands there twice, the SIEM has all of
//! them as they were, and no request was let through without one.

use super::{finding, text};
use crate::certify::deployment::files::{Decisions, Requests, Siem};
use crate::certify::report::Component;
use crate::examine::gather;
use crate::trace::event::object;
use crate::trace::form::field;
use models::control::Controls;
use models::policy::abac::decide;
use models::wire::policy::Input;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Where a log has what: question, answer, name, and policy.
struct Fields<'a> {
    input: &'a str,
    allowed: &'a str,
    name: &'a str,
    revision: &'a str,
}

/// A decision as a log has it.
struct Kept {
    place: String,
    name: String,
    input: Value,
    allowed: bool,
    revision: Option<Value>,
}

impl Kept {
    /// What of it is not as in another copy.
    fn differs(&self, other: &Kept) -> Option<&'static str> {
        let differences = [
            (self.input != other.input, "question"),
            (self.allowed != other.allowed, "answer"),
            (self.revision != other.revision, "revision"),
        ];
        differences.into_iter().find(|(differs, _)| *differs).map(|(_, what)| what)
    }
}

/// Judges a log, and what rests on it. `chained` are the files whose chains are judged.
pub fn judge(component: &mut Component, home: &Path, log: &Decisions, chained: &[&Path]) -> Result<(), String> {
    let name = log.path.display().to_string();
    let fields = Fields { input: &log.input, allowed: &log.allowed, name: &log.name, revision: &log.revision };
    let (kept, others) = read(home, &log.path, &fields)?;
    if others > 0 {
        component.notes.push(format!("{others} lines of {name} are no decisions"));
    }
    let known = named(component, &kept);
    decided(component, home, log, &kept)?;
    if let Some(nameless) = kept.iter().find(|kept| kept.revision.is_none()) {
        let count = kept.iter().filter(|kept| kept.revision.is_none()).count();
        let saw = format!("no field {}, as in {count} of {} decisions", log.revision, kept.len());
        let what = "nobody can say which policy decided: no revision is kept".to_owned();
        component.find(finding(nameless.place.clone(), what, vec!["POL-04"], saw));
    }
    match &log.siem {
        Some(siem) => arrived(component, home, &fields, siem, (&name, &kept, &known))?,
        None => component.not_judged(format!("whether {name} reaches a SIEM (POL-04)"), "siem is not given"),
    }
    match &log.requests {
        Some(requests) => rested(component, home, requests, (&name, &known))?,
        None => component.not_judged(
            format!("whether {name} has every decision (POL-04)"),
            "it is neither numbered nor chained, and requests is not given: give that, or the log to [trace]",
        ),
    }
    let copies = [Some(&log.path), log.siem.as_ref().map(|siem| &siem.path)];
    if !copies.into_iter().flatten().any(|copy| chained.contains(&copy.as_path())) {
        component.not_judged(
            format!("whether decisions of {name} were taken out of every copy later (POL-04)"),
            "no copy is chained: give one to [[files.chain]] too",
        );
    }
    Ok(())
}

/// The decisions of a file, and how many of its lines are something else.
fn read(home: &Path, path: &Path, fields: &Fields<'_>) -> Result<(Vec<Kept>, u64), String> {
    let file = path.display();
    let text = text(home, path)?;
    let (mut kept, mut others) = (Vec::new(), 0);
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{file}:{}", n + 1);
        let source = Value::Object(object(line).map_err(|why| format!("{place}: {why}"))?);
        let Some(name) = field(&source, fields.name) else {
            // An agent's own messages stand in the same file.
            others += 1;
            continue;
        };
        let input = field(&source, fields.input).ok_or_else(|| format!("{place}: no field {}", fields.input))?;
        let allowed = field(&source, fields.allowed).and_then(|allowed| allowed.as_bool());
        let allowed = allowed.ok_or_else(|| format!("{place}: no field {}, expected true or false", fields.allowed))?;
        let revision = field(&source, fields.revision);
        kept.push(Kept { place, name: name.to_string(), input, allowed, revision });
    }
    match kept.is_empty() {
        true => Err(format!("{file}: no line has a field {}, expected decisions", fields.name)),
        false => Ok((kept, others)),
    }
}

/// Decisions by their names, each of which stands for one.
fn named<'a>(component: &mut Component, kept: &'a [Kept]) -> BTreeMap<&'a str, &'a Kept> {
    let mut known: BTreeMap<&str, &Kept> = BTreeMap::new();
    for decision in kept {
        let Kept { place, name, .. } = decision;
        if let Some(first) = known.get(name.as_str()) {
            let saw = format!("{} has the same name", first.place);
            component.find(finding(place.clone(), format!("decision {name} stands there twice"), vec!["POL-04"], saw));
            continue;
        }
        known.insert(name, decision);
    }
    known
}

/// Decides each once more.
fn decided(component: &mut Component, home: &Path, log: &Decisions, kept: &[Kept]) -> Result<(), String> {
    let name = log.path.display();
    let given = log.data.as_ref().map(|data| home.join(data));
    let data = gather::data(&home.join(&log.path), given.as_deref()).map_err(|refusal| refusal.message)?;
    component.tenancy.push(format!("decisions of {name} rest on {}", data.from));
    for Kept { place, input, allowed, .. } in kept {
        let decision = decide(&Controls::all_on(), &data.known, &Input::from_json(input));
        if decision.allow != *allowed {
            let said = |allow: bool| if allow { "allowed" } else { "denied" };
            let codes: Vec<&str> = decision.denies.iter().map(|deny| deny.code()).collect();
            let what = format!("it was {} what the reference has {}", said(*allowed), said(decision.allow));
            let saw = format!("codes of the reference: [{}]; question {input}", codes.join(", "));
            component.find(finding(place.clone(), what, vec!["POL-01", "POL-04"], saw));
        }
    }
    component.judged(&format!("decisions of {name}, decided once more"), kept.len(), &["POL-01", "POL-04"]);
    Ok(())
}

/// Whether a SIEM has every decision as it was taken, and none that nobody took.
fn arrived(
    component: &mut Component,
    home: &Path,
    log: &Fields<'_>,
    siem: &Siem,
    (name, kept, known): (&str, &[Kept], &BTreeMap<&str, &Kept>),
) -> Result<(), String> {
    let fields = Fields {
        input: siem.input.as_deref().unwrap_or(log.input),
        allowed: siem.allowed.as_deref().unwrap_or(log.allowed),
        name: siem.name.as_deref().unwrap_or(log.name),
        revision: siem.revision.as_deref().unwrap_or(log.revision),
    };
    let file = siem.path.display();
    let (there, _) = read(home, &siem.path, &fields)?;
    let mut copies: BTreeMap<&str, &Kept> = BTreeMap::new();
    for copy in &there {
        // What is sent until it is acknowledged may come twice, and then says the same.
        let known = known.get(copy.name.as_str()).or_else(|| copies.get(copy.name.as_str()));
        let what = match known.map(|known| (known, copy.differs(known))) {
            Some((_, None)) => None,
            Some((known, Some(what))) => Some((format!("its {what} is not what was logged"), known.place.clone())),
            None => Some(("nobody logged such a decision".to_owned(), format!("{name} has none of that name"))),
        };
        if let Some((what, saw)) = what {
            component.find(finding(copy.place.clone(), what, vec!["POL-04"], saw));
        }
        copies.entry(&copy.name).or_insert(copy);
    }
    let absent: Vec<bool> = kept.iter().map(|decision| !copies.contains_key(decision.name.as_str())).collect();
    let under_way = absent.iter().rev().take_while(|absent| **absent).count();
    let lost: Vec<&Kept> = kept.iter().zip(&absent).filter(|(_, absent)| **absent).map(|(kept, _)| kept).collect();
    let lost = &lost[..lost.len() - under_way];
    if let Some(first) = lost.first() {
        let (what, saw) = (format!("it never reached {file}"), format!("and {} others", lost.len() - 1));
        component.find(finding(first.place.clone(), what, vec!["POL-04"], saw));
    }
    if under_way > 0 {
        let what = format!("the last {under_way} decisions are not in {file}");
        let why = "they may be under way: take the SIEM's copy once it has them";
        component.suspect(name, &what, &["POL-04"], why);
    }
    component.judged(&format!("decisions of {name} that {file} has as they were"), kept.len(), &["POL-04"]);
    Ok(())
}

/// Whether every request that was let through rests on a decision that let it through.
fn rested(
    component: &mut Component,
    home: &Path,
    requests: &Requests,
    (name, known): (&str, &BTreeMap<&str, &Kept>),
) -> Result<(), String> {
    let file = requests.path.display();
    let text = text(home, &requests.path)?;
    let mut passed = 0;
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{file}:{}", n + 1);
        let source = Value::Object(object(line).map_err(|why| format!("{place}: {why}"))?);
        let code = field(&source, &requests.code);
        let number = code.as_ref().and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
        let number = number.ok_or_else(|| format!("{place}: no field {}, expected a status", requests.code))?;
        if !(200..400).contains(&number) {
            continue;
        }
        passed += 1;
        let decision = field(&source, &requests.name).map(|name| name.to_string());
        let (what, rows) = match decision.as_deref().map(|decision| known.get(decision)) {
            Some(Some(kept)) if kept.allowed => continue,
            Some(Some(kept)) => (format!("it was let through and {} denied it", kept.place), vec!["POL-01", "POL-04"]),
            Some(None) => (format!("it was let through by a decision that {name} does not have"), vec!["POL-04"]),
            None => ("it was let through and names no decision".to_owned(), vec!["POL-04"]),
        };
        let saw = format!("status {number}, decision {}", decision.as_deref().unwrap_or("none"));
        component.find(finding(place, what, rows, saw));
    }
    if passed == 0 {
        return Err(format!("{file}: no request was let through, expected some"));
    }
    component.judged(&format!("requests of {file} that rest on {name}"), passed, &["POL-04"]);
    Ok(())
}
