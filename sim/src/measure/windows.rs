//! Good and bad events by time: fixed windows from the start of a run, mergeable, and sums over any span of them.
//!
//! Sums are of counts. The mean of many short ratios is another number: it underrates an incident in the busy hour,
//! and one empty window makes it undefined for the whole month.

use crate::time::{Duration, Instant};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign};

/// More windows than a year of minutes or half a year of seconds; an instant beyond them is a bug of the caller.
const WINDOWS_MAX: usize = 1 << 24;

/// Events that count, by outcome.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Tally {
    /// Served as promised.
    pub good: u64,
    /// Not served as promised.
    pub bad: u64,
}

/// Good and bad events per window of fixed width, from instant zero.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Windows {
    width: Duration,
    counts: Vec<Tally>,
}

/// The running sums of [`Windows`]: any span in constant time. Made once, after the last event.
#[derive(Clone, Debug)]
pub struct Timeline {
    width: Duration,
    /// `sums[i]` holds all events before window `i`.
    sums: Vec<Tally>,
}

/// Windows of different width do not add up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WidthMismatch {
    /// Width of the windows merged into.
    pub mine: Duration,
    /// Width of the others.
    pub theirs: Duration,
}

impl Tally {
    /// All events that count.
    pub fn total(self) -> u64 {
        self.good.saturating_add(self.bad)
    }
}

impl Windows {
    /// No events yet. Panics when `width` is zero.
    pub fn new(width: Duration) -> Windows {
        Windows::from_counts(width, [])
    }

    /// Windows that were counted elsewhere: (good, bad) from instant zero on. Panics when `width` is zero.
    pub fn from_counts(width: Duration, counts: impl IntoIterator<Item = (u64, u64)>) -> Windows {
        assert!(width > Duration::ZERO, "a window has a width");
        Windows { width, counts: counts.into_iter().map(Tally::from).collect() }
    }

    /// Counts one event at `now`.
    pub fn record(&mut self, now: Instant, good: bool) {
        self.add(now, Tally { good: u64::from(good), bad: u64::from(!good) });
    }

    /// Counts many events at `now`. Panics when `now` lies beyond 2²⁴ windows, as [`Instant::NEVER`] does.
    pub fn add(&mut self, now: Instant, events: Tally) {
        let index = (now.as_nanos() / self.width.as_nanos()) as usize;
        if index >= self.counts.len() {
            assert!(index < WINDOWS_MAX, "an event at {now} lies outside of any run");
            self.counts.resize(index + 1, Tally::default());
        }
        self.counts[index] += events;
    }

    /// Adds the events of `other`, window by window. Order and grouping of merges do not matter.
    pub fn merge(&mut self, other: &Windows) -> Result<(), WidthMismatch> {
        if self.width != other.width {
            return Err(WidthMismatch { mine: self.width, theirs: other.width });
        }
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), Tally::default());
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += *theirs);
        Ok(())
    }

    /// Width of a window.
    pub fn width(&self) -> Duration {
        self.width
    }

    /// The windows, from instant zero to the last that counted anything.
    pub fn counts(&self) -> &[Tally] {
        &self.counts
    }

    /// Everything: Σgood and Σbad, from which a period's ratio is made.
    pub fn total(&self) -> Tally {
        self.counts.iter().fold(Tally::default(), |sum, &window| sum + window)
    }

    /// Running sums, for questions about spans.
    pub fn timeline(&self) -> Timeline {
        let mut sums = Vec::with_capacity(self.counts.len() + 1);
        let mut sum = Tally::default();
        sums.push(sum);
        for &window in &self.counts {
            sum += window;
            sums.push(sum);
        }
        Timeline { width: self.width, sums }
    }
}

impl Timeline {
    /// Width of a window.
    pub fn width(&self) -> Duration {
        self.width
    }

    /// The end of the last window.
    pub fn end(&self) -> Instant {
        Instant::ZERO + self.width * (self.sums.len() - 1) as u64
    }

    /// The end of every window, in order.
    pub fn ends(&self) -> impl Iterator<Item = Instant> + use<> {
        let width = self.width;
        (1..self.sums.len() as u64).map(move |index| Instant::ZERO + width * index)
    }

    /// Events of the windows that end inside `(until − span, until]`. A span that reaches back before the run counts
    /// what is there; a window that is not over at `until` does not count yet.
    pub fn before(&self, until: Instant, span: Duration) -> Tally {
        let last = until.as_nanos() / self.width.as_nanos();
        let first = last.saturating_sub(span.as_nanos() / self.width.as_nanos());
        let at = |index: u64| self.sums[(index as usize).min(self.sums.len() - 1)];
        let (from, to) = (at(first), at(last));
        Tally { good: to.good - from.good, bad: to.bad - from.bad }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        *self = *self + other;
    }
}

impl Add for Tally {
    type Output = Tally;
    fn add(self, other: Tally) -> Tally {
        Tally { good: self.good.saturating_add(other.good), bad: self.bad.saturating_add(other.bad) }
    }
}

impl From<(u64, u64)> for Tally {
    fn from((good, bad): (u64, u64)) -> Tally {
        Tally { good, bad }
    }
}

impl From<Tally> for (u64, u64) {
    fn from(tally: Tally) -> (u64, u64) {
        (tally.good, tally.bad)
    }
}

impl fmt::Display for WidthMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to merge windows of {} into windows of {}", self.theirs, self.mine)
    }
}

impl std::error::Error for WidthMismatch {}

/// The serialised form: `{"width_ns":60000000000,"counts":[[120,0],[119,1]]}`.
#[derive(Serialize, Deserialize)]
struct Raw {
    width_ns: Duration,
    counts: Vec<Tally>,
}

impl From<Windows> for Raw {
    fn from(windows: Windows) -> Raw {
        Raw { width_ns: windows.width, counts: windows.counts }
    }
}

impl TryFrom<Raw> for Windows {
    type Error = &'static str;
    fn try_from(raw: Raw) -> Result<Windows, &'static str> {
        match raw.width_ns {
            Duration::ZERO => Err("a window of width zero"),
            _ if raw.counts.len() > WINDOWS_MAX => Err("more than 2^24 windows"),
            width => Ok(Windows { width, counts: raw.counts }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::secs(60);

    fn at(minutes: u64) -> Instant {
        Instant::ZERO + MINUTE * minutes
    }

    #[test]
    fn a_span_counts_finished_windows_only() {
        let mut windows = Windows::new(MINUTE);
        windows.record(at(0), true);
        windows.record(at(1), false);
        windows.add(at(3) + Duration::nanos(1), Tally { good: 5, bad: 2 });
        let timeline = windows.timeline();
        assert_eq!(timeline.end(), at(4));
        let check = |until, span, expected: (u64, u64)| {
            assert_eq!(timeline.before(until, span), Tally::from(expected), "{span} before {until}");
        };
        check(at(0), MINUTE, (0, 0));
        check(at(1), MINUTE, (1, 0));
        check(at(2), MINUTE, (0, 1));
        check(at(2), MINUTE * 2, (1, 1));
        check(at(4) - Duration::nanos(1), MINUTE * 60, (1, 1));
        check(at(4), MINUTE * 60, (6, 3));
        check(at(5), MINUTE, (0, 0));
        check(Instant::NEVER, MINUTE, (0, 0));
        assert_eq!(windows.total(), Tally { good: 6, bad: 3 });
    }

    #[test]
    fn windows_of_another_width_are_refused() {
        let mut minutes = Windows::new(MINUTE);
        let refused = minutes.merge(&Windows::new(Duration::secs(1))).unwrap_err();
        assert_eq!(refused.to_string(), "failed to merge windows of 1.000s into windows of 60.000s");
        assert!(serde_json::from_str::<Windows>(r#"{"width_ns":0,"counts":[]}"#).is_err());
    }

    #[test]
    fn the_serialised_form_is_counts_from_zero() {
        let windows = Windows::from_counts(MINUTE, [(120, 0), (119, 1)]);
        let text = serde_json::to_string(&windows).unwrap();
        assert_eq!(text, r#"{"width_ns":60000000000,"counts":[[120,0],[119,1]]}"#);
        assert_eq!(serde_json::from_str::<Windows>(&text).unwrap(), windows);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn merging_windows_is_counting_everything_in_one(
            events in prop::collection::vec((0_u64..200, any::<bool>(), 0_usize..3), 0..200)
        ) {
            let mut parts = [Windows::new(MINUTE), Windows::new(MINUTE), Windows::new(MINUTE)];
            let mut one = Windows::new(MINUTE);
            for &(minute, good, part) in &events {
                parts[part].record(at(minute), good);
                one.record(at(minute), good);
            }
            for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
                let mut all = Windows::new(MINUTE);
                order.iter().for_each(|&i| all.merge(&parts[i]).unwrap());
                prop_assert_eq!(&all, &one);
            }
            let [mut a, mut b, c] = parts;
            b.merge(&c).unwrap();
            a.merge(&b).unwrap();
            prop_assert_eq!(&a, &one);
            let timeline = one.timeline();
            prop_assert_eq!(timeline.before(timeline.end(), MINUTE * 200), one.total());
        }
    }
}
