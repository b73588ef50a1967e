//! What an assessment says, and everything that somebody could do to one.

use super::statement::{Component, DAY_S, Own, Row, SCHEMA, VALID_DAYS};
use super::*;
use crate::evidence::key::{Algorithm, SigningKey};
use crate::evidence::{Role, Trust, Trusted, Verdict as Result};
use crate::{sample, when};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// When the assessments of tests were judged.
pub const JUDGED: u64 = 1_800_000_000;
/// What they are about.
pub const RESOURCE: &str = "urn:example:production";
const EXPIRES: u64 = JUDGED + VALID_DAYS as u64 * DAY_S;
const NOW: u64 = JUDGED + 60;

/// A row at a component, with counts that go together with what became of it.
pub fn row(id: &str, asked: Asked) -> Row {
    let tried = u32::from(asked != Asked::NotJudged);
    let (findings, suspicions) = (u32::from(asked == Asked::Findings), u32::from(asked == Asked::Inconclusive));
    Row { id: id.into(), asked, probes: tried, objects: 3 * tried, findings, suspicions }
}

/// A component with these rows.
pub fn component(name: &str, rows: &[(&str, Asked)]) -> Component {
    let rows: Vec<Row> = rows.iter().map(|(id, asked)| row(id, *asked)).collect();
    let mut component = Component {
        component: name.into(),
        at: "127.0.0.1:6379".into(),
        server: "Redis 7.0.15".into(),
        verdict: Verdict::Clean,
        problem: None,
        findings: rows.iter().map(|row| row.findings).sum(),
        suspicions: rows.iter().map(|row| row.suspicions).sum(),
        rows,
        not_judged: vec![NotJudged { what: "channels (TEN-02)".into(), why: "both tenants are the same user".into() }],
    };
    component.verdict = component.concluded();
    component
}

/// What was found in these components.
pub fn found(components: Vec<Component>) -> Own {
    let mut own = Own {
        version: statement::OWN_VERSION,
        resource: RESOURCE.into(),
        deployment: "shop".into(),
        mode: Mode::Rollback,
        tool: "cellproof 0.1.0".into(),
        judged_at: when::text(JUDGED),
        expires_at: when::text(EXPIRES),
        exit: 0,
        components,
        not_tested: vec!["kafka".into()],
    };
    own.exit = own.concluded();
    own
}

/// The assessment of it, by this edition of the catalogue.
pub fn of(own: Own, catalogue: &str) -> Assessment {
    let pins = [("catalogue", catalogue.to_owned()), ("code", "c0".repeat(32)), ("deployment", "d0".repeat(32))];
    assessment(own, b"{}\n", &BTreeMap::from(pins))
}

fn sound() -> Assessment {
    let redis = component("redis", &[("CAC-01", Asked::Clean), ("TEN-02", Asked::Partly)]);
    of(found(vec![redis]), &"ca".repeat(32))
}

fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate(Algorithm::Ed25519).0)
}

fn trust(change: impl FnOnce(&mut Trusted)) -> Trust {
    let mut trusted = Trusted {
        name: "assessor".into(),
        key: key().public().clone(),
        role: Role::Assessor,
        resources: vec![RESOURCE.into()],
        not_before: JUDGED - 10,
        not_after: EXPIRES,
        revoked: None,
    };
    change(&mut trusted);
    Trust { serial: 1, issued_at: JUDGED - 10, expires_at: EXPIRES + 100, logged: false, keys: vec![trusted] }
}

fn opened(assessment: &Assessment, trust: &Trust, now: u64) -> std::result::Result<Assessed, String> {
    let wanted = Wanted { trust, now, resource: Some(RESOURCE) };
    open(&issue(assessment, key()), None, &wanted).map_err(|unfit| unfit.to_string())
}

/// Why an assessment is refused that an insider with the assessor's key could have made.
fn refused(change: impl FnOnce(&mut Assessment)) -> String {
    let mut assessment = sound();
    change(&mut assessment);
    opened(&assessment, &trust(|_| {}), NOW).expect_err("it breaks a rule")
}

/// As [`refused`], where the lists that follow from the rows are made anew.
fn claimed(change: impl FnOnce(&mut Own)) -> String {
    let mut own = sound().predicate.own;
    change(&mut own);
    opened(&of(own, &"ca".repeat(32)), &trust(|_| {}), NOW).expect_err("it breaks a rule")
}

#[test]
fn an_assessment_says_what_was_judged_and_fits_its_published_schema() {
    let assessed = opened(&sound(), &trust(|_| {}), NOW).expect("it keeps every rule");
    let said = &assessed.assessment.predicate;
    assert_eq!((said.result, said.own.exit), (Result::Passed, 0));
    assert_eq!(
        (said.passed_tests.as_slice(), said.warned_tests.as_slice()),
        (&["CAC-01 at redis".to_owned()][..], &["TEN-02 at redis".to_owned()][..])
    );
    assert_eq!((assessed.judged_at, assessed.expires_at), (JUDGED, EXPIRES));
    let broken = component("redis", &[("CAC-01", Asked::Findings), ("TEN-02", Asked::Inconclusive)]);
    let mut unreached = component("gateway", &[]);
    (unreached.problem, unreached.verdict) = (Some("failed to connect".into()), Verdict::Inconclusive);
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    for (components, result) in
        [(vec![broken, unreached.clone()], Result::Failed), (vec![unreached], Result::Warned), (vec![], Result::Warned)]
    {
        let assessment = of(found(components), &"ca".repeat(32));
        let value = serde_json::to_value(&assessment).expect("JSON");
        assert_eq!(sample::schema::disagreements(&schema, &value), [""; 0]);
        let assessed = opened(&assessment, &trust(|_| {}), NOW).expect("it keeps every rule");
        assert_eq!(assessed.assessment.predicate.result, result);
    }
}

#[test]
fn every_property_of_the_schema_is_described() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    let definitions = schema["$defs"].as_object().expect("definitions").values().chain([&schema]);
    for properties in definitions.filter_map(|d| d["properties"].as_object()) {
        for (name, property) in properties {
            let is_text = property["description"].is_string();
            assert!(is_text || ["what", "why"].contains(&name.as_str()), "{name} has no description");
        }
    }
}

#[test]
fn no_byte_can_be_edited() {
    let (envelope, trust) = (issue(&sound(), key()), trust(|_| {}));
    let wanted = Wanted { trust: &trust, now: NOW, resource: None };
    let mut edited = envelope.clone();
    for at in 0..envelope.len() {
        edited[at] ^= 1 << (at % 7);
        assert!(open(&edited, None, &wanted).is_err(), "byte {at} of {}", envelope.len());
        edited[at] = envelope[at];
    }
    assert!(open(&envelope, None, &wanted).is_ok());
}

#[test]
fn a_key_is_believed_in_its_role_its_time_and_for_its_resources_alone() {
    let says = |trust: Trust, now: u64| opened(&sound(), &trust, now).expect_err("not believed");
    let run = trust(|t| t.role = Role::Run);
    assert_eq!(says(run, NOW), "signer: signed by a key that is trusted as run only");
    let certifier = trust(|t| t.role = Role::Certifier);
    assert_eq!(says(certifier, NOW), "signer: signed by a key that is trusted as certifier only");
    let stranger = trust(|t| t.key = SigningKey::generate(Algorithm::Ed25519).0.public().clone());
    assert!(says(stranger, NOW).ends_with("is not in the trust file"));
    let revoked = trust(|t| t.revoked = Some(NOW));
    assert_eq!(says(revoked, NOW), "signer: signed by the key of assessor, which is revoked");
    let lapsed = trust(|t| t.not_after = JUDGED - 1);
    assert_eq!(says(lapsed, NOW), "signer: signed by the key of assessor outside of its validity");
    let test_only = trust(|t| t.resources = vec!["urn:example:test".into()]);
    assert_eq!(says(test_only, NOW), "resource: assessor may not assess \"urn:example:production\"");
    let mut logged = trust(|_| {});
    logged.logged = true;
    assert!(says(logged, NOW).contains("no proof that it is in a log"));
    let (list, envelope) = (trust(|_| {}), issue(&sound(), key()));
    let wanted = Wanted { trust: &list, now: NOW, resource: Some("urn:example:test") };
    let said = open(&envelope, None, &wanted).expect_err("about something else").to_string();
    assert_eq!(said, "resource: it is about \"urn:example:production\", not \"urn:example:test\"");
}

#[test]
fn an_assessment_counts_for_thirty_days_at_most() {
    let says = |now| opened(&sound(), &trust(|_| {}), now).expect_err("not believed");
    assert_eq!(says(JUDGED - 1), "time: judged at 2027-01-15T08:00:00Z, which is in the future");
    assert_eq!(says(EXPIRES + 1), "time: expired at 2027-02-14T08:00:00Z");
    let longer = claimed(|own| own.expires_at = when::text(EXPIRES + 1));
    assert_eq!(longer, "time: it counts until 2027-02-14T08:00:01Z, and 30 days are the most");
    assert!(claimed(|own| own.judged_at = "yesterday".into()).starts_with("time: \"yesterday\": expected a time"));
}

#[test]
fn what_leaves_out_a_pin_or_its_report_is_incomplete() {
    for pin in statement::PINS {
        let said = refused(|a| a.predicate.configuration.retain(|known| known.name != pin));
        assert_eq!(said, format!("incomplete: it does not say which {pin} it is about"));
    }
    let twice = refused(|a| a.predicate.configuration.push(a.predicate.configuration[0].clone()));
    assert_eq!(twice, "incomplete: it pins something twice, or something unknown");
    assert_eq!(refused(|a| a.subject.clear()), "incomplete: it is not about certify.json alone");
    assert_eq!(refused(|a| a.subject[0].name = "else".into()), "incomplete: it is not about certify.json alone");
    assert_eq!(refused(|a| a.subject[0].digest.clear()), "incomplete: it is not about certify.json alone");
}

#[test]
fn an_assessment_that_contradicts_itself_is_refused() {
    const SAYS: &str = "assessment: its result, verdicts, rows and counts contradict each other";
    assert_eq!(refused(|a| a.predicate.result = Result::Failed), SAYS);
    assert_eq!(refused(|a| a.predicate.passed_tests.push("TEN-02 at redis".into())), SAYS);
    assert_eq!(refused(|a| a.predicate.warned_tests.clear()), SAYS);
    assert_eq!(claimed(|own| own.exit = 3), SAYS);
    assert_eq!(claimed(|own| own.not_tested.push("redis".into())), SAYS);
    let first = |change: fn(&mut Component)| claimed(|own| change(&mut own.components[0]));
    assert_eq!(first(|c| c.verdict = Verdict::Inconclusive), SAYS);
    assert_eq!(first(|c| c.problem = Some("failed to connect".into())), SAYS);
    assert_eq!(first(|c| c.findings = 1), SAYS, "a component with a finding is not clean");
    assert_eq!(first(|c| c.rows[0].findings = 1), SAYS, "a row with a finding is not clean");
    assert_eq!(first(|c| c.rows[0].suspicions = 1), SAYS, "nor one with a suspicion");
    assert_eq!(first(|c| c.rows[0].objects = 0), SAYS, "nor one of which nothing was tried");
    assert_eq!(first(|c| c.rows.push(row("CAC-01", Asked::Clean))), SAYS, "a row has one standing");
    assert!(refused(|a| a.predicate.own.version = 2).contains("of another kind or version"));
    assert!(refused(|a| a.predicate_type = "https://slsa.dev/provenance/v1".into()).contains("of another kind"));
}

#[test]
fn what_one_judgement_found_another_does_not_make_good() {
    use Asked::{Clean, Findings, Inconclusive, NotJudged, Partly};
    for (one, other, both) in [
        (Clean, Findings, Findings),
        (Clean, Inconclusive, Inconclusive),
        (Inconclusive, Findings, Findings),
        (Clean, NotJudged, Clean),
        (Clean, Partly, Clean),
        (Partly, NotJudged, Partly),
    ] {
        assert_eq!((one.and(other), other.and(one)), (both, both));
    }
}
