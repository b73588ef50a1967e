//! Steps that end in any order, folded in the order of the plan.

use super::Plan;
use crate::prove::{Done, Fold, judge};
use sim::record::ScenarioRecord;
use std::collections::BTreeMap;

/// Folds each step as soon as all before it are there. What waits is little: steps begin in the order of the plan.
pub struct InOrder<'a> {
    plan: &'a Plan,
    folds: Vec<Fold>,
    next: u64,
    waiting: BTreeMap<u64, Done>,
}

impl<'a> InOrder<'a> {
    /// Nothing yet.
    pub fn new(plan: &'a Plan) -> InOrder<'a> {
        let folds = plan.scenarios().iter().map(|_| Fold::default()).collect();
        InOrder { plan, folds, next: 0, waiting: BTreeMap::new() }
    }

    /// Takes what a step left.
    pub fn add(&mut self, index: u64, done: Done) {
        self.waiting.insert(index, done);
        while let Some(done) = self.waiting.remove(&self.next) {
            self.fold(self.next, done);
            self.next += 1;
        }
    }

    /// Says that nothing before this index will come any more.
    pub fn skip_to(&mut self, index: u64) {
        while let Some(first) = self.waiting.first_entry().filter(|first| *first.key() < index) {
            let (index, done) = first.remove_entry();
            self.fold(index, done);
        }
        self.next = self.next.max(index);
    }

    /// Says that two makings of a step differ.
    pub fn differ(&mut self, index: u64, token: &str, what: String) {
        let (scenario, _) = self.plan.step(index);
        self.folds[scenario].differ(token, what);
    }

    /// Steps that fell, or gave two results. Whatever else is missing, these stay.
    pub fn unsure(&self) -> u64 {
        self.folds.iter().map(Fold::unsure).sum()
    }

    /// Ends: what is missing was left out.
    pub fn finish(mut self) -> Vec<ScenarioRecord> {
        self.skip_to(u64::MAX);
        let scenarios = self.plan.scenarios().iter().copied();
        self.folds.into_iter().zip(scenarios).map(|(fold, s)| judge(self.plan.settings(), s, fold)).collect()
    }

    fn fold(&mut self, index: u64, done: Done) {
        let (scenario, job) = self.plan.step(index);
        self.folds[scenario].add(job, done);
    }
}
