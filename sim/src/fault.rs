//! Faults: misbehaviour of the environment, one kind a file.
//!
//! A network fault answers with a [`Fate`] for each message that passes; the others act on nodes through [`Hands`] when
//! they begin and end. Each counts how often it changed anything: a fault that was planned and never struck is an error
//! of the run, because a drill without its fault proves nothing.

use crate::disk::DiskFaults;
use crate::id::NodeId;
use crate::machine::Platform;
use crate::node::{Clock, NodeSpec};
use crate::seed::{mix, name_hash};
use crate::time::{Duration, Instant};
use serde::{Deserialize, Serialize};
use std::fmt;

pub mod build;
pub mod clock;
pub mod clog;
pub mod crash;
pub mod disk;
pub mod link;
pub mod partition;
pub mod plan;
pub mod slow;

pub use plan::Plan;

/// Where a fault strikes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Every node.
    All,
    /// One node, by role.
    Node(String),
    /// All nodes of a zone.
    Zone(String),
    /// All nodes of a group (a cell).
    Group(String),
    /// Messages from one set of nodes to another.
    Link(Box<Target>, Box<Target>),
}

impl Target {
    /// The link from `from` to `to`.
    pub fn link(from: Target, to: Target) -> Target {
        Target::Link(Box::new(from), Box::new(to))
    }

    /// Whether a node is meant; of a link, whether it is at the first end.
    pub fn covers<P: Platform>(&self, node: &NodeSpec<P>) -> bool {
        match self {
            Target::All => true,
            Target::Node(role) => node.role == *role,
            Target::Zone(zone) => node.zone == *zone,
            Target::Group(group) => node.group == *group,
            Target::Link(from, _) => from.covers(node),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::All => f.write_str("everything"),
            Target::Node(name) | Target::Zone(name) | Target::Group(name) => f.write_str(name),
            Target::Link(from, to) => write!(f, "{from} → {to}"),
        }
    }
}

/// A fault of a plan.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FaultSpec {
    /// Its kind, one of [`KINDS`].
    pub kind: String,
    /// Where.
    pub target: Target,
    /// From when on.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
    /// How strong, in the kind's own unit.
    pub strength: u64,
}

impl FaultSpec {
    /// A structural hash of the fault as it was planned: what addresses it in the choice map.
    pub fn identity(&self) -> u64 {
        let place = mix(name_hash(&self.kind), name_hash(&self.target.to_string()));
        mix(mix(place, self.from.0), mix(self.until.0, self.strength))
    }

    /// What is said of a run in which it changed nothing.
    pub fn unstruck(&self) -> String {
        format!("fault {} on {} was planned and never struck", self.kind, self.target)
    }
}

/// Every kind of fault: name, and the unit of its strength.
pub const KINDS: &[(&str, &str)] = &[
    ("loss", "messages lost, in parts per million"),
    ("delay", "added to each message, in microseconds"),
    ("duplicate", "messages delivered twice, in parts per million"),
    ("reorder", "messages that may overtake, in parts per million"),
    ("corrupt", "messages damaged, in parts per million"),
    ("bandwidth", "bytes per second that pass"),
    ("partition", "nothing passes either way; strength is ignored"),
    ("partition-one-way", "nothing passes from the first to the second; strength is ignored"),
    ("clog", "messages wait until the fault ends; strength is ignored"),
    ("swizzle-clog", "nodes are clogged one by one and released in another order, which this numbers"),
    ("crash", "power loss, restart at the end; strength is ignored"),
    ("wipe", "power loss and a new disk, restart at the end; strength is ignored"),
    ("pause", "handles nothing until the end; strength is ignored"),
    ("slow", "service times are multiplied by this"),
    ("brown-out", "service times are multiplied by this, on every node of the target"),
    ("clock-skew", "local clock is ahead by this many milliseconds"),
    ("clock-lag", "local clock is behind by this many milliseconds"),
    ("clock-drift", "local clock runs fast by this many parts per million"),
    ("lost-sync", "syncs report success and keep nothing, then power loss; strength is ignored"),
    ("torn-write", "power loss that may leave half a record; strength is ignored"),
    ("bit-rot", "power loss, and so many bits of durable records flip (at least one)"),
    ("disk-full", "syncs fail; strength is ignored"),
];

/// A message on its way, as a fault sees it.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// Sender.
    pub from: NodeId,
    /// Receiver.
    pub to: NodeId,
    /// When it left.
    pub sent: Instant,
    /// When a healthy link would deliver it.
    pub due: Instant,
    /// Size on the wire, in bytes.
    pub size: u32,
}

/// What faults do to a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fate {
    /// It never arrives.
    pub lost: bool,
    /// It arrives this much later.
    pub later: Duration,
    /// It arrives again, this much later than the first time.
    pub again: Option<Duration>,
    /// It may overtake earlier ones.
    pub unordered: bool,
    /// It arrives damaged.
    pub damaged: bool,
}

/// What a fault may do to nodes.
pub trait Hands {
    /// Nodes of a target; of a link, those of its first end.
    fn nodes(&self, target: &Target) -> Vec<NodeId>;
    /// Power loss. Returns whether the node was up.
    fn crash(&mut self, node: NodeId) -> bool;
    /// Boots a crashed node from its disk.
    fn restart(&mut self, node: NodeId);
    /// Replaces the node's disk by an empty one.
    fn wipe(&mut self, node: NodeId);
    /// Stops or resumes handling.
    fn pause(&mut self, node: NodeId, paused: bool);
    /// Multiplies service times.
    fn slow(&mut self, node: NodeId, factor: u64);
    /// Sets the node's clock.
    fn clock(&mut self, node: NodeId, clock: Clock);
    /// Sets what is wrong with the node's disk.
    fn disk(&mut self, node: NodeId, faults: DiskFaults);
    /// Flips one bit of one durable record.
    fn rot(&mut self, node: NodeId);
    /// How often the node's disk did damage so far.
    fn damage(&self, node: NodeId) -> u64;
    /// Global time.
    fn now(&self) -> Instant;
}

/// One fault at work.
pub trait Fault {
    /// It begins. Returns how often it struck by that.
    fn begin(&mut self, _hands: &mut dyn Hands) -> u64 {
        0
    }
    /// It ends. Returns how often it struck since it began, where only the end can tell.
    fn end(&mut self, _hands: &mut dyn Hands) -> u64 {
        0
    }
    /// A message passes. Returns whether the fault changed its fate; `draw` gives uniform bits for this message.
    fn fate(&mut self, _passing: &Passing, _draw: &mut dyn FnMut() -> u64, _fate: &mut Fate) -> bool {
        false
    }
    /// Whether messages need to be shown to it.
    fn on_network(&self) -> bool {
        false
    }
}

/// Two sets of nodes, as a network fault asks about them.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    from: Vec<bool>,
    to: Vec<bool>,
}

impl Ends {
    pub(crate) fn of(target: &Target, hands: &dyn Hands) -> Ends {
        let set = |target: &Target| {
            let nodes = hands.nodes(target);
            let mut set = vec![false; nodes.iter().map(|n| n.0 as usize + 1).max().unwrap_or(0)];
            nodes.iter().for_each(|n| set[n.0 as usize] = true);
            set
        };
        match target {
            Target::Link(from, to) => Ends { from: set(from), to: set(to) },
            other => Ends { from: set(other), to: set(&Target::All) },
        }
    }
    #[inline]
    pub(crate) fn cover(&self, from: NodeId, to: NodeId) -> bool {
        from != to
            && self.from.get(from.0 as usize).copied().unwrap_or(false)
            && self.to.get(to.0 as usize).copied().unwrap_or(false)
    }
}
