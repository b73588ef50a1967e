//! From what ran to a verdict, and to the sentences that say why.

use super::step::{self, is_bad};
use super::{Fold, Settings};
use crate::scenario::Scenario;
use sim::record::{AblationVerdict, Pass, ScenarioRecord, ScenarioVerdict};

/// The record of a scenario, from what its steps left behind.
pub fn judge(settings: &Settings, scenario: &'static Scenario, fold: Fold) -> ScenarioRecord {
    let mut why = Vec::new();
    let mut replay = None;
    let mut verdict = ScenarioVerdict::Held;
    let mut worse = |to: ScenarioVerdict, reason: String, token: Option<&str>| {
        if verdict == ScenarioVerdict::Held || to == ScenarioVerdict::Breach && verdict != ScenarioVerdict::Breach {
            verdict = to;
            replay = token.map(|t| format!("cellproof replay {t}"));
        }
        why.push(reason);
    };
    if let Some(skipped) = cut_short(settings, scenario, &fold) {
        worse(ScenarioVerdict::Skipped(skipped.clone()), skipped, None);
    }
    for (token, said) in &fold.fell {
        let why = format!("a run did not finish: {said}");
        worse(ScenarioVerdict::Skipped(why.clone()), why, Some(token));
    }
    let kept = fold.passes.iter().flat_map(|(pass, record)| record.kept.iter().map(|run| (*pass, run)));
    for (of, run) in kept.filter(|(_, run)| is_bad(run)) {
        let pass = of.as_str();
        for finding in run.findings.iter().take(3) {
            let reason = format!("{pass}, seed {}: {} broken: {}", run.seed, finding.requirement, finding.message);
            worse(ScenarioVerdict::Breach, reason, Some(&run.token));
        }
        for pending in run.pending.iter().take(3) {
            let reason = format!("{pass}, seed {}: not served after faults stopped: {pending}", run.seed);
            worse(ScenarioVerdict::Breach, reason, Some(&run.token));
        }
        // A run of a corpus that lost its faults is stale, and counted as such.
        for error in run.errors.iter().take(3).filter(|_| of != Pass::Corpus) {
            worse(ScenarioVerdict::Vacuous, format!("{pass}, seed {}: {error}", run.seed), Some(&run.token));
        }
    }
    for (token, difference) in &fold.differences {
        worse(ScenarioVerdict::Nondeterministic, format!("two runs differ: {difference}"), Some(token));
    }
    let calm = fold.marks.get(&Pass::Calm);
    for mark in scenario.marks() {
        if !calm.is_some_and(|marks| marks.contains_key(mark)) {
            let token = fold.passes.get(&Pass::Calm).and_then(|p| p.kept.first()).map(|r| r.token.as_str());
            worse(ScenarioVerdict::Vacuous, format!("mark `{mark}` was never reached"), token);
        }
    }
    for ablation in &fold.ablations {
        let partner_ok = ablation.expected != AblationVerdict::Redundant(2)
            || ablation.partner == expected_partner(scenario, &ablation.control, &ablation.variant);
        if ablation.observed == ablation.expected && partner_ok {
            continue;
        }
        let (control, variant) = (&ablation.control, &ablation.variant);
        let reason = format!("{control} in {variant}: expected {}, observed {}", ablation.expected, ablation.observed);
        // A declared sole blocker whose absence nobody notices: either the attack or the oracle has no teeth.
        let toothless = ablation.expected == AblationVerdict::SoleBlocker;
        let to = if toothless { ScenarioVerdict::Toothless } else { ScenarioVerdict::Breach };
        worse(to, reason, ablation.token.as_deref());
    }
    for pair in fold.pairs.iter().filter(|pair| !pair.alike) {
        let difference = pair.difference.as_deref().unwrap_or("");
        let reason = format!("{} non-interference of {}: {difference}", pair.mode.as_str(), pair.tenant);
        worse(ScenarioVerdict::Breach, reason, Some(&pair.token));
    }
    ScenarioRecord {
        name: scenario.name.into(),
        title: scenario.title.into(),
        threat: scenario.threat.into(),
        stride: scenario.stride.map(Into::into),
        requirements: scenario.requirements.iter().map(|r| (*r).into()).collect(),
        verdict,
        why,
        replay,
        canary: scenario.canary,
        marks_declared: scenario.marks().map(Into::into).collect(),
        passes: fold.passes.into_values().collect(),
        ablations: fold.ablations,
        non_interference: fold.pairs,
    }
}

/// Says so when what was done is too little to prove anything.
fn cut_short(settings: &Settings, scenario: &Scenario, fold: &Fold) -> Option<String> {
    let needed = step::head(settings, scenario).len() as u64;
    let open = needed.saturating_sub(fold.others);
    let (ran, all) = (fold.swarm, settings.swarm_seeds);
    let floor = settings.swarm_floor.min(all);
    if open > 0 {
        Some(format!("{open} of {needed} steps that a verdict needs were left out"))
    } else if ran < floor {
        Some(format!("{ran} of {all} swarm seeds ran, at least {floor} are needed"))
    } else {
        None
    }
}

fn expected_partner(scenario: &Scenario, control: &str, variant: &str) -> Option<String> {
    let variant = scenario.variants.iter().find(|v| v.name == variant)?;
    let expected = variant.controls.iter().find(|e| e.control.id == control)?;
    expected.partner.map(|p| p.id.into())
}
