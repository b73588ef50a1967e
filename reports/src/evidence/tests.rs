//! Bundles, and everything that somebody could do to one.

use super::bag::{self, Files};
use super::bundle::{PAYLOAD, RECORD, SEAL, assemble};
use super::envelope;
use super::key::Algorithm;
use super::project::tenants;
use super::statement::PAYLOAD_TYPE;
use super::*;
use crate::sample;
use sim::chain::{Digest, Envelope};
use sim::record::GateRecord;
use std::ops::Range;
use std::sync::OnceLock;
use tar::{Builder, EntryType, Header};

const SEALED: u64 = 1_800_000_000;
const EXPIRES: u64 = SEALED + 2_592_000;
const NOW: u64 = SEALED + 60;

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate(Algorithm::Ed25519).0)
}

fn trusted(key: &SigningKey) -> Trusted {
    let (name, key) = ("the pipeline".into(), key.public().clone());
    let (role, resources) = (Role::Run, Vec::new());
    Trusted { name, key, role, resources, not_before: SEALED - 10, not_after: EXPIRES, revoked: None }
}

fn trust() -> Trust {
    whom(vec![trusted(key())])
}

fn whom(keys: Vec<Trusted>) -> Trust {
    Trust { serial: 1, issued_at: SEALED - 100, expires_at: EXPIRES + 100, logged: false, keys }
}

fn others(record: &GateRecord, own: &str) -> Vec<String> {
    tenants(record).into_iter().filter(|tenant| *tenant != own).map(str::to_owned).collect()
}

fn bundle_of(record: &GateRecord, tenant: &str, key: &SigningKey) -> Result<Vec<u8>, Leak> {
    let others = others(record, tenant);
    let (sealed_at, expires_at) = (SEALED, EXPIRES);
    make(&Draft { record, tenant, others: &others, sealed_at, expires_at }, key, |_| None)
}

/// The record of a gate that a verifier asked for.
fn asked(record: GateRecord) -> GateRecord {
    GateRecord { nonce: "n-1".into(), seed_base: sim::seed::base("n-1").to_string(), ..record }
}

/// A record of few words, so that its bundle is small.
fn small() -> GateRecord {
    let mut record = sample::held();
    record.scenarios.truncate(1);
    record.requirements.truncate(1);
    record.controls.truncate(1);
    asked(record)
}

fn opened(bytes: &[u8]) -> Result<Opened, Unfit> {
    open(bytes, &Rules { trust: &trust(), now: NOW, tenant: None, nonce: None })
}

/// The rule that a bundle breaks, and how.
fn broken(bytes: &[u8]) -> String {
    opened(bytes).expect_err("it breaks a rule").to_string()
}

#[test]
fn every_tenant_gets_a_bundle_that_opens_and_says_what_its_record_says() {
    for (record, verdict) in [(sample::held(), Verdict::Passed), (sample::record(), Verdict::Failed)] {
        let all = tenants(&record);
        assert!(all.len() >= 3);
        for tenant in all {
            let bytes = bundle_of(&record, tenant, key()).expect("nothing of anybody else");
            assert_eq!(bytes, bundle_of(&record, tenant, key()).expect("the same"), "the same bytes each time");
            let bundle = opened(&bytes).expect("it keeps every rule");
            assert_eq!(bundle.seal.predicate.result, verdict);
            assert_eq!(bundle.seal.predicate.cellproof.tenant, tenant);
            assert_eq!(bundle.record, project(&record, tenant));
            assert!(bundle.record.slos.iter().all(|slo| slo.tenant == tenant) && !bundle.record.slos.is_empty());
            assert!(bundle.files.contains_key("data/receipt.json") && bundle.files.contains_key("data/limits.md"));
        }
    }
}

#[test]
fn a_bundle_is_sealed_by_either_kind_of_key() {
    let (other, _) = SigningKey::generate(Algorithm::P256);
    let bytes = bundle_of(&small(), "acme", &other).expect("a bundle");
    let trust = whom(vec![trusted(key()), trusted(&other)]);
    assert!(open(&bytes, &Rules { trust: &trust, now: NOW, tenant: Some("acme"), nonce: Some("n-1") }).is_ok());
}

#[test]
fn no_single_byte_can_be_changed() {
    let bytes = bundle_of(&small(), "acme", key()).expect("a bundle");
    assert!(opened(&bytes).is_ok());
    let mut edited = bytes.clone();
    for at in 0..bytes.len() {
        edited[at] ^= 1 << (at % 8);
        assert!(opened(&edited).is_err(), "byte {at} of {} can be changed", bytes.len());
        edited[at] = bytes[at];
    }
    for cut in [0, 1, 511, 512, 1_024, bytes.len() / 2, bytes.len() - 512, bytes.len() - 1] {
        assert!(opened(&bytes[..cut]).is_err(), "cut to {cut}");
    }
    assert!(opened(&[&bytes[..], &[0; 512]].concat()).is_err(), "something follows");
}

#[test]
fn ten_thousand_changes_of_a_large_bundle_are_all_noticed() {
    let bytes = bundle_of(&sample::record(), "acme", key()).expect("a bundle");
    let mut edited = bytes.clone();
    for n in 0..10_000_u64 {
        let draw = sim::seed::mix(n, 0x5eed);
        let at = (draw % bytes.len() as u64) as usize;
        edited[at] = edited[at].wrapping_add(1 + (draw >> 56) as u8 % 255);
        assert!(opened(&edited).is_err(), "byte {at} of {} can be changed", bytes.len());
        edited[at] = bytes[at];
    }
}

/// A tar of these entries, as somebody else might write it.
fn forged(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, bytes) in entries {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").expect("a short name");
        }
        header.set_cksum();
        builder.append(&header, *bytes).expect("memory");
    }
    builder.into_inner().expect("memory")
}

fn parts(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut outer = bag::untar(bytes).expect("a tar");
    (outer.remove(PAYLOAD).expect("a payload"), outer.remove(SEAL).expect("a seal"))
}

#[test]
fn the_outer_archive_holds_two_plain_files_and_no_more() {
    const FILE: EntryType = EntryType::Regular;
    let (payload, seal) = parts(&bundle_of(&small(), "acme", key()).expect("a bundle"));
    let (p, s) = ((PAYLOAD, FILE, &payload[..]), (SEAL, FILE, &seal[..]));
    assert!(opened(&forged(&[p, s])).is_ok(), "the forger writes as we do");
    let check = |entries: &[(&str, EntryType, &[u8])], says: &str| {
        let said = broken(&forged(entries));
        assert!(said.contains(says), "{said}");
    };
    check(&[p], "holds payload.tar.zst, not");
    check(&[s, p], "headers, order or padding");
    check(&[p, s, ("x", FILE, b"")], "holds payload.tar.zst, seal.json, x, not");
    check(&[p, s, s], "\"seal.json\" is there twice");
    check(&[p, s, ("../x", FILE, b"x")], "\"../x\" leads out of the bundle");
    check(&[p, s, ("/x", FILE, b"x")], "\"/x\" leads out of the bundle");
    check(&[p, s, ("a//x", FILE, b"x")], "leads out of the bundle");
    check(&[p, s, ("x", EntryType::Symlink, b"")], "\"x\" is no regular file");
    check(&[p, s, ("x", EntryType::Link, b"")], "\"x\" is no regular file");
    check(&[p, s, ("x", EntryType::Directory, b"")], "\"x\" is no regular file");
    assert!(broken(b"not a tar at all").starts_with("outer archive: "));
}

#[test]
fn only_a_trusted_key_in_its_role_and_time_seals_for_this_tenant_and_this_asking() {
    let bytes = bundle_of(&small(), "acme", key()).expect("a bundle");
    let check = |trust: Trust, now: u64, tenant: Option<&str>, nonce: Option<&str>, says: &str| {
        let said = open(&bytes, &Rules { trust: &trust, now, tenant, nonce }).expect_err(says).to_string();
        assert!(said.contains(says), "{said}");
    };
    let with = |change: fn(&mut Trusted)| {
        let mut trust = trust();
        change(&mut trust.keys[0]);
        trust
    };
    check(whom(Vec::new()), NOW, None, None, "is not in the trust file");
    check(with(|t| t.role = Role::Certifier), NOW, None, None, "trusted as certifier only");
    check(with(|t| t.revoked = Some(NOW)), NOW, None, None, "which is revoked");
    check(with(|t| t.not_after = SEALED - 1), NOW, None, None, "outside of its validity");
    check(with(|t| t.not_before = SEALED + 1), NOW, None, None, "outside of its validity");
    check(trust(), EXPIRES + 1, None, None, "expired at");
    check(trust(), SEALED - 1, None, None, "in the future");
    check(trust(), NOW, Some("beta"), None, "made for another tenant than beta");
    check(trust(), NOW, Some("acme"), Some("n-2"), "run without the nonce \"n-2\"");
    let (thief, _) = SigningKey::generate(Algorithm::Ed25519);
    let posing = whom(vec![trusted(&thief)]);
    check(posing, NOW, None, None, "is not in the trust file");
}

#[test]
fn seeds_that_do_not_come_from_the_nonce_are_refused() {
    let picked = GateRecord { seed_base: "7".into(), ..small() };
    let said = broken(&bundle_of(&picked, "acme", key()).expect("a bundle"));
    assert_eq!(said, "nonce: the seeds begin at 7, and not where the nonce says");
}

/// A bundle with another payload under a seal that is right about it: what an insider with the key could make.
fn resealed(change: impl FnOnce(&mut Files, &mut Seal)) -> Vec<u8> {
    let (payload, seal) = parts(&bundle_of(&small(), "acme", key()).expect("a bundle"));
    let mut files = bag::untar(&bag::uncompress(&payload).expect("zstd")).expect("a tar");
    let envelope: Envelope = serde_json::from_slice(&seal).expect("an envelope");
    let mut seal: Seal = serde_json::from_slice(&envelope.payload).expect("a seal");
    change(&mut files, &mut seal);
    let payload = bag::compress(&bag::tar(&files));
    if let Some(subject) = seal.subject.first_mut() {
        subject.digest.insert("sha256".into(), Digest::of(&payload).to_string());
    }
    outer(payload, &seal, key())
}

fn outer(payload: Vec<u8>, seal: &Seal, key: &SigningKey) -> Vec<u8> {
    let seal = envelope::seal(PAYLOAD_TYPE, &seal.bytes(), key);
    bag::tar(&Files::from([(PAYLOAD.to_owned(), payload), (SEAL.to_owned(), seal)]))
}

#[test]
fn a_bag_holds_what_its_manifest_says_and_the_record_says_what_the_seal_says() {
    assert!(opened(&resealed(|_, _| {})).is_ok());
    let check = |change: fn(&mut Files, &mut Seal), says: &str| {
        let said = broken(&resealed(change));
        assert!(said.contains(says), "{said}");
    };
    check(|files, _| drop(files.insert("data/extra".into(), Vec::new())), "data/extra is not as manifest");
    check(|files, _| drop(files.insert("extra".into(), Vec::new())), "extra is not as the bag says");
    check(|files, _| drop(files.remove("data/limits.md")), "data/limits.md is not as manifest");
    check(|files, _| files.get_mut(RECORD).expect("it").push(b' '), "data/report.json is not as manifest");
    check(|files, _| drop(files.remove("bagit.txt")), "bagit.txt is not as the bag says");
    check(|_, seal| seal.predicate.result = Verdict::Failed, "differ in result");
    check(|_, seal| seal.predicate.cellproof.exit = 1, "differ in result");
    check(|_, seal| seal.predicate.cellproof.tenant = "beta".into(), "differ in tenant");
    check(|_, seal| seal.predicate.cellproof.tool = "x".into(), "differ in tool");
    check(|_, seal| seal.predicate.passed_tests.clear(), "differ in tests");
    check(|_, seal| seal.predicate.configuration.clear(), "differ in configuration");
    check(|_, seal| seal.predicate_type = "x".into(), "another kind or version");
    check(|_, seal| seal.predicate.cellproof.nonce = "n-2".into(), "differ in nonce");
    check(|_, seal| seal.predicate.cellproof.version = 9, "another kind or version");
    check(|_, seal| seal.subject.clear(), "the seal is about another");
}

#[test]
fn a_seal_belongs_to_its_payload_is_written_in_one_way_and_signed_once() {
    let (payload, seal) = parts(&bundle_of(&small(), "acme", key()).expect("a bundle"));
    let (other, theirs) = parts(&bundle_of(&small(), "beta", key()).expect("a bundle"));
    let pair = |payload: &[u8], seal: &[u8]| {
        bag::tar(&Files::from([(PAYLOAD.to_owned(), payload.to_vec()), (SEAL.to_owned(), seal.to_vec())]))
    };
    assert!(broken(&pair(&payload, &theirs)).starts_with("payload digest: "));
    assert!(broken(&pair(&other, &seal)).starts_with("payload digest: "));
    assert!(broken(&pair(&payload, &[&seal[..], b" "].concat())).contains("is not written as envelopes are"));
    assert!(broken(&pair(&payload, b"{}")).starts_with("seal: seal.json: "));
    let mut envelope: Envelope = serde_json::from_slice(&seal).expect("an envelope");
    envelope.add_signature("second", |bytes| key().sign(bytes));
    assert!(broken(&pair(&payload, &envelope::bytes(&envelope))).contains("has 2 signatures, not one"));
    envelope.signatures.clear();
    assert!(broken(&pair(&payload, &envelope::bytes(&envelope))).contains("has 0 signatures, not one"));
}

#[test]
fn a_payload_that_unpacks_without_end_is_refused() {
    let zeros = vec![0_u8; 4 << 20];
    let mut bomb = Vec::new();
    let mut encoder = zstd::stream::write::Encoder::new(&mut bomb, 1).expect("memory");
    for _ in 0..=(bag::UNPACKED_MAX >> 22) {
        std::io::Write::write_all(&mut encoder, &zeros).expect("memory");
    }
    encoder.finish().expect("memory");
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    let (_, seal) = parts(&bundle_of(&small(), "acme", key()).expect("a bundle"));
    let envelope: Envelope = serde_json::from_slice(&seal).expect("an envelope");
    let mut seal: Seal = serde_json::from_slice(&envelope.payload).expect("a seal");
    seal.subject[0].digest.insert("sha256".into(), Digest::of(&bomb).to_string());
    assert!(broken(&outer(bomb, &seal, key())).contains("more than 256 MiB unpacked"));
}

/// A record in which every free text of a run names a tenant and holds a word that only its owner may see.
fn hostile(variant: u64) -> GateRecord {
    let mut record = sample::record();
    let all: Vec<String> = tenants(&record).into_iter().map(str::to_owned).collect();
    let mut n = variant;
    let mut word = || {
        n += 1;
        let tenant = &all[n as usize % all.len()];
        (tenant.clone(), format!("secret-{tenant}-{n:x} of {tenant}"))
    };
    record.command = word().1;
    for scenario in &mut record.scenarios {
        scenario.why.push(word().1);
        scenario.replay = Some(word().1);
        for pair in &mut scenario.non_interference {
            pair.difference = Some(word().1);
        }
        for ablation in &mut scenario.ablations {
            if let Some(finding) = &mut ablation.finding {
                (finding.tenant, finding.message) = (Some(word().0), word().1);
                finding.node = format!("client/{}", word().0);
            }
        }
        for run in scenario.passes.iter_mut().flat_map(|pass| &mut pass.kept) {
            run.pending.push(word().1);
            run.errors.push(word().1);
            run.findings.iter_mut().for_each(|finding| finding.message = word().1);
        }
    }
    record
}

#[test]
fn nothing_of_another_tenant_is_in_any_of_a_hundred_bundles() {
    nothing_of_another_tenant(0..20, 100);
}

#[test]
fn nothing_of_another_tenant_is_in_any_of_a_thousand_bundles() {
    nothing_of_another_tenant(20..220, 1_000);
}

fn nothing_of_another_tenant(variants: Range<u64>, expected: usize) {
    let mut bundles = 0;
    for variant in variants {
        let record = hostile(variant);
        for tenant in tenants(&record) {
            let bundle = opened(&bundle_of(&record, tenant, key()).expect("nothing of anybody else")).expect("whole");
            for (name, bytes) in &bundle.files {
                let text = String::from_utf8_lossy(bytes);
                assert!(!text.contains("secret-"), "{name} of {tenant}");
            }
            bundles += 1;
        }
    }
    assert!(bundles >= expected, "{bundles} bundles");
}

#[test]
fn without_the_projection_the_search_finds_what_it_kept_away() {
    let record = hostile(7);
    for tenant in tenants(&record) {
        let others = others(&record, tenant);
        let (sealed_at, expires_at) = (SEALED, EXPIRES);
        let draft = Draft { record: &record, tenant, others: &others, sealed_at, expires_at };
        let leak = assemble(&draft, record.clone(), key(), |_| None).expect_err("everybody's words");
        assert!(leak.to_string().contains("the name of another tenant"), "{leak}");
        let foreign = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.contains("secret-").then(|| "a marker".to_owned())
        };
        let found = assemble(&Draft { others: &[], ..draft }, record.clone(), key(), foreign).expect_err("markers");
        assert!(found.to_string().ends_with("holds a marker: nothing is written"), "{found}");
    }
}
