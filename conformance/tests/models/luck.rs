//! Seeded draws for programs: the n-th draw is a function of the seed and n.

use sim::seed::mix;

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Luck {
    seed: u64,
    drawn: u64,
}

impl Luck {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Luck {
        Luck { seed: mix(seed, 0x6d6f_6465_6c73), drawn: 0 }
    }
    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.drawn += 1;
        // The bias of a remainder is below 2^-50 for the few choices that there are.
        (mix(self.seed, self.drawn) % n as u64) as usize
    }
    /// Whether something of `percent` happens.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    /// One of several.
    pub fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
    /// The place of a weight, as likely as it is heavy.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut at = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            if at < *weight {
                return place;
            }
            at -= weight;
        }
        unreachable!("the draw is below the sum")
    }
}
