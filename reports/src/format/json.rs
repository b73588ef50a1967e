//! `report.json`: the record itself, pretty, with keys in the order in which the types declare them.
//!
//! The reader looks at `version` before anything else, so that a record of another version is refused with one clear
//! sentence and not with a complaint about some field.

mod layout;

use crate::text;
use layout::Layout;
use serde::{Deserialize, Serialize};
use sim::record::{GateRecord, RECORD_VERSION};
use std::fmt;

/// JSON Schema (draft 2020-12) of `report.json`.
pub const SCHEMA: &str = include_str!("../../schemas/report.schema.json");

/// The record as JSON, with a trailing newline. Arrays of nothing but numbers stand on one line.
pub fn render(record: &GateRecord) -> String {
    let mut out = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut out, Layout::default());
    text::finite(record).serialize(&mut writer).expect("a record serialises");
    out.push(b'\n');
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Why a record could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// Not JSON at all.
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// JSON without a `version`: some other file.
    NotARecord,
    /// Written by another version of the format.
    Version {
        /// The version found.
        found: u64,
    },
    /// The right version, but a field is missing or of another kind.
    Shape {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was expected.
        what: String,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::NotJson { line, column, what } => write!(f, "line {line}, column {column}: not JSON: {what}"),
            ReadError::NotARecord => f.write_str("not a cellproof record: a whole number `version` was expected"),
            ReadError::Version { found } => write!(
                f,
                "record version {found} is not supported: this build reads version {RECORD_VERSION}; \
                 use the cellproof that wrote the file"
            ),
            ReadError::Shape { line, column, what } => write!(f, "line {line}, column {column}: {what}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads a record that [`render`] wrote.
///
/// # Errors
/// [`ReadError`] says what was expected, and where.
pub fn load(json: &str) -> Result<GateRecord, ReadError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Option<serde_json::Value>,
    }
    let versioned: Versioned = serde_json::from_str(json).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => ReadError::NotARecord,
        _ => ReadError::NotJson { line: e.line(), column: e.column(), what: bare(&e) },
    })?;
    match versioned.version.and_then(|v| v.as_u64()) {
        None => return Err(ReadError::NotARecord),
        Some(found) if found != u64::from(RECORD_VERSION) => return Err(ReadError::Version { found }),
        Some(_) => {}
    }
    serde_json::from_str(json).map_err(|e| ReadError::Shape { line: e.line(), column: e.column(), what: bare(&e) })
}

/// The parser's message without the place, which is told apart.
fn bare(e: &serde_json::Error) -> String {
    let message = e.to_string();
    message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        assert_eq!(load(json).expect_err("must be refused").to_string(), expected);
    }

    #[test]
    fn another_version_is_refused_before_any_field_is_looked_at() {
        check(
            r#"{"version": 2, "tool": 7}"#,
            "record version 2 is not supported: this build reads version 1; use the cellproof that wrote the file",
        );
    }

    #[test]
    fn what_is_no_record_is_named_as_such() {
        check("{}", "not a cellproof record: a whole number `version` was expected");
        check("[]", "not a cellproof record: a whole number `version` was expected");
        check(r#"{"version": "1"}"#, "not a cellproof record: a whole number `version` was expected");
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        check("{\n  oops", "line 2, column 3: not JSON: key must be a string");
        check(r#"{"version": 1}"#, "line 1, column 14: missing field `tool`");
    }

    #[test]
    fn a_record_survives_writing_and_reading() {
        let record = crate::sample::record();
        let json = render(&record);
        assert_eq!(load(&json).expect("own output"), record);
        assert_eq!(render(&load(&json).expect("own output")), json);
        assert!(json.ends_with("}\n"));
    }
}
