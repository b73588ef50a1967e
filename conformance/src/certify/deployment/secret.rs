//! A secret by the name of where it is, and never by itself.

use super::Tenant;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};

/// Where a secret is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Secret {
    /// In an environment variable.
    Env(String),
    /// In a file; a line break at its end does not count.
    File(PathBuf),
}

/// What a secret is written as.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    env: Option<String>,
    file: Option<PathBuf>,
}

/// A literal secret, or where one is.
#[derive(Deserialize)]
#[serde(untagged)]
enum Either {
    /// What it holds is not looked at, so that no message can repeat it.
    Literal(#[expect(dead_code, reason = "only that there is one counts")] String),
    Place(Written),
}

/// What is expected of a secret, and why.
pub const EXPECTED: &str =
    "{ env = \"NAME\" } or { file = \"PATH\" }: this file is committed and copied, a secret must not be";

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        let wrong = |found: &str| Err(serde::de::Error::custom(format!("{found}, expected {EXPECTED}")));
        // What an untagged reader says about a wrong form names types of this file, which helps nobody.
        match Either::deserialize(from) {
            Ok(Either::Literal(_)) => wrong("a secret stands in the file"),
            Ok(Either::Place(Written { env: Some(name), file: None })) => Ok(Secret::Env(name)),
            Ok(Either::Place(Written { env: None, file: Some(path) })) => Ok(Secret::File(path)),
            Ok(Either::Place(Written { env: Some(_), file: Some(_) })) => wrong("a secret in two places"),
            Ok(Either::Place(Written { env: None, file: None })) | Err(_) => wrong("no place of a secret"),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Env(name) => write!(f, "environment variable {name}"),
            Secret::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

impl Secret {
    /// The same place with a tenant's values put in.
    pub fn filled(&self, tenant: &Tenant) -> Secret {
        match self {
            Secret::Env(name) => Secret::Env(tenant.fill(name)),
            Secret::File(path) => Secret::File(tenant.fill(&path.to_string_lossy()).into()),
        }
    }

    /// The secret itself. Relative files start at `home`.
    ///
    /// # Errors
    /// Says which place holds none; never what it holds.
    pub fn reveal(&self, home: &Path) -> Result<String, String> {
        let found = match self {
            Secret::Env(name) => env::var(name).map_err(|e| format!("{self}: {e}"))?,
            Secret::File(path) => fs::read_to_string(home.join(path)).map_err(|e| format!("{self}: {e}"))?,
        };
        let found = found.trim_end_matches(['\n', '\r']);
        if found.is_empty() { Err(format!("{self} is empty")) } else { Ok(found.to_owned()) }
    }
}
