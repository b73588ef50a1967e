//! What all nodes of a run share: draws, controls, court, links, faults on the network.

use super::Departure;
use crate::control::Controls;
use crate::court::Court;
use crate::fault::{Passing, Plan};
use crate::id::NodeId;
use crate::machine::{Input, Message, Platform};
use crate::network::{LinkSpec, Links};
use crate::node::NodeSpec;
use crate::seed::{Draws, FAULT, Lineage, NETWORK, mix};
use crate::time::{Duration, Instant};
use crate::world::{damage, repeats, size, step};
use std::collections::BTreeMap;

pub(super) struct Scene<P: Platform> {
    pub(super) draws: Draws,
    pub(super) controls: Controls,
    pub(super) court: Court<P>,
    pub(super) plan: Plan,
    pub(super) roles: Vec<String>,
    groups: Vec<usize>,
    links: Links,
    positions: BTreeMap<(NodeId, NodeId), NodeId>,
    /// Facts of nodes that compute ahead of each other by less than a tick are seen in the order of their statement.
    seen: Instant,
    pub(super) events: u64,
    pub(super) trail: u64,
}

/// When a word leaves, and what else happens to it.
pub(super) struct Leaving {
    pub(super) at: Instant,
    pub(super) unordered: bool,
    pub(super) again: Option<Instant>,
}

impl<P: Platform> Scene<P> {
    pub(super) fn new(
        nodes: &[NodeSpec<P>],
        (local, remote, pairs): (LinkSpec, LinkSpec, Vec<(String, String, LinkSpec)>),
        court: Court<P>,
        draws: Draws,
        controls: Controls,
    ) -> Scene<P> {
        let mut names: Vec<&str> = Vec::new();
        let mut groups = Vec::new();
        for node in nodes {
            let group = names.iter().position(|g| *g == node.group).unwrap_or_else(|| {
                names.push(&node.group);
                names.len() - 1
            });
            groups.push(group);
        }
        let mut links = Links::new(names.len(), local, remote);
        for (a, b, link) in pairs {
            let index = |name: &str| names.iter().position(|g| *g == name);
            if let (Some(a), Some(b)) = (index(&a), index(&b)) {
                links.set(a, b, link);
            }
        }
        Scene {
            draws,
            controls,
            court,
            plan: Plan::default(),
            roles: nodes.iter().map(|node| node.role.clone()).collect(),
            groups,
            links,
            positions: BTreeMap::new(),
            seen: Instant::ZERO,
            events: 0,
            trail: 0,
        }
    }

    /// Gives network positions to those who hold them.
    pub(super) fn hold(&mut self, positions: Vec<(String, String, String)>) {
        for (from, to, by) in positions {
            match (self.node(&from), self.node(&to), self.node(&by)) {
                (Some(from), Some(to), Some(by)) => drop(self.positions.insert((from, to), by)),
                _ => self.court.error(format!("network position {from} → {to} by {by}: no such node")),
            }
        }
    }

    pub(super) fn node(&self, role: &str) -> Option<NodeId> {
        self.roles.iter().position(|r| r == role).map(|i| NodeId(i as u32))
    }

    /// Whether `by` holds the position on the link.
    pub(super) fn holds(&self, by: NodeId, from: NodeId, to: NodeId) -> bool {
        self.positions.get(&(from, to)) == Some(&by)
    }

    /// Whether anybody holds a position on the link, in either direction.
    pub(super) fn is_held(&self, a: NodeId, b: NodeId) -> bool {
        self.positions.contains_key(&(a, b)) || self.positions.contains_key(&(b, a))
    }

    /// A word on its way, past whoever holds a position on the link.
    pub(super) fn pass(&self, from: NodeId, to: NodeId, lineage: Lineage, message: P::Message) -> Departure<P> {
        match self.positions.get(&(from, to)) {
            Some(by) => Departure { to: *by, lineage, input: Input::Intercepted { from, to, message } },
            None => Departure { to, lineage, input: Input::Message { from, message } },
        }
    }

    /// When a word leaves; `None` when it is lost.
    pub(super) fn fate(&mut self, from: NodeId, departure: &mut Departure<P>, release: Instant) -> Option<Leaving> {
        let Departure { to, lineage, input } = departure;
        let latency = match from == *to {
            true => Duration::ZERO,
            false => {
                let link = self.links.between(self.groups[from.0 as usize], self.groups[to.0 as usize]);
                Duration(link.latency_ns.sample(self.draws.draw(NETWORK, lineage.cause, lineage.path)))
            }
        };
        let due = release + latency;
        if self.plan.is_quiet() {
            return Some(Leaving { at: due, unordered: false, again: None });
        }
        let passing = Passing { from, to: *to, sent: release, due, size: size(input) };
        let fate = self.plan.fate(&passing, *lineage, &self.draws);
        if fate.lost || fate.damaged && !damage(input, self.draws.draw(FAULT, lineage.cause, lineage.path)) {
            return None;
        }
        let at = due + fate.later;
        let again = fate.again.filter(|_| repeats(input)).map(|later| at + later);
        Some(Leaving { at, unordered: fate.unordered, again })
    }

    /// An input is about to be handled.
    pub(super) fn handled(&mut self, at: Instant, id: NodeId, lineage: Lineage, input: &Input<P>) {
        self.events += 1;
        let kind = match input {
            Input::Message { message, .. } => message.fingerprint(),
            Input::Timer { token } => mix(1, *token),
            Input::Synced { token, ok } => mix(2, *token ^ u64::from(*ok)),
            Input::Intercepted { message, .. } => mix(3, message.fingerprint()),
            Input::Refused { message, .. } => mix(4, message.fingerprint()),
        };
        self.trail = mix(self.trail ^ at.0, kind ^ u64::from(id.0));
        self.court.step(|| step(at, id, lineage, input));
    }

    pub(super) fn observe(&mut self, at: Instant, node: NodeId, cause: u64, fact: &P::Fact) {
        self.seen = self.seen.max(at);
        self.court.observe(self.seen, node, &self.roles[node.0 as usize], cause, fact);
    }
}
