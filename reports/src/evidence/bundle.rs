//! Making a bundle.

use super::bag::{self, DATA, Files, PAYLOAD_MAX};
use super::envelope::{self, ENVELOPE_MAX};
use super::key::SigningKey;
use super::log::PROOF_MAX;
use super::project::project;
use super::statement::{OWN_VERSION, Own, PAYLOAD_TYPE, Predicate, Resource, STATEMENT, Seal, TEST_RESULT, Verdict};
use super::unfit::{Unfit, unfit};
use crate::format::render_all;
use crate::plan::plan;
use crate::standing::Standing;
use serde_json::{Value, json};
use sim::chain::Digest;
use sim::record::GateRecord;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;

/// Name of the payload in the outer tar.
pub const PAYLOAD: &str = "payload.tar.zst";
/// Name of the seal in the outer tar.
pub const SEAL: &str = "seal.json";
/// Name of the proof that the seal is in a log, when it is in one.
pub const PROOF: &str = "seal.tlog-proof";
/// The record, from which all other files are made.
pub const RECORD: &str = "data/report.json";

/// Bytes of a bundle, at most.
pub const BUNDLE_MAX: u64 = PAYLOAD_MAX + (ENVELOPE_MAX + PROOF_MAX) as u64 + 8_192;

/// What a bundle is made of.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The platform's own record.
    pub record: &'a GateRecord,
    /// For whom it is made.
    pub tenant: &'a str,
    /// Ids and names of all other tenants: none may stand in it.
    pub others: &'a [String],
    /// When it is sealed, in seconds since 1970.
    pub sealed_at: u64,
    /// Until when it counts.
    pub expires_at: u64,
}

/// Something of another tenant is in a bundle that was about to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leak {
    /// In which file.
    pub file: String,
    /// What it is.
    pub what: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} holds {}: nothing is written", self.file, self.what)
    }
}

/// Makes the bundle of a tenant. `foreign` looks into every file for what belongs to somebody else, and says what it
/// is.
///
/// # Errors
/// The first thing of another tenant that was found. It means that the projection let something through.
pub fn make(draft: &Draft<'_>, key: &SigningKey, foreign: impl Fn(&[u8]) -> Option<String>) -> Result<Vec<u8>, Leak> {
    assemble(draft, project(draft.record, draft.tenant), key, foreign)
}

/// The same from any record: tests take the platform's own, and the search has to notice.
pub(super) fn assemble(
    draft: &Draft<'_>,
    own: GateRecord,
    key: &SigningKey,
    foreign: impl Fn(&[u8]) -> Option<String>,
) -> Result<Vec<u8>, Leak> {
    let files = bag::bag(data(draft, &own), &info(draft.tenant));
    let words = words(&own).to_lowercase();
    if let Some(name) = draft.others.iter().find(|name| names(&words, name)) {
        return Err(Leak { file: RECORD.into(), what: format!("the name of another tenant, {name:?}") });
    }
    for (name, bytes) in &files {
        if let Some(what) = foreign(bytes) {
            return Err(Leak { file: name.clone(), what });
        }
    }
    let payload = bag::compress(&bag::tar(&files));
    let seal = seal(draft, &own, &payload);
    let seal = envelope::seal(PAYLOAD_TYPE, &seal.bytes(), key);
    Ok(Parts { payload, seal, proof: None }.bytes())
}

/// The files of a bundle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parts {
    /// The compressed bag.
    pub payload: Vec<u8>,
    /// The envelope around the statement about it.
    pub seal: Vec<u8>,
    /// That the seal is in a log.
    pub proof: Option<Vec<u8>>,
}

impl Parts {
    /// The bundle.
    pub fn bytes(self) -> Vec<u8> {
        let files = [(PAYLOAD, Some(self.payload)), (SEAL, Some(self.seal)), (PROOF, self.proof)];
        let there = files.into_iter().filter_map(|(name, bytes)| Some((name.to_owned(), bytes?)));
        bag::tar(&there.collect())
    }

    /// The inverse of [`Parts::bytes`]; believes nothing.
    ///
    /// # Errors
    /// It is larger than any bundle, no tar, written in another way, or holds something else.
    pub fn of(bytes: &[u8]) -> Result<Parts, Unfit> {
        if bytes.len() as u64 > BUNDLE_MAX {
            return Err(unfit("size", format!("more than {} MiB", BUNDLE_MAX >> 20)));
        }
        let mut files = bag::untar(bytes).map_err(|what| unfit("outer archive", what))?;
        let names = files.keys().cloned().collect::<Vec<_>>().join(", ");
        let (payload, seal, proof) = (files.remove(PAYLOAD), files.remove(SEAL), files.remove(PROOF));
        match (payload, seal, files.is_empty()) {
            (Some(payload), Some(seal), true) => Ok(Parts { payload, seal, proof }),
            _ => Err(unfit("outer archive", format!("holds {names}, not {PAYLOAD}, {SEAL} and perhaps {PROOF}"))),
        }
    }
}

fn data(draft: &Draft<'_>, own: &GateRecord) -> Files {
    let mut files = Files::new();
    let _: Result<_, Infallible> = render_all(own.clone(), |format, text| {
        files.insert(format!("{DATA}{}{}", format.folder(), format.file_name()), text.into_bytes());
        Ok(())
    });
    let mut add = |name: &str, value: &Value| {
        let text = serde_json::to_string_pretty(value).expect("a tree of values serialises") + "\n";
        files.insert(format!("{DATA}{name}"), text.into_bytes());
    };
    add("plan.json", &plan(own));
    add("receipt.json", &receipt(draft.record));
    files.insert(format!("{DATA}limits.md"), LIMITS.as_bytes().to_vec());
    files
}

/// That something ran: marks that were hit, faults that struck, controls that were switched off, runs made twice. Marks
/// and faults are named by scenarios and kinds, never after tenants.
fn receipt(record: &GateRecord) -> Value {
    let scenarios = record.scenarios.iter().map(|s| {
        let mut marks: BTreeMap<&str, u64> = BTreeMap::new();
        let declared = s.marks_declared.iter().map(|mark| (mark.as_str(), 0));
        marks.extend(declared);
        let runs = s.passes.iter().flat_map(|p| &p.kept);
        for (mark, times) in runs.flat_map(|run| &run.marks) {
            if let Some(sum) = marks.get_mut(mark.as_str()) {
                *sum += times;
            }
        }
        let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
        for (fault, times) in s.passes.iter().flat_map(|p| &p.faults) {
            *faults.entry(fault).or_default() += times;
        }
        let sum = |of: fn(&sim::record::PassRecord) -> u64| s.passes.iter().map(of).sum::<u64>();
        let ablations = s.ablations.iter().map(|a| {
            let partner = &a.partner;
            json!({ "control": a.control, "variant": a.variant, "expected": a.expected, "observed": a.observed,
                    "partner": partner, "runs": a.runs })
        });
        json!({
            "scenario": s.name,
            "runs": sum(|p| p.runs),
            "runTwiceAndCompared": sum(|p| p.compared),
            "marks": marks,
            "faultsThatStruck": faults,
            "ablations": ablations.collect::<Vec<_>>(),
        })
    });
    json!({ "version": 1, "scenarios": scenarios.collect::<Vec<_>>() })
}

fn info(tenant: &str) -> String {
    format!(
        "Bag-Software-Agent: cellproof\nExternal-Description: Evidence for one tenant\nExternal-Identifier: {tenant}\n"
    )
}

fn seal(draft: &Draft<'_>, own: &GateRecord, payload: &[u8]) -> Seal {
    let (passed, warned, failed) = tests(own);
    Seal {
        type_: STATEMENT.into(),
        subject: vec![Resource::sha256(PAYLOAD, Digest::of(payload).to_string())],
        predicate_type: TEST_RESULT.into(),
        predicate: Predicate {
            result: Verdict::of_exit(own.exit),
            configuration: configuration(own),
            passed_tests: passed,
            warned_tests: warned,
            failed_tests: failed,
            cellproof: Own {
                version: OWN_VERSION,
                tenant: draft.tenant.into(),
                tool: own.tool.clone(),
                sealed_at: draft.sealed_at,
                expires_at: draft.expires_at,
                nonce: own.nonce.clone(),
                exit: own.exit,
            },
        },
    }
}

/// What was tested, by digest.
pub(super) fn configuration(own: &GateRecord) -> Vec<Resource> {
    let digests = [("code", &own.code), ("configuration", &own.config), ("catalogue", &own.catalogue)];
    digests.map(|(name, digest)| Resource::sha256(name, digest.clone())).to_vec()
}

/// Scenarios that held, that proved nothing, and in which a requirement broke.
pub(super) fn tests(own: &GateRecord) -> (Vec<String>, Vec<String>, Vec<String>) {
    let of = |exit: fn(u8) -> bool| {
        let chosen = own.scenarios.iter().filter(|s| exit(Standing::of(s).outward().exit));
        chosen.map(|s| s.name.clone()).collect()
    };
    (of(|exit| exit == 0), of(|exit| exit > 1), of(|exit| exit == 1))
}

/// What a run put into the record, as text: the words of the catalogue and of scenarios are the product's own.
fn words(own: &GateRecord) -> String {
    let runs = own.scenarios.iter().map(|s| json!([s.why, s.replay, s.passes, s.ablations, s.non_interference]));
    json!([own.command, runs.collect::<Vec<_>>(), own.slos, own.serving]).to_string()
}

/// Whether a name, in any case, stands in a text of small letters as a whole word.
fn names(text: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_');
    !name.is_empty()
        && text.match_indices(&name).any(|(at, found)| {
            !is_word(text[..at].chars().next_back()) && !is_word(text[at + found.len()..].chars().next())
        })
}

const LIMITS: &str = "\
# What this evidence does not say

- It is about reference models under seeded simulation: that the design can hold, and that the tests would notice if it
  did not. It does not say that a deployment is configured this way.
- A bound on the probability of a breach holds over the scenario generator that is pinned here, not over production.
- Requests inside a run are correlated; the unit of a safety claim is the seed.
- Other tenants appear as roles. What broke for them stands in the platform's own record.
- It says nothing after it expires, and nothing about code or configuration with other digests.
";
