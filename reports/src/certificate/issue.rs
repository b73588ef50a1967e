//! From opened bundles to a certificate.
//!
//! Bundles are admitted one by one and let go again, so that a certificate over many tenants needs the memory of one.
//! All must be of one gate; each is listed by the digest of its envelope, which does not change when it is logged.
//! Assessments of the same resource are admitted beside them, as long as they count under the profile.

use super::conclude::{Conclusion, Judge, Probed};
use super::statement::{
    Assurance, Certificate, Component, Judgement, OWN_VERSION, Own, PINS, Policy, SUMMARY, Seeds, Summary, VERIFIER,
    Verifier,
};
use crate::assessment::Assessed;
use crate::assessment::statement::{DAY_S, Own as Found};
use crate::evidence::log::{Listed, one_view};
use crate::evidence::statement::{PAYLOAD_TYPE, Resource, STATEMENT};
use crate::evidence::unfit::{Unfit, unfit};
use crate::evidence::{Opened, SigningKey, envelope};
use crate::when;
use sim::chain::Digest;
use sim::record::{GateRecord, Profile};
use std::collections::BTreeMap;

/// Name of a bundle among the evidence.
pub const BUNDLE: &str = "seal.json";

/// Name of an assessment among the evidence.
pub const ASSESSMENT: &str = "assessment.json";

/// The evidence of one gate, and on one resource, as far as it was read.
pub struct Case<'p> {
    profile: &'p Profile,
    probed: &'p Probed,
    resource: &'p str,
    judge: Judge<'p>,
    gate: Option<Gate>,
    inputs: Vec<Resource>,
    judgements: Vec<Judgement>,
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
    /// Nothing was read yet. `resource` is what may be trusted because of the certificate.
    pub fn new(profile: &'p Profile, probed: &'p Probed, resource: &'p str) -> Case<'p> {
        let judge = Judge::new(profile, probed);
        let (inputs, judgements, expires_at) = (Vec::new(), Vec::new(), u64::MAX);
        Case { profile, probed, resource, judge, gate: None, inputs, judgements, expires_at, listed: None }
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
        self.list(BUNDLE, &bundle.attestation, bundle.listed.as_ref())?;
        self.expires_at = self.expires_at.min(bundle.seal.predicate.cellproof.expires_at);
        self.judge.read(&bundle.record);
        Ok(())
    }

    /// Reads an assessment that was opened by every rule. It counts as many days as a certificate under the profile.
    ///
    /// # Errors
    /// It is about another resource, by another edition of the catalogue, or too old by now; it was read before; or its
    /// log shows another history.
    pub fn assess(&mut self, assessed: &Assessed, now: u64) -> Result<(), Unfit> {
        let own = &assessed.assessment.predicate.own;
        if own.resource != self.resource {
            return Err(unfit("resource", format!("it is about {:?}, not {:?}", own.resource, self.resource)));
        }
        if assessed.assessment.pin("catalogue") != Some(&self.probed.catalogue) {
            return Err(unfit("evidence", "it was judged by another edition of the catalogue"));
        }
        let (profile, days) = (&self.profile.name, self.profile.valid_days);
        let until = assessed.expires_at.min(assessed.judged_at + u64::from(days) * DAY_S);
        if now > until {
            let counts = format!("under {profile} an assessment counts {days} days");
            return Err(unfit("time", format!("judged at {}, and {counts}", own.judged_at)));
        }
        self.list(ASSESSMENT, &assessed.attestation, assessed.listed.as_ref())?;
        self.expires_at = self.expires_at.min(until);
        self.judge.hear(own);
        self.judgements.push(Judgement::of(own));
        Ok(())
    }

    fn list(&mut self, name: &str, attestation: &Digest, listed: Option<&Listed>) -> Result<(), Unfit> {
        let input = Resource::sha256(name, attestation.to_string());
        if self.inputs.contains(&input) {
            let what = if name == BUNDLE { "bundle" } else { "assessment" };
            return Err(unfit("evidence", format!("the same {what} a second time")));
        }
        if let (Some(one), Some(other)) = (&self.listed, listed) {
            one_view(one, other)?;
        }
        self.listed = listed.cloned().or(self.listed.take());
        self.inputs.push(input);
        Ok(())
    }

    /// Edition of the catalogue by which rows are asked of real components.
    pub fn catalogue(&self) -> &str {
        &self.probed.catalogue
    }

    /// Where the log stood by the newest proof.
    pub fn listed(&self) -> Option<&Listed> {
        self.listed.as_ref()
    }

    /// The evidence that was read, in the order in which a certificate lists it.
    pub fn inputs(&self) -> Vec<Resource> {
        let mut inputs = self.inputs.clone();
        // The order in which they were given says something about tenants.
        inputs.sort_by(|a, b| (&b.name, &a.digest).cmp(&(&a.name, &b.digest)));
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
        let is_assessed = !self.judgements.is_empty();
        if is_assessed && pins.get("catalogue") != Some(&self.probed.catalogue) {
            return Err(unfit("evidence", "the gate and the assessments know two editions of the catalogue"));
        }
        let conclusion = self.judge.finish();
        let (profile, resource, seeds, expires_at) = (self.profile, self.resource, gate.seeds, self.expires_at);
        let mut judgements = self.judgements;
        judgements.sort();
        Ok(Closed { profile, resource, conclusion, pins, seeds, inputs, judgements, expires_at })
    }
}

/// A case in which everything was read.
pub struct Closed<'p> {
    /// Under which profile.
    pub profile: &'p Profile,
    /// What may be trusted because of it.
    pub resource: &'p str,
    /// What the evidence supports.
    pub conclusion: Conclusion,
    /// What decided it.
    pub pins: BTreeMap<String, String>,
    /// The seeds.
    pub seeds: Seeds,
    /// The evidence.
    pub inputs: Vec<Resource>,
    /// The judgements of the real deployment among it.
    pub judgements: Vec<Judgement>,
    /// Last second in which all of the evidence counts, in seconds since 1970.
    pub expires_at: u64,
}

impl Closed<'_> {
    /// What the certificate says itself.
    pub fn own(self, assurance: Assurance, expires_at: String) -> Own {
        let Closed { profile, conclusion, pins, seeds, judgements, .. } = self;
        Own {
            version: OWN_VERSION,
            profile: profile.name.clone(),
            assurance,
            expires_at,
            demanded: profile.level,
            reached: conclusion.reached,
            levels: conclusion.levels,
            rows: conclusion.rows,
            assessments: judgements,
            bound: conclusion.bound,
            seeds,
            pins,
        }
    }
}

impl Judgement {
    /// What a certificate repeats of an assessment.
    fn of(own: &Found) -> Judgement {
        let components = own.components.iter().map(|c| {
            let (component, server, not_judged) = (c.component.clone(), c.server.clone(), c.not_judged.clone());
            Component { component, server, verdict: c.verdict, not_judged }
        });
        Judgement {
            deployment: own.deployment.clone(),
            mode: own.mode,
            judged_at: own.judged_at.clone(),
            components: components.collect(),
            not_tested: own.not_tested.clone(),
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
    let expires_at = case.expires_at.min(terms.issued_at + u64::from(terms.valid_days) * DAY_S);
    let (profile, resource, inputs) = (case.profile, case.resource, case.inputs.clone());
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
            resource_uri: resource.into(),
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
