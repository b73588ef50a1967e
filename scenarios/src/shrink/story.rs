//! What is left of a run, for a person to read: who plays, on which parts of the platform, and what happens in order.

use super::Overrides;
use super::survey::{ATTACKER, CLIENT, actors, is_there};
use crate::prove::Finished;
use models::fact::{Answer, Fact};
use sim::journal::Step;
use sim::{Instant, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// How much there is in a run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Inputs handled by machines.
    pub events: u64,
    /// Simulated time, in nanoseconds.
    pub simulated_ns: u64,
    /// Requests that honest clients sent.
    pub requests: u64,
    /// Requests that attackers sent.
    pub attacks: u64,
    /// Faults.
    pub faults: u64,
    /// Honest clients.
    pub clients: u64,
    /// Attackers.
    pub attackers: u64,
    /// Nodes of the platform.
    pub nodes: u64,
}

impl Counts {
    /// Counts a run whose facts were kept.
    pub fn of(run: &Finished, overrides: &Overrides) -> Counts {
        let asked = |prefix: &str| {
            let is_one = |fact: &Fact| matches!(fact, Fact::Asked { principal, .. } if principal.starts_with(prefix));
            run.journal.entries.iter().filter(|entry| is_one(&entry.fact)).count() as u64
        };
        let playing = |prefix: &str| actors(run, overrides).filter(|role| role.starts_with(prefix)).count() as u64;
        Counts {
            events: run.record.events,
            simulated_ns: run.record.simulated_ns,
            requests: asked(CLIENT),
            attacks: asked(ATTACKER),
            faults: run.struck.len() as u64,
            clients: playing(CLIENT),
            attackers: playing(ATTACKER),
            nodes: platform(run, overrides).len() as u64,
        }
    }
}

/// One thing that happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// When.
    pub at: Instant,
    /// Who does it.
    pub who: String,
    /// What.
    pub what: String,
    /// Whether it is what the run failed by.
    pub broken: bool,
}

/// A run as a person reads it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Story {
    /// Clients and attackers.
    pub cast: Vec<String>,
    /// Parts of the platform that are there.
    pub platform: Vec<String>,
    /// Faults, clients' and attackers' steps, and what they led to, in order.
    pub lines: Vec<Line>,
}

/// Of an actor who does more than this, only first and last steps are told.
const TOLD_MAX: usize = 12;

impl Story {
    /// The story of a run whose facts and steps were kept.
    pub fn of(run: &Finished, overrides: &Overrides) -> Story {
        let mut lines: Vec<Line> = faults(run);
        for actor in actors(run, overrides) {
            lines.extend(shortened(asked(run, actor)));
            lines.extend(shortened(words(run, actor)));
        }
        // What is found at once in many places is one story: its first finding tells it.
        let first = run.record.findings.iter().min_by_key(|finding| finding.at_ns);
        lines.extend(first.map(|finding| Line {
            at: Instant(finding.at_ns),
            who: finding.node.clone(),
            what: format!("BROKEN {}: {}", finding.requirement, finding.message),
            broken: true,
        }));
        lines.extend(run.record.pending.first().filter(|_| first.is_none()).map(|pending| Line {
            at: Instant(run.record.simulated_ns),
            who: String::new(),
            what: format!("STILL OWED {pending}"),
            broken: true,
        }));
        lines.sort_by_key(|line| (line.at, line.broken));
        let cast = actors(run, overrides).map(str::to_owned).collect();
        Story { cast, platform: platform(run, overrides), lines }
    }
}

/// Parts of the platform that are there.
fn platform(run: &Finished, overrides: &Overrides) -> Vec<String> {
    let roles = run.roles.iter().zip(&run.groups).filter(|(role, group)| is_there(overrides, role, group));
    let roles = roles.map(|(role, _)| role).filter(|role| !role.starts_with(CLIENT) && !role.starts_with(ATTACKER));
    roles.cloned().collect()
}

fn faults(run: &Finished) -> Vec<Line> {
    let line = |fault: &sim::world::Struck| {
        let chosen = &fault.chosen;
        let what = format!("{} until {} (struck {} times)", chosen.kind, chosen.until, fault.fired);
        Line { at: chosen.from, who: format!("fault on {}", chosen.target), what, broken: false }
    };
    run.struck.iter().map(line).collect()
}

/// What an actor asked, and what it was answered.
fn asked(run: &Finished, actor: &str) -> Vec<Line> {
    let answer_of = |entry: &Fact| match entry {
        Fact::Answered(answer) if &*answer.principal == actor => Some((answer.request, answer.clone())),
        _ => None,
    };
    let answers: BTreeMap<u64, Box<Answer>> = run.journal.entries.iter().filter_map(|e| answer_of(&e.fact)).collect();
    let line = |at: Instant, request: u64, what: &str| {
        let end = answers.get(&request).map_or("no answer yet".into(), |answer| match answer.status {
            0 => format!("no answer, {}", answer.reason),
            status => format!("{status} {} after {}", answer.reason, answer.took),
        });
        Line { at, who: actor.into(), what: format!("{what}: {end}"), broken: false }
    };
    let asks = run.journal.entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Asked { principal, request, what } if &**principal == actor => Some(line(entry.at, *request, what)),
        _ => None,
    });
    asks.collect()
}

/// What an attacker said or met that was no request of its own: as it arrives.
fn words(run: &Finished, actor: &str) -> Vec<Line> {
    if !actor.starts_with(ATTACKER) {
        return Vec::new();
    }
    let role = |node: NodeId| run.roles.get(node.0 as usize).map_or("?", String::as_str);
    let request = |fact: &Fact| if let Fact::Asked { request, .. } = fact { Some(*request) } else { None };
    let asked: BTreeSet<u64> = run.journal.entries.iter().filter_map(|entry| request(&entry.fact)).collect();
    let is_word = |step: &&Step| !asked.contains(&step.cause) && step.from.is_some_and(|from| role(from) == actor);
    let steps = run.journal.steps.iter().filter(is_word);
    let line = |step: &Step| Line {
        at: step.at,
        who: actor.into(),
        what: format!("to {}: {}", role(step.node), step.text),
        broken: false,
    };
    steps.map(line).collect()
}

/// First and last of many.
fn shortened(mut lines: Vec<Line>) -> Vec<Line> {
    if lines.len() > TOLD_MAX {
        let half = TOLD_MAX / 2;
        let left_out = lines.len() - 2 * half;
        let last = lines.split_off(lines.len() - half);
        lines.truncate(half);
        let at = lines.last().map_or(Instant::ZERO, |line| line.at);
        let who = last.first().map_or(String::new(), |line| line.who.clone());
        lines.push(Line { at, who, what: format!("… and {left_out} more"), broken: false });
        lines.extend(last);
    }
    lines
}
