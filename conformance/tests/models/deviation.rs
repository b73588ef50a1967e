//! Differences between model and server that are known and stay, each with the program that shows it.

use crate::difference::{Sort, compare};
use crate::postgres_server::Database;
use crate::program::Program;
use models::control::ControlSet;
use serde::Deserialize;

/// The committed list.
const LIST: &str = include_str!("postgres-deviations.toml");

/// One of them.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// What it is, in words.
    pub what: String,
    /// Why it stays.
    pub why: String,
    /// First words of the statements that it is seen in.
    pub verbs: Vec<String>,
    /// Kinds of the model's answer: SQLSTATEs, `rows`, `done`.
    pub model: Vec<String>,
    /// Kinds of the server's answer.
    pub server: Vec<String>,
    /// The smallest program that shows it; its last statement differs.
    pub example: String,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    deviation: Vec<Deviation>,
}

/// The list, in order.
pub fn all() -> Vec<Deviation> {
    let list: List = toml::from_str(LIST).unwrap_or_else(|e| panic!("postgres-deviations.toml: {e}"));
    list.deviation
}

impl Deviation {
    /// Whether a difference is of this kind.
    pub fn covers(&self, sort: &Sort) -> bool {
        let any = |of: &[String], word: &str| of.iter().any(|o| o == word);
        any(&self.verbs, &sort.verb) && any(&self.model, &sort.model) && any(&self.server, &sort.server)
    }

    /// Whether its example still shows it, at its last statement.
    ///
    /// # Errors
    /// Says what the example shows instead.
    pub fn shows(&self, database: &mut Database) -> Result<(), String> {
        let program = Program::read(&self.example);
        let compared = compare(&program, database, ControlSet::EMPTY);
        match compared.difference {
            Some(found) if found.program.steps.len() == program.steps.len() && self.covers(&found.sort()) => Ok(()),
            Some(found) => Err(format!("`{}` shows another difference:\n{found}", self.what)),
            None => Err(format!("`{}` shows no longer: strike it from the list", self.what)),
        }
    }
}
