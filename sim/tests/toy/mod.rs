//! A platform small enough to read at once: numbered notes, a source that sends them, a sink that keeps them.
//!
//! Kernel tests and benches share it, so not every user needs every part.
#![allow(dead_code)]

pub mod workload;

use sim::choice::Choices;
use sim::disk::Write;
use sim::fault::{FaultSpec, Target};
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Quantiles};
use sim::world::{Outcome, World, WorldSpec};
use sim::{ControlSet, Ctx, Duration, Fact, Input, Instant, Lineage, Machine, Message};
use sim::{NodeId, Outbox, Platform, Vantage};
use std::rc::Rc;

/// The words of the toy.
#[derive(Clone, Debug)]
pub struct Toy;

impl Platform for Toy {
    type Message = Note;
    type Fact = Saw;
}

/// What travels.
#[derive(Clone, Debug)]
pub struct Note {
    /// Which note.
    pub id: u64,
    /// Whether a bad link changed it.
    pub damaged: bool,
}

impl Message for Note {
    fn size_bytes(&self) -> u32 {
        100
    }
    fn corrupt(&mut self, _draw: u64) -> bool {
        self.damaged = true;
        true
    }
    fn fingerprint(&self) -> u64 {
        self.id
    }
    fn describe(&self) -> String {
        format!("note {}", self.id)
    }
}

/// What a node saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A note arrived.
    Got,
    /// A damaged note arrived.
    Damaged,
    /// A note came back.
    Refused,
    /// A note of others passed.
    Intercepted,
    /// A sync was kept.
    Kept,
    /// A sync failed.
    Failed,
    /// After a boot: the bytes of one record that the disk kept.
    Recovered,
}

/// A fact of the toy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Saw {
    /// What.
    pub what: What,
    /// Which note.
    pub id: u64,
    /// The node's own clock.
    pub local: Instant,
}

impl Fact for Saw {
    fn vantage(&self) -> Vantage {
        Vantage::Client
    }
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.what as u8);
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.local.0.to_le_bytes());
    }
    fn describe(&self) -> String {
        format!("{:?} {}", self.what, self.id)
    }
}

/// A machine that is one function.
pub struct Acting<F>(pub F);

impl<F: FnMut(&mut Ctx<'_, Toy>, Input<Toy>, &mut Outbox<Toy>)> Machine<Toy> for Acting<F> {
    fn handle(&mut self, ctx: &mut Ctx<'_, Toy>, input: Input<Toy>, out: &mut Outbox<Toy>) {
        (self.0)(ctx, input, out);
    }
}

/// Boots `act`, which knows nothing of before.
pub fn acting(act: impl Fn(&mut Ctx<'_, Toy>, Input<Toy>, &mut Outbox<Toy>) + Clone + 'static) -> Boot<Toy> {
    Rc::new(move |_, _| Box::new(Acting(act.clone())))
}

/// A node in a group and zone of its own name, with a sync of 1 ms.
pub fn node(role: &str, workers: u16, queue_max: u32, boot: Boot<Toy>) -> NodeSpec<Toy> {
    NodeSpec {
        role: role.into(),
        group: role.into(),
        zone: role.into(),
        workers,
        queue_max,
        sync_ns: Quantiles::constant(1_000_000),
        boot,
    }
}

/// Sends notes `0..count` to `to`, one every `gap` by its own clock, and states what comes back.
pub fn source(to: NodeId, count: u64, gap: Duration) -> Boot<Toy> {
    Rc::new(move |ctx, out| {
        out.timer_for(ctx.own(0), gap, 0);
        Box::new(Acting(move |ctx: &mut Ctx<'_, Toy>, input: Input<Toy>, out: &mut Outbox<Toy>| match input {
            Input::Timer { token } => {
                out.send(to, Note { id: token, damaged: false });
                if token + 1 < count {
                    out.timer_for(ctx.own(token + 1), gap, token + 1);
                }
            }
            Input::Refused { message, .. } => say(ctx, out, What::Refused, message.id),
            Input::Message { message, .. } => say(ctx, out, What::Got, message.id),
            _ => {}
        }))
    })
}

/// Takes `busy` for each note, states it, writes its number to file 0 and syncs; after a boot it states what was kept.
pub fn sink(busy: Duration) -> Boot<Toy> {
    Rc::new(move |ctx, out| {
        for record in ctx.disk().read(0).to_vec() {
            let mut bytes = [0; 8];
            bytes[..record.len()].copy_from_slice(&record);
            // Short records are told apart from whole ones by their length.
            let id = u64::from_le_bytes(bytes) | (8 - record.len() as u64) << 60;
            say(ctx, out, What::Recovered, id);
        }
        Box::new(Acting(move |ctx: &mut Ctx<'_, Toy>, input: Input<Toy>, out: &mut Outbox<Toy>| match input {
            Input::Message { message, .. } => {
                out.busy(busy);
                say(ctx, out, if message.damaged { What::Damaged } else { What::Got }, message.id);
                out.write(0, Write::Append(message.id.to_le_bytes().into()));
                out.sync(message.id);
            }
            Input::Synced { token, ok } => say(ctx, out, if ok { What::Kept } else { What::Failed }, token),
            _ => {}
        }))
    })
}

/// States that `what` happened to note `id`.
pub fn say(ctx: &Ctx<'_, Toy>, out: &mut Outbox<Toy>, what: What, id: u64) {
    out.fact(Saw { what, id, local: ctx.now() });
}

/// A node's k-th undertaking, as the source names it.
pub fn cause(role: &str, k: u64) -> u64 {
    Lineage::root(sim::seed::name_hash(role), k).cause
}

/// A world of these nodes: links of 1 to 3 ms, safety until 0.9 s, end at 1 s.
pub fn world(nodes: Vec<NodeSpec<Toy>>) -> WorldSpec<Toy> {
    let link = LinkSpec { latency_ns: Quantiles::new(&[1_000_000, 3_000_000]) };
    WorldSpec {
        nodes,
        local: link.clone(),
        remote: link,
        links: Vec::new(),
        faults: Vec::new(),
        positions: Vec::new(),
        spares: Vec::new(),
        safety_until: Instant(900_000_000),
        end: Instant(1_000_000_000),
        oracles: Vec::new(),
        keep: true,
    }
}

/// A source `a` that sends `count` notes, one every 5 ms, to a sink `b` with one worker that takes 1 ms for each.
pub fn pair(count: u64) -> WorldSpec<Toy> {
    let source = source(NodeId(1), count, Duration::millis(5));
    world(vec![node("a", 0, 0, source), node("b", 1, 100, sink(Duration::millis(1)))])
}

/// A fault from 0.1 s to 0.3 s.
pub fn fault(kind: &str, target: Target, strength: u64) -> FaultSpec {
    FaultSpec { kind: kind.into(), target, from: Instant(100_000_000), until: Instant(300_000_000), strength }
}

/// The target that is one node.
pub fn at(role: &str) -> Target {
    Target::Node(role.into())
}

/// Runs it under `seed` and `choices`.
pub fn run_with(spec: WorldSpec<Toy>, seed: u64, choices: Choices) -> Outcome<Toy> {
    World::new(spec, Draws::new(seed, choices), ControlSet::EMPTY).run()
}

/// Runs it under `seed`.
pub fn run(spec: WorldSpec<Toy>, seed: u64) -> Outcome<Toy> {
    run_with(spec, seed, Choices::default())
}

/// Numbers of the notes to which `what` happened at node `role`, in order.
pub fn seen(outcome: &Outcome<Toy>, role: &str, what: What) -> Vec<u64> {
    let here = |node: NodeId| outcome.roles[node.0 as usize] == role;
    let entries = outcome.journal.entries.iter().filter(|e| here(e.node) && e.fact.what == what);
    entries.map(|e| e.fact.id).collect()
}
