//! What may be claimed after n trials: exact binomial (Clopper–Pearson) bounds, ranks for quantiles, sample sizes.
//!
//! The unit of a safety claim is the seed. Every bound returned is rounded outward to a whole part per billion, so that
//! two machines whose logarithms differ in the last bit print, digest and decide the same.
//!
//! The incomplete beta function is evaluated here and not by `statrs`, whose continued fraction stops after 140 terms
//! without saying so: at 10⁸ trials it returns −0.55 for a probability of one half. Its log-gamma is used.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::gamma::ln_gamma;

/// One part per billion is the grain of every bound.
const BILLION: u64 = 1_000_000_000;

/// One-sided upper bound on the failure probability, at `confidence` (0.95), after `failures` of `n` trials: the p at
/// which so few failures would have been seen only with probability `1 − confidence`. One when nothing was tried.
///
/// Panics unless `0 < confidence < 1`.
pub fn upper_bound(failures: u64, n: u64, confidence: f64) -> f64 {
    check_confidence(confidence);
    ratio(upper_ppb(failures, n, confidence))
}

/// Two-sided interval for the failure probability: half of `1 − confidence` at either end. `(0, 1)` when nothing was
/// tried. Panics unless `0 < confidence < 1`.
pub fn interval(failures: u64, n: u64, confidence: f64) -> (f64, f64) {
    let (low, high) = interval_ppb(failures, n, confidence);
    (ratio(low), ratio(high))
}

/// [`interval`] in parts per billion, for decisions.
pub fn interval_ppb(failures: u64, n: u64, confidence: f64) -> (u64, u64) {
    check_confidence(confidence);
    let one_sided = 1.0 - (1.0 - confidence) / 2.0;
    (lower_ppb(failures, n, one_sided), upper_ppb(failures, n, one_sided))
}

/// Clean seeds needed to claim that a seed fails with probability at most `p`: the smallest n with (1−p)ⁿ ≤
/// `1 − confidence`. Panics unless both lie strictly between 0 and 1.
pub fn seeds_needed(p: f64, confidence: f64) -> u64 {
    seeds_needed_allowing(0, p, confidence)
}

/// Seeds needed for the same claim when `failures` of them may fail. The number must be chosen before running: adding
/// seeds until a failure is diluted voids the bound. Panics like [`seeds_needed`].
pub fn seeds_needed_allowing(failures: u64, p: f64, confidence: f64) -> u64 {
    check_confidence(confidence);
    assert!(p > 0.0 && p < 1.0, "a probability to be claimed lies between 0 and 1, not at {p}");
    let enough = |n: u64| at_least(failures + 1, n, p) >= confidence;
    let mut high = failures + 1;
    while !enough(high) {
        high = high.checked_mul(2).expect("a claim of probability 2^-60 is no claim");
    }
    first(failures + 1, high, enough)
}

/// The confidence each of `claims` needs so that all hold together at `confidence` (Bonferroni).
pub fn joint_confidence(confidence: f64, claims: u32) -> f64 {
    1.0 - (1.0 - confidence) / f64::from(claims.max(1))
}

/// The mean; zero of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// One-sided upper bound on the mean of the law that `values` were drawn from, by Student's t: exact for a normal law,
/// and near it for as many values as the mean needs to be nearly normal. Infinite for fewer than two. Rounded outward
/// to a part per million.
///
/// Panics unless `0 < confidence < 1`.
pub fn mean_upper_bound(values: &[f64], confidence: f64) -> f64 {
    check_confidence(confidence);
    let (n, mean) = (values.len() as f64, mean(values));
    let Ok(t) = StudentsT::new(0.0, 1.0, n - 1.0) else { return f64::INFINITY };
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let upper = mean + t.inverse_cdf(confidence) * (variance / n).sqrt();
    (upper * 1e6).ceil() / 1e6
}

/// Rank of the order statistic that bounds a quantile from above, except with probability `tail`: the smallest s with
/// P(B ≥ s) ≤ `tail`, B ~ Bin(n, q). `None` when n samples are too few, or for the extremes of 0 and 10 000.
pub fn upper_rank(n: u64, permyriad: u32, tail: f64) -> Option<u64> {
    check_confidence(tail);
    let q = share(permyriad)?;
    let above = |rank: u64| at_least(rank, n, q) <= tail;
    (n > 0 && above(n)).then(|| first(1, n, above))
}

/// Rank of the order statistic that bounds a quantile from below, except with probability `tail`: the largest r with
/// P(B ≥ r) ≥ 1 − `tail`. `None` when even the shortest sample may lie above the quantile.
pub fn lower_rank(n: u64, permyriad: u32, tail: f64) -> Option<u64> {
    check_confidence(tail);
    let q = share(permyriad)?;
    let past = |rank: u64| rank > n || at_least(rank, n, q) < 1.0 - tail;
    first(1, n + 1, past).checked_sub(1).filter(|&rank| rank > 0)
}

/// Samples without which [`upper_rank`] is `None`: the smallest n with qⁿ ≤ `tail`.
pub fn samples_needed(permyriad: u32, tail: f64) -> Option<u64> {
    let q = share(permyriad)?;
    Some(seeds_needed(1.0 - q, 1.0 - tail))
}

/// Upper end in parts per billion: the root of P(X ≥ failures + 1 | p) = confidence, rounded up.
fn upper_ppb(failures: u64, n: u64, confidence: f64) -> u64 {
    if failures >= n {
        return BILLION;
    }
    let root = bisect(|p| at_least(failures + 1, n, p) >= confidence);
    ((root * BILLION as f64).ceil() as u64).min(BILLION)
}

/// Lower end in parts per billion: the root of P(X ≥ failures | p) = 1 − confidence, rounded down.
fn lower_ppb(failures: u64, n: u64, confidence: f64) -> u64 {
    if failures == 0 || n == 0 {
        return 0;
    }
    let root = bisect(|p| at_least(failures.min(n), n, p) >= 1.0 - confidence);
    (root * BILLION as f64).floor() as u64
}

fn ratio(ppb: u64) -> f64 {
    ppb as f64 / BILLION as f64
}

/// A quantile as a probability; `None` at the extremes, which no finite sample bounds.
fn share(permyriad: u32) -> Option<f64> {
    (1..10_000).contains(&permyriad).then(|| f64::from(permyriad) / 10_000.0)
}

fn check_confidence(confidence: f64) {
    assert!(confidence > 0.0 && confidence < 1.0, "a confidence lies between 0 and 1, not at {confidence}");
}

/// The smallest integer in `low..=high` for which `holds`, which must hold at `high` and, once it holds, ever after.
fn first(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    high
}

/// The point between 0 and 1 where `past` starts to hold. Bisection, because it cannot fail to end.
fn bisect(past: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..64 {
        let middle = low + (high - low) / 2.0;
        if past(middle) { high = middle } else { low = middle }
    }
    high
}

/// P(X ≥ k) for X ~ Bin(n, p), as the incomplete beta I_p(k, n − k + 1) (DLMF 8.17.5).
fn at_least(k: u64, n: u64, p: f64) -> f64 {
    match k {
        0 => 1.0,
        k if k > n => 0.0,
        k => incomplete_beta(k as f64, (n - k) as f64 + 1.0, p),
    }
}

/// Regularised incomplete beta I_x(a, b), on the side of the mean where the fraction converges fast.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    if x <= (a + 1.0) / (a + b + 2.0) {
        front / (a * beta_fraction(a, b, x))
    } else {
        1.0 - front / (b * beta_fraction(b, a, 1.0 - x))
    }
}

/// The continued fraction 1 + d₁/(1 + d₂/(1 + …)) of DLMF 8.17.22, by the modified Lentz method. Needs on the order of
/// √min(a, b) terms; the limit is far beyond any count that is recorded.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut value, mut c, mut d) = (1.0_f64, 1.0_f64, 0.0_f64);
    for term in 1..1_000_000_u32 {
        let m = f64::from(term / 2);
        let two_m = 2.0 * m;
        let numerator = if term % 2 == 0 {
            m * (b - m) * x / ((a + two_m - 1.0) * (a + two_m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + two_m) * (a + two_m + 1.0))
        };
        d = 1.0 / away_from_zero(1.0 + numerator * d);
        c = away_from_zero(1.0 + numerator / c);
        value *= c * d;
        if (c * d - 1.0).abs() <= 2.0 * f64::EPSILON {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{Beta, ContinuousCDF};

    /// Rounded up to so many digits behind the point, as a report prints it.
    fn percent(p: f64) -> String {
        format!("{:.2}", p * 100.0)
    }

    #[test]
    fn the_number_of_clean_seeds_follows_the_published_table() {
        for (p, at_95, at_99) in
            [(1e-2, 299, 459), (1e-3, 2_995, 4_603), (1e-4, 29_956, 46_050), (1e-5, 299_572, 460_515)]
        {
            assert_eq!((seeds_needed(p, 0.95), seeds_needed(p, 0.99)), (at_95, at_99), "p ≤ {p}");
        }
        assert_eq!(seeds_needed_allowing(1, 1e-3, 0.95), 4_742);
        assert_eq!(seeds_needed_allowing(3, 1e-3, 0.95), 7_752);
    }

    #[test]
    fn claims_held_jointly_need_more_seeds() {
        for (claims, seeds) in [(1, 2_995), (10, 5_296), (40, 6_682), (100, 7_598)] {
            assert_eq!(seeds_needed(1e-3, joint_confidence(0.95, claims)), seeds, "{claims} claims");
        }
    }

    #[test]
    fn a_gate_of_128_clean_seeds_bounds_a_breach_at_2_3_percent() {
        let bound = upper_bound(0, 128, 0.95);
        assert!(bound <= 0.023_2 && bound > 0.023_1, "{bound}");
        assert_eq!(percent(bound), "2.31");
        assert_eq!(percent(upper_bound(1, 128, 0.95)), "3.65");
    }

    #[test]
    fn bounds_are_those_of_the_beta_distribution() {
        for (k, n) in [(0_u64, 10_u64), (1, 10), (5, 10), (9, 10), (3, 1_000), (40, 128), (1_000, 10_000)] {
            let high = Beta::new(k as f64 + 1.0, (n - k) as f64).unwrap().inverse_cdf(0.95);
            assert!((upper_bound(k, n, 0.95) - high).abs() < 2e-9, "{k} of {n}: {high}");
            let (low, high) = interval(k, n, 0.90);
            assert_eq!(high, upper_bound(k, n, 0.95));
            let expected =
                if k == 0 { 0.0 } else { Beta::new(k as f64, (n - k) as f64 + 1.0).unwrap().inverse_cdf(0.05) };
            assert!((low - expected).abs() < 2e-9, "{k} of {n}: {low} {expected}");
        }
    }

    #[test]
    fn nothing_tried_bounds_nothing_and_certainty_stays_outside() {
        assert_eq!(upper_bound(0, 0, 0.95), 1.0);
        assert_eq!(interval(0, 0, 0.95), (0.0, 1.0));
        assert_eq!(interval(7, 7, 0.95).1, 1.0);
        assert_eq!(interval(0, 7, 0.95).0, 0.0);
        assert_eq!(upper_bound(9, 7, 0.95), 1.0, "more failures than trials is read as all failed");
        assert!(upper_bound(0, u64::MAX >> 20, 0.95) > 0.0, "rounded up, never to zero");
    }

    #[test]
    fn ranks_follow_the_published_table() {
        assert_eq!(upper_rank(10_000, 9_900, 0.05), Some(9_917));
        assert_eq!(upper_rank(10_000, 9_990, 0.05), Some(9_996));
        for (permyriad, n) in [(9_900, 299), (9_990, 2_995), (9_999, 29_956)] {
            assert_eq!(samples_needed(permyriad, 0.05), Some(n));
            assert_eq!((upper_rank(n, permyriad, 0.05), upper_rank(n - 1, permyriad, 0.05)), (Some(n), None));
        }
        assert_eq!(lower_rank(0, 9_900, 0.05), None);
        assert_eq!(lower_rank(1, 100, 0.05), None);
        assert_eq!(lower_rank(1, 9_900, 0.05), Some(1));
        assert_eq!((upper_rank(10, 0, 0.05), upper_rank(10, 10_000, 0.05)), (None, None));
    }

    #[test]
    fn the_fraction_converges_where_the_library_gives_up() {
        for (a, b, x) in [(3.0, 5.0, 0.2), (120.0, 30.0, 0.8), (1.0, 1e5, 2e-5), (500.0, 9_500.0, 0.055)] {
            let expected = Beta::new(a, b).unwrap().cdf(x);
            assert!((incomplete_beta(a, b, x) - expected).abs() < 1e-9, "I_{x}({a}, {b})");
        }
        for n in [1e6, 1e7, 1e8] {
            let half = incomplete_beta(n / 2.0, n / 2.0, 0.5);
            assert!((half - 0.5).abs() < 1e-6, "{n}: {half}");
        }
        let low = lower_rank(100_000_000, 5_000, 0.025).unwrap();
        let high = upper_rank(100_000_000, 5_000, 0.025).unwrap();
        assert!(low.abs_diff(50_000_000 - 9_800) < 5 && high.abs_diff(50_000_000 + 9_800) < 5, "{low} {high}");
    }
}
