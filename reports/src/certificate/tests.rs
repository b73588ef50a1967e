//! What a record supports, and everything that somebody could do to a certificate.

use super::conclude::Judge;
use super::statement::{Assurance, Certificate, PINS, SCHEMA};
use super::*;
use crate::assessment::{Asked, Assessed, Assessment, Mode};
use crate::evidence::key::{Algorithm, SigningKey};
use crate::evidence::trust::{Role, Trust, Trusted};
use crate::evidence::{Draft, Opened, Rules, make, project};
use crate::sample;
use crate::when;
use sim::record::{CertificateLevel, GateRecord, OpenRows, Pass, Profile, ScenarioVerdict, SloVerdict};
use std::collections::BTreeMap;
use std::sync::OnceLock;

mod attacks;
mod deployments;
mod levels;

const ISSUED: u64 = 1_800_000_000;
const EXPIRES: u64 = ISSUED + 30 * 86_400;
const NOW: u64 = ISSUED + 60;
const RESOURCE: &str = "urn:example:production";

struct Keys {
    run: SigningKey,
    certifier: SigningKey,
    assessor: SigningKey,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    let key = || SigningKey::generate(Algorithm::Ed25519).0;
    KEYS.get_or_init(|| Keys { run: key(), certifier: key(), assessor: key() })
}

fn trusted(name: &str, key: &SigningKey, role: Role) -> Trusted {
    let resources = if role.has_resources() { vec![RESOURCE.to_owned()] } else { Vec::new() };
    let (name, key) = (name.into(), key.public().clone());
    Trusted { name, key, role, resources, not_before: ISSUED - 10, not_after: EXPIRES, revoked: None }
}

fn trust() -> Trust {
    let run = trusted("pipeline", &keys().run, Role::Run);
    let certifier = trusted("auditor", &keys().certifier, Role::Certifier);
    let assessor = trusted("assessor", &keys().assessor, Role::Assessor);
    let keys = vec![run, certifier, assessor];
    Trust { serial: 1, issued_at: ISSUED - 10, expires_at: EXPIRES + 100, logged: false, keys }
}

/// A record in which everything held and every control was seen to block something.
fn proved() -> GateRecord {
    let mut record = sample::held();
    let blocks = |control: &str| {
        let all = record.scenarios.iter().flat_map(|s| &s.ablations);
        all.clone().any(|a| a.control == control && a.finding.is_some())
    };
    let idle: Vec<String> = record.controls.iter().filter(|c| !blocks(&c.id)).map(|c| c.id.clone()).collect();
    record.controls.retain(|c| !idle.contains(&c.id));
    record.nonce = "n-1".into();
    record.seed_base = sim::seed::base("n-1").to_string();
    record
}

/// A profile of these rows.
fn profile(rows: &[&str], open: OpenRows) -> Profile {
    Profile {
        name: "default".into(),
        title: "A test".into(),
        basis: "Nothing.".into(),
        version: 1,
        rows: rows.iter().map(|row| (*row).to_owned()).collect(),
        open,
        level: CertificateLevel::Sensitive,
        seeds_min: 128,
        valid_days: 30,
    }
}

fn usual() -> &'static Profile {
    static USUAL: OnceLock<Profile> = OnceLock::new();
    USUAL.get_or_init(|| profile(&["CAC-01", "IDN-01", "SLO-02", "GOV-07"], OpenRows::Named))
}

/// The components of a row, for rows of these profiles.
fn probed() -> &'static Probed {
    static PROBED: OnceLock<Probed> = OnceLock::new();
    PROBED.get_or_init(|| {
        let table = |entries: &[(&str, &[&str])]| {
            let own = |(name, all): &(&str, &[&str])| {
                ((*name).to_owned(), all.iter().map(|probe| (*probe).to_owned()).collect())
            };
            entries.iter().map(own).collect::<BTreeMap<String, Vec<String>>>()
        };
        Probed {
            catalogue: proved().catalogue,
            rows: table(&[("CAC-01", &["rd"]), ("IDN-01", &["gw"]), ("SLO-02", &["pm"]), ("GOV-07", &["ev", "rd"])]),
            components: table(&[
                ("redis", &["rd"]),
                ("gateway", &["gw"]),
                ("metrics", &["pm"]),
                ("trace", &["ev"]),
                ("files", &["ev", "idx"]),
            ]),
        }
    })
}

fn begun(profile: &Profile) -> Case<'_> {
    Case::new(profile, probed(), RESOURCE)
}

fn concluded(record: &GateRecord, profile: &Profile) -> Conclusion {
    let mut judge = Judge::new(profile, probed());
    judge.read(record);
    judge.finish()
}

/// The bundle of a tenant, opened.
fn bundle(record: &GateRecord, tenant: &str) -> Opened {
    let others: Vec<String> =
        project::tenants(record).into_iter().filter(|t| *t != tenant).map(str::to_owned).collect();
    let draft = Draft { record, tenant, others: &others, sealed_at: ISSUED, expires_at: EXPIRES };
    let bytes = make(&draft, &keys().run, |_| None).expect("nothing of anybody else");
    let rules = Rules { trust: &trust(), now: NOW, tenant: None, nonce: None };
    crate::evidence::open(&bytes, &rules).expect("it keeps every rule")
}

fn terms() -> Terms<'static> {
    let assurance = Assurance::ThirdParty;
    Terms { issued_at: ISSUED, valid_days: 30, assurance, tool: "cellproof 0.1.0" }
}

fn of(bundles: &[&Opened], profile: &Profile) -> Certificate {
    let mut case = begun(profile);
    bundles.iter().for_each(|bundle| case.admit(bundle).expect("of one gate"));
    certificate(case.close().expect("everything is pinned"), &terms())
}

/// The certificate on a tenant's bundle; made once, because most tests change it afterwards.
fn sound() -> &'static Certificate {
    static SOUND: OnceLock<Certificate> = OnceLock::new();
    SOUND.get_or_init(|| of(&[&bundle(&proved(), "acme")], usual()))
}

fn wanted(trust: &Trust) -> Wanted<'_> {
    Wanted { trust, now: NOW, resource: Some(RESOURCE), profile: Some("default"), nonce: Some("n-1") }
}

fn believed(certificate: &Certificate) -> Result<Believed, String> {
    let envelope = issue(certificate, &keys().certifier);
    open(&envelope, None, &wanted(&trust())).map_err(|unfit| unfit.to_string())
}

#[test]
fn a_certificate_says_what_its_evidence_supports_in_the_words_of_slsa() {
    let believed = believed(sound()).expect("it keeps every rule");
    let summary = &believed.certificate.predicate;
    assert_eq!((summary.verification_result, summary.own.reached), (Outcome::Passed, CertificateLevel::Sensitive));
    assert_eq!(summary.verified_levels, ["CELLPROOF_L2_SENSITIVE"]);
    assert_eq!(
        (summary.time_verified.as_str(), summary.own.expires_at.as_str()),
        (when::text(ISSUED).as_str(), when::text(EXPIRES).as_str())
    );
    assert_eq!(summary.policy.uri, "urn:cellproof:profile:default:1");
    assert_eq!(believed.signer.name, "auditor");
    let standings: Vec<RowStanding> = summary.own.rows.iter().map(|row| row.standing).collect();
    let (sensitive, met, open) = (RowStanding::Sensitive, RowStanding::Simulated, RowStanding::NotCovered);
    assert_eq!(standings, [sensitive, sensitive, met, open], "a row that nothing judges is not passed");
}

#[test]
fn a_certificate_fits_its_published_schema_and_names_no_tenant() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    let mut failed = proved();
    failed.scenarios[0].verdict = ScenarioVerdict::Vacuous;
    for record in [proved(), failed] {
        let certificate = of(&[&bundle(&record, "acme"), &bundle(&record, "beta")], usual());
        let text = String::from_utf8(certificate.bytes()).expect("text");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(sample::schema::disagreements(&schema, &value), [""; 0]);
        assert!(project::tenants(&record).into_iter().all(|tenant| !text.contains(tenant)), "{text}");
    }
}

#[test]
fn the_same_evidence_in_any_order_is_the_same_certificate_and_never_outlasts_it() {
    let (acme, beta) = (bundle(&proved(), "acme"), bundle(&proved(), "beta"));
    let one = of(&[&acme, &beta], usual());
    assert_eq!(one, of(&[&beta, &acme], usual()));
    assert_eq!(one.predicate.input_attestations.len(), 2);
    let mut case = begun(usual());
    case.admit(&acme).expect("of this gate");
    let long = Terms { valid_days: 90, ..terms() };
    let certificate = certificate(case.close().expect("pinned"), &long);
    assert_eq!(certificate.predicate.own.expires_at, when::text(EXPIRES));
}

#[test]
fn with_all_of_its_evidence_the_conclusion_is_drawn_once_more() {
    let (acme, beta) = (bundle(&proved(), "acme"), bundle(&proved(), "beta"));
    let believed = believed(&of(&[&acme, &beta], usual())).expect("it keeps every rule");
    let of_these = |bundles: &[&Opened]| {
        let mut case = begun(usual());
        bundles.iter().for_each(|bundle| case.admit(bundle).expect("of one gate"));
        case
    };
    for (bundles, missing) in [(vec![&acme], 1), (vec![&beta, &acme], 0)] {
        assert_eq!(believed.rests_on(&of_these(&bundles)), Ok(()));
        assert_eq!(believed.concluded_again(of_these(&bundles)), Ok(missing));
    }
    let foreign = bundle(&proved(), "gamma");
    let said = believed.rests_on(&of_these(&[&foreign])).expect_err("it is not").to_string();
    assert_eq!(said, "evidence: it is not among what the certificate was issued on");
}

#[test]
fn evidence_of_two_gates_makes_no_case() {
    let acme = bundle(&proved(), "acme");
    let check = |change: fn(&mut GateRecord), says: &str| {
        let mut record = proved();
        change(&mut record);
        let mut case = begun(usual());
        case.admit(&acme).expect("the first");
        let said = case.admit(&bundle(&record, "beta")).expect_err(says).to_string();
        assert_eq!(said, format!("evidence: of another gate: {says} differ"));
    };
    check(|r| r.config = "ab".repeat(32), "configuration");
    check(|r| r.code = "ab".repeat(32), "code");
    check(|r| drop(r.pins.insert("plan".into(), "ab".repeat(32))), "plan");
    check(|r| (r.nonce, r.seed_base) = (String::new(), "1".into()), "seeds");
    check(|r| r.exit = 3, "outcome");
    let mut case = begun(usual());
    case.admit(&acme).expect("the first");
    assert_eq!(case.admit(&acme).expect_err("twice").to_string(), "evidence: the same bundle a second time");
    assert!(begun(usual()).close().is_err_and(|unfit| unfit.to_string() == "evidence: there is none"));
}

#[test]
fn what_has_drifted_is_named() {
    let then = &sound().predicate.own.pins;
    assert_eq!(drift(then, then), [""; 0]);
    let mut now = then.clone();
    now.insert("configuration".into(), "another".into());
    now.insert("tenants".into(), "others".into());
    now.remove("plan");
    assert_eq!(drift(then, &now), ["configuration", "tenants"]);
}
