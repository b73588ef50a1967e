//! What an override is about, in words: addresses are hashes of names, and a run knows the names.

use super::survey::actors;
use crate::actors::presence;
use crate::prove::Finished;
use crate::stage::ACTS_SOONER;
use models::fact::Fact;
use models::luck::WAIT;
use sim::absence;
use sim::choice::Choice;
use sim::seed::name_hash;
use sim::world::Struck;

/// What this override of a run is about, if the run still knows. Its facts must have been kept.
pub fn about(run: &Finished, at: &Choice) -> Option<String> {
    let fixed = [
        (absence::end(), "when the run ends, in ns"),
        (absence::faults(), "all faults but the named"),
        (ACTS_SOONER, "how much earlier the acts end, in ns"),
    ];
    let fixed = fixed.iter().find(|(address, _)| address == at).map(|(_, words)| (*words).to_owned());
    fixed.or_else(|| node(run, at)).or_else(|| fault(run, at)).or_else(|| actor(run, at)).or_else(|| step(run, at))
}

fn node(run: &Finished, at: &Choice) -> Option<String> {
    let role = run.roles.iter().find(|role| absence::node(role) == *at).cloned();
    let group = || run.groups.iter().find(|group| absence::group(group) == *at);
    role.or_else(|| group().map(|group| format!("all of {group} but the named")))
}

fn fault(run: &Finished, at: &Choice) -> Option<String> {
    let said = |fault: &Struck| {
        let planned = &fault.planned;
        let words = match *at {
            _ if absence::fault(planned) == *at => "",
            _ if absence::fault_from(planned) == *at => ", from, in ns",
            _ if absence::fault_length(planned) == *at => ", for how long, in ns",
            _ => return None,
        };
        Some(format!("fault {} on {}{words}", planned.kind, planned.target))
    };
    run.struck.iter().find_map(said)
}

fn actor(run: &Finished, at: &Choice) -> Option<String> {
    let said = |role: &str| {
        let name = name_hash(role);
        let words = match *at {
            _ if *at == (Choice { purpose: WAIT.id, cause: name, n: 0 }) => "begins after, in ns",
            _ if presence::unnamed(name) == *at => "requests but the named",
            _ if presence::first(name) == *at => "number of the first request",
            _ if presence::past(name) == *at => "number past the last request",
            _ => return None,
        };
        Some(format!("{role}, {words}"))
    };
    actors(run, &Default::default()).find_map(said)
}

fn step(run: &Finished, at: &Choice) -> Option<String> {
    run.journal.entries.iter().find_map(|entry| match &entry.fact {
        Fact::Asked { principal, what, .. } if presence::step(entry.cause) == *at => {
            Some(format!("{principal}, {what}"))
        }
        _ => None,
    })
}
