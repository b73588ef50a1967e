//! One run: from an order to a record.

use super::engine::{Engine, KERNEL};
use crate::code::code;
use crate::explore::{Features, Shape};
use crate::scenario::Scenario;
use crate::stage::{Disguise, Stage, Terms};
use crate::token::{Digests, Token};
use models::config::Inputs;
use models::gateway::token::TokenMemo;
use models::mesh::verify::ChainMemo;
use models::oracles::availability::Availability;
use models::oracles::mirroring::Mirroring;
use models::registry;
use models::saas::Saas;
use sim::choice::{Choice, Choices};
use sim::control::{Control, ControlSet};
use sim::journal;
use sim::record::{Pass, RunRecord, Serving};
use sim::seed::Draws;
use sim::world::Struck;
use std::collections::BTreeMap;

/// What to run.
#[derive(Clone)]
pub struct Order {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// The pass.
    pub pass: Pass,
    /// The seed.
    pub seed: u64,
    /// Controls that are off.
    pub off: Vec<&'static Control>,
    /// Overrides of the choice map.
    pub overrides: BTreeMap<Choice, u64>,
    /// What the pass changes.
    pub disguise: Disguise,
    /// Keep every fact and step.
    pub keep: bool,
    /// Keep every draw.
    pub log_draws: bool,
    /// Note what the run was like.
    pub is_shaped: bool,
}

impl Order {
    /// An ordinary order: guards on, nothing overridden, nothing kept.
    pub fn new(scenario: &'static Scenario, pass: Pass, seed: u64) -> Order {
        Order {
            scenario,
            pass,
            seed,
            off: Vec::new(),
            overrides: BTreeMap::new(),
            disguise: Disguise::default(),
            keep: false,
            log_draws: false,
            is_shaped: false,
        }
    }
    /// The same with one more control off.
    #[must_use]
    pub fn without(mut self, control: &'static Control) -> Order {
        self.off.push(control);
        self
    }
}

/// A run that has ended.
pub struct Finished {
    /// What reports need.
    pub record: RunRecord,
    /// Facts and steps, when kept.
    pub journal: journal::Finished<Saas>,
    /// Digest over every event.
    pub trail: u64,
    /// Role of each node.
    pub roles: Vec<String>,
    /// Group of each node.
    pub groups: Vec<String>,
    /// Whether the choice map ended the run before its time.
    pub cut: bool,
    /// Faults that took part, as planned and as they were.
    pub struck: Vec<Struck>,
    /// Every draw, when logged.
    pub drawn: BTreeMap<Choice, u64>,
    /// Overrides that nothing asked for.
    pub unused: Vec<Choice>,
    /// What the run was like, when that was asked for.
    pub features: Features,
}

/// Runs an order on the kernel.
pub fn execute(inputs: &Inputs, order: &Order) -> Finished {
    execute_on(&KERNEL, inputs, order)
}

/// Runs an order on an engine.
pub fn execute_on(engine: &Engine, inputs: &Inputs, order: &Order) -> Finished {
    execute_staged(engine, inputs, order, order.scenario.build)
}

/// Runs an order on an engine, with a stage that is set by other means than the scenario's own.
pub fn execute_staged(engine: &Engine, inputs: &Inputs, order: &Order, build: impl FnOnce(&mut Stage<'_>)) -> Finished {
    let mut choices = Choices::overriding(order.overrides.clone());
    if order.log_draws {
        choices = choices.logged();
    }
    let draws = Draws::new(order.seed, choices);
    let off = order.off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
    let mut stage = Stage::new(inputs, &draws, order.pass);
    build(&mut stage);
    if order.is_shaped {
        stage.oracle(|_| Box::new(Shape::default()));
    }
    let (memos, spared) = (stage.memos(), stage.spared());
    let spec = stage.build(&order.disguise, order.keep);
    let outcome = (engine.run)(spec, draws, off, order.seed);
    let mut serving = Vec::new();
    let (mut sent, mut good) = (0, 0);
    let mut shape = None;
    let mut lags = BTreeMap::new();
    for oracle in outcome.oracles {
        let other = match oracle.into_any().downcast::<Availability>() {
            Ok(availability) => {
                serving = availability.serving();
                (sent, good) = (availability.sent, availability.good);
                continue;
            }
            Err(other) => other,
        };
        match other.downcast::<Mirroring>() {
            Ok(mirroring) => lags = mirroring.lags().clone(),
            Err(other) => shape = shape.or(other.downcast::<Shape>().ok()),
        }
    }
    let serving = serving.into_iter().map(|one: Serving| match lags.get(&*one.tenant) {
        Some((lags, late)) => Serving { mirrored: lags.clone(), mirrored_late: *late, ..one }.of_one_run(),
        None => one,
    });
    let serving: Vec<Serving> = serving.collect();
    let digest: String = outcome.journal.digest.iter().map(|b| format!("{b:02x}")).collect();
    let consulted = registry::ALL.iter().filter(|c| outcome.consulted.contains(c.slot)).map(|c| c.id.into());
    let record = RunRecord {
        scenario: order.scenario.name.into(),
        pass: order.pass,
        engine: engine.name.into(),
        seed: order.seed.to_string(),
        ablations: order.off.iter().map(|c| c.id.into()).collect(),
        token: Token { engine: engine.name.into(), ..token(inputs, order, &digest) }.to_string(),
        digest,
        events: outcome.events,
        simulated_ns: outcome.ended.0,
        facts: outcome.journal.facts,
        requests_sent: sent,
        requests_good: good,
        findings: outcome.findings,
        marks: outcome.marks.into_iter().map(|(mark, n)| (mark.to_owned(), n)).collect(),
        faults: outcome.faults,
        consulted: consulted.collect(),
        library_calls: calls(&memos),
        pending: outcome.pending,
        errors: outcome.errors.into_iter().filter(|error| !spared.contains(error)).collect(),
        serving,
    };
    let features = shape.map(|shape| shape.features(&record)).unwrap_or_default();
    Finished {
        record,
        journal: outcome.journal,
        trail: outcome.trail,
        roles: outcome.roles,
        groups: outcome.groups,
        cut: outcome.cut,
        struck: outcome.struck,
        drawn: outcome.drawn,
        unused: outcome.unused,
        features,
    }
}

/// What the judges of an order's run are told beforehand.
pub fn terms(inputs: &Inputs, order: &Order) -> Terms {
    let draws = Draws::new(order.seed, Choices::overriding(order.overrides.clone()));
    let mut stage = Stage::new(inputs, &draws, order.pass);
    (order.scenario.build)(&mut stage);
    stage.terms()
}

/// Real calls of the libraries that decide about identity, and memo hits.
fn calls((tokens, chains): &(TokenMemo, ChainMemo)) -> BTreeMap<String, (u64, u64)> {
    let mut calls = tokens.calls();
    calls += chains.calls();
    [("jwt-verify", calls.jwt_verify), ("x509-verify", calls.x509_verify)]
        .into_iter()
        .map(|(name, tally)| (name.to_owned(), (tally.real, tally.hits)))
        .collect()
}

/// The token of a run on the kernel with this result digest.
pub fn token(inputs: &Inputs, order: &Order, digest: &str) -> Token {
    Token {
        scenario: order.scenario.name.into(),
        pass: order.pass,
        engine: KERNEL.name.into(),
        seed: order.seed,
        ablations: order.off.iter().map(|c| c.id.into()).collect(),
        overrides: order.overrides.clone(),
        digests: Digests::short(&inputs.digest(), &models::catalogue::digest(), &code(), digest),
    }
}
