//! Cases for `cellproof model tenants-config`: may this version of the tenants file follow that one, and what changes?

use super::{InputError, Inputs, Tenant, Tenants, Vocabulary};
use crate::ids::TenantId;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// A version of the file, the one before it, and the words that they may use, where those are not the embedded ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    next: String,
    #[serde(default)]
    previous: Option<String>,
    #[serde(default)]
    regions: Option<Vec<Arc<str>>>,
    #[serde(default)]
    labels: Option<Vec<Arc<str>>>,
    #[serde(default)]
    kinds: Option<Vec<Arc<str>>>,
}

/// Answers one JSON line: which tenants the version brings, changes and takes away, or each of its mistakes.
///
/// # Errors
/// When the line is no such case; a previous version that is not valid by itself is the case's mistake.
pub fn answer_json(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let Vocabulary { regions, labels, kinds } = Inputs::embedded().platform.vocabulary;
    let known = Vocabulary {
        regions: case.regions.unwrap_or(regions),
        labels: case.labels.unwrap_or(labels),
        kinds: case.kinds.unwrap_or(kinds),
    };
    let previous = case.previous.map(|text| Tenants::parse("previous", &text, &known));
    let previous = previous.transpose().map_err(|problems| format!("`previous` is not valid: {problems}"))?;
    let next = match &previous {
        None => Tenants::parse("next", &case.next, &known),
        Some(previous) => Tenants::parse_next("next", &case.next, &known, previous),
    };
    Ok(match next {
        Ok(next) => changes(previous.as_ref(), &next).to_string(),
        Err(problems) => {
            let mistakes: Vec<Value> = problems.0.iter().map(mistake).collect();
            json!({"valid": false, "mistakes": mistakes, "requirements": ["TEN-03"]}).to_string()
        }
    })
}

fn mistake(problem: &InputError) -> Value {
    json!({
        "reason": problem.code, "line": problem.line, "column": problem.column, "found": problem.found,
        "expected": problem.expected,
    })
}

fn changes(previous: Option<&Tenants>, next: &Tenants) -> Value {
    let before = |id: &str| previous.and_then(|p| p.get(id));
    let ids = |of: &dyn Fn(&Tenant) -> bool, tenants: &Tenants| -> Vec<TenantId> {
        tenants.tenants.iter().filter(|t| of(t)).map(|t| t.id.clone()).collect()
    };
    let gone = previous.map_or_else(Vec::new, |previous| ids(&|t| next.get(&t.id).is_none(), previous));
    json!({
        "valid": true,
        "version": next.version,
        "added": ids(&|t| before(&t.id).is_none(), next),
        "changed": ids(&|t| before(&t.id).is_some_and(|as_it_was| as_it_was != t), next),
        "removed": gone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = "  - { id: acme, name: Acme, region: EU, labels: [pii], data_classes: { audit: 2 } }\n";

    fn ask(case: Value) -> Value {
        serde_json::from_str(&answer_json(&case.to_string()).expect("a case")).expect("JSON")
    }

    fn file(entries: &str) -> String {
        format!("version: 1\ntenants:\n{entries}")
    }

    #[test]
    fn a_version_is_judged_against_the_one_before_it() {
        let nova = ACME.replace("acme", "nova");
        let grown = file(&format!("{}{nova}", ACME.replace("pii", "health")));
        let alone = ask(json!({"next": grown}));
        assert_eq!((&alone["valid"], &alone["added"]), (&json!(true), &json!(["acme", "nova"])));
        let unowned = ask(json!({"previous": file(ACME), "next": grown}));
        assert_eq!(unowned["requirements"], json!(["TEN-03"]));
        let said = json!({"reason": "no-owner", "line": 4, "column": 11,
            "found": "new tenant \"nova\" without an owner", "expected": "`owner`"});
        assert_eq!(unowned["mistakes"], json!([said]));
        let owned = grown.replace("id: nova,", "id: nova, owner: ops,");
        let expected = json!({"valid": true, "version": 1, "added": ["nova"], "changed": ["acme"], "removed": []});
        assert_eq!(ask(json!({"previous": file(ACME), "next": owned})), expected);
        assert_eq!(ask(json!({"previous": owned, "next": file(ACME)}))["removed"], json!(["nova"]));
    }

    #[test]
    fn every_mistake_has_a_reason_and_a_place() {
        let reasons = |entries: &str, more: Value| -> Vec<String> {
            let mut case = json!({"next": file(entries)});
            case.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            let said = ask(case);
            let mistakes = said["mistakes"].as_array().cloned().unwrap_or_default();
            assert!(mistakes.iter().all(|m| m["line"].as_u64() > Some(0) && m["column"].as_u64() > Some(0)), "{said}");
            mistakes.iter().filter_map(|m| m["reason"].as_str().map(String::from)).collect()
        };
        let spoilt = ACME.replace("EU", "MOON").replace("pii", "secret").replace("audit: 2", "ledger: 4");
        let expected = ["unknown-region", "unknown-label", "unknown-kind", "unknown-level"];
        assert_eq!(reasons(&spoilt, json!({})), expected);
        assert_eq!(reasons(&format!("{ACME}{ACME}"), json!({})), ["duplicate-id"]);
        assert_eq!(reasons(&ACME.replace("acme", "Acme"), json!({})), ["bad-id"]);
        assert_eq!(reasons(&ACME.replace("name: Acme, ", ""), json!({})), ["malformed"]);
        assert_eq!(reasons(ACME, json!({"previous": "version: 9\ntenants: []\n"})), ["old-version", "no-owner"]);
        assert_eq!(
            reasons(&spoilt, json!({"regions": ["MOON"], "labels": ["secret"], "kinds": ["ledger"]})),
            ["unknown-level"]
        );
    }

    #[test]
    fn a_previous_version_that_is_none_is_no_case() {
        let case = json!({"previous": "version: 1\n", "next": file(ACME)}).to_string();
        assert!(answer_json(&case).is_err_and(|e| e.starts_with("`previous` is not valid: previous:1:1: ")));
        assert!(answer_json("{}").is_err());
    }
}
