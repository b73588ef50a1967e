//! Read-only mode, as the control plane says it: to everybody who serves, again and again.
//!
//! It is said when it is due, and it is *so* once everybody has answered that nothing which it rules out is under way.
//! Both are stated for operators, who would not restore a store, or move one, on anything less.

use crate::control;
use crate::control::{Control, Controls};
use crate::fact::Fact;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::mode::Mode;
use sim::seed::{Lineage, name_hash};
use sim::{Duration, Instant, NodeId, Outbox};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The mode is said again and again.
pub const MODE_REPEAT: Control = control!("config.mode-repeat", upholds: ["SRV-10"],
    off: "a change of mode is published once: who was away then stays as it was, as with a message without a retained \
          state behind it");

/// Who reports what is said, and what is so.
pub const BY: &str = "config.mode";
/// Everybody who serves has stopped writing.
pub const READ_ONLY: &str = "read-only";
/// Writes are served again from here on.
pub const READ_WRITE: &str = "read-write";

/// Between two times that it is said.
pub const SAY_EVERY: Duration = Duration::millis(250);

/// What is announced in a cell, and to whom.
#[derive(Clone, Debug, Default)]
pub struct ModeSpec {
    /// The cell.
    pub cell: Arc<str>,
    /// When tenants may only read, if ever: from, until (local clock).
    pub window: Option<(Instant, Instant)>,
    /// Who is told.
    pub told: Vec<NodeId>,
}

/// Who announces it.
pub struct Announcer {
    spec: ModeSpec,
    boot: u64,
    said: u64,
    /// The change that was said last.
    serial: u64,
    /// Who has answered that it is so.
    kept: BTreeSet<NodeId>,
}

impl Announcer {
    /// Nothing was said yet; `boot` tells one life from the next.
    pub fn new(spec: ModeSpec, boot: u64) -> Announcer {
        Announcer { spec, boot, said: 0, serial: 0, kept: BTreeSet::new() }
    }

    /// Says what is due, and sets the timer `token` for the next time.
    pub fn say(&mut self, now: Instant, controls: &Controls, out: &mut Outbox<Saas>, token: u64) {
        let Some((from, until)) = self.spec.window else { return };
        let (serial, read_only) = (1 + u64::from(now >= from) + u64::from(now >= until), now >= from && now < until);
        let is_news = serial != self.serial;
        if is_news {
            self.serial = serial;
            self.kept.clear();
            if now >= until {
                out.fact(Fact::Reported { by: BY, what: READ_WRITE, about: self.spec.cell.clone(), value: serial });
            }
        }
        self.said += 1;
        let own = Lineage::root(name_hash(BY) ^ self.boot, self.said);
        if is_news || controls.on(&MODE_REPEAT) {
            for to in &self.spec.told {
                out.send_for(own.child(to.0.into()), *to, Wire::Mode(Mode { serial, read_only }));
            }
        }
        let next = [from, until].into_iter().filter(|at| *at > now).map(|at| at.since(now)).min();
        out.timer_for(own.child(u64::MAX), next.map_or(SAY_EVERY, |next| next.min(SAY_EVERY)), token);
    }

    /// Somebody says that it is so. Once everybody has, it is stated.
    pub fn kept(&mut self, out: &mut Outbox<Saas>, from: NodeId, serial: u64) {
        let read_only = serial == self.serial && serial == 2;
        if read_only && self.kept.insert(from) && self.spec.told.iter().all(|to| self.kept.contains(to)) {
            out.fact(Fact::Reported { by: BY, what: READ_ONLY, about: self.spec.cell.clone(), value: serial });
        }
    }
}
