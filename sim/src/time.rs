//! Simulated time: integer nanoseconds since the start of a run.
//!
//! There is no clock here. An [`Instant`] comes in as an argument; nothing below the engines can ask for one.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

/// Seconds between the Unix epoch and instant zero of every run: 2026-01-05T00:00:00Z, the first day of the
/// governance document's sprint. Fixed, so that tokens and certificates carry the same bytes on every machine.
pub const EPOCH_UNIX_S: u64 = 1_767_571_200;

/// A point in simulated time, in nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub u64);

/// A span of simulated time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(pub u64);

impl Instant {
    /// The start of the run.
    pub const ZERO: Instant = Instant(0);
    /// Later than every event of any run.
    pub const NEVER: Instant = Instant(u64::MAX);

    /// Nanoseconds since the start of the run.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch (RFC 7519 `NumericDate`), counted from [`EPOCH_UNIX_S`].
    pub const fn unix_seconds(self) -> u64 {
        EPOCH_UNIX_S + self.0 / 1_000_000_000
    }

    /// The span since `earlier`, or zero when `earlier` is later (clocks of different nodes may disagree).
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);

    /// A span of `n` nanoseconds.
    pub const fn nanos(n: u64) -> Duration {
        Duration(n)
    }
    /// A span of `n` microseconds.
    pub const fn micros(n: u64) -> Duration {
        Duration(n * 1_000)
    }
    /// A span of `n` milliseconds.
    pub const fn millis(n: u64) -> Duration {
        Duration(n * 1_000_000)
    }
    /// A span of `n` seconds.
    pub const fn secs(n: u64) -> Duration {
        Duration(n * 1_000_000_000)
    }
    /// The span in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// The span in whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }
    /// The span in whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }
    /// `self × num / den` in 128-bit arithmetic, rounded down.
    pub const fn scale(self, num: u64, den: u64) -> Duration {
        Duration(((self.0 as u128 * num as u128) / den as u128) as u64)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(d.0))
    }
}
impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}
impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, d: Duration) -> Instant {
        Instant(self.0.saturating_sub(d.0))
    }
}
impl Add for Duration {
    type Output = Duration;
    fn add(self, d: Duration) -> Duration {
        Duration(self.0.saturating_add(d.0))
    }
}
impl AddAssign for Duration {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}
impl Mul<u64> for Duration {
    type Output = Duration;
    fn mul(self, n: u64) -> Duration {
        Duration(self.0.saturating_mul(n))
    }
}

impl fmt::Display for Instant {
    /// Seconds with microseconds, as a timeline prints them: `12.345678s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000_000, self.0 / 1_000 % 1_000_000)
    }
}

impl fmt::Display for Duration {
    /// In the largest unit that keeps three digits: `1.250s`, `3.400ms`, `250µs`, `17ns`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0;
        if ns >= 1_000_000_000 {
            write!(f, "{}.{:03}s", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
        } else if ns >= 1_000_000 {
            write!(f, "{}.{:03}ms", ns / 1_000_000, ns / 1_000 % 1_000)
        } else if ns >= 1_000 {
            write!(f, "{}µs", ns / 1_000)
        } else {
            write!(f, "{ns}ns")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_as_seconds_and_a_duration_in_its_own_unit() {
        assert_eq!(Instant(1_234_567_890).to_string(), "1.234567s");
        assert_eq!(Duration::millis(3).to_string(), "3.000ms");
        assert_eq!(Duration::micros(250).to_string(), "250µs");
    }

    #[test]
    fn time_before_an_instant_is_zero_not_a_wrap() {
        assert_eq!(Instant(5).since(Instant(9)), Duration::ZERO);
        assert_eq!(Instant(5) - Duration(9), Instant::ZERO);
    }
}
