//! Events: what an application instance publishes for a request, and what becomes of it.

use super::{App, AppSpec, Phase, rollout};
use crate::app::operation::Task;
use crate::app::reason::publish_refused;
use crate::control::Controls;
use crate::kafka::publisher::{Refused, Sent, Settled};
use crate::kafka::spillover::Spillover;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::http::Reason;
use sim::seed::{Lineage, mix};
use sim::{Ctx, Duration, Outbox};
use std::sync::Arc;

/// Events of one topic that wait for the broker, at most: seconds of what one tenant may publish.
const BACKLOG_MAX: usize = 64;
/// After this, an event without an answer is published again.
const PUBLISH_RETRY: Duration = Duration::millis(300);

/// What an instance publishes with in this life: to its own cell, in a canary's own partitions if it is one, and to the
/// cells that events may spill to.
pub(super) fn publisher(spec: &AppSpec, life: u64, controls: &Controls) -> Spillover {
    let (brokers, others) = (spec.brokers.clone(), &spec.spills_to);
    Spillover::new(brokers, &spec.region, others, life, BACKLOG_MAX, PUBLISH_RETRY)
        .in_partition(rollout::partition(controls, spec.rollout.as_ref()))
}

impl App {
    pub(super) fn publish(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, key: u64) {
        let Some(open) = self.open.get_mut(&key) else { return };
        let Task::Publish(domain) = &open.task else { return };
        open.phase = Phase::Broker;
        open.deadline = ctx.now() + Duration::millis(1_500);
        let topic: Arc<str> = format!("tenant.{}.{domain}", open.tenant).into();
        match self.publisher.publish(ctx.now(), &topic, Some(&open.tenant), open.body.clone(), key) {
            Ok(()) => self.drive_publisher(ctx, out),
            Err(Refused::Throttled) => self.throttle(out, key),
            Err(Refused::Full) => self.finish(out, key, Reason::DependencyDown, Vec::new()),
        }
    }

    pub(super) fn drive_publisher(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        let mut sends = std::mem::take(&mut self.sends);
        self.publisher.poll(ctx.now(), ctx.controls(), &mut sends);
        for Sent { to, id, request } in sends.drain(..) {
            // A batch belongs to the request that published it, also when an answer to another sends it off.
            let lineage = Lineage::root(self.name, mix(id, 0x9b));
            out.send_for(lineage, to, Wire::Kafka(id, Box::new(request)));
        }
        self.sends = sends;
    }

    pub(super) fn settled(&mut self, out: &mut Outbox<Saas>, settled: Option<Settled>) {
        let Some(Settled { ticket, result }) = settled else { return };
        let reason = result.map_or_else(publish_refused, |()| Reason::Accepted);
        self.finish(out, ticket, reason, Vec::new());
    }
}
