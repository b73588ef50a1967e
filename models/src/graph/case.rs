//! Questions to the guard as JSON: `cellproof model cypher-guard`.
//!
//! ```json
//! {"tenant": "acme", "statement": "MATCH (a)-->(b) RETURN b"}
//! ```

use super::guard::{guard, guard_operator};
use crate::control::Controls;
use serde::Deserialize;
use serde_json::json;

/// A statement, and who wants to run it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// In whose name it is to run.
    tenant: String,
    /// Its text.
    statement: String,
    /// Whether it comes from the operators' console, where a statement only reads.
    #[serde(default)]
    operator: bool,
}

/// Answers one JSON line with one line, every control on: the `statement` that runs in its place, or a `reason` with
/// `requirements`, and a `message` with the place.
///
/// # Errors
/// When the line is no such case.
pub fn answer_json(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    if case.tenant.is_empty() || case.tenant.contains('`') {
        return Err("`tenant` is empty or holds a backquote, expected the id of a tenant".into());
    }
    let guard = if case.operator { guard_operator } else { guard };
    let answer = match guard(&Controls::all_on(), &case.tenant, &case.statement) {
        Ok(statement) => json!({"allowed": true, "statement": statement}),
        Err(refused) => json!({
            "allowed": false,
            "reason": refused.code(),
            "requirements": refused.requirements(),
            "message": refused.to_string(),
        }),
    };
    Ok(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_answered_with_what_runs_or_with_who_demands_that_it_does_not() {
        let answer = |line: &str| answer_json(line).expect("a case");
        let bound = answer(r#"{"tenant":"acme","statement":"MATCH (a) RETURN a"}"#);
        assert_eq!(bound, r#"{"allowed":true,"statement":"MATCH (a:`tenant:acme`) RETURN a"}"#);
        let refused = answer(r#"{"tenant":"acme","statement":"MATCH (a)-[*]-(b) RETURN b"}"#);
        assert!(refused.contains(r#""reason":"unbounded-path","requirements":["STO-07"]"#), "{refused}");
        let writes = answer(r#"{"tenant":"acme","statement":"MERGE (a:X {id: 1})","operator":true}"#);
        assert!(writes.contains(r#""reason":"writes""#), "{writes}");
        assert!(answer(r#"{"tenant":"acme","statement":"RETURN"}"#).contains("line 1, column 1"));
        assert!(answer_json(r#"{"tenant":"","statement":"RETURN 1"}"#).is_err());
    }
}
