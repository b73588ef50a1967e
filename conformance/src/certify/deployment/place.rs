//! Where something stands in a file of TOML: from bytes to lines and columns.

use models::config::{InputError, MALFORMED, Problems};
use std::ops::Range;
use std::sync::Arc;

/// A file's name and text.
pub struct Place<'t> {
    file: Arc<str>,
    text: &'t str,
}

impl<'t> Place<'t> {
    /// `file` is how the user named it.
    pub fn new(file: &str, text: &'t str) -> Place<'t> {
        Place { file: file.into(), text }
    }

    /// A mistake at `span`, in bytes.
    pub fn at(&self, span: Range<usize>, found: impl Into<String>, expected: impl Into<String>) -> InputError {
        let before = &self.text[..floor(self.text, span.start)];
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) as u32 + 1;
        let (found, expected, code) = (found.into(), expected.into(), MALFORMED);
        InputError { file: self.file.clone(), line, column, found, expected, code }
    }

    /// What the TOML reader did not understand.
    pub fn of_error(&self, error: &toml::de::Error) -> Problems {
        let span = error.span().unwrap_or(self.text.len()..self.text.len());
        let message = error.message().replace('\n', ", ");
        // The reader says what it expected in the same breath.
        Problems(vec![self.at(span, message, "")])
    }
}

/// The nearest border between characters at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
