//! The line that replays a run: `cp1.<scenario>.<pass>.<engine>.<seed>.<ablations>.<overrides>.<digests>`.
//!
//! It pins configuration, catalogue, code and result, so that a replay on other code says so and never passes quietly.
//! What would make it long stands in a [`file`] instead.
//! `/` in a scenario's name and `.` in a control's stand as `_`; ablations are joined by `+`; an empty field is `-`.

pub mod file;

use serde::{Deserialize, Serialize};
use sim::choice::{self, Choice};
use sim::record::Pass;
use std::collections::BTreeMap;
use std::fmt;

/// First field of every token of this version.
pub const PREFIX: &str = "cp1";

/// Hex digits of a digest that a token carries: enough to tell two apart, short enough to be read out.
const DIGEST_CHARS: usize = 12;

/// What a token pins besides the run itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digests {
    /// Platform and tenants.
    pub config: String,
    /// Requirement catalogue.
    pub catalogue: String,
    /// Code that decides runs.
    pub code: String,
    /// All facts of the run.
    pub result: String,
}

impl Digests {
    /// Shortens full hex digests to what a token carries.
    pub fn short(config: &str, catalogue: &str, code: &str, result: &str) -> Digests {
        let cut = |s: &str| s.get(..DIGEST_CHARS).unwrap_or(s).to_owned();
        Digests { config: cut(config), catalogue: cut(catalogue), code: cut(code), result: cut(result) }
    }
}

/// One run, addressed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// `stride/disclosure-cache-bleed`.
    pub scenario: String,
    /// Which pass.
    pub pass: Pass,
    /// `kernel`.
    pub engine: String,
    /// The seed.
    pub seed: u64,
    /// Ids of the controls that are off.
    pub ablations: Vec<String>,
    /// Overrides of the choice map.
    pub overrides: BTreeMap<Choice, u64>,
    /// What it was made with.
    pub digests: Digests,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ablations = match self.ablations.is_empty() {
            true => "-".to_owned(),
            false => self.ablations.iter().map(|id| id.replace('.', "_")).collect::<Vec<_>>().join("+"),
        };
        write!(
            f,
            "{PREFIX}.{}.{}.{}.{}.{ablations}.{}.{}-{}-{}-{}",
            self.scenario.replace('/', "_"),
            self.pass.as_str(),
            self.engine,
            self.seed,
            choice::encode(&self.overrides),
            self.digests.config,
            self.digests.catalogue,
            self.digests.code,
            self.digests.result,
        )
    }
}

impl Token {
    /// Reads a token.
    ///
    /// # Errors
    /// One sentence: what is wrong with which field, and what was expected.
    pub fn parse(text: &str) -> Result<Token, String> {
        let fields: Vec<&str> = text.trim().split('.').collect();
        let version = fields[0];
        if version != PREFIX {
            let known = version.strip_prefix("cp").is_some_and(|n| n.parse::<u32>().is_ok());
            return Err(match known {
                true => format!("token is of version `{version}`, expected `{PREFIX}`"),
                false => format!("`{text}` is no token, expected `{PREFIX}.<scenario>.<pass>.…`"),
            });
        }
        let [_, scenario, pass, engine, seed, ablations, overrides, digests] = fields[..] else {
            return Err(format!("token has {} fields, expected 8", fields.len()));
        };
        let [config, catalogue, code, result] = digests.split('-').collect::<Vec<_>>()[..] else {
            return Err(format!("token field 8 `{digests}` does not hold four digests"));
        };
        Ok(Token {
            scenario: scenario.replace('_', "/"),
            pass: Pass::parse(pass).ok_or_else(|| format!("token field 3 `{pass}` is no pass"))?,
            engine: engine.into(),
            seed: seed.parse().map_err(|_| format!("token field 5 `{seed}` is no seed"))?,
            ablations: match ablations {
                "-" => Vec::new(),
                some => some.split('+').map(|id| id.replace('_', ".")).collect(),
            },
            overrides: choice::decode(overrides)?,
            digests: Digests {
                config: config.into(),
                catalogue: catalogue.into(),
                code: code.into(),
                result: result.into(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            scenario: "stride/disclosure-cache-bleed".into(),
            pass: Pass::Ablation,
            engine: "kernel".into(),
            seed: u64::MAX,
            ablations: vec!["cache.key-namespace".into(), "cache.acl-pattern".into()],
            overrides: [(Choice { purpose: 2, cause: 0xabc, n: 1 }, 7)].into(),
            digests: Digests::short(&"a".repeat(64), &"b".repeat(64), &"c".repeat(64), &"d".repeat(64)),
        }
    }

    #[test]
    fn a_token_is_one_line_and_reads_back() {
        let text = token().to_string();
        assert!(!text.contains(char::is_whitespace), "{text}");
        assert_eq!(Token::parse(&text), Ok(token()));
    }

    #[test]
    fn a_token_of_another_version_is_refused_by_name() {
        let text = token().to_string().replacen("cp1", "cp2", 1);
        assert_eq!(Token::parse(&text).unwrap_err(), "token is of version `cp2`, expected `cp1`");
        assert!(Token::parse("hello").unwrap_err().starts_with("`hello` is no token"));
        assert_eq!(Token::parse("cp1.a.b").unwrap_err(), "token has 3 fields, expected 8");
    }
}
