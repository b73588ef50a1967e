//! How long a run is, and what happens in which part of it.

use models::luck;
use sim::choice::Choice;
use sim::seed::Draws;
use sim::{Duration, Instant};

/// Length of the acts.
#[derive(Clone, Copy, Debug)]
pub struct Acts {
    /// Honest traffic begins.
    pub traffic_from: Instant,
    /// Faults stop here.
    pub safety_until: Instant,
    /// Honest traffic ends.
    pub traffic_until: Instant,
    /// Clients read again what they wrote.
    pub verify_from: Instant,
    /// The run ends.
    pub end: Instant,
}

impl Default for Acts {
    fn default() -> Acts {
        Acts {
            traffic_from: Instant(800_000_000),
            safety_until: Instant(7_000_000_000),
            traffic_until: Instant(10_000_000_000),
            verify_from: Instant(10_500_000_000),
            end: Instant(13_000_000_000),
        }
    }
}

impl Acts {
    /// Gives what is honest so much more time to be served again once faults have stopped.
    pub fn recover_longer(&mut self, by: Duration) {
        for at in [&mut self.traffic_until, &mut self.verify_from, &mut self.end] {
            *at += by;
        }
    }

    /// The acts as the choice map has them: the usual ones, or everything after the first traffic so much earlier. What
    /// is planned in them stays where it was.
    pub(super) fn chosen(self, draws: &Draws) -> Acts {
        let sooner = Duration(draws.choose(ACTS_SOONER, 0).min(self.safety_until.since(self.traffic_from).0));
        Acts {
            traffic_from: self.traffic_from,
            safety_until: self.safety_until - sooner,
            traffic_until: self.traffic_until - sooner,
            verify_from: self.verify_from - sooner,
            end: self.end - sooner,
        }
    }
}

/// How much earlier than usual the acts of a run end, in nanoseconds.
pub const ACTS_SOONER: Choice = Choice { purpose: luck::ACTS.id, cause: 0, n: 0 };
