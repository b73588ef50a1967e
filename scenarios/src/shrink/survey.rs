//! What a run may be without, kind by kind: faults, those who play, what they do, parts of the platform; and which of
//! its times may be earlier.

use super::Overrides;
use super::family::{Family, Range, Thing, Things, Value, Way};
use crate::actors::presence;
use crate::prove::Finished;
use crate::stage::ACTS_SOONER;
use models::luck::{PRESENCE, WAIT};
use sim::absence;
use sim::choice::{ABSENT, Choice};
use sim::seed::{Lineage, STRIKE, name_hash};

/// Finds things of one kind in a run whose draws were kept. `whole` says that the platform must stay whole.
type Phase = fn(&Finished, &Overrides, bool) -> Vec<Family>;

/// Kinds of things, in the order in which they are tried: what takes most away comes first.
pub(super) const PHASES: &[Phase] =
    &[faults, attackers, clients, requests, groups, nodes, other_steps, together, acts, begins, lengths, spare];

/// Who plays, and is there: roles of clients and attackers.
pub(super) fn actors<'a>(run: &'a Finished, overrides: &'a Overrides) -> impl Iterator<Item = &'a str> {
    let playing = |role: &&str| role.starts_with(CLIENT) || role.starts_with(ATTACKER);
    let roles = run.roles.iter().zip(&run.groups);
    roles.filter(|(role, group)| is_there(overrides, role, group)).map(|(role, _)| role.as_str()).filter(playing)
}

/// How roles of honest clients begin.
pub(super) const CLIENT: &str = "client/";
/// How roles of attackers begin.
pub(super) const ATTACKER: &str = "attacker/";

/// Whether a node takes part.
pub(super) fn is_there(overrides: &Overrides, role: &str, group: &str) -> bool {
    let wide = overrides.get(&absence::group(group)) != Some(&ABSENT);
    overrides.get(&absence::node(role)).map_or(wide, |value| *value != ABSENT)
}

fn things(all: Vec<Thing>) -> Vec<Family> {
    vec![Family::Things(Things { all, range: None })]
}

fn faults(run: &Finished, _: &Overrides, _: bool) -> Vec<Family> {
    let strikes = |at: &Choice| run.struck.iter().any(|fault| absence::fault(&fault.planned) == *at);
    let presence = run.drawn.iter().filter(|(at, _)| at.purpose == STRIKE.id && at.n == 0 && at.cause != 0);
    // What would begin after the end takes no part, and needs no word.
    let all = presence.filter(|(at, value)| strikes(at) || **value == ABSENT).map(|(at, _)| Thing {
        at: *at,
        wide: Some(absence::faults()),
        index: 0,
        kept: strikes(at),
    });
    things(all.collect())
}

fn roles(run: &Finished, overrides: &Overrides, such: impl Fn(&str) -> bool) -> Vec<Family> {
    let roles = run.roles.iter().zip(&run.groups).filter(|(role, _)| such(role));
    let all = roles.map(|(role, group)| Thing {
        at: absence::node(role),
        wide: Some(absence::group(group)),
        index: 0,
        kept: is_there(overrides, role, group),
    });
    things(all.collect())
}

fn attackers(run: &Finished, overrides: &Overrides, _: bool) -> Vec<Family> {
    roles(run, overrides, |role| role.starts_with(ATTACKER))
}

fn clients(run: &Finished, overrides: &Overrides, _: bool) -> Vec<Family> {
    roles(run, overrides, |role| role.starts_with(CLIENT))
}

/// The requests of each actor.
fn requests(run: &Finished, overrides: &Overrides, _: bool) -> Vec<Family> {
    let family = |role: &str| {
        let name = name_hash(role);
        // A client counts its requests from 0, an attacker from 1.
        let step = |index: u64| presence::step(Lineage::root(name, index).cause);
        let first = u64::from(!run.drawn.contains_key(&step(0)));
        let all = (first..).map_while(|index| {
            let kept = *run.drawn.get(&step(index))? != ABSENT;
            Some(Thing { at: step(index), wide: Some(presence::unnamed(name)), index, kept })
        });
        let past = presence::past(name);
        let range = Range { first: presence::first(name), past, ends: overrides.contains_key(&past) };
        Family::Things(Things { all: all.collect(), range: Some(range) })
    };
    actors(run, overrides).map(family).collect()
}

/// Whole groups of the platform.
fn groups(run: &Finished, overrides: &Overrides, whole: bool) -> Vec<Family> {
    if whole {
        return Vec::new();
    }
    let mut all: Vec<Thing> = Vec::new();
    for group in run.groups.iter().filter(|group| !group.starts_with("internet")) {
        let at = absence::group(group);
        if all.iter().all(|thing| thing.at != at) {
            all.push(Thing { at, wide: None, index: 0, kept: overrides.get(&at) != Some(&ABSENT) });
        }
    }
    things(all)
}

fn nodes(run: &Finished, overrides: &Overrides, whole: bool) -> Vec<Family> {
    match whole {
        true => Vec::new(),
        false => roles(run, overrides, |role| !role.starts_with(CLIENT) && !role.starts_with(ATTACKER)),
    }
}

/// Steps of attackers that are no requests.
fn other_steps(run: &Finished, _: &Overrides, _: bool) -> Vec<Family> {
    let steps = run.drawn.iter().filter(|(at, _)| at.purpose == PRESENCE.id && at.n == 1);
    things(steps.map(|(at, value)| Thing { at: *at, wide: None, index: 0, kept: *value != ABSENT }).collect())
}

/// When each actor and each fault begins.
fn beginnings(run: &Finished, overrides: &Overrides) -> Vec<(Choice, u64, Way)> {
    let waits = actors(run, overrides).map(|role| Choice { purpose: WAIT.id, cause: name_hash(role), n: 0 });
    let faults = run.struck.iter().map(|fault| absence::fault_from(&fault.planned));
    let now = |at: Choice| Some((at, *run.drawn.get(&at)?, Way::Down));
    waits.chain(faults).filter_map(now).collect()
}

/// The whole story earlier: whoever begins, all by the same time; and the acts shorter by as much.
fn together(run: &Finished, overrides: &Overrides, _: bool) -> Vec<Family> {
    let parts = beginnings(run, overrides);
    let room = parts.iter().map(|(_, now, _)| *now).min().unwrap_or(0);
    let acts = run.drawn.get(&ACTS_SOONER).map(|sooner| (ACTS_SOONER, *sooner, Way::Up));
    let with_acts = Value { parts: parts.iter().copied().chain(acts).collect(), room };
    vec![Family::Value(with_acts), Family::Value(Value { parts, room })]
}

/// The acts shorter.
fn acts(run: &Finished, _: &Overrides, _: bool) -> Vec<Family> {
    let value = |sooner: &u64| Value { parts: vec![(ACTS_SOONER, *sooner, Way::Up)], room: run.record.simulated_ns };
    run.drawn.get(&ACTS_SOONER).map(value).map(Family::Value).into_iter().collect()
}

/// Each of those who begin, alone.
fn begins(run: &Finished, overrides: &Overrides, _: bool) -> Vec<Family> {
    let values = beginnings(run, overrides).into_iter().map(|(at, now, _)| Value::down(at, now));
    values.map(Family::Value).collect()
}

/// How long faults last.
fn lengths(run: &Finished, _: &Overrides, _: bool) -> Vec<Family> {
    let length = |fault: &sim::world::Struck| {
        let now = fault.chosen.until.since(fault.chosen.from).0;
        Family::Value(Value::down(absence::fault_length(&fault.planned), now))
    };
    run.struck.iter().map(length).collect()
}

/// Overrides that may have become needless.
fn spare(_: &Finished, overrides: &Overrides, _: bool) -> Vec<Family> {
    vec![Family::Spare(overrides.keys().filter(|at| **at != absence::end()).copied().collect())]
}
