//! What the steps of a scenario left behind, folded in the order of the plan.
//!
//! Nearly everything is a sum. What is not (the run that is kept, the reasons) goes by the order of the plan, which is
//! the same whoever did the steps and whenever.

use super::step::{Done, Found, Job, Run, is_bad, is_broken};
use super::sums::Sums;
use sim::measure::bounds;
use sim::record::{AblationRecord, NonInterference, Pass, PassRecord, Serving};
use std::collections::BTreeMap;

/// The steps of one scenario so far.
#[derive(Default)]
pub struct Fold {
    pub(super) passes: BTreeMap<Pass, PassRecord>,
    pub(super) marks: BTreeMap<Pass, BTreeMap<String, u64>>,
    /// Token, and what two runs of it differ in.
    pub(super) differences: Vec<(String, String)>,
    pub(super) ablations: Vec<AblationRecord>,
    pub(super) pairs: Vec<NonInterference>,
    /// Token, and what the panic said.
    pub(super) fell: Vec<(String, String)>,
    /// Steps of the swarm that were done.
    pub(super) swarm: u64,
    /// Other steps that were done.
    pub(super) others: u64,
}

impl Fold {
    /// Adds what a step left. Steps come in the order of the plan; one that is left out was not done.
    pub fn add(&mut self, job: Job, done: Done) {
        match job {
            Job::Swarm(_) => self.swarm += 1,
            _ => self.others += 1,
        }
        match done {
            Done::Run(run) => self.add_run(job, run),
            Done::Ablation(record) => self.ablations.push(*record),
            Done::Pair(pair) => self.pairs.push(pair),
            Done::Fell { token, said } => self.fell.push((token, said)),
        }
    }

    /// Says that two makings of one step differ.
    pub fn differ(&mut self, token: &str, what: String) {
        self.differences.push((token.to_owned(), what));
    }

    /// Steps that fell, or gave two results.
    pub fn unsure(&self) -> u64 {
        (self.differences.len() + self.fell.len()) as u64
    }

    fn add_run(&mut self, job: Job, Run { compared, found }: Run) {
        let (sums, kept) = match found {
            Found::Record(run) => (Sums::of(&run), Some(*run)),
            Found::Sums(sums) => (*sums, None),
        };
        // What exploring chose says nothing of how often a seed breaks something, so it is counted apart; and a fault
        // that no longer strikes in it makes it stale, not the scenario vacuous.
        let is_chosen = matches!(job, Job::Kept(_));
        let pass = if is_chosen { Pass::Corpus } else { sums.pass };
        let is_bad = if is_chosen { is_broken } else { is_bad };
        let bad = kept.as_ref().is_some_and(is_bad);
        let record = self.passes.entry(pass).or_insert_with(|| empty(pass));
        record.runs += 1;
        record.stale += u64::from(is_chosen && kept.as_ref().is_some_and(|run| !run.errors.is_empty()));
        record.events += sums.events;
        record.requests += sums.requests_sent;
        record.simulated_ns += sums.simulated_ns;
        for (fault, fired) in sums.faults {
            *record.faults.entry(fault).or_default() += fired;
        }
        for (mark, n) in sums.marks {
            *self.marks.entry(pass).or_default().entry(mark).or_default() += n;
        }
        if let Some(difference) = compared {
            record.compared += 1;
            if !difference.is_empty() {
                self.differences.push((sums.token, difference));
            }
        }
        merge_serving(&mut record.serving, &sums.serving);
        record.breaches += u64::from(bad);
        if !is_chosen {
            record.breach_bound_95 = bounds::upper_bound(record.breaches, record.runs, 0.95);
        }
        if let Some(run) = kept
            && (record.kept.is_empty() && (bad || !is_chosen) || bad && !record.kept.iter().any(is_bad))
        {
            record.kept = vec![run];
        }
    }
}

fn empty(pass: Pass) -> PassRecord {
    PassRecord {
        pass,
        runs: 0,
        breaches: 0,
        compared: 0,
        stale: 0,
        events: 0,
        requests: 0,
        simulated_ns: 0,
        serving: Vec::new(),
        faults: BTreeMap::new(),
        breach_bound_95: 1.0,
        kept: Vec::new(),
    }
}

/// Folds serving figures of one run into a sum; order of runs does not matter.
pub fn merge_serving(sum: &mut Vec<Serving>, run: &[Serving]) {
    for serving in run {
        match sum.iter_mut().find(|s| s.tenant == serving.tenant && s.cell == serving.cell) {
            None => sum.push(serving.clone()),
            Some(s) => s.merge(serving),
        }
    }
    sum.sort_by(|a, b| (&a.tenant, &a.cell).cmp(&(&b.tenant, &b.cell)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::prove::{Order, execute};
    use models::config::Inputs;

    /// Calm and swarm seeds of one scenario, as steps.
    fn runs() -> Vec<(Job, Done)> {
        let scenario = catalogue::find("stride/disclosure-cache-bleed").expect("it is in the catalogue");
        let inputs = Inputs::embedded();
        (0..4_u64)
            .map(|n| {
                let record = execute(&inputs, &Order::new(scenario, Pass::Swarm, n)).record;
                let found = if n == 0 { Found::Record(Box::new(record)) } else { Found::Sums(Box::new(record.into())) };
                (Job::Swarm(n), Done::Run(Run { compared: (n == 2).then(String::new), found }))
            })
            .collect()
    }

    #[test]
    fn what_was_written_down_folds_like_what_was_not() {
        let (mut kept, mut written) = (Fold::default(), Fold::default());
        for (job, done) in runs() {
            let line = serde_json::to_string(&done).expect("a step is JSON");
            written.add(job, serde_json::from_str(&line).expect("own output"));
            kept.add(job, done);
        }
        assert_eq!(kept.passes[&Pass::Swarm].runs, 4);
        assert_eq!(kept.passes[&Pass::Swarm].compared, 1);
        assert!(kept.passes[&Pass::Swarm].requests > 0);
        assert_eq!((kept.passes, kept.marks), (written.passes, written.marks));
    }

    #[test]
    fn a_run_that_went_well_takes_little_room() {
        for (job, done) in runs().into_iter().skip(1) {
            let line = serde_json::to_string(&done).expect("a step is JSON");
            assert!(line.len() < 4_096, "{job:?}: {} bytes", line.len());
        }
    }
}
