//! Decision logs: each decision is decided once more by the reference, and none stands there twice.

use super::{finding, text};
use crate::certify::deployment::files::Decisions;
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

/// Judges a log.
pub fn judge(component: &mut Component, home: &Path, log: &Decisions) -> Result<(), String> {
    let name = log.path.display().to_string();
    let text = text(home, &log.path)?;
    let given = log.data.as_ref().map(|data| home.join(data));
    let data = gather::data(&home.join(&log.path), given.as_deref()).map_err(|refusal| refusal.message)?;
    component.tenancy.push(format!("decisions of {name} rest on {}", data.from));
    let (mut known, mut others) = (BTreeMap::new(), 0_u64);
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{name}:{}", n + 1);
        let source = Value::Object(object(line).map_err(|why| format!("{place}: {why}"))?);
        let Some(id) = field(&source, &log.name) else {
            // An agent's own messages stand in the same file.
            others += 1;
            continue;
        };
        let input = field(&source, &log.input).ok_or_else(|| format!("{place}: no field {}", log.input))?;
        let allowed = field(&source, &log.allowed).and_then(|allowed| allowed.as_bool());
        let allowed = allowed.ok_or_else(|| format!("{place}: no field {}, expected true or false", log.allowed))?;
        if let Some(first) = known.insert(id.to_string(), place.clone()) {
            let saw = format!("{first} has the same name");
            component.find(finding(place.clone(), format!("decision {id} stands there twice"), vec!["POL-04"], saw));
        }
        let decision = decide(&Controls::all_on(), &data.known, &Input::from_json(&input));
        if decision.allow != allowed {
            let said = |allow: bool| if allow { "allowed" } else { "denied" };
            let codes: Vec<&str> = decision.denies.iter().map(|deny| deny.code()).collect();
            let what = format!("it was {} what the reference has {}", said(allowed), said(decision.allow));
            let saw = format!("codes of the reference: [{}]; question {input}", codes.join(", "));
            component.find(finding(place, what, vec!["POL-01", "POL-04"], saw));
        }
    }
    if known.is_empty() {
        return Err(format!("{name}: no line has a field {}, expected decisions", log.name));
    }
    component.judged(&format!("decisions of {name}, decided once more"), known.len(), &["POL-01", "POL-04"]);
    if others > 0 {
        component.notes.push(format!("{others} lines of {name} are no decisions"));
    }
    component.not_judged(
        format!("whether {name} has every decision"),
        "it is neither numbered nor chained: give it to [trace]",
    );
    Ok(())
}
