//! Faults of a link: loss, delay, duplication, reorder, damage, bandwidth.
//!
//! One type, because they differ only in what they write into the fate.

use super::{Ends, Fate, Fault, Passing};
use crate::seed::{below, chance_ppm};
use crate::time::{Duration, Instant};

/// The latest that a reordered or repeated message may be late.
const LATE_MAX: Duration = Duration::millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Loss,
    Delay,
    Duplicate,
    Reorder,
    Corrupt,
    Bandwidth,
}

/// A link that misbehaves.
#[derive(Debug)]
pub struct LinkFault {
    kind: Kind,
    ends: Ends,
    strength: u64,
    free_at: Instant,
}

impl LinkFault {
    pub(super) fn new(kind: &str, ends: Ends, strength: u64) -> LinkFault {
        let kind = match kind {
            "loss" => Kind::Loss,
            "delay" => Kind::Delay,
            "duplicate" => Kind::Duplicate,
            "reorder" => Kind::Reorder,
            "corrupt" => Kind::Corrupt,
            _ => Kind::Bandwidth,
        };
        LinkFault { kind, ends, strength, free_at: Instant::ZERO }
    }

    fn queue(&mut self, passing: &Passing) -> Duration {
        let span = Duration::secs(u64::from(passing.size)).scale(1, self.strength.max(1));
        let start = self.free_at.max(passing.sent);
        self.free_at = start + span;
        self.free_at.since(passing.sent)
    }
}

impl Fault for LinkFault {
    fn on_network(&self) -> bool {
        true
    }

    fn fate(&mut self, passing: &Passing, draw: &mut dyn FnMut() -> u64, fate: &mut Fate) -> bool {
        if !self.ends.cover(passing.from, passing.to) {
            return false;
        }
        match self.kind {
            Kind::Delay => fate.later += Duration::micros(self.strength),
            Kind::Bandwidth => fate.later += self.queue(passing),
            _ if !chance_ppm(draw(), self.strength) => return false,
            Kind::Loss => fate.lost = true,
            Kind::Corrupt => fate.damaged = true,
            Kind::Duplicate => fate.again = Some(Duration(below(draw(), LATE_MAX.0))),
            Kind::Reorder => {
                fate.unordered = true;
                fate.later += Duration(below(draw(), LATE_MAX.0));
            }
        }
        true
    }
}
