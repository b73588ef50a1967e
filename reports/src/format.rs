//! The output formats, and the one door to them.
//!
//! Every format but JSON sees the record through [`text::presentable`]: ids and sentences come from tenants' files
//! and attackers' messages, so control and direction characters are gone before a formatter can forget them.

pub mod csv;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod openslo;
pub mod oscal;
pub mod rules;
pub mod samples;
pub mod sarif;

use crate::text;
use sim::chain::Digest;
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
    /// OpenSLO v1: what is promised.
    OpenSlo,
    /// Rules for Prometheus: what watches it.
    Rules,
    /// OpenMetrics: what was counted.
    Samples,
    /// OSCAL assessment results.
    OscalResults,
    /// OSCAL component definition.
    OscalComponents,
}

impl Format {
    /// All formats, in the order in which [`write_all`](crate::write_all) writes them.
    pub const ALL: [Format; 11] = [
        Format::Json,
        Format::Markdown,
        Format::Junit,
        Format::Html,
        Format::Csv,
        Format::Sarif,
        Format::OpenSlo,
        Format::Rules,
        Format::Samples,
        Format::OscalResults,
        Format::OscalComponents,
    ];

    /// The name of the file that `write_all` makes.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Json => "report.json",
            Format::Markdown => "summary.md",
            Format::Junit => "junit.xml",
            Format::Html => "report.html",
            Format::Csv => "matrix.csv",
            Format::Sarif => "results.sarif",
            Format::OpenSlo => "objectives.openslo.yaml",
            Format::Rules => "rules.yml",
            Format::Samples => "samples.openmetrics",
            Format::OscalResults => "assessment-results.json",
            Format::OscalComponents => "component-definition.json",
        }
    }

    /// The folder that holds it in the bundle of a tenant, with its slash.
    pub fn folder(self) -> &'static str {
        match self {
            Format::Json => "",
            Format::OpenSlo | Format::Rules | Format::Samples => "slo/",
            Format::OscalResults | Format::OscalComponents => "oscal/",
            _ => "results/",
        }
    }

    /// The name on the command line: `json`, `md`, `junit`, `html`, `csv`, `sarif`, `openslo`, `rules`, `samples`,
    /// `oscal-results` or `oscal-components`.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Markdown => "md",
            Format::Junit => "junit",
            Format::Html => "html",
            Format::Csv => "csv",
            Format::Sarif => "sarif",
            Format::OpenSlo => "openslo",
            Format::Rules => "rules",
            Format::Samples => "samples",
            Format::OscalResults => "oscal-results",
            Format::OscalComponents => "oscal-components",
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
        other => shown_as(&text::presentable(record.clone()), other, || digest(&json::render(record))),
    }
}

/// Renders a record in every format and hands each over: `report.json` first, and then the others of [`Format::ALL`] in
/// their order. Most of a record is figures, and many: so it is taken, there are never two of it, and what is handed
/// over is made when its turn comes. Returns the record as people see it ([`text::presentable`]).
///
/// # Errors
/// The first that taking one over has; what would follow is not made.
pub fn render_all<E>(
    record: GateRecord,
    mut take: impl FnMut(Format, String) -> Result<(), E>,
) -> Result<GateRecord, E> {
    let json = json::render(&record);
    let digest = digest(&json);
    take(Format::Json, json)?;
    let shown = text::presentable(record);
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Json) {
        take(format, shown_as(&shown, format, || digest.clone()))?;
    }
    Ok(shown)
}

/// SHA-256 of `report.json`, in hex: which record another format was made from.
fn digest(json: &str) -> String {
    Digest::of(json.as_bytes()).to_string()
}

/// A presentable record in one format.
fn shown_as(shown: &GateRecord, format: Format, digest: impl FnOnce() -> String) -> String {
    match format {
        Format::Json => json::render(shown),
        Format::Markdown => markdown::render(shown),
        Format::Junit => junit::render(shown),
        Format::Html => html::render(shown),
        Format::Csv => csv::render(shown),
        Format::Sarif => sarif::render(shown),
        Format::OpenSlo => openslo::render(shown),
        Format::Rules => rules::render(shown),
        Format::Samples => samples::render(shown),
        Format::OscalResults => oscal::results::render(shown, &digest()),
        Format::OscalComponents => oscal::components::render(shown, &digest()),
    }
}
