//! One generated file, beside what lies there now.

use crate::source::Tree;

/// A file with generated text.
#[derive(Debug)]
pub struct Generated {
    /// From the top of the checkout.
    pub path: String,
    /// What it should say.
    pub text: String,
    /// Whether it says something else, or is missing.
    pub stale: bool,
}

impl Generated {
    /// Compares `text` with what lies at `path`.
    pub fn new(tree: &Tree, path: impl Into<String>, text: String) -> Generated {
        let path = path.into();
        let now = tree.source(&path).map(|s| &s.text).or_else(|| tree.other(&path).map(|o| &o.text));
        let stale = now != Some(&text);
        Generated { path, text, stale }
    }
}
