//! Repudiation: a tenant denies that it made a sensitive query, and somebody helps it.
//!
//! Every answer rests on a decision of the policy, and decisions are kept where those who made them have no say. So the
//! help must come on the way there; or the tenant sees to it that its decisions cannot be told apart.

use crate::actors::attacker::{Event, Kit, Script};
use crate::actors::{Intruder, bearer};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::gateway::trace::TRACE_CONTEXT;
use models::mesh::session::TRANSPORT_SEAL;
use models::siem::machine::CONTIGUOUS_ACK;
use models::wire::Wire;
use models::wire::decisions::DecisionBatch;
use models::wire::http::{Headers, Method};
use sim::{Duration, Instant, NodeId};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/repudiation-sensitive-query",
    title: "Whoever was answered cannot deny it: the decision is kept, whole, and under a name of its own",
    threat: "A tenant's principals make sensitive queries and would rather not have made them. Somebody who holds the \
             network between a policy agent and the SIEM drops the decisions on them, in one cell, and writes another \
             tenant's name into them, in the other. And a principal sends the same trace context with every request, \
             so that one harmless query may stand for all.",
    stride: Some('R'),
    requirements: &["POL-04", "SRV-07"],
    variants: &[
        Variant { name: "dropped", mark: "repudiation.decisions-dropped", controls: &[sole(&CONTIGUOUS_ACK)] },
        Variant { name: "altered", mark: "repudiation.decisions-altered", controls: &[sole(&TRANSPORT_SEAL)] },
        Variant { name: "one-trace", mark: "repudiation.trace-repeated", controls: &[sole(&TRACE_CONTEXT)] },
    ],
    canary: false,
    build,
};

/// While the network is in hostile hands.
const HELD: (Instant, Instant) = (Instant(2_500_000_000), Instant(4_500_000_000));
/// The trace context that a principal says again and again.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta delta", Duration::millis(80));
    stage.keeps_decisions();
    stage.usual_weather();
    stage.attacker("between", None, "POL-04", true, |_| Box::new(Between::new(Help::Drop)));
    stage.position("cell-a/policy", "cell-a/siem", "between");
    stage.attacker("editor", None, "POL-04", true, |_| Box::new(Between::new(Help::Alter)));
    stage.position("cell-b/policy", "cell-b/siem", "editor");
    asker(stage, "dropped", ("acme-corp", "EU", "a"), "repudiation.asked-to-be-dropped", None);
    asker(stage, "altered", ("delta", "US", "b"), "repudiation.asked-to-be-altered", None);
    asker(stage, "one-trace", ("beta", "US", "b"), "repudiation.trace-repeated", Some(TRACE));
}

/// A principal that makes its sensitive query again and again.
fn asker(
    stage: &mut Stage<'_>,
    name: &'static str,
    (tenant, region, cell): (&'static str, &'static str, &'static str),
    mark: &'static str,
    trace: Option<&'static str>,
) {
    stage.attacker(name, Some(tenant), "POL-04", false, move |d| {
        let (idp, gateway) = (d.node(&format!("cell-{cell}/idp")), d.node(&format!("edge-{cell}")));
        let mut asker = Intruder::new(idp, gateway, tenant, region, mark)
            .asking(&[(Method::Get, "/v1/records?limit=5", ""), (Method::Get, "/v1/records/1", "")])
            .crafting(move |token| Some(Headers { traceparent: trace.map(Into::into), ..bearer(token) }));
        (asker.tries, asker.gap) = (100, Duration::millis(40));
        Box::new(asker)
    });
}

/// What is done to decisions on their way.
enum Help {
    /// They do not arrive.
    Drop,
    /// They are somebody else's.
    Alter,
}

/// Whoever holds the way between an agent and the SIEM.
struct Between {
    help: Help,
    steps: u64,
}

impl Between {
    fn new(help: Help) -> Between {
        Between { help, steps: 0 }
    }

    fn decisions(&mut self, kit: &mut Kit<'_, '_>, batch: &mut DecisionBatch) -> bool {
        match self.help {
            Help::Drop => {
                kit.mark("repudiation.decisions-dropped");
                false
            }
            Help::Alter => {
                kit.mark("repudiation.decisions-altered");
                batch.records.iter_mut().for_each(|record| record.tenant = "acme".into());
                true
            }
        }
    }

    fn pass(&mut self, kit: &mut Kit<'_, '_>, from: NodeId, to: NodeId, mut word: Wire) {
        let now = kit.ctx.now();
        let inner = match &mut word {
            Wire::Sealed(sealed) => &mut sealed.0,
            bare => bare,
        };
        if let Wire::Decisions(batch) = inner
            && (HELD.0..HELD.1).contains(&now)
        {
            self.steps += 1;
            if kit.goes(self.steps) && !self.decisions(kit, batch) {
                return;
            }
        }
        kit.out.send_as(from, to, word);
    }
}

impl Script for Between {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        if let Event::Intercepted(from, to, word) = event {
            self.pass(kit, from, to, word);
        }
    }
}
