//! The standing of a scenario, and of a requirement in it: what a verdict means to a reader.
//!
//! A canary is the exception: one that breached has done its duty, and one that held means that the judges are blind.

use sim::record::{AblationRecord, AblationVerdict, GateRecord, Outward, ScenarioRecord, ScenarioVerdict};
use std::collections::BTreeSet;

/// The colour family of a verdict. Colour is never alone: a symbol and a word stand beside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Tone {
    /// Proved.
    Good,
    /// Broken.
    Bad,
    /// Nothing was proved, either way.
    Open,
    /// Did not run, or says nothing by itself.
    Quiet,
    /// A canary that failed as it must.
    Canary,
}

/// What became of a scenario, or of one requirement in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// Everything ran and nothing broke.
    Held,
    /// Broken with its controls on, or an ablation that differs from its declaration.
    Broken,
    /// Not broken itself, in a scenario that did not hold: no proof.
    Unproved,
    /// A mark was never reached.
    Vacuous,
    /// An attack went through and no oracle noticed.
    Toothless,
    /// The same token gave two digests.
    Nondeterministic,
    /// Did not run.
    Skipped,
    /// A canary that failed as it must.
    CanaryFailed,
    /// A canary that did not fail: the judges are blind.
    CanarySilent,
}

impl Standing {
    /// The standing of a scenario as a whole.
    pub fn of(scenario: &ScenarioRecord) -> Standing {
        match (&scenario.verdict, scenario.canary) {
            (ScenarioVerdict::Breach, true) => Standing::CanaryFailed,
            (ScenarioVerdict::Held, true) => Standing::CanarySilent,
            (ScenarioVerdict::Held, false) => Standing::Held,
            (ScenarioVerdict::Breach, false) => Standing::Broken,
            (ScenarioVerdict::Vacuous, _) => Standing::Vacuous,
            (ScenarioVerdict::Toothless, _) => Standing::Toothless,
            (ScenarioVerdict::Nondeterministic, _) => Standing::Nondeterministic,
            (ScenarioVerdict::Skipped(_), _) => Standing::Skipped,
        }
    }

    /// The standing of one requirement that the scenario judges. A breach is laid on the requirements that a finding
    /// or a mismatching ablation names, and on all of them when nothing is named.
    pub fn of_requirement(record: &GateRecord, scenario: &ScenarioRecord, requirement: &str) -> Standing {
        let whole = Standing::of(scenario);
        if whole != Standing::Broken {
            return whole;
        }
        let blamed = blamed(record, scenario);
        if blamed.is_empty() || blamed.contains(requirement) { Standing::Broken } else { Standing::Unproved }
    }

    /// One word, or as few as it takes.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Held => "held",
            Standing::Broken => "breach",
            Standing::Unproved => "unproved",
            Standing::Vacuous => "vacuous",
            Standing::Toothless => "toothless",
            Standing::Nondeterministic => "nondeterministic",
            Standing::Skipped => "skipped",
            Standing::CanaryFailed => "failed as it must",
            Standing::CanarySilent => "did not fail",
        }
    }

    /// What the word means, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Standing::Held => "Every pass ran, every mark was reached, nothing broke, every ablation was as declared.",
            Standing::Broken => "Broken with its controls on, or an ablation differs from its declaration.",
            Standing::Unproved => "Not broken itself, but the scenario did not hold, so nothing is proved.",
            Standing::Vacuous => "A mark was never reached, so nothing was proved.",
            Standing::Toothless => "A control was off, the attack went through, and no oracle noticed.",
            Standing::Nondeterministic => "The same token gave two digests.",
            Standing::Skipped => "Did not run.",
            Standing::CanaryFailed => "A canary: it must fail, and it did. Its breach does not count.",
            Standing::CanarySilent => "A canary must fail. This one did not, so the judges see nothing.",
        }
    }

    /// The colour family.
    pub fn tone(self) -> Tone {
        match self {
            Standing::Held => Tone::Good,
            Standing::Broken | Standing::CanarySilent => Tone::Bad,
            Standing::Vacuous | Standing::Toothless | Standing::Nondeterministic => Tone::Open,
            Standing::Unproved | Standing::Skipped => Tone::Quiet,
            Standing::CanaryFailed => Tone::Canary,
        }
    }

    /// How it leaves the house. A canary that failed counts as held, one that did not as toothless.
    pub fn outward(self) -> Outward {
        let verdict = match self {
            Standing::Held | Standing::CanaryFailed => ScenarioVerdict::Held,
            Standing::Broken => ScenarioVerdict::Breach,
            Standing::Vacuous => ScenarioVerdict::Vacuous,
            Standing::Toothless | Standing::CanarySilent => ScenarioVerdict::Toothless,
            Standing::Nondeterministic => ScenarioVerdict::Nondeterministic,
            Standing::Unproved | Standing::Skipped => ScenarioVerdict::Skipped(String::new()),
        };
        verdict.outward()
    }
}

/// Requirements that a scenario's breach is laid on: those of findings made with all controls on, and those that a
/// control with an undeclared ablation upholds.
pub fn blamed<'a>(record: &'a GateRecord, scenario: &'a ScenarioRecord) -> BTreeSet<&'a str> {
    let runs = scenario.passes.iter().flat_map(|p| &p.kept);
    let found = runs.flat_map(|run| &run.findings).map(|f| f.requirement.as_str());
    let odd: BTreeSet<&str> =
        scenario.ablations.iter().filter(|a| !as_declared(a)).map(|a| a.control.as_str()).collect();
    let upheld = record.controls.iter().filter(|c| odd.contains(c.id.as_str())).flat_map(|c| &c.upholds);
    found.chain(upheld.map(String::as_str)).collect()
}

/// Whether an ablation came out as the scenario declared.
pub fn as_declared(ablation: &AblationRecord) -> bool {
    ablation.expected == ablation.observed
}

/// How an ablation counts by itself. A void run proves nothing either way; a control that was declared to stop an
/// attack alone, and did not visibly do so, says that the attack or the oracle has no teeth; any other difference from
/// the declaration is a breach of it.
pub fn of_ablation(ablation: &AblationRecord) -> ScenarioVerdict {
    match (ablation.expected, ablation.observed) {
        _ if as_declared(ablation) => ScenarioVerdict::Held,
        (_, AblationVerdict::Void) => ScenarioVerdict::Vacuous,
        (AblationVerdict::SoleBlocker, _) => ScenarioVerdict::Toothless,
        _ => ScenarioVerdict::Breach,
    }
}
