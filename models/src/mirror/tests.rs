//! Two cells with a stub of Kafka each and a bad line between them: the mirror converges, and what each control is for.

mod drains;
mod stub;

use stub::Kafka;

use super::batch::BATCH_SIGNATURE;
use super::sink::{DEDUPE, QUARANTINE};
use super::source::{LOOP_GUARD, RESIDENCY_FILTER, RESUME_OFFSET};
use super::*;
use crate::control::{Control, ControlSet, Controls};
use crate::ids::Bytes;
use crate::wire::kafka::*;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use sim::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A keyed hash in place of Ed25519.
struct Key;

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Bytes {
        let hash: [u8; 32] = Sha256::digest([b"cell key", message].concat()).into();
        hash.as_slice().into()
    }
}
impl Verifier for Key {
    fn verify(&self, cell: &str, message: &[u8], signature: &[u8]) -> bool {
        cell.starts_with("cell-") && *self.sign(message) == *signature
    }
}

enum Word {
    Batch(MirrorBatch),
    Ack(MirrorAck),
    // By whom: the life of a half, which hears no answers to what a former one asked.
    SourceAsks(u16, u64, Request),
    SourceTold(u64, Response),
    SinkAsks(u16, u64, Request),
    SinkTold(u64, Response),
}

/// Mirror from cell A to cell B, with the brokers of each and everything that is under way.
struct World {
    now: Instant,
    controls: Controls,
    settings: SourceSettings,
    naming: Naming,
    a: Kafka,
    b: Kafka,
    source: MirrorSource,
    sink: MirrorSink,
    life: u16,
    source_life: u16,
    network: Vec<Word>,
    refused: usize,
    draw: u64,
    faults: bool,
}

const TOPIC: &str = "tenant.acme.audit";
const REMOTE: &str = "cell-a/tenant.acme.audit";

impl World {
    fn new(off: &[&Control], naming: Naming) -> World {
        let settings = SourceSettings {
            cell: "cell-a".into(),
            target_cell: "cell-b".into(),
            target_regions: vec!["us".into()],
            residency: BTreeMap::from([("eurocorp".into(), "eu".into()), ("acme".into(), "us".into())]),
            group: "mirror.cell-b".into(),
            window: 3,
            batch_bytes: 1 << 16,
            retry: Duration::millis(300),
            fetch_wait: Duration::millis(100),
            commit_every: Duration::millis(200),
        };
        let mut world = World {
            now: Instant::ZERO,
            controls: Controls::with_off(off.iter().fold(ControlSet::EMPTY, |set, c| set.with(c.slot))),
            source: MirrorSource::new(settings.clone()),
            sink: MirrorSink::new(naming, 77, 1, 4, Duration::millis(300)),
            settings,
            naming,
            a: Kafka::default(),
            b: Kafka::default(),
            life: 1,
            source_life: 0,
            network: Vec::new(),
            refused: 0,
            draw: 1,
            faults: false,
        };
        world.restart_source();
        world
    }

    fn random(&mut self, below: u64) -> u64 {
        self.draw ^= self.draw << 13;
        self.draw ^= self.draw >> 7;
        self.draw ^= self.draw << 17;
        self.draw.wrapping_mul(0x2545_F491_4F6C_DD1D) % below
    }

    fn produce(&mut self, topic: &str, value: &str) {
        let record = Record::new(value.as_bytes().into(), self.now);
        self.a.topics.entry(topic.into()).or_default().push((record, false));
    }

    /// A restarted process hears no answers to its former life's questions.
    fn restart_source(&mut self) {
        self.source_life += 1;
        self.source = MirrorSource::new(self.settings.clone());
        for topic in self.a.topics.keys().cloned().chain([TOPIC.into()]).collect::<BTreeSet<TopicName>>() {
            let tenant = topic.split('.').nth(1).map(Arc::<str>::from);
            self.source.add_topic(&topic, 1, tenant.as_ref());
        }
        self.network.retain(|w| !matches!(w, Word::SourceTold(..)));
    }

    fn restart_sink(&mut self) {
        self.life += 1;
        self.sink = MirrorSink::new(self.naming, 77, self.life, 4, Duration::millis(300));
        self.network.retain(|w| !matches!(w, Word::SinkTold(..)));
    }

    fn send_source(&mut self, effects: Vec<SourceEffect>) {
        let life = self.source_life;
        self.network.extend(effects.into_iter().map(|e| match e {
            SourceEffect::Kafka { correlation, request } => Word::SourceAsks(life, correlation, request),
            SourceEffect::Send(batch) => Word::Batch(batch),
        }));
    }

    fn send_sink(&mut self, effects: Vec<SinkEffect>) {
        for effect in effects {
            match effect {
                SinkEffect::Kafka { correlation, request } => {
                    self.network.push(Word::SinkAsks(self.life, correlation, request));
                }
                SinkEffect::Ack(ack) => self.network.push(Word::Ack(ack)),
                SinkEffect::Refused(_) => self.refused += 1,
                SinkEffect::Applied { .. } => {}
            }
        }
    }

    fn deliver(&mut self, word: Word) {
        let (mut to_source, mut to_sink) = (Vec::new(), Vec::new());
        match word {
            Word::Batch(batch) => self.sink.on_batch(self.now, &self.controls, &Key, batch, &mut to_sink),
            Word::Ack(ack) => self.source.on_ack(self.now, &ack, &mut to_source),
            Word::SourceAsks(life, c, request) => {
                let response = self.a.handle(request);
                self.network.extend((life == self.source_life).then_some(Word::SourceTold(c, response)));
            }
            Word::SinkAsks(life, c, request) => {
                let response = self.b.handle(request);
                self.network.extend((life == self.life).then_some(Word::SinkTold(c, response)));
            }
            Word::SourceTold(c, r) => self.source.on_kafka(self.now, &self.controls, &Key, c, r, &mut to_source),
            Word::SinkTold(c, r) => self.sink.on_kafka(self.now, &self.controls, c, r, &mut to_sink),
        }
        self.send_source(to_source);
        self.send_sink(to_sink);
    }

    fn step(&mut self) {
        self.now += Duration::millis(50);
        let (mut to_source, mut to_sink) = (Vec::new(), Vec::new());
        self.source.poll(self.now, &mut to_source);
        self.sink.poll(self.now, &mut to_sink);
        self.send_source(to_source);
        self.send_sink(to_sink);
        for _ in 0..6 {
            for word in std::mem::take(&mut self.network) {
                match if self.faults { self.random(10) } else { 9 } {
                    0 => {}
                    1 | 2 => self.network.push(word),
                    3 => {
                        match &word {
                            Word::Batch(batch) => self.network.push(Word::Batch(batch.clone())),
                            Word::Ack(ack) => self.network.push(Word::Ack(ack.clone())),
                            Word::SinkAsks(life, c, request) => {
                                self.network.push(Word::SinkAsks(*life, *c, request.clone()));
                            }
                            _ => {}
                        }
                        self.deliver(word);
                    }
                    _ => self.deliver(word),
                }
            }
            if self.faults && self.network.len() > 1 {
                let (x, y) = (self.random(self.network.len() as u64), self.random(self.network.len() as u64));
                self.network.swap(x as usize, y as usize);
            }
        }
    }

    fn steps(&mut self, count: usize) {
        (0..count).for_each(|_| self.step());
    }
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

/// A run with loss, duplication, reorder and restarts of both halves, then a calm one.
fn converge(seed: u64, off: &[&Control]) -> (Vec<String>, usize) {
    let mut world = World::new(off, Naming::Prefixed);
    (world.draw, world.faults) = (seed | 1, true);
    let mut produced = 0;
    for _ in 0..120 {
        if world.random(2) == 0 {
            world.produce(TOPIC, &produced.to_string());
            produced += 1;
        }
        match world.random(40) {
            0 => world.restart_source(),
            1 => world.restart_sink(),
            _ => {}
        }
        world.step();
    }
    world.faults = false;
    world.produce(TOPIC, &produced.to_string());
    world.steps(150);
    let behind = world.source.behind(&TOPIC.into(), 0).expect("mirrored");
    assert!(behind == 0 || !off.is_empty(), "{behind} records behind");
    (world.b.values(REMOTE), produced + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_remote_topic_has_every_record_once_and_in_order(seed: u64) {
        let (mirrored, produced) = converge(seed, &[]);
        prop_assert_eq!(mirrored, numbers(produced));
    }
}

/// Four batches of a former life of the source waited behind a gap, and kept out the one that would have filled it.
#[test]
fn batches_of_a_former_life_do_not_keep_out_the_one_that_is_missing() {
    let (mirrored, produced) = converge(3_288_779_261_414_645_540, &[]);
    assert_eq!(mirrored, numbers(produced));
}

/// Nothing follows the record whose commit was lost: whoever waits for its position would wait for ever.
#[test]
fn a_commit_that_nobody_answered_is_made_again() {
    let mut world = World::new(&[], Naming::Prefixed);
    world.produce(TOPIC, "the last one");
    let is_commit = |word: &Word| matches!(word, Word::SourceAsks(.., Request::OffsetCommit { .. }));
    let lost = (0..40).any(|_| {
        world.now += Duration::millis(50);
        let mut effects = Vec::new();
        world.source.poll(world.now, &mut effects);
        world.send_source(effects);
        let before = world.network.len();
        world.network.retain(|word| !is_commit(word));
        let lost = world.network.len() < before;
        std::mem::take(&mut world.network).into_iter().for_each(|word| world.deliver(word));
        lost
    });
    assert!(lost && world.a.position("mirror.cell-b", TOPIC).is_none(), "the commit was on its way and was lost");
    world.steps(10);
    assert_eq!(world.a.position("mirror.cell-b", TOPIC), Some(1));
}

/// Records lost and repeated over some seeds.
fn damage(off: &[&Control]) -> (usize, usize) {
    let runs = (1..20u64).map(|s| converge(s.wrapping_mul(0x9E37_79B9_7F4A_7C15), off));
    runs.fold((0, 0), |(lost, repeated), (mirrored, produced)| {
        let set: BTreeSet<&String> = mirrored.iter().collect();
        (lost + produced - set.len(), repeated + mirrored.len() - set.len())
    })
}

#[test]
fn without_deduplication_events_are_doubled_and_none_is_lost() {
    let (lost, repeated) = damage(&[&DEDUPE]);
    assert!(lost == 0 && repeated > 0, "lost {lost}, repeated {repeated}");
}

#[test]
fn without_the_committed_position_a_restart_skips_events_and_doubles_none() {
    let (lost, repeated) = damage(&[&RESUME_OFFSET]);
    assert!(lost > 0 && repeated == 0, "lost {lost}, repeated {repeated}");
}

#[test]
fn records_bound_to_another_region_never_leave_topic_or_header_alike() {
    let leaked = |off: &[&Control]| {
        let mut world = World::new(off, Naming::Prefixed);
        world.produce("tenant.eurocorp.orders", "eu only");
        world.produce(TOPIC, "may leave");
        let mut record = Record::new((*b"eu audit").into(), Instant::ZERO);
        record.headers.tenant = Some("eurocorp".into());
        world.a.topics.entry("platform.audit".into()).or_default().push((record, false));
        world.produce("platform.audit", "platform audit");
        world.restart_source();
        world.steps(40);
        assert_eq!(world.b.values(REMOTE), ["may leave"]);
        let audit = world.b.values("cell-a/platform.audit");
        assert_eq!(audit.last().map(String::as_str), Some("platform audit"));
        audit.len() - 1 + world.b.values("cell-a/tenant.eurocorp.orders").len()
    };
    assert_eq!(leaked(&[]), 0);
    assert_eq!(leaked(&[&RESIDENCY_FILTER]), 2);
}

#[test]
fn a_record_from_the_target_cell_is_not_sent_back() {
    let returned = |off: &[&Control]| {
        let mut world = World::new(off, Naming::Identity);
        let mut record = Record::new((*b"made in b").into(), Instant::ZERO);
        record.headers.origin_cell = Some("cell-b".into());
        world.a.topics.entry(TOPIC.into()).or_default().push((record, false));
        world.produce(TOPIC, "made in a");
        world.steps(40);
        world.b.values(TOPIC)
    };
    assert_eq!(returned(&[]), ["made in a"]);
    assert_eq!(returned(&[&LOOP_GUARD]), ["made in b", "made in a"]);
}

#[test]
fn an_altered_batch_is_refused_and_the_true_one_applied() {
    let tamper = |off: &[&Control]| {
        let mut world = World::new(off, Naming::Prefixed);
        world.produce(TOPIC, "pay 10");
        for _ in 0..60 {
            for word in &mut world.network {
                if let Word::Batch(batch) = word
                    && world.now < Instant::ZERO + Duration::millis(300)
                {
                    let mut records = batch.records.to_vec();
                    records[0].record.value = (*b"pay 99").into();
                    batch.records = records.into();
                }
            }
            world.step_tampered();
        }
        (world.b.values(REMOTE), world.refused > 0)
    };
    assert_eq!(tamper(&[]), (vec!["pay 10".into()], true));
    assert_eq!(tamper(&[&BATCH_SIGNATURE]), (vec!["pay 99".into()], false));
}

impl World {
    /// One hop a step, so that a test can reach into the network between two hops.
    fn step_tampered(&mut self) {
        self.now += Duration::millis(10);
        let mut to_source = Vec::new();
        self.source.poll(self.now, &mut to_source);
        let words = std::mem::take(&mut self.network);
        words.into_iter().for_each(|word| self.deliver(word));
        self.send_source(to_source);
    }
}

#[test]
fn every_field_of_a_batch_is_under_the_signature() {
    let record = batch::MirrorRecord { offset: 0, record: Record::new((*b"x").into(), Instant::ZERO) };
    let batch = MirrorBatch {
        source_cell: "cell-a".into(),
        topic: TOPIC.into(),
        partition: 0,
        from: 0,
        next: 1,
        start: true,
        records: [record].into(),
        digest: [0; 32],
        signature: [].into(),
    }
    .signed(&Key);
    let on = Controls::all_on();
    assert!(batch.is_authentic(&on, &Key));
    let changes: [fn(&mut MirrorBatch); 7] = [
        |b| b.source_cell = "cell-c".into(),
        |b| b.topic = "tenant.globex.audit".into(),
        |b| b.partition = 1,
        |b| b.from = 1,
        |b| b.next = 2,
        |b| b.start = false,
        |b| b.records = [].into(),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut altered = batch.clone();
        change(&mut altered);
        assert!(!altered.is_authentic(&on, &Key), "change {at}");
        altered.digest = batch.digest;
        assert!(!altered.is_authentic(&on, &Key), "change {at}, digest kept");
    }
}

#[test]
fn a_record_that_the_remote_schema_refuses_does_not_hold_up_the_others() {
    let mut world = World::new(&[], Naming::Prefixed);
    for value in ["1", "malformed", "2", "3", "4"] {
        world.produce(TOPIC, value);
    }
    world.steps(40);
    assert_eq!((world.b.values(REMOTE), world.refused), (vec!["1".into(), "2".into(), "3".into(), "4".into()], 1));
}

#[test]
fn without_quarantine_a_refused_record_stops_the_mirror_until_a_restart_and_then_again() {
    let mut world = World::new(&[&QUARANTINE], Naming::Prefixed);
    world.produce(TOPIC, "malformed");
    world.steps(20);
    world.produce(TOPIC, "1");
    world.steps(20);
    assert_eq!((world.b.values(REMOTE), world.refused), (Vec::<String>::new(), 1));
    world.restart_sink();
    world.steps(20);
    assert_eq!((world.b.values(REMOTE), world.refused), (Vec::<String>::new(), 2));
}

#[test]
fn a_forged_acknowledgement_loses_nothing() {
    let mut world = World::new(&[], Naming::Prefixed);
    (0..3).for_each(|n| world.produce(TOPIC, &n.to_string()));
    world.steps(20);
    // The line is cut, three events are read, and somebody acknowledges them in the sink's name.
    (3..6).for_each(|n| world.produce(TOPIC, &n.to_string()));
    for _ in 0..6 {
        world.network.retain(|w| !matches!(w, Word::Batch(_)));
        world.step_tampered();
    }
    world.network.retain(|w| !matches!(w, Word::Batch(_)));
    world.network.push(Word::Ack(MirrorAck { topic: TOPIC.into(), partition: 0, applied: 6, missing: false }));
    world.step_tampered();
    world.produce(TOPIC, "6");
    world.steps(60);
    assert_eq!(world.b.values(REMOTE), numbers(7));
}

#[test]
fn a_consumer_that_fails_over_finds_its_place_or_a_little_before() {
    let mut world = World::new(&[], Naming::Prefixed);
    (0..9).for_each(|n| world.produce(TOPIC, &n.to_string()));
    world.steps(40);
    let translate = |offset| world.sink.translate(&"cell-a".into(), &TOPIC.into(), 0, offset);
    // The first record in the remote topic is the sink's fence, so everything lies one further.
    assert_eq!([translate(0), translate(3), translate(4), translate(9)], [Some(1), Some(4), Some(4), Some(10)]);
}

#[test]
fn with_many_partitions_a_read_waits_longer_and_no_longer_than_ten_seconds() {
    let waits = |partitions: u32| {
        let mut source = MirrorSource::new(World::new(&[], Naming::Prefixed).settings);
        source.add_topic(&TOPIC.into(), partitions, None);
        source.fetch_wait()
    };
    let own = waits(1);
    assert_eq!(waits(256), own);
    assert_eq!(waits(512), own * 2);
    assert_eq!(waits(100_000), Duration::secs(10));
}
