//! From opened bundles to a certificate.
//!
//! Bundles are admitted one by one and let go again, so that a certificate over many tenants needs the memory of one.
//! All must be of one gate; each is listed by the digest of its envelope, which does not change when it is logged.

use super::conclude::{Conclusion, Judge};
use super::statement::{
    Assurance, Certificate, OWN_VERSION, Own, PINS, Policy, SUMMARY, Seeds, Summary, VERIFIER, Verifier,
};
use crate::evidence::log::{Listed, one_view};
use crate::evidence::statement::{PAYLOAD_TYPE, Resource, STATEMENT};
use crate::evidence::unfit::{Unfit, unfit};
use crate::evidence::{Opened, SigningKey, envelope};
use crate::when;
use sim::record::{GateRecord, Profile};
use std::collections::BTreeMap;

/// Name of a bundle among the evidence.
const INPUT: &str = "seal.json";

/// The evidence of one gate, as far as it was read.
pub struct Case<'p> {
    profile: &'p Profile,
    judge: Judge<'p>,
    gate: Option<Gate>,
    inputs: Vec<Resource>,
    expires_at: u64,
    listed: Option<Listed>,
}

/// What all bundles of a gate have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Gate {
    tool: String,
    pins: BTreeMap<String, String>,
    seeds: Seeds,
    exit: u8,
}

/// What a certifier adds.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// What may be trusted because of the certificate.
    pub resource: &'a str,
    /// When it is issued, in seconds since 1970.
    pub issued_at: u64,
    /// Days that it counts; it never outlasts its evidence.
    pub valid_days: u16,
    /// Who stands behind it.
    pub assurance: Assurance,
    /// What issues it: `cellproof 0.1.0`.
    pub tool: &'a str,
}

impl<'p> Case<'p> {
    /// Nothing was read yet.
    pub fn new(profile: &'p Profile) -> Case<'p> {
        let (judge, inputs, expires_at) = (Judge::new(profile), Vec::new(), u64::MAX);
        Case { profile, judge, gate: None, inputs, expires_at, listed: None }
    }

    /// Reads a bundle that was opened by every rule.
    ///
    /// # Errors
    /// It is of another gate than those before, was read before, or its log shows another history.
    pub fn admit(&mut self, bundle: &Opened) -> Result<(), Unfit> {
        let gate = Gate::of(&bundle.record);
        match &self.gate {
            None => self.gate = Some(gate),
            Some(first) if *first == gate => {}
            Some(first) => return Err(unfit("evidence", format!("of another gate: {}", first.unlike(&gate)))),
        }
        let input = Resource::sha256(INPUT, bundle.attestation.to_string());
        if self.inputs.contains(&input) {
            return Err(unfit("evidence", "the same bundle a second time"));
        }
        if let (Some(one), Some(other)) = (&self.listed, &bundle.listed) {
            one_view(one, other)?;
        }
        self.listed = bundle.listed.clone().or(self.listed.take());
        self.inputs.push(input);
        self.expires_at = self.expires_at.min(bundle.seal.predicate.cellproof.expires_at);
        self.judge.read(&bundle.record);
        Ok(())
    }

    /// Where the log stood by the newest proof.
    pub fn listed(&self) -> Option<&Listed> {
        self.listed.as_ref()
    }

    /// The evidence that was read, in the order in which a certificate lists it.
    pub fn inputs(&self) -> Vec<Resource> {
        let mut inputs = self.inputs.clone();
        // The order in which they were given says something about tenants.
        inputs.sort_by(|a, b| a.digest.cmp(&b.digest));
        inputs
    }

    /// What the evidence supports, and what it is about.
    ///
    /// # Errors
    /// There is none, or it does not pin all that decides a verdict.
    pub fn close(self) -> Result<Closed<'p>, Unfit> {
        let inputs = self.inputs();
        let gate = self.gate.ok_or_else(|| unfit("evidence", "there is none"))?;
        let mut pins = gate.pins;
        pins.insert("profile".into(), self.profile.digest());
        if let Some(missing) = PINS.iter().find(|name| pins.get(**name).is_none_or(String::is_empty)) {
            return Err(unfit("evidence", format!("its record does not say which {missing} it is about")));
        }
        let conclusion = self.judge.finish();
        Ok(Closed { profile: self.profile, conclusion, pins, seeds: gate.seeds, inputs, expires_at: self.expires_at })
    }
}

/// A case in which everything was read.
pub struct Closed<'p> {
    /// Under which profile.
    pub profile: &'p Profile,
    /// What the evidence supports.
    pub conclusion: Conclusion,
    /// What decided it.
    pub pins: BTreeMap<String, String>,
    /// The seeds.
    pub seeds: Seeds,
    /// The evidence.
    pub inputs: Vec<Resource>,
    /// Last second in which all of the evidence counts, in seconds since 1970.
    pub expires_at: u64,
}

impl Closed<'_> {
    /// What the certificate says itself.
    pub fn own(self, assurance: Assurance, expires_at: String) -> Own {
        let Closed { profile, conclusion, pins, seeds, .. } = self;
        Own {
            version: OWN_VERSION,
            profile: profile.name.clone(),
            assurance,
            expires_at,
            demanded: profile.level,
            reached: conclusion.reached,
            levels: conclusion.levels,
            rows: conclusion.rows,
            bound: conclusion.bound,
            seeds,
            pins,
        }
    }
}

/// Everything that decided a record, by name.
pub fn pins(record: &GateRecord) -> BTreeMap<String, String> {
    let own = [("code", &record.code), ("configuration", &record.config), ("catalogue", &record.catalogue)];
    let own = own.map(|(name, digest)| (name.to_owned(), digest.clone()));
    record.pins.clone().into_iter().chain(own).collect()
}

/// The inputs that are not the same in two sets of pins, by name, of those that both know.
pub fn drift(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let known = then.iter().filter_map(|(name, pin)| Some((name, pin, now.get(name)?)));
    known.filter(|(_, then, now)| then != now).map(|(name, ..)| name.clone()).collect()
}

impl Gate {
    fn of(record: &GateRecord) -> Gate {
        let seeds = Seeds {
            base: record.seed_base.clone(),
            count: record.seeds.to_string(),
            nonce: record.nonce.clone(),
            alpha: "0.05".into(),
        };
        Gate { tool: record.tool.clone(), pins: pins(record), seeds, exit: record.exit }
    }

    fn unlike(&self, other: &Gate) -> String {
        let pins = drift(&self.pins, &other.pins);
        let seeds = (self.seeds != other.seeds).then(|| "seeds".to_owned());
        let rest = (self.tool != other.tool || self.exit != other.exit).then(|| "outcome".to_owned());
        let all: Vec<String> = pins.into_iter().chain(seeds).chain(rest).collect();
        format!("{} differ", all.join(", "))
    }
}

/// The certificate on a case.
pub fn certificate(case: Closed<'_>, terms: &Terms<'_>) -> Certificate {
    const DAY_S: u64 = 86_400;
    let expires_at = case.expires_at.min(terms.issued_at + u64::from(terms.valid_days) * DAY_S);
    let (profile, inputs) = (case.profile, case.inputs.clone());
    let own = case.own(terms.assurance, when::text(expires_at));
    let (verification_result, verified_levels) = own.outcome();
    let tool = terms.tool.split_once(' ').unwrap_or((terms.tool, ""));
    let configuration = own.pins.get("configuration").cloned().unwrap_or_default();
    Certificate {
        type_: STATEMENT.into(),
        subject: vec![Resource::sha256("configuration", configuration)],
        predicate_type: SUMMARY.into(),
        predicate: Summary {
            verifier: Verifier {
                id: VERIFIER.into(),
                version: BTreeMap::from([(tool.0.to_owned(), tool.1.to_owned())]),
            },
            time_verified: when::text(terms.issued_at),
            resource_uri: terms.resource.into(),
            policy: Policy {
                uri: format!("urn:cellproof:profile:{}:{}", profile.name, profile.version),
                digest: BTreeMap::from([("sha256".to_owned(), profile.digest())]),
            },
            input_attestations: inputs,
            verification_result,
            verified_levels,
            own,
        },
    }
}

/// Signs a certificate.
pub fn issue(certificate: &Certificate, key: &SigningKey) -> Vec<u8> {
    envelope::seal(PAYLOAD_TYPE, &certificate.bytes(), key)
}
