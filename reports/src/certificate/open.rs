//! Whether a certificate is to be believed: every rule that it must keep.
//!
//! Nothing is parsed before its signature was checked, and nothing that is missing counts as passed.

use super::issue::{ASSESSMENT, BUNDLE, Case};
use super::statement::{Certificate, PINS, Row, RowStanding, Summary};
use crate::assessment::Asked;
use crate::evidence::log::{Listed, one_view};
use crate::evidence::open::{in_log, seeds_of_nonce, with_nonce};
use crate::evidence::statement::PAYLOAD_TYPE;
use crate::evidence::trust::{Distrust, Role, Trusted};
use crate::evidence::unfit::{Unfit, unfit};
use crate::evidence::{Trust, envelope};
use crate::when;
use sim::record::{CertificateLevel, Profile};

/// What a certificate is called where it is refused.
const RULE: &str = "certificate";

/// What a verifier demands.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Whose signatures are believed.
    pub trust: &'a Trust,
    /// Now, in seconds since 1970.
    pub now: u64,
    /// What it must be about.
    pub resource: Option<&'a str>,
    /// The profile that it must be under.
    pub profile: Option<&'a str>,
    /// What a verifier gave before the gate ran.
    pub nonce: Option<&'a str>,
}

/// A certificate that keeps every rule. It may still say that the profile is not met.
#[derive(Clone, PartialEq, Debug)]
pub struct Believed {
    /// What it says.
    pub certificate: Certificate,
    /// Who issued it.
    pub signer: Trusted,
    /// Where it stands in a log.
    pub listed: Option<Listed>,
}

/// Reads a certificate and the proof that it is in a log.
///
/// # Errors
/// The first rule that it breaks.
pub fn open(bytes: &[u8], proof: Option<&[u8]>, wanted: &Wanted<'_>) -> Result<Believed, Unfit> {
    let sealed = envelope::read(bytes, RULE, "it")?;
    let distrusted = |distrust: Distrust| unfit("signer", distrust.to_string());
    let signer = wanted.trust.find(sealed.claims()).map_err(distrusted)?;
    let payload = sealed.payload(PAYLOAD_TYPE, &signer.key)?;
    let certificate: Certificate =
        serde_json::from_slice(&payload).map_err(|e| unfit(RULE, format!("the statement: {e}")))?;
    if certificate.bytes() != payload {
        return Err(unfit(RULE, "the statement is not written as statements are"));
    }
    if !certificate.is_known() {
        return Err(unfit(RULE, "a statement of another kind, version or verifier"));
    }
    let summary = &certificate.predicate;
    in_time(summary, signer, wanted.now)?;
    in_scope(summary, signer, wanted)?;
    complete(&certificate)?;
    consistent(summary)?;
    let listed = in_log(proof, bytes, wanted.trust, wanted.now)?;
    Ok(Believed { certificate, signer: signer.clone(), listed })
}

fn in_time(summary: &Summary, signer: &Trusted, now: u64) -> Result<(), Unfit> {
    let time = |text: &str| when::parse(text).map_err(|e| unfit("time", format!("{text:?}: {e}")));
    let (issued_at, expires_at) = (time(&summary.time_verified)?, time(&summary.own.expires_at)?);
    let believed = signer.believed(Role::Certifier, issued_at, now);
    believed.map_err(|distrust| unfit("signer", distrust.to_string()))?;
    if issued_at > now {
        return Err(unfit("time", format!("issued at {}, which is in the future", summary.time_verified)));
    }
    if now > expires_at {
        return Err(unfit("time", format!("expired at {}", summary.own.expires_at)));
    }
    Ok(())
}

/// Signer, verifier and resource have to go together, or a certificate on a test environment would open production.
fn in_scope(summary: &Summary, signer: &Trusted, wanted: &Wanted<'_>) -> Result<(), Unfit> {
    let resource = &summary.resource_uri;
    if !signer.resources.contains(resource) {
        return Err(unfit("resource", format!("{} may not certify {resource:?}", signer.name)));
    }
    if let Some(other) = wanted.resource.filter(|wanted| wanted != resource) {
        return Err(unfit("resource", format!("it is about {resource:?}, not {other:?}")));
    }
    let own = &summary.own;
    if let Some(other) = wanted.profile.filter(|wanted| *wanted != own.profile) {
        return Err(unfit("profile", format!("it is under {}, not {other}", own.profile)));
    }
    with_nonce(wanted.nonce, &own.seeds.nonce)?;
    seeds_of_nonce(&own.seeds.nonce, &own.seeds.base)
}

/// Nothing that is missing can count as passed.
fn complete(certificate: &Certificate) -> Result<(), Unfit> {
    let (summary, own) = (&certificate.predicate, &certificate.predicate.own);
    let lacks = |what: String| Err(unfit("incomplete", what));
    if let Some(missing) = PINS.iter().find(|name| own.pins.get(**name).is_none_or(String::is_empty)) {
        return lacks(format!("it does not say which {missing} it is about"));
    }
    if summary.input_attestations.is_empty() {
        return lacks("it names no evidence".into());
    }
    if summary.input_attestations.iter().any(|input| !input.digest.contains_key("sha256")) {
        return lacks("it names evidence without a digest".into());
    }
    let named = |name: &str| summary.input_attestations.iter().filter(|input| input.name == name).count();
    if named(BUNDLE) == 0 {
        return lacks("it names no bundle".into());
    }
    if named(BUNDLE) + named(ASSESSMENT) != summary.input_attestations.len() {
        return lacks("it names evidence of a kind that nobody knows".into());
    }
    if named(ASSESSMENT) != own.assessments.len() {
        return lacks("it does not tell of every assessment that it names".into());
    }
    if own.rows.is_empty() {
        return lacks("its profile selects nothing".into());
    }
    let levels: Vec<CertificateLevel> = own.levels.iter().map(|level| level.level).collect();
    if levels != CertificateLevel::ALL {
        return lacks("it does not speak of every level".into());
    }
    let digests = [
        ("configuration", certificate.subject.first().and_then(|subject| subject.digest.get("sha256"))),
        ("profile", summary.policy.digest.get("sha256")),
    ];
    for (name, digest) in digests {
        if digest != own.pins.get(name) || certificate.subject.len() != 1 {
            return lacks(format!("it pins another {name} than it is about"));
        }
    }
    Ok(())
}

/// Whether result, levels and reasons say the same: a consumer reads one of them and not the others.
fn consistent(summary: &Summary) -> Result<(), Unfit> {
    let own = &summary.own;
    let said = own.outcome();
    let shows = |worst: RowStanding| own.rows.iter().any(|row| row.standing <= worst);
    let failed = own.rows.iter().any(|row| row.standing == RowStanding::Failed);
    let is_judged = own.rows.iter().all(|row| row.asked.is_empty() || row.is_clean());
    let rows = own.rows.iter().all(Row::is_consistent)
        && match own.reached {
            CertificateLevel::Declared => true,
            CertificateLevel::Simulated => !failed && shows(RowStanding::Simulated),
            CertificateLevel::Sensitive => !failed && shows(RowStanding::Sensitive),
            CertificateLevel::Conformant | CertificateLevel::Drilled => {
                !failed && shows(RowStanding::Sensitive) && is_judged && own.rows.iter().any(Row::is_clean)
            }
        };
    // Without a judgement of a real deployment nothing can have been asked of it.
    let unheard = |row: &Row| row.asked.values().all(|asked| *asked == Asked::NotJudged);
    let rows = rows && (!own.assessments.is_empty() || own.rows.iter().all(unheard));
    let reasons = own.levels.iter().all(|l| l.reached == l.why.is_empty() && l.reached == (l.level <= own.reached));
    if (summary.verification_result, &summary.verified_levels) != (said.0, &said.1) || !reasons || !rows {
        return Err(unfit(RULE, "its result, levels, reasons and rows contradict each other"));
    }
    Ok(())
}

impl Believed {
    /// Whether bundles and assessments are among its evidence, and the log shows both the same history.
    ///
    /// # Errors
    /// It is not.
    pub fn rests_on(&self, case: &Case<'_>) -> Result<(), Unfit> {
        let inputs = &self.certificate.predicate.input_attestations;
        if case.inputs().iter().any(|input| !inputs.contains(input)) {
            return Err(unfit("evidence", "it is not among what the certificate was issued on"));
        }
        match (&self.listed, case.listed()) {
            (Some(one), Some(other)) => one_view(one, other),
            _ => Ok(()),
        }
    }

    /// How many bundles and how many assessments it rests on.
    pub fn inputs(&self) -> (usize, usize) {
        let all = &self.certificate.predicate.input_attestations;
        let bundles = all.iter().filter(|input| input.name == BUNDLE).count();
        (bundles, all.len() - bundles)
    }

    /// Concludes once more from all of its evidence, and compares. Says how much of it is missing for that.
    ///
    /// # Errors
    /// The evidence supports something else, or the catalogue is another one here.
    pub fn concluded_again(&self, case: Case<'_>) -> Result<usize, Unfit> {
        let summary = &self.certificate.predicate;
        let missing = summary.input_attestations.len() - case.inputs().len();
        if missing > 0 {
            return Ok(missing);
        }
        let own = &summary.own;
        if own.pins.get("catalogue").map(String::as_str) != Some(case.catalogue()) {
            return Err(unfit("drift", "the catalogue is another one here"));
        }
        let again = case.close()?.own(own.assurance, own.expires_at.clone());
        let differs = [
            ("profile", again.profile != own.profile || again.demanded != own.demanded),
            ("pins", again.pins != own.pins),
            ("seeds", again.seeds != own.seeds),
            ("rows", again.rows != own.rows),
            ("assessments", again.assessments != own.assessments),
            ("levels", again != *own),
        ];
        match differs.iter().find(|(_, differs)| *differs) {
            Some((what, _)) => Err(unfit("evidence", format!("its evidence supports other {what} than it claims"))),
            None => Ok(0),
        }
    }

    /// The profile of this build that it was issued under.
    ///
    /// # Errors
    /// This build has none of that name, or another one.
    pub fn profile<'p>(&self, known: Option<&'p Profile>) -> Result<&'p Profile, Unfit> {
        let own = &self.certificate.predicate.own;
        let same = known.filter(|profile| own.pins.get("profile") == Some(&profile.digest()));
        same.ok_or_else(|| unfit("drift", format!("the profile {} is another one here", own.profile)))
    }
}
