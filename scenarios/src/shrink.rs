//! From a run that fails to the smallest one that fails in the same way, by edits of the choice map alone.
//!
//! The engine knows no platform: a [`Subject`] says what may be left out of a run and tries a candidate. It drops
//! things of one kind after the other, all first and single ones last, then lowers values, and begins again until a
//! whole round changes nothing. A candidate is taken only if it fails in the same way and is smaller; of several that
//! would do, the first in order is taken, so the number of threads changes no result. What it has is always a whole
//! answer: it may be stopped at any run, and shrinking its result goes on from there.

mod about;
mod family;
mod rounds;
mod run;
mod story;
mod survey;

pub use about::about;
pub use family::{Family, Range, Thing, Things, Value, Way};
pub use run::{Failure, Refused, Verdict};
pub use story::{Counts, Line, Story};

use rounds::Rounds;
use sim::choice::Choice;
use std::collections::BTreeMap;

/// Overrides of the choice map.
pub type Overrides = BTreeMap<Choice, u64>;

/// How large a run is. What comes first outweighs what comes after: a reader minds another fault or attacker more than
/// a hundred events, and an event more than a word in the token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Size {
    /// Faults, attackers and honest clients.
    pub cast: u64,
    /// Inputs handled by machines.
    pub events: u64,
    /// Overrides that say so.
    pub overrides: u64,
}

/// A run that fails in the same way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trial {
    /// Its overrides, without those that change nothing.
    pub overrides: Overrides,
    /// Its size.
    pub size: Size,
}

/// What is shrunk.
pub trait Subject: Sync {
    /// Tries a candidate. Returns it, trimmed, if it fails in the same way; and how many runs that took.
    fn attempt(&self, overrides: &Overrides) -> (Option<Trial>, u64);
    /// How many kinds of things may be left out.
    fn phases(&self) -> usize;
    /// What the run with these overrides may be without, of the `phase`-th kind.
    fn survey(&self, overrides: &Overrides, phase: usize) -> Vec<Family>;
    /// Events that no result may exceed: those of the run that is shrunk.
    fn events_max(&self) -> u64;
}

/// Whoever watches: is told of progress, and may end it early. Time is not known here, only there.
pub trait Watch: Sync {
    /// So many runs were made.
    fn ran(&self, _runs: u64) {}
    /// A smaller run was found.
    fn better(&self, _best: &Trial) {}
    /// Whether no further run should begin.
    fn enough(&self) -> bool {
        false
    }
}

/// Watches nothing.
impl Watch for () {}

/// How it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shrunk {
    /// The smallest run that was found.
    pub best: Trial,
    /// Runs that were made.
    pub runs: u64,
    /// Whether nothing more can be left out; otherwise the budget ended it.
    pub finished: bool,
}

/// Shrinks the run with these overrides, in at most about `runs_max` runs. `None` when it does not fail as it should.
pub fn shrink(subject: &dyn Subject, start: &Overrides, runs_max: u64, watch: &dyn Watch) -> Option<Shrunk> {
    let (first, runs) = subject.attempt(start);
    let mut rounds = Rounds::new(subject, watch, first?, runs, runs_max);
    loop {
        let before = rounds.best.size;
        for phase in 0..subject.phases() {
            if rounds.stopped {
                break;
            }
            let families = subject.survey(&rounds.best.overrides, phase);
            rounds.spend(1);
            families.into_iter().for_each(|family| rounds.reduce(family));
        }
        if rounds.stopped || rounds.best.size == before {
            return Some(Shrunk { best: rounds.best, runs: rounds.runs, finished: !rounds.stopped });
        }
    }
}

#[cfg(test)]
mod tests;
