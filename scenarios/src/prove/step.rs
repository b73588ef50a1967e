//! A step: work of a proof that depends on nothing else, and what it leaves behind.
//!
//! What it leaves is all that a verdict needs of it and nothing of when, where or beside what it ran, so it can be
//! written down, carried elsewhere, and folded there into the same record.

use super::sums::Sums;
use super::{Order, Settings, ablation, execute, interference, token};
use crate::scenario::Scenario;
use serde::{Deserialize, Serialize};
use sim::record::{AblationRecord, NonInterference, Pass, RunRecord};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is to be done for a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Job {
    /// The n-th seed, guards on, no faults.
    Calm(u64),
    /// The n-th seed, guards on, drawn faults.
    Swarm(u64),
    /// The variant's control, by their places in the scenario.
    Ablate(usize, usize),
    /// The n-th pair of this mode.
    Look(Pass, u32),
    /// The run at this place of the corpus.
    Kept(usize),
}

/// What a step left behind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// A run with guards on.
    Run(Run),
    /// A control, ablated on its seeds.
    Ablation(Box<AblationRecord>),
    /// A pair of runs, compared.
    Pair(NonInterference),
    /// A broken invariant ended it.
    Fell {
        /// Of the first run that it would have made; it has no result.
        token: String,
        /// What the panic said.
        said: String,
    },
}

/// A run with guards on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// What a second run of the same order showed: nothing when it was the same run; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<String>,
    /// What it found.
    pub found: Found,
}

/// A record where somebody will read it, sums everywhere else: a night's sweep makes a hundred thousand runs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// The first of its pass, and whatever went wrong.
    Record(Box<RunRecord>),
    /// What is counted of a run that went well.
    Sums(Box<Sums>),
}

/// The work of one scenario that a verdict cannot do without, what exploring kept before all else; the swarm comes
/// after it.
pub fn head(settings: &Settings, scenario: &Scenario) -> Vec<Job> {
    let corpus = settings.corpus.iter().enumerate().filter(|(_, kept)| kept.scenario == scenario.name);
    let mut jobs: Vec<Job> = corpus.map(|(i, _)| Job::Kept(i)).collect();
    jobs.extend((0..settings.calm_seeds.max(1)).map(Job::Calm));
    if scenario.canary {
        return jobs;
    }
    if settings.ablate {
        for (v, variant) in scenario.variants.iter().enumerate() {
            jobs.extend((0..variant.controls.len()).map(|c| Job::Ablate(v, c)));
        }
    }
    jobs.extend(
        (0..settings.interference_pairs).flat_map(|n| [Job::Look(Pass::Value, n), Job::Look(Pass::Presence, n)]),
    );
    jobs
}

impl Job {
    /// Its pass, as a word.
    pub fn word(self) -> &'static str {
        match self {
            Job::Calm(_) => "calm",
            Job::Swarm(_) => "swarm",
            Job::Ablate(..) => "ablation",
            Job::Look(..) => "non-interference",
            Job::Kept(_) => "corpus",
        }
    }

    /// Its name among the jobs of its scenario.
    pub fn name(self, settings: &Settings, scenario: &Scenario) -> String {
        match self {
            Job::Calm(n) | Job::Swarm(n) => format!("{} {}", self.word(), settings.seed_base.wrapping_add(n)),
            Job::Ablate(v, c) => {
                let variant = &scenario.variants[v];
                format!("ablation {} {}", variant.name, variant.controls[c].control.id)
            }
            Job::Look(mode, n) => format!("{} {n}", mode.as_str()),
            Job::Kept(i) => format!("corpus {i}"),
        }
    }

    /// Token of its first run, which has no result yet.
    fn token(self, settings: &Settings, scenario: &'static Scenario) -> String {
        let order = |pass, n: u64| Order::new(scenario, pass, settings.seed_base.wrapping_add(n));
        let order = match self {
            Job::Calm(n) => order(Pass::Calm, n),
            Job::Swarm(n) => order(Pass::Swarm, n),
            Job::Ablate(v, c) => order(Pass::Ablation, 0).without(scenario.variants[v].controls[c].control),
            Job::Look(mode, n) => order(mode, interference::FIRST_SEED + u64::from(n)),
            Job::Kept(i) => settings.corpus[i].order(scenario),
        };
        token(&settings.inputs, &order, "").to_string()
    }

    /// Does it. A broken invariant ends its own step and no other; its token says how to see it again.
    pub fn work(self, settings: &Settings, scenario: &'static Scenario) -> Done {
        let done = catch_unwind(AssertUnwindSafe(|| self.attempt(settings, scenario)));
        done.unwrap_or_else(|panic| Done::Fell { token: self.token(settings, scenario), said: said(panic.as_ref()) })
    }

    fn attempt(self, settings: &Settings, scenario: &'static Scenario) -> Done {
        let order = |pass, n: u64| Order::new(scenario, pass, settings.seed_base.wrapping_add(n));
        match self {
            Job::Calm(n) => run(settings, &order(Pass::Calm, n), n, n == 0),
            Job::Swarm(n) => run(settings, &order(Pass::Swarm, n), n, n.is_multiple_of(settings.compare_every.max(1))),
            Job::Ablate(v, c) => Done::Ablation(Box::new(ablation::ablate(settings, scenario, v, c))),
            Job::Look(mode, n) => Done::Pair(interference::look(settings, scenario, mode, n)),
            Job::Kept(i) => again(settings, &settings.corpus[i].order(scenario)),
        }
    }
}

impl Done {
    /// Whether a run with guards on went wrong.
    pub fn is_bad(&self) -> bool {
        matches!(self, Done::Run(Run { found: Found::Record(run), .. }) if is_bad(run))
    }

    /// Token and digest by which the step is seen again, where it has them.
    pub fn token(&self) -> Option<&str> {
        match self {
            Done::Run(Run { found: Found::Record(run), .. }) => Some(&run.token),
            Done::Run(Run { found: Found::Sums(sums), .. }) => Some(&sums.token),
            Done::Ablation(record) => record.token.as_deref(),
            Done::Pair(pair) => Some(&pair.token),
            Done::Fell { token, .. } => Some(token),
        }
    }
}

/// Whether a run broke a requirement.
pub fn is_broken(run: &RunRecord) -> bool {
    !run.findings.is_empty() || !run.pending.is_empty()
}

/// Whether a run with guards on went wrong.
pub fn is_bad(run: &RunRecord) -> bool {
    is_broken(run) || !run.errors.is_empty()
}

/// Runs what an exploration kept. What it no longer does is an error of the run, and tells that the entry is stale.
fn again(settings: &Settings, order: &Order) -> Done {
    let run = execute(&settings.inputs, order);
    let mut record = run.record;
    let unused = run.unused.iter().map(|at| format!("override {at} was asked for by nothing"));
    record.errors.extend(unused);
    let found = match is_bad(&record) {
        true => Found::Record(Box::new(record)),
        false => Found::Sums(Box::new(record.into())),
    };
    Done::Run(Run { compared: None, found })
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason given").to_owned()
}

/// Runs an order, and when asked a second time: two digests for one token are a verdict of their own.
fn run(settings: &Settings, order: &Order, n: u64, twice: bool) -> Done {
    let first = execute(&settings.inputs, order);
    let mut differs = None;
    if twice {
        let again = execute(&settings.inputs, order);
        if (first.record.digest.as_str(), first.trail) != (again.record.digest.as_str(), again.trail) {
            let kept = Order { keep: true, ..order.clone() };
            let (a, b) = (execute(&settings.inputs, &kept), execute(&settings.inputs, &kept));
            let what = sim::journal::first_difference(&a.journal, &b.journal);
            differs = Some(what.unwrap_or_else(|| "the trails differ, the facts do not".into()));
        }
    }
    let whole = n == 0 || differs.is_some() || is_bad(&first.record);
    let found = match whole {
        true => Found::Record(Box::new(first.record)),
        false => Found::Sums(Box::new(first.record.into())),
    };
    Done::Run(Run { compared: differs.or(twice.then(String::new)), found })
}
