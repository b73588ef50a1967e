//! The two cells: brokers, controllers, mirror halves, and one client that publishes, trespasses and forges.

use super::forged;
use crate::control::ControlSet;
use crate::fact::{Fact, Place};
use crate::kafka::event::{event_body, schema};
use crate::kafka::machine::{SESSION, TIMING, platform_rules};
use crate::kafka::*;
use crate::mirror::{MirrorIn, MirrorInSpec, MirrorOut, MirrorOutSpec, Naming};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::kafka::{BrokerId, Request, TopicName};
use crate::wire::mirror::MirrorWord;
use sim::choice::Choices;
use sim::fault::FaultSpec;
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Lineage, Quantiles, name_hash};
use sim::world::{Outcome, World, WorldSpec};
use sim::{Ctx, Duration, Input, Instant, Machine, NodeId, Outbox};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

pub(super) const ORDERS: &str = "tenant.acme.orders";
pub(super) const AUDIT: &str = "tenant.acme.audit";
/// The request that the forged event names.
pub(super) const FORGED: u64 = 0xF0F0;

const CONTROLLERS: [NodeId; 2] = [NodeId(0), NodeId(6)];
const MIRROR_OUT: NodeId = NodeId(4);
const CLIENT: NodeId = NodeId(5);
const MIRROR_IN: NodeId = NodeId(10);

fn brokers(cell: usize) -> Vec<(BrokerId, NodeId)> {
    (0..3).map(|i| (BrokerId(i), NodeId(CONTROLLERS[cell].0 + 1 + u32::from(i)))).collect()
}
fn addresses(cell: usize) -> Vec<NodeId> {
    brokers(cell).into_iter().map(|(_, node)| node).collect()
}

/// Publishes one event every 40 ms from 0.4 s to 5 s, alternately to both topics, and says what was acknowledged.
struct Client {
    publisher: Publisher,
    ticks: u64,
}

impl Client {
    fn boot(ctx: &mut Ctx<'_, Saas>, out: &mut Outbox<Saas>) -> Client {
        out.timer_for(ctx.own(0), Duration::millis(400), 0);
        let life = ctx.draw(crate::luck::NONCE);
        Client { publisher: Publisher::new(addresses(0), life, 1_000, Duration::millis(250)), ticks: 0 }
    }

    fn topic(ticket: u64) -> TopicName {
        if ticket.is_multiple_of(2) { ORDERS.into() } else { AUDIT.into() }
    }

    fn tick(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>) {
        self.ticks += 1;
        let request = self.ticks / 2;
        if self.ticks.is_multiple_of(2) && ctx.now() < Instant(5_000_000_000) {
            let event = event_body("acme", request, "what happened");
            let topic = Client::topic(request);
            self.publisher.publish(ctx.now(), &topic, None, event, request).expect("the queue has room");
        }
        if self.ticks == 1 {
            // Before there is anything to mirror: later it would be taken for what is known.
            out.send(MIRROR_IN, Wire::Mirror(Box::new(MirrorWord::Batch(forged()))));
        }
        if self.ticks == 10 {
            let topics = Some(vec!["tenant.globex.orders".into()]);
            out.send(addresses(0)[0], Wire::Kafka(1, Box::new(Request::Metadata { topics })));
        }
        out.timer_for(ctx.own(self.ticks), Duration::millis(20), 0);
    }
}

impl Machine<Saas> for Client {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { .. } => self.tick(ctx, out),
            Input::Message { message: Wire::KafkaAnswer(id, response), .. } => {
                if let Some(settled) = self.publisher.on_answer(ctx.now(), id, &response) {
                    assert_eq!(settled.result, Ok(()));
                    let about = Client::topic(settled.ticket);
                    out.fact(Fact::Truth { what: "acknowledged", about, value: settled.ticket });
                }
            }
            _ => {}
        }
        let mut sends = Vec::new();
        self.publisher.poll(ctx.now(), &mut sends);
        for Sent { to, id, request } in sends {
            out.send_for(Lineage::root(name_hash("publish"), id), to, Wire::Kafka(id, Box::new(request)));
        }
    }
}

fn topics(cell: usize) -> Vec<TopicSpec> {
    let schema = Some(Arc::new(schema()));
    let config = TopicConfig { schema, ..TopicConfig::default() };
    let home =
        [ORDERS, AUDIT].map(|name| TopicSpec { name: name.into(), partitions: 1, replicas: 3, config: config.clone() });
    if cell == 0 { home.into() } else { home.map(|t| t.mirrored_from("cell-a")).into() }
}

fn broker(cell: usize, id: u16) -> BrokerSpec {
    let (name, region) = (["cell-a", "cell-b"][cell].into(), ["eu", "us"][cell].into());
    let principal = |name: &str, rules| Principal { name: name.into(), rules, rate: None, client_rate: None };
    let mirror: Arc<str> = "platform".into();
    BrokerSpec {
        id: BrokerId(id),
        brokers: brokers(cell),
        controller: CONTROLLERS[cell],
        connections: [(CLIENT, "acme".into()), (MIRROR_OUT, mirror.clone()), (MIRROR_IN, mirror)].into(),
        principals: vec![principal("acme", tenant_rules("acme")), principal("platform", platform_rules())],
        topics: topics(cell),
        place: Place { store: "kafka", cell: name, region },
        timing: TIMING,
        flush: Flush::EveryBatch,
        storage_bytes: u64::MAX,
        tampering: Vec::new(),
        costs: Costs { produce: Duration::micros(80), fetch: Duration::micros(60), replicate: Duration::micros(50) },
    }
}

fn mirror_out() -> MirrorOutSpec {
    let residency: BTreeMap<Arc<str>, Arc<str>> = [("acme".into(), "eu".into())].into();
    MirrorOutSpec {
        brokers: addresses(0),
        sink: MIRROR_IN,
        topics: topics(0).into_iter().map(|t| (t.name, t.partitions, Some("acme".into()))).collect(),
        settings: MirrorOutSpec::settings(&"cell-a".into(), &"cell-b".into(), &"us".into(), residency),
        tick: Duration::millis(100),
        cost: Duration::micros(100),
    }
}

fn mirror_in() -> MirrorInSpec {
    MirrorInSpec {
        brokers: addresses(1),
        source: MIRROR_OUT,
        cells: vec!["cell-a".into()],
        retry: Duration::millis(300),
        window: 16,
        naming: Naming::Prefixed,
        tick: Duration::millis(100),
        cost: Duration::micros(100),
    }
}

fn node(role: &str, zone: &str, boot: Boot<Saas>) -> NodeSpec<Saas> {
    let group = role.split('/').next().unwrap_or(role).to_string();
    let sync_ns = Quantiles::new(&[100_000, 300_000, 2_000_000]);
    let zone = format!("{group}/{zone}");
    NodeSpec { role: role.into(), group, zone, workers: 4, queue_max: 1_000, sync_ns, boot }
}

fn kafka(nodes: &mut Vec<NodeSpec<Saas>>, cell: usize) {
    let name = ["cell-a", "cell-b"][cell];
    let spec = ControllerSpec {
        brokers: brokers(cell),
        topics: topics(cell),
        session: SESSION,
        tick: TIMING.tick,
        cost: Duration::micros(20),
    };
    let boot: Boot<Saas> = Rc::new(move |ctx, out| Box::new(ControllerNode::boot(&spec, ctx, out)));
    nodes.push(node(&format!("{name}/kafka-controller"), "rest", boot));
    for id in 0..3 {
        let spec = broker(cell, id);
        let boot: Boot<Saas> = Rc::new(move |ctx, out| Box::new(BrokerNode::boot(&spec, ctx, out)));
        let zone = if id == 0 { "first" } else { "rest" };
        nodes.push(node(&format!("{name}/kafka-{}", id + 1), zone, boot));
    }
}

/// Runs eight seconds, of which faults may strike in the first four.
pub(super) fn outcome(seed: u64, off: ControlSet, faults: Vec<FaultSpec>) -> Outcome<Saas> {
    let mut nodes = Vec::new();
    kafka(&mut nodes, 0);
    nodes.push(node(
        "cell-a/mirror-out",
        "mirror",
        Rc::new(|ctx, out| Box::new(MirrorOut::boot(&mirror_out(), ctx, out))),
    ));
    nodes.push(node("outside/client", "client", Rc::new(|ctx, out| Box::new(Client::boot(ctx, out)))));
    kafka(&mut nodes, 1);
    nodes.push(node(
        "cell-b/mirror-in",
        "mirror",
        Rc::new(|ctx, out| Box::new(MirrorIn::boot(&mirror_in(), ctx, out))),
    ));
    let link = |values: &[u64]| LinkSpec { latency_ns: Quantiles::new(values) };
    let spec = WorldSpec {
        nodes,
        local: link(&[50_000, 200_000, 1_000_000]),
        remote: link(&[5_000_000, 10_000_000, 30_000_000]),
        links: Vec::new(),
        faults,
        positions: Vec::new(),
        spares: Vec::new(),
        safety_until: Instant(4_000_000_000),
        end: Instant(8_000_000_000),
        oracles: Vec::new(),
        keep: true,
    };
    World::new(spec, Draws::new(seed, Choices::default()), off).run()
}
