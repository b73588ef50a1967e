//! The output formats, and the one door to them.
//!
//! Every format but JSON sees the record through [`text::presentable`]: ids and sentences come from tenants' files
//! and attackers' messages, so control and direction characters are gone before a formatter can forget them.

pub mod csv;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sarif;

use crate::text;
use sim::record::GateRecord;
use std::fmt;

/// An output format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Format {
    /// The record itself.
    Json,
    /// A summary for a pull request or a CI step.
    Markdown,
    /// JUnit XML, for whatever shows test results.
    Junit,
    /// One self-contained page.
    Html,
    /// The matrices, one fact a line.
    Csv,
    /// SARIF 2.1.0, for whatever shows findings beside code.
    Sarif,
}

impl Format {
    /// All formats, in the order in which [`write_all`](crate::write_all) writes them.
    pub const ALL: [Format; 6] =
        [Format::Json, Format::Markdown, Format::Junit, Format::Html, Format::Csv, Format::Sarif];

    /// The name of the file that `write_all` makes.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Json => "report.json",
            Format::Markdown => "summary.md",
            Format::Junit => "junit.xml",
            Format::Html => "report.html",
            Format::Csv => "matrix.csv",
            Format::Sarif => "results.sarif",
        }
    }

    /// The name on the command line: `json`, `md`, `junit`, `html`, `csv` or `sarif`.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Markdown => "md",
            Format::Junit => "junit",
            Format::Html => "html",
            Format::Csv => "csv",
            Format::Sarif => "sarif",
        }
    }

    /// The inverse of [`Format::as_str`].
    pub fn parse(s: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|f| f.as_str() == s)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The record in one format. The same record gives the same bytes.
pub fn render(record: &GateRecord, format: Format) -> String {
    match format {
        Format::Json => json::render(record),
        Format::Markdown => markdown::render(&text::presentable(record)),
        Format::Junit => junit::render(&text::presentable(record)),
        Format::Html => html::render(&text::presentable(record)),
        Format::Csv => csv::render(&text::presentable(record)),
        Format::Sarif => sarif::render(&text::presentable(record)),
    }
}
