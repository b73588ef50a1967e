//! Where facts go: the journal that digests them, the oracles that watch, and what these found.
//!
//! Every engine has one. It is told when and where each fact was seen, and knows nothing of queues, networks or clocks.

use crate::absence::Chosen;
use crate::choice::Choice;
use crate::control::{ControlSet, Controls};
use crate::fault::FaultSpec;
use crate::id::NodeId;
use crate::journal::{Finished, Journal, Step};
use crate::machine::{Fact, Platform};
use crate::oracle::{Act, Oracle, Seen};
use crate::record::{FaultFired, Finding};
use crate::seed::Draws;
use crate::time::Instant;
use std::collections::BTreeMap;

/// What a run left.
pub struct Outcome<P: Platform> {
    /// Digest, facts, steps.
    pub journal: Finished<P>,
    /// A second, cheap digest over every event, for the determinism check.
    pub trail: u64,
    /// Inputs handled by machines.
    pub events: u64,
    /// When the last event happened.
    pub ended: Instant,
    /// Whether the choice map ended the run before its time: then nobody was asked what was owed at the end.
    pub cut: bool,
    /// What the oracles found.
    pub findings: Vec<Finding>,
    /// Marks, with how often.
    pub marks: BTreeMap<&'static str, u64>,
    /// Faults, with how often.
    pub faults: Vec<FaultFired>,
    /// Controls that were asked for.
    pub consulted: ControlSet,
    /// What is still owed.
    pub pending: Vec<String>,
    /// Mistakes of the run itself.
    pub errors: Vec<String>,
    /// The oracles, for what they counted.
    pub oracles: Vec<Box<dyn Oracle<P>>>,
    /// Role of each node.
    pub roles: Vec<String>,
    /// Group of each node.
    pub groups: Vec<String>,
    /// Faults that took part.
    pub struck: Vec<Struck>,
    /// Every draw, when logged.
    pub drawn: BTreeMap<Choice, u64>,
    /// Overrides that nothing asked for; each is also an error.
    pub unused: Vec<Choice>,
}

/// A fault that took part in a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Struck {
    /// As the plan or the scenario has it: what addresses it in the choice map.
    pub planned: FaultSpec,
    /// As it was in this run.
    pub chosen: FaultSpec,
    /// How often it changed anything.
    pub fired: u64,
}

/// What an engine knows of a run that has ended.
pub struct Ran {
    /// What the choice map made of it.
    pub chosen: Chosen,
    /// When the last event happened.
    pub ended: Instant,
    /// Inputs handled by machines.
    pub events: u64,
    /// Digest over every event.
    pub trail: u64,
    /// Planned faults, with how often each struck.
    pub faults: Vec<(FaultSpec, u64)>,
    /// Role of each node.
    pub roles: Vec<String>,
}

/// Journal and oracles of a run in progress.
pub struct Court<P: Platform> {
    journal: Journal<P>,
    oracles: Vec<Box<dyn Oracle<P>>>,
    watching: [Vec<u16>; 4],
    findings: Vec<Finding>,
    marks: BTreeMap<&'static str, u64>,
    errors: Vec<String>,
}

impl<P: Platform> Court<P> {
    /// A court with these judges; `keep` keeps every fact and step.
    pub fn new(oracles: Vec<Box<dyn Oracle<P>>>, keep: bool) -> Court<P> {
        let mut watching: [Vec<u16>; 4] = Default::default();
        for (i, oracle) in oracles.iter().enumerate() {
            oracle.vantages().iter().for_each(|v| watching[*v as usize].push(i as u16));
        }
        Court {
            journal: Journal::new(keep),
            oracles,
            watching,
            findings: Vec::new(),
            marks: BTreeMap::new(),
            errors: Vec::new(),
        }
    }

    /// A fact was seen at a node.
    #[inline]
    pub fn observe(&mut self, at: Instant, node: NodeId, role: &str, cause: u64, fact: &P::Fact) {
        self.journal.append(at, node, cause, fact);
        for i in &self.watching[fact.vantage() as usize] {
            let seen = Seen { at, role, cause, fact };
            self.oracles[*i as usize].observe(&seen, &mut self.findings);
        }
    }

    /// Whether anybody wants to see what machines say of their state.
    pub(crate) fn reads_gauges(&self) -> bool {
        self.oracles.iter().any(|oracle| oracle.reads_gauges())
    }

    /// A node said something of its state.
    pub(crate) fn gauge(&mut self, role: &str, name: &'static str, value: u64) {
        let readers = self.oracles.iter_mut().filter(|oracle| oracle.reads_gauges());
        readers.for_each(|oracle| oracle.gauge(role, name, value));
    }

    /// A mark was reached.
    #[inline]
    pub fn mark(&mut self, mark: &'static str) {
        *self.marks.entry(mark).or_default() += 1;
    }

    /// Keeps a step for timelines, when steps are kept.
    #[inline]
    pub(crate) fn step(&mut self, step: impl FnOnce() -> Step) {
        self.journal.step(step);
    }

    /// Notes which controls were asked for while the last step was handled.
    #[inline]
    pub(crate) fn asked(&mut self, controls: &Controls) {
        self.journal.asked(controls.take_asked());
    }

    /// The run itself made a mistake.
    pub fn error(&mut self, why: String) {
        self.errors.push(why);
    }

    /// The run goes over to another act.
    pub fn act(&mut self, act: Act, at: Instant) {
        self.oracles.iter_mut().for_each(|oracle| oracle.act(act, at));
    }

    /// The run has ended: what is owed, which faults never struck, which overrides nobody asked for.
    pub fn finish(mut self, ran: Ran, draws: &Draws, controls: &Controls) -> Outcome<P> {
        let mut pending = Vec::new();
        for oracle in &mut self.oracles {
            // What is owed is owed at the usual end: a run that is cut short is not asked.
            if !ran.chosen.cut {
                oracle.finish(ran.chosen.end, &mut self.findings, &mut pending);
            }
            oracle.marks().into_iter().for_each(|(mark, n)| *self.marks.entry(mark).or_default() += n);
        }
        let (mut faults, mut struck) = (Vec::new(), Vec::new());
        for (spec, fired) in ran.faults {
            let planned = ran.chosen.faults.iter().find(|(_, chosen)| *chosen == spec);
            let planned = planned.map_or(&spec, |(planned, _)| planned).clone();
            struck.push(Struck { planned, chosen: spec.clone(), fired });
            if fired == 0 {
                self.errors.push(spec.unstruck());
            }
            faults.push(FaultFired {
                fault: spec.kind,
                target: spec.target.to_string(),
                from_ns: spec.from.0,
                until_ns: spec.until.0,
                fired,
            });
        }
        let unused = draws.choices().unused();
        self.errors.extend(unused.iter().map(|at| format!("override {at} was never used")));
        Outcome {
            journal: self.journal.finish(),
            trail: ran.trail,
            events: ran.events,
            ended: ran.ended,
            cut: ran.chosen.cut,
            findings: self.findings,
            marks: self.marks,
            faults,
            consulted: controls.consulted(),
            pending,
            errors: self.errors,
            oracles: self.oracles,
            roles: ran.roles,
            groups: ran.chosen.groups,
            struck,
            drawn: draws.choices().drawn(),
            unused,
        }
    }
}
