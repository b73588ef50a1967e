//! Everything that somebody could do to a certificate, each by itself.

use super::*;
use crate::evidence::log::Opening;
use sim::chain::{Checkpoint, LogProof, NoteKey, Tree};

/// Why a certificate is refused that an insider with the certifier's key could have made.
fn refused(change: impl FnOnce(&mut Certificate)) -> String {
    let mut certificate = sound().clone();
    change(&mut certificate);
    believed(&certificate).expect_err("it breaks a rule")
}

/// Why the sound certificate is refused by a verifier who believes and wants otherwise.
fn unwanted(trust: &Trust, change: impl FnOnce(&mut Wanted<'_>)) -> String {
    let mut wanted = wanted(trust);
    change(&mut wanted);
    open(&issue(sound(), &keys().certifier), None, &wanted).expect_err("it is not wanted").to_string()
}

fn believing(change: impl FnOnce(&mut Trusted)) -> Trust {
    let mut trust = trust();
    change(&mut trust.keys[1]);
    trust
}

#[test]
fn no_byte_can_be_edited() {
    let envelope = issue(sound(), &keys().certifier);
    let trust = trust();
    let mut edited = envelope.clone();
    for at in 0..envelope.len() {
        edited[at] ^= 1 << (at % 7);
        assert!(open(&edited, None, &wanted(&trust)).is_err(), "byte {at} of {}", envelope.len());
        edited[at] = envelope[at];
    }
    assert!(open(&envelope, None, &wanted(&trust)).is_ok());
}

#[test]
fn a_run_key_issues_no_certificate() {
    let envelope = issue(sound(), &keys().run);
    let said = open(&envelope, None, &wanted(&trust())).expect_err("wrong role").to_string();
    assert_eq!(said, "signer: signed by a key that is trusted as run only");
}

#[test]
fn a_certifiers_key_seals_no_bundle() {
    let record = proved();
    let others = ["beta".to_owned()];
    let draft = Draft { record: &record, tenant: "acme", others: &others, sealed_at: ISSUED, expires_at: EXPIRES };
    let bytes = make(&draft, &keys().certifier, |_| None).expect("a bundle");
    let rules = Rules { trust: &trust(), now: NOW, tenant: None, nonce: None };
    let said = crate::evidence::open(&bytes, &rules).expect_err("wrong role").to_string();
    assert_eq!(said, "signer: signed by a key that is trusted as certifier only");
}

#[test]
fn an_unknown_key_issues_no_certificate() {
    let (thief, _) = SigningKey::generate(Algorithm::Ed25519);
    let said = open(&issue(sound(), &thief), None, &wanted(&trust())).expect_err("unknown").to_string();
    assert!(said.contains("is not in the trust file"), "{said}");
}

#[test]
fn a_certificate_expires_and_is_not_of_the_future() {
    assert_eq!(unwanted(&trust(), |w| w.now = EXPIRES + 1), format!("time: expired at {}", when::text(EXPIRES)));
    assert!(unwanted(&trust(), |w| w.now = ISSUED - 1).ends_with("which is in the future"));
    assert!(refused(|c| c.predicate.own.expires_at = "never".into()).starts_with("time: \"never\": expected a time"));
}

#[test]
fn a_revoked_or_lapsed_key_certifies_nothing() {
    let revoked = believing(|t| t.revoked = Some(NOW));
    assert_eq!(unwanted(&revoked, |_| {}), "signer: signed by the key of auditor, which is revoked");
    let lapsed = believing(|t| t.not_after = ISSUED - 1);
    assert_eq!(unwanted(&lapsed, |_| {}), "signer: signed by the key of auditor outside of its validity");
}

#[test]
fn a_certificate_on_one_environment_opens_no_other() {
    let test_only = believing(|t| t.resources = vec!["urn:example:test".into()]);
    assert_eq!(unwanted(&test_only, |_| {}), "resource: auditor may not certify \"urn:example:production\"");
    let said = unwanted(&trust(), |w| w.resource = Some("urn:example:test"));
    assert_eq!(said, "resource: it is about \"urn:example:production\", not \"urn:example:test\"");
    assert_eq!(unwanted(&trust(), |w| w.profile = Some("gdpr")), "profile: it is under default, not gdpr");
}

#[test]
fn seeds_that_somebody_picked_are_refused() {
    assert!(unwanted(&trust(), |w| w.nonce = Some("n-2")).starts_with("nonce: run without the nonce \"n-2\""));
    let said = refused(|c| c.predicate.own.seeds.base = "7".into());
    assert_eq!(said, "nonce: the seeds begin at 7, and not where the nonce says");
}

#[test]
fn what_leaves_out_a_pin_or_its_evidence_is_incomplete() {
    for pin in PINS {
        let said = refused(|c| drop(c.predicate.own.pins.remove(pin)));
        assert_eq!(said, format!("incomplete: it does not say which {pin} it is about"));
        let said = refused(|c| drop(c.predicate.own.pins.insert(pin.into(), String::new())));
        assert_eq!(said, format!("incomplete: it does not say which {pin} it is about"));
    }
    assert_eq!(refused(|c| c.predicate.input_attestations.clear()), "incomplete: it names no evidence");
    let said = refused(|c| c.predicate.input_attestations[0].digest.clear());
    assert_eq!(said, "incomplete: it names evidence without a digest");
    assert_eq!(refused(|c| c.predicate.own.rows.clear()), "incomplete: its profile selects nothing");
    assert_eq!(refused(|c| drop(c.predicate.own.levels.pop())), "incomplete: it does not speak of every level");
    assert_eq!(refused(|c| c.subject.clear()), "incomplete: it pins another configuration than it is about");
    let said = refused(|c| c.predicate.policy.digest.clear());
    assert_eq!(said, "incomplete: it pins another profile than it is about");
}

#[test]
fn a_certificate_of_another_configuration_says_so() {
    let said = refused(|c| drop(c.subject[0].digest.insert("sha256".into(), "ab".repeat(32))));
    assert_eq!(said, "incomplete: it pins another configuration than it is about");
    let mut other = proved();
    other.config = "ab".repeat(32);
    let other = of(&[&bundle(&other, "acme")], usual());
    assert_eq!(drift(&other.predicate.own.pins, &sound().predicate.own.pins), ["configuration"]);
    // It rests on other evidence, too.
    let mut case = begun(usual());
    case.admit(&bundle(&proved(), "acme")).expect("a bundle");
    assert!(believed(&other).expect("authentic").rests_on(&case).is_err());
}

#[test]
fn a_certificate_that_contradicts_itself_is_refused() {
    const SAYS: &str = "certificate: its result, levels, reasons and rows contradict each other";
    assert_eq!(refused(|c| c.predicate.verification_result = Outcome::Failed), SAYS);
    assert_eq!(refused(|c| c.predicate.verified_levels = vec!["CELLPROOF_L4_DRILLED".into()]), SAYS);
    assert_eq!(refused(|c| c.predicate.own.reached = CertificateLevel::Drilled), SAYS);
    assert_eq!(refused(|c| c.predicate.own.levels[3].why.clear()), SAYS);
    assert_eq!(refused(|c| c.predicate.own.levels[1].why.push("it broke".into())), SAYS);
    assert_eq!(refused(|c| c.predicate.own.rows[0].standing = RowStanding::Failed), SAYS);
    assert_eq!(refused(|c| c.predicate.own.rows.iter_mut().for_each(|r| r.standing = RowStanding::NotCovered)), SAYS);
    assert!(refused(|c| c.predicate.verifier.id = "urn:cellproof:verifier:1".into()).contains("of another kind"));
    assert!(refused(|c| c.predicate.own.version = 1).contains("of another kind"));
    assert!(refused(|c| c.predicate_type = "https://slsa.dev/provenance/v1".into()).contains("of another kind"));
}

#[test]
fn a_certificate_that_claims_more_than_its_evidence_is_found_out() {
    let mut certificate = sound().clone();
    certificate.predicate.own.rows[3].standing = RowStanding::Sensitive;
    let believed = believed(&certificate).expect("it keeps every rule of form");
    let mut case = begun(usual());
    case.admit(&bundle(&proved(), "acme")).expect("a bundle");
    let said = believed.concluded_again(case).expect_err("it claims a row").to_string();
    assert_eq!(said, "evidence: its evidence supports other rows than it claims");
    let other = profile(&["CAC-01"], OpenRows::Named);
    let said = believed.profile(Some(&other)).expect_err("another profile").to_string();
    assert_eq!(said, "drift: the profile default is another one here");
}

/// A proof that the second of these two is in a log, by the key of a log.
fn proof(one: &[u8], other: &[u8], key: &SigningKey) -> String {
    let opening = |n: u8| Opening { at: ISSUED, salt: [n; 32] };
    let mut tree = Tree::new();
    tree.append(opening(1).entry(one).bytes());
    tree.append(opening(2).entry(other).bytes());
    let name = NoteKey::ed25519("example.com/x", key.public().ed25519().expect("an Ed25519 key")).expect("a name");
    let checkpoint = Checkpoint { origin: "example.com/x".into(), root: tree.root() };
    let note = checkpoint.sign(name, |text| key.sign(text)).expect("a checkpoint");
    LogProof::new(&opening(2).bytes(), tree.prove_inclusion(1).expect("an entry"), note).expect("a proof").to_string()
}

#[test]
fn where_a_log_is_demanded_a_certificate_needs_its_own_proof() {
    let (log, _) = SigningKey::generate(Algorithm::Ed25519);
    let mut trust = trust();
    trust.logged = true;
    trust.keys.push(trusted("example.com/x", &log, Role::Log));
    let envelope = issue(sound(), &keys().certifier);
    let check = |proof: Option<&str>| open(&envelope, proof.map(str::as_bytes), &wanted(&trust));
    assert!(check(None).is_err_and(|unfit| unfit.to_string().contains("no proof that it is in a log")));
    let own = proof(b"something else", &envelope, &log);
    assert_eq!(check(Some(&own)).ok().and_then(|believed| believed.listed).map(|listed| listed.index), Some(1));
    let replayed = proof(&envelope, b"something else", &log);
    assert!(check(Some(&replayed)).is_err_and(|unfit| unfit.to_string().contains("does not hold this")));
    // The logs of a certificate and of its evidence are held against each other.
    let believed = check(Some(&own)).expect("sound");
    let mut split = bundle(&proved(), "acme");
    let other = proof(b"another history", &envelope, &log);
    split.listed = check(Some(&other)).expect("sound by itself").listed;
    let mut case = begun(usual());
    case.admit(&split).expect("a bundle");
    let said = believed.rests_on(&case).expect_err("two histories").to_string();
    assert_eq!(said, "log: split view: example.com/x signed two histories of 2 entries");
}
