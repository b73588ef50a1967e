//! Drills: a correlated story of faults, what it may cost whom, and what it did cost.
//!
//! A drill draws its story from a seed, or takes it from a file, and says of every tenant beforehand which objectives
//! it expects to be met and when requests may fail. Then it runs, under the judges of every scenario: a leak under
//! faults is a finding here as anywhere.

pub mod document;
pub mod expect;
pub mod export;
pub mod incident;
pub mod luck;
pub mod map;
pub mod outcome;
pub mod story;
pub mod toll;

#[cfg(test)]
mod tests;

use crate::prove::{self, KERNEL, Order};
use crate::scenario::Scenario;
use crate::stage::{Acts, Stage};
use document::{Document, Observed};
use expect::Expectation;
use map::Map;
use models::config::{Inputs, Tenant};
use models::fact::Fact;
use models::platform;
use outcome::Outcome;
use serde::Serialize;
use sim::choice::Choices;
use sim::control::Control;
use sim::record::{Pass, RunRecord, SloVerdict};
use sim::seed::Draws;
use sim::{Duration, Instant};
use story::Story;

/// The drill, as a scenario: its faults are those of the story that the seed draws.
pub static SCENARIO: Scenario = Scenario {
    name: "drill/seeded",
    title: "A drawn fault story, and what it costs whom",
    threat: "Incidents strike the platform, alone or together, for longer than any attack lasts.",
    stride: None,
    requirements: &["SLO-01", "SLO-02", "CEL-01", "CEL-02", "ROL-07"],
    variants: &[],
    canary: false,
    build,
};

/// Mean time between two requests of an honest tenant.
const GAP: Duration = Duration::millis(15);
/// Honest tenants that take part, at most.
const TENANTS_MAX: usize = 8;
/// Reached when an honest request is answered: a drill in which nobody asked proves nothing.
const MARK: &str = "drill/honest-answer";

/// The tenants that take part in a drill on this platform.
fn taking_part(inputs: &Inputs) -> &[Tenant] {
    let tenants = &inputs.tenants.tenants;
    &tenants[..tenants.len().min(TENANTS_MAX)]
}

fn build(stage: &mut Stage<'_>) {
    let story = story::draw(stage.draws, &Map::of(stage.inputs));
    set(stage, &story);
}

/// Sets the stage for a story.
fn set(stage: &mut Stage<'_>, story: &Story) {
    for tenant in taking_part(stage.inputs) {
        stage.tenants(&tenant.id, GAP);
    }
    stage.mark_when(MARK, |fact| matches!(fact, Fact::Answered(answer) if answer.status == 200));
    for f in &story.faults {
        stage.fault(&f.kind, f.target.clone(), f.from, f.until, f.strength);
    }
    stage.acts = acts(story);
}

fn acts(story: &Story) -> Acts {
    Acts {
        traffic_from: Acts::default().traffic_from,
        safety_until: story.faults_end().max(Instant(1)),
        traffic_until: story.length,
        verify_from: story.length + Duration::millis(500),
        end: story.length + Duration::secs(5),
    }
}

/// A drill, before it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drill {
    /// Decides who asks what and when; of a drawn drill also its story.
    pub seed: u64,
    /// What happens.
    pub story: Story,
    /// What is expected of each tenant that takes part.
    pub expectations: Vec<Expectation>,
    /// What was observed of the same story elsewhere.
    pub observed: Vec<Observed>,
    is_drawn: bool,
}

/// What was observed elsewhere, beside what the simulation shows and what was expected.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Beside {
    /// The observation.
    #[serde(flatten)]
    pub observed: Observed,
    /// What was expected.
    pub expected: SloVerdict,
    /// What the simulation shows.
    pub simulated: SloVerdict,
    /// How the observation compares with the expectation: a real drill that misses what was to be met is worse.
    pub comparison: outcome::Comparison,
    /// Whether simulation and reality decide differently: then one of both is wrong.
    pub is_contradiction: bool,
}

/// A drill that ran.
pub struct Ran {
    /// The run.
    pub record: RunRecord,
    /// What came of each expectation, tenant by tenant.
    pub outcomes: Vec<Outcome>,
    /// What was observed elsewhere.
    pub beside: Vec<Beside>,
}

impl Drill {
    /// The drill of a seed.
    pub fn drawn(inputs: &Inputs, seed: u64) -> Drill {
        let map = Map::of(inputs);
        let story = story::draw(&Draws::new(seed, Choices::default()), &map);
        Drill { is_drawn: true, ..Drill::expecting(inputs, &map, seed, story) }
    }

    /// The drill of a file.
    pub fn of(inputs: &Inputs, document: Document) -> Drill {
        let drill = Drill::expecting(inputs, &Map::of(inputs), document.seed, document.story);
        Drill { observed: document.observed, ..drill }
    }

    fn expecting(inputs: &Inputs, map: &Map, seed: u64, story: Story) -> Drill {
        let tolls = toll::tolls(&story.faults, map);
        let acts = acts(&story);
        let traffic = (acts.traffic_from, acts.traffic_until);
        let expectations = taking_part(inputs).iter().map(|tenant| {
            let cell = platform::home_cell(&inputs.platform, tenant);
            expect::of(&tenant.id, &cell, &tolls, traffic, &inputs.platform.slos)
        });
        let expectations = expectations.collect();
        Drill { seed, story, expectations, observed: Vec::new(), is_drawn: false }
    }

    /// Whether its story is the seed's own, so that the seed alone says everything.
    pub fn is_drawn(&self) -> bool {
        self.is_drawn
    }

    /// Runs it, with these controls off.
    pub fn run(&self, inputs: &Inputs, off: &[&'static Control]) -> Ran {
        let pass = if off.is_empty() { Pass::Calm } else { Pass::Ablation };
        let order = Order { off: off.to_vec(), ..Order::new(&SCENARIO, pass, self.seed) };
        let record = prove::execute_staged(&KERNEL, inputs, &order, |stage| set(stage, &self.story)).record;
        let outcomes: Vec<Outcome> = self
            .expectations
            .iter()
            .flat_map(|expected| {
                let serving = record.serving.iter().find(|s| s.tenant == expected.tenant);
                outcome::compare(expected, serving, &inputs.platform.slos)
            })
            .collect();
        let beside = self.observed.iter().filter_map(|observed| beside(observed, &outcomes)).collect();
        Ran { record, outcomes, beside }
    }
}

fn beside(observed: &Observed, outcomes: &[Outcome]) -> Option<Beside> {
    use outcome::Comparison;
    let about = |o: &&Outcome| o.tenant == observed.tenant && o.objective == observed.objective;
    let outcome = outcomes.iter().find(about)?;
    let decided = |verdict| matches!(verdict, SloVerdict::Met | SloVerdict::Missed);
    let comparison = match (outcome.expected, observed.verdict) {
        (SloVerdict::Met, SloVerdict::Missed) => Comparison::Worse,
        (SloVerdict::Missed, SloVerdict::Met) => Comparison::Better,
        (_, verdict) if decided(verdict) => Comparison::AsExpected,
        _ => Comparison::Undecided,
    };
    Some(Beside {
        observed: observed.clone(),
        expected: outcome.expected,
        simulated: outcome.seen,
        comparison,
        is_contradiction: decided(observed.verdict) && decided(outcome.seen) && observed.verdict != outcome.seen,
    })
}
