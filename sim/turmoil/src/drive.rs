//! Drives a run: starts every host, plays every cue through turmoil's hands, and goes on to the end.

use crate::engine::{Engine, instant};
use crate::node;
use sim::NodeId;
use sim::host::Power;
use sim::machine::Platform;
use sim::time::EPOCH_UNIX_S;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::Notify;
use turmoil::{Builder, Sim};

/// turmoil's tick. Timers of tokio are no finer.
const TICK: Duration = Duration::from_millis(1);

/// Segments and connections that a socket holds. More wait at their sender.
const SOCKET_CAPACITY: usize = 4_096;

fn name(node: NodeId) -> String {
    format!("node-{}", node.0)
}

/// Starts every host, plays every cue, and goes on to the end.
pub(crate) fn drive<P: Platform>(engine: &Rc<Engine<P>>) {
    let end = engine.run.end();
    let mut builder = Builder::new();
    builder
        .epoch(UNIX_EPOCH + Duration::from_secs(EPOCH_UNIX_S))
        .rng_seed(engine.seed)
        .tick_duration(TICK)
        .simulation_duration(Duration::MAX)
        // Latency is drawn by the hosted node, from the run's own luck.
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::ZERO)
        .tcp_capacity(SOCKET_CAPACITY);
    let mut sim = builder.build();
    for node in engine.there() {
        let hosted = engine.clone();
        sim.host(name(node), move || node::host(hosted.clone(), node));
    }
    let addresses = engine.there().map(|node| (node, sim.lookup(name(node)))).collect();
    engine.addresses.set(addresses).expect("a run begins once");
    let mut cues = engine.run.cues().to_vec().into_iter().peekable();
    loop {
        let now = instant(sim.elapsed());
        while let Some((at, cue)) = cues.next_if(|(at, _)| *at <= now && *at <= end) {
            engine.run.play(cue, at, &mut Grip { engine, sim: &mut sim });
            engine.wakes.iter().for_each(Notify::notify_one);
        }
        if now >= end {
            break;
        }
        if let Err(why) = sim.step() {
            engine.run.error(format!("turmoil stopped: {why}"));
            break;
        }
    }
}

/// turmoil's hands.
struct Grip<'a, 's, P: Platform> {
    engine: &'a Engine<P>,
    sim: &'a mut Sim<'s>,
}

impl<P: Platform> Power for Grip<'_, '_, P> {
    fn down(&mut self, node: NodeId) {
        if self.engine.address(node).is_some() {
            self.sim.crash(name(node));
            self.engine.down.borrow_mut().insert(node);
            for other in self.engine.there() {
                self.engine.breaks_now(node, other);
                self.engine.breaks_now(other, node);
            }
        }
    }

    fn up(&mut self, node: NodeId) {
        if self.engine.address(node).is_some() {
            self.sim.bounce(name(node));
            self.engine.down.borrow_mut().remove(&node);
        }
    }

    fn cut(&mut self, from: NodeId, to: NodeId) {
        if self.engine.address(from).is_some() && self.engine.address(to).is_some() {
            self.sim.partition_oneway(name(from), name(to));
            self.engine.cuts.borrow_mut().insert((from, to));
        }
    }

    /// turmoil does not send again what a partition swallowed, so a connection that was cut has a hole for ever.
    fn heal(&mut self, from: NodeId, to: NodeId) {
        if self.engine.cuts.borrow_mut().remove(&(from, to)) {
            self.sim.repair_oneway(name(from), name(to));
            self.engine.breaks_now(from, to);
            self.engine.breaks_now(to, from);
        }
    }
}
