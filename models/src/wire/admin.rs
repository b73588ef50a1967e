//! Bodies of the control plane's HTTP: the admin API of a config service, and the repository that policies come from.
//!
//! JSON, as people and pipelines write it. A statement is what a person signs; who may make one is judged where it
//! arrives.

use super::policy::Level;
use crate::crypto::{base64url, sha256};
use crate::ids::TenantId;
use serde::{Deserialize, Serialize};
use sim::Instant;
use std::sync::Arc;

/// The policy that a config service hands out: `GET` says which one, `PUT` replaces it.
pub const POLICY_PATH: &str = "/admin/v1/policy";
/// `PUT`: a pipeline says until when it knows that nothing newer was merged than what is handed out.
pub const CURRENT_PATH: &str = "/admin/v1/policy/current";
/// What was merged, for the pipelines of other cells: `GET` asks for it, `POST` tells it unasked.
pub const MERGES_PATH: &str = "/repository/v1/merges";
/// `POST`: somebody proposes other files.
pub const PROPOSALS_PATH: &str = "/repository/v1/proposals";
/// `POST`: somebody proposes another version of the tenants file.
pub const TENANTS_PATH: &str = "/repository/v1/tenants";
/// `POST`: somebody approves a proposal.
pub const APPROVALS_PATH: &str = "/repository/v1/approvals";

/// The files of a policy bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFiles {
    /// The policy, in Rego.
    pub policy: Arc<str>,
    /// Its data, in JSON.
    pub data: Arc<str>,
}

/// What a config service hands out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// Its revision.
    pub revision: u64,
    /// Digest of its files, as [`PolicyFiles::digest`] gives it.
    pub digest: Arc<str>,
}

/// What a pipeline knows of what is handed out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// Digest of the files that it speaks of.
    pub digest: Arc<str>,
    /// Until then (its own clock) nothing newer was merged.
    pub as_of: Instant,
}

/// Something that was merged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Merge {
    /// Files of a policy.
    Files(PolicyFiles),
    /// A version of the tenants file.
    Tenants(Arc<str>),
}

/// A stretch of what was merged, to its end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merges {
    /// How many there are before these.
    pub since: usize,
    /// The rest, in order.
    pub merges: Vec<Merge>,
}

/// A change that somebody wants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The account that proposes it.
    pub author: Arc<str>,
    /// What the files shall be.
    pub files: PolicyFiles,
    /// The tests that the bundle ships, one JSON object a line.
    pub tests: Arc<str>,
    /// The account's Ed25519 signature of [`Proposal::statement`], in base64url.
    pub signature: Arc<str>,
}

/// Another version of `tenants.yaml` that somebody wants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantsProposal {
    /// The account that proposes it.
    pub author: Arc<str>,
    /// The whole file.
    pub file: Arc<str>,
    /// The tests that the policy ships, over the data that this version stands for.
    pub tests: Arc<str>,
    /// The account's Ed25519 signature of [`TenantsProposal::statement`], in base64url.
    pub signature: Arc<str>,
}

/// Who the tenants are, for those who route by them and those who serve them: what a merged file says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TenantTable {
    /// The version of the file.
    pub version: u64,
    /// Each tenant, in order of id.
    pub tenants: Vec<TenantEntry>,
}

/// A tenant, as far as routers and services need to know it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TenantEntry {
    /// Its id.
    pub id: TenantId,
    /// Where it is served.
    pub region: Arc<str>,
    /// What its records usually are: kind, label, level.
    pub usual: (Arc<str>, Arc<str>, Level),
}

/// Somebody stands by a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The proposal, by [`Proposal::id`].
    pub proposal: Arc<str>,
    /// The account that approves it.
    pub by: Arc<str>,
    /// The account's Ed25519 signature of [`Approval::statement`], in base64url.
    pub signature: Arc<str>,
}

impl PolicyFiles {
    /// SHA-256 over the digests of both files, in base64url.
    pub fn digest(&self) -> Arc<str> {
        let both = [sha256(self.policy.as_bytes()), sha256(self.data.as_bytes())].concat();
        base64url(&sha256(&both)).into()
    }
}

impl Proposal {
    /// What its author signs: who wants which files and which tests.
    pub fn statement(&self) -> Vec<u8> {
        let tests = base64url(&sha256(self.tests.as_bytes()));
        format!("propose\n{}\n{}\n{tests}", self.author, self.files.digest()).into_bytes()
    }
    /// Its name: the digest of what its author signs.
    pub fn id(&self) -> Arc<str> {
        base64url(&sha256(&self.statement())).into()
    }
}

impl TenantsProposal {
    /// What its author signs: who wants which file.
    pub fn statement(&self) -> Vec<u8> {
        let [file, tests] = [&self.file, &self.tests].map(|text| base64url(&sha256(text.as_bytes())));
        format!("propose tenants\n{}\n{file}\n{tests}", self.author).into_bytes()
    }
    /// Its name: the digest of what its author signs.
    pub fn id(&self) -> Arc<str> {
        base64url(&sha256(&self.statement())).into()
    }
}

impl Approval {
    /// What an approver signs.
    pub fn statement(&self) -> Vec<u8> {
        format!("approve\n{}\n{}", self.proposal, self.by).into_bytes()
    }
}
