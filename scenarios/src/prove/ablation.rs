//! One control off: is it the one that stops this attack?

use super::{Order, Settings, execute};
use crate::scenario::{Expectation, Scenario, Variant};
use sim::control::Control;
use sim::record::{AblationRecord, AblationVerdict, Finding, Pass, RunRecord};

struct Tried {
    finding: Option<Finding>,
    token: Option<String>,
    seeds: Option<u32>,
    runs: u32,
    mark_hit: bool,
    consulted: bool,
}

/// How many times as many seeds a control gets to show that it matters, when the scenario says that it does. Where luck
/// decides whether an attack meets a weak moment, half of the seeds may show nothing: eight of them in a row are
/// nothing unusual among hundreds of controls, and whoever draws the seeds from a nonce must not be told that a control
/// is toothless when only the seeds were.
const PATIENCE: u32 = 8;

/// Ablates the `c`-th expectation of the `v`-th variant.
pub(super) fn ablate(settings: &Settings, scenario: &'static Scenario, v: usize, c: usize) -> AblationRecord {
    let variant = &scenario.variants[v];
    let expected = &variant.controls[c];
    // Where two layers are declared, what either claims to uphold counts with one of them off: that the other one still
    // stood is the very thing to be shown.
    let layers: Vec<&'static Control> = [expected.control].into_iter().chain(expected.partner).collect();
    let seeds = |breach: bool| settings.ablation_seeds * if breach { PATIENCE } else { 1 };
    let sole = seeds(expected.verdict == AblationVerdict::SoleBlocker);
    let alone = attempt(settings, scenario, variant, (&[expected.control], &layers), sole);
    let mut runs = alone.runs;
    let (observed, partner, tried) = if alone.finding.is_some() {
        (AblationVerdict::SoleBlocker, None, alone)
    } else if !alone.mark_hit {
        (AblationVerdict::Void, None, alone)
    } else {
        // Never consulted may only mean that another layer stands before it: the pairs tell.
        let otherwise = if alone.consulted { AblationVerdict::Redundant(0) } else { AblationVerdict::NotInvolved };
        let mut found = (otherwise, None, alone);
        for partner in partners(scenario, expected) {
            let both = [expected.control, partner];
            let declared = expected.partner.is_some_and(|p| p.slot == partner.slot);
            let pair = attempt(settings, scenario, variant, (&both, &both), seeds(declared));
            runs += pair.runs;
            if pair.finding.is_none() {
                continue;
            }
            // A pair proves two layers only if the partner alone does not let the attack through.
            let other = attempt(settings, scenario, variant, (&[partner], &both), seeds(false));
            runs += other.runs;
            if other.finding.is_none() {
                found = (AblationVerdict::Redundant(2), Some(partner.id.to_owned()), pair);
                break;
            }
        }
        found
    };
    AblationRecord {
        control: expected.control.id.into(),
        variant: variant.name.into(),
        expected: expected.verdict,
        observed,
        partner,
        seeds_to_breach: tried.seeds,
        runs,
        finding: tried.finding,
        token: tried.token,
    }
}

/// The declared partner first, then every other control of the scenario.
fn partners(scenario: &'static Scenario, expected: &Expectation) -> Vec<&'static Control> {
    let mut partners: Vec<&'static Control> = expected.partner.into_iter().collect();
    for control in scenario.controls() {
        if control.slot != expected.control.slot && partners.iter().all(|p| p.slot != control.slot) {
            partners.push(control);
        }
    }
    partners
}

/// Runs without the controls that are `off`, until something is broken that one of those in `claims` upholds, with as
/// many `seeds` as that takes or as there may be.
fn attempt(
    settings: &Settings,
    scenario: &'static Scenario,
    variant: &Variant,
    (off, claims): (&[&'static Control], &[&'static Control]),
    seeds: u32,
) -> Tried {
    let mut tried = Tried { finding: None, token: None, seeds: None, runs: 0, mark_hit: false, consulted: false };
    for n in 0..seeds {
        let seed = settings.seed_base.wrapping_add(u64::from(n));
        let order = off.iter().fold(Order::new(scenario, Pass::Ablation, seed), |order, c| order.without(c));
        let run = execute(&settings.inputs, &order).record;
        tried.runs += 1;
        tried.mark_hit |= run.marks.contains_key(variant.mark);
        tried.consulted |= off.iter().all(|control| run.consulted.iter().any(|id| id == control.id));
        if let Some(finding) = convicts(&run, variant, claims) {
            tried.finding = Some(finding.clone());
            tried.token = Some(run.token);
            tried.seeds = Some(n + 1);
            break;
        }
    }
    tried
}

/// A finding counts only when the mark was hit, the broken requirement is one that a control in question upholds, and
/// what was seen at an attacker was seen at the one that plays this variant.
fn convicts<'a>(run: &'a RunRecord, variant: &Variant, claims: &[&'static Control]) -> Option<&'a Finding> {
    if !run.marks.contains_key(variant.mark) {
        return None;
    }
    let own = format!("attacker/{}", variant.name);
    run.findings
        .iter()
        .filter(|finding| !finding.node.starts_with("attacker/") || finding.node == own)
        .find(|finding| claims.iter().any(|c| c.upholds.contains(&finding.requirement.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use models::config::Inputs;

    /// Whether this control matters depends on the moment, in about half of the seeds: it must not be called toothless
    /// because of where the seeds began.
    #[test]
    fn a_control_that_matters_in_some_seeds_only_is_given_as_many_as_it_needs() {
        let scenario = crate::catalogue::find("fuzz/cross-tenant").expect("a scenario");
        let of = |v: &Variant| v.controls.iter().position(|e| e.control.id == "postgres.force-rls");
        let found = scenario.variants.iter().enumerate().find_map(|(v, variant)| Some((v, of(variant)?)));
        let (v, c) = found.expect("an expectation");
        let mut late = 0;
        for base in (0..12).map(|n| n * 1_000) {
            let settings = Settings {
                inputs: Inputs::embedded(),
                seed_base: base,
                nonce: String::new(),
                calm_seeds: 1,
                swarm_seeds: 1,
                swarm_floor: 1,
                ablation_seeds: 2,
                interference_pairs: 0,
                compare_every: 20,
                ablate: true,
                corpus: Vec::new(),
            };
            let record = ablate(&settings, scenario, v, c);
            assert_eq!(record.observed, AblationVerdict::SoleBlocker, "seeds from {base}");
            late += u32::from(record.seeds_to_breach > Some(settings.ablation_seeds));
        }
        assert!(late > 0, "no base needed more seeds than a claim of no breach gets");
    }
}
