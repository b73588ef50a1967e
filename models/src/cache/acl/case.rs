//! Questions to the ACL of a cache as JSON: `cellproof model redis-acl`.
//!
//! It is the decision that the platform's cache makes, for every command of Redis 7.0 whose words say where its keys
//! are; a command is judged by its words, and none is run.
//!
//! ```json
//! {"users": {"acme": "on >pw ~acme:* +@read"}, "asks": [{"user": "acme", "command": ["get", "beta:1"]}]}
//! ```

use super::{BadRule, Denial, Unasked, User};
use crate::control::Controls;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Rules of `ACL SETUSER` by user.
    users: BTreeMap<String, String>,
    asks: Vec<Ask>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    user: String,
    /// The command, word by word.
    command: Vec<String>,
}

/// Answers one JSON line: for each command whether its user may run it, and if not, what the user lacks.
///
/// # Errors
/// When the line is no such case: a rule or a command that Redis does not have, an unknown user.
pub fn answer(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let mut users = BTreeMap::new();
    for (name, rules) in &case.users {
        let user = User::parse(name, rules);
        let user =
            user.map_err(|BadRule(rule)| format!("`users.{name}`: the rule `{rule}` is none, or says nothing here"))?;
        users.insert(name.as_str(), user);
    }
    let answers = case.asks.iter().enumerate().map(|(at, ask)| {
        let user = users.get(ask.user.as_str()).ok_or_else(|| format!("`asks[{at}]`: no user `{}`", ask.user))?;
        let shown = ask.command.join(" ");
        let decided = user.decide(&Controls::all_on(), &ask.command).map_err(|unasked| match unasked {
            Unasked::Unknown => format!("`asks[{at}]`: `{shown}` is no command of Redis 7.0"),
            Unasked::Words => format!("`asks[{at}]`: `{shown}` has the wrong number of words"),
            Unasked::Keys => format!("`asks[{at}]`: the keys of `{shown}` are not modelled"),
        })?;
        Ok(match decided {
            Ok(()) => json!({"allowed": true}),
            Err(denial) => refused(&denial),
        })
    });
    answers.collect::<Result<Vec<Value>, String>>().map(|answers| Value::from(answers).to_string())
}

fn refused(denial: &Denial) -> Value {
    let (reason, name) = match denial {
        Denial::Command => ("no-command", None),
        Denial::Key(key) => ("no-key", Some(key)),
        Denial::Channel(channel) => ("no-channel", Some(channel)),
    };
    let mut answer = json!({"allowed": false, "reason": reason, "requirements": ["CAC-01", "TEN-02"]});
    if let Some(name) = name {
        answer["name"] = String::from_utf8_lossy(name).into();
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_what_is_no_question_is_an_error() {
        let ask = |rules: &str, command: &[&str]| {
            let asks = json!([{"user": "acme", "command": command}]);
            answer(&json!({"users": {"acme": rules}, "asks": asks}).to_string())
        };
        assert_eq!(ask("~acme:* +get", &["GET", "acme:1"]).as_deref(), Ok(r#"[{"allowed":true}]"#));
        let refused = ask("~acme:* +get", &["get", "beta:1"]).expect("a case");
        assert!(refused.contains(r#""name":"beta:1""#) && refused.contains(r#""reason":"no-key""#), "{refused}");
        assert!(ask("+nope", &["get", "a"]).unwrap_err().contains("the rule `+nope`"));
        assert!(ask("+get", &["nope", "a"]).unwrap_err().contains("is no command"));
        assert!(ask("+get", &["get"]).unwrap_err().contains("number of words"));
        assert!(
            answer(r#"{"users": {}, "asks": [{"user": "a", "command": []}]}"#).unwrap_err().contains("no user `a`")
        );
    }
}
