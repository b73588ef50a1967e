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

/// Ablates the `c`-th expectation of the `v`-th variant.
pub(super) fn ablate(settings: &Settings, scenario: &'static Scenario, v: usize, c: usize) -> AblationRecord {
    let variant = &scenario.variants[v];
    let expected = &variant.controls[c];
    // Where two layers are declared, what either claims to uphold counts with one of them off: that the other one still
    // stood is the very thing to be shown.
    let layers: Vec<&'static Control> = [expected.control].into_iter().chain(expected.partner).collect();
    let alone = attempt(settings, scenario, variant, &[expected.control], &layers);
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
            let pair = attempt(settings, scenario, variant, &both, &both);
            runs += pair.runs;
            if pair.finding.is_none() {
                continue;
            }
            // A pair proves two layers only if the partner alone does not let the attack through.
            let other = attempt(settings, scenario, variant, &[partner], &both);
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

/// Runs without the controls that are `off`, until something is broken that one of those in `claims` upholds.
fn attempt(
    settings: &Settings,
    scenario: &'static Scenario,
    variant: &Variant,
    off: &[&'static Control],
    claims: &[&'static Control],
) -> Tried {
    let mut tried = Tried { finding: None, token: None, seeds: None, runs: 0, mark_hit: false, consulted: false };
    for n in 0..settings.ablation_seeds {
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
