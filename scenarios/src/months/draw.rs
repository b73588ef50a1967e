//! Months by their incidents: how often a cell is lost, when, and for how long.

use sim::Duration;
use sim::choice::Choices;
use sim::seed::{Draws, PLAN, Quantiles, below, mix, name_hash};

/// Length of a month.
pub const MONTH: Duration = Duration::secs(30 * 24 * 60 * 60);

/// Probability that a month has at least one loss, when one comes in six months on average: 1 − e^(−1/6).
pub const SHARE_WITH_LOSS: f64 = 0.153_518_275;

/// Of a billion months with a loss, those with one, with at most two, and so on: a Poisson law with mean 1/6, given
/// that it is not zero.
const LOSSES: [u64; 4] = [918_980_411, 995_562_111, 999_816_650, 1_000_000_000];

/// How long a lost cell is dark, in milliseconds: from the shortest to what nine of ten stay below, in equal steps. The
/// longest tenth is [`LONGEST_MS`].
const DARK_MS: [u64; 10] = [30_000, 60_000, 90_000, 130_000, 180_000, 240_000, 330_000, 480_000, 720_000, 1_200_000];
/// The longest tenth, in steps of one in a hundred.
const LONGEST_MS: [u64; 11] = [
    1_200_000, 1_320_000, 1_450_000, 1_600_000, 1_760_000, 1_950_000, 2_180_000, 2_450_000, 2_850_000, 3_600_000,
    7_200_000,
];

/// A loss of a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// The seed of its run.
    pub seed: u64,
    /// When it begins, since the beginning of its month.
    pub at: Duration,
    /// How long the cell is dark.
    pub dark: Duration,
}

/// A month.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Month {
    /// Its number.
    pub number: u64,
    /// The seed of its run.
    pub seed: u64,
    /// Its losses, in order; none begins before the one before is long over.
    pub losses: Vec<Loss>,
}

/// Between the end of a loss and the beginning of the next, at least: an hour.
const APART: Duration = Duration::secs(3_600);
/// Nothing happens so long at both ends of a month.
const MARGIN: Duration = Duration::secs(3_600);

/// The month of this number.
pub fn month(seed: u64, number: u64) -> Month {
    let draws = Draws::new(seed, Choices::default());
    let cause = mix(name_hash("months"), number);
    let draw = |n: u64| draws.draw(PLAN, cause, n);
    let billionth = below(draw(0), 1_000_000_000);
    let count = LOSSES.iter().position(|upto| billionth < *upto).unwrap_or(LOSSES.len() - 1) as u64 + 1;
    let room = MONTH.0 - 2 * MARGIN.0;
    // One stretch of the month for each, so that they do not meet.
    let stretch = room / count;
    let losses = (0..count).map(|n| {
        let dark = dark(draw(10 + 4 * n), draw(11 + 4 * n));
        let free = stretch - dark.0 - APART.0;
        let at = Duration(MARGIN.0 + n * stretch + below(draw(12 + 4 * n), free) / 1_000_000 * 1_000_000);
        Loss { seed: mix(seed, draw(13 + 4 * n)), at, dark }
    });
    Month { number, seed: mix(seed, draw(1)), losses: losses.collect() }
}

/// How long a cell is dark, in whole milliseconds.
fn dark(tenth: u64, within: u64) -> Duration {
    let table: &[u64] = if below(tenth, 10) == 9 { &LONGEST_MS } else { &DARK_MS };
    Duration::millis(Quantiles::new(table).sample(within))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_as_many_as_poisson_says_and_as_long_as_is_stated() {
        let mean = 1.0 / 6.0_f64;
        assert!((SHARE_WITH_LOSS - (1.0 - (-mean).exp())).abs() < 1e-8);
        let (mut term, mut sum) = ((-mean).exp(), 0.0);
        for (n, upto) in LOSSES.iter().enumerate().take(3) {
            term *= mean / (n + 1) as f64;
            sum += term / SHARE_WITH_LOSS;
            assert!((sum - *upto as f64 / 1e9).abs() < 1e-6, "{n}: {sum}");
        }
        let months: Vec<Month> = (0..4_000).map(|n| month(7, n)).collect();
        let mut dark: Vec<u64> = months.iter().flat_map(|m| &m.losses).map(|l| l.dark.as_millis()).collect();
        dark.sort_unstable();
        let at = |permille: usize| dark[dark.len() * permille / 1_000] / 1_000;
        assert!((220..260).contains(&at(500)) && (1_100..1_300).contains(&at(900)), "{} {}", at(500), at(900));
        assert!((2_900..4_600).contains(&at(990)) && *dark.last().expect("some") <= 7_200_000);
        for month in months {
            let apart = |pair: &[Loss]| pair[0].at + pair[0].dark + APART <= pair[1].at;
            assert!(month.losses.windows(2).all(apart), "{month:?}");
            assert!(month.losses.iter().all(|l| l.at >= MARGIN && l.at + l.dark + MARGIN <= MONTH), "{month:?}");
        }
    }
}
