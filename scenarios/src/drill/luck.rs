//! The draws of one incident: its own, so that dropping or changing another leaves them as they are.

use sim::fault::Target;
use sim::seed::{Draws, PLAN, below, mix, name_hash};
use std::cell::Cell;

/// The draws of one incident, in order.
pub struct Luck<'a> {
    draws: &'a Draws,
    cause: u64,
    drawn: Cell<u64>,
}

impl<'a> Luck<'a> {
    /// The draws of the incident of this number.
    pub fn of(draws: &'a Draws, incident: u64) -> Luck<'a> {
        Luck { draws, cause: mix(name_hash("drill/incident"), incident), drawn: Cell::new(0) }
    }

    /// The next draw, whole.
    pub fn raw(&self) -> u64 {
        let n = self.drawn.get();
        self.drawn.set(n + 1);
        self.draws.draw(PLAN, self.cause, n)
    }

    /// A number below `n`.
    pub fn below(&self, n: u64) -> u64 {
        below(self.raw(), n)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// One in `n`.
    pub fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of a list.
    ///
    /// # Panics
    /// When the list is empty: who asks makes sure that there is something to choose.
    pub fn pick<'t, T>(&self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len() as u64) as usize]
    }
}

/// The target that is one node.
pub fn node(role: &str) -> Target {
    Target::Node(role.into())
}

/// The target that is a cell, or an edge.
pub fn group(name: &str) -> Target {
    Target::Group(name.into())
}
