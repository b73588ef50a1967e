//! The table `[files]`: logs and evidence that were exported, each with what shows that it is whole.

use super::place::Place;
use models::config::InputError;
use serde::Deserialize;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;

/// Files of a deployment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Hash chains.
    #[serde(default)]
    pub chain: Vec<Spanned<Chain>>,
    /// Audit topics with what a witness noted of them.
    #[serde(default)]
    pub witnessed: Vec<Witnessed>,
    /// Published logs of what was exported.
    #[serde(default)]
    pub index: Vec<Index>,
    /// Transfers to an offline cell.
    #[serde(default)]
    pub offline: Vec<Offline>,
    /// What components were asked and did.
    #[serde(default)]
    pub answers: Vec<Answers>,
    /// Decision logs.
    #[serde(default)]
    pub decisions: Vec<Decisions>,
    /// Changes of a policy's repository.
    #[serde(default)]
    pub changes: Vec<Spanned<Changes>>,
    /// Lineage of columns that pipelines made.
    #[serde(default)]
    pub lineage: Vec<Lineage>,
    /// Reports of tests that policies ship.
    #[serde(default, rename = "policy-tests")]
    pub policy_tests: Vec<PolicyTests>,
}

/// A hash chain: a JSON object a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Where it is.
    pub path: PathBuf,
    /// The member that holds a line's digest.
    #[serde(default = "link")]
    pub link: String,
    /// The member that holds the digest before it; without one the digest is of that and the line, one after the other.
    pub previous: Option<String>,
    /// The digest before the first line, in hexadecimal digits; zero if left out.
    pub genesis: Option<Spanned<String>>,
    /// The digest of the last line, as somebody else keeps it.
    pub head: Option<Spanned<String>>,
    /// How many lines there are, as somebody else counted.
    pub length: Option<u64>,
}

fn link() -> String {
    "link".to_owned()
}

/// A topic, as `kcat -J` reads it, and the links that a witness kept of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnessed {
    /// The dump.
    pub path: PathBuf,
    /// The witness's book: `{"offset": N, "link": "…"}` a line.
    pub book: PathBuf,
}

/// A published log of what was exported.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Its directory.
    pub path: PathBuf,
    /// Whose keys are believed: a signed list.
    pub trust: PathBuf,
    /// The public key that signed the list.
    pub root: PathBuf,
    /// The checkpoint that was seen last.
    pub seen: Option<PathBuf>,
    /// Bundles and certificates that have to be in it, and older checkpoints.
    #[serde(default)]
    pub files: Vec<PathBuf>,
}

/// Transfers to an offline cell, as `cellproof model offline-bundle` takes them, one a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offline {
    /// Where they are.
    pub path: PathBuf,
}

/// What a component was asked and did: `{"asked": …, "accepted": true}` a line, the former as the model takes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Where they are.
    pub path: PathBuf,
    /// Which model stands for the component.
    pub model: Spanned<Model>,
}

/// A reference model, by the name that `cellproof model` has for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// The loader of an offline cell.
    OfflineBundle,
    /// Whoever lets a version of the tenants file in.
    TenantsConfig,
    /// What an object store makes of names.
    ObjectPath,
}

/// A decision log, one JSON object a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// Where it is.
    pub path: PathBuf,
    /// The table of tenants that decisions rest on; the embedded ones by default.
    pub data: Option<PathBuf>,
    /// The field of the question.
    #[serde(default = "input")]
    pub input: String,
    /// The field of the answer, or several of which the first that is there counts.
    #[serde(default = "allowed")]
    pub allowed: String,
    /// The field that names a decision.
    #[serde(default = "name")]
    pub name: String,
    /// The field that names the policy which decided.
    #[serde(default = "revision")]
    pub revision: String,
    /// What the SIEM has of it.
    pub siem: Option<Siem>,
    /// Requests that rest on it.
    pub requests: Option<Requests>,
}

/// What a SIEM has of a decision log, one JSON object a line; its fields are called as in the log, unless it says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Siem {
    /// Where it is.
    pub path: PathBuf,
    /// The field of the question.
    pub input: Option<String>,
    /// The field of the answer.
    pub allowed: Option<String>,
    /// The field that names a decision.
    pub name: Option<String>,
    /// The field that names the policy which decided.
    pub revision: Option<String>,
}

/// Requests as whoever enforces decisions logged them, one JSON object a line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Where they are.
    pub path: PathBuf,
    /// The field that names the decision on a request.
    #[serde(default = "name")]
    pub name: String,
    /// The field of the status, by which a request was let through (2xx and 3xx) or not.
    #[serde(default = "code")]
    pub code: String,
}

/// Events of OpenLineage, one JSON object a line, with facets `schema`, `tags` and `columnLineage`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    /// Where they are.
    pub path: PathBuf,
    /// The key of the tag that says a level, by its name or its number.
    #[serde(default = "classification")]
    pub key: String,
    /// Columns that are less sensitive than what they are made from, on purpose.
    #[serde(default)]
    pub declassified: Vec<Declassified>,
}

/// A column that is less sensitive than what it is made from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declassified {
    /// `NAMESPACE/DATASET.COLUMN`.
    pub field: String,
    /// Why that is right; stands in the report.
    pub reason: String,
}

/// What `opa test` wrote about a policy's own tests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTests {
    /// What `opa test --format=json` wrote.
    pub report: PathBuf,
    /// What `opa test --coverage --format=json` wrote.
    pub coverage: PathBuf,
    /// The policy with its tests: a bundle's archive or its directory.
    pub policy: PathBuf,
    /// The table of tenants that the tests rest on; the bundle's own by default, else the embedded ones.
    pub data: Option<PathBuf>,
}

/// Changes of a policy's repository, which were merged by merge commits or squashed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// What `gh pr list --state merged --json number,author,reviews,commits,mergeCommit` wrote.
    pub merged: PathBuf,
    /// What `git log --first-parent --format='%H %P'` wrote about the branch that is deployed.
    pub history: PathBuf,
    /// Whose accounts are whose, in TOML: `[people]` with the accounts of each, `[services]` with who answers for each.
    pub accounts: Option<PathBuf>,
    /// How many others have to stand by a change.
    #[serde(default = "approvals")]
    pub approvals: u32,
    /// The last commit that is older than the rule.
    pub since: Option<String>,
    /// The newest commit, as somebody else keeps it.
    pub head: Option<String>,
    /// Revisions that agents said they run: a commit a line.
    pub ran: Option<PathBuf>,
}

fn classification() -> String {
    "classification".to_owned()
}

fn approvals() -> u32 {
    1
}

fn input() -> String {
    "input".to_owned()
}

fn allowed() -> String {
    "result.allow|result".to_owned()
}

fn name() -> String {
    "decision_id".to_owned()
}

fn revision() -> String {
    "bundles.*.revision|revision".to_owned()
}

fn code() -> String {
    "response_code|status|code".to_owned()
}

/// What TOML and types do not say.
pub fn check(files: &Files, span: Range<usize>, place: &Place, found: &mut Vec<InputError>) {
    let Files { chain, witnessed, index, offline, answers, decisions, changes, lineage, policy_tests } = files;
    let nothing = chain.is_empty() && witnessed.is_empty() && index.is_empty() && offline.is_empty();
    let nothing = nothing && answers.is_empty() && decisions.is_empty();
    if nothing && changes.is_empty() && lineage.is_empty() && policy_tests.is_empty() {
        let expected = "[[files.chain]], [[files.witnessed]], [[files.index]], [[files.offline]], [[files.answers]], \
                        [[files.decisions]], [[files.changes]], [[files.lineage]] or [[files.policy-tests]]";
        found.push(place.at(span, "no file", expected));
    }
    for table in changes.iter().filter(|table| table.get_ref().approvals == 0) {
        found.push(place.at(table.span(), "approvals = 0", "at least 1: four eyes belong to two people"));
    }
    for digest in chain.iter().flat_map(|chain| chain.get_ref().genesis.iter().chain(&chain.get_ref().head)) {
        if digest.get_ref().parse::<sim::chain::Digest>().is_err() {
            found.push(place.at(digest.span(), format!("{:?}", digest.get_ref()), "64 lower-case hexadecimal digits"));
        }
    }
}
