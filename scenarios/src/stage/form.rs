//! The engine form of a scenario: the same story on at most twelve nodes and for at most ten simulated seconds, for
//! engines that pay for every node and every tick.
//!
//! A form says who is there, and nothing else: the scenario's own file sets the stage, and the choice map leaves out
//! everybody who is not named here. A story with more attackers than fit is told in parts, each with the platform that
//! it needs. Who is left out never was, so a form never adds to what a scenario says.

use super::{Acts, Disguise, Stage};
use crate::actors::Habit;
use crate::scenario::Scenario;
use models::config::{Cell, Inputs};
use models::luck;
use models::saas::Saas;
use sim::Instant;
use sim::absence;
use sim::choice::{ABSENT, Choice, Choices};
use sim::fault::{FaultSpec, Target};
use sim::node::NodeSpec;
use sim::record::Pass;
use sim::seed::{Draws, name_hash};
use sim::world::WorldSpec;
use std::collections::{BTreeMap, BTreeSet};

mod cast;
mod groups;
mod weather;

pub use weather::Weather;

/// Nodes of a part, at most.
pub const NODES_MAX: usize = 12;

/// What honest tenants do in a form, and how long: the tail of a run is shorter than usual, and what is planned in it
/// stays where it was.
pub const ACTS: Acts = Acts {
    traffic_from: Instant(800_000_000),
    safety_until: Instant(7_000_000_000),
    traffic_until: Instant(7_600_000_000),
    verify_from: Instant(8_000_000_000),
    end: Instant(10_000_000_000),
};

/// The engine form of a scenario.
pub struct Form {
    /// Its parts, in order.
    pub parts: &'static [Part],
    /// Marks of the scenario that no part reaches, each with the reason.
    pub lacks: &'static [(&'static str, &'static str)],
}

/// A part of a story that fits an engine.
pub struct Part {
    /// Name, unique in its form.
    pub name: &'static str,
    /// Roles of those who are there, in groups.
    pub here: &'static [&'static [&'static str]],
    /// Marks that it reaches in the calm.
    pub marks: &'static [&'static str],
    /// Roles that the story's own faults spare, because what would make up for them is not there.
    pub spared: &'static [&'static str],
    /// Draws of attackers that are pinned, by name, number and value: who is drawn for a role may be somebody who is
    /// not there.
    pub pinned: &'static [(&'static str, u64, u64)],
}

/// Whose form it is and why there is none, or the form.
pub type Row = (&'static str, Result<Form, &'static str>);

/// The engine form of a scenario.
///
/// # Errors
/// Why it has none, as a reason to be spoken.
pub fn of(scenario: &Scenario) -> Result<&'static Form, &'static str> {
    match cast::rows().find(|(name, _)| *name == scenario.name) {
        Some((_, Ok(form))) => Ok(form),
        Some((_, Err(why))) => Err(why),
        None => Err("nobody has said who is there in its engine form"),
    }
}

/// A part, set up for an engine.
pub struct Set {
    /// The world.
    pub spec: WorldSpec<Saas>,
    /// Its luck, with everybody left out who is not there.
    pub draws: Draws,
}

impl Part {
    const fn sparing(self, spared: &'static [&'static str]) -> Part {
        Part { spared, ..self }
    }

    const fn pinning(self, pinned: &'static [(&'static str, u64, u64)]) -> Part {
        Part { pinned, ..self }
    }

    /// Roles of those who are there.
    pub fn roles(&self) -> impl Iterator<Item = &'static str> {
        self.here.iter().flat_map(|group| group.iter().copied())
    }

    fn has(&self, role: &str) -> bool {
        self.roles().any(|here| here == role)
    }

    /// Sets the part up. Every fact is kept, because a comparison looks at them all.
    ///
    /// # Errors
    /// A role is there that nobody plays.
    pub fn set(&self, inputs: &Inputs, scenario: &Scenario, weather: Weather, seed: u64) -> Result<Set, String> {
        let all = self.build(inputs, scenario, &Draws::new(seed, Choices::default()), weather);
        let known: BTreeSet<&str> = all.nodes.iter().map(|node| node.role.as_str()).collect();
        if let Some(role) = self.roles().find(|role| !known.contains(role)) {
            return Err(format!("part {} of {}: nobody plays {role}", self.name, scenario.name));
        }
        let away = known.iter().filter(|role| !self.has(role)).map(|role| (absence::node(role), ABSENT));
        let at = |name: &str, n| Choice { purpose: luck::ATTACK.id, cause: name_hash(name), n };
        let pinned = self.pinned.iter().map(|(name, n, value)| (at(name, *n), *value));
        let overrides: BTreeMap<Choice, u64> = away.chain(pinned).collect();
        let draws = Draws::new(seed, Choices::overriding(overrides));
        let mut spec = self.build(inputs, scenario, &draws, weather);
        if weather == Weather::Scripted {
            spec.faults.extend(weather::script(self));
        }
        let here: Vec<&NodeSpec<Saas>> = spec.nodes.iter().filter(|node| self.has(&node.role)).collect();
        let faults = std::mem::take(&mut spec.faults).into_iter();
        spec.faults = faults.filter(|fault| !self.spares(fault) && strikes(fault, &here)).collect();
        Ok(Set { spec, draws })
    }

    fn build(&self, inputs: &Inputs, scenario: &Scenario, draws: &Draws, weather: Weather) -> WorldSpec<Saas> {
        let mut stage = Stage::new(inputs, draws, Pass::Calm);
        stage.acts = ACTS;
        (scenario.build)(&mut stage);
        stage.acts = ACTS;
        for cell in &mut stage.platform.cells {
            self.size(cell);
        }
        self.clients(&mut stage);
        if let Some(promise) = &mut stage.promise {
            let named = !promise.tenants.is_empty();
            promise.tenants.retain(|tenant| self.has(&format!("client/{tenant}")));
            // What service is promised is promised under the story's own faults.
            if named && promise.tenants.is_empty() || weather == Weather::Scripted {
                stage.promise = None;
            }
        }
        let mut spec = stage.build(&Disguise::default(), true);
        spec.spares.clear();
        spec
    }

    fn spares(&self, fault: &FaultSpec) -> bool {
        self.spared.iter().any(|role| fault.target == Target::Node((*role).into()))
    }

    /// Nobody asks for what the form has no way to do, and nobody is owed it: an event where there is no broker, a
    /// record where there is no database, a copy in another cell where there is no mirror.
    fn clients(&self, stage: &mut Stage<'_>) {
        stage.events.connectors.retain(|tenant| self.has(&format!("connector/{}", tenant.id)));
        stage.events.is_mirrored = self.roles().any(|role| role.ends_with("/mirror-out"));
        let has = |part: &str| self.roles().any(|role| role.contains(part));
        let habit = match (has("/postgres-"), has("/kafka-")) {
            (true, true) => return,
            (true, false) => Habit::Records,
            (false, _) => Habit::Publishes,
        };
        stage.habits.retain(|(_, usual)| {
            habit == Habit::Records && matches!(usual, Habit::Reads | Habit::Relations | Habit::Relates)
        });
        stage.habits.extend(stage.tenants.iter().map(|(tenant, _)| (tenant.id.clone(), habit)));
    }

    /// As many instances and brokers as are there, where any are.
    fn size(&self, cell: &mut Cell) {
        let count = |name: &str| {
            let prefix = format!("{}/{name}-", cell.id);
            self.roles().filter(|role| role.strip_prefix(&prefix).is_some_and(|n| n.parse::<u32>().is_ok())).count()
        };
        let (apps, brokers) = (count("app") as u64, count("kafka") as u64);
        if apps > 0 {
            cell.sizes.app_instances = apps;
        }
        if brokers > 0 {
            cell.sizes.kafka_brokers = brokers;
            cell.sizes.kafka_min_insync = cell.sizes.kafka_min_insync.min(brokers);
        }
    }
}

/// Whether a fault strikes anybody who is there: of a link, at both ends.
fn strikes(fault: &FaultSpec, here: &[&NodeSpec<Saas>]) -> bool {
    let any = |target: &Target| here.iter().any(|node| target.covers(node));
    match &fault.target {
        Target::Link(from, to) => any(from) && any(to),
        other => any(other),
    }
}
