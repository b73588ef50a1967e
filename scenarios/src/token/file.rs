//! The `.replay` file: a run in words, for what is too long to stand in a token.
//!
//! JSON, versioned, with a published schema (`reports/schemas/replay.schema.json`). It pins the same digests as a
//! token, may carry the input that the run was made with, and says beside each override what it is about. That, and
//! the story, are for people: reading a file passes over them.

use super::{Digests, Token};
use serde::{Deserialize, Serialize};
use sim::choice::{ABSENT, Choice};
use sim::record::Pass;
use sim::seed::{KERNEL, Purpose};

/// How the names of such files end.
pub const EXTENSION: &str = "replay";

/// Version of the format; a reader refuses what it does not know.
pub const VERSION: u32 = 1;

/// A run, addressed in words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayFile {
    /// [`VERSION`].
    pub version: u32,
    /// `stride/disclosure-cache-bleed`.
    pub scenario: String,
    /// Which pass.
    pub pass: Pass,
    /// `kernel`.
    pub engine: String,
    /// The seed, in decimal: JSON readers round large numbers.
    pub seed: String,
    /// Controls that are off.
    pub ablations: Vec<String>,
    /// Overrides of the choice map.
    pub overrides: Vec<Override>,
    /// What it was made with.
    pub digests: Digests,
    /// The input that it was made with, where that is not the embedded reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Texts>,
    /// What happens, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub story: Vec<String>,
}

/// One override.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Name of the purpose: `node`, `presence`.
    pub purpose: String,
    /// Causal id, 16 hex digits.
    pub cause: String,
    /// Which draw of that cause, in decimal.
    pub n: String,
    /// `absent`, or a number in decimal.
    pub value: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// Input files, as text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// `platform.toml`.
    pub platform: String,
    /// `tenants.yaml`.
    pub tenants: String,
}

fn purposes() -> impl Iterator<Item = &'static Purpose> {
    KERNEL.iter().chain(models::luck::ALL)
}

impl ReplayFile {
    /// The file of a run; `about` says what an override is about.
    pub fn new(token: &Token, about: impl Fn(&Choice) -> Option<String>) -> ReplayFile {
        let word = |(at, value): (&Choice, &u64)| Override {
            purpose: purposes().find(|p| p.id == at.purpose).map_or(at.purpose.to_string(), |p| p.name.into()),
            cause: format!("{:016x}", at.cause),
            n: at.n.to_string(),
            value: if *value == ABSENT { "absent".into() } else { value.to_string() },
            about: about(at),
        };
        ReplayFile {
            version: VERSION,
            scenario: token.scenario.clone(),
            pass: token.pass,
            engine: token.engine.clone(),
            seed: token.seed.to_string(),
            ablations: token.ablations.clone(),
            overrides: token.overrides.iter().map(word).collect(),
            digests: token.digests.clone(),
            inputs: None,
            story: Vec::new(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// One sentence: what is wrong, at which line, and what was expected.
    pub fn parse(text: &str) -> Result<ReplayFile, String> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let wrong = |e: serde_json::Error| format!("no replay file: {e}");
        let Versioned { version } = serde_json::from_str(text).map_err(wrong)?;
        if version != VERSION {
            return Err(format!("replay file of version {version}, expected {VERSION}"));
        }
        serde_json::from_str(text).map_err(wrong)
    }

    /// The same run as a token.
    ///
    /// # Errors
    /// One sentence: which field is wrong, and what was expected.
    pub fn token(&self) -> Result<Token, String> {
        let choice = |item: &Override| {
            let wrong = |field: &str, expected: &str| format!("override field `{field}` is not {expected}");
            let purpose = purposes().find(|p| p.name == item.purpose);
            let purpose = purpose.ok_or_else(|| wrong(&item.purpose, "the name of a purpose"))?.id;
            let cause = u64::from_str_radix(&item.cause, 16).map_err(|_| wrong(&item.cause, "a cause in hex"))?;
            let n = item.n.parse().map_err(|_| wrong(&item.n, "a whole number"))?;
            let value = match item.value.as_str() {
                "absent" => ABSENT,
                number => number.parse().map_err(|_| wrong(number, "`absent` or a whole number"))?,
            };
            Ok((Choice { purpose, cause, n }, value))
        };
        Ok(Token {
            scenario: self.scenario.clone(),
            pass: self.pass,
            engine: self.engine.clone(),
            seed: self.seed.parse().map_err(|_| format!("field `seed` holds `{}`, which is no seed", self.seed))?,
            ablations: self.ablations.clone(),
            overrides: self.overrides.iter().map(choice).collect::<Result<_, String>>()?,
            digests: self.digests.clone(),
        })
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("names and texts are JSON") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn file(overrides: &[(Choice, u64)]) -> ReplayFile {
        let token = Token {
            scenario: "fuzz/cross-tenant".into(),
            pass: Pass::Swarm,
            engine: "kernel".into(),
            seed: u64::MAX,
            ablations: vec!["policy.tenant-match".into()],
            overrides: overrides.iter().copied().collect(),
            digests: Digests::short(&"a".repeat(64), &"b".repeat(64), &"c".repeat(64), &"d".repeat(64)),
        };
        ReplayFile::new(&token, |at| Some(format!("{at}")))
    }

    fn check(from: &str, to: &str, expected: &str) {
        let text = file(&[(Choice { purpose: 5, cause: 0xabc, n: 0 }, ABSENT)]).text().replacen(from, to, 1);
        let read = ReplayFile::parse(&text).and_then(|file| file.token());
        let said = read.expect_err("it is wrong");
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        check("\"version\": 1", "\"version\": 9", "replay file of version 9, expected 1");
        check("\"purpose\": \"node\"", "\"purpose\": \"nodes\"", "override field `nodes` is not the name of a purpose");
        check("\"value\": \"absent\"", "\"value\": \"gone\"", "`gone` is not `absent` or a whole number");
        check("\"engine\"", "\"motor\"", "unknown field `motor`");
        check("\"engine\": \"kernel\",", "\"engine\":", "at line 6 column");
        check("18446744073709551615", "-1", "field `seed` holds `-1`, which is no seed");
    }

    #[test]
    fn every_purpose_has_one_name_and_one_number() {
        let names: BTreeSet<&str> = purposes().map(|p| p.name).collect();
        let numbers: BTreeSet<u16> = purposes().map(|p| p.id).collect();
        assert_eq!((names.len(), numbers.len()), (purposes().count(), purposes().count()));
    }

    /// Names of the properties that the schema describes at each place, and those that are written there.
    fn properties(schema: &Value, written: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
        let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect();
        (names(&schema["properties"]), names(written))
    }

    #[test]
    fn the_schema_describes_what_is_written() {
        let schema: Value =
            serde_json::from_str(include_str!("../../../reports/schemas/replay.schema.json")).expect("JSON");
        let texts = Texts { platform: "a".into(), tenants: "b".into() };
        let whole = ReplayFile {
            inputs: Some(texts),
            story: vec!["once".into()],
            ..file(&[(Choice { purpose: 5, cause: 1, n: 0 }, ABSENT)])
        };
        let written: Value = serde_json::from_str(&whole.text()).expect("JSON");
        for (schema, written) in [
            (&schema, &written),
            (&schema["$defs"]["override"], &written["overrides"][0]),
            (&schema["$defs"]["digests"], &written["digests"]),
            (&schema["$defs"]["inputs"], &written["inputs"]),
        ] {
            let (described, written) = properties(schema, written);
            assert_eq!(described, written);
            assert_eq!(schema["additionalProperties"], Value::Bool(false));
            for name in described {
                assert!(schema["properties"][&name]["description"].is_string(), "{name} has no description");
            }
        }
        assert_eq!(schema["properties"]["version"]["const"], VERSION);
    }

    proptest! {
        #[test]
        fn a_run_survives_its_file(overrides in prop::collection::btree_map(
            (prop::sample::select(purposes().map(|p| p.id).collect::<Vec<_>>()), any::<u64>(), any::<u64>()),
            prop_oneof![any::<u64>(), Just(ABSENT)], 0..8)) {
            let map: Vec<_> = overrides
                .into_iter()
                .map(|((purpose, cause, n), value)| (Choice { purpose, cause, n }, value))
                .collect();
            let file = file(&map);
            let read = ReplayFile::parse(&file.text()).expect("what was written is read");
            prop_assert_eq!(read.token().expect("a token").overrides, map.into_iter().collect());
            prop_assert_eq!(read, file);
        }
    }
}
