//! Exploring: which runs are tried next is decided by what earlier ones showed.
//!
//! A sweep tries seeds in order. Here a run that showed something new ([`shape`]) stays in the corpus, and later runs
//! are made from it by editing its choice map: a fault more or less, another moment, two faults moved together, half of
//! another run's plan ([`mutate`]). Nothing that is found here is believed because it was found here: a failure is a
//! token like any other, and what the corpus keeps is replayed by the gate.
//!
//! Deterministic: candidates are made in order from the corpus as it is, run in parallel, and folded in order.

mod corpus;
mod dice;
mod mutate;
mod shape;

pub use corpus::{Corpus, Entry};
pub use shape::{Features, Shape};

use crate::prove::{Finished, Order, execute};
use crate::scenario::Scenario;
use dice::{Dice, Overrides};
use models::config::Inputs;
use models::luck;
use rayon::prelude::*;
use sim::record::{Pass, RunRecord};
use sim::seed::{CORE, DISK, PLAN};
use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Draws that exploring edits: the faults of a run, what attackers try, who survives. Everything else follows.
const STEERING: [u16; 4] = [PLAN.id, CORE.id, DISK.id, luck::ATTACK.id];

/// Candidates that are made from one state of the corpus.
const ROUND: usize = 32;

/// How exploring goes about it.
#[derive(Clone)]
pub struct Settings {
    /// Platform and tenants.
    pub inputs: Inputs,
    /// Decides every edit.
    pub seed: u64,
    /// Runs that may be made.
    pub runs_max: u64,
    /// Whether the corpus steers. Without, every run is the next seed: what exploring is compared with.
    pub is_guided: bool,
    /// Ends with the first failure of each scenario.
    pub stop_at_first: bool,
}

/// A failure that exploring met, the first of its kind.
#[derive(Clone, Debug)]
pub struct Found {
    /// The run.
    pub record: RunRecord,
    /// How many runs had been made by then, this one included.
    pub after_runs: u64,
}

/// What exploring left.
pub struct Explored {
    /// Runs worth keeping.
    pub corpus: Corpus,
    /// Failures, the first of each kind, in the order in which they were met.
    pub found: Vec<Found>,
    /// Runs that were made.
    pub runs: u64,
    /// Features that were seen in any of them.
    pub features: usize,
}

/// Whoever watches, and may end it between rounds.
pub trait Watch {
    /// So many runs were made, so many features seen, so many failures met.
    fn tell(&mut self, runs: u64, features: usize, found: usize);
    /// Whether no further round should begin.
    fn enough(&self) -> bool {
        false
    }
}

impl Watch for () {
    fn tell(&mut self, _: u64, _: usize, _: usize) {}
}

/// Explores one scenario, going on from a corpus (an empty one at first).
pub fn explore(settings: &Settings, scenario: &'static Scenario, corpus: Corpus, watch: &mut dyn Watch) -> Explored {
    let mut search = Search {
        settings,
        scenario,
        dice: Dice::new(settings.seed),
        next_seed: settings.seed,
        corpus,
        kinds: BTreeSet::new(),
        found: Vec::new(),
        runs: 0,
    };
    search.remember();
    while search.runs < settings.runs_max && !watch.enough() && (search.found.is_empty() || !settings.stop_at_first) {
        search.round();
        watch.tell(search.runs, search.corpus.features(), search.found.len());
    }
    let features = search.corpus.features();
    Explored { corpus: search.corpus, found: search.found, runs: search.runs, features }
}

struct Search<'a> {
    settings: &'a Settings,
    scenario: &'static Scenario,
    dice: Dice,
    next_seed: u64,
    corpus: Corpus,
    /// Requirement and oracle of the failures so far.
    kinds: BTreeSet<(String, String)>,
    found: Vec<Found>,
    runs: u64,
}

impl Search<'_> {
    /// Runs what an earlier exploration kept, so that its features are known: other code may show other ones.
    fn remember(&mut self) {
        let kept = std::mem::take(&mut self.corpus).entries;
        let orders: Vec<Order> = kept.iter().map(|entry| self.order(entry.seed, entry.overrides.clone())).collect();
        self.fold(orders);
    }

    fn order(&self, seed: u64, overrides: Overrides) -> Order {
        Order { overrides, is_shaped: true, ..Order::new(self.scenario, Pass::Swarm, seed) }
    }

    fn round(&mut self) {
        let left = self.settings.runs_max - self.runs;
        let orders: Vec<Order> = (0..left.min(ROUND as u64)).map(|_| self.candidate()).collect();
        self.fold(orders);
    }

    /// A quarter of the candidates are fresh seeds, all of them until something is known.
    fn candidate(&mut self) -> Order {
        if !self.settings.is_guided || self.corpus.entries.is_empty() || self.dice.below(4) == 0 {
            let seed = self.fresh_seed();
            return self.order(seed, Overrides::new());
        }
        // Half go on from whoever came furthest in something, the others from what is rare.
        let furthest = if self.dice.below(2) == 0 { self.corpus.pick_furthest(&mut self.dice) } else { None };
        let i = furthest.unwrap_or_else(|| self.corpus.pick(&mut self.dice));
        let j = self.dice.below(self.corpus.entries.len() as u64) as usize;
        // The faults that led there meet other traffic, other attacks, other luck: most of what takes several
        // conditions takes one that is not a fault. Edits of a run as it is find only what a fault decides.
        let moves = self.dice.below(8) < 7;
        let seed = if moves { self.fresh_seed() } else { self.corpus.entries[i].seed };
        let (entry, other) = (&self.corpus.entries[i], &self.corpus.entries[j]);
        let base = if moves { mutate::plan(entry) } else { entry.overrides.clone() };
        let overrides = mutate::mutated(&mut self.dice, base, entry, other);
        self.order(seed, overrides)
    }

    fn fresh_seed(&mut self) -> u64 {
        self.next_seed = self.next_seed.wrapping_add(1);
        self.next_seed - 1
    }

    fn fold(&mut self, orders: Vec<Order>) {
        let inputs = &self.settings.inputs;
        let done: Vec<Option<Finished>> = orders
            .par_iter()
            .map(|order| catch_unwind(AssertUnwindSafe(|| execute(inputs, order))).map_err(discard).ok())
            .collect();
        for (order, run) in orders.into_iter().zip(done) {
            self.runs += 1;
            // What an edit of another run's plan does not reach has no effect: the entry is the run without it.
            let Some(run) = run else { continue };
            let overrides = used(order.overrides, &run);
            self.keep_failure(&run.record);
            // Where a planned fault did not strike, the plan is not what the run shows.
            if run.record.errors.is_empty() && self.corpus.is_new(&run.features) {
                let steering = self.steering(order.seed, &overrides);
                let token = run.record.token.clone();
                self.corpus.add(Entry { seed: order.seed, overrides, token, steering, ..Entry::of(run.features) });
            }
        }
    }

    /// Draws of the run that later edits may change.
    fn steering(&self, seed: u64, overrides: &Overrides) -> Overrides {
        let order = Order { log_draws: true, ..self.order(seed, overrides.clone()) };
        let drawn = execute(&self.settings.inputs, &order).drawn;
        drawn.into_iter().filter(|(at, _)| STEERING.contains(&at.purpose)).collect()
    }

    fn keep_failure(&mut self, record: &RunRecord) {
        let kind = match (record.findings.first(), record.pending.first()) {
            (Some(finding), _) => (finding.requirement.clone(), finding.oracle.clone()),
            (None, Some(_)) => ("liveness".into(), "pending".into()),
            (None, None) => return,
        };
        if self.kinds.insert(kind) {
            self.found.push(Found { record: record.clone(), after_runs: self.runs });
        }
    }
}

/// Overrides that the run asked for.
fn used(mut overrides: Overrides, run: &Finished) -> Overrides {
    overrides.retain(|at, _| !run.unused.contains(at));
    overrides
}

/// A run that breaks an invariant is told by the sweep that meets it; here it is only not a candidate.
fn discard(_: Box<dyn Any + Send>) {}

#[cfg(test)]
mod tests;
