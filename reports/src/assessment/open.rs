//! Whether an assessment is to be believed: every rule that it must keep.
//!
//! Nothing is parsed before its signature was checked, and nothing that is missing counts as judged.

use super::statement::{Assessment, DAY_S, Own, PINS, REPORT, VALID_DAYS};
use crate::evidence::log::Listed;
use crate::evidence::open::in_log;
use crate::evidence::statement::PAYLOAD_TYPE;
use crate::evidence::trust::{Distrust, Role, Trusted};
use crate::evidence::unfit::{Unfit, unfit};
use crate::evidence::{Trust, Verdict, envelope};
use crate::when;
use sim::chain::Digest;
use std::collections::BTreeSet;

/// What an assessment is called where it is refused.
const RULE: &str = "assessment";

/// What a verifier demands.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whose signatures are believed.
    pub trust: &'a Trust,
    /// Now, in seconds since 1970.
    pub now: u64,
    /// What it must be about.
    pub resource: Option<&'a str>,
}

/// An assessment that keeps every rule. It may still say that something is broken.
#[derive(Clone, PartialEq, Debug)]
pub struct Assessed {
    /// What it says.
    pub assessment: Assessment,
    /// Who judged.
    pub signer: Trusted,
    /// Digest of the envelope: what a certificate lists it by.
    pub attestation: Digest,
    /// Where it stands in a log.
    pub listed: Option<Listed>,
    /// When it was judged, in seconds since 1970.
    pub judged_at: u64,
    /// Last second in which it counts, in seconds since 1970.
    pub expires_at: u64,
}

/// Reads an assessment and the proof that it is in a log.
///
/// # Errors
/// The first rule that it breaks.
pub fn open(bytes: &[u8], proof: Option<&[u8]>, wanted: &Wanted<'_>) -> Result<Assessed, Unfit> {
    let sealed = envelope::read(bytes, RULE, "it")?;
    let distrusted = |distrust: Distrust| unfit("signer", distrust.to_string());
    let signer = wanted.trust.find(sealed.claims()).map_err(distrusted)?;
    let payload = sealed.payload(PAYLOAD_TYPE, &signer.key)?;
    // A key in another role signs other statements: that is the nearer reason than how they differ from this one.
    if signer.role != Role::Assessor {
        return Err(distrusted(Distrust::WrongRole(signer.role)));
    }
    let assessment: Assessment =
        serde_json::from_slice(&payload).map_err(|e| unfit(RULE, format!("the statement: {e}")))?;
    if assessment.bytes() != payload {
        return Err(unfit(RULE, "the statement is not written as statements are"));
    }
    if !assessment.is_known() {
        return Err(unfit(RULE, "a statement of another kind or version"));
    }
    let own = &assessment.predicate.own;
    let (judged_at, expires_at) = in_time(own, signer, wanted.now)?;
    in_scope(own, signer, wanted)?;
    complete(&assessment)?;
    consistent(&assessment)?;
    let listed = in_log(proof, bytes, wanted.trust, wanted.now)?;
    let attestation = Digest::of(bytes);
    Ok(Assessed { assessment, signer: signer.clone(), attestation, listed, judged_at, expires_at })
}

fn in_time(own: &Own, signer: &Trusted, now: u64) -> Result<(u64, u64), Unfit> {
    let time = |text: &str| when::parse(text).map_err(|e| unfit("time", format!("{text:?}: {e}")));
    let (judged_at, expires_at) = (time(&own.judged_at)?, time(&own.expires_at)?);
    let believed = signer.believed(Role::Assessor, judged_at, now);
    believed.map_err(|distrust| unfit("signer", distrust.to_string()))?;
    if judged_at > now {
        return Err(unfit("time", format!("judged at {}, which is in the future", own.judged_at)));
    }
    if expires_at > judged_at + u64::from(VALID_DAYS) * DAY_S {
        return Err(unfit("time", format!("it counts until {}, and {VALID_DAYS} days are the most", own.expires_at)));
    }
    if now > expires_at {
        return Err(unfit("time", format!("expired at {}", own.expires_at)));
    }
    Ok((judged_at, expires_at))
}

/// Judge and resource have to go together, or what was found on a test environment would speak for production.
fn in_scope(own: &Own, signer: &Trusted, wanted: &Wanted<'_>) -> Result<(), Unfit> {
    let resource = &own.resource;
    if !signer.resources.contains(resource) {
        return Err(unfit("resource", format!("{} may not assess {resource:?}", signer.name)));
    }
    match wanted.resource.filter(|wanted| wanted != resource) {
        Some(other) => Err(unfit("resource", format!("it is about {resource:?}, not {other:?}"))),
        None => Ok(()),
    }
}

fn complete(assessment: &Assessment) -> Result<(), Unfit> {
    let lacks = |what: String| Err(unfit("incomplete", what));
    if let Some(missing) = PINS.iter().find(|name| assessment.pin(name).is_none_or(String::is_empty)) {
        return lacks(format!("it does not say which {missing} it is about"));
    }
    if assessment.predicate.configuration.len() != PINS.len() {
        return lacks("it pins something twice, or something unknown".into());
    }
    let subject: Vec<&str> = assessment.subject.iter().map(|s| s.name.as_str()).collect();
    if subject != [REPORT] || assessment.subject.iter().any(|s| s.digest.get("sha256").is_none_or(String::is_empty)) {
        return lacks(format!("it is not about {REPORT} alone"));
    }
    Ok(())
}

/// Whether result, exit code, verdicts, rows and counts say the same: a consumer reads one of them and not the others.
fn consistent(assessment: &Assessment) -> Result<(), Unfit> {
    let (said, own) = (&assessment.predicate, &assessment.predicate.own);
    let components = own.components.iter().all(|c| {
        let ids: BTreeSet<&String> = c.rows.iter().map(|row| &row.id).collect();
        c.verdict == c.concluded()
            && ids.len() == c.rows.len()
            && c.rows.iter().all(|row| row.is_consistent(c.problem.is_some()))
            && c.rows.iter().all(|row| row.findings <= c.findings && row.suspicions <= c.suspicions)
    });
    let names: BTreeSet<&String> = own.components.iter().map(|c| &c.component).chain(&own.not_tested).collect();
    let is_once = names.len() == own.components.len() + own.not_tested.len();
    let [passed, warned, failed] = own.tests();
    let tests = (&said.passed_tests, &said.warned_tests, &said.failed_tests) == (&passed, &warned, &failed);
    let result = own.exit == own.concluded() && said.result == Verdict::of_exit(own.exit);
    if components && is_once && tests && result {
        return Ok(());
    }
    Err(unfit(RULE, "its result, verdicts, rows and counts contradict each other"))
}
