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
use std::cell::OnceCell;
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
    Rendering::of(record).render(format)
}

/// A record that is about to be shown in many formats: what they share is made once.
pub struct Rendering<'r> {
    record: &'r GateRecord,
    shown: OnceCell<GateRecord>,
    digest: OnceCell<String>,
}

impl<'r> Rendering<'r> {
    /// Nothing is made yet.
    pub fn of(record: &'r GateRecord) -> Rendering<'r> {
        Rendering { record, shown: OnceCell::new(), digest: OnceCell::new() }
    }

    /// The record in one format.
    pub fn render(&self, format: Format) -> String {
        let shown = || self.shown.get_or_init(|| text::presentable(self.record));
        match format {
            Format::Json => {
                let text = json::render(self.record);
                self.digest.get_or_init(|| Digest::of(text.as_bytes()).to_string());
                text
            }
            Format::Markdown => markdown::render(shown()),
            Format::Junit => junit::render(shown()),
            Format::Html => html::render(shown()),
            Format::Csv => csv::render(shown()),
            Format::Sarif => sarif::render(shown()),
            Format::OpenSlo => openslo::render(shown()),
            Format::Rules => rules::render(shown()),
            Format::Samples => samples::render(shown()),
            Format::OscalResults => oscal::results::render(shown(), self.digest()),
            Format::OscalComponents => oscal::components::render(shown(), self.digest()),
        }
    }

    /// SHA-256 of `report.json`, in hex: which record another format was made from.
    fn digest(&self) -> &str {
        self.digest.get_or_init(|| Digest::of(json::render(self.record).as_bytes()).to_string())
    }
}
