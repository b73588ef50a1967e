//! What assessments of a real deployment add to a certificate, and what somebody could do with them.

use super::*;
use crate::assessment::tests::{self as judged, JUDGED, component, found};
use crate::assessment::{self, statement::Own as Found};

/// The assessment of what was found, signed and opened.
fn assessed(own: Found) -> Assessed {
    signed(&judged::of(own, &proved().catalogue))
}

fn signed(assessment: &Assessment) -> Assessed {
    let wanted = assessment::Wanted { trust: &trust(), now: NOW, resource: None };
    let envelope = assessment::issue(assessment, &keys().assessor);
    assessment::open(&envelope, None, &wanted).expect("it keeps every rule")
}

/// All that the catalogue of these tests names, and nothing was found.
fn clean() -> Found {
    let redis = component("redis", &[("CAC-01", Asked::Clean), ("GOV-07", Asked::Clean)]);
    let gateway = component("gateway", &[("IDN-01", Asked::Clean)]);
    let metrics = component("metrics", &[("SLO-02", Asked::Clean)]);
    let trace = component("trace", &[("GOV-07", Asked::Clean)]);
    found(vec![redis, gateway, metrics, trace])
}

/// The same, but for what became of a row at one component.
fn but(component: usize, row: usize, asked: Asked) -> Found {
    let mut own = clean();
    let name = own.components[component].component.clone();
    let rows: Vec<(String, Asked)> =
        own.components[component].rows.iter().map(|row| (row.id.clone(), row.asked)).collect();
    let rows: Vec<(&str, Asked)> =
        rows.iter().enumerate().map(|(n, (id, known))| (id.as_str(), if n == row { asked } else { *known })).collect();
    own.components[component] = judged::component(&name, &rows);
    own.exit = own.concluded();
    own
}

fn with(owns: &[Found]) -> Certificate {
    let mut case = begun(usual());
    case.admit(&bundle(&proved(), "acme")).expect("a bundle");
    owns.iter().for_each(|own| case.assess(&assessed(own.clone()), NOW).expect("of this resource"));
    certificate(case.close().expect("everything is pinned"), &terms())
}

fn standings(certificate: &Certificate) -> Vec<RowStanding> {
    certificate.predicate.own.rows.iter().map(|row| row.standing).collect()
}

#[test]
fn a_deployment_in_which_nothing_is_found_where_the_catalogue_says_so_is_conformant() {
    let certificate = with(&[clean()]);
    let said = &believed(&certificate).expect("it keeps every rule").certificate.predicate;
    assert_eq!((said.verification_result, said.own.reached), (Outcome::Passed, CertificateLevel::Conformant));
    assert_eq!(said.verified_levels, ["CELLPROOF_L3_CONFORMANT"]);
    use RowStanding::{Assessed, Conformant, Simulated};
    assert_eq!(standings(&certificate), [Conformant, Conformant, Simulated, Assessed]);
    let [judgement] = said.own.assessments.as_slice() else { panic!("one judgement") };
    assert_eq!((judgement.deployment.as_str(), judgement.mode), ("shop", Mode::Rollback));
    assert_eq!(judgement.not_tested, ["kafka"]);
    assert_eq!(judgement.components[0].not_judged[0].what, "channels (TEN-02)");
    assert_eq!(said.own.levels[4].why, ["no drill on a real deployment was judged"]);
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    let value = serde_json::to_value(&certificate).expect("JSON");
    assert_eq!(sample::schema::disagreements(&schema, &value), [""; 0]);
}

#[test]
fn what_is_missing_for_conformance_is_named_row_by_row() {
    let check = |own: Found, standing: RowStanding, says: &str| {
        let certificate = with(&[own]);
        let own = &believed(&certificate).expect("it keeps every rule").certificate.predicate.own;
        assert_eq!((own.reached, own.levels[3].why.as_slice()), (CertificateLevel::Sensitive, &[says.to_owned()][..]));
        assert_eq!(own.rows[0].standing, standing);
    };
    let sensitive = RowStanding::Sensitive;
    check(but(0, 0, Asked::Partly), sensitive, "CAC-01: rd judged in part");
    check(but(0, 0, Asked::NotJudged), sensitive, "CAC-01: rd not judged");
    check(but(0, 0, Asked::Inconclusive), sensitive, "CAC-01: rd inconclusive");
    let conformant = RowStanding::Conformant;
    check(but(0, 1, Asked::NotJudged), conformant, "GOV-07: rd not judged");
    let mut unnamed = clean();
    unnamed.components.pop();
    check(unnamed, conformant, "GOV-07: ev not judged");
    // Nobody is asked of a row there, and yet something looks wrong.
    let beside = found([clean().components, vec![component("files", &[("IDN-01", Asked::Inconclusive)])]].concat());
    check(beside, conformant, "IDN-01: ev inconclusive");
}

#[test]
fn what_is_found_in_a_deployment_breaks_the_row_whatever_the_simulation_shows() {
    let elsewhere = found([clean().components, vec![component("files", &[("CAC-01", Asked::Findings)])]].concat());
    for (own, at) in [(but(0, 0, Asked::Findings), "rd"), (elsewhere, "ev")] {
        let certificate = with(std::slice::from_ref(&own));
        let said = &believed(&certificate).expect("authentic").certificate.predicate;
        assert_eq!((said.verification_result, said.own.reached), (Outcome::Failed, CertificateLevel::Declared));
        assert_eq!(said.own.rows[0].standing, RowStanding::Failed);
        assert_eq!(said.own.levels[1].why, [format!("CAC-01: failed in the deployment, at {at}")]);
        // A second judgement that finds nothing does not make it good.
        assert_eq!(standings(&with(&[own, clean()]))[0], RowStanding::Failed);
    }
}

#[test]
fn what_one_assessment_did_not_judge_another_may() {
    let mut later = found(vec![component("redis", &[("CAC-01", Asked::Clean)])]);
    later.deployment = "shop, its cache".into();
    let both = with(&[but(0, 0, Asked::NotJudged), later.clone()]);
    assert_eq!(both.predicate.own.reached, CertificateLevel::Conformant);
    assert_eq!(both, with(&[later, but(0, 0, Asked::NotJudged)]), "in any order");
    assert_eq!(both.predicate.input_attestations.iter().filter(|i| i.name == "assessment.json").count(), 2);
}

#[test]
fn a_certificate_outlasts_no_assessment_and_rests_on_none_that_is_too_old() {
    let mut own = clean();
    own.expires_at = when::text(JUDGED + 86_400);
    assert_eq!(with(&[own]).predicate.own.expires_at, when::text(JUDGED + 86_400));
    let short = Profile { valid_days: 3, ..usual().clone() };
    let (day, assessed) = (86_400, assessed(clean()));
    let mut case = begun(&short);
    assert_eq!(case.assess(&assessed, JUDGED + 3 * day), Ok(()));
    let said = begun(&short).assess(&assessed, JUDGED + 3 * day + 1).expect_err("too old").to_string();
    assert_eq!(said, "time: judged at 2027-01-15T08:00:00Z, and under default an assessment counts 3 days");
}

#[test]
fn an_assessment_of_something_else_is_not_taken() {
    let refused = |change: fn(&mut Assessed)| {
        let mut assessed = assessed(clean());
        change(&mut assessed);
        begun(usual()).assess(&assessed, NOW).expect_err("it is about something else").to_string()
    };
    let test = refused(|a| a.assessment.predicate.own.resource = "urn:example:test".into());
    assert_eq!(test, "resource: it is about \"urn:example:test\", not \"urn:example:production\"");
    let mut edition = judged::of(clean(), &"ab".repeat(32));
    edition.predicate.own.mode = Mode::Observe;
    let said = begun(usual()).assess(&signed(&edition), NOW).expect_err("another edition").to_string();
    assert_eq!(said, "evidence: it was judged by another edition of the catalogue");
    let mut case = begun(usual());
    case.assess(&assessed(clean()), NOW).expect("the first");
    let twice = case.assess(&assessed(clean()), NOW).expect_err("twice").to_string();
    assert_eq!(twice, "evidence: the same assessment a second time");
    let mut gate = proved();
    gate.catalogue = "ab".repeat(32);
    case.admit(&bundle(&gate, "acme")).expect("a bundle");
    let said = case.close().err().expect("two editions").to_string();
    assert_eq!(said, "evidence: the gate and the assessments know two editions of the catalogue");
}

#[test]
fn a_certificate_that_claims_more_than_its_assessments_is_found_out() {
    const SAYS: &str = "certificate: its result, levels, reasons and rows contradict each other";
    let refused = |change: fn(&mut Certificate)| {
        let mut certificate = with(&[but(0, 0, Asked::Partly)]);
        change(&mut certificate);
        believed(&certificate).expect_err("it breaks a rule")
    };
    assert_eq!(refused(|c| c.predicate.own.rows[0].standing = RowStanding::Conformant), SAYS);
    assert_eq!(refused(|c| c.predicate.own.rows[1].standing = RowStanding::Sensitive), SAYS);
    assert_eq!(refused(|c| c.predicate.own.rows[0].asked.extend([("rd".to_owned(), Asked::Findings)])), SAYS);
    let raised = refused(|c| {
        let own = &mut c.predicate.own;
        (own.reached, own.levels[3].reached) = (CertificateLevel::Conformant, true);
        own.levels[3].why.clear();
        c.predicate.verified_levels = vec!["CELLPROOF_L3_CONFORMANT".into()];
    });
    assert_eq!(raised, SAYS, "a row that was judged in part is below the level");
    let hidden = refused(|c| c.predicate.own.assessments.clear());
    assert_eq!(hidden, "incomplete: it does not tell of every assessment that it names");
    let unnamed = refused(|c| c.predicate.input_attestations.retain(|input| input.name == "seal.json"));
    assert_eq!(unnamed, "incomplete: it does not tell of every assessment that it names");
    let bare = refused(|c| c.predicate.input_attestations.retain(|input| input.name != "seal.json"));
    assert_eq!(bare, "incomplete: it names no bundle");
    let strange = refused(|c| c.predicate.input_attestations[1].name = "else.json".into());
    assert_eq!(strange, "incomplete: it names evidence of a kind that nobody knows");
    let invented = refused(|c| {
        c.predicate.own.assessments.clear();
        c.predicate.input_attestations.retain(|input| input.name == "seal.json");
    });
    assert_eq!(invented, SAYS, "nobody asked what it says was asked");
}

#[test]
fn the_conclusion_is_drawn_once_more_from_bundles_and_assessments() {
    let believed = believed(&with(&[clean()])).expect("it keeps every rule");
    assert_eq!(believed.inputs(), (1, 1));
    let case = |owns: &[Found]| {
        let mut case = begun(usual());
        case.admit(&bundle(&proved(), "acme")).expect("a bundle");
        owns.iter().for_each(|own| case.assess(&assessed(own.clone()), NOW).expect("of this resource"));
        case
    };
    assert_eq!(believed.concluded_again(case(&[])), Ok(1));
    assert_eq!(believed.concluded_again(case(&[clean()])), Ok(0));
    let said = believed.rests_on(&case(&[but(0, 0, Asked::Partly)])).expect_err("another one").to_string();
    assert_eq!(said, "evidence: it is not among what the certificate was issued on");
    let mut more = believed.clone();
    more.certificate.predicate.own.assessments[0].mode = Mode::Destructive;
    let said = more.concluded_again(case(&[clean()])).expect_err("another mode").to_string();
    assert_eq!(said, "evidence: its evidence supports other assessments than it claims");
    let elsewhere = Probed { catalogue: "ab".repeat(32), ..probed().clone() };
    let mut drifted = Case::new(usual(), &elsewhere, RESOURCE);
    drifted.admit(&bundle(&proved(), "acme")).expect("a bundle");
    let mut one = believed.clone();
    one.certificate.predicate.input_attestations.truncate(1);
    let said = one.concluded_again(drifted).expect_err("another catalogue").to_string();
    assert_eq!(said, "drift: the catalogue is another one here");
}

#[test]
fn an_assessors_key_issues_no_certificate_and_a_certifiers_no_assessment() {
    let envelope = issue(sound(), &keys().assessor);
    let said = open(&envelope, None, &wanted(&trust())).expect_err("wrong role").to_string();
    assert_eq!(said, "signer: signed by a key that is trusted as assessor only");
    let envelope = assessment::issue(&judged::of(clean(), &proved().catalogue), &keys().certifier);
    let wanted = assessment::Wanted { trust: &trust(), now: NOW, resource: None };
    let said = assessment::open(&envelope, None, &wanted).expect_err("wrong role").to_string();
    assert_eq!(said, "signer: signed by a key that is trusted as certifier only");
    // Nor is one statement taken for the other, whoever signed it.
    let posing = issue(sound(), &keys().assessor);
    let said = assessment::open(&posing, None, &wanted).expect_err("a certificate").to_string();
    assert!(said.starts_with("assessment: the statement: "), "{said}");
}
