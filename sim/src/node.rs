//! Nodes: what one is made of, and how its own clock runs.

use crate::machine::{Ctx, Machine, Outbox, Platform};
use crate::seed::Quantiles;
use crate::time::{Duration, Instant};
use std::rc::Rc;

/// Boots a node's machine from its disk.
pub type Boot<P> = Rc<dyn Fn(&mut Ctx<'_, P>, &mut Outbox<P>) -> Box<dyn Machine<P>>>;

/// What a node is.
pub struct NodeSpec<P: Platform> {
    /// Unique role, `cell-a/gateway`: how scenarios, tokens and reports address it.
    pub role: String,
    /// The group that fails together, `cell-a`.
    pub group: String,
    /// The part of the group that fails together, `cell-a/zone-1`.
    pub zone: String,
    /// Inputs handled at the same time; 0 means without bound (a population of clients, not a server).
    pub workers: u16,
    /// Messages that may wait; one more is refused.
    pub queue_max: u32,
    /// Time a sync of the disk takes, in nanoseconds.
    pub sync_ns: Quantiles,
    /// Boots its machine.
    pub boot: Boot<P>,
}

/// A node's own clock: global time, shifted and stretched.
///
/// Local time never runs backwards: skew is set when a fault begins and read as a jump, as NTP steps do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clock {
    /// Offset in nanoseconds, added to global time.
    pub skew_ns: i64,
    /// Drift in parts per million since `drift_from`.
    pub drift_ppm: i32,
    /// When the drift began.
    pub drift_from: Instant,
}

impl Clock {
    /// What this clock shows at global instant `now`.
    #[inline]
    pub fn local(&self, now: Instant) -> Instant {
        if self.skew_ns == 0 && self.drift_ppm == 0 {
            return now;
        }
        let drifted = i128::from(now.since(self.drift_from).0) * i128::from(self.drift_ppm) / 1_000_000;
        let local = i128::from(now.0) + i128::from(self.skew_ns) + drifted;
        Instant(u64::try_from(local.max(0)).unwrap_or(u64::MAX))
    }

    /// The global span that this clock takes for `local`, rounded up: a fast clock's timers fire early, but what waits
    /// for a later instant never waits for no time, or it would ask again for ever without any passing.
    #[inline]
    pub fn global_span(&self, local: Duration) -> Duration {
        if self.drift_ppm == 0 {
            return local;
        }
        let rate = (1_000_000 + i64::from(self.drift_ppm)).max(1) as u128;
        Duration(u64::try_from((u128::from(local.0) * 1_000_000).div_ceil(rate)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_shows_more_and_waits_less() {
        let clock = Clock { skew_ns: 0, drift_ppm: 1_000_000, drift_from: Instant::ZERO };
        assert_eq!(clock.local(Instant(10)), Instant(20));
        assert_eq!(clock.global_span(Duration(10)), Duration(5));
    }

    #[test]
    fn whoever_waits_for_a_later_instant_of_a_drifting_clock_gets_there() {
        for drift_ppm in [-900_000, -200, -1, 1, 200, 80_000, 1_000_000] {
            let clock = Clock { skew_ns: 0, drift_ppm, drift_from: Instant(5) };
            let (mut now, due) = (Instant(1_000), clock.local(Instant(1_000)) + Duration(77));
            let mut waits = 0;
            while clock.local(now) < due {
                now += clock.global_span(due.since(clock.local(now)));
                waits += 1;
                assert!(waits < 40, "{drift_ppm}");
            }
            assert_eq!(clock.global_span(Duration::ZERO), Duration::ZERO);
        }
    }

    #[test]
    fn a_skewed_clock_never_shows_time_before_the_run() {
        let clock = Clock { skew_ns: -50, ..Clock::default() };
        assert_eq!(clock.local(Instant(10)), Instant::ZERO);
        assert_eq!(clock.local(Instant(60)), Instant(10));
    }
}
