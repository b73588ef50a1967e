//! The arbiter that lends leadership: etcd or a Kubernetes lease under Patroni in a real deployment.
//!
//! It never compares clocks: a lease runs one term from when the primary *asked*, on the primary's clock, and the
//! arbiter waits one term and a margin from when it *heard*, on its own. Only the rates of the two clocks matter.

use crate::wire::sql::{Lease, Timeline};
use sim::{Duration, Instant};

/// Clocks may differ in rate by one part in this many before two primaries could overlap.
const DRIFT_PART: u64 = 8;

/// The arbiter of one primary and its standby.
#[derive(Clone, Debug)]
pub struct Arbiter {
    timeline: Timeline,
    term: Duration,
    /// When the present lease has surely run out, on the arbiter's clock.
    free_at: Instant,
    /// The youngest request that was granted, on the primary's clock: older ones arrive late and say nothing.
    newest: Instant,
    /// Whether the standby has every acknowledged commit.
    eligible: bool,
}

impl Arbiter {
    /// An arbiter for a primary on `timeline` and a standby that is in step with it.
    pub fn new(timeline: Timeline, term: Duration) -> Arbiter {
        Arbiter { timeline, term, free_at: Instant::ZERO, newest: Instant::ZERO, eligible: true }
    }

    /// Answers a word of a node.
    pub fn handle(&mut self, now: Instant, word: &Lease) -> Option<Lease> {
        match word {
            Lease::Renew { timeline, .. } if *timeline != self.timeline => {
                Some(Lease::Refused { timeline: self.timeline })
            }
            Lease::Renew { timeline, asked, synchronous } => {
                if *asked < self.newest {
                    return None;
                }
                self.newest = *asked;
                self.eligible = *synchronous;
                self.free_at = now + self.term + self.term.scale(1, DRIFT_PART);
                Some(Lease::Granted { timeline: *timeline, asked: *asked, synchronous: *synchronous })
            }
            Lease::Promote { timeline } if *timeline != self.timeline || !self.eligible => Some(Lease::Ineligible),
            Lease::Promote { .. } if now < self.free_at => Some(Lease::Wait),
            Lease::Promote { .. } => {
                self.timeline = Timeline(self.timeline.0 + 1);
                // The successor starts alone; nobody is in step with it yet.
                self.eligible = false;
                self.newest = Instant::ZERO;
                self.free_at = now + self.term + self.term.scale(1, DRIFT_PART);
                Some(Lease::Promoted { timeline: self.timeline })
            }
            _ => None,
        }
    }

    /// The highest timeline that was granted.
    pub fn timeline(&self) -> Timeline {
        self.timeline
    }
}
