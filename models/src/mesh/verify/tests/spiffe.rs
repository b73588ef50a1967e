//! The SPIFFE-ID and X.509-SVID specifications: one test a clause that asks something of whoever verifies, named by it.

use super::*;
use crate::mesh::ca::leaf_params;
use crate::wire::svid::IdFault;
use rcgen::{CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SanType};

fn parse(text: &str) -> Result<(), IdFault> {
    SpiffeId::parse(text).map(|_| ())
}

fn window() -> Window {
    Window::from(START, Duration::secs(10), Duration::secs(600))
}

/// A leaf of `a`'s intermediate with `edit` made to what an honest one says, judged with every control on.
fn judged(edit: impl FnOnce(&mut CertificateParams)) -> Result<(), PeerDenial> {
    let mut s = setup();
    let mut params = leaf_params(&id(A, KAFKA), window(), 99);
    edit(&mut params);
    let chain = s.a.sign_params(&params, &key_name());
    s.verifier.verify_peer(NOW, &Controls::all_on(), &chain, &s.expected).map(|_| ())
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().expect("ASCII"))
}

#[test]
fn spiffe_id_2_identity_is_a_uri_of_scheme_trust_domain_and_path_and_nothing_else() {
    assert_eq!(parse("spiffe://cell-a.test/ns/data/sa/kafka"), Ok(()));
    for text in ["http://cell-a.test/x", "SPIFFE://cell-a.test/x", "spiffe:cell-a.test/x", "//cell-a.test/x", ""] {
        assert_eq!(parse(text), Err(IdFault::Scheme), "{text}");
    }
    assert_eq!(parse("spiffe:///x"), Err(IdFault::TrustDomain), "the trust domain's name is not empty");
    for text in ["spiffe://a.test/x?q=1", "spiffe://a.test/x#f"] {
        assert_eq!(parse(text), Err(IdFault::Path), "{text}: neither query nor fragment");
    }
}

#[test]
fn spiffe_id_2_1_a_trust_domain_has_no_user_no_port_no_escape_and_one_case() {
    for domain in
        ["user@a.test", "user:secret@a.test", "a.test:8443", "a.test:", "A.TEST", "a%2Etest", "[::1]", "a test"]
    {
        assert_eq!(parse(&format!("spiffe://{domain}/x")), Err(IdFault::TrustDomain), "{domain}");
    }
    for domain in ["a", "127.0.0.1", "a-b_c.test", "a..test"] {
        assert_eq!(parse(&format!("spiffe://{domain}/x")), Ok(()), "{domain}");
    }
}

#[test]
fn spiffe_id_2_2_a_path_has_no_empty_no_relative_segment_no_final_slash_and_no_escape() {
    for path in ["/", "/x/", "//x", "/x//y", "/.", "/..", "/x/../y", "/x%2Fy", "/x y", "/x:y", "/x\u{e4}"] {
        assert_eq!(parse(&format!("spiffe://a.test{path}")), Err(IdFault::Path), "{path}");
    }
    for path in ["", "/x", "/X", "/x/...", "/.x/y_z-0"] {
        assert_eq!(parse(&format!("spiffe://a.test{path}")), Ok(()), "{path}");
    }
    assert_ne!(SpiffeId::parse("spiffe://a.test/X"), SpiffeId::parse("spiffe://a.test/x"), "case matters");
}

#[test]
fn spiffe_id_2_3_up_to_2048_bytes_are_supported_and_a_trust_domain_has_255() {
    let path = |len: usize| format!("spiffe://a.test/{}", "p".repeat(len - "spiffe://a.test/".len()));
    assert_eq!((parse(&path(2048)), parse(&path(2049))), (Ok(()), Err(IdFault::TooLong)));
    let domain = |len: usize| format!("spiffe://{}/x", "d".repeat(len));
    assert_eq!((parse(&domain(255)), parse(&domain(256))), (Ok(()), Err(IdFault::TrustDomain)));
}

#[test]
fn x509_svid_2_exactly_one_uri_name_and_any_others() {
    assert_eq!(judged(|_| {}), Ok(()));
    assert_eq!(judged(|p| p.subject_alt_names.push(uri("spiffe://cell-a.test/x"))), Err(PeerDenial::NoSpiffeId));
    assert_eq!(judged(|p| p.subject_alt_names.push(uri("https://cell-a.test/x"))), Err(PeerDenial::NoSpiffeId));
    assert_eq!(judged(|p| p.subject_alt_names.clear()), Err(PeerDenial::NoSpiffeId));
    let dns = SanType::DnsName("kafka.data.svc".try_into().expect("ASCII"));
    assert_eq!(judged(|p| p.subject_alt_names.push(dns.clone())), Ok(()));
    assert_eq!(judged(|p| p.subject_alt_names = vec![dns]), Err(PeerDenial::NoSpiffeId));
}

#[test]
fn x509_svid_3_1_a_leaf_has_a_path() {
    assert_eq!(judged(|p| p.subject_alt_names = vec![uri("spiffe://cell-a.test")]), Err(PeerDenial::NoSpiffeId));
}

#[test]
fn x509_svid_3_2_a_signing_certificate_authenticates_nobody_and_its_id_has_no_path() {
    let mut s = setup();
    let svid = issue(&mut s.a, KAFKA);
    let alone: Chain = [svid.chain[1].clone()].into();
    let verdict = s.verifier.verify_peer(NOW, &Controls::all_on(), &alone, &s.expected);
    assert_eq!(verdict, Err(PeerDenial::NoSpiffeId));
    // An authority that calls itself a workload: what it signs is not believed.
    let mut params = crate::mesh::ca::authority_params(A, "nested", 0);
    params.subject_alt_names = vec![uri("spiffe://cell-a.test/ns/data/sa/kafka")];
    let chain = s.a.sign_below(params, window(), &leaf_params(&id(A, KAFKA), window(), 99), &key_name());
    let verdict = s.verifier.verify_peer(NOW, &Controls::all_on(), &chain, &s.expected);
    assert_eq!(verdict.map(|_| ()), Err(PeerDenial::KeyUsage));
}

#[test]
fn x509_svid_4_1_a_leaf_is_no_authority_and_no_leaf_signs() {
    let as_ca = |p: &mut CertificateParams| p.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    assert_eq!(judged(as_ca), Err(PeerDenial::Path(PathFault::NotAnAuthority)));
    let mut s = setup();
    let mut params = crate::mesh::ca::authority_params(A, "leaf that signs", 0);
    params.is_ca = IsCa::ExplicitNoCa;
    let chain = s.a.sign_below(params, window(), &leaf_params(&id(A, KAFKA), window(), 99), &key_name());
    let verdict = s.verifier.verify_peer(NOW, &Controls::all_on(), &chain, &s.expected);
    assert_eq!(verdict.map(|_| ()), Err(PeerDenial::Path(PathFault::NotAnAuthority)));
}

#[test]
fn x509_svid_4_3_and_5_2_a_leaf_signs_digitally_and_neither_certificates_nor_lists() {
    let usages = |usages: &[KeyUsagePurpose]| judged(|p| p.key_usages = usages.to_vec());
    let signs = KeyUsagePurpose::DigitalSignature;
    assert_eq!(usages(&[signs, KeyUsagePurpose::KeyAgreement]), Ok(()));
    assert_eq!(usages(&[]), Err(PeerDenial::KeyUsage), "the extension must be there");
    assert_eq!(usages(&[KeyUsagePurpose::KeyEncipherment]), Err(PeerDenial::KeyUsage));
    assert_eq!(usages(&[signs, KeyUsagePurpose::KeyCertSign]), Err(PeerDenial::KeyUsage));
    assert_eq!(usages(&[signs, KeyUsagePurpose::CrlSign]), Err(PeerDenial::KeyUsage));
}

#[test]
fn x509_svid_4_3_an_authority_signs_certificates() {
    let mut s = setup();
    let mut params = crate::mesh::ca::authority_params(A, "nested", 0);
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let chain = s.a.sign_below(params, window(), &leaf_params(&id(A, KAFKA), window(), 99), &key_name());
    let verdict = s.verifier.verify_peer(NOW, &Controls::all_on(), &chain, &s.expected);
    assert_eq!(verdict.map(|_| ()), Err(PeerDenial::KeyUsage));
}

#[test]
fn x509_svid_4_4_an_extended_usage_permits_both_ends_or_is_absent() {
    let (server, client) = (ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth);
    let usages = |usages: Vec<ExtendedKeyUsagePurpose>| judged(|p| p.extended_key_usages = usages);
    assert_eq!(usages(vec![]), Ok(()));
    assert_eq!(usages(vec![client.clone(), server.clone(), ExtendedKeyUsagePurpose::CodeSigning]), Ok(()));
    for one in [server, client, ExtendedKeyUsagePurpose::EmailProtection] {
        assert_eq!(usages(vec![one]), Err(PeerDenial::Path(PathFault::Usage)));
    }
}

#[test]
fn x509_svid_5_1_path_validation_follows_rfc_5280() {
    // A critical extension that nobody here knows (RFC 5280 §4.2); the other rules of a path have tests of their own.
    let unknown = |critical: bool| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![0x05, 0x00]);
        extension.set_criticality(critical);
        extension
    };
    assert_eq!(judged(|p| p.custom_extensions.push(unknown(false))), Ok(()));
    let refused = judged(|p| p.custom_extensions.push(unknown(true)));
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn x509_svid_5_2_the_scheme_is_spiffe() {
    let named = |text: &str| judged(|p| p.subject_alt_names = vec![uri(text)]);
    assert_eq!(named("https://cell-a.test/ns/data/sa/kafka"), Err(PeerDenial::NoSpiffeId));
    assert_eq!(named("urn:spiffe:cell-a.test"), Err(PeerDenial::NoSpiffeId));
}

#[test]
fn x509_svid_6_1_and_6_2_a_bundle_gives_one_certificate_an_entry_and_odd_entries_are_passed_over() {
    let mut s = setup();
    let mut document: serde_json::Value = serde_json::from_str(&s.a.bundle(NOW).to_json()).expect("a bundle");
    for entry in document["keys"].as_array().expect("keys") {
        assert_eq!((&entry["use"], entry.get("kid")), (&serde_json::json!("x509-svid"), None));
        assert_eq!(entry["x5c"].as_array().map(Vec::len), Some(1));
    }
    let whole = document["keys"][0].clone();
    let read = |keys: Vec<serde_json::Value>, document: &mut serde_json::Value| {
        document["keys"] = keys.into();
        TrustBundle::from_json(A, &document.to_string()).map(|bundle| bundle.authorities.len())
    };
    let (mut other, mut bare, mut empty, mut two) = (whole.clone(), whole.clone(), whole.clone(), whole.clone());
    other["use"] = "jwt-svid".into();
    bare.as_object_mut().expect("an entry").remove("x5c");
    empty["x5c"] = serde_json::json!([]);
    two["x5c"] = serde_json::json!([whole["x5c"][0], "AAAA"]);
    assert_eq!(read(vec![whole, other, bare, empty], &mut document), Some(1), "§6.2: such entries are ignored");
    assert_eq!(read(vec![two], &mut document), Some(1), "§6.2: all but the first are ignored");
}
