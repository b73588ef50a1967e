//! What is to be done, fixed before anything runs.
//!
//! First come the runs of a corpus, then the steps that every verdict needs, then the swarm seeds of all scenarios in
//! turn, so that whoever ends a sweep early takes from all scenarios alike. Nothing is stored for a swarm step: its
//! index says which it is.

use crate::catalogue;
use crate::code::code;
use crate::gate::{self, Demand};
use crate::prove::{Done, Job, Kept, Settings, step};
use crate::scenario::Scenario;
use models::config::Inputs;
use models::crypto::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sim::record::{GateRecord, ScenarioRecord};

/// Characters of a digest that a message shows; as many as a token carries.
const SHOWN_CHARS: usize = 12;

/// Steps with their indices.
pub struct Plan {
    settings: Settings,
    scenarios: Vec<&'static Scenario>,
    demand: Demand,
    /// Scenario, by its place, and job.
    head: Vec<(usize, Job)>,
}

/// All that decides a plan and its verdict. Two plans of the same terms are the same plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// Digest of the code that decides runs and verdicts.
    pub code: String,
    /// Digest of platform and tenants.
    pub config: String,
    /// Digest of the requirement catalogue.
    pub catalogue: String,
    /// Scenarios by name.
    pub scenarios: Vec<String>,
    /// First seed of every range, in decimal.
    pub seed_base: String,
    /// As in [`Settings`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nonce: String,
    /// As in [`Settings`].
    pub calm_seeds: u64,
    /// As in [`Settings`].
    pub swarm_seeds: u64,
    /// As in [`Settings`].
    pub swarm_floor: u64,
    /// As in [`Settings`].
    pub ablation_seeds: u32,
    /// As in [`Settings`].
    pub interference_pairs: u32,
    /// As in [`Settings`].
    pub compare_every: u64,
    /// As in [`Settings`].
    pub ablate: bool,
    /// As in [`Settings`], one line an entry.
    pub corpus: Vec<String>,
    /// What must be there besides scenarios that held.
    pub demand: Demand,
}

impl Plan {
    /// The plan for these scenarios.
    pub fn new(settings: Settings, scenarios: &[&'static Scenario], demand: Demand) -> Plan {
        let steps = |(i, s): (usize, &&'static Scenario)| {
            step::head(&settings, s).into_iter().map(move |job| (i, job)).collect::<Vec<_>>()
        };
        let mut head: Vec<(usize, Job)> = scenarios.iter().enumerate().flat_map(steps).collect();
        // What exploring kept is what most probably breaks.
        head.sort_by_key(|(_, job)| !matches!(job, Job::Kept(_)));
        Plan { settings, scenarios: scenarios.to_vec(), demand, head }
    }

    /// How many steps there are.
    pub fn len(&self) -> u64 {
        self.head.len() as u64 + self.settings.swarm_seeds * self.scenarios.len() as u64
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How it is run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is proved.
    pub fn scenarios(&self) -> &[&'static Scenario] {
        &self.scenarios
    }

    /// The step of this index: the scenario by its place, and the job.
    ///
    /// # Panics
    /// When the plan has no such step.
    pub fn step(&self, index: u64) -> (usize, Job) {
        let head = self.head.len() as u64;
        assert!(index < self.len(), "step {index} of a plan of {}", self.len());
        if index < head {
            return self.head[index as usize];
        }
        let (swarm, scenarios) = (index - head, self.scenarios.len() as u64);
        ((swarm % scenarios) as usize, Job::Swarm(swarm / scenarios))
    }

    /// The name of a step: `stride/spoofing-stolen-token swarm 17`.
    pub fn name(&self, index: u64) -> String {
        let (scenario, job) = self.step(index);
        let scenario = self.scenarios[scenario];
        format!("{} {}", scenario.name, job.name(&self.settings, scenario))
    }

    /// Does a step.
    pub fn work(&self, index: u64) -> Done {
        let (scenario, job) = self.step(index);
        job.work(&self.settings, self.scenarios[scenario])
    }

    /// What decides it.
    pub fn terms(&self) -> Terms {
        let s = &self.settings;
        Terms {
            code: code(),
            config: s.inputs.digest(),
            catalogue: models::catalogue::digest(),
            scenarios: self.scenarios.iter().map(|s| s.name.to_owned()).collect(),
            seed_base: s.seed_base.to_string(),
            nonce: s.nonce.clone(),
            calm_seeds: s.calm_seeds,
            swarm_seeds: s.swarm_seeds,
            swarm_floor: s.swarm_floor,
            ablation_seeds: s.ablation_seeds,
            interference_pairs: s.interference_pairs,
            compare_every: s.compare_every,
            ablate: s.ablate,
            corpus: s.corpus.iter().map(Kept::to_string).collect(),
            demand: self.demand.clone(),
        }
    }

    /// The record of the gate, from the records of its scenarios. `command` is what one would type for this plan.
    pub fn record(&self, scenarios: Vec<ScenarioRecord>, command: &str) -> GateRecord {
        let mut record = gate::assemble(&self.settings, scenarios, command, &self.demand);
        record.pins.insert("plan".into(), self.terms().digest());
        record
    }
}

impl Terms {
    /// Makes the plan again, with the input that the terms name by digest. Whoever asks compares its terms with these:
    /// another code or catalogue makes another plan.
    ///
    /// # Errors
    /// One line: a scenario that is not known here, or a number that is none.
    pub fn plan(&self, inputs: Inputs) -> Result<Plan, String> {
        let scenarios = self.scenarios.iter().map(|name| catalogue::find(name)).collect::<Result<Vec<_>, _>>()?;
        let settings = Settings {
            inputs,
            seed_base: self.seed_base.parse().map_err(|_| format!("seed_base `{}` is no seed", self.seed_base))?,
            nonce: self.nonce.clone(),
            calm_seeds: self.calm_seeds,
            swarm_seeds: self.swarm_seeds,
            swarm_floor: self.swarm_floor,
            ablation_seeds: self.ablation_seeds,
            interference_pairs: self.interference_pairs,
            compare_every: self.compare_every,
            ablate: self.ablate,
            corpus: self.corpus.iter().map(|entry| entry.parse()).collect::<Result<_, _>>()?,
        };
        Ok(Plan::new(settings, &scenarios, self.demand.clone()))
    }

    /// SHA-256 over the terms, as hex.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(serde_json::to_vec(self).expect("plain data has a JSON form")))
    }

    /// What differs from `there`, each in a few words: `swarm_seeds 128 there, 64 here`.
    pub fn differences(&self, there: &Terms) -> Vec<String> {
        let value = |terms: &Terms| serde_json::to_value(terms).expect("plain data has a JSON form");
        let (here, there) = (value(self), value(there));
        let fields = here.as_object().into_iter().flatten();
        let differing = fields.filter(|(name, here)| there[name.as_str()] != **here);
        differing
            .map(|(name, here)| format!("{name} {} there, {} here", shown(&there[name.as_str()]), shown(here)))
            .collect()
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.chars().take(SHOWN_CHARS).collect(),
        Value::Array(items) => format!("{} items", items.len()),
        Value::Object(map) => {
            let on = |value: &Value| *value == Value::Bool(true) || value.as_array().is_some_and(|all| !all.is_empty());
            let set = map.iter().filter(|(_, value)| on(value)).map(|(name, _)| name.as_str());
            let set: Vec<&str> = set.collect();
            if set.is_empty() { "nothing".into() } else { set.join(" and ") }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn plan(swarm_seeds: u64) -> Plan {
        let settings = Settings {
            inputs: Inputs::embedded(),
            seed_base: 1,
            nonce: String::new(),
            calm_seeds: 2,
            swarm_seeds,
            swarm_floor: 1,
            ablation_seeds: 1,
            interference_pairs: 1,
            compare_every: 20,
            ablate: true,
            corpus: Vec::new(),
        };
        Plan::new(settings, catalogue::ALL, Demand::default())
    }

    #[test]
    fn every_step_has_one_index_and_the_swarm_takes_turns() {
        let plan = plan(3);
        let names: Vec<String> = (0..plan.len()).map(|i| plan.name(i)).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let swarm = names.iter().position(|name| name.contains(" swarm ")).expect("a swarm");
        assert!(names[swarm..].iter().all(|name| name.contains(" swarm ")));
        let turns = names[swarm..].chunks(catalogue::ALL.len());
        for (seed, turn) in (1..).zip(turns) {
            let wanted = catalogue::ALL.iter().map(|s| format!("{} swarm {seed}", s.name));
            assert_eq!(turn, wanted.collect::<Vec<_>>());
        }
        assert!(!names.iter().any(|name| name.starts_with("canary/") && name.contains("ablation")));
    }

    #[test]
    fn a_plan_is_made_again_from_its_terms() {
        let plan = plan(3);
        let again = plan.terms().plan(Inputs::embedded()).expect("the same code");
        assert_eq!(again.terms(), plan.terms());
        assert!((0..plan.len()).all(|i| again.name(i) == plan.name(i)));
        let strange = Terms { scenarios: vec!["no/such".into()], ..plan.terms() };
        assert!(strange.plan(Inputs::embedded()).is_err_and(|e| e.starts_with("unknown scenario \"no/such\"")));
    }

    #[test]
    fn another_plan_has_another_digest_and_says_what_differs() {
        let (small, large) = (plan(3).terms(), plan(4).terms());
        assert_eq!(small.digest(), plan(3).terms().digest());
        assert_ne!(small.digest(), large.digest());
        assert_eq!(small.differences(&small), [""; 0]);
        assert_eq!(small.differences(&large), ["swarm_seeds 4 there, 3 here"]);
        let asks = Terms {
            demand: Demand { canary: true, objectives: true, rows: vec!["TEN-02".into()] },
            code: "ab".repeat(32),
            ..small.clone()
        };
        let differ = small.differences(&asks);
        assert!(differ[0].starts_with("code abababababab there, "), "{differ:?}");
        assert_eq!(differ[1], "demand canary and objectives and rows there, nothing here");
    }
}
