//! `cellproof hunt`: is the planted defect found, by what, after how many runs, and how small is it then?
//!
//! Only in a build with planted defects. It does the steps of a gate in the order of the plan until one shows the
//! defect, then explores every scenario in the default budget, and shrinks the run that showed it. It prints one line
//! of columns for a table. Ends with 1 when something was found, with 0 when nothing was.

use super::sweep::{self, SEED_BASE, Size, quietly};
use crate::args::Hunt;
use crate::exit::{Done, Exit, usage};
use crate::terminal::say;
use models::config::Inputs;
use rayon::prelude::*;
use scenarios::catalogue;
use scenarios::explore::{self, Corpus};
use scenarios::gate::Demand;
use scenarios::prove::step::{Found, is_broken};
use scenarios::prove::{Done as Step, Order, execute};
use scenarios::scenario::Scenario;
use scenarios::shrink::{self, Counts, Failure};
use scenarios::sweep::{InOrder, Plan};
use scenarios::token::Token;
use sim::planted::planted;
use sim::record::RunRecord;

/// Steps that are done before anybody looks.
const CHUNK: u64 = 64;
/// Runs that shrinking may make, as `cellproof shrink` does.
const SHRINK_RUNS: u64 = 2_000;
/// How far apart the base seeds of an experiment lie, so that no two try the same seeds.
const SEEDS_APART: u64 = 1_000_000;

/// What was found.
struct Catch {
    by: &'static str,
    runs: u64,
    requirement: String,
    /// A run with every control on that can be shrunk, where that is how it was found.
    order: Option<Order>,
}

/// Hunts.
pub fn hunt(args: &Hunt) -> Done {
    let inputs = Inputs::embedded();
    if args.experiment > 0 {
        return experiment(args, &inputs);
    }
    let name = planted().map_or("as it is", |defect| defect.name);
    let caught = quietly(|| gate(&inputs).or_else(|| explored(&inputs, args.runs)));
    let Some(caught) = caught else {
        say(&format!("{name}\tnot found\t-\t-\t-\t-\n"));
        return Ok(Exit::Held);
    };
    let small = caught.order.as_ref().and_then(|order| quietly(|| shrunk(&inputs, order)));
    let (sizes, token) = small.unwrap_or_else(|| ("not shrunk".into(), "-".into()));
    let Catch { by, runs, requirement, .. } = caught;
    say(&format!("{name}\t{by}\t{runs}\t{requirement}\t{sizes}\t{token}\n"));
    Ok(Exit::Broken)
}

/// What a gate finds, and after how many of its steps. A run that breaks something outweighs an ablation that came out
/// otherwise, because it can be shrunk.
fn gate(inputs: &Inputs) -> Option<Catch> {
    let plan = Plan::new(sweep::settings(inputs.clone(), Size::Normal, None, None), catalogue::ALL, Demand::default());
    let mut folds = InOrder::new(&plan);
    let mut at = 0;
    while at < plan.len() {
        let chunk: Vec<u64> = (at..plan.len().min(at + CHUNK)).collect();
        let done: Vec<Step> = chunk.par_iter().map(|index| plan.work(*index)).collect();
        for (index, step) in chunk.iter().zip(done) {
            let (scenario, _) = plan.step(*index);
            let scenario = plan.scenarios()[scenario];
            if let (Some(record), false) = (broken(&step), scenario.canary) {
                return Some(of_run("gate", index + 1, record, scenario));
            }
            folds.add(*index, step);
        }
        at += CHUNK;
    }
    let bad = folds.finish().into_iter().find(|record| !record.canary && !record.why.is_empty())?;
    Some(Catch { by: "gate", runs: plan.len(), requirement: format!("{}: {}", bad.name, bad.why[0]), order: None })
}

fn broken(step: &Step) -> Option<&RunRecord> {
    match step {
        Step::Run(run) => match &run.found {
            Found::Record(record) => Some(&**record).filter(|record| is_broken(record)),
            Found::Sums(_) => None,
        },
        _ => None,
    }
}

fn of_run(by: &'static str, runs: u64, record: &RunRecord, scenario: &'static Scenario) -> Catch {
    let first = record.findings.iter().min_by_key(|finding| finding.at_ns).map(|finding| finding.requirement.clone());
    let seed = record.seed.parse().unwrap_or_default();
    let overrides = Token::parse(&record.token).map(|token| token.overrides).unwrap_or_default();
    let order = Order { overrides, ..Order::new(scenario, record.pass, seed) };
    let requirement = format!("{} in {}", first.unwrap_or_else(|| "liveness".into()), scenario.name);
    Catch { by, runs, requirement, order: Some(order) }
}

/// What exploring finds in its default budget, the scenarios in their order.
fn explored(inputs: &Inputs, runs_max: u64) -> Option<Catch> {
    let mut before = 0;
    for scenario in catalogue::ALL.iter().copied().filter(|s| !s.canary) {
        let settings = explore::Settings {
            inputs: inputs.clone(),
            seed: SEED_BASE,
            runs_max,
            is_guided: true,
            stop_at_first: true,
        };
        let done = explore::explore(&settings, scenario, Corpus::default(), &mut ());
        if let Some(found) = done.found.first() {
            return Some(of_run("explore", before + found.after_runs, &found.record, scenario));
        }
        before += done.runs;
    }
    None
}

/// How small the run becomes: events and faults, before and after, and its token.
fn shrunk(inputs: &Inputs, order: &Order) -> Option<(String, String)> {
    let failure = Failure::new(inputs, order).ok()?;
    let shrunk = shrink::shrink(&failure, &order.overrides, SHRINK_RUNS, &())?;
    let kept = |order: &Order| execute(inputs, &Order { keep: true, ..order.clone() });
    let smallest = failure.order(&shrunk.best.overrides);
    let (before, after) = (kept(order), kept(&smallest));
    let counts = (Counts::of(&before, &order.overrides), Counts::of(&after, &shrunk.best.overrides));
    let token = scenarios::prove::token(inputs, &smallest, &after.record.digest);
    let (events, faults) = ((counts.0.events, counts.1.events), (counts.0.faults, counts.1.faults));
    Some((format!("{} → {} events, {} → {} faults", events.0, events.1, faults.0, faults.1), token.to_string()))
}

/// Runs until exploring, and plain seeds, find the defect in the scenario nearest to it: one line a base seed.
fn experiment(args: &Hunt, inputs: &Inputs) -> Done {
    let Some(defect) = planted() else { return Err(usage("an experiment needs --planted DEFECT")) };
    let scenario = catalogue::find(defect.scenario).map_err(usage)?;
    for base in 1..=args.experiment {
        let runs = |is_guided: bool| {
            let settings = explore::Settings {
                inputs: inputs.clone(),
                // Beyond the seeds that every gate tries.
                seed: base * SEEDS_APART,
                runs_max: args.runs,
                is_guided,
                stop_at_first: true,
            };
            let done = quietly(|| explore::explore(&settings, scenario, Corpus::default(), &mut ()));
            done.found.first().map_or("-".into(), |found| found.after_runs.to_string())
        };
        say(&format!("{}\t{}\t{base}\t{}\t{}\n", defect.name, scenario.name, runs(true), runs(false)));
    }
    Ok(Exit::Held)
}
