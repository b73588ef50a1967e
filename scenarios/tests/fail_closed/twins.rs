//! Two runs of one seed, one calm and one with a fault, held against each other request by request.
//!
//! Requests have names: a principal's n-th request has the same number in both runs, because numbers come from who asks
//! and how often, and never from what happened. Clients and intruders ask by the clock, so their twins were also meant
//! for the same instant. Who has to be let in before it may ask (a pod at a workload's door) falls behind when it is
//! not; its twin is then the last request of the same principal that the calm run had until that instant. Reads at the
//! end, by which clients look again at what they wrote, hang on what was written, and are left out.

use crate::garble::GARBLED;
use crate::story::{self, Case, HEALED_AT, STORY, WITHDRAWN_AT};
use models::config::Inputs;
use models::fact::{Answer, Fact};
use scenarios::prove::{Finished, KERNEL, Order, execute_staged};
use sim::control::Control;
use sim::record::{Pass, RunRecord};
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Clients look again at what they wrote from here on.
const TRAFFIC_UNTIL: Instant = Instant(13_000_000_000);

/// What two runs differ in.
#[derive(Clone, Default, Debug)]
pub struct Difference {
    /// How often the fault changed anything.
    pub struck: u64,
    /// Requests of the faulted run that have a twin of the same name and instant.
    pub paired: u64,
    /// Requests of honest tenants among them.
    pub honest: u64,
    /// Requests whose twin is the one before.
    pub shifted: u64,
    /// They passed in both runs.
    pub passed: u64,
    /// They passed in the calm run alone: something was closed.
    pub closed: u64,
    /// They passed in the faulted run alone, within the stated bound on what was known before.
    pub in_bound: u64,
    /// They passed in the faulted run alone, and nothing states that they may.
    pub opened: Vec<String>,
    /// The last honest request that did not pass was meant for so long after the fault.
    pub recovered: Duration,
    /// What is wrong with the comparison itself.
    pub wrong: Vec<String>,
}

/// The answers of a run, by who asked and the number of the request.
struct Answers(BTreeMap<(Arc<str>, u64), Answer>);

impl Answers {
    fn of(finished: &Finished) -> Answers {
        let answers = finished.journal.entries.iter().filter_map(|entry| match &entry.fact {
            Fact::Answered(answer) if answer.intended < TRAFFIC_UNTIL && answer.request != 0 => Some(answer),
            _ => None,
        });
        Answers(answers.map(|a| ((a.principal.clone(), a.request), (**a).clone())).collect())
    }

    /// The request of the same name and instant.
    fn twin(&self, of: &Answer) -> Option<&Answer> {
        self.0.get(&(of.principal.clone(), of.request)).filter(|a| a.intended == of.intended && a.what == of.what)
    }

    /// The last request of the same principal until then, or its first.
    fn neighbour(&self, of: &Answer) -> Option<&Answer> {
        let own = || self.0.values().filter(|a| a.principal == of.principal);
        let before = own().filter(|a| a.intended <= of.intended).max_by_key(|a| a.intended);
        before.or_else(|| own().min_by_key(|a| a.intended))
    }
}

fn passed(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

fn is_honest(answer: &Answer) -> bool {
    answer.principal.starts_with("client/")
}

/// Runs both twins of a seed, without the controls named, and compares them.
pub fn compare(inputs: &Inputs, case: Case, seed: u64, off: &[&'static Control]) -> Difference {
    let run = |is_faulted| {
        let order = Order { keep: true, ..Order::new(&STORY, Pass::Calm, seed) };
        let order = off.iter().fold(order, |order, control| order.without(control));
        execute_staged(&KERNEL, inputs, &order, |stage| story::set(stage, case, is_faulted))
    };
    let (calm, faulted) = (run(false), run(true));
    let mut difference = Difference::default();
    let mut wrong = checks(&calm.record, &faulted.record);
    difference.struck = struck(&faulted.record);
    if difference.struck == 0 {
        wrong.push(format!("{case:?} seed {seed}: nothing was faulted"));
    }
    let (calm, faulted) = (Answers::of(&calm), Answers::of(&faulted));
    if off.is_empty() {
        wrong.extend(calm_is_calm(&calm));
    }
    let bound = case.dependency.bound();
    for answer in faulted.0.values() {
        let twin = calm.twin(answer);
        match twin {
            Some(_) => difference.paired += 1,
            None if is_honest(answer) => wrong.push(format!("{} has no twin: {}", answer.principal, answer.what)),
            None => difference.shifted += 1,
        }
        difference.honest += u64::from(is_honest(answer));
        let before = twin.or_else(|| calm.neighbour(answer)).is_some_and(passed);
        if is_honest(answer) && !passed(answer) && answer.intended >= HEALED_AT {
            difference.recovered = difference.recovered.max(answer.intended.since(HEALED_AT));
        }
        match (before, passed(answer)) {
            (true, true) => difference.passed += 1,
            (true, false) => difference.closed += 1,
            (false, false) => {}
            (false, true)
                if case.dependency.takes_from(&answer.principal) && answer.intended < WITHDRAWN_AT + bound =>
            {
                difference.in_bound += 1;
            }
            (false, true) => difference.opened.push(format!(
                "{case:?} seed {seed}: {} passed with {} at {:?}, and not in the calm",
                answer.principal, answer.what, answer.intended
            )),
        }
    }
    difference.wrong = wrong;
    difference
}

/// Everybody honest is served in the calm, and nobody who never may; whoever loses a permission had it.
fn calm_is_calm(calm: &Answers) -> Vec<String> {
    let losers = ["attacker/thief", "attacker/asker", "attacker/defector"];
    let mut passes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for answer in calm.0.values() {
        let (all, passing) = passes.entry(&*answer.principal).or_default();
        *all += 1;
        *passing += u64::from(passed(answer));
    }
    let wrong = passes.into_iter().filter(|(principal, (all, passing))| match principal.split_once('/') {
        // One who learns by a refusal that the key was changed asks for a new token, and not for the same again.
        Some(("client", _)) => passing * 100 < all * 95,
        _ if losers.contains(principal) => *passing == 0 || passing == all,
        _ => *passing > 0 || *all == 0,
    });
    wrong.map(|(principal, (all, passing))| format!("in the calm {passing} of {all} of {principal} pass")).collect()
}

fn checks(calm: &RunRecord, faulted: &RunRecord) -> Vec<String> {
    let errors = calm.errors.iter().chain(&faulted.errors).cloned();
    errors.chain((struck(calm) > 0).then(|| "the calm run was faulted".to_owned())).collect()
}

fn struck(run: &RunRecord) -> u64 {
    run.faults.iter().map(|fault| fault.fired).sum::<u64>() + run.marks.get(GARBLED).copied().unwrap_or(0)
}
