//! A latency histogram that merges: microseconds, three significant digits, from 1 µs to 1 h.
//!
//! It errs in one direction only. A duration is rounded up to a whole microsecond and read back as the upper end of its
//! bin, so a reported quantile is never below the true one. Most histograms of a run hold a handful of samples, and a
//! full bin array takes 188 kB: the first thousand samples are kept as they are, and the array comes after that, as
//! long as its longest sample demands (98 kB for two seconds).

use super::bounds;
use crate::time::Duration;
use hdrhistogram::Histogram;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Longest latency that can be told apart; everything longer is recorded as this.
pub const HIGHEST: Duration = Duration::secs(3_600);

const HIGHEST_US: u64 = HIGHEST.as_micros();
const DIGITS: u8 = 3;
/// Values below this have a bin each: two to the eleventh, the first power of two that keeps three digits (2 × 10³).
const EXACT_BELOW: u64 = 2_048;
/// What the bins reach at first; they grow when something longer is recorded.
const FIRST_US: u64 = 1 << 17;
/// Samples kept one by one before the bins are allocated: 4 kB against 188 kB.
const FEW_MAX: usize = 1_024;

/// A mergeable latency histogram. Record from the *intended* start of a request, or a stalled client hides the stall
/// (coordinated omission).
#[derive(Clone)]
pub struct Latency {
    samples: Samples,
}

#[derive(Clone)]
enum Samples {
    /// Microseconds in arrival order.
    Few(Vec<u32>),
    Many(Box<Histogram<u64>>),
}

impl Latency {
    /// Records one request. Rounds up to a microsecond; longer than [`HIGHEST`] counts as [`HIGHEST`].
    #[inline]
    pub fn record(&mut self, latency: Duration) {
        let us = latency.as_nanos().div_ceil(1_000).clamp(1, HIGHEST_US);
        match &mut self.samples {
            Samples::Few(few) if few.len() < FEW_MAX => few.push(us as u32),
            Samples::Few(_) => record(self.bins_mut(), us),
            Samples::Many(bins) => record(bins, us),
        }
    }

    /// Adds all samples of `other`. Order and grouping of merges do not matter.
    pub fn merge(&mut self, other: &Latency) {
        match (&mut self.samples, &other.samples) {
            (Samples::Few(mine), Samples::Few(theirs)) if mine.len() + theirs.len() <= FEW_MAX => {
                mine.extend_from_slice(theirs);
            }
            (_, Samples::Few(theirs)) => {
                let bins = self.bins_mut();
                theirs.iter().for_each(|&us| record(bins, u64::from(us)));
            }
            (_, Samples::Many(theirs)) => {
                self.bins_mut().add(theirs.as_ref()).expect("a histogram grows to what is added");
            }
        }
    }

    /// Samples recorded.
    pub fn count(&self) -> u64 {
        match &self.samples {
            Samples::Few(few) => few.len() as u64,
            Samples::Many(bins) => bins.len(),
        }
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The quantile in hundredths of a percent (`9_500` is p95): the sample of rank ⌈n·q⌉, read as the upper end of its
    /// bin. Zero when nothing was recorded. Above `10_000` is the maximum.
    pub fn quantile(&self, permyriad: u32) -> Duration {
        let n = self.count();
        let rank = (u128::from(n) * u128::from(permyriad.min(10_000))).div_ceil(10_000) as u64;
        self.at_rank(rank.max(1)).map_or(Duration::ZERO, Duration::micros)
    }

    /// The longest sample, read as the upper end of its bin; zero when nothing was recorded.
    pub fn max(&self) -> Duration {
        self.quantile(10_000)
    }

    /// Two-sided distribution-free interval for the true quantile at confidence `1 − alpha`, by order statistics (exact
    /// binomial), with the resolution of the bins added outward. `None` when there are too few samples for an upper
    /// end: [`Latency::samples_needed`] says how many it takes. The lower end is zero when only that one is missing.
    ///
    /// Panics unless `0 < alpha < 1`.
    pub fn quantile_interval(&self, permyriad: u32, alpha: f64) -> Option<(Duration, Duration)> {
        let high = self.quantile_ceiling(permyriad, alpha, u64::MAX)?;
        Some((self.quantile_floor(permyriad, alpha, u64::MAX), high))
    }

    /// The upper end alone, if the samples say as much as `effective` independent ones: their order statistic, read at
    /// the same share of the samples there are.
    pub(super) fn quantile_ceiling(&self, permyriad: u32, alpha: f64, effective: u64) -> Option<Duration> {
        let (n, m) = (self.count(), self.count().min(effective));
        let rank = bounds::upper_rank(m, permyriad, alpha / 2.0)?;
        let rank = (u128::from(rank) * u128::from(n)).div_ceil(u128::from(m)) as u64;
        self.at_rank(rank).map(Duration::micros)
    }

    /// The lower end alone, which needs fewer samples: with confidence `1 − alpha / 2` the true quantile is longer.
    pub(super) fn quantile_floor(&self, permyriad: u32, alpha: f64, effective: u64) -> Duration {
        let (n, m) = (self.count(), self.count().min(effective));
        let rank = bounds::lower_rank(m, permyriad, alpha / 2.0);
        let rank = rank.map(|rank| (u128::from(rank - 1) * u128::from(n) / u128::from(m)) as u64 + 1);
        // Recording rounded up, so the shortest duration of a bin lies just above the microsecond before its floor.
        let value = rank.and_then(|rank| self.at_rank(rank));
        value.map_or(Duration::ZERO, |us| Duration::micros(bin_floor(us) - 1))
    }

    /// Samples that [`Latency::quantile_interval`] needs at least: the smallest n with qⁿ ≤ alpha / 2. `None` for the
    /// extremes (0 and 10 000), which no number of samples bounds.
    pub fn samples_needed(permyriad: u32, alpha: f64) -> Option<u64> {
        bounds::samples_needed(permyriad, alpha / 2.0)
    }

    /// All bins that hold something, ascending: (upper end in microseconds, samples). The serialised form.
    pub fn bins(&self) -> Vec<(u64, u64)> {
        match &self.samples {
            Samples::Few(few) => {
                let mut sorted = few.clone();
                sorted.sort_unstable();
                let mut bins: Vec<(u64, u64)> = Vec::new();
                for us in sorted {
                    let top = bin_ceiling(u64::from(us));
                    match bins.last_mut() {
                        Some((last, count)) if *last == top => *count += 1,
                        _ => bins.push((top, 1)),
                    }
                }
                bins
            }
            Samples::Many(bins) => {
                bins.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
            }
        }
    }

    /// Upper end of the bin that holds the sample of this rank (1 is the shortest).
    fn at_rank(&self, rank: u64) -> Option<u64> {
        match &self.samples {
            Samples::Few(few) => {
                let index = usize::try_from(rank.checked_sub(1)?).ok().filter(|&i| i < few.len())?;
                let mut few = few.clone();
                Some(bin_ceiling(u64::from(*few.select_nth_unstable(index).1)))
            }
            Samples::Many(bins) => {
                let mut seen = 0_u64;
                bins.iter_recorded().find_map(|step| {
                    seen = seen.saturating_add(step.count_at_value());
                    (seen >= rank).then(|| step.value_iterated_to())
                })
            }
        }
    }

    /// The bins, allocated now if they were not yet.
    #[cold]
    fn allocate(&mut self) {
        if let Samples::Few(few) = &self.samples {
            let mut bins = Histogram::new_with_bounds(1, FIRST_US, DIGITS).expect("bounds are constants");
            bins.auto(true);
            few.iter().for_each(|&us| record(&mut bins, u64::from(us)));
            self.samples = Samples::Many(Box::new(bins));
        }
    }

    fn bins_mut(&mut self) -> &mut Histogram<u64> {
        self.allocate();
        match &mut self.samples {
            Samples::Many(bins) => bins,
            Samples::Few(_) => unreachable!("allocated above"),
        }
    }
}

/// Records a sample, which is no longer than [`HIGHEST`].
fn record(bins: &mut Histogram<u64>, us: u64) {
    bins.record(us).expect("a histogram grows to what is recorded");
}

/// How many low bits the bin of `us` cannot tell apart.
fn unresolved_bits(us: u64) -> u32 {
    if us < EXACT_BELOW { 0 } else { us.ilog2() - (EXACT_BELOW.ilog2() - 1) }
}

/// Longest value of the bin of `us`, as `Histogram::highest_equivalent` gives it; needs no histogram.
fn bin_ceiling(us: u64) -> u64 {
    us | ((1 << unresolved_bits(us)) - 1)
}

/// Shortest value of the bin of `us`.
fn bin_floor(us: u64) -> u64 {
    us >> unresolved_bits(us) << unresolved_bits(us)
}

impl Default for Latency {
    /// Empty, and nothing allocated.
    fn default() -> Latency {
        Latency { samples: Samples::Few(Vec::new()) }
    }
}

impl PartialEq for Latency {
    /// Equal when every bin holds as many samples; how they are kept does not matter.
    fn eq(&self, other: &Latency) -> bool {
        self.count() == other.count() && self.bins() == other.bins()
    }
}

impl Eq for Latency {}

impl fmt::Debug for Latency {
    /// The bins, as they are serialised.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Latency ")?;
        f.debug_list().entries(self.bins()).finish()
    }
}

impl Serialize for Latency {
    /// A list of `[upper end in µs, samples]`, ascending.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.bins())
    }
}

impl<'de> Deserialize<'de> for Latency {
    /// Refuses what [`Latency::serialize`] cannot have written: a value that is no upper end of a bin, values that do
    /// not ascend, an empty bin, more samples than can be counted.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Latency, D::Error> {
        let bins = Vec::<(u64, u64)>::deserialize(deserializer)?;
        let (mut total, mut previous) = (0_u64, 0_u64);
        for &(us, count) in &bins {
            if us <= previous {
                return Err(D::Error::custom(format_args!("latency {us} µs does not follow {previous} µs")));
            }
            if us > bin_ceiling(HIGHEST_US) || us != bin_ceiling(us) {
                return Err(D::Error::custom(format_args!("latency {us} µs is not the upper end of a bin")));
            }
            if count == 0 {
                return Err(D::Error::custom(format_args!("latency {us} µs has no samples")));
            }
            total = total.checked_add(count).ok_or_else(|| D::Error::custom("more latency samples than 2^64"))?;
            previous = us;
        }
        let mut latency = Latency::default();
        if total > FEW_MAX as u64 {
            let all = latency.bins_mut();
            let mut add = |us: u64, count| all.record_n(us.min(HIGHEST_US), count);
            bins.iter().for_each(|&(us, count)| add(us, count).expect("a histogram grows to what is recorded"));
        } else {
            bins.iter().for_each(|&(us, count)| (0..count).for_each(|_| latency.record(Duration::micros(us))));
        }
        Ok(latency)
    }
}

#[cfg(test)]
mod tests;
