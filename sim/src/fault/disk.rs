//! Faults of a disk. Those that only show in a crash bring the crash along, so that none is planned in vain.

use super::{Fault, Hands, Target};
use crate::disk::DiskFaults;

/// What a disk does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Syncs report success and keep nothing; power is lost at the end.
    LostSync,
    /// Power is lost, and half a record may stay.
    TornWrite,
    /// Bits flip while the node is down.
    BitRot,
    /// Syncs fail.
    Full,
}

/// A disk that misbehaves.
#[derive(Debug)]
pub struct DiskFault {
    target: Target,
    damage: Damage,
    /// How much of it.
    strength: u64,
    before: u64,
}

impl DiskFault {
    pub(super) fn new(target: Target, damage: Damage, strength: u64) -> DiskFault {
        DiskFault { target, damage, strength, before: 0 }
    }

    fn damage(&self, hands: &dyn Hands) -> u64 {
        hands.nodes(&self.target).iter().map(|node| hands.damage(*node)).sum()
    }
}

impl Fault for DiskFault {
    fn begin(&mut self, hands: &mut dyn Hands) -> u64 {
        self.before = self.damage(hands);
        let mut struck = 0;
        for node in hands.nodes(&self.target) {
            match self.damage {
                Damage::LostSync => hands.disk(node, DiskFaults { loses_sync: true, ..DiskFaults::default() }),
                Damage::Full => hands.disk(node, DiskFaults { full: true, ..DiskFaults::default() }),
                Damage::TornWrite => {
                    hands.disk(node, DiskFaults { tears: true, ..DiskFaults::default() });
                    struck += u64::from(hands.crash(node));
                }
                Damage::BitRot => {
                    struck += u64::from(hands.crash(node));
                    (0..self.strength.max(1)).for_each(|_| hands.rot(node));
                }
            }
        }
        struck
    }

    fn end(&mut self, hands: &mut dyn Hands) -> u64 {
        for node in hands.nodes(&self.target) {
            if self.damage == Damage::LostSync {
                hands.crash(node);
            }
            hands.disk(node, DiskFaults::default());
            if self.damage != Damage::Full {
                hands.restart(node);
            }
        }
        self.damage(hands) - self.before
    }
}
