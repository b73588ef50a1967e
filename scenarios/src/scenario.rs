//! What a scenario is: a seeded story with a threat, attack variants, and the verdict it declares for each control.
//!
//! A scenario is one hand-written file. It says beforehand what every ablation will show; a difference fails the gate,
//! in either direction.

use crate::stage::Stage;
use sim::control::Control;
use sim::record::AblationVerdict;

/// A story.
pub struct Scenario {
    /// `group/name`, as it is typed.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// The threat, in sentences.
    pub threat: &'static str,
    /// STRIDE letter, if it is one.
    pub stride: Option<char>,
    /// Requirements that its oracles judge.
    pub requirements: &'static [&'static str],
    /// Ways to attack, or to fail.
    pub variants: &'static [Variant],
    /// Whether it must fail. A gate whose canary passes is blind.
    pub canary: bool,
    /// Sets the stage: tenants, traffic, attackers, faults, oracles.
    pub build: fn(&mut Stage),
}

/// One way to attack.
pub struct Variant {
    /// Name, unique in the scenario.
    pub name: &'static str,
    /// The mark it hits when it stands before the door.
    pub mark: &'static str,
    /// What each control's ablation will show.
    pub controls: &'static [Expectation],
}

/// What an ablation will show.
pub struct Expectation {
    /// The control that is switched off.
    pub control: &'static Control,
    /// The verdict.
    pub verdict: AblationVerdict,
    /// For [`AblationVerdict::Redundant`] of 2: the other layer.
    pub partner: Option<&'static Control>,
}

/// The attack succeeds when `control` is off.
pub const fn sole(control: &'static Control) -> Expectation {
    Expectation { control, verdict: AblationVerdict::SoleBlocker, partner: None }
}

/// The attack succeeds only when both are off: two layers.
pub const fn layered(control: &'static Control, partner: &'static Control) -> Expectation {
    Expectation { control, verdict: AblationVerdict::Redundant(2), partner: Some(partner) }
}

impl Scenario {
    /// Every mark that it must reach.
    pub fn marks(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.variants.iter().map(|v| v.mark)
    }
    /// Every control that it expects something of, in order of declaration, once.
    pub fn controls(&self) -> Vec<&'static Control> {
        let mut controls: Vec<&'static Control> = Vec::new();
        for expected in self.variants.iter().flat_map(|v| v.controls) {
            if !controls.iter().any(|c| c.slot == expected.control.slot) {
                controls.push(expected.control);
            }
        }
        controls
    }
}
