//! Taking a bundle apart: every rule that it must keep, in an order in which nothing is read before it is believed.
//!
//! First the outer tar is written again and compared. Then the seal: canonical, signed by a trusted key in the right
//! role and time, for this tenant, and in a log if that is demanded. Then the payload's digest. Only then is anything
//! unpacked, into memory and bounded.

use super::bag::{self, Files};
use super::bundle::{PAYLOAD, Parts, RECORD, SEAL, configuration, tests};
use super::envelope;
use super::log::{self, Listed};
use super::statement::{OWN_VERSION, PAYLOAD_TYPE, STATEMENT, Seal, TEST_RESULT, Verdict};
use super::trust::{Distrust, Role, Trust, Trusted};
use super::unfit::{Unfit, unfit};
use crate::format::json;
use sim::chain::Digest;
use sim::record::GateRecord;
use sim::seed;

/// What a verifier demands.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Whose signatures are believed.
    pub trust: &'a Trust,
    /// Now, in seconds since 1970.
    pub now: u64,
    /// For whom the bundle must be.
    pub tenant: Option<&'a str>,
    /// What the verifier gave before the gate ran.
    pub nonce: Option<&'a str>,
}

/// A bundle that keeps every rule. It may still say that something failed.
#[derive(Clone, PartialEq, Debug)]
pub struct Opened {
    /// What the seal says.
    pub seal: Seal,
    /// Who sealed it.
    pub signer: Trusted,
    /// Digest of the envelope around the seal: what a certificate lists it by.
    pub attestation: Digest,
    /// Where it stands in a log.
    pub listed: Option<Listed>,
    /// The tenant's record.
    pub record: GateRecord,
    /// Every file of the bag.
    pub files: Files,
}

/// Takes a bundle apart.
///
/// # Errors
/// The first rule that it breaks.
pub fn open(bytes: &[u8], rules: &Rules<'_>) -> Result<Opened, Unfit> {
    let Parts { payload, seal: text, proof } = Parts::of(bytes)?;
    let (seal, signer) = believed(&text, rules)?;
    let listed = in_log(proof.as_deref(), &text, rules.trust, rules.now)?;
    let digest = Digest::of(&payload).to_string();
    let subject: Vec<(&str, Option<&String>)> =
        seal.subject.iter().map(|s| (s.name.as_str(), s.digest.get("sha256"))).collect();
    if subject != [(PAYLOAD, Some(&digest))] {
        return Err(unfit("payload digest", format!("{PAYLOAD} has SHA-256 {digest}, and the seal is about another")));
    }
    let unpacked = bag::uncompress(&payload).map_err(|what| unfit("payload", what))?;
    let files = bag::untar(&unpacked).map_err(|what| unfit("payload", what))?;
    if let Some(what) = bag::unlike_bag(&files) {
        return Err(unfit("bag", what));
    }
    let record = agreed(&files, &seal)?;
    Ok(Opened { seal, signer, attestation: Digest::of(&text), listed, record, files })
}

/// Where an envelope stands in a log. A proof that is there has to be right, even where none is demanded.
pub(crate) fn in_log(proof: Option<&[u8]>, envelope: &[u8], trust: &Trust, now: u64) -> Result<Option<Listed>, Unfit> {
    match proof {
        Some(proof) => log::listed(proof, envelope, trust, now).map(Some),
        None if trust.logged => Err(unfit("log", "no proof that it is in a log, and the list of keys demands one")),
        None => Ok(None),
    }
}

/// Whether the run used the nonce that a verifier gave, if one did.
pub(crate) fn with_nonce(given: Option<&str>, used: &str) -> Result<(), Unfit> {
    match given.filter(|given| *given != used) {
        Some(nonce) => Err(unfit("nonce", format!("run without the nonce {nonce:?}: the seeds may be picked, or old"))),
        None => Ok(()),
    }
}

/// Whether the seeds begin where the nonce of the run says, if it had one.
pub(crate) fn seeds_of_nonce(nonce: &str, base: &str) -> Result<(), Unfit> {
    if nonce.is_empty() || base == seed::base(nonce).to_string() {
        return Ok(());
    }
    Err(unfit("nonce", format!("the seeds begin at {base}, and not where the nonce says")))
}

/// The seal, when it is to be believed.
fn believed(text: &[u8], rules: &Rules<'_>) -> Result<(Seal, Trusted), Unfit> {
    let sealed = envelope::read(text, "seal", SEAL)?;
    // Who signed decides whether anything in it is looked at; the times in it are checked once it is believed to be
    // what was signed.
    let distrusted = |distrust: Distrust| unfit("signer", distrust.to_string());
    let signer = rules.trust.find(sealed.claims()).map_err(distrusted)?;
    let payload = sealed.payload(PAYLOAD_TYPE, &signer.key)?;
    let seal: Seal = serde_json::from_slice(&payload).map_err(|e| unfit("seal", format!("the statement: {e}")))?;
    if seal.bytes() != payload {
        return Err(unfit("seal", "the statement is not written as statements are"));
    }
    let own = &seal.predicate.cellproof;
    if (seal.type_.as_str(), seal.predicate_type.as_str(), own.version) != (STATEMENT, TEST_RESULT, OWN_VERSION) {
        return Err(unfit("seal", "a statement of another kind or version"));
    }
    signer.believed(Role::Run, own.sealed_at, rules.now).map_err(distrusted)?;
    if own.sealed_at > rules.now {
        return Err(unfit("time", format!("sealed at {}, which is in the future", own.sealed_at)));
    }
    if rules.now > own.expires_at {
        return Err(unfit("time", format!("expired at {}", own.expires_at)));
    }
    if let Some(tenant) = rules.tenant.filter(|tenant| *tenant != own.tenant) {
        return Err(unfit("tenant", format!("made for another tenant than {tenant}")));
    }
    with_nonce(rules.nonce, &own.nonce)?;
    Ok((seal, signer.clone()))
}

/// The record, when it says what the seal says.
fn agreed(files: &Files, seal: &Seal) -> Result<GateRecord, Unfit> {
    let text = files.get(RECORD).ok_or_else(|| unfit("record", format!("{RECORD} is missing")))?;
    let text = std::str::from_utf8(text).map_err(|e| unfit("record", format!("{RECORD}: {e}")))?;
    let record = json::load(text).map_err(|e| unfit("record", format!("{RECORD}: {e}")))?;
    let (said, own) = (&seal.predicate, &seal.predicate.cellproof);
    let lists = (said.passed_tests.clone(), said.warned_tests.clone(), said.failed_tests.clone());
    let same = [
        ("result", said.result == Verdict::of_exit(record.exit) && own.exit == record.exit),
        ("configuration", said.configuration == configuration(&record)),
        ("tests", lists == tests(&record)),
        ("tool", own.tool == record.tool),
        ("nonce", own.nonce == record.nonce),
        ("tenant", record.serving.iter().all(|(_, s)| s.tenant == own.tenant)),
    ];
    if let Some((what, _)) = same.iter().find(|(_, same)| !same) {
        return Err(unfit("record", format!("{RECORD} and the seal differ in {what}")));
    }
    seeds_of_nonce(&record.nonce, &record.seed_base)?;
    Ok(record)
}
