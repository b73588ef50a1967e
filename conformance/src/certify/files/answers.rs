//! What a real component was asked and did, held against the reference model of it: a loader of offline bundles, a
//! check of the tenants file, an object store.
//!
//! A row counts as asked where something was refused that has to be refused for it, and something else accepted:
//! whoever refuses everything, or was never tried, shows nothing.

use super::{finding, text};
use crate::certify::deployment::files::{Answers, Model};
use crate::certify::report::Component;
use crate::trace::event::object;
use models::catalogue;
use models::config;
use models::objects::path;
use models::offline;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

impl Model {
    /// Its answer to a line.
    fn answer(self, line: &str) -> Result<String, String> {
        match self {
            Model::OfflineBundle => offline::case::answer_json(line),
            Model::TenantsConfig => config::case::answer_json(line),
            Model::ObjectPath => path::answer_json(line),
        }
    }

    /// The member of its answer that says whether it accepts.
    fn accepts(self) -> &'static str {
        match self {
            Model::OfflineBundle => "loaded",
            Model::TenantsConfig => "valid",
            Model::ObjectPath => "allowed",
        }
    }

    /// The row that is broken by refusing what must be accepted.
    fn row(self) -> &'static str {
        match self {
            Model::OfflineBundle => "CEL-05",
            Model::TenantsConfig => "TEN-03",
            Model::ObjectPath => "STO-08",
        }
    }
}

/// Judges a file of them.
pub fn judge(component: &mut Component, home: &Path, answers: &Answers) -> Result<(), String> {
    let name = answers.path.display().to_string();
    let text = text(home, &answers.path)?;
    let model = *answers.model.get_ref();
    let (mut accepted, mut refused) = (0_usize, BTreeMap::<&'static str, usize>::new());
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{name}:{}", n + 1);
        let told = |why: String| format!("{place}: {why}");
        let members = object(line).map_err(told)?;
        let asked = members.get("asked").ok_or_else(|| told("no member `asked`, expected what was asked".into()))?;
        let did = members.get("accepted").and_then(Value::as_bool);
        let did = did.ok_or_else(|| told("no member `accepted`, expected true or false".into()))?;
        let answer = model.answer(&asked.to_string()).map_err(told)?;
        let answer: Value = serde_json::from_str(&answer).map_err(|e| told(e.to_string()))?;
        let demanded = rows(&answer);
        let may = answer[model.accepts()] == true;
        if did == may {
            accepted += usize::from(may);
            demanded.into_iter().for_each(|row| *refused.entry(row).or_default() += 1);
            continue;
        }
        let (what, broken) = match did {
            true => ("it accepted what it has to refuse", demanded),
            false => ("it refused what it has to accept", vec![model.row()]),
        };
        component.find(finding(place, what.to_owned(), broken, format!("the reference answers {answer}")));
    }
    if accepted + refused.len() == 0 && component.findings.is_empty() {
        return Err(format!("{name}: no answer, expected one a line"));
    }
    if accepted == 0 {
        let why = "nothing in it was accepted that has to be: whoever refuses everything has tried nothing";
        component.suspect(&name, "it refuses everything", &[model.row()], why);
    }
    if refused.is_empty() {
        let why = "nothing in it has to be refused: whether it would be is not shown";
        component.suspect(&name, "nobody tried what must not be", &[model.row()], why);
    }
    for (row, n) in refused {
        component.judged(&format!("refusals in {name} that {row} demands, {accepted} accepted beside"), n, &[row]);
    }
    Ok(())
}

/// The rows that demand a refusal, wherever in an answer they are named.
fn rows(answer: &Value) -> Vec<&'static str> {
    let mut all = Vec::new();
    match answer {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("requirements", Value::Array(ids)) => {
                        let ids = ids.iter().filter_map(Value::as_str);
                        all.extend(ids.filter_map(|id| catalogue::row(id).map(|row| row.id)));
                    }
                    (_, value) => all.extend(rows(value)),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| all.extend(rows(value))),
        _ => {}
    }
    all.sort_unstable();
    all.dedup();
    all
}
