//! Two workloads by which engines are compared: sparse traffic on a lossy network, where there is always much ahead;
//! and one request after the other, where there is nearly nothing.

use super::{Note, Toy, What, acting, fault, node, say, source, world};
use sim::fault::Target;
use sim::node::{Boot, NodeSpec};
use sim::world::{Outcome, WorldSpec};
use sim::{Duration, Input, Instant, NodeId};
use std::rc::Rc;

/// Services that a request of the chain passes on its way back to its client.
pub const HOPS: u32 = 5;

/// Each of `nodes` sends 10 notes a second to the next one, of which 2 % are lost.
pub fn sparse(nodes: u32, seconds: u64) -> WorldSpec<Toy> {
    let next = |i: u32| source(NodeId((i + 1) % nodes), seconds * 10, Duration::millis(100));
    let end = Instant((seconds + 2) * 1_000_000_000);
    let mut loss = fault("loss", Target::All, 20_000);
    (loss.from, loss.until) = (Instant::ZERO, end);
    let nodes: Vec<NodeSpec<Toy>> = (0..nodes).map(|i| node(&format!("n{i}"), 0, 0, next(i))).collect();
    WorldSpec { faults: vec![loss], safety_until: end, end, keep: false, ..world(nodes) }
}

/// A client that asks so many times: the next request leaves when the answer to the last has come, through four
/// services and back.
pub fn chain(requests: u64) -> WorldSpec<Toy> {
    let client = acting(move |ctx, input, out| match input {
        Input::Timer { .. } => out.send(NodeId(1), Note { id: 0, damaged: false }),
        Input::Message { message, .. } => {
            say(ctx, out, What::Got, message.id);
            let next = message.id + 1;
            if next < requests {
                out.send_for(ctx.own(next), NodeId(1), Note { id: next, damaged: false });
            }
        }
        _ => {}
    });
    let starts: Boot<Toy> = {
        let client = client.clone();
        Rc::new(move |ctx, out| {
            out.timer_for(ctx.own(0), Duration::ZERO, 0);
            client(ctx, out)
        })
    };
    let hop = |i: u32| {
        let next = NodeId((i + 1) % HOPS);
        let pass = acting(move |_, input, out| {
            if let Input::Message { message, .. } = input {
                out.busy(Duration::micros(20));
                out.send(next, message);
            }
        });
        node(&format!("hop-{i}"), 4, 100, pass)
    };
    let nodes = std::iter::once(node("client", 0, 0, starts)).chain((1..HOPS).map(hop)).collect();
    let (safety_until, end) = (Instant(1_000_000_000), Instant(100_000_000_000_000));
    WorldSpec { safety_until, end, keep: false, ..world(nodes) }
}

/// Notes that arrived in a run of either.
pub fn arrived(outcome: &Outcome<Toy>) -> u64 {
    let is_chain = outcome.roles[0] == "client";
    outcome.journal.facts * if is_chain { u64::from(HOPS) } else { 1 }
}
