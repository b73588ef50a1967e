//! Three brokers, a controller and two producers under loss, duplication, reorder, crashes with lost unsynced writes:
//! the test that EVT-03 holds, and that each of its controls is needed.

use super::broker::ACKS_ALL;
use super::idempotence::IDEMPOTENT_PRODUCER;
use super::replica::Timing;
use super::*;
use crate::control::{ControlSet, Controls};
use crate::wire::kafka::*;
use proptest::prelude::*;
use sim::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const BROKERS: [BrokerId; 3] = [BrokerId(0), BrokerId(1), BrokerId(2)];
const STEP: Duration = Duration::millis(20);

enum Word {
    ToBroker(u16, BrokerId, Replication),
    ToController(BrokerWord),
    Metadata(u16, MetadataUpdate),
    Request(u16, usize, u64, Produce),
    Reply(usize, u64, ProduceReply),
    /// Broker, its life, the sync, and how many writes there were when it was asked for.
    Synced(u16, u64, u64, usize),
}

struct Disk {
    synced: Vec<LogWrite>,
    unsynced: Vec<LogWrite>,
}

/// A small world with a lazy network: each step delivers some of the words under way, in any order.
struct World {
    now: Instant,
    controls: Controls,
    brokers: Vec<Option<Broker>>,
    lives: [u64; 3],
    disks: Vec<Disk>,
    controller: Controller,
    producers: Vec<Producer>,
    network: Vec<Word>,
    draw: u64,
    faults: bool,
    acknowledged: Vec<Vec<u64>>,
    flush: Flush,
}

fn topic() -> TopicName {
    "tenant.acme.audit".into()
}

impl World {
    fn new(seed: u64, controls: Controls, flush: Flush) -> World {
        let mut controller = Controller::new(Instant::ZERO, &BROKERS, Duration::millis(900));
        let mut effects = Vec::new();
        controller.create_topic(&topic(), 1, 3, &mut effects);
        let producer = |id| Producer::new(id, 1, Acks::All, Duration::millis(300));
        let disk = || Disk { synced: Vec::new(), unsynced: Vec::new() };
        let mut world = World {
            now: Instant::ZERO,
            controls,
            brokers: vec![None, None, None],
            lives: [0; 3],
            disks: vec![disk(), disk(), disk()],
            controller,
            producers: vec![producer(1), producer(2)],
            network: Vec::new(),
            draw: seed | 1,
            faults: true,
            acknowledged: vec![Vec::new(), Vec::new()],
            flush,
        };
        (0..3).for_each(|b| world.boot(b));
        world.control(effects);
        world
    }

    fn random(&mut self, below: u64) -> u64 {
        self.draw ^= self.draw << 13;
        self.draw ^= self.draw >> 7;
        self.draw ^= self.draw << 17;
        self.draw.wrapping_mul(0x2545_F491_4F6C_DD1D) % below
    }

    fn boot(&mut self, broker: usize) {
        self.lives[broker] += 1;
        let timing = Timing {
            tick: STEP,
            heartbeat: Duration::millis(200),
            replica_lag_max: Duration::millis(600),
            retry: Duration::millis(100),
            request_timeout: Duration::secs(2),
        };
        let config = BrokerConfig { flush: self.flush, timing, offsets_partitions: 1 };
        let disk = self.disks[broker].synced.clone();
        let topics = [(topic(), 1, TopicConfig::default())];
        let mut booted = Broker::boot(BROKERS[broker], self.lives[broker], config, topics, disk);
        booted.set_principal(Principal {
            name: "acme".into(),
            rules: tenant_rules("acme"),
            rate: None,
            client_rate: None,
        });
        self.brokers[broker] = Some(booted);
    }

    /// Power failure: a drawn subset of the unsynced writes survives.
    fn crash(&mut self, broker: usize) {
        if self.brokers[broker].take().is_none() {
            return;
        }
        for write in std::mem::take(&mut self.disks[broker].unsynced) {
            if self.random(2) == 0 {
                self.disks[broker].synced.push(write);
            }
        }
    }

    fn control(&mut self, effects: Vec<ControllerEffect>) {
        for effect in effects {
            if let ControllerEffect::Send { to, update } = effect {
                self.network.push(Word::Metadata(to.0, update));
            }
        }
    }

    fn on_broker(&mut self, broker: u16, act: impl FnOnce(&mut Broker, Instant, &Controls, &mut Vec<Effect>)) {
        let mut out = Vec::new();
        let Some(alive) = &mut self.brokers[usize::from(broker)] else { return };
        act(alive, self.now, &self.controls, &mut out);
        let life = self.lives[usize::from(broker)];
        for effect in out {
            match effect {
                Effect::Reply { correlation, response: Response::Produce(reply) } => {
                    let (producer, ticket) = (correlation as usize & 1, correlation >> 1);
                    self.network.push(Word::Reply(producer, ticket, reply));
                }
                Effect::Reply { .. } | Effect::Committed { .. } | Effect::Refused { .. } => {}
                Effect::Peer { to, word } => self.network.push(Word::ToBroker(to.0, BrokerId(broker), word)),
                Effect::Controller(word) => self.network.push(Word::ToController(word)),
                Effect::Write(write) => self.disks[usize::from(broker)].unsynced.push(write),
                Effect::Sync(id) => {
                    let disk = &self.disks[usize::from(broker)];
                    let writes = disk.synced.len() + disk.unsynced.len();
                    self.network.push(Word::Synced(broker, life, id, writes));
                }
            }
        }
    }

    fn deliver(&mut self, word: Word) {
        match word {
            Word::ToBroker(to, from, word) => self.on_broker(to, |b, now, _, out| b.on_peer(now, from, word, out)),
            Word::Metadata(to, update) => self.on_broker(to, |b, now, _, out| b.on_metadata(now, update, out)),
            Word::Request(to, producer, ticket, produce) => {
                let correlation = ticket << 1 | producer as u64;
                let request = Request::Produce(produce);
                self.on_broker(to, |b, now, c, out| b.on_client(now, c, &"acme".into(), correlation, request, out));
            }
            Word::Reply(producer, ticket, reply) => {
                let outcome = self.producers[producer].on_reply(self.now, &topic(), 0, ticket, reply);
                match outcome {
                    Outcome::Delivered { ticket, .. } => self.acknowledged[producer].push(ticket),
                    Outcome::Failed { error, .. } => panic!("gave up on {error:?}"),
                    Outcome::Retry | Outcome::Stale => {}
                }
            }
            Word::Synced(broker, life, id, writes) => {
                // A sync of a former life confirms nothing.
                let at = usize::from(broker);
                if life == self.lives[at] && self.brokers[at].is_some() {
                    let disk = &mut self.disks[at];
                    let confirmed = writes.saturating_sub(disk.synced.len());
                    disk.synced.extend(disk.unsynced.drain(..confirmed));
                    self.on_broker(broker, |b, now, _, out| b.on_synced(now, id, out));
                }
            }
            Word::ToController(word) => {
                let mut effects = Vec::new();
                self.controller.on_broker(self.now, word, &mut effects);
                self.control(effects);
            }
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        let leader = self.controller.state(&topic(), 0).and_then(|s| s.leader);
        for producer in 0..2 {
            let mut out = Vec::new();
            self.producers[producer].poll(self.now, &mut out);
            for (ticket, produce) in out {
                // A producer may believe in a former leader.
                let guess = if self.faults && self.random(5) == 0 { self.random(3) as u16 } else { 3 };
                let to = if guess < 3 { Some(BrokerId(guess)) } else { leader };
                if let Some(to) = to {
                    self.network.push(Word::Request(to.0, producer, ticket, produce));
                }
            }
        }
        for broker in 0..3 {
            self.on_broker(broker, |b, now, _, out| b.tick(now, out));
        }
        let mut effects = Vec::new();
        self.controller.tick(self.now, &mut effects);
        self.control(effects);
        for _ in 0..3 {
            for word in std::mem::take(&mut self.network) {
                let synced = matches!(word, Word::Synced(..));
                match if self.faults && !synced { self.random(20) } else { 19 } {
                    0 => {}
                    1..6 => self.network.push(word),
                    6 => {
                        if let Word::Request(to, producer, ticket, produce) = &word {
                            self.network.push(Word::Request(*to, *producer, *ticket, produce.clone()));
                        }
                        self.deliver(word);
                    }
                    _ => self.deliver(word),
                }
            }
            if self.faults && self.network.len() > 1 {
                let (a, b) = (self.random(self.network.len() as u64), self.random(self.network.len() as u64));
                self.network.swap(a as usize, b as usize);
            }
        }
    }

    /// Tickets in the leader's committed log, per producer, in order.
    fn stored(&self) -> Vec<Vec<u64>> {
        let leader = self.controller.state(&topic(), 0).and_then(|s| s.leader).expect("healed");
        let broker = self.brokers[usize::from(leader.0)].as_ref().expect("alive");
        let replica = broker.partition(&topic(), 0).expect("exists");
        let mut stored = vec![Vec::new(), Vec::new()];
        for record in replica.log().batches().flat_map(|b| b.records.iter()) {
            let number = u64::from_le_bytes((*record.value).try_into().expect("eight bytes"));
            stored[number as usize & 1].push(number >> 1);
        }
        stored
    }
}

/// Runs a faulty act and a calm one; returns what was acknowledged and what is stored, per producer.
fn run(seed: u64, controls: Controls, flush: Flush, crashes: bool) -> (Vec<Vec<u64>>, Vec<Vec<u64>>, usize) {
    let mut world = World::new(seed, controls, flush);
    let mut ticket = 0;
    for _ in 0..220 {
        if world.random(3) == 0 && ticket < 40 {
            for producer in 0..2u64 {
                let value = (ticket << 1 | producer).to_le_bytes().as_slice().into();
                let records: Arc<[Record]> = [Record::new(value, world.now)].into();
                world.producers[producer as usize].enqueue(world.now, (topic(), 0), None, records, ticket);
            }
            ticket += 1;
        }
        if crashes && world.random(25) == 0 {
            let victim = world.random(3) as usize;
            world.crash(victim);
        }
        if world.random(12) == 0
            && let Some(down) = world.brokers.iter().position(Option::is_none)
        {
            world.boot(down);
        }
        world.step();
    }
    world.faults = false;
    (0..3).filter(|b| world.brokers[*b].is_none()).collect::<Vec<_>>().into_iter().for_each(|b| world.boot(b));
    for _ in 0..250 {
        world.step();
    }
    let pending = world.producers.iter().map(Producer::pending).sum();
    (world.acknowledged.clone(), world.stored(), pending)
}

/// What went wrong, if anything: lost or repeated records, or a producer's records out of order.
fn wrong(acknowledged: &[Vec<u64>], stored: &[Vec<u64>]) -> BTreeMap<&'static str, usize> {
    let mut wrong = BTreeMap::new();
    for (acknowledged, stored) in acknowledged.iter().zip(stored) {
        let set: BTreeSet<u64> = stored.iter().copied().collect();
        *wrong.entry("lost").or_default() += acknowledged.iter().filter(|t| !set.contains(t)).count();
        *wrong.entry("repeated").or_default() += stored.len() - set.len();
        *wrong.entry("reordered").or_default() += stored.windows(2).filter(|w| w[0] > w[1]).count();
    }
    wrong.retain(|_, n| *n > 0);
    wrong
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn acknowledged_events_survive_once_and_in_order_through_crashes_and_elections(seed: u64) {
        let (acknowledged, stored, pending) = run(seed, Controls::all_on(), Flush::EveryBatch, true);
        prop_assert_eq!(wrong(&acknowledged, &stored), BTreeMap::new());
        prop_assert_eq!(pending, 0, "everything is delivered once the faults stop");
        prop_assert_eq!(acknowledged.iter().map(Vec::len).sum::<usize>(), stored.iter().map(Vec::len).sum::<usize>());
    }
}

fn count(off: &crate::control::Control, what: &str) -> usize {
    let seeds = (1..40u64).map(|s| s.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let found = seeds.map(|seed| {
        let controls = Controls::with_off(ControlSet::EMPTY.with(off.slot));
        let (acknowledged, stored, _) = run(seed, controls, Flush::EveryBatch, true);
        wrong(&acknowledged, &stored).get(what).copied().unwrap_or(0)
    });
    found.sum()
}

#[test]
fn without_acks_all_an_acknowledged_event_is_lost_with_its_leader() {
    assert!(count(&ACKS_ALL, "lost") > 0);
}

#[test]
fn without_idempotence_a_retry_is_stored_twice() {
    assert!(count(&IDEMPOTENT_PRODUCER, "repeated") > 0);
}
