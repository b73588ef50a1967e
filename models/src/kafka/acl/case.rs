//! Questions to the ACLs of the brokers as JSON: `cellproof model kafka-acl`.
//!
//! One principal, with the rules of the line or with those of a tenant's own principal. There are no deny rules and no
//! super users: what no rule allows is refused, whether or not the name exists.
//!
//! ```json
//! {"rules": [{"resource": "topic", "name": "tenant.acme.", "prefixed": true, "operations": ["read"]}],
//!  "asks": [{"resource": "topic", "name": "tenant.acme-corp.orders", "operation": "read"}]}
//! ```

use super::{Operations, Resource, Rule, allows, tenant_rules};
use crate::control::Controls;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The principal's rules.
    #[serde(default)]
    rules: Vec<AskedRule>,
    /// Beside them, those that the platform gives this tenant.
    #[serde(default)]
    tenant: Option<String>,
    asks: Vec<Ask>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedRule {
    resource: On,
    name: String,
    #[serde(default)]
    prefixed: bool,
    operations: Vec<To>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    resource: On,
    name: String,
    operation: To,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum On {
    Topic,
    Group,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum To {
    Read,
    Write,
    Describe,
    Delete,
    All,
}

impl On {
    fn resource(self) -> Resource {
        match self {
            On::Topic => Resource::Topic,
            On::Group => Resource::Group,
        }
    }
}

impl To {
    fn operations(self) -> Operations {
        match self {
            To::Read => Operations::READ,
            To::Write => Operations::WRITE,
            To::Describe => Operations::DESCRIBE,
            To::Delete => Operations::DELETE,
            To::All => Operations::ALL,
        }
    }
}

/// Answers one JSON line: for each question the place of the rule that allows it, or why it is refused. Rules of the
/// tenant follow those of the line.
///
/// # Errors
/// When the line is no such case.
pub fn answer(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let rules = case.rules.iter().flat_map(|asked| {
        let (resource, name) = (asked.resource.resource(), &asked.name);
        let rule = move |to: &To| match asked.prefixed {
            true => Rule::prefixed(resource, name, to.operations()),
            false => Rule::literal(resource, name, to.operations()),
        };
        asked.operations.iter().map(rule)
    });
    let places = case.rules.iter().enumerate().flat_map(|(at, asked)| asked.operations.iter().map(move |_| at));
    let own = case.tenant.as_deref().map(tenant_rules).unwrap_or_default();
    let places: Vec<usize> = places.chain(case.rules.len()..case.rules.len() + own.len()).collect();
    let rules: Vec<Rule> = rules.chain(own).collect();
    let controls = Controls::all_on();
    let answers = case.asks.iter().map(|ask| {
        let (resource, operations) = (ask.resource.resource(), ask.operation.operations());
        let allowing = |rule: &Rule| allows(&controls, std::slice::from_ref(rule), resource, &ask.name, operations);
        match rules.iter().position(allowing) {
            Some(at) => json!({"allowed": true, "rule": places[at]}),
            None => json!({"allowed": false, "reason": "no-rule", "requirements": ["EVT-01", "TEN-02"]}),
        }
    });
    Ok(answers.collect::<Value>().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(case: Value, expected: &str) {
        assert_eq!(answer(&case.to_string()).as_deref(), Ok(expected));
    }

    #[test]
    fn the_separator_keeps_a_prefix_from_covering_a_neighbour() {
        let refused = r#"{"allowed":false,"reason":"no-rule","requirements":["EVT-01","TEN-02"]}"#;
        let ask = |name: &str| json!({"resource": "topic", "name": name, "operation": "read"});
        let asks = json!([ask("tenant.acme.orders"), ask("tenant.acme-corp.orders")]);
        check(json!({"tenant": "acme", "asks": asks}), &format!(r#"[{{"allowed":true,"rule":0}},{refused}]"#));
        let rule =
            json!({"resource": "topic", "name": "tenant.acme", "prefixed": true, "operations": ["write", "read"]});
        let both = r#"[{"allowed":true,"rule":0},{"allowed":true,"rule":0}]"#;
        check(json!({"rules": [rule], "asks": asks}), both);
    }

    #[test]
    fn reading_implies_describing_and_a_star_alone_is_every_name() {
        let ask = |name: &str, to: &str| json!({"resource": "topic", "name": name, "operation": to});
        let rule = |name: &str, to: &str| json!({"resource": "topic", "name": name, "operations": [to]});
        let rules = json!([rule("a", "read"), rule("b", "delete"), rule("*", "write")]);
        let asks = json!([ask("a", "describe"), ask("b", "describe"), ask("c", "write"), ask("c", "delete")]);
        let answered = answer(&json!({"rules": rules, "asks": asks}).to_string()).expect("a case");
        let answers: Vec<Value> = serde_json::from_str(&answered).expect("JSON");
        let rules: Vec<Option<u64>> = answers.iter().map(|a| a["rule"].as_u64()).collect();
        assert_eq!(rules, [Some(0), Some(1), Some(2), None]);
        assert!(answer(r#"{"asks": [{"resource": "cluster", "name": "x", "operation": "read"}]}"#).is_err());
    }
}
