//! The kernel alone: events per second of worlds whose machines do next to nothing.
//!
//! *notes* is sparse traffic on a lossy network, where the heap is deep; *chain* is one request after the other through
//! five nodes, where it is nearly empty. An event is an input that a machine handled.

#[path = "../tests/toy/mod.rs"]
mod toy;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sim::fault::Target;
use sim::node::NodeSpec;
use sim::world::WorldSpec;
use sim::{Duration, Input, Instant, NodeId};
use std::hint::black_box;
use toy::{Note, Toy, What, acting, node, say, source};

const NODES: u32 = 50;

/// Each of 50 nodes sends 10 notes a second to the next one, of which 2 % are lost, for one minute.
fn notes() -> WorldSpec<Toy> {
    let nodes: Vec<NodeSpec<Toy>> = (0..NODES)
        .map(|i| node(&format!("n{i}"), 0, 0, source(NodeId((i + 1) % NODES), 600, Duration::millis(100))))
        .collect();
    let mut loss = toy::fault("loss", Target::All, 20_000);
    (loss.from, loss.until) = (Instant::ZERO, Instant(61_000_000_000));
    WorldSpec { faults: vec![loss], ..long(nodes) }
}

/// A client whose next request leaves when the answer to the last has come, through four services and back.
fn chain() -> WorldSpec<Toy> {
    let client = acting(|ctx, input, out| match input {
        Input::Timer { .. } => out.send(NodeId(1), Note { id: 0, damaged: false }),
        Input::Message { message, .. } => {
            say(ctx, out, What::Got, message.id);
            let next = ctx.own(message.id + 1);
            out.send_for(next, NodeId(1), Note { id: message.id + 1, damaged: false });
        }
        _ => {}
    });
    let starts: sim::node::Boot<Toy> = {
        let client = client.clone();
        std::rc::Rc::new(move |ctx, out| {
            out.timer_for(ctx.own(0), Duration::ZERO, 0);
            client(ctx, out)
        })
    };
    let hop = |i: u32| {
        let next = NodeId((i + 1) % 5);
        let pass = acting(move |_, input, out| {
            if let Input::Message { message, .. } = input {
                out.busy(Duration::micros(20));
                out.send(next, message);
            }
        });
        node(&format!("hop-{i}"), 4, 100, pass)
    };
    let nodes = std::iter::once(node("client", 0, 0, starts)).chain((1..5).map(hop)).collect();
    long(nodes)
}

fn long(nodes: Vec<NodeSpec<Toy>>) -> WorldSpec<Toy> {
    let acts = (Instant(61_000_000_000), Instant(62_000_000_000));
    WorldSpec { safety_until: acts.0, end: acts.1, keep: false, ..toy::world(nodes) }
}

fn kernel(c: &mut Criterion) {
    let mut group = c.benchmark_group("kernel");
    for (name, spec) in [("notes", notes as fn() -> WorldSpec<Toy>), ("chain", chain)] {
        group.throughput(Throughput::Elements(toy::run(spec(), 1).events));
        group.bench_function(name, |b| b.iter(|| black_box(toy::run(spec(), 1).journal.digest)));
    }
    group.finish();
}

criterion_group!(benches, kernel);
criterion_main!(benches);
