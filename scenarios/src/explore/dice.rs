//! The luck of the explorer itself: keyed like all luck, counted, and apart from every run's.

use sim::choice::{Choice, Choices};
use sim::seed::{Draws, Purpose, below};
use std::collections::BTreeMap;

/// Overrides of a choice map.
pub type Overrides = BTreeMap<Choice, u64>;

/// Dice that are thrown in one order.
pub struct Dice {
    draws: Draws,
    rolled: u64,
}

const EXPLORE: Purpose = Purpose::new(63, "explore");

impl Dice {
    /// The dice of this seed.
    pub fn new(seed: u64) -> Dice {
        Dice { draws: Draws::new(seed, Choices::default()), rolled: 0 }
    }
    /// 64 uniform bits.
    pub fn roll(&mut self) -> u64 {
        self.rolled += 1;
        self.draws.draw(EXPLORE, 0, self.rolled)
    }
    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        below(self.roll(), n)
    }
}
