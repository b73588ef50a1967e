//! The policy agent beside every enforcement point: it takes bundles, decides, and says what it decided.
//!
//! It decides by the policy it was given, whatever that says: an insider's signed "allow everything" really allows
//! everything, and must be stopped before the signature. Freshness counts from the *signed* time of the newest
//! manifest, so that an attacker who withholds news cannot keep an old policy in force.

use super::abac;
use super::bundle::{Loaded, Loader, Refusal, TrustedKey, content_matches};
use super::filter;
use super::rego::Calls;
use crate::control;
use crate::control::{Control, Controls};
use crate::planted::POLICY_FRESH_BY_ARRIVAL;
use crate::wire::policy::{DataFilter, Decision, Deny, Input, LogEntry, Manifest, SignedBundle};
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A bundle must be signed by a trusted key.
pub const BUNDLE_SIGNATURE: Control = control!("policy.bundle-signature", upholds: ["POL-02"],
    off: "bundles are taken from whoever answers, as with an agent whose `signing` section is not configured");

/// A bundle's files must be the ones that were signed.
pub const BUNDLE_DIGEST: Control = control!("policy.bundle-digest", upholds: ["POL-02"],
    off: "the signature over the manifest is checked but not the files it lists, as when verification runs before \
          unpacking");

/// A bundle must not be older than one already seen.
pub const BUNDLE_REVISION: Control = control!("policy.bundle-revision", upholds: ["POL-02"],
    off: "any correctly signed bundle is installed, however old, as when the revision is only logged");

/// A policy past its bound does not decide.
pub const FAIL_CLOSED: Control = control!("policy.fail-closed", upholds: ["POL-02"],
    off: "an agent that is cut off answers from its last policy for ever, as OPA does by default");

/// Entries of the memos of digests and of filters.
const DIGESTS_MAX: usize = 4_096;

/// An enforcement point's policy agent.
#[derive(Debug)]
pub struct Agent {
    trusted: Vec<TrustedKey>,
    stale_after: Duration,
    skew: Duration,
    /// The highest revision ever installed, which must survive a restart; see [`Agent::floor`].
    floor: u64,
    installed: Option<Installed>,
    digests: BTreeMap<Input, [u8; 32]>,
}

#[derive(Debug)]
struct Installed {
    manifest: Manifest,
    loaded: Loaded,
    /// Filters that were asked for, while it is in force.
    filters: BTreeMap<Input, Option<Arc<DataFilter>>>,
}

/// What a bundle would be taken for.
#[derive(Debug)]
pub enum Examined {
    /// What is in force already.
    InForce,
    /// A policy that would be installed.
    New(Box<Loaded>),
}

/// What became of an accepted bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// It is in force now.
    Installed,
    /// It was in force already, and is fresher now.
    Refreshed,
    /// It was in force already, with a later time.
    Unchanged,
}

/// A decision, the revision it rests on, and its entry for the decision log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The decision.
    pub decision: Decision,
    /// The policy's revision; 0 when there is none.
    pub revision: u64,
    /// To be exported (POL-04).
    pub entry: LogEntry,
}

impl Agent {
    /// An agent without policy. `floor` is the highest revision it installed in an earlier life (0 for none): without
    /// it, a restart would be a way to roll policy back.
    pub fn new(trusted: Vec<TrustedKey>, stale_after: Duration, skew: Duration, floor: u64) -> Agent {
        Agent { trusted, stale_after, skew, floor, installed: None, digests: BTreeMap::new() }
    }

    /// The highest revision installed so far; to be stored before the agent relies on it after a restart.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// The revision in force; 0 when there is none.
    pub fn revision(&self) -> u64 {
        self.installed.as_ref().map_or(0, |i| i.manifest.revision)
    }

    /// How old the policy in force is, if there is one.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.installed.as_ref().map(|i| now.since(i.manifest.issued_at))
    }

    /// Trusts these keys from now on; what is in force stays in force.
    pub fn trust(&mut self, keys: Vec<TrustedKey>) {
        self.trusted = keys;
    }

    /// Real Rego evaluations and memo hits of the policy in force; none while that is the reference policy, which is
    /// decided natively.
    pub fn rego_calls(&self) -> Calls {
        let rego = self.installed.as_ref().and_then(|i| i.loaded.rego.as_ref());
        rego.map(|rego| rego.calls()).unwrap_or_default()
    }

    /// What a bundle would be taken for; nothing changes. Its revision is the [`Agent::floor`] that must be on the disk
    /// before it is received.
    ///
    /// # Errors
    /// The first check that it fails: signature, content, time, revision, compilation.
    pub fn examine(
        &self,
        now: Instant,
        controls: &Controls,
        loader: &mut Loader,
        bundle: &SignedBundle,
    ) -> Result<Examined, Refusal> {
        let SignedBundle { manifest, content, .. } = bundle;
        if let Err(refusal) = loader.verify(&self.trusted, bundle)
            && controls.on(&BUNDLE_SIGNATURE)
        {
            return Err(refusal);
        }
        if !content_matches(bundle) && controls.on(&BUNDLE_DIGEST) {
            return Err(Refusal::Tampered);
        }
        if manifest.issued_at > now + self.skew {
            return Err(Refusal::FromFuture);
        }
        let in_force = self.installed.as_ref().is_some_and(|i| same_content(&i.manifest, manifest));
        if in_force && content_matches(bundle) {
            return Ok(Examined::InForce);
        }
        if self.goes_back(manifest) && controls.on(&BUNDLE_REVISION) {
            return Err(Refusal::RolledBack { seen: self.floor, offered: manifest.revision });
        }
        loader.load(content).map(|loaded| Examined::New(Box::new(loaded)))
    }

    /// Takes a bundle, or refuses it and keeps what is in force.
    ///
    /// # Errors
    /// As for [`Agent::examine`].
    pub fn receive(
        &mut self,
        now: Instant,
        controls: &Controls,
        loader: &mut Loader,
        bundle: &SignedBundle,
    ) -> Result<Accepted, Refusal> {
        let manifest = &bundle.manifest;
        match (self.examine(now, controls, loader, bundle)?, &mut self.installed) {
            (Examined::InForce, Some(installed)) if POLICY_FRESH_BY_ARRIVAL.is_planted() => {
                installed.manifest.issued_at = now;
                Ok(Accepted::Refreshed)
            }
            (Examined::InForce, Some(installed)) if manifest.issued_at > installed.manifest.issued_at => {
                installed.manifest.issued_at = manifest.issued_at;
                Ok(Accepted::Refreshed)
            }
            (Examined::InForce, _) => Ok(Accepted::Unchanged),
            (Examined::New(loaded), _) => {
                self.floor = manifest.revision;
                let filters = BTreeMap::new();
                self.installed = Some(Installed { manifest: manifest.clone(), loaded: *loaded, filters });
                Ok(Accepted::Installed)
            }
        }
    }

    /// A lower revision goes back; so does the same revision with another content, which only a dishonest signer makes.
    /// After a restart the content of the floor's revision is not known, so that revision is taken.
    fn goes_back(&self, offered: &Manifest) -> bool {
        offered.revision < self.floor || self.installed.is_some() && offered.revision == self.floor
    }

    /// Decides by the policy in force. Without one, or with one past its bound, the answer is no.
    pub fn decide(&mut self, now: Instant, controls: &Controls, input: &Input) -> Answer {
        let (decision, revision) = self.judge(now, controls, input);
        let entry = LogEntry { at: now, input_sha256: self.digest(input), revision, decision };
        Answer { decision, revision, entry }
    }

    /// What a list may show for which this question was allowed, by the policy in force. `None` when it does not say.
    pub fn filter(&mut self, controls: &Controls, input: &Input) -> Option<Arc<DataFilter>> {
        let Installed { loaded, filters, .. } = self.installed.as_mut()?;
        if let Some(known) = filters.get(input) {
            return known.clone();
        }
        let said = match &mut loaded.rego {
            None => filter::filter(controls, &loaded.data, input),
            Some(rego) => rego.filter(controls, input),
        };
        let said = said.map(Arc::new);
        if filters.len() == DIGESTS_MAX {
            filters.clear();
        }
        filters.insert(input.clone(), said.clone());
        said
    }

    fn judge(&mut self, now: Instant, controls: &Controls, input: &Input) -> (Decision, u64) {
        let Some(Installed { manifest, loaded, .. }) = &mut self.installed else {
            return (Decision::deny(Deny::PolicyMissing), 0);
        };
        if now.since(manifest.issued_at) > self.stale_after && controls.on(&FAIL_CLOSED) {
            return (Decision::deny(Deny::PolicyStale), manifest.revision);
        }
        let decision = match &mut loaded.rego {
            None => abac::decide(controls, &loaded.data, input),
            Some(rego) => rego.decide(controls, input),
        };
        (decision, manifest.revision)
    }

    /// Enforcement points ask the same few questions again and again, so digests are worth keeping.
    fn digest(&mut self, input: &Input) -> [u8; 32] {
        if let Some(known) = self.digests.get(input) {
            return *known;
        }
        let digest = input.sha256();
        if self.digests.len() == DIGESTS_MAX {
            self.digests.clear();
        }
        self.digests.insert(input.clone(), digest);
        digest
    }
}

fn same_content(a: &Manifest, b: &Manifest) -> bool {
    a.revision == b.revision && a.policy_sha256 == b.policy_sha256 && a.data_sha256 == b.data_sha256
}

#[cfg(test)]
mod tests;
