//! Byte-rate quotas: a token bucket per principal, as `producer_byte_rate`.
//!
//! Kafka lets the request that overdraws the bucket pass, tells the client how long it is throttled, and stops reading
//! from its connection for that long. There is no socket here to leave a flood in, so what comes meanwhile is refused.

use crate::control;
use crate::control::{Control, Controls};
use crate::planted::KAFKA_QUOTA_EARNS_AGAIN;
use sim::{Duration, Instant};

/// Producers are held to their byte rate.
pub const QUOTA: Control = control!(
    "kafka.quota",
    upholds: ["EVT-08", "TEN-05"],
    off: "no producer_byte_rate is set: one tenant's flood fills disks and starves the others",
);

/// A byte rate with a burst.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Bytes per second, above zero.
    pub bytes_per_s: u64,
    /// Bytes that may come at once after silence.
    pub burst_bytes: u64,
}

/// The state of one principal's quota.
#[derive(Clone, Debug)]
pub struct Quota {
    rate: Rate,
    /// Bytes left, in byte-nanoseconds of the rate (bytes × 10⁹); negative when overdrawn.
    credit: i128,
    at: Instant,
    muted_until: Instant,
}

/// What a quota says of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// Serve it, then be silent for so many milliseconds (0: not at all).
    Serve(u32),
    /// The principal is muted for so many milliseconds more: do not serve.
    Muted(u32),
}

const NANOS: i128 = 1_000_000_000;

impl Quota {
    /// A full bucket.
    pub fn new(rate: Rate) -> Quota {
        let credit = i128::from(rate.burst_bytes) * NANOS;
        Quota { rate, credit, at: Instant::ZERO, muted_until: Instant::ZERO }
    }

    /// Charges a request of `bytes`.
    pub fn charge(&mut self, now: Instant, controls: &Controls, bytes: u64) -> Pace {
        if controls.on(&QUOTA) {
            if now < self.muted_until {
                return Pace::Muted(millis_up(self.muted_until.since(now)));
            }
            let rate = i128::from(self.rate.bytes_per_s.max(1));
            let earned = i128::from(now.since(self.at).as_nanos()) * rate;
            let full = i128::from(self.rate.burst_bytes) * NANOS;
            self.credit = (self.credit + earned).min(full) - i128::from(bytes) * NANOS;
            if !KAFKA_QUOTA_EARNS_AGAIN.is_planted() {
                self.at = now;
            }
            if self.credit < 0 {
                let wait = Duration::nanos(u64::try_from(-self.credit / rate).unwrap_or(u64::MAX));
                self.muted_until = now + wait;
                return Pace::Serve(millis_up(wait));
            }
        }
        Pace::Serve(0)
    }
}

fn millis_up(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::ControlSet;

    fn served_in_a_second(controls: &Controls, every: Duration) -> u64 {
        let mut quota = Quota::new(Rate { bytes_per_s: 10_000, burst_bytes: 1_000 });
        let (mut now, mut served) = (Instant(1), 0);
        while now < Instant::ZERO + Duration::secs(1) {
            if let Pace::Serve(_) = quota.charge(now, controls, 500) {
                served += 500;
            }
            now += every;
        }
        served
    }

    #[test]
    fn a_flood_gets_its_rate_and_burst_and_a_slow_producer_everything() {
        let on = Controls::all_on();
        assert!((10_000..=12_000).contains(&served_in_a_second(&on, Duration::micros(100))));
        assert_eq!(served_in_a_second(&on, Duration::millis(100)), 5_000);
    }

    #[test]
    fn without_a_quota_everything_is_served() {
        let off = Controls::with_off(ControlSet::EMPTY.with(QUOTA.slot));
        assert_eq!(served_in_a_second(&off, Duration::micros(100)), 5_000_000);
    }

    #[test]
    fn the_throttle_time_is_what_the_overdraft_takes_to_earn_back() {
        let mut quota = Quota::new(Rate { bytes_per_s: 1_000, burst_bytes: 100 });
        let on = Controls::all_on();
        assert_eq!(quota.charge(Instant::ZERO, &on, 300), Pace::Serve(200));
        assert_eq!(quota.charge(Instant::ZERO + Duration::millis(50), &on, 1), Pace::Muted(150));
        assert_eq!(quota.charge(Instant::ZERO + Duration::millis(200), &on, 0), Pace::Serve(0));
    }
}
