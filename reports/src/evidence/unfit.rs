//! Why something that claims to be evidence is not believed: one rule, and how it is broken.

use std::fmt;

/// The first rule that a file breaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unfit {
    /// The rule that it breaks.
    pub rule: &'static str,
    /// Which file, key or digest, and how.
    pub what: String,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

impl std::error::Error for Unfit {}

/// Says that a rule is broken, and how.
pub fn unfit(rule: &'static str, what: impl Into<String>) -> Unfit {
    Unfit { rule, what: what.into() }
}
