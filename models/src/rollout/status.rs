//! How far a rollout has come, and what of that holds for whom.

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::rollout::Held;
use serde::{Deserialize, Serialize};
use sim::Instant;

/// Routes go back first, then configuration, then caches are swept.
pub const ROLLBACK_ORDER: Control = control!("rollout.order", upholds: ["ROL-02", "CAC-03"],
    off: "the steps of a rollback run in the order of their files' names: cache, config, routes");
/// A rollback sweeps the caches.
pub const CACHE_SWEEP: Control = control!("rollout.cache-sweep", upholds: ["CAC-03", "ROL-02"],
    off: "a rollback leaves the caches as they are: what the canary has put there is served until it expires");
/// A rollback that was begun is ended, whoever lost power meanwhile.
pub const RESUMED: Control = control!("rollout.resumed", upholds: ["ROL-02"],
    off: "the steps of a rollback are those of a job: when its runner loses power nobody goes on with them");

/// Where a rollout stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// There is none.
    Idle,
    /// The canary starts, and its configuration is synchronised.
    Preparing,
    /// Its answers are compared, since then.
    Checking(Instant),
    /// It gets requests, since then.
    Live(Instant),
    /// All instances become what it is.
    Promoting,
    /// It is taken back: at this step.
    RollingBack(u8),
}

/// A step of a rollback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nobody is sent to the canary any more.
    Routes,
    /// The configuration is again that of the stable release.
    Config,
    /// Nothing is read any more that was kept before.
    Sweep,
}

/// The steps of a rollback, in order.
pub fn steps(controls: &Controls) -> [Step; 3] {
    if controls.on(&ROLLBACK_ORDER) {
        [Step::Routes, Step::Config, Step::Sweep]
    } else {
        [Step::Sweep, Step::Config, Step::Routes]
    }
}

/// What a controller knows, and has on its disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// What holds.
    pub held: Held,
    /// How far the rollout has come.
    pub phase: Phase,
    /// The last release that was begun with: none is begun with twice.
    pub attempted: u32,
}

impl Status {
    /// Before there was any rollout: everybody runs this release.
    pub fn first(release: u32) -> Status {
        let held = Held { at: 0, stable: release, canary: None, weight: 0, config: release, swept: 0 };
        Status { held, phase: Phase::Idle, attempted: release }
    }

    /// A step of a rollback is taken.
    pub fn take(&mut self, controls: &Controls, step: Step) {
        match step {
            Step::Routes => self.held.weight = 0,
            Step::Config => self.held.config = self.held.stable,
            Step::Sweep => self.held.swept += u64::from(controls.on(&CACHE_SWEEP)),
        }
    }

    /// As it stands on the disk.
    pub fn kept(&self, controls: &Controls) -> Status {
        match self.phase {
            Phase::RollingBack(_) if !controls.on(&RESUMED) => Status { phase: Phase::Idle, ..*self },
            _ => *self,
        }
    }
}
