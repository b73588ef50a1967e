//! What a run may be without: addresses in the choice map that take a node, a group, a fault or the rest of the run
//! away.
//!
//! None of them is luck. Each has a usual value, which holds unless an override says otherwise, so a run without
//! overrides draws nothing here. What is absent never was: it boots no machine, sends nothing, and is not restarted.

use crate::choice::{ABSENT, Choice, PRESENT};
use crate::fault::FaultSpec;
use crate::machine::Platform;
use crate::node::NodeSpec;
use crate::seed::{Draws, END, NODE, Purpose, STRIKE, name_hash};
use crate::time::{Duration, Instant};

/// Whether the node of this role is there.
pub fn node(role: &str) -> Choice {
    at(NODE, name_hash(role), 0)
}

/// Whether the nodes of this group are there; what [`node`] says about one of them outweighs it.
pub fn group(name: &str) -> Choice {
    at(NODE, name_hash(name), 1)
}

/// Whether faults strike at all; what [`fault`] says about one of them outweighs it.
pub fn faults() -> Choice {
    at(STRIKE, 0, 0)
}

/// Whether this fault, as it was planned, strikes.
pub fn fault(planned: &FaultSpec) -> Choice {
    at(STRIKE, planned.identity(), 0)
}

/// When this fault begins, in nanoseconds.
pub fn fault_from(planned: &FaultSpec) -> Choice {
    at(STRIKE, planned.identity(), 1)
}

/// How long this fault lasts, in nanoseconds.
pub fn fault_length(planned: &FaultSpec) -> Choice {
    at(STRIKE, planned.identity(), 2)
}

/// When the run ends, in nanoseconds: never later than it would.
pub fn end() -> Choice {
    at(END, 0, 0)
}

fn at(purpose: Purpose, cause: u64, n: u64) -> Choice {
    Choice { purpose: purpose.id, cause, n }
}

/// What the choice map makes of a run, for the engine that carries it out. Which nodes boot, the engine asks
/// [`has_node`].
pub struct Chosen {
    /// Network positions of those who are there: where nobody stands, messages pass.
    pub positions: Vec<(String, String, String)>,
    /// Faults that take part: as planned, and as they are to be.
    pub faults: Vec<(FaultSpec, FaultSpec)>,
    /// Group of each node.
    pub groups: Vec<String>,
    /// End of the run.
    pub end: Instant,
    /// Whether that is before its time.
    pub cut: bool,
}

impl Chosen {
    /// Takes out of a run what is absent, and moves what is to be at another time.
    pub fn new<P: Platform>(
        draws: &Draws,
        nodes: &[NodeSpec<P>],
        positions: Vec<(String, String, String)>,
        faults: Vec<FaultSpec>,
        usual_end: Instant,
    ) -> Chosen {
        let end = Instant(draws.choose(end(), usual_end.0)).min(usual_end);
        let cut = end < usual_end;
        let is_absent = |role: &str| nodes.iter().any(|node| node.role == role && !has_node(draws, node));
        let strikes = |planned: FaultSpec| chosen(draws, &planned).map(|chosen| (planned, chosen));
        Chosen {
            positions: positions.into_iter().filter(|(_, _, by)| !is_absent(by)).collect(),
            // What would begin after the cut is no part of the run, and no mistake of it either.
            faults: faults.into_iter().filter_map(strikes).filter(|(_, fault)| !cut || fault.from <= end).collect(),
            groups: nodes.iter().map(|node| node.group.clone()).collect(),
            end,
            cut,
        }
    }
}

/// Whether a node takes part in this run.
pub fn has_node<P: Platform>(draws: &Draws, spec: &NodeSpec<P>) -> bool {
    let usual = draws.choose(group(&spec.group), PRESENT);
    draws.choose(node(&spec.role), if usual == ABSENT { ABSENT } else { PRESENT }) != ABSENT
}

/// A planned fault as it strikes in this run, if it does.
fn chosen(draws: &Draws, planned: &FaultSpec) -> Option<FaultSpec> {
    let usual = draws.choose(faults(), PRESENT);
    if draws.choose(fault(planned), if usual == ABSENT { ABSENT } else { PRESENT }) == ABSENT {
        return None;
    }
    let from = Instant(draws.choose(fault_from(planned), planned.from.0));
    let length = Duration(draws.choose(fault_length(planned), planned.until.since(planned.from).0));
    Some(FaultSpec { from, until: from + length, ..planned.clone() })
}
