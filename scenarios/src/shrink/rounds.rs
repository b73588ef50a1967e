//! Rounds of candidates: tried in parallel, taken in order.
//!
//! Runs are counted as if one candidate were tried after the other, so a budget ends at the same one on any number of
//! threads; what other threads tried ahead in vain is not counted, and not remembered.

use super::family::{Family, NAMED_MAX, Things, Value};
use super::{Overrides, Subject, Trial, Watch};
use rayon::prelude::*;
use sim::choice::Choice;
use std::collections::BTreeSet;

/// At one coarseness at most so many candidates: long lists become short by halves, not one by one.
const CANDIDATES_MAX: usize = 128;

/// Parts into which the room of a value is divided.
const STEPS: u64 = 8;

/// Finest step of a value: a millisecond, where values are times.
const GRAIN: u64 = 1_000_000;

pub(super) struct Rounds<'a> {
    subject: &'a dyn Subject,
    watch: &'a dyn Watch,
    /// The smallest run so far.
    pub best: Trial,
    /// Candidates that were not taken. The best only becomes smaller, so they never will be.
    tried: BTreeSet<Overrides>,
    pub runs: u64,
    runs_max: u64,
    pub stopped: bool,
}

impl<'a> Rounds<'a> {
    pub fn new(subject: &'a dyn Subject, watch: &'a dyn Watch, best: Trial, runs: u64, runs_max: u64) -> Rounds<'a> {
        watch.better(&best);
        Rounds { subject, watch, best, tried: BTreeSet::new(), runs, runs_max, stopped: runs >= runs_max }
    }

    /// Counts runs that were made for another reason.
    pub fn spend(&mut self, runs: u64) {
        self.runs += runs;
        self.watch.ran(self.runs);
        self.stopped |= self.runs >= self.runs_max;
    }

    /// Makes the best run smaller in one way.
    pub fn reduce(&mut self, family: Family) {
        match family {
            Family::Things(things) => self.drop_things(things),
            Family::Value(value) => self.lower(value),
            Family::Spare(addresses) => self.drop_overrides(&addresses),
        }
    }

    /// Takes the first candidate that is good, and says which it was.
    fn first(&mut self, candidates: Vec<Overrides>) -> Option<usize> {
        let new =
            |(_, overrides): &(usize, Overrides)| *overrides != self.best.overrides && !self.tried.contains(overrides);
        let new: Vec<(usize, Overrides)> = candidates.into_iter().enumerate().filter(new).collect();
        for some in new.chunks(rayon::current_num_threads().max(1)) {
            if self.stopped || self.watch.enough() {
                self.stopped = true;
                return None;
            }
            let subject = self.subject;
            let attempts: Vec<_> = some.par_iter().map(|(_, overrides)| subject.attempt(overrides)).collect();
            for ((i, overrides), (trial, runs)) in some.iter().zip(attempts) {
                if self.stopped {
                    return None;
                }
                self.spend(runs);
                match trial {
                    Some(trial) if self.is_better(&trial) => {
                        self.best = trial;
                        self.watch.better(&self.best);
                        return Some(*i);
                    }
                    _ => drop(self.tried.insert(overrides.clone())),
                }
            }
        }
        None
    }

    fn is_better(&self, trial: &Trial) -> bool {
        trial.size < self.best.size && trial.size.events <= self.subject.events_max()
    }

    /// Drops all, then halves, then quarters, down to single ones; of each the last first, because what comes first is
    /// what a reader expects to find: the first instance, the first request.
    fn drop_things(&mut self, mut things: Things) {
        if things.range.is_some() && things.kept().len() > NAMED_MAX {
            self.narrow(&mut things);
            if things.kept().len() > NAMED_MAX {
                return;
            }
        }
        let mut kept = things.kept();
        kept.reverse();
        let mut size = kept.len();
        while size > 0 && kept.len().div_ceil(size) <= CANDIDATES_MAX && !self.stopped {
            let mut from = 0;
            while from < kept.len() {
                let starts: Vec<usize> = (from..kept.len()).step_by(size).collect();
                let end = |start: usize| kept.len().min(start + size);
                let rest = |start: &usize| {
                    let rest = things.without(&kept[*start..end(*start)]);
                    rest.written(&self.best.overrides)
                };
                let candidates = starts.iter().map(rest).collect();
                let Some(i) = self.first(candidates) else { break };
                let gone: Vec<usize> = kept.drain(starts[i]..kept.len().min(starts[i] + size)).collect();
                things = things.without(&gone);
                from = starts[i];
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }

    /// Keeps a shorter stretch of what is too long to be told one by one: drops from either end.
    fn narrow(&mut self, things: &mut Things) {
        let mut share = 2;
        while share <= CANDIDATES_MAX && !self.stopped {
            let kept = things.kept();
            let size = kept.len() / share;
            if size == 0 {
                break;
            }
            // What comes last first, as above.
            let ends = [&kept[kept.len() - size..], &kept[..size]];
            let candidates = ends.map(|gone| things.without(gone).written(&self.best.overrides));
            match self.first(candidates.into()) {
                Some(i) => *things = things.without(ends[i]),
                None => share *= 2,
            }
        }
    }

    /// Takes as much off a value as goes.
    fn lower(&mut self, mut value: Value) {
        let finest = (value.room / 64).max(GRAIN);
        let mut room = value.room;
        while room >= finest && !self.stopped {
            let mut steps: Vec<u64> = (1..=STEPS).rev().map(|k| (room / STEPS * k).next_multiple_of(GRAIN)).collect();
            steps[0] = room;
            steps.retain(|step| *step <= room);
            let candidates = steps.iter().map(|by| value.lower(*by).written(&self.best.overrides)).collect();
            let Some(i) = self.first(candidates) else { break };
            value = value.lower(steps[i]);
            // More was tried, and was too much.
            room = if i == 0 { 0 } else { (steps[i - 1] - steps[i]).saturating_sub(1) };
        }
    }

    /// Drops overrides, one by one, without which the run is as small.
    fn drop_overrides(&mut self, addresses: &[Choice]) {
        let mut rest = addresses.to_vec();
        while !rest.is_empty() && !self.stopped {
            let without = |at: &Choice| {
                let mut overrides = self.best.overrides.clone();
                overrides.remove(at);
                overrides
            };
            let Some(i) = self.first(rest.iter().map(without).collect()) else { break };
            rest.drain(..=i);
        }
    }
}
