//! One attack a check: refused with everything on, believed with exactly that control off.

mod spiffe;

use super::*;
use crate::control::ControlSet;
use crate::crypto::key;
use crate::mesh::ca::{Ca, CaConfig, SvidDenial, Window};
use crate::mesh::forge;
use crate::mesh::session::{End, prove, transcript};
use crate::mesh::version::Hellos;
use crate::wire::svid::{KeyName, Svid, SvidRequest};
use proptest::prelude::*;
use sim::time::Duration;

const A: &str = "cell-a.test";
const B: &str = "cell-b.test";
const KAFKA: &str = "/ns/data/sa/kafka";
const START: Instant = Instant(3_600_000_000_000);
const NOW: Instant = Instant(START.0 + 60_000_000_000);
const ALL: [&Control; 5] = [&SVID_CHAIN, &SVID_VALIDITY, &TRUST_DOMAIN, &SPIFFE_ID, &REVOCATION];

struct Setup {
    a: Ca,
    b: Ca,
    verifier: PeerVerifier,
    expected: PeerExpectation,
}

fn setup() -> Setup {
    let (mut a, mut b) = (Ca::new(START, CaConfig::new(A)), Ca::new(START, CaConfig::new(B)));
    let mut verifier = PeerVerifier::new(ChainMemo::default());
    verifier.set_bundle(a.bundle(START)).unwrap();
    verifier.set_bundle(b.bundle(START)).unwrap();
    Setup { a, b, verifier, expected: PeerExpectation::exactly(A, &[KAFKA]) }
}

fn id(domain: &str, path: &str) -> SpiffeId {
    SpiffeId::new(domain, path).unwrap()
}

fn key_name() -> KeyName {
    KeyName { role: "kafka".into(), index: 0 }
}

fn request(id: &SpiffeId) -> SvidRequest {
    SvidRequest { workload: "pod".into(), spiffe_id: id.clone(), key: key_name(), lifetime: Duration::secs(3600) }
}

fn issue(ca: &mut Ca, path: &str) -> Svid {
    let id = id(&ca.trust_domain().clone(), path);
    ca.register("pod", id.clone());
    ca.issue(START, &request(&id)).unwrap()
}

fn without(control: &Control) -> Controls {
    Controls::with_off(ControlSet::EMPTY.with(control.slot))
}

/// `svid` is refused at `at` for `denial` unless `stopped_by` alone is off.
fn check_attack(s: &mut Setup, at: Instant, svid: &Svid, denial: PeerDenial, stopped_by: &Control) {
    let verdict = s.verifier.verify_peer(at, &Controls::all_on(), &svid.chain, &s.expected);
    assert_eq!(verdict, Err(denial));
    for control in ALL {
        let verdict = s.verifier.verify_peer(at, &without(control), &svid.chain, &s.expected);
        assert_eq!(verdict.is_ok(), control.id == stopped_by.id, "{denial:?} with {} off", control.id);
    }
}

#[test]
fn a_genuine_peer_is_believed_whatever_is_off() {
    let mut s = setup();
    let svid = issue(&mut s.a, KAFKA);
    for control in ALL {
        let peer = s.verifier.verify_peer(NOW, &without(control), &svid.chain, &s.expected).unwrap();
        assert_eq!(peer.id, id(A, KAFKA));
        assert_eq!(peer.leaf_digest, sha256(&svid.chain[0]));
    }
    let controls = Controls::all_on();
    s.verifier.verify_peer(NOW, &controls, &svid.chain, &s.expected).unwrap();
    for control in [&SVID_CHAIN, &SVID_VALIDITY, &TRUST_DOMAIN, &SPIFFE_ID, &REVOCATION] {
        assert!(controls.consulted().contains(control.slot), "{} is asked of every peer", control.id);
    }
}

#[test]
fn a_leaf_without_a_path_to_a_root_is_stopped_by_the_chain_alone() {
    let mut s = setup();
    let window = Window::from(START, Duration::secs(10), Duration::secs(600));
    let own = forge::self_signed(&id(A, KAFKA), &key_name(), window);
    check_attack(&mut s, NOW, &own, PeerDenial::Path(PathFault::UnknownIssuer), &SVID_CHAIN);
    let genuine = issue(&mut s.a, KAFKA);
    let bare = forge::without_intermediate(&genuine);
    check_attack(&mut s, NOW, &bare, PeerDenial::Path(PathFault::UnknownIssuer), &SVID_CHAIN);
    let mut stranger = Ca::new(START, CaConfig::new("evil.test"));
    let theirs = forge::misissued(&mut stranger, &id(A, KAFKA), &key_name(), window);
    check_attack(&mut s, NOW, &theirs, PeerDenial::Path(PathFault::UnknownIssuer), &SVID_CHAIN);
    let mut impostor = Ca::new(START, CaConfig { key_role: "evil".into(), ..CaConfig::new(A) });
    let theirs = forge::misissued(&mut impostor, &id(A, KAFKA), &key_name(), window);
    check_attack(&mut s, NOW, &theirs, PeerDenial::Path(PathFault::Signature), &SVID_CHAIN);
    let spliced = forge::spliced(&theirs, &genuine);
    check_attack(&mut s, NOW, &spliced, PeerDenial::Path(PathFault::Signature), &SVID_CHAIN);
}

#[test]
fn an_altered_leaf_is_stopped_by_the_chain_alone() {
    let mut s = setup();
    let genuine = issue(&mut s.a, "/ns/data/sa/kafkb");
    let mut leaf = genuine.chain[0].to_vec();
    let at = leaf.windows(5).position(|w| w == b"kafkb").unwrap();
    leaf[at + 4] = b'a';
    let chain: Chain = [leaf.into(), genuine.chain[1].clone()].into();
    let altered = Svid { chain, ..genuine };
    check_attack(&mut s, NOW, &altered, PeerDenial::Path(PathFault::Signature), &SVID_CHAIN);
}

#[test]
fn a_certificate_outside_its_window_is_stopped_by_its_validity_alone() {
    let mut s = setup();
    let svid = issue(&mut s.a, KAFKA);
    let at = |seconds: u64| START + Duration::secs(seconds);
    check_attack(&mut s, at(3601), &svid, PeerDenial::Expired, &SVID_VALIDITY);
    check_attack(&mut s, START - Duration::secs(11), &svid, PeerDenial::NotYetValid, &SVID_VALIDITY);
    for alive in [START - Duration::secs(10), at(0), at(3600)] {
        assert!(s.verifier.verify_peer(alive, &Controls::all_on(), &svid.chain, &s.expected).is_ok(), "{alive}");
    }
}

#[test]
fn a_dead_intermediate_ends_the_chain_however_fresh_the_leaf_says_it_is() {
    let mut s = setup();
    let window = Window::from(START, Duration::secs(10), Duration::secs(10 * 86_400));
    let svid = forge::misissued(&mut s.a, &id(A, KAFKA), &key_name(), window);
    check_attack(&mut s, START + Duration::secs(86_401), &svid, PeerDenial::Expired, &SVID_VALIDITY);
}

#[test]
fn an_id_vouched_for_by_another_domain_is_stopped_by_the_trust_domain_alone() {
    let mut s = setup();
    let window = Window::from(START, Duration::secs(10), Duration::secs(600));
    let crossed = forge::misissued(&mut s.b, &id(A, KAFKA), &key_name(), window);
    check_attack(&mut s, NOW, &crossed, PeerDenial::TrustDomain, &TRUST_DOMAIN);
    let honest_foreigner = issue(&mut s.b, KAFKA);
    check_attack(&mut s, NOW, &honest_foreigner, PeerDenial::TrustDomain, &TRUST_DOMAIN);
}

#[test]
fn a_federated_peer_is_believed_where_it_is_expected() {
    let mut s = setup();
    s.expected.trust_domains.push(B.into());
    let foreigner = issue(&mut s.b, KAFKA);
    assert!(s.verifier.verify_peer(NOW, &Controls::all_on(), &foreigner.chain, &s.expected).is_ok());
    s.verifier.remove_bundle(B);
    let verdict = s.verifier.verify_peer(NOW, &Controls::all_on(), &foreigner.chain, &s.expected);
    assert_eq!(verdict, Err(PeerDenial::Path(PathFault::UnknownIssuer)), "the federation ended");
}

#[test]
fn one_workload_of_another_domain_may_be_expected_and_no_other_of_it() {
    let mut s = setup();
    let replica = "/ns/data/sa/postgres-replica";
    s.expected.also.push((B.into(), replica.into()));
    let follower = issue(&mut s.b, replica);
    assert!(s.verifier.verify_peer(NOW, &Controls::all_on(), &follower.chain, &s.expected).is_ok());
    let namesake = issue(&mut s.a, replica);
    check_attack(&mut s, NOW, &namesake, PeerDenial::SpiffeId, &SPIFFE_ID);
    let other = issue(&mut s.b, KAFKA);
    check_attack(&mut s, NOW, &other, PeerDenial::TrustDomain, &TRUST_DOMAIN);
}

#[test]
fn a_genuine_workload_that_has_no_business_here_is_stopped_by_its_id_alone() {
    let mut s = setup();
    for path in ["/ns/app/sa/canary", "/ns/data/sa/kafka-admin", "/ns/data/sa/kafka/tenant/acme"] {
        let svid = issue(&mut s.a, path);
        check_attack(&mut s, NOW, &svid, PeerDenial::SpiffeId, &SPIFFE_ID);
    }
    s.expected = PeerExpectation::under(A, &[KAFKA]);
    let tenant = issue(&mut s.a, "/ns/data/sa/kafka/tenant/acme");
    assert!(s.verifier.verify_peer(NOW, &Controls::all_on(), &tenant.chain, &s.expected).is_ok());
    let neighbour = issue(&mut s.a, "/ns/data/sa/kafka-admin");
    check_attack(&mut s, NOW, &neighbour, PeerDenial::SpiffeId, &SPIFFE_ID);
}

#[test]
fn a_revoked_certificate_is_stopped_by_the_revocation_list_alone() {
    let mut s = setup();
    let (kept, stolen) = (issue(&mut s.a, KAFKA), issue(&mut s.a, KAFKA));
    s.a.revoke(NOW, &stolen);
    assert!(s.verifier.verify_peer(NOW, &Controls::all_on(), &stolen.chain, &s.expected).is_ok(), "not yet known");
    s.verifier.set_bundle(s.a.bundle(NOW)).unwrap();
    check_attack(&mut s, NOW, &stolen, PeerDenial::Revoked, &REVOCATION);
    assert!(s.verifier.verify_peer(NOW, &Controls::all_on(), &kept.chain, &s.expected).is_ok());
}

#[test]
fn an_authority_that_restarts_takes_back_what_it_signed_before() {
    let mut s = setup();
    for _ in 0..3 {
        issue(&mut s.a, KAFKA);
    }
    s.a.rotate_intermediate(NOW);
    let (stolen, other) = (issue(&mut s.a, KAFKA), issue(&mut s.a, KAFKA));
    s.a.revoke(NOW, &other);
    s.verifier.set_bundle(s.a.bundle(NOW)).unwrap();
    // What it has after a restart: its named keys, its schedule, and the numbers that it issued.
    let mut restarted = Ca::new(START, CaConfig::new(A));
    restarted.rotate_intermediate(NOW);
    restarted.resume_after(other.serial);
    let later = NOW + Duration::secs(1);
    restarted.revoke(later, &stolen);
    s.verifier.set_bundle(restarted.bundle(later)).expect("its list must not look older than the one before");
    check_attack(&mut s, later, &stolen, PeerDenial::Revoked, &REVOCATION);
}

#[test]
fn a_bundle_never_goes_back_and_a_broken_one_changes_nothing() {
    let mut s = setup();
    let old = s.a.bundle(NOW);
    let stolen = issue(&mut s.a, KAFKA);
    s.a.revoke(NOW, &stolen);
    let new = s.a.bundle(NOW);
    s.verifier.set_bundle(new.clone()).unwrap();
    assert_eq!(s.verifier.set_bundle(old), Err(BundleFault::Older));
    let mut broken = (*new).clone();
    (broken.sequence, broken.authorities) = (u64::MAX, vec![Bytes::from(*b"not a certificate")]);
    assert_eq!(s.verifier.set_bundle(Arc::new(broken)), Err(BundleFault::Malformed));
    let verdict = s.verifier.verify_peer(NOW, &Controls::all_on(), &stolen.chain, &s.expected);
    assert_eq!(verdict, Err(PeerDenial::Revoked));
}

#[test]
fn a_chain_that_is_no_svid_is_refused_whatever_is_off() {
    let mut s = setup();
    let genuine = issue(&mut s.a, KAFKA);
    let intermediate = genuine.chain[1].clone();
    let window = Window::from(START, Duration::secs(10), Duration::secs(600));
    let domain_id = forge::misissued(&mut s.a, &id(A, ""), &key_name(), window);
    let long: Chain =
        [genuine.chain[0].clone(), intermediate.clone(), intermediate.clone(), intermediate.clone()].into();
    for (chain, denial) in [
        (Chain::from([]), PeerDenial::ChainLength),
        (long, PeerDenial::ChainLength),
        (Chain::from([Bytes::from(*b"rubbish")]), PeerDenial::Malformed),
        (Chain::from([genuine.chain[0].clone(), Bytes::from(*b"rubbish")]), PeerDenial::Malformed),
        (Chain::from([intermediate]), PeerDenial::NoSpiffeId),
        (domain_id.chain, PeerDenial::NoSpiffeId),
    ] {
        for control in ALL {
            assert_eq!(s.verifier.verify_peer(NOW, &without(control), &chain, &s.expected), Err(denial));
        }
    }
}

#[test]
fn an_intermediate_rotates_without_an_outage_and_without_a_new_bundle() {
    let mut s = setup();
    let before = issue(&mut s.a, KAFKA);
    let bundle = s.a.bundle(NOW);
    s.a.rotate_intermediate(NOW);
    let after = issue(&mut s.a, KAFKA);
    assert_ne!(before.chain[1], after.chain[1]);
    for svid in [&before, &after] {
        assert!(s.verifier.verify_peer(NOW, &Controls::all_on(), &svid.chain, &s.expected).is_ok());
    }
    assert_eq!(bundle, s.a.bundle(NOW));
}

#[test]
fn an_authority_issues_only_what_is_registered_and_never_beyond_its_own_life() {
    let mut s = setup();
    let kafka = id(A, KAFKA);
    assert_eq!(s.a.issue(START, &request(&kafka)), Err(SvidDenial::NotRegistered));
    s.a.register("pod", kafka.clone());
    assert_eq!(s.a.issue(START, &request(&id(A, "/ns/admin/sa/root"))), Err(SvidDenial::NotRegistered));
    assert_eq!(s.a.issue(START, &request(&id(B, KAFKA))), Err(SvidDenial::TrustDomain));
    assert_eq!(s.a.issue(START, &request(&id(A, ""))), Err(SvidDenial::NoPath));
    let long = SvidRequest { lifetime: Duration::secs(3601), ..request(&kafka) };
    assert_eq!(s.a.issue(START, &long), Err(SvidDenial::Lifetime));
    let late = START + Duration::secs(86_400 - 60);
    assert_eq!(s.a.issue(late, &request(&kafka)).unwrap().not_after, s.a.intermediate_not_after());
    assert_eq!(s.a.issue(START + Duration::secs(86_401), &request(&kafka)), Err(SvidDenial::IntermediateExpired));
    s.a.unregister("pod");
    assert_eq!(s.a.issue(START, &request(&kafka)), Err(SvidDenial::NotRegistered));
}

#[test]
fn a_copied_chain_is_worth_nothing_without_its_key() {
    let mut s = setup();
    let svid = issue(&mut s.a, KAFKA);
    let words = transcript(End::Client, &Hellos::new(1, 2), &sha256(&svid.chain[0]));
    let proof = prove(&key("kafka", 0), &words);
    assert_eq!(s.verifier.verify_proof(&svid.chain, &words, &proof), Ok(()));
    let thief = prove(&key("thief", 0), &words);
    assert_eq!(s.verifier.verify_proof(&svid.chain, &words, &thief), Err(PeerDenial::Possession));
    let replayed = transcript(End::Client, &Hellos::new(9, 2), &sha256(&svid.chain[0]));
    assert_eq!(s.verifier.verify_proof(&svid.chain, &replayed, &proof), Err(PeerDenial::Possession));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A run that noted every proof, wrong ones included, believes exactly what the library believes.
    #[test]
    fn a_noted_proof_is_believed_exactly_when_the_library_believes_it(
        tries in prop::collection::vec((0u32..2, 0u64..3, any::<bool>(), prop::option::of(0usize..64)), 1..12),
    ) {
        let mut s = setup();
        let svid = issue(&mut s.a, KAFKA);
        let leaf = sha256(&svid.chain[0]);
        for (index, nonce, noted, flipped) in tries {
            let words = transcript(End::Client, &Hellos::new(nonce, 2), &leaf);
            let signer = key("kafka", index);
            let mut proof = prove(&signer, &words);
            if noted {
                s.verifier.note_proof(&signer, &words, &proof);
            }
            if let Some(at) = flipped {
                proof[at] ^= 1;
            }
            let library = PeerVerifier::new(ChainMemo::default()).verify_proof(&svid.chain, &words, &proof);
            prop_assert_eq!(s.verifier.verify_proof(&svid.chain, &words, &proof), library);
            prop_assert_eq!(library.is_ok(), index == 0 && flipped.is_none());
        }
    }
}

#[test]
fn the_first_proof_of_a_leaf_is_the_librarys_to_judge_and_so_is_what_nobody_noted() {
    let mut s = setup();
    let svid = issue(&mut s.a, KAFKA);
    let leaf = sha256(&svid.chain[0]);
    let mut show = |nonce: u64, noted: bool| {
        let words = transcript(End::Client, &Hellos::new(nonce, 2), &leaf);
        let proof = prove(&key("kafka", 0), &words);
        if noted {
            s.verifier.note_proof(&key("kafka", 0), &words, &proof);
        }
        s.verifier.verify_proof(&svid.chain, &words, &proof).unwrap();
        s.verifier.calls().x509_verify
    };
    assert_eq!(show(1, true), Tally { real: 1, hits: 0 });
    assert_eq!(show(2, true), Tally { real: 1, hits: 1 });
    assert_eq!(show(3, false), Tally { real: 2, hits: 1 });
    assert_eq!(show(2, false), Tally { real: 3, hits: 1 }, "a note serves once");
}

#[test]
fn the_same_inputs_give_the_same_certificates_to_the_byte() {
    let run = || {
        let mut s = setup();
        let svid = issue(&mut s.a, KAFKA);
        s.a.revoke(NOW, &svid);
        s.a.rotate_intermediate(NOW);
        (svid, issue(&mut s.a, KAFKA), s.a.bundle(NOW), s.b.bundle(NOW))
    };
    assert_eq!(run(), run());
}

#[test]
fn a_path_is_verified_once_per_store_and_then_remembered_by_every_verifier_of_the_run() {
    let mut s = setup();
    let svid = issue(&mut s.a, KAFKA);
    let mut second = PeerVerifier::new(s.verifier.memo.clone());
    second.set_bundle(s.a.bundle(NOW)).unwrap();
    second.set_bundle(s.b.bundle(NOW)).unwrap();
    for _ in 0..3 {
        s.verifier.verify_peer(NOW, &Controls::all_on(), &svid.chain, &s.expected).unwrap();
        second.verify_peer(NOW, &Controls::all_on(), &svid.chain, &s.expected).unwrap();
    }
    assert_eq!(s.verifier.calls().x509_verify, Tally { real: 1, hits: 5 });
    second.remove_bundle(B);
    second.verify_peer(NOW, &Controls::all_on(), &svid.chain, &s.expected).unwrap();
    assert_eq!(s.verifier.calls().x509_verify, Tally { real: 2, hits: 5 }, "another store, another question");
}

#[test]
fn a_bundle_survives_its_published_form() {
    let mut s = setup();
    let bundle = s.a.bundle(NOW);
    let read = TrustBundle::from_json(A, &bundle.to_json());
    assert_eq!(read.as_ref(), Some(&*bundle));
    assert_eq!(TrustBundle::from_json(A, "<html>"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_single_flipped_bit_of_a_chain_gets_through(
        cert in 0..2_usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut s = setup();
        let svid = issue(&mut s.a, KAFKA);
        let mut chain = svid.chain.to_vec();
        let mut der = chain[cert].to_vec();
        let at = at.index(der.len());
        der[at] ^= 1_u8 << bit;
        chain[cert] = der.into();
        prop_assert!(s.verifier.verify_peer(NOW, &Controls::all_on(), &chain.into(), &s.expected).is_err());
    }
}
