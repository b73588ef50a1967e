//! The passes that decide a scenario's verdict.
//!
//! Guards on and calm; guards on under faults drawn from many seeds; each control off in turn on the same choice map,
//! and pairs where two layers are declared; pairs of runs that must look alike to a tenant. Everything that ran is
//! counted, and a scenario that did not reach its marks is vacuous, whatever else it shows.

mod ablation;
mod interference;
mod run;
mod verdict;

pub use interference::disguised;
pub use run::{CODE, Finished, Order, execute, token};

use crate::scenario::Scenario;
use models::config::Inputs;
use rayon::prelude::*;
use sim::measure::bounds;
use sim::record::{AblationRecord, NonInterference, Pass, PassRecord, RunRecord, ScenarioRecord};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a gate is run. A profile or a flag changes these numbers, never what a simulation does.
#[derive(Clone)]
pub struct Settings {
    /// Platform and tenants.
    pub inputs: Inputs,
    /// First seed of every range.
    pub seed_base: u64,
    /// Calm seeds per scenario: what the objectives are judged by.
    pub calm_seeds: u64,
    /// Swarm seeds per scenario.
    pub swarm_seeds: u64,
    /// Swarm seeds without which a scenario proves nothing, when a time budget cuts the sweep short.
    pub swarm_floor: u64,
    /// Seeds per ablation; stops at the first breach.
    pub ablation_seeds: u32,
    /// Non-interference pairs per mode.
    pub interference_pairs: u32,
    /// Every n-th swarm seed is run twice and compared.
    pub compare_every: u64,
    /// Whether controls are ablated at all (a quick look does not).
    pub ablate: bool,
}

/// Something finished, for whoever shows progress.
pub struct Progress<'a> {
    /// The scenario.
    pub scenario: &'a str,
    /// What finished.
    pub step: &'static str,
}

/// Whoever watches a proof: is told of every step, and may end it early. Time is not known here, only there.
pub trait Watch: Sync {
    /// A step was finished.
    fn tell(&self, progress: Progress<'_>);
    /// Whether no further step should begin. A step that did not run is counted, never passed over.
    fn enough(&self) -> bool {
        false
    }
}

/// Watches nothing.
impl Watch for () {
    fn tell(&self, _progress: Progress<'_>) {}
}

/// Steps that run before their results are folded: enough to keep every core busy, few enough to stay small.
const BLOCK_PER_THREAD: usize = 32;

/// How many steps [`prove`] will report for these scenarios.
pub fn steps(settings: &Settings, scenarios: &[&'static Scenario]) -> u64 {
    scenarios.iter().map(|s| jobs(settings, s).len() as u64).sum()
}

/// Work that depends on nothing else.
#[derive(Clone, Copy)]
enum Job {
    Calm(u64),
    Swarm(u64),
    Ablate(usize, usize),
    Look(Pass, u32),
}

enum Done {
    /// Left out by [`Watch::enough`].
    Not(Job),
    /// Panicked: the token of its (first) run, and what it said.
    Fell(String, String),
    Run(Pass, Box<RunRecord>, Option<String>),
    Ablation(Box<AblationRecord>),
    Pair(NonInterference),
}

/// The work of one scenario. What a verdict cannot do without comes first, the long sweep last.
fn jobs(settings: &Settings, scenario: &Scenario) -> Vec<Job> {
    let mut jobs: Vec<Job> = (0..settings.calm_seeds.max(1)).map(Job::Calm).collect();
    if settings.ablate && !scenario.canary {
        for (v, variant) in scenario.variants.iter().enumerate() {
            jobs.extend((0..variant.controls.len()).map(|c| Job::Ablate(v, c)));
        }
    }
    if !scenario.canary {
        for n in 0..settings.interference_pairs {
            jobs.extend([Job::Look(Pass::Value, n), Job::Look(Pass::Presence, n)]);
        }
    }
    jobs.extend((0..settings.swarm_seeds).map(Job::Swarm));
    jobs
}

/// The plan of all scenarios, fixed before anything runs: first what every verdict needs, then the swarm seeds in turn,
/// so that a time budget takes from all scenarios alike.
fn plan(settings: &Settings, scenarios: &[&'static Scenario]) -> Vec<(usize, Job)> {
    let jobs = scenarios.iter().enumerate().flat_map(|(i, s)| jobs(settings, s).into_iter().map(move |job| (i, job)));
    let mut plan: Vec<(usize, Job)> = jobs.collect();
    plan.sort_by_key(|(_, job)| if let Job::Swarm(n) = job { n + 1 } else { 0 });
    plan
}

/// Proves every scenario, in parallel over all cores; the result does not depend on how many there are.
pub fn prove(settings: &Settings, scenarios: &[&'static Scenario], watch: &dyn Watch) -> Vec<ScenarioRecord> {
    let plan = plan(settings, scenarios);
    let mut folds: Vec<Fold> = scenarios.iter().map(|_| Fold::default()).collect();
    for block in plan.chunks(BLOCK_PER_THREAD * rayon::current_num_threads()) {
        let done: Vec<Done> = block
            .par_iter()
            .map(|(i, job)| {
                if watch.enough() {
                    return Done::Not(*job);
                }
                // A broken invariant ends its own run and no other; its token says how to see it again.
                let done = catch_unwind(AssertUnwindSafe(|| work(settings, scenarios[*i], *job)))
                    .unwrap_or_else(|panic| Done::Fell(job.token(settings, scenarios[*i]), said(panic.as_ref())));
                watch.tell(Progress { scenario: scenarios[*i].name, step: job.name() });
                done
            })
            .collect();
        for ((i, _), done) in block.iter().zip(done) {
            folds[*i].add(done);
        }
    }
    folds.into_iter().zip(scenarios).map(|(fold, scenario)| fold.finish(settings, scenario)).collect()
}

impl Job {
    fn name(self) -> &'static str {
        match self {
            Job::Calm(_) => "calm",
            Job::Swarm(_) => "swarm",
            Job::Ablate(..) => "ablation",
            Job::Look(..) => "non-interference",
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
        };
        token(&settings.inputs, &order, "").to_string()
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason given").to_owned()
}

fn work(settings: &Settings, scenario: &'static Scenario, job: Job) -> Done {
    match job {
        Job::Calm(n) => {
            let order = Order::new(scenario, Pass::Calm, settings.seed_base.wrapping_add(n));
            compared(settings, &order, n == 0)
        }
        Job::Swarm(n) => {
            let order = Order::new(scenario, Pass::Swarm, settings.seed_base.wrapping_add(n));
            compared(settings, &order, n.is_multiple_of(settings.compare_every.max(1)))
        }
        Job::Ablate(v, c) => Done::Ablation(Box::new(ablation::ablate(settings, scenario, v, c))),
        Job::Look(mode, n) => Done::Pair(interference::look(settings, scenario, mode, n)),
    }
}

/// Runs an order, and when asked a second time: two digests for one token are a verdict of their own.
fn compared(settings: &Settings, order: &Order, twice: bool) -> Done {
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
    Done::Run(order.pass, Box::new(first.record), differs.or(twice.then(String::new)))
}

#[derive(Default)]
struct Fold {
    passes: BTreeMap<Pass, PassRecord>,
    marks: BTreeMap<Pass, BTreeMap<String, u64>>,
    differences: Vec<(String, String)>,
    ablations: Vec<AblationRecord>,
    pairs: Vec<NonInterference>,
    left_out: LeftOut,
    fell: Vec<(String, String)>,
}

/// Steps that a time budget left out.
#[derive(Default)]
struct LeftOut {
    swarm: u64,
    others: u64,
}

impl Fold {
    fn add(&mut self, done: Done) {
        match done {
            Done::Run(pass, run, compared) => self.add_run(pass, *run, compared),
            Done::Ablation(record) => self.ablations.push(*record),
            Done::Pair(pair) => self.pairs.push(pair),
            Done::Fell(token, why) => self.fell.push((token, why)),
            Done::Not(Job::Swarm(_)) => self.left_out.swarm += 1,
            Done::Not(_) => self.left_out.others += 1,
        }
    }

    fn add_run(&mut self, pass: Pass, run: RunRecord, compared: Option<String>) {
        let record = self.passes.entry(pass).or_insert_with(|| PassRecord {
            pass,
            runs: 0,
            breaches: 0,
            compared: 0,
            events: 0,
            requests: 0,
            simulated_ns: 0,
            serving: Vec::new(),
            faults: BTreeMap::new(),
            breach_bound_95: 1.0,
            kept: Vec::new(),
        });
        record.runs += 1;
        record.events += run.events;
        record.requests += run.requests_sent;
        record.simulated_ns += run.simulated_ns;
        for fault in &run.faults {
            *record.faults.entry(fault.fault.clone()).or_default() += fault.fired;
        }
        for (mark, n) in &run.marks {
            *self.marks.entry(pass).or_default().entry(mark.clone()).or_default() += n;
        }
        if let Some(difference) = compared {
            record.compared += 1;
            if !difference.is_empty() {
                self.differences.push((run.token.clone(), difference));
            }
        }
        merge_serving(&mut record.serving, &run.serving);
        let bad = verdict::is_bad(&run);
        record.breaches += u64::from(bad);
        let keep_first_bad = bad && record.kept.iter().all(|kept| !verdict::is_bad(kept));
        if record.kept.is_empty() || keep_first_bad {
            record.kept = vec![run];
        }
        record.breach_bound_95 = bounds::upper_bound(record.breaches, record.runs, 0.95);
    }

    fn finish(self, settings: &Settings, scenario: &'static Scenario) -> ScenarioRecord {
        verdict::judge(settings, scenario, self)
    }
}

/// Folds serving figures of one run into a sum; order of runs does not matter.
pub fn merge_serving(sum: &mut Vec<sim::record::Serving>, run: &[sim::record::Serving]) {
    for serving in run {
        match sum.iter_mut().find(|s| s.tenant == serving.tenant && s.cell == serving.cell) {
            None => sum.push(serving.clone()),
            Some(s) => {
                s.good += serving.good;
                s.bad += serving.bad;
                s.excluded += serving.excluded;
                s.latency.merge(&serving.latency);
                let windows = s.windows.len().max(serving.windows.len());
                s.windows.resize(windows, (0, 0));
                for (a, b) in s.windows.iter_mut().zip(&serving.windows) {
                    *a = (a.0 + b.0, a.1 + b.1);
                }
            }
        }
    }
    sum.sort_by(|a, b| (&a.tenant, &a.cell).cmp(&(&b.tenant, &b.cell)));
}
