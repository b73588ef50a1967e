//! Which levels a record supports: nothing that is missing counts as passed.

use super::*;

/// What is reached, and whether any reason says this.
fn check(change: impl FnOnce(&mut GateRecord), reached: CertificateLevel, says: &str) {
    let mut record = proved();
    change(&mut record);
    let conclusion = concluded(&record, usual());
    let whys: Vec<&String> = conclusion.levels.iter().flat_map(|level| &level.why).collect();
    assert_eq!(conclusion.reached, reached, "{whys:?}");
    assert!(whys.iter().any(|why| why.contains(says)), "{says}: {whys:?}");
}

#[test]
fn sensitive_is_as_far_as_a_simulation_goes() {
    check(|_| {}, CertificateLevel::Sensitive, "no real deployment was judged");
    check(|_| {}, CertificateLevel::Sensitive, "it is not conformant");
}

#[test]
fn simulated_takes_scenarios_that_held_on_enough_seeds_and_a_canary_that_failed() {
    let declared = CertificateLevel::Declared;
    check(|r| r.scenarios.retain(|s| !s.canary), declared, "no canary failed");
    check(|r| r.scenarios.iter_mut().for_each(|s| s.verdict = ScenarioVerdict::Held), declared, "no canary failed");
    check(|r| r.scenarios.retain(|s| s.canary), declared, "no scenario ran");
    check(|r| r.scenarios[0].verdict = ScenarioVerdict::Vacuous, declared, "spoofing-stolen-token: vacuous");
    check(|r| r.scenarios[0].verdict = ScenarioVerdict::Breach, declared, "spoofing-stolen-token: breach");
    check(|r| r.scenarios[1].verdict = ScenarioVerdict::Nondeterministic, declared, "bleed: nondeterministic");
    check(|r| r.scenarios[1].verdict = ScenarioVerdict::Skipped("x".into()), declared, "bleed: skipped");
    let few = |r: &mut GateRecord| {
        let swarm = r.scenarios[0].passes.iter_mut().find(|p| p.pass == Pass::Swarm);
        swarm.expect("a swarm").runs = 127;
    };
    check(few, declared, "spoofing-stolen-token: 127 of 128 seeds");
    check(|r| r.scenarios[0].passes.clear(), declared, "spoofing-stolen-token: 0 of 128 seeds");
    check(|r| r.scenarios[0].passes.iter_mut().for_each(|p| p.compared = 0), declared, "nothing was run twice");
    let missed = |r: &mut GateRecord| {
        let slo = r.slos.iter_mut().find(|slo| slo.condition == "calm" && slo.requirement == "SLO-01");
        slo.expect("an objective").verdict = SloVerdict::Missed;
    };
    check(missed, declared, "is missed");
}

#[test]
fn sensitive_takes_ablations_as_declared_and_every_control_seen_to_block() {
    let simulated = CertificateLevel::Simulated;
    check(|r| r.scenarios[0].ablations.clear(), simulated, "spoofing-stolen-token: no control was switched off");
    check(|r| r.controls.clear(), simulated, "the platform has no controls");
    check(|r| r.scenarios[0].ablations[0].finding = None, simulated, "gateway.client-binding: not seen to block");
    let odd = |r: &mut GateRecord| r.scenarios[0].ablations[0].observed = sim::record::AblationVerdict::NotInvolved;
    check(odd, simulated, "without gateway.client-binding it is not involved");
    let void = |r: &mut GateRecord| {
        let ablation = &mut r.scenarios[0].ablations[0];
        (ablation.expected, ablation.observed) =
            (sim::record::AblationVerdict::Void, sim::record::AblationVerdict::Void);
    };
    check(void, simulated, "without gateway.client-binding it is void");
    let unknown = |r: &mut GateRecord| {
        let control = sim::record::ControlRecord { id: "x.y".into(), upholds: Vec::new(), off: String::new() };
        r.controls.push(control);
    };
    check(unknown, simulated, "x.y: not seen to block anything");
}

fn standing_of(record: &GateRecord, row: &str) -> RowStanding {
    concluded(record, &profile(&[row], OpenRows::Named)).rows[0].standing
}

#[test]
fn a_row_is_as_good_as_the_worst_that_shows_it() {
    assert_eq!(standing_of(&proved(), "CAC-01"), RowStanding::Sensitive);
    assert_eq!(standing_of(&proved(), "GOV-07"), RowStanding::NotCovered);
    let with = |change: fn(&mut GateRecord)| {
        let mut record = proved();
        change(&mut record);
        record
    };
    // Another scenario broke it, which does not list it.
    let beside = with(|r| {
        let broken = sample::record().scenarios.into_iter().flat_map(|s| s.passes).flat_map(|p| p.kept);
        let mut run = broken.into_iter().find(|run| !run.findings.is_empty()).expect("a run that broke something");
        run.findings.iter_mut().for_each(|finding| finding.requirement = "CAC-01".into());
        r.scenarios[0].requirements.retain(|row| row != "CAC-01");
        r.scenarios[0].verdict = ScenarioVerdict::Breach;
        r.scenarios[0].passes[0].kept.push(run);
    });
    assert_eq!(standing_of(&beside, "CAC-01"), RowStanding::Failed);
    let mut blind = with(|r| r.scenarios[1].ablations.clear());
    assert_eq!(standing_of(&blind, "CAC-01"), RowStanding::Simulated);
    blind.scenarios[1].verdict = ScenarioVerdict::Toothless;
    assert_eq!(standing_of(&blind, "CAC-01"), RowStanding::Inconclusive);
    blind.scenarios[1].verdict = ScenarioVerdict::Breach;
    assert_eq!(standing_of(&blind, "CAC-01"), RowStanding::Failed);
    let few = with(|r| r.scenarios[1].passes.iter_mut().for_each(|p| p.runs = 4));
    assert_eq!(standing_of(&few, "CAC-01"), RowStanding::Inconclusive);
    let objective = |verdict: SloVerdict| {
        let mut record = proved();
        let slo = record.slos.iter_mut().find(|slo| slo.condition == "calm" && slo.requirement == "SLO-02");
        slo.expect("an objective").verdict = verdict;
        standing_of(&record, "SLO-02")
    };
    assert_eq!(objective(SloVerdict::Met), RowStanding::Simulated);
    assert_eq!(objective(SloVerdict::Inconclusive), RowStanding::Inconclusive);
    assert_eq!(objective(SloVerdict::NoData), RowStanding::Inconclusive);
    assert_eq!(objective(SloVerdict::Missed), RowStanding::Failed);
}

#[test]
fn a_profile_says_whether_the_rest_counts_without_what_is_open() {
    let reached = |rows: &[&str], open| concluded(&proved(), &profile(rows, open)).reached;
    assert_eq!(reached(&["CAC-01", "GOV-07"], OpenRows::Named), CertificateLevel::Sensitive);
    assert_eq!(reached(&["CAC-01", "GOV-07"], OpenRows::Refused), CertificateLevel::Declared);
    assert_eq!(reached(&["CAC-01"], OpenRows::Refused), CertificateLevel::Sensitive);
    // An objective has no control that is switched off: it held, and nobody was seen to notice.
    assert_eq!(reached(&["CAC-01", "SLO-02"], OpenRows::Refused), CertificateLevel::Simulated);
    assert_eq!(reached(&["SLO-02"], OpenRows::Named), CertificateLevel::Simulated);
    assert_eq!(reached(&["GOV-07"], OpenRows::Named), CertificateLevel::Declared);
    assert_eq!(reached(&[], OpenRows::Named), CertificateLevel::Declared);
}

#[test]
fn another_tenants_evidence_does_not_make_good_what_one_lacks() {
    let (good, mut bad) = (proved(), proved());
    bad.scenarios[0].verdict = ScenarioVerdict::Vacuous;
    for order in [[&good, &bad], [&bad, &good]] {
        let mut judge = Judge::new(usual(), probed());
        order.into_iter().for_each(|record| judge.read(record));
        let conclusion = judge.finish();
        assert_eq!(conclusion.reached, CertificateLevel::Declared);
        let row = conclusion.rows.iter().find(|row| row.id == "IDN-01");
        assert_eq!(row.map(|row| row.standing), Some(RowStanding::Inconclusive));
    }
}

#[test]
fn a_certificate_on_what_failed_is_authentic_and_says_so() {
    let mut record = proved();
    record.scenarios[0].verdict = ScenarioVerdict::Vacuous;
    let certificate = of(&[&bundle(&record, "acme")], usual());
    let believed = believed(&certificate).expect("authentic");
    let summary = &believed.certificate.predicate;
    assert_eq!((summary.verification_result, &summary.verified_levels), (Outcome::Failed, &vec!["FAILED".to_owned()]));
}
