//! What is wrong with an input file, where, and what was expected instead.
//!
//! A reader never stops at the first mistake: it collects all of them, and applies nothing when there is one.

use std::fmt;
use std::sync::Arc;

/// The rule that most mistakes break: a file has the form that its schema says.
pub const MALFORMED: &str = "malformed";

/// One mistake in an input file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct InputError {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// Line, from 1; 0 when the mistake has no place (an empty file).
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What stands there: `unknown region "MOON"`.
    pub found: String,
    /// What should: `one of EU, US`.
    pub expected: String,
    /// Stable name of the rule that it breaks, for machines.
    pub code: &'static str,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", self.found)?;
        if !self.expected.is_empty() {
            write!(f, ", expected {}", self.expected)?;
        }
        Ok(())
    }
}

impl std::error::Error for InputError {}

/// Every mistake of an input file, in order of place. Never empty where it is returned as an error.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Problems(pub Vec<InputError>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<InputError> for Problems {
    fn from(one: InputError) -> Problems {
        Problems(vec![one])
    }
}
