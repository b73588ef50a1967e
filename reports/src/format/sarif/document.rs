//! The part of SARIF 2.1.0 (OASIS, errata 01) that is written: names as the standard spells them, nothing optional that
//! says nothing.

use serde::Serialize;
use std::collections::BTreeMap;

/// A log file: 3.13 of the standard.
#[derive(Debug, Serialize)]
pub struct Log {
    /// The schema that it keeps.
    #[serde(rename = "$schema")]
    pub schema: &'static str,
    /// `2.1.0`.
    pub version: &'static str,
    /// One run.
    pub runs: [Run; 1],
}

/// One gate: 3.14.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// What ran.
    pub tool: Tool,
    /// Which of many like it: 3.17.
    pub automation_details: Automation,
    /// How it ended.
    pub invocations: [Invocation; 1],
    /// What is not as it should be, or not known to be: most serious first.
    pub results: Vec<Outcome>,
    /// What was tested, by digest.
    pub properties: BTreeMap<&'static str, String>,
}

/// What ran: 3.18.
#[derive(Debug, Serialize)]
pub struct Tool {
    /// The program.
    pub driver: Driver,
}

/// The program, with what it looks at: 3.19.
#[derive(Debug, Serialize)]
pub struct Driver {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What results are about.
    pub rules: Vec<Rule>,
}

/// A requirement, or a rule of proof: 3.49.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// `TEN-02`.
    pub id: String,
    /// The promise.
    pub short_description: Text,
    /// Groups, for filters.
    pub properties: Tags,
}

/// A property bag with tags alone: 3.8.2.
#[derive(Debug, Serialize)]
pub struct Tags {
    /// At most ten are shown by GitHub.
    pub tags: Vec<String>,
}

/// Plain text: 3.11 and 3.12.
#[derive(Debug, Serialize)]
pub struct Text {
    /// The text.
    pub text: String,
}

/// Which run it is: 3.17. Everything up to the last slash is the category, which GitHub keeps apart.
#[derive(Debug, Serialize)]
pub struct Automation {
    /// Category and run.
    pub id: String,
}

/// How it ended: 3.20.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    /// As it was typed.
    pub command_line: String,
    /// Whether everything was decided. What was not is in the results, as open.
    pub execution_successful: bool,
    /// The process exit code.
    pub exit_code: u8,
    /// What the code means.
    pub exit_code_description: String,
    /// What the reader of this file cannot see in its results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_execution_notifications: Vec<Notification>,
}

/// Something about the run itself: 3.58.
#[derive(Debug, Serialize)]
pub struct Notification {
    /// `warning`.
    pub level: &'static str,
    /// What it is.
    pub message: Text,
}

/// Something that is broken or open: 3.27.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The requirement or rule of proof.
    pub rule_id: String,
    /// Where it stands in [`Driver::rules`].
    pub rule_index: usize,
    /// `fail` or `open`.
    pub kind: &'static str,
    /// `error` or `warning` of what failed, otherwise `none`.
    pub level: &'static str,
    /// What happened, and the command that shows it again.
    pub message: Text,
    /// Where to look.
    pub locations: [Location; 1],
    /// What makes it the same as in another run.
    pub partial_fingerprints: BTreeMap<&'static str, String>,
    /// How often it was seen.
    pub occurrence_count: u64,
    /// Scenario, control, oracle and the like, by name.
    pub properties: BTreeMap<&'static str, String>,
}

/// Where to look: 3.28.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// The file that holds all of it.
    pub physical_location: Physical,
    /// The scenario, and the control or tenant in it.
    pub logical_locations: [Logical; 1],
}

/// A file: 3.29.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Physical {
    /// Which.
    pub artifact_location: Artifact,
}

/// A file by its name beside this one: 3.4.
#[derive(Debug, Serialize)]
pub struct Artifact {
    /// Relative.
    pub uri: &'static str,
}

/// A place that is no file: 3.33.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Logical {
    /// `stride/disclosure-cache-bleed/cache.key-encoding`.
    pub fully_qualified_name: String,
}
