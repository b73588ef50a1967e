//! Faults of a link: loss, delay, duplication, reorder, damage, bandwidth.
//!
//! One type, because they differ only in what they write into the fate.

use super::{Ends, Fate, Fault, Passing};
use crate::seed::{below, chance_ppm};
use crate::time::{Duration, Instant};

/// A fault that has struck nobody yet strikes the next message after this many times as many as it spares on average.
/// By luck alone one stretch in twenty spares so many; on a quiet link a whole stretch went by without a strike, and a
/// fault that never struck proves nothing.
const SPARED_TIMES_MAX: u64 = 3;

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
    /// Messages that it spared before it first struck one; nothing from then on.
    spared: Option<u64>,
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
        LinkFault { kind, ends, strength, free_at: Instant::ZERO, spared: Some(0) }
    }

    /// Whether it strikes a message that drew this, if it strikes by chance.
    fn strikes(&mut self, drawn: u64) -> bool {
        let spared = self.spared.unwrap_or(0);
        let overdue = spared.saturating_mul(self.strength) >= SPARED_TIMES_MAX * 1_000_000;
        let strikes = chance_ppm(drawn, self.strength) || self.spared.is_some() && overdue && self.strength > 0;
        self.spared = self.spared.filter(|_| !strikes).map(|spared| spared + 1);
        strikes
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
        let kind = self.kind;
        match kind {
            Kind::Delay => fate.later += Duration::micros(self.strength),
            Kind::Bandwidth => fate.later += self.queue(passing),
            _ if !self.strikes(draw()) => return false,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Ends;

    fn loss(strength: u64) -> LinkFault {
        LinkFault::new("loss", Ends { from: vec![true], to: vec![false, true] }, strength)
    }

    #[test]
    fn a_fault_that_luck_kept_quiet_strikes_once_and_then_by_chance_again() {
        let mut fault = loss(20_000);
        let struck: Vec<usize> = (0..1_000).filter(|_| fault.strikes(u64::MAX)).collect();
        assert_eq!(struck, [150], "three times fifty are spared, on which one loss is due on average");
        let mut lucky = loss(20_000);
        assert!(lucky.strikes(0));
        assert!(!(0..1_000).any(|_| lucky.strikes(u64::MAX)), "who has struck owes nothing");
        assert!(!(0..1_000).any(|_| loss(0).strikes(u64::MAX)));
    }
}
