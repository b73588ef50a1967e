//! What faults may do to the nodes of a world.

use super::World;
use crate::absence;
use crate::disk::DiskFaults;
use crate::fault::{Hands, Target};
use crate::id::NodeId;
use crate::machine::Platform;
use crate::node::Clock;
use crate::seed::{Lineage, mix};
use crate::time::Instant;

impl<P: Platform> World<P> {
    /// Boots a node's machine from its disk, unless the choice map leaves the node out.
    pub(super) fn boot(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        if !absence::has_node(&self.draws, &node.spec) {
            return;
        }
        let lineage = Lineage::root(node.name, mix(u64::MAX, u64::from(node.incarnation)));
        let boot = node.spec.boot.clone();
        let mut ctx = node.context(id, self.now, lineage, &self.draws, &self.controls);
        self.outbox.begin(lineage);
        let machine = boot(&mut ctx, &mut self.outbox);
        // What a boot asks for belongs to no step.
        self.controls.take_asked();
        node.machine = Some(machine);
        node.free_at.fill(self.now);
        self.settle(id);
    }
}

impl<P: Platform> Hands for World<P> {
    fn nodes(&self, target: &Target) -> Vec<NodeId> {
        let is_in = self.nodes.iter().enumerate().filter(|(_, n)| target.covers(&n.spec));
        is_in.map(|(i, _)| NodeId(i as u32)).collect()
    }

    fn crash(&mut self, id: NodeId) -> bool {
        let now = self.now;
        let node = &mut self.nodes[id.0 as usize];
        if node.machine.take().is_none() {
            return false;
        }
        node.crashed_at.push(now);
        debug_assert_eq!(node.crashed_at.len(), node.incarnation as usize + 1);
        node.incarnation += 1;
        node.queue.clear();
        node.order.forget();
        node.wake_at = Instant::NEVER;
        node.disk.crash(&self.draws, mix(node.name, u64::from(node.incarnation)));
        true
    }

    fn restart(&mut self, id: NodeId) {
        if self.nodes[id.0 as usize].machine.is_none() {
            self.boot(id);
        }
    }

    fn wipe(&mut self, id: NodeId) {
        self.nodes[id.0 as usize].disk.wipe();
    }

    fn pause(&mut self, id: NodeId, paused: bool) {
        self.nodes[id.0 as usize].paused = paused;
        self.arm(id);
    }

    fn slow(&mut self, id: NodeId, factor: u64) {
        self.nodes[id.0 as usize].slow = factor;
    }

    fn clock(&mut self, id: NodeId, clock: Clock) {
        self.nodes[id.0 as usize].clock = clock;
    }

    fn disk(&mut self, id: NodeId, faults: DiskFaults) {
        self.nodes[id.0 as usize].disk.faults = faults;
    }

    fn rot(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        node.disk.rot(&self.draws, mix(node.name, u64::from(node.incarnation)));
    }

    fn damage(&self, id: NodeId) -> u64 {
        self.nodes[id.0 as usize].disk.damaged
    }

    fn now(&self) -> Instant {
        self.now
    }
}
