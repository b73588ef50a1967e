//! Remediation: what is done about the platform's health without a person.
//!
//! *When* an action is taken is decided by policy (`policy::remediation`); this is the hand that takes it. It switches
//! the caches of a cell's gateways on and off, and says again what holds, because words get lost and gateways restart.

use crate::saas::Saas;
use crate::wire::Wire;
use sim::seed::{Lineage, name_hash};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::rc::Rc;

/// What a remediation is.
#[derive(Clone, Debug)]
pub struct RemediationSpec {
    /// The gateways of its cell.
    pub gateways: Vec<NodeId>,
    /// When their caches are switched, and whether on or off; in order.
    pub switches: Rc<[(Instant, bool)]>,
    /// How often it says what holds.
    pub every: Duration,
}

/// A remediation at work. It remembers nothing: what holds follows from the time.
pub struct Remediation {
    spec: RemediationSpec,
    name: u64,
    said: u64,
}

const SAY: u64 = 1;

impl Remediation {
    /// A remediation that says at once what holds.
    pub fn boot(spec: &RemediationSpec, ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Remediation {
        let name = name_hash("remediation") ^ ctx.lineage().cause;
        let mut remediation = Remediation { spec: spec.clone(), name, said: 0 };
        remediation.say(ctx.now(), out);
        remediation
    }

    fn say(&mut self, now: Instant, out: &mut Outbox<Saas>) {
        let past = self.spec.switches.partition_point(|(at, _)| *at <= now);
        self.said += 1;
        let lineage = Lineage::root(self.name, self.said);
        if let Some((_, on)) = past.checked_sub(1).and_then(|last| self.spec.switches.get(last)) {
            for gateway in &self.spec.gateways {
                out.send_for(lineage, *gateway, Wire::EdgeCache(past as u64, *on));
            }
        }
        out.timer_for(lineage.child(1), self.spec.every, SAY);
    }
}

impl Machine<Saas> for Remediation {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        if matches!(input, Input::Timer { token: SAY }) {
            self.say(ctx.now(), out);
        }
    }
}
